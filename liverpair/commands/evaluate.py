"""`evaluate`: score a model on folders of studies, or detections that were made before; the model's task says how."""

import argparse
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from liverpair.bundle.catalogue import DEFAULT_LIVER_MODEL
from liverpair.commands.bar import progress_bar
from liverpair.commands.detect import study_parts
from liverpair.commands.earlier_options import add_option
from liverpair.commands.studies import study_folders
from liverpair.core.errors import BundleError, InputError, Progress, part_of
from liverpair.jobs.detect_results import LESIONS_FILE, read_detection
from liverpair.jobs.requests import LABEL_OPTION, DetectRequest
from liverpair.jobs.segment_results import SIDES

if TYPE_CHECKING:
    from liverpair.core.lesions import LesionPair
    from liverpair.evaluation.score_detection import ScoredCase

READ_BACK = "--predictions"
HELP = ("-h", "--help")


def run_evaluate(words: list[str]) -> int:
    """`evaluate MODEL STUDIES …`: everything after the command."""
    if words and words[0] not in HELP and _is_about_detection(words):
        return evaluate_detection(words)
    from liverpair.evaluation import score_segmentation as evaluate

    if words and words[0] in HELP:
        print("Of a detector: evaluate MODEL --help. Of a model that segments:\n")
    return evaluate.main(words) or 0


def make_parser() -> argparse.ArgumentParser:
    """The options for a detector."""
    parser = argparse.ArgumentParser(
        prog="python -m liverpair evaluate",
        usage="python -m liverpair evaluate MODEL STUDIES [STUDIES …] [options]\n"
        f"       python -m liverpair evaluate STUDIES [STUDIES …] {READ_BACK} FOLDER [options]",
        description="Score paired detection: FROC, average precision, pairing, displacement. Studies are subfolders "
        "with t1, t2, lesions.json (the truth; rejected lesions do not count) and, where there are, t1_liver and "
        "t2_liver. A study without lesions.json is left out; one whose lesions.json is empty counts as healthy.",
    )
    parser.add_argument("places", nargs="+", metavar="MODEL STUDIES", help="name or folder of the detector; folders")
    parser.add_argument(
        READ_BACK,
        type=Path,
        metavar="FOLDER",
        help="score these results, one subfolder with lesions.json per study, as 'detect --studies' writes them; "
        "no MODEL is named then",
    )
    parser.add_argument("--cases", nargs="+", help="names of the studies to score; all when left out")
    parser.add_argument("--kinds", action="store_true", help="kind of a lesion: its note up to the first comma")
    parser.add_argument(LABEL_OPTION, metavar="LABEL", help="label of the liver in masks of several, as for 'detect'")
    parser.add_argument("--liver-model", action="append", metavar="MODEL", help="makes the masks that are missing")
    add_option(
        parser,
        "--score-floor",
        "--threshold",
        type=float,
        metavar="SCORE",
        help="lowest score (default: what the model says)",
    )
    parser.add_argument("--alignment", help="aligned or published (default: what the model says)")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--description", default="", help="what the results say about the data")
    parser.add_argument("--results", metavar="NAME", help="write the tables to docs/results/NAME.md and .json too")
    return parser


@dataclass(frozen=True)
class EvaluatedStudy:
    """A study to score: its name in the table, and its folder."""

    name: str
    folder: Path


def evaluate_detection(words: Sequence[str]) -> int:
    """Score a detector, print the tables and, when asked, write them. Raises `InputError` for studies that cannot be
    scored."""
    options = make_parser().parse_args(words)
    model, places = (None, options.places) if options.predictions else (options.places[0], options.places[1:])
    if not places:
        raise InputError("No folder of studies is given.", f"Name one after the model '{model}'.")
    studies = find_studies([Path(place) for place in places], options.cases)
    from liverpair.evaluation.score_detection import score_cases

    with progress_bar() as progress:
        if model is None:
            cases = [read_back(study, options.predictions, options.kinds, options.liver_label) for study in studies]
        else:
            cases = detect_cases(studies, _request(model, options), options.kinds, progress)
    result = score_cases(cases)
    _report(result, shlex.join(["python", "-m", "liverpair", "evaluate", *words]), options, places)
    return 0


def find_studies(places: Sequence[Path], names: Sequence[str] | None = None) -> list[EvaluatedStudy]:
    """The studies with `lesions.json` in these folders, those called `names` alone when given; of two with one name
    each has that of its place before it.

    Says on standard error which have none. Raises `InputError` when nothing is left, or one of `names` is not there.
    """
    folders = [folder for place in places for folder in study_folders(place)]
    if names:
        missing = sorted(set(names) - {folder.name for folder in folders})
        if missing:
            raise InputError(f"There is no study '{missing[0]}' in {' or '.join(map(repr, map(str, places)))}.")
        folders = [folder for folder in folders if folder.name in names]
    for folder in folders:
        if not (folder / LESIONS_FILE).is_file():
            print(f"'{folder}' has no {LESIONS_FILE}; it is left out.", file=sys.stderr)
    folders = [folder for folder in folders if (folder / LESIONS_FILE).is_file()]
    if not folders:
        raise InputError(f"No study has a {LESIONS_FILE} to be scored with.", "Annotate one, or check the folder.")
    alone = [folder.name for folder in folders]
    return [
        EvaluatedStudy(folder.name if alone.count(folder.name) == 1 else f"{folder.parent.name}/{folder.name}", folder)
        for folder in folders
    ]


def detect_cases(
    studies: Sequence[EvaluatedStudy], request: Mapping[str, Any], kinds: bool, progress: Progress
) -> "list[ScoredCase]":
    """What a detector finds in every study; `request` has the fields of a `DetectRequest` but volumes and masks."""
    from liverpair.detection.inference import detect
    from liverpair.detection.preparation import liver_offset
    from liverpair.jobs.pair_inputs import read_pair

    truths = [_truth(study) for study in studies]
    cases = []
    for number, (study, truth) in enumerate(zip(studies, truths)):
        report = part_of(progress, number / len(studies), (number + 1) / len(studies))
        wanted = DetectRequest.parse({**request, **study_parts(study.folder)})
        bundle, liver_bundles = wanted.models()
        inputs = read_pair(wanted.parts, liver_label=wanted.liver_label)
        found = detect(
            *inputs.images,
            bundle,
            inputs.livers,
            liver_bundles,
            wanted,
            lambda fraction, message, study=study, report=report: report(fraction, f"{study.name}: {message}"),
        )
        cases.append(_case(study, truth, found.pairs, liver_offset(*found.livers), kinds))
    return cases


def read_back(study: EvaluatedStudy, predictions: Path, kinds: bool, liver_label: str | None = None) -> "ScoredCase":
    """A study with the results of an earlier `detect`, or another's `lesions.json`. Raises `InputError` when there are
    none."""
    from liverpair.core.lesions import read_lesions

    folder = predictions / study.name
    if not (folder / LESIONS_FILE).is_file():
        raise InputError(
            f"There is no result of study '{study.name}' in '{predictions}'.", "Run 'detect --studies' first."
        )
    found, offset_t1_to_t2_mm = read_lesions(folder / LESIONS_FILE), _offset_mm(study, folder, liver_label)
    return _case(study, _truth(study), found, offset_t1_to_t2_mm, kinds)


def _offset_mm(study: EvaluatedStudy, results: Path, liver_label: str | None) -> Sequence[float]:
    """Centroid of the T2 liver minus that of the T1 liver: as the detection had it, else by the study's own masks."""
    from liverpair.detection.preparation import liver_offset
    from liverpair.io.study import read_image
    from liverpair.jobs.pair_inputs import liver_of

    detection = read_detection(results)
    if detection is not None:
        return detection["offset_t1_to_t2_mm"]
    parts = study_parts(study.folder)
    masks = [parts[f"{side}_liver"] for side in SIDES]
    if None in masks:
        raise InputError(
            f"Nothing says where the livers of study '{study.name}' lie.", "Add t1_liver.nii.gz and t2_liver.nii.gz."
        )
    livers = [liver_of(read_image(mask), side.upper(), liver_label)[0] for mask, side in zip(masks, SIDES)]
    return liver_offset(*livers)


def _is_about_detection(words: Sequence[str]) -> bool:
    if any(word.split("=")[0] == READ_BACK for word in words):
        return True
    from liverpair.bundle import Catalogue

    try:
        return Catalogue().find(words[0]).task == "detection"
    except BundleError:  # the other command says it as well
        return False


def _request(model: str, options: argparse.Namespace) -> dict[str, Any]:
    return {
        "model": model,
        "liver_label": options.liver_label,
        "liver_model": options.liver_model or [DEFAULT_LIVER_MODEL],
        "score_floor": options.score_floor,
        "alignment": options.alignment,
        "device": options.device,
        "engine": options.engine,
        "output": ".",
    }


def _truth(study: EvaluatedStudy) -> "list[LesionPair]":
    from liverpair.core.lesions import read_lesions

    return [pair for pair in read_lesions(study.folder / LESIONS_FILE) if pair.state != "rejected"]


def _case(
    study: EvaluatedStudy,
    truth: "list[LesionPair]",
    predicted: "Sequence[LesionPair]",
    offset_mm: Sequence[float],
    kinds: bool,
) -> "ScoredCase":
    from liverpair.evaluation.score_detection import ScoredCase

    named = {pair.uid: pair.note.split(",")[0].strip() for pair in truth} if kinds else {}
    return ScoredCase(study.name, predicted, truth, kinds=named, offset_t1_to_t2_mm=tuple(map(float, offset_mm)))


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
