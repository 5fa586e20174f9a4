"""`pacs`: find studies in an archive, fetch one, store results."""

import argparse
import json
import os

URL = "LIVERPAIR_PACS_URL"


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add `pacs find`, `pacs get` and `pacs send`."""
    parser = commands.add_parser(
        "pacs",
        help="find, fetch and store studies in an archive (DICOMweb)",
        description="User and password are read from the environment (LIVERPAIR_PACS_USER, LIVERPAIR_PACS_PASSWORD or "
        "LIVERPAIR_PACS_TOKEN) or the system's keyring.",
    )
    parser.add_argument("--url", help=f"as https://HOST/dicom-web (default: {URL} in the environment)")
    actions = parser.add_subparsers(metavar="find|get|send", required=True)
    find = actions.add_parser("find", help="list studies")
    find.add_argument("--patient", default="", help="patient ID")
    find.add_argument("--name", default="", help="patient name; * stands for any letters")
    find.add_argument("--date", default="", help="20240501, or 20240101-20240630")
    find.add_argument("--modality", default="MR", help="default: MR; '' for all")
    find.add_argument("--json", action="store_true", help="print JSON instead of a table")
    find.set_defaults(run=run_find)
    get = actions.add_parser("get", help="fetch a study")
    get.add_argument("study", help="its Study Instance UID, as 'pacs find' lists it")
    get.add_argument("-o", "--output", required=True, help="folder that gets a folder for the study")
    get.add_argument("--modality", default="MR", help="of the series to fetch (default: MR; '' for all)")
    get.set_defaults(run=run_get)
    send = actions.add_parser("send", help="store DICOM files")
    send.add_argument("files", nargs="+")
    send.set_defaults(run=run_send)


def run_find(arguments: argparse.Namespace) -> int:
    """Print the studies that are found."""
    from liverpair.evaluation.result_files import table_text

    rows = _archive(arguments).find(arguments.patient, arguments.name, arguments.date, arguments.modality)
    if arguments.json:
        print(json.dumps(rows, indent=2, ensure_ascii=False))
    else:
        print(table_text(rows) if rows else "No study was found.")
    return 0


def run_get(arguments: argparse.Namespace) -> int:
    """Fetch a study and say where it is."""
    from liverpair.commands.bar import progress_bar

    with progress_bar() as progress:
        folder = _archive(arguments).get(arguments.study, arguments.output, arguments.modality, progress)
    print(folder)
    return 0


def run_send(arguments: argparse.Namespace) -> int:
    """Store files."""
    count = _archive(arguments).send(arguments.files)
    print(f"{count} file{'s' * (count != 1)} stored.")
    return 0


def _archive(arguments: argparse.Namespace):
    from liverpair.core.errors import InputError
    from liverpair.io.pacs import Archive

    url = arguments.url or os.environ.get(URL)
    if not url:
        raise InputError("No archive is named.", f"Use --url, or set {URL}.")
    return Archive(url)
