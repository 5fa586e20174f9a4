"""A fitted model as a folder that explains itself: its settings, what it learned from, and its report.

`model.json` holds the settings, `training.csv` the columns that the model learned from, without names of patients. It
is fitted again from them when it predicts, which takes a second: no code is loaded from the file, as a pickle would do,
and anybody can see what it knows. Whoever passes a model on passes its table on.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from liverpair.core.atomic import written_whole
from liverpair.core.errors import InputError, MissingPackageError, Progress, no_progress, part_of
from liverpair.core.records import read_json
from liverpair.evaluation.result_files import software_versions
from liverpair.io.wide_table import HOW_TO_INSTALL, read_table, write_table
from liverpair.statistics.signature_table import SignatureTable, Task, values_for

MODEL_FILE, TRAINING_FILE, PREDICTIONS_FILE, REPORT_FILE = (
    "model.json",
    "training.csv",
    "predictions.csv",
    "report.html",
)
FILES = (MODEL_FILE, TRAINING_FILE, PREDICTIONS_FILE, REPORT_FILE)
SCHEMA_VERSION = 1
PREDICTION: dict[str, str] = {
    "classification": "probability",
    "regression": "prediction",
    "survival": "log relative hazard",
}
LEAST_PERMUTATIONS = 20
"""Fewer cannot give a p below 0.05."""
_TARGET, _EVENT = "target", "event"


@dataclass(frozen=True)
class _ModelFile:
    schema_version: int
    task: str
    kind: str
    settings: dict
    features: list[str]
    correlation: float
    seed: int


def check_packages() -> None:
    """Raise `MissingPackageError` without scikit-learn."""
    try:
        import sklearn  # noqa: F401
    except ImportError as error:
        raise MissingPackageError("Models need the package 'scikit-learn'.", HOW_TO_INSTALL) from error


def fit(
    table: SignatureTable,
    folder: Path,
    about: Mapping[str, Any],
    folds: int = 5,
    permutations: int = 100,
    correlation: float = 0.9,
    seed: int = 0,
    progress: Progress = no_progress,
) -> dict[str, Any]:
    """Judge every kind of model that the task has, fit the better one on all patients, and write `folder`.

    `about` says where the table comes from: "table", "target", "event". Returns what `model.json` says. Raises what
    `validation.validate` raises.
    """
    check_packages()
    from liverpair.statistics.estimators import KINDS, importances
    from liverpair.statistics.fit_report import page_of
    from liverpair.statistics.validation import CHANCE, SCORES, check_folds, validate

    check_folds(table, folds)
    kinds = KINDS[table.task]
    judged = [
        validate(
            table, kind, folds, permutations, correlation, seed, part_of(progress, n / len(kinds), (n + 1) / len(kinds))
        )
        for n, kind in enumerate(kinds)
    ]
    best = max(judged, key=lambda one: one.score)
    content = {
        "schema_version": SCHEMA_VERSION,
        **about,
        "task": table.task,
        "classes": list(table.classes),
        "kind": best.kind,
        "settings": dict(best.settings),
        "features": list(table.features),
        "correlation": correlation,
        "seed": seed,
        "rows": len(table.target),
        "patients": len(set(table.patients.tolist())),
        "folds": folds,
        "permutations": permutations,
        "score": SCORES[table.task],
        "chance": CHANCE[table.task],
        "models": [
            {
                "kind": one.kind,
                "score": _plain(one.score),
                "interval": [_plain(one.low), _plain(one.high)],
                "folds": [_plain(value) for value in one.folds],
                "p": one.p,
                "brier": one.brier,
                "settings": dict(one.settings),
            }
            for one in judged
        ],
        "software": {**software_versions(), **_versions()},
    }
    content["warnings"] = warnings_of(content, table)
    training = {name: [_plain(v) for v in column] for name, column in zip(table.features, table.values.T)}
    training[_TARGET] = [float(value) for value in table.target]
    if table.event is not None:
        training[_EVENT] = [float(value) for value in table.event]
    weights = importances(_refitted(content, training), table.features)
    content["importances"] = weights
    write_table(folder / TRAINING_FILE, [dict(zip(training, cells)) for cells in zip(*training.values())])
    write_table(folder / PREDICTIONS_FILE, _predictions(table, judged))
    with written_whole(folder / REPORT_FILE) as draft:
        draft.write_text(page_of(content, table, judged), encoding="utf-8")
    with written_whole(folder / MODEL_FILE) as draft:
        draft.write_text(json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
    return content


def predict(folder: Path, table: Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """What the model in `folder` says of every row of a table: its columns of identity and the prediction; and what
    `model.json` says. Raises `InputError` for a folder that holds no model, or a table without its features."""
    check_packages()
    content = read_json(folder / MODEL_FILE, _ModelFile)
    if content is None or not (folder / TRAINING_FILE).is_file():
        raise InputError(f"'{folder}' holds no model.", "'liverpair model fit' makes one.")
    from liverpair.statistics.estimators import predicted

    rows, values = values_for(table, content["features"])
    training = read_table(folder / TRAINING_FILE)
    fitted = _refitted(content, {name: [row[name] for row in training] for name in training[0]})
    found = predicted(content["task"], fitted, values)
    name = PREDICTION[content["task"]]
    if content["classes"]:
        name = f"{name} of {content['classes'][1]}"
    known = [key for key in ("study", "patient", "lesion", "uid") if key in rows[0]]
    return [{**{key: row[key] for key in known}, name: float(value)} for row, value in zip(rows, found)], content


def warnings_of(content: Mapping[str, Any], table: SignatureTable) -> list[str]:
    """The warnings that small tables deserve, and what else a reader must know."""
    patients, features = content["patients"], len(content["features"])
    said = [
        f"{content['rows']} rows of {patients} patients and {features} features. With so few patients a model finds "
        "patterns in chance; what follows is a hypothesis to be tested on other patients, not a result to treat by."
        if patients < 100
        else f"{content['rows']} rows of {patients} patients and {features} features, of one table: test the model on "
        "patients of another hospital before anything is concluded from it."
    ]
    if features > content["rows"]:
        said.append(f"There are more features ({features}) than rows ({content['rows']}).")
    if table.task == "classification":
        fewer = int(min((table.target == value).sum() for value in (0, 1)))
        said += [f"The rarer class has {fewer} rows only."] if fewer < 30 else []
    if table.event is not None and table.event.sum() < 30:
        said.append(f"Only {int(table.event.sum())} events happened.")
    best = max(content["models"], key=lambda one: one["score"] or -np.inf)
    if content["permutations"] < LEAST_PERMUTATIONS:
        said.append(f"With {content['permutations']} permutations nothing can be said about chance.")
    elif best["p"] > 0.05:
        said.append(f"The better model does no better than chance would (p = {best['p']:.2g}).")
    if len(content["models"]) > 1:
        said.append("Two kinds of models were tried and the better one kept: its score is a little too good for that.")
    return said


def _refitted(content: Mapping[str, Any], training: Mapping[str, list[Any]]):
    from liverpair.statistics.estimators import pipeline

    task: Task = content["task"]
    model, _ = pipeline(task, content["kind"], content["correlation"], content["seed"])
    model.set_params(**{f"model__{name}": value for name, value in content["settings"].items()})
    values = np.array([[np.nan if v is None else v for v in training[name]] for name in content["features"]], float).T
    target = np.array(training[_TARGET], float)
    if task == "survival":
        target = np.column_stack([target, np.array(training[_EVENT], float)])
    return model.fit(values, target)


def _predictions(table: SignatureTable, judged: list[Any]) -> list[dict[str, Any]]:
    """Each row as a model that had not seen its patient predicts it."""
    columns: dict[str, list[Any]] = {"patient": table.patients.tolist(), _TARGET: table.target.tolist()}
    if table.event is not None:
        columns[_EVENT] = table.event.astype(float).tolist()
    columns |= {one.kind: one.predictions.tolist() for one in judged}
    return [dict(zip(columns, cells)) for cells in zip(*columns.values())]


def _plain(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _versions() -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for package in ("scikit-learn", "lifelines"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
