"""`python -m liverpair train segmentation`: train a liver network, then write it as a bundle."""

import shlex
from pathlib import Path
from typing import Any

import torch

from liverpair.bundle import Bundle
from liverpair.training.command import CHECKPOINTS, TrainingCLI, fit
from liverpair.training.run_log import learning_curve
from liverpair.training.segmentation import SegmentationTask
from liverpair.training.segmentation_data import SegmentationData

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
    path = Path(cli.config.run_folder) / CHECKPOINTS / "best.ckpt"
    task = SegmentationTask.load_from_checkpoint(path, map_location="cpu", weights_only=False)
    step = torch.load(path, map_location="cpu", weights_only=False)["global_step"]
    network = task.network
    network.select_outputs([0])
    return Bundle.write(cli.config.bundle.folder, manifest(cli, task, step, command), network.state_dict())


def manifest(cli: TrainingCLI, task: SegmentationTask, step: int, command: str) -> dict[str, Any]:
    """The bundle's manifest: what the run's config and logs say; `step` is when the weights were taken."""
    network = task.network
    settings, about, data = cli.config, cli.config.bundle, cli.datamodule
    policy, normalization = data.preparation.policy, data.preparation.normalization
    curve, seconds = learning_curve(Path(settings.run_folder))
    sequences = sorted({kind.sequence for kind in data.images})
    return {
        "name": about.name,
        "version": about.version,
        "description": about.description,
        "task": "segmentation",
        "strategy": "single",
        "network": {
            "name": task.hparams.network,
            "arguments": {**task.hparams.arguments, "out_channels": network.out_channels},
        },
        "inputs": [" or ".join(sequences)],
        "mirror_axes": ["x"] if data.mirror_probability > 0 else [],
        "grid": {
            "spacing_mm": list(policy.spacing_mm),
            "multiple_of": list(network.multiple_of),
            "crop": "body" if policy.crop_to_body else None,
            "keep_slices_from_mm": policy.keep_slices_from_mm,
            "keep_slices_to_mm": policy.keep_slices_to_mm,
        },
        "normalization": {
            "method": "percentile",
            "lower_percentile": normalization.lower_percentile,
            "upper_percentile": normalization.upper_percentile,
        },
        "labels": [LIVER],
        "postprocessing": {"threshold": 0.5, "largest_component": True, "fill_holes": True},
        "normal_ranges": {},
        "training": {
            "data": about.data,
            "license": about.license,
            "citation": about.citation,
            "command": command,
            **({"history": about.history} if about.history else {}),
            "seed": settings.seed_everything,
            "wall_time_s": round(seconds),
            "steps": step,
            "train_cases": data.train_cases,
            "validation_cases": data.validation_cases,
            "phantom_seeds": data.phantom_seeds,
            "parameters": sum(p.numel() for p in network.parameters()),
            "curve": curve,
        },
        "limits": about.limits or [],
        "metrics": {},
    }
