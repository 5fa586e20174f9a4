"""From a finished training run to a bundle: what the manifests of all tasks share."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from liverpair.core.paths import portable_command
from liverpair.segmentation.preparation import GridPolicy, Normalization
from liverpair.training.command import BEST, TrainingCLI, checkpoint_of, load_checkpoint
from liverpair.training.run_log import learning_curve


def kept_task(task_class: type, run: Path, which: str = BEST, **changes: Any) -> tuple[Any, int]:
    """The module of a run's best or last checkpoint, in eval mode on the CPU, and the step it was taken at; `changes`
    replace hyper-parameters that only mattered at the start. Raises `InputError` when it is not there or damaged."""
    path = checkpoint_of(run, which)
    step = load_checkpoint(path)["global_step"]
    task = task_class.load_from_checkpoint(path, map_location="cpu", weights_only=False, **changes)
    return task.eval(), step


def shared_manifest(
    cli: TrainingCLI,
    network: torch.nn.Module,
    policy: GridPolicy,
    normalization: Normalization,
    crop: str | None,
    step: int,
    command: str,
    curves: Sequence[str],
) -> dict[str, Any]:
    """What a run's config and logs say, whatever the task: who, on which grid, how trained.

    `crop`: what the working grid is cropped to. `step`: when the weights were taken. `curves`: the logged scores that
    make the learning curve.
    """
    settings, about, data = cli.config, cli.config.bundle, cli.datamodule
    curve, seconds = learning_curve(Path(settings.run_folder), tuple(curves))
    return {
        "name": about.name,
        "version": about.version,
        "description": about.description,
        "grid": {
            "spacing_mm": list(policy.spacing_mm),
            "multiple_of": list(network.multiple_of),
            "crop": crop,
            "keep_slices_from_mm": policy.keep_slices_from_mm,
            "keep_slices_to_mm": policy.keep_slices_to_mm,
        },
        "normalization": {
            "method": "percentile",
            "lower_percentile": normalization.lower_percentile,
            "upper_percentile": normalization.upper_percentile,
        },
        "normal_ranges": {},
        "training": {
            "data": about.data,
            "license": about.license,
            "citation": about.citation,
            "command": portable_command(command),
            **({"history": about.history} if about.history else {}),
            "seed": settings.seed_everything,
            "wall_time_s": round(seconds),
            "steps": step,
            "max_steps": cli.trainer.max_steps,
            "train_cases": data.train_cases,
            "validation_cases": data.validation_cases,
            "parameters": sum(p.numel() for p in network.parameters()),
            "curve": curve,
        },
        "limits": about.limits or [],
        "metrics": {},
    }
