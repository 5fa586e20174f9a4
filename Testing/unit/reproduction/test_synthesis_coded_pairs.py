"""Two-dimensional coded pairs: the codes, the boxes, the partners."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from reproduction.toys.coded_pairs import CodedPairSettings, coded_pair


@pytest.fixture(scope="module")
def pairs():
    return [coded_pair(np.random.default_rng(seed)) for seed in range(8)]


def test_a_seed_is_a_pair(pairs):
    again = coded_pair(np.random.default_rng(3))
    assert (again.images == pairs[3].images).all() and (again.boxes == pairs[3].boxes).all()
    assert (pairs[3].images != pairs[4].images).any()


def test_boxes_are_tight_in_both_images_and_displacements_join_their_centers(pairs):
    for pair in pairs:
        assert pair.images.shape == (2, 256, 256) and pair.images.dtype == np.float32
        assert pair.boxes.shape == (2, pair.labels.max(), 4) and len(pair.displacements) == pair.labels.max()
        for labels, boxes in zip(pair.labels, pair.boxes, strict=True):
            for number, box in enumerate(boxes, start=1):
                y, x = np.nonzero(labels == number)
                assert box.tolist() == [y.min(), x.min(), y.max() + 1, x.max() + 1]
                assert len(y) >= 100
        centers = (pair.boxes[..., :2] + pair.boxes[..., 2:]) / 2
        assert np.allclose(centers[0] + pair.displacements, centers[1])


def test_objects_move_smoothly_and_not_at_all_without_deformation(pairs):
    assert 2.0 < np.concatenate([pair.displacements for pair in pairs]).std() < 10.0
    still = coded_pair(np.random.default_rng(0), CodedPairSettings(deformation=0.0, shift=0.0))
    assert (still.displacements == 0).all() and (still.labels[0] == still.labels[1]).all()


def test_a_common_shift_moves_all_objects_alike():
    settings = CodedPairSettings(deformation=0.0, shift=20.0)
    pair = coded_pair(np.random.default_rng(1), settings)
    whole = ((pair.boxes[..., :2] > 0) & (pair.boxes[..., 2:] < 256)).all(axis=(0, 2))
    assert whole.sum() >= 3 and np.ptp(pair.displacements[whole], axis=0).max() == 0


def _turn(image: np.ndarray, inside: np.ndarray) -> float:
    """Sine of twice the stripes' angle: positive between 0 and 90 degrees, negative between -90 and 0."""
    gy, gx = np.gradient(image)
    core = ndimage.binary_erosion(inside, iterations=2)
    return float(-2 * (gx * gy)[core].sum() / (gx**2 + gy**2)[core].sum())


def test_image_1_codes_objects_by_angle(pairs):
    right = []
    for pair in pairs:
        assert _turn(pair.images[0], pair.labels[0] == 0) < 0.1
        right += [_turn(pair.images[0], pair.labels[0] == k) > -0.1 for k in range(1, len(pair.displacements) + 1)]
    assert np.mean(right) > 0.9


def test_image_2_codes_objects_by_period():
    settings = replace(CodedPairSettings(), object_period=(13.0, 24.0), background_period=(4.0, 11.0))
    for seed in range(4):
        pair = coded_pair(np.random.default_rng(seed), settings)
        gy, gx = np.gradient(pair.images[1])
        steep = gx**2 + gy**2
        background = steep[ndimage.binary_erosion(pair.labels[1] == 0, iterations=2)].mean()
        objects = steep[ndimage.binary_erosion(pair.labels[1] > 0, iterations=2)].mean()
        assert objects < background


def test_noise_is_added_to_both_images():
    quiet = coded_pair(np.random.default_rng(2))
    noisy = coded_pair(np.random.default_rng(2), CodedPairSettings(noise=0.3))
    assert (noisy.images - quiet.images).std() == pytest.approx(0.3, rel=0.05)
