"""What the thesis concludes, and whether it is so here: one line for each finding, from the results in a folder."""

import argparse
import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from liverpair.measures.results import RESULTS_FOLDER, write_results

NAME = "conclusions"
NOT_MEASURED = "not measured"
SIDES = ("T1", "T2")
PUBLISHED_BOXES = {
    "sensitivity": (0.72, 0.08),
    "precision": (0.92, 0.08),
    "iou": (0.89, 0.05),
    "moved_iou": (0.73, 0.05),
}
"""Section 4.3, and how far below still counts as the same: the generator of the pairs is not published."""

NOTES = (
    "*holds*: whether our figures say the same, by the test in words; – where they cannot tell. Published figures are "
    "from private data with lesions and far longer trainings; compare directions, not values.",
    "*noise*: largest difference of the reference's mean Dice between seeds, and between repetitions of a "
    "cross-validation where they have run (published 0.005).",
)

Result = Mapping[str, Any]
Judged = tuple[str, bool | None]
"""Our figures in words, and whether the finding holds; None when they cannot tell."""


@dataclass(frozen=True)
class Conclusion:
    """A finding of the thesis.

    Attributes:
        place: where in the thesis.
        finding: what was found.
        published: its figures.
        source: name of the result in which ours stand.
        judge: reads them; a `KeyError` tells that they were not measured.
    """

    place: str
    finding: str
    published: str
    source: str
    judge: Callable[[Result], Judged]


def main(arguments: Sequence[str]) -> None:
    """Read the results, judge, write."""
    parser = argparse.ArgumentParser(prog=f"python -m liverpair.experiments {NAME}", description=__doc__)
    parser.add_argument("--results", type=Path, default=RESULTS_FOLDER, help="folder of the results, read and written")
    options = parser.parse_args(arguments)
    write_results(
        NAME,
        [row(conclusion, options.results) for conclusion in CONCLUSIONS],
        shlex.join(["python", "-m", "liverpair.experiments", NAME, *arguments]),
        data="the results in docs/results, each with its own data and command",
        title="The findings of the thesis, and ours",
        folder=options.results,
        notes=NOTES,
    )


def row(conclusion: Conclusion, results: Path) -> dict[str, Any]:
    """One line of the table."""
    path = results / f"{conclusion.source}.json"
    ours, holds = NOT_MEASURED, None
    if path.is_file():
        with suppress(KeyError):
            ours, holds = conclusion.judge(json.loads(path.read_text(encoding="utf-8")))
    return {
        "thesis": conclusion.place,
        "finding": conclusion.finding,
        "published": conclusion.published,
        "ours": ours,
        "holds": None if holds is None else "yes" if holds else "no",
        "result": conclusion.source,
    }


def _measured(result: Result, column: str, **keys: str) -> dict[str, float]:
    """By side the figure of the row whose cells are `keys`; sides that have none are left out.

    Raises `KeyError` when no figure is there.
    """
    found = [own for own in result["table"] if all(own.get(name) == value for name, value in keys.items())]
    if not found:
        raise KeyError(keys)
    figures = {side: found[0].get(column.format(side)) for side in SIDES}
    known = {side: value for side, value in figures.items() if isinstance(value, float)}
    if not known:
        raise KeyError(column)
    return known


def _words(figures: Mapping[str, float], style: str = ".3f") -> str:
    return ", ".join(f"{side} {value:{style}}" for side, value in figures.items())


def _single_is_best(result: Result) -> Judged:
    """Whether no other strategy has a higher Dice in either image."""
    single = _measured(result, "{} ours", strategy="single, non-specialised")
    others = [own for own in result["table"] if not own["strategy"].startswith("single")]
    measured = {side: [v for own in others if isinstance(v := own.get(f"{side} ours"), float)] for side in single}
    if not all(measured.values()):
        raise KeyError("others")
    best = {side: max(values) for side, values in measured.items()}
    holds = all(single[side] >= best[side] for side in single)
    return f"{_words(single)}; best other {_words(best)}", holds


def _difference(name: str) -> dict[str, str]:
    return {side: f"{name}_{side.lower()}" for side in SIDES}


def _double_in_costs_little(result: Result) -> Judged:
    lost = {side: result[key] for side, key in _difference("double-in_minus_single").items()}
    more = [result[key] for key in _difference("double-out_minus_single").values()]
    return _words(lost, "+.3f"), all(loss < 0 for loss in lost.values()) and sum(lost.values()) > sum(more)


def _double_out_costs_much(result: Result) -> Judged:
    lost = {side: result[key] for side, key in _difference("double-out_minus_single").items()}
    floor = _noise(result)
    clear = None if floor is None else all(loss < -floor for loss in lost.values())
    return f"{_words(lost, '+.3f')}{_floor_words(floor)}", clear


def _double_out_costs_more_in_t2(result: Result) -> Judged:
    lost = {side: result[key] for side, key in _difference("double-out_minus_single").items()}
    return _words(lost, "+.3f"), lost["T2"] < lost["T1"]


def _noise(result: Result) -> float | None:
    """Which difference of mean Dice is nothing; None when it was not measured."""
    known = [value for key in ("noise_floor", "between_seeds") if (value := result.get(key)) is not None]
    return max(known, default=None)


def _floor_words(floor: float | None) -> str:
    return "" if floor is None else f"; noise {floor:.3f}"


def _double_out_uses_the_other_most(result: Result) -> Judged:
    own, other = (
        _measured(result, "{} ours", strategy=f"double-in {out}, specialised") for out in ("double-out", "single-out")
    )
    return f"two masks out {_words(own)}; one {_words(other)}", all(own[side] > other[side] for side in SIDES)


def _gains(result: Result) -> dict[str, float]:
    """By loss the mean Dice less that with cross-entropy. Raises `KeyError` when no loss was measured."""
    gains = {key.removesuffix("_minus_bce"): value for key, value in result.items() if key.endswith("_minus_bce")}
    if not gains:
        raise KeyError("gains")
    return gains


def _no_loss_beats_cross_entropy(result: Result) -> Judged:
    gains = _gains(result)
    best, floor = max(gains, key=gains.__getitem__), _noise(result)
    return f"best: {best} {gains[best]:+.3f}{_floor_words(floor)}", None if floor is None else gains[best] <= floor


def _gan_is_worst(result: Result) -> Judged:
    gains = _gains(result)
    floor = _noise(result)
    worst = min(gains, key=gains.__getitem__)
    holds = None if floor is None else worst == "gan" and gains["gan"] < -floor
    return f"GAN {gains['gan']:+.3f}; worst: {worst} {gains[worst]:+.3f}{_floor_words(floor)}", holds


def _shape(finding: str, number: int = 0) -> Callable[[Result], Judged]:
    """A line of the table of figure 2.3."""

    def judge(result: Result) -> Judged:
        lines = [own for own in result["table"] if own["finding"] == f"2.2.1-{finding}"]
        if len(lines) <= number:
            raise KeyError(finding)
        line = lines[number]
        ours = line["ours"]
        holds = {"yes": True, "no": False}.get(line["holds"])
        return f"{line['measured']}: {ours if isinstance(ours, str) else f'{ours:.3g}'}", holds

    return judge


def _bets_on_the_border(result: Result) -> Judged:
    ratio = result["ratio"]
    if not isinstance(ratio, float):
        raise KeyError("ratio")
    return f"mean bet near the border {ratio:.1f} times that elsewhere", ratio >= result["expected_ratio"]


def _a_filter_aligns(result: Result) -> Judged:
    none, short = result["minimum_cosine_length_1"], result["minimum_cosine_length_3"]
    return f"smallest cosine {none:.2f} without, {short:.2f} with length 3", short > 0.9 > none


def _similarity_gains(result: Result) -> Judged:
    gain, correlation = result["smallest_median_gain"], result["rank_correlation"]
    words = f"median gain for λ_r ≤ 0.3 at least {gain:+.4f}; rank correlation of gain and λ_p {correlation:.2f}"
    return words, gain > 0 and correlation > 0


def _rises(*keys: str) -> Callable[[Result], Judged]:
    """Whether differences that should be positive are."""

    def judge(result: Result) -> Judged:
        values = [result[key] for key in keys]
        return ", ".join(f"{value:+.3f}" for value in values), all(value > 0 for value in values)

    return judge


def _deformed_dice(result: Result) -> Judged:
    """DS of the method, of the masks drawn by hand, and of the network without constraint, in this order."""
    values = [own["DS ours"] for own in result["table"]]
    if not all(isinstance(value, float) for value in values):
        raise KeyError("DS ours")
    by_row = {own["masks"]: own["DS ours"] for own in result["table"]}
    words = "; ".join(f"{masks}: {value:.3f}" for masks, value in by_row.items())
    holds = result["constrained_minus_drawn_ds"] > 0 and result["drawn_minus_double_out_ds"] > 0
    return words, holds


def _marking(result: Result) -> Judged:
    return f"rank correlation {result['spearman']:.2f}", result["spearman"] <= -0.7


def _in_starts(name: str) -> Callable[[Result], Judged]:
    """An inequality of medians over starts; undecided when it holds in the medians but not in most of the starts."""

    def judge(result: Result) -> Judged:
        holds, starts = result[f"{name}_holds"], result[f"{name}_starts"]
        every = result["table"][0]["starts with object"]
        words = f"medians: {'yes' if holds else 'no'}; {starts} of {every} starts"
        return words, holds if holds == (2 * starts > every) else None

    return judge


def _paired_boxes(result: Result) -> Judged:
    """Whether no figure is farther below the published one than the tolerance."""
    holds = all(result[key] >= published - tolerance for key, (published, tolerance) in PUBLISHED_BOXES.items())
    return ", ".join(f"{result[key]:.2f}" for key in PUBLISHED_BOXES), holds


def _moved_boxes(result: Result) -> Judged:
    error, before = result["displacement_error_mm"], result["displacement_error_none_mm"]
    words = f"median error {error:.1f} mm, {before:.1f} mm without; {result['pairing_accuracy']:.0%} paired right"
    return words, error < before


CONCLUSIONS = (
    Conclusion("2.2.1", "a network can use channels that are not aligned", "correct", "figure-2-3", _shape("a")),
    Conclusion("2.2.1", "also where a wrong shape is nearer", "correct", "figure-2-3", _shape("a", 1)),
    Conclusion("2.2.1", "where the shape has left the image the output is 0.5", "0.5", "figure-2-3", _shape("b")),
    Conclusion("2.2.1", "above some amplitude training fails", "35 pixels", "figure-2-3", _shape("c")),
    Conclusion("2.2.1", "trained with shifts, it fails without any", "a hole", "figure-2-3", _shape("d")),
    Conclusion(
        "table 2.1",
        "one image in, its mask out is best",
        "T1 0.961, T2 0.938; best other T1 0.956, T2 0.932",
        "table-2-1",
        _single_is_best,
    ),
    Conclusion(
        "table 2.1",
        "a second image as input costs Dice, less than both masks out (both images together)",
        "T1 -0.006, T2 -0.007",
        "table-2-1",
        _double_in_costs_little,
    ),
    Conclusion(
        "table 2.1", "both masks out costs more than noise", "T1 -0.021, T2 -0.036", "table-2-1", _double_out_costs_much
    ),
    Conclusion("table 2.1", "and more so in T2", "T1 -0.021, T2 -0.036", "table-2-1", _double_out_costs_more_in_t2),
    Conclusion(
        "table 2.2",
        "with both masks out a foreign partner costs most",
        "two masks out T1 0.023, T2 0.103; one T1 0.001, T2 0.030",
        "table-2-2",
        _double_out_uses_the_other_most,
    ),
    Conclusion(
        "table 2.3",
        "no loss beats cross-entropy by more than noise",
        "best: embedding -0.002; noise floor 0.005",
        "table-2-3",
        _no_loss_beats_cross_entropy,
    ),
    Conclusion("table 2.3", "only the plain GAN is clearly worse", "GAN -0.010", "table-2-3", _gan_is_worst),
    Conclusion("figure 2.8", "the gambler bets on the border", "a picture", "figure-2-8", _bets_on_the_border),
    Conclusion(
        "figure 2.12",
        "gradients are misaligned without a filter, aligned with one",
        "curves",
        "figure-2-12",
        _a_filter_aligns,
    ),
    Conclusion(
        "figure 2.15", "the similarity constraint makes masks more alike", "a gain", "figure-2-15", _similarity_gains
    ),
    Conclusion(
        "2.3.4",
        "masks are more alike with the constraint than drawn by hand, and less without it",
        "drawn 0.955; single 0.959; double-out 0.954; constrained 0.966",
        "similarity",
        _deformed_dice,
    ),
    Conclusion(
        "2.3.4",
        "the constraint raises Dice in T2, still below single (both differences)",
        "+0.021, +0.020",
        "similarity",
        _rises("constrained_minus_double_out_t2", "single_minus_constrained_t2"),
    ),
    Conclusion(
        "figure 3.9",
        "the worse a network does without the marking, the more of it it dreams",
        "a trend",
        "dream-marking",
        _marking,
    ),
    Conclusion(
        "figure 3.11", "realistic lesions are dreamt darker than fakes", "yes", "dream-fake", _in_starts("intensity")
    ),
    Conclusion("figure 3.11", "fakes are dreamt smaller", "yes", "dream-fake", _in_starts("diameter")),
    Conclusion(
        "figure 3.12", "elongated fakes are dreamt elongated", "yes", "dream-elongated", _in_starts("elongation")
    ),
    Conclusion(
        "4.3",
        "paired boxes: sensitivity, precision, IoU, IoU of moved boxes",
        ", ".join(f"{value:.2f}" for value, _ in PUBLISHED_BOXES.values()),
        "detection-2d",
        _paired_boxes,
    ),
    Conclusion("4.4", "the displacement brings a box nearer to its partner", "–", "lesion-pairs", _moved_boxes),
)
