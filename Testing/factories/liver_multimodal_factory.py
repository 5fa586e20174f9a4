"""The panel of LiverMultimodal under the harness, with a worker that says what a test wants it to say."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("PySide6", reason="the harness needs PySide6")
pytest.importorskip("slicer", reason="the harness needs slicer-core")

import numpy as np  # noqa: E402
import SimpleITK as sitk  # noqa: E402
import slicer  # noqa: E402
from bundle_factory import write_bundle

from liverpair.core.errors import LiverPairError
from liverpair.core.geometry import volume_ml
from liverpair.jobs.jobs import JOBS
from liverpair.mrml import volumes
from liverpair.worker.protocol import (
    CancelledEvent,
    ErrorEvent,
    Event,
    ProgressEvent,
    ReadyEvent,
    ResultEvent,
    encode_event,
)
from Testing.harness import start

MODULE = Path(__file__).parents[2] / "LiverMultimodal" / "LiverMultimodal.py"
PROVENANCE = {"bundle": "small", "version": "1.0", "sha256": "0" * 64, "engine": "torch-fp32", "device": "cpu",
              "precision": "float32", "seconds": 1.5, "software": "LiverPair", "date": "2024-01-01"}  # fmt: skip
BRIGHT = 50.0
SETTLED_S = 30.0


class FakeTransport:
    """A `Transport` without a process: keeps what the client writes, and hands over what the test says."""

    def __init__(self):
        self.running = False
        self.workerPid = None
        self.commands: list[dict] = []
        self.starts = self.kills = 0
        self.fails_to_start = False

    def deliverTo(self, client) -> None:
        self.client = client

    def start(self) -> None:
        if self.fails_to_start:
            raise OSError("no such program")
        self.running = True
        self.starts += 1
        self.say(ReadyEvent(4711, ["segment"], "test"))

    def write(self, data: bytes) -> None:
        self.commands.append(json.loads(data))

    def kill(self) -> None:
        self.running = False
        self.kills += 1

    def close(self) -> None:
        self.kill()

    def say(self, event: Event) -> None:
        self.client.feed(encode_event(event))

    def die(self, code: int = -9) -> None:
        self.running = False
        self.client.exited(code)


@dataclass
class FakeWorker:
    """Speaks for the worker of the last job that was started."""

    transport: FakeTransport = field(default_factory=FakeTransport)

    @property
    def job(self) -> dict:
        """The last "run" command."""
        return [command for command in self.transport.commands if command["command"] == "run"][-1]

    @property
    def request(self) -> dict:
        return self.job["request"]

    @property
    def was_cancelled(self) -> bool:
        return {"command": "cancel", "id": self.job["id"]} in self.transport.commands

    def progress(self, fraction: float, message: str) -> None:
        self.transport.say(ProgressEvent(self.job["id"], fraction, message))

    def fail(self, kind: str, message: str, hint: str = "") -> None:
        self.transport.say(ErrorEvent(self.job["id"], kind, message, hint))

    def cancelled(self) -> None:
        self.transport.say(CancelledEvent(self.job["id"]))

    def finish(self, **changes) -> dict:
        """Threshold the volumes that were sent, write the files of the job, and hand over its result."""
        output = Path(self.request["output"])
        output.mkdir(exist_ok=True)
        result = {side: self._side(side, output) for side in ("t1", "t2")}
        both = result["t1"] and result["t2"]
        measures = {
            "dice_as_scanned": 0.25 if both else None,
            "offset_t1_to_t2_mm": [-1.0, -2.0, -3.0] if both else None,
        }
        result |= {"measures": measures, "provenance": PROVENANCE, "notes": [], **changes}
        self.transport.say(ResultEvent(self.job["id"], result))
        return result

    def work(self) -> None:
        """Do the job itself, here, and hand over what comes of it."""
        try:
            result = JOBS[self.job["job"]](self.request, self.progress)
        except LiverPairError as error:
            self.fail(error.kind, error.message, error.hint)
        else:
            self.transport.say(ResultEvent(self.job["id"], result))

    def _side(self, side: str, output: Path) -> dict | None:
        if side not in self.request:
            return None
        mask = sitk.ReadImage(self.request[side]) > BRIGHT
        paths = {"liver": str(output / f"{side}_liver.nii.gz")}
        sitk.WriteImage(mask, paths["liver"])
        for kind in ("probability", "uncertainty"):
            paths[kind] = str(output / f"{side}_{kind}.nii.gz") if self.request[kind] else None
            if paths[kind]:
                sitk.WriteImage(sitk.Cast(mask, sitk.sitkFloat32), paths[kind])
        return {**paths, "volume_ml": volume_ml(mask)}


class NoInstaller:
    """Everything is installed."""

    def ensure(self) -> None:
        pass

    def ensureTool(self, kind: str) -> None:
        pass


def liver_image(shift: int = 0, oblique: bool = False) -> sitk.Image:
    """A dark volume with a bright block, on a grid with unequal sides."""
    array = np.random.default_rng(shift).uniform(0, 20, (14, 36, 40)).astype(np.float32)
    array[4:10, 10:26, 6 + shift : 22 + shift] = 100
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((6.0, 6.5, 12.0))
    image.SetOrigin((-110.0, -120.0, 30.0))
    if oblique:
        transform = sitk.Euler3DTransform()
        transform.SetRotation(0.15, -0.1, 0.05)
        image.SetDirection(transform.GetMatrix())
    return image


@dataclass
class Panel:
    """The module's panel, its worker, and what a test does with them."""

    harness: Any
    worker: FakeWorker

    @property
    def widget(self):
        """The module's Python widget object; another one after a reload."""
        return self.harness.panel("LiverMultimodal")

    @property
    def logic(self):
        return self.widget.logic

    @property
    def parameters(self):
        return self.logic.getParameterNode()

    def connect(self) -> None:
        """Put the fake worker and installer in place of the real ones."""
        from LiverPairLib.workersession import SessionWorker

        self.logic.worker = self.widget.context.worker = SessionWorker(self.worker.transport)
        self.logic.installer = NoInstaller()

    def __getitem__(self, name: str):
        """The widget of that object name."""
        return self.harness.widget(name)

    def click(self, name: str) -> None:
        self.harness.click(self[name])

    def add_volume(self, name: str, image: sitk.Image | None = None):
        """A volume node with a display, as loading a file makes it."""
        node = volumes.node_from_image(image or liver_image(), name)
        node.CreateDefaultDisplayNodes()
        return node

    def add_pair(self) -> tuple:
        """A T1 and an oblique T2 volume, chosen by entering the module."""
        pair = self.add_volume("AX T1 in phase"), self.add_volume("AX T2 SPIR", liver_image(6, oblique=True))
        self.enter()
        return pair

    def enter(self) -> None:
        """Leave the module and come back."""
        self.widget.exit()
        self.widget.enter()
        self.harness.wait()

    def apply(self) -> None:
        """Press Apply; a job must have been started."""
        before = len(self.worker.transport.commands)
        self.click("applyButton")
        assert len(self.worker.transport.commands) == before + 1, self.status

    def run(self, **changes) -> dict:
        """Press Apply and let the worker finish."""
        self.apply()
        result = self.worker.finish(**changes)
        self.harness.wait()
        return result

    def settle(self) -> None:
        """Wait until the views that were asked for are there and fitted, on a busy machine too."""
        from LiverPairLib import sourcedisplay as display

        self.harness.wait(until=lambda: display._waiting is None, seconds=SETTLED_S)
        self.harness.wait()

    @property
    def status(self) -> str:
        """The sentence about the last run, as far as the user can see it."""
        return self["statusLabel"].text if self["statusLabel"].isVisible() else ""

    @property
    def reason(self) -> str:
        """Why Apply is disabled, as far as the user can see it."""
        return self["reasonLabel"].text if self["reasonLabel"].isVisible() else ""

    @property
    def warning(self) -> str:
        return self["warningLabel"].text if self["warningFrame"].isVisible() else ""

    def folder(self) -> Path:
        """The private folder of the last job."""
        return Path(self.worker.request["output"]).parent


def nodes_of(class_name: str) -> list:
    """The nodes of a class that a user sees."""
    return [node for node in slicer.util.getNodesByClass(class_name) if not node.GetHideFromEditors()]


def segment_names(segmentation_node) -> list[str]:
    segmentation = segmentation_node.GetSegmentation()
    return [segmentation.GetNthSegment(i).GetName() for i in range(segmentation.GetNumberOfSegments())]


@pytest.fixture
def panel(tmp_path, monkeypatch):
    """The module's panel in a fresh application, one untrained model installed; nothing may go wrong unseen."""
    models = tmp_path / "models"
    monkeypatch.setenv("LIVERPAIR_BUNDLES", str(models))
    for kind in ("shipped", "published"):
        monkeypatch.setattr(f"liverpair.bundle.catalogue.{kind}_bundles_folder", lambda: tmp_path / "none")
    write_bundle(models / "small", strategy="single")
    running = start()
    running.reset()
    running.load_module(MODULE)
    opened = Panel(running, FakeWorker())
    opened.connect()
    opened.harness.click(opened["detailsButton"])  # folded at first
    yield opened
    running.check()
    running.close()


@pytest.fixture
def quick_phantom(monkeypatch):
    """A pair of the phantom's kind in no time: the phantom itself takes seconds and has tests of its own."""

    def phantom_pair(seed):
        assert seed == 0
        t1, t2 = (sitk.Cast(image, sitk.sitkInt16) for image in (liver_image(), liver_image(5, True)))
        return SimpleNamespace(t1=t1, t2=t2)

    monkeypatch.setattr("liverpair.synthesis.phantom.phantom_pair", phantom_pair)
