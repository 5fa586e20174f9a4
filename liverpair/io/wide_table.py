"""Wide tables of features, a row a lesion, as CSV or Parquet."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from liverpair.core.atomic import written_whole
from liverpair.core.errors import InputError, MissingPackageError

CSV, PARQUET = SUFFIXES = (".csv", ".parquet")
HOW_TO_INSTALL = "pip install 'liverpair[statistics]'"

Rows = Sequence[Mapping[str, Any]]


def table_suffix(path: str | Path) -> str:
    """ ".csv" or ".parquet". Raises `InputError` for the name of another file."""
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise InputError(f"'{path}' is not a name for a table.", "End it with .csv or .parquet.")
    if suffix == PARQUET:
        _pyarrow()
    return suffix


def write_table(path: str | Path, rows: Rows) -> None:
    """Write rows, whole or not at all; columns in order of first appearance, None as an empty cell.

    Raises `InputError` for another name or a place that cannot be written to, `MissingPackageError` without pyarrow
    for Parquet.
    """
    suffix = table_suffix(path)
    columns = list(dict.fromkeys(key for row in rows for key in row))
    with written_whole(path) as draft:
        if suffix == PARQUET:
            arrow = _pyarrow()
            import pyarrow.parquet

            table = arrow.table({column: [row.get(column) for row in rows] for column in columns})
            pyarrow.parquet.write_table(table, draft)
            return
        with draft.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(rows)


def read_table(path: str | Path) -> list[dict[str, Any]]:
    """The rows of a table: numbers where every filled cell of a column is one, None for empty cells.

    Raises `InputError` for a file that is missing, damaged, or has no row or a column twice.
    """
    path = Path(path)
    suffix = table_suffix(path)
    if not path.is_file():
        raise InputError(f"The table '{path}' does not exist.")
    if suffix == PARQUET:
        _pyarrow()
        import pyarrow.parquet

        try:
            rows = pyarrow.parquet.read_table(path).to_pylist()
        except (OSError, ValueError) as error:
            raise InputError(f"The table '{path}' cannot be read: {' '.join(str(error).split())[:200]}.") from error
    else:
        rows = _csv_rows(path)
    if not rows:
        raise InputError(f"The table '{path}' has no row.")
    return rows


def _csv_rows(path: Path) -> list[dict[str, Any]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = [line for line in csv.reader(file) if line]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"The table '{path}' cannot be read: it is not CSV in UTF-8.") from error
    if not lines:
        return []
    head, *body = lines
    if len(set(head)) != len(head):
        raise InputError(f"The table '{path}' has a column twice.")
    for number, line in enumerate(body, start=2):
        if len(line) != len(head):
            raise InputError(f"The table '{path}' has {len(line)} cells in row {number}, and {len(head)} columns.")
    columns = [_column([line[index].strip() for line in body]) for index in range(len(head))]
    return [dict(zip(head, cells)) for cells in zip(*columns)]


def _column(cells: list[str]) -> list[Any]:
    try:
        return [None if cell == "" else float(cell) for cell in cells]
    except ValueError:
        return [cell or None for cell in cells]


def _pyarrow():
    try:
        import pyarrow
    except ImportError as error:
        raise MissingPackageError(
            "Parquet needs the package 'pyarrow'.", f"{HOW_TO_INSTALL}, or name a .csv."
        ) from error
    return pyarrow
