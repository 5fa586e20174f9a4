"""Lesions that another tool, or a person, marked in one image: a label map, one file a lesion, or a DICOM segmentation,
on the grid of the image."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from liverpair.core.atomic import image_suffix, part_of_address
from liverpair.core.errors import InputError
from liverpair.core.geometry import Grid, like, resample, volume_ml
from liverpair.io.dicom_segments import is_segmentation, read_segments
from liverpair.io.study import read_image
from liverpair.measures.masks import PROBABILITY_FLOOR, check_mask, lesion_values

LESION_LABEL_OPTION = "--lesion-label"
SMALLEST_PART_INSIDE = 0.5
LARGEST_LABEL = 65535


@dataclass(frozen=True)
class LesionMap:
    """What was marked in one image.

    `labels` (z, y, x) int32 on the grid of the image: 0, or the label of a lesion. Where it is not `whole`, each
    connected part of a label is a lesion. `probability` (z, y, x) float32, where the marks came as probabilities.
    """

    labels: np.ndarray
    whole: bool = False
    probability: np.ndarray | None = None


def read_lesion_map(
    path: str, image: sitk.Image, name: str, labels: Sequence[int | str] = ()
) -> tuple[LesionMap, list[str]]:
    """The lesions in a mask, label map or probability map, in a folder with one such file a lesion, or in a DICOM
    segmentation; and sentences about them.

    A map without a lesion is read too: where nothing was found, nothing is marked.

    Parameters
    ----------
    image
        The volume they were marked in; a map on another grid is brought onto its own.
    name
        "T1" or "T2", for the sentences.
    labels
        Which labels, or segments, are lesions: numbers, or names of `LESION_LABELS`. All where there are none, but
        those segments of a DICOM segmentation that are anatomical structures.

    Raises `InputError` for what cannot be read, is no such map, lies outside the volume, or has none of the `labels`.
    """
    where, _ = part_of_address(path)
    wanted = lesion_values(labels)
    files = sorted(file for file in where.iterdir() if image_suffix(file)) if where.is_dir() else []
    if files:
        return _of_files(files, image, name)
    segmentations = [where] if where.is_file() else sorted(where.iterdir()) if where.is_dir() else []
    segmentations = [file for file in segmentations if not image_suffix(file) and is_segmentation(file)]
    if len(segmentations) > 1:
        raise InputError(f"'{path}' holds {len(segmentations)} DICOM segmentations.", "Name the one that is meant.")
    if segmentations:
        return _of_segments(segmentations[0], image, name, wanted)
    if where.is_dir():
        raise InputError(f"'{path}' holds neither masks nor a DICOM segmentation.")
    return _of_map(read_image(path), image, name, wanted)


def _of_map(map_: sitk.Image, image: sitk.Image, name: str, wanted: Sequence[int]) -> tuple[LesionMap, list[str]]:
    what = f"The lesion mask of {name}"
    values = _checked(map_, what)
    if _is_probability(values):
        map_ = _on_image(map_, image, what, "linear", values >= PROBABILITY_FLOOR)
        probability = sitk.GetArrayFromImage(map_).astype(np.float32)
        note = f"{what} is a probability map: voxels from {PROBABILITY_FLOOR:g} on were taken."
        return LesionMap((probability >= PROBABILITY_FLOOR).astype(np.int32), probability=probability), [note]
    if wanted:
        chosen = np.isin(values, wanted)
        if not chosen.any() and values.any():
            found = ", ".join(f"{value:g}" for value in np.unique(values[values != 0])[:12])
            raise InputError(
                f"{what} has no voxel of label {', '.join(map(str, wanted))}; it holds {found}.",
                f"Name the label of the lesions with {LESION_LABEL_OPTION}.",
            )
        map_ = sitk.Mask(sitk.Cast(map_, sitk.sitkInt32), _like(chosen, map_))
    own = sitk.Cast(map_, sitk.sitkInt32)
    brought = _on_image(own, image, what, "nearest")
    lost = _parts(own) - _parts(brought)
    notes = [f"{lost} parts of the lesion mask of {name} are too small for the voxels of {name}."] if lost > 0 else []
    return LesionMap(sitk.GetArrayFromImage(brought)), notes


def _of_files(files: Sequence[Path], image: sitk.Image, name: str) -> tuple[LesionMap, list[str]]:
    labels = np.zeros(Grid.of(image).shape, np.int32)
    shared = 0
    for number, file in enumerate(files, start=1):
        what = f"'{file.name}'"
        mask = read_image(file)
        values = _checked(mask, what)
        inside = values >= PROBABILITY_FLOOR if _is_probability(values) else values != 0
        mask = _on_image(_like(inside, mask), image, what, "nearest")
        marked = sitk.GetArrayViewFromImage(mask) != 0
        shared += np.count_nonzero(marked & (labels != 0))
        labels[marked] = number
    notes = [f"{shared} voxels in {name} are marked in several files; each counts for the last."] if shared else []
    return LesionMap(labels, whole=True), notes


def _of_segments(path: Path, image: sitk.Image, name: str, wanted: Sequence[int]) -> tuple[LesionMap, list[str]]:
    labels = np.zeros(Grid.of(image).shape, np.int32)
    listed, organs = [], []
    for segment in read_segments(path):
        listed.append(f"{segment.number} ({segment.label})")
        if segment.number not in wanted and (wanted or segment.anatomical):
            organs.append(segment.label)
            continue
        marked = _like(sitk.GetArrayViewFromImage(segment.mask) >= PROBABILITY_FLOOR, segment.mask)
        marked = _on_image(marked, image, f"The segment '{segment.label}' of '{path.name}'", "nearest")
        labels[sitk.GetArrayViewFromImage(marked) != 0] = segment.number
    if len(organs) == len(listed):
        raise InputError(
            f"'{path.name}' has no segment of a lesion; it has {', '.join(listed) or 'none at all'}.",
            f"Name the number of the lesions' segment with {LESION_LABEL_OPTION}.",
        )
    notes = [f"Segments of '{path.name}' that are no lesions in {name}: {', '.join(organs)}."] if organs else []
    return LesionMap(labels), notes


def _parts(labels: sitk.Image) -> int:
    """How many connected parts a map has."""
    return ndimage.label(sitk.GetArrayViewFromImage(labels))[1]


def _checked(map_: sitk.Image, what: str) -> np.ndarray:
    """The voxels of a map. Raises `InputError` for what holds neither labels nor probabilities."""
    try:
        check_mask(map_)
    except InputError as error:
        raise InputError(f"{what} is not a 3-D label map.") from error
    values = sitk.GetArrayViewFromImage(map_)
    low, high = values.min(initial=0), values.max(initial=0)
    if not _is_probability(values) and ((values != np.rint(values)).any() or low < 0 or high > LARGEST_LABEL):
        raise InputError(f"{what} holds values from {low:g} to {high:g}: it is no map of labels or probabilities.")
    return values


def _is_probability(values: np.ndarray) -> bool:
    return bool(values.max(initial=0) <= 1 and values.min(initial=0) >= 0 and (values != np.rint(values)).any())


def _like(inside: np.ndarray, map_: sitk.Image) -> sitk.Image:
    return like(inside.astype(np.uint8), map_)


def _on_image(
    map_: sitk.Image, image: sitk.Image, what: str, interpolation: str, inside: np.ndarray | None = None
) -> sitk.Image:
    """`map_` on the grid of `image`. Raises `InputError` when most of it, or of its voxels `inside`, lies elsewhere."""
    grid = Grid.of(image)
    if Grid.of(map_).same_as(grid):
        return map_
    mask = _like(sitk.GetArrayViewFromImage(map_) != 0 if inside is None else inside, map_)
    volume = volume_ml(mask)
    if volume and volume_ml(resample(mask, grid, "nearest")) < SMALLEST_PART_INSIDE * volume:
        raise InputError(
            f"{what} does not lie in its volume, or is too small for its voxels.",
            "Choose the mask made for this volume; are those of T1 and T2 swapped?",
        )
    return resample(map_, grid, interpolation)
