"""The job "phases": the signal of every lesion in further series of the visit."""

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import SimpleITK as sitk

from liverpair.core.errors import InputError, Progress, part_of
from liverpair.core.geometry import check_volume
from liverpair.core.lesion_findings import PHASES, PhaseSignal, phases_as_json
from liverpair.core.lesions import Lesion, read_lesions, write_lesions
from liverpair.core.sides import Side
from liverpair.io.study import read_image
from liverpair.jobs.pair_inputs import check_liver, liver_of, read_side
from liverpair.jobs.phases_request import PHASES_FILES, PhasesRequest
from liverpair.jobs.result_folder import staging_folder, writable_folder
from liverpair.jobs.segment_job import check_choices
from liverpair.measures.contrast import contrast_to_liver
from liverpair.measures.lesion_labels import LesionLabels
from liverpair.measures.phases import enhancement_curve, lirads_inputs, phase_signal
from liverpair.registration.phases import BY_OFFSET, CarriedPhase, carried

SUMMARY, LESIONS = PHASES_FILES
SCHEMA_VERSION = 1
READ, MEASURED = 0.1, 0.95


def phases(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Measure the lesions of `request` (see `PhasesRequest`) in its series; write `lesions.json`, in which every lesion
    has its signals, and `phases.json`.

    A series goes with T1, diffusion with T2, where those are given; its liver brings it there. Returns what
    `phases.json` says: {"phases": by phase {"side", "carried": how, "dice"}, "lesions": by uid {"number", "phases",
    "curve", "inputs": what LI-RADS asks as numbers}, "notes"}, and "lesions_file". Raises any `LiverPairError`, and
    `Cancelled` through `progress`.
    """
    wanted = PhasesRequest.parse(request)
    bundles = wanted.bundles()
    check_choices(bundles, wanted.device, "auto")
    output = wanted.folder()
    with writable_folder(output, PHASES_FILES), staging_folder(output) as staging:
        progress(0.0, "Reading the study")
        lesions = read_lesions(wanted.lesions)
        sides = {side: _Side(wanted, side) for side in wanted.sides}
        notes = [note for side in sides.values() for note in side.notes]
        told, signals = {}, {lesion.uid: dict(lesion.phases) for lesion in lesions}
        for step, key in enumerate(key for key in PHASES if key in wanted.phases):
            report = part_of(progress, *(READ + (MEASURED - READ) * (step + n) / len(wanted.phases) for n in (0, 1)))
            report(0.0, f"The {PHASES[key]} series")
            own = sides[_side_of(key, sides)]
            phase, liver, said = _read(wanted, key, bundles, report)
            one = carried(phase, liver, own.image, own.liver, part_of(report, 0.5, 1.0))
            notes += said + ([_by_centroids(key)] if one.way == BY_OFFSET else [])
            told[key] = {"side": own.side, "carried": one.way, "dice": one.dice}
            notes += _measure(key, one, own, lesions, signals)
        measured = [replace(lesion, phases=signals[lesion.uid]) for lesion in lesions]
        content = {
            "schema_version": SCHEMA_VERSION,
            "phases": told,
            "lesions": {one.uid: _described(one, sides.get(Side.T2), lesions) for one in measured},
            "notes": list(dict.fromkeys(notes)),
        }
        progress(1.0, "Saving the results")
        text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        write_lesions(Path(staging) / LESIONS, measured)
        (Path(staging) / SUMMARY).write_text(text, encoding="utf-8")
        for name in reversed(PHASES_FILES):
            os.replace(Path(staging) / name, output / name)
    return {**json.loads(text), "lesions_file": str(output / LESIONS)}


class _Side:
    """T1 or T2 with what is needed of it."""

    def __init__(self, wanted: PhasesRequest, side: Side):
        self.side = side
        liver = getattr(wanted, f"{side}_liver")
        self.image, self.liver, self.notes = read_side(side, getattr(wanted, side), liver, wanted.liver_label)
        if self.liver is None:
            raise InputError(
                f"{side.title} has no liver mask, with which a lesion is compared in every phase.",
                "Segment the liver first.",
            )
        path = getattr(wanted, f"{side}_lesions")
        self.labels = LesionLabels(read_image(path), self.image, name=side.title) if path is not None else None

    def number(self, lesion: Lesion) -> int | None:
        """Of a lesion that has a mask."""
        return lesion.number if self.labels is not None and lesion.number in self.labels.boxes else None


def _side_of(key: str, sides: Mapping[Side, _Side]) -> Side:
    first = Side.T2 if key == "dwi" else Side.T1
    return first if first in sides else first.other


def _read(
    wanted: PhasesRequest, key: str, bundles: list[Any], progress: Progress
) -> tuple[sitk.Image, sitk.Image | None, list[str]]:
    """A series, its liver, and sentences about both."""
    from liverpair.segmentation.inference import SegmentOptions, segment

    name = f"The {PHASES[key]} series"
    image = read_image(wanted.phases[key])
    check_volume(image, name)
    if key in wanted.phase_livers:
        mask, said = liver_of(read_image(wanted.phase_livers[key]), name, wanted.liver_label)
        check_liver(mask, image, name)
        return image, mask, said
    side = Side.T2 if key == "dwi" else Side.T1
    pair = (None, image) if side is Side.T2 else (image, None)
    found = segment(*pair, bundles, SegmentOptions(wanted.device), progress)
    liver = getattr(found, side).liver
    if not sitk.GetArrayViewFromImage(liver).any():
        return image, None, [f"{name}: no liver was found in it, so it stays where it was scanned."]
    return image, liver, []


def _measure(
    key: str, one: CarriedPhase, own: _Side, lesions: list[Lesion], signals: dict[str, dict[str, PhaseSignal]]
) -> list[str]:
    """Put the signals of a phase among those of the lesions; sentences about lesions that it does not reach."""
    counted = [lesion for lesion in lesions if lesion.state != "rejected" and lesion.seen(own.side) is not None]
    others = [lesion.box(own.side) for lesion in counted if own.number(lesion) is None]
    missed = []
    for lesion in counted:
        labels = own.labels.labels if own.labels is not None else None
        box, number = lesion.box(own.side), own.number(lesion)
        found = phase_signal(one.image, one.seen, box, own.liver, others, labels, number)
        signals[lesion.uid].pop(key, None)
        if found is None:
            missed.append(str(lesion.number))
        else:
            signals[lesion.uid][key] = found
    if not missed:
        return []
    return [f"Not measured in the {PHASES[key]} series, which does not reach them or their liver: {', '.join(missed)}."]


def _described(lesion: Lesion, t2: _Side | None, lesions: list[Lesion]) -> dict[str, Any]:
    contrast = None
    if t2 is not None and (box := lesion.seen(Side.T2)) is not None:
        others = [one.seen(Side.T2) for one in lesions if one.seen(Side.T2) is not None and t2.number(one) is None]
        labels = t2.labels.labels if t2.labels is not None else None
        contrast = contrast_to_liver(t2.image, t2.liver, box, others, labels=labels, number=t2.number(lesion))
    return {
        "number": lesion.number,
        "phases": phases_as_json(lesion.phases),
        "curve": enhancement_curve(lesion.phases),
        "inputs": lirads_inputs(lesion.phases, contrast),
    }


def _by_centroids(key: str) -> str:
    return f"The {PHASES[key]} series could not be registered: it was carried by the centroids of the livers."
