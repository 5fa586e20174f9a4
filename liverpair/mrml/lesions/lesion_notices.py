"""Telling listeners what has changed, each kind of change once. Knows nothing of MRML."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from liverpair.core.notifying import notify

Callback = Callable[[str], None]


class Notices:
    """Listeners, and what they have not been told yet."""

    defer: Callable[[Callable[[], None]], None] | None = None
    """How to put off what others did, which comes as one event for each of many boxes: in the desktop, until the event
    loop runs again. None: not at all."""

    def __init__(self):
        self._listeners: dict[int, Callback] = {}
        self._next_token = 1
        self._pending: list[str] = []
        self._held = 0
        self._urgent = False
        self._put_off = False

    def observe(self, callback: Callback) -> int:
        """Call `callback` with the kind of each change. Returns what `stop` takes."""
        token, self._next_token = self._next_token, self._next_token + 1
        self._listeners[token] = callback
        return token

    def stop(self, token: int) -> None:
        """Call a callback no longer; one that is not known is no error."""
        self._listeners.pop(token, None)

    def clear(self) -> None:
        """Forget the listeners, and what they have not been told."""
        self._listeners.clear()
        self._pending.clear()

    @contextmanager
    def held(self) -> Iterator[None]:
        """What changes inside the block is told when the outermost block ends."""
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1
            self._flush()

    def tell(self, *kinds: str, by_others: bool = False) -> None:
        """Something has changed; `by_others`: it may be put off, because more of it is likely to follow."""
        self._pending += [kind for kind in kinds if kind not in self._pending]
        self._urgent |= not by_others
        self._flush()

    def _flush(self) -> None:
        if self._held or not self._pending:
            return
        if self._urgent or Notices.defer is None:
            self._deliver()
        elif not self._put_off:
            self._put_off = True
            Notices.defer(self._deliver_late)

    def _deliver_late(self) -> None:
        self._put_off = False
        self._urgent |= bool(self._pending)
        self._flush()

    def _deliver(self) -> None:
        kinds, self._pending = self._pending, []
        self._urgent = False
        for kind in kinds:
            notify(self._listeners.values(), kind)
