"""Whether a result says what the thesis concludes: one function for each finding.

Each reads a result, as the experiments write them to JSON, and returns our figures in words with a verdict: True,
False, or None where the figures cannot tell. A `KeyError` says that they were not measured. What is compared between
trained networks is judged as `reproduction.judging` says: a difference that was not shown is not one that was shown to
be none.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from liverpair.core.sides import Side
from reproduction.judging import EQUIVALENT_DICE, LEVEL, Compared, freedom_of, p_of, together

OWN_TRANSFORM = "by its own pair's registration"
"""How the T1 of a foreign pair comes to a network of pre-registered pairs, in the result of table 2.2."""
LOSS_TITLES = {"dice": "Dice", "sum": "Dice + BCE", "gan": "GAN", "embedding": "embedding", "gambler": "gambler"}
KINDS = ("", "-specialised")
SCANNED_MARGIN = 0.1
"""How much more alike than those drawn by hand, as scanned, masks may be before DS says nothing of their shape."""

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


def noise_of(result: Result, *sides: str) -> float | None:
    """Which difference of Dice in an image, or in the mean over both, is nothing; None when it was not measured.

    That of the cross-validation is a mean over images, too.
    """
    own = f"between_seeds_{sides[0].lower()}" if len(sides) == 1 else "between_seeds"
    if result.get(own) is None:
        return None
    return max(result[own], result.get("noise_floor") or 0.0)


def compared(result: Result, key: str, other: str = "single", sides: Sequence[Side] | None = None) -> Compared:
    """A strategy of table 2.1 less another one, in the mean over these sides or those that both mask. p is known
    against the reference alone, whose row has none."""
    strategies = result["values"]["strategies"]
    own, others = _dice(result, key), _dice(result, other)
    sides = sides or [side for side in Side if side in own and side in others]
    titles = {strategies[name]["title"] for name in (key, other)} - {strategies["single"]["title"]}
    p = p_of(result, titles.pop()) if len(titles) == 1 else None
    floor = result.get("noise_floor") or 0.0
    if all("by_seed" in strategies[name] for name in (key, other)):
        one, two = ([strategies[name]["by_seed"][side.title] for side in sides] for name in (key, other))
        return Compared.of_blocks(np.mean(one, axis=0) - np.mean(two, axis=0), p, floor)
    difference = float(np.mean([own[side] - others[side] for side in sides]))
    least = result.get("between_seeds" if len(sides) > 1 else f"between_seeds_{sides[0]}")
    return Compared.of_threshold(difference, least, freedom_of(result, *sides), p, floor)


def single_is_best(result: Result) -> Judged:
    """Against every other strategy, in the mean over the images that it masks."""
    rivals = [key for key in result["values"]["strategies"] if not key.startswith("single")]
    leads = {key: compared(result, "single", key) for key in rivals}
    nearest = min(leads, key=lambda key: leads[key].difference)
    title = result["values"]["strategies"][nearest]["title"]
    words = f"{_words(_dice(result, 'single'))}; nearest: {title}, single less it {leads[nearest].words()}"
    return words, together([lead.above() for lead in leads.values()])


def double_in_costs_little(result: Result) -> Judged:
    """Something, and less than both masks out, non-specialised."""
    one, two = compared(result, "double-in"), compared(result, "double-out")
    less = compared(result, "double-in", "double-out")
    words = f"one mask out {one.words()}, two {two.words()}"
    return words, together([_opposite(one.above()), less.above()])


def double_out_costs_much(result: Result) -> Judged:
    """Non-specialised as well as specialised."""
    found = [compared(result, f"double-out{kind}") for kind in KINDS]
    return "; ".join(one.words() for one in found), together([_opposite(one.above()) for one in found])


def specialised_is_equal(result: Result) -> Judged:
    """The single network of one kind of image, and that of both."""
    found = compared(result, "single-specialised")
    return f"specialised less not {found.words()}; margin {EQUIVALENT_DICE:g}", found.equivalent()


def hausdorff_orders_alike(result: Result) -> Judged:
    """Over the rows, in both images."""
    words, verdicts = [], []
    for side in Side:
        rows = [row for row in result["table"] if isinstance(row.get(f"{side.title} HD95"), float)]
        if len(rows) < 3:
            raise KeyError("HD95")
        order = spearmanr(*([row[f"{side.title} {name}"] for row in rows] for name in ("ours", "HD95")))
        words.append(f"{side.title} {order.statistic:.2f} (p {order.pvalue:.2f})")
        verdicts.append(order.statistic < 0 if order.pvalue < LEVEL else None)
    return f"rank correlation of Dice and HD95 over rows: {', '.join(words)}", together(verdicts)


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
    found = compared(result, "single", "pre-registered", [Side.T2])
    return f"T2 {_dice(result, 'pre-registered')[Side.T2]:.3f}, single less it {found.words()}", found.above()


def registering_first_uses_the_other_more(result: Result) -> Judged:
    """Than the other network of T2 that sees both images; in T2."""
    own, other = (
        next(row["T2 ours"] for row in result["table"] if row["strategy"].startswith(name))
        for name in ("pre-registered", "double-in single-out, specialised")
    )
    if not all(isinstance(value, float) for value in (own, other)):
        raise KeyError("T2 ours")
    words = f"a foreign T1 costs {own:.3f} in T2 when registered first, {other:.3f} as scanned"
    if result.get("foreign_t1") != OWN_TRANSFORM:
        return f"{words}, but it was registered to the foreign T2 anew: to be measured again", None
    return words, clear(own - other, noise_of(result, Side.T2))


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


def loss_compared(result: Result, key: str) -> Compared:
    """A loss of table 2.3 less cross-entropy, in the mean over both images."""
    difference, floor = result[f"{key}_minus_bce"], result.get("noise_floor") or 0.0
    p = p_of(result, LOSS_TITLES[key])
    if (blocks := result.get(f"{key}_minus_bce_by_seed")) is not None:
        return Compared.of_blocks(blocks, p, floor)
    return Compared.of_threshold(difference, result.get("between_seeds"), freedom_of(result, *Side), p, floor)


def no_loss_beats_cross_entropy(result: Result) -> Judged:
    """By more than the margin, in the mean over both images."""
    gains = {key: loss_compared(result, key) for key in _losses(result)}
    best = max(gains, key=lambda key: gains[key].difference)
    words = f"best: {best} {gains[best].words()}; margin {EQUIVALENT_DICE:g}"
    return words, together([gain.not_above() for gain in gains.values()])


def other_losses_are_equal(result: Result) -> Judged:
    """All but the GAN."""
    gains = {key: loss_compared(result, key) for key in _losses(result) if key != "gan"}
    farthest = max(gains, key=lambda key: abs(gains[key].difference))
    words = f"farthest: {farthest} {gains[farthest].words()}; margin {EQUIVALENT_DICE:g}"
    return words, together([gain.equivalent() for gain in gains.values()])


def only_the_gan_is_worse(result: Result) -> Judged:
    """A GAN of another weight than the published 1 cannot tell."""
    gains, weight = {key: loss_compared(result, key) for key in _losses(result)}, result["gan_weight"]
    words = f"GAN with λ = {weight:g} {gains['gan'].words()}"
    if weight != 1:
        return words, None
    rest = [_opposite(gain.above()) for key, gain in gains.items() if key != "gan"]
    return words, together([_opposite(gains["gan"].above()), *(one is not True for one in rest)])


def costs_after_longer(network: str) -> Callable[[Result], Judged]:
    """A network against the single one, after the most steps that were tried, in the mean over both images."""

    def judge(result: Result) -> Judged:
        words, found = _after_longest(result, network)
        return words, _opposite(found.above())

    return judge


def still_no_gain(network: str) -> Callable[[Result], Judged]:
    """The same, for one that the thesis finds no better."""

    def judge(result: Result) -> Judged:
        words, found = _after_longest(result, network)
        return f"{words}; margin {EQUIVALENT_DICE:g}", found.not_above()

    return judge


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


def _dice(result: Result, key: str) -> Mapping[str, float]:
    """By side the Dice of a strategy; sides that it does not mask are left out. Raises `KeyError` when it has none."""
    if not (dice := result["values"]["strategies"][key]["dice"]):
        raise KeyError(key)
    return {Side(side): value for side, value in dice.items()}


def _losses(result: Result) -> list[str]:
    """The losses that were measured. Raises `KeyError` when none was."""
    found = [key for key in LOSS_TITLES if f"{key}_minus_bce" in result]
    if not found:
        raise KeyError("gains")
    return found


def _after_longest(result: Result, network: str) -> tuple[str, Compared]:
    """In words, and the difference to the single network after the most steps, seed by seed."""
    found = {steps: result[f"{network}_minus_single_{steps}"] for steps in result["budgets"]}
    longest = max(found)
    blocks = result.get(f"{network}_minus_single_{longest}_by_seed", [found[longest]])
    longer = Compared.of_blocks(blocks, result.get(f"{network}_minus_single_{longest}_p"))
    return ", ".join([*(f"{found[s]:+.3f} after {s} steps" for s in found if s != longest), ""]) + (
        f"{longer.words()} after {longest}"
    ), longer


def _opposite(verdict: bool | None) -> bool | None:
    return None if verdict is None else not verdict


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3f}"


def _words(figures: Mapping[str, float], style: str = ".3f") -> str:
    return ", ".join(f"{side.title} {value:{style}}" for side, value in figures.items())
