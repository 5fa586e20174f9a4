"""`python -m liverpair train detection`: train a detector of paired lesions, then write it as a bundle."""

import shlex
from pathlib import Path
from typing import Any

import torch

from liverpair.bundle import Bundle
from liverpair.training.command import CHECKPOINTS, TrainingCLI, fit
from liverpair.training.detection import DetectionTask
from liverpair.training.paired_lesions_data import PairedLesionsData
from liverpair.training.run_log import learning_curve

CURVES = ("loss", "validation_ap", "validation_moved_iou")
LESION = {
    "name": "Lesion",
    "value": 1,
    "snomed": {"code": "52988006", "scheme": "SCT", "meaning": "Lesion"},
    "color": [230, 159, 0],
}


def main(arguments: list[str]) -> None:
    """Train as the config says; when `bundle.folder` is set, write the best checkpoint there."""
    cli = fit(DetectionTask, PairedLesionsData, arguments)
    if cli.config.bundle.folder and cli.trainer.is_global_zero:
        bundle = write_bundle(cli, shlex.join(["python", "-m", "liverpair", "train", "detection", *arguments]))
        print(f"The bundle '{bundle.name}' is in {bundle.folder}.")


def write_bundle(cli: TrainingCLI, command: str) -> Bundle:
    """The best checkpoint of a finished run as a bundle."""
    task, step = best_task(Path(cli.config.run_folder))
    return Bundle.write(cli.config.bundle.folder, manifest(cli, task, step, command), task.network.state_dict())


def best_task(run: Path) -> tuple[DetectionTask, int]:
    """The module of a run's best checkpoint, in eval mode on the CPU, and the step it was taken at."""
    path = checkpoint_of(run)
    task = DetectionTask.load_from_checkpoint(path, map_location="cpu", weights_only=False, start_from="")
    return task.eval(), torch.load(path, map_location="cpu", weights_only=False)["global_step"]


def checkpoint_of(run: Path) -> Path:
    """Where a run keeps its best checkpoint."""
    return run / CHECKPOINTS / "best.ckpt"


def manifest(cli: TrainingCLI, task: DetectionTask, step: int, command: str) -> dict[str, Any]:
    """The bundle's manifest: what the run's config and logs say; `step` is when the weights were taken.

    How boxes are read off the answer is what the config says now: it may be tuned on validation after training.
    """
    settings, about, data, network = cli.config, cli.config.bundle, cli.datamodule, task.network
    curve, seconds = learning_curve(Path(settings.run_folder), CURVES)
    return {
        "name": about.name,
        "version": about.version,
        "description": about.description,
        "task": "detection",
        "strategy": "pair",
        "network": {"name": "retina", "arguments": task.hparams.arguments},
        "inputs": ["T1", "T2"],
        "grid": {
            "spacing_mm": list(data.policy.spacing_mm),
            "multiple_of": list(network.multiple_of),
            "crop": "liver",
            "keep_slices_from_mm": data.policy.keep_slices_from_mm,
            "keep_slices_to_mm": data.policy.keep_slices_to_mm,
        },
        "normalization": {
            "method": "percentile",
            "lower_percentile": data.normalization.lower_percentile,
            "upper_percentile": data.normalization.upper_percentile,
        },
        "detection": cli.model.settings.section(),
        "labels": [LESION],
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
            "parameters": sum(p.numel() for p in network.parameters()),
            "curve": curve,
        },
        "limits": about.limits or [],
        "metrics": {},
    }
