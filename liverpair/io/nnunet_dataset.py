"""Studies as a raw dataset of nnU-Net v2: images, label maps and dataset.json, as `nnUNetv2_plan_and_preprocess` takes
it."""

import json
import re
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import SimpleITK as sitk

from liverpair.core.errors import InputError, Progress, no_progress
from liverpair.core.geometry import Grid, check_volume, like, resample
from liverpair.core.sides import Side
from liverpair.io.lesion_maps import read_lesion_map
from liverpair.io.study import read_image, sources_of, write_image
from liverpair.measures.masks import structure_mask

LABELS = {
    "livers": {"background": 0, "liver": 1},
    "lesions": {"background": 0, "lesion": 1},
    "both": {"background": 0, "liver": 1, "lesion": 2},
}
LESIONS_FILE = "{}_lesions.nii.gz"
NAME = re.compile(r"[A-Za-z0-9_-]+")

What = Literal["livers", "lesions", "both"]


@dataclass(frozen=True)
class ExportedDataset:
    """Where a dataset is, its cases, and sentences about what is not in it."""

    folder: Path
    cases: list[str]
    notes: list[str]


def write_nnunet_dataset(
    studies: Sequence[Path],
    output: Path,
    what: What = "livers",
    sides: Sequence[Side] = tuple(Side),
    number: int = 1,
    name: str = "LiverPair",
    both_channels: bool = False,
    progress: Progress = no_progress,
) -> ExportedDataset:
    """Write `output`/DatasetNNN_NAME: each image of `sides` that has its masks is a case, "STUDY_t1".

    Parameters
    ----------
    studies
        Folders with `t1.nii.gz`, `t1_liver.nii.gz` and, for lesions, `t1_lesions.nii.gz` (a label map); likewise T2.
    what
        What is labeled: livers, lesions, or both, a lesion being no part of the liver then.
    number, name
        Of the dataset: nnU-Net wants a number from 1 to 999.
    both_channels
        Whether the other image, brought onto the grid of the case by scanner coordinates, is a second channel.

    The folder appears whole or not at all. Raises `InputError` where it is there already, no case is left, or a mask
    does not lie in its image.
    """
    if not 1 <= number <= 999:
        raise InputError(f"Dataset {number} cannot be: nnU-Net numbers them from 1 to 999.")
    if not NAME.fullmatch(name):
        raise InputError(f"'{name}' cannot be the name of a dataset.", "Use letters, digits, '_' and '-'.")
    target = output / f"Dataset{number:03d}_{name}"
    if target.exists():
        raise InputError(f"'{target}' exists already.", "Choose another folder, name or number.")
    output.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".partial-", dir=output))
    cases, notes = [], []
    try:
        for step, study in enumerate(studies):
            progress(step / len(studies), f"{study.name}: writing")
            sources = sources_of(study)
            for side in sides:
                case = f"{study.name}_{side}"
                missing = _write_case(draft, case, study, sources, side, what, both_channels)
                if missing:
                    notes.append(f"'{study.name}' has no {missing}: its {side.title} is left out.")
                else:
                    cases.append(case)
        if not cases:
            raise InputError("No study has what is needed.", " ".join(dict.fromkeys(notes)))
        images = ["MRI", "MRI of the other weighting"] if both_channels else ["MRI"]
        content = {
            "channel_names": {str(index): image for index, image in enumerate(images)},
            "labels": LABELS[what],
            "numTraining": len(cases),
            "file_ending": ".nii.gz",
            "name": name,
            "description": f"{what} in {' and '.join(side.title for side in sides)}, written by LiverPair",
        }
        (draft / "dataset.json").write_text(json.dumps(content, indent=1), encoding="utf-8")
        progress(1.0, "Saving")
        draft.chmod(0o755)
        draft.rename(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return ExportedDataset(target, cases, notes)


def _write_case(
    draft: Path, case: str, study: Path, sources: dict[str, Path], side: Side, what: What, both_channels: bool
) -> str:
    """Write the files of a case; what is missing for it, "" when nothing is."""
    lesions = study / LESIONS_FILE.format(side)
    needed = {f"{side.title} volume": sources.get(side)}
    if what != "lesions":
        needed[f"{side.title} liver mask"] = sources.get(f"{side}_liver")
    if what != "livers":
        needed[f"{side.title} lesions ({lesions.name})"] = lesions if lesions.is_file() else None
    if both_channels:
        needed[f"{side.other.title} volume"] = sources.get(side.other)
    missing = next((part for part, source in needed.items() if source is None), "")
    if missing:
        return missing
    image = read_image(sources[side])
    check_volume(image, f"{side.title} of '{study.name}'")
    labels = np.zeros(Grid.of(image).shape, np.uint8)
    if what != "lesions":
        mask, _ = structure_mask(read_image(sources[f"{side}_liver"]), None, f"The liver mask of {side.title}")
        labels[sitk.GetArrayFromImage(resample(mask, Grid.of(image), "nearest")) != 0] = 1
    if what != "livers":
        marked, _ = read_lesion_map(str(lesions), image, side.title)
        labels[marked.labels != 0] = LABELS[what]["lesion"]
    write_image(like(labels, image), draft / "labelsTr" / f"{case}.nii.gz")
    shown = [image, resample(read_image(sources[side.other]), Grid.of(image))] if both_channels else [image]
    for index, one in enumerate(shown):
        path = draft / "imagesTr" / f"{case}_{index:04d}.nii.gz"
        write_image(sitk.Cast(one, sitk.sitkFloat32), path)
    return ""
