"""Two visits registered by what their images show, where the way between them is known."""

import numpy as np
import pytest
import SimpleITK as sitk

from liverpair.core.errors import Cancelled
from liverpair.core.geometry import Grid, on_grid
from liverpair.registration.livers import LiverCorrespondence, register_livers
from liverpair.registration.visit_images import refined

GRID = Grid((64, 56, 28), (3.0, 3.0, 5.0), (-94.5, -82.5, -67.5), (1.0, 0, 0, 0, 1.0, 0, 0, 0, 1.0))
ANGLE, SHIFT = np.deg2rad(9.0), np.array([6.0, -4.0, 5.0])
POINTS = np.array([[-30.0, 0, 0], [0, 25, 10], [35, -10, -15], [10, 10, 20]])


def way() -> sitk.Euler3DTransform:
    """From the earlier to the later visit: the liver is nearly round, and turned."""
    turned = sitk.Euler3DTransform()
    turned.SetRotation(0.0, 0.0, float(ANGLE))
    turned.SetTranslation(SHIFT.tolist())
    return turned


def scan(transform: sitk.Transform | None, gain: float, seed: int) -> tuple[sitk.Image, sitk.Image]:
    """Image and liver: a flat ellipsoid with bright vessels in it."""
    z, y, x = np.indices(GRID.shape)
    points = np.stack([x, y, z], axis=-1) * GRID.spacing + GRID.origin
    liver = np.linalg.norm(points / (70.0, 66.0, 45.0), axis=-1) <= 1
    values = np.where(liver, 100.0, 20.0)
    for a, b in (((-50, 0), (50, 10)), ((0, -45), (10, 45)), ((-30, 30), (40, -35))):
        along = np.subtract(b, a) / np.linalg.norm(np.subtract(b, a))
        off = points[..., :2] - a
        far = np.abs(off[..., 0] * along[1] - off[..., 1] * along[0])
        values[liver & (far < 5) & (np.abs(points[..., 2]) < 20)] = 190.0
    image, mask = on_grid(values.astype(np.float32), GRID), on_grid(liver.astype(np.uint8), GRID)
    if transform is not None:
        back = transform.GetInverse()
        image = sitk.Resample(image, image, back, sitk.sitkLinear, 20.0)
        mask = sitk.Resample(mask, mask, back, sitk.sitkNearestNeighbor, 0)
    noise = np.random.default_rng(seed).normal(0.0, 4.0, GRID.shape).astype(np.float32)
    return image * gain + on_grid(noise, GRID), mask


@pytest.fixture(scope="module")
def visits():
    return scan(None, 1.0, 1), scan(way(), 2.5, 2)


def errors(found: LiverCorrespondence) -> np.ndarray:
    truth = np.array([way().TransformPoint(p.tolist()) for p in POINTS])
    return np.linalg.norm(found.to_t2(POINTS) - truth, axis=1)


def test_images_tell_how_a_round_liver_is_turned_which_its_mask_cannot(visits, tmp_path):
    (first, before), (second, now) = visits
    by_masks = register_livers(before, now)
    found = refined(first, second, (before, now), by_masks, tmp_path)
    assert errors(by_masks).mean() > 2.0
    assert errors(found).mean() < 1.5 and errors(found).max() < 2.5
    assert found.dice >= by_masks.dice - 0.01
    (kept,) = tmp_path.glob("*.tfm")
    again = refined(first, second, (before, now), by_masks, tmp_path)
    assert np.allclose(again.to_t2(POINTS), found.to_t2(POINTS), atol=1e-6) and [*tmp_path.glob("*.tfm")] == [kept]


def test_images_that_have_nothing_in_common_leave_the_registration_of_the_masks(visits, tmp_path):
    (first, before), (_, now) = visits
    by_masks = register_livers(before, now)
    found = refined(first, GRID.image(7.0), (before, now), by_masks, tmp_path)
    assert np.allclose(found.to_t2(POINTS), by_masks.to_t2(POINTS), atol=1e-6)


@pytest.mark.parametrize("after", [0.0, 0.5])
def test_either_step_is_cancelled_in_any_iteration(visits, tmp_path, after):
    (first, before), (second, now) = visits
    said = []

    def cancel(fraction: float, message: str) -> None:
        said.append(fraction)
        if fraction > after:
            raise Cancelled

    with pytest.raises(Cancelled):
        refined(first, second, (before, now), register_livers(before, now), tmp_path, progress=cancel)
    assert said[-1] > after and [*tmp_path.rglob("*")] == []
