"""The chain from two volumes to the numbers of a report, on synthetic lesions with known truth: diameter, volume, tumor
burden, which lesion is which at the next visit, and the response; by masks, masks drawn in boxes, and ellipsoids.

A reader who draws perfectly stands beside the detectors: what is lost with true boxes is lost by boxes alone. Studies
that were measured are kept in the folder of runs: the same command goes on from there.
"""

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from scipy.optimize import linear_sum_assignment

from liverpair.bundle import Bundle, Catalogue
from liverpair.core.atomic import written_whole
from liverpair.core.device import choose_device
from liverpair.core.errors import InputError
from liverpair.core.geometry import Grid
from liverpair.core.lesions import Lesion
from liverpair.core.sides import Side
from liverpair.detection.box_masks import BoxDrawer, BoxNetwork, network_in_boxes
from liverpair.evaluation.result_files import table_text, write_results
from liverpair.jobs.masks_request import DEFAULT_DRAWER
from liverpair.measures.boxes import iou_mm, label_boxes
from liverpair.measures.burden import lesion_measures, summary
from liverpair.measures.lesion_rows import LesionRow
from liverpair.measures.recist import axial_spacing_mm
from liverpair.measures.response import Followed, response
from liverpair.registration.livers import cached_registration
from liverpair.registration.visit_images import refined
from liverpair.registration.visits import link_visits
from liverpair.synthesis.paired_lesions_evaluation import read_lesion_cases
from reproduction.arguments import add_places, command_of, results_folder
from reproduction.chapter1.chain_visits import KnownVisit, two_visits

NAME = "chain"
VERSION = 6
"""Goes up when kept measurements are no longer those that would be made."""
DETECTORS = ("lesion-pairs-t1t2", "lesions-real")
READ = ("drawn", "bright", "box")
"""What says something of a reader whose masks are the truth."""
FOUND_IOU = 0.1
LARGE_MM = 15.0
AROUND_MM = 40.0
READER = "perfect reader"
BASES = {
    "mask": "masks",
    "drawn": f"masks drawn in the boxes by {DEFAULT_DRAWER}",
    "bright": "masks drawn in the boxes by brightness",
    "box": "boxes, ellipsoids",
}

DATA = (
    "synthetic lesions in real MRI: the evaluation set in CHAOS MR cases 10, 21, 32 and 34, each study followed by a "
    "second visit with the same lesions grown, shrunk, gone or new, in livers bent by 6 mm (SD, smooth over 40 mm) and "
    "moved by up to 15 mm"
)
NOTES = (
    f"*diameter*, *volume*: absolute error of the lesions that were found (IoU of boxes from {FOUND_IOU:g}) and are "
    f"truly {LARGE_MM:g} mm or more, T1 and T2 together; *bias*: its median with sign. *by "
    "brightness*: by the value half-way between the middle of a box and what surrounds it. *burden*: absolute error of "
    "a study and image, of all that a reader is shown at first, false findings included. *links*: of the lesions that "
    "were found at both visits, those linked to themselves. *fates*: of all true lesions, those that were linked to "
    "themselves, or told to be new or gone, rightly. *response*: studies and images with the category of the truth, "
    "chance would give about a third. The truth is the painted label on the image's own grid: a "
    "perfect reader's masks are the truth, and their zeros say nothing.",
    "What would look good for the wrong reason: errors are of found lesions, and would fall if only easy ones were "
    "found (*found*, of *lesions* of that size); the later visit is of the same real images, so that its noise and "
    "vessels are those of the first, which makes it easier than months do; the livers are those drawn by hand.",
)


@dataclass(frozen=True)
class Reading:
    """What an observer says of a visit: lesions that count, and their masks by side (empty without)."""

    lesions: list[Lesion]
    masks: Mapping[Side, sitk.Image]


def measured_study(visits: Sequence[KnownVisit], read: Sequence[Reading]) -> dict[str, Any]:
    """The errors of one observer in one study, by basis ("mask", "box"), as JSON holds them."""
    truth_rows = [rows_of(visit, Reading(visit.lesions, visit.labels)) for visit in visits]
    matches = [matched(one.lesions, visit.lesions) for one, visit in zip(read, visits)]
    links = _links(visits, read)
    result: dict[str, Any] = {
        "true_lesions": sum(map(_count_large, truth_rows)),
        "links": _linked(links, matches),
        "fates": _fates(visits, links, matches),
    }
    for basis in BASES:
        if basis == "mask" and not all(one.masks for one in read):
            continue
        rows = [rows_of(visit, measured_from(basis, visit, one)) for visit, one in zip(visits, read)]
        result[basis] = {
            "lesions": [e for v in (0, 1) for e in _lesion_errors(rows[v], truth_rows[v], matches[v])],
            "burden": [
                abs(_burden(rows[v], visits[v])[side] - _burden(truth_rows[v], visits[v])[side])
                for v in (0, 1)
                for side in Side
            ],
            "response": _responses(visits, rows, links),
        }
    true_links = [(lesion.uid, lesion.uid) for lesion in visits[0].lesions if _by_uid(visits[1].lesions, lesion.uid)]
    result["true_response"] = _responses(visits, truth_rows, _all_links(visits, true_links))
    return result


def measured_from(basis: str, visit: KnownVisit, read: Reading) -> Reading:
    """What was read, with the masks that a row of the table measures."""
    if basis == "mask":
        return read
    drawer, masks = BoxDrawer(_default_drawer() if basis == "drawn" else None), {}
    for side in Side if basis != "box" else ():
        boxes = {one.number: box for one in read.lesions if (box := one.seen(side)) is not None}
        masks[side], _, _ = drawer.draw(visit.images[side], boxes)
    return replace(read, masks=masks)


@cache
def _default_drawer() -> BoxNetwork:
    return network_in_boxes(Catalogue().find(DEFAULT_DRAWER), choose_device("cpu"))


def rows_of(visit: KnownVisit, read: Reading) -> list[LesionRow]:
    """The measures of what was read."""
    return lesion_measures(read.lesions, visit.images, None, read.masks)


def matched(found: Sequence[Lesion], truth: Sequence[Lesion]) -> dict[str, str]:
    """uid found to true uid: the assignment with the largest overlap of boxes, in the image where it is larger."""
    overlap = np.zeros((len(found), len(truth)))
    for side in Side:
        rows = [n for n, lesion in enumerate(found) if lesion.seen(side) is not None]
        columns = [n for n, lesion in enumerate(truth) if lesion.seen(side) is not None]
        if rows and columns:
            boxes = [found[n].seen(side) for n in rows], [truth[n].seen(side) for n in columns]
            part = np.ix_(rows, columns)
            overlap[part] = np.maximum(overlap[part], iou_mm(*boxes))
    chosen = zip(*linear_sum_assignment(overlap, maximize=True))
    return {found[i].uid: truth[j].uid for i, j in chosen if overlap[i, j] >= FOUND_IOU}


def _lesion_errors(
    rows: Sequence[LesionRow], truth: Sequence[LesionRow], match: Mapping[str, str]
) -> list[dict[str, float]]:
    """Of every true lesion that was found in an image."""
    true = {row.uid: row for row in truth}
    errors = []
    for row in rows:
        for side in Side if row.uid in match else ():
            own, its = row.sides[side], true[match[row.uid]].sides[side]
            if own.diameter_mm is not None and its.diameter_mm is not None:
                errors.append(
                    {
                        "true_mm": its.diameter_mm,
                        "diameter_mm": own.diameter_mm - its.diameter_mm,
                        "volume_percent": 100 * (own.volume_ml / its.volume_ml - 1),
                    }
                )
    return errors


def _burden(rows: Sequence[LesionRow], visit: KnownVisit) -> dict[Side, float]:
    found = summary((), visit.images, visit.livers, rows=rows)
    return {side: found[f"{side}_burden_percent"] for side in Side}


def _links(visits: Sequence[KnownVisit], read: Sequence[Reading]) -> list[tuple[str | None, str | None]]:
    found = {}
    for side in Side:
        images, livers = ([_near(visit.livers[side], of(visit)[side]) for visit in visits] for of in (_images, _livers))
        found[side] = refined(*images, tuple(livers), cached_registration(*livers))
    links = link_visits(read[0].lesions, read[1].lesions, found)
    return [(link.earlier and link.earlier.uid, link.later and link.later.uid) for link in links]


def _images(visit: KnownVisit) -> Mapping[Side, sitk.Image]:
    return visit.images


def _livers(visit: KnownVisit) -> Mapping[Side, sitk.Image]:
    return {side: liver != 0 for side, liver in visit.livers.items()}


def _near(liver: sitk.Image, image: sitk.Image) -> sitk.Image:
    """Of an image, so much around the liver as a registration looks at, which is quicker than all of it."""
    (box,) = label_boxes(liver != 0).values()
    low = Grid.of(liver).index(box.corners_mm[0]) - np.divide(AROUND_MM, liver.GetSpacing())
    high = Grid.of(liver).index(box.corners_mm[-1]) + np.divide(AROUND_MM, liver.GetSpacing())
    start = np.maximum(np.floor(low), 0).astype(int)
    size = np.minimum(np.ceil(high).astype(int) + 1, liver.GetSize()) - start
    return sitk.RegionOfInterest(image, size.tolist(), start.tolist())


def _linked(links: Sequence[tuple[str | None, str | None]], matches: Sequence[Mapping[str, str]]) -> list[int]:
    """Right links, of how many lesions that were found at both visits."""
    own = [{true: found for found, true in match.items()} for match in matches]
    both = [uid for uid in own[0] if uid in own[1]]
    return [sum((own[0][uid], own[1][uid]) in links for uid in both), len(both)]


def _fates(
    visits: Sequence[KnownVisit],
    links: Sequence[tuple[str | None, str | None]],
    matches: Sequence[Mapping[str, str]],
) -> list[int]:
    """True lesions whose fate was told rightly, of how many."""
    own = [{true: found for found, true in match.items()} for match in matches]
    uids = dict.fromkeys(lesion.uid for visit in visits for lesion in visit.lesions)
    right = 0
    for uid in uids:
        there = [_by_uid(visit.lesions, uid) is not None for visit in visits]
        found = [own[v].get(uid) for v in (0, 1)]
        told = (found[0], found[1]) in links and any(found)
        right += bool(told and [f is not None for f in found] == there)
    return [right, len(uids)]


def _responses(
    visits: Sequence[KnownVisit], rows: Sequence[Sequence[LesionRow]], links: Sequence[tuple[str | None, str | None]]
) -> dict[str, str]:
    by_uid = [{row.uid: row for row in own} for own in rows]
    told = {}
    for side in Side:
        followed = [
            Followed(
                str(n),
                tuple(0.0 if uid is None else by_uid[v][uid].sides[side].diameter_mm for v, uid in enumerate(link)),
            )
            for n, link in enumerate(links)
        ]
        slice_mm = axial_spacing_mm(Grid.of(visits[0].images[side]))
        told[side.key] = response(followed, slice_mm=slice_mm).category
    return told


def _all_links(visits: Sequence[KnownVisit], links: list[tuple[str, str]]) -> list[tuple[str | None, str | None]]:
    both = {uid for uid, _ in links}
    gone = [(lesion.uid, None) for lesion in visits[0].lesions if lesion.uid not in both]
    return [*links, *gone, *((None, lesion.uid) for lesion in visits[1].lesions if lesion.uid not in both)]


def _by_uid(lesions: Sequence[Lesion], uid: str) -> Lesion | None:
    return next((lesion for lesion in lesions if lesion.uid == uid), None)


def _count_large(rows: Sequence[LesionRow]) -> int:
    return sum((row.sides[side].diameter_mm or 0.0) >= LARGE_MM for row in rows for side in Side)


def detected(bundle: Bundle, visit: KnownVisit) -> Reading:
    """What a detector shows a reader at first, in the drawn livers; uids say nothing of the truth."""
    from liverpair.detection.inference import DetectOptions, detect

    found = detect(*visit.images.values(), bundle, tuple(visit.livers.values()), (), DetectOptions())
    shown = [lesion for lesion in found.pairs if lesion.is_shown(found.provenance["display_threshold"])]
    return Reading(shown, dict(zip(Side, found.masks)))


def main(arguments: Sequence[str]) -> None:
    """Measure what is not kept yet, write."""
    parser = argparse.ArgumentParser(prog=f"python -m reproduction {NAME}", description=__doc__)
    parser.add_argument("--data", default="${LIVERPAIR_DATA}/chaos_mr", help="folder of the real pairs")
    parser.add_argument(
        "--models", nargs="*", default=list(DETECTORS), help=f"detectors (default: {' '.join(DETECTORS)})"
    )
    parser.add_argument("--sets", type=int, default=8, help="sets of lesions of each real pair (default: all 8)")
    add_places(parser, "one study")
    options = parser.parse_args(arguments)
    folder = Path(os.path.expandvars(options.data))
    if not folder.is_dir():
        raise InputError(f"The folder of real pairs '{folder}' does not exist.", "Set LIVERPAIR_DATA, or give --data.")
    results = results_folder(options)
    everything = read_lesion_cases()
    place = {one.name: [o.name for o in everything if o.case == one.case].index(one.name) for one in everything}
    cases = sorted((one for one in everything if place[one.name] < options.sets), key=lambda one: place[one.name])
    cases = cases[:1] if options.smoke else cases
    kept: dict[str, dict[str, Any]] = {READER: {}, **{name: {} for name in options.models}}
    bundles = {name: Catalogue().find(name) for name in options.models}
    for name in kept:
        made_by = bundles[name].sha256[:8] if name in bundles else "reader"
        for number, case in enumerate(cases, start=1):
            print(f"{name}: study {number} of {len(cases)}", end="\r", file=sys.stderr)
            path = options.runs / NAME / f"{case.name}-{made_by}-{VERSION}.json"
            if not path.is_file():
                *visits, course = two_visits(folder, case, [one for one in everything if one.case == case.case])
                read = [Reading(v.lesions, v.labels) if name == READER else detected(bundles[name], v) for v in visits]
                with written_whole(path) as draft:
                    draft.write_text(json.dumps({"course": course, **measured_study(visits, read)}), encoding="utf-8")
            kept[name][case.name] = json.loads(path.read_text(encoding="utf-8"))
    print(file=sys.stderr)
    write(kept, bundles, results, command_of(NAME, arguments))


def write(kept: Mapping[str, Mapping[str, Any]], bundles: Mapping[str, Bundle], folder: Path, command: str) -> None:
    """The table, and the figures that programs read."""
    rows, values = [], {}
    for name, studies in kept.items():
        for basis in BASES:
            if not any(basis in study for study in studies.values()):
                continue
            row = figures(studies, basis)
            rows.append({"observer": name, "measured from": BASES[basis], **row})
            values[f"{name} {basis}"] = row
    bys = [
        table_text(by_size(studies, basis))
        for studies, basis in [*((kept[READER], b) for b in READ), *((kept[n], b) for n in bundles for b in BASES)]
        if any(basis in study for study in studies.values())
    ]
    titles = [
        *(f"{READER}, {BASES[b]}" for b in READ),
        *(f"{n}, {BASES[b]}" for n in bundles for b in BASES if any(b in s for s in kept[n].values())),
    ]
    write_results(
        NAME,
        rows,
        command,
        data=DATA,
        title="The chain from images to the numbers of a report",
        by_key=values,
        values=single_figures(values, list(bundles)),
        notes=[
            *NOTES,
            *(f"## {title}, by true diameter\n\n{text}" for title, text in zip(titles, bys)),
            *(f"{b.name} {b.version}, weights {b.sha256[:12]}." for b in bundles.values()),
        ],
        folder=folder,
    )


def single_figures(rows: Mapping[str, Mapping[str, Any]], models: Sequence[str]) -> dict[str, Any]:
    """What a sentence says: of the reader, and of the first detector."""
    found = {"reader_links_percent": rows[f"{READER} mask"]["links %"], "studies": rows[f"{READER} mask"]["studies"]}
    named = {"diameter_mm": "diameter mm", "volume_percent": "volume %", "burden_points": "burden points"}
    first = next(iter(models), None)
    for key, column in named.items():
        found |= {f"reader_{key}_by_{basis}": rows[f"{READER} {basis}"][column] for basis in READ}
        known = [basis for basis in BASES if f"{first} {basis}" in rows]
        found |= {f"{key}_by_{basis}": rows[f"{first} {basis}"][column] for basis in known}
    if first is not None:
        row = rows[f"{first} drawn"]
        found |= {
            "detector": first,
            "detector_found": row["found"],
            "detector_lesions": row["lesions"],
            "links_percent": row["links %"],
            "response_percent": row["response %"],
        }
    return found


def figures(studies: Mapping[str, Any], basis: str) -> dict[str, Any]:
    """One row of the table."""
    own = [study for study in studies.values() if basis in study]
    errors = [e for study in own for e in study[basis]["lesions"] if e["true_mm"] >= LARGE_MM]
    links, fates = (np.sum([study[key] for study in own], axis=0) for key in ("links", "fates"))
    agree = [study[basis]["response"][side] == study["true_response"][side] for study in own for side in Side]
    return {
        "studies": len(own),
        "lesions": sum(study["true_lesions"] for study in own),
        "found": len(errors),
        "diameter mm": _median([abs(e["diameter_mm"]) for e in errors]),
        "bias mm": _median([e["diameter_mm"] for e in errors]),
        "volume %": _median([abs(e["volume_percent"]) for e in errors]),
        "volume bias %": _median([e["volume_percent"] for e in errors]),
        "burden points": _median([value for study in own for value in study[basis]["burden"]]),
        "links %": float(100 * links[0] / links[1]) if links[1] else None,
        "fates %": float(100 * fates[0] / fates[1]) if fates[1] else None,
        "response %": 100 * float(np.mean(agree)),
    }


def by_size(studies: Mapping[str, Any], basis: str) -> list[dict[str, Any]]:
    """Median errors by true diameter."""
    errors = [e for study in studies.values() if basis in study for e in study[basis]["lesions"]]
    rows = []
    for low, high in ((0, 10), (10, 15), (15, 25), (25, 40), (40, 1000)):
        own = [e for e in errors if low <= e["true_mm"] < high]
        rows.append(
            {
                "true diameter mm": f"{low} to {high}" if high < 1000 else f"from {low}",
                "found": len(own),
                "diameter mm": _median([abs(e["diameter_mm"]) for e in own]),
                "volume %": _median([abs(e["volume_percent"]) for e in own]),
            }
        )
    return rows


def _median(values: Sequence[float]) -> float | None:
    return float(np.median(values)) if len(values) else None
