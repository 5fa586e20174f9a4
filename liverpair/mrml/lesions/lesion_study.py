"""The lesions of one study in the scene: boxes in T1 linked with boxes in T2, to read, change, undo and show.

The truth is the ROI nodes (`mrml.lesions.lesion_boxes`), which anybody may edit or delete; a `LesionStudy` reads
them, writes them, and notices what others do to them. Boxes are given and taken in the world, LPS mm.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace

from liverpair.core.errors import InputError
from liverpair.core.geometry import Box
from liverpair.core.lesion_findings import PhaseSignal
from liverpair.core.lesions import STATES, Lesion, LesionBox, Origin, State, free_number
from liverpair.core.sides import Side
from liverpair.mrml.lesions import lesion_boxes, lesion_folders, lesion_pairs
from liverpair.mrml.lesions.lesion_display import LesionFilter
from liverpair.mrml.lesions.lesion_masks import MaskVersions
from liverpair.mrml.lesions.lesion_repair import adopt_scene
from liverpair.mrml.lesions.lesion_store import BoxStore

__all__ = ["LesionStudy", "adopt_scene"]


class LesionStudy:
    """The lesion pairs of one pair of volumes.

    Every method that writes is one undo step, called as the user would call it; several become one inside
    `with study.action("Accept"):`. All who ask for the same volumes share boxes, history and selection.
    """

    def __init__(self, t1_volume, t2_volume, name: str = ""):
        """Find the folder of two volume nodes in the scene, or make it (then called `name`, or after the volumes).

        A volume may be None. What a load or an import has left in disorder is repaired before (`adopt_scene`).
        """
        adopt_scene()
        chosen = [side for side, volume in zip(Side, (t1_volume, t2_volume)) if volume is not None]
        self._open(lesion_folders.find_or_make(t1_volume, t2_volume, name), chosen)

    @classmethod
    def all_in_scene(cls) -> list["LesionStudy"]:
        """The studies of the scene, oldest first."""
        adopt_scene()
        studies = []
        for folder in lesion_folders.all_folders():
            study = cls.__new__(cls)
            study._open(folder, Side)
            studies.append(study)
        return studies

    def _open(self, folder, chosen: Sequence[str]) -> None:
        self._chosen = tuple(chosen)
        self._store = BoxStore.of(folder)
        self._store.users.add(self)
        self._tokens: list[int] = []

    @property
    def folder(self):
        """The node of the study's folder in the subject hierarchy."""
        return self._store.home()

    @property
    def name(self) -> str:
        """What the folder is called."""
        return self.folder.GetName() or ""

    def volume(self, side: Side):
        """The volume node of a side; None when it was not chosen, or is no longer in the scene."""
        return lesion_folders.volume_of(self.folder, side) if side in self._chosen else None

    def pairs(self) -> list[Lesion]:
        """The lesions by number, boxes in the world (LPS, mm; parent transforms applied).

        Raises:
            InputError: when a box lies under a transform that warps or skews it.
        """
        uids = dict.fromkeys(uid for uid, _side in self._store.records)
        pairs = [lesion_pairs.read_pair(self._store, uid) for uid in uids]
        return sorted(pairs, key=lambda pair: (pair.number, pair.uid))

    def pair(self, uid: str) -> Lesion:
        """One lesion.

        Raises:
            InputError: when there is none with this uid, or a transform makes its box none.
        """
        if not self._store.has(uid):
            raise InputError(f"There is no lesion with the uid '{uid}' in '{self.name}'.", "It may have been deleted.")
        return lesion_pairs.read_pair(self._store, uid)

    def __contains__(self, uid: str) -> bool:
        return self._store.has(uid)

    def __len__(self) -> int:
        return len({uid for uid, _side in self._store.nodes})

    def node(self, uid: str, side: Side):
        """The ROI node of a lesion on a side; None when it has no box there."""
        return self._store.nodes.get((uid, side))

    def uid_of(self, node) -> str | None:
        """The uid of the lesion whose box a node of this study is; None for any other node."""
        key = self._store.key_of(node)
        return key[0] if key else None

    def side_of(self, node) -> Side | None:
        """The side of a node of this study; None for any other node."""
        key = self._store.key_of(node)
        return key[1] if key else None

    def action(self, name: str) -> AbstractContextManager[None]:
        """A block whose changes are one undo step called `name`; blocks may be nested, the outermost counts. When the
        block raises, the boxes are as they were before it."""
        return self._store.action(name)

    def add(self, pairs: Iterable[Lesion], replace: bool = False) -> list[str]:
        """Add lesions and return their uids.

        A uid that the scene has already: with the same boxes it is the same lesion, and stays as it is; with others it
        is another lesion and gets a new uid, or takes the place of the old one when `replace` is set. A number that is
        taken becomes the next free one.

        Raises:
            InputError: when a volume lies under a transform that warps or skews a box; nothing is added then.
        """
        known, uids, added = {pair.uid: pair for pair in self.pairs()}, [], {}
        for pair in pairs:
            new = self._add(pair, known, replace)
            uids.append(pair.uid if new is None else new.uid)
            if new is not None:
                known[new.uid] = added[new.uid] = new
        with self.action("Add lesions" if len(added) > 1 else "Add lesion"):
            self._write(*added.values())
        return uids

    def replace_all(self, pairs: Iterable[Lesion]) -> list[str]:
        """Put these lesions in place of all that the study has; returns their uids. Raises as `add` does."""
        with self.action("Replace all lesions"):
            self._store.put({})
            return self.add(pairs)

    def put(self, pair: Lesion) -> None:
        """Insert a lesion, or make the one with its uid equal to it. Raises as `add` does."""
        with self.action("Change lesion" if pair.uid in self else "Add lesion"):
            self._write(pair)

    def set_state(self, uid: str, state: State) -> None:
        """Accept, reject or propose a lesion. Raises `InputError` for an unknown uid or state."""
        if state not in STATES:
            raise InputError(f"Unknown state '{state}'.", f"It is one of {', '.join(STATES)}.")
        names = {"accepted": "Accept", "rejected": "Reject", "proposed": "Propose again"}
        self._change(names[state], uid, state=state)

    def set_note(self, uid: str, text: str) -> None:
        """Write a note on a lesion. Raises `InputError` for an unknown uid."""
        self._change("Write note", uid, note=text)

    def set_earlier(self, uid: str, earlier: str | None) -> None:
        """Say which lesion of the visit before a lesion was. Raises `InputError` for an unknown uid."""
        self._change("Link with the earlier visit", uid, earlier=earlier)

    def set_phases(self, uid: str, phases: Mapping[str, PhaseSignal]) -> None:
        """Keep the signals of a lesion in further series. Raises `InputError` for an unknown uid or phase."""
        self._change("Measure phases", uid, phases=dict(phases))

    def set_reading(self, uid: str, reading: Mapping[str, str]) -> None:
        """Keep what a radiologist has decided about a lesion (see `lesion_findings.FORM`). Raises `InputError` for an
        unknown uid or answer."""
        self._change("Decide", uid, reading=dict(reading))

    def set_box(self, uid: str, side: Side, box: Box, origin: Origin = "drawn", score: float | None = None) -> None:
        """Give a lesion a box (LPS, mm) on a side in place of the one it has there.

        Raises:
            InputError: for an unknown uid, or a volume under a transform that warps or skews the box.
        """
        pair = self.pair(uid)
        mask = pair.boxes[side].mask if side in pair.boxes else None
        with self.action("Set box"):
            self._write(pair.with_box(side, LesionBox(box, origin, score, mask)))

    def set_mask(self, uid: str, side: Side, mask: str | None, box: Box | None = None) -> None:
        """Say which voxels are a lesion on a side where it has a box (see `lesion_segments`); a `box` (LPS, mm) is the
        one around voxels that a person has drawn. Raises as `set_box`."""
        pair = self.pair(uid)
        old = pair.boxes[side]
        new = replace(old, mask=mask) if box is None else LesionBox(box, "drawn", None, mask)
        with self.action("Delete mask" if mask is None else "Edit mask" if box is not None else "Draw mask"):
            self._write(pair.with_box(side, new))

    @property
    def masks(self) -> MaskVersions:
        """The voxels of masks as they were, which steps lead back to."""
        return self._store.masks

    def remove(self, uid: str) -> None:
        """Delete a lesion. Raises `InputError` for an unknown uid."""
        self.pair(uid)
        with self.action("Delete lesion"):
            self._drop(uid)

    def remove_side(self, uid: str, side: Side) -> None:
        """Delete a lesion's box on one side; its partner stays, unpaired. Raises `InputError` for an unknown uid."""
        pair = self.pair(uid)
        with self.action("Delete box"):
            if side.other in pair.boxes:
                self._write(pair.with_box(side, None))
            else:
                self._drop(uid)

    def split(self, uid: str) -> tuple[str, str]:
        """Make two lesions of a pair: the T1 box keeps uid and number, the T2 box gets new ones. Returns both uids.

        Raises:
            InputError: when it is no pair.
        """
        pair = self.pair(uid)
        if pair.missing:
            raise InputError(f"Lesion {pair.number} has one box only; there is nothing to split.")
        alone = {"uid": lesion_boxes.new_uid(), "number": self._store.next_number()}
        other = replace(pair.with_box(Side.T1, None), **alone)
        with self.action("Split pair"):
            self._write(pair.with_box(Side.T2, None), other)
        return pair.uid, other.uid

    def link(self, uid_t1: str, uid_t2: str) -> str:
        """Pair the T1 box of one lesion with the T2 box of another; boxes that lose their partner stay, unpaired.

        The pair keeps uid, number, state and note of the first. Returns its uid.

        Raises:
            InputError: when either box is missing.
        """
        first, second = self.pair(uid_t1), self.pair(uid_t2)
        if uid_t1 == uid_t2 and not first.missing:
            return uid_t1
        _need(first, Side.T1)
        _need(second, Side.T2)
        with self.action("Link boxes"):
            if Side.T2 in first.boxes:
                self.split(uid_t1)
            self.remove_side(uid_t2, Side.T2)
            self._write(self.pair(uid_t1).with_box(Side.T2, second.boxes[Side.T2]))
        return uid_t1

    def swap_partner(self, uid_a: str, uid_b: str) -> None:
        """Exchange the T2 boxes of two lesions. Raises `InputError` when either has no box in T1 or in T2."""
        a, b = self.pair(uid_a), self.pair(uid_b)
        for pair in (a, b):
            _need(pair, Side.T1)
            _need(pair, Side.T2)
        with self.action("Swap partners"):
            self._write(a.with_box(Side.T2, b.boxes[Side.T2]), b.with_box(Side.T2, a.boxes[Side.T2]))

    def undo(self) -> str | None:
        """Take the last step back; returns its name, None when there is none."""
        return self._store.undo()

    def redo(self) -> str | None:
        """Take again the step that was taken back last; returns its name, None when there is none."""
        return self._store.redo()

    @property
    def undo_name(self) -> str | None:
        """What `undo` would take back."""
        return self._store.history.undo_name

    @property
    def redo_name(self) -> str | None:
        """What `redo` would take again."""
        return self._store.history.redo_name

    def observe(self, callback: Callable[[str], None]) -> int:
        """Call `callback` with "boxes", "selection" or "history" after each change of it, whoever made it; once for
        an action. Returns the token for `stop_observing`."""
        self._tokens.append(self._store.notices.observe(callback))
        return self._tokens[-1]

    def stop_observing(self, token: int) -> None:
        """Call the callback of this token no longer."""
        self._store.notices.stop(token)
        if token in self._tokens:
            self._tokens.remove(token)

    def release(self) -> None:
        """Drop the callbacks of this object; the nodes are no longer observed when it was the last of its study."""
        for token in list(self._tokens):
            self.stop_observing(token)
        self._store.release(self)

    @property
    def selected(self) -> str | None:
        """The uid of the lesion whose boxes are brought out."""
        return self._store.display.selected

    def select(self, uid: str | None) -> None:
        """Bring out the boxes of one lesion and no others; None, or an unknown uid, means none."""
        self._store.select(uid)

    def mark_drawn(self, keys: Iterable[tuple[str, Side]]) -> None:
        """Let the boxes (uid, side) step back whose lesions are drawn themselves, and no others."""
        with self._store.quiet():
            self._store.display.mark_drawn(self._store.nodes, keys)

    def show_handles(self, shown: bool = True) -> None:
        """Give handles to the boxes of the selected lesion, or take them away: handles cover a small lesion, so they
        are shown only while the pointer is near. Selecting takes them away."""
        self._store.show_handles(shown)

    def filter(self, display_threshold: float = 0.0, hide_rejected: bool = False) -> None:
        """Show only the lesions with a score from `display_threshold`; drawn and accepted ones always stay."""
        wanted, before = LesionFilter(display_threshold, hide_rejected), self._store.display.filter
        self._store.show(before if wanted == replace(before, kept=frozenset()) else wanted)

    def keep_shown(self, uids: Iterable[str]) -> None:
        """Show these lesions whatever their scores, until `filter` is called with other values: what somebody has just
        split must not vanish before his eyes."""
        wanted = self._store.display.filter
        self._store.show(replace(wanted, kept=wanted.kept.union(uids)))

    def is_shown(self, pair: Lesion) -> bool:
        """Whether the filter in force shows this lesion."""
        return self._store.display.filter.passes(pair.uid, pair.state, pair.boxes.values())

    def at(self, point_mm: Sequence[float], side: Side) -> str | None:
        """The lesion whose box on this side holds a point (LPS, mm), the smallest of several that are shown; None
        when none does."""
        held = []
        for pair in self.pairs():
            box = pair.box(side)
            if box is not None and self.is_shown(pair) and lesion_boxes.holds(box, point_mm):
                held.append((box.size_mm[0] * box.size_mm[1] * box.size_mm[2], pair.uid))
        return min(held)[1] if held else None

    def _add(self, pair: Lesion, target: dict[str, Lesion], replacing: bool) -> Lesion | None:
        """The lesion as it is to be added to those in `target`; None when it is there already."""
        old = target.get(pair.uid)
        if old is not None and lesion_pairs.same_boxes(old, pair) and not replacing:
            return None
        if (old is not None and not replacing) or (old is None and self._elsewhere(pair.uid)):
            pair = replace(pair, uid=lesion_boxes.new_uid())
        taken = {other.number for other in target.values() if other.uid != pair.uid}
        return replace(pair, number=free_number(taken)) if pair.number in taken else pair

    def _elsewhere(self, uid: str) -> bool:
        return any(store.has(uid) for store in BoxStore.living() if store is not self._store)

    def _change(self, name: str, uid: str, **values) -> None:
        changed = replace(self.pair(uid), **values)
        with self.action(name):
            self._write(changed)

    def _write(self, *pairs: Lesion) -> None:
        lesion_pairs.write_pairs(self._store, list(pairs))

    def _drop(self, uid: str) -> None:
        self._store.put({key: record for key, record in self._store.records.items() if key[0] != uid})


def _need(pair: Lesion, side: Side) -> None:
    if side not in pair.boxes:
        raise InputError(f"Lesion {pair.number} has no box in {side.title}.", "Choose another lesion or draw one.")
