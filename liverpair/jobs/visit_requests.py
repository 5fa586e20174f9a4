"""What the jobs about whole visits may be asked: their signatures, a report on one, the way from one to the next.

The parameters' descriptions are the help of the command line too.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from liverpair.core.errors import InputError
from liverpair.core.records import at_least, between
from liverpair.core.sides import Side
from liverpair.jobs.requests import LESION_PARTS, NO_OPTION, JobRequest

if TYPE_CHECKING:
    from liverpair.measures.recist import RecistLimits
    from liverpair.measures.response import ResponseLimits

REPORT_SUMMARY, REPORT_SCHEMA = "report.json", 1
"""What the job "report" writes last, and its version."""
FOLLOWUP_FILES = ("followup.json", "followup.csv", "lesions.json")
"""What the job "followup" writes; the first comes last."""


@dataclass(frozen=True, kw_only=True)
class MarkedRequest(JobRequest):
    """The parts of a visit whose lesions are marked, into which folder something about these goes.

    Parameters
    ----------
    t1, t2
        the volumes; the one that is not given is left out
    t1_liver, t2_liver
        their liver masks
    t1_lesions, t2_lesions
        label maps of the lesions that are drawn already
    lesions
        lesions.json of the visit
    output
        folder of the results
    liver_label
        which label of the masks is the liver, where they hold several
    device
        auto, cpu, cuda or mps
    """

    not_asked = (*JobRequest.not_asked, "lesions")

    output: str = field(metadata=NO_OPTION)
    lesions: str = field(metadata=NO_OPTION)
    t1: str | None = field(default=None, metadata=NO_OPTION)
    t2: str | None = field(default=None, metadata=NO_OPTION)
    t1_liver: str | None = field(default=None, metadata=NO_OPTION)
    t2_liver: str | None = field(default=None, metadata=NO_OPTION)
    t1_lesions: str | None = field(default=None, metadata=NO_OPTION)
    t2_lesions: str | None = field(default=None, metadata=NO_OPTION)
    liver_label: int | str | None = field(default=None, metadata={"metavar": "LABEL"})
    device: str = "auto"

    def check(self) -> None:
        super().check()
        if not self.sides:
            raise InputError("Neither T1 nor T2 is given.", "Choose at least one of them.")

    @property
    def parts(self) -> dict[str, str | None]:
        """The paths of what is given."""
        return {**super().parts, **{part: getattr(self, part) for part in LESION_PARTS}, "lesions": self.lesions}


@dataclass(frozen=True, kw_only=True)
class VisitRequest(JobRequest):
    """What all of them have: a folder of results, and the limits of RECIST 1.1.

    Parameters
    ----------
    output
        folder of the results
    minimum_mm
        shortest diameter of a measurable lesion; it is also at least two slices wide
    most_targets
        target lesions in the liver
    same_patient
        the visits are of one patient although their DICOM files name different ones
    """

    output: str = field(metadata=NO_OPTION)
    minimum_mm: Annotated[float, at_least(0)] = 10.0
    most_targets: Annotated[int, at_least(0)] = 2
    same_patient: bool = False

    @property
    def targets(self) -> "RecistLimits":
        """Which lesions are followed."""
        from liverpair.measures.recist import RecistLimits  # with SciPy

        return RecistLimits(
            minimum_mm=self.minimum_mm, most=max(5, self.most_targets), most_per_organ=self.most_targets
        )


@dataclass(frozen=True, kw_only=True)
class FollowupRequest(VisitRequest):
    """Which visits are compared, in their order, into which folder.

    Parameters
    ----------
    baseline
        folder of the first study
    visits
        folders of those after it, in their order
    partial_percent
        decrease of the sum of diameters from the baseline that is a partial response
    progression_percent
        increase over the smallest sum so far that is progression
    progression_mm
        by so much the sum must have increased at least, besides
    others_progress
        a reader sees unequivocal progression of lesions that are no targets
    """

    what = "a follow-up"

    baseline: str = field(metadata=NO_OPTION)
    visits: list[str] = field(metadata=NO_OPTION)
    partial_percent: Annotated[float, between(0, 100)] = 30.0
    progression_percent: Annotated[float, at_least(0)] = 20.0
    progression_mm: Annotated[float, at_least(0)] = 5.0
    others_progress: bool = False

    def check(self) -> None:
        super().check()
        if not self.visits:
            raise InputError("A follow-up takes two visits or more.", "Name the studies in their order.")

    @property
    def limits(self) -> "ResponseLimits":
        """What counts as a change."""
        from liverpair.measures.response import ResponseLimits

        percents = self.partial_percent, self.progression_percent, self.progression_mm
        return ResponseLimits(self.targets, *percents)


@dataclass(frozen=True, kw_only=True)
class ReportRequest(VisitRequest):
    """Which visit is reported on, into which folder.

    Parameters
    ----------
    study
        folder of the study
    earlier
        folders of the visits before, in their order; the lesions are followed from them
    dicom
        also write the liver and lesions as DICOM segmentations, and reports on the lesions that refer to them, of
        volumes read from DICOM
    """

    what = "a report"

    study: str = field(metadata=NO_OPTION)
    earlier: list[str] = field(default_factory=list, metadata={"metavar": "STUDY", "nargs": "+"})
    dicom: bool = False


@dataclass(frozen=True, kw_only=True)
class FeaturesRequest(JobRequest):
    """The lesions of which study get radiomic signatures, with which settings, into which folder.

    Parameters
    ----------
    t1, t2
        the volumes
    t1_lesions, t2_lesions
        label maps of the lesions: the number of the lesion in each voxel
    lesions
        lesions.json, which says which numbers are lesions and which were rejected
    settings
        of pyradiomics, as its YAML files hold them
    output
        folder of the results
    remember
        keep checksums of the inputs with the result, so that it is known again
    """

    what = "features"
    parts_taken: ClassVar[tuple[str, ...]] = (*Side, *(f"{side}_lesions" for side in Side), "lesions")
    not_asked = (*JobRequest.not_asked, *parts_taken)

    output: str
    t1: str | None = None
    t2: str | None = None
    t1_lesions: str | None = None
    t2_lesions: str | None = None
    lesions: str | None = None
    settings: dict = field(default_factory=dict)
    remember: bool = True

    def check(self) -> None:
        super().check()
        if not self.sides:
            raise InputError(
                "No image comes with masks of its lesions.",
                "They are expected as t1_lesions.nii.gz or t2_lesions.nii.gz beside the volume.",
            )

    @property
    def sides(self) -> list[Side]:
        """The images that have masks of lesions."""
        return [side for side in Side if getattr(self, side) and getattr(self, f"{side}_lesions")]

    @property
    def parts(self) -> dict[str, str | None]:
        """The paths of what is given."""
        return {part: getattr(self, part) for part in self.parts_taken}

    def asked_now(self) -> dict[str, Any] | None:
        """`asked`, which no model decides."""
        return self.asked([])
