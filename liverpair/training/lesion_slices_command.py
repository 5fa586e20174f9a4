"""`python -m liverpair train lesion-slices`: train a network that segments lesions in slices, then write its bundle."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from liverpair.bundle import Bundle
from liverpair.bundle.manifest import SLICE_SEGMENTATION
from liverpair.dreaming.feature_names import feature_groups
from liverpair.measures.radiomics import FeatureSettings, features_of
from liverpair.training.bundle_writing import best_task, shared_manifest
from liverpair.training.command import TrainingCLI, fit
from liverpair.training.detection_command import LESION
from liverpair.training.lesion_slices_cache import LesionSlices
from liverpair.training.lesion_slices_data import LesionSlicesData, SliceObjects, WholeSlices, each_object
from liverpair.training.run_log import CURVES
from liverpair.training.segmentation import SegmentationTask

LEAST_PIXELS = 20
"""Objects of fewer pixels have no texture to speak of; they are left out of the normal ranges."""


def main(arguments: list[str]) -> None:
    """Train as the config says; when `bundle.folder` is set, write the best checkpoint there."""
    cli = fit(SegmentationTask, LesionSlicesData, arguments)
    if cli.config.bundle.folder and cli.trainer.is_global_zero:
        bundle = write_bundle(cli, shlex.join(["python", "-m", "liverpair", "train", "lesion-slices", *arguments]))
        print(f"The bundle '{bundle.name}' is in {bundle.folder}.")


def write_bundle(cli: TrainingCLI, command: str) -> Bundle:
    """The best checkpoint of a finished run as a bundle, with the normal ranges of what it was trained on."""
    task, step = best_task(SegmentationTask, Path(cli.config.run_folder))
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
        "normal_ranges": ranges_of(data.training_volumes(), data.objects, data.seed),
    }


def ranges_of(volumes: Sequence[LesionSlices], objects: SliceObjects, seed: int) -> dict[str, Any]:
    """Mean and standard deviation of every radiomic feature over the objects a network was trained on."""
    names = [name for group in feature_groups(2).values() for name in group]
    settings = FeatureSettings()
    rows, spacing = [], volumes[0].spacing_mm
    for image, mask, spacing in each_object(volumes, objects, seed):
        if mask.sum() >= LEAST_PIXELS:
            rows.append([features_of(image, mask, spacing, names, settings)[name] for name in names])
    values = np.ma.masked_invalid(np.array(rows))
    mean, sd = values.mean(axis=0).filled(np.nan), values.std(axis=0, ddof=1).filled(np.nan)
    known = np.isfinite(mean) & np.isfinite(sd)
    return {
        "settings": {
            "dimensions": 2,
            "scale": settings.scale,
            "bin_width": settings.bin_width,
            "spacing_mm": list(spacing),
        },
        "count": len(rows),
        "data": f"the objects of the training slices ({objects.kind}), each lesion in the slice that shows most of it",
        "features": {name: {"mean": float(m), "sd": float(s)} for name, m, s, ok in zip(names, mean, sd, known) if ok},
    }


@torch.no_grad()
def mean_dice(task: SegmentationTask, volumes: Sequence[LesionSlices], objects: SliceObjects, seed: int) -> float:
    """Mean over volumes of the Dice inside the liver, all slices of a volume together, at a probability of 0.5."""
    return float(np.mean([float(task.dice(sample)) for sample in WholeSlices(volumes, objects, seed)]))
