"""What people annotated becomes what is learned, and what nobody decided does not."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import paired_lesions_factory as factory
import pytest
import SimpleITK as sitk
import torch
from lesion_factory import drawn, lesion_of, predicted

from liverpair.bundle import Bundle
from liverpair.cli import main
from liverpair.core.errors import InputError
from liverpair.core.geometry import Box
from liverpair.core.lesions import write_lesions
from liverpair.detection.detection_settings import DetectionSettings
from liverpair.segmentation.preparation import GridPolicy, Normalization
from liverpair.synthesis.paired_lesions import LesionStatistics
from liverpair.training.annotated_lesions import annotated_studies
from liverpair.training.pair_augmentation import PairAugmentation, cropped
from liverpair.training.paired_lesions_cache import PairPreparation

PREPARATION = PairPreparation(
    GridPolicy((4.0, 4.0, 6.0), 0.0, 0.0),
    Normalization(),
    DetectionSettings(((1.0, 1.0, 1.0),), mask_margin_mm=6.0),
    (2, 4, 4),
    LesionStatistics(),
)
SIZE = (20.0, 20.0, 20.0)
T1_BOX = Box((-20.0, 5.0, 10.0), SIZE, factory.T1_GRID.direction)
T2_BOX = Box((-15.0, -4.0, 41.0), SIZE, factory.T2_GRID.direction)
ACCEPTED = replace(lesion_of(1, drawn(T1_BOX), drawn(T2_BOX)), state="accepted")


def write_study(folder: Path, lesions=None, seed: int = 0) -> None:
    folder.mkdir(parents=True)
    for side, liver in zip(("t1", "t2"), factory.livers()):
        sitk.WriteImage(factory.image(liver, seed), folder / f"{side}.nii.gz")
        sitk.WriteImage(liver, folder / f"{side}_liver.nii.gz")
    if lesions is not None:
        write_lesions(folder / "lesions.json", lesions)


def sample_of(tmp_path: Path, lesions) -> object:
    write_study(tmp_path / "studies" / "one", lesions)
    (study,) = annotated_studies(tmp_path / "studies", ["one"], PREPARATION, tmp_path / "cache")
    return study.sample()


def test_an_accepted_lesion_is_shown_where_its_boxes_are(tmp_path):
    sample = sample_of(tmp_path, [ACCEPTED])
    assert sample.annotated and sample.masks is None
    assert sample.visible.tolist() == [[True], [True]] and sample.cut.tolist() == [[False], [False]]
    sides = (sample.boxes[:, 0, 1] - sample.boxes[:, 0, 0]).tolist()
    assert sides[0] == pytest.approx([20 / 6, 5, 5], abs=1e-3)


def test_what_was_rejected_is_background_and_what_nobody_decided_is_neither(tmp_path):
    rejected, proposed = replace(ACCEPTED, state="rejected", uid="r"), replace(ACCEPTED, state="proposed", uid="p")
    moved = replace(lesion_of(2, drawn(T1_BOX), predicted(T2_BOX)), state="accepted")
    sample = sample_of(tmp_path, [rejected, proposed, moved])
    assert sample.visible.tolist() == [[False, True], [False, False]]
    assert sample.cut.tolist() == [[True, False], [True, True]]


def test_a_place_that_nobody_knows_is_not_made_up(tmp_path):
    alone = replace(lesion_of(1, t1=drawn(T1_BOX)), state="accepted", displacement_mm=None)
    sample = sample_of(tmp_path, [alone])
    assert sample.visible.tolist() == [[True], [False]] and sample.cut.tolist() == [[False], [False]]
    assert sample.boxes[1].isnan().all()


def test_a_file_without_lesions_says_that_there_are_none_and_no_file_says_nothing(tmp_path):
    write_study(tmp_path / "looked_at", [])
    write_study(tmp_path / "nobody")
    looked_at, nobody = annotated_studies(tmp_path, ["looked_at", "nobody"], PREPARATION, tmp_path / "cache")
    assert looked_at.sample().annotated and not nobody.sample().annotated
    assert looked_at.sample().boxes.shape == (2, 0, 2, 3)


def test_new_annotations_make_a_new_sample(tmp_path):
    before = sample_of(tmp_path, [ACCEPTED])
    write_lesions(tmp_path / "studies" / "one" / "lesions.json", [ACCEPTED, replace(ACCEPTED, number=2, uid="b")])
    (study,) = annotated_studies(tmp_path / "studies", ["one"], PREPARATION, tmp_path / "cache")
    assert (before.boxes.shape[1], study.sample().boxes.shape[1]) == (1, 2)


def test_a_study_without_livers_is_named(tmp_path):
    write_study(tmp_path / "one", [ACCEPTED])
    (tmp_path / "one" / "t2_liver.nii.gz").unlink()
    with pytest.raises(InputError, match="'one' has no T2 liver mask"):
        annotated_studies(tmp_path, ["one"], PREPARATION, tmp_path / "cache")


def test_what_is_undecided_stays_so_when_the_pair_is_changed(tmp_path):
    sample = sample_of(tmp_path, [replace(ACCEPTED, state="proposed")])
    after = PairAugmentation(deformation_voxels=(0.5, 1.0, 1.0), mirror=1.0)(sample, np.random.default_rng(0))
    assert after.annotated and after.cut.tolist() == [[True], [True]]
    corner = tuple(slice(0, 2) for _ in range(3))
    assert cropped(sample, corner).cut.tolist() == [[False], [False]]


@pytest.mark.parametrize("alone", [True, False])
@pytest.mark.training
def test_the_command_trains_on_studies_alone_or_mixed_with_synthetic_lesions(tmp_path, alone, capsys):
    studies = tmp_path / "studies"
    for name, lesions in (("a", [ACCEPTED]), ("b", None), ("c", [ACCEPTED])):
        write_study(studies / name, lesions, seed=ord(name))
    factory.write_pairs(tmp_path / "real", ("x",))
    data = {
        "root": str(tmp_path / "real"),
        "train": [] if alone else ["x"],
        "validation": [],
        "t1_images": ["t1.nii.gz"],
        "variants": 1,
        "studies": str(studies),
        "validation_studies": ["c"],
        "studies_share": 0.5,
        "pairs_per_epoch": 5,
    }
    reading = {"anchor_sizes": [[2.0, 3.0, 3.0]], "mask_margin_mm": 6.0}
    consistency = {"consistency_weight": 0.5, "consistency_from_step": 0, "consistency_threshold": 0.0}
    config = factory.write_training(tmp_path, data, reading, 10, {"segmentation_channels": 2}, **consistency)
    assert main(["train", "detection", "--config", str(config)]) == 0
    bundle = Bundle.load(tmp_path / "bundle")
    assert bundle.section("training")["train_studies"] == ["a", "b"]
    assert bundle.section("training")["validation_studies"] == ["c"]
    assert all(torch.isfinite(value).all() for value in bundle.network().state_dict().values())
    capsys.readouterr()
    assert main(["evaluate", str(tmp_path / "bundle"), str(studies), "--cases", "c"]) == 0
    assert "sensitivity" in capsys.readouterr().out
