"""`python -m liverpair train segmentation`: train a liver network, then write it as a bundle."""

import shlex
from pathlib import Path
from typing import Any

from liverpair import training
from liverpair.bundle import Bundle
from liverpair.training.bundle_writing import kept_task, shared_manifest
from liverpair.training.command import TrainingCLI, fit
from liverpair.training.run_log import CURVES
from liverpair.training.segmentation import SegmentationTask
from liverpair.training.segmentation_data import SegmentationData

CONFIGS = training.CONFIGS / "segmentation"
LIVER = {
    "name": "Liver",
    "value": 1,
    "snomed": {"code": "10200004", "scheme": "SCT", "meaning": "Liver"},
    "color": [221, 130, 101],
}


def main(arguments: list[str]) -> None:
    """Train as the config says; when `bundle.folder` is set, write the best checkpoint there."""
    cli = fit(SegmentationTask, SegmentationData, arguments)
    if cli.config.bundle.folder and cli.trainer.is_global_zero:
        bundle = write_bundle(cli, shlex.join(["python", "-m", "liverpair", "train", "segmentation", *arguments]))
        print(f"The bundle '{bundle.name}' is in {bundle.folder}.")


def write_bundle(cli: TrainingCLI, command: str) -> Bundle:
    """The best checkpoint of a finished run as a bundle; of its output channels only the liver is kept."""
    task, step = kept_task(SegmentationTask, Path(cli.config.run_folder), cli.config.keep, initial_weights=None)
    task.network.select_outputs([0])
    return Bundle.write(cli.config.bundle.folder, manifest(cli, task, step, command), task.network.state_dict())


def manifest(cli: TrainingCLI, task: SegmentationTask, step: int, command: str) -> dict[str, Any]:
    """The bundle's manifest: what the run's config and logs say; `step` is when the weights were taken."""
    network, data = task.network, cli.datamodule
    policy, normalization = data.preparation.policy, data.preparation.normalization
    crop = "body" if policy.crop_to_body else None
    shared = shared_manifest(cli, network, policy, normalization, crop, step, command, CURVES)
    sequences = sorted({kind.sequence for kind in data.images})
    return {
        **shared,
        "task": "segmentation",
        "strategy": "single",
        "network": {
            "name": task.hparams.network,
            "arguments": {**task.hparams.arguments, "out_channels": network.out_channels},
        },
        "inputs": [" or ".join(sequences)],
        "mirror_axes": ["x"] if data.mirror_probability > 0 else [],
        "labels": [LIVER],
        "postprocessing": {"threshold": 0.5, "largest_component": True, "fill_holes": True},
        "training": {**shared["training"], "phantom_seeds": data.phantom_seeds},
    }
