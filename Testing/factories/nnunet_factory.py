"""An nnU-Net that nnU-Net itself plans and trains: a few iterations on phantoms, bright balls (1) with a spot (2)."""

import json
import os
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from liverpair.core.geometry import Grid, on_grid

SPACING = (2.0, 2.0, 4.0)
SIZE = (40, 40, 20)
CENTER = np.multiply(SIZE, SPACING) / 2


def phantom(seed: int = 0, direction=(1, 0, 0, 0, 1, 0, 0, 0, 1)) -> tuple[sitk.Image, sitk.Image]:
    """An image, and its label map: the liver is 1, a lesion in it 2."""
    rng = np.random.default_rng(seed)
    grid = Grid(SIZE, SPACING, (0.0, 0.0, 0.0), tuple(map(float, direction)))
    z, y, x = np.indices(grid.shape)
    points = np.stack([x, y, z], axis=-1) * SPACING
    place = CENTER + rng.uniform(-4, 4, 3)
    labels = (np.linalg.norm(points - place, axis=-1) < 26).astype(np.uint8)
    labels[np.linalg.norm(points - place - (8, 4, 4), axis=-1) < 9] = 2
    values = 100.0 * (labels > 0) + 100.0 * (labels == 2) + rng.normal(0, 4, grid.shape) + 20
    return on_grid(values.astype(np.float32), grid), on_grid(labels, grid)


def write_raw(folder: Path, cases: int = 3) -> Path:
    """A raw dataset as nnU-Net takes it."""
    for name in ("imagesTr", "labelsTr"):
        (folder / name).mkdir(parents=True)
    for number in range(cases):
        image, labels = phantom(number)
        sitk.WriteImage(image, str(folder / "imagesTr" / f"case{number}_0000.nii.gz"))
        sitk.WriteImage(labels, str(folder / "labelsTr" / f"case{number}.nii.gz"))
    content = {
        "channel_names": {"0": "MRI"},
        "labels": {"background": 0, "liver": 1, "lesion": 2},
        "numTraining": cases,
        "file_ending": ".nii.gz",
        "description": "Phantoms",
        "licence": "CC0",
    }
    (folder / "dataset.json").write_text(json.dumps(content))
    return folder


def train(folder: Path, iterations: int = 2, epochs: int = 1) -> Path:
    """The results folder of an nnU-Net trained on `write_raw` for a few iterations."""
    for name in ("raw", "preprocessed", "results"):
        os.environ[f"nnUNet_{name}"] = str(folder / name)
    os.environ.update({"nnUNet_n_proc_DA": "0", "nnUNet_def_n_proc": "1", "nnUNet_compile": "0"})
    write_raw(folder / "raw" / "Dataset001_Phantom")
    import torch
    from nnunetv2.experiment_planning.plan_and_preprocess_api import (
        extract_fingerprints,
        plan_experiments,
        preprocess,
    )
    from nnunetv2.run.run_training import get_trainer_from_args

    extract_fingerprints([1], num_processes=1)
    plans = plan_experiments([1], gpu_memory_target_in_gb=0.5)
    preprocess([1], plans, configurations=("3d_fullres",), num_processes=(1,))
    trainer = get_trainer_from_args("1", "3d_fullres", 0, "nnUNetTrainer", plans, device=torch.device("cpu"))
    trainer.num_epochs, trainer.num_iterations_per_epoch, trainer.num_val_iterations_per_epoch = epochs, iterations, 1
    trainer.run_training()
    return Path(trainer.output_folder_base)
