"""The job "detect": from two files of volumes to the files that hold their linked lesions.

Importing this module imports neither torch nor SimpleITK, so that a worker is ready at once.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from liverpair.core.errors import InputError, Progress, part_of
from liverpair.jobs.detect_results import (
    DETECTION_FILE,
    LESIONS_FILE,
    SCHEMA_VERSION,
    TABLE_FILE,
    boxes_file,
    liver_file,
    result_files,
)
from liverpair.jobs.pair_inputs import PARTS, SIDES, PairInputs, input_sha256, read_pair
from liverpair.jobs.register_job import TRANSFORM_FILE, registered, write_transform
from liverpair.jobs.requests import check_request
from liverpair.jobs.result_folder import folder_of_results, staging_folder, writable_folder
from liverpair.jobs.segment_job import check_choices, find_bundles

if TYPE_CHECKING:
    from liverpair.bundle import Bundle
    from liverpair.detection.inference import DetectionResult, DetectOptions
    from liverpair.registration.livers import LiverCorrespondence

DEFAULT_MODEL = "lesion-pairs-t1t2"
DEFAULT_LIVER_MODEL = "liver-t1t2"
ALIGNMENTS = ("aligned", "published")
READ, DETECTED, REGISTERED = 0.05, 0.7, 0.95
"""Fractions of the job that are done when the inputs are read, the lesions found, and the livers registered."""


@dataclass(frozen=True)
class DetectRequest:
    """In what to detect, with what, into which folder. Paths are text, as JSON holds them.

    A liver mask that is None is made with `liver_bundle`. `score_threshold` and `alignment` None: what the model says,
    which is the lowest score worth a look. `correspondence`: whether the livers are registered too. `liver_label`:
    which label of the masks is the liver, where they hold several (see `liverpair.measures.masks.structure_mask`).
    """

    output: str
    t1: str
    t2: str
    t1_liver: str | None = None
    t2_liver: str | None = None
    liver_label: int | str | None = None
    bundle: str = DEFAULT_MODEL
    liver_bundle: list[str] = field(default_factory=lambda: [DEFAULT_LIVER_MODEL])
    device: str = "auto"
    engine: str = "auto"
    score_threshold: float | None = None
    alignment: str | None = None
    correspondence: bool = True
    accept: bool = False

    @classmethod
    def parse(cls, request: Mapping[str, Any]) -> "DetectRequest":
        """Raises `InputError` naming the field that is unknown, missing or cannot be what it is."""
        check_sides(request)
        request = check_request(cls, request, "a detection")
        folder_of_results(request["output"])
        parsed = cls(**request)
        if not parsed.bundle:
            raise InputError("No model is chosen.", "Choose one, or import one first.")
        if parsed.score_threshold is not None and not 0 <= parsed.score_threshold <= 1:
            raise InputError(f"The score threshold lies between 0 and 1; {parsed.score_threshold:g} does not.")
        if parsed.alignment not in (None, *ALIGNMENTS):
            raise InputError(f"The alignment '{parsed.alignment}' is unknown.", f"It is {' or '.join(ALIGNMENTS)}.")
        return parsed

    @property
    def parts(self) -> dict[str, str | None]:
        """The paths of the volumes and masks."""
        return {part: getattr(self, part) for part in PARTS}

    @property
    def missing_livers(self) -> list[str]:
        """Which of "t1" and "t2" have no mask."""
        return [side for side in SIDES if getattr(self, f"{side}_liver") is None]

    def models(self) -> "tuple[Bundle, list[Bundle]]":
        """The detector and, when a mask is missing, the models of the liver. Raises `BundleError`."""
        return find_bundles([self.bundle])[0], find_bundles(self.liver_bundle) if self.missing_livers else []

    def options(self) -> "DetectOptions":
        """How to detect."""
        from liverpair.detection.inference import DetectOptions

        return DetectOptions(self.device, self.engine, self.score_threshold, self.alignment)


def check_sides(request: Mapping[str, Any]) -> None:
    """Raise `InputError` unless both volumes are given."""
    for side in SIDES:
        if not request.get(side):
            raise InputError(f"{side.upper()} is not given.", "Lesions are looked for in T1 and T2 together.")


def check_detection(wanted: DetectRequest) -> None:
    """Raise what every detection with these models and options would fail with, whatever the volumes."""
    from liverpair.detection.inference import Detector

    bundle, liver_bundles = wanted.models()
    check_choices(liver_bundles, wanted.device, wanted.engine)
    Detector.of(bundle, wanted.options())


def asked(wanted: DetectRequest) -> dict[str, Any]:
    """What decides the results, as `detection.json` keeps it: checksums of models and inputs, and every option."""
    bundle, liver_bundles = wanted.models()
    left_out = ("output", "bundle", "liver_bundle", "accept", *PARTS)
    return {
        "models": [bundle.sha256, *(one.sha256 for one in liver_bundles)],
        "options": {name: value for name, value in asdict(wanted).items() if name not in left_out},
        "inputs": input_sha256(wanted.parts),
    }


def detect(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Find the lesions in the volumes of `request` (see `DetectRequest`), link them, and write the results to its
    output folder.

    Writes `lesions.json`, `t1_boxes.mrk.json`, `t2_boxes.mrk.json`, `lesions.csv`, the liver masks that were not given
    (`t1_liver.nii.gz` …), `t1_to_t2.tfm` when the livers could be registered, and last of all `detection.json`. Either
    all of them appear or none.

    Returns {"lesions", "table": paths, "boxes", "livers": {"t1", "t2"} of paths, "correspondence": path or None,
    "offset_t1_to_t2_mm": centroid of the T2 liver minus that of the T1 liver, LPS, "provenance": {…}, "notes":
    [sentences], "pairs": how many, "doubts", "accepted": as of the job "segment"}. Raises any `LiverPairError`, and
    `Cancelled` through `progress`.
    """
    wanted = DetectRequest.parse(request)
    bundle, liver_bundles = wanted.models()
    with writable_folder(Path(wanted.output), result_files(wanted.missing_livers)):
        inputs = read_pair(wanted.parts, part_of(progress, 0.0, READ), wanted.liver_label)
        about = asked(wanted)
        progress(READ, "Loading the model")
        from liverpair.detection import inference

        found = inference.detect(
            *inputs.images, bundle, inputs.livers, liver_bundles, wanted.options(), part_of(progress, READ, DETECTED)
        )
        doubts = _doubts(wanted, inputs, found)
        notes = [*doubts, *inputs.notes, *found.notes]
        if not found.pairs:
            notes.append(f"No lesion has a score of {found.provenance['score_threshold']:g} or more.")
        correspondence = _registration(found, notes, progress) if wanted.correspondence else None
        output = Path(wanted.output).absolute()
        described = _described(wanted, found, correspondence, notes, output)
        described |= {"doubts": doubts, "accepted": wanted.accept}
        with staging_folder(output) as staging:
            _write(wanted, inputs, found, correspondence, Path(staging), progress)
            _write_summary(described, wanted, about, Path(staging) / DETECTION_FILE)
            progress(1.0, "Saving the results")
            _move(Path(staging), output)
    return described


def _doubts(wanted: DetectRequest, inputs: PairInputs, found: "DetectionResult") -> list[str]:
    from liverpair.core.geometry import volume_ml
    from liverpair.jobs.doubts import input_doubts, liver_doubts, pair_doubts
    from liverpair.measures.plausibility import edges_cm2, mask_warnings

    doubts = input_doubts(dict(zip(SIDES, inputs.images)), wanted.parts)
    for side, liver, image, certainty in zip(SIDES, found.livers, inputs.images, found.certainties):
        doubts += mask_warnings(side.upper(), volume_ml(liver), edges_cm2(liver), [])
        doubts += liver_doubts(side.upper(), liver, image, certainty)
    return doubts + pair_doubts(*found.livers)


def _registration(found: "DetectionResult", notes: list[str], progress: Progress) -> "LiverCorrespondence | None":
    progress(DETECTED, "Registering the livers")
    try:
        return registered(*found.livers)
    except InputError as error:
        notes.append(str(error))
        return None


def _described(
    wanted: DetectRequest,
    found: "DetectionResult",
    correspondence: "LiverCorrespondence | None",
    notes: list[str],
    output: Path,
) -> dict[str, Any]:
    from liverpair.core.geometry import offset_t1_to_t2

    given = {side: getattr(wanted, f"{side}_liver") for side in SIDES}
    return {
        "lesions": str(output / LESIONS_FILE),
        "boxes": {side: str(output / boxes_file(side)) for side in SIDES},
        "table": str(output / TABLE_FILE),
        "livers": {
            side: str(output / liver_file(side) if path is None else Path(path).absolute())
            for side, path in given.items()
        },
        "correspondence": None if correspondence is None else str(output / TRANSFORM_FILE),
        "offset_t1_to_t2_mm": list(offset_t1_to_t2(*found.livers)),
        "provenance": found.provenance,
        "notes": notes,
        "pairs": len(found.pairs),
    }


def _write(
    wanted: DetectRequest,
    inputs: PairInputs,
    found: "DetectionResult",
    correspondence: "LiverCorrespondence | None",
    staging: Path,
    progress: Progress,
) -> None:
    from liverpair.core.lesions import write_lesions
    from liverpair.io.lesion_csv import write_csv
    from liverpair.io.markups import write_markups
    from liverpair.io.study import write_image
    from liverpair.measures.burden import lesion_measures

    progress(REGISTERED, "Measuring the lesions")
    images, livers = (dict(zip(SIDES, both)) for both in (inputs.images, found.livers))
    write_csv(staging / TABLE_FILE, lesion_measures(found.pairs, images, livers))
    write_lesions(staging / LESIONS_FILE, found.pairs)
    for side in SIDES:
        write_markups(staging / boxes_file(side), found.pairs, side)
    for side in wanted.missing_livers:
        progress(REGISTERED, f"Writing the {side.upper()} liver")
        write_image(livers[side], staging / liver_file(side))
    if correspondence is not None:
        write_transform(correspondence, staging / TRANSFORM_FILE)


def _write_summary(described: dict[str, Any], wanted: DetectRequest, about: dict[str, Any], path: Path) -> None:
    """The result as a file that may move with its folder: result files by name, inputs by path."""

    def named(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: named(item) for key, item in value.items()}
        return value and Path(value).name

    inputs = {part: path and str(Path(path).absolute()) for part, path in wanted.parts.items()}
    content = {"schema_version": SCHEMA_VERSION, **described, "inputs": inputs, "asked": about}
    for key in ("lesions", "boxes", "table", "correspondence"):
        content[key] = named(described[key])
    content["livers"] = {side: liver_file(side) if side in wanted.missing_livers else None for side in SIDES}
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def _move(staging: Path, output: Path) -> None:
    """Put the whole set into place. `detection.json` goes first and comes last: where it stands, the set is complete.

    A mask that is there already stays when none was made: it may be somebody's own.
    """
    (output / DETECTION_FILE).unlink(missing_ok=True)
    (output / TRANSFORM_FILE).unlink(missing_ok=True)
    for path in sorted(staging.iterdir()):
        if path.name != DETECTION_FILE:
            os.replace(path, output / path.name)
    os.replace(staging / DETECTION_FILE, output / DETECTION_FILE)
