"""`python -m liverpair train detection`: train a detector of paired lesions, then write it as a bundle."""

import shlex
from pathlib import Path
from typing import Any

from liverpair.bundle import Bundle
from liverpair.core.errors import InputError
from liverpair.detection.detection_settings import EARLIER
from liverpair.training.bundle_writing import kept_task, shared_manifest
from liverpair.training.command import BEST, TrainingCLI, fit
from liverpair.training.detection import DetectionTask
from liverpair.training.paired_lesions_data import PairedLesionsData

SETTINGS = "--model.settings."
CURVES = ("loss", "validation_ap", "validation_moved_iou")
LESION = {
    "name": "Lesion",
    "value": 1,
    "snomed": {"code": "52988006", "scheme": "SCT", "meaning": "Lesion"},
    "color": [230, 159, 0],
}


def main(arguments: list[str]) -> None:
    """Train as the config says; when `bundle.folder` is set, write the best checkpoint there."""
    for earlier, today in EARLIER.items():
        if any(word.partition("=")[0] == f"{SETTINGS}{earlier}" for word in arguments):
            raise InputError(f"{SETTINGS}{earlier} is called {SETTINGS}{today} now.")
    cli = fit(DetectionTask, PairedLesionsData, arguments)
    if cli.config.bundle.folder and cli.trainer.is_global_zero:
        bundle = write_bundle(cli, shlex.join(["python", "-m", "liverpair", "train", "detection", *arguments]))
        print(f"The bundle '{bundle.name}' is in {bundle.folder}.")


def write_bundle(cli: TrainingCLI, command: str) -> Bundle:
    """The best checkpoint of a finished run as a bundle."""
    task, step = kept_detector(Path(cli.config.run_folder), cli.config.keep)
    return Bundle.write(cli.config.bundle.folder, manifest(cli, task, step, command), task.network.state_dict())


def kept_detector(run: Path, which: str = BEST) -> tuple[DetectionTask, int]:
    """The module of a run's best or last checkpoint, in eval mode on the CPU, and the step it was taken at."""
    return kept_task(DetectionTask, run, which, start_from="")


def manifest(cli: TrainingCLI, task: DetectionTask, step: int, command: str) -> dict[str, Any]:
    """The bundle's manifest. How boxes are read off the answer is what the config says now: it may be tuned on
    validation after training."""
    data = cli.datamodule
    shared = shared_manifest(cli, task.network, data.policy, data.normalization, "liver", step, command, CURVES)
    return {
        **shared,
        "task": "detection",
        "strategy": "pair",
        "network": {"name": "retina", "arguments": task.hparams.arguments},
        "inputs": ["T1", "T2"],
        "detection": cli.model.settings.section(),
        "labels": [LESION],
    }
