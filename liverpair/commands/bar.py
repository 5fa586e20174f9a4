"""A progress bar on a terminal's standard error; silence where nobody watches."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from liverpair.core.errors import Progress, no_progress

FORMAT = "{desc}{percentage:3.0f}% {bar:24} {elapsed}<{remaining}{postfix}"


@contextmanager
def progress_bar(title: str = "", stream: TextIO | None = None) -> Iterator[Progress]:
    """A `Progress` drawn on one line of `stream` (standard error) until the block ends; silent without a terminal."""
    stream = stream or sys.stderr
    if not stream.isatty():
        yield no_progress
        return
    from tqdm import tqdm

    with tqdm(
        total=1.0, desc=title and f"{title} ", file=stream, leave=False, dynamic_ncols=True, bar_format=FORMAT
    ) as bar:

        def draw(fraction: float, message: str) -> None:
            bar.n = min(max(fraction, 0.0), 1.0)
            bar.set_postfix_str(message)

        yield draw
