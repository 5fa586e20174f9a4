"""A table of signatures as numbers: what is explained, by what, and which rows are of one patient."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from liverpair.core.errors import InputError
from liverpair.io.wide_table import read_table

Task = Literal["classification", "regression", "survival"]
NO_FEATURES = ("study", "patient", "lesion", "uid", "state")
"""Columns of `liverpair features` that are none."""
LEAST_PATIENTS = 10
MOST_MISSING = 0.5
MOST_VALUES_OF_CLASSES = 2


@dataclass(frozen=True)
class SignatureTable:
    """Rows (lesions) of numbers.

    Attributes:
        task: what is learned.
        features: names of the columns of `values`.
        values: (rows, features), NaN where a cell is empty.
        target: (rows,) numbers; for a classification 0 and 1 (`classes[1]`), for survival the time.
        event: (rows,) bool for survival, whether the event happened at that time; None otherwise.
        classes: what 0 and 1 are called; empty unless a classification.
        patients: (rows,) which patient a row is of.
        notes: sentences about what was left out.
    """

    task: Task
    features: tuple[str, ...]
    values: np.ndarray
    target: np.ndarray
    event: np.ndarray | None
    classes: tuple[str, ...]
    patients: np.ndarray
    notes: tuple[str, ...] = ()


def table_of(
    path: str | Path,
    target: str,
    event: str | None = None,
    task: str = "auto",
    patient: str | None = None,
    leave_out: Sequence[str] = (),
) -> SignatureTable:
    """The table in a CSV or Parquet file.

    Args:
        path: of the table, a row a lesion.
        target: column to explain; with `event` the time until it, or until the patient was last seen.
        event: column that is 1 where the event happened and 0 where it did not.
        task: "auto" takes survival with `event`, classification for two values or words, else regression.
        patient: column that says whose a row is; "patient" or "study" when None, else every row its own.
        leave_out: beginnings of the names of columns that are no features.

    Columns of words, and columns that are mostly empty or the same everywhere, are left out, and rows without a target.
    Raises `InputError` for a column that is missing, a target that cannot be learned, or fewer than 10 patients.
    """
    rows = read_table(path)
    columns = list(dict.fromkeys(key for row in rows for key in row))
    for name in filter(None, (target, event, patient)):
        if name not in columns:
            raise InputError(f"The table '{path}' has no column '{name}'.", f"It has {', '.join(columns[:12])} …")
    kept = [row for row in rows if row[target] is not None and (event is None or row[event] is not None)]
    notes = [f"{len(rows) - len(kept)} rows have no target and were left out."] if len(kept) < len(rows) else []
    if not kept:
        raise InputError(f"The column '{target}' is empty.")
    kind, values, classes = _target([row[target] for row in kept], target, event, task)
    happened = None if event is None else _events([row[event] for row in kept], event)
    who = patient or next((name for name in ("patient", "study") if name in columns), None)
    patients = np.array([str(row[who]) if who else str(n) for n, row in enumerate(kept)])
    if len(set(patients)) < LEAST_PATIENTS:
        raise InputError(
            f"The table is of {len(set(patients))} patients; a model takes {LEAST_PATIENTS} at the very least.",
            "" if who else "Name the column that tells patients apart (--patient).",
        )
    taken = {target, event, who, *NO_FEATURES}
    names = [n for n in columns if n not in taken and not n.startswith(tuple(leave_out) or ("\0",))]
    features, numbers, said = _features(kept, names)
    return SignatureTable(kind, features, numbers, values, happened, classes, patients, (*notes, *said))


def values_for(path: str | Path, features: Sequence[str]) -> tuple[list[dict[str, Any]], np.ndarray]:
    """The rows of another table, and its values (rows, features) of the same features. Raises `InputError` when one is
    missing."""
    rows = read_table(path)
    missing = [name for name in features if name not in rows[0]]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise InputError(
            f"The table '{path}' has no column '{missing[0]}'{more}, which the model needs.",
            "Compute the signatures with the same settings.",
        )
    return rows, np.array([[_number(row[name]) for name in features] for row in rows], float)


def _target(cells: Sequence[Any], name: str, event: str | None, task: str) -> tuple[Task, np.ndarray, tuple[str, ...]]:
    words = any(isinstance(cell, str) for cell in cells)
    found = sorted({_label(cell) for cell in cells})
    if task == "auto":
        task = (
            "survival" if event else "classification" if words or len(found) <= MOST_VALUES_OF_CLASSES else "regression"
        )
    if (task == "survival") != (event is not None):
        raise InputError(
            "Survival takes two columns: the time (--target) and whether the event happened then (--event)."
        )
    if len(found) < 2:
        raise InputError(f"The column '{name}' is '{found[0]}' in every row; there is nothing to learn.")
    if task == "classification":
        if len(found) > MOST_VALUES_OF_CLASSES:
            raise InputError(
                f"The column '{name}' has {len(found)} classes ({', '.join(found[:5])} …); a model tells two apart.",
                "Join some, or ask for a regression where they are numbers.",
            )
        return "classification", np.array([found.index(_label(cell)) for cell in cells], float), tuple(found)
    if words:
        raise InputError(f"The column '{name}' holds words; a {task} takes numbers.")
    numbers = np.array(cells, float)
    if task == "survival" and (numbers <= 0).any():
        raise InputError(f"The column '{name}' holds times that are not above 0.")
    return task, numbers, ()


def _events(cells: Sequence[Any], name: str) -> np.ndarray:
    if not set(cells) <= {0.0, 1.0}:
        raise InputError(f"The column '{name}' must hold 1 where the event happened and 0 where it did not.")
    if not any(cells):
        raise InputError(f"No event happened in the column '{name}'; there is nothing to learn.")
    return np.array(cells, bool)


def _features(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> tuple[tuple[str, ...], np.ndarray, list[str]]:
    numeric = [name for name in names if not any(isinstance(row.get(name), str) for row in rows)]
    values = np.array([[_number(row.get(name)) for name in numeric] for row in rows], float).reshape(len(rows), -1)
    empty = np.isnan(values).mean(axis=0) > MOST_MISSING
    flat = np.array([len(set(column[~np.isnan(column)].tolist())) < 2 for column in values.T], bool).reshape(-1)
    kept = ~empty & ~flat
    notes = []
    for number, words in (
        (len(names) - len(numeric), "hold words"),
        (int(empty.sum()), "are empty in more than half of the rows"),
        (int((flat & ~empty).sum()), "are the same in every row"),
    ):
        if number:
            notes.append(f"{number} columns {words} and were left out.")
    if not kept.any():
        raise InputError(
            "The table has no column of numbers beside the target.", "'liverpair features' makes such tables."
        )
    return tuple(name for name, keep in zip(numeric, kept) if keep), values[:, kept], notes


def _number(cell: Any) -> float:
    return np.nan if cell is None or isinstance(cell, str) else float(cell)


def _label(cell: Any) -> str:
    return f"{cell:g}" if isinstance(cell, float) else str(cell)
