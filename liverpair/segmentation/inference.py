"""The liver in a T1 and a T2 volume that are not registered: each result comes back on its own input's grid."""

import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from typing import Any

import numpy as np
import SimpleITK as sitk
import torch

from liverpair import __version__
from liverpair.bundle import Bundle
from liverpair.bundle.manifest import DiceCalibration
from liverpair.bundle.strategies import Pass, strategy, titles
from liverpair.core.device import choose_device
from liverpair.core.errors import BundleError, InputError, OutOfMemoryError, Progress, no_progress, part_of
from liverpair.core.geometry import Grid, check_volume, like
from liverpair.core.memory import available_memory
from liverpair.core.sides import Side
from liverpair.engine import Engine
from liverpair.measures.overlap import soft_dice
from liverpair.measures.plausibility import MaskQuality
from liverpair.segmentation.channels import channels_of
from liverpair.segmentation.foreign import probability_of
from liverpair.segmentation.postprocessing import entropy, to_mask
from liverpair.segmentation.prediction import Window, engine_summary, grid_policy, normalization, warm_predictor
from liverpair.segmentation.preparation import to_image_grid
from liverpair.segmentation.segment_options import SegmentOptions

KeepMap = Callable[[Side, str, sitk.Image], None]
"""Takes a map of a side: "probability" or "uncertainty"."""
MAP_BYTES = 4
"""Of a voxel."""
GAMBLED = "The uncertainty in {} is the gambler's: where it would bet that the mask is wrong."
OF_VIEWS = "The uncertainty in {} is that of the views: the probability that the mask is wrong, by how sure each is."
OF_SEVERAL = "The uncertainty in {} is the mean of the models' own."
REGISTERED = 0.4
"""Part of a pass that is done when its images are registered."""


@dataclass(frozen=True)
class SideResult:
    """One volume's result on that volume's grid: `liver` uint8 (0, 1); on request `probability` and `uncertainty`,
    float32: where all that made the mask bring a gambler or tell their uncertainty, the stakes on the mask being wrong
    or the probability of that, 0 to 1; else the entropy in bits. `parts`: those of the mask before clean-up, in percent
    of it. `quality`: None for an empty mask.
    """

    liver: sitk.Image
    probability: sitk.Image | None = None
    uncertainty: sitk.Image | None = None
    parts: Sequence[float] = ()
    quality: MaskQuality | None = None


@dataclass(frozen=True)
class SegmentationResult:
    """Results of the sides that were given and that a model masks, what made them, and sentences that the user should
    read.
    """

    t1: SideResult | None
    t2: SideResult | None
    provenance: dict[str, Any]
    notes: list[str]


def segment(
    t1: sitk.Image | None,
    t2: sitk.Image | None,
    bundles: Sequence[Bundle],
    options: SegmentOptions = SegmentOptions(),
    progress: Progress = no_progress,
    window: Window | None = None,
    keep: KeepMap | None = None,
) -> SegmentationResult:
    """Segment the liver in either or both of two volumes of one patient, which need not be registered or share a grid.

    With several bundles the mean of their probabilities is taken. A bundle may need the other volume only to mask the
    first one: then the other has no result unless another bundle gives it one. The inputs are not changed.
    `window`: (z, y, x) voxels of the working grid, to force overlapping windows. `keep` takes the maps as they are
    made, which then are not in the result: of a large volume there is only one at a time.

    Raises `InputError` for a volume that cannot be used or is missing for a bundle, `BundleError` for a bundle that
    is not for this, `OutOfMemoryError`, and lets `Cancelled` from `progress` through.
    """
    started = time.perf_counter()
    images = {side: image for side, image in zip(Side, (t1, t2)) if image is not None}
    del t1, t2
    if not images:
        raise InputError("Neither T1 nor T2 is given.", "Choose at least one volume.")
    for side in images:
        check_volume(images[side], side.title)
    plan = _plan(images, bundles)
    passes = Counter(side for _, one in plan for side in one.outputs)
    maps = {side: _Maps(Grid.of(images[side]), count) for side, count in passes.items()}
    check_memory({side: own.grid for side, own in maps.items()}, options, keep is not None)
    device = choose_device(options.device)
    calibration = bundles[0].expected_dice if len(bundles) == 1 and not options.mirror else None
    sides: dict[Side, SideResult] = {}
    notes = _notes(images, plan)
    summaries: list[dict[str, str]] = []
    for step, (bundle, one) in enumerate(plan):
        report = _labeled(
            part_of(progress, step / len(plan), (step + 1) / len(plan)), " and ".join(titles(one.outputs))
        )
        report(0.0, "Preparing")
        if options.mirror and not bundle.manifest.get("mirror_axes"):
            notes.append(f"Model '{bundle.name}' was not trained on mirrored images: it was run once, not mirrored.")
        run = _foreign_pass if bundle.foreign else _pass
        found, gambled, grid, engine, said = run(bundle, one, images, device, options, window, report)
        notes += said
        summaries.append(engine_summary(engine))
        for side in images.keys() - {side for _, later in plan[step + 1 :] for side in later.inputs}:
            del images[side]  # a large one may be gone before its map is made
        report(0.9, "Back to the volume's own grid")
        for number, side in enumerate(one.outputs):
            index = number * len(bundle.labels)
            if not maps[side].add(found[index], None if gambled is None else gambled[index], grid):
                continue
            mean, bets = maps.pop(side).mean()
            if bets is not None:
                notes.append(_whose_uncertainty(bundles).format(side.title))
            store = None if keep is None else partial(_store, keep, side, partial(report, 0.95))
            sides[side] = _result(mean, bundles[0].postprocessing, options, bets, calibration, store)
            del mean
    progress(1.0, "Segmented")
    provenance = {
        "bundle": ", ".join(bundle.name for bundle in bundles),
        "version": ", ".join(bundle.version for bundle in bundles),
        "sha256": ", ".join(bundle.sha256 for bundle in bundles),
        **{key: ", ".join(dict.fromkeys(s[key] for s in summaries)) for key in summaries[0]},
        "mirrored": options.mirror,
        "seconds": round(time.perf_counter() - started, 3),
        "software": f"LiverPair {__version__}",
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }
    return SegmentationResult(sides.get(Side.T1), sides.get(Side.T2), provenance, list(dict.fromkeys(notes)))


_Found = tuple[np.ndarray, np.ndarray | None, Grid, Engine, list[str]]
"""What a pass makes: probabilities and stakes (outputs, z, y, x), the grid they lie on, what made them, sentences."""


def _pass(
    bundle: Bundle,
    one: Pass,
    images: Mapping[Side, sitk.Image],
    device: torch.device,
    options: SegmentOptions,
    window: Window | None,
    progress: Progress,
) -> _Found:
    """A pass of a network of ours, on its working grid."""
    prepared = REGISTERED if one.registered else 0.05
    channels, grid = channels_of(
        one, images, grid_policy(bundle), normalization(bundle), part_of(progress, 0.0, prepared)
    )
    progress(prepared, f"Loading {bundle.name}")
    predictor = warm_predictor(bundle, device, options.engine)
    found, engine, said = predictor.probabilities(
        channels, options.mirror, window, part_of(progress, prepared + 0.05, 0.9)
    )
    masks = len(one.outputs) * len(bundle.labels)
    found, uncertain = found[:masks], found[masks:]
    if not options.uncertainty:
        gambled = None
    elif strategy(bundle.strategy, bundle.name).tells_uncertainty:
        gambled = uncertain
    else:
        gambled = _stakes(bundle, channels, found, device, options, window)
    return found, gambled, grid, engine, said


def _whose_uncertainty(bundles: Sequence[Bundle]) -> str:
    """Where the map comes from, when all models bring one."""
    kinds = {strategy(bundle.strategy, bundle.name).tells_uncertainty for bundle in bundles}
    return OF_SEVERAL if len(kinds) > 1 else OF_VIEWS if kinds == {True} else GAMBLED


def _foreign_pass(
    bundle: Bundle,
    one: Pass,
    images: Mapping[Side, sitk.Image],
    device: torch.device,
    options: SegmentOptions,
    window: Window | None,
    progress: Progress,
) -> _Found:
    """A pass of a model that others trained, which works on the voxels of the image; its tool knows its windows."""
    image, others = images[one.inputs[0]], [images[side] for side in one.inputs[1:]]
    mirror = options.mirror and bool(bundle.manifest.get("mirror_axes"))
    report = part_of(progress, 0.0, 0.9)
    found, engine, said = probability_of(bundle, image, device, mirror=mirror, progress=report, others=others)
    return sitk.GetArrayFromImage(found)[None], None, Grid.of(image), engine, said


class _Maps:
    """The maps of one side, summed up over the `passes` that make one, on its own `grid`."""

    def __init__(self, grid: Grid, passes: int) -> None:
        self.grid, self._passes = grid, passes
        self._sum: sitk.Image | None = None
        self._stakes: list[np.ndarray] = []
        self._count = 0

    def add(self, probability: np.ndarray, stakes: np.ndarray | None, grid: Grid) -> bool:
        """Add what a pass made (z, y, x) on `grid`; whether it was the last one."""
        on_own = to_image_grid(probability, grid, self.grid)
        self._sum = on_own if self._sum is None else self._sum + on_own
        if stakes is not None:
            self._stakes.append(sitk.GetArrayFromImage(to_image_grid(stakes, grid, self.grid)))
        self._count += 1
        return self._count == self._passes

    def mean(self) -> tuple[sitk.Image, np.ndarray | None]:
        """Probability, and stakes where every pass brought some. There is nothing left of it here afterwards."""
        total, self._sum = self._sum, None
        if self._passes > 1:
            total = sitk.Cast(total / self._passes, sitk.sitkFloat32)
        return total, np.mean(self._stakes, axis=0) if len(self._stakes) == self._passes else None


def results_memory(grids: Iterable[Grid], options: SegmentOptions, kept: bool) -> int:
    """Bytes that results on these grids take when there are most of them: the map and the mask of one side, and of the
    others what is `kept` elsewhere, else their maps too."""
    sizes = sorted(math.prod(grid.size) for grid in grids)
    maps = 0 if kept else options.probability + options.uncertainty
    return (MAP_BYTES * max(1, maps) + 1) * sizes[-1] + (MAP_BYTES * maps + 1) * sum(sizes[:-1])


def check_memory(grids: Mapping[Side, Grid], options: SegmentOptions, kept: bool) -> None:
    """Raise `OutOfMemoryError` where results on these grids cannot fit, before anything is computed in vain."""
    needed, free = results_memory(grids.values(), options, kept), available_memory()
    if needed > free:
        sizes = " and ".join(f"{' × '.join(map(str, grid.size))} voxels of {one.title}" for one, grid in grids.items())
        raise OutOfMemoryError(
            f"Masks and maps on the {sizes} take {needed / 1e9:.1f} GB of memory; {free / 1e9:.1f} GB are free.",
            "Close other programs, or cut the volume to the body.",
        )


def _store(keep: KeepMap, side: Side, progress: Callable[[str], None], what: str, image: sitk.Image) -> None:
    progress(f"Writing the {what}")
    keep(side, what, image)


def _labeled(progress: Progress, label: str) -> Progress:
    return lambda fraction, message: progress(fraction, f"{label}: {message}")


def _plan(images: Mapping[Side, sitk.Image], bundles: Sequence[Bundle]) -> list[tuple[Bundle, Pass]]:
    """Every pass of every bundle. Raises when a bundle is no segmenter or lacks an image, or an image has no use."""
    if not bundles:
        raise InputError("No model is chosen.", "Choose one, or import one first.")
    plan = []
    for bundle in bundles:
        if bundle.task != "segmentation":
            raise BundleError(
                f"Model '{bundle.name}' is for {bundle.task}, not for segmentation.", "Choose another model."
            )
        passes = strategy(bundle.strategy, bundle.name).passes(images.keys(), bundle.inputs)
        missing = [side.title for side in Side if side not in images]
        if not passes and len(bundle.inputs) > 1 and missing:
            raise InputError(
                f"Model '{bundle.name}' expects T1 and T2; {missing[0]} is not given.",
                f"Choose {missing[0]} too, or another model.",
            )
        plan += [(bundle, one) for one in passes]
    for side in images:
        if not any(side in one.inputs for _, one in plan):
            names = " and ".join(f"'{bundle.name}' (for {' and '.join(bundle.inputs)})" for bundle in bundles)
            raise InputError(
                f"{side.title} cannot be segmented with {names}.",
                f"Choose a model for {side.title}, or leave {side.title} empty.",
            )
    return plan


def _notes(images: Mapping[Side, sitk.Image], plan: Sequence[tuple[Bundle, Pass]]) -> list[str]:
    """What the user may not expect of these passes."""
    notes = [
        f"{one.inputs[1].title} was registered to {one.inputs[0].title} for model '{bundle.name}'."
        for bundle, one in plan
        if one.registered
    ]
    for side in images:
        if not any(side in one.outputs for _, one in plan):
            names = " and ".join(f"'{bundle.name}'" for bundle, one in plan if side in one.inputs)
            notes.append(f"{side.title} has no mask: model {names} looks at it only to segment the other volume.")
    return notes


def _stakes(
    bundle: Bundle,
    channels: np.ndarray,
    found: np.ndarray,
    device: torch.device,
    options: SegmentOptions,
    window: Window | None,
) -> np.ndarray | None:
    """Stakes in [0, 1] (outputs, z, y, x) of the bundle's gambler on the masks `found`; None when it brings none."""
    gambler = bundle.gambler()
    if gambler is None:
        return None
    shown = np.concatenate([channels, found])
    return warm_predictor(gambler, device, options.engine).probabilities(shown, window=window)[0]


def _result(
    map_image: sitk.Image,
    rules: Mapping[str, Any],
    options: SegmentOptions,
    stakes: np.ndarray | None,
    calibration: DiceCalibration | None,
    store: Callable[[str, sitk.Image], None] | None,
) -> SideResult:
    """The result of one side; `map_image` may be another one afterwards."""
    probability = sitk.GetArrayViewFromImage(map_image)
    liver, parts = to_mask(map_image, rules, options.largest_component)
    mask = sitk.GetArrayViewFromImage(liver).view(bool)  # no copy
    quality = None
    if mask.any():
        expected = calibration and calibration.dice(soft_dice(probability, mask))
        quality = MaskQuality(float(probability[mask].mean()), expected)
    maps: dict[str, sitk.Image] = {}
    put = store or maps.__setitem__
    if options.probability:
        put("probability", map_image)
    if options.uncertainty and stakes is None:
        put("uncertainty", entropy(map_image, in_place="probability" not in maps))
    elif options.uncertainty:
        put("uncertainty", like(stakes, map_image))
    return SideResult(liver, maps.get("probability"), maps.get("uncertainty"), parts, quality)
