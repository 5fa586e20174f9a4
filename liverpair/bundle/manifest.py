"""What `bundle.json` must say, and the sentence for each way in which it may not.

The core is the same for every task. What a task needs beyond it stands in a section named after the task; the settings
of a detector check theirs. Keys unknown here are kept as they are.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from liverpair.bundle.foreign import FOREIGN, KINDS, Foreign
from liverpair.bundle.strategies import EITHER, STRATEGIES, titles
from liverpair.core.errors import BundleError
from liverpair.core.records import FILLED, POSITIVE, Limit, Misfit, Text, at_least, between, fit
from liverpair.core.sides import Side
from liverpair.networks import NETWORKS

SCHEMA_VERSION = 1
MANIFEST_FILE = "bundle.json"
WEIGHTS_FILE = "weights.safetensors"
MAXIMUM_MANIFEST_BYTES = 8 * 2**20

SEGMENTATION = "segmentation"
SLICE_SEGMENTATION = "slice-segmentation"
DETECTION = "detection"
BOX_SEGMENTATION = "box-segmentation"
BOX = "box"
"""The crop, and the section, of a network that draws the lesion in a box."""
LAYERS = "layers"
GAMBLER = "gambler"
"""The section of a segmenter that brings a gambler: the `arguments` of its U-Net beside its channels."""
SECTION_OF_TASK = {SEGMENTATION: "postprocessing", DETECTION: "detection", BOX_SEGMENTATION: BOX}
"""The section that a bundle of a task must have beyond the core."""
CROPS = {
    SEGMENTATION: ("body", None),
    SLICE_SEGMENTATION: ("body", None),
    DETECTION: ("body", "liver", None),
    BOX_SEGMENTATION: (BOX,),
}
MAXIMUM_ARGUMENT = 4096
MAXIMUM_ARGUMENTS = 1000
"""No network has a larger number, or more of them, among its arguments."""

NAMES = "Names are made of at most 64 lower-case letters, digits, '.', '_' and '-'."
NAME_PATTERN = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?")
CHECKSUM_PATTERN = re.compile(r"[0-9a-f]{64}")


def is_name(name: str) -> bool:
    """Whether a model may be called so."""
    return bool(NAME_PATTERN.fullmatch(name)) and ".." not in name


def _are_arguments(arguments: Mapping[str, Any]) -> bool:
    values = _leaves(arguments)
    numbers = [value for value in values if isinstance(value, int | float)]
    return len(values) <= MAXIMUM_ARGUMENTS and all(abs(number) <= MAXIMUM_ARGUMENT for number in numbers)


def _leaves(value: Any) -> list[Any]:
    """The values in nested lists and objects; one that is empty counts as a value."""
    inner = list(value.values()) if isinstance(value, Mapping) else value
    return [leaf for v in inner for leaf in _leaves(v)] if isinstance(inner, list) and inner else [value]


Name = Annotated[str, Limit("", is_name, "is not made of at most 64 lower-case letters, digits, '.', '_' and '-'")]
Sha256 = Annotated[str, Limit("", CHECKSUM_PATTERN.fullmatch, "is not a SHA-256 checksum in 64 hexadecimal digits")]
Millimeters = Annotated[float, POSITIVE, Limit(" and up to 1000", lambda value: value <= 1000)]
Extent = Annotated[float, between(0, 1000)]
Percentile = Annotated[float, between(0, 100)]
Arguments = Annotated[
    dict, Limit(f" of at most {MAXIMUM_ARGUMENTS} values, none beyond {MAXIMUM_ARGUMENT}", _are_arguments)
]
UNIQUE = Limit(", each at most once", lambda values: len(set(values)) == len(values))
OF_DISTINCT_VALUES = Limit(
    "", lambda labels: len({label.value for label in labels}) == len(labels), "has two labels with the same value"
)


@dataclass(frozen=True)
class Network:
    """Which network of `liverpair.networks`, made with which arguments; or whose, of a model that others trained."""

    name: Literal[(*NETWORKS, *KINDS)]
    arguments: Arguments


@dataclass(frozen=True)
class WorkingGrid:
    """The grid a network sees: spacing (x, y, z), what its sides (z, y, x; y, x of slices) are multiples of, what it is
    cropped to (`CROPS`), and slices of which thickness are kept as they are. With the crop "box" the spacing follows
    from the box, and what stands here is not used.
    """

    spacing_mm: tuple[Millimeters, Millimeters, Millimeters]
    multiple_of: tuple[Annotated[int, between(1, 256)], ...]
    crop: Literal["body", "liver", BOX] | None = None
    keep_slices_from_mm: Extent | None = None
    keep_slices_to_mm: Extent | None = None


@dataclass(frozen=True)
class Normalization:
    """How intensities are brought to one range: by their percentiles (0 to 100), or as its "own" tool does."""

    method: Literal["percentile", "own"]
    lower_percentile: Percentile
    upper_percentile: Percentile


@dataclass(frozen=True)
class Code:
    """A coded concept: code, coding scheme designator ("SCT") and meaning (DICOM PS3.3, section 8.8)."""

    code: Text
    scheme: Text
    meaning: Text


@dataclass(frozen=True)
class Label:
    """One structure: its name, its value in label maps, its code, and its color (red, green, blue, 0 to 255)."""

    name: Text
    value: Annotated[int, between(1, 65535)]
    snomed: Code
    color: tuple[(Annotated[int, between(0, 255)],) * 3]


@dataclass(frozen=True)
class Postprocessing:
    """From probabilities to a mask: the probability above which a voxel belongs, and what is then cleaned up."""

    threshold: Annotated[float, between(0, 1)]
    largest_component: bool = False
    fill_holes: bool = False


@dataclass(frozen=True)
class DiceCalibration:
    """How the Dice of a mask with the liver follows from the model's own probabilities: a line, fitted on livers that
    the networks that masked them had not seen.

    `error`: mean absolute error of the line; `images` and `data`: on how many and on which it was fitted.
    """

    slope: Annotated[float, POSITIVE]
    intercept: float
    error: float
    images: Annotated[int, POSITIVE]
    data: Text

    def dice(self, soft_dice: float) -> float:
        """The expected Dice, 0 to 1, of a mask whose probabilities give `soft_dice` (see `measures.overlap`)."""
        return min(1.0, max(0.0, self.slope * soft_dice + self.intercept))


@dataclass(frozen=True)
class CropAroundBox:
    """What a network sees of the image around a box: `shape` (z, y, x) voxels, `reach` times the sides of the box."""

    shape: tuple[(Annotated[int, between(8, 256)],) * 3]
    reach: Annotated[float, between(1, 10)]


@dataclass(frozen=True)
class Gambler:
    """The arguments of a gambler's U-Net."""

    arguments: Arguments


@dataclass(frozen=True)
class RangeSettings:
    """What the features of normal ranges were computed with."""

    dimensions: Literal[2, 3]
    scale: Annotated[float, POSITIVE]
    bin_width: Annotated[float, POSITIVE]
    spacing_mm: Annotated[tuple[Millimeters, ...], FILLED]


@dataclass(frozen=True)
class Band:
    """Mean and SD of a feature."""

    mean: float
    sd: Annotated[float, at_least(0)]


@dataclass(frozen=True)
class Ranges:
    """Mean and SD of each feature over so many lesions, and what the features were computed with."""

    settings: RangeSettings
    count: Annotated[int, at_least(1)]
    data: Text
    features: dict[str, Band]


@dataclass(frozen=True)
class Metrics:
    """How good a model is on one set of cases."""

    cases: list[dict] = field(default_factory=list)
    summary: dict = field(default_factory=dict)
    pictures: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Layers:
    """Which layer of a network is the `first` to separate lesions from healthy liver, and the area under the curve
    that a linear probe of each layer reaches, from the image on."""

    first: Text
    auc: dict[str, Annotated[float, between(0, 1)]]
    data: str = ""
    command: str = ""


@dataclass(frozen=True)
class Versioned:
    """What every version of a manifest has."""

    schema_version: int


@dataclass(frozen=True)
class Manifest:
    """A whole manifest."""

    name: Name
    version: Text
    task: Literal[SEGMENTATION, SLICE_SEGMENTATION, DETECTION, BOX_SEGMENTATION]
    strategy: Text
    inputs: Annotated[list[Text], FILLED]
    network: Network
    grid: WorkingGrid
    normalization: Normalization
    labels: Annotated[list[Label], FILLED, OF_DISTINCT_VALUES]
    sha256: Sha256
    postprocessing: Postprocessing | None = None
    expected_dice: DiceCalibration | None = None
    detection: dict | None = None
    box: CropAroundBox | None = None
    gambler: Gambler | None = None
    foreign: Foreign | None = None
    normal_ranges: dict = field(default_factory=dict)
    layers: Layers | None = None
    training: dict = field(default_factory=dict)
    metrics: dict[str, Metrics] = field(default_factory=dict)
    mirror_axes: Annotated[list[Literal["x", "y", "z"]], UNIQUE] = field(default_factory=list)
    limits: str | list[str] = ""

    def check(self) -> None:
        """Raise `Misfit` for what only makes sense together: the task with its grid, its inputs and its strategy."""
        theirs = self.foreign.kind if self.foreign else None
        if (self.network.name if self.network.name in KINDS else None) != theirs:
            raise Misfit(FOREIGN, f"does not fit the network '{self.network.name}'")
        section = SECTION_OF_TASK.get(self.task)
        if section and getattr(self, section) is None:
            raise Misfit(section, "is missing")
        axes, what = (2, "slices need 2") if self.task == SLICE_SEGMENTATION else (3, "volumes need 3")
        if len(self.grid.multiple_of) != axes:
            raise Misfit("grid.multiple_of", f"has {len(self.grid.multiple_of)} numbers, and {what}")
        if self.grid.crop not in CROPS[self.task]:
            known = " or ".join(map(json.dumps, CROPS[self.task]))
            raise Misfit("grid.crop", f"must be {known}, not {json.dumps(self.grid.crop)}")
        lower, upper = self.normalization.lower_percentile, self.normalization.upper_percentile
        if lower >= upper:
            raise Misfit("normalization", f"has the percentiles {lower:g} and {upper:g}, which do not rise")
        if self.normal_ranges:
            fit(Ranges, self.normal_ranges, "normal_ranges")
        if self.task != DETECTION:
            self._check_strategy()

    def _check_strategy(self) -> None:
        fit(list[Literal[(*titles(Side), EITHER)]], self.inputs, "inputs")
        fit(Literal[tuple(STRATEGIES)], self.strategy, "strategy")
        if not STRATEGIES[self.strategy].takes(self.inputs):
            raise Misfit("strategy", f"is '{self.strategy}', which does not take the inputs {self.inputs}")
        if self.task == SLICE_SEGMENTATION and self.strategy != "single":
            raise Misfit("strategy", f"is '{self.strategy}', which is for volumes, and the model segments slices")


def read_manifest(folder: Path, known_as: str = "") -> tuple[dict[str, Any], Manifest]:
    """The content of the manifest in `folder`, and its record. Raises `BundleError` with the reason, which names
    `known_as` or else the folder.
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
        return manifest, validate(manifest, source)
    except RecursionError as error:
        raise BundleError(f"Model '{source}' has a {MANIFEST_FILE} that is nested too deeply.") from error


def validate(manifest: Any, source: str) -> Manifest:
    """The record of a manifest. Raises `BundleError` with one sentence that names `source` and the first defect."""
    try:
        if not isinstance(manifest, Mapping):
            raise Misfit(MANIFEST_FILE, "is not a JSON object")
        version = fit(Versioned, manifest).schema_version
        if version != SCHEMA_VERSION:
            raise Misfit(
                "schema_version",
                f"is {version}, and this LiverPair reads {SCHEMA_VERSION}",
                "Update LiverPair." if version > SCHEMA_VERSION else "Export the model again with its training script.",
            )
        found = fit(Manifest, manifest)
        found.check()
    except Misfit as misfit:
        raise BundleError(f"Model '{source}' is refused: {misfit}.", misfit.hint) from None
    return found
