"""Options that earlier versions called something else."""

import argparse
from typing import Any


def add_option(parser: argparse.ArgumentParser, name: str, earlier: str, **details: Any) -> None:
    """Add an option `name`; the name that it had earlier is taken as well, and not shown in the help."""
    dest = parser.add_argument(name, **details).dest
    parser.add_argument(earlier, **{**details, "dest": dest, "default": argparse.SUPPRESS, "help": argparse.SUPPRESS})
