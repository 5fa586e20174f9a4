"""Every lesion in a T1 and a T2 volume that are not registered, as a pair of boxes in space."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

import numpy as np
import SimpleITK as sitk
import torch

from liverpair import __version__
from liverpair.bundle import Bundle
from liverpair.core.device import choose_device
from liverpair.core.errors import BundleError, InputError, Progress, no_progress, part_of
from liverpair.core.geometry import Grid, check_volume
from liverpair.core.lesions import Lesion, LesionBox
from liverpair.core.memory import with_memory_fallback
from liverpair.core.sides import Side
from liverpair.detection.detect_options import DetectOptions
from liverpair.detection.detection_settings import DetectionSettings
from liverpair.detection.finding import Answer, ask, find_boxes
from liverpair.detection.foreign_lesions import ForeignDetector
from liverpair.detection.lesion_masks import MaskDetector, drawn_in_boxes, on_image
from liverpair.detection.pairing import LinkedBoxes, link
from liverpair.detection.preparation import PreparedPair, liver_offset, prepare_pair
from liverpair.detection.registered import moved_by, ways_between
from liverpair.detection.space import to_space
from liverpair.engine import Engine, make_engine
from liverpair.measures.masks import structure_mask
from liverpair.measures.plausibility import MaskQuality
from liverpair.networks.retina import RetinaWithVoxels
from liverpair.segmentation.inference import SegmentOptions, segment
from liverpair.segmentation.prediction import engine_summary, grid_policy, normalization

TASK = "detection"
PRECISE_ENGINE = "torch-fp32"
"""What the engine "auto" means here: boxes near the threshold come and go with the precision."""


@dataclass(frozen=True)
class DetectionResult:
    """Lesion pairs, numbered by falling score; the liver masks they were looked for in; what made them; sentences for
    the user; the quality of liver masks that were made; and, from a model that also draws them, label maps on the
    grids of T1 and T2 (uint16) in which a lesion has its number."""

    pairs: list[Lesion]
    livers: tuple[sitk.Image, sitk.Image]
    provenance: dict[str, Any]
    notes: list[str]
    qualities: tuple[MaskQuality | None, MaskQuality | None] = (None, None)
    masks: tuple[sitk.Image, ...] = ()


@dataclass(frozen=True)
class Detector:
    """A bundle's network with what it needs to know of the images. `engine` gives the engine for a device and an
    input shape."""

    bundle: Bundle
    settings: DetectionSettings
    strides: Mapping[int, Sequence[int]]
    multiple_of: tuple[int, ...]
    engine: Callable[[torch.device, Sequence[int]], Engine]

    @classmethod
    def of(cls, bundle: Bundle, options: DetectOptions = DetectOptions()) -> "Detector":
        """The detector of a bundle. Raises `BundleError` for a bundle that is none."""
        if bundle.task != TASK:
            raise BundleError(
                f"Model '{bundle.name}' is for {bundle.task}, not for detection.", "Choose another model."
            )
        if bundle.section(TASK).get("from_masks"):
            raise BundleError(
                f"Model '{bundle.name}' draws lesions in one image at a time; it predicts no partner of a box.",
                "Choose another model.",
            )
        network = bundle.network("cpu")
        if getattr(network, "dimensions", None) != 3 or not hasattr(network, "strides"):
            raise BundleError(f"Model '{bundle.name}' has no network that detects in volumes.", "Choose another model.")
        name = PRECISE_ENGINE if options.engine == "auto" else options.engine

        module = network if getattr(network, "segmentation", None) is None else RetinaWithVoxels(network).eval()

        def engine(device: torch.device) -> Engine:
            return make_engine(module, name, device)

        settings = DetectionSettings.read(bundle.section(TASK), bundle.name, **_changes(options))
        if {len(size) for size in settings.anchor_sizes} != {3} or len(settings.anchor_sizes) != network.anchors:
            raise BundleError(
                f"Model '{bundle.name}' is refused: its anchor_sizes are not the {network.anchors} boxes "
                "of 3 numbers that its network answers for."
            )
        return cls(bundle, settings, network.strides, tuple(network.multiple_of), engine)

    def prepare(self, images: Sequence[sitk.Image], livers: Sequence[sitk.Image]) -> PreparedPair:
        """What the network sees of T1 and T2."""
        bundle = self.bundle
        return prepare_pair(images, livers, grid_policy(bundle), normalization(bundle), self.settings, self.multiple_of)

    def find(
        self, prepared: PreparedPair, livers: Sequence[sitk.Image], device: torch.device
    ) -> tuple[list[LinkedBoxes], list[np.ndarray], Engine, list[str]]:
        """As in `MaskDetector`; no masks from a network without a voxel segmentation.

        Raises `OutOfMemoryError` when the block does not fit on the CPU.
        """
        answer, engine, notes = self.ask(prepared.channels, device)
        found = find_boxes(answer.output, answer.anchors, self.settings)
        if self.settings.linked_by == "registration":
            ways, said = ways_between(prepared.grids, livers)
            found, notes = [moved_by(way, one) for way, one in zip(ways, found)], [*notes, *said]
        linked = link(*found, self.settings.link_iou, self.settings.link_growth)
        lesions = () if answer.lesions is None else answer.lesions
        return linked, [drawn_in_boxes(one, linked, side) for side, one in enumerate(lesions)], engine, notes

    def ask(self, channels: np.ndarray, device: torch.device) -> tuple[Answer, Engine, list[str]]:
        """The network's answer (see `finding.ask`); the rest as `find` has it."""
        shape = channels.shape[1:]

        def run(window: Sequence[int], place: torch.device) -> tuple[Answer, Engine]:
            engine = self.engine(place)
            return ask(engine, channels, self.strides, self.settings), engine

        fitted = with_memory_fallback(run, shape, device, self.multiple_of, minimum=shape)
        answer, engine = fitted.result
        return answer, engine, [*fitted.notes, *engine.notes]


def detect(
    t1: sitk.Image,
    t2: sitk.Image,
    bundle: Bundle,
    livers: Sequence[sitk.Image | None] = (None, None),
    liver_bundles: Sequence[Bundle] = (),
    options: DetectOptions = DetectOptions(),
    progress: Progress = no_progress,
) -> DetectionResult:
    """Find the lesions of one patient in T1 and T2, which need not be registered or share a grid, and link them.

    Parameters
    ----------
    t1, t2
        The volumes. They are not changed.
    bundle
        A model of the task "detection".
    livers
        Liver masks of T1 and T2 (not zero is liver). What is None is segmented with `liver_bundles` first.
    options, progress
        How, and who watches.

    Returns boxes in LPS mm along the axes of the image each lies in. Raises `InputError` for a volume or mask that
    cannot be used, `BundleError` for a bundle that is not for this, `OutOfMemoryError`, and lets `Cancelled` from
    `progress` through.
    """
    started = time.perf_counter()
    images = (t1, t2)
    for side, image in zip(Side, images):
        check_volume(image, side.title)
    detector = detector_of(bundle, options)
    settings = detector.settings
    device = choose_device(options.device)
    masks, notes, qualities = liver_masks(images, livers, liver_bundles, options, part_of(progress, 0.0, 0.5))
    progress(0.5, "Preparing")
    if isinstance(detector, ForeignDetector):
        offset = liver_offset(*masks)
        pairs, lesion_masks, engine, said = detector.find(images, masks, device, part_of(progress, 0.5, 0.95))
    else:
        prepared = detector.prepare(images, masks)
        offset = prepared.offset_t1_to_t2_mm
        progress(0.6, "Looking for lesions")
        linked, drawn, engine, said = detector.find(prepared, masks, device)
        progress(0.95, "Back to the volumes")
        lesion_masks = tuple(on_image(*one) for one in zip(drawn, prepared.grids, images))
        pairs = lesion_pairs(linked, prepared.grids, images)
    progress(1.0, "Detected")
    provenance = {
        "bundle": bundle.name,
        "version": bundle.version,
        "sha256": bundle.sha256,
        **engine_summary(engine),
        "alignment": settings.alignment,
        "score_floor": settings.score_floor,
        "display_threshold": settings.display_threshold,
        "offset_t1_to_t2_mm": list(offset),
        "seconds": round(time.perf_counter() - started, 3),
        "software": f"LiverPair {__version__}",
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }
    return DetectionResult(pairs, masks, provenance, list(dict.fromkeys([*notes, *said])), qualities, lesion_masks)


def detector_of(bundle: Bundle, options: DetectOptions = DetectOptions()) -> Detector | MaskDetector | ForeignDetector:
    """The detector of a bundle of any kind. Raises `BundleError` for a bundle that is none."""
    if bundle.task == TASK and bundle.section(TASK).get("from_masks"):
        settings = DetectionSettings.read(bundle.section(TASK), bundle.name, **_changes(options))
        if bundle.foreign:
            return ForeignDetector(bundle, settings)
        return MaskDetector(bundle, settings, options.engine)
    return Detector.of(bundle, options)


def _changes(options: DetectOptions) -> dict[str, Any]:
    names = ("score_floor", "alignment", "linked_by")
    return {name: value for name in names if (value := getattr(options, name)) is not None}


def lesion_pairs(linked: Sequence[LinkedBoxes], grids: Sequence[Grid], images: Sequence[sitk.Image]) -> list[Lesion]:
    """Linked boxes in voxels of `grids` as lesion pairs in space, each box along the axes of its image, numbered in
    their order, with the displacement that they bring.
    """
    bounds = np.array([pair.boxes for pair in linked]).reshape(-1, 2, 2, 3)
    sides = [to_space(bounds[:, i], grids[i], images[i].GetDirection()) for i in (0, 1)]
    first, second = grids
    pairs = []
    for number, (pair, *boxes) in enumerate(zip(linked, *sides), start=1):
        origins = ("predicted" if row is None else "detected" for row in pair.rows)
        way = second.point(pair.predicted[::-1]) - first.point((0.0, 0.0, 0.0))
        boxes = dict(zip(Side, map(LesionBox, boxes, origins, pair.scores)))
        pairs.append(Lesion(number, boxes, displacement_mm=tuple(map(float, way))))
    return pairs


def liver_masks(
    images: Sequence[sitk.Image],
    livers: Sequence[sitk.Image | None],
    bundles: Sequence[Bundle],
    options: DetectOptions,
    progress: Progress = no_progress,
) -> tuple[tuple[sitk.Image, sitk.Image], list[str], tuple[MaskQuality | None, MaskQuality | None]]:
    """The masks of T1 and T2, those that are None segmented with `bundles`, sentences for the user, and what the
    models think of the masks they made. Raises `InputError` for a mask of several labels."""
    checked = [
        (None, []) if mask is None else structure_mask(mask, None, f"The liver mask of {side.title}")
        for side, mask in zip(Side, livers)
    ]
    livers, notes = [mask for mask, _ in checked], [note for _, said in checked for note in said]
    missing = [side.title for side, mask in zip(Side, livers) if mask is None]
    if not missing:
        return (livers[0], livers[1]), notes, (None, None)
    if not bundles:
        raise InputError(
            f"There is no liver mask for {' and '.join(missing)}, and no model to make it.",
            "Choose a liver model or a mask.",
        )
    wanted = [image if mask is None else None for image, mask in zip(images, livers)]
    made = segment(*wanted, bundles, SegmentOptions(options.device), progress)
    results = (made.t1, made.t2)
    masks = [mask if mask is not None else result.liver for mask, result in zip(livers, results, strict=True)]
    return (masks[0], masks[1]), [*notes, *made.notes], tuple(one and one.quality for one in results)
