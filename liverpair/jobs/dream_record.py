"""A dream as it comes about, kept in its folder so that it can be left at any time and gone on with."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from liverpair.core.atomic import written_whole
from liverpair.core.errors import InputError
from liverpair.core.trajectories import Trajectories
from liverpair.dreaming.ascent import DreamStep
from liverpair.dreaming.state import DreamState
from liverpair.dreaming.subject import Subject
from liverpair.io.study import write_image
from liverpair.jobs.dream_results import (
    DREAM_FILE,
    FRAMES_FOLDER,
    ORIGINAL_FILE,
    SCHEMA_VERSION,
    STATE_FOLDER,
    TRAJECTORIES_FILE,
    frame_file,
    located,
    own_files,
    plain,
    read_dream,
    state_file,
)

SAVE_EVERY_S = 20.0
SLOW_S = 1.0
"""After an iteration that takes longer than this all is saved: a cancel may then end with the worker being killed."""

Readings = Callable[[Trajectories], list[dict[str, Any]]]


class DreamRecord:
    """The folder of one dream.

    What is written goes from the trajectories over `dream.json` to the state, so that whatever ends the worker leaves
    at least the iterations up to the state; those after it are dropped and dreamed again.

    `content` is what `dream.json` holds; `read` makes the readings of the trajectories.
    """

    def __init__(self, folder: Path, content: dict[str, Any], trajectories: Trajectories, read: Readings):
        self.folder = folder
        self.content = content
        self.trajectories = trajectories
        self._read = read
        self._state: DreamState | None = None
        self._entry: dict[str, Any] = {}
        self._saved_at = self._taken_at = time.monotonic()
        self._seconds_before = content["provenance"]["seconds"]
        self._started_at = time.monotonic()

    @classmethod
    def begin(cls, folder: Path, content: Mapping[str, Any], read: Readings) -> "DreamRecord":
        """A new dream in `folder`; an earlier one in it is removed. `content` is all that is known beforehand."""
        for path in own_files(folder):
            path.unlink()
        whole = {
            "schema_version": SCHEMA_VERSION,
            "complete": False,
            "trajectories": TRAJECTORIES_FILE,
            "original": ORIGINAL_FILE,
            **content,
            "runs": [],
        }
        return cls(folder, whole, Trajectories(tuple(content["features"])), read)

    @classmethod
    def resume(cls, folder: Path, content: dict[str, Any], read: Readings) -> "DreamRecord":
        """The unfinished dream in `folder`, of which `read_dream` gave the `content`.

        Frames that are gone are left out. Raises `InputError` when its trajectories or its state are damaged.
        """
        record = cls(folder, content, Trajectories.read_csv(folder / TRAJECTORIES_FILE), read)
        whole = {(entry["run"], entry["start"]): entry for entry in content["runs"]}
        for key in list(record.trajectories.by_run):
            if key not in whole:
                del record.trajectories.by_run[key]
        for key, entry in whole.items():
            entry["frames"] = [frame for frame in entry["frames"] if record._is_there(frame)]
            if entry["stopped"] is None:
                record._drop_from(entry, record._stored(*key))
        return record

    def _is_there(self, frame: Mapping[str, Any]) -> bool:
        return all((self.folder / frame[what]).is_file() for what in ("image", "mask"))

    def _stored(self, run: str, start: int) -> DreamState | None:
        path = self.folder / state_file(run, start)
        return DreamState.load(path) if path.exists() else None

    def _drop_from(self, entry: dict[str, Any], state: DreamState | None) -> None:
        """Forget what was recorded of an unfinished run beyond its state."""
        key, first = (entry["run"], entry["start"]), 0 if state is None else state.iteration
        entry["iterations"] = max(0, first - 1)
        entry["frames"] = [frame for frame in entry["frames"] if frame["iteration"] < first]
        if key in self.trajectories.by_run:
            rows = self.trajectories.by_run[key].rows
            for iteration in [i for i in rows if i >= first]:
                del rows[iteration]
            if not rows:
                del self.trajectories.by_run[key]

    def enter(self, run: str, start: int) -> tuple[bool, DreamState | None]:
        """Turn to one run: whether it is done already, and the state from which it goes on, if it was begun."""
        here = [e for e in self.content["runs"] if (e["run"], e["start"]) == (run, start)]
        if here and here[0]["stopped"] is not None:
            return True, None
        if not here:
            neuron = self.content["starts"][start]
            here = [{"run": run, "start": start, "neuron": neuron, "stopped": None, "iterations": 0, "frames": []}]
            self.content["runs"] += here
        self._entry = here[0]
        self._state = self._stored(run, start)
        return False, self._state

    def take(self, step: DreamStep, subject: Subject, send: Callable[[dict[str, Any]], None]) -> None:
        """Send one iteration, with its frame, and keep it. When `send` raises, the iteration is not kept."""
        entry = self._entry
        frame = None if step.image is None else self._write_frame(step, subject)
        sample = {"run": entry["run"], "start": entry["start"], **_sample(step)}
        if step.iteration == 0:
            sample["neuron"] = entry["neuron"]
        located_frame = frame and {what: str(self.folder / frame[what]) for what in ("image", "mask")}
        send({**sample, "frame": located_frame})
        self.trajectories.add(sample)
        now = time.monotonic()
        entry["iterations"] = step.iteration
        entry["frames"] += [frame] if frame else []
        self._state = step.state
        if step.stopped is not None:
            entry["stopped"] = step.stopped
            self._state = None
            self.save()
            (self.folder / state_file(entry["run"], entry["start"])).unlink(missing_ok=True)
        elif now - self._saved_at > SAVE_EVERY_S or now - self._taken_at > SLOW_S:
            self.save()
        self._taken_at = time.monotonic()

    def _write_frame(self, step: DreamStep, subject: Subject) -> dict[str, Any]:
        names = {
            what: frame_file(self._entry["run"], self._entry["start"], step.iteration, what)
            for what in ("image", "mask")
        }
        write_image(subject.to_image(step.image), self.folder / names["image"])
        write_image(subject.mask_image(step.mask), self.folder / names["mask"])
        return {"iteration": step.iteration, **names}

    def save(self) -> None:
        """Write what there is, so that the dream can be gone on with."""
        self.trajectories.write_csv(self.folder / TRAJECTORIES_FILE)
        self.content["readings"] = plain(self._read(self.trajectories))
        spent = time.monotonic() - self._started_at
        self.content["provenance"]["seconds"] = round(self._seconds_before + spent, 3)
        with written_whole(self.folder / DREAM_FILE) as draft:
            text = json.dumps(plain(self.content), indent=2, ensure_ascii=False, allow_nan=False)
            draft.write_text(text + "\n", encoding="utf-8")
        if self._state is not None:
            self._state.save(self.folder / state_file(self._entry["run"], self._entry["start"]))
        self._saved_at = time.monotonic()

    def note(self, notes: Sequence[str]) -> None:
        """Keep sentences for the user, each once."""
        self.content["notes"] = list(dict.fromkeys([*self.content["notes"], *notes]))

    def finish(self) -> dict[str, Any]:
        """Mark the dream as whole; what `located` gives of it."""
        self.content["complete"] = True
        self.save()
        for run in self.content["runs"]:  # left where the process was killed at the end of a run
            (self.folder / state_file(run["run"], run["start"])).unlink(missing_ok=True)
        for folder in (STATE_FOLDER, FRAMES_FOLDER):
            with suppress(OSError):  # not empty
                (self.folder / folder).rmdir()
        return located(plain(self.content), self.folder)


def unfinished_dream(folder: Path, asked: Mapping[str, Any]) -> dict[str, Any]:
    """What `dream.json` in `folder` says, which must have been asked the same as `asked`.

    Raises `InputError` when there is none, or it was asked something else.
    """
    content = read_dream(folder)
    if content is None or not content["starts"] or not content.get("feature_settings"):
        raise InputError(f"'{folder}' holds no dream that can be resumed.", "Start it anew.")
    before, now = content["asked"], plain(asked)
    differing = [name for name, value in now["options"].items() if before["options"].get(name) != value]
    differing += [part for part, value in now["inputs"].items() if before["inputs"].get(part) != value]
    if before.get("model") != now["model"]:
        differing.insert(0, "model")
    if differing:
        raise InputError(
            f"The dream in '{folder}' was started with another {' and '.join(differing)}.",
            "Choose what it was started with, or another folder.",
        )
    return content


def _sample(step: DreamStep) -> dict[str, Any]:
    names = ("iteration", "activation", "probability", "voxels", "features")
    return plain({name: getattr(step, name) for name in names})
