"""The panel of LesionPairDetect under the harness, with a worker that says what a test wants it to say."""

import re
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import SimpleITK as sitk
import slicer
from bundle_factory import write_bundle
from lesion_sections_factory import lesion
from liver_multimodal_factory import MODULE as LIVER_MULTIMODAL
from liver_multimodal_factory import FakeWorker, Panel
from peak_detector import write_peak_bundle

from liverpair.core.labels import LIVER
from liverpair.core.lesions import Lesion, write_lesions
from liverpair.core.sides import Side
from liverpair.mrml import segmentations
from liverpair.worker.protocol import ResultEvent
from Testing.harness import start

MODULE = Path(__file__).parents[2] / "LesionPairDetect" / "LesionPairDetect.py"
BRIGHT = 50.0
PROVENANCE = {"bundle": "peaks", "version": "1.0", "sha256": "0" * 64, "device": "cpu", "seconds": 1.5}


def found() -> list[Lesion]:
    """What a detector may find: two pairs of which one is weak, a lesion in T1 only and one in T2 only."""
    weak = {"t1": {"score": 0.3}, "t2": {"score": 0.2}}
    return [
        lesion(1, (-40, -30, 60)),
        lesion(2, (30, 10, 75), **weak),
        lesion(3, (0, 10, 80), (Side.T1,), t1={"score": 0.7}),
        lesion(4, (2, 7, 82), (Side.T2,), t2={"score": 0.6}),
    ]


@dataclass
class DetectionWorker(FakeWorker):
    """Speaks for the worker of the last job; `finish` does the job "detect" with known lesions."""

    pairs: list[Lesion] = field(default_factory=found)

    def finish(self, **changes) -> dict:
        """Write the files of the job, and hand over its result."""
        output = Path(self.request["output"])
        output.mkdir(exist_ok=True)
        livers = {}
        for side in Side:
            livers[side] = str(output / f"{side}_liver.nii.gz")
            sitk.WriteImage(sitk.ReadImage(self.request[side]) > BRIGHT, livers[side])
        write_lesions(output / "lesions.json", self.pairs)
        result = {"lesions": str(output / "lesions.json"), "livers": livers, "correspondence": None,
                  "provenance": PROVENANCE, "notes": [], "pairs": len(self.pairs), **changes}  # fmt: skip
        self.transport.say(ResultEvent(self.job["id"], result))
        return result

    def finish_registration(self, transform: sitk.Transform) -> None:
        """Hand over the result of the job "register"."""
        output = Path(self.request["output"])
        output.mkdir(exist_ok=True)
        sitk.WriteTransform(transform, str(output / "t1_to_t2.tfm"))
        result = {"transform": str(output / "t1_to_t2.tfm"), "dice": 0.9, "offset_t1_to_t2_mm": [0.0, 0.0, 0.0]}
        self.transport.say(ResultEvent(self.job["id"], result))


class DetectPanel(Panel):
    """The module's panel, its worker, and what a test does with them."""

    @property
    def widget(self):
        return self.harness.panel("LesionPairDetect")

    @property
    def context(self):
        return self.widget.context

    @property
    def study(self):
        return self.context.study

    def section(self, name: str):
        """The section of that name."""
        return next(section for section in self.widget.sections if section.name == name)

    def apply(self) -> None:
        """Press Detect; a job in the background makes room for it."""
        self.click("applyButton")
        if not self.context.worker.idle and self.worker.job["job"] == "register":
            self.worker.cancelled()
        assert self.worker.job["job"] == "detect", self.status

    def run(self, **changes) -> dict:
        """Press Detect, let the worker finish, and the views settle."""
        result = super().run(**changes)
        self.settle()
        return result

    def add_lesions(self, pairs=None) -> None:
        """Put lesions into the study as if they had been there for long."""
        self.study.replace_all(found() if pairs is None else pairs)
        self.harness.wait()

    def add_livers(self) -> dict:
        """A segmentation of the bright block of each volume, as LiverMultimodal makes it."""
        nodes = {}
        for side in Side:
            volume = self.context.volume(side)
            node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", f"{volume.GetName()} liver")
            mask = sitk.Cast(self.context.image(side) > BRIGHT, sitk.sitkUInt8)
            segmentations.put_segment(node, mask, volume, LIVER, PROVENANCE)
            nodes[side] = node
        return nodes

    def rows(self) -> list[dict[str, str]]:
        """The table as the user sees it: a dictionary from heading to text for each row."""
        table = self["lesionsTable"]
        return [
            {heading: table.item(row, column).text() for column, heading in enumerate(self.headings())}
            for row in range(table.rowCount)
        ]

    def headings(self) -> list[str]:
        """The headings of the table, without the sign of the one that it is sorted by."""
        table = self["lesionsTable"]
        texts = [table.horizontalHeaderItem(column).text() for column in range(table.columnCount)]
        return [re.sub("[▲▼]", "", text).strip().replace("\n", " ") for text in texts]

    def numbers(self) -> list[str]:
        """The lesions in the table from top to bottom."""
        return [row["No."] for row in self.rows()]

    def choose_row(self, number: int) -> None:
        """Click the row of a lesion."""
        self.harness.click_row(self["lesionsTable"], self.numbers().index(str(number)), 2)
        self.harness.wait(seconds=0.05)

    def chosen_row(self) -> str | None:
        """Number in the row that is chosen."""
        rows = self["lesionsTable"].selectionModel().selectedRows()
        return self.rows()[rows[0].row()]["No."] if rows else None

    def click_heading(self, text: str) -> None:
        """Click a heading of the table."""
        self.harness.click_heading(self["lesionsTable"], self.headings().index(text))


@pytest.fixture
def panel(tmp_path, monkeypatch):
    """The module's panel in a fresh application, one untrained detector installed; nothing may go wrong unseen."""
    models = tmp_path / "models"
    monkeypatch.setenv("LIVERPAIR_BUNDLES", str(models))
    monkeypatch.setenv("LIVERPAIR_CACHE", str(tmp_path / "cache"))
    for kind in ("shipped", "published"):
        monkeypatch.setattr(f"liverpair.bundle.catalogue.{kind}_bundles_folder", lambda: tmp_path / "none")
    write_bundle(models / "small", strategy="single")
    write_peak_bundle(models / "peaks")
    running = start()
    running.reset()
    running.load_module(LIVER_MULTIMODAL, show=False)
    running.load_module(MODULE)
    opened = DetectPanel(running, DetectionWorker())
    opened.connect()
    opened["detailsButton"].collapsed = False
    yield opened
    running.check()
    running.close()
