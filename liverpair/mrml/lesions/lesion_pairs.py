"""Lesion pairs of the library from what the nodes of a study say, and back."""

import json
from typing import Any

from liverpair.core.errors import InputError
from liverpair.core.geometry import Box
from liverpair.core.lesion_findings import checked_phases, checked_reading, phases_as_json
from liverpair.core.lesions import Lesion, LesionBox
from liverpair.core.sides import Side
from liverpair.mrml import frames
from liverpair.mrml.lesions import lesion_boxes
from liverpair.mrml.lesions.lesion_boxes import BoxRecord, Key
from liverpair.mrml.lesions.lesion_store import BoxStore


def read_pair(store: BoxStore, uid: str) -> Lesion:
    """The lesion `uid`, boxes in the world (LPS, mm).

    A displacement kept in the nodes holds where they are; under a transform it is measured between the centers.

    Raises:
        InputError: when a box lies under a transform that warps or skews it.
    """
    records = {key: store.records[key] for key in lesion_boxes.keys_of(uid, store.records)}
    common = next(iter(records.values()))
    displacement = common.displacement
    if len(records) == 2 and any(store.parent_of(key) is not None for key in records):
        displacement = store.measured(uid, records)
    return Lesion(
        number=common.number,
        boxes={
            key[1]: LesionBox(store.world_box(key, record), record.origin, record.score, record.mask)
            for key, record in records.items()
        },
        state=common.state,
        displacement_mm=None if displacement is None else frames.flip(displacement),
        note=common.note,
        uid=uid,
        earlier=common.earlier,
        **_findings(common.findings),
    )


def write_pairs(store: BoxStore, pairs: list[Lesion]) -> None:
    """Make the nodes show these lesions, besides those they show already; to be called in an action.

    Raises:
        InputError: when a volume lies under a transform that warps or skews a box; nothing is written then.
    """
    target = dict(store.records)
    for pair in pairs:
        records = records_of(store, pair)
        for side in Side:
            target.pop((pair.uid, side), None)
        target.update(records)
    store.put(target)


def records_of(store: BoxStore, pair: Lesion) -> dict[Key, BoxRecord]:
    """What the nodes of a lesion are to say. Raises as `write_pairs` does."""
    records = {}
    for side, found in pair.boxes.items():
        key = (pair.uid, side)
        center, size, axes = _in_node(store, key, found.box)
        records[key] = BoxRecord(
            center=center,
            size=size,
            axes=axes,
            origin=found.origin,
            score=None if found.score is None else float(found.score),
            number=pair.number,
            state=pair.state,
            note=pair.note,
            displacement=None if pair.displacement_mm is None else tuple(map(float, frames.flip(pair.displacement_mm))),
            earlier=pair.earlier,
            mask=found.mask,
            findings=_as_text(pair),
        )
    return records


def _findings(text: str | None) -> dict[str, Any]:
    """Phases and reading of a lesion; what a damaged attribute does not say is nothing."""
    try:
        told = json.loads(text) if text else {}
        return {
            "phases": checked_phases(told.get("phases", {}), "A lesion"),
            "reading": checked_reading(told.get("reading", {}), "A lesion"),
        }
    except (ValueError, AttributeError, InputError):
        return {}


def _as_text(pair: Lesion) -> str | None:
    told = {"phases": phases_as_json(pair.phases), "reading": dict(pair.reading)}
    return json.dumps(told) if pair.phases or pair.reading else None


def same_boxes(a: Lesion, b: Lesion) -> bool:
    """Whether two lesions have the same boxes, as near as nodes keep them."""
    return all(lesion_boxes.same_place(a.box(side), b.box(side)) for side in Side)


def _in_node(store: BoxStore, key: Key, box: Box):
    """Center, size and axes in the node; those it has, to the last digit, when the box is where it was."""
    what = f"The box in {key[1].title}"
    matrix = lesion_boxes.world_matrix(store.parent_of(key), what)
    old: BoxRecord | None = store.records.get(key)
    if old is not None and lesion_boxes.to_world(old, matrix, what) == box:
        return old.center, old.size, old.axes
    return lesion_boxes.from_world(box, matrix, what)
