"""`python -m liverpair train paired-livers`: train a liver network of any strategy, then write it as a bundle.

The configs in `configs/paired-livers` name what each strategy shows its network; what all share is in `SHARED`.
"""

import shlex
from pathlib import Path
from typing import Any

import pytorch_lightning as lightning

from liverpair import training
from liverpair.bundle import Bundle
from liverpair.training.bundle_writing import kept_task, shared_manifest
from liverpair.training.command import TrainingCLI, fit
from liverpair.training.paired_livers import PairedLiversTask
from liverpair.training.paired_livers_data import PairedLiversData
from liverpair.training.run_log import CURVES
from liverpair.training.segmentation_command import LIVER

CONFIGS = training.CONFIGS / "paired-livers"
SHARED = CONFIGS / "shared.yaml"
"""Read first; what a config or an option says goes before it."""


def main(arguments: list[str]) -> None:
    """Train as the configs say; when `bundle.folder` is set, write what the run keeps there."""
    cli = fit(PairedLiversTask, PairedLiversData, ["--config", str(SHARED), *arguments])
    if cli.config.bundle.folder and cli.trainer.is_global_zero:
        bundle = write_bundle(cli, shlex.join(["python", "-m", "liverpair", "train", "paired-livers", *arguments]))
        print(f"The bundle '{bundle.name}' is in {bundle.folder}.")
    cli.trainer.strategy.barrier()  # the other processes of a multi-GPU run may want to read it


def write_bundle(
    cli: TrainingCLI, command: str, task_class: type[lightning.LightningModule] = PairedLiversTask, **sections: Any
) -> Bundle:
    """What a finished run keeps as a bundle.

    `task_class`: of the run; it has `network`, `network_arguments` and the hyper-parameter `network`. `sections` are
    put into the manifest.
    """
    task, step = kept_task(task_class, Path(cli.config.run_folder), cli.config.keep)
    content = {**manifest(cli, task, step, command), **sections}
    return Bundle.write(cli.config.bundle.folder, content, task.network.state_dict())


def manifest(cli: TrainingCLI, task: lightning.LightningModule, step: int, command: str) -> dict[str, Any]:
    """The bundle's manifest: what the run's config and logs say; `step` is when the weights were taken."""
    data = cli.datamodule
    crop = "body" if data.policy.crop_to_body else None
    shared = shared_manifest(cli, task.network, data.policy, data.normalization, crop, step, command, CURVES)
    return {
        **shared,
        "task": "segmentation",
        "strategy": data.strategy,
        "network": {"name": task.hparams.network, "arguments": task.network_arguments},
        "inputs": data.inputs,
        "mirror_axes": ["x"] if data.mirror_probability > 0 else [],
        "labels": [LIVER],
        "postprocessing": {"threshold": 0.5, "largest_component": True, "fill_holes": True},
    }
