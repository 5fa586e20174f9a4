"""The sections Review, Draw and Exchange of LesionPairDetect over a real reading context, in the harness's window."""

import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import slicer
from lesion_factory import detected
from liver_multimodal_factory import FakeWorker, liver_image

from liverpair.core.geometry import Box
from liverpair.core.lesions import Lesion
from liverpair.core.sides import Side
from liverpair.mrml import layouts, volumes
from Testing.harness import start

ROOT = Path(__file__).parents[2]
SHIFT = (-12.0, 8.0, 30.0)
"""From T1 to T2 (LPS mm) in the pairs that `lesions` makes."""


def box(center=(0.0, 0.0, 60.0), size=(24.0, 20.0, 28.0)) -> Box:
    """A box along the axes of T1."""
    return Box(tuple(map(float, center)), tuple(map(float, size)))


DRAWN = {"origin": "drawn", "score": None}
PREDICTED = {"origin": "predicted", "score": None}


def lesion(number: int, center=(0.0, 0.0, 60.0), sides=tuple(Side), **changes) -> Lesion:
    """A detected lesion with a box in T1 at `center`, and the same box moved by `SHIFT` in T2; `t1={"score": 0.3}`
    makes the score there another."""
    boxes = {Side.T1: box(center), Side.T2: box(np.add(center, SHIFT))}
    found = {side: replace(detected(boxes[side]), **changes.pop(side, {})) for side in sides}
    return Lesion(number, found, uid=f"lesion-{number}", **changes)


def lesions() -> list[Lesion]:
    """Two pairs, a lesion seen in T1 only and one seen in T2 only."""
    return [
        lesion(1, (-40, -30, 60)),
        lesion(2, (10, 10, 75)),
        lesion(3, (-20, 30, 90), (Side.T1,)),
        lesion(4, (-18, 27, 92), (Side.T2,)),
    ]


@dataclass
class Sections:
    """The three sections, what they said, and what a test does with them."""

    harness: Any
    context: Any
    review: Any
    draw: Any
    exchange: Any
    recovered: Any
    worker: FakeWorker
    said: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def all(self) -> tuple:
        return self.review, self.draw, self.exchange, self.recovered

    @property
    def study(self):
        return self.context.study

    def __getitem__(self, name: str):
        """The widget of that object name."""
        return self.harness.widget(name)

    def click(self, name: str) -> None:
        self.harness.click(self[name])

    def press(self, key: str, widget=None) -> None:
        self.harness.press(key, widget)

    def text(self, name: str) -> str:
        """What a label says, as far as the user can see it."""
        return self[name].text if self[name].isVisible() else ""

    def asked(self) -> str:
        """What the user is asked to do, over the views."""
        labels = slicer.util.findChildren(self.harness.app.layoutManager().viewport(), name="viewPromptLabel")
        return "".join(label.text for label in labels if not label.parentWidget().isHidden())

    def leave_off(self) -> None:
        """Press the button beside it, with the views drawn."""
        viewport = self.harness.app.layoutManager().viewport()
        self.harness.click(slicer.util.findChildren(viewport, name="viewPromptButton")[0])

    def enter(self) -> None:
        for section in self.all:
            section.enter()

    def exit(self) -> None:
        for section in self.all:
            section.exit()

    def add_lesions(self, pairs=None) -> None:
        """Put lesions into the study, with no step that undoes it, and choose the first."""
        pairs = lesions() if pairs is None else pairs
        self.study.replace_all(pairs)
        self.context.select(pairs[0].uid)
        self.harness.wait()

    def number(self) -> int | None:
        """Number of the lesion that is chosen."""
        uid = self.context.selectedUid
        return self.study.pair(uid).number if uid is not None else None

    def drag(self, view: str, start=(0.4, 0.4), end=(0.55, 0.55)) -> None:
        """Drag with the left button between two places, as fractions of a view's width and height."""
        widget = self.harness.slice_view(view)
        ends = [(widget.width * x, widget.height * y) for x, y in (start, end)]
        self.harness.drag(widget, *ends)
        self.harness.wait(seconds=0.1)


def open_sections(harness, parameter_node=None) -> Sections:
    """Make the sections over the volumes of a parameter node, by default a new T1 and an oblique T2, and enter them."""
    import qt

    import LesionPairDetect
    from LesionPairDetectLib.drawsection import DrawSection
    from LesionPairDetectLib.exchangesection import ExchangeSection
    from LesionPairDetectLib.readingcontext import ReadingContext
    from LesionPairDetectLib.recoveredsection import RecoveredSection
    from LesionPairDetectLib.reviewsection import ReviewSection
    from LiverPairLib.workersession import SessionWorker

    if parameter_node is None:
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScriptedModuleNode", "LesionPairDetect")
        parameter_node = LesionPairDetect.LesionPairDetectParameterNode(node)
        parameter_node.t1Volume, parameter_node.t2Volume = add_pair()
    worker = FakeWorker()
    said, problems = [], []
    context = ReadingContext(
        SessionWorker(worker.transport), lambda text, is_problem: (problems if is_problem else said).append(text)
    )
    files = ExchangeSection(context)
    sections = ReviewSection(context), DrawSection(context), files, RecoveredSection(context, files)
    made = Sections(harness, context, *sections, worker, said, problems)
    host = qt.QWidget()
    column = qt.QVBoxLayout(host)
    for section in made.all:
        column.addWidget(section.widget)
    column.addStretch(1)
    harness.main_window.harness_show_panel(host)
    context.setParameterNode(parameter_node)
    made.enter()
    harness.wait()
    return made


def add_pair() -> tuple:
    """A T1 and an oblique T2 volume, shown in two rows of views."""
    pair = tuple(
        volumes.node_from_image(image, name)
        for image, name in ((liver_image(), "AX T1"), (liver_image(6, oblique=True), "AX T2"))
    )
    for node in pair:
        node.CreateDefaultDisplayNodes()
    layouts.show_pair(*pair)
    start().wait()
    layouts.fit_pair(*pair)
    return pair


def close_sections(sections: Sections) -> None:
    """As when Slicer is quit."""
    for section in sections.all:
        section.cleanup()
    sections.context.release()
    sections.harness.main_window.harness_show_panel(None)


@pytest.fixture
def clean_cache(tmp_path, monkeypatch) -> Path:
    """An empty cache of LiverPair's for this test."""
    monkeypatch.setenv("LIVERPAIR_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def sections(clean_cache, monkeypatch):
    """The sections in a fresh application; nothing may go wrong unseen. The views are there but not drawn, which is
    most of the time that a test takes; `views` draws them."""
    running = start()
    running.reset()
    running.app.layoutManager().viewport().hide()
    for folder in ("LesionPairDetect", "LiverMultimodal"):
        monkeypatch.syspath_prepend(str(ROOT / folder))
    opened = open_sections(running)
    yield opened
    close_sections(opened)
    try:
        running.check()
    finally:
        running.app.layoutManager().viewport().show()
        running.close()
        for name in [name for name in sys.modules if name.startswith(("LesionPairDetect", "LiverPairLib"))]:
            del sys.modules[name]


@pytest.fixture
def views(sections):
    """The slice views are drawn, to be clicked and dragged in."""
    sections.harness.app.layoutManager().viewport().show()
    sections.harness.wait()
    return sections.harness
