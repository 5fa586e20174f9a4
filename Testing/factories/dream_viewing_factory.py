"""The sections of DeepDreamInspector that show a dream, over a real context, in the harness's window."""

import shutil
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
from liver_multimodal_factory import FakeWorker, liver_image

from liverpair.dreaming.dream_settings import DreamSettings
from liverpair.dreaming.interpretation import readings
from liverpair.dreaming.normal_ranges import NormalRanges
from liverpair.mrml import volumes
from liverpair.mrml.dreams.dream_scene import DreamScene
from liverpair.worker.protocol import CancelledEvent, ProgressEvent, ResultEvent
from Testing.harness import start

ROOT = Path(__file__).parents[2]
FEATURES = ("shape2D_Sphericity", "shape2D_Perimeter", "firstorder_Entropy", "glcm_Contrast")
RANGES = {
    "settings": {"dimensions": 2, "scale": 255, "bin_width": 10, "spacing_mm": [1.5, 1.5, 6.0]},
    "count": 40,
    "data": "Drawn lesions",
    "features": {
        "shape2D_Sphericity": {"mean": 0.8, "sd": 0.05},
        "shape2D_Perimeter": {"mean": 60.0, "sd": 10.0},
        "firstorder_Entropy": {"mean": 3.0, "sd": 0.5},
    },
}
"""Contrast has no normal range."""
ITERATIONS = 40
FRAMES = (0, 10, 20, 40)
STARTS = 3
LEADS = (0.0, 0.1, -0.1)
"""By start: its activation above that of the first, which is the typical one."""
ADDED = 8.0
"""What a dreamt image has more than the original around the neuron, per iteration."""


def sample(iteration: int, run: int = 0, kind: str = "dream") -> dict[str, Any]:
    """What the worker says: sphericity rises into its range, perimeter stays in it, entropy leaves it. There is no
    object before iteration 3. Random weights do nothing."""
    part = iteration / ITERATIONS if kind == "dream" else 0.0
    shift = 0.1 * run
    values = (0.6 + 0.2 * part + 0.005 * run, 60 + 2 * part, 3.1 + 3 * part + shift, 12 + 5 * part)
    features = dict(zip(FEATURES, values if iteration >= 3 else [None] * len(values)))
    return {
        "run": kind, "start": run, "iteration": iteration, "activation": -4 + 8 * part + LEADS[run],
        "probability": part, "voxels": int(100 * part), "features": features, "frame": None,
    }  # fmt: skip


def samples(iterations=range(ITERATIONS + 1), baselines=("random-weights",)) -> list[dict[str, Any]]:
    """Those of all starts and baselines."""
    return [
        sample(iteration, run, kind)
        for kind in ("dream", *baselines)
        for run in range(STARTS)
        for iteration in iterations
    ]


def write_frame(folder: Path, iteration: int, run: int = 0) -> dict[str, Any]:
    """Image and mask of one iteration as the worker writes them, on a grid coarser than the volume's."""
    folder.mkdir(parents=True, exist_ok=True)
    image = liver_image()
    values = sitk.GetArrayFromImage(image)
    middle = tuple(slice(size // 2 - 4, size // 2 + 4) for size in values.shape)
    mask = np.zeros(values.shape, np.uint8)
    if iteration:
        values[middle] += ADDED * iteration
        mask[middle] = 1
    frame: dict[str, Any] = {"iteration": iteration}
    for what, array in (("image", values), ("mask", mask)):
        written = sitk.GetImageFromArray(array)
        written.CopyInformation(image)
        frame[what] = str(folder / f"dream_{run:02d}_{iteration:05d}_{what}.nii.gz")
        sitk.WriteImage(written, frame[what])
    return frame


def result_of(dream: DreamScene, folder: Path, frames=FRAMES) -> dict[str, Any]:
    """The result of the job for what a dream has recorded."""
    ranges = dream.about["ranges"]
    found = readings(dream.trajectories(), NormalRanges.from_dict(ranges) if ranges else None)
    runs = [
        {
            "run": kind, "start": run, "neuron": {"kind": "point"}, "stopped": "All iterations are done.",
            "iterations": ITERATIONS,
            "frames": [write_frame(folder / "frames", at, run) for at in frames] if kind == "dream" else [],
        }
        for kind in dream.kinds for run in range(dream.starts(kind))
    ]  # fmt: skip
    return {
        "schema_version": 1, "complete": True, "folder": str(folder), "trajectories": str(folder / "trajectories.csv"),
        "runs": runs, "ranges": ranges, "readings": [asdict(reading) for reading in found],
        "provenance": {"bundle": "small", "version": "1.0", "seconds": 12.5}, "notes": [],
        "asked": {"options": {}, "inputs": {}},
        "original": str(folder / "original.nii.gz"), "livers": {"t1": None, "t2": None},
        "starts": [{"kind": "point"}] * STARTS,
        "settings": DreamSettings(iterations=ITERATIONS, frames=FRAMES).as_dict(),
    }  # fmt: skip


@dataclass
class Viewing:
    """The sections, what they said, and what a test does with them."""

    harness: Any
    context: Any
    sections: dict[str, Any]
    worker: FakeWorker
    folder: Path
    said: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    tags: list = field(default_factory=list)

    def enter(self, parameter_node) -> None:
        """As the panel does when the module comes on screen."""
        self.context.setParameterNode(parameter_node)
        self.tags = [parameter_node.connectGui(section.ui) for section in self.sections.values()]
        for section in self.sections.values():
            section.enter()
        self.harness.wait()

    def exit(self) -> None:
        """As the panel does when the module goes off screen."""
        for section in self.sections.values():
            section.exit()
        for tag in self.tags:
            self.context.parameterNode.disconnectGui(tag)
        self.context.setParameterNode(None)

    def __getitem__(self, name: str):
        """The widget of that object name."""
        return self.harness.widget(name)

    def click(self, name: str) -> None:
        self.harness.click(self[name])

    def text(self, name: str) -> str:
        """What a label says, as far as the user can see it."""
        return self[name].text if self[name].isVisible() else ""

    def rows(self, name: str) -> list[list[str]]:
        """What a table says."""
        model = self[name].model()
        return [
            [model.index(row, column).data() or "" for column in range(model.columnCount())]
            for row in range(model.rowCount())
        ]

    def dream(self, name="AX T1 dreamt by small", ranges=RANGES, finished=True, shown=True, **recorded) -> DreamScene:
        """A dream on the volume, with its files; on the screen when `shown`."""
        node = next(iter(slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")), None) or add_volume()
        home = self.folder / str(len(list(self.folder.iterdir()))) / "results"
        home.mkdir(parents=True)
        about = {"request": {"direction": "ascent"}, "folder": str(home), "features": FEATURES, "ranges": ranges}
        dream = DreamScene.create(name, about, node)
        dream.add_samples(samples(**recorded))
        (home / "dream.json").write_text("{}", encoding="utf-8")
        if finished:
            dream.finish(result_of(dream, home))
        if shown:
            self.context.show(dream)
            self.harness.wait()
        return dream

    def forget_files(self) -> None:
        """As after another start of Slicer."""
        shutil.rmtree(self.folder)

    def reopen(self, path: Path) -> None:
        """Save the scene, close it, and load it in another Slicer, where the files of dreams are gone."""
        slicer.util.saveScene(str(path))
        self.exit()
        slicer.mrmlScene.Clear()
        self.forget_files()
        slicer.util.loadScene(str(path))
        self.enter(parameters_of(slicer.util.getNode("DeepDreamInspector")))

    def progress(self, message: str) -> None:
        self.worker.transport.say(ProgressEvent(self.worker.job["id"], 0.5, message))

    def finish_job(self, result: dict) -> None:
        self.worker.transport.say(ResultEvent(self.worker.job["id"], result))

    def cancelled(self) -> None:
        self.worker.transport.say(CancelledEvent(self.worker.job["id"]))


def add_volume():
    """A volume with a window of its own."""
    node = volumes.node_from_image(liver_image(), "AX T1")
    node.CreateDefaultDisplayNodes()
    node.GetDisplayNode().AutoWindowLevelOff()
    node.GetDisplayNode().SetWindowLevel(180, 70)
    return node


def parameters_of(node):
    """The parameter node of the module over a node of the scene."""
    import DeepDreamInspector

    return DeepDreamInspector.DeepDreamInspectorParameterNode(node)


def open_viewing(harness, folder: Path, names: tuple[str, ...]) -> Viewing:
    """Make the sections of these names ("plot", "watch", "readingtext", "export") and enter them."""
    import importlib

    import qt

    from DeepDreamInspectorLib.dreamcontext import DreamContext
    from LiverPairLib.workersession import SessionWorker

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScriptedModuleNode", "DeepDreamInspector")
    parameter_node = parameters_of(node)
    worker, said, problems = FakeWorker(), [], []
    context = DreamContext(
        SessionWorker(worker.transport), lambda text, is_problem: (problems if is_problem else said).append(text)
    )
    host = qt.QWidget()
    column = qt.QVBoxLayout(host)
    sections = {}
    for name in names:
        module = importlib.import_module(f"DeepDreamInspectorLib.{name}section")
        sections[name] = vars(module)[next(key for key in vars(module) if key.lower() == f"{name}section")](context)
        column.addWidget(sections[name].widget)
    column.addStretch(1)
    harness.main_window.harness_show_panel(host)
    viewing = Viewing(harness, context, sections, worker, folder, said, problems)
    viewing.enter(parameter_node)
    return viewing


@pytest.fixture
def viewing_of(tmp_path, monkeypatch):
    """Function that opens sections by their names in a fresh application; nothing may go wrong unseen. The views are
    there but not drawn, which is most of the time that a test takes; pass `draws=True` to draw them."""
    monkeypatch.setenv("LIVERPAIR_CACHE", str(tmp_path / "cache"))
    running = start()
    running.reset()
    for module in ("DeepDreamInspector", "LiverMultimodal"):
        monkeypatch.syspath_prepend(str(ROOT / module))
    opened = []

    def open_sections(*names: str, draws: bool = False) -> Viewing:
        running.app.layoutManager().viewport().setVisible(draws)
        dreams = tmp_path / "dreams"
        dreams.mkdir()
        opened.append(open_viewing(running, dreams, names))
        return opened[-1]

    yield open_sections
    for viewing in opened:
        viewing.exit()
        for section in viewing.sections.values():
            section.cleanup()
        viewing.context.release()
    running.main_window.harness_show_panel(None)
    try:
        running.check()
    finally:
        running.app.layoutManager().viewport().show()
        running.close()
        for name in [name for name in sys.modules if name.startswith(("DeepDreamInspector", "LiverPairLib"))]:
            del sys.modules[name]
