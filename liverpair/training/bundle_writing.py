"""From a finished training run to a bundle."""

from pathlib import Path
from typing import Any

from liverpair.bundle import Bundle
from liverpair.core.paths import portable_command
from liverpair.training.command import BEST, TrainingCLI, checkpoint_of, load_checkpoint
from liverpair.training.run_log import learning_curve


def kept_task(task_class: type, run: Path, which: str = BEST) -> tuple[Any, int]:
    """The module of a run's best or last checkpoint, in eval mode on the CPU, and the step it was taken at. Raises
    `InputError` when it is not there or damaged."""
    path = checkpoint_of(run, which)
    step = load_checkpoint(path)["global_step"]
    past = task_class.ONLY_AT_THE_START
    task = task_class.load_from_checkpoint(path, map_location="cpu", weights_only=False, **past)
    return task.eval(), step


def write_bundle(cli: TrainingCLI, command: str) -> Bundle:
    """What a finished run keeps, as a bundle; `command` is said to have made it."""
    task, step = kept_task(type(cli.model), Path(cli.config.run_folder), cli.config.keep)
    sections, weights = task.exported()
    content = {**_shared(cli, task, step, command), **cli.datamodule.manifest(), **sections}
    return Bundle.write(cli.config.bundle.folder, content, weights)


def _shared(cli: TrainingCLI, task: Any, step: int, command: str) -> dict[str, Any]:
    """What a run's config and logs say, whatever the task: who, on which grid, how trained."""
    settings, about, data = cli.config, cli.config.bundle, cli.datamodule
    policy, normalization, network = data.policy, data.normalization, task.network
    curve, seconds = learning_curve(Path(settings.run_folder), task.CURVES)
    return {
        "name": about.name,
        "version": about.version,
        "description": about.description,
        "grid": {
            "spacing_mm": list(policy.spacing_mm),
            "multiple_of": list(network.multiple_of),
            "crop": data.crop,
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
            **data.trained_on(),
            "parameters": sum(p.numel() for p in network.parameters()),
            "curve": curve,
        },
        "limits": about.limits or [],
        "metrics": {},
    }
