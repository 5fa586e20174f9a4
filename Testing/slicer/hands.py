"""Hands and eyes of a workflow: what a user does in Slicer and sees there.

A workflow is a function that takes `Hands` and knows nothing of where it runs. `SlicerHands` acts in a real Slicer,
`HarnessHands` in the harness. Code here and in the workflows is held to what PythonQt offers.
"""

import time
from collections import Counter
from pathlib import Path

import slicer

SETTLE_S = 0.3
WAIT_S = 600
"""A true worker on a busy machine is slow; who waits in vain waits for this long."""


class Hands:
    """What both kinds of hands can do; a subclass moves mouse and keys."""

    def __init__(self, folder, pictures):
        """`folder` is for files of the workflow, `pictures` for screenshots; both exist."""
        self.folder, self.pictures = Path(folder), Path(pictures)
        self._module = ""
        self._pictureCount = 0

    # Mouse and keys: a subclass does these

    def click(self, widget):
        """Click a widget where it reacts; a user must be able to."""
        raise NotImplementedError

    def clickCell(self, table, row, column):
        """Click a cell of a QTableWidget."""
        raise NotImplementedError

    def key(self, keys):
        """Press a key or chord, "A" or "Shift+Z"."""
        raise NotImplementedError

    def typeText(self, field, text):
        """Type a text into a line or a spin box in place of what is there, and press Enter."""
        raise NotImplementedError

    def chooseEntry(self, box, row):
        """Choose an entry of a combo box with the keyboard."""
        raise NotImplementedError

    def moveInSlice(self, view, ras):
        """Move the mouse in a slice view to a point (RAS, mm) of its plane."""
        raise NotImplementedError

    def clickInSlice(self, view, ras):
        """Click in a slice view at a point (RAS, mm) of its plane."""
        raise NotImplementedError

    def dragInSlice(self, view, start, end):
        """Drag with the left button in a slice view from one point (RAS, mm) of its plane to another."""
        raise NotImplementedError

    def clickInPlot(self, x, y):
        """Click at a value in the first plot view of the layout."""
        raise NotImplementedError

    def pressSampleDataButton(self, name):
        """Press the button of a data set in the module Sample Data."""
        raise NotImplementedError

    def answer(self, path):
        """Choose this path in the file dialog that comes up next."""
        raise NotImplementedError

    def grab(self, path):
        """Write a picture of the main window."""
        raise NotImplementedError

    def openDataModule(self):
        """Open Slicer's module Data, whose tree watches every node from then on; whether there is one."""
        raise NotImplementedError

    def paintOn(self, segmentation, volume, ras):
        """Paint on the first segment with the Segment Editor; the number of voxels before and after, or None where
        there is no Segment Editor.
        """
        raise NotImplementedError

    # What is the same for both

    def open(self, module):
        """Select a module."""
        slicer.util.selectModule(module)
        self._module = module
        self.settle()

    def panel(self):
        """The widget of the module that is open."""
        return slicer.util.getModule(self._module).widgetRepresentation()

    def pythonWidget(self):
        """The Python object behind the panel."""
        return slicer.util.getModuleWidget(self._module)

    def __getitem__(self, name):
        """The widget of that object name in the panel."""
        found = slicer.util.findChildren(self.panel(), name=name)
        self.expect(len(found) > 0, f"{self._module} has a widget '{name}'")
        return found[0]

    def press(self, name):
        """Click a button of the panel."""
        self.click(self[name])

    def unfold(self, name):
        """Open a part of the panel that is folded."""
        self[name].collapsed = False
        self.settle()

    def read(self, name):
        """What a label of the panel says, as far as a user can see it."""
        label = self[name]
        return label.text if label.visible else ""

    def rows(self, name):
        """The texts in a table of the panel, row by row."""
        table = self[name]
        items = [[table.item(row, column) for column in range(table.columnCount)] for row in range(table.rowCount)]
        return [[item.text() if item is not None else "" for item in row] for row in items]

    def choose(self, name, text):
        """Choose the first entry of a combo box whose text begins so."""
        box = self[name]
        texts = [box.itemText(row) for row in range(box.count)]
        rows = [row for row, entry in enumerate(texts) if entry.startswith(text)]
        self.expect(len(rows) > 0, f"'{name}' offers '{text}' among {texts}")
        self.chooseEntry(box, rows[0])
        self.settle()

    def settle(self, seconds=SETTLE_S):
        """Let the application do what it has to do."""
        end = time.time() + seconds
        while time.time() < end:
            slicer.app.processEvents()
            time.sleep(0.01)

    def until(self, condition, what, seconds=WAIT_S):
        """Wait until `condition()` is true."""
        end = time.time() + seconds
        while not condition():
            self.expect(time.time() < end, f"{what}, within {seconds} s")
            self.settle(0.05)

    def expect(self, isTrue, sentence):
        """What must be true at this point of the workflow, in a sentence."""
        if not isTrue:
            raise AssertionError(f"not so: {sentence}")

    def picture(self, name):
        """Keep a picture of the window as it is now."""
        self.settle()
        self._pictureCount += 1
        self.grab(str(self.pictures / f"{self._pictureCount:02d}-{name}.png"))

    def leaveOut(self, sentence):
        """Say what cannot be done here."""
        print(f"Left out: {sentence}")

    def loadDemoPair(self):
        """The two volumes of the demo pair, as the button in Sample Data makes them."""
        self.pressSampleDataButton("LiverPairDemo")
        self.until(lambda: len(nodesNamed("Demo T")) == 2, "the demo pair is in the scene")
        return nodesNamed("Demo T")

    def closeScene(self):
        slicer.mrmlScene.Clear(0)
        self.settle()

    def saveAndLoad(self):
        """Save the scene, close it, and load what was saved."""
        path = str(self.folder / "scene.mrb")
        self.expect(slicer.util.saveScene(path), "the scene is saved")
        self.closeScene()
        slicer.util.loadScene(path)
        self.settle(1.0)


def nodesNamed(beginning):
    """The volume nodes whose name begins so, by name."""
    nodes = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
    return sorted((node for node in nodes if node.GetName().startswith(beginning)), key=lambda node: node.GetName())


def middleOf(volume):
    """The middle of a volume (RAS, mm)."""
    bounds = [0.0] * 6
    volume.GetRASBounds(bounds)
    return [(low + high) / 2 for low, high in zip(bounds[::2], bounds[1::2])]


def centerOf(box):
    """The center of a markups ROI (RAS, mm)."""
    center = [0.0] * 3
    box.GetCenterWorld(center)
    return center


def placeOf(view):
    """The point (RAS, mm) in the middle of a slice view."""
    matrix = slicer.app.layoutManager().sliceWidget(view).mrmlSliceNode().GetSliceToRAS()
    return [matrix.GetElement(axis, 3) for axis in range(3)]


def census():
    """How many nodes of each class there are that hold something of a user's, or show it; not what views need."""
    kinds = ("vtkMRMLDisplayableNode", "vtkMRMLDisplayNode", "vtkMRMLStorageNode", "vtkMRMLSequenceBrowserNode",
             "vtkMRMLSequenceNode", "vtkMRMLTableNode", "vtkMRMLPlotSeriesNode", "vtkMRMLPlotChartNode")  # fmt: skip
    nodes = [node for kind in kinds for node in slicer.util.getNodesByClass(kind)]
    ours = [node for node in nodes if node.GetSaveWithScene() and not node.GetSingletonTag()]
    return Counter({node.GetID(): node.GetClassName() for node in ours}.values())
