"""The volumes and liver masks that a job on a pair is given, read and checked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from liverpair.errors import InputError, Progress, no_progress
from liverpair.worker.result_folder import content_sha256
from liverpair.worker.segment_results import SIDES

if TYPE_CHECKING:
    import SimpleITK as sitk

PARTS = (*SIDES, *(f"{side}_liver" for side in SIDES))


@dataclass(frozen=True)
class PairInputs:
    """Volumes of T1 and T2 and their liver masks, None for a mask that was not given."""

    images: "tuple[sitk.Image, sitk.Image]"
    livers: "tuple[sitk.Image | None, sitk.Image | None]"


def read_pair(paths: Mapping[str, str | None], progress: Progress = no_progress) -> PairInputs:
    """Read "t1", "t2" and, where they are not None, "t1_liver" and "t2_liver".

    Raises `InputError` for what cannot be read or used, a mask that does not lie in its volume, or masks that are
    swapped.
    """
    images, livers = [], []
    for step, side in enumerate(SIDES):
        progress(step / len(SIDES), f"Reading {side.upper()}")
        image, liver = read_side(side, paths[side], paths[f"{side}_liver"])
        images.append(image)
        livers.append(liver)
    check_not_swapped(images, livers)
    return PairInputs((images[0], images[1]), (livers[0], livers[1]))


def read_side(side: str, path: str, mask: str | None) -> "tuple[sitk.Image, sitk.Image | None]":
    """The volume of `side` ("t1" or "t2") and its liver mask, None when none is given.

    Raises `InputError` for what cannot be read or used, or a mask that does not lie in the volume.
    """
    from liverpair.geometry import check_volume
    from liverpair.study import read_image

    image = read_image(path)
    check_volume(image, side.upper())
    if mask is None:
        return image, None
    liver = read_image(mask)
    check_liver(liver, image, side.upper())
    return image, liver


def check_liver(mask: "sitk.Image", image: "sitk.Image", name: str) -> None:
    """Raise `InputError` unless `mask` holds a liver that lies in `image`; `name` ("T1", "T2") is whose it is."""
    import SimpleITK as sitk

    from liverpair.geometry import Grid, resample

    check_mask_of(mask, name)
    liver = mask != 0
    if not sitk.GetArrayFromImage(resample(liver, Grid.of(image), "nearest")).any():
        raise InputError(f"The liver mask of {name} does not lie in {name}.", "Choose the mask made for this volume.")


def check_mask_of(mask: "sitk.Image", name: str) -> None:
    """Raise `InputError` unless `mask` is a label map that is not empty; `name` ("T1", "T2") is whose it is."""
    import SimpleITK as sitk

    from liverpair.measures.masks import check_mask

    try:
        check_mask(mask)
    except InputError as error:
        raise InputError(f"The liver mask of {name} is none: it must be a 3-D label map.") from error
    if not sitk.GetArrayViewFromImage(mask).any():
        raise InputError(f"The liver mask of {name} is empty.", "Segment the liver again, or draw it.")


def check_not_swapped(images: "Sequence[sitk.Image]", livers: "Sequence[sitk.Image | None]") -> None:
    """Raise `InputError` for a mask that lies voxel by voxel on the other volume and not on its own."""
    from liverpair.geometry import Grid

    grids = [Grid.of(image) for image in images]
    for side, own, other, liver in zip(SIDES, grids, reversed(grids), livers):
        if liver is not None and Grid.of(liver).same_as(other) and not Grid.of(liver).same_as(own):
            raise InputError(
                f"The liver mask of {side.upper()} was made for the other volume: it has the voxels of that one.",
                "Are the two masks swapped?",
            )


def input_sha256(paths: Mapping[str, str | None]) -> dict[str, str | None]:
    """A checksum of every part that is given. Raises `InputError` for a file that does not exist."""
    for path in paths.values():
        if path is not None and not Path(path).exists():
            raise InputError(f"File '{path}' does not exist.")
    return {part: path if path is None else content_sha256(path) for part, path in paths.items()}
