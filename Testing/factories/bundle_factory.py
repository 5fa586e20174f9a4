"""Small bundles for tests."""

import atexit
import json
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from liverpair.bundle import Bundle
from liverpair.core.labels import LIVER
from liverpair.networks import build

ARGUMENTS = {"in_channels": 1, "out_channels": 1, "widths": [4, 8]}


def manifest(**changes: Any) -> dict[str, Any]:
    """A valid manifest without schema version and checksum, as `Bundle.write` takes it."""
    return {
        "name": "small",
        "version": "1.0",
        "task": "segmentation",
        "strategy": "single",
        "network": {"name": "unet", "arguments": ARGUMENTS},
        "inputs": ["T1 or T2"],
        "grid": {"spacing_mm": [2.0, 2.0, 6.0], "multiple_of": [2, 2, 2]},
        "normalization": {"method": "percentile", "lower_percentile": 1.0, "upper_percentile": 99.0},
        "labels": [LIVER],
        "postprocessing": {"threshold": 0.5, "largest_component": True, "fill_holes": False},
        "normal_ranges": {},
        "training": {
            "data": "Twelve drawn spheres",
            "license": "CC BY-NC-SA 4.0",
            "citation": "Nobody et al. 2020",
            "command": "python -m liverpair train segmentation --config small.yaml",
            "seed": 7,
            "wall_time_s": 5400,
            "curve": [{"step": i * 100, "validation_dice": i / 20} for i in range(20)],
        },
        "metrics": {},
        **changes,
    }


def small_network(seed: int = 0) -> torch.nn.Module:
    """The network that `manifest` names, with random weights, in eval mode."""
    torch.manual_seed(seed)
    return build("unet", ARGUMENTS).eval()


_written: dict[str, Path] = {}
"""Bundles that were written before, by their content: to write one, its network is built and tried."""


def write_once(folder: Path, content: dict[str, Any], weights: Callable[[], dict[str, torch.Tensor]]) -> Bundle:
    """What `Bundle.write` makes of `content` and the weights that `weights` makes of it alone, copied where it was
    written before."""
    key = f"{weights.__module__}.{weights.__qualname__} {json.dumps(content, sort_keys=True)}"
    if key not in _written or folder.exists():
        made = Bundle.write(folder, content, weights())
        kept = Path(tempfile.mkdtemp(prefix="liverpair-bundle-"))
        atexit.register(shutil.rmtree, kept, ignore_errors=True)
        _written[key] = Path(shutil.copytree(folder, kept / "bundle"))
        return made
    shutil.copytree(_written[key], folder)
    return Bundle.load(folder)


def write_bundle(folder: Path, **changes: Any) -> Bundle:
    """A valid bundle in `folder`."""
    return write_once(Path(folder), manifest(**changes), _small_weights)


def _small_weights() -> dict[str, torch.Tensor]:
    return small_network().state_dict()


def edit_manifest(folder: Path, **changes: Any) -> None:
    """Change entries of a written manifest behind the library's back; the value `...` removes an entry."""
    path = folder / "bundle.json"
    content = {**json.loads(path.read_text(encoding="utf-8")), **changes}
    path.write_text(json.dumps({k: v for k, v in content.items() if v is not ...}), encoding="utf-8")


def zip_folder(folder: Path, target: Path, prefix: str = "") -> Path:
    """A zip of the files in `folder`, under `prefix`."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.iterdir()):
            archive.write(path, prefix + path.name)
    return target
