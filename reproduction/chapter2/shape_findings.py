"""The findings of the thesis on channels that are not aligned (section 2.2.1), and by what they are judged."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from scipy.stats import binomtest

from reproduction.chapter2.shape_networks import FIGURE, ShapeNetwork
from reproduction.chapter2.shape_scores import (
    BlobAnswers,
    answer,
    blob_answers,
    dice,
    dice_over_shifts,
    limit_of,
    nearest_rule,
    ring,
    unseen_images,
    unseen_scenes,
)

RING_RADIUS, REACH = 20.0, 40
"""Of the ring of good translations, and how far the map goes along each axis, pixels."""
PUBLISHED_LIMIT = 35.0
WANTED_DICE, WANTED_ACCURACY = 0.8, 0.75
UNDECIDED, UNDECIDED_DISTANCE, LIMIT_RANGE = (0.4, 0.6), 0.1, (25.0, 45.0)
NOT_RUN = "not run"

Sweep = Mapping[int, Sequence[tuple[float, Sequence[float]]]]
"""By number of levels, rising: rising amplitudes, each with the Dice of every seed."""


def measure(network: ShapeNetwork, images: int) -> dict[str, float]:
    """What findings a, b and d are judged by, for a network of the figure, over so many test images."""
    settings = network.shifted(FIGURE.shift)
    drawn = unseen_images(settings, images)
    logits = answer(network.task, drawn)
    outputs = logits[:, 0].sigmoid().numpy()
    blobs = BlobAnswers.joined([blob_answers(i, o, settings.smallest) for i, o in zip(drawn, outputs)])
    scenes = unseen_scenes(settings, images, REACH)
    on_ring = dice_over_shifts(network.task, scenes, ring(RING_RADIUS))
    aligned = float(dice_over_shifts(network.task, scenes, [(0, 0)])[0])
    misled = blobs.striped & blobs.misleading
    return {
        "dice": dice(drawn, logits),
        "nearest_dice": dice(drawn, nearest_rule(drawn, settings.smallest)),
        "misled_right": blobs.right(misled),
        "misled": int(misled.sum()),
        "gone": blobs.mean_output(blobs.gone),
        "gone_certainty": blobs.certainty(blobs.gone),
        "striped_certainty": blobs.certainty(blobs.striped),
        "aligned": aligned,
        "hole": aligned - float(on_ring.min()),
    }


def findings(measured: Sequence[Mapping[str, float]], sweep: Sweep) -> dict[str, dict[str, Any]]:
    """The table, by key: each finding of the thesis beside ours, and whether it holds. `measured`: what every seed
    gave."""

    def over_seeds(key: str) -> dict[str, Any]:
        values = [own[key] for own in measured]
        if not values:
            return {"ours": NOT_RUN, "sd": None}
        return {"ours": float(np.mean(values)), "sd": float(np.std(values, ddof=1)) if len(values) > 1 else None}

    def row(
        finding: str,
        what: str,
        key: str,
        published: Any = None,
        test: str | None = None,
        passes: Callable[[float], bool] | None = None,
    ) -> tuple[str, dict[str, Any]]:
        ours = over_seeds(key)
        known = passes is not None and isinstance(ours["ours"], float) and math.isfinite(ours["ours"])
        return key, _row(finding, what, published, test, ours, passes(ours["ours"]) if known else None)

    low, high = UNDECIDED
    rows = [
        row("a", "Dice at 10 to 30 pixels", "dice", "correct", f"≥ {WANTED_DICE:g}", lambda v: v >= WANTED_DICE),
        row("a", "Dice of the kind of the nearest striped blob", "nearest_dice"),
        *_misled_rows(measured).items(),
        row(
            "b",
            "mean output where the striped blob is gone",
            "gone",
            0.5,
            f"{low:g} to {high:g}",
            lambda v: low <= v <= high,
        ),
        row(
            "b",
            "distance from 0.5 where it is gone",
            "gone_certainty",
            0.0,
            f"< {UNDECIDED_DISTANCE:g}",
            lambda v: v < UNDECIDED_DISTANCE,
        ),
        row("b", "distance from 0.5 where it is there", "striped_certainty"),
        *((f"limit_{levels}", _limit_row(levels, points)) for levels, points in sweep.items()),
        row("d", "Dice without shift", "aligned", "fails", f"< {WANTED_DICE:g}", lambda v: v < WANTED_DICE),
        row("d", "Dice without shift minus the lowest on the ring", "hole", "hole", "< 0", lambda v: v < 0),
    ]
    return dict(rows)


def _misled_rows(measured: Sequence[Mapping[str, float]]) -> dict[str, dict[str, Any]]:
    """The part of the misled blobs of all seeds that is right, and how well it is known."""
    right, count = (sum(own[key] for own in measured) for key in ("misled_right", "misled"))
    part = {"ours": right / count if count else NOT_RUN, "sd": None}
    holds = part["ours"] > WANTED_ACCURACY if count else None
    what = "part of the misled blobs that is right"
    lines = {"misled": _row("a", what, "correct", f"> {WANTED_ACCURACY:g}", part, holds)}
    if count:
        low, high = binomtest(right, count).proportion_ci(method="wilson")
        interval = {"ours": f"{low:.2f} to {high:.2f}", "sd": None}
        what = f"95 % interval of that part, of {count} blobs"
        lines["misled_interval"] = _row("a", what, None, None, interval, None)
    return lines


def _limit_row(levels: int, points: Sequence[tuple[float, Sequence[float]]]) -> dict[str, Any]:
    """Finding c for networks of so many levels; not run with fewer than two amplitudes.

    The published one, with four levels, is judged where the amplitudes that were tried allow it.
    """
    published = levels == FIGURE.levels
    what = "amplitude above which training fails" + ("" if published else f", {levels} levels")
    low, high = LIMIT_RANGE
    told = (PUBLISHED_LIMIT, f"{low:g} to {high:g}") if published else (None, None)
    if len(points) < 2:
        return _row("c", what, *told, {"ours": NOT_RUN, "sd": None}, None)
    first, last = limit_of([a for a, _ in points], [float(np.mean(own)) for _, own in points], WANTED_DICE)
    holds = None
    if published and low <= first and last <= high:
        holds = True
    elif published and (last <= low or first >= high):
        holds = False
    shown = first if first == last else f"above {first:g}" if math.isinf(last) else f"below {last:g}"
    return _row("c", what, *told, {"ours": shown, "sd": None}, holds)


def _row(
    finding: str, what: str, published: Any, test: str | None, ours: Mapping[str, Any], holds: bool | None
) -> dict[str, Any]:
    return {
        "finding": f"2.2.1-{finding}",
        "measured": what,
        "published": published,
        "test": test,
        **ours,
        "holds": holds,
    }
