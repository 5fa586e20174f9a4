"""Order among the boxes that a load or an import has brought into the scene."""

import re
import uuid
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import slicer

from liverpair.core.lesions import free_number
from liverpair.core.sides import Side
from liverpair.io.weighting import guess_sequence
from liverpair.mrml.lesions import lesion_boxes, lesion_folders
from liverpair.mrml.lesions.lesion_boxes import PARTNER, PREFIX, ROI_CLASS, VOLUME
from liverpair.mrml.lesions.lesion_store import BoxStore

Boxes = dict[str, object]
"""The ROI nodes of one lesion by side."""


def adopt_scene() -> list[str]:
    """Bring order into the lesions of the scene and return a sentence about each thing that was done.

    Boxes without a study (from a lone `.mrk.json`) go to the study that has their lesion, else their volume, else to
    the only one there is, else to a new one. Two lesions with one uid become two lesions: the one that came first keeps
    it. Numbers that occur twice are given anew. Doing it again changes nothing.
    """
    said: list[str] = []
    stores = BoxStore.living()
    with ExitStack() as silence:
        for store in stores:
            silence.enter_context(store.quiet())
            store.home()
        lesion_folders.renew()
        changed = _adopt_homeless(said)
        seen: set[str] = set()
        for folder in lesion_folders.all_folders():
            lesions = _separated(folder, seen, said, changed)
            _renumber(folder, lesions, said, changed)
            for lesion in lesions.values():
                lesion_folders.link(folder, lesion)
    for store in stores:
        if store.folder in changed:
            store.on_loaded()
    return said


def _adopt_homeless(said: list[str]) -> set:
    """Give boxes that belong to no study to one; returns the folders that got some."""
    nodes = slicer.util.getNodesByClass(ROI_CLASS)
    known = {node.GetAttribute(f"{PREFIX}UID") for node in nodes} - {None}
    adopted: dict[object, int] = defaultdict(int)
    for node in nodes:
        uid = lesion_boxes.uid_of(node)
        if lesion_folders.folder_of(node) is not None or uid is None or not lesion_boxes.is_box(node):
            continue
        if not node.GetAttribute(f"{PREFIX}UID") and lesion_boxes.encode(uid) not in known and not _is_uuid(uid):
            continue
        side = _side(node, uid)
        if side is None:
            said.append(f"Box '{node.GetName()}' does not say whether it lies in T1 or T2 and was left as it is.")
            continue
        record, folder = lesion_boxes.read(node), _home(node, uid, side)
        partner = next((other for other in _nodes_of(uid) if lesion_boxes.side_of(other) != side), None)
        if partner is not None:
            record = record.of_lesion(lesion_boxes.read(partner))
        elif not record.number:
            record = replace(record, number=_number_in(node.GetNthControlPointLabel(0)))
        lesion_boxes.write(node, (uid, side), record)
        lesion_folders.file_box(folder, node)
        adopted[folder] += 1
    said += [f"{_count(n, 'box', 'boxes')} joined '{folder.GetName()}'." for folder, n in adopted.items()]
    return set(adopted)


def _side(node, uid: str) -> Side | None:
    """Where a box lies: as it says, as its label, its name or its file's name does, else where its partner does not."""
    side = lesion_boxes.side_of(node)
    storage = node.GetStorageNode()
    file_name = Path(storage.GetFileName() or "").name if storage is not None else ""
    for name in (node.GetNthControlPointLabel(0), node.GetName() or "", file_name):
        side = side or guess_sequence(name)
    if side is None:
        taken = {lesion_boxes.side_of(other) for other in _nodes_of(uid)} - {None}
        side = next((free for free in Side if taken == set(Side) - {free}), None)
    return side


def _home(node, uid: str, side: Side):
    folders = lesion_folders.all_folders()
    for other in _nodes_of(uid):
        folder = lesion_folders.folder_of(other)
        if folder is not None:
            return folder
    volume, partner = node.GetNodeReference(VOLUME), node.GetNodeReference(PARTNER)
    if volume is not None:
        for folder in folders:
            if lesion_folders.volume_of(folder, side) is volume:
                return folder
        other = partner.GetNodeReference(VOLUME) if partner is not None else None
        return lesion_folders.make({side: volume, side.other: other})
    return folders[0] if len(folders) == 1 else lesion_folders.make({})


def _separated(folder, seen: set[str], said: list[str], changed: set) -> dict[str, Boxes]:
    """The lesions of a folder by uid, after those whose uid is taken have got their own."""
    lesions: dict[str, Boxes] = {}
    copies = 0
    for uid, nodes in _boxes_by_uid(folder).items():
        for lesion in _lesions_among(nodes):
            own = uid
            if uid in seen:
                own = lesion_boxes.new_uid()
                copies += 1
                for side, node in lesion.items():
                    lesion_boxes.write(node, (own, side), lesion_boxes.read(node))
            seen.add(own)
            lesions[own] = lesion
    if copies:
        changed.add(folder)
        have = "has" if copies == 1 else "have"
        said.append(
            f"{_count(copies, 'lesion', 'lesions')} of '{folder.GetName()}' {have} got a new uid: another lesion "
            "of the scene has the old one."
        )
    return lesions


def _boxes_by_uid(folder) -> dict[str, list]:
    by_uid: dict[str, list] = defaultdict(list)
    for node in lesion_folders.boxes_of(folder):
        uid = lesion_boxes.uid_of(node)
        if uid and lesion_boxes.side_of(node) and lesion_boxes.is_box(node):
            by_uid[uid].append(node)
    return by_uid


def _lesions_among(nodes: list) -> list[Boxes]:
    """The lesions that nodes of one uid show: partners stay together, a first T1 and a first T2 box belong together."""
    waiting: dict[str, list] = {side: [node for node in nodes if lesion_boxes.side_of(node) == side] for side in Side}
    lesions: list[Boxes] = []
    for node in list(waiting[Side.T1]):
        partner = node.GetNodeReference(PARTNER)
        if partner in waiting[Side.T2]:
            lesions.append({Side.T1: node, Side.T2: partner})
            waiting[Side.T1].remove(node)
            waiting[Side.T2].remove(partner)
    if not lesions and all(waiting.values()):
        lesions.append({side: waiting[side].pop(0) for side in Side})
    lesions += [{side: node} for side in Side for node in waiting[side]]
    return sorted(lesions, key=lambda lesion: min(nodes.index(node) for node in lesion.values()))


def _renumber(folder, lesions: dict[str, Boxes], said: list[str], changed: set) -> None:
    """One number for each lesion and one lesion for each number; the boxes of a lesion say the same of it."""
    records = {uid: {side: lesion_boxes.read(node) for side, node in lesion.items()} for uid, lesion in lesions.items()}
    numbers = {uid: next(iter(boxes.values())).number for uid, boxes in records.items()}
    taken: set[int] = set()
    renumbered = 0
    for uid, number in numbers.items():
        if number < 1 or number in taken:
            number = free_number(taken | set(numbers.values()))
            renumbered += 1
        taken.add(number)
        first = replace(next(iter(records[uid].values())), number=number)
        for side, record in records[uid].items():
            if record.of_lesion(first) != record:
                changed.add(folder)
                lesion_boxes.write(lesions[uid][side], (uid, side), record.of_lesion(first))
    if renumbered:
        said.append(f"{_count(renumbered, 'lesion', 'lesions')} of '{folder.GetName()}' got a number that was free.")


def _nodes_of(uid: str) -> list:
    """The boxes in the scene that say in an attribute that they show this lesion."""
    text = lesion_boxes.encode(uid)
    return [node for node in slicer.util.getNodesByClass(ROI_CLASS) if node.GetAttribute(f"{PREFIX}UID") == text]


def _number_in(label: str) -> int:
    """The number that a label ("3", "3 T1") begins with, 0 for none."""
    digits = re.match(r"\d{1,6}", label)
    return int(digits.group()) if digits else 0


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
