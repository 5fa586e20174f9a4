"""What speaks against the chosen volumes is asked before a run, and what the user accepts stays with the result."""

import pydicom
import pytest
import slicer
from dicom_scene_factory import add_dicom_volumes
from liver_multimodal_factory import liver_image, panel  # noqa: F401

from liverpair.core.sides import Side
from liverpair.mrml import provenance

PATIENTS = "T1 and T2 are from two patients: their patient IDs differ."
MODALITY = "T2 is not an MR image: its modality is CT."


@pytest.fixture
def doubtful(panel, tmp_path, monkeypatch):  # noqa: F811
    """The panel with an MR image of one patient and a CT of another."""
    images = {Side.T1: liver_image(), Side.T2: liver_image(6)}
    nodes = add_dicom_volumes(monkeypatch, tmp_path, images, SeriesDescription="AX")
    for path in (tmp_path / "t2").iterdir():
        header = pydicom.dcmread(path)
        header.PatientID, header.Modality = "P2", "CT"
        header.save_as(path)
    panel.enter()
    panel.parameters.t1Volume, panel.parameters.t2Volume = nodes.values()
    panel.harness.wait()
    return panel


def test_a_run_in_spite_of_doubts_is_asked_about_and_recorded(doubtful):
    assert doubtful.warning == f"{MODALITY} {PATIENTS}"
    doubtful.harness.answer("Cancel")
    doubtful.click("applyButton")
    (asked,) = doubtful.harness.dialogs()
    assert asked.text == f"{MODALITY}\n\n{PATIENTS}" and not doubtful.worker.transport.commands
    doubtful.harness.answer("Run anyway")
    doubtful.apply()
    request = doubtful.worker.request
    assert request["doubts"] == [MODALITY, PATIENTS] and request["accept"] is True
    doubtful.worker.finish(notes=request["doubts"], doubts=request["doubts"], accepted=True)
    doubtful.harness.wait()
    for side in Side:
        told = provenance.read(getattr(doubtful.parameters, f"{side}Segmentation"))
        assert told["accepted"] == f"{MODALITY} {PATIENTS}" and told["bundle"] == "small"
    table = doubtful.parameters.measures
    rows = [[table.GetCellText(row, column) for column in (0, 1)] for row in range(table.GetNumberOfRows())]
    assert ["Note", PATIENTS] in rows
    assert f"Run in spite of: {MODALITY} {PATIENTS}" in doubtful["provenanceText"].plainText
    assert PATIENTS in doubtful.status


def test_nobody_is_asked_where_nobody_is(doubtful, monkeypatch):
    monkeypatch.setattr(type(slicer.app), "testingEnabled", lambda app: True)
    doubtful.apply()
    assert doubtful.worker.request["doubts"] == [MODALITY, PATIENTS] and doubtful.worker.request["accept"] is False
    assert not doubtful.harness.dialogs()
    doubtful.worker.cancelled()


def test_an_ordinary_pair_is_not_asked_about(panel):  # noqa: F811
    panel.add_pair()
    panel.run()
    assert not panel.harness.dialogs() and panel.worker.request["doubts"] == []
    assert "accepted" not in provenance.read(panel.parameters.t1Segmentation)
