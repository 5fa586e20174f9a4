"""Two small artificial livers, one shifted and stretched against the other, on grids that differ."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
import yaml

from liverpair.core.geometry import Grid, on_grid
from liverpair.registration.livers import LiverCorrespondence
from liverpair.synthesis.scanner import oblique_direction

SHIFT_MM = (6.0, -9.0, 30.0)
STRETCH = (1.05, 0.97, 1.08)
LIVER_LEVEL = 200.0
T1_GRID = Grid((80, 72, 34), (2.6, 2.6, 6.0), (-104.0, -93.0, -100.0), (1.0, 0, 0, 0, 1.0, 0, 0, 0, 1.0))
T2_GRID = Grid((90, 80, 32), (2.4, 2.4, 7.0), (-112.0, -96.0, -92.0), oblique_direction(6.0, -5.0))


def true_map() -> sitk.Transform:
    """From places in T1 to places in T2."""
    return sitk.AffineTransform(np.diag(STRETCH).ravel().tolist(), SHIFT_MM)


def correspondence() -> LiverCorrespondence:
    return LiverCorrespondence(true_map(), 1.0)


def _points(grid: Grid) -> np.ndarray:
    index = np.stack(np.meshgrid(*(np.arange(n) for n in grid.shape), indexing="ij")[::-1], axis=-1)
    return np.array(grid.origin) + (index * grid.spacing) @ grid.axes.T


def _liver(points: np.ndarray) -> np.ndarray:
    """An ellipsoid with a smaller one taken out of its lower left, in the space of T1."""
    body = ((points / (80.0, 62.0, 72.0)) ** 2).sum(axis=-1) < 1
    notch = (((points - (55.0, 0.0, -50.0)) / (50.0, 50.0, 40.0)) ** 2).sum(axis=-1) < 1
    return body & ~notch


def livers() -> tuple[sitk.Image, sitk.Image]:
    """Masks of T1 and T2, uint8."""
    in_t2 = (_points(T2_GRID) - SHIFT_MM) / STRETCH
    return (
        on_grid(_liver(_points(T1_GRID)).astype(np.uint8), T1_GRID),
        on_grid(_liver(in_t2).astype(np.uint8), T2_GRID),
    )


def write_pairs(root: Path, cases: Sequence[str]) -> None:
    """Pairs as the folder of real pairs has them."""
    t1_liver, t2_liver = livers()
    for number, case in enumerate(cases):
        folder = root / case
        folder.mkdir(parents=True)
        for side, liver in (("t1", t1_liver), ("t2", t2_liver)):
            sitk.WriteImage(image(liver, seed=10 * number), folder / f"{side}.nii.gz")
            sitk.WriteImage(liver, folder / f"{side}_organs.nii.gz")


def image(liver: sitk.Image, seed: int, noise: float = 5.0) -> sitk.Image:
    """An int16 image of a liver: brighter toward one side, noisy, the surroundings at a third."""
    rng = np.random.default_rng(seed)
    inside = sitk.GetArrayFromImage(liver) > 0
    shading = np.linspace(0.8, 1.2, inside.shape[2])
    values = LIVER_LEVEL * np.where(inside, 1.0, 0.33) * shading + noise * rng.standard_normal(inside.shape)
    return on_grid(np.rint(values).astype(np.int16), Grid.of(liver))


def write_training(
    folder: Path,
    data: Mapping[str, Any],
    settings: Mapping[str, Any],
    steps: int,
    arguments: Mapping[str, Any] | None = None,
    monitor: str = "validation_ap",
    **model: Any,
) -> Path:
    """The config of a detector that is small enough to be trained in a test, its run in `folder`/run and its bundle,
    "mine", in `folder`/bundle."""
    network = {
        "levels": [1],
        "anchors": 1,
        "pyramid": "decoder",
        "backbone": {"widths": [4, 8], "stem_stride": [1, 2, 2]},
        "width": 8,
        "head_depth": 1,
    }
    content = {
        "seed_everything": 5,
        "model": {
            "settings": dict(settings),
            "arguments": {**network, **(arguments or {})},
            "matching": {"force_best": True},
            **model,
        },
        "data": {
            "workers": 0,
            "policy": {"spacing_mm": [4.0, 4.0, 6.0], "keep_slices_from_mm": 0.0, "keep_slices_to_mm": 0.0},
            "cache": str(folder / "cache"),
            **data,
        },
        "monitor": monitor,
        "trainer": {"max_steps": steps, "max_epochs": -1, "accelerator": "cpu", "enable_progress_bar": False},
        "run_folder": str(folder / "run"),
        "bundle": {"folder": str(folder / "bundle"), "name": "mine", "data": "artificial livers", "license": "none"},
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(content))
    return path
