"""Training the network that draws the lesion in a box for real, on small artificial livers, up to its bundle."""

from pathlib import Path

import numpy as np
import paired_lesions_factory as factory
import pytest
import torch
import visits_factory
import yaml

from liverpair.bundle import Bundle
from liverpair.cli import main
from liverpair.core.geometry import Box, on_grid
from liverpair.detection.box_crops import BoxSight
from liverpair.detection.box_masks import BoxDrawer, PromptedNetwork
from liverpair.measures.boxes import label_boxes
from liverpair.segmentation.preparation import Normalization
from liverpair.synthesis.paired_lesions import LesionStatistics
from liverpair.training import paired_lesions_cache
from liverpair.training.boxed_lesions_data import BoxedLesions, BoxedLesionsData, Crops, CutLesion, Faults, FixedBoxes

STATISTICS = {"mean_count": 4.0, "median_mm": 24.0, "smallest_mm": 12.0, "single_share": 0.0}
VIEW = Crops(BoxSight((16, 24, 24)), Normalization())


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
def lesions(root, tmp_path_factory) -> list[CutLesion]:
    """Those of one set in both images of a case."""
    settings = {"train": ["a"], "validation": [], "variants": 1, "cache": str(tmp_path_factory.mktemp("cache"))}
    data = BoxedLesionsData(
        ["t1.nii.gz"],
        root=str(root),
        normalization=VIEW.normalization,
        statistics=LesionStatistics(**STATISTICS),
        **settings,
    )
    first = data.training()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paired_lesions_cache.LesionSource, "variant", lambda *given: pytest.fail("painted again"))
        again = data.training()
    assert [one.box for one in first] == [one.box for one in again]
    return again


def test_a_lesion_keeps_its_place_and_all_of_its_voxels(lesions):
    assert len(lesions) >= 4
    for one in lesions:
        (box,) = label_boxes(on_grid(one.mask.astype(np.uint8), one.grid)).values()
        assert box.center_mm == pytest.approx(one.box.center_mm, abs=1e-6)
        assert box.size_mm == pytest.approx(one.box.size_mm, abs=1e-6)


def test_the_faults_of_boxes_stay_within_what_is_asked():
    box, rng = Box((0.0, 0.0, 0.0), (20.0, 10.0, 30.0)), np.random.default_rng(0)
    faces = np.array(
        [
            np.add(np.multiply.outer((-1, 1), one.size_mm) / 2, one.center_mm)
            for one in (Faults(0.2, 0.1)(box, rng) for _ in range(200))
        ]
    )
    outward = (faces - np.multiply.outer((-1, 1), box.size_mm) / 2) * np.reshape((-1, 1), (2, 1)) / box.size_mm
    assert -0.2 <= outward.min() < -0.1 and 0.2 < outward.max() <= 0.3
    assert Faults(0.0, 0.0)(box, rng) == box


def test_crops_show_the_lesion_and_are_drawn_anew_and_repeatably(lesions):
    def crops(epoch: int) -> list[dict[str, torch.Tensor]]:
        dataset = BoxedLesions(lesions, Faults(), VIEW, 6, 0)
        dataset.epoch = epoch
        return [dataset[index] for index in range(6)]

    first, again, later = crops(0), crops(0), crops(1)
    assert all(torch.equal(a["image"], b["image"]) for a, b in zip(first, again))
    assert not any(torch.equal(a["image"], b["image"]) for a, b in zip(first, later))
    for one in first:
        assert one["image"].shape == (2, 16, 24, 24) and one["target"].shape == (1, 16, 24, 24)
        assert one["image"].min() >= 0 and one["image"].max() <= 1
        assert one["target"].sum() > 0
    fixed = FixedBoxes(lesions, Faults(), VIEW, 0)
    assert torch.equal(fixed[1]["image"], fixed[1]["image"]) and len(fixed) == len(lesions)


def test_lesions_that_people_drew_are_taken_from_studies(tmp_path):
    for name in ("march", "may"):
        visits_factory.write_visit(tmp_path / name, visits_factory.BASELINE)
    settings = {"root": "nowhere", "train": [], "validation": [], "validation_studies": ["may"]}
    data = BoxedLesionsData([], studies=str(tmp_path), normalization=VIEW.normalization, **settings)
    data.setup("fit")
    assert len(data.train_volumes) == len(data.validation_volumes) == 2 * len(visits_factory.BASELINE)
    assert data.trained_on()["train_studies"] == ["march"]
    crop = VIEW(data.train_volumes[0], data.train_volumes[0].box)
    assert crop["target"].mean() == pytest.approx(np.pi / 6 / 8, rel=0.25)


@pytest.mark.training
def test_the_command_trains_and_writes_a_bundle_that_draws(root, tmp_path, lesions):
    settings = {
        "seed_everything": 5,
        "model": {"network": "unet", "arguments": {"in_channels": 2, "widths": [4, 8], "normalization": "group"}},
        "data": {
            "root": str(root),
            "train": ["a"],
            "validation": ["b"],
            "t1_images": ["t1.nii.gz"],
            "variants": 1,
            "validation_variants": 1,
            "statistics": STATISTICS,
            "sight": {"shape": [16, 24, 24], "reach": 2.0},
            "lesions_per_epoch": 16,
            "batch_size": 4,
            "workers": 0,
            "cache": str(tmp_path / "cache"),
        },
        "trainer": {"max_steps": 8, "max_epochs": -1, "enable_progress_bar": False, "accelerator": "cpu"},
        "run_folder": str(tmp_path / "run"),
        "bundle": {"folder": str(tmp_path / "bundle"), "name": "small-drawer"},
    }
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    assert main(["train", "boxed-lesions", "--config", str(tmp_path / "config.yaml")]) == 0
    bundle = Bundle.load(tmp_path / "bundle")
    assert bundle.task == "box-segmentation" and bundle.manifest["box"] == {"shape": [16, 24, 24], "reach": 2.0}
    one = lesions[0]
    labels, made_by, _ = BoxDrawer(PromptedNetwork(bundle)).draw(on_grid(one.image, one.grid), {1: one.box})
    assert labels.GetSize() == one.grid.size and set(made_by) == {1}
