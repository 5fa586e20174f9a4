"""`series`: what an export from an archive holds, and what would be read of it."""

import argparse
import json
from pathlib import Path


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add `series`."""
    parser = commands.add_parser(
        "series",
        help="list every series of a DICOM export, and what it would be used as",
        description="Numbers name a series to other commands: 'FOLDER:3' is the third.",
    )
    parser.add_argument("folder", type=Path, help="a folder with DICOM files, at any depth")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the series of a folder."""
    from liverpair.commands.bar import progress_bar
    from liverpair.evaluation.result_files import table_text
    from liverpair.io.exports import list_export

    with progress_bar() as progress:
        rows = [listed.row() for listed in list_export(arguments.folder, progress)]
    if arguments.json:
        print(json.dumps(rows, indent=2, ensure_ascii=False))
    else:
        print(table_text(rows))
    return 0
