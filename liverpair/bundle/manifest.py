"""What `bundle.json` must say, and the sentence for each way in which it may not.

The core is the same for every task. What a task needs beyond it (the anchors of a detector, the thresholds of a
pairing) stands in a section named after the task; `TASK_SECTIONS` names what each task requires. Keys unknown here are
kept as they are.
"""

import json
import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypedDict

from liverpair.bundle.strategies import EITHER, STRATEGIES, titles
from liverpair.core.errors import BundleError
from liverpair.core.sides import Side

SCHEMA_VERSION = 1
MANIFEST_FILE = "bundle.json"
WEIGHTS_FILE = "weights.safetensors"
MAXIMUM_MANIFEST_BYTES = 8 * 2**20

SEGMENTATION = "segmentation"
SLICE_SEGMENTATION = "slice-segmentation"
GAMBLER = "gambler"
"""The section of a segmenter that brings a gambler: the `arguments` of its U-Net beside its channels."""
TASK_SECTIONS: dict[str, tuple[str, ...]] = {
    SEGMENTATION: ("grid", "normalization", "postprocessing"),
    SLICE_SEGMENTATION: ("grid", "normalization"),
    "detection": ("grid", "normalization", "detection"),
}
"""Sections that a bundle of each task must have beyond the core."""

NETWORKS = ("generalized-unet", "retina", "unet")
"""The names in `liverpair.networks.NETWORKS`, which cannot be asked without torch."""

MAXIMUM_ARGUMENT = 4096
MAXIMUM_ARGUMENTS = 1000
"""No network has a larger number, or more of them, among its arguments."""

MAXIMUM_MULTIPLE = 256
MAXIMUM_MM = 1000
CROPS = {
    SEGMENTATION: ("body", None),
    SLICE_SEGMENTATION: ("body", None),
    "detection": ("body", "liver", None),
}

NAMES = "Names are made of at most 64 lower-case letters, digits, '.', '_' and '-'."
NAME_PATTERN = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?")
CHECKSUM_PATTERN = re.compile(r"[0-9a-f]{64}")


class Network(TypedDict):
    """Which network of `liverpair.networks`, made with which arguments."""

    name: str
    arguments: dict[str, Any]


class WorkingGrid(TypedDict, total=False):
    """The grid a network sees: spacing (x, y, z), what its sides (z, y, x; y, x of slices) are multiples of, and what
    it is cropped to (`CROPS`).
    """

    spacing_mm: list[float]
    multiple_of: list[int]
    crop: str | None
    keep_slices_from_mm: float
    keep_slices_to_mm: float


class Normalization(TypedDict, total=False):
    """How intensities are brought to one range: the method "percentile" and its percentiles (0 to 100)."""

    method: str
    lower_percentile: float
    upper_percentile: float


class Code(TypedDict):
    """A coded concept: code, coding scheme designator ("SCT") and meaning (DICOM PS3.3, section 8.8)."""

    code: str
    scheme: str
    meaning: str


class Label(TypedDict):
    """One structure: its name, its value in label maps, its code, and its color (red, green, blue, 0 to 255)."""

    name: str
    value: int
    snomed: Code
    color: list[int]


class Postprocessing(TypedDict, total=False):
    """From probabilities to a mask: the probability above which a voxel belongs, and what is then cleaned up."""

    threshold: float
    largest_component: bool
    fill_holes: bool


def is_name(name: str) -> bool:
    """Whether a model may be called so."""
    return bool(NAME_PATTERN.fullmatch(name)) and ".." not in name


def read_manifest(folder: Path, known_as: str = "") -> dict[str, Any]:
    """The validated content of the manifest in `folder`. Raises `BundleError` with the reason, which names `known_as`
    or else the folder.
    """
    path = folder / MANIFEST_FILE
    source = known_as or folder.name
    try:
        if path.stat().st_size > MAXIMUM_MANIFEST_BYTES:
            limit = MAXIMUM_MANIFEST_BYTES // 2**20
            raise BundleError(f"Model '{source}' has a {MANIFEST_FILE} larger than {limit} MiB.")
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise BundleError(
            f"'{folder}' has no {MANIFEST_FILE}.", f"Choose the folder that holds {MANIFEST_FILE} and {WEIGHTS_FILE}."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise BundleError(f"Model '{source}' has a {MANIFEST_FILE} that cannot be read: {error}.") from error
    try:
        manifest = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BundleError(f"Model '{source}' has a {MANIFEST_FILE} that is not valid JSON: {error}.") from error
    try:
        validate(manifest, source)
    except RecursionError as error:
        raise BundleError(f"Model '{source}' has a {MANIFEST_FILE} that is nested too deeply.") from error
    return manifest


def validate(manifest: Any, source: str) -> None:
    """Check a whole manifest. Raises `BundleError` with one sentence that names `source` and the first defect."""
    check = _Check(source)
    check.that(isinstance(manifest, Mapping), "its manifest is not a JSON object")
    _check_version(check, manifest)
    _check_identity(check, manifest)
    _check_network(check, manifest)
    _check_labels(check, manifest)
    for section in TASK_SECTIONS[manifest["task"]]:
        check.value(manifest, section, Mapping, "an object")
    for section, checker in _SECTIONS.items():
        if section in manifest:
            checker(check, check.value(manifest, section, Mapping, "an object"))
    _check_task(check, manifest)
    _check_mirror_axes(check, manifest.get("mirror_axes", []))
    limits = manifest.get("limits", [])
    is_list = isinstance(limits, list) and all(isinstance(limit, str) for limit in limits)
    check.that(is_list or isinstance(limits, str), "'limits' is neither a text nor a list of texts")
    checksum = check.text(manifest, "sha256")
    check.that(CHECKSUM_PATTERN.fullmatch(checksum), "'sha256' is not a SHA-256 checksum in 64 hexadecimal digits")


class _Check:
    """Raises `BundleError` about one bundle."""

    def __init__(self, source: str):
        self.source = source

    def that(self, condition: Any, defect: str, hint: str = "") -> None:
        if not condition:
            raise BundleError(f"Model '{self.source}' is refused: {defect}.", hint)

    def value(self, owner: Mapping, key: str, kind: type | tuple[type, ...], words: str, where: str = "") -> Any:
        """`owner[key]`, which must be there and of `kind`, said in `words`; `where` is the path of `owner`."""
        name = f"{where}.{key}" if where else key
        self.that(key in owner, f"'{name}' is missing in its manifest")
        value = owner[key]
        is_flag = isinstance(value, bool) and kind is not bool
        self.that(isinstance(value, kind) and not is_flag, f"'{name}' is not {words}")
        return value

    def text(self, owner: Mapping, key: str, where: str = "") -> str:
        value = self.value(owner, key, str, "a text", where)
        self.that(value.strip(), f"'{f'{where}.{key}' if where else key}' is empty")
        return value

    def number(self, owner: Mapping, key: str, lowest: float, highest: float, where: str) -> float:
        value = self.value(owner, key, (int, float), "a number", where)
        self.that(abs(value) < math.inf, f"'{where}.{key}' is {value}, not a finite number")
        self.that(lowest <= value <= highest, f"'{where}.{key}' is {value}, not within {lowest:g} to {highest:g}")
        return value

    def numbers(self, owner: Mapping, key: str, accept: Callable[[Any], bool], words: str, where: str = "") -> list:
        values = self.value(owner, key, list, f"a list of {words}", where)
        good = all(isinstance(v, (int, float)) and not isinstance(v, bool) and accept(v) for v in values)
        self.that(values and good, f"'{f'{where}.{key}' if where else key}' is not a list of {words}")
        return values


def _check_version(check: _Check, manifest: Mapping) -> None:
    version = check.value(manifest, "schema_version", int, "a whole number")
    check.that(
        version == SCHEMA_VERSION,
        f"its manifest is of schema version {version} and this LiverPair reads version {SCHEMA_VERSION}",
        "Update LiverPair." if version > SCHEMA_VERSION else "Export the model again with its training script.",
    )


def _check_identity(check: _Check, manifest: Mapping) -> None:
    name = check.text(manifest, "name")
    check.that(
        is_name(name),
        f"its name {name!r} is not made of at most 64 lower-case letters, digits, '.', '_' and '-'",
    )
    check.text(manifest, "version")
    task = check.text(manifest, "task")
    check.that(task in TASK_SECTIONS, f"its task '{task}' is unknown; known are {', '.join(sorted(TASK_SECTIONS))}")
    check.text(manifest, "strategy")
    inputs = check.value(manifest, "inputs", list, "a list of texts")
    check.that(inputs and all(isinstance(i, str) and i for i in inputs), "'inputs' is not a list of texts")


def _check_network(check: _Check, manifest: Mapping) -> None:
    network = check.value(manifest, "network", Mapping, "an object")
    name = check.text(network, "name", "network")
    known = f"known are {', '.join(NETWORKS)}"
    check.that(name in NETWORKS, f"it asks for the network '{name}', which this LiverPair does not know; {known}")
    _check_arguments(check, network, "network")


def _check_arguments(check: _Check, owner: Mapping, section: str) -> None:
    values = _leaves(check.value(owner, "arguments", Mapping, "an object", section))
    count = len(values)
    check.that(count <= MAXIMUM_ARGUMENTS, f"'{section}.arguments' holds {count} values, beyond {MAXIMUM_ARGUMENTS}")
    for value in values:
        if isinstance(value, (int, float)):
            fits = abs(value) <= MAXIMUM_ARGUMENT
            check.that(fits, f"'{section}.arguments' holds {value}, beyond {MAXIMUM_ARGUMENT}; no network has that")


def _leaves(value: Any) -> list[Any]:
    """The values in nested lists and objects; one that is empty counts as a value."""
    inner = list(value.values()) if isinstance(value, Mapping) else value
    return [leaf for v in inner for leaf in _leaves(v)] if isinstance(inner, list) and inner else [value]


def _check_labels(check: _Check, manifest: Mapping) -> None:
    labels = check.value(manifest, "labels", list, "a list of objects")
    check.that(labels, "'labels' is empty")
    values = []
    for i, label in enumerate(labels):
        where = f"labels[{i}]"
        check.that(isinstance(label, Mapping), f"'{where}' is not an object")
        check.text(label, "name", where)
        values.append(check.number(label, "value", 1, 65535, where))
        check.that(isinstance(label["value"], int), f"'{where}.value' is not a whole number")
        code = check.value(label, "snomed", Mapping, "an object", where)
        for key in ("code", "scheme", "meaning"):
            check.text(code, key, f"{where}.snomed")
        color = check.numbers(label, "color", _is_byte, "whole numbers 0 to 255", where)
        check.that(len(color) == 3, f"'{where}.color' has {len(color)} numbers, not 3")
    check.that(len(set(values)) == len(values), "two of its labels have the same value")


def _is_byte(value: Any) -> bool:
    return isinstance(value, int) and 0 <= value <= 255


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and value > 0


def _check_grid(check: _Check, grid: Mapping) -> None:
    words = f"positive numbers up to {MAXIMUM_MM}"
    spacing = check.numbers(grid, "spacing_mm", lambda v: 0 < v <= MAXIMUM_MM, words, "grid")
    multiple = check.numbers(grid, "multiple_of", _is_count, "positive whole numbers", "grid")
    check.that(len(spacing) == 3, f"'grid.spacing_mm' has {len(spacing)} numbers, and volumes need 3")
    check.that(max(multiple) <= MAXIMUM_MULTIPLE, f"'grid.multiple_of' holds a number above {MAXIMUM_MULTIPLE}")
    for key in ("keep_slices_from_mm", "keep_slices_to_mm"):
        if key in grid:
            check.number(grid, key, 0, MAXIMUM_MM, "grid")


def _check_normalization(check: _Check, normalization: Mapping) -> None:
    method = check.text(normalization, "method", "normalization")
    check.that(method == "percentile", f"'normalization.method' is '{method}'; known is 'percentile'")
    lower = check.number(normalization, "lower_percentile", 0, 100, "normalization")
    upper = check.number(normalization, "upper_percentile", 0, 100, "normalization")
    check.that(lower < upper, f"its normalization percentiles {lower:g} and {upper:g} are not in rising order")


def _check_task(check: _Check, manifest: Mapping) -> None:
    """What only makes sense together: the task with its grid, its crop, its inputs and its strategy."""
    task = manifest["task"]
    axes = 2 if task == SLICE_SEGMENTATION else 3
    multiple = manifest["grid"]["multiple_of"]
    what = "slices need 2" if axes == 2 else "volumes need 3"
    check.that(len(multiple) == axes, f"'grid.multiple_of' has {len(multiple)} numbers, and {what}")
    crop = manifest["grid"].get("crop")
    known = " or ".join(json.dumps(c) for c in CROPS[task])
    check.that(crop in CROPS[task], f"'grid.crop' is {json.dumps(crop)}, not {known}")
    if task in (SEGMENTATION, SLICE_SEGMENTATION):
        inputs, name = manifest["inputs"], manifest["strategy"]
        allowed = (*titles(Side), EITHER)
        known = ", ".join(f"'{i}'" for i in allowed)
        check.that(all(i in allowed for i in inputs), f"'inputs' is {inputs}, and each must be one of {known}")
        unknown = f"it asks for the strategy '{name}', which this LiverPair does not know"
        check.that(name in STRATEGIES, f"{unknown}; known are {', '.join(STRATEGIES)}")
        check.that(STRATEGIES[name].takes(inputs), f"its strategy '{name}' does not take the inputs {inputs}")
        single = task == SEGMENTATION or name == "single"
        check.that(single, f"its strategy '{name}' is for volumes, and it segments slices")


def _check_mirror_axes(check: _Check, axes: Any) -> None:
    good = isinstance(axes, list) and all(isinstance(a, str) and a in ("x", "y", "z") for a in axes)
    check.that(good and len(set(axes)) == len(axes), "'mirror_axes' is not a list of 'x', 'y', 'z', each at most once")


def _check_postprocessing(check: _Check, postprocessing: Mapping) -> None:
    check.number(postprocessing, "threshold", 0, 1, "postprocessing")
    for key in ("largest_component", "fill_holes"):
        if key in postprocessing:
            check.value(postprocessing, key, bool, "true or false", "postprocessing")


def _check_normal_ranges(check: _Check, ranges: Mapping, section: str = "normal_ranges") -> None:
    """Mean and SD of each feature over so many lesions, and what the features were computed with; or nothing."""
    if not ranges:
        return
    where = f"{section}.settings"
    settings = check.value(ranges, "settings", Mapping, "an object", section)
    check.that(settings.get("dimensions") in (2, 3), f"'{where}.dimensions' is not 2 or 3")
    for key in ("scale", "bin_width"):
        check.that(check.number(settings, key, 0, math.inf, where), f"'{where}.{key}' is 0")
    check.numbers(settings, "spacing_mm", lambda v: 0 < v <= MAXIMUM_MM, f"positive numbers up to {MAXIMUM_MM}", where)
    check.that(_is_count(check.value(ranges, "count", int, "a whole number", section)), f"'{section}.count' is below 1")
    check.text(ranges, "data", section)
    for name, band in check.value(ranges, "features", Mapping, "an object", section).items():
        where = f"{section}.features.{name}"
        check.that(isinstance(band, Mapping), f"'{where}' is not an object")
        check.number(band, "mean", -math.inf, math.inf, where)
        check.number(band, "sd", 0, math.inf, where)


def _check_metrics(check: _Check, metrics: Mapping) -> None:
    for test, result in metrics.items():
        where = f"metrics.{test}"
        check.that(isinstance(result, Mapping), f"'{where}' is not an object")
        cases = result.get("cases", [])
        is_list = isinstance(cases, list) and all(isinstance(case, Mapping) for case in cases)
        check.that(is_list, f"'{where}.cases' is not a list of objects")
        summary = result.get("summary", {})
        check.that(isinstance(summary, Mapping), f"'{where}.summary' is not an object")
        pictures = result.get("pictures", [])
        are_paths = isinstance(pictures, list) and all(isinstance(path, str) for path in pictures)
        check.that(are_paths, f"'{where}.pictures' is not a list of texts")


_SECTIONS: dict[str, Callable[[_Check, Mapping], None]] = {
    "grid": _check_grid,
    "normalization": _check_normalization,
    "postprocessing": _check_postprocessing,
    "normal_ranges": _check_normal_ranges,
    "training": lambda check, training: None,
    "metrics": _check_metrics,
    GAMBLER: lambda check, gambler: _check_arguments(check, gambler, GAMBLER),
}
