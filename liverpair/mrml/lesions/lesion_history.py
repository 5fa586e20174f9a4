"""Steps that can be taken back and taken again. Knows nothing of MRML."""

import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

MOST_STEPS = 200
ONE_GESTURE_S = 1.0
"""Events of one gesture (a slider drawn, a branch of nodes deleted) follow each other faster than this."""


@dataclass(frozen=True)
class Step:
    """What one action changed: by key, the value before and after; None where there was or is nothing."""

    name: str
    changes: Mapping[Hashable, tuple[Any, Any]]


def difference(before: Mapping, after: Mapping) -> dict[Hashable, tuple[Any, Any]]:
    """The changes that lead from one mapping to another."""
    keys = [*before, *(key for key in after if key not in before)]
    return {key: (before.get(key), after.get(key)) for key in keys if before.get(key) != after.get(key)}


class History:
    """The steps done and the steps taken back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        """`clock`: seconds; tells which events are one gesture."""
        self._clock = clock
        self._done: list[Step] = []
        self._undone: list[Step] = []
        self._gesture: tuple[str, float] | None = None

    def push(self, name: str, changes: Mapping, gesture: str = "") -> None:
        """Add a step. With a `gesture`, it becomes one step with the last when that was the same gesture a moment
        ago."""
        now = self._clock()
        last, when = self._gesture or ("", 0.0)
        if gesture and gesture == last and now - when < ONE_GESTURE_S and self._done:
            self._done[-1] = _joined(self._done[-1], changes)
        else:
            self._done.append(Step(name, dict(changes)))
            del self._done[:-MOST_STEPS]
        self._undone.clear()
        self._gesture = (gesture, now) if gesture else None

    def undo(self) -> Step | None:
        """Move the last step to those taken back, and return it."""
        return self._move(self._done, self._undone)

    def redo(self) -> Step | None:
        """Move the last step taken back to those done, and return it."""
        return self._move(self._undone, self._done)

    def clear(self) -> None:
        """Forget all steps."""
        self._done.clear()
        self._undone.clear()
        self._gesture = None

    @property
    def undo_name(self) -> str | None:
        """Name of the step that `undo` would take back."""
        return self._done[-1].name if self._done else None

    @property
    def redo_name(self) -> str | None:
        """Name of the step that `redo` would take again."""
        return self._undone[-1].name if self._undone else None

    def _move(self, source: list[Step], target: list[Step]) -> Step | None:
        self._gesture = None
        if not source:
            return None
        target.append(source.pop())
        return target[-1]


def _joined(step: Step, changes: Mapping) -> Step:
    joined = dict(step.changes)
    for key, (before, after) in changes.items():
        joined[key] = (joined[key][0] if key in joined else before, after)
    return Step(step.name, {key: change for key, change in joined.items() if change[0] != change[1]})
