"""A dream in the scene: one table node that holds every sample, and what was derived from it.

The table is the truth: a row per kind of run, start and iteration. What the dream was asked and what it said in the
end stand in the table's attributes. All other nodes of a dream refer to the table and can be made again from it.
Scene files keep six significant digits of a table; the run's own folder has the exact values.
"""

import json
import math
import weakref
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import vtk_to_numpy

from liverpair.core.errors import InputError
from liverpair.core.trajectories import KEYS, MEASURES, RUN_KINDS, Trajectories
from liverpair.mrml.dreams import dream_folders
from liverpair.mrml.dreams.dream_curves import Curves, check_place, number

MARK = "LiverPair.Dream"
ABOUT = "LiverPair.DreamAbout"
RESULT = "LiverPair.DreamResult"
VOLUME = "liverPairDreamVolume"

_living: "weakref.WeakValueDictionary[str, DreamScene]" = weakref.WeakValueDictionary()


class DreamScene:
    """One dream. All who ask for the same table node get the same object (`DreamScene.of`)."""

    def __init__(self, table_node):
        """Take over a table node of a dream, new or loaded.

        Raises:
            InputError: when it is none, or its columns are damaged.
        """
        if not table_node.GetAttribute(MARK):
            raise InputError(f"Table '{table_node.GetName()}' holds no dream.")
        self.table = table_node
        self._read()
        _living[table_node.GetID()] = self

    @classmethod
    def create(cls, name: str, about: Mapping[str, Any], volume_node=None) -> "DreamScene":
        """A new dream called `name` with an empty table in a folder of its own in the subject hierarchy.

        Args:
            about: What JSON can hold: the request, and what is known before the run. `features` names the columns;
                `ranges` are the normal ranges, if there are any.
            volume_node: The volume that is dreamed on; it is referred to and never changed.
        """
        scene = slicer.mrmlScene
        node = scene.CreateNodeByClass("vtkMRMLTableNode")
        node.UnRegister(None)
        node.SetName(scene.GetUniqueNameByString(name))
        node.SetAttribute(MARK, "1")
        node.SetLocked(True)
        node.SetUseColumnTitleAsColumnHeader(True)
        node.SetAndObserveTable(_empty_table(about.get("features") or ()))
        scene.AddNode(node)
        if volume_node is not None:
            node.SetNodeReferenceID(VOLUME, volume_node.GetID())
        dream = cls(node)
        dream.about = about
        dream_folders.make(node, volume_node)
        return dream

    @classmethod
    def of(cls, table_node) -> "DreamScene":
        """The dream of a table node. Raises as the constructor does."""
        known = _living.get(table_node.GetID())
        return known if known is not None and known.table is table_node else cls(table_node)

    @classmethod
    def all_in_scene(cls) -> list["DreamScene"]:
        """The dreams of the scene, oldest first; tables that are damaged are passed over."""
        dreams = []
        for node in slicer.util.getNodesByClass("vtkMRMLTableNode"):
            if node.GetAttribute(MARK):
                try:
                    dreams.append(cls.of(node))
                except InputError:
                    continue
        return dreams

    @property
    def alive(self) -> bool:
        """Whether the dream is still in the scene."""
        return bool(slicer.mrmlScene.IsNodePresent(self.table))

    def check_alive(self) -> None:
        """Raise `InputError` when the dream is no longer in the scene."""
        if not self.alive:
            raise InputError(f"'{self.name}' was deleted.", "Stop the run, or start it again.")

    @property
    def version(self) -> int:
        """A number that changes with every sample, and with the result."""
        return self.table.GetMTime() + self.table.GetTable().GetMTime()

    @property
    def name(self) -> str:
        """What the table node is called."""
        return self.table.GetName() or ""

    @property
    def volume(self):
        """The volume node that was dreamed on; None when it is not in the scene."""
        return self.table.GetNodeReference(VOLUME)

    @property
    def about(self) -> dict[str, Any]:
        """What was asked, as given to `create`."""
        return _read_json(self.table, ABOUT)

    @about.setter
    def about(self, about: Mapping[str, Any]) -> None:
        self.table.SetAttribute(ABOUT, json.dumps(dict(about)))

    @property
    def result(self) -> dict[str, Any]:
        """What the worker returned; empty as long as the dream has not ended."""
        return _read_json(self.table, RESULT)

    @property
    def finished(self) -> bool:
        """Whether the dream has come to its end."""
        return bool(self.table.GetAttribute(RESULT))

    @property
    def ranges(self) -> dict[str, Any] | None:
        """The normal ranges, `{"features": {name: {"mean", "sd"}}, …}`, or None."""
        return self.result.get("ranges") or self.about.get("ranges") or None

    @property
    def readings(self) -> list:
        """What the run said about its trajectories in the end."""
        return self.result.get("readings") or []

    @property
    def provenance(self) -> dict[str, Any]:
        """Who made it."""
        return self.result.get("provenance") or {}

    @property
    def features(self) -> tuple[str, ...]:
        """The features in the order of the table's columns."""
        return tuple(self._columns[len(MEASURES) :])

    @property
    def columns(self) -> tuple[str, ...]:
        """Measures and features: the names of the last axis of `Curves.values`."""
        return tuple(self._columns)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of run that have samples."""
        return tuple(kind for kind in RUN_KINDS if kind in self.curves and self.curves[kind].rows.size)

    def starts(self, kind: str = "dream") -> int:
        """How many starts of a kind there are."""
        return self.curves[kind].rows.shape[0] if kind in self.curves else 0

    @property
    def last_iteration(self) -> int:
        """The highest iteration of any run; -1 when there is none."""
        return max((curves.rows.shape[1] for curves in self.curves.values()), default=0) - 1

    def add_samples(self, samples: Iterable[Mapping[str, Any]]) -> None:
        """Write samples of the worker into the table, all with one event.

        An iteration that is there already is replaced. Features that are missing or None are undefined (NaN).

        Raises:
            InputError: for a sample that belongs to no dream, or when the dream is no longer in the scene.
        """
        samples = [(_kind(sample), *check_place(sample["start"], sample["iteration"]), sample) for sample in samples]
        self.check_alive()
        if not samples:
            return
        if self.table.GetTable().GetNumberOfRows() != self._row_count:
            self._read()
        names = dict.fromkeys(name for *_place, sample in samples for name in sample.get("features") or ())
        was_modifying = self.table.StartModify()
        try:
            for name in names:
                if name not in self._columns:
                    self._add_column(name)
            for kind, start, iteration, sample in samples:
                self._write(kind, start, iteration, sample)
            self._row_count = self.table.GetTable().GetNumberOfRows()
            self.table.GetTable().Modified()
            self.table.StorableModified()
        finally:
            self.table.EndModify(was_modifying)

    def finish(self, result: Mapping[str, Any]) -> None:
        """Keep what the worker returned: ranges, readings, provenance, notes, runs."""
        if self.alive:
            self.table.SetAttribute(RESULT, json.dumps(dict(result)))

    def trajectories(self) -> Trajectories:
        """All samples as the library has them, to be read, written and drawn."""
        trajectories = Trajectories(self.features)
        neurons = {(run.get("run"), run.get("start")): run.get("neuron") for run in self.result.get("runs") or ()}
        for kind in self.kinds:
            curves = self.curves[kind]
            for start, iteration in np.argwhere(curves.rows >= 0).tolist():
                values = curves.values[start, iteration].tolist()
                trajectories.add(
                    {
                        "run": kind,
                        "start": start,
                        "iteration": iteration,
                        "neuron": neurons.get((kind, start)),
                        **dict(zip(MEASURES, values)),
                        "features": dict(zip(self.features, values[len(MEASURES) :])),
                    }
                )
        return trajectories

    def nodes(self) -> list:
        """All nodes that were made for this dream, beside the table."""
        return dream_folders.nodes_of(self.table)

    def remove(self) -> None:
        """Take the dream with all its nodes and its folder out of the scene; the volume stays."""
        _living.pop(self.table.GetID() or "", None)
        dream_folders.remove(self.table)

    def _write(self, kind: str, start: int, iteration: int, sample: Mapping[str, Any]) -> None:
        features = sample.get("features") or {}
        values = [number(sample.get(name)) for name in MEASURES]
        values += [number(features.get(name)) for name in self._columns[len(MEASURES) :]]
        table, curves = self.table.GetTable(), self._curves_of(kind)
        row = curves.row_of(start, iteration)
        if row is None:
            row = table.GetNumberOfRows()
            for column, value in enumerate((kind, start, iteration, *values)):
                table.GetColumn(column).InsertNextValue(value)
        else:
            for column, value in enumerate(values, len(KEYS)):
                table.GetColumn(column).SetValue(row, value)
        curves.put(start, iteration, values, row)

    def _curves_of(self, kind: str) -> Curves:
        if kind not in self.curves:
            self.curves[kind] = Curves(len(self._columns))
        return self.curves[kind]

    def _add_column(self, name: str) -> None:
        column = _column(vtk.vtkDoubleArray, name)
        column.SetNumberOfTuples(self.table.GetTable().GetNumberOfRows())
        column.Fill(math.nan)
        self.table.GetTable().AddColumn(column)
        self._columns.append(name)
        for curves in self.curves.values():
            curves.add_column()

    def _read(self) -> None:
        """Take what the table says now. Raises `InputError` when a column is missing or is of another type."""
        table = self.table.GetTable()
        self.curves: dict[str, Curves] = {}
        self._row_count = table.GetNumberOfRows()
        names = [table.GetColumnName(number) for number in range(table.GetNumberOfColumns())]
        self._columns = names[len(KEYS) :]
        arrays = [table.GetColumn(number) for number in range(len(names))]
        is_number = [not array.IsA("vtkStringArray") for array in arrays]
        known = (*KEYS, *MEASURES)
        if tuple(names[: len(known)]) != known or is_number != [False] + [True] * (len(names) - 1):
            raise InputError(f"The table of the dream '{self.name}' is damaged.", "Load its scene again.")
        kinds = np.array([arrays[0].GetValue(row) for row in range(table.GetNumberOfRows())], dtype=str)
        starts, iterations = (vtk_to_numpy(array).astype(np.int64) for array in arrays[1:3])
        values = np.array([vtk_to_numpy(array) for array in arrays[3:]], float).T
        for kind in RUN_KINDS:
            rows = np.flatnonzero(kinds == kind)
            if len(rows):
                check_place(starts[rows].max(), iterations[rows].max())
                check_place(starts[rows].min(), iterations[rows].min())
                self._curves_of(kind).fill(starts[rows], iterations[rows], values[rows], rows)


def _kind(sample: Mapping[str, Any]) -> str:
    if sample["run"] not in RUN_KINDS:
        raise InputError(f"The kind of run '{sample['run']}' is unknown.", f"Known are {', '.join(RUN_KINDS)}.")
    return sample["run"]


def _empty_table(features: Iterable[str]) -> vtk.vtkTable:
    table = vtk.vtkTable()
    types = (vtk.vtkStringArray, vtk.vtkIntArray, vtk.vtkIntArray)
    for kind, name in zip(types, KEYS):
        table.AddColumn(_column(kind, name))
    for name in (*MEASURES, *dict.fromkeys(features)):
        table.AddColumn(_column(vtk.vtkDoubleArray, name))
    return table


def _column(kind: type, name: str):
    column = kind()
    column.SetName(name)
    return column


def _read_json(node, attribute: str) -> dict[str, Any]:
    """An attribute that holds an object of JSON; empty when it holds none."""
    try:
        found = json.loads(node.GetAttribute(attribute) or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
