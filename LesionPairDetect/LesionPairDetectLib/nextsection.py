"""The section "Next": what there is to do, on top of everything else."""

from LesionPairDetectLib.keys import KeyBindings
from LesionPairDetectLib.readingcontext import ReadingContext
from LesionPairDetectLib.worklist import Step, Worklist
from LiverPairLib.looks import frameStyle
from LiverPairLib.section import Section

NEXT_KEY = "N"
HEIGHT = 32


class NextSection(Section):
    """Shows the next step of a `Worklist`, and a button that does it."""

    name = "Next"

    def __init__(self, context: ReadingContext, worklist: Worklist) -> None:
        super().__init__(context)
        self._worklist, self._step = worklist, Step("")
        self.ui.nextFrame.styleSheet = frameStyle("nextFrame")
        self.ui.nextFrame.minimumHeight = HEIGHT  # also without a button: what lies below must not jump
        self.ui.nextButton.connect("clicked(bool)", lambda checked=False: self.go())
        self._keys = KeyBindings({NEXT_KEY: self.go})
        self.show()

    def enter(self) -> None:
        self._keys.install()
        self.show()

    def exit(self) -> None:
        self._keys.remove()

    def onChanged(self, what: str) -> None:
        self.show()

    def go(self) -> None:
        """Do the next step."""
        if self._step.action:
            with self.context.attempt():
                self._worklist.do(self._step.action)
            self.show()

    def show(self) -> None:
        with self.context.attempt():
            self._step = self._worklist.next()
            self.ui.nextFrame.visible = bool(self._step.sentence)
            self.ui.nextLabel.text = self._step.sentence
            self.ui.nextButton.visible = bool(self._step.button)
            self.ui.nextButton.text = f"{self._step.button} ({NEXT_KEY})"
