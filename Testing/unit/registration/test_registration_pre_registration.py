"""Warping one image onto the other by mutual information."""

import numpy as np
import pytest
import SimpleITK as sitk
from bright_box import grid, image_and_mask

from liverpair.core.errors import Cancelled, InputError
from liverpair.registration import pre_registration
from liverpair.registration.pre_registration import PreRegistrationSettings, cached_pre_registration, pre_register

MOVED_MM = (10.0, -6.0, 14.0)
POINTS = [(-30.0, 10.0, 40.0), (20.0, -30.0, 0.0), (0.0, 0.0, -50.0)]


@pytest.fixture(scope="module")
def images():
    """An image as fixed one; as moving one the same with other contrast, moved as a whole."""
    image, _ = image_and_mask(grid((5.0, 5.0, 5.0)))
    image = sitk.SmoothingRecursiveGaussian(image / 100.0, 4.0)
    moving = sitk.Mask(1.3 - image, image > 0.05)
    moving.SetOrigin((np.array(image.GetOrigin()) + MOVED_MM).tolist())
    return image, moving


def errors_mm(transform, wanted):
    moved = np.array([transform.TransformPoint(point) for point in POINTS])
    return np.linalg.norm(moved - POINTS - np.array(wanted), axis=1)


def test_a_moved_image_of_other_contrast_is_found(images):
    transform = pre_register(*images)
    assert errors_mm(transform, MOVED_MM).max() < 4.0
    warped = sitk.Resample(images[1], images[0], transform)
    again = sitk.Resample(images[1], images[0])
    wanted = sitk.GetArrayFromImage(sitk.Mask(1.3 - images[0], images[0] > 0.05))
    off = [np.abs(sitk.GetArrayFromImage(one) - wanted).mean() for one in (warped, again)]
    assert off[0] < 0.4 * off[1]


def test_images_that_fit_already_stay(images):
    assert errors_mm(pre_register(images[0], images[0]), (0, 0, 0)).max() < 1.0


def test_a_step_that_makes_it_worse_is_left_out(images):
    identity, true = sitk.TranslationTransform(3), sitk.TranslationTransform(3, MOVED_MM)
    for simple, refined in ((identity, true), (true, identity)):
        assert pre_registration._better(*images, PreRegistrationSettings(), simple, refined) is true


def test_images_apart_are_refused(images):
    far = sitk.Image(images[1])
    far.SetOrigin((2000.0, 0.0, 0.0))
    with pytest.raises(InputError, match="T1 and T2 cannot be registered"):
        pre_register(images[0], far)


def test_what_was_registered_is_remembered(images, tmp_path, monkeypatch):
    settings = PreRegistrationSettings(affine_iterations=5, deformable_iterations=1)
    first = cached_pre_registration(*images, tmp_path, settings)
    monkeypatch.setattr(pre_registration, "pre_register", lambda *_: pytest.fail("registered again"))
    again = cached_pre_registration(*images, tmp_path, settings)
    assert [again.TransformPoint(p) for p in POINTS] == [pytest.approx(first.TransformPoint(p)) for p in POINTS]
    with pytest.raises(pytest.fail.Exception):
        cached_pre_registration(images[0], images[1] * 2.0, tmp_path, settings)
    with pytest.raises(pytest.fail.Exception):
        cached_pre_registration(*images, tmp_path, PreRegistrationSettings(affine_iterations=6))


def test_a_cancelled_registration_leaves_nothing(images, tmp_path):
    def cancel(fraction, message):
        raise Cancelled

    with pytest.raises(Cancelled):
        cached_pre_registration(*images, tmp_path / "cache", progress=cancel)
    assert not (tmp_path / "cache").exists()
