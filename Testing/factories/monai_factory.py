"""A MONAI bundle that MONAI itself writes, of a network known by hand: a voxel's brightness decides on its label."""

from pathlib import Path
from typing import Any

import torch

GAIN = 40.0
METADATA = {
    "version": "0.1.0",
    "name": "Bright things",
    "description": "What is bright is liver, what is brightest a lesion",
    "license": "CC0",
    "network_data_format": {
        "inputs": {"image": {"type": "image", "num_channels": 1, "channel_def": {"0": "image"}}},
        "outputs": {
            "pred": {
                "type": "image",
                "num_channels": 3,
                "channel_def": {"0": "background", "1": "liver", "2": "lesion"},
            }
        },
    },
}
INFERENCE = {
    "imports": ["$import glob"],
    "device": "$torch.device('cuda:0' if torch.cuda.is_available() else 'cpu')",
    "datalist": "$list(sorted(glob.glob('/data/*.nii.gz')))",
    "edge": 32,
    "spacing": [2.5, 2.5, 3.0],
    "network_def": {"_target_": "torch.nn.Conv3d", "in_channels": 1, "out_channels": 3, "kernel_size": 1},
    "network": "$@network_def.to(@device)",
    "preprocessing": {
        "_target_": "Compose",
        "transforms": [
            {"_target_": "LoadImaged", "keys": "image"},
            {"_target_": "EnsureChannelFirstd", "keys": "image"},
            {"_target_": "Orientationd", "keys": "image", "axcodes": "RAS"},
            {"_target_": "Spacingd", "keys": "image", "pixdim": "@spacing", "mode": "bilinear"},
            {"_target_": "ScaleIntensityd", "keys": "image"},
            {"_target_": "EnsureTyped", "keys": "image", "device": "@device"},
        ],
    },
    "inferer": {"_target_": "SlidingWindowInferer", "roi_size": "$[@edge, @edge, @edge]", "overlap": 0.25},
    "postprocessing": {
        "_target_": "Compose",
        "transforms": [{"_target_": "Activationsd", "keys": "pred", "softmax": True}],
    },
}


def bright_network(liver_from: float, lesion_from: float) -> torch.nn.Module:
    """Of an intensity x in [0, 1]: background below `liver_from`, lesion above `lesion_from`, liver between."""
    network = torch.nn.Conv3d(1, 3, 1)
    slopes = GAIN * torch.tensor([0.0, 1.0, 2.0])
    network.weight.data = slopes.reshape(3, 1, 1, 1, 1)
    network.bias.data = -GAIN * torch.tensor([0.0, liver_from, liver_from + lesion_from])
    return network


def write_monai_bundle(
    folder: Path, liver_from: float = 0.1, lesion_from: float = 0.5, script: bool = False, **changes: Any
) -> Path:
    """The bundle in `folder`, with `changes` of its inference configuration; `script`: its network as TorchScript."""
    from monai.bundle import init_bundle

    network = bright_network(liver_from, lesion_from)
    folder.parent.mkdir(parents=True, exist_ok=True)
    init_bundle(folder, network=network, metadata_str=METADATA, inference_str={**INFERENCE, **changes})
    if script:
        (folder / "models" / "model.pt").unlink()
        torch.jit.script(network).save(str(folder / "models" / "model.ts"))
    return folder
