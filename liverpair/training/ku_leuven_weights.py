"""The published liver and lesion networks of KU Leuven: from their Keras files to our weights.

    pip download --no-deps --ignore-requires-python pyliverlesionseg==0.3
    python -m liverpair.training.ku_leuven_weights pyliverlesionseg-0.3-py3-none-any.whl liver runs/liver.safetensors
    python -m liverpair.training.ku_leuven_weights pyliverlesionseg-0.3-py3-none-any.whl lesion runs/lesions-real

The package is never installed: only its weight files are read. It needs `h5py`.
"""

import argparse
import io
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import yaml
from safetensors.torch import save_file

from liverpair.bundle.bundle import LICENSE_FILE, Bundle
from liverpair.core.errors import InputError, LiverPairError, MissingPackageError
from liverpair.core.labels import LESION
from liverpair.networks.generalized_unet import GeneralizedUNet

ARGUMENTS: Mapping[str, Mapping[str, Any]] = {
    "liver": {},
    "lesion": {"pooling": 2, "smooth": False, "residual": True},
}
"""Of which organ there are networks, and what makes them."""
FILES = {"liver": "model_unet_ct_mr_liv_seg", "lesion": "model_unet_ct_mr_lesion_seg"}
"""How the names of their files in the wheel begin."""

LESION_MANIFEST = Path(__file__).parent / "configs" / "detection" / "lesions-real.manifest.yaml"
"""What the model of the lesion network says of itself."""

KERNEL_AXES = (4, 3, 2, 1, 0)
"""Theirs (x, y, z, in, out); ours (out, in, z, y, x)."""


def published_network(wheel: Path, organ: str) -> GeneralizedUNet:
    """A network of pyliverlesionseg 0.3 (Tang et al. 2020) with its trained weights.

    Their volumes run to the patient's right, to the front and up; ours to the left, to the back and up (LPS): the
    kernels are turned round in x and y.

    Parameters
    ----------
    wheel
        The package's wheel file.
    organ
        "liver" or "lesion".

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
            name = next(n for n in archive.namelist() if Path(n).name.startswith(FILES[organ]))
            stored = h5py.File(io.BytesIO(archive.read(name)))
    except (OSError, zipfile.BadZipFile, StopIteration) as error:
        raise InputError(f"'{wheel}' is not the wheel of pyliverlesionseg.", "Download version 0.3.") from error
    network = GeneralizedUNet(**ARGUMENTS[organ])
    way = [*zip(network.down, network.down_shortcuts), *reversed([*zip(network.up, network.up_shortcuts)])]
    ours = [part for block, shortcut in way for part in (*block, shortcut) if isinstance(part, torch.nn.Conv3d)]
    for number, convolution in enumerate([*ours, network.head], start=1):
        layer = stored[f"conv3d_{number}"]
        kernel, bias = (torch.from_numpy(layer[weight][()]) for weight in layer.attrs["weight_names"])
        convolution.weight.data = kernel.permute(KERNEL_AXES).flip(3, 4).contiguous()
        convolution.bias.data = bias
    return network


def lesion_bundle(wheel: Path, folder: Path) -> Bundle:
    """The lesion network as a model that detects lesions in T1 and T2, with the package's license beside its weights.

    Raises what `published_network` raises, and `BundleError` when `folder` holds something else.
    """
    weights = {name: value.half() for name, value in published_network(wheel, "lesion").state_dict().items()}
    manifest = yaml.safe_load(LESION_MANIFEST.read_text(encoding="utf-8"))
    made_by = f"python -m liverpair.training.ku_leuven_weights {wheel.name} lesion {folder.name}"
    manifest["training"] |= {"command": made_by, "parameters": sum(value.numel() for value in weights.values())}
    manifest["network"] = {"name": "generalized-unet", "arguments": dict(ARGUMENTS["lesion"])}
    bundle = Bundle.write(folder, {**manifest, "labels": [LESION]}, weights)
    with zipfile.ZipFile(wheel) as archive:
        text = next((n for n in archive.namelist() if n.endswith("dist-info/LICENSE")), None)
        if text:
            (bundle.folder / LICENSE_FILE).write_bytes(archive.read(text))
    return bundle


def main(words: list[str]) -> int:
    """Convert; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m liverpair.training.ku_leuven_weights")
    parser.add_argument("wheel", type=Path, help="pyliverlesionseg-0.3-py3-none-any.whl")
    parser.add_argument("organ", choices=list(ARGUMENTS), help="whose network")
    parser.add_argument(
        "output", type=Path, help="the .safetensors file to write; of the lesion network also the folder of a model"
    )
    arguments = parser.parse_args(words)
    try:
        if arguments.output.suffix != ".safetensors":
            if arguments.organ != "lesion":
                raise InputError("Only the lesion network becomes a model as it is.", "Name a .safetensors file.")
            print(f"The model '{lesion_bundle(arguments.wheel, arguments.output).name}' is in {arguments.output}.")
            return 0
        state = published_network(arguments.wheel, arguments.organ).state_dict()
    except LiverPairError as error:
        print(error, file=sys.stderr)
        return 1
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    save_file(state, arguments.output)
    print(f"{sum(value.numel() for value in state.values()):,} weights are in {arguments.output}.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
