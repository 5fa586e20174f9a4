"""What the worker and its client say to each other: one JSON object per line, in ASCII.

Commands go to the worker's standard input, events come from its standard output. Both ends decode with `MessageReader`,
which never raises on what it is fed: a line that is no message becomes a `Problem`.
"""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any, Generic, TypeVar

from liverpair.core.records import Misfit, between, fit, fits

PROTOCOL_VERSION = 1
MAX_LINE_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True)
class RunCommand:
    """Start job `job` with `request`; every event about it carries `id`."""

    id: int
    job: str
    request: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class CancelCommand:
    """Stop job `id` at its next window or step. Unknown and finished jobs are ignored."""

    id: int


@dataclass(frozen=True)
class QuitCommand:
    """Cancel what runs and leave."""


@dataclass(frozen=True)
class ReadyEvent:
    """The worker listens. `jobs` are the names it can run, `version` is the library's."""

    pid: int
    jobs: list[str]
    version: str
    protocol: int = PROTOCOL_VERSION


@dataclass(frozen=True)
class ProgressEvent:
    """Job `id` has done `fraction` (0 to 1) and is doing what `message` says."""

    id: int
    fraction: Annotated[float, between(0, 1)]
    message: str


@dataclass(frozen=True)
class SampleEvent:
    """Something to show before job `id` ends, such as one step of a dream. Volumes travel as file paths."""

    id: int
    sample: dict[str, Any]


@dataclass(frozen=True)
class ResultEvent:
    """Job `id` is done."""

    id: int
    result: dict[str, Any]


@dataclass(frozen=True)
class ErrorEvent:
    """Job `id` failed; without an id, the worker could not make sense of what it was sent.

    `kind` is that of a `LiverPairError`, or "internal" for a defect.
    """

    id: int | None
    kind: str
    message: str
    hint: str = ""


@dataclass(frozen=True)
class CancelledEvent:
    """Job `id` stopped as asked."""

    id: int


Command = RunCommand | CancelCommand | QuitCommand
Event = ReadyEvent | ProgressEvent | SampleEvent | ResultEvent | ErrorEvent | CancelledEvent

COMMANDS: dict[str, type] = {"run": RunCommand, "cancel": CancelCommand, "quit": QuitCommand}
EVENTS: dict[str, type] = {
    "ready": ReadyEvent,
    "progress": ProgressEvent,
    "sample": SampleEvent,
    "result": ResultEvent,
    "error": ErrorEvent,
    "cancelled": CancelledEvent,
}


@dataclass(frozen=True)
class Problem:
    """A line that is no message: why, how it begins, and the job it speaks of when that much could be read."""

    reason: str
    excerpt: str
    id: int | None = None


class ProtocolError(ValueError):
    """One line that is no message. `id` is the job it speaks of, when that much could be read."""

    def __init__(self, reason: str, id: int | None = None):
        super().__init__(reason)
        self.id = id


def encode_command(command: Command) -> bytes:
    """Return the line of a command, newline included. Raises ValueError or TypeError for what JSON cannot hold."""
    return _encode("command", COMMANDS, command)


def encode_event(event: Event) -> bytes:
    """Return the line of an event, newline included. Raises ValueError or TypeError for what JSON cannot hold."""
    return _encode("event", EVENTS, event)


def decode_command(line: str) -> Command:
    """Read one line. Raises ProtocolError."""
    return _decode("command", COMMANDS, line)


def decode_event(line: str) -> Event:
    """Read one line. Raises ProtocolError. Fields this version does not know are ignored."""
    return _decode("event", EVENTS, line)


Message = TypeVar("Message")


class MessageReader(Generic[Message]):
    """Turns chunks of bytes, cut anywhere, into messages.

    Lines end with LF or CRLF; empty lines are skipped. A line longer than `max_line_bytes` is dropped as it arrives, so
    that memory stays bounded, and reported once.
    """

    def __init__(self, decode: Callable[[str], Message], max_line_bytes: int = MAX_LINE_BYTES):
        self._decode = decode
        self._max_line_bytes = max_line_bytes
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._excerpt = b""

    def feed(self, data: bytes) -> list[Message | Problem]:
        """Return what `data` completes, in order."""
        messages: list[Message | Problem] = []
        *complete, rest = data.split(b"\n")
        for piece in complete:
            self._keep(piece)
            message = self._finish()
            if message is not None:
                messages.append(message)
        self._keep(rest)
        return messages

    def _keep(self, piece: bytes) -> None:
        self._pending_bytes += len(piece)
        if self._pending_bytes <= self._max_line_bytes:
            self._pending.append(piece)
            return
        if self._pending or not self._excerpt:
            self._excerpt = (b"".join(self._pending) + piece)[:200]
        self._pending = []

    def _finish(self) -> Message | Problem | None:
        line, length, excerpt = b"".join(self._pending), self._pending_bytes, self._excerpt
        self._pending, self._pending_bytes, self._excerpt = [], 0, b""
        if length > self._max_line_bytes:
            return Problem(f"a line of {length} bytes is too long", _readable(excerpt))
        line = line.strip()
        if not line:
            return None
        try:
            return self._decode(line.decode("utf-8"))
        except UnicodeDecodeError:
            return Problem("not UTF-8", _readable(line))
        except ProtocolError as error:
            return Problem(str(error), _readable(line), error.id)


def _readable(line: bytes) -> str:
    return line[:200].decode("utf-8", errors="backslashreplace")


def _encode(tag: str, types: Mapping[str, type], message: Any) -> bytes:
    name = next(name for name, kind in types.items() if type(message) is kind)
    # ASCII escapes carry file names that are not valid Unicode, and no terminal or pipe encoding can harm them.
    return (
        json.dumps({tag: name, **asdict(message)}, ensure_ascii=True, allow_nan=False, default=_plain).encode("ascii")
        + b"\n"
    )


def _plain(value: Any) -> Any:
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if hasattr(value, "item"):  # a numpy or torch scalar
        return value.item()
    raise TypeError(f"{type(value).__name__} cannot be sent as JSON")


def _decode(tag: str, types: Mapping[str, type], line: str) -> Any:
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        raise ProtocolError("not JSON") from None
    if not isinstance(fields, dict):
        raise ProtocolError("not a JSON object")
    job_id = fields["id"] if fits(int, fields.get("id")) else None
    kind = types.get(fields[tag]) if isinstance(fields.get(tag), str) else None
    if kind is None:
        raise ProtocolError(f"{tag} is {str(fields.get(tag))[:60]!r}, expected one of {', '.join(types)}", job_id)
    try:
        return fit(kind, fields)
    except Misfit as misfit:
        raise ProtocolError(f"{fields[tag]}: {misfit}", job_id) from None
