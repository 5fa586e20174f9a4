"""What the widgets of the modules have in common whose panel is made of sections."""

import sys
from typing import Any

import qt
import slicer
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleWidget
from slicer.util import VTKObservationMixin

from liverpair.core.notifying import notify
from LiverPairLib.modellogic import STATUS_MS
from LiverPairLib.section import SHARED, TOP, Section
from LiverPairLib.sourcedisplay import fitTable
from LiverPairLib.statusline import StatusLine
from LiverPairLib.viewsize import ViewSize, windowHeight

SETTLE_MS = 50
"""After a part was unfolded, until everything has its place."""
KEPT = ("LiverPairLib.workersession", "LiverPairLib.processtransport")
"""What is not read anew: the worker of the session goes on, which serves the other modules too."""


class SectionedWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """Puts the sections into the parts of the panel, Inputs, Run, Result and Details, which look alike in every module,
    and tells them when the module or the scene comes and goes.

    A subclass makes `logic` and `context` (a `PanelContext`) in `setup`, and calls `addSections` at its end.
    """

    def __init__(self, parent: Any = None) -> None:
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = None
        self.context = None
        self.statusLine = None
        self.sections = []
        self._guiTags = []
        self._viewSize, self._windowHeight = ViewSize(self.onViewSize), None

    def setup(self) -> None:
        super().setup()
        uiWidget = slicer.util.loadUI(str(SHARED / "Panel.ui"))
        self.layout.addWidget(uiWidget)
        self.ui = slicer.util.childWidgetVariables(uiWidget)
        uiWidget.setMRMLScene(slicer.mrmlScene)
        self.statusLine = StatusLine(self.ui.statusLabel)

    def addSections(self, sections: list[Section]) -> None:
        """Put each section at the end of its part of the panel, and follow the scene."""
        self.sections = sections
        self.context.tellOfRun = self.statusLine.tellOfRun
        self.context.foldInputs = self.foldInputs
        for section in sections:
            if section.part == TOP:
                self.ui.panelLayout.insertWidget(0, section.widget)
                continue
            layout = getattr(self.ui, f"{section.part}Button").layout()  # `ui` has no layout that is empty
            if section.caption:
                layout.addWidget(qt.QLabel(f"<b>{section.caption}</b>"))
            layout.addWidget(section.widget)
        for button in slicer.util.findChildren(self.parent, className="ctkCollapsibleButton"):
            button.connect("clicked(bool)", lambda checked, button=button: button.collapsed or bringIntoSight(button))
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndCloseEvent, self.onSceneEndClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartImportEvent, self.onSceneStartImport)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndImportEvent, self.onSceneEndImport)
        if getattr(self.parent, "isEntered", False):  # after a reload, nobody says that the module is on screen
            self.enter()

    def cleanup(self) -> None:
        """Called before the application closes and before a reload."""
        self.exit()
        notify(section.cleanup for section in self.sections)
        self.context.release()
        self.removeObservers()

    def onReload(self) -> None:
        """The button Reload of Slicer's developer mode: the files of the Lib folders are read anew too."""
        for name in list(sys.modules):
            if name.partition(".")[0] in ("LiverPairLib", f"{self.moduleName}Lib") and name not in KEPT:
                del sys.modules[name]
        super().onReload()

    def enter(self) -> None:
        """Follow the scene's parameter node, and wake the sections."""
        if self._guiTags:
            return
        self.context.setParameterNode(self.logic.getParameterNode())
        self._guiTags = [self.context.parameterNode.connectGui(section.ui) for section in self.sections]
        notify(section.enter for section in self.sections)
        self._windowHeight = windowHeight()
        self._viewSize.start()

    def exit(self) -> None:
        """Let the sections sleep, and follow nothing."""
        if not self._guiTags:
            return
        self._viewSize.stop()
        notify(section.exit for section in self.sections)
        for tag in self._guiTags:
            self.context.parameterNode.disconnectGui(tag)
        self._guiTags = []
        self.context.setParameterNode(None)

    def onSceneStartClose(self, caller: Any = None, event: Any = None) -> None:
        self.exit()

    def onSceneEndClose(self, caller: Any = None, event: Any = None) -> None:
        self.logic.forgetScene()
        self.say("")
        self.ui.inputsButton.collapsed = False
        if self.parent.isEntered:
            self.enter()

    def onSceneStartImport(self, caller: Any = None, event: Any = None) -> None:
        """Follow nothing until everything is there: what belongs to a volume comes after it, and would be made anew."""
        self.exit()

    def onSceneEndImport(self, caller: Any = None, event: Any = None) -> None:
        """A scene was loaded into this one: follow what it brought."""
        if self.parent.isEntered:
            self.exit()
            self.enter()

    def onViewSize(self) -> None:
        """The views have another size. The table below them is fitted when the window has: else somebody has dragged
        the line between them."""
        if windowHeight() != self._windowHeight:
            self._windowHeight = windowHeight()
            fitTable()
        self.context.tell("window")

    def foldInputs(self) -> None:
        """Give the room to what came of the inputs."""
        self.ui.inputsButton.collapsed = True

    def say(self, sentence: str, isProblem: bool = False) -> None:
        """Show a sentence to the user, in the line of the panel and in the status bar."""
        self.statusLine.say(sentence, isProblem)
        slicer.util.showStatusMessage(sentence, STATUS_MS)


def bringIntoSight(widget: "qt.QWidget") -> None:
    """Scroll the panel, once it has its new height, until a widget is in sight as a whole, or at least from its top."""
    area = widget.parent()
    while area is not None and not area.inherits("QScrollArea"):
        area = area.parent()
    if area is not None:
        qt.QTimer.singleShot(SETTLE_MS, lambda: _scrollTo(area, widget))


def _scrollTo(area: "qt.QScrollArea", widget: "qt.QWidget") -> None:
    bar, top, room = area.verticalScrollBar(), widget.mapTo(area.widget(), qt.QPoint(0, 0)).y(), area.viewport().height
    if not bar.value <= top <= top + widget.height <= bar.value + room:
        bar.setValue(min(top, top + widget.height - room) if widget.height <= room else top)
