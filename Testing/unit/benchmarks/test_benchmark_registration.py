"""The benchmark of the registration of livers does what it says, on a small liver. No speed is asserted."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from liverpair.registration.livers import RegistrationSettings, overlap_of

BENCHMARK = Path(__file__).resolve().parents[2] / "Benchmarks" / "registration.py"


@pytest.fixture(scope="module")
def benchmark():
    specification = importlib.util.spec_from_file_location("registration_benchmark", BENCHMARK)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def ellipsoid() -> sitk.Image:
    """A liver of 144 × 120 × 96 mm in the middle of its image."""
    z, y, x = np.indices((24, 32, 40))
    inside = ((x - 20) / 12) ** 2 + ((y - 16) / 10) ** 2 + ((z - 12) / 8) ** 2 < 1
    image = sitk.GetImageFromArray(inside.astype(np.uint8))
    image.SetSpacing((6.0, 6.0, 6.0))
    return image


def test_the_known_way_leads_from_the_deformed_liver_into_the_liver(benchmark):
    liver = ellipsoid()
    moved, points, true = benchmark.deformed(liver, 3)
    assert points.shape == true.shape == (benchmark.POINTS, 3)
    assert all(moved[moved.TransformPhysicalPointToIndex(point.tolist())] for point in points)
    assert np.mean([liver[liver.TransformPhysicalPointToIndex(point.tolist())] for point in true]) > 0.95
    assert 2 < np.linalg.norm(true - points, axis=1).mean() < 40


def test_simpleitk_registers_the_same_masks_as_ours(benchmark):
    liver = ellipsoid()
    moved, points, true = benchmark.deformed(liver, 3)
    way = benchmark.register_by_simpleitk(moved, liver, RegistrationSettings())
    assert np.linalg.norm(way.to_t2(points) - true, axis=1).mean() < 0.75 * np.linalg.norm(points - true, axis=1).mean()
    assert way.dice == pytest.approx(overlap_of(moved, liver, way.transform)) and way.dice > 0.9
