"""Hands in a real Slicer: Qt events sent to its widgets. PythonQt has no QTest."""

import ctk
import qt
import slicer
import vtk
from hands import Hands

CHECK_BOX_MIDDLE, HEADER_MIDDLE = 10, 12
DRAG_STEPS = 8


class FileDialogAnswers:
    """In place of `qt.QFileDialog`, whose dialogs wait for a person."""

    def __init__(self):
        self.paths = []

    def _next(self, *_arguments):
        if not self.paths:
            raise AssertionError("a file dialog came up that nobody expects")
        return self.paths.pop(0)

    getOpenFileName = getSaveFileName = getExistingDirectory = _next


class SlicerHands(Hands):
    """Acts in the Slicer that runs this; its messages are skipped, for it was started with --testing."""

    def __init__(self, folder, pictures):
        super().__init__(folder, pictures)
        self._answers = qt.QFileDialog = FileDialogAnswers()

    def click(self, widget):
        self._reveal(widget)
        isBox = widget.inherits("QCheckBox") or widget.inherits("QRadioButton")
        self._clickAt(widget, CHECK_BOX_MIDDLE if isBox else widget.width / 2, widget.height / 2)

    def clickCell(self, table, row, column):
        self._reveal(table)
        item = table.item(row, column)
        table.scrollToItem(item)
        self.settle()
        place = table.visualItemRect(item).center()
        self._clickAt(table.viewport(), place.x(), place.y())

    def key(self, keys):
        wanted = qt.QKeySequence(keys).toString()
        shortcuts = [child for child in slicer.util.mainWindow().children() if child.inherits("QShortcut")]
        ours = [shortcut for shortcut in shortcuts if shortcut.enabled and shortcut.key.toString() == wanted]
        self.expect(len(ours) > 0, f"the key {keys} is bound")
        ours[-1].activated()  # a key event that is sent to a widget does not pass Qt's table of shortcuts
        self.settle()

    def typeText(self, field, text):
        self._reveal(field)
        field.setFocus()
        field.selectAll()
        for character in text:
            self._sendKey(field, 0, character)
        self._sendKey(field, qt.Qt.Key_Return, "\r")
        self.settle()

    def chooseEntry(self, box, row):
        self._reveal(box)
        box.setFocus()
        step = qt.Qt.Key_Down if row > box.currentIndex else qt.Qt.Key_Up
        for _step in range(abs(row - box.currentIndex)):
            self._sendKey(box, step, "")

    def moveInSlice(self, view, ras):
        widget, x, y = self._placeInSlice(view, ras)
        self._mouse(widget, qt.QEvent.MouseMove, x, y)
        self.settle()

    def clickInSlice(self, view, ras):
        widget, x, y = self._placeInSlice(view, ras)
        self._mouse(widget, qt.QEvent.MouseMove, x, y)
        self._clickAt(widget, x, y)

    def dragInSlice(self, view, start, end):
        widget, *first = self._placeInSlice(view, start)
        _widget, *last = self._placeInSlice(view, end)
        self._mouse(widget, qt.QEvent.MouseMove, *first)
        self._mouse(widget, qt.QEvent.MouseButtonPress, *first, qt.Qt.LeftButton, qt.Qt.LeftButton)
        for step in range(1, DRAG_STEPS + 1):
            place = [a + (b - a) * step / DRAG_STEPS for a, b in zip(first, last)]
            self._mouse(widget, qt.QEvent.MouseMove, *place, qt.Qt.NoButton, qt.Qt.LeftButton)
            self.settle(0.02)
        self._mouse(widget, qt.QEvent.MouseButtonRelease, *last, qt.Qt.LeftButton, qt.Qt.NoButton)
        self.settle()

    def clickInPlot(self, x, y):
        view = slicer.app.layoutManager().plotWidget(0).plotView()
        chart = view.chart()
        across = positionOnAxis(chart.GetAxis(vtk.vtkAxis.BOTTOM), x, 0)
        up = positionOnAxis(chart.GetAxis(vtk.vtkAxis.LEFT), y, 1)
        self._clickAt(view.VTKWidget(), across / self._ratio(), view.height - 1 - up / self._ratio())

    def pressSampleDataButton(self, name):
        self.open("SampleData")
        buttons = [child for child in slicer.util.findChildren(self.panel(), className="QToolButton")
                   if child.text == name]  # fmt: skip
        self.expect(len(buttons) > 0, f"Sample Data has a button '{name}'")
        self.click(buttons[0])

    def answer(self, path):
        self._answers.paths.append(str(path))

    def grab(self, path):
        ctk.ctkWidgetsUtils.grabWidget(slicer.util.mainWindow()).save(path)

    def openDataModule(self):
        self.open("Data")
        return True

    def paintOn(self, segmentation, volume, ras):
        self.open("SegmentEditor")
        editor = self.pythonWidget().editor
        editor.setSegmentationNode(segmentation)
        editor.setSourceVolumeNode(volume)
        segment = segmentation.GetSegmentation().GetNthSegmentID(0)
        editor.setCurrentSegmentID(segment)
        before = int((slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, segment, volume) > 0).sum())
        editor.setActiveEffectByName("Paint")
        self.dragInSlice("T1Axial", ras, [ras[0] + 20, ras[1], ras[2]])
        editor.setActiveEffectByName("")
        return before, int((slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, segment, volume) > 0).sum())

    def _reveal(self, widget):
        """Scroll the panel until a widget is in sight; a user must be able to use it."""
        self.expect(widget.visible, f"'{widget.objectName}' is visible")
        self.expect(widget.enabled, f"'{widget.objectName}' is enabled")
        parent = widget.parent()
        while parent is not None and not parent.inherits("QScrollArea"):
            parent = parent.parent()
        if parent is not None:
            parent.ensureWidgetVisible(widget)
        self.settle(0.1)

    def _placeInSlice(self, name, ras):
        view = slicer.app.layoutManager().sliceWidget(name).sliceView()
        toView = vtk.vtkMatrix4x4()
        vtk.vtkMatrix4x4.Invert(view.mrmlSliceNode().GetXYToRAS(), toView)
        across, up = toView.MultiplyPoint((*ras, 1.0))[:2]
        return view.VTKWidget(), across / self._ratio(), view.height - 1 - up / self._ratio()

    def _ratio(self):
        """Pixels of the screen in a pixel of Qt's."""
        return slicer.util.mainWindow().devicePixelRatioF()

    def _clickAt(self, widget, x, y):
        self._mouse(widget, qt.QEvent.MouseButtonPress, x, y, qt.Qt.LeftButton, qt.Qt.LeftButton)
        self._mouse(widget, qt.QEvent.MouseButtonRelease, x, y, qt.Qt.LeftButton, qt.Qt.NoButton)
        self.settle()

    def _mouse(self, widget, kind, x, y, button=qt.Qt.NoButton, buttons=qt.Qt.NoButton):
        event = qt.QMouseEvent(kind, qt.QPointF(x, y), button, buttons, qt.Qt.NoModifier)
        qt.QCoreApplication.sendEvent(widget, event)

    def _sendKey(self, widget, key, text):
        for kind in (qt.QEvent.KeyPress, qt.QEvent.KeyRelease):
            qt.QCoreApplication.sendEvent(widget, qt.QKeyEvent(kind, key, qt.Qt.NoModifier, text))


def positionOnAxis(axis, value, index):
    """Where a value lies on an axis of a chart, in pixels of the screen from the lower left corner."""
    first, last = axis.GetPoint1()[index], axis.GetPoint2()[index]
    return first + (last - first) * (value - axis.GetMinimum()) / (axis.GetMaximum() - axis.GetMinimum())
