"""What a network sees of a patient, and the way back."""

import numpy as np
import pytest
import SimpleITK as sitk
from bright_box import grid, image_and_mask
from brightness_bundle import write_brightness_bundle, write_two_brightness_bundle
from dreaming_factory import smooth_noise, subject_of, write_slice_bundle
from peak_detector import SECTION, write_peak_bundle
from peak_detector import image_and_liver as peaks_and_liver

from liverpair.core.errors import InputError
from liverpair.core.geometry import resample
from liverpair.core.sides import Side
from liverpair.dreaming.ascent import dream
from liverpair.dreaming.dream_settings import DreamSettings
from liverpair.dreaming.dreamer import Dreamer
from liverpair.dreaming.neurons import neuron_at
from liverpair.dreaming.subject import prepare_subject

OBLIQUE = grid((1.7, 1.7, 7.0), degrees=(10.0, -8.0, 25.0), flips=(-1, 1, 1))
POINT = (-20.0, 15.0, 35.0)
"""Inside the bright box."""


@pytest.fixture
def volume():
    return image_and_mask(OBLIQUE)


def test_a_slice_lies_where_the_point_is_and_shows_its_intensities(tmp_path, volume):
    image, mask = volume
    subject = prepare_subject(write_slice_bundle(tmp_path / "b"), {Side.T1: image}, {Side.T1: mask}, POINT)
    assert subject.dimensions == 2 and subject.grid.size[2] == 1 and subject.spacing_mm == (1.5, 1.5)
    assert subject.channels.shape == (1, *subject.grid.size[1::-1])
    assert np.linalg.norm(np.subtract(subject.point_of(subject.index_of(POINT)), POINT)) < 7.0 / 2 + 1.5
    assert subject.index_of(subject.point_of((30, 40))) == (30, 40)
    assert subject.image[subject.index_of(POINT)] > 0.9 and subject.liver[subject.index_of(POINT)]
    picture = subject.to_image(subject.image)
    assert picture.GetSize() == subject.grid.size
    there = sitk.GetArrayFromImage(resample(image, subject.grid))
    close = np.abs(sitk.GetArrayFromImage(picture) - there) < 1.0
    assert close.mean() > 0.9  # percentiles clip, and smoothing blurs the borders
    assert sitk.GetArrayFromImage(subject.mask_image(subject.liver)).sum() == subject.liver.sum()


def test_without_a_point_the_slice_with_most_liver_is_taken(tmp_path, volume):
    image, mask = volume
    bundle = write_slice_bundle(tmp_path / "b")
    subject = prepare_subject(bundle, dict(zip(Side, (image, None))), {Side.T1: mask})
    assert subject.liver.any()
    assert prepare_subject(bundle, {Side.T1: image}).liver is None


def test_a_volume_is_seen_as_segmentation_sees_it(tmp_path, volume):
    bundle = write_brightness_bundle(tmp_path / "b")
    subject = prepare_subject(bundle, {Side.T2: volume[0]}, side=Side.T2)
    assert subject.dimensions == 3 and subject.side == Side.T2 and subject.limits == ((0.0, 100.0),)
    assert subject.channels.min() == 0.0 and subject.channels.max() == 1.0
    assert subject.point_of(subject.index_of(POINT)) == pytest.approx(POINT, abs=4.0)


def test_a_network_of_both_images_is_shown_both_and_asked_for_the_mask_of_its_side(tmp_path, volume):
    bundle = write_two_brightness_bundle(tmp_path / "b")
    inverted = inverted_of(volume[0])
    subject = prepare_subject(bundle, {Side.T1: inverted, Side.T2: volume[0]}, side=Side.T2)
    assert (len(subject.channels), subject.channel, subject.output) == (2, 1, 1)
    assert subject.image[subject.index_of(POINT)] > 0.9 > 0.1 > subject.channels[0][subject.index_of(POINT)]
    dreamer = Dreamer(bundle, "cpu", "fp32")
    settings = DreamSettings(direction="descent", iterations=3, step=1e-4, gradient="raw", precision="fp32")
    *_, last = dream(dreamer, subject, neuron_at(dreamer, subject, POINT), settings)
    changed = last.state.image - subject.channels
    assert not changed[0].any() and changed[1][subject.index_of(POINT)] < 0
    with pytest.raises(InputError, match="fits no input"):
        prepare_subject(bundle, {Side.T2: volume[0]})


def inverted_of(image: sitk.Image) -> sitk.Image:
    return sitk.Cast(100.0 - image, sitk.sitkFloat32)


def test_a_pair_keeps_the_intensities_of_its_side(tmp_path):
    images, livers = zip(*(peaks_and_liver(grid((2.0, 2.0, 4.0), extent=160.0), [p]) for p in [(0, 0, 0), (10, 0, 0)]))
    bundle = write_peak_bundle(tmp_path / "b", section={**SECTION, "standardize": True})
    pictures = dict(zip(Side, images))
    subject = prepare_subject(bundle, pictures, dict(zip(Side, livers)), side=Side.T2)
    assert (subject.side, subject.channel, len(subject.channels)) == (Side.T2, 1, 2)
    assert not subject.shown.all() and (subject.channels[~subject.shown] == 0).all()
    back = sitk.GetArrayFromImage(subject.to_image(subject.image))
    there = sitk.GetArrayFromImage(resample(images[1], subject.grid))
    unclipped = subject.shown[1] & (subject.image > 0) & (subject.image < 2)
    np.testing.assert_allclose(back[unclipped], there[unclipped], atol=1e-3)


def test_a_pair_needs_both_images_and_both_livers(tmp_path):
    image, liver = peaks_and_liver(grid((2.0, 2.0, 4.0), extent=160.0), [(0, 0, 0)])
    bundle = write_peak_bundle(tmp_path / "b")
    with pytest.raises(InputError, match="needs the images of T1 and T2; T2 is not given"):
        prepare_subject(bundle, {Side.T1: image}, {Side.T1: liver})
    with pytest.raises(InputError, match="needs the liver masks of T1 and T2; T1 and T2 is not given"):
        prepare_subject(bundle, dict(zip(Side, (image, image))))


def test_an_image_with_nan_is_refused(tmp_path, volume):
    array = sitk.GetArrayFromImage(volume[0])
    array[3, 4, 5] = np.nan
    broken = sitk.GetImageFromArray(array)
    broken.CopyInformation(volume[0])
    with pytest.raises(InputError, match="T1 has voxels that are not a number"):
        prepare_subject(write_slice_bundle(tmp_path / "b"), {Side.T1: broken})
    with pytest.raises(InputError, match="T1 has voxels that are not a number"):
        subject_of(np.full((8, 8), np.inf))


@pytest.mark.parametrize(
    ("images", "side", "words"),
    [
        ((Side.T2,), None, "What is given fits no input of model 'slices' "),
        ((Side.T1, Side.T2), Side.T2, "T2 fits no input of model 'slices' "),
        ((), Side.T1, "T1 is not given"),
    ],
)
def test_an_image_that_the_model_does_not_take_is_refused(tmp_path, volume, images, side, words):
    with pytest.raises(InputError, match=words):
        prepare_subject(write_slice_bundle(tmp_path / "b"), dict.fromkeys(images, volume[0]), side=side)


@pytest.mark.parametrize("point", [(0.0, 500.0, 0.0), (1e300, 0.0, 0.0), (1.0, 2.0), (float("nan"), 0.0, 0.0)])
def test_a_point_outside_is_refused(point):
    with pytest.raises(InputError, match="point"):
        subject_of(smooth_noise(16, 16)).index_of(point)
