"""Augmentation that knows the organs, and what scanners do: on a block of a liver beside a block of a spleen."""

import numpy as np
import pytest
import torch

from liverpair.training.anatomy_augmentation import (
    RandEnhancement,
    RandOrganContrast,
    RandPaintedLesions,
    RandResection,
)
from liverpair.training.augmentation import Augmentation, training_transform
from liverpair.training.scanner_augmentation import RandCutFieldOfView, RandGhosting, RandThickSlices

SIZE = (12, 32, 48)
LIVER = np.s_[3:9, 8:24, 4:28]
SPLEEN = np.s_[3:9, 8:24, 34:42]
EVERY = [RandOrganContrast, RandEnhancement, RandPaintedLesions, RandResection]
SCANNER = [RandGhosting, RandThickSlices, RandCutFieldOfView]


def sample() -> dict[str, torch.Tensor]:
    """A body of 0.3 in air, with a liver of 0.5 that has a texture, and a spleen of 0.4."""
    image, target = torch.zeros(1, *SIZE), torch.zeros(2, *SIZE)
    image[0, 1:11, 2:30, 2:46] = 0.3
    image[0][LIVER] = 0.5 + 0.05 * torch.as_tensor(np.random.default_rng(0).standard_normal((6, 16, 24)))
    image[0][SPLEEN] = 0.4
    target[0][LIVER] = 1
    target[1][SPLEEN] = 1
    return {"image": image, "target": target}


def changed(transform, seed: int = 0, data=None) -> dict[str, torch.Tensor]:
    transform.set_random_state(seed=seed)
    return transform(data or sample())


@pytest.mark.parametrize("kind", [*EVERY, *SCANNER])
def test_a_change_leaves_its_sample_alone_and_is_drawn_from_its_seed(kind):
    given, untouched = sample(), sample()
    first, again = changed(kind(1.0), 3, given), changed(kind(1.0), 3)
    assert all(torch.equal(given[key], untouched[key]) for key in given)
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not torch.equal(first["image"], untouched["image"])
    assert first["image"].shape == (1, *SIZE) and first["target"].shape == (2, *SIZE)
    assert torch.isfinite(first["image"]).all()


@pytest.mark.parametrize("kind", [*EVERY, *SCANNER])
def test_a_change_of_probability_0_never_happens(kind):
    after = changed(kind(0.0))
    assert all(torch.equal(after[key], sample()[key]) for key in after)


@pytest.mark.parametrize("kind", EVERY)
def test_a_patch_without_a_liver_stays_as_it_is(kind):
    empty = {**sample(), "target": torch.zeros(2, *SIZE)}
    assert torch.equal(changed(kind(1.0), 1, empty)["image"], empty["image"])


@pytest.mark.parametrize("kind", [RandOrganContrast, RandEnhancement, RandPaintedLesions])
def test_what_only_recolors_moves_no_organ(kind):
    assert torch.equal(changed(kind(1.0), 5)["target"], sample()["target"])


def test_every_organ_gets_an_intensity_of_its_own_and_air_stays_dark():
    means = [[], []]
    for seed in range(20):
        image = changed(RandOrganContrast(1.0), seed)["image"][0]
        means[0].append(image[LIVER].mean().item())
        means[1].append(image[SPLEEN].mean().item())
        assert image[0].max() <= 0.1
    assert np.std(means[0]) > 0.15 and np.std(means[1]) > 0.15
    assert abs(np.corrcoef(means)[0, 1]) < 0.6


def test_contrast_agent_brightens_the_organs_and_nothing_else():
    before, after = sample()["image"][0], changed(RandEnhancement(1.0), 1)["image"][0]
    assert (after[LIVER] > before[LIVER]).all() and (after[SPLEEN] > before[SPLEEN]).all()
    organs = sample()["target"].sum(0) > 0
    assert torch.equal(after[~organs], before[~organs])


def test_lesions_are_painted_inside_the_liver_only():
    for seed in range(5):
        difference = (changed(RandPaintedLesions(1.0), seed)["image"] - sample()["image"])[0]
        liver = sample()["target"][0] > 0
        assert difference[~liver].abs().max() == 0
        assert difference[liver].abs().max() > 0.08


def test_a_resection_takes_the_left_part_of_the_liver_and_puts_what_is_unlike_liver_there():
    liver = sample()["image"][0][sample()["target"][0] > 0].mean().item()
    for seed in range(20):
        after = changed(RandResection(1.0), seed)
        left = 1 - after["target"][0].sum().item() / sample()["target"][0].sum().item()
        assert 0.06 < left < 0.42
        removed = (sample()["target"][0] - after["target"][0]) > 0.99
        kept_x = torch.nonzero(after["target"][0] > 0.99)[:, 2].float().mean()
        assert torch.nonzero(removed)[:, 2].float().mean() > kept_x
        assert abs(after["image"][0][removed].mean().item() - liver) > 0.15
        assert after["image"].min() >= 0 and after["image"].max() <= 1
        assert torch.equal(after["target"][1], sample()["target"][1])


def test_thick_slices_average_neighbors():
    impulse = torch.zeros(1, *SIZE)
    impulse[0, 6] = 1
    after = changed(RandThickSlices(1.0), 2, {"image": impulse, "target": torch.zeros(2, *SIZE)})["image"]
    assert 0 < after[0, 6].mean() < 1
    assert (after[0].mean((1, 2)) > 0.01).sum() >= 2


def test_ghosts_lie_along_the_phase_encoding():
    point = torch.zeros(1, *SIZE)
    point[0, 6, 16, 20] = 1
    after = changed(RandGhosting(1.0), 0, {"image": point, "target": torch.zeros(2, *SIZE)})["image"]
    where = torch.nonzero(after[0])
    assert set(where[:, 0].tolist()) == {6} and set(where[:, 2].tolist()) == {20} and 3 <= len(where) <= 6
    assert after[0, 6, 16, 20] == 1


def test_a_cut_empties_image_and_organs_at_one_end():
    full = {"image": torch.ones(1, *SIZE), "target": torch.ones(2, *SIZE)}
    for seed in range(10):
        after = changed(RandCutFieldOfView(1.0), seed, full)
        assert torch.equal(after["image"][0], after["target"][0]) and torch.equal(
            after["target"][0], after["target"][1]
        )
        assert 0.6 < after["image"].mean() < 1


def test_all_changes_together_make_a_patch():
    everything = Augmentation(*(1.0,) * 10)
    transform = training_transform((8, 32, 32), 0.5, everything)
    transform.set_random_state(seed=4)
    patch = transform(sample())
    assert patch["image"].shape == (1, 8, 32, 32) and patch["target"].shape == (2, 8, 32, 32)
    assert np.isfinite(np.asarray(patch["image"])).all()
