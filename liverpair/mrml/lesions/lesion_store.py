"""The boxes of one study as nodes, with the steps that changed them.

The nodes are the truth; the records kept here say what they said last, so that a change by anybody can be told from
none, and taken back.
"""

import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace

from liverpair.core.errors import InputError
from liverpair.core.geometry import Box
from liverpair.core.lesions import free_number
from liverpair.mrml import frames
from liverpair.mrml.lesions import lesion_boxes, lesion_folders
from liverpair.mrml.lesions.lesion_boxes import ROI_CLASS, BoxRecord, Key
from liverpair.mrml.lesions.lesion_display import LesionDisplay, LesionFilter
from liverpair.mrml.lesions.lesion_history import History, Step, difference
from liverpair.mrml.lesions.lesion_masks import MaskVersions
from liverpair.mrml.lesions.lesion_notices import Notices
from liverpair.mrml.lesions.lesion_watch import BoxWatch

_living: "weakref.WeakValueDictionary[str, BoxStore]" = weakref.WeakValueDictionary()


class BoxStore:
    """The ROI nodes of one folder by uid and side, and the history of what was done to them."""

    def __init__(self, folder):
        self.scene = folder.GetScene()
        self.folder = folder
        self.nodes: dict[Key, object] = {}
        self.records: dict[Key, BoxRecord] = {}
        self.history = History()
        self.display = LesionDisplay()
        self.notices = Notices()
        self.users: weakref.WeakSet = weakref.WeakSet()
        self.masks = MaskVersions.of(folder.GetID())
        self._watch = BoxWatch(self.scene, self)
        self._depth = 0
        self.closed = False
        self._dragged: set[Key] = set()
        self._parents: dict[Key, str | None] = {}
        self._moved_from: dict[Key, tuple[BoxRecord, Box]] = {}
        self.load()

    @classmethod
    def of(cls, folder) -> "BoxStore":
        """The store of a folder: one for all who work on it."""
        store = _living.get(folder.GetID())
        if store is None or store.folder is not folder:
            store = _living[folder.GetID()] = cls(folder)
        return store

    @staticmethod
    def living() -> list["BoxStore"]:
        """All stores that somebody works with."""
        return list(_living.values())

    def release(self, user) -> None:
        """One user less; without any, observe nothing any more and forget the listeners."""
        self.users.discard(user)
        if self.users:
            return
        self._watch.release()
        self.notices.clear()
        for key in [key for key, store in _living.items() if store is self]:
            del _living[key]

    def load(self) -> None:
        """Take the nodes of the folder as they are now; no step leads back to what was before."""
        for node in self.nodes.values():
            self._watch.leave(node)
        self.history.clear()
        self.nodes, self.records = {}, {}
        self._dragged.clear()
        for node in lesion_folders.boxes_of(self.folder):
            uid, side = lesion_boxes.uid_of(node), lesion_boxes.side_of(node)
            if uid and side and lesion_boxes.is_box(node) and (uid, side) not in self.nodes:
                self._take(node, (uid, side))
        self._tidy({uid for uid, _side in self.nodes})

    def home(self):
        """The folder; made again when somebody has deleted it or its notes, unless the scene was closed."""
        whole = self.scene.IsNodePresent(self.folder) and lesion_folders.notes_of(self.folder) is not None
        if not self.closed and not whole:
            self.folder = lesion_folders.make_again(self.folder, self.scene, self.nodes.values())
            _living[self.folder.GetID()] = self
        return self.folder

    def quiet(self) -> AbstractContextManager[None]:
        """A block in which changes of the nodes are not taken for somebody else's."""
        return self._watch.quiet()

    @contextmanager
    def action(self, name: str) -> Iterator[None]:
        """One step of the history, whatever happens inside; an inner action is part of the outer one. When the block
        fails, the boxes are as they were before it."""
        self._settle()
        before = dict(self.records)
        with self.notices.held():
            self._depth += 1
            try:
                yield
            except BaseException:
                self.put(before)
                raise
            finally:
                self._depth -= 1
                if not self._depth:
                    self._remember(name, before)

    def put(self, target: Mapping[Key, BoxRecord]) -> None:
        """Make the nodes say what `target` does: make, change and remove what differs. To be called in an action."""
        changed = difference(self.records, target)
        if not changed:
            return
        if self.closed:
            raise InputError("The scene of these lesions was closed.", "Choose the volumes again.")
        self.home()
        with self._watch.quiet():
            for key, (before, after) in changed.items():
                if after is None:
                    self._remove(key)
                elif before is None:
                    self._make(key, after)
                else:
                    lesion_boxes.write(self.nodes[key], key, after, before)
            self.records = dict(target)
            self._tidy({uid for uid, _side in changed})

    def undo(self) -> str | None:
        """Take the last step back; returns its name."""
        return self._travel(self.history.undo, 0)

    def redo(self) -> str | None:
        """Take the step last taken back again; returns its name."""
        return self._travel(self.history.redo, 1)

    def has(self, uid: str) -> bool:
        """Whether there is a box of this lesion."""
        return bool(lesion_boxes.keys_of(uid, self.nodes))

    def next_number(self) -> int:
        """The number of a new lesion."""
        return free_number(record.number for record in self.records.values())

    def select(self, uid: str | None) -> None:
        """Bring out the boxes of one lesion; of none when there is no such lesion."""
        uid = uid if uid is not None and self.has(uid) else None
        if uid != self.display.selected:
            with self._watch.quiet():
                self.display.select(self.nodes, uid)
            self.notices.tell("selection")

    def show_handles(self, shown: bool) -> None:
        """Give handles to the boxes of the selected lesion, or take them away."""
        with self._watch.quiet():
            self.display.show_handles(self.nodes, shown and self.display.selected is not None)

    def show(self, wanted: LesionFilter) -> None:
        """Show the boxes that pass a filter, and hide the others."""
        changed = self.display.filtered(self.nodes, self.records, wanted)
        with self._watch.quiet():
            for node, shown in changed:
                node.GetDisplayNode().SetVisibility(shown)
        self.notices.tell("boxes")

    def parent_of(self, key: Key):
        """The transform node above a box, or above where it would be made: that of its volume. May be None."""
        if key in self.nodes:
            return self.nodes[key].GetParentTransformNode()
        if key in self._parents:
            return self.scene.GetNodeByID(self._parents[key]) if self._parents[key] else None
        volume = lesion_folders.volume_of(self.folder, key[1])
        return volume.GetParentTransformNode() if volume is not None else None

    def world_box(self, key: Key, record: BoxRecord | None = None) -> Box:
        """A box in the world (LPS, mm). Raises `InputError` under a transform that warps or skews it."""
        record = record or self.records[key]
        what = f"Box {record.number} in {key[1].title}"
        return lesion_boxes.to_world(record, lesion_boxes.world_matrix(self.parent_of(key), what), what)

    def measured(self, uid: str, records: Mapping[Key, BoxRecord]) -> tuple[float, ...] | None:
        """The way (RAS, mm) from the T1 to the T2 center of a lesion; None when one is missing or is no box."""
        keys = lesion_boxes.keys_of(uid, records)
        with suppress(InputError):
            centers = [self.world_box(key, records[key]).center_mm for key in keys]
            return frames.flip([b - a for a, b in zip(*centers)]) if len(centers) == 2 else None
        return None

    def on_changed(self, node) -> None:
        """See `Listener`."""
        key = self.key_of(node)
        if key is not None and key not in self._dragged:
            self._read_again(key, gesture=f"edit {key}")

    def on_moved_by_transform(self, node) -> None:
        """See `Listener`."""
        key = self.key_of(node)
        if key is None:
            return
        if node.GetTransformNodeID() != self._parents[key]:
            self._parents[key] = node.GetTransformNodeID()
            self._take_back_hardened(key)
        self.notices.tell("boxes", by_others=True)

    def on_drag(self, node, started: bool) -> None:
        """See `Listener`."""
        key = self.key_of(node)
        if key is None:
            return
        if started:
            self._dragged.add(key)
            self.select(key[0])
            self.show_handles(True)
        else:
            self._dragged.discard(key)
            self._read_again(key)

    def on_added(self, node) -> None:
        """See `Listener`. The copy of a box is another lesion, seen on this side."""
        side = lesion_boxes.side_of(node)
        if lesion_folders.folder_of(node) is not self.folder or side is None or not lesion_boxes.is_box(node):
            return
        before, key = dict(self.records), (lesion_boxes.new_uid(), side)
        with self._watch.quiet():
            copied = replace(lesion_boxes.read(node), number=self.next_number(), displacement=None, mask=None)
            lesion_boxes.write(node, key, copied)
            self._take(node, key)
        self._tidy({key[0]})
        self._remember("Copy box", before)

    def on_removed(self, node) -> None:
        """See `Listener`."""
        key = self.key_of(node)
        if key is not None:
            self._lose(key)

    def on_closed(self) -> None:
        """See `Listener`."""
        self._watch.release()  # nothing that is opened later is of this study
        MaskVersions.forget()
        self.nodes, self.records, self._parents, self.closed = {}, {}, {}, True
        self._dragged.clear()
        self.history.clear()
        self.display.selected = None
        self.notices.tell("boxes", "selection", "history")

    def on_loaded(self) -> None:
        """See `Listener`."""
        if self.scene.IsNodePresent(self.folder):
            self.load()
            self.notices.tell("boxes", "selection", "history")

    def key_of(self, node) -> Key | None:
        """Uid and side of a node of this study."""
        return next((key for key, own in self.nodes.items() if own is node), None)

    def _read_again(self, key: Key, gesture: str = "") -> None:
        """Take over what somebody else has written into a box: what a person has moved is drawn, and has no score."""
        node, old = self.nodes[key], self.records[key]
        if not node.GetNumberOfControlPoints():
            with self._watch.quiet():
                lesion_boxes.disown(node)
            self._lose(key)
            return
        if not lesion_boxes.is_box(node):
            with self._watch.quiet():
                lesion_boxes.write(node, key, old)
            return
        new = lesion_boxes.read(node)
        if not new.number:
            new = replace(new, number=old.number)
            with self._watch.quiet():
                lesion_boxes.write(node, key, new)
        moved = not new.same_box(old)
        if not moved and replace(new, center=old.center, size=old.size, axes=old.axes) == old:
            return
        target = self.records | {key: replace(new, origin="drawn", score=None) if moved else new}
        partner = lesion_boxes.partner_of(key)
        if moved and self.parent_of(key) is not None:
            with suppress(InputError):
                self._moved_from[key] = old, self.world_box(key, old)
        if moved and partner in target:
            target[key] = replace(target[key], displacement=self.measured(key[0], target))
        if partner in target:
            target[partner] = target[partner].of_lesion(target[key])
        name = "Edit lesion" if not moved else "Move box" if new.size == old.size else "Resize box"
        before = dict(self.records)
        # Beyond what the node says already, origin and displacement are written: `put` must see them as a change.
        self.records = self.records | {key: new}
        with self.notices.held():
            self.put(target)
            self._tidy({key[0]} if moved else set())
            self._remember(name, before, gesture)

    def _take_back_hardened(self, key: Key) -> None:
        """A transform that was hardened on a box has not moved it, but changed its coordinates: first these, then the
        transform goes. The box is no drawn one, and earlier steps, in the old coordinates, lead nowhere."""
        old, place = self._moved_from.pop(key, (None, None))
        try:
            if place is None or not lesion_boxes.same_place(self.world_box(key), place):
                return
        except InputError:
            return
        hardened = self.records[key]
        record = replace(old, center=hardened.center, size=hardened.size, axes=hardened.axes)
        partner = lesion_boxes.partner_of(key)
        lone = {partner: self.records[partner].of_lesion(record)} if partner in self.records else {}
        self.put(self.records | lone | {key: record})
        self.history.clear()
        self.notices.tell("history", by_others=True)

    def _settle(self) -> None:
        """End drags that nobody has ended."""
        while self._dragged:
            key = self._dragged.pop()
            if key in self.nodes:
                self._read_again(key)

    def _lose(self, key: Key) -> None:
        """Part from a node that is gone; its partner stays, and knows of no way to it any more."""
        before = dict(self.records)
        node = self._part_from(key)
        lesion_folders.remove_item(node)
        del self.records[key]
        self._dragged.discard(key)
        partner = lesion_boxes.partner_of(key)
        lone = {partner: replace(self.records[partner], displacement=None)} if partner in self.records else {}
        with self.notices.held():
            self.put(self.records | lone)
            self._tidy({key[0]})
            self._remember("Delete box", before, gesture="delete")

    def _remember(self, name: str, before: Mapping[Key, BoxRecord], gesture: str = "") -> None:
        changes = difference(before, self.records)
        if changes and not self._depth:
            self.history.push(name, changes, gesture)
            self.notices.tell("boxes", "history", by_others=bool(gesture))

    def _travel(self, take: Callable[[], Step | None], end: int) -> str | None:
        if self._depth:
            raise RuntimeError("Nothing can be undone or redone inside an action: it is not yet a step.")
        self._settle()
        step = take()
        if step is None:
            return None
        target = dict(self.records)
        for key, values in step.changes.items():
            if values[end] is None:
                target.pop(key, None)
            else:
                target[key] = values[end]
        with self.notices.held():
            self.put(target)
            self.notices.tell("boxes", "history")
        return step.name

    def _take(self, node, key: Key) -> None:
        self.nodes[key] = node
        self.records[key] = lesion_boxes.read(node)
        self._parents[key] = node.GetTransformNodeID()
        self._watch.watch(node)

    def _make(self, key: Key, record: BoxRecord) -> None:
        parent = self.parent_of(key)
        node = self.scene.CreateNodeByClass(ROI_CLASS)
        node.UnRegister(None)
        lesion_boxes.write(node, key, record)
        node.SetAndObserveTransformNodeID(parent.GetID() if parent is not None else None)
        self.scene.AddNode(node)
        self._take(node, key)

    def _remove(self, key: Key) -> None:
        node = self._part_from(key)
        self.scene.RemoveNode(node)
        lesion_folders.remove_item(node)

    def _part_from(self, key: Key):
        """Follow a node no longer. One under its volume's transform comes back under that which the volume has then."""
        node = self.nodes.pop(key)
        self._watch.leave(node)
        volume = lesion_folders.volume_of(self.folder, key[1])
        if volume is not None and volume.GetTransformNodeID() == node.GetTransformNodeID():
            self._parents.pop(key, None)
        return node

    def _tidy(self, uids: set[str]) -> None:
        """Bring references, places in the hierarchy, looks and selection in line with the records of some lesions."""
        with self._watch.quiet():
            for uid in uids:
                keys = lesion_boxes.keys_of(uid, self.nodes)
                lesion_folders.link(self.folder, {side: self.nodes[uid, side] for _uid, side in keys})
            self.display.style(self.nodes, self.records, uids)
        if self.display.selected is not None and not self.has(self.display.selected):
            self.select(None)
