"""Calling those who listen: one that fails keeps nobody else from being called."""

import logging
from collections.abc import Callable, Iterable
from typing import Any


def notify(
    callbacks: Iterable[Callable[..., Any]], *arguments: Any, report: Callable[[Exception], None] | None = None
) -> None:
    """Call each with the arguments. What one raises goes to the log, and to `report` for the user to read."""
    for callback in tuple(callbacks):
        try:
            callback(*arguments)
        except Exception as error:
            logging.exception("%s failed", getattr(callback, "__qualname__", callback))
            if report is not None:
                report(error)
