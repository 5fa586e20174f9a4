"""The model card: a bundle's manifest as a page that a person reads."""

from collections.abc import Mapping, Sequence
from numbers import Number
from typing import Any

from liverpair.bundle.foreign import FOREIGN, TOOLS
from liverpair.bundle.manifest import BOX, GAMBLER
from liverpair.bundle.strategies import STRATEGIES

INTENDED_USE = (
    "For research and teaching. This model is not a medical device: it has not been validated for clinical use, and no "
    "diagnosis, measurement or treatment may rest on its output alone. Look at every result before use."
)
CURVE_ROWS = 8
ITEMS = ("Item", "Value")


def model_card(manifest: Mapping[str, Any]) -> str:
    """The card of a valid manifest, in Markdown without HTML. What was not recorded is left out or said to be."""
    parts = [
        [f"# {manifest['name']} {manifest['version']}", manifest.get("description", "")],
        ["## What it does", _facts(manifest)],
        ["## Intended use", manifest.get("intended_use", INTENDED_USE)],
        ["## Training", _training(manifest.get("training", {}))],
        ["## How good it is", _metrics(manifest.get("metrics", {}))],
        ["## Limits", _limits(manifest.get("limits", []))],
        ["## Checksum", f"SHA-256 of the weights: `{manifest['sha256']}`"],
    ]
    return "\n\n".join(str(text).strip() for part in parts for text in part if text).replace("<", "&lt;") + "\n"


def _facts(manifest: Mapping[str, Any]) -> str:
    grid, normalization = manifest.get("grid", {}), manifest.get("normalization", {})
    network = manifest["network"]
    labels = ", ".join(
        f"{label['name']} ({label['snomed']['scheme']} {label['snomed']['code']}, {label['snomed']['meaning']})"
        for label in manifest["labels"]
    )
    facts = {
        "Task": f"{manifest['task']}, strategy {manifest['strategy']}",
        "Input": ", then ".join(manifest["inputs"]),
        "Output": labels,
        "Network": f"{network['name']}: {_pairs(network['arguments'])}",
        "Working grid": _crop(manifest[BOX]) if manifest.get(BOX) else _grid(grid) if grid else "",
        "Intensities": _pairs(normalization),
        "After the network": _pairs(manifest.get("postprocessing", {})),
        "Expected Dice": _calibration(manifest.get("expected_dice")),
        "Uncertainty": _uncertainty(manifest),
        "Normal ranges": _ranges(manifest.get("normal_ranges")),
    }
    if FOREIGN in manifest:
        theirs = manifest[FOREIGN]
        facts["Network"] = f"that of {TOOLS[theirs['kind']]}, which prepares the images too"
        facts["Files"] = f"in '{theirs['folder']}'" if theirs.get("folder") else "copied"
        facts["Intensities"] = ""
    return _table(ITEMS, [(key, value) for key, value in facts.items() if value])


def _uncertainty(manifest: Mapping[str, Any]) -> str:
    if GAMBLER in manifest:
        return "what its gambler would bet on the mask being wrong"
    views = manifest["strategy"] in STRATEGIES and STRATEGIES[manifest["strategy"]].tells_uncertainty
    return "the probability that the mask is wrong, by how sure each view is" if views else ""


def _calibration(fitted: Mapping[str, Any] | None) -> str:
    if not fitted:
        return ""
    line = f"{fitted['slope']:.3f} × soft Dice {fitted['intercept']:+.3f}"
    return f"{line}; mean error {fitted['error']:.3f} on {fitted['images']} images: {fitted['data']}"


def _ranges(ranges: Mapping[str, Any] | None) -> str:
    return f"{len(ranges['features'])} features, {ranges['count']} objects: {ranges['data']}" if ranges else ""


def _grid(grid: Mapping[str, Any]) -> str:
    low, high = (grid.get(f"keep_slices_{end}_mm", 0.0) for end in ("from", "to"))
    kept = f"; slices {_text(low)} to {_text(high)} mm apart stay where they are" if high > low else ""
    return f"{_spacing(grid['spacing_mm'])}{kept}"


def _crop(sight: Mapping[str, Any]) -> str:
    voxels = " × ".join(map(_text, reversed(sight["shape"])))
    return f"{voxels} voxels (x, y, z) over {_text(sight['reach'])} times the sides of the box"


def _spacing(spacing_mm: Sequence[float]) -> str:
    axes = ", ".join("xyz"[: len(spacing_mm)])
    return f"{' × '.join(_text(s) for s in spacing_mm)} mm ({axes})"


def _training(training: Mapping[str, Any]) -> str:
    if not training:
        return "Not recorded."
    rows = [
        ("Data", training.get("data")),
        ("License", training.get("license")),
        ("Citation", training.get("citation")),
        ("Command", f"`{training['command']}`" if training.get("command") else None),
        ("Seed", training.get("seed")),
        ("Wall time", _duration(training["wall_time_s"]) if isinstance(training.get("wall_time_s"), Number) else None),
    ]
    known = {"data", "license", "citation", "command", "seed", "wall_time_s", "curve"}
    rows += [(_title(key), value) for key, value in training.items() if key not in known]
    table = _table(ITEMS, [(key, _text(value)) for key, value in rows if value not in (None, "", [], {})])
    return "\n\n".join(text for text in (table, _curve(training.get("curve"))) if text)


def _curve(curve: Any) -> str:
    """At most `CURVE_ROWS` points of the learning curve, evenly chosen, the first and the last among them."""
    if not isinstance(curve, Sequence) or not curve or not all(isinstance(point, Mapping) for point in curve):
        return ""
    count = min(CURVE_ROWS, len(curve))
    chosen = [curve[round(i * (len(curve) - 1) / max(1, count - 1))] for i in range(count)]
    return f"Learning curve ({count} of {len(curve)} points):\n\n{_records(chosen)}"


def _metrics(metrics: Mapping[str, Any]) -> str:
    if not metrics:
        return "Not measured yet. `python -m liverpair evaluate` scores a bundle on a folder of studies."
    return "\n\n".join(_one_test(name, result) for name, result in metrics.items())


def _one_test(name: str, result: Mapping[str, Any]) -> str:
    parts = [f"### {_title(name)}", str(result.get("description", ""))]
    if result.get("command"):
        parts.append(f"`{result['command']}`")
    if result.get("cases"):
        parts.append(_records(result["cases"]))
    summary = {key: value for key, value in result.get("summary", {}).items() if isinstance(value, Mapping)}
    if summary:
        parts.append(_records([{"measure": key, **value} for key, value in summary.items()]))
    parts += [f"![{picture}]({picture})" for picture in result.get("pictures", [])]
    rest = {k: v for k, v in result.items() if k not in ("description", "command", "cases", "summary", "pictures")}
    rest |= {k: v for k, v in result.get("summary", {}).items() if k not in summary}
    if rest:
        parts.append(_table(ITEMS, [(_title(key), _text(value)) for key, value in rest.items()]))
    return "\n\n".join(part for part in parts if part)


def _limits(limits: Any) -> str:
    if isinstance(limits, str):
        return limits
    return "\n".join(f"- {limit}" for limit in limits) or "Not recorded."


def _records(records: Sequence[Mapping[str, Any]]) -> str:
    """A table with one row per record and one column per key that any record has."""
    columns = list(dict.fromkeys(key for record in records for key in record))
    rows = [[_text(record.get(column)) for column in columns] for record in records]
    return _table([_title(column) for column in columns], rows)


def _table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    def line(cells: Sequence[Any]) -> str:
        return "| " + " | ".join(str(cell).replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"

    return "\n".join([line(header), "|" + " --- |" * len(header), *(line(row) for row in rows)])


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        return _pairs(value)
    if isinstance(value, (list, tuple)):
        return ", ".join(_text(v) if not isinstance(v, (list, tuple)) else f"({_text(v)})" for v in value)
    return str(value)


def _pairs(values: Mapping[str, Any]) -> str:
    return "; ".join(f"{key.replace('_', ' ')} {_text(value)}" for key, value in values.items())


def _title(key: str) -> str:
    words = str(key).replace("_", " ")
    return words[:1].upper() + words[1:]


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 1:
        return f"{seconds:.0f} s"
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
