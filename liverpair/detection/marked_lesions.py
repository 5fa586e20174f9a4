"""Lesions that any tool marked in T1 and in T2, linked: the boxes, masks and pairs of a detection."""

import time
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from liverpair import __version__
from liverpair.bundle import Bundle
from liverpair.core.errors import InputError, Progress, no_progress, part_of
from liverpair.core.geometry import Grid, resample
from liverpair.core.sides import Side
from liverpair.detection.detect_options import DetectOptions
from liverpair.detection.detection_settings import DetectionSettings
from liverpair.detection.inference import DetectionResult, liver_masks
from liverpair.detection.lesion_masks import CONNECTED, DrawnLesions, kept_parts
from liverpair.detection.link_options import LinkOptions
from liverpair.detection.linking import linked_lesions
from liverpair.detection.preparation import liver_offset
from liverpair.io.lesion_maps import LESION_LABEL_OPTION, LesionMap

MOST_LESIONS = 1000
"""In one image; label maps of noise have more."""
LIVER_DICE = 0.7
"""What overlaps the liver by as much is the liver, not a lesion in it."""
LINKING = "link"
"""What stands in place of a model's name in the provenance."""


def link_marked(
    images: Sequence[sitk.Image],
    marked: Sequence[LesionMap],
    livers: Sequence[sitk.Image | None],
    liver_bundles: Sequence[Bundle] = (),
    options: LinkOptions = LinkOptions(),
    progress: Progress = no_progress,
) -> DetectionResult:
    """The lesions marked in T1 and in T2 of one patient as linked boxes and masks.

    Parameters
    ----------
    images, marked
        T1 and T2, and what was marked in each, on its grid.
    livers
        As in `inference.detect`: the masks by which the images are brought onto each other.

    A lesion has a score where it was marked as probabilities: their mean. Raises `InputError` for a mark that is the
    liver itself, more parts than there can be lesions, and what `liver_masks` raises.
    """
    started = time.perf_counter()
    masks, notes, qualities = liver_masks(
        images, livers, liver_bundles, DetectOptions(options.device), part_of(progress, 0.0, 0.7)
    )
    settings = DetectionSettings(
        from_masks=True,
        smallest_mm=options.smallest_mm,
        score_floor=0.0,
        maximum=MOST_LESIONS,
        link_iou=options.link_iou,
        link_growth=options.link_growth,
    )
    progress(0.7, "Taking the lesions apart")
    drawn = []
    for side, image, own, liver in zip(Side, images, marked, masks):
        _check_not_liver(own, image, liver, side.title)
        lesions, said = apart(own, image, settings, side.title)
        drawn.append(lesions)
        notes += said
    progress(0.8, "Linking the lesions")
    scored = tuple(own.probability is not None for own in marked)
    pairs, maps, said = linked_lesions(images, drawn, masks, settings, scored)
    notes += said
    if not pairs:
        notes.append("No lesion is marked, neither in T1 nor in T2.")
    progress(1.0, "Linked")
    return DetectionResult(pairs, masks, _provenance(masks, settings, started), notes, qualities, maps)


def apart(
    marked: LesionMap, image: sitk.Image, settings: DetectionSettings, name: str
) -> tuple[DrawnLesions, list[str]]:
    """The lesions among what was marked in `image` (`name`: "T1"), boxes in its voxels; their displacements are 0.

    Voxels are of one lesion when they have one label and, where labels are not `whole`, hang together by their faces.
    Raises `InputError` for more than `MOST_LESIONS`.
    """
    parts, count = _parts(marked)
    if count > MOST_LESIONS:
        raise InputError(
            f"The lesion mask of {name} is in {count} parts; that many are no lesions.",
            "Give a mask of lesions alone, or raise --smallest-mm after cleaning it.",
        )
    probability = np.ones(parts.shape, np.float32) if marked.probability is None else marked.probability
    found = kept_parts(parts, count, probability, image.GetSpacing(), settings, lambda points: points)
    few = count - len(found.found)
    if not few:
        return found, []
    what = "1 part is" if few == 1 else f"{few} parts are"
    return found, [f"{what} left out of the lesions of {name}: smaller than a ball of {settings.smallest_mm:g} mm."]


def _parts(marked: LesionMap) -> tuple[np.ndarray, int]:
    """The parts numbered from 1 (z, y, x), and how many there are."""
    parts = np.zeros(marked.labels.shape, np.int32)
    count = 0
    for label, block in enumerate(ndimage.find_objects(marked.labels), start=1):
        if block is None:
            continue
        inside = marked.labels[block] == label
        own, number = (inside.astype(np.int32), 1) if marked.whole else ndimage.label(inside, CONNECTED)
        parts[block][inside] = own[inside] + count
        count += number
    return parts, count


def _check_not_liver(marked: LesionMap, image: sitk.Image, liver: sitk.Image, name: str) -> None:
    inside = sitk.GetArrayFromImage(resample(liver != 0, Grid.of(image), "nearest")) != 0
    sizes = np.bincount(marked.labels.ravel())
    shared = np.bincount(marked.labels[inside], minlength=len(sizes))
    for label in np.flatnonzero(sizes[1:]) + 1:
        if 2 * shared[label] > LIVER_DICE * (sizes[label] + np.count_nonzero(inside)):
            raise InputError(
                f"Label {label} of the lesion mask of {name} is the liver itself.",
                f"Name the label of the lesions with {LESION_LABEL_OPTION}.",
            )


def _provenance(livers: Sequence[sitk.Image], settings: DetectionSettings, started: float) -> dict[str, Any]:
    return {
        "bundle": LINKING,
        "version": __version__,
        "link_iou": settings.link_iou,
        "link_growth": settings.link_growth,
        "smallest_mm": settings.smallest_mm,
        "score_floor": 0.0,
        "display_threshold": 0.0,
        "offset_t1_to_t2_mm": list(liver_offset(*livers)),
        "seconds": round(time.perf_counter() - started, 3),
        "software": f"LiverPair {__version__}",
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }
