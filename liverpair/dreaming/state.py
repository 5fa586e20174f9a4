"""Where a dream stands, so that it can be left and taken up again exactly. Imports no torch."""

import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from liverpair.core.atomic import written_whole
from liverpair.core.errors import InputError


@dataclass(frozen=True, eq=False)
class DreamState:
    """A dream before one of its iterations.

    Parameters
    ----------
    image
        (C, *space) float32 the image of that iteration.
    iteration
        Its number: the next one that the dream yields.
    activations
        Of the iterations before it, as many as the stop rule looks back.
    window
        (d, 2) the part of the image that is being computed; it only ever grows.
    object
        (*space) bool the object of the iteration before; None before the first.
    identity
        What dreams this: kind of run, neuron, settings that bend the path, checksums of model and image. Random numbers
        follow from it, so that no generator needs to be kept.
    """

    image: np.ndarray
    iteration: int
    activations: tuple[float, ...]
    window: tuple[tuple[int, int], ...]
    identity: Mapping[str, Any]
    object: np.ndarray | None = None

    def save(self, path: str | Path) -> None:
        """Write to a `.npz`, which appears whole. Raises `InputError` when the place cannot be written to."""
        with written_whole(path) as draft, draft.open("wb") as file:
            np.savez_compressed(
                file,
                image=self.image,
                iteration=self.iteration,
                activations=np.array(self.activations, float),
                window=np.array(self.window, int),
                identity=json.dumps(self.identity),
                **({} if self.object is None else {"object": self.object}),
            )

    @classmethod
    def load(cls, path: str | Path) -> "DreamState":
        """What `save` wrote. Raises `InputError` for a file that is something else."""
        try:
            with np.load(path, allow_pickle=False) as file:
                return cls(
                    file["image"],
                    int(file["iteration"]),
                    tuple(file["activations"].tolist()),
                    tuple((first, last) for first, last in file["window"].tolist()),
                    json.loads(str(file["identity"])),
                    file.get("object"),
                )
        except (OSError, KeyError, ValueError, TypeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise InputError(f"'{path}' holds no dream that can be resumed.", "Start the dream anew.") from error

    def check(self, identity: Mapping[str, Any]) -> None:
        """Raise `InputError` naming what differs, unless this is a state of the dream with that `identity`."""
        own, other = (json.loads(json.dumps(i)) for i in (self.identity, identity))
        different = sorted(key for key in {*own, *other} if own.get(key) != other.get(key))
        if different:
            raise InputError(
                f"The unfinished dream is a different one: its {' and '.join(different)} differ.",
                "Start anew, or choose what it was started with.",
            )
