"""`models`: list, read about, import and delete trained models."""

import argparse
import sys
from pathlib import Path

from liverpair.bundle import Bundle, Catalogue
from liverpair.bundle.foreign import INPUTS
from liverpair.bundle.foreign_import import is_foreign
from liverpair.core.errors import InputError
from liverpair.evaluation.result_files import table_text


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add `models` and its actions."""
    parser = commands.add_parser("models", help="list, show, import or delete models")
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    actions.add_parser("list", help="the models that are installed").set_defaults(run=list_models)
    show = actions.add_parser("show", help="the card of a model: what it was trained on, how good it is")
    show.add_argument("model", help="name, or folder")
    show.set_defaults(run=show_model)
    add = actions.add_parser(
        "import",
        help="copy a model into your models",
        description="A model of LiverPair, or one that others trained: the results folder of an nnU-Net v2 "
        "(plans.json, dataset.json, fold_0 …) or a MONAI bundle, with the label of the liver or of the lesions.",
    )
    add.add_argument("source", type=Path, help="folder, or zip file of a model of LiverPair")
    theirs = add.add_argument_group("of nnU-Net or MONAI")
    theirs.add_argument("--name", help="what to call it here")
    theirs.add_argument("--liver", metavar="LABEL", help="which label, by name or number, is the liver")
    theirs.add_argument("--lesions", metavar="LABEL", help="which label is a lesion; with --liver there are two models")
    theirs.add_argument("--input", choices=list(INPUTS), default="either", help="what it segments (default: either)")
    theirs.add_argument("--refer", action="store_true", help="leave its files where they are, and remember the place")
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
            "origin": _origin(catalogue, bundle),
            "license": str(bundle.training.get("license", "")) if bundle.foreign else "",
        }
        for bundle in catalogue.list()
    ]
    print(table_text(rows) if rows else "There is no model yet. 'models import' adds one.")
    for folder, reason in catalogue.problems().items():
        print(f"'{folder}' is not usable: {reason}", file=sys.stderr)
    return 0


def _origin(catalogue: Catalogue, bundle: Bundle) -> str:
    if catalogue.is_installed(bundle):
        return "TotalSegmentator's, on this machine"
    return "comes with LiverPair" if catalogue.is_shipped(bundle) else "imported"


def show_model(arguments: argparse.Namespace) -> int:
    """Print the card of a model."""
    print(Catalogue().find(arguments.model).card())
    return 0


def import_model(arguments: argparse.Namespace) -> int:
    """Copy a model into the user's."""
    theirs = arguments.name or arguments.liver or arguments.lesions or arguments.refer
    if is_foreign(arguments.source) and not arguments.name:
        raise InputError(f"'{arguments.source.name}' is a model of another tool.", "Give it a name with --name.")
    if theirs:
        labels = arguments.liver, arguments.lesions
        bundles = Catalogue().import_foreign(
            arguments.source, arguments.name or "", *labels, arguments.input, not arguments.refer
        )
    else:
        bundles = [Catalogue().import_from(arguments.source)]
    for bundle in bundles:
        print(f"Model '{bundle.name}' {bundle.version} is imported.")
    return 0


def delete_model(arguments: argparse.Namespace) -> int:
    """Remove an imported model."""
    Catalogue().delete(arguments.model)
    print(f"Model '{arguments.model}' is deleted.")
    return 0
