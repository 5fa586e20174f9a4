"""Training a two-dimensional network on slices with objects for real, on small artificial livers, up to its bundle."""

from pathlib import Path

import numpy as np
import paired_lesions_factory as factory
import pytest
import torch
import yaml

from liverpair.bundle import Bundle
from liverpair.cli import main
from liverpair.core.errors import InputError
from liverpair.core.sides import Side
from liverpair.dreaming.normal_ranges import NormalRanges
from liverpair.segmentation.preparation import Normalization
from liverpair.synthesis.paired_lesions import LesionStatistics
from liverpair.training import paired_lesions_cache
from liverpair.training.lesion_slices_cache import LesionSlices, SlicePreparation, cached_slices
from liverpair.training.lesion_slices_data import (
    SLICE_POLICY,
    LesionSlicesData,
    SliceObjects,
    SlicePatches,
    WholeSlices,
    each_object,
    mean_dice,
)

STATISTICS = LesionStatistics(mean_count=4.0, median_mm=24.0, smallest_mm=12.0, single_share=0.0)
PREPARATION = SlicePreparation(SLICE_POLICY, Normalization(), STATISTICS)


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("pairs")
    factory.write_pairs(root, ("a", "b"))
    return root


@pytest.fixture(autouse=True, scope="module")
def known_correspondence():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paired_lesions_cache, "cached_registration", lambda *livers: factory.correspondence())
        yield


@pytest.fixture(scope="module")
def volumes(root, tmp_path_factory) -> list[LesionSlices]:
    """One volume with lesions, one as scanned."""
    cache = tmp_path_factory.mktemp("cache")
    return cached_slices(root, "a", ["t1.nii.gz"], [3, None], Side.T1, PREPARATION, cache)


def test_slices_show_liver_and_lesions_that_differ_from_it(volumes):
    painted, healthy = volumes
    assert painted.spacing_mm == pytest.approx((1.5, 1.5))
    assert painted.images.shape == painted.livers.shape == painted.labels.shape
    assert all(liver.any() for liver in painted.livers)
    assert painted.labels.any() and not healthy.labels.any()
    lesion = painted.labels > 0
    around = painted.livers & ~lesion
    assert abs(painted.images[lesion].mean() - painted.images[around].mean()) > 0.05


def test_what_is_on_disk_is_not_made_again(root, tmp_path, monkeypatch):
    first = cached_slices(root, "b", ["t1.nii.gz"], [5], Side.T1, PREPARATION, tmp_path)
    monkeypatch.setattr(paired_lesions_cache.LesionSource, "variant", lambda *given: pytest.fail("made again"))
    again = cached_slices(root, "b", ["t1.nii.gz"], [5], Side.T1, PREPARATION, tmp_path)
    assert np.array_equal(first[0].labels, again[0].labels)
    (other,) = cached_slices(root, "b", ["t1.nii.gz"], [5], Side.T2, PREPARATION, tmp_path)
    assert other.images.shape != first[0].images.shape or not np.array_equal(other.images, first[0].images)


def test_patches_are_drawn_anew_and_repeatably(volumes):
    def patches(epoch: int, seed: int = 0) -> list[torch.Tensor]:
        dataset = SlicePatches(volumes, SliceObjects(), 48, 6, seed)
        dataset.epoch = epoch
        return [torch.cat([sample["image"], sample["target"]]) for sample in map(dataset.__getitem__, range(6))]

    first, again, later = patches(0), patches(0), patches(1)
    assert all(torch.equal(a, b) for a, b in zip(first, again))
    assert not any(torch.equal(a, b) for a, b in zip(first, later))
    assert all(p.shape == (2, 48, 48) and p.min() >= 0 and p.max() <= 1 for p in first)
    assert any(p[1].any() for p in first)


def test_fakes_take_the_place_of_lesions(volumes):
    sample = WholeSlices(volumes[1:], SliceObjects("fakes"), 0)[0]
    assert sample["target"].any()
    assert not sample["target"][~sample["region"]].any()
    some = WholeSlices(volumes[1:], SliceObjects("elongated"), 0)[0]
    assert some["target"].sum() < sample["target"].sum()


def test_each_lesion_is_measured_once_and_where_it_is_largest(volumes):
    painted = volumes[0]
    found = list(each_object([painted], SliceObjects(), 0))
    assert len(found) == len(np.unique(painted.labels)) - 1
    sizes = sorted(int(mask.sum()) for _, mask, _ in found)
    numbers = np.unique(painted.labels[painted.labels > 0])
    assert sizes == sorted(max(int((one == n).sum()) for one in painted.labels) for n in numbers)


def test_objects_of_no_known_kind_are_refused():
    with pytest.raises(ValueError, match="cats"):
        SliceObjects("cats")


def test_dice_is_that_of_what_lies_in_the_liver(volumes):
    class Bright(torch.nn.Module):
        multiple_of = (1, 1)

        def forward(self, image):
            return torch.full_like(image, 1.0)

    everything = mean_dice(Bright(), volumes[:1], SliceObjects(), 0)
    lesion, liver = (volumes[0].labels > 0) & volumes[0].livers, volumes[0].livers
    assert everything == pytest.approx(2 * lesion.sum() / (lesion.sum() + liver.sum()), abs=1e-6)


def test_the_command_trains_and_writes_a_bundle_with_normal_ranges(root, tmp_path):
    settings = {
        "seed_everything": 5,
        "model": {"network": "unet", "arguments": {"dimensions": 2, "widths": [4, 8], "normalization": "batch"}},
        "data": {
            "root": str(root),
            "train": ["a"],
            "validation": ["b"],
            "sequence": "T1",
            "t1_images": ["t1.nii.gz"],
            "variants": 1,
            "validation_variants": 1,
            "patch": 32,
            "patches_per_epoch": 8,
            "batch_size": 4,
            "workers": 0,
            "cache": str(tmp_path / "cache"),
        },
        "trainer": {"max_steps": 3, "max_epochs": -1, "enable_progress_bar": False, "accelerator": "cpu"},
        "run_folder": str(tmp_path / "run"),
        "bundle": {"folder": str(tmp_path / "bundle"), "name": "slices"},
    }
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump(settings))
    main(["train", "lesion-slices", "--config", str(config)])
    bundle = Bundle.load(tmp_path / "bundle")
    assert bundle.task == "slice-segmentation" and bundle.inputs == ["T1"]
    assert bundle.network()(torch.zeros(1, 1, 16, 24)).shape == (1, 1, 16, 24)
    ranges = NormalRanges.of_bundle(bundle)
    assert ranges.count >= 2 and ranges.settings["dimensions"] == 2
    assert ranges.features["shape2D_MaximumDiameter"]["mean"] > 5


def test_without_cases_there_is_nothing_to_train_on(tmp_path):
    data = LesionSlicesData(root=str(tmp_path), train=[], validation=[], sequence="T1", t1_images=["t1.nii.gz"])
    with pytest.raises(InputError, match="no slice to train on"):
        data.prepare_data()
