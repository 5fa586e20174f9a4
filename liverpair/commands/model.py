"""`model`: from a table of signatures to a variable, and the variable of other lesions."""

import argparse
from pathlib import Path

from liverpair.commands.bar import progress_bar
from liverpair.commands.studies import add_output
from liverpair.core.errors import InputError


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add `model fit` and `model predict`."""
    parser = commands.add_parser("model", help="fit a model to a table of signatures, or predict with one")
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    fit = actions.add_parser(
        "fit",
        help="explain a column by the signatures",
        description="Elastic net and random forest (survival: Cox with an elastic-net penalty), judged by nested "
        "cross-validation by patient and against shuffled targets. Results: model.json, training.csv (what the model "
        "learned from), predictions.csv, report.html.",
    )
    fit.add_argument("table", type=Path, help="table of 'features' with the column to explain, .csv or .parquet")
    fit.add_argument(
        "--target", required=True, metavar="COLUMN", help="what to explain; with --event the time until it"
    )
    fit.add_argument("--event", metavar="COLUMN", help="1 where the event happened, 0 where not: survival")
    fit.add_argument(
        "--task",
        choices=("auto", "classification", "regression", "survival"),
        default="auto",
        help="(default: survival with --event, classification for two values, else regression)",
    )
    fit.add_argument("--patient", metavar="COLUMN", help="whose a row is (default: 'patient', else 'study')")
    fit.add_argument(
        "--leave-out", nargs="+", default=[], metavar="START", help="columns that begin so are no features"
    )
    add_output(fit, help="folder of the model")
    fit.add_argument("--folds", type=int, default=5, metavar="N", help="of the outer cross-validation (default: 5)")
    fit.add_argument("--permutations", type=int, default=100, metavar="N", help="of the target (default: 100)")
    fit.add_argument(
        "--correlation", type=float, default=0.9, metavar="X", help="above it one of two features goes (default: 0.9)"
    )
    fit.add_argument("--seed", type=int, default=0, metavar="N", help="of everything that is drawn (default: 0)")
    fit.set_defaults(run=run_fit)
    predict = actions.add_parser("predict", help="predict the column for the lesions of another table")
    predict.add_argument("model", type=Path, help="folder of the model")
    predict.add_argument("table", type=Path, help="table of 'features', made with the same settings")
    predict.add_argument(
        "-o", "--output", type=Path, required=True, metavar="TABLE", help="the predictions, .csv or .parquet"
    )
    predict.add_argument("--overwrite", action="store_true", help="replace existing results")
    predict.set_defaults(run=run_predict)


def run_fit(arguments: argparse.Namespace) -> int:
    """Fit what the command line names."""
    from liverpair.jobs.result_folder import writable_folder
    from liverpair.statistics.fitted import FILES, MODEL_FILE, check_packages, fit
    from liverpair.statistics.signature_table import table_of

    if (arguments.output / MODEL_FILE).exists() and not arguments.overwrite:
        raise InputError(f"'{arguments.output}' already holds a model.", "Choose another folder, or add --overwrite.")
    if not 0 < arguments.correlation <= 1 or arguments.permutations < 0 or arguments.seed < 0:
        raise InputError("--correlation lies between 0 and 1; permutations and seed are not negative.")
    check_packages()
    asked = arguments.target, arguments.event, arguments.task, arguments.patient, arguments.leave_out
    table = table_of(arguments.table, *asked)
    about = {"table": arguments.table.name, "target": arguments.target, "event": arguments.event}
    numbers = arguments.folds, arguments.permutations, arguments.correlation, arguments.seed
    with writable_folder(arguments.output, FILES), progress_bar() as progress:
        content = fit(table, arguments.output, about, *numbers, progress)
    for one in content["models"]:
        low, high = one["interval"]
        kept = " (kept)" if one["kind"] == content["kind"] else ""
        print(
            f"{one['kind']}{kept}: {content['score']} {one['score']:.3f} ({low:.3f} to {high:.3f}), p = {one['p']:.2g}"
        )
    print("\n".join([*content["warnings"], *table.notes, f"Report: {arguments.output / 'report.html'}"]))
    return 0


def run_predict(arguments: argparse.Namespace) -> int:
    """Predict what the command line names."""
    from liverpair.io.wide_table import table_suffix, write_table
    from liverpair.statistics.fitted import predict

    table_suffix(arguments.output)
    if arguments.output.exists() and not arguments.overwrite:
        raise InputError(f"'{arguments.output}' is there already.", "Choose another name, or add --overwrite.")
    rows, content = predict(arguments.model, arguments.table)
    write_table(arguments.output, rows)
    kept = next(one for one in content["models"] if one["kind"] == content["kind"])
    print(f"{len(rows)} predictions of {content['target']}: {arguments.output}")
    said = f"The model had {content['score']} {kept['score']:.3f} on {content['patients']} patients."
    print(f"{said} {content['warnings'][0]}")
    return 0
