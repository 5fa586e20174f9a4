"""The published two-dimensional detection experiment (Couteaux 2021, section 4.3), and the finer level it suggests.

Objects coded by the angle of their stripes in one image and by their frequency in the other are to be found in both and
linked. Two networks: with levels 2 to 5 as published, and with level 1 beside them, trained on from the weights of the
first.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from liverpair.detection.finding import find_boxes
from liverpair.detection.pairing import Found
from liverpair.evaluation.result_files import write_results
from liverpair.measures.boxes import iou
from liverpair.measures.froc import match_boxes, precision, sensitivity
from liverpair.training.command import checkpoint_of
from liverpair.training.detection import DetectionTask, PairSample
from reproduction.arguments import add_places, command_of, joined, positive, results_folder
from reproduction.box_pictures import pair_picture
from reproduction.toys.coded_pairs import CodedPairSettings
from reproduction.training import CODED_PAIRS
from reproduction.training.generated_data import TEST, VALIDATION, DrawnSamples
from reproduction.training.toy_data import drawn_pair
from reproduction.trainings import trained

NAME = "detection-2d"
ARMS = {"levels 2 to 5, as published": "coded-pairs", "levels 1 to 5": "coded-pairs-fine"}
PUBLISHED_ARM = {"as published, ResNet-50": "coded-pairs-published"}
MINIMUM_IOU = 0.6
WANTED_PRECISION = 0.95
SMALL_PIXELS = 20.0
PUBLISHED = {"sensitivity": 0.72, "precision": 0.92, "iou": 0.89, "moved_iou": 0.73}

NOTES = (
    f"An object counts as found when a box overlaps it by an IoU of {MINIMUM_IOU} or more. *iou*: mean over the boxes "
    "that find one. *moved_iou*: of these boxes, moved by their predicted displacement, with the object in the "
    "other image; *still_iou*: when they are not moved, *perfect_iou*: when they are moved as far as the object is.",
    f"The score threshold is the lowest from which on {WANTED_PRECISION:.0%} of the boxes on other pairs, those of "
    f"validation, are right. Small objects have a shorter side below {SMALL_PIXELS:g} pixels.",
    "The network with level 1 went on from the weights that the other one had after 5000 steps; its own steps come on "
    "top of those. The last 1500 steps of the other one had ten times the weight on boxes.",
    "What the thesis leaves open of its generator is ours: compare the rows of our networks with each other, and "
    "with the published row with caution.",
)
PICTURE_NOTE = (
    "Dashed: objects. Full: boxes found with levels 1 to 5; linked boxes share a color, dotted ones were moved."
)


@dataclass(frozen=True)
class Answered:
    """A pair and what a network found in its two images."""

    sample: PairSample
    found: tuple[Found, Found]

    def side(self, image: int) -> tuple[Found, np.ndarray]:
        """What was found in one image, and the objects (n, 2, 2) there."""
        return self.found[image], self.sample.boxes[image].numpy()


def main(arguments: Sequence[str]) -> None:
    """Train what is missing, measure, write."""
    parser = argparse.ArgumentParser(prog=f"python -m reproduction {NAME}", description=__doc__)
    parser.add_argument("--pairs", type=positive, default=100, help="new pairs to measure on (published: 100)")
    add_places(parser, "a few steps and pairs")
    parser.add_argument("--picture-pairs", type=int, default=3, help="pairs in the picture")
    parser.add_argument("--published", action="store_true", help="the published network and length instead, for a GPU")
    options, training = parser.parse_known_args(arguments)
    training, folder = joined(training), results_folder(options)
    if options.smoke:
        options.pairs, options.picture_pairs = 2, 1
        training += [
            "--trainer.max_steps=2",
            "--data.samples_per_epoch=2",
            "--data.validation_samples=1",
            "--data.workers=0",
        ]
    rows, answers = [{"network": "published (ResNet-50)", **PUBLISHED}], {}
    start: dict[str, str] = {}
    arms = PUBLISHED_ARM if options.published else ARMS
    for title, config in arms.items():
        run = options.runs / config
        trained(CODED_PAIRS, config, run, start, training)
        task, step = CODED_PAIRS.kept(run)
        about = {"parameters": sum(p.numel() for p in task.network.parameters()), "steps": step}
        start = {"model.start_from": str(checkpoint_of(run))}
        answers[title] = answer(task, TEST, options.pairs)
        threshold = score_threshold(answer(task, VALIDATION, options.pairs))
        rows.append({"network": title, **measure(answers[title], threshold), **about})
    finer = list(arms)[-1]
    pair_picture(
        [(a.sample, a.found) for a in answers[finer][: options.picture_pairs]],
        rows[-1]["score_threshold"],
        folder / f"{NAME}.png",
    )
    compared = (*PUBLISHED, "still_iou", "perfect_iou")
    values = {key: rows[1][key] for key in compared} | {f"finer_{key}": rows[-1][key] for key in compared}
    write_results(
        NAME,
        rows,
        command_of(NAME, arguments),
        data=f"{options.pairs} new coded pairs, 256 × 256, from our generator (reproduction.toys.coded_pairs)",
        title="Paired detection in two dimensions, beside the published figures",
        values=values,
        folder=folder,
        notes=[*NOTES, f"![Boxes in both images]({NAME}.png)", PICTURE_NOTE],
    )


@torch.no_grad()
def answer(task: DetectionTask, stream: int, count: int) -> list[Answered]:
    """What the network finds in `count` pairs of a stream that training never draws from."""
    answered = []
    draw = partial(drawn_pair, settings=CodedPairSettings())
    for sample in DrawnSamples(draw, count, (stream, 0, 1)):
        images = sample.image[None]
        boxes = find_boxes(task(images)[0], task.anchors(images.shape[2:]), task.settings)
        answered.append(Answered(sample, boxes))
    return answered


def score_threshold(answers: Sequence[Answered]) -> float:
    """The lowest score from which on the wanted part of all boxes is right; the highest score when there is none."""
    matches = [_matches(a, image) for a in answers for image in (0, 1)]
    scores = np.sort(np.concatenate([m.scores for m in matches]))
    good = [score for score in scores if precision(matches, score) >= WANTED_PRECISION]
    return float(good[0] if good else scores.max(initial=0.0))


def measure(answers: Sequence[Answered], threshold: float) -> dict[str, float]:
    """Sensitivity, precision and overlaps at a score threshold, over both images of all pairs."""
    matches = [_matches(a, image) for a in answers for image in (0, 1)]
    small = [_shorter(a.side(image)[1]) < SMALL_PIXELS for a in answers for image in (0, 1)]
    overlaps = np.concatenate([m.iou[(m.found >= 0) & (m.scores >= threshold)] for m in matches])
    after = np.concatenate([moved_ious(a, threshold) for a in answers])
    sensitive = partial(sensitivity, minimum_score=threshold)
    return {
        "sensitivity": sensitive(matches),
        "precision": precision(matches, threshold),
        "iou": _mean(overlaps),
        "moved_iou": _mean(after[:, 0]),
        "still_iou": _mean(after[:, 1]),
        "perfect_iou": _mean(after[:, 2]),
        "sensitivity_small": sensitive([m.only(own) for m, own in zip(matches, small)]),
        "sensitivity_large": sensitive([m.only(~own) for m, own in zip(matches, small)]),
        "score_threshold": threshold,
        "objects": sum(m.lesions for m in matches),
    }


def _matches(answered: Answered, image: int):
    found, objects = answered.side(image)
    return match_boxes(found.boxes, found.scores, objects, MINIMUM_IOU)


def moved_ious(answered: Answered, threshold: float) -> np.ndarray:
    """IoU (n, 3) of every box that finds an object with the object in the other image: moved as the network says, not
    moved, and moved as the centers of the object lie apart."""
    rows = []
    for image in (0, 1):
        found, here = answered.side(image)
        there = answered.sample.boxes[1 - image].numpy()
        matched = _matches(answered, image)
        for row in np.flatnonzero((matched.found >= 0) & (matched.scores >= threshold)):
            box, number = found.boxes[row], matched.found[row]
            true = there[number].mean(axis=0) - here[number].mean(axis=0)
            moves = (found.displacements[row], np.zeros_like(true), true)
            rows.append([float(iou((box + move)[None], there[number][None])[0, 0]) for move in moves])
    return np.array(rows).reshape(-1, 3)


def _shorter(boxes: np.ndarray) -> np.ndarray:
    return (boxes[:, 1] - boxes[:, 0]).min(axis=1)


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("nan")
