"""What the job "dream" may be asked, checked before anything is read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from liverpair.bundle import Bundle
from liverpair.bundle.catalogue import DEFAULT_LIVER_MODEL
from liverpair.bundle.manifest import SLICE_SEGMENTATION
from liverpair.core.errors import InputError
from liverpair.core.records import Misfit, between, fit
from liverpair.core.sides import Side
from liverpair.dreaming.dream_settings import RUN_KINDS, DreamSettings
from liverpair.dreaming.normal_ranges import NormalRanges
from liverpair.jobs.requests import NO_OPTION, JobRequest, box_of, input_sha256
from liverpair.measures.feature_names import check_features, default_features

if TYPE_CHECKING:
    from liverpair.core.geometry import Box, Vector

SETTINGS = tuple(setting.name for setting in fields(DreamSettings))
BASELINES = RUN_KINDS[1:]
MAXIMUM_STARTS = 1000


@dataclass(frozen=True, kw_only=True)
class DreamRequest(JobRequest, DreamSettings):
    """On what to dream, from where, how (see `DreamSettings`), into which folder. Paths are text, as JSON holds them.

    Parameters
    ----------
    model
        name or folder of the model that is inspected
    t1
        the T1-weighted volume, if it is the only one
    t2
        the T2-weighted volume, if it is the only one
    t1_liver
        liver mask of T1 (default: segmented if needed)
    t2_liver
        liver mask of T2 (default: segmented if needed)
    liver_label
        which label of the masks is the liver, where they hold several: a number, or totalsegmentator, amos or chaos for
        the liver in such a map
    liver_model
        name or folder of a model that makes missing liver masks; several are averaged
    side
        which of T1 and T2 to dream on, if both are possible
    starts
        neurons to begin at: {"point_mm": [x, y, z]} LPS, or {"box": {"center_mm", "size_mm", "direction"}}
    random_starts
        N neurons in the liver where the model sees no object
    features
        features, named as in pyradiomics: glcm_Contrast (default: the published ones)
    baselines
        also run a baseline; may be given for each
    sanity
        also check the gradient that each dream begins by: layers of the network randomized one after the other, and
        noise
    normal_ranges
        a file of normal-ranges to read the trajectories against (default: the model's own)
    device
        auto, cpu, cuda, cuda:1, mps …
    resume
        resume the unfinished dream in the folder, which must have been asked the same
    """

    output: str
    model: str
    t1: str | None = None
    t2: str | None = None
    t1_liver: str | None = field(default=None, metadata={"metavar": "MASK"})
    t2_liver: str | None = field(default=None, metadata={"metavar": "MASK"})
    liver_label: int | str | None = field(default=None, metadata={"metavar": "LABEL"})
    liver_model: list[str] = field(default_factory=lambda: [DEFAULT_LIVER_MODEL], metadata={"metavar": "MODEL"})
    side: Side | None = None
    starts: list[dict] = field(default_factory=list, metadata=NO_OPTION)
    random_starts: Annotated[int, between(0, MAXIMUM_STARTS)] = 0
    features: list[str] = field(default_factory=list, metadata={"metavar": "NAME", "nargs": "+"})
    baselines: list[Literal["random-weights", "random-direction"]] = field(
        default_factory=list, metadata={"option": "baseline"}
    )
    sanity: bool = False
    normal_ranges: str | None = field(default=None, metadata={"metavar": "FILE"})
    device: str = "auto"
    resume: bool = False

    not_asked: ClassVar[tuple[str, ...]] = (*JobRequest.not_asked, "normal_ranges", "resume")
    later: ClassVar[tuple[str, ...]] = (*JobRequest.later, "liver_label", "sanity")

    def check(self) -> None:
        super().check()
        if not self.sides:
            raise InputError("Neither T1 nor T2 is given.", "Choose the image to dream on.")
        if self.side and self.side not in self.sides:
            raise InputError(f"{self.side.title} is to be dreamed on, and is not given.", "Choose it.")
        for side in Side:
            if getattr(self, f"{side}_liver") is not None and side not in self.sides:
                raise InputError(f"A liver mask of {side.title} is given, but not {side.title} itself.")
        self._check_starts()

    def _check_starts(self) -> None:
        if not self.starts and not self.random_starts:
            raise InputError("No neuron is chosen.", "Place a point or a box, or ask for starts inside the liver.")
        for start in self.starts:
            self.place_of(start)

    def place_of(self, start: Mapping[str, Any]) -> "Vector | Box":
        """The point in LPS mm or the box of one of `starts`. Raises `InputError` for what is neither."""
        if set(start) == {"point_mm"}:
            try:
                return tuple(map(float, fit(tuple[float, float, float], start["point_mm"], "point_mm")))
            except Misfit as misfit:
                raise self.refused(misfit) from None
        if set(start) == {"box"} and isinstance(start["box"], Mapping):
            return _box(start["box"])
        raise InputError(f"A start is a point (point_mm) or a box; {dict(start)} is neither.")

    @property
    def kinds(self) -> list[str]:
        """The kinds of run, the dream itself first."""
        return [kind for kind in RUN_KINDS if kind == RUN_KINDS[0] or kind in self.baselines]

    @property
    def settings(self) -> DreamSettings:
        """How to dream."""
        return DreamSettings(**{name: getattr(self, name) for name in SETTINGS})

    def asked(self, bundle: Bundle) -> dict[str, Any]:
        """What decides the trajectories, as `dream.json` keeps it: checksums of model and inputs, and every option."""
        options = {**self.options(), **self.settings.as_dict()}
        return {"model": bundle.sha256, "options": options, "inputs": input_sha256(self.parts)}


def dimensions_of(bundle: Bundle) -> int:
    """2 for a model of slices, 3 for one of volumes."""
    return 2 if bundle.task == SLICE_SEGMENTATION else 3


def checked_features(names: Sequence[str], dimensions: int) -> tuple[str, ...]:
    """The features to measure, each once; the default ones when `names` is empty. Raises `InputError` for one that is
    unknown."""
    check_features(names, dimensions)
    return tuple(dict.fromkeys(names)) or tuple(default_features(dimensions))


def ranges_of(wanted: DreamRequest, bundle: Bundle) -> NormalRanges | None:
    """The normal ranges to read a dream against: those that are asked for, or the model's; None when it has none.

    Raises `InputError` for a file that holds none.
    """
    return NormalRanges.of_bundle(bundle) if wanted.normal_ranges is None else NormalRanges.read(wanted.normal_ranges)


def _box(values: Mapping[str, Any]) -> "Box":
    try:
        return box_of(values, Side.T1)
    except InputError as error:
        raise InputError(
            f"A box needs center_mm, size_mm and direction, and must lie within a patient, unlike {dict(values)}.",
            "Sides are above 0 mm; the direction is nine numbers, row by row.",
        ) from error
