"""What went wrong behind the test's back: exceptions in slots, observers and the log, signals that do not exist.

Qt and VTK swallow what a callback raises: the interpreter prints it and the event loop goes on. Here each such failure
is recorded, so that a test can ask for it.
"""

import contextlib
import logging
import sys
import threading
import traceback
from collections.abc import Iterator
from dataclasses import dataclass

from PySide6 import QtCore

HARMLESS_QT_MESSAGES = ("This plugin does not support", "propagateSizeHints")


@dataclass(frozen=True)
class Problem:
    """One failure that no caller saw. `kind` is "exception", "signal", "ui", "dialog", "qt", "mrml" or "vtk"."""

    kind: str
    text: str
    details: str = ""

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}" + (f"\n{self.details}" if self.details else "")


_problems: list[Problem] = []


def record(kind: str, text: str, details: str = "") -> None:
    """Remember a failure and print it to stderr, as Slicer's error log would."""
    problem = Problem(kind, text, details)
    _problems.append(problem)
    print(problem, file=sys.stderr)


def recorded() -> list[Problem]:
    """All problems since the last `forget`, oldest first."""
    return list(_problems)


def forget() -> None:
    """Drop what was recorded."""
    _problems.clear()


@contextlib.contextmanager
def expecting(text: str) -> Iterator[None]:
    """Problems that contain `text` are the point of this block: they are removed from the record.

    Raises:
        AssertionError: when the block ends without any such problem.
    """
    before = len(_problems)
    yield
    matching = [problem for problem in _problems[before:] if text in str(problem)]
    assert matching, f"expected a problem with '{text}', got {[str(p) for p in _problems[before:]]}"
    for problem in matching:
        _problems.remove(problem)


def install_hooks() -> None:
    """Record every exception that reaches the interpreter's last line of defense, or the log."""

    def on_exception(kind, value, trace) -> None:
        details = "".join(traceback.format_exception(kind, value, trace))
        record("exception", f"{kind.__name__}: {value}", details)

    sys.excepthook = on_exception
    sys.unraisablehook = lambda unraisable: on_exception(
        unraisable.exc_type, unraisable.exc_value, unraisable.exc_traceback
    )
    threading.excepthook = lambda failure: on_exception(failure.exc_type, failure.exc_value, failure.exc_traceback)
    logging.getLogger().addHandler(_LoggedExceptions(logging.ERROR))
    QtCore.qInstallMessageHandler(_on_qt_message)
    logging.getLogger("vtk").addHandler(_VtkErrors(logging.ERROR))


class _VtkErrors(logging.Handler):
    """What VTK complains of fills Slicer's error log: `headless.boot` passes it on to the logger "vtk"."""

    def emit(self, entry: logging.LogRecord) -> None:
        record("vtk", entry.getMessage())


class _LoggedExceptions(logging.Handler):
    """Where somebody caught an exception and went on, `logging.exception` tells of it."""

    def emit(self, entry: logging.LogRecord) -> None:
        if entry.exc_info and entry.exc_info[0] is not None:
            kind, value, trace = entry.exc_info
            details = "".join(traceback.format_exception(kind, value, trace))
            record("exception", f"{entry.getMessage()}: {kind.__name__}: {value}", details)


def _on_qt_message(level, _context, text: str) -> None:
    if any(part in text for part in HARMLESS_QT_MESSAGES):
        return
    if level in (QtCore.QtMsgType.QtWarningMsg, QtCore.QtMsgType.QtCriticalMsg):
        record("qt", text)
    else:
        print(text, file=sys.stderr)
