"""`models`: list, read about, import and delete trained models."""

import argparse
import sys
from pathlib import Path

from liverpair.bundle import Catalogue
from liverpair.evaluation.result_files import table_text


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add `models` and its actions."""
    parser = commands.add_parser("models", help="list, show, import or delete models")
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    actions.add_parser("list", help="the models that are installed").set_defaults(run=list_models)
    show = actions.add_parser("show", help="the card of a model: what it was trained on, how good it is")
    show.add_argument("model", help="name, or folder")
    show.set_defaults(run=show_model)
    add = actions.add_parser("import", help="copy a model into your models")
    add.add_argument("source", type=Path, help="folder or zip file")
    add.set_defaults(run=import_model)
    delete = actions.add_parser("delete", help="remove an imported model")
    delete.add_argument("model", help="name")
    delete.set_defaults(run=delete_model)


def list_models(_: argparse.Namespace) -> int:
    """Print every usable model; say on standard error which are not usable and why."""
    catalogue = Catalogue()
    rows = [
        {
            "model": bundle.name,
            "version": bundle.version,
            "task": bundle.task,
            "inputs": ", ".join(bundle.inputs),
            "origin": "comes with LiverPair" if catalogue.is_shipped(bundle) else "imported",
        }
        for bundle in catalogue.list()
    ]
    print(table_text(rows) if rows else "There is no model yet. 'models import' adds one.")
    for folder, reason in catalogue.problems().items():
        print(f"'{folder}' is not usable: {reason}", file=sys.stderr)
    return 0


def show_model(arguments: argparse.Namespace) -> int:
    """Print the card of a model."""
    print(Catalogue().find(arguments.model).card())
    return 0


def import_model(arguments: argparse.Namespace) -> int:
    """Copy a model into the user's."""
    bundle = Catalogue().import_from(arguments.source)
    print(f"Model '{bundle.name}' {bundle.version} is imported.")
    return 0


def delete_model(arguments: argparse.Namespace) -> int:
    """Remove an imported model."""
    Catalogue().delete(arguments.model)
    print(f"Model '{arguments.model}' is deleted.")
    return 0
