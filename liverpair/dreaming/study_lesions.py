"""The lesions drawn in study folders, as a network sees them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from liverpair.bundle.manifest import SLICE_SEGMENTATION
from liverpair.core.atomic import IMAGE_SUFFIXES
from liverpair.core.errors import InputError, LiverPairError, Progress, no_progress
from liverpair.core.geometry import Grid, check_volume
from liverpair.core.sides import Side
from liverpair.io.study import Study, read_image
from liverpair.measures.masks import check_mask
from liverpair.segmentation.preparation import prepare, prepare_labels

if TYPE_CHECKING:
    from liverpair.bundle import Bundle

LesionObject = tuple[np.ndarray, np.ndarray, tuple[float, ...]]
"""Image in [0, 1], mask, (z, y, x) or (y, x), and spacing (x, y[, z]) in mm."""

LARGEST_LABEL = 2**32
"""A value beyond this counts no lesions."""

MOST_LESIONS = 1000
"""An image with more values than this is no map of lesions."""


@dataclass(frozen=True)
class DrawnLesions:
    """The files of lesions in study folders, by folder and side, and which studies those are in words."""

    files: dict[tuple[Path, Side], Path]
    words: str

    @classmethod
    def find(cls, studies: Sequence[str | Path], bundle: "Bundle", side: Side | None = None) -> "DrawnLesions":
        """`t1_lesions.nii.gz` and `t2_lesions.nii.gz` (or another image suffix) of the sides that a model takes, or of
        `side`. Raises `InputError` when no study has one, or the model is not for `side`."""
        sides = _sides(bundle, side)
        folders = [Path(folder) for folder in studies]
        sources = {(folder, s): _lesion_file(folder, s) for folder in folders for s in sides}
        files = {place: path for place, path in sources.items() if path is not None}
        if not files:
            names = " or ".join(f"{s}_lesions.nii.gz" for s in sides)
            where = f"Study '{folders[0].name}' has no" if len(folders) == 1 else f"None of {len(folders)} studies has"
            raise InputError(
                f"{where} drawn lesions.",
                f"Normal ranges need label maps, {names}, beside the volumes; boxes (lesions.json) show no outline.",
            )
        used = len({folder for folder, _ in files})
        others = f" ({len(folders) - used} more have none)" if used < len(folders) else ""
        drawn = [s.title for s in sides if any(s == side for _, side in files)]
        words = f"lesions drawn in {' and '.join(drawn)} of {used} {'study' if used == 1 else 'studies'}{others}"
        return cls(files, words)

    def objects(self, bundle: "Bundle", progress: Progress = no_progress) -> Iterator[LesionObject]:
        """Every lesion as a model sees it. Raises `InputError` naming the study that cannot be read."""
        for step, ((folder, side), path) in enumerate(self.files.items()):
            progress(step / len(self.files), f"{folder.name}, {side.title}")
            try:
                yield from lesion_objects(Study.open(folder), side, _separate(read_image(path)), bundle)
            except LiverPairError as error:
                name = f"Study '{folder.name}'"
                said = error.message if error.message.startswith(name) else f"{name}: {error.message}"
                raise type(error)(said, error.hint) from error


def lesion_objects(study: Study, side: Side, labels: sitk.Image, bundle: "Bundle") -> Iterator[LesionObject]:
    """Every lesion of a label map in the image of `side` of a study, as a model sees it.

    A lesion that does not reach into what the model sees is left out. Raises `InputError` for what is no label map or
    an image that cannot be used.
    """
    image, grid = _seen(study, side, bundle)
    for value in _values(labels):
        mask = prepare_labels(labels, grid, [value])[0] >= 0.5
        if not mask.any():
            continue
        if bundle.task == SLICE_SEGMENTATION:
            row = int(mask.sum(axis=(1, 2)).argmax())
            yield image[row], mask[row], grid.spacing[:2]
        else:
            yield image, mask, grid.spacing


def _seen(study: Study, side: Side, bundle: "Bundle") -> tuple[np.ndarray, Grid]:
    """The image (z, y, x) of a side in [0, 1] on the working grid of a model."""
    from liverpair.detection.inference import TASK as DETECTION
    from liverpair.dreaming.subject import prepare_subject
    from liverpair.segmentation.prediction import grid_policy, normalization

    if bundle.task == DETECTION:
        images = {s: study.need(s) for s in Side}
        livers = {s: study.need(f"{s}_liver") for s in Side}
        subject = prepare_subject(bundle, images, livers, side=side)
        return subject.image, subject.grid
    image = study.need(side)
    check_volume(image, side.title)
    prepared = prepare(image, grid_policy(bundle), normalization(bundle))
    return prepared.array, prepared.grid


def _sides(bundle: "Bundle", side: Side | None) -> list[Side]:
    """The sides a model takes, or the one of them that is wanted. Raises `InputError` for another."""
    takes = [s for s in Side if any(s.title in given for given in bundle.inputs)]
    if side is None:
        return takes
    if side not in takes:
        raise InputError(f"Model '{bundle.name}' is for {' and '.join(s.title for s in takes)}, not for {side.title}.")
    return [side]


def _lesion_file(folder: Path, side: Side) -> Path | None:
    places = (folder / f"{side}_lesions{suffix}" for suffix in IMAGE_SUFFIXES)
    return next((place for place in places if place.is_file()), None)


def _separate(labels: sitk.Image) -> sitk.Image:
    """A label map with a value for each lesion: that of a mask with one value from its connected parts."""
    if len(_values(labels)) != 1:
        return labels
    return sitk.ConnectedComponent(labels != 0, True)


def _values(labels: sitk.Image) -> list[int]:
    """The values of a label map but 0. Raises `InputError` for an image that is none."""
    check_mask(labels)
    values = np.unique(sitk.GetArrayViewFromImage(labels))
    values = values[values != 0]
    if len(values) > MOST_LESIONS or (values != np.rint(values)).any() or (abs(values) > LARGEST_LABEL).any():
        raise InputError("Its file of lesions is not a label map.", "Use whole numbers, one for each lesion.")
    return [int(value) for value in values]
