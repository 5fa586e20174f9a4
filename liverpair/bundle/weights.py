"""The weights of a bundle: what the file really is, its checksum, its tensors."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from liverpair.errors import BundleError, MissingPackageError

if TYPE_CHECKING:
    import torch

MAXIMUM_HEADER_BYTES = 100 * 2**20
"""The safetensors format's own limit."""


def file_sha256(path: Path) -> str:
    """SHA-256 of a file in hexadecimal. Raises `OSError`."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()


def check_weights(path: Path, expected_sha256: str, source: str) -> None:
    """Refuse weights that are missing, not safetensors, or not those the manifest was written for.

    `source` names the model in the sentence. Needs neither torch nor safetensors. Raises `BundleError`.
    """
    if not path.is_file():
        raise BundleError(f"Model '{source}' has no {path.name}.", "Copy the whole folder of the model.")
    try:
        _check_format(path, source)
        found = file_sha256(path)
    except OSError as error:
        raise BundleError(f"The weights of model '{source}' cannot be read: {error}.") from error
    if found != expected_sha256:
        raise BundleError(
            f"The weights of model '{source}' do not have the checksum in its manifest: the file was changed.",
            "Copy or import the model again.",
        )


def _check_format(path: Path, source: str) -> None:
    """A safetensors file begins with the length of a JSON header (8 bytes, little endian), then that header."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(8)
        if start[:2] == b"PK" or start[:1] == b"\x80":
            raise BundleError(
                f"The weights of model '{source}' are a Python pickle, which could run any program when it is opened.",
                "Ask for the model as safetensors.",
            )
        length = int.from_bytes(start, "little")
        if len(start) < 8 or not 2 <= length <= min(size - 8, MAXIMUM_HEADER_BYTES):
            raise BundleError(f"The weights of model '{source}' are not a safetensors file.")
        try:
            header = json.loads(file.read(length))
        except (ValueError, RecursionError):
            header = None
    if not isinstance(header, dict):
        raise BundleError(f"The weights of model '{source}' are not a safetensors file.")


def load_weights(path: Path, source: str) -> "dict[str, torch.Tensor]":
    """The tensors in a safetensors file, on the CPU. Raises `BundleError` if a weight is not finite."""
    import torch

    try:
        from safetensors import SafetensorError
        from safetensors.torch import load_file
    except ImportError as error:
        raise MissingPackageError("Reading a model needs the package 'safetensors'.", "Install it with pip.") from error
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise BundleError(f"The weights of model '{source}' cannot be read: {error}.") from error
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise BundleError(f"The weights of model '{source}' are not all finite: '{name}' holds NaN or infinity.")
    return tensors


def save_weights(state: "Mapping[str, torch.Tensor]", path: Path) -> None:
    """Write tensors as safetensors. Raises `BundleError` if a weight is not finite."""
    import torch
    from safetensors.torch import save_file

    tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in state.items()}
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise BundleError(f"Weights that are not finite cannot be written: '{name}' holds NaN or infinity.")
    save_file(tensors, path)
    path.chmod(0o644)  # safetensors leaves it to its owner alone


def check_fit(network: "torch.nn.Module", tensors: "Mapping[str, torch.Tensor]", source: str) -> None:
    """Raise `BundleError` unless the names and shapes of `tensors` are those of `network` (which may be a meta one)."""
    expected = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    missing = sorted(expected.keys() - tensors.keys())
    extra = sorted(tensors.keys() - expected.keys())
    wrong = sorted(n for n in expected.keys() & tensors.keys() if expected[n] != tuple(tensors[n].shape))
    if wrong:
        found = tuple(tensors[wrong[0]].shape)
        defect = f"'{wrong[0]}' has the shape {found} and the network has {expected[wrong[0]]}"
    elif missing:
        defect = f"'{missing[0]}' is missing ({len(missing)} missing in all)"
    elif extra:
        defect = f"'{extra[0]}' is not part of the network ({len(extra)} such in all)"
    else:
        return
    raise BundleError(f"The weights of model '{source}' do not fit the network in its manifest: {defect}.")
