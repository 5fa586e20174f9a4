"""The panel of DeepDreamInspector under the harness, with a worker that says what a test wants it to say."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
import SimpleITK as sitk
import slicer
from bundle_factory import write_bundle
from dream_job_factory import RANGES, write_dream_bundle
from liver_multimodal_factory import MODULE as LIVER_MULTIMODAL
from liver_multimodal_factory import FakeWorker, NoInstaller, Panel
from peak_detector import write_peak_bundle
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from liverpair.jobs.dream_results import DREAM_FILE, SCHEMA_VERSION
from liverpair.mrml.dreams.dream_scene import DreamScene
from liverpair.worker.protocol import ResultEvent, SampleEvent
from Testing.harness import start

MODULE = Path(__file__).parents[2] / "DeepDreamInspector" / "DeepDreamInspector.py"
CENTER = (30.0, 25.0, 95.0)
"""A place in the middle of `liver_image` (RAS, mm)."""


@dataclass
class DreamWorker(FakeWorker):
    """Speaks for the worker of the last job that was started."""

    def sample(self, iteration: int, run: str = "dream", start: int = 0, frame: bool = False, **features) -> None:
        """Send one iteration; its features are 1 + iteration / 100 unless given."""
        values = dict.fromkeys(self.request["features"], 1 + iteration / 100) | features
        measures = {"activation": iteration / 10 - 2, "probability": min(0.99, iteration / 40), "voxels": iteration}
        sample = {"run": run, "start": start, "iteration": iteration, **measures, "features": values}
        files = self.frame(run, start, iteration) if frame else None
        self.transport.say(SampleEvent(self.job["id"], {**sample, "frame": files}))

    def frame(self, run: str, start: int, iteration: int) -> dict[str, str]:
        """Write the files of a frame."""
        folder = Path(self.request["output"])
        folder.mkdir(parents=True, exist_ok=True)
        image = sitk.ReadImage(self.request["t1"])
        files = {what: str(folder / f"{run}_{start}_{iteration}_{what}.nii.gz") for what in ("image", "mask")}
        sitk.WriteImage(sitk.Cast(image + iteration, sitk.sitkFloat32), files["image"])
        sitk.WriteImage(sitk.Cast(image > 50, sitk.sitkUInt8), files["mask"])
        return files

    def result(self, **changes) -> dict:
        """What the job "dream" would return for one start of ten iterations."""
        folder = Path(self.request["output"])
        run = {"run": "dream", "start": 0, "neuron": {"kind": "point", "position": [1, 2, 3]},
               "stopped": "All 10 iterations are done.", "iterations": 10, "frames": []}  # fmt: skip
        return {"folder": str(folder), "trajectories": str(folder / "trajectories.csv"), "runs": [run],
                  "ranges": RANGES, "readings": [], "provenance": {"seconds": 1.0}, "notes": [], **changes}  # fmt: skip

    def save(self, **changes) -> None:
        """Write what the worker leaves in the folder of an unfinished dream."""
        folder = Path(self.request["output"])
        folder.mkdir(parents=True, exist_ok=True)
        result = self.result(**changes)
        result |= {"schema_version": SCHEMA_VERSION, "complete": False, "original": "original.nii.gz", "starts": [{}],
                   "livers": {"t1": None, "t2": None}, "asked": {"options": {}, "inputs": {}},
                   "trajectories": "trajectories.csv"}  # fmt: skip
        result["runs"][0] |= {"stopped": None, "iterations": 4}
        (folder / DREAM_FILE).write_text(json.dumps(result))

    def finish(self, **changes) -> None:
        """Write the files of the job, and hand over its result."""
        self.save()
        self.transport.say(ResultEvent(self.job["id"], self.result(**changes)))

    def finish_with_liver(self) -> None:
        """Finish, having segmented the liver of T1 on the way."""
        path = str(Path(self.request["output"]) / "t1_liver.nii.gz")
        Path(path).parent.mkdir(exist_ok=True)
        sitk.WriteImage(sitk.ReadImage(self.request["t1"]) > 50, path)
        self.finish(livers={"t1": path, "t2": None})


class DreamPanel(Panel):
    """The module's panel, its worker, and what a test does with them."""

    @property
    def widget(self):
        return self.harness.panel("DeepDreamInspector")

    @property
    def context(self):
        return self.widget.context

    @property
    def dream(self) -> DreamScene | None:
        """The dream on the screen."""
        return self.context.dream

    def connect(self) -> None:
        from LiverPairLib.workersession import SessionWorker

        self.logic.worker = self.context.worker = SessionWorker(self.worker.transport)
        self.logic.installer = NoInstaller()

    def begin(self) -> None:
        """Begin anew in the same window: no job, no scene, no choices."""
        self.logic.abandon()
        self.widget.exit()
        slicer.mrmlScene.Clear(0)
        for node in slicer.util.getNodesByClass("vtkMRMLScriptedModuleNode"):
            slicer.mrmlScene.RemoveNode(node)
        self.worker = DreamWorker()
        self.logic.run = self.context.run = None
        self.logic.status = ""
        self.connect()
        self.enter()

    def section(self, name: str):
        """The section of that name."""
        return next(section for section in self.widget.sections if section.name == name)

    def text(self, name: str) -> str:
        """What a label says, as far as the user can see it."""
        return self[name].text if self[name].isVisible() else ""

    def choose_model(self, name: str) -> None:
        """Pick a model in its combo box."""
        self.harness.choose(self["modelComboBox"], f"{name} 1.0")

    def place_point(self, ras=CENTER) -> None:
        """Place a point by a click in the red slice view."""
        self.click("placePointButton")
        self.click_at(ras)

    def click_at(self, ras) -> None:
        """Move the mouse in the red slice view to a place in its slice, and click there."""
        place = (*ras[:2], slicer.mrmlScene.GetNodeByID("vtkMRMLSliceNodeRed").GetSliceOffset())
        self.harness.move_in_slice("Red", place)
        self.harness.click_slice("Red", place)

    def points(self) -> list[str]:
        """The points in the list."""
        return [self["pointsList"].item(row).text() for row in range(self["pointsList"].count)]

    def ready(self, model: str = "bright-around") -> "DreamPanel":
        """A volume, a model and a point are chosen."""
        self.add_volume("AX T1 in phase")
        self.enter()
        if self.parameters.model != model:
            self.choose_model(model)
        self.place_point()
        return self

    def apply(self) -> None:
        """Press Run; a job must have been started."""
        super().apply()
        assert self.worker.job["job"] == "dream"

    def feature(self, name: str):
        """The item of a feature in the tree."""
        return self.section("Features")._tree._items[name]

    def checked(self) -> list[str]:
        """The features that are checked in the tree."""
        return self.section("Features")._tree.checked()

    def shown_features(self) -> list[str]:
        """The features that the search leaves in the tree."""
        items = self.section("Features")._tree._items
        return [name for name, item in items.items() if not item.isHidden() and not item.parent().isHidden()]

    def check_feature(self, item) -> None:
        """Click the check box of an item in the tree of features, whose group is opened first."""
        tree = self["featureTree"]
        if item.parent() is not None:
            item.parent().setExpanded(True)
        tree.scrollToItem(item)
        self.harness.wait()
        rect = tree.visualItemRect(item)
        place = rect.center()
        place.setX(rect.left() + 10)
        QTest.mouseClick(tree.viewport(), Qt.LeftButton, Qt.NoModifier, place)
        self.harness.wait()


def write_models(folder: Path) -> None:
    """One small model of each task that can be dreamt with."""
    write_dream_bundle(folder / "bright-around")
    write_bundle(folder / "small", strategy="single")
    write_peak_bundle(folder / "peaks")


def open_panel(running, worker: DreamWorker) -> DreamPanel:
    """Load the module and show its panel, with a worker that speaks for the real one."""
    running.load_module(LIVER_MULTIMODAL, show=False)
    running.load_module(MODULE)
    opened = DreamPanel(running, worker)
    opened.connect()
    opened["detailsButton"].collapsed = False
    return opened


@pytest.fixture(scope="module")
def window(tmp_path_factory):
    """The module's panel in an application of its own, with one small model of each task; made once for a file."""
    models = tmp_path_factory.mktemp("models")
    write_models(models)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIVERPAIR_BUNDLES", str(models))
        for kind in ("shipped", "published"):
            patch.setattr(f"liverpair.bundle.catalogue.{kind}_bundles_folder", lambda: models / "none")
        running = start()
        running.reset()
        yield open_panel(running, DreamWorker()), models
        running.close()


@pytest.fixture
def panel(window, monkeypatch):
    """The window with an empty scene and a worker of this test's; nothing may go wrong unseen."""
    opened, models = window
    monkeypatch.setenv("LIVERPAIR_BUNDLES", str(models))
    opened.begin()
    yield opened
    opened.harness.check()
