"""Lesion pairs of the library from what the nodes of a study say, and back."""

from dataclasses import replace

from liverpair.core.geometry import Box
from liverpair.core.lesions import LesionPair, Origin
from liverpair.core.sides import Side
from liverpair.mrml import frames
from liverpair.mrml.lesions import lesion_boxes
from liverpair.mrml.lesions.lesion_boxes import BoxRecord, Key
from liverpair.mrml.lesions.lesion_store import BoxStore

OneBox = tuple[Box, float | None, Origin]
"""A box with its score and origin."""


def read_pair(store: BoxStore, uid: str) -> LesionPair:
    """The lesion `uid`, boxes in the world (LPS, mm).

    A displacement kept in the nodes holds where they are; under a transform it is measured between the centers.

    Raises:
        InputError: when a box lies under a transform that warps or skews it.
    """
    records = {key: store.records[key] for side in Side if (key := (uid, side)) in store.records}
    common = next(iter(records.values()))
    values = {}
    for (_uid, side), record in records.items():
        values[side] = store.world_box((uid, side), record)
        values[f"{side}_score"], values[f"{side}_origin"] = record.score, record.origin
    displacement = common.displacement
    if len(records) == 2 and any(store.parent_of(key) is not None for key in records):
        displacement = store.measured(uid, records)
    return LesionPair(
        number=common.number,
        state=common.state,
        displacement_mm=None if displacement is None else frames.flip(displacement),
        note=common.note,
        uid=uid,
        **values,
    )


def write_pairs(store: BoxStore, pairs: list[LesionPair]) -> None:
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


def records_of(store: BoxStore, pair: LesionPair) -> dict[Key, BoxRecord]:
    """What the nodes of a lesion are to say. Raises as `write_pairs` does."""
    records = {}
    for side in Side:
        box, score, origin = side_of(pair, side) or (None, None, None)
        if box is None:
            continue
        key = (pair.uid, side)
        center, size, axes = _in_node(store, key, box)
        records[key] = BoxRecord(
            center=center,
            size=size,
            axes=axes,
            origin=origin,
            score=None if score is None else float(score),
            number=pair.number,
            state=pair.state,
            note=pair.note,
            displacement=None if pair.displacement_mm is None else tuple(map(float, frames.flip(pair.displacement_mm))),
        )
    return records


def side_of(pair: LesionPair, side: Side) -> OneBox | None:
    """Box, score and origin of a lesion on one side; None without a box."""
    box = getattr(pair, side)
    return None if box is None else (box, getattr(pair, f"{side}_score"), getattr(pair, f"{side}_origin"))


def with_side(pair: LesionPair, side: Side, what: OneBox | None) -> LesionPair:
    """The lesion with this box on one side, and the way between its boxes measured anew; a box that was taken away
    leaves no way to where it was."""
    box, score, origin = what or (None, None, None)
    changed = replace(pair, **{side: box, f"{side}_score": score, f"{side}_origin": origin})
    displacement = None if box is None else pair.displacement_mm
    if changed.t1 is not None and changed.t2 is not None:
        displacement = tuple(float(b - a) for a, b in zip(changed.t1.center_mm, changed.t2.center_mm))
    return replace(changed, displacement_mm=displacement)


def same_boxes(a: LesionPair, b: LesionPair) -> bool:
    """Whether two lesions have the same boxes, as near as nodes keep them."""
    return all(lesion_boxes.same_place(getattr(a, side), getattr(b, side)) for side in Side)


def _in_node(store: BoxStore, key: Key, box: Box):
    """Center, size and axes in the node; those it has, to the last digit, when the box is where it was."""
    what = f"The box in {key[1].title}"
    matrix = lesion_boxes.world_matrix(store.parent_of(key), what)
    old: BoxRecord | None = store.records.get(key)
    if old is not None and lesion_boxes.to_world(old, matrix, what) == box:
        return old.center, old.size, old.axes
    return lesion_boxes.from_world(box, matrix, what)
