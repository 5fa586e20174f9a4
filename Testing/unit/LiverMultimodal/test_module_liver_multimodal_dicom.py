"""Livers saved as DICOM from the panel: by a model, and corrected by a person."""

import numpy as np
import pytest
import SimpleITK as sitk
from dicom_scene_factory import add_dicom_volumes
from liver_multimodal_factory import liver_image, panel  # noqa: F401

from liverpair.core.labels import LIVER
from liverpair.core.sides import Side
from liverpair.mrml import provenance, segmentations

hd = pytest.importorskip("highdicom", reason="highdicom is not installed")


def test_livers_are_saved_as_dicom_and_say_who_drew_them(panel, tmp_path, monkeypatch):  # noqa: F811
    assert "Choose a T1 or a T2 volume." in panel["saveDicomButton"].toolTip
    images = {Side.T1: liver_image(), Side.T2: liver_image(6, oblique=True)}
    nodes = add_dicom_volumes(monkeypatch, tmp_path / "dicom", images)
    panel.enter()
    panel.parameters.t1Volume, panel.parameters.t2Volume = nodes.values()
    panel.harness.wait()
    assert "There is no liver to save." in panel["saveDicomButton"].toolTip
    panel.run()
    assert panel["saveDicomButton"].isEnabled()
    t2 = panel.parameters.t2Segmentation
    corrected = segmentations.liver_mask(t2, nodes[Side.T2])
    corrected[20, 20, 8] = 0
    checksum = t2.GetAttribute("LiverPairChecksum.Liver")
    segmentations.put_segment(t2, corrected, nodes[Side.T2], LIVER, provenance.read(t2))
    t2.SetAttribute("LiverPairChecksum.Liver", checksum)  # as the Segment Editor leaves it
    panel.harness.answer(str(tmp_path))
    panel.click("saveDicomButton")
    panel.worker.work()
    panel.harness.wait()
    assert panel.status == f"Saved as DICOM in '{tmp_path}': t1_liver.dcm, t2_liver.dcm."
    for side, made in ((Side.T1, "AUTOMATIC"), (Side.T2, "SEMIAUTOMATIC")):
        written = hd.seg.segread(tmp_path / f"{side}_liver.dcm")
        (segment,) = written.SegmentSequence
        assert (segment.SegmentLabel, segment.SegmentAlgorithmType) == ("Liver", made)
        algorithm = segment.SegmentationAlgorithmIdentificationSequence[0]
        assert (algorithm.AlgorithmName, algorithm.AlgorithmVersion) == ("small", "1.0")
        volume = written.get_volume(segment_numbers=[1])
        points = np.argwhere(volume.array[..., 0]) @ volume.affine[:3, :3].T + volume.affine[:3, 3]
        mask = segmentations.liver_mask(getattr(panel.parameters, f"{side}Segmentation"), nodes[side])
        inside = np.argwhere(sitk.GetArrayViewFromImage(mask))[:, ::-1].tolist()
        expected = [mask.TransformIndexToPhysicalPoint(index) for index in inside]
        assert {tuple(p) for p in np.round(points, 1) + 0.0} == {tuple(p) for p in np.round(expected, 1) + 0.0}


def test_livers_of_volumes_that_are_not_from_dicom_cannot_be_saved(panel):  # noqa: F811
    panel.add_pair()
    panel.run()
    assert not panel["saveDicomButton"].isEnabled()
    assert "T1 was not loaded from DICOM" in panel["saveDicomButton"].toolTip
