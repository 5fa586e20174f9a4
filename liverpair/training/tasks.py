"""What a command `train` trains: each task is a Lightning module and a data module, with a folder of configs."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from liverpair.training.command import TrainingCLI

CONFIGS = Path(__file__).with_name("configs")
"""A folder of configs for each task."""


@dataclass(frozen=True)
class Task:
    """One kind of training. Its classes are imported when they are needed.

    Parameters
    ----------
    name
        The word on the command line.
    module, data
        "package.module:Class" of the `WarmupCosine` and of the data module.
    configs
        Folder of its configs.
    shared
        Configs that are read first, in this order; what a config or an option says goes before them.
    program
        Whose `train` it belongs to.
    """

    name: str
    module: str
    data: str
    configs: Path
    shared: tuple[Path, ...] = ()
    program: str = "liverpair"

    def fit(self, arguments: Sequence[str], callbacks: Sequence[Any] = ()) -> "TrainingCLI":
        """Train as the configs and options say; see `liverpair.training.command.fit`."""
        from liverpair.training.command import fit

        shared = [f"--config={path}" for path in self.shared]
        return fit(resolve_name(self.module), resolve_name(self.data), [*shared, *arguments], callbacks)

    def train(self, arguments: Sequence[str]) -> "TrainingCLI":
        """Train as `fit`; when `bundle.folder` is set, write what the run keeps there."""
        from liverpair.training.bundle_writing import write_bundle

        cli = self.fit(arguments)
        if cli.config.bundle.folder and cli.trainer.is_global_zero:
            bundle = write_bundle(cli, shlex.join(["python", "-m", self.program, "train", self.name, *arguments]))
            print(f"The bundle '{bundle.name}' is in {bundle.folder}.")
        cli.trainer.strategy.barrier()  # the other processes of a multi-GPU run may want to read it
        return cli

    def kept(self, run: Path, *which: str) -> tuple[Any, int]:
        """The module that a run keeps, and its step; see `liverpair.training.bundle_writing.kept_task`."""
        from liverpair.training.bundle_writing import kept_task

        return kept_task(resolve_name(self.module), run, *which)


SEGMENTATION = Task(
    "segmentation",
    "liverpair.training.segmentation:SegmentationTask",
    "liverpair.training.segmentation_data:SegmentationData",
    CONFIGS / "segmentation",
)
ANNOTATED_LIVERS = Task(
    "annotated-livers",
    "liverpair.training.segmentation:SegmentationTask",
    "liverpair.training.annotated_livers:AnnotatedLiversData",
    CONFIGS / "annotated-livers",
)
DETECTION = Task(
    "detection",
    "liverpair.training.detection:DetectionTask",
    "liverpair.training.paired_lesions_data:PairedLesionsData",
    CONFIGS / "detection",
)
LESION_SLICES = Task(
    "lesion-slices",
    "liverpair.training.segmentation:SegmentationTask",
    "liverpair.training.lesion_slices_data:LesionSlicesData",
    CONFIGS / "lesion-slices",
)
BOXED_LESIONS = Task(
    "boxed-lesions",
    "liverpair.training.segmentation:SegmentationTask",
    "liverpair.training.boxed_lesions_data:BoxedLesionsData",
    CONFIGS / "boxed-lesions",
)
PAIRED_LIVERS = Task(
    "paired-livers",
    "liverpair.training.paired_livers:PairedLiversTask",
    "liverpair.training.paired_livers_data:PairedLiversData",
    CONFIGS / "paired-livers",
    (CONFIGS / "paired-livers" / "shared.yaml",),
)
VIEWS = replace(
    PAIRED_LIVERS, name="views", module="liverpair.training.views:ViewsTask", configs=CONFIGS / "views", shared=()
)
TASKS = {
    task.name: task
    for task in (SEGMENTATION, ANNOTATED_LIVERS, DETECTION, LESION_SLICES, BOXED_LESIONS, PAIRED_LIVERS, VIEWS)
}
"""What `python -m liverpair train` can train."""
PUBLISHED_ONLY = ("similarity", "adversarial-livers")
"""Trainings that moved to the package `reproduction`."""
