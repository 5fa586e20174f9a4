"""Networks of four organs, trained alike but for what is compared, and how good they are on test images."""

import argparse
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
import torch

from liverpair.core.cache import stamp_of
from liverpair.core.device import choose_device
from liverpair.core.geometry import Grid
from liverpair.core.sides import Side
from liverpair.io.study import read_image
from liverpair.measures.overlap import dice
from liverpair.measures.surface import hd95_and_assd_mm
from liverpair.networks.padding import logits_of
from liverpair.segmentation.preparation import GridPolicy, Normalization, Prepared, prepare, to_image_grid
from liverpair.synthesis.paired_lesions_evaluation import pair_files
from liverpair.training.command import LAST
from reproduction.chapter3.dream_networks import default_root
from reproduction.remembered import Remembered
from reproduction.training import ORGANS
from reproduction.trainings import trained

CONFIG = "organs"
ORGAN_VALUES = {"liver": 1, "right kidney": 2, "left kidney": 3, "spleen": 4}
SPACING_MM = (8.0, 8.0, 6.0)
"""Of the grid of `organs.yaml`; slices of 5 to 10 mm stay where they are."""
SMOKE_SPACING_MM = (8.0, 8.0, 12.0)


@dataclass(frozen=True)
class Arm:
    """One network of a comparison, a row for all its seeds.

    Attributes:
        key: name of its runs.
        title: name of the row.
        network, arguments: as the training has them.
        patch: voxels (z, y, x) of a training patch.
        steps: of its training; None: those of the command.
        smoke: arguments of a smoke run, in place of `arguments`.
    """

    key: str
    title: str
    network: str
    arguments: Mapping[str, Any]
    patch: tuple[int, int, int] = (32, 32, 48)
    steps: int | None = None
    smoke: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Scores:
    """How good a network is on the test images, and what its training took.

    Attributes:
        dice: (images, organs), NaN where an image does not show one.
        hd95_mm: of the liver (images,), NaN where none was found.
        seconds: processor time from an image on the working grid to logits, median over images.
        parameters: numbers that were learned.
    """

    dice: np.ndarray
    hd95_mm: np.ndarray
    seconds: float
    parameters: int

    @property
    def mean_dice(self) -> float:
        """Over organs and images."""
        return float(np.nanmean(self.dice))

    @property
    def liver_dice(self) -> float:
        """Over images."""
        return float(np.nanmean(self.dice[:, 0]))


LIVER_NOTE = (
    "The pictures and the keys `liver_…` were added once the first networks were there: after so few steps no network "
    "found a kidney or the spleen, so that the mean over organs, the measure that was planned, is a quarter of the "
    "liver's Dice and tells no more."
)


def scored(
    arms: Sequence[Arm], options: argparse.Namespace, training: Sequence[str]
) -> Iterator[tuple[Arm, int, Scores | None]]:
    """Every arm with every seed, trained first where it is not there; None when time is over.

    Seed by seed, so that every row has a first network before any has a second.
    """
    training = [word for word in training if not word.startswith("--model.arguments=")]
    for seed in options.seeds:
        for arm in arms:
            yield arm, seed, _scores(arm, seed, options, training)


def _scores(arm: Arm, seed: int, options: argparse.Namespace, training: Sequence[str]) -> Scores | None:
    steps = options.steps if options.smoke else arm.steps or options.steps
    run = options.runs / "organs" / f"{arm.key}-{steps}-{seed}"
    settings = {
        "seed_everything": seed,
        "data.seed": seed,
        "trainer.max_steps": steps,
        "data.cache": str(options.runs / "cache"),
        "model.network": arm.network,
        "model.arguments": {"out_channels": len(ORGAN_VALUES), **((options.smoke and arm.smoke) or arm.arguments)},
        "data.patch": list(arm.patch),
        **({} if options.data_root == default_root() else {"data.root": str(options.data_root)}),
    }
    asked = [str(options.data_root.resolve()), *training]
    if trained(ORGANS, CONFIG, run, settings, training, asked, options.deadline) is None:
        return None
    task, step = ORGANS.kept(run, LAST)
    images = [(case, side) for case in options.cases for side in Side]
    remembered = Remembered(run / "measures.json", [str(options.data_root.resolve()), str(step)])
    spacing = SMOKE_SPACING_MM if options.smoke else SPACING_MM

    def measured(case: str, side: Side) -> dict[str, Any]:
        return _measured(task.network, options.data_root, case, side, spacing, options.device)

    found = [
        remembered([case, side, stamp_of(pair_files(options.data_root, case))], partial(measured, case, side))
        for case, side in images
    ]
    return Scores(
        np.array([[np.nan if value is None else value for value in one["dice"]] for one in found], dtype=float),
        np.array([np.nan if one["hd95_mm"] is None else one["hd95_mm"] for one in found], dtype=float),
        float(np.median([one["seconds"] for one in found])),
        sum(parameter.numel() for parameter in task.network.parameters()),
    )


def _measured(
    network: torch.nn.Module, root: Path, case: str, side: Side, spacing: tuple[float, float, float], device: str
) -> dict[str, Any]:
    """Dice of each organ and HD95 of the liver on the image's own grid, and the processor's seconds."""
    labels, seen, own = shown(root, case, side, spacing)
    probability, seconds = probabilities(network, seen, device)
    masks = [to_image_grid(one, seen.grid, own) > 0.5 for one in probability]
    drawn = [labels == value for value in ORGAN_VALUES.values()]
    hd95 = hd95_and_assd_mm(masks[0], drawn[0])[0]
    there = [bool(sitk.GetArrayViewFromImage(one).any()) for one in drawn]
    return {
        "dice": [dice(mask, one) if known else None for mask, one, known in zip(masks, drawn, there)],
        "hd95_mm": hd95 if np.isfinite(hd95) else None,
        "seconds": seconds,
    }


@lru_cache(maxsize=8)
def shown(root: Path, case: str, side: Side, spacing: tuple[float, float, float]) -> tuple[sitk.Image, Prepared, Grid]:
    """The label map of an image, the image as a network sees it, and its own grid."""
    image, labels = (read_image(root / case / f"{side}{part}.nii.gz") for part in ("", "_organs"))
    return labels, prepare(image, GridPolicy(spacing), Normalization()), Grid.of(image)


def probabilities(network: torch.nn.Module, seen: Prepared, device: str = "cpu") -> tuple[np.ndarray, float]:
    """Of each output (outputs, z, y, x), and the processor's seconds that they took."""
    place = choose_device(device)
    network = network.eval().to(place)
    image = torch.from_numpy(seen.array)[None, None].to(place)
    started = time.process_time()
    with torch.no_grad():
        found = logits_of(network, image).sigmoid().cpu()
    return found[0].float().numpy(), time.process_time() - started
