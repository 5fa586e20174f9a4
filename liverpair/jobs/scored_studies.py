"""Detections on studies whose lesions somebody marked, ready to be scored."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from liverpair.core.errors import InputError, Progress, part_of
from liverpair.core.sides import Side
from liverpair.io.study_list import study_folders
from liverpair.jobs.detect_results import LESIONS_FILE, read_detection
from liverpair.jobs.requests import DetectRequest
from liverpair.jobs.study_batch import study_parts

if TYPE_CHECKING:
    from liverpair.core.lesions import Lesion
    from liverpair.evaluation.score_detection import ScoredCase


@dataclass(frozen=True)
class EvaluatedStudy:
    """A study to score: its name in the table, and its folder."""

    name: str
    folder: Path


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
    masks = [parts[f"{side}_liver"] for side in Side]
    if None in masks:
        raise InputError(f"Study '{study.name}' has no liver masks.", "Add t1_liver.nii.gz and t2_liver.nii.gz.")
    livers = [liver_of(read_image(mask), side.title, liver_label)[0] for mask, side in zip(masks, Side)]
    return liver_offset(*livers)


def _truth(study: EvaluatedStudy) -> "list[Lesion]":
    from liverpair.core.lesions import read_lesions

    return [pair for pair in read_lesions(study.folder / LESIONS_FILE) if pair.state != "rejected"]


def _case(
    study: EvaluatedStudy,
    truth: "list[Lesion]",
    predicted: "Sequence[Lesion]",
    offset_mm: Sequence[float],
    kinds: bool,
) -> "ScoredCase":
    from liverpair.evaluation.score_detection import ScoredCase

    named = {pair.uid: pair.note.split(",")[0].strip() for pair in truth} if kinds else {}
    return ScoredCase(study.name, predicted, truth, kinds=named, offset_t1_to_t2_mm=tuple(map(float, offset_mm)))
