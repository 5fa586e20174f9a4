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


ARCHITECTURE = {
    "network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
    "arch_kwargs": {
        "n_stages": 2,
        "features_per_stage": [4, 8],
        "conv_op": "torch.nn.modules.conv.Conv3d",
        "kernel_sizes": [[3, 3, 3], [3, 3, 3]],
        "strides": [[1, 1, 1], [2, 2, 2]],
        "n_conv_per_stage": [1, 1],
        "n_conv_per_stage_decoder": [1],
        "conv_bias": True,
        "norm_op": "torch.nn.modules.instancenorm.InstanceNorm3d",
        "norm_op_kwargs": {"eps": 1e-05, "affine": True},
        "dropout_op": None,
        "dropout_op_kwargs": None,
        "nonlin": "torch.nn.LeakyReLU",
        "nonlin_kwargs": {"inplace": True},
    },
    "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
}
RESAMPLING = {"order": 1, "order_z": 0, "force_separate_z": None}
CONFIGURATION = {
    "data_identifier": "phantoms",
    "preprocessor_name": "DefaultPreprocessor",
    "batch_size": 2,
    "spacing": [3.0, 1.5, 2.0],
    "patch_size": [16, 16, 16],
    "normalization_schemes": ["ZScoreNormalization"],
    "use_mask_for_norm": [False],
    **{f"resampling_fn_{what}": "resample_data_or_seg_to_shape" for what in ("data", "seg", "probabilities")},
    **{f"resampling_fn_{what}_kwargs": {"is_seg": False, **RESAMPLING} for what in ("data", "probabilities")},
    "resampling_fn_seg_kwargs": {"is_seg": True, **RESAMPLING},
    "architecture": ARCHITECTURE,
}
PLANS = {
    "dataset_name": "Dataset001_Phantom",
    "plans_name": "nnUNetPlans",
    "image_reader_writer": "SimpleITKIO",
    "transpose_forward": [0, 1, 2],
    "transpose_backward": [0, 1, 2],
    "label_manager": "LabelManager",
    "foreground_intensity_properties_per_channel": {"0": {"mean": 1.0, "std": 1.0}},
    "configurations": {"3d_fullres": CONFIGURATION},
}
DATASET = {"channel_names": {"0": "MRI"}, "labels": {"background": 0, "liver": 1, "lesion": 2}, "licence": "CC0"}


def write_folder(folder: Path, plans=PLANS, dataset=DATASET, weights=None) -> Path:
    """A results folder as nnU-Net leaves it; without `weights` its checkpoint holds some that fit no network."""
    import torch

    (folder / "fold_0").mkdir(parents=True)
    (folder / "plans.json").write_text(json.dumps(plans))
    (folder / "dataset.json").write_text(json.dumps(dataset))
    content = {
        "network_weights": weights or {"a": torch.zeros(2)},
        "trainer_name": "nnUNetTrainer",
        "init_args": {"configuration": "3d_fullres", "device": torch.device("cpu")},
        "inference_allowed_mirroring_axes": (0, 1, 2),
        "logging": {"ema_fg_dice": [np.float64(0.5), np.float32(0.25)]},
    }
    torch.save(content, folder / "fold_0" / "checkpoint_final.pth")
    return folder


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


def write_raw(folder: Path, cases: int = 5) -> Path:
    """A raw dataset as nnU-Net takes it; it makes five folds of the cases."""
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
    os.environ.update({"nnUNet_n_proc_DA": "1", "nnUNet_def_n_proc": "1", "nnUNet_compile": "0"})
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
    os.environ.update({"nnUNet_n_proc_DA": "0"})  # samples are made in this process; planning refuses that
    trainer = get_trainer_from_args("1", "3d_fullres", 0, "nnUNetTrainer", plans, device=torch.device("cpu"))
    trainer.num_epochs, trainer.num_iterations_per_epoch, trainer.num_val_iterations_per_epoch = epochs, iterations, 1
    trainer.run_training()
    return Path(trainer.output_folder_base)


def own_prediction(results: Path, *images: sitk.Image, mirror: bool = False) -> np.ndarray:
    """The label map (z, y, x) that nnU-Net's own predictor makes of images on one grid."""
    import torch
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

    device = torch.device("cpu")
    predictor = nnUNetPredictor(
        use_mirroring=mirror, device=device, perform_everything_on_device=False, allow_tqdm=False
    )
    predictor.initialize_from_trained_model_folder(str(results), use_folds=(0,), checkpoint_name="checkpoint_final.pth")
    array = np.stack([sitk.GetArrayFromImage(image) for image in images]).astype(np.float32)
    return predictor.predict_single_npy_array(array, {"spacing": list(images[0].GetSpacing()[::-1])})
