"""The job "propose": the partner of a box that somebody drew.

What the network answered to the last pair stays in memory: the next box of the same volumes needs no reading and no
network.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from liverpair.core.errors import InputError, Progress, part_of
from liverpair.jobs.detect_job import DEFAULT_LIVER_MODEL, DEFAULT_MODEL, DetectRequest, asked, check_sides
from liverpair.jobs.pair_inputs import read_pair
from liverpair.jobs.requests import BOX_FIELDS, box_of, check_request
from liverpair.jobs.segment_results import SIDES

if TYPE_CHECKING:
    from liverpair.core.geometry import Box
    from liverpair.detection.proposal import AnsweredPair

READ, SEGMENTED = 0.2, 0.6
"""Fractions of the job that are done when the inputs are read and when the livers are known."""


@dataclass(frozen=True)
class ProposeRequest:
    """Whose box, drawn where; volumes, masks and model as in `DetectRequest`.

    `box`: {"center_mm", "size_mm", "direction"}, in the image `side` ("t1" or "t2").
    """

    t1: str
    t2: str
    side: str
    box: dict
    t1_liver: str | None = None
    t2_liver: str | None = None
    liver_label: int | str | None = None
    bundle: str = DEFAULT_MODEL
    liver_bundle: list[str] = field(default_factory=lambda: [DEFAULT_LIVER_MODEL])
    device: str = "auto"
    engine: str = "auto"
    alignment: str | None = None

    @classmethod
    def parse(cls, request: Mapping[str, Any]) -> "ProposeRequest":
        """Raises `InputError` naming the field that is unknown, missing or cannot be what it is."""
        check_sides(request)
        request = check_request(cls, request, "a proposal")
        parsed = cls(**request)
        if parsed.side not in SIDES:
            raise InputError(f"A box is drawn in {' or '.join(SIDES)}, not in '{parsed.side}'.")
        parsed.detection()
        parsed.drawn()
        return parsed

    def detection(self) -> DetectRequest:
        """The detection that answers it. Raises `InputError`."""
        own = {name: value for name, value in vars(self).items() if name not in ("side", "box")}
        return DetectRequest.parse({**own, "output": "."})

    def drawn(self) -> "Box":
        """The drawn box. Raises `InputError` for one that is none."""
        return box_of(self.box, self.side)


def propose(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Say where the box of `request` (see `ProposeRequest`) should lie in the other image.

    Returns {"box": {"center_mm", "size_mm", "direction"} along the axes of the other image, "displacement_mm": from T1
    to T2, LPS, "score": of the box that the detector found there itself, or None}. Raises any `LiverPairError`, and
    `Cancelled` through `progress`.
    """
    wanted = ProposeRequest.parse(request)
    pair = _answered(wanted.detection(), progress)
    progress(1.0, "Proposing the partner")
    found = pair.propose(SIDES.index(wanted.side), wanted.drawn())
    if found is None:
        raise InputError(
            f"The model knows no partner for a box at this place of {wanted.side.upper()}.",
            "Draw it in the liver, or draw the partner yourself.",
        )
    box = {name: list(getattr(found.box, name)) for name in BOX_FIELDS}
    return {"box": box, "displacement_mm": list(found.displacement_mm), "score": found.score}


class _LastPair:
    """The answer to the last pair and what it was asked."""

    about: dict[str, Any] | None = None
    answer: "AnsweredPair | None" = None


_last = _LastPair()


def _answered(wanted: DetectRequest, progress: Progress) -> "AnsweredPair":
    """The network's answer to a pair, from memory when it is the last one."""
    progress(0.0, "Looking at the volumes")
    about = asked(wanted)
    if _last.about != about:
        _last.about = _last.answer = None
        _last.answer = _answer(wanted, progress)
        _last.about = about
    return _last.answer


def _answer(wanted: DetectRequest, progress: Progress) -> "AnsweredPair":
    bundle, liver_bundles = wanted.models()
    inputs = read_pair(wanted.parts, part_of(progress, 0.0, READ), wanted.liver_label)
    progress(READ, "Loading the model")
    from liverpair.core.device import choose_device
    from liverpair.detection.inference import Detector, liver_masks
    from liverpair.detection.proposal import AnsweredPair

    options = wanted.options()
    detector, device = Detector.of(bundle, options), choose_device(options.device)
    reading = part_of(progress, READ, SEGMENTED)
    livers, *_ = liver_masks(inputs.images, inputs.livers, liver_bundles, options, reading)
    progress(SEGMENTED, "Looking for lesions")
    return AnsweredPair.of(detector, inputs.images, livers, device)
