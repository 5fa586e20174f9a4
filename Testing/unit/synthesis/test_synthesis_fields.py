"""Bias fields, blobs and displacements."""

import numpy as np
import pytest
import SimpleITK as sitk
from scipy import ndimage

from liverpair.synthesis.bias import bias_field, polynomial_terms, random_bias_field
from liverpair.synthesis.deformation import breathing_displacement, smooth_displacement
from liverpair.synthesis.shapes import blob_field, roughen, smooth_noise, smooth_step


def test_bias_field_equals_the_formula_on_a_tiny_grid():
    terms = polynomial_terms(1)
    assert sorted(terms) == [(0, 0, 1), (0, 1, 0), (1, 0, 0)]
    slope = dict(zip(terms, (0.0, 0.0, 0.0), strict=True)) | {(0, 0, 1): np.log(2.0), (1, 0, 0): np.log(3.0)}
    field = bias_field((2, 1, 3), np.array([slope[t] for t in terms]), degree=1)
    z, x = np.array([1 / 3, 3.0])[:, None, None], np.array([0.5, 1.0, 2.0])[None, None, :]
    expected = z * x
    assert np.allclose(field, expected / expected.mean(), rtol=1e-6)


def test_degree_three_has_nineteen_terms_besides_the_constant():
    terms = polynomial_terms(3)
    assert len(terms) == len(set(terms)) == 19
    assert max(map(sum, terms)) == 3 and (0, 0, 0) not in terms
    with pytest.raises(ValueError, match="19 terms"):
        bias_field((2, 2, 2), np.zeros(20))


def test_random_bias_field_has_mean_one_and_follows_its_seed():
    fields = [random_bias_field((6, 20, 24), np.random.default_rng(s)) for s in (1, 1, 2)]
    assert fields[0].dtype == np.float32 and fields[0].shape == (6, 20, 24)
    assert fields[0].mean() == pytest.approx(1.0, abs=1e-5) and fields[0].min() > 0
    assert np.array_equal(fields[0], fields[1]) and not np.allclose(fields[0], fields[2])
    assert np.allclose(random_bias_field((4, 5, 6), np.random.default_rng(0), strength=0.0), 1.0)


def test_bias_coefficients_stay_within_strength():
    field = random_bias_field((3, 3, 3), np.random.default_rng(3), strength=0.2)
    assert np.ptp(np.log(field)) <= 2 * 0.2 * 19


def test_smooth_noise_is_standardised_and_smooth():
    noise = smooth_noise((30, 64, 64), (4.0, 8.0, 8.0), np.random.default_rng(0))
    assert noise.mean() == pytest.approx(0, abs=1e-4) and noise.std() == pytest.approx(1, abs=1e-3)
    neighbor = np.mean(noise[:, :, 1:] * noise[:, :, :-1])
    assert neighbor > 0.97
    rough = smooth_noise((30, 64, 64), 0.5, np.random.default_rng(0))
    assert np.mean(rough[:, :, 1:] * rough[:, :, :-1]) < 0.6


def test_smooth_step_ends_and_middle():
    assert np.allclose(smooth_step(np.array([-1.0, 0.0, 2.0, 4.0, 9.0]), 0.0, 4.0), [0, 0, 0.5, 1, 1])


def test_blobs_are_numbered_components_of_sufficient_area():
    blobs = blob_field((256, 256), np.random.default_rng(4))
    count = blobs.max()
    areas = np.bincount(blobs.ravel())[1:]
    assert count > 5 and areas.min() >= 100
    assert 0.15 < (blobs > 0).mean() < 0.26
    assert all(ndimage.label(blobs == k)[1] == 1 for k in range(1, count + 1))


def test_roughened_mask_moves_its_border_by_about_the_amplitude():
    ball = sitk.GetImageFromArray(
        (
            np.add.outer(np.add.outer(np.arange(-15, 16) ** 2, np.arange(-15, 16) ** 2), np.arange(-15, 16) ** 2) < 100
        ).astype(np.uint8)
    )
    ball.SetSpacing((1.5, 1.5, 1.5))
    assert roughen(ball, np.random.default_rng(0), 0.0) is ball
    rough = sitk.GetArrayFromImage(roughen(ball, np.random.default_rng(0), 2.0)) > 0
    true = sitk.GetArrayFromImage(ball) > 0
    changed = rough ^ true
    border = ndimage.distance_transform_edt(true) + ndimage.distance_transform_edt(~true)
    assert changed.any() and (border[changed] * 1.5 < 12).all()
    assert 0.8 < rough.sum() / true.sum() < 1.25


def _weight(value: float) -> sitk.Image:
    image = sitk.Image(20, 20, 20, sitk.sitkFloat32) + value
    image.SetSpacing((8.0, 8.0, 8.0))
    return image


def test_breathing_displacement_undoes_the_shift_where_everything_moves():
    transform = breathing_displacement(_weight(1.0), (1.0, -8.0, -25.0), np.random.default_rng(0), irregularity_mm=0.0)
    assert np.allclose(transform.TransformPoint((80.0, 80.0, 80.0)), (79.0, 88.0, 105.0), atol=1e-4)


def test_breathing_displacement_leaves_fixed_parts_alone():
    transform = breathing_displacement(_weight(0.0), (1.0, -8.0, -25.0), np.random.default_rng(0))
    assert np.allclose(transform.TransformPoint((70.0, 60.0, 90.0)), (70.0, 60.0, 90.0))


def test_smooth_displacement_does_not_fold():
    field = smooth_displacement(_weight(0.0), np.random.default_rng(2), amplitude_mm=5.0, wavelength_mm=50.0)
    assert field.shape == (20, 20, 20, 3) and field.std() == pytest.approx(5.0, rel=0.05)
    image = sitk.GetImageFromArray(field, isVector=True)
    image.SetSpacing((8.0, 8.0, 8.0))
    assert sitk.GetArrayViewFromImage(sitk.DisplacementFieldJacobianDeterminant(image)).min() > 0.2
