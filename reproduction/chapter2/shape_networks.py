"""The networks of the experiment on channels that are not aligned: which there are, and how to get them."""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from liverpair.dreaming.receptive_field import ReceptiveField
from liverpair.training.bundle_writing import kept_task
from liverpair.training.command import fit, last_checkpoint, load_checkpoint
from liverpair.training.segmentation import SegmentationTask
from reproduction.run_folders import check_asked
from reproduction.toys.striped_blobs import StripedBlobsSettings
from reproduction.training.striped_blobs_data import StripedBlobsData

CONFIG = Path(__file__).parents[1] / "training" / "configs" / "synthetic" / "striped-blobs.yaml"
WIDTHS = (16, 32, 64, 128, 128)
"""Of the levels below the stem."""
SHIFT_RANGE = 20.0
"""From the shortest to the longest translation of a training, pixels, as in figure 2.3."""
SMOKE = (
    "--data.samples_per_epoch=4",
    "--data.validation_samples=2",
    "--data.batch_size=2",
    "--data.workers=0",
    "--data.blobs.size=96",
)
"""Options of a training that only shows that everything runs."""


@dataclass(frozen=True)
class ShapeArm:
    """One network: `levels` of the U-Net, the stem counted, and `amplitude`, its longest translation in pixels."""

    levels: int
    amplitude: float

    @property
    def shift(self) -> tuple[float, float]:
        """Shortest and longest translation that it is trained with."""
        return max(0.0, self.amplitude - SHIFT_RANGE), self.amplitude

    @property
    def widths(self) -> list[int]:
        """Of the levels below the stem."""
        return list(WIDTHS[: self.levels - 1])


FIGURE = ShapeArm(levels=4, amplitude=30.0)
"""The network of figure 2.3: translations of 10 to 30 pixels."""


@dataclass(frozen=True)
class ShapeNetwork:
    """A trained network with what it was trained on, the step of its weights and the side of its receptive field."""

    task: SegmentationTask
    blobs: StripedBlobsSettings
    step: int
    receptive_field: int

    def shifted(self, shift: tuple[float, float]) -> StripedBlobsSettings:
        """How its images were drawn, with other translations."""
        return replace(self.blobs, shift=shift)


def trained(arm: ShapeArm, seed: int, options: argparse.Namespace, training: Sequence[str]) -> ShapeNetwork | None:
    """The network of an arm with a seed, trained first when it is not there; None when time is over before.

    A training that was stopped goes on. Raises `InputError` when the run was made with other options.
    """
    run = options.runs / "striped-blobs" / f"levels-{arm.levels}-shift-{arm.amplitude:g}-{options.steps}-{seed}"
    check_asked(run, training)
    if steps_done(run) < options.steps:
        if options.deadline is not None and time.monotonic() > options.deadline:
            return None
        print(f"Training {run.name}: {options.steps} steps", file=sys.stderr, flush=True)
    cli = fit(
        SegmentationTask,
        StripedBlobsData,
        [
            f"--config={CONFIG}",
            f"--seed_everything={seed}",
            f"--data.seed={seed}",
            f"--data.blobs.shift={list(arm.shift)}",
            f"--model.arguments.widths={arm.widths}",
            f"--trainer.max_steps={options.steps}",
            f"--run_folder={run}",
            *training,
        ],
    )
    task, step = kept_task(SegmentationTask, run)
    return ShapeNetwork(task, cli.datamodule.blobs, step, field_of(task))


def steps_done(run: Path) -> int:
    """How many steps the training in a folder has done; 0 when there is none."""
    checkpoint = last_checkpoint(run)
    return load_checkpoint(checkpoint)["global_step"] if checkpoint else 0


def field_of(task: SegmentationTask) -> int:
    """The side in pixels of what every output sees: the smallest one, for it depends on the place on the network's
    grid."""
    field = ReceptiveField.of(task.network)
    places = range(task.network.multiple_of[0])
    bounds = [field.needed(((place, place + 1),) * 2)[0] for place in places]
    return min(stop - start for start, stop in bounds)
