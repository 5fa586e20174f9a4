"""`python -m liverpair train lesion-slices`: train a network that segments lesions in slices, then write its bundle."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from liverpair.bundle import Bundle
from liverpair.bundle.manifest import SLICE_SEGMENTATION
from liverpair.dreaming.normal_ranges import ranges_of_objects
from liverpair.networks.padding import logits_of
from liverpair.training.bundle_writing import kept_task, shared_manifest
from liverpair.training.command import TrainingCLI, fit
from liverpair.training.detection_command import LESION
from liverpair.training.lesion_slices_cache import LesionSlices
from liverpair.training.lesion_slices_data import LesionSlicesData, SliceObjects, WholeSlices, each_object
from liverpair.training.run_log import CURVES
from liverpair.training.segmentation import SegmentationTask, batch_dice

OBJECTS = {
    "lesions": "synthetic lesions, each in the slice that shows most of it,",
    "fakes": "fake lesions",
    "elongated": "fake lesions more than twice as high as wide",
}
"""What the normal ranges are of."""


def main(arguments: list[str]) -> None:
    """Train as the config says; when `bundle.folder` is set, write the best checkpoint there."""
    cli = fit(SegmentationTask, LesionSlicesData, arguments)
    if cli.config.bundle.folder and cli.trainer.is_global_zero:
        bundle = write_bundle(cli, shlex.join(["python", "-m", "liverpair", "train", "lesion-slices", *arguments]))
        print(f"The bundle '{bundle.name}' is in {bundle.folder}.")


def write_bundle(cli: TrainingCLI, command: str) -> Bundle:
    """The best checkpoint of a finished run as a bundle, with the normal ranges of what it was trained on."""
    task, step = kept_task(SegmentationTask, Path(cli.config.run_folder), cli.config.keep)
    return Bundle.write(cli.config.bundle.folder, manifest(cli, task, step, command), task.network.state_dict())


def manifest(cli: TrainingCLI, task: SegmentationTask, step: int, command: str) -> dict[str, Any]:
    """The bundle's manifest: what the run's config and logs say; `step` is when the weights were taken."""
    data = cli.datamodule
    crop = "body" if data.policy.crop_to_body else None
    shared = shared_manifest(cli, task.network, data.policy, data.normalization, crop, step, command, CURVES)
    return {
        **shared,
        "task": SLICE_SEGMENTATION,
        "strategy": "single",
        "network": {"name": task.hparams.network, "arguments": task.hparams.arguments},
        "inputs": [data.sequence],
        "labels": [LESION],
        "normal_ranges": normal_ranges(data),
    }


def normal_ranges(data: LesionSlicesData) -> dict[str, Any]:
    """Mean and standard deviation of every feature over the objects of the training slices."""
    objects = each_object(data.training_volumes(), data.objects, data.seed)
    return ranges_of_objects(objects, f"{OBJECTS[data.objects.kind]} of the training slices").as_dict()


@torch.no_grad()
def mean_dice(network: torch.nn.Module, volumes: Sequence[LesionSlices], objects: SliceObjects, seed: int) -> float:
    """Mean over volumes of the Dice inside the liver, all slices of a volume together, at a probability of 0.5."""
    scores = []
    for sample in WholeSlices(volumes, objects, seed):
        scores.append(float(batch_dice(logits_of(network, sample["image"]), sample)))
    return float(np.mean(scores))
