"""Pairing accuracy and displacement errors against cases computed by hand."""

import math
from dataclasses import replace

import pytest
from lesion_factory import detected, drawn, lesion_of, marked, predicted, without

from liverpair.core.geometry import Box
from liverpair.core.lesions import Lesion
from liverpair.core.sides import Side
from liverpair.measures.pairing_scores import PairingCase, found_lesions, largest_side_mm, pairing_measures

SIZE = (10.0, 10.0, 10.0)


def box(x: float, size=SIZE) -> Box:
    return Box((x, 0.0, 0.0), size)


def pair(t1: float, t2: float, scores=(0.9, 0.8), number: int = 1) -> Lesion:
    boxes = [predicted(box(x)) if score is None else detected(box(x), score) for x, score in zip((t1, t2), scores)]
    return lesion_of(number, *boxes, displacement_mm=(t2 - t1, 0.0, 0.0))


TRUTH = lesion_of(1, drawn(box(0)), drawn(box(30)))


def test_a_pair_found_on_both_sides_counts_twice():
    case = PairingCase([pair(1, 30)], [TRUTH], (25.0, 0.0, 0.0))
    values = pairing_measures([case])
    errors = {"displacement_error_mm": 1, "error_none_mm": 30, "error_centroid_mm": 5}
    assert math.isnan(values.pop("error_registration_mm")) and math.isnan(values.pop("mask_dice"))
    assert values == pytest.approx({"n": 2, "pairing_accuracy": 1, **errors})


def test_the_registration_is_asked_at_the_box_that_was_found():
    def registered(side: Side, place) -> tuple[float, float, float]:
        assert place == ((1.0, 0.0, 0.0) if side is Side.T1 else (30.0, 0.0, 0.0))
        return (28.0, 0.0, 0.0) if side is Side.T1 else (26.0, 0.0, 0.0)

    case = PairingCase([pair(1, 30)], [TRUTH], registered_mm=registered)
    assert [found.error_registration_mm for found in found_lesions(case)] == pytest.approx([2, 4])
    assert pairing_measures([case])["error_registration_mm"] == pytest.approx(3)


def test_masks_count_in_the_images_in_which_their_lesion_is_found():
    drawn = {(Side.T1, 1, 1): 0.8, (Side.T1, 2, 1): 0.9}
    values = pairing_measures([PairingCase([pair(1, 30)], [TRUTH], mask_dice=drawn)])
    assert values["mask_dice"] == pytest.approx((0.8 + 0.0) / 2)  # in T2 the mask of the box that finds it misses it


def test_the_way_that_the_network_predicts_is_judged_and_not_that_between_its_boxes():
    case = PairingCase([replace(pair(1, 30), displacement_mm=(22.0, 0.0, 0.0))], [TRUTH])
    assert pairing_measures([case])["displacement_error_mm"] == pytest.approx(8)


def test_a_moved_box_finds_nothing_itself_but_is_judged_as_partner():
    (found,) = found_lesions(PairingCase([pair(0, 26, (0.9, None))], [TRUTH]))
    assert found.side == Side.T1 and found.error_mm == pytest.approx(4)
    assert found.partner_iou == pytest.approx(6 / 14)


def test_a_wrong_partner_is_a_wrong_pairing():
    case = PairingCase([pair(0, 60)], [TRUTH])
    assert pairing_measures([case])["pairing_accuracy"] == 0
    assert pairing_measures([case])["displacement_error_mm"] == pytest.approx(30)


def test_the_second_box_on_a_lesion_does_not_count():
    case = PairingCase([pair(0, 60, (0.5, None)), pair(0, 30, (0.9, None), 2)], [TRUTH])
    assert pairing_measures([case])["pairing_accuracy"] == 1 and pairing_measures([case])["n"] == 1


def test_a_prediction_without_partner_is_a_wrong_pairing_with_its_displacement():
    alone = without(pair(0, 30), Side.T2)
    (found,) = found_lesions(PairingCase([alone], [TRUTH]))
    assert found.partner_iou == 0 and found.error_mm == 0
    (found,) = found_lesions(PairingCase([replace(alone, displacement_mm=None)], [TRUTH]))
    assert math.isnan(found.error_mm)


def test_lesions_of_one_image_only_and_nothing_at_all():
    single = without(TRUTH, Side.T2)
    for case in (PairingCase([pair(0, 30)], [single]), PairingCase([], [TRUTH]), PairingCase([pair(0, 30)], [])):
        values = pairing_measures([case])
        assert values["n"] == 0
        assert math.isnan(values["pairing_accuracy"]) and math.isnan(values["displacement_error_mm"])


def test_small_lesions_can_be_left_out():
    small = lesion_of(2, drawn(box(100, (5.0, 5.0, 9.0))), drawn(box(100)))
    assert largest_side_mm(small) == 10
    tiny = marked(small, Side.T2, box=box(100, (4.0, 4.0, 4.0)))
    case = PairingCase([pair(0, 30), pair(100, 200, number=2)], [TRUTH, tiny])
    assert pairing_measures([case])["pairing_accuracy"] < 1
    assert pairing_measures([case], smallest_mm=10)["pairing_accuracy"] == 1
