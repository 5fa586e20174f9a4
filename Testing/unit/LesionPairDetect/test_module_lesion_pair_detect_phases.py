"""Phases and decisions in the panel: series recognized, measured in the worker, plotted, decided on."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import slicer
from lesion_pair_detect_factory import panel  # noqa: F401

from liverpair.core.lesion_findings import PhaseSignal
from liverpair.core.lesions import read_lesions, write_lesions
from liverpair.mrml import layouts, volumes
from liverpair.worker.protocol import ResultEvent

SIGNALS = {
    "native": PhaseSignal(80.0, 4.0, 100.0),
    "arterial": PhaseSignal(180.0, 9.0, 120.0),
    "portal": PhaseSignal(120.0, 6.0, 160.0),
}


@pytest.fixture
def reading(panel):
    """The panel with lesions, livers and two further series."""
    panel.add_pair()
    for side, node in panel.add_livers().items():
        setattr(panel.parameters, f"{side}Liver", node)
    panel.add_lesions()
    panel.parameters.displayThreshold = 0.0
    for name in ("AX VIBE arterial", "AX VIBE 3"):
        volumes.node_from_image(panel.context.image("t1"), name)
    panel["phasesSectionButton"].collapsed = False
    panel.context.select("lesion-1")
    panel.harness.wait(seconds=0.3)
    return panel


def finish(panel) -> dict:
    """Answer the job "phases" with known signals of the first lesion; what was asked, since others follow it."""
    if panel.worker.job["job"] == "register":
        panel.worker.cancelled()
    asked = panel.worker.request
    output = Path(asked["output"])
    output.mkdir()
    pairs = read_lesions(asked["lesions"])
    write_lesions(output / "lesions.json", [replace(pairs[0], phases=SIGNALS), *pairs[1:]])
    told = {key: {"side": "t1", "carried": "registration of the livers", "dice": 0.9} for key in SIGNALS}
    result = {"phases": told, "lesions": {}, "notes": ["A note."], "lesions_file": str(output / "lesions.json")}
    panel.worker.transport.say(ResultEvent(panel.worker.job["id"], json.loads(json.dumps(result))))
    panel.harness.wait(seconds=0.3)
    return asked


def test_series_are_recognized_or_named_and_measured_as_one_step(reading):
    panel = reading
    section = panel.section("Phases")
    table = panel["phasesTable"]
    assert list(section.phases()) == ["arterial"] and table.rowCount == 2
    assert table.columnWidth(1) >= table.cellWidget(0, 1).sizeHint().width()  # "portal venous" is there in full
    second = slicer.util.getNode("AX VIBE 3")
    section._onPhase(second, "portal")
    assert section.phases() == {"arterial": slicer.util.getNode("AX VIBE arterial"), "portal": second}
    panel.click("measurePhasesButton")
    asked = finish(panel)
    assert set(asked["phases"]) == {"arterial", "portal"}
    assert dict(panel.study.pair("lesion-1").phases) == SIGNALS and not panel.study.pair("lesion-2").phases
    assert panel.study.undo_name == "Measure phases"
    assert panel.status == "Phases measured: native, arterial, portal venous. A note."
    assert "Arterial phase: 50 % brighter than the liver." in panel["phasesLabel"].text
    assert "Portal venous phase: 25 % darker than the liver" in panel["phasesLabel"].text


def test_the_curve_is_plotted_below_the_views(reading):
    panel = reading
    panel.study.set_phases("lesion-1", SIGNALS)
    panel.harness.wait(seconds=0.2)
    panel.click("plotPhasesButton")
    panel.harness.wait(seconds=0.5)
    view = slicer.mrmlScene.GetSingletonNode(layouts.PLOT_VIEW, "vtkMRMLPlotViewNode")
    chart = view.GetPlotChartNode()
    assert chart.GetTitle() == "Lesion 1" and chart.GetNumberOfPlotSeriesNodes() == 3
    assert chart.GetAxisTitleFontSize() < 16, "VTK repeats a line of a larger title below it"
    table = chart.GetNthPlotSeriesNode(0).GetTableNode().GetTable()
    assert [table.GetColumnByName("Lesion over native").GetValue(row) for row in range(3)] == [0.0, 125.0, 50.0]
    assert not panel["plotPhasesButton"].isHidden()
    panel.context.select("lesion-2")
    panel.harness.wait()
    assert not panel["plotPhasesButton"].enabled


def test_a_decision_is_a_step_and_no_category_comes_by_itself(reading):
    panel = reading
    panel.study.set_phases("lesion-1", SIGNALS)
    panel.harness.wait(seconds=0.2)
    assert panel["categoryComboBox"].currentText == "not said" and not panel.study.pair("lesion-1").reading
    panel.harness.choose(panel["washoutComboBox"], "present")
    panel.harness.choose(panel["categoryComboBox"], "LR-4")
    assert dict(panel.study.pair("lesion-1").reading) == {"washout": "present", "category": "LR-4"}
    panel.context.select("lesion-2")
    panel.harness.wait()
    assert panel["categoryComboBox"].currentText == "not said"
    panel.study.undo()
    panel.harness.wait()
    assert dict(panel.study.pair("lesion-1").reading) == {"washout": "present"}
    panel.context.select("lesion-1")
    panel.harness.choose(panel["washoutComboBox"], "not said")
    assert not panel.study.pair("lesion-1").reading


def test_without_a_phase_or_a_liver_it_is_said_why_nothing_can_be_measured(reading):
    panel = reading
    section = panel.section("Phases")
    panel.parameters.t2Liver = None
    panel.harness.wait(seconds=0.2)
    assert section.reason() == "The liver in T2 is not segmented."
    section._onPhase(slicer.util.getNode("AX VIBE arterial"), "-")
    assert section.reason() == "No series beside T1 and T2 has a phase: say which one is which."
    assert not panel["measurePhasesButton"].enabled
