"""What was measured once, in a file beside the network it was measured of."""

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from liverpair.core.atomic import written_whole


class Remembered:
    """Values by keys, all of one owner; those of another owner, and a file that cannot be read, are forgotten."""

    def __init__(self, path: Path, owner: Sequence[str]):
        self._path, self._owner = path, list(owner)
        self._known: dict[str, Any] = {}
        with suppress(OSError, ValueError, KeyError, TypeError):
            content = json.loads(path.read_text(encoding="utf-8"))
            if content["owner"] == self._owner:
                self._known = dict(content["known"])

    def __call__(self, key: Sequence[str], measure: Callable[[], Any]) -> Any:
        """The value of a key, measured now when it is not known."""
        name = json.dumps(list(key))
        if name not in self._known:
            self._known[name] = measure()
            content = {"owner": self._owner, "known": self._known}
            with written_whole(self._path) as beside:
                beside.write_text(json.dumps(content, indent=1), encoding="utf-8")
        return self._known[name]
