"""What is shown to differ, and what is shown not to: the statistics of the verdicts.

A difference is shown by the paired test of the source over images, and by the trained networks, whose seeds are blocks:
both must show it, for images say nothing of another training, and networks nothing of another patient. That there is
none is shown by two one-sided tests alone (TOST; Schuirmann 1987): the interval of 90 % must lie within the margin.
What neither shows cannot be told.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

EQUIVALENT_DICE = 0.005
"""The margin in Dice: what the thesis found to be nothing, between repetitions of a cross-validation."""
LEVEL = 0.05


@dataclass(frozen=True)
class Compared:
    """A mean difference of two rows of a table.

    Attributes:
        difference: the one less the other.
        error: its standard error between trainings; None where it is not known.
        freedom: degrees of freedom of that error.
        p: of the paired test over images, two-sided; None where the source made none.
        floor: a difference that is nothing whatever the tests say, in absolute size.
    """

    difference: float
    error: float | None
    freedom: int
    p: float | None = None
    floor: float = 0.0

    @classmethod
    def of_blocks(cls, differences: Sequence[float], p: float | None = None, floor: float = 0.0) -> "Compared":
        """From the differences of both rows seed by seed; fewer than two leave the error unknown."""
        found = np.asarray(differences, float)
        error = float(found.std(ddof=1) / math.sqrt(len(found))) if len(found) > 1 else None
        return cls(float(found.mean()), error, len(found) - 1, p, floor)

    @classmethod
    def of_threshold(
        cls, difference: float, threshold: float | None, freedom: int, p: float | None = None, floor: float = 0.0
    ) -> "Compared":
        """From a least significant difference (5 %) of rows whose seeds vary alike."""
        known = threshold is not None and freedom > 0
        error = threshold / stats.t.ppf(1 - LEVEL / 2, freedom) if known else None
        return cls(difference, error, freedom, p, floor)

    def interval(self, confidence: float) -> tuple[float, float]:
        """Two-sided; without end where the error is not known."""
        if self.error is None:
            return -math.inf, math.inf
        reach = float(stats.t.ppf((1 + confidence) / 2, self.freedom)) * self.error
        return self.difference - reach, self.difference + reach

    def above(self) -> bool | None:
        """Whether the one is above the other: True or False where a difference is shown, None where none is."""
        low, high = self.interval(1 - LEVEL)
        shown = (low > 0 or high < 0) and (self.p is None or self.p < LEVEL) and abs(self.difference) > self.floor
        return self.difference > 0 if shown else None

    def not_above(self, margin: float = EQUIVALENT_DICE) -> bool | None:
        """Whether the one is not above the other by more than the margin; one-sided."""
        if self.above() and self.difference > margin:
            return False
        return True if self.interval(1 - 2 * LEVEL)[1] < margin else None

    def equivalent(self, margin: float = EQUIVALENT_DICE) -> bool | None:
        """Whether there is no difference beyond the margin, either way (TOST)."""
        low, high = self.interval(1 - 2 * LEVEL)
        if -margin < low and high < margin:
            return True
        return False if self.above() is not None and abs(self.difference) > margin else None

    def words(self) -> str:
        """The difference with what the tests see."""
        low, high = self.interval(1 - 2 * LEVEL)
        within = "networks unknown" if self.error is None else f"90 % interval over networks {low:+.3f} to {high:+.3f}"
        return f"{self.difference:+.3f} ({within}{'' if self.p is None else f', p over images {self.p:.3f}'})"


def freedom_of(result: Mapping[str, Any], *sides: str) -> int:
    """Degrees of freedom of the least significant differences of a table of arms: seeds less one, in every row that has
    a spread between seeds on all these sides."""
    spread = [row for row in result["table"] if all(row.get(f"{side.upper()} sd") is not None for side in sides)]
    return len(spread) * (len(result.get("seeds", ())) - 1)


def p_of(result: Mapping[str, Any], title: str) -> float | None:
    """The p of the row of a table that bears this title."""
    rows = [row for row in result["table"] if title in row.values()]
    return rows[0].get("p ours") if rows else None


def together(verdicts: Sequence[bool | None]) -> bool | None:
    """Whether all hold; None when none fails but some cannot be told."""
    if False in verdicts:
        return False
    return None if None in verdicts else True
