"""What a probe found, and how a probe that fails becomes a finding."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from liverpair.core.failures import failure_of

State = Literal["ok", "note", "fault"]


@dataclass(frozen=True)
class Finding:
    """One sentence, whether what it tells is as it should be, and the values behind it, as JSON holds them.

    "note": LiverPair works, and something should be known. "fault": something that is needed does not work.
    """

    state: State
    sentence: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Probe:
    """Looks at one thing. `failure` says that it could not, as the beginning of a sentence; `needed`: nothing works
    without that thing."""

    failure: str
    look: Callable[[], Sequence[Finding]]
    needed: bool = False

    def findings(self) -> list[Finding]:
        """What `look` finds; whatever it raises is a finding too."""
        try:
            return list(self.look())
        except Exception as error:
            return [Finding("fault" if self.needed else "note", f"{self.failure}: {reason(error)}")]


def reason(error: Exception) -> str:
    """Why something failed, for somebody who asks just that."""
    failure = failure_of(error)
    if failure.kind != "internal":
        return str(failure)
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}{f': {lines[0][:300]}' if lines else ''}."
