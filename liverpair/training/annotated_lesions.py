"""Studies that people annotated, as training samples for detection."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from liverpair.core.cache import cached_arrays, stamp_of
from liverpair.core.lesions import Lesion
from liverpair.core.sides import Side
from liverpair.detection.preparation import PreparedPair, prepare_pair
from liverpair.detection.space import to_voxels
from liverpair.io.study import Study
from liverpair.training.paired_lesions_cache import LesionVariant, PairPreparation


class AnnotatedStudy(LesionVariant):
    """A prepared study of a patient; one without `lesions.json` is not annotated."""


def annotated_studies(
    root: Path, names: Sequence[str], preparation: PairPreparation, cache: Path
) -> list[LesionVariant]:
    """The studies of `root` with these names, prepared; those that are not on disk are made.

    Raises `InputError` when a study lacks an image or a liver mask.
    """
    found = []
    for name in names:
        study = Study.open(root / name)
        stamp = stamp_of([path for path in study.sources.values() if path.is_file()])
        path = cache / f"{preparation.key(f'{name} {stamp}')}.npz"
        if not path.exists():
            cached_arrays(path, partial(_prepared, study, preparation))
        found.append(AnnotatedStudy(name, path))
    return found


def _prepared(study: Study, preparation: PairPreparation) -> dict[str, np.ndarray]:
    """The arrays of an `AnnotatedStudy`."""
    prepared = prepare_pair(
        [study.need(side) for side in Side],
        [study.need(f"{side}_liver") for side in Side],
        preparation.policy,
        preparation.normalization,
        preparation.settings,
        preparation.multiple_of,
    )
    annotated = study.has("lesions")
    lesions = [one for one in study.lesions if one.state != "rejected"]
    boxes, visible, undecided = known_lesions(lesions, prepared)
    return {
        "channels": prepared.channels.astype(np.float16),
        "boxes": boxes,
        "visible": visible,
        "cut": undecided,
        "annotated": np.array(annotated),
    }


def known_lesions(lesions: Sequence[Lesion], prepared: PreparedPair) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What annotations say: boxes (2, n, 2, 3) float32 in voxels, NaN where a place is not known; whether each image
    shows the lesion (2, n); and where that is undecided (2, n): a proposal that nobody accepted or rejected, and a box
    that was only predicted from its partner."""
    boxes = np.full((2, len(lesions), 2, 3), np.nan, np.float32)
    visible, undecided = np.zeros((2, len(lesions)), bool), np.zeros((2, len(lesions)), bool)
    for row, lesion in enumerate(lesions):
        for image, side in enumerate(Side):
            place = lesion.box_or_moved(side)
            if place is not None:
                boxes[image, row] = to_voxels([place], prepared.grids[image])[0]
            visible[image, row] = lesion.state == "accepted" and lesion.seen(side) is not None
            undecided[image, row] = side in lesion.boxes and not visible[image, row]
    return boxes, visible, undecided
