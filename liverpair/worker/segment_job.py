"""The job "segment": the liver in T1 and T2, from image files to image files on the same grids.

Nothing heavy is imported before the job runs, so that a worker is ready at once.
"""

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from liverpair.errors import InputError, Progress, part_of

if TYPE_CHECKING:
    import SimpleITK as sitk

    from liverpair.bundle import Bundle
    from liverpair.segmentation.inference import SegmentationResult, SideResult

MEASURES_FILE = "measures.json"
SCHEMA_VERSION = 1
SIDES = ("t1", "t2")
MAPS = ("liver", "probability", "uncertainty")

READ, SEGMENTED = 0.05, 0.9
"""Fractions of the job that are done when the inputs are read and when the network is done."""


@dataclass(frozen=True)
class SegmentRequest:
    """What to segment, with what, into which folder. Paths are text, as JSON holds them."""

    output: str
    bundle: list[str]
    t1: str | None = None
    t2: str | None = None
    device: str = "auto"
    engine: str = "auto"
    probability: bool = False
    uncertainty: bool = False
    largest_component: bool | None = None
    mirror: bool = False

    @classmethod
    def parse(cls, request: Mapping[str, Any]) -> "SegmentRequest":
        """Raises `InputError` naming the field that is unknown, missing or of the wrong type."""
        allowed = {field.name: field.type for field in fields(cls)}
        for name, value in request.items():
            if name not in allowed:
                raise InputError(f"A segmentation has no option '{name}'.", f"It has {', '.join(allowed)}.")
            expected = list if name == "bundle" else allowed[name]
            if not isinstance(value, expected) or (
                name == "bundle" and not all(isinstance(item, str) for item in value)
            ):
                raise InputError(f"Option '{name}' of a segmentation cannot be {value!r}.")
        if not request.get("output"):
            raise InputError("No folder is given for the results.")
        if not request.get("bundle"):
            raise InputError("No model is chosen.", "Choose one, or import one first.")
        parsed = cls(**request)
        if not parsed.sides:
            raise InputError("Neither T1 nor T2 is given.", "Choose at least one of them.")
        return parsed

    @property
    def sides(self) -> list[str]:
        """Which of "t1" and "t2" are given."""
        return [side for side in SIDES if getattr(self, side)]


def file_name(side: str, what: str) -> str:
    """The name of a result file: `file_name("t1", "liver")` is "t1_liver.nii.gz"."""
    return f"{side}_{what}.nii.gz"


def read_measures(folder: Path) -> dict[str, Any] | None:
    """What `measures.json` in a folder of results says; None when there is none that this version wrote whole."""
    try:
        content = json.loads((folder / MEASURES_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    ours = isinstance(content, dict) and content.get("schema_version") == SCHEMA_VERSION
    return content if ours and all(key in content for key in (*SIDES, "measures", "provenance")) else None


def is_done(folder: Path, sides: list[str], what: list[str]) -> bool:
    """Whether `folder` holds complete results: of these sides the files of `what` (see `MAPS`), and the measures."""
    names = (file_name(side, part) for side in sides for part in what)
    return read_measures(folder) is not None and all((folder / name).is_file() for name in names)


def existing_results(folder: Path) -> list[str]:
    """Names of files in `folder` that a segmentation would replace."""
    names = [MEASURES_FILE, *(file_name(side, what) for side in SIDES for what in MAPS)]
    return [name for name in names if (folder / name).exists()]


def segment(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Segment the liver in the volumes of `request` (see `SegmentRequest`) and write the results to its output folder.

    Writes `t1_liver.nii.gz`, `t2_liver.nii.gz` (0 and 1, each on the grid of its input), on request
    `*_probability.nii.gz` and `*_uncertainty.nii.gz`, and last of all `measures.json`. Either all of them appear or
    none.

    Returns {"t1": {"liver", "probability", "uncertainty": paths or None, "volume_ml"} or None, "t2": the same,
    "measures": {"dice_as_scanned", "centroid_offset_mm"} (see `pair_measures`), "provenance": {…}, "notes":
    [sentences]}. Raises any `LiverPairError`, and `Cancelled` through `progress`.
    """
    wanted = SegmentRequest.parse(request)
    bundles = _bundles(wanted.bundle)
    images = _read(wanted, progress)
    progress(READ, "Loading the model")
    from liverpair.segmentation import inference

    options = inference.SegmentOptions(
        device=wanted.device,
        engine=wanted.engine,
        probability=wanted.probability,
        uncertainty=wanted.uncertainty,
        largest_component=wanted.largest_component,
        mirror=wanted.mirror,
    )
    result = inference.segment(images["t1"], images["t2"], bundles, options, part_of(progress, READ, SEGMENTED))
    output = Path(wanted.output).absolute()
    described = _described(result, output)
    with _staging(output) as staging:
        _write(result, staging, progress)
        _write_measures(described, wanted, staging / MEASURES_FILE)
        progress(1.0, "Saving the results")
        _move(staging, output, wanted.sides)
    return described


def pair_measures(t1_liver: "sitk.Image", t2_liver: "sitk.Image") -> tuple[dict[str, Any], list[str]]:
    """How the two livers lie to each other as scanned, and what to know about it.

    "dice_as_scanned": Dice of the T1 mask and the T2 mask brought onto T1's grid (nearest neighbor) by scanner
    coordinates alone; None when a mask is empty or the volumes do not overlap. "centroid_offset_mm": centroid in T1
    minus centroid in T2, LPS mm; None when a mask is empty.
    """
    from liverpair.geometry import Grid, resample
    from liverpair.measures.overlap import centroid_offset_mm, dice

    grid = Grid.of(t1_liver)
    offset = centroid_offset_mm(t1_liver, t2_liver)
    agreement = None if offset is None else dice(t1_liver, resample(t2_liver, grid, "nearest"))
    notes = []
    if not agreement and not _any(resample(Grid.of(t2_liver).image(1.0), grid, "nearest")):
        agreement = None
        notes.append("T1 and T2 do not overlap in scanner space; check that they are of one patient and one visit.")
    return {"dice_as_scanned": agreement, "centroid_offset_mm": None if offset is None else list(offset)}, notes


def _read(wanted: SegmentRequest, progress: Progress) -> dict[str, "sitk.Image | None"]:
    from liverpair.study import read_image

    images: dict[str, sitk.Image | None] = dict.fromkeys(SIDES)
    for side in wanted.sides:
        progress(0.0, f"Reading {side.upper()}")
        images[side] = read_image(getattr(wanted, side))
    return images


def _bundles(names: list[str]) -> "list[Bundle]":
    from liverpair.bundle import Catalogue

    catalogue = Catalogue()
    return [catalogue.find(name) for name in names]


def _described(result: "SegmentationResult", output: Path) -> dict[str, Any]:
    described = {side: _side(getattr(result, side), side, output) for side in SIDES}
    notes = list(result.notes)
    measures = {"dice_as_scanned": None, "centroid_offset_mm": None}
    for side in SIDES:
        if described[side] and described[side]["volume_ml"] == 0:
            notes.append(f"No liver was found in {side.upper()}.")
    if result.t1 and result.t2:
        measures, about_the_pair = pair_measures(result.t1.liver, result.t2.liver)
        notes += about_the_pair
    return {**described, "measures": measures, "provenance": result.provenance, "notes": notes}


def _side(side_result: "SideResult | None", side: str, output: Path) -> dict[str, Any] | None:
    from liverpair.geometry import volume_ml

    if side_result is None:
        return None
    paths = {
        what: str(output / file_name(side, what)) if getattr(side_result, what) is not None else None for what in MAPS
    }
    return {**paths, "volume_ml": volume_ml(side_result.liver)}


def _write(result: "SegmentationResult", staging: Path, progress: Progress) -> None:
    from liverpair.study import write_image

    for side in SIDES:
        if getattr(result, side) is None:
            continue
        for what in MAPS:
            image = getattr(getattr(result, side), what)
            if image is not None:
                progress(SEGMENTED, f"Writing the {side.upper()} {what}")
                write_image(image, staging / file_name(side, what))


def _write_measures(described: dict[str, Any], wanted: SegmentRequest, path: Path) -> None:
    """The result as a file that may move with its folder: result files by name, inputs by path."""
    inputs = {side: str(Path(getattr(wanted, side)).absolute()) if side in wanted.sides else None for side in SIDES}
    content = {"schema_version": SCHEMA_VERSION, **described, "inputs": inputs}
    for side in SIDES:
        if described[side]:
            names = {what: described[side][what] and Path(described[side][what]).name for what in MAPS}
            content[side] = {**described[side], **names}
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


@contextmanager
def _staging(output: Path) -> Iterator[Path]:
    """A folder inside `output`, gone afterwards. An `output` made for it goes too when the block fails."""
    made = not output.exists()
    output.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(prefix=".partial-", dir=output) as folder:
            yield Path(folder)
    except BaseException:
        if made and not any(output.iterdir()):
            output.rmdir()
        raise


def _move(staging: Path, output: Path, sides: list[str]) -> None:
    """Put the whole set into place. `measures.json` goes first and comes last: where it stands, the set is complete."""
    (output / MEASURES_FILE).unlink(missing_ok=True)
    names = [file_name(side, what) for side in sides for what in MAPS]
    for name in names:
        if (staging / name).exists():
            os.replace(staging / name, output / name)
        else:
            (output / name).unlink(missing_ok=True)
    os.replace(staging / MEASURES_FILE, output / MEASURES_FILE)


def _any(image: "sitk.Image") -> bool:
    import SimpleITK as sitk

    return bool(sitk.GetArrayViewFromImage(image).any())
