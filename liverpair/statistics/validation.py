"""How well models do on patients they have not seen: nested cross-validation by patient, and what chance would give.
Needs scikit-learn."""

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.metrics import brier_score_loss, r2_score, roc_auc_score
from sklearn.model_selection import GroupKFold, ParameterGrid, StratifiedGroupKFold
from sklearn.pipeline import Pipeline

from liverpair.core.errors import InputError, Progress, no_progress, part_of
from liverpair.statistics.estimators import pipeline, predicted
from liverpair.statistics.signature_table import SignatureTable, Task

SCORES: dict[Task, str] = {"classification": "AUC", "regression": "R²", "survival": "C-index"}
CHANCE: dict[Task, float] = {"classification": 0.5, "regression": 0.0, "survival": 0.5}
RESAMPLES = 1000


@dataclass(frozen=True)
class Validated:
    """A model, judged.

    Attributes:
        kind: of `estimators.KINDS`.
        predictions: (rows,) by a model that had not seen the patient.
        score, low, high: of `SCORES`, over all of them, and its 95 % interval over patients drawn anew.
        folds: score of each outer fold; NaN where a fold has but one class.
        permuted: scores with the target shuffled among patients, settings kept.
        p: part of these that reach the score (the score itself counts as one).
        settings: chosen on all patients.
        calibration: (n, 2) of predicted and observed means in groups of rising prediction; empty for survival.
        brier: of a classification; None otherwise.
    """

    kind: str
    predictions: np.ndarray
    score: float
    low: float
    high: float
    folds: tuple[float, ...]
    permuted: np.ndarray
    p: float
    settings: Mapping[str, Any]
    calibration: np.ndarray
    brier: float | None


def validate(
    table: SignatureTable,
    kind: str,
    folds: int = 5,
    permutations: int = 100,
    correlation: float = 0.9,
    seed: int = 0,
    progress: Progress = no_progress,
) -> Validated:
    """Judge one kind of model: settings are chosen by an inner cross-validation, the score is of the outer one; in
    neither is a patient on both sides.

    Raises `InputError` for more folds than patients of the rarer class.
    """
    check_folds(table, folds)
    model, grid = pipeline(table.task, kind, correlation, seed)
    predictions = np.full(len(table.target), np.nan)
    scores = []
    for number, (train, test) in enumerate(splits(table, np.arange(len(table.target)), folds, seed)):
        part_of(progress, 0.0, 0.4)(number / folds, f"{kind}: fold {number + 1} of {folds}")
        best = _chosen(table, model, grid, train, folds - 1, seed)
        predictions[test] = _fitted_predictions(
            table, clone(model).set_params(**best), table_target(table), train, test
        )
        scores.append(score(table, predictions, test))
    everything = np.arange(len(table.target))
    settings = _chosen(table, model, grid, everything, folds, seed)
    found = score(table, predictions, everything)
    permuted = _permuted(
        table, model.set_params(**settings), folds, permutations, seed, part_of(progress, 0.4, 1.0), kind
    )
    low, high = _interval(table, predictions, seed)
    reached = int((permuted >= found).sum()) if len(permuted) else 0
    return Validated(
        kind,
        predictions,
        found,
        low,
        high,
        tuple(scores),
        permuted,
        (1 + reached) / (1 + len(permuted)),
        {name.removeprefix("model__"): value for name, value in settings.items()},
        _calibration(table, predictions),
        float(brier_score_loss(table.target, predictions)) if table.task == "classification" else None,
    )


def check_folds(table: SignatureTable, folds: int) -> None:
    """Raise `InputError` when there are too few patients for so many folds."""
    groups = (
        [table.target == value for value in (0, 1)]
        if table.task == "classification"
        else [table.target == table.target]
    )
    if table.event is not None:
        groups = [table.event]
    fewest = min(len(set(table.patients[rows].tolist())) for rows in groups)
    if folds < 3 or fewest < folds:
        raise InputError(
            f"{folds} folds are not possible with {fewest} patients of the rarer kind.",
            "Use 3 to 10 folds, and no more than there are such patients.",
        )


def table_target(table: SignatureTable) -> np.ndarray:
    """The target as models take it: (rows,), or (rows, 2) of time and event."""
    return table.target if table.event is None else np.column_stack([table.target, table.event.astype(float)])


def splits(
    table: SignatureTable, rows: np.ndarray, folds: int, seed: int, target: np.ndarray | None = None
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows to learn from and rows to judge, patients kept together, classes (or events) spread evenly."""
    classes = table.target if target is None else target
    stratified = table.task == "classification" or table.event is not None
    if stratified and target is None and table.event is not None:
        classes = table.event
    if stratified:
        splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    else:
        splitter = GroupKFold(folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for train, test in splitter.split(
            rows, classes[rows] if classes.ndim == 1 else classes[rows, 1], table.patients[rows]
        ):
            yield rows[train], rows[test]


def score(table: SignatureTable, predictions: np.ndarray, rows: np.ndarray, target: np.ndarray | None = None) -> float:
    """Of `SCORES`, over some rows; NaN where it is not defined."""
    truth = table_target(table) if target is None else target
    if table.task == "classification":
        return float(roc_auc_score(truth[rows], predictions[rows])) if len(set(truth[rows])) > 1 else float("nan")
    if table.task == "regression":
        return float(r2_score(truth[rows], predictions[rows])) if len(rows) > 1 else float("nan")
    from lifelines.utils import concordance_index

    try:
        return float(concordance_index(truth[rows, 0], -predictions[rows], truth[rows, 1]))
    except ZeroDivisionError:
        return float("nan")


def _fitted_predictions(
    table: SignatureTable, model: Pipeline, target: np.ndarray, train: np.ndarray, test: np.ndarray
) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a net that needs more iterations is judged by its score
        return predicted(table.task, model.fit(table.values[train], target[train]), table.values[test])


def _chosen(
    table: SignatureTable, model: Pipeline, grid: dict[str, list[Any]], rows: np.ndarray, folds: int, seed: int
) -> dict[str, Any]:
    """The settings with the best mean score in a cross-validation within `rows`; the simplest of equals."""
    target, best, best_score = table_target(table), None, -np.inf
    inner = list(splits(table, rows, max(2, folds), seed + 1))
    for settings in ParameterGrid(grid):
        found = []
        for train, test in inner:
            predictions = np.full(len(table.target), np.nan)
            predictions[test] = _fitted_predictions(table, clone(model).set_params(**settings), target, train, test)
            found.append(score(table, predictions, test))
        mean = float(np.nanmean(found)) if np.isfinite(found).any() else -np.inf
        if best is None or mean > best_score + 1e-9:
            best, best_score = settings, mean
    return dict(best)


def _permuted(
    table: SignatureTable, model: Pipeline, folds: int, count: int, seed: int, progress: Progress, kind: str
) -> np.ndarray:
    rng = np.random.default_rng(seed)
    rows, target = np.arange(len(table.target)), table_target(table)
    found = []
    for number in range(count):
        progress(number / max(1, count), f"{kind}: permutation {number + 1} of {count}")
        shuffled = shuffled_by_patient(target, table.patients, rng)
        predictions = np.full(len(rows), np.nan)
        for train, test in splits(table, rows, folds, seed, shuffled):
            if table.task == "classification" and len(set(shuffled[train])) < 2:
                continue
            predictions[test] = _fitted_predictions(table, clone(model), shuffled, train, test)
        known = np.flatnonzero(np.isfinite(predictions))
        found.append(score(table, predictions, known, shuffled))
    return np.array([value for value in found if np.isfinite(value)])


def shuffled_by_patient(target: np.ndarray, patients: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The target dealt out anew: among patients where all rows of each say the same, else among rows."""
    names, first, inverse = np.unique(patients, return_index=True, return_inverse=True)
    if (target == target[first][inverse]).all():
        return target[first][rng.permutation(len(names))][inverse]
    return target[rng.permutation(len(target))]


def _interval(table: SignatureTable, predictions: np.ndarray, seed: int) -> tuple[float, float]:
    """95 % of the scores of as many patients, drawn with replacement."""
    rng = np.random.default_rng(seed)
    members = [np.flatnonzero(table.patients == name) for name in np.unique(table.patients)]
    count = RESAMPLES if table.task != "survival" else RESAMPLES // 5
    found = []
    for _ in range(count):
        rows = np.concatenate([members[n] for n in rng.integers(0, len(members), len(members))])
        found.append(score(table, predictions, rows))
    known = np.array(found)[np.isfinite(found)]
    return (float(np.quantile(known, 0.025)), float(np.quantile(known, 0.975))) if len(known) else (np.nan, np.nan)


def _calibration(table: SignatureTable, predictions: np.ndarray, groups: int = 5) -> np.ndarray:
    if table.task == "survival":
        return np.empty((0, 2))
    order = np.array_split(np.argsort(predictions, kind="stable"), min(groups, len(predictions) // 5 or 1))
    return np.array([[predictions[rows].mean(), table.target[rows].mean()] for rows in order if len(rows)])
