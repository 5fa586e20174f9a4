"""Training a three-dimensional detector for real on small artificial livers, up to its bundle."""

from pathlib import Path

import numpy as np
import paired_lesions_factory as factory
import pytest
import SimpleITK as sitk
import torch
from lesion_factory import drawn, lesion_of

from liverpair.bundle import Bundle
from liverpair.cli import main
from liverpair.core.errors import InputError
from liverpair.core.geometry import Box
from liverpair.detection.detection_settings import DetectionSettings
from liverpair.detection.inference import detect
from liverpair.segmentation.preparation import GridPolicy, Normalization
from liverpair.synthesis.paired_lesions import LesionStatistics
from liverpair.training import paired_lesions_cache as cache_module
from liverpair.training.paired_lesions_cache import PairPreparation, cached_variants, known_boxes

STATISTICS = LesionStatistics(mean_count=4.0, single_share=0.0)
PREPARATION = PairPreparation(
    GridPolicy((4.0, 4.0, 6.0), 0.0, 0.0),
    Normalization(),
    DetectionSettings(((1.0, 1.0, 1.0),), mask_margin_mm=6.0),
    (2, 4, 4),
    STATISTICS,
)


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """Two pairs as the folder of real pairs has them."""
    root = tmp_path_factory.mktemp("pairs")
    factory.write_pairs(root, ("a", "b"))
    return root


@pytest.fixture(autouse=True)
def known_correspondence(monkeypatch):
    monkeypatch.setattr(cache_module, "cached_registration", lambda *livers: factory.correspondence())


def test_a_variant_shows_bright_and_dark_lesions_in_its_boxes(root, tmp_path):
    (variant,) = cached_variants(root, "a", ["t1.nii.gz"], [7], PREPARATION, tmp_path)
    sample = variant.sample()
    assert sample.image.shape[0] == 2
    assert all(n % m == 0 for n, m in zip(sample.image.shape[1:], PREPARATION.multiple_of))
    assert sample.boxes.shape[:1] == sample.visible.shape[:1] == (2,)
    for side in (0, 1):
        covered = torch.zeros_like(sample.masks[side], dtype=torch.bool)
        for low, high in sample.boxes[side]:
            covered[tuple(slice(int(np.floor(a)), int(np.ceil(b))) for a, b in zip(low, high))] = True
        assert (sample.masks[side] > 0.5).any()
        assert not (sample.masks[side] > 0.5)[~covered].any()


def test_what_is_on_disk_is_not_made_again(root, tmp_path, monkeypatch):
    made = cached_variants(root, "a", ["t1.nii.gz"], [1, 2], PREPARATION, tmp_path)
    monkeypatch.setattr(cache_module.LesionSource, "variant", lambda *given: pytest.fail("made again"))
    again = cached_variants(root, "a", ["t1.nii.gz"], [1, 2], PREPARATION, tmp_path)
    assert [v.path for v in again] == [v.path for v in made]
    assert len({v.path for v in made}) == 2


def test_seeds_and_settings_give_other_files(root):
    key = PREPARATION.key("source 1")
    assert key != PREPARATION.key("source 2")
    other = PairPreparation(GridPolicy(), Normalization(), PREPARATION.settings, (2, 4, 4), STATISTICS)
    assert key != other.key("source 1")


def test_a_missing_pair_is_named(root, tmp_path):
    with pytest.raises(InputError, match="t1_outphase"):
        cached_variants(root, "a", ["t1_outphase.nii.gz"], [1], PREPARATION, tmp_path)
    with pytest.raises(InputError, match="nowhere"):
        cached_variants(root, "nowhere", ["t1.nii.gz"], [1], PREPARATION, tmp_path)


def test_the_place_of_a_lesion_that_one_image_hides_is_known():
    box = Box((0.0, 0.0, 0.0), (10.0, 10.0, 10.0), (1.0, 0, 0, 0, 1.0, 0, 0, 0, 1.0))
    alone = lesion_of(1, t2=drawn(box), displacement_mm=(3.0, -4.0, 5.0))
    boxes, visible = known_boxes([alone])
    assert boxes[0][0].center_mm == pytest.approx((-3.0, 4.0, -5.0))
    assert boxes[1][0] == box
    assert visible.tolist() == [[False], [True]]


@pytest.fixture(scope="module")
def bundle(root, tmp_path_factory) -> Bundle:
    folder = tmp_path_factory.mktemp("run")
    data = {
        "root": str(root),
        "train": ["a"],
        "validation": ["b"],
        "t1_images": ["t1.nii.gz"],
        "variants": 2,
        "validation_variants": 1,
        "pairs_per_epoch": 2,
        "statistics": {"mean_count": 4.0},
    }
    reading = {"anchor_sizes": [[2.0, 3.0, 3.0]], "mask_margin_mm": 6.0, "score_floor": 0.0}
    path = factory.write_training(folder, data, reading, 4)
    patch = pytest.MonkeyPatch()
    patch.setattr(cache_module, "cached_registration", lambda *livers: factory.correspondence())
    try:
        assert main(["train", "detection", "--config", str(path)]) == 0
    finally:
        patch.undo()
    return Bundle.load(folder / "bundle")


def test_the_command_leaves_a_bundle_that_detects(root, bundle):
    assert (bundle.task, bundle.name) == ("detection", "mine")
    images = [sitk.ReadImage(str(root / "b" / f"{side}.nii.gz")) for side in ("t1", "t2")]
    found = detect(*images, bundle, factory.livers())
    assert found.provenance["bundle"] == "mine"
    assert found.provenance["alignment"] == "aligned"


def test_the_card_says_how_it_was_trained(bundle):
    training = bundle.section("training")
    assert training["train_cases"] == ["a"]
    assert training["steps"] in (2, 4)
    assert {"step", "validation_ap"} <= {key for record in training["curve"] for key in record}
    assert "train detection" in bundle.card()
