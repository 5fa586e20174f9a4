"""Slices of the user's own for the experiments with dreams: CT of livers with tumors, or photographs with objects.

The thesis takes CT and, for the marking, photographs of cats and dogs (Couteaux 2021, chapter 3). A folder is read as
what it holds: `volume-N.nii` with `segmentation-N.nii` (1 liver, 2 tumor) as in LiTS, with or without `.gz`; or
`annotations.json` in COCO's format with its images beside it.
"""

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from liverpair.core.errors import InputError
from liverpair.io.study import read_image
from liverpair.segmentation.preparation import Normalization, prepare, unit_range
from liverpair.synthesis.paired_lesions import LesionStatistics
from liverpair.training.lesion_slices_cache import LesionSlices, SlicePreparation, lesion_slices
from liverpair.training.lesion_slices_data import SLICE_POLICY, LesionSlicesData

ANNOTATIONS = "annotations.json"
WANTED = ("cat", "dog")
"""Objects of photographs that count, where their categories have such names; otherwise all."""
LONGER_SIDE = 256
"""Of a photograph, pixels."""
HOUNSFIELD = (-100.0, 250.0)
"""What is black and what is white in CT; the thesis does not say."""
TUMOR = 2
LEAST_CASES = 3
CT_PREPARATION = SlicePreparation(SLICE_POLICY, Normalization(0.0, 100.0), LesionStatistics())


class OwnSlicesData(LesionSlicesData):
    """As `LesionSlicesData`, of a folder of one's own; `train` and `validation` name volumes or photographs."""

    def of_case(self, case: str, seeds: range) -> list[LesionSlices]:
        """The slices of a volume, or a photograph; without those that show an object when the objects are fakes."""
        whole = slices_of(self.root, case)
        return [whole if self.objects.kind == "lesions" else without_objects(whole)]


def cases_of(root: Path) -> list[str]:
    """Names of the volumes or photographs of a folder, in order. Raises `InputError` for one that holds none."""
    if (root / ANNOTATIONS).is_file():
        found = [str(image["id"]) for image in _annotations(root)["images"]]
    else:
        matches = (re.fullmatch(r"volume-(\d+)\.nii(\.gz)?", path.name) for path in root.glob("volume-*"))
        found = sorted((match[1] for match in matches if match), key=int)
    if len(found) < LEAST_CASES:
        raise InputError(
            f"'{root}' holds {len(found)} volumes or photographs; {LEAST_CASES} are needed.",
            f"Give a folder with volume-N.nii and segmentation-N.nii, or with {ANNOTATIONS} in COCO's format.",
        )
    return found


def split_of(root: Path) -> tuple[list[str], list[str], list[str]]:
    """The cases to train on, to choose by and to measure on: of the last two each a fifth, and at least one."""
    cases = cases_of(root)
    part = max(1, len(cases) // 5)
    return cases[: -2 * part], cases[-2 * part : -part], cases[-part:]


def slices_of(root: Path, case: str) -> LesionSlices:
    """The slices of a volume that show liver, with its tumors, or a photograph with its objects."""
    return _photograph(root, case) if (root / ANNOTATIONS).is_file() else _volume(root, case)


def without_objects(slices: LesionSlices) -> LesionSlices:
    """The slices that show no object. Raises `InputError` when all do."""
    kept = ~slices.labels.any(axis=(1, 2))
    if not kept.any():
        raise InputError(f"Every slice of {slices.name} shows an object.", "Add healthy ones.")
    return LesionSlices(slices.name, slices.images[kept], slices.livers[kept], slices.labels[kept], slices.spacing_mm)


def _volume(root: Path, case: str) -> LesionSlices:
    image, labels = (read_image(_nifti(root, f"{part}-{case}")) for part in ("volume", "segmentation"))
    low, high = HOUNSFIELD
    window = sitk.Clamp(sitk.Cast(image, sitk.sitkFloat32), sitk.sitkFloat32, low, high)
    numbers = sitk.ConnectedComponent(labels == TUMOR)
    count = int(sitk.GetArrayViewFromImage(numbers).max())
    arrays = lesion_slices(window, labels > 0, numbers, range(1, count + 1), CT_PREPARATION)
    spacing = tuple(map(float, arrays.pop("spacing")))
    darkest, brightest = prepare(window, CT_PREPARATION.policy, CT_PREPARATION.normalization).limits
    hounsfield = darkest + arrays["images"].astype(np.float32) * (brightest - darkest)
    arrays["images"] = unit_range(hounsfield, low, high).astype(np.float16)
    return LesionSlices(f"volume {case}", **arrays, spacing_mm=spacing)


def _nifti(root: Path, name: str) -> Path:
    for path in (root / f"{name}.nii", root / f"{name}.nii.gz"):
        if path.is_file():
            return path
    raise InputError(f"There is no '{name}.nii' in '{root}'.")


@lru_cache(maxsize=2)
def _annotations(root: Path) -> Mapping[str, Any]:
    try:
        content = json.loads((root / ANNOTATIONS).read_text(encoding="utf-8"))
        return {key: content[key] for key in ("images", "annotations", "categories")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"'{root / ANNOTATIONS}' is not in COCO's format.") from error


def _photograph(root: Path, case: str) -> LesionSlices:
    from PIL import Image, ImageDraw

    known = _annotations(root)
    about = next(image for image in known["images"] if str(image["id"]) == case)
    names = {category["id"]: category["name"] for category in known["categories"]}
    wanted = {number for number, name in names.items() if name in WANTED} or set(names)
    own = [one for one in known["annotations"] if str(one["image_id"]) == case and one["category_id"] in wanted]
    with Image.open(root / about["file_name"]) as opened:
        gray = opened.convert("L")
    scale = LONGER_SIDE / max(gray.size)
    size = tuple(max(1, round(scale * side)) for side in gray.size)
    drawn = Image.new("L", size)
    for number, one in enumerate((one for one in own if isinstance(one["segmentation"], list)), start=1):
        for polygon in one["segmentation"]:  # of crowds, COCO gives runs of pixels instead
            ImageDraw.Draw(drawn).polygon([scale * value for value in polygon], fill=number)
    image = np.asarray(gray.resize(size), np.float32)[None] / 255
    return LesionSlices(
        f"photograph {case}", image.astype(np.float16), np.ones(image.shape, bool), np.asarray(drawn)[None], (1.0, 1.0)
    )
