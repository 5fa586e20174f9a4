"""LiverMultimodal: the demo pair is segmented, corrected by hand, and a segmentation is broken off in every way."""

import slicer
from hands import middleOf
from workers import engage

LEAST_PART_OF_VIEWS = 0.8
LAYOUT_ROWS = ("T1Axial", "T2Axial")


def the_liver_is_segmented(hands):
    t1, t2 = hands.loadDemoPair()
    hands.picture("demo-pair")
    engage(hands, "LiverMultimodal")
    hands.expect(hands["t1VolumeSelector"].currentNode() == t1, "T1 is proposed")
    hands.expect(hands["t2VolumeSelector"].currentNode() == t2, "T2 is proposed")
    hands.press("applyButton")
    hands.until(lambda: hands["applyButton"].enabled, "the segmentation ends")
    hands.settle(1.0)
    hands.expect(hands.read("statusLabel").startswith("Liver volume"), f"volumes are told: {hands.read('statusLabel')}")
    hands.picture("segmented")
    segmentations = slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
    hands.expect(len(segmentations) == 2, f"there are two segmentations, not {len(segmentations)}")
    manager = slicer.app.layoutManager()
    heights = [manager.sliceWidget(name).height for name in LAYOUT_ROWS]
    least = LEAST_PART_OF_VIEWS * manager.viewport().height
    hands.expect(sum(heights) >= least, f"the views are {heights} pixels high, together at least {least:.0f}")

    painted = hands.paintOn(segmentations[0], t1, middleOf(t1))
    if painted is not None:
        hands.expect(painted[1] > painted[0], f"the Segment Editor paints: {painted}")
        hands.picture("segment-editor")


def a_segmentation_is_broken_off(hands):
    def begin():
        pair = hands.loadDemoPair()
        hands.open("LiverMultimodal")
        hands.press("applyButton")
        hands.until(lambda: hands["progressFrame"].visible, "the segmentation has begun")
        hands.settle(0.5)
        return pair

    def expectEnd(sentence, status):
        hands.until(lambda: logic.run.ending is not None, "the segmentation ends", seconds=10)
        hands.expect(logic.run.sentence == sentence, f"it ends with '{sentence}', not '{logic.run.sentence}'")
        count = len(slicer.util.getNodesByClass("vtkMRMLSegmentationNode"))
        hands.expect(count == 0, f"no segmentation is left, not {count}")

    engage(hands, "LiverMultimodal")
    logic = hands.pythonWidget().logic
    begin()
    hands.press("cancelButton")
    expectEnd("Cancelled; the scene is as it was.", None)
    hands.picture("cancelled")
    hands.closeScene()

    begin()
    slicer.mrmlScene.Clear(0)
    expectEnd("The scene was closed; the segmentation was cancelled.", None)
    hands.picture("scene-closed")

    for node in begin():
        slicer.mrmlScene.RemoveNode(node)
    expectEnd("The volume was deleted; its segmentation was cancelled.", None)
    hands.picture("volume-deleted")
