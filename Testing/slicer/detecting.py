"""LesionPairDetect: lesions are found in the demo pair, looked at row by row, and judged with keys."""

import slicer
from hands import centerOf, placeOf
from workers import engage

from liverpair.core.sides import Side

NUMBER, STATE, KIND = range(3)
SIGNS = {"proposed": "?", "accepted": "✓", "rejected": "✗"}
TOLERANCE_MM = 3.0
SCROLL_MM = 9.0


def rowOf(hands, number):
    """The row of the lesion with this number."""
    numbers = [row[NUMBER] for row in hands.rows("lesionsTable")]
    hands.expect(str(number) in numbers, f"lesion {number} stands in the table, among {numbers}")
    return numbers.index(str(number))


def chooseLesion(hands, number):
    """Click the row of a lesion."""
    hands.clickCell(hands["lesionsTable"], rowOf(hands, number), KIND)


def lesions_are_detected_and_reviewed(hands):
    hands.loadDemoPair()
    engage(hands, "LesionPairDetect")
    hands.press("applyButton")
    hands.until(lambda: hands["applyButton"].enabled, "the detection ends")
    hands.settle(1.0)
    numbers = [int(row[NUMBER]) for row in hands.rows("lesionsTable")]
    hands.expect(len(numbers) > 0, f"lesions are found: {hands.read('statusLabel')}")
    hands.picture("detected")

    context = hands.pythonWidget().context
    for number in numbers[:3]:
        chooseLesion(hands, number)
        for side, view in ((Side.T1, "T1Axial"), (Side.T2, "T2Axial")):
            box = context.study.node(context.selectedUid, side)
            if box is not None:
                away = abs(centerOf(box)[2] - placeOf(view)[2])
                hands.expect(away < TOLERANCE_MM, f"lesion {number} is shown in {view}, not {away:.1f} mm away")
        hands.picture(f"lesion-{number}")

    hands.expect(hands["linkedCursorCheckBox"].checked, "the images follow each other")
    before = placeOf("T2Axial")[2]
    controller = slicer.app.layoutManager().sliceWidget("T1Axial").sliceController()
    controller.setSliceOffsetValue(placeOf("T1Axial")[2] + SCROLL_MM)
    hands.settle(0.5)
    hands.expect(abs(placeOf("T2Axial")[2] - before) > 1, "T2 follows when T1 is scrolled")
    hands.picture("linked-cursor")

    number = numbers[0]
    for keys, state in (("A", "accepted"), ("D", "rejected"), ("Z", "accepted"), ("Shift+Z", "rejected")):
        chooseLesion(hands, number)
        hands.key(keys)
        sign = hands.rows("lesionsTable")[rowOf(hands, number)][STATE]
        hands.expect(sign == SIGNS[state], f"after {keys} lesion {number} is {state}, not '{sign}'")
    hands.picture("judged")
