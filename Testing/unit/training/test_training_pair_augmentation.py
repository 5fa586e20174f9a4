"""What augmentation does to images it does to boxes and masks."""

import numpy as np
import pytest
import torch

from liverpair.training.detection import PairSample
from liverpair.training.pair_augmentation import PairAugmentation, cropped, deformed, deformed_boxes, mirrored, shifted

SHAPE = (8, 16, 20)
BOUNDS = torch.tensor([[[2.0, 4, 5], [5, 9, 12]], [[3.0, 6, 3], [6, 12, 8]]])
PLAIN = {"gain": 0.0, "offset": 0.0, "log_gamma": 0.0, "noise": 0.0}


def sample() -> PairSample:
    """One lesion of brightness 1 that fills its box, in tissue of 0.5 with a rim of 0."""
    image = torch.zeros(2, *SHAPE)
    image[:, 1:-1, 1:-1, 1:-1] = 0.5
    for side, (low, high) in enumerate(BOUNDS.int().tolist()):
        image[(side, *(slice(a, b) for a, b in zip(low, high)))] = 1.0
    return PairSample(image, BOUNDS[:, None].clone(), torch.ones(2, 1, dtype=torch.bool), (image == 1.0).float())


def bounds_of(bright: torch.Tensor) -> np.ndarray:
    voxels = torch.nonzero(bright).numpy()
    return np.stack([voxels.min(axis=0), voxels.max(axis=0) + 1])


@pytest.mark.parametrize("seed", range(6))
def test_boxes_and_masks_follow_the_images(seed):
    before = sample()
    after = PairAugmentation(shift_voxels=(2, 4, 3), mirror=0.5, **PLAIN)(before, np.random.default_rng(seed))
    for side in (0, 1):
        np.testing.assert_allclose(after.boxes[side, 0].numpy(), bounds_of(after.image[side] == 1.0))
        assert torch.equal(after.masks[side] > 0.5, after.image[side] == 1.0)
    assert torch.equal(before.image, sample().image)
    assert torch.equal(before.boxes, sample().boxes)


def test_both_images_move_on_their_own():
    augment = PairAugmentation(shift_voxels=(2, 4, 3), mirror=0.0, **PLAIN)
    moves = [
        (after.boxes[1] - after.boxes[0] - (BOUNDS[1] - BOUNDS[0]))[0, 0].tolist()
        for seed in range(8)
        for after in [augment(sample(), np.random.default_rng(seed))]
    ]
    assert len({tuple(move) for move in moves}) > 4


def test_intensities_change_and_what_is_masked_stays_zero():
    augment = PairAugmentation(shift_voxels=(0, 0, 0), mirror=0.0)
    after = augment(sample(), np.random.default_rng(3)).image
    outside = sample().image == 0
    assert (after[outside] == 0).all()
    assert (after[~outside] != sample().image[~outside]).float().mean() > 0.9
    assert after.isfinite().all()


def test_shifting_loses_what_leaves_the_image():
    image = torch.arange(1.0, 7.0).reshape(2, 3)
    assert shifted(image, (0, 1)).tolist() == [[0, 1, 2], [0, 4, 5]]
    assert shifted(image, (-1, 0)).tolist() == [[4, 5, 6], [0, 0, 0]]
    assert torch.equal(shifted(image, (0, 0)), image)


def test_mirroring_twice_is_nothing():
    once = mirrored(BOUNDS, 2, SHAPE[2])
    assert (once[:, 1] > once[:, 0]).all()
    assert torch.equal(mirrored(once, 2, SHAPE[2]), BOUNDS)


@pytest.mark.parametrize("seed", range(4))
def test_a_crop_holds_a_lesion_and_its_boxes_still_fit(seed):
    augment = PairAugmentation((0, 0, 0), mirror=0.0, crop_voxels=(6, 8, 30), whole_share=0.0, **PLAIN)
    after = augment(sample(), np.random.default_rng(seed))
    assert after.image.shape == after.masks.shape == (2, 6, 8, 20)
    assert after.visible.any()
    for side in (0, 1):
        if after.visible[side, 0]:
            low, high = after.boxes[side, 0].clamp(min=0).int().tolist()
            part = after.image[side][tuple(slice(a, b) for a, b in zip(low, high))]
            assert part.numel()
            assert (part == 1.0).all()


def test_a_lesion_beyond_the_crop_is_known_but_not_shown():
    part = cropped(sample(), (slice(0, 8), slice(0, 7), slice(0, 20)))
    assert part.visible.tolist() == [[True], [False]]
    assert torch.equal(part.boxes[:, 0], BOUNDS)
    moved = cropped(sample(), (slice(2, 8), slice(4, 16), slice(0, 20)))
    assert torch.equal(moved.boxes[0, 0], BOUNDS[0] - torch.tensor([2.0, 4.0, 0.0]))


def test_some_pairs_stay_whole():
    augment = PairAugmentation(crop_voxels=(4, 8, 8), whole_share=0.5)
    shapes = {tuple(augment(sample(), np.random.default_rng(seed)).image.shape) for seed in range(12)}
    assert shapes == {(2, 4, 8, 8), (2, *SHAPE)}


@pytest.mark.parametrize("seed", range(4))
def test_boxes_go_where_a_deformation_takes_the_image(seed):
    shape, rng = (24, 48, 48), np.random.default_rng(seed)
    bounds = torch.tensor([[8.0, 15, 20], [15, 29, 30]])
    axes = torch.meshgrid(*(torch.arange(length) + 0.5 for length in shape), indexing="ij")
    middle, radius = bounds.mean(dim=0), (bounds[1] - bounds[0]) / 2
    image = (sum(((x - m) / r) ** 2 for x, m, r in zip(axes, middle, radius)) <= 1).float()
    field = PairAugmentation(deformation_voxels=(2.0, 4.0, 4.0))._field(shape, rng)
    (after,) = deformed_boxes(bounds[None], field)
    assert (after - bounds).abs().max() > 1.0
    seen = torch.nonzero(deformed(image, field) > 0.5).float()
    centroid = seen.mean(dim=0) + 0.5
    np.testing.assert_allclose(after.mean(dim=0), centroid, atol=0.6)
    np.testing.assert_allclose(after, bounds_of(deformed(image, field) > 0.5), atol=2.0)


def test_only_the_second_image_is_deformed_and_unknown_places_stay_unknown():
    before = sample()
    before.boxes = torch.cat([before.boxes, torch.full((2, 1, 2, 3), torch.nan)], dim=1)
    before.visible = torch.tensor([[True, False], [True, False]])
    still = PairAugmentation(shift_voxels=(0, 0, 0), mirror=0.0, deformation_voxels=(1.0, 1.0, 1.0), **PLAIN)
    after = still(before, np.random.default_rng(0))
    assert torch.equal(after.image[0], before.image[0])
    assert not torch.equal(after.image[1], before.image[1])
    assert torch.equal(after.boxes[0, 0], before.boxes[0, 0])
    assert not torch.equal(after.boxes[1, 0], before.boxes[1, 0])
    assert after.boxes[:, 1].isnan().all()


def test_a_window_says_which_lesions_it_cuts():
    window = (slice(0, 8), slice(0, 16), slice(9, 20))  # the center of the first lesion is inside, of the second not
    part = cropped(sample(), window)
    assert part.visible.tolist() == [[False], [False]]
    assert part.cut.tolist() == [[True], [False]]
    assert cropped(sample(), (slice(0, 8), slice(0, 16), slice(0, 8))).visible.tolist() == [[False], [True]]
