"""What the jobs may be asked (the job "dream" has a file of its own), checked before anything is read.

Paths are text, as JSON holds them. The parameters' descriptions are the help of the command line too. Importing this
imports neither torch nor SimpleITK.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from liverpair.bundle import Bundle, Catalogue
from liverpair.bundle.catalogue import DEFAULT_DETECTOR, DEFAULT_LIVER_MODEL
from liverpair.core.atomic import part_of_address
from liverpair.core.errors import InputError
from liverpair.core.records import Record
from liverpair.core.sides import Side
from liverpair.detection.detect_options import DetectOptions
from liverpair.detection.link_options import LinkOptions
from liverpair.jobs.dream_results import read_dream
from liverpair.jobs.result_folder import content_sha256, folder_of_results
from liverpair.segmentation.segment_options import SegmentOptions

if TYPE_CHECKING:
    from liverpair.core.geometry import Box

PARTS = (*Side, *(f"{side}_liver" for side in Side))
LESION_PARTS = tuple(f"{side}_lesions" for side in Side)
BOX_FIELDS = ("center_mm", "size_mm", "direction")
EARLIER = {
    "centre_mm": "center_mm",
    "score_threshold": "score_floor",
    "bundle": "model",
    "liver_bundle": "liver_model",
}
"""Names that version 0.1 used in requests, and those of today."""
LABEL_OPTION = "--liver-label"
NO_OPTION = {"option": ""}
"""Of a field that the command line does not take as an option (see `liverpair.commands.record_options`)."""


class JobRequest(Record):
    """What all requests have."""

    earlier = EARLIER
    not_asked: ClassVar[tuple[str, ...]] = (
        "output",
        "model",
        "liver_model",
        "accept",
        "remember",
        "doubts",
        *PARTS,
        *LESION_PARTS,
    )
    """Fields that decide no result, or where things lie."""
    later: ClassVar[tuple[str, ...]] = ("dicom", "linked_by")
    """Options that came after version 0.1: results kept without them were made with their defaults."""

    def check(self) -> None:
        """Raise `InputError` for a folder of results, or a choice of models, that cannot be."""
        super().check()
        folder_of_results(getattr(self, "output", "."))
        if not getattr(self, "model", "."):
            raise InputError("No model is chosen.", "Choose one, or import one first.")

    @property
    def sides(self) -> list[Side]:
        """Which of the two are given."""
        return [side for side in Side if getattr(self, side)]

    @property
    def parts(self) -> dict[str, str | None]:
        """The paths of the volumes and masks; None for one that is not given."""
        return {part: None if part in tuple(Side) and part not in self.sides else getattr(self, part) for part in PARTS}

    @property
    def missing_livers(self) -> list[Side]:
        """Which of the two have no mask."""
        return [side for side in Side if getattr(self, f"{side}_liver") is None]

    def folder(self) -> Path:
        """Where the results go, as an absolute path."""
        return Path(self.output).absolute()

    def options(self) -> dict[str, Any]:
        """Every option that decides the results."""
        return {
            one.name: getattr(self, one.name)
            for one in fields(self)
            if one.name not in self.not_asked and (one.name not in self.later or getattr(self, one.name))
        }

    def asked(self, bundles: Sequence[Bundle]) -> dict[str, Any] | None:
        """What decides the results, as a file of results keeps it: checksums of models and inputs, and the options.

        None where it need not be remembered.
        """
        if not getattr(self, "remember", True):
            return None
        models = [bundle.sha256 for bundle in bundles]
        return {"models": models, "options": self.options(), "inputs": input_sha256(self.parts)}


@dataclass(frozen=True, kw_only=True)
class SegmentRequest(JobRequest, SegmentOptions):
    """What to segment, with what, into which folder, and how (see `SegmentOptions`).

    Parameters
    ----------
    output
        folder of the results
    model
        name or folder of a model; several are averaged
    t1
        the T1-weighted volume, if it is the only one
    t2
        the T2-weighted volume, if it is the only one
    dicom
        also write the livers as DICOM segmentations, of volumes read from DICOM
    accept
        do not print doubts about the input and its result; they are kept with the result
    remember
        keep checksums of the inputs with the result, so that it is known again
    doubts
        what is known to speak against the volumes, beside what their files say; kept with the result
    """

    output: str
    model: list[str] = field(
        default_factory=lambda: [DEFAULT_LIVER_MODEL], metadata={"metavar": "MODEL", "earlier": "--bundle"}
    )
    t1: str | None = None
    t2: str | None = None
    dicom: bool = False
    accept: bool = False
    remember: bool = field(default=True, metadata=NO_OPTION)
    doubts: list[str] = field(default_factory=list, metadata=NO_OPTION)

    def check(self) -> None:
        super().check()
        if not self.sides:
            raise InputError("Neither T1 nor T2 is given.", "Choose at least one of them.")

    @property
    def parts(self) -> dict[str, str | None]:
        """The paths of the volumes that are given."""
        return {side: getattr(self, side) for side in self.sides}

    def models(self) -> list[Bundle]:
        """The models of the liver. Raises `BundleError`."""
        return find_bundles(self.model)

    def asked_now(self) -> dict[str, Any] | None:
        """`asked` of the models that are found now."""
        return self.asked(self.models())


@dataclass(frozen=True, kw_only=True)
class LiversRequest(JobRequest):
    """Which volumes, and where the liver is in them.

    Parameters
    ----------
    t1, t2
        the volumes
    t1_liver
        liver mask of T1 (default: segmented first)
    t2_liver
        liver mask of T2 (default: segmented first)
    liver_label
        which label of the masks is the liver, where they hold several: a number, or totalsegmentator, amos or chaos for
        the liver in such a map
    liver_model
        name or folder of a model of the liver; several are averaged
    """

    t1: str = field(metadata=NO_OPTION)
    t2: str = field(metadata=NO_OPTION)
    t1_liver: str | None = field(default=None, metadata={"metavar": "MASK"})
    t2_liver: str | None = field(default=None, metadata={"metavar": "MASK"})
    liver_label: int | str | None = field(default=None, metadata={"metavar": "LABEL"})
    liver_model: list[str] = field(default_factory=lambda: [DEFAULT_LIVER_MODEL], metadata={"metavar": "MODEL"})

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> "LiversRequest":
        for side in Side:
            if not values.get(side):
                raise InputError(f"{side.title} is not given.", "Lesions are looked for in T1 and T2 together.")
        return super().parse(values)

    def liver_bundles(self) -> list[Bundle]:
        """The models of the liver, when a mask is missing. Raises `BundleError`."""
        return find_bundles(self.liver_model) if self.missing_livers else []


@dataclass(frozen=True, kw_only=True)
class PairRequest(LiversRequest, DetectOptions):
    """What to look at, and with what, where lesions are looked for, and how (see `DetectOptions`).

    Parameters
    ----------
    model
        name or folder of the detector
    """

    model: str = DEFAULT_DETECTOR

    def models(self) -> tuple[Bundle, list[Bundle]]:
        """The detector and, when a mask is missing, the models of the liver. Raises `BundleError`."""
        return find_bundles([self.model])[0], self.liver_bundles()

    def asked_now(self) -> dict[str, Any] | None:
        """`asked` of the models that are found now."""
        bundle, liver_bundles = self.models()
        return self.asked([bundle, *liver_bundles])


@dataclass(frozen=True, kw_only=True)
class LesionsRequest(LiversRequest):
    """What is written of linked lesions, and into which folder.

    Parameters
    ----------
    output
        folder of the results
    correspondence
        register the livers too, which serves to find places without lesions in the other image
    dicom
        also write livers and lesions as DICOM segmentations, and reports on the lesions, of volumes read from DICOM
    accept
        do not print doubts about the input and its result; they are kept with the result
    remember
        keep checksums of the inputs with the result, so that it is known again
    doubts
        what is known to speak against the volumes, beside what their files say; kept with the result
    """

    output: str
    correspondence: bool = field(
        default=True,
        metadata={
            "option": "registration",
            "help": "do not register the livers, which only serves to find places without lesions in the other image",
        },
    )
    dicom: bool = False
    accept: bool = False
    remember: bool = field(default=True, metadata=NO_OPTION)
    doubts: list[str] = field(default_factory=list, metadata=NO_OPTION)


@dataclass(frozen=True, kw_only=True)
class DetectRequest(LesionsRequest, PairRequest):
    """In what to detect, with what, into which folder, and how."""


@dataclass(frozen=True, kw_only=True)
class LinkRequest(LesionsRequest, LinkOptions):
    """Whose lesions to link in which volumes, into which folder, and how (see `LinkOptions`).

    Parameters
    ----------
    t1_lesions, t2_lesions
        the lesions in T1 and in T2: a label map, a folder with one file a lesion, or a DICOM segmentation
    """

    t1_lesions: str = field(
        metadata={
            "metavar": "MASK",
            "required": False,
            "help": "the lesions in T1: a label map, a folder with one file a lesion, or a DICOM segmentation",
        }
    )
    t2_lesions: str = field(metadata={"metavar": "MASK", "required": False, "help": "the lesions in T2, likewise"})

    @property
    def parts(self) -> dict[str, str | None]:
        """The paths of the volumes, the livers and the lesions."""
        return {**super().parts, **{part: getattr(self, part) for part in LESION_PARTS}}

    def asked_now(self) -> dict[str, Any] | None:
        """`asked` of the models that are found now."""
        return self.asked(self.liver_bundles())


@dataclass(frozen=True, kw_only=True)
class ProposeRequest(PairRequest):
    """Whose box, drawn where.

    `box`: {"center_mm", "size_mm", "direction"}, in the image `side` ("t1" or "t2").
    """

    what = "a proposal"
    not_asked = (*PairRequest.not_asked, "side", "box")

    side: Side
    box: dict

    def check(self) -> None:
        super().check()
        self.drawn()

    def drawn(self) -> "Box":
        """The drawn box. Raises `InputError` for one that is none."""
        return box_of(self.box, self.side)


@dataclass(frozen=True, kw_only=True)
class RegisterRequest(JobRequest):
    """Which masks, into which folder; `liver_label`: as in a detection."""

    what = "a registration"

    t1_liver: str
    t2_liver: str
    output: str
    liver_label: int | str | None = None


@dataclass(frozen=True, kw_only=True)
class DreamReportRequest(JobRequest):
    """The folder of which dream, beside that of which other one, into which folder."""

    what = "a report"

    folder: str
    output: str
    second: str | None = None

    def check(self) -> None:
        super().check()
        for folder in (self.folder, self.second):
            if folder is not None and (not folder or read_dream(Path(folder)) is None):
                raise InputError(f"'{folder}' holds no dream.", "Choose the folder that a dream was written to.")


def find_bundles(names: Sequence[str]) -> list[Bundle]:
    """The models of these names or in these folders. Raises `BundleError`."""
    catalogue = Catalogue()
    return [catalogue.find(name) for name in names]


def input_sha256(paths: Mapping[str, str | None]) -> dict[str, str | None]:
    """A checksum of every part that is given. Raises `InputError` for a file that does not exist."""
    for path in paths.values():
        if path is not None and not part_of_address(path)[0].exists():
            raise InputError(f"File '{path}' does not exist.")
    return {part: path if path is None else content_sha256(path) for part, path in paths.items()}


def box_of(values: Mapping[str, Any], side: Side) -> "Box":
    """The box of {"center_mm", "size_mm", "direction"}, drawn in the image `side`.

    Raises `InputError` for what is no box in a patient.
    """
    from liverpair.core.geometry import Box  # with SimpleITK
    from liverpair.core.lesions import Lesion, LesionBox

    if set(values) != set(BOX_FIELDS):
        raise InputError(f"A drawn box has {', '.join(BOX_FIELDS)}; this one has {', '.join(values) or 'nothing'}.")
    box = Box(*(tuple(v) if isinstance(v := values[name], list) else v for name in BOX_FIELDS))
    Lesion(1, {side: LesionBox(box, "drawn")}, uid="drawn")
    return box
