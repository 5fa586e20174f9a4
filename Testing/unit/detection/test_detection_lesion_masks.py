"""A network that draws lesions, with an answer known by hand: what is brighter than 3/4 between liver and peak."""

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from brightness_bundle import write_brightness_bundle
from peak_study import PEAKS, write_volumes

from liverpair.core.errors import BundleError, no_progress
from liverpair.core.lesions import read_lesions
from liverpair.detection.detection_settings import DetectionSettings
from liverpair.detection.inference import Detector, detector_of
from liverpair.detection.lesion_masks import drawn_in_boxes, drawn_lesions, numbered, weighed
from liverpair.detection.pairing import Found, link
from liverpair.jobs.detect_results import is_complete, read_detection
from liverpair.jobs.jobs import JOBS

SETTINGS = DetectionSettings(from_masks=True, normalize_over="median", smallest_mm=0.0, score_floor=0.0)


def stay(points):
    return points


def test_parts_become_boxes_with_their_mean_probability_as_score():
    probability = np.zeros((4, 6, 8))
    probability[0:2, 1:3, 2:5] = 0.75
    probability[3, 5, 7] = 1.0
    probability[2, 0, 0] = 0.5  # no more likely than not
    drawn = drawn_lesions(probability, (1.0, 1.0, 3.0), SETTINGS, lambda points: points + [0, 0, 2])
    assert drawn.found.boxes.tolist() == [[[3, 5, 7], [4, 6, 8]], [[0, 1, 2], [2, 3, 5]]]
    assert drawn.found.scores.tolist() == [1.0, 0.75]
    assert drawn.found.displacements.tolist() == [[0, 0, 2]] * 2
    assert (drawn.labels[3, 5, 7], drawn.labels[0, 1, 2], drawn.labels[2, 0, 0]) == (1, 2, 0)


def test_parts_that_are_small_or_unlikely_are_left_out():
    probability = np.zeros((4, 6, 8))
    probability[0:2, 1:3, 2:5] = 0.75  # 12 voxels of 3 mm³: a ball of 4.1 mm
    probability[3, 5, 7] = 1.0  # 3 mm³: 1.8 mm
    larger = DetectionSettings(from_masks=True, smallest_mm=4.0, score_floor=0.0)
    assert drawn_lesions(probability, (1.0, 1.0, 3.0), larger, stay).found.scores.tolist() == [0.75]
    likelier = DetectionSettings(from_masks=True, smallest_mm=0.0, score_floor=0.8)
    drawn = drawn_lesions(probability, (1.0, 1.0, 3.0), likelier, stay)
    assert drawn.found.scores.tolist() == [1.0] and drawn.labels.max() == 1
    nothing = drawn_lesions(np.zeros((2, 2, 2)), (1.0, 1.0, 1.0), SETTINGS, stay)
    assert len(nothing.found) == 0 and not nothing.labels.any()


def test_what_is_drawn_in_or_right_beside_a_box_has_its_number():
    found = Found(
        np.array([[[0, 2, 2], [2, 5, 5]], [[1, 4, 4], [3, 7, 7]]], float), np.array([0.9, 0.6]), np.zeros((2, 3))
    )
    linked = link(found, Found.none(3), 0.1)
    probability = np.zeros((4, 9, 9))
    probability[0, 1, 1] = probability[1, 4, 4] = probability[3, 7, 7] = 0.9
    probability[2, 6, 6] = 0.5
    probability[3, 0, 8] = 0.9  # in no box
    labels = drawn_in_boxes(probability, linked, 0)
    assert sorted(map(tuple, np.argwhere(labels == 1))) == [(0, 1, 1), (1, 4, 4)]
    assert list(map(tuple, np.argwhere(labels == 2))) == [(3, 7, 7)]


def test_a_mask_has_the_number_of_its_lesion():
    first = Found(
        np.array([[[0, 0, 0], [2, 2, 2]], [[4, 4, 4], [6, 6, 6]]], float), np.array([0.6, 0.9]), np.zeros((2, 3))
    )
    second = Found(first.boxes[:1], np.array([0.7]), np.zeros((1, 3)))
    linked = link(first, second, 0.1)
    assert [pair.rows for pair in linked] == [(1, None), (0, 0)]
    assert numbered(np.array([0, 1, 2]), linked, 0).tolist() == [0, 2, 1]
    assert numbered(np.array([0, 1]), linked, 1).tolist() == [0, 2]


def test_what_was_drawn_in_one_image_only_counts_as_the_model_says():
    boxes = np.array([[[0, 0, 0], [2, 2, 2]], [[4, 4, 4], [6, 6, 6]]], float)
    first = Found(boxes, np.array([0.6, 0.9]), np.zeros((2, 3)))
    second = Found(boxes[:1], np.array([0.7]), np.zeros((1, 3)))
    judged = weighed(link(first, second, 0.1), (0.5, 1.0))
    assert [(pair.rows, pair.scores) for pair in judged] == [((0, 0), (0.6, 0.7)), ((1, None), (0.45, None))]
    with pytest.raises(ValueError, match="alone"):
        DetectionSettings(from_masks=True, alone=(2.0, 1.0))


def test_settings_say_either_anchors_or_masks():
    with pytest.raises(ValueError, match="anchor_sizes"):
        DetectionSettings()
    with pytest.raises(ValueError, match="anchor_sizes"):
        DetectionSettings(((4.0, 4.0, 4.0),), from_masks=True)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    """It draws what is brighter than halfway from the liver's median to its brightest voxel."""
    return write_brightness_bundle(
        tmp_path_factory.mktemp("bundles") / "drawing",
        middle=0.75,
        name="drawing",
        task="detection",
        grid={"spacing_mm": [1.0, 1.0, 2.0], "multiple_of": [1, 1, 1], "crop": "liver"},
        detection={"from_masks": True, "normalize_over": "median", "smallest_mm": 2.0, "link_growth": 2.0},
    )


def test_drawn_lesions_come_as_linked_boxes_and_as_label_maps(bundle, tmp_path):
    write_volumes(tmp_path / "study")
    study = {part: str(tmp_path / "study" / f"{part}.nii.gz") for part in ("t1", "t2", "t1_liver", "t2_liver")}
    output = tmp_path / "out"
    result = JOBS["detect"](
        {**study, "model": str(bundle.folder), "device": "cpu", "output": str(output), "correspondence": False},
        no_progress,
    )
    pairs = read_lesions(Path(result["lesions"]))
    assert len(pairs) == len(PEAKS)
    for side in ("t1", "t2"):
        labels = sitk.ReadImage(result["masks"][side])
        assert labels.GetSize() == sitk.ReadImage(study[side]).GetSize()
        assert sorted(set(np.unique(sitk.GetArrayFromImage(labels))) - {0}) == [pair.number for pair in pairs]
        for pair in pairs:
            place = labels.TransformPhysicalPointToIndex(pair.box(side).center_mm)
            assert labels[place] == pair.number
    assert is_complete(output, read_detection(output))
    assert json.loads((output / "detection.json").read_text())["masks"] == {
        "t1": "t1_lesions.nii.gz",
        "t2": "t2_lesions.nii.gz",
    }
    Path(result["masks"]["t1"]).unlink()
    assert not is_complete(output, read_detection(output))


def test_a_model_that_draws_is_not_asked_for_the_partner_of_a_box(bundle):
    assert detector_of(bundle).settings.from_masks
    with pytest.raises(BundleError, match="predicts no partner of a box"):
        Detector.of(bundle)
