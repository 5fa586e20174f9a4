"""The volumes and liver masks that a job on a pair is given, read and checked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from liverpair.core.errors import InputError, Progress, no_progress
from liverpair.core.geometry import Grid, centroid_mm, check_volume, resample, volume_ml
from liverpair.core.sides import Side
from liverpair.io.image_notes import notes_on
from liverpair.io.study import read_image
from liverpair.jobs.requests import LABEL_OPTION
from liverpair.measures.masks import check_mask, structure_mask

SMALLEST_PART_INSIDE = 0.5
"""Of a mask, in its volume: one made for it, or for an earlier crop of it, lies in it."""


@dataclass(frozen=True)
class PairInputs:
    """Volumes of T1 and T2 and their liver masks, None for a mask that was not given; sentences about them."""

    images: tuple[sitk.Image, sitk.Image]
    livers: tuple[sitk.Image | None, sitk.Image | None]
    notes: tuple[str, ...] = ()


def read_pair(
    paths: Mapping[str, str | None], progress: Progress = no_progress, liver_label: int | str | None = None
) -> PairInputs:
    """Read "t1", "t2" and, where they are not None, "t1_liver" and "t2_liver"; `liver_label`: see `structure_mask`.

    Raises `InputError` for what cannot be read or used, a mask that does not lie in its volume, or masks that are
    swapped.
    """
    images, livers, notes = [], [], []
    for step, side in enumerate(Side):
        progress(step / len(Side), f"Reading {side.title}")
        image, liver, said = read_side(side, paths[side], paths[f"{side}_liver"], liver_label)
        notes += said
        images.append(image)
        livers.append(liver)
    check_not_swapped(images, livers)
    return PairInputs((images[0], images[1]), (livers[0], livers[1]), tuple(notes))


def read_side(
    side: Side, path: str, mask: str | None, liver_label: int | str | None = None
) -> tuple[sitk.Image, sitk.Image | None, list[str]]:
    """The volume of `side` ("t1" or "t2"), its liver mask, None when none is given, and sentences about it.

    Raises `InputError` for what cannot be read or used, or a mask that does not lie in the volume.
    """
    image = read_image(path)
    check_volume(image, side.title)
    notes = [f"{side.title}: {note}" for note in notes_on(image)]
    if mask is None:
        return image, None, notes
    map_ = read_image(mask)
    liver, said = liver_of(map_, side.title, liver_label)
    check_liver(liver, image, side.title)
    return image, liver, [*notes, *(f"Liver mask of {side.title}: {note}" for note in notes_on(map_)), *said]


def liver_of(map_: sitk.Image, name: str, label: int | str | None = None) -> tuple[sitk.Image, list[str]]:
    """The liver in a mask, label map or probability map, and sentences about it; `name` ("T1", "T2") is whose it is.

    Raises `InputError` where there is none, or it is not clear which label it is.
    """
    try:
        check_mask(map_)
    except InputError as error:
        raise InputError(f"The liver mask of {name} is not a 3-D label map.") from error
    return structure_mask(map_, label, f"The liver mask of {name}", LABEL_OPTION)


def check_liver(mask: sitk.Image, image: sitk.Image, name: str) -> None:
    """Raise `InputError` unless most of `mask` lies in `image`; `name` ("T1", "T2") is whose it is."""
    grid = Grid.of(image)
    inside = volume_ml(resample(mask, grid, "nearest")) / volume_ml(mask)
    if inside < SMALLEST_PART_INSIDE:
        center = grid.index(centroid_mm(mask))
        beyond = center - np.clip(center, 0, np.subtract(grid.size, 1))
        raise InputError(
            f"The liver mask of {name} does not lie in {name}: {1 - inside:.0%} of it is outside, its center by "
            f"{np.linalg.norm(beyond * grid.spacing):.0f} mm.",
            "Choose the mask made for this volume.",
        )


def check_not_swapped(images: Sequence[sitk.Image], livers: Sequence[sitk.Image | None]) -> None:
    """Raise `InputError` for a mask that lies voxel by voxel on the other volume and not on its own, or has the voxels
    of its own but in another place."""
    grids = [Grid.of(image) for image in images]
    for side, own, other, liver in zip(Side, grids, reversed(grids), livers):
        if liver is None or (lies := Grid.of(liver)).same_as(own):
            continue
        if lies.same_as(other):
            raise InputError(
                f"The liver mask of {side.title} was made for the other volume: it has the voxels of that one.",
                "Are the two masks swapped?",
            )
        if lies.size == own.size and np.allclose(lies.spacing, own.spacing, rtol=1e-3):
            middle = np.subtract(own.size, 1) / 2
            away = float(np.linalg.norm(lies.point(middle) - own.point(middle)))
            if away > max(own.spacing):
                raise InputError(
                    f"The liver mask of {side.title} has the voxels of {side.title} but lies {away:.0f} mm from them.",
                    "Its file has lost its place: export it again, or choose the mask made for this volume.",
                )
