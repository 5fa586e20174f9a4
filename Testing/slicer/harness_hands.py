"""Hands in the harness: its driver's mouse and keys."""

from hands import Hands

from Testing.harness import start


class HarnessHands(Hands):
    """Acts in the harness that runs in this process."""

    def __init__(self, folder, pictures):
        super().__init__(folder, pictures)
        self._harness = start()

    def click(self, widget):
        self._harness.click(widget)

    def clickCell(self, table, row, column):
        self._harness.click_row(table, row, column)
        self.settle()

    def key(self, keys):
        self._harness.press(keys)
        self.settle()

    def typeText(self, field, text):
        self._harness.type_text(field, text)

    def chooseEntry(self, box, row):
        self._harness.choose(box, box.itemText(row))

    def moveInSlice(self, view, ras):
        self._harness.move_in_slice(view, ras)
        self.settle()

    def clickInSlice(self, view, ras):
        self._harness.move_in_slice(view, ras)
        self._harness.click_slice(view, ras)
        self.settle()

    def dragInSlice(self, view, start, end):
        places = [self._harness.slice_position(view, ras) for ras in (start, end)]
        self._harness.drag(self._harness.slice_view(view), *places)
        self.settle()

    def clickInPlot(self, x, y):
        self._harness.click_plot(x, y)
        self.settle()

    def pressSampleDataButton(self, name):
        import SampleData

        SampleData.press_button(name)

    def answer(self, path):
        self._harness.answer(str(path))

    def grab(self, path):
        self._harness.screenshot(path)

    def openDataModule(self):
        self.leaveOut("the harness has no module Data; what it would watch changes all the same.")
        return False

    def paintOn(self, segmentation, volume, ras):
        self.leaveOut("the harness has no Segment Editor.")
