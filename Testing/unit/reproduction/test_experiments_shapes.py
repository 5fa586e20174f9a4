"""Figure 2.3: run to its end at a budget of seconds, and what it computes, on answers that are known."""

import json
import math

import numpy as np
import pytest
import torch

from liverpair.training.segmentation import SegmentationTask
from reproduction.__main__ import main
from reproduction.chapter2 import shape_scores
from reproduction.chapter2.shape_findings import findings
from reproduction.chapter2.shape_networks import FIGURE, ShapeArm, field_of
from reproduction.chapter2.shape_scores import (
    BlobAnswers,
    blob_answers,
    dice,
    dice_over_shifts,
    limit_of,
    nearest_rule,
    ring,
)
from reproduction.toys.striped_blobs import STRIPES, StripedBlobs, StripedBlobsSettings
from reproduction.trainings import steps_done

SETTINGS = StripedBlobsSettings(size=128, blob_sigma=8.0, percentile=75.0, smallest=100, blur=4.0, period=8.0)


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    """Options of a smoke run, the folder of its results, and what it wrote."""
    place = tmp_path_factory.mktemp("shapes")
    words = ["--smoke", f"--runs={place / 'runs'}", f"--results={place / 'results'}"]
    words = ["figure-2-3", *words, "--trainer.enable_progress_bar=false", "--trainer.accelerator=cpu"]
    assert main(words) == 0
    return words, place, json.loads((place / "results" / "figure-2-3.json").read_text())


def test_figure_2_3_trains_measures_and_writes(smoke):
    words, place, content = smoke
    assert [row["finding"][-1] for row in content["table"]] == list("aaaabbbcdd")
    assert (content["steps"], content["seeds"]) == (2, [0])
    for row in content["table"]:
        assert row["ours"] is None or isinstance(row["ours"], str) or -1 <= row["ours"] <= 1 or row["published"] == 35
    for name in ("figure-2-3.png", "figure-2-3-amplitudes.png"):
        assert (place / "results" / name).stat().st_size > 1000
    page = (place / "results" / "figure-2-3.md").read_text()
    assert page.startswith("# ") and "receptive field" in page


def test_a_finished_training_is_not_run_again_even_when_time_is_over(smoke):
    words, place, content = smoke
    run = place / "runs" / "striped-blobs" / "levels-4-shift-10-30-2-0"
    written = (run / "checkpoints" / "last.ckpt").stat().st_mtime_ns
    assert steps_done(run) == 2
    assert main([*words, "--minutes=0"]) == 0
    again = json.loads((place / "results" / "figure-2-3.json").read_text())
    assert again["table"] == content["table"]
    assert (run / "checkpoints" / "last.ckpt").stat().st_mtime_ns == written


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("--map-step=7", "must divide"),
        ("--levels=9", "2 to 6 levels"),
        ("--amplitudes=-5", "above 0 pixels"),
    ],
)
def test_options_that_mean_nothing_are_refused_in_a_sentence(wrong, said, tmp_path, capsys):
    assert main(["figure-2-3", wrong, f"--runs={tmp_path}", f"--results={tmp_path}"]) == 1
    assert said in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_the_shortest_shift_follows_the_amplitude_but_never_below_zero():
    assert FIGURE.shift == (10.0, 30.0)
    assert ShapeArm(4, 15.0).shift == (0.0, 15.0)  # the sweep takes all translations up to its amplitude


def test_a_network_sees_farther_with_more_levels():
    def side(levels: int) -> int:
        arguments = {"dimensions": 2, "in_channels": 2, "stem_stride": [2, 2], "normalization": "batch"}
        return field_of(SegmentationTask(arguments={**arguments, "widths": [2] * (levels - 1)}))

    sides = [side(levels) for levels in (3, 4, 5)]
    assert sides[0] < 60 < sides[1] < 120 < sides[2]


def _image(shift: tuple[int, int] = (0, 0)) -> StripedBlobs:
    return shape_scores.unseen_scenes(SETTINGS, 1, 40)[0].seen(shift)


def test_dice_counts_only_what_can_be_told():
    image = _image((-40, 0))
    right = torch.where(torch.from_numpy(image.target), 5.0, -5.0)[None, None]
    assert dice([image], right) == 1
    undecidable = torch.from_numpy(~image.decidable & ~image.target)
    assert undecidable.any()
    assert dice([image], torch.where(undecidable, 5.0, right)) == 1
    assert dice([image], -right) == 0


def test_answers_are_read_blob_by_blob():
    image = _image((-40, 0))
    output = np.where(image.target, 0.9, 0.2)
    answers = blob_answers(image, output, SETTINGS.smallest)
    assert answers.gone.any() and answers.striped.any() and not (answers.gone & answers.striped).any()
    assert answers.output == pytest.approx(np.where(answers.wanted, 0.9, 0.2))
    everyone = np.ones(len(answers.output), bool)
    assert answers.right(everyone) == len(answers.output) and answers.right(~everyone) == 0
    assert answers.mean_output(answers.wanted) == pytest.approx(0.9)
    assert answers.certainty(~answers.wanted) == pytest.approx(0.3)
    assert math.isnan(answers.mean_output(~everyone))
    twice = BlobAnswers.joined([answers, answers])
    assert len(twice.output) == 2 * len(answers.output)


def _row_of_blobs(shift: int) -> StripedBlobs:
    """Blobs of 10 by 10 pixels every 20 pixels, wanted and not in turn; the striped channel lies `shift` to the
    right."""
    labels = np.zeros((2, 20, 100), np.int32)
    for number in range(5):
        first = 20 * number
        labels[0, 5:15, first : first + 10] = labels[1, 5:15, first + shift : first + shift + 10] = number + 1
    wanted = np.arange(5) % 2 == 0
    shown = np.stack([np.bincount(own.ravel(), minlength=6)[1:] for own in labels])
    target = np.concatenate([[False], wanted])[labels[0]]
    return StripedBlobs(np.zeros((2, 20, 100), np.float32), labels, wanted, shown, target, target | True, (0, shift))


def test_blobs_are_misleading_where_the_nearest_stripes_are_of_the_other_kind():
    near = blob_answers(_row_of_blobs(6), np.zeros((20, 100)), 60)
    assert not near.misleading.any()
    far = blob_answers(_row_of_blobs(14), np.zeros((20, 100)), 60)
    assert far.misleading.tolist() == [False, True, True, True, True]


def test_the_rule_of_the_nearest_stripes_is_right_until_a_wrong_blob_is_nearer():
    found = [dice([image], nearest_rule([image], 60)) for image in map(_row_of_blobs, (6, 14))]
    assert found == pytest.approx([1, 1 / 3])


class OverlapOracle:
    """Wants the places where the striped channel is bright: right without a shift, wrong with one."""

    def __call__(self, images):
        return images[:, STRIPES : STRIPES + 1] - 0.01


def test_dice_over_shifts_is_that_of_each_shift():
    settings = StripedBlobsSettings(size=128, wanted_probability=1.0)
    scenes = shape_scores.unseen_scenes(settings, 2, 20)
    still, far = dice_over_shifts(OverlapOracle(), scenes, [(0, 0), (16, -12)])
    assert still > 0.95 and far < 0.75


def test_a_ring_has_one_radius():
    lengths = np.linalg.norm(ring(20.0), axis=1)
    assert len(set(ring(20.0))) == 16 and np.abs(lengths - 20).max() < 0.75
    assert np.sum(ring(20.0), axis=0).tolist() == [0, 0]


def test_the_limit_lies_where_scores_fall():
    assert limit_of([20, 30, 40], [0.9, 0.9, 0.5], 0.8) == pytest.approx((32.5, 32.5))
    assert limit_of([20, 30], [0.9, 0.85], 0.8) == (30, math.inf)
    assert limit_of([20, 30], [0.7, 0.9], 0.8) == (0, 20)


GOOD = {
    "dice": 0.9,
    "nearest_dice": 0.85,
    "misled": 40,
    "misled_right": 32,
    "gone": 0.5,
    "gone_certainty": 0.05,
    "striped_certainty": 0.4,
    "aligned": 0.6,
    "hole": -0.3,
}


def _holds(measured, sweep):
    return {row["measured"]: row["holds"] for row in findings(measured, sweep).values()}


def test_findings_are_judged_by_their_tests():
    falls = {4: [(20.0, [0.9]), (30.0, [0.9, 0.8]), (40.0, [0.5])]}
    good = _holds([GOOD, GOOD], falls)
    assert {measured for measured, holds in good.items() if holds is None} == {
        "Dice of the kind of the nearest striped blob",
        "95 % interval of that part, of 80 blobs",
        "distance from 0.5 where it is there",
    }
    assert set(good.values()) == {True, None}
    bad = {"dice": 0.79, "misled_right": 20, "gone": 0.7, "gone_certainty": 0.4, "aligned": 0.8, "hole": 0.0}
    assert set(_holds([{**GOOD, **bad}], {4: [(20.0, [0.5]), (30.0, [0.9])]}).values()) == {False, None}
    rows = findings([GOOD, {**GOOD, "dice": 0.7}], falls)
    assert rows["dice"]["ours"] == pytest.approx(0.8) and rows["dice"]["sd"] == pytest.approx(0.02**0.5)


@pytest.mark.parametrize(
    ("points", "shown", "holds"),
    [
        ([(30.0, [0.9]), (40.0, [0.9])], "above 40", None),
        ([(30.0, [0.9]), (50.0, [0.9])], "above 50", False),
        ([(30.0, [0.5]), (40.0, [0.5])], "below 30", None),
        ([(20.0, [0.5]), (40.0, [0.5])], "below 20", False),
        ([(30.0, [0.5])], "not run", None),
    ],
)
def test_a_limit_outside_of_what_was_tried_is_told_as_such(points, shown, holds):
    row = findings([GOOD], {4: points})["limit_4"]
    assert (row["ours"], row["holds"]) == (shown, holds)


def test_other_depths_have_a_row_each_without_a_published_limit():
    falls = [(20.0, [0.9]), (30.0, [0.5])]
    rows = findings([GOOD], {3: falls, 4: falls})
    assert [rows[key]["published"] for key in ("limit_3", "limit_4")] == [None, 35.0]


def test_what_could_not_be_measured_is_not_judged():
    nothing = _holds([{**GOOD, "gone": math.nan, "misled": 0, "misled_right": 0}], {4: []})
    assert nothing["mean output where the striped blob is gone"] is None
    assert nothing["part of the misled blobs that is right"] is None
