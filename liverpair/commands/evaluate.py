"""`evaluate`: score a model on folders of studies, or detections that were made before; the model's task says how."""

import argparse
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from liverpair.commands.bar import progress_bar
from liverpair.commands.record_options import add_options, given_options
from liverpair.core.errors import InputError
from liverpair.jobs.requests import DetectRequest
from liverpair.jobs.scored_studies import detect_cases, find_studies, read_back
from liverpair.segmentation.segment_options import SegmentOptions

READ_BACK = "--predictions"
SEGMENTATION_OPTIONS = ("t1", "t2", "t1_labels", "t2_labels", "label_value", "mirror", "name", "write")
DETECTION_OPTIONS = ("kinds", "liver_label", "liver_model", "score_floor", "alignment")


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add `evaluate`."""
    parser = commands.add_parser(
        "evaluate",
        help="score a model on a folder of studies",
        usage="python -m liverpair evaluate MODEL [MODEL …] STUDIES [options]\n"
        "       python -m liverpair evaluate DETECTOR STUDIES [STUDIES …] [options]\n"
        f"       python -m liverpair evaluate STUDIES [STUDIES …] {READ_BACK} FOLDER [options]",
        description="Score a model that segments: Dice, surface distances, volumes; several models are averaged. "
        "Score a detector: FROC, average precision, pairing, displacement.",
    )
    parser.add_argument("places", nargs="+", metavar="MODEL STUDIES", help="names or folders of models; folders")
    parser.add_argument("--cases", nargs="+", help="names of the studies to score; all when left out")
    add_options(parser, DetectRequest, "device", "engine")
    parser.add_argument("--description", default="", help="description of the data, for the results")
    parser.add_argument("--results", metavar="NAME", help="write the tables to docs/results/NAME.md and .json too")
    liver = parser.add_argument_group("of a model that segments")
    liver.add_argument("--t1", help="file of the T1 volume in a study (default: t1, of any format)")
    liver.add_argument("--t2", help="file of the T2 volume in a study (default: t2, of any format)")
    liver.add_argument("--t1-labels", help="file of the T1 reference mask (default: t1_liver)")
    liver.add_argument("--t2-labels", help="file of the T2 reference mask (default: t2_liver)")
    liver.add_argument(
        "--label-value",
        help="label of the liver in the reference, when it holds several: a number, or totalsegmentator, amos or chaos "
        "for the liver in such a map",
    )
    add_options(liver, SegmentOptions, "mirror")
    liver.add_argument("--name", help="name of this test in the card (default: test)")
    liver.add_argument(
        "--write", action="store_true", default=None, help="write the table and pictures into the model's folder"
    )
    lesions = parser.add_argument_group(
        "of a detector",
        "Studies are subfolders with t1, t2, lesions.json (the truth; rejected lesions do not count) and, where there "
        "are, t1_liver and t2_liver. A study without lesions.json is left out; one whose lesions.json is empty counts "
        "as healthy.",
    )
    lesions.add_argument(
        READ_BACK,
        type=Path,
        metavar="FOLDER",
        help="score these results, one subfolder with lesions.json per study, as 'detect --studies' writes them; "
        "no MODEL is named then",
    )
    lesions.add_argument(
        "--kinds",
        action="store_true",
        default=None,
        help="score by kind of lesion: its note up to the first comma",
    )
    add_options(lesions, DetectRequest, "liver_label", "liver_model", "score_floor", "alignment")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Score what the command line names; the first model's task says how. Raises `InputError` for studies that cannot
    be scored and options that have no meaning for the task."""
    from liverpair.bundle import Catalogue

    if options.predictions:
        model, places = None, options.places
    else:
        model, places = options.places[0], options.places[1:]
        if not places:
            raise InputError("No folder of studies is given.", f"Name one after the model '{model}'.")
    command = shlex.join(["python", "-m", "liverpair", *options.words])
    if model is None or Catalogue().find(model).task == "detection":
        _refuse(options, SEGMENTATION_OPTIONS, "a detector")
        _evaluate_detection(model, places, options, command)
    else:
        _refuse(options, DETECTION_OPTIONS, "a model that segments")
        _evaluate_segmentation([model, *places[:-1]], Path(places[-1]), options, command)
    return 0


def _refuse(options: argparse.Namespace, names: Sequence[str], what: str) -> None:
    given = [name for name in names if getattr(options, name) is not None]
    if given:
        raise InputError(f"--{given[0].replace('_', '-')} is no option for {what}.", "'evaluate --help' lists them.")


def _evaluate_segmentation(models: Sequence[str], studies: Path, options: argparse.Namespace, command: str) -> None:
    """Score models together, print the tables, and with `--write` update the card."""
    from liverpair.bundle import Catalogue
    from liverpair.bundle.bundle import PICTURES_FOLDER
    from liverpair.evaluation.result_files import table_text, write_results
    from liverpair.evaluation.score_segmentation import References, score, spread, summary_of, write_metrics

    bundles = [Catalogue().find(name) for name in models]
    if options.write and len(bundles) > 1:
        raise InputError("--write needs exactly one model.", "Leave out --write.")
    pictures = bundles[0].folder / PICTURES_FOLDER if options.write else None
    if pictures:
        pictures.mkdir(exist_ok=True)
    given = {name: getattr(options, name) for name in ("t1", "t2", "t1_labels", "t2_labels", "label_value")}
    files = References(**{name: value for name, value in given.items() if value is not None})
    how = SegmentOptions(**given_options(options, SegmentOptions))
    test = options.name or "test"
    rows = score(bundles, studies, options.cases, files, how, pictures, test)
    summary = summary_of(rows)
    if options.results:
        data = options.description or studies.name
        write_results(options.results, rows, command, data=data, values=spread(rows))
    else:
        print(table_text(rows))
    print(table_text([{"measure": key, **value} for key, value in summary.items()]))
    if options.write:
        write_metrics(bundles[0], test, options.description, command, rows, summary)


def _evaluate_detection(model: str | None, places: Sequence[str], options: argparse.Namespace, command: str) -> None:
    """Score a detector, or results that are there, print the tables and, when asked, write them."""
    from liverpair.evaluation.score_detection import score_cases

    studies, kinds = find_studies([Path(place) for place in places], options.cases), bool(options.kinds)
    with progress_bar() as progress:
        if model is None:
            cases = [read_back(study, options.predictions, kinds, options.liver_label) for study in studies]
        else:
            request = {**given_options(options, DetectRequest), "model": model, "output": "."}
            cases = detect_cases(studies, request, kinds, progress)
    _report(score_cases(cases), command, options, places)


def _report(result: Mapping[str, Any], command: str, options: argparse.Namespace, places: Sequence[str]) -> None:
    from liverpair.evaluation.result_files import table_text, write_results

    others = {"By size and kind": result["detection"], "Pairs": result["pairing"], "By study": result["cases"]}
    others = {title: table_text(rows) for title, rows in others.items() if rows}
    rows = [{"measure": key, "value": value} for key, value in result["values"].items()]
    if options.results:
        write_results(
            options.results,
            rows,
            command,
            data=options.description or ", ".join(places),
            values=result["values"],
            notes=[
                "Single figures are of lesions from 10 mm on, at IoU 0.1 and 2 false boxes per volume; pairs and "
                "studies are judged at that score. T1 and T2 are two volumes; a lesion counts where it has a box.",
                *(f"## {title}\n\n{text}" for title, text in others.items()),
            ],
        )
    else:
        print(table_text(rows))
    for title, text in others.items():
        print(f"\n{title}\n\n{text}")
