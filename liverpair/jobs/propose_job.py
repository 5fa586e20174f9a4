"""The job "propose": the partner of a box that somebody drew.

What the network answered to the last pair stays in memory: the next box of the same volumes needs no reading and no
network.
"""

from typing import Any

from liverpair.core.device import choose_device
from liverpair.core.errors import InputError, Progress, part_of
from liverpair.core.sides import Side
from liverpair.detection.inference import Detector, liver_masks
from liverpair.detection.proposal import AnsweredPair
from liverpair.jobs.pair_inputs import read_pair
from liverpair.jobs.requests import BOX_FIELDS, PairRequest, ProposeRequest

READ, SEGMENTED = 0.2, 0.6
"""Fractions of the job that are done when the inputs are read and when the livers are known."""


def propose(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Say where the box of `request` (see `ProposeRequest`) should lie in the other image.

    Returns {"box": {"center_mm", "size_mm", "direction"} along the axes of the other image, "displacement_mm": from T1
    to T2, LPS, "score": of the box that the detector found there itself, or None}. Raises any `LiverPairError`, and
    `Cancelled` through `progress`.
    """
    wanted = ProposeRequest.parse(request)
    pair = _answered(wanted, progress)
    progress(1.0, "Proposing the partner")
    found = pair.propose(list(Side).index(wanted.side), wanted.drawn())
    if found is None:
        raise InputError(
            f"The model proposes no partner for this {wanted.side.title} box.",
            "Draw it in the liver, or draw the partner yourself.",
        )
    box = {name: list(getattr(found.box, name)) for name in BOX_FIELDS}
    return {"box": box, "displacement_mm": list(found.displacement_mm), "score": found.score}


class _LastPair:
    """The answer to the last pair and what it was asked."""

    about: dict[str, Any] | None = None
    answer: AnsweredPair | None = None


_last = _LastPair()


def _answered(wanted: PairRequest, progress: Progress) -> AnsweredPair:
    """The network's answer to a pair, from memory when it is the last one."""
    progress(0.0, "Looking at the volumes")
    about = wanted.asked_now()
    if _last.about != about:
        _last.about = _last.answer = None
        _last.answer = _answer(wanted, progress)
        _last.about = about
    return _last.answer


def _answer(wanted: PairRequest, progress: Progress) -> AnsweredPair:
    bundle, liver_bundles = wanted.models()
    inputs = read_pair(wanted.parts, part_of(progress, 0.0, READ), wanted.liver_label)
    progress(READ, "Loading the model")
    detector, device = Detector.of(bundle, wanted), choose_device(wanted.device)
    reading = part_of(progress, READ, SEGMENTED)
    livers, *_ = liver_masks(inputs.images, inputs.livers, liver_bundles, wanted, reading)
    progress(SEGMENTED, "Looking for lesions")
    return AnsweredPair.of(detector, inputs.images, livers, device)
