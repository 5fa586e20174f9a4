"""The weights of a bundle: what the file really is, its checksum, its tensors."""

import hashlib
import json
import math
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from liverpair.core.errors import BundleError, MissingPackageError

if TYPE_CHECKING:
    import torch

MAXIMUM_HEADER_BYTES = 100 * 2**20
"""The safetensors format's own limit."""

METADATA = "__metadata__"
VALUE_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}
"""Bytes per value of the safetensors types that a weight may have."""


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
        tensor_shapes(path, source)
        found = file_sha256(path)
    except OSError as error:
        raise BundleError(f"The weights of model '{source}' cannot be read: {error}.") from error
    if found != expected_sha256:
        raise BundleError(
            f"The weights of model '{source}' do not have the checksum in its manifest: the file was changed.",
            "Copy or import the model again.",
        )


def tensor_shapes(path: Path, source: str) -> dict[str, tuple[int, ...]]:
    """The shape of every tensor in a safetensors file by name, read from its header and checked against its size.

    The file begins with the length of a JSON header (8 bytes, little endian), then that header, then the values of all
    tensors without a gap. Needs neither torch nor safetensors. Raises `BundleError`, and `OSError`.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(8)
        begins_header = file.read(1) == b"{"  # a header's length may begin like a pickle does
        if not begins_header and (start[:2] == b"PK" or start[:1] == b"\x80"):
            raise BundleError(
                f"The weights of model '{source}' are a Python pickle, which could run any program when it is opened.",
                "Ask for the model as safetensors.",
            )
        length = int.from_bytes(start, "little")
        if len(start) < 8 or not 2 <= length <= min(size - 8, MAXIMUM_HEADER_BYTES):
            raise BundleError(f"The weights of model '{source}' are not a safetensors file.")
        try:
            file.seek(len(start))
            header = json.loads(file.read(length))
        except (ValueError, RecursionError):
            header = None
    if not isinstance(header, dict):
        raise BundleError(f"The weights of model '{source}' are not a safetensors file.")
    return _checked_shapes(header, size - 8 - length, source)


def _checked_shapes(header: Mapping[str, Any], values_size: int, source: str) -> dict[str, tuple[int, ...]]:
    tensors = {name: entry for name, entry in header.items() if name != METADATA}
    if not tensors:
        raise BundleError(f"The weights of model '{source}' are empty: the file holds no tensor.")
    spans = []
    for name, entry in tensors.items():
        fields = entry if isinstance(entry, dict) else {}
        kind, shape, span = (fields.get(key) for key in ("dtype", "shape", "data_offsets"))
        if not isinstance(kind, str) or not _are_counts(shape) or not _are_counts(span) or len(span) != 2:
            raise BundleError(f"The weights of model '{source}' are damaged: '{name}' is not described as a tensor.")
        if kind not in VALUE_BYTES:
            raise BundleError(
                f"The weights of model '{source}' are of a type this LiverPair does not know: '{name}' is {kind!r}."
            )
        if span[1] - span[0] != math.prod(shape) * VALUE_BYTES[kind]:
            raise BundleError(f"The weights of model '{source}' are damaged: '{name}' is not as long as its shape.")
        spans.append(tuple(span))
    ends = [(0, 0), *sorted(spans), (values_size, values_size)]
    if any(before[1] != after[0] for before, after in pairwise(ends)):
        raise BundleError(f"The weights of model '{source}' are damaged: its tensors do not fill the file.")
    return {name: tuple(entry["shape"]) for name, entry in tensors.items()}


def _are_counts(values: Any) -> bool:
    return isinstance(values, list) and all(type(v) is int and v >= 0 for v in values)


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


def check_fit(network: "torch.nn.Module", shapes: Mapping[str, tuple[int, ...]], source: str) -> None:
    """Raise `BundleError` unless these names and shapes are those of `network` (which may be a meta one)."""
    expected = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    missing = sorted(expected.keys() - shapes.keys())
    extra = sorted(shapes.keys() - expected.keys())
    wrong = sorted(n for n in expected.keys() & shapes.keys() if expected[n] != shapes[n])
    if wrong:
        defect = f"'{wrong[0]}' has the shape {shapes[wrong[0]]} and the network has {expected[wrong[0]]}"
    elif missing:
        defect = f"'{missing[0]}' is missing ({len(missing)} missing in all)"
    elif extra:
        defect = f"'{extra[0]}' is not part of the network ({len(extra)} such in all)"
    else:
        return
    raise BundleError(f"The weights of model '{source}' do not fit the network in its manifest: {defect}.")
