"""What the job "dream" may be asked, checked before anything is read."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from liverpair.bundle.manifest import SLICE_SEGMENTATION
from liverpair.core.errors import InputError
from liverpair.core.trajectories import RUN_KINDS
from liverpair.dreaming.dream_settings import DreamSettings
from liverpair.jobs.detect_job import DEFAULT_LIVER_MODEL
from liverpair.jobs.pair_inputs import PARTS, input_sha256
from liverpair.jobs.requests import box_of, check_request
from liverpair.jobs.result_folder import folder_of_results
from liverpair.jobs.segment_results import SIDES

if TYPE_CHECKING:
    from liverpair.bundle import Bundle
    from liverpair.core.geometry import Box, Vector
    from liverpair.dreaming.normal_ranges import NormalRanges

SETTINGS = tuple(setting.name for setting in fields(DreamSettings))
BASELINES = RUN_KINDS[1:]
MAXIMUM_STARTS = 1000
NOT_ASKED = ("output", "bundle", "liver_bundle", "normal_ranges", "resume", *PARTS)
"""Fields that `asked` leaves out: where things lie, and what only the reading depends on."""


@dataclass(frozen=True, kw_only=True)
class DreamRequest(DreamSettings):
    """On what to dream, from where, how (see `DreamSettings`), into which folder. Paths are text, as JSON holds them.

    Parameters
    ----------
    t1, t2, side
        The volumes; `side` ("t1" or "t2") is the one that is looked at where the model could take both.
    t1_liver, t2_liver, liver_bundle
        Liver masks. One that is needed and None is made with the models `liver_bundle`.
    starts
        Neurons to begin at: {"point_mm": [x, y, z]} LPS, or {"box": {"center_mm", "size_mm", "direction"}}.
    random_starts
        How many more to draw inside the liver, where the model sees no object.
    seed
        Of the drawn starts and of the baselines.
    features
        Their identifiers (`liverpair.measures.feature_names`); none: the default ones.
    baselines
        Which of "random-weights" and "random-direction" to run as well.
    normal_ranges
        A file of normal ranges to read the trajectories against; None: those of the model.
    resume
        Go on with the unfinished dream in `output`, which must have been asked the same.
    """

    output: str
    bundle: str
    t1: str | None = None
    t2: str | None = None
    t1_liver: str | None = None
    t2_liver: str | None = None
    liver_bundle: list[str] = field(default_factory=lambda: [DEFAULT_LIVER_MODEL])
    side: str | None = None
    starts: list[dict] = field(default_factory=list)
    random_starts: int = 0
    features: list[str] = field(default_factory=list)
    baselines: list[str] = field(default_factory=list)
    normal_ranges: str | None = None
    device: str = "auto"
    resume: bool = False

    @classmethod
    def parse(cls, request: Mapping[str, Any]) -> "DreamRequest":
        """Raises `InputError` naming the field that is unknown, missing or cannot be what it is."""
        request = check_request(cls, request, "a dream", unchecked=SETTINGS)
        folder_of_results(request["output"])
        parsed = cls(**request)
        if not parsed.bundle:
            raise InputError("No model is chosen.", "Choose one, or import one first.")
        if not parsed.sides:
            raise InputError("Neither T1 nor T2 is given.", "Choose the image to dream on.")
        if parsed.side not in (None, *SIDES):
            raise InputError(f"The image to dream on is {' or '.join(SIDES)}, not '{parsed.side}'.")
        if parsed.side and parsed.side not in parsed.sides:
            raise InputError(f"{parsed.side.upper()} is to be dreamed on, and is not given.", "Choose it.")
        for side in SIDES:
            if getattr(parsed, f"{side}_liver") is not None and side not in parsed.sides:
                raise InputError(f"A liver mask of {side.upper()} is given, but not {side.upper()} itself.")
        parsed._check_starts()
        for name in parsed.baselines:
            if name not in BASELINES:
                raise InputError(f"The baseline '{name}' is unknown.", f"It is {' or '.join(BASELINES)}.")
        return parsed

    def _check_starts(self) -> None:
        if not 0 <= self.random_starts <= MAXIMUM_STARTS:
            raise InputError(f"{self.random_starts} random starts cannot be drawn; 0 to {MAXIMUM_STARTS} can.")
        if not self.starts and not self.random_starts:
            raise InputError("No neuron is chosen.", "Place a point or a box, or ask for starts inside the liver.")
        for start in self.starts:
            self.place_of(start)

    def place_of(self, start: Mapping[str, Any]) -> "Vector | Box":
        """The point in LPS mm or the box of one of `starts`. Raises `InputError` for what is neither."""
        if set(start) == {"point_mm"}:
            return _point(start["point_mm"])
        if set(start) == {"box"} and isinstance(start["box"], Mapping):
            return _box(start["box"])
        raise InputError(f"A start is a point (point_mm) or a box; {dict(start)} is neither.")

    @property
    def sides(self) -> list[str]:
        """Which of "t1" and "t2" are given."""
        return [side for side in SIDES if getattr(self, side)]

    @property
    def kinds(self) -> list[str]:
        """The kinds of run, the dream itself first."""
        return [kind for kind in RUN_KINDS if kind == RUN_KINDS[0] or kind in self.baselines]

    @property
    def parts(self) -> dict[str, str | None]:
        """The paths of the volumes and masks; None for one that is not given."""
        return {part: None if part in SIDES and part not in self.sides else getattr(self, part) for part in PARTS}

    @property
    def settings(self) -> DreamSettings:
        """How to dream."""
        return DreamSettings(**{name: getattr(self, name) for name in SETTINGS})

    def asked(self, bundle: "Bundle") -> dict[str, Any]:
        """What decides the trajectories, as `dream.json` keeps it: checksums of model and inputs, and every option."""
        options = {name: getattr(self, name) for name in vars(self) if name not in NOT_ASKED}
        return {
            "model": bundle.sha256,
            "options": {**options, **self.settings.as_dict()},
            "inputs": input_sha256(self.parts),
        }

    def folder(self) -> Path:
        """Where the dream goes, as an absolute path."""
        return Path(self.output).absolute()


def dimensions_of(bundle: "Bundle") -> int:
    """2 for a model of slices, 3 for one of volumes."""
    return 2 if bundle.task == SLICE_SEGMENTATION else 3


def checked_features(names: Sequence[str], dimensions: int) -> tuple[str, ...]:
    """The features to measure, each once; the default ones when `names` is empty. Raises `InputError` for one that is
    unknown."""
    from liverpair.measures.feature_names import check_features, default_features

    check_features(names, dimensions)
    return tuple(dict.fromkeys(names)) or tuple(default_features(dimensions))


def ranges_of(wanted: DreamRequest, bundle: "Bundle") -> "NormalRanges | None":
    """The normal ranges to read a dream against: those that are asked for, or the model's; None when it has none.

    Raises `InputError` for a file that holds none.
    """
    from liverpair.dreaming.normal_ranges import NormalRanges

    return NormalRanges.of_bundle(bundle) if wanted.normal_ranges is None else NormalRanges.read(wanted.normal_ranges)


def _point(value: Any) -> "Vector":
    if not isinstance(value, list) or len(value) != 3 or not all(map(_is_coordinate, value)):
        raise InputError(f"A point has three coordinates in mm; {value!r} does not.")
    return tuple(float(v) for v in value)


def _box(values: Mapping[str, Any]) -> "Box":
    try:
        return box_of(values, SIDES[0])
    except InputError as error:
        raise InputError(
            f"A box has center_mm, size_mm and direction, and fits into a patient; {dict(values)} does not.",
            "Sides are above 0 mm; the direction is nine numbers, row by row.",
        ) from error


def _is_coordinate(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max
