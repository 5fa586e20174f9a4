"""Folders of finished dreams with known trajectories, as the job "dream" leaves them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from liverpair.core.trajectories import Trajectories
from liverpair.dreaming.dream_settings import DreamSettings
from liverpair.io.study import write_image

SPHERICITY, ENTROPY = "shape2D_Sphericity", "firstorder_Entropy"
RANGES = {
    "settings": {"dimensions": 2, "scale": 255, "bin_width": 10, "spacing_mm": [2.0, 2.0]},
    "count": 12,
    "data": "Twelve drawn lesions",
    "features": {SPHERICITY: {"mean": 0.8, "sd": 0.1}, ENTROPY: {"mean": 2.0, "sd": 0.5}},
}
SPACING_MM = (2.0, 2.0, 6.0)
PIXEL = (30, 20)
"""Column and row of the neuron."""


def rising(starts: int = 3, last: int = 20, kinds: tuple[str, ...] = ("dream",)) -> Trajectories:
    """Sphericity rises by 0.02 a step from 0.4, undefined at first; entropy stays at 2 plus a tenth of the start."""
    trajectories = Trajectories()
    for kind in kinds:
        for start in range(starts):
            for iteration in range(last + 1):
                there = iteration >= 2
                step = 0.02 * iteration if kind == "dream" else 0.0
                features = {
                    SPHERICITY: 0.4 + step if there else None,
                    ENTROPY: 2.0 + 0.1 * start if there else None,
                }
                measures = {"activation": start - 5.0 + 0.5 * iteration, "probability": 0.5, "voxels": 9 * there}
                trajectories.add(
                    {"run": kind, "start": start, "iteration": iteration, **measures, "features": features}
                )
    return trajectories


def frame_images(iteration: int, slices: int = 1) -> tuple[sitk.Image, sitk.Image]:
    """An image that grows brighter around the neuron, and the mask of a disk there, of `iteration` / 2 pixels."""
    y, x = np.mgrid[:40, :60]
    distance = np.hypot(x - PIXEL[0], y - PIXEL[1])
    values = 100.0 + x + iteration * np.exp(-((distance / 6.0) ** 2))
    arrays = values.astype(np.float32), (distance < iteration / 2).astype(np.uint8)
    images = []
    for array in arrays:
        image = sitk.GetImageFromArray(np.repeat(array[None], slices, axis=0))
        image.SetSpacing(SPACING_MM)
        image.SetOrigin((-50.0, -30.0, 12.0 - 6.0 * (slices // 2)))
        images.append(image)
    return tuple(images)


def write_dream(
    folder: Path, model: str = "lesion-slices-t1", trajectories: Trajectories | None = None, **changes
) -> Path:
    """Write a dream with frames of each start at iterations 0, 10 and 20; `changes` to what `dream.json` says."""
    trajectories = trajectories or rising(kinds=("dream", "random-direction"))
    trajectories.write_csv(folder / "trajectories.csv")
    original, _ = frame_images(0, slices=5)
    write_image(original, folder / "original.nii.gz")
    point = original.TransformIndexToPhysicalPoint((*PIXEL, 2))
    runs = []
    for trajectory in trajectories:
        frames = []
        if trajectory.kind == "dream":
            frames = [_write_frame(folder, trajectory.start, iteration) for iteration in (0, 10, 20)]
        neuron = {"kind": "point", "position": list(PIXEL[::-1]), "point_mm": list(point)}
        runs.append(
            {
                "run": trajectory.kind,
                "start": trajectory.start,
                "neuron": neuron,
                "stopped": "All 20 iterations are done.",
                "iterations": 20,
                "frames": frames,
            }
        )
    content: dict[str, Any] = {
        "schema_version": 1,
        "complete": True,
        "trajectories": "trajectories.csv",
        "original": "original.nii.gz",
        "runs": runs,
        "settings": DreamSettings(iterations=20).as_dict(),
        "features": list(trajectories.features),
        "feature_settings": {"scale": 255.0, "bin_width": 10.0, "spacing_mm": [2.0, 2.0]},
        "ranges": RANGES,
        "readings": [
            _reading(SPHERICITY, "toward", "Sphericity rises into the normal range by iteration 15.", -3.6, 0.0),
            _reading(ENTROPY, "flat inside", "Entropy stays in the normal range.", 0.2, 0.2),
        ],
        "provenance": {
            "bundle": model,
            "version": "1.0.0",
            "sha256": "ab" * 32,
            "device": "cpu",
            "precision": "fp32",
            "seconds": 12.5,
            "software": "LiverPair 0.1.0",
            "date": "2026-11-22T08:00:00+00:00",
        },
        "notes": ["A note on <this> & that."],
        "inputs": {"t1": "somewhere/patient/t1.nii.gz", "t2": None},
        "asked": {"inputs": {"t1": "cd" * 32}, "options": {}},
        **changes,
    }
    (folder / "dream.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


def _reading(feature: str, rule: str, sentence: str, z0: float, z1: float) -> dict[str, Any]:
    return {"feature": feature, "rule": rule, "sentence": sentence, "strength": abs(z1 - z0), "z0": z0, "z1": z1}


def _write_frame(folder: Path, start: int, iteration: int) -> dict[str, Any]:
    frame: dict[str, Any] = {"iteration": iteration}
    for what, image in zip(("image", "mask"), frame_images(iteration)):
        frame[what] = f"frames/dream_{start:02d}_{iteration:05d}_{what}.nii.gz"
        write_image(image, folder / frame[what])
    return frame
