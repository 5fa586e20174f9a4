"""LesionPairDetect: boxes are drawn, linked, swapped, split and deleted, files go in and out, many follow a slider."""

from detecting import KIND, NUMBER, chooseLesion
from hands import centerOf, middleOf, placeOf
from workers import engage

from liverpair.core.geometry import Box
from liverpair.core.lesions import Lesion, LesionBox, read_lesions, write_lesions
from liverpair.core.sides import Side
from liverpair.mrml import volumes

COLUMNS, SPACING_MM, SIZE_MM = 9, 14.0, (9.0, 9.0, 12.0)
OFF_MIDDLE_MM = 2.5
"""The middle of a volume may lie halfway between two slices, and then be called either."""
FEW, MANY = 6, 72
THRESHOLDS = (0.35, 0.6, 0.2, 0.85, 0.5, 0.95, 0.05, 0.7, 0.1)


def importLesions(hands, pair, count):
    """Bring `count` lesions into the module through its button; their scores rise from 0.3 to 0.99."""
    path = hands.folder / f"{count}.json"
    write_lesions(path, [madeUp(pair, number, 0.3 + 0.69 * number / count) for number in range(1, count + 1)])
    hands.answer(path)
    hands.press("importLesionsButton")
    hands["displayThresholdSlider"].value = 0.0
    hands.settle()
    shown = len(hands.rows("lesionsTable"))
    hands.expect(shown == count, f"{count} lesions are imported, not {shown}: {hands.read('statusLabel')}")


def madeUp(pair, number, score):
    """A lesion seen in both volumes, in a grid around their middles."""
    row, column = divmod(number - 1, COLUMNS)
    shift = ((column - COLUMNS // 2) * SPACING_MM, (row - COLUMNS // 2) * SPACING_MM, OFF_MIDDLE_MM)
    boxes = []
    for volume in pair:
        middle = middleOf(volume)
        center = (shift[0] - middle[0], shift[1] - middle[1], shift[2] + middle[2])
        boxes.append(Box(center, SIZE_MM, volumes.world_image(volume).GetDirection()))
    return Lesion(number, {side: LesionBox(box, "detected", score) for side, box in zip(Side, boxes)})


def lesions_are_drawn_linked_and_exchanged(hands):
    def kinds():
        return {row[NUMBER]: row[KIND] for row in hands.rows("lesionsTable")}

    def expectCount(count, what):
        hands.until(lambda: len(kinds()) == count, f"{what}: there are {count} lesions, not {len(kinds())}", seconds=10)

    def placesInT2(*numbers):
        study = hands.pythonWidget().context.study
        uids = {each.number: each.uid for each in study.pairs()}
        return [[round(part) for part in centerOf(study.node(uids[number], Side.T2))] for number in numbers]

    pair = hands.loadDemoPair()
    engage(hands, "LesionPairDetect")
    importLesions(hands, pair, FEW)
    chooseLesion(hands, 1)
    hands.key("1")
    place = placeOf("T1Axial")
    hands.dragInSlice("T1Axial", [place[0] + 45, place[1] + 20, place[2]], [place[0] + 60, place[1] + 38, place[2]])
    expectCount(FEW + 1, "a box is drawn")
    hands.expect(hands.read("lesionLabel") != "", "the drawn lesion is chosen")
    study = hands.pythonWidget().context.study
    drawn = study.pair(hands.pythonWidget().context.selectedUid)
    hands.expect(Side.T1 in drawn.boxes and Side.T2 in drawn.boxes, "its partner is proposed")
    hands.picture("drawn")

    chooseLesion(hands, 2)
    hands.key("Q")
    expectCount(FEW + 2, "a lesion is split")
    hands.key("Z")
    expectCount(FEW + 1, "the split is undone")
    hands.key("Shift+Z")
    expectCount(FEW + 2, "the split is done again")
    first, second = (
        next(number for number, kind in kinds().items() if kind == f"{side} only") for side in ("T1", "T2")
    )
    chooseLesion(hands, first)
    hands.key("E")
    hands.picture("which-partner")
    chooseLesion(hands, second)
    expectCount(FEW + 1, "the halves are linked")

    before = placesInT2(3, 4)
    chooseLesion(hands, 3)
    hands.key("C")
    chooseLesion(hands, 4)
    after = placesInT2(4, 3)
    hands.expect(before == after, f"lesions 3 and 4 exchanged their T2 boxes: {before}, {after}")
    chooseLesion(hands, 5)
    hands.key("X")
    expectCount(FEW, "a lesion is deleted")
    hands.key("Z")
    expectCount(FEW + 1, "the deletion is undone")
    hands.picture("edited")

    for button, name in (("exportLesionsButton", "lesions.json"), ("exportTableButton", "lesions.csv")):
        hands.answer(hands.folder / name)
        hands.press(button)
        hands.expect((hands.folder / name).is_file(), f"{name} is written: {hands.read('statusLabel')}")
    hands.expect(len(read_lesions(hands.folder / "lesions.json")) == FEW + 1, "the file holds all lesions")

    table = hands.rows("lesionsTable")
    hands.saveAndLoad()
    hands.open("LesionPairDetect")
    hands.settle(1.0)
    loaded = hands.rows("lesionsTable")
    hands.picture("loaded")
    said = hands.read("sumsLabel")
    hands.expect(loaded == table, f"the table is the same after loading: {loaded} instead of {table}; {said}")


def many_lesions_follow_the_threshold(hands):
    pair = hands.loadDemoPair()
    hands.open("LesionPairDetect")
    importLesions(hands, pair, MANY)
    if hands.openDataModule():
        hands.settle(1.0)
        hands.open("LesionPairDetect")
    scores = [each.boxes[Side.T1].score for each in hands.pythonWidget().context.study.pairs()]
    for threshold in THRESHOLDS:
        hands["displayThresholdSlider"].value = threshold
        hands.settle()
        shown, wanted = len(hands.rows("lesionsTable")), sum(score >= threshold for score in scores)
        hands.expect(shown == wanted, f"from a score of {threshold} {wanted} lesions are shown, not {shown}")
    hands.picture("many")
