"""Images of striped blobs: the two channels, their translation, the target."""

import numpy as np
import pytest
from scipy import ndimage

from reproduction.toys.striped_blobs import (
    POSITION,
    STRIPES,
    StripedBlobsSettings,
    nearest_right,
    striped_blobs,
    striped_scene,
)

SETTINGS = StripedBlobsSettings(size=128, blob_sigma=8.0, percentile=75.0, smallest=100, blur=4.0, period=8.0)


@pytest.fixture(scope="module")
def scene():
    return striped_scene(np.random.default_rng(5), SETTINGS, 40)


def test_a_seed_is_an_image():
    one, again, other = (striped_blobs(np.random.default_rng(seed), SETTINGS) for seed in (3, 3, 4))
    assert (one.images == again.images).all() and (one.target == again.target).all() and one.shift == again.shift
    assert (one.images != other.images).any()


def test_images_are_what_the_network_takes():
    image = striped_blobs(np.random.default_rng(0))
    assert image.images.shape == (2, 256, 256) and image.images.dtype == np.float32
    assert image.images.min() >= 0 and image.images.max() <= 1
    assert image.target.shape == image.decidable.shape == (256, 256)
    assert 0 < image.wanted.mean() < 1


def test_shifts_have_the_length_asked_for_and_any_direction():
    settings = StripedBlobsSettings(size=32, shift=(10.0, 30.0))
    shifts = np.array([striped_blobs(np.random.default_rng(seed), settings).shift for seed in range(60)])
    lengths = np.linalg.norm(shifts, axis=1)
    assert 9.2 < lengths.min() < 14 and 26 < lengths.max() < 30.8
    assert {tuple(np.sign(shift)) for shift in shifts} >= {(1, 1), (1, -1), (-1, 1), (-1, -1)}


def test_the_striped_channel_moves_and_position_and_target_stay(scene):
    still, moved = scene.seen((0, 0)), scene.seen((7, -12))
    assert (moved.images[STRIPES][7:, :-12] == still.images[STRIPES][:-7, 12:]).all()
    assert (moved.images[POSITION] == still.images[POSITION]).all()
    assert (moved.target == still.target).all()
    assert (still.labels[POSITION] == still.labels[STRIPES]).all()


def test_what_a_shift_brings_in_is_blobs_as_well(scene):
    assert (scene.seen((0, 40)).labels[STRIPES][:, :40] > 0).any()


def test_the_target_is_the_wanted_blobs_where_the_position_channel_has_them(scene):
    image = scene.seen((20, 5))
    assert (image.target == np.isin(image.labels[POSITION], np.flatnonzero(image.wanted) + 1)).all()
    assert image.target.any() and (image.labels[POSITION] > 0)[~image.target].any()


def _turn(image: np.ndarray, inside: np.ndarray) -> float:
    """Sine of twice the angle of the stripes, with y upward."""
    gy, gx = np.gradient(image)
    return float(2 * (gx * gy)[inside].sum() / (gx**2 + gy**2)[inside].sum())


def test_stripes_of_wanted_blobs_run_at_45_degrees_and_the_others_across(scene):
    image = scene.seen((0, 0))
    for number, wanted in enumerate(image.wanted, start=1):
        core = ndimage.binary_erosion(image.labels[STRIPES] == number, iterations=2)
        if core.sum() >= 100:
            assert _turn(image.images[STRIPES], core) * (1 if wanted else -1) > 0.7


def test_only_the_striped_channel_has_sharp_contours(scene):
    image = scene.seen((0, 0))
    steepest = [max(np.abs(np.diff(channel, axis=axis)).max() for axis in (0, 1)) for channel in image.images]
    assert steepest[POSITION] < 0.2 and steepest[STRIPES] > 0.5
    assert (image.images[STRIPES][image.labels[STRIPES] == 0] == 0).all()


def test_blobs_whose_stripes_left_the_image_are_counted_and_cannot_be_decided(scene):
    image = scene.seen((40, 0))
    for number in range(1, len(image.wanted) + 1):
        here, there = (labels == number for labels in image.labels)
        assert image.shown[:, number - 1].tolist() == [here.sum(), there.sum()]
        assert (image.decidable[here] == (there.sum() >= SETTINGS.smallest)).all()
    assert ((image.shown[STRIPES] == 0) & (image.shown[POSITION] > 0)).any()
    assert not image.decidable.all() and image.decidable[image.labels[POSITION] == 0].all()


def test_no_shift_beyond_the_margin(scene):
    with pytest.raises(ValueError, match="reaches 40 pixels beyond the image, not 41"):
        scene.seen((0, -41))


def test_the_nearest_striped_blob_misleads_among_many_small_blobs_and_not_among_few_large_ones():
    assert 0.5 < nearest_right(StripedBlobsSettings(), 300) < 0.75 < nearest_right(SETTINGS, 100)
    assert nearest_right(StripedBlobsSettings(shift=(0.0, 0.0)), 100) == 1


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"shift": (30.0, 10.0)}, "ranges from 30 to 10"),
        ({"shift": (-1.0, 10.0)}, "ranges from -1 to 10"),
        ({"wanted_probability": 1.5}, "not a probability"),
        ({"period": 0.0}, "above 0"),
    ],
)
def test_settings_that_mean_nothing_are_refused(wrong, said):
    with pytest.raises(ValueError, match=said):
        StripedBlobsSettings(**wrong)
