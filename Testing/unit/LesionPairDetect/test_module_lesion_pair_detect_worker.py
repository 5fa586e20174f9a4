"""LesionPairDetect with the true worker and a detector whose answer is known by hand."""

import numpy as np
from lesion_pair_detect_factory import LIVER, PROVENANCE, panel  # noqa: F401
from peak_detector import image_and_liver
from peak_study import LESION_MM, PEAKS, SHIFT, T1_GRID, T2_GRID

from liverpair.core.sides import Side
from liverpair.mrml import provenance, segmentations
from liverpair.mrml.lesions.lesion_folders import notes_of

LONG_S = 300


def test_lesions_are_detected_and_the_livers_registered(panel):
    import slicer

    from LiverPairLib.workersession import sessionWorker

    panel.logic.worker = panel.context.worker = sessionWorker()
    for side, grid, peaks, center in (("T1", T1_GRID, PEAKS, (0, 0, 0)), ("T2", T2_GRID, PEAKS + SHIFT, SHIFT)):
        image, liver = image_and_liver(grid, peaks, center)
        volume = panel.add_volume(side, image)
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", f"{side} liver")
        segmentations.put_segment(node, liver, volume, LIVER, PROVENANCE)
    panel.enter()
    panel.harness.choose(panel["deviceComboBox"], "CPU")
    panel.click("applyButton")
    assert panel["cancelButton"].enabled, panel.status
    panel.harness.wait(until=lambda: panel["applyButton"].enabled, seconds=LONG_S)
    assert panel.status.startswith("Lesions found: 2; in both images 2"), panel.status
    centers = {side: np.array([pair.box(side).center_mm for pair in panel.study.pairs()]) for side in Side}
    order = [int(np.linalg.norm(centers[Side.T1] - peak, axis=1).argmin()) for peak in PEAKS]
    assert (
        np.abs(centers[Side.T1][order] - PEAKS).max() < 4 and np.abs(centers[Side.T2][order] - PEAKS - SHIFT).max() < 4
    )
    assert np.allclose(panel.study.pairs()[0].box(Side.T1).size_mm, LESION_MM, atol=5)
    assert provenance.read(notes_of(panel.study.folder))["bundle"] == "peaks"
    panel.harness.wait(until=lambda: len(panel.numbers()) == 2, seconds=LONG_S)
    assert len(panel.numbers()) == 2 and panel.chosen_row() == "1"
    panel.harness.wait(until=lambda: panel.context.correspondence is not None, seconds=LONG_S)
    moved = panel.context.correspondence.to_t2(np.zeros(3))
    assert np.linalg.norm(moved - SHIFT) < 4
