"""Weights that a training starts from: those of a model, of another run, or of somebody else's network."""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file

from liverpair.bundle import WEIGHTS_FILE, Catalogue
from liverpair.core.errors import BundleError, InputError

HEADS = ("head.weight", "head.bias")
"""Of a head with another number of outputs, those that both have are taken."""
OURS = ".ckpt"
"""A checkpoint of our own trainings, which also holds settings; any other file may hold weights only."""
PREFIX = "network."
"""Under which a checkpoint of our own holds the network of its task."""
GENESIS = "down_tr64."
"""Part of a name in the published weights of Models Genesis (Zhou et al. 2019)."""


def take_weights(network: torch.nn.Module, source: str | Path) -> list[str]:
    """Give a network the weights of `source` wherever name and shape agree; the names of those it keeps of its own.

    Of a kernel for another number of input channels (the first one), each channel gets the sum over the stored ones
    divided by their number here, so that the response to equal channels stays. Of a head with other outputs those that
    both have are taken.

    Parameters
    ----------
    source
        Name or folder of a model, checkpoint of a run, or a file of weights (.safetensors, .pt, .pth).

    Raises `InputError` when the source cannot be read, or holds no weight of the network but its head's.
    """
    stored, own = weights_in(source), network.state_dict()
    taken = {name: value for name, value in stored.items() if name in own and own[name].shape == value.shape}
    if not any(name not in HEADS for name in taken):
        raise InputError(f"No weight of '{source}' fits this network.", "Change the config's network.")
    for name in (name for name in stored if name in own and name not in (*taken, *HEADS)):
        value, wanted = stored[name], own[name]
        if value.ndim == wanted.ndim > 2 and value[:, 0].shape == wanted[:, 0].shape:
            taken[name] = value.sum(dim=1, keepdim=True).expand_as(wanted) / wanted.shape[1]
    for name in HEADS:
        if name in stored and name not in taken and stored[name].ndim == own[name].ndim:
            merged = own[name].clone()
            both = tuple(slice(0, min(sizes)) for sizes in zip(merged.shape, stored[name].shape))
            merged[both] = stored[name][both].to(merged)
            taken[name] = merged
    network.load_state_dict(taken, strict=False)
    return [name for name in own if name not in taken]


def weights_in(source: str | Path) -> Mapping[str, torch.Tensor]:
    """The tensors by name that a model, a checkpoint or a file of weights holds. Raises `InputError`."""
    path = Path(source)
    try:
        if not path.is_file():
            return load_file(Catalogue().find(source).folder / WEIGHTS_FILE)
        if path.suffix == ".safetensors":
            return load_file(path)
        stored = torch.load(path, map_location="cpu", weights_only=path.suffix != OURS)
    except BundleError as error:
        raise InputError(f"There is no model or file '{source}' to start from.", error.hint) from error
    except Exception as error:  # what torch.load raises for foreign bytes has no common type
        raise InputError(f"The weights '{source}' to start from cannot be read.", "Give a file of weights.") from error
    for key in ("state_dict", "model", "model_state_dict", "network_weights"):
        stored = stored.get(key, stored) if isinstance(stored, Mapping) else stored
    if not isinstance(stored, Mapping) or not all(isinstance(value, torch.Tensor) for value in stored.values()):
        raise InputError(f"The file '{source}' to start from holds no weights by name.", "Give another file.")
    if any(GENESIS in name for name in stored):
        return _of_models_genesis(stored)
    own = {name.removeprefix(PREFIX): value for name, value in stored.items() if name.startswith(PREFIX)}
    return own or stored


def _of_models_genesis(stored: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Weights of Models Genesis under the names of our U-Net (`liverpair.networks.unet.PUBLISHED_3D`).

    Its convolutions have biases before their normalization, ours have none: they are taken off the running means, which
    changes nothing that the network computes.
    """
    theirs = {name.removeprefix("module."): value for name, value in stored.items()}
    ours: dict[str, torch.Tensor] = {}
    for level, width in enumerate((64, 128, 256, 512)):
        for block, down in (("encoder", f"down_tr{width}"), ("decoder", f"up_tr{width}")):
            for row in (0, 1):
                place, here = f"{down}.ops.{row}.", f"{block}.{level}."
                for name in (name for name in theirs if name.startswith(f"{place}bn1.")):
                    ours[f"{here}{3 * row + 1}.{name.rpartition('.')[2]}"] = theirs[name]
                if f"{place}conv1.weight" in theirs:
                    ours[f"{here}{3 * row}.weight"] = theirs[f"{place}conv1.weight"]
                    ours[f"{here}{3 * row + 1}.running_mean"] = (
                        theirs[f"{place}bn1.running_mean"] - theirs[f"{place}conv1.bias"]
                    )
        for part in ("weight", "bias"):
            if f"up_tr{width}.up_conv.{part}" in theirs:
                ours[f"ups.{level}.{part}"] = theirs[f"up_tr{width}.up_conv.{part}"]
    return ours | {f"head.{part}": theirs[f"out_tr.final_conv.{part}"] for part in ("weight", "bias")}
