"""The samples of a dream as arrays, so that a plot can follow a run without computing everything again."""

import math
from collections.abc import Sequence

import numpy as np

from liverpair.core.errors import InputError

LONGEST = 1_000_000
"""An iteration beyond this is no iteration but damage."""
MOST_STARTS = 10_000


class Curves:
    """The values of all starts and iterations of one kind of run: `values` is (starts, iterations, columns), NaN where
    there is none, and `rows` (starts, iterations) says in which row of the table they stand, -1 for none."""

    def __init__(self, columns: int):
        self.values = np.full((0, 0, columns), math.nan)
        self.rows = np.full((0, 0), -1, np.int64)
        self._room = self.values, self.rows
        self._quartiles = np.full((3, 0, columns), math.nan)
        self._stale: set[int] = set()

    def row_of(self, start: int, iteration: int) -> int | None:
        """The row of the table in which an iteration stands; None when it is not recorded."""
        if start >= self.rows.shape[0] or iteration >= self.rows.shape[1] or self.rows[start, iteration] < 0:
            return None
        return int(self.rows[start, iteration])

    def put(self, start: int, iteration: int, values: Sequence[float], row: int) -> None:
        """Take the values of one iteration, which stand in a row of the table."""
        self._make_room(start + 1, iteration + 1)
        self.values[start, iteration] = values
        self.rows[start, iteration] = row
        self._stale.add(iteration)

    def fill(self, starts: np.ndarray, iterations: np.ndarray, values: np.ndarray, rows: np.ndarray) -> None:
        """Take many iterations at once: `values` (n, columns), the others (n,)."""
        self._make_room(int(starts.max()) + 1, int(iterations.max()) + 1)
        self.values[starts, iterations] = values
        self.rows[starts, iterations] = rows
        self._stale.update(np.unique(iterations).tolist())

    def add_column(self) -> None:
        """One more column, without values so far."""
        self.values = np.concatenate([self.values, np.full((*self.rows.shape, 1), math.nan)], axis=2)
        self._room = self.values, self.rows
        self._forget()

    def recorded(self) -> np.ndarray:
        """The iterations that any start has recorded, in rising order."""
        return np.flatnonzero((self.rows >= 0).any(axis=0))

    def quartiles(self) -> np.ndarray:
        """Lower quartile, median and upper quartile over the starts, (3, iterations, columns); see `quartiles`. Only
        what has changed since the last time is computed."""
        known, wanted = self._quartiles.shape[1], self.values.shape[1]
        if known < wanted:
            more = np.full((3, wanted - known, self.values.shape[2]), math.nan)
            self._quartiles = np.concatenate([self._quartiles, more], axis=1)
        if self._stale:
            stale = np.fromiter(self._stale, np.int64)
            self._quartiles[:, stale] = quartiles(self.values[:, stale])
            self._stale.clear()
        return self._quartiles

    def final_quartiles(self) -> np.ndarray:
        """As `quartiles`, but a start that has ended keeps its last values, so that the median does not jump where one
        ends before the others."""
        held = self.values.copy()
        for start, rows in enumerate(self.rows):
            recorded = np.flatnonzero(rows >= 0)
            if len(recorded):
                held[start, recorded[-1] :] = held[start, recorded[-1]]
        return quartiles(held)

    def _forget(self) -> None:
        self._quartiles = np.full((3, 0, self.values.shape[2]), math.nan)
        self._stale = set(range(self.values.shape[1]))

    def _make_room(self, starts: int, iterations: int) -> None:
        """Grow to so many starts and iterations; more is set aside, so that growing step by step stays cheap."""
        used = self.rows.shape
        shape = max(used[0], starts), max(used[1], iterations)
        if shape == used:
            return
        values, rows = self._room
        if shape[0] > rows.shape[0] or shape[1] > rows.shape[1]:
            roomy = shape[0], rows.shape[1] if shape[1] <= rows.shape[1] else max(shape[1], 2 * rows.shape[1])
            values = np.full((*roomy, self.values.shape[2]), math.nan)
            rows = np.full(roomy, -1, np.int64)
            values[: used[0], : used[1]], rows[: used[0], : used[1]] = self.values, self.rows
            self._room = values, rows
        if shape[0] != used[0]:
            self._forget()
        self.values, self.rows = (array[: shape[0], : shape[1]] for array in (values, rows))


def quartiles(values: np.ndarray) -> np.ndarray:
    """Lower quartile, median and upper quartile over the starts, (3, ...), of `values` (starts, ...), as
    `np.nanpercentile` has them.

    NaN where fewer than half of the starts have a value, so that the few that begin early or last long do not speak
    for all.
    """
    if not len(values):
        return np.full((3, *values.shape[1:]), math.nan)
    ordered = np.sort(values, axis=0)  # NaN comes last
    count = np.isfinite(ordered).sum(axis=0)
    last = np.maximum(count - 1, 0)
    found = []
    for part in (0.25, 0.5, 0.75):
        place = part * last
        low = place.astype(int)
        a, b = (np.take_along_axis(ordered, at[None], axis=0)[0] for at in (low, np.minimum(low + 1, last)))
        found.append(np.where(2 * count >= len(values), a + (place - low) * (b - a), math.nan))
    return np.stack(found)


def check_place(start: object, iteration: object) -> tuple[int, int]:
    """Start and iteration as numbers. Raises `InputError` when they are none that a dream has."""
    try:
        start, iteration = int(start), int(iteration)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"Start {start} and iteration {iteration} of a dream are not whole numbers.") from error
    if not 0 <= iteration <= LONGEST or not 0 <= start <= MOST_STARTS:
        raise InputError(f"There is no iteration {iteration} of start {start} in any dream.")
    return start, iteration


def number(value: object) -> float:
    """A value of a sample as a number: NaN for None and for what is infinite."""
    value = math.nan if value is None else float(value)
    return value if math.isfinite(value) else math.nan
