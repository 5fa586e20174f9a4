"""Whether a figure or an experiment that is no table of Dice says what the thesis concludes.

As in `reproduction.verdicts`, one function for each finding.
"""

from collections.abc import Callable, Mapping

from reproduction.judging import LEVEL, Compared, together
from reproduction.verdicts import Judged, Result

CORRELATION = -0.7
"""Rank correlation from which a trend counts."""
TOLERANCES = {"sensitivity": 0.08, "precision": 0.08, "iou": 0.05, "moved_iou": 0.05}
"""How far below the published figure of section 4.3 still counts as the same: its generator is not published."""
FAKES = "dream-fake"
"""A result whose fakes must be as the thesis says: easier than lesions, and as large."""
NEAREST_AT_MOST = 0.75
"""For which part of the blobs the nearest striped one may be of the right kind in an experiment on matching."""
FEW, MANY, MARKING_MARGIN = 0.20, 0.90, 0.5
"""Published: the marking stays where it is up to the first part of marked lesions, and climbs from the second on; and
which part of that climb is still nothing."""


def shape(*prefixes: str) -> Callable[[Result], Judged]:
    """Lines of figure 2.3 whose keys begin so, those that are there; all that have a test must pass it. Nothing is
    tested by blobs of which the nearest one is nearly always the right one."""

    def judge(result: Result) -> Judged:
        lines = [own for key, own in result["values"]["lines"].items() if key.startswith(prefixes)]
        if not lines or any(own["ours"] is None for own in lines):
            raise KeyError(prefixes)
        words = [
            f"{own['measured']}: {own['ours'] if isinstance(own['ours'], str) else format(own['ours'], '.3g')}"
            for own in lines
        ]
        said = "; ".join(words)
        if not result.get("nearest_right", 1.0) <= NEAREST_AT_MOST:
            return f"{said}; but looking at the nearest blob does as well with these blobs: to be measured again", None
        return said, together([own["holds"] for own in lines if own["test"] is not None])

    return judge


def bets_on_the_border(result: Result) -> Judged:
    """Against the rest of the liver."""
    ratio = result["ratio"]
    if not isinstance(ratio, float):
        raise KeyError("ratio")
    words = f"mean bet at the border {ratio:.1f} times that in the rest of the liver"
    return words, ratio >= result["expected_ratio"]


def a_filter_aligns(result: Result) -> Judged:
    """Without a filter some gradients point away, with one none; and descents arrive with a filter alone. A liver is no
    ball: that the steepest way back is not the straight one says nothing of filters."""
    none, short = result["minimum_cosine_length_1"], result["minimum_cosine_length_3"]
    words = f"smallest cosine {none:.2f} without, {short:.2f} with length 3"
    if "descents" not in result["values"]:
        return f"{words}; descents not measured", None
    descents = {int(length): own for length, own in result["values"]["descents"].items()}
    arrived, of = ({length: own[name] for length, own in descents.items()} for name in ("arrived", "of"))
    words += f"; descents that arrive: {arrived[1]} of {of[1]} without, {arrived[3]} of {of[3]} with length 3"
    return words, none < 0 < short and arrived[1] < of[1] and arrived[3] == of[3]


def similarity_gains(result: Result) -> Judged:
    """For small λ_r, falling as it rises."""
    gain, correlation = result["smallest_median_gain"], result["rank_correlation"]
    prices = result["values"]["dice_2"]
    words = f"median gain for λ_r ≤ 0.3 at least {gain:+.4f}; rank correlation of gain and λ_p {correlation:.2f}"
    first, last = list(prices)[0], list(prices)[-1]
    price = f"Dice 2 at λ_r {first} is {prices[first]:.3f}, {prices[last]:.3f} at {last}"
    return f"{words}; {price}", gain > 0 and correlation > 0


def marking(result: Result) -> Judged:
    """A trend over networks."""
    return f"rank correlation {result['spearman']:.2f}", result["spearman"] <= CORRELATION


def marking_stays(result: Result) -> Judged:
    """Up to 20 % of marked lesions: that the marking moves less than half as far as from 90 % on, in the interval of
    90 % of every mean over starts (TOST). Specific to its direction: strokes across it are taken off."""
    if "climbs" not in result.get("values", {}):
        return f"climbs by up to {result['largest_climb_up_to_20_percent']:.2f}, strokes across not taken off", None
    climbs = {float(part): own for part, own in result["values"]["climbs"].items()}
    margin = MARKING_MARGIN * min(sum(own) / len(own) for part, own in climbs.items() if part >= MANY)
    few = {part: Compared.of_blocks(own) for part, own in climbs.items() if part <= FEW}
    words = ", ".join(f"p = {part:.0%} {one.words()}" for part, one in few.items())
    return f"{words}; margin {margin:.2f}", together([one.equivalent(margin) for one in few.values()])


def radiomic(feature: str, *rules: str) -> Callable[[Result], Judged]:
    """What the trajectory of a feature says. Starts that disagree, or a network without training that does the same,
    cannot tell."""

    def judge(result: Result) -> Judged:
        row = next((row for row in result["table"] if row["feature"] == feature), None)
        if row is None:
            raise KeyError(feature)
        said = row["what it says"]
        undecided = any(word in said for word in ("disagree", "says nothing", "undefined"))
        return said, None if undecided else row["rule"] in rules

    return judge


def in_starts(name: str) -> Callable[[Result], Judged]:
    """An inequality of medians over starts; undecided when it holds in the medians but not in most of the starts."""

    def judge(result: Result) -> Judged:
        holds, starts = result[f"{name}_holds"], result[f"{name}_starts"]
        every = result["values"]["starts"]
        words = f"medians: {'yes' if holds else 'no'}; {starts} of {every} starts"
        if result["name"] == FAKES and not result.get("premises_hold"):
            return f"{words}; but the fakes were not easier than lesions and as large: to be measured again", None
        return words, holds if holds == (2 * starts > every) else None

    return judge


def paired_boxes(published: Mapping[str, float]) -> Callable[[Result], Judged]:
    """Whether no figure is farther below the published one than its tolerance."""

    def judge(result: Result) -> Judged:
        holds = all(result[key] >= figure - TOLERANCES[key] for key, figure in published.items())
        return ", ".join(f"{result[key]:.2f}" for key in published), holds

    return judge


def moved_boxes(result: Result) -> Judged:
    """Nearer than where it lay, and than moved as far as the livers lie apart; the two ways are compared lesion by
    lesion (Wilcoxon)."""
    error, still, livers = (result[f"displacement_error{name}_mm"] for name in ("", "_none", "_centroid"))
    words = f"median error {error:.1f} mm, {still:.1f} mm not moved, {livers:.1f} mm moved as the livers' centroids"
    if (p := result.get("displacement_p_centroid")) is None:
        return f"{words}; not compared lesion by lesion", None if error < still else False
    return f"{words}; p {p:.3f}", (error < min(still, livers)) if p < LEVEL else None
