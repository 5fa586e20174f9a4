"""Lesions that another tool segmented become linked boxes: what is asked of the worker, and what is said without it."""

import numpy as np
import SimpleITK as sitk
import slicer
from lesion_pair_detect_factory import BRIGHT, panel  # noqa: F401

from liverpair.core.geometry import like
from liverpair.core.labels import LESION
from liverpair.core.sides import Side
from liverpair.jobs.requests import LinkRequest
from liverpair.mrml import segmentations


def segment_lesions(panel, sides=Side) -> None:
    """A segmentation with the liver and two lesions on each volume, chosen in the panel."""
    for side, node in panel.add_livers().items():
        if side not in sides:
            continue
        image, volume = panel.context.image(side), panel.context.volume(side)
        bright = np.argwhere(sitk.GetArrayViewFromImage(image) > BRIGHT)
        for number, place in enumerate((bright[0], bright[-1])):
            array = np.zeros(image.GetSize()[::-1], np.uint8)
            array[tuple(place)] = 1
            label = {**LESION, "name": f"Spot {number}"}
            segmentations.put_segment(node, like(array, image), volume, label, {})
        setattr(panel.parameters, f"{side}Lesions", node)
        setattr(panel.parameters, f"{side}Liver", node)
    panel.harness.wait()


def reason(panel) -> str:
    return panel["linkReasonLabel"].text


def test_what_is_missing_is_said(panel):
    panel["linkSectionButton"].collapsed = False
    assert "Choose a T1 and a T2 volume." in panel["linkLesionsButton"].toolTip
    assert not panel["linkLesionsButton"].enabled and panel["linkReasonLabel"].isHidden()
    panel.add_pair()
    assert not panel["linkReasonLabel"].isHidden()
    assert reason(panel) == "Choose the segmentation of the lesions in T1 and T2."
    segment_lesions(panel, [Side.T1])
    assert reason(panel) == "Choose the segmentation of the lesions in T2."
    panel.parameters.t2Lesions = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    panel.harness.wait()
    assert reason(panel) == "The segmentation of the lesions in T2 has no segment but the liver."


def test_segmented_lesions_are_linked_by_the_worker_and_shown(panel):
    panel.add_pair()
    panel["linkSectionButton"].collapsed = False
    segment_lesions(panel)
    assert panel["linkLesionsButton"].enabled, reason(panel)
    panel.click("linkLesionsButton")
    assert panel.worker.job["job"] == "link"
    request = LinkRequest.parse(panel.worker.request)
    for side in Side:
        labels = sitk.ReadImage(getattr(request, f"{side}_lesions"))
        assert sorted(np.unique(sitk.GetArrayFromImage(labels))) == [0, 1, 2]
        assert labels.GetOrigin() == sitk.ReadImage(getattr(request, side)).GetOrigin()
        assert getattr(request, f"{side}_liver")
    panel.worker.finish()
    panel.settle()
    assert len(panel.study.pairs()) == 4 and "Lesions found: 4" in panel.status
