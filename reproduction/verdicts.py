"""Whether a result says what the thesis concludes: one function for each finding.

Each reads a result, as the experiments write them to JSON, and returns our figures in words with a verdict: True,
False, or None where the figures cannot tell. A `KeyError` says that they were not measured. What is compared between
trained networks must differ by more than what differs between seeds.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from liverpair.core.sides import Side

KINDS = ("", "-specialised")
CORRELATION = -0.7
"""Rank correlation from which a trend counts."""
SCANNED_MARGIN = 0.1
"""How much more alike than those drawn by hand, as scanned, masks may be before DS says nothing of their shape."""
TOLERANCES = {"sensitivity": 0.08, "precision": 0.08, "iou": 0.05, "moved_iou": 0.05}
"""How far below the published figure of section 4.3 still counts as the same: its generator is not published."""

Result = Mapping[str, Any]
Judged = tuple[str, bool | None]


def in_words(verdict: bool | None) -> str | None:
    """A verdict in a table."""
    return None if verdict is None else "yes" if verdict else "no"


def clear(difference: float, noise: float | None) -> bool | None:
    """Whether a difference is above the noise; None when it is within, or when the noise is not known."""
    if noise is None or abs(difference) <= noise:
        return None
    return difference > 0


def together(verdicts: Sequence[bool | None]) -> bool | None:
    """Whether all hold; None when none fails but some cannot be told."""
    if False in verdicts:
        return False
    return None if None in verdicts else True


def noise_of(result: Result, *sides: str) -> float | None:
    """Which difference of Dice in an image, or in the mean over both, is nothing; None when it was not measured.

    That of the cross-validation is a mean over images, too.
    """
    own = f"between_seeds_{sides[0].lower()}" if len(sides) == 1 else "between_seeds"
    if result.get(own) is None:
        return None
    return max(result[own], result.get("noise_floor") or 0.0)


def single_is_best(result: Result) -> Judged:
    """Against every other strategy, in the mean over the images that it masks."""
    single, leads, verdicts = _dice(result, "single"), {}, []
    for key, own in result["values"]["strategies"].items():
        if not key.startswith("single"):
            other = _dice(result, key)
            leads[own["title"]] = sum(single[side] - dice for side, dice in other.items()) / len(other)
            verdicts.append(clear(leads[own["title"]], noise_of(result, *other)))
    nearest = min(leads, key=leads.__getitem__)
    words = f"{_words(single)}; above the others by {leads[nearest]:.3f} ({nearest}) or more{_noise_words(result)}"
    return words, together(verdicts)


def double_in_costs_little(result: Result) -> Judged:
    """Something, and less than both masks out, in the mean over both images."""
    one, two = (_mean_loss(result, name) for name in ("double-in", "double-out"))
    noise = noise_of(result, *Side)
    verdict = together([clear(-one, noise), clear(one - two, noise)])
    return f"one mask out {one:+.3f}, two {two:+.3f}{_noise_words(result)}", verdict


def double_out_costs_much(result: Result) -> Judged:
    """In the mean over both images."""
    lost = _mean_loss(result, "double-out")
    return f"{lost:+.3f}{_noise_words(result)}", clear(-lost, noise_of(result, *Side))


def double_out_costs_more_in_t2(result: Result) -> Judged:
    """Non-specialised as well as specialised."""
    single = _dice(result, "single")
    verdicts, words = [], []
    for kind in KINDS:
        own = _dice(result, f"double-out{kind}")
        lost = {side: own[side] - single[side] for side in Side}
        noises = [noise_of(result, side) for side in Side]
        verdicts.append(clear(lost[Side.T1] - lost[Side.T2], None if None in noises else math.hypot(*noises)))
        words.append(f"{kind.strip('-') or 'non-specialised'} {_words(lost, '+.3f')}")
    return "; ".join(words), together(verdicts)


def registering_first_does_not_help(result: Result) -> Judged:
    """The mask of T2, from T2 alone and from T2 with T1 registered to it."""
    single, registered = (_dice(result, key)[Side.T2] for key in ("single", "pre-registered"))
    noise = noise_of(result, Side.T2)
    return f"T2 {registered:.3f}, single {single:.3f}; noise {_number(noise)}", clear(single - registered, noise)


def double_out_uses_the_other_most(result: Result) -> Judged:
    """Non-specialised as well as specialised, in both images."""
    keys = {(kind, side): f"double-out{kind}_minus_double-in{kind}_{side}" for kind in KINDS for side in Side}
    more = {place: result[key] for place, key in keys.items()}
    verdicts = [clear(value, noise_of(result, side)) for (_, side), value in more.items()]
    words = ", ".join(
        f"{kind.strip('-') or 'non-specialised'} {side.title} {v:+.3f}" for (kind, side), v in more.items()
    )
    return f"two masks out less one: {words}", together(verdicts)


def use_goes_with_lower_dice(result: Result) -> Judged:
    """A rank correlation over networks that could be chance cannot tell."""
    correlation, p = result["use_and_dice"], result["use_and_dice_p"]
    return f"rank correlation {correlation:.2f}, p {p:.3f}", None if p > 0.05 else correlation < 0


def no_loss_beats_cross_entropy(result: Result) -> Judged:
    """In the mean over both images."""
    gains, noise = _gains(result), noise_of(result, *Side)
    best = max(gains, key=gains.__getitem__)
    return f"best: {best} {gains[best]:+.3f}{_noise_words(result)}", None if noise is None else gains[best] <= noise


def only_the_gan_is_worse(result: Result) -> Judged:
    """A GAN of another weight than the published 1 cannot tell."""
    gains, noise, weight = _gains(result), noise_of(result, *Side), result["gan_weight"]
    worst = min(gains, key=gains.__getitem__)
    words = f"GAN with λ = {weight:g} {gains['gan']:+.3f}; worst: {worst} {gains[worst]:+.3f}{_noise_words(result)}"
    if weight != 1 or noise is None:
        return words, None
    rest = [gain for key, gain in gains.items() if key != "gan"]
    return words, together([gains["gan"] < -noise, *(gain >= -noise for gain in rest)])


def costs_after_longer(network: str) -> Callable[[Result], Judged]:
    """A network against the single one, after the most steps that were tried, in the mean over both images."""

    def judge(result: Result) -> Judged:
        words, difference, noise = _after_longest(result, network)
        return words, clear(-difference, noise)

    return judge


def still_no_gain(network: str) -> Callable[[Result], Judged]:
    """The same, for one that the thesis finds no better."""

    def judge(result: Result) -> Judged:
        words, difference, noise = _after_longest(result, network)
        return words, None if noise is None else difference <= noise

    return judge


def shape(*prefixes: str) -> Callable[[Result], Judged]:
    """Lines of figure 2.3 whose keys begin so, those that are there; all that have a test must pass it."""

    def judge(result: Result) -> Judged:
        lines = [own for key, own in result["values"]["lines"].items() if key.startswith(prefixes)]
        if not lines or any(own["ours"] is None for own in lines):
            raise KeyError(prefixes)
        words = [
            f"{own['measured']}: {own['ours'] if isinstance(own['ours'], str) else format(own['ours'], '.3g')}"
            for own in lines
        ]
        return "; ".join(words), together([own["holds"] for own in lines if own["test"] is not None])

    return judge


def bets_on_the_border(result: Result) -> Judged:
    """Against the rest of the liver."""
    ratio = result["ratio"]
    if not isinstance(ratio, float):
        raise KeyError("ratio")
    words = f"mean bet at the border {ratio:.1f} times that in the rest of the liver"
    return words, ratio >= result["expected_ratio"]


def a_filter_aligns(result: Result) -> Judged:
    """With the next translation, and with the gradient of the longest filter."""
    none, short = result["minimum_cosine_length_1"], result["minimum_cosine_length_3"]
    words = f"smallest cosine {none:.2f} without, {short:.2f} with length 3"
    return f"{words}; of length 3 with length 7 {result['values']['cosine_3_with_7']:.2f}", short > 0.9 > none


def similarity_gains(result: Result) -> Judged:
    """For small λ_r, falling as it rises."""
    gain, correlation = result["smallest_median_gain"], result["rank_correlation"]
    prices = result["values"]["dice_2"]
    words = f"median gain for λ_r ≤ 0.3 at least {gain:+.4f}; rank correlation of gain and λ_p {correlation:.2f}"
    first, last = list(prices)[0], list(prices)[-1]
    price = f"Dice 2 at λ_r {first} is {prices[first]:.3f}, {prices[last]:.3f} at {last}"
    return f"{words}; {price}", gain > 0 and correlation > 0


def masks_are_more_alike(result: Result) -> Judged:
    """Nothing is known of shapes where a network draws one mask twice."""
    scanned = result["constrained_minus_drawn_scanned"], result["double_out_minus_drawn_scanned"]
    words = "; ".join(f"{own['title']}: {own['ds']:.3f}" for own in result["values"]["masks"].values())
    twice = f"as scanned, networks of two masks exceed those drawn by {min(scanned):.3f} to {max(scanned):.3f}"
    if max(scanned) > SCANNED_MARGIN:
        return f"{words}; but {twice}", None
    return f"{words}; {twice}", result["constrained_minus_drawn_ds"] > 0 and result["drawn_minus_double_out_ds"] > 0


def constraint_raises_t2(result: Result) -> Judged:
    """Above the network without it and above the control, T1 no lower, and below the single network."""
    words, verdicts = [], []
    for other, name in (("double_out", "without"), ("control", "the control")):
        gains = {side: result[f"constrained_minus_{other}_{side}"] for side in Side}
        words.append(f"less {name} {_words(gains, '+.3f')}")
        lost = clear(gains[Side.T1], noise_of(result, Side.T1))
        verdicts += [clear(gains[Side.T2], noise_of(result, Side.T2)), lost is not False]
    left = result["single_minus_constrained_t2"]
    verdicts.append(clear(left, noise_of(result, Side.T2)))
    noise = ", ".join(f"{side.title} {_number(noise_of(result, side))}" for side in Side)
    return f"{'; '.join(words)}; single less it T2 {left:+.3f}; noise {noise}", together(verdicts)


def marking(result: Result) -> Judged:
    """A trend over networks."""
    return f"rank correlation {result['spearman']:.2f}", result["spearman"] <= CORRELATION


def in_starts(name: str) -> Callable[[Result], Judged]:
    """An inequality of medians over starts; undecided when it holds in the medians but not in most of the starts."""

    def judge(result: Result) -> Judged:
        holds, starts = result[f"{name}_holds"], result[f"{name}_starts"]
        every = result["values"]["starts"]
        words = f"medians: {'yes' if holds else 'no'}; {starts} of {every} starts"
        return words, holds if holds == (2 * starts > every) else None

    return judge


def paired_boxes(published: Mapping[str, float]) -> Callable[[Result], Judged]:
    """Whether no figure is farther below the published one than its tolerance."""

    def judge(result: Result) -> Judged:
        holds = all(result[key] >= figure - TOLERANCES[key] for key, figure in published.items())
        return ", ".join(f"{result[key]:.2f}" for key in published), holds

    return judge


def moved_boxes(result: Result) -> Judged:
    """Nearer than where it lay, and than moved as far as the livers lie apart."""
    error, still, livers = (result[f"displacement_error{name}_mm"] for name in ("", "_none", "_centroid"))
    words = f"median error {error:.1f} mm, {still:.1f} mm not moved, {livers:.1f} mm moved as the livers' centroids"
    return words, error < min(still, livers)


def _dice(result: Result, key: str) -> Mapping[str, float]:
    """By side the Dice of a strategy; sides that it does not mask are left out. Raises `KeyError` when it has none."""
    if not (dice := result["values"]["strategies"][key]["dice"]):
        raise KeyError(key)
    return {Side(side): value for side, value in dice.items()}


def _mean_loss(result: Result, name: str) -> float:
    return sum(result[f"{name}_minus_single_{side}"] for side in Side) / len(Side)


def _gains(result: Result) -> dict[str, float]:
    """By loss the mean Dice less that with cross-entropy. Raises `KeyError` when no loss was measured."""
    gains = {key.removesuffix("_minus_bce"): value for key, value in result.items() if key.endswith("_minus_bce")}
    if not gains:
        raise KeyError("gains")
    return gains


def _after_longest(result: Result, network: str) -> tuple[str, float, float | None]:
    """In words, and the difference to the single network with its noise, after the most steps."""
    found = {steps: result[f"{network}_minus_single_{steps}"] for steps in result["budgets"]}
    longest = max(found)
    noise = result.get(f"between_seeds_{longest}")
    words = ", ".join(f"{difference:+.3f} after {steps} steps" for steps, difference in found.items())
    return f"{words}; noise {_number(noise)} after {longest}", found[longest], noise


def _noise_words(result: Result) -> str:
    noise = noise_of(result, *Side)
    return "" if noise is None else f"; noise {noise:.3f}"


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3f}"


def _words(figures: Mapping[str, float], style: str = ".3f") -> str:
    return ", ".join(f"{side.title} {value:{style}}" for side, value in figures.items())
