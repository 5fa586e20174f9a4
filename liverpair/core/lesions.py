"""Lesions with a box in T1, in T2 or in both, and the file that holds them, `lesions.json`.

Version 3 of the file, UTF-8 JSON; lengths in mm, points and vectors in LPS:

    {"schema": "liverpair-lesions", "version": 3, "coordinate_system": "LPS", "pairs": [
        {"uid": "…", "number": 1, "state": "accepted", "displacement_mm": [x, y, z] or null, "note": "",
         "earlier": uid of the same lesion in the lesions.json of the visit before, or null,
         "phases": {"arterial": {"mean": 210.0, "sd": 12.0, "liver": 150.0}, …} (see `lesion_findings`),
         "reading": {"washout": "present", "category": "LR-5", …},
         "t1": {"center_mm": [x, y, z], "size_mm": [x, y, z], "direction": [9 numbers, row by row], "score": 0.93 or
         null,
                "origin": "detected"} or null,
         "t2": … or null}]}

`size_mm` runs along the axes of `direction`, which is the direction matrix of the image the box was drawn in. Numbers
keep all their digits. Version 2 had neither `phases` nor `reading`; version 1 no `earlier` either, and called the
center `centre_mm`. A file of version 3 may leave the two out.
"""

import json
import math
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from liverpair.core.atomic import written_whole
from liverpair.core.errors import InputError
from liverpair.core.geometry import Box, Vector
from liverpair.core.lesion_findings import PhaseSignal, checked_phases, checked_reading, phases_as_json
from liverpair.core.sides import Side

SCHEMA = "liverpair-lesions"
VERSION, VERSIONS_READ = 3, (1, 2, 3)
STATES = ("proposed", "accepted", "rejected")
ORIGINS = ("detected", "predicted", "drawn")
LARGEST_NUMBER = 999_999
SMALLEST_MM, FARTHEST_MM = 1e-6, 1e6
"""Shortest side of a box; longest side and greatest coordinate. Beyond, scene files and measures lose them."""
_PAIR_FIELDS = ("uid", "number", "state", "displacement_mm", "note", "earlier", "t1", "t2")
_OPTIONAL_FIELDS = ("phases", "reading")
_SIDE_FIELDS = ("center_mm", "size_mm", "direction", "score", "origin")

State = Literal["proposed", "accepted", "rejected"]
Origin = Literal["detected", "predicted", "drawn"]
Kind = Literal["both", "T1 only", "T2 only", "neither"]
KINDS: tuple[Kind, ...] = ("both", "T1 only", "T2 only", "neither")
"""In which images a lesion was seen."""


@dataclass(frozen=True)
class LesionBox:
    """Where one image shows a lesion.

    `box` lies in that image (LPS mm). Origins: `detected` by a network, `predicted` from the partner's box and the
    predicted displacement, `drawn` by a person. The score lies in 0..1, None for a box that no network scored. `mask`
    tells where its voxels are kept, in words of who keeps them; it is in no file of boxes.
    """

    box: Box
    origin: Origin
    score: float | None = None
    mask: str | None = None


@dataclass(frozen=True)
class Lesion:
    """One lesion: its box in T1, its box in T2, or both.

    `boxes` has no entry for a side without a box. `displacement_mm` leads from the T1 to the T2 center (LPS), where it
    was predicted or measured. `earlier` is the uid that it had at the visit before, where that is known. `phases` are
    its signals in further series, `reading` the decisions of a radiologist (see `lesion_findings`). Raises `InputError`
    when a value is out of its range; change a lesion with `dataclasses.replace` and `with_box`.
    """

    number: int
    boxes: Mapping[Side, LesionBox] = field(hash=False)
    state: State = "proposed"
    displacement_mm: Vector | None = None
    note: str = ""
    uid: str = field(default_factory=lambda: str(uuid.uuid4()))
    earlier: str | None = None
    phases: Mapping[str, PhaseSignal] = field(default_factory=dict, hash=False)
    reading: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        who = f"Lesion pair {self.uid!r}"
        if not isinstance(self.uid, str) or not self.uid.strip():
            raise InputError(f"Lesion pair number {self.number!r} has no uid.")
        if type(self.number) is not int or not 1 <= self.number <= LARGEST_NUMBER:
            raise InputError(
                f"{who}: number must be a whole number from 1 to {LARGEST_NUMBER}, not {str(self.number)[:60]}."
            )
        if self.state not in STATES:
            raise InputError(f"{who}: unknown state {self.state!r}; it is one of {', '.join(STATES)}.")
        if not isinstance(self.note, str):
            raise InputError(f"{who}: note must be text, not {self.note!r}.")
        if self.earlier is not None and not (isinstance(self.earlier, str) and self.earlier.strip()):
            raise InputError(f"{who}: earlier must be the uid of a lesion, not {str(self.earlier)[:60]!r}.")
        for name, text in (("uid", self.uid), ("note", self.note), ("earlier", self.earlier or "")):
            if any("\ud800" <= character <= "\udfff" for character in text):
                raise InputError(f"{who}: {name} holds half a character (an unpaired surrogate).", "Write it again.")
        shift = () if self.displacement_mm is None else _numbers(self.displacement_mm, 3, f"{who}: displacement_mm")
        if any(abs(component) > 2 * FARTHEST_MM for component in shift):
            raise InputError(f"{who}: displacement_mm is longer than any patient: {list(shift)}.")
        object.__setattr__(self, "phases", checked_phases(self.phases, who))
        object.__setattr__(self, "reading", checked_reading(self.reading, who))
        if not self.boxes:
            raise InputError(f"{who} has a box neither in T1 nor in T2.")
        given = {Side(side): found for side, found in self.boxes.items()}
        object.__setattr__(self, "boxes", {side: given[side] for side in Side if side in given})
        for side, found in self.boxes.items():
            _check_box(f"{who}, {side.title}", found)

    def box(self, side: Side) -> Box | None:
        """Its box in image `side` (LPS mm), whatever its origin; None without one."""
        return self.boxes[side].box if side in self.boxes else None

    def seen(self, side: Side) -> Box | None:
        """Its box in image `side` where it was detected or drawn; None without a box, or with one that was only
        predicted from its partner."""
        return None if side not in self.boxes or self.boxes[side].origin == "predicted" else self.boxes[side].box

    def box_or_moved(self, side: Side) -> Box | None:
        """Its box in image `side`, or its partner moved by the displacement; None when that is not known either."""
        if side in self.boxes or self.displacement_mm is None:
            return self.box(side)
        shift = np.asarray(self.displacement_mm)
        return self.boxes[side.other].box.moved(shift if side is Side.T2 else -shift)

    @property
    def missing(self) -> Side | None:
        """The side without a box; None when there are both."""
        return next((side for side in Side if side not in self.boxes), None)

    @property
    def kind(self) -> Kind:
        """Whether it was seen in both images, in one only, or, where all its boxes are predictions, in neither."""
        t1, t2 = (self.seen(side) is not None for side in Side)
        return {(True, True): "both", (True, False): "T1 only", (False, True): "T2 only"}.get((t1, t2), "neither")

    @property
    def score(self) -> float | None:
        """The higher of its two scores; None when no network scored either box."""
        return max((found.score for found in self.boxes.values() if found.score is not None), default=None)

    @property
    def measured_mm(self) -> Vector | None:
        """From the T1 to the T2 center of its boxes (LPS mm); None when it lacks one."""
        if self.missing:
            return None
        t1, t2 = (found.box.center_mm for found in self.boxes.values())
        return tuple(float(b - a) for a, b in zip(t1, t2))

    @property
    def is_judged(self) -> bool:
        """Whether a person has said something about it: a verdict, a note or a drawn box."""
        drawn = any(found.origin == "drawn" for found in self.boxes.values())
        return self.state != "proposed" or bool(self.note) or bool(self.reading) or drawn

    def is_believed(self, minimum_score: float = 0.5) -> bool:
        """Whether it says where it lies in both images: it was accepted, or it was not rejected and each of its boxes
        was drawn, scores at least `minimum_score`, or was found by a tool that gives no scores."""
        if self.missing or self.state == "rejected":
            return False
        return self.state == "accepted" or all(
            found.origin == "drawn"
            or (found.origin == "detected" if found.score is None else found.score >= minimum_score)
            for found in self.boxes.values()
        )

    def is_shown(self, display_threshold: float = 0.0, hide_rejected: bool = False) -> bool:
        """Whether a reader is shown it; see `is_shown`."""
        marks = ((found.origin, found.score) for found in self.boxes.values())
        return is_shown(self.state, marks, display_threshold, hide_rejected)

    def with_box(self, side: Side, found: LesionBox | None) -> "Lesion":
        """This lesion with that box on one side, and the way between its boxes measured anew; a box that was taken away
        leaves no way to where it was."""
        boxes = {each: box for each, box in {**self.boxes, side: found}.items() if box is not None}
        changed = replace(self, boxes=boxes, displacement_mm=None if found is None else self.displacement_mm)
        return changed if changed.missing else replace(changed, displacement_mm=changed.measured_mm)


def is_shown(
    state: State,
    marks: Iterable[tuple[Origin, float | None]],
    display_threshold: float = 0.0,
    hide_rejected: bool = False,
) -> bool:
    """Whether a reader is shown a lesion whose boxes have these origins and scores: the better score counts. Boxes that
    no network scored were drawn by a person, and always are; so are accepted lesions."""
    if state == "rejected" and hide_rejected:
        return False
    marks = list(marks)
    scores = [score for _origin, score in marks if score is not None]
    drawn = any(origin == "drawn" and score is None for origin, score in marks)
    return state == "accepted" or drawn or not scores or max(scores) >= display_threshold


def read_lesions(path: str | Path) -> list[Lesion]:
    """The lesion pairs in a `lesions.json`. Raises `InputError` naming what is wrong with the file."""
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"Lesion file '{path}' does not exist.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"Lesion file '{path}' cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8 text'}."
        ) from error
    try:
        return lesions_from_json(text)
    except InputError as error:
        raise InputError(f"Lesion file '{path}': {error.message}", error.hint) from error


def write_lesions(path: str | Path, pairs: Iterable[Lesion]) -> None:
    """Write lesion pairs to `path`, whole or not at all. Raises `InputError` for two pairs with one uid or a place
    not writable."""
    text = lesions_to_json(pairs)
    with written_whole(path) as beside:
        beside.write_text(text, encoding="utf-8")


def free_number(taken: Iterable[int]) -> int:
    """The number of a new lesion: one more than the highest, or the lowest free one where there is none above."""
    taken = set(taken)
    above = max(taken, default=0) + 1
    return above if above <= LARGEST_NUMBER else next(n for n in range(1, LARGEST_NUMBER) if n not in taken)


def lesions_to_json(pairs: Iterable[Lesion]) -> str:
    """Lesion pairs as the text of a `lesions.json`."""
    pairs = list(pairs)
    _check_uids(pairs)
    content = {
        "schema": SCHEMA,
        "version": VERSION,
        "coordinate_system": "LPS",
        "pairs": [_pair_to_dict(p) for p in pairs],
    }
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def lesions_from_json(text: str) -> list[Lesion]:
    """The lesion pairs in the text of a `lesions.json`. Raises `InputError` naming the pair and the value that is
    wrong."""
    try:
        content = json.loads(text, parse_constant=_no_constant, object_pairs_hook=_no_repeated_keys)
    except RecursionError as error:
        raise InputError("It is nested too deeply.") from error
    except ValueError as error:
        raise InputError(f"It is not valid JSON: {error}.") from error
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        raise InputError(f'It is not a lesion file: it lacks "schema": "{SCHEMA}".')
    version = content.get("version")
    if type(version) is not int or version not in VERSIONS_READ:
        raise InputError(
            f"It has version {version!r}; this LiverPair reads versions up to {VERSION}.",
            "Update LiverPair or export the file again.",
        )
    _check_fields(content, ("schema", "version", "coordinate_system", "pairs"), "The file")
    if content["coordinate_system"] != "LPS":
        raise InputError(f"Its coordinate system is {content['coordinate_system']!r}; it must be 'LPS'.")
    if not isinstance(content["pairs"], list):
        raise InputError("Its pairs are not a list.")
    entries = content["pairs"] if version > 1 else [_of_today(entry) for entry in content["pairs"]]
    pairs = [_pair_from_dict(entry, f"Entry {number}") for number, entry in enumerate(entries, start=1)]
    _check_uids(pairs)
    return pairs


def _of_today(entry: Any) -> Any:
    """An entry of version 1 as one of today; one that is none as it is."""
    if not isinstance(entry, Mapping):
        return entry
    sides = {side.key: entry[side.key] for side in Side if isinstance(entry.get(side.key), Mapping)}
    boxes = {
        key: {"center_mm" if name == "centre_mm" else name: value for name, value in box.items()}
        for key, box in sides.items()
    }
    return {"earlier": None, **entry, **boxes}


def _pair_to_dict(pair: Lesion) -> dict[str, Any]:
    return {
        "uid": pair.uid,
        "number": pair.number,
        "state": pair.state,
        "displacement_mm": None if pair.displacement_mm is None else [float(v) for v in pair.displacement_mm],
        "note": pair.note,
        "earlier": pair.earlier,
        "phases": phases_as_json(pair.phases),
        "reading": dict(pair.reading),
        **{side.key: _box_to_dict(pair.boxes[side]) if side in pair.boxes else None for side in Side},
    }


def _box_to_dict(found: LesionBox) -> dict[str, Any]:
    return {
        "center_mm": [float(v) for v in found.box.center_mm],
        "size_mm": [float(v) for v in found.box.size_mm],
        "direction": [float(v) for v in found.box.direction],
        "score": None if found.score is None else float(found.score),
        "origin": found.origin,
    }


def _pair_from_dict(entry: Any, where: str) -> Lesion:
    _check_fields(entry, _PAIR_FIELDS, where, _OPTIONAL_FIELDS)
    shift = entry["displacement_mm"]
    return Lesion(
        number=entry["number"],
        boxes={side: _box_from_dict(entry[side], f"{where}, {side.title}") for side in Side if entry[side] is not None},
        state=entry["state"],
        displacement_mm=None if shift is None else _numbers(shift, 3, f"{where}: displacement_mm"),
        note=entry["note"],
        uid=entry["uid"],
        earlier=entry["earlier"],
        phases=entry.get("phases", {}),
        reading=entry.get("reading", {}),
    )


def _box_from_dict(entry: Any, who: str) -> LesionBox:
    _check_fields(entry, _SIDE_FIELDS, who)
    lengths = {"center_mm": 3, "size_mm": 3, "direction": 9}
    box = Box(*(_numbers(entry[key], length, f"{who}: {key}") for key, length in lengths.items()))
    return LesionBox(box, entry["origin"], None if entry["score"] is None else _number(entry["score"], f"{who}: score"))


def _check_box(who: str, found: LesionBox) -> None:
    box, origin, score = found.box, found.origin, found.score
    if origin not in ORIGINS:
        raise InputError(f"{who}: unknown origin {origin!r}; it is one of {', '.join(ORIGINS)}.")
    if score is not None and not 0 <= _number(score, f"{who}: score") <= 1:
        raise InputError(f"{who}: score must lie between 0 and 1, not {score!r}.")
    center, size = _numbers(box.center_mm, 3, f"{who}: center_mm"), _numbers(box.size_mm, 3, f"{who}: size_mm")
    if min(size) <= 0:
        raise InputError(f"{who}: size_mm must be above zero, not {list(box.size_mm)}.")
    if min(size) < SMALLEST_MM or max(map(abs, (*center, *size))) > FARTHEST_MM:
        raise InputError(
            f"{who}: no box in a patient has the center {list(center)} mm and the size {list(size)} mm.",
            f"Sides are at least {SMALLEST_MM:g} mm long, and nothing lies beyond {FARTHEST_MM:g} mm.",
        )
    axes = np.reshape(_numbers(box.direction, 9, f"{who}: direction"), (3, 3))
    if np.abs(axes).max() > 1.01 or np.abs(axes.T @ axes - np.eye(3)).max() > 1e-3:
        raise InputError(f"{who}: direction is not three unit vectors at right angles.")


def _check_fields(entry: Any, fields: tuple[str, ...], where: str, optional: tuple[str, ...] = ()) -> None:
    if not isinstance(entry, Mapping):
        raise InputError(f"{where} is not a JSON object.")
    missing = [name for name in fields if name not in entry]
    unknown = [name for name in entry if name not in (*fields, *optional)]
    if missing:
        raise InputError(f"{where} lacks {', '.join(missing)}.")
    if unknown:
        raise InputError(f"{where} has an unknown field {unknown[0]!r}.")


def _check_uids(pairs: list[Lesion]) -> None:
    seen: set[str] = set()
    for pair in pairs:
        if pair.uid in seen:
            raise InputError(f"Two lesion pairs have the uid {pair.uid!r}.")
        seen.add(pair.uid)


def _number(value: Any, what: str) -> float:
    try:
        number = math.nan if isinstance(value, (bool, str, bytes)) or value is None else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f"{what} must be a finite number, not {str(value)[:60]}.")
    return number


def _numbers(values: Any, length: int, what: str) -> tuple[float, ...]:
    if isinstance(values, (str, Mapping)) or not hasattr(values, "__len__") or len(values) != length:
        raise InputError(f"{what} must be {length} numbers.")
    return tuple(_number(value, what) for value in values)


def _no_constant(name: str) -> float:
    raise InputError(f"It holds {name}, which is not a number.")


def _no_repeated_keys(items: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(items)
    if len(content) != len(items):
        raise InputError("It holds a field twice.")
    return content
