"""What was computed once, in files: the one cache that trainings and registrations share."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar
from zipfile import BadZipFile

import numpy as np
import SimpleITK as sitk

from liverpair.core.atomic import written_whole

Made = TypeVar("Made")
_DAMAGED = (OSError, EOFError, KeyError, ValueError, RuntimeError, BadZipFile)
"""What reading a file raises that is no longer what it was."""


def key_of(*parts: Any) -> str:
    """A name for what depends on all `parts`: bytes, or what JSON can hold."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part if isinstance(part, bytes) else json.dumps(part).encode())
    return digest.hexdigest()[:20]


def stamp_of(paths: Sequence[Path]) -> str:
    """Names, sizes and modification times of files: changes when a file does, appears or goes."""
    return "; ".join(
        f"{p.resolve()} {p.stat().st_size} {p.stat().st_mtime_ns}" if p.exists() else str(p) for p in paths
    )


def cached(
    path: Path, make: Callable[[], Made], load: Callable[[Path], Made], save: Callable[[Path, Made], None]
) -> Made:
    """What a file holds; when it is not there, or damaged, what `make` returns, written there whole."""
    if path.exists():
        with suppress(*_DAMAGED):
            return load(path)
    made = make()
    with written_whole(path) as beside:
        save(beside, made)
    return made


def cached_arrays(path: Path, make: Callable[[], Mapping[str, np.ndarray]]) -> Mapping[str, np.ndarray]:
    """`cached` for arrays by name, in a .npz file."""
    return cached(path, make, _load_arrays, lambda beside, arrays: np.savez(beside, **arrays))


def cached_transform(path: Path, make: Callable[[], sitk.Transform]) -> sitk.Transform:
    """`cached` for a transform, in a .tfm file."""
    return cached(path, make, sitk.ReadTransform, lambda beside, made: sitk.WriteTransform(made, beside))


def _load_arrays(path: Path) -> dict[str, np.ndarray]:
    with np.load(path) as stored:
        return dict(stored)
