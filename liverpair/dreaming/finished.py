"""A dream as it lies in its folder, for those who report on it. Imports no torch."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from liverpair.core.errors import InputError
from liverpair.core.trajectories import Trajectories
from liverpair.dreaming.normal_ranges import NormalRanges

DREAM_FILE = "dream.json"
OBJECTS, LISTS = ("settings", "provenance"), ("runs", "readings", "notes")


@dataclass(frozen=True, eq=False)
class FinishedDream:
    """What `dream.json` says, the trajectories, and the normal ranges or None. The dream may have been left early."""

    folder: Path
    content: dict[str, Any]
    trajectories: Trajectories
    ranges: NormalRanges | None

    @classmethod
    def read(cls, folder: str | Path) -> "FinishedDream":
        """Raises `InputError` when there is no dream in the folder, it is damaged, or has no iteration yet."""
        folder = Path(folder)
        try:
            content = json.loads((folder / DREAM_FILE).read_text(encoding="utf-8"))
            whole = all(isinstance(content[key], dict) for key in OBJECTS)
            whole = whole and all(isinstance(content[key], list) for key in LISTS)
            table = folder / content["trajectories"]
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            whole = False
        if not whole:
            raise InputError(f"'{folder}' holds no dream.", "Choose the folder that a dream was written to.")
        trajectories = Trajectories.read_csv(table)
        if "dream" not in trajectories.kinds:
            raise InputError(f"The dream in '{folder}' has no iteration yet.", "Let it run first.")
        ranges = content.get("ranges")
        return cls(folder, content, trajectories, NormalRanges.from_dict(ranges) if ranges else None)

    @property
    def model(self) -> str:
        """The model's name and version."""
        provenance = self.content["provenance"]
        return f"{provenance.get('bundle', 'unknown model')} {provenance.get('version', '')}".strip()

    @property
    def starts(self) -> int:
        """How many starts the dream itself has."""
        return len(self.trajectories.starts())

    @property
    def typical_start(self) -> int:
        """The start whose last activation is the median of all."""
        starts = self.trajectories.starts()
        last = [float(t.values("activation")[-1]) for t in starts]
        return starts[int(np.argsort(last)[(len(last) - 1) // 2])].start

    def run(self, start: int) -> Mapping[str, Any]:
        """What was kept of one start of the dream itself; {} when nothing was."""
        return next((r for r in self.content["runs"] if (r.get("run"), r.get("start")) == ("dream", start)), {})

    def frames(self, start: int) -> list[dict[str, Any]]:
        """The frames of one start of the dream itself: {"iteration", "image", "mask"}, files as paths."""
        frames = self.run(start).get("frames", [])
        return [{**frame, **{what: self.folder / frame[what] for what in ("image", "mask")}} for frame in frames]
