"""The job "followup": which lesion of a visit is which of the visit before, how each changed, and the response."""

import csv
import io
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import SimpleITK as sitk

from liverpair.core.errors import InputError, Progress, part_of
from liverpair.core.geometry import Vector, offset_t1_to_t2
from liverpair.core.lesions import write_lesions
from liverpair.core.sides import Side
from liverpair.jobs.result_folder import staging_folder, writable_folder
from liverpair.jobs.visit_inputs import Visit, read_visits, same_patient
from liverpair.jobs.visit_requests import FOLLOWUP_FILES, FollowupRequest
from liverpair.measures.response import Followed, Response, agreement_note, change_of, response
from liverpair.registration.livers import LiverCorrespondence, cached_registration
from liverpair.registration.visit_images import refined
from liverpair.registration.visits import VisitLink, link_visits

FOLLOWUP_FILE, TABLE_FILE, LESIONS_FILE = FOLLOWUP_FILES
SCHEMA_VERSION = 1
READ, LINKED = 0.2, 0.85
SMALLEST_DICE = 0.5

Chain = tuple[Any, ...]
"""A lesion at each visit, None where it is not there; links[n] leads to visit n + 1."""


def followup(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Follow the lesions of `request` (see `FollowupRequest`) from visit to visit.

    Writes `lesions.json` (the last visit's lesions, each with the uid it had at the visit before), `followup.csv` (a
    row a lesion), `t1_visits.tfm` … (from the visit before to the last, LPS, where the livers could be registered) and,
    last, `followup.json`. The studies are not changed. Returns what `followup.json` says: {"visits":
    names, "lesions": [{"name", "numbers", "uids", "links", "t1": {"diameters_mm", "change", …}, "t2"}], "response":
    {"t1", "t2"} (see `measures.response.Response`), "registrations": Dice by side, "transforms": file names by side,
    "notes", "doubts"}, and "files".
    Raises any `LiverPairError`, and `Cancelled` through `progress`.
    """
    wanted = FollowupRequest.parse(request)
    output = wanted.folder()
    with writable_folder(output, FOLLOWUP_FILES), staging_folder(output) as staging:
        visits = read_visits([wanted.baseline, *wanted.visits], part_of(progress, 0.0, READ))
        content = write_followup(wanted, visits, Path(staging), part_of(progress, READ, 1.0))
        (output / FOLLOWUP_FILE).unlink(missing_ok=True)
        for name in [*content["transforms"].values(), *reversed(FOLLOWUP_FILES)]:
            os.replace(Path(staging) / name, output / name)
    names = [*FOLLOWUP_FILES, *content["transforms"].values()]
    return {**content, "files": {name: str(output / name) for name in names}}


def write_followup(
    wanted: FollowupRequest, visits: Sequence[Visit], folder: Path, progress: Progress
) -> dict[str, Any]:
    """Follow the lesions of visits that were read, and write the files of `followup` to `folder`; returns its result
    but for the files."""
    notes = _checked(visits, wanted.same_patient)
    links, registrations, found = [], [], {}
    for number, (before, now) in enumerate(zip(visits, visits[1:])):
        share = [LINKED * (number + part) / len(wanted.visits) for part in (0, 1)]
        found, offsets, said = _registered(before, now, part_of(progress, *share))
        notes += said
        links.append(link_visits(before.counted, now.counted, found, offsets))
        registrations.append({side.key: round(one.dice, 4) for side, one in found.items()})
    progress(LINKED, "Measuring the lesions")
    lesions = [_described(chain, visits, links) for chain in _chains(links)]
    sides = [side for side in Side if all(side in visit.images for visit in visits)]
    responses = {side: _response(side, lesions, visits, wanted) for side in sides}
    doubts = [note for one in responses.values() for note in one.notes]
    doubts += [said] if (said := agreement_note({s.title: one.category for s, one in responses.items()})) else []
    content = {
        "schema_version": SCHEMA_VERSION,
        "visits": [visit.name for visit in visits],
        "lesions": lesions,
        "response": {side.key: asdict(one) for side, one in responses.items()},
        "registrations": registrations,
        "transforms": {side.key: f"{side}_visits.tfm" for side in found},
        "limits": asdict(wanted.limits),
        "notes": notes + doubts,
        "doubts": doubts,
        "inputs": [str(visit.folder.resolve()) for visit in visits],
    }
    progress(1.0, "Saving the results")
    for side, one in found.items():
        sitk.WriteTransform(one.transform, str(folder / f"{side}_visits.tfm"))
    write_lesions(folder / LESIONS_FILE, _linked(visits[-1], links[-1]))
    (folder / TABLE_FILE).write_text(table_text(lesions, visits, sides), encoding="utf-8", newline="")
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    (folder / FOLLOWUP_FILE).write_text(text, encoding="utf-8")
    return json.loads(text)


def _checked(visits: Sequence[Visit], sure: bool) -> list[str]:
    """Sentences about visits that can be compared. Raises `InputError` for those that cannot."""
    differ = same_patient(visits)
    if differ and not sure:
        raise InputError(
            f"The visits seem to be of different patients: {'; '.join(differ)}.",
            "If they are of one, say so (--same-patient).",
        )
    notes = [f"The visits name different patients: {'; '.join(differ)}."] if differ else []
    dates = [visit.headers.get("StudyDate", "") for visit in visits]
    if all(dates) and dates != sorted(dates):
        raise InputError(f"The visits are not in their order: {', '.join(visit.name for visit in visits)}.")
    if not any(all(side in visit.images for visit in visits) for side in Side):
        raise InputError(
            "No image is there at every visit.", "A follow-up compares T1 with T1, or T2 with T2, at all of them."
        )
    return notes


def _registered(
    before: Visit, now: Visit, progress: Progress
) -> tuple[dict[Side, LiverCorrespondence], dict[Side, Vector], list[str]]:
    """The registrations of the livers, the offsets of their centroids, and sentences about what is missing."""
    found: dict[Side, LiverCorrespondence] = {}
    offsets: dict[Side, Vector] = {}
    notes = []
    for number, side in enumerate(Side):
        if side not in before.livers or side not in now.livers:
            continue
        progress(number / 2, f"Registering the livers of {now.name}")
        masks = before.livers[side] != 0, now.livers[side] != 0
        offset = offset_t1_to_t2(*masks)
        if offset is None:
            notes.append(f"A liver mask of {side.title} is empty: nothing was registered there.")
            continue
        offsets[side] = offset
        try:
            one = cached_registration(*masks, progress=part_of(progress, number / 2, number / 2 + 0.2))
        except (InputError, RuntimeError):
            one = None
        if one is not None and one.dice >= SMALLEST_DICE:
            images = before.images[side], now.images[side]
            found[side] = refined(*images, masks, one, progress=part_of(progress, number / 2 + 0.2, number / 2 + 0.5))
        else:
            notes.append(
                f"The livers of {before.name} and {now.name} could not be registered in {side.title}: lesions were "
                "linked by their centroids."
            )
    if not offsets:
        raise InputError(
            f"{before.name} and {now.name} have no image with a liver mask at both.",
            "Lesions are linked by the registration of the livers: segment them first.",
        )
    return found, offsets, notes


def _chains(links: Sequence[Sequence[VisitLink]]) -> list[Chain]:
    """Every lesion at all visits: those of the first in their order, then what is new at each."""
    chains = [(link.earlier,) for link in links[0] if link.earlier is not None]
    chains.sort(key=lambda chain: chain[0].number)
    for number, own in enumerate(links):
        following = {link.earlier.uid: link.later for link in own if link.earlier is not None}
        chains = [(*chain, following.get(chain[-1].uid) if chain[-1] else None) for chain in chains]
        new = sorted((link.later for link in own if link.earlier is None), key=lambda lesion: lesion.number)
        chains += [(*(None,) * (number + 1), lesion) for lesion in new]
    return chains


def _described(chain: Chain, visits: Sequence[Visit], links: Sequence[Sequence[VisitLink]]) -> dict[str, Any]:
    first = next(number for number, lesion in enumerate(chain) if lesion is not None)
    rows = [
        None if lesion is None else next(row for row in visit.rows if row.uid == lesion.uid)
        for lesion, visit in zip(chain, visits)
    ]
    described: dict[str, Any] = {
        "name": f"{chain[first].number}" if first == 0 else f"{chain[first].number} of visit {first + 1}",
        "numbers": [None if lesion is None else lesion.number for lesion in chain],
        "uids": [None if lesion is None else lesion.uid for lesion in chain],
        "confirmed": chain[first].is_judged,
        "links": [_link(own, lesion) for own, lesion in zip(links, chain[1:])],
    }
    for side in Side:
        own = [None if row is None else row.sides[side] for row in rows]
        diameters = [0.0 if one is None else one.diameter_mm for one in own]
        described[side.key] = {
            "diameters_mm": diameters,
            "volumes_ml": [0.0 if one is None else one.volume_ml for one in own],
            "measured_from": [None if one is None else one.measured_from for one in own],
            "change": change_of(*diameters[-2:]),
        }
    return described


def _link(links: Sequence[VisitLink], lesion: Any) -> dict[str, Any] | None:
    link = None if lesion is None else next(link for link in links if link.later is lesion)
    if link is None or link.earlier is None:
        return None
    return {"distance_mm": link.distance_mm, "expected_mm": link.expected_mm, "by_reader": link.by_reader}


def _response(
    side: Side, lesions: Sequence[Mapping[str, Any]], visits: Sequence[Visit], wanted: FollowupRequest
) -> Response:
    followed = [Followed(one["name"], tuple(one[side]["diameters_mm"]), one["confirmed"]) for one in lesions]
    return response(followed, wanted.limits, visits[0].slice_mm[side], wanted.others_progress)


def _linked(visit: Visit, links: Sequence[VisitLink]) -> list[Any]:
    """All lesions of the last visit, those that count with the uid of the visit before."""
    earlier = {link.later.uid: link.earlier and link.earlier.uid for link in links if link.later is not None}
    return [
        replace(lesion, earlier=earlier[lesion.uid]) if lesion.uid in earlier else lesion for lesion in visit.lesions
    ]


def table_text(lesions: Sequence[Mapping[str, Any]], visits: Sequence[Visit], sides: Sequence[Side]) -> str:
    """The table of `followup.csv`: a row a lesion; 0 mm where it is not there, empty where it was not measured."""
    out = io.StringIO()
    writer = csv.writer(out)
    head = ["Lesion", *(f"Number at {visit.name}" for visit in visits)]
    for side in sides:
        head += [*(f"{side.title} at {visit.name} (mm)" for visit in visits), f"{side.title} change"]
    writer.writerow([*head, "Distance from expected place (mm)", "Expected (mm)"])
    for one in lesions:
        link = next((link for link in reversed(one["links"]) if link), None) or {}
        cells = [one["name"], *one["numbers"]]
        for side in sides:
            cells += [*map(_rounded, one[side]["diameters_mm"]), one[side]["change"]]
        writer.writerow([*cells, _rounded(link.get("distance_mm")), _rounded(link.get("expected_mm"))])
    return out.getvalue()


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
