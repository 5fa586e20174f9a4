"""The networks of the experiment on channels that are not aligned: which there are, and how to get them."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace

from liverpair.dreaming.receptive_field import ReceptiveField
from liverpair.training.segmentation import SegmentationTask
from reproduction.toys.striped_blobs import StripedBlobsSettings
from reproduction.training import STRIPED_BLOBS
from reproduction.trainings import trained

WIDTHS = (16, 32, 64, 128, 128)
"""Of the levels below the stem."""
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
    """One network: `levels` of the U-Net, the stem counted, and the longest (`amplitude`) and the `shortest`
    translation that it is trained with, pixels."""

    levels: int
    amplitude: float
    shortest: float = 0.0

    @property
    def shift(self) -> tuple[float, float]:
        """Shortest and longest translation that it is trained with."""
        return self.shortest, self.amplitude

    @property
    def widths(self) -> list[int]:
        """Of the levels below the stem."""
        return list(WIDTHS[: self.levels - 1])


FIGURE = ShapeArm(levels=4, amplitude=30.0, shortest=10.0)
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


def shape_network(
    arm: ShapeArm, seed: int, options: argparse.Namespace, training: Sequence[str]
) -> ShapeNetwork | None:
    """The network of an arm with a seed, trained first when it is not there; None when time is over before.

    A training that was stopped goes on. Raises `InputError` when the run was made with other options.
    """
    run = (
        options.runs
        / "striped-blobs"
        / f"levels-{arm.levels}-shift-{arm.shortest:g}-{arm.amplitude:g}-{options.steps}-{seed}"
    )
    settings = {
        "seed_everything": seed,
        "data.seed": seed,
        "data.blobs.shift": arm.shift,
        "model.arguments.widths": arm.widths,
        "trainer.max_steps": options.steps,
        # short translations are part of the sweep, and there the nearest blob must be the right one
        **({} if arm.shortest else {"data.nearest_at_most": 1.0}),
    }
    cli = trained(STRIPED_BLOBS, "striped-blobs", run, settings, training, deadline=options.deadline)
    if cli is None:
        return None
    task, step = STRIPED_BLOBS.kept(run)
    return ShapeNetwork(task, cli.datamodule.blobs, step, field_of(task))


def field_of(task: SegmentationTask) -> int:
    """The side in pixels of what every output sees: the smallest one, for it depends on the place on the network's
    grid."""
    field = ReceptiveField.of(task.network)
    places = range(task.network.multiple_of[0])
    bounds = [field.needed(((place, place + 1),) * 2)[0] for place in places]
    return min(stop - start for start, stop in bounds)
