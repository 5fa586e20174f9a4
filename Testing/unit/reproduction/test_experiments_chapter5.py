"""The experiments of the last chapter: each run to its end at a budget of seconds, and what they compute."""

import json
from pathlib import Path

import numpy as np
import paired_lesions_factory as factory
import pytest
import torch

from liverpair.synthesis import paired_lesions_evaluation
from liverpair.training import paired_lesions_cache
from reproduction.__main__ import main
from reproduction.chapter5 import few_labels, largest_shift, linear_probes, paired_dream, registration_attribution
from reproduction.chapter5.displacement_networks import field_of_cell
from reproduction.chapter5.lesion_auto_encoder import areas_at_half
from reproduction.toys.discs import DiscSettings, discs
from reproduction.toys.shifted_pairs import ShiftedPairSettings, shifted_pair
from reproduction.training.auto_encoder import AutoEncoder, distance_to_prior, trained_auto_encoder, traversal
from reproduction.training.registration_network import RegistrationNetwork


def run(name: str, folder: Path, *words: str) -> dict:
    assert main([name, "--smoke", f"--results={folder}", f"--runs={folder / 'runs'}", *words]) == 0
    assert (folder / f"{name}.md").read_text().startswith("# ")
    assert (folder / f"{name}.png").stat().st_size > 1000
    return json.loads((folder / f"{name}.json").read_text())


@pytest.mark.parametrize(
    ("name", "rows"),
    [("toy-auto-encoder", 2), ("digits-auto-encoder", 3), ("largest-shift", 2), ("registration-attribution", 2)],
)
def test_experiments_without_images_of_patients_run_to_their_end(name, rows, tmp_path):
    content = run(name, tmp_path)
    assert len(content["table"]) == rows and content["steps"] == 3 and content["seeds"] == [0]


@pytest.fixture(scope="module")
def artificial_pairs(tmp_path_factory):
    """The cases that smoke runs ask for; their livers lie as the factory says."""
    root = tmp_path_factory.mktemp("pairs")
    factory.write_pairs(root, ("38", "10"))
    with pytest.MonkeyPatch.context() as patch:
        for module in (paired_lesions_cache, paired_lesions_evaluation):
            patch.setattr(module, "cached_registration", lambda *livers: factory.correspondence())
        paired_lesions_evaluation._registered_pair.cache_clear()
        yield root
    paired_lesions_evaluation._registered_pair.cache_clear()


@pytest.mark.parametrize(("name", "rows"), [("lesion-auto-encoder", 2), ("few-labels", 4), ("paired-dream", 4)])
def test_experiments_on_pairs_run_to_their_end(name, rows, artificial_pairs, tmp_path):
    content = run(name, tmp_path, f"--data-root={artificial_pairs}")
    assert len(content["table"]) == rows


def test_linear_probes_tell_which_layer_separates(artificial_pairs, tmp_path):
    content = run("linear-probes", tmp_path, f"--data-root={artificial_pairs}")
    layers = [row["layer"] for row in content["table"]]
    assert layers[:3] == ["image", "encoder 0", "encoder 1"] and layers[-1] == "decoder 0"
    assert content["first"] in layers and 0 <= content["best"] <= 1


def test_discs_have_their_diameter_and_intensity():
    images, diameters, intensities = discs(np.random.default_rng(0), 20, DiscSettings(size=40))
    assert images.max(axis=(1, 2, 3)) == pytest.approx(intensities, rel=1e-5)
    areas = images.sum(axis=(1, 2, 3)) / intensities
    assert areas == pytest.approx(np.pi * diameters**2 / 4, rel=0.05)


def test_the_distance_to_the_prior_is_that_of_kernels_by_hand():
    """One dimension, kernel 2 / (2 + r²): own pair at distance 2: 1/3, the prior's at 0: 1; across at 0, 0, 2 and 2."""
    latents, prior = torch.tensor([[0.0], [2.0]]), torch.tensor([[0.0], [0.0]])
    own, other, across = 1 / 3, 1.0, (1 + 1 + 1 / 3 + 1 / 3) / 4
    assert distance_to_prior(latents, prior).item() == pytest.approx(own + other - 2 * across, abs=1e-6)


def test_a_known_quantity_moves_the_first_number():
    images, diameters, _ = discs(np.random.default_rng(1), 300, DiscSettings(size=16, diameter=(3.0, 14.0)))
    network = trained_auto_encoder(images, 2, 150, 0, diameters, (8, 16))
    with torch.no_grad():
        latents = network.encode(torch.from_numpy(images)).numpy()
    assert np.corrcoef(latents[:, 0], diameters)[0, 1] > 0.5
    small, large = traversal(network, 0, (-1.5, 1.5), np.zeros(2))[:, 0]
    assert (large > 0.2).sum() > 2 * (small > 0.2).sum()


def test_an_auto_encoder_gives_back_what_it_takes():
    network = AutoEncoder(16, 2, 3, (4, 8))
    images = torch.rand(5, 2, 16, 16)
    assert network(images).shape == images.shape and network.encode(images).shape == (5, 3)


def test_the_second_image_is_the_first_pulled_through_the_displacement():
    pair = shifted_pair(np.random.default_rng(2), ShiftedPairSettings(size=48, shift=6.0, noise=0.0))
    move = np.rint(pair.displacement[:, 0, 0]).astype(int)
    first, second = pair.images
    inner = slice(12, 36)
    there = first[12 + move[0] : 36 + move[0], 12 + move[1] : 36 + move[1]]
    assert np.corrcoef(second[inner, inner].ravel(), there.ravel())[0, 1] > 0.9
    assert np.corrcoef(second[inner, inner].ravel(), first[inner, inner].ravel())[0, 1] < 0.9


def test_a_cell_sees_what_its_convolutions_and_poolings_reach():
    """Two levels: 1, +2 +2 +1, then steps of 2: +4 +4 +2 = 16. As far as gradients reach."""
    assert field_of_cell((4, 4)) == 16 and field_of_cell((4,)) == 6
    network = RegistrationNetwork(2, (4, 4)).eval()
    torch.nn.init.normal_(network.head.weight)
    images = torch.rand(1, 2, 64, 64, requires_grad=True)
    network(images)[0, 0, 8, 8].backward()
    rows = images.grad[0].abs().sum(dim=(0, 2)).nonzero()
    assert 12 <= rows.max() - rows.min() + 1 <= 16


@pytest.mark.parametrize(
    ("errors", "limit"), [([9, 1, 2, 3, 4], 20.0), ([2, 4, 2, 14, 9], 12.0), ([1, 9, 9, 9, 9], 0.0)]
)
def test_the_limit_is_the_end_of_the_last_bin_with_an_error_below_half_of_the_length(errors, limit):
    """Bins of 4 pixels have their middles at 2, 6, 10, 14 and 18; short ones err by more."""
    assert largest_shift.limit_of(np.array(errors, float)) == limit


def test_attribution_on_structure_is_one_where_it_does_not_care():
    image = np.random.default_rng(3).random((64, 64))
    assert registration_attribution.on_structure(image, np.ones((64, 64))) == pytest.approx(1.0)
    dot = np.zeros((96, 96))
    dot[30, 50] = 1.0
    assert registration_attribution.center_of(dot) == pytest.approx([30, 50])


def test_labels_are_few_but_of_every_kind():
    kinds = np.array(["a"] * 90 + ["b"] * 9 + ["c"])
    chosen = few_labels.labeled(kinds, 0.05, 0)
    assert len(chosen) == 5 and set(kinds[chosen]) == {"a", "b", "c"} and len(set(chosen)) == 5
    assert len(few_labels.labeled(kinds, 0.01, 1)) == 3 and len(few_labels.labeled(kinds, 1.0, 0)) == 100


def test_kinds_are_told_from_features_that_differ():
    random = np.random.default_rng(4)
    kinds = np.array(["a", "b"] * 30)
    features = random.standard_normal((60, 3)) + 9 * (kinds == "b")[:, None]
    features[5, 1] = np.nan
    assert few_labels.accuracy(features[:40], kinds[:40], features[40:], kinds[40:]) == 1.0


def test_the_first_layer_is_the_earliest_that_is_as_good_as_the_best():
    rows = [{"layer": name, "AUC": value} for name, value in (("image", 0.7), ("a", 0.93), ("b", 0.945), ("c", 0.9))]
    assert linear_probes.first_as_good(rows) == "a"


def test_probes_are_tested_on_the_case_they_did_not_see():
    random = np.random.default_rng(5)
    lesion, cases = np.array([True, False] * 40), np.repeat(["1", "2"], 40)
    told = np.where(lesion, 3.0, -3.0)[:, None] * np.where(cases == "1", 1, -1)[:, None]
    assert linear_probes.areas(told + 0.1 * random.standard_normal((80, 1)), lesion, cases) == pytest.approx([0, 0])
    assert linear_probes.area(told[:40, 0], lesion[:40]) == 1.0


def test_the_center_of_a_change_is_that_of_its_squares():
    change = np.zeros((4, 5, 6))
    change[1, 2, 3], change[3, 2, 3] = 1.0, -1.0
    assert paired_dream.center_of(change) == pytest.approx([2, 2, 3])


def test_a_lesion_that_is_dark_in_t1_and_bright_in_t2_has_its_area_in_each():
    y, x = np.indices((32, 32)) - 15.5
    discs_of = [np.hypot(y, x) <= radius for radius in (3, 6, 9)]
    crops = np.array([[0.5 - 0.3 * disc, 0.5 + 0.3 * disc] for disc in discs_of])
    assert areas_at_half(crops) == pytest.approx([disc.mean() for disc in discs_of])
