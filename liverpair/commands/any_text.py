"""Printing on whatever a user's output is."""

import sys


def print_any_text() -> None:
    """Let standard output and error take any text: what their encoding lacks is written as an escape (\\u809d)."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
