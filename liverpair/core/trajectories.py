"""What was recorded on the way: one row per iteration, start and kind of run. Imports no torch."""

import csv
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from liverpair.core.atomic import written_whole
from liverpair.core.errors import InputError

RUN_KINDS = ("dream", "random-weights", "random-direction")
"""A dream, and the two baselines that any trajectory is to be held against."""


KEYS = ("run", "start", "iteration")
MEASURES = ("activation", "probability", "voxels")
"""What every row holds beside its features: the neuron's activation and probability, and the voxels of its object."""

Row = dict[str, float]


@dataclass
class Trajectory:
    """The record of one start of one kind of run.

    `rows` maps an iteration to its measures and features by name; what is undefined is NaN. `neuron` describes the
    start (`Neuron.as_dict`), where that is known.
    """

    kind: str
    start: int
    neuron: Mapping[str, Any]
    features: tuple[str, ...]
    rows: dict[int, Row] = field(default_factory=dict)

    @property
    def iterations(self) -> np.ndarray:
        """The recorded iterations in rising order."""
        return np.array(sorted(self.rows), int)

    def values(self, name: str) -> np.ndarray:
        """The values of a feature or measure at `iterations`."""
        return np.array([self.rows[i].get(name, math.nan) for i in sorted(self.rows)], float)


@dataclass
class Trajectories:
    """All trajectories of a dream, by kind of run and start. `features` are in the order of their first appearance."""

    features: tuple[str, ...] = ()
    by_run: dict[tuple[str, int], Trajectory] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Trajectory]:
        """In the order of the kinds of run, then of the starts."""
        return iter(self.by_run[key] for key in sorted(self.by_run, key=lambda k: (RUN_KINDS.index(k[0]), k[1])))

    def __len__(self) -> int:
        return len(self.by_run)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of run that have a trajectory."""
        return tuple(kind for kind in RUN_KINDS if any(kind == run for run, _ in self.by_run))

    def without_object(self) -> tuple[str, ...]:
        """The kinds of run in which no feature was ever defined, since no object appeared."""
        return tuple(
            kind
            for kind in self.kinds
            if all(np.isnan(own.values(name)).all() for own in self.starts(kind) for name in self.features)
        )

    def starts(self, kind: str = "dream") -> list[Trajectory]:
        """The trajectories of one kind, by start."""
        return [trajectory for trajectory in self if trajectory.kind == kind]

    def add(self, sample: Mapping[str, Any]) -> None:
        """Record one iteration, {"run", "start", "iteration", "activation", "probability", "voxels", "features": {name:
        value}} and on occasion "neuron". A value of None is undefined.

        An iteration that is there already is replaced. Raises `InputError` for a kind of run that is unknown.
        """
        kind, start = sample["run"], int(sample["start"])
        if kind not in RUN_KINDS:
            raise InputError(f"The kind of run '{kind}' is unknown.", f"Known are {', '.join(RUN_KINDS)}.")
        features = sample.get("features") or {}
        if any(name not in self.features for name in features):
            self.features = tuple(dict.fromkeys([*self.features, *features]))
        trajectory = self.by_run.setdefault((kind, start), Trajectory(kind, start, {}, ()))
        trajectory.features = tuple(features) or trajectory.features
        trajectory.neuron = sample.get("neuron") or trajectory.neuron
        row = {name: _number(sample.get(name)) for name in MEASURES}
        trajectory.rows[int(sample["iteration"])] = row | {name: _number(v) for name, v in features.items()}

    def values(self, name: str, kind: str = "dream") -> tuple[np.ndarray, np.ndarray]:
        """The iterations (n,) that any start of `kind` recorded, and a feature's or measure's values (starts, n) there:
        NaN where it is undefined, and where a start has ended."""
        starts = self.starts(kind)
        iterations = np.array(sorted(set().union(*(t.rows for t in starts))), int)
        values = np.full((len(starts), len(iterations)), math.nan)
        for row, trajectory in zip(values, starts):
            row[np.searchsorted(iterations, trajectory.iterations)] = trajectory.values(name)
        return iterations, values

    def write_csv(self, path: str | Path) -> None:
        """Write every row: run, start, iteration, activation, probability, voxels, features. What is undefined is left
        empty. Raises `InputError` when the place cannot be written to."""
        with written_whole(path) as draft, draft.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow([*KEYS, *MEASURES, *self.features])
            for t in self:
                for iteration in t.iterations.tolist():
                    row = t.rows[iteration]
                    cells = [_cell(row.get(name, math.nan)) for name in (*MEASURES, *self.features)]
                    writer.writerow([t.kind, t.start, iteration, *cells])

    @classmethod
    def read_csv(cls, path: str | Path) -> "Trajectories":
        """What `write_csv` wrote; the neurons are not in it. Raises `InputError` for a file that is something else."""
        path = Path(path)
        try:
            with path.open(encoding="utf-8", newline="") as file:
                header, *rows = csv.reader(file) if path.stat().st_size else [[]]
            if tuple(header[: len(KEYS + MEASURES)]) != KEYS + MEASURES:
                raise ValueError("its columns are others")
            return cls._of(header[len(KEYS + MEASURES) :], rows)
        except OSError as error:
            raise InputError(f"'{path}' cannot be read: {error.strerror or error}.") from error
        except (ValueError, csv.Error, InputError) as error:
            raise InputError(f"'{path}' is not a table of trajectories: {error}.") from error

    @classmethod
    def _of(cls, features: Sequence[str], rows: Iterable[Sequence[str]]) -> "Trajectories":
        read = cls(tuple(features))
        for run, start, iteration, *cells in rows:
            if len(cells) != len(MEASURES) + len(features):
                raise ValueError(f"a row has {len(cells) + len(KEYS)} cells")
            measures, values = cells[: len(MEASURES)], cells[len(MEASURES) :]
            sample = {"run": run, "start": int(start), "iteration": int(iteration), **dict(zip(MEASURES, measures))}
            read.add({**sample, "features": dict(zip(features, values))})
        return read


def _number(value: Any) -> float:
    return math.nan if value is None or value == "" else float(value)


def _cell(value: float) -> str:
    """Empty for NaN; whole numbers without a point; others as the shortest text that reads back as the same."""
    if math.isnan(value):
        return ""
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(float(value))
