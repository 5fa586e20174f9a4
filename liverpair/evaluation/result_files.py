"""The written form of a measurement: a printed table, `<name>.md` for readers and `<name>.json` for programs."""

import json
import math
import platform
import re
from collections.abc import Mapping, Sequence
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import liverpair
from liverpair.core.atomic import written_whole
from liverpair.core.errors import InputError
from liverpair.core.paths import portable_command

RESULTS_FOLDER = Path(liverpair.__file__).resolve().parents[1] / "docs" / "results"
_PACKAGES = ("numpy", "scipy", "SimpleITK", "torch", "monai", "lightning", "pytorch-lightning", "openvino")
_RESERVED = ("name", "command", "data", "date", "software", "values", "notes", "table")


def write_results(
    name: str,
    table: Sequence[Mapping[str, Any]],
    command: str,
    *,
    data: str,
    title: str = "",
    values: Mapping[str, Any] | None = None,
    by_key: Mapping[str, Any] | None = None,
    notes: Sequence[str] = (),
    folder: str | Path | None = None,
) -> str:
    """Print a table of results and write it to `<folder>/<name>.md` and `<folder>/<name>.json`, each whole or not at
    all.

    Args:
        name: File name without suffix: letters, digits, `-`, `_`, `.`.
        table: One mapping per row; the columns are the keys in order of first appearance. NaN and None show as "–".
        command: The command that reproduces the table.
        data: Name of the data measured on.
        title: Heading of the page; the name by default.
        values: Single figures that become top-level keys of the JSON file.
        by_key: What programs read of the table, under the key "values" of the JSON file.
        notes: Sentences below the table.
        folder: `docs/results` of the checkout by default.

    Returns:
        The text of the table, as printed.

    Raises:
        InputError: for a name that is no file name, an empty table, a value under a reserved key, or a folder that
            cannot be written to.
    """
    values = dict(values or {})
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]*", name):
        raise InputError(f"'{name}' is not a valid name for a result.", "Use letters, digits, '-', '_' and '.'.")
    if not table:
        raise InputError(f"Result '{name}' has no rows.")
    clash = [key for key in values if key in _RESERVED]
    if clash:
        raise InputError(f"Result '{name}': the key '{clash[0]}' is reserved.")
    text = table_text(table)
    ran = portable_command(command)
    about = {"command": ran, "data": data, "date": date.today().isoformat(), "software": software_versions()}
    more = {"values": by_key} if by_key else {}
    content = {"name": name, **about, **values, **more, "notes": list(notes), "table": [dict(row) for row in table]}
    place = Path(folder) if folder is not None else RESULTS_FOLDER
    _write(place / f"{name}.json", json.dumps(_plain(content), indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    _write(place / f"{name}.md", _page(title or name, text, about, values, notes))
    print(text)
    return text


def table_text(table: Sequence[Mapping[str, Any]]) -> str:
    """Rows as a Markdown table with aligned columns; numbers to the right."""
    columns = list(dict.fromkeys(key for row in table for key in row))
    numeric = [all(_is_number(row.get(c)) or row.get(c) is None for row in table) for c in columns]
    cells = [[_cell(c) for c in columns], *([_cell(row.get(c)) for c in columns] for row in table)]
    widths = [max(3, *(len(line[n]) for line in cells)) for n in range(len(columns))]
    lines = [
        "| " + " | ".join(v.rjust(w) if right else v.ljust(w) for v, w, right in zip(line, widths, numeric)) + " |"
        for line in cells
    ]
    rule = "|" + "|".join("-" * (w + 1) + (":" if right else "-") for w, right in zip(widths, numeric)) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


def software_versions() -> dict[str, str]:
    """Versions of LiverPair, Python and the installed packages that results depend on, and the processor type."""
    versions = {"liverpair": liverpair.__version__, "python": platform.python_version(), "machine": platform.machine()}
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions


def _page(title: str, text: str, about: Mapping[str, Any], values: Mapping[str, Any], notes: Sequence[str]) -> str:
    software = ", ".join(f"{package} {number}" for package, number in about["software"].items())
    parts = [f"# {title}", text]
    if values:
        parts.append("\n".join(f"- {key}: {_cell(value)}" for key, value in values.items()))
    parts += notes
    parts.append(f"Data: {about['data']}. Date: {about['date']}. Software: {software}.")
    parts.append(f"Made by:\n\n```\n{about['command']}\n```")
    return "\n\n".join(parts) + "\n"


def _write(path: Path, text: str) -> None:
    with written_whole(path) as beside:
        beside.write_text(text, encoding="utf-8")


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _cell(value: Any) -> str:
    if value is None or (_is_number(value) and math.isnan(value)):
        return "–"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_cell, value))
    if _is_number(value) and not isinstance(value, Integral):
        size = abs(value)
        return (
            f"{value:.1f}"
            if 100 <= size < 1e6
            else f"{value:.3f}"
            if 0.001 <= size < 100 or size == 0
            else f"{value:.3g}"
        )
    return re.sub(r"\s+", " ", str(value)).replace("|", "\\|")


def _plain(value: Any) -> Any:
    """`value` in JSON's own types; NaN and infinity become null."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return float(value) if math.isfinite(value) else None
    return _plain(value.tolist()) if hasattr(value, "tolist") else str(value)
