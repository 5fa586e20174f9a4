"""A progress bar on a terminal's standard error; silence where nobody watches."""

import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from liverpair.core.errors import Progress, no_progress

WIDTH = 24
CLEAR_LINE = "\r\x1b[K"


@contextmanager
def progress_bar(title: str = "", stream: TextIO | None = None) -> Iterator[Progress]:
    """A `Progress` drawn on one line of `stream` (standard error) until the block ends; silent without a terminal."""
    stream = stream or sys.stderr
    if not stream.isatty():
        yield no_progress
        return
    started = time.monotonic()

    def draw(fraction: float, message: str) -> None:
        stream.write(
            CLEAR_LINE
            + bar_line(title, fraction, message, time.monotonic() - started, shutil.get_terminal_size().columns)
        )
        stream.flush()

    try:
        yield draw
    finally:
        stream.write(CLEAR_LINE)
        stream.flush()


def bar_line(title: str, fraction: float, message: str, seconds: float, columns: int) -> str:
    """The line of a bar, at most `columns` - 1 characters: `title  42% ##########..............  0:07 message`."""
    fraction = min(max(fraction, 0.0), 1.0)
    done = round(fraction * WIDTH)
    line = f"{title} {fraction:4.0%} {'#' * done}{'.' * (WIDTH - done)} {clock(seconds)} {message}".lstrip()
    return line[: columns - 1]


def clock(seconds: float) -> str:
    """A time in minutes and seconds, as "1:07"; from an hour on in hours and minutes, as "2 h 05 min"."""
    minutes = int(seconds) // 60
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes}:{int(seconds) % 60:02d}"
