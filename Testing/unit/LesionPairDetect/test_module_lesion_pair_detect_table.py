"""The table of LesionPairDetect: what it shows, in which order, its filter, its sums, and choosing a lesion."""

import numpy as np
import pytest
import slicer
from lesion_pair_detect_factory import MODULE, found, panel  # noqa: F401
from lesion_sections_factory import DRAWN, lesion

from liverpair.core.sides import Side
from liverpair.mrml import frames, layouts
from liverpair.mrml.lesions.lesion_notices import Notices


@pytest.fixture
def listed(panel):
    """The panel with four lesions, all shown, in the two rows of views."""
    t1, t2 = panel.add_pair()
    layouts.show_pair(t1, t2)
    panel.harness.wait()
    layouts.fit_pair(t1, t2)
    panel.add_lesions()
    panel.parameters.displayThreshold = 0.0
    panel.harness.wait(seconds=0.4)
    return panel


def places(panel) -> dict:
    """Where the planes of each row meet, in LPS mm."""
    from LesionPairDetectLib.linkedcursor import placeOfRow

    return {side: np.array(frames.flip(placeOfRow(group))) for group, side in enumerate(Side)}


def test_every_lesion_has_its_row(listed):
    rows = listed.rows()
    assert [row["No."] for row in rows] == ["1", "2", "3", "4"]
    first = rows[0]
    assert (first["State"], first["Seen in"], first["Score T1"], first["T1 mm"], first["T2 mm"]) == (
        "?", "both", "0.90", "24.0", "24.0",
    )  # fmt: skip
    assert first["Shift mm"] == f"{np.linalg.norm((-12, 8, 30)):.1f}"
    assert [row["Seen in"] for row in rows] == ["both", "both", "T1 only", "T2 only"]
    assert rows[2]["Score T2"] == "" and rows[3]["T1 mm"] == ""
    table = listed["lesionsTable"]
    tips = [table.horizontalHeaderItem(column).toolTip() for column in range(table.columnCount)]
    assert "T1 contrast to liver (%)" in tips
    icons = [table.item(row, 0).icon() for row in range(4)]
    colors = [icon.pixmap(14, 14).toImage().pixelColor(7, 7).name() for icon in icons]
    assert len(set(colors)) == 4


def test_the_columns_that_are_read_first_fit_a_panel_of_420_pixels_and_others_can_be_chosen(listed):
    listed.harness.main_window.harness_set_panel_width(420)
    listed.harness.wait()
    table = listed["lesionsTable"]
    shown = [heading for column, heading in enumerate(listed.headings()) if not table.isColumnHidden(column)]
    assert shown == ["No.", "State", "Seen in", "Score T1", "Score T2", "T1 mm", "T2 mm", "Shift mm"]
    assert table.horizontalHeader().length() <= table.viewport().width
    entries = {entry.text: entry for entry in listed["columnsButton"].menu().actions()}
    assert entries["State"].checked and not entries["Note"].checked
    entries["Note"].trigger()
    entries["State"].trigger()
    assert not table.isColumnHidden(listed.headings().index("Note"))
    listed.harness.load_module(MODULE)
    table = listed["lesionsTable"]
    assert not table.isColumnHidden(listed.headings().index("Note"))
    assert table.isColumnHidden(listed.headings().index("State"))


def test_no_row_and_no_sorting_makes_the_table_scroll_sideways_in_a_panel_of_400_pixels(listed):
    drawn = {"t1": DRAWN, "t2": {"score": 0.4, "origin": "predicted"}}
    listed.study.add([lesion(number, (-60, 0, 3 * number), **drawn) for number in range(5, 30)])
    listed.parameters.displayThreshold = 0.0
    listed.harness.main_window.harness_set_panel_width(400)
    table = listed["lesionsTable"]
    for heading in ("No.", "Seen in", "Score T2", "T2 mm", "Shift mm"):
        listed.click_heading(heading)
        listed.harness.wait(seconds=0.4)
        assert table.verticalScrollBar().isVisible() and "T1 T2?" in [row["Seen in"] for row in listed.rows()]
        assert table.horizontalHeader().length() <= table.viewport().width, heading


def test_a_row_tells_a_partner_that_is_only_proposed(listed):
    drawn = {"t1": DRAWN, "t2": {"score": 0.4, "origin": "predicted"}}
    listed.study.add([lesion(5, (0, 0, 30), **drawn)])
    row, column = listed.rows()[4], listed.headings().index
    assert (row["Seen in"], row["Score T2"], row["T1 mm"], row["T2 mm"]) == ("T1 T2?", "0.40?", "24.0", "?")
    table = listed["lesionsTable"]
    tip = table.item(4, column("T2 mm")).toolTip()
    assert "The box in T2 is proposed" in tip and "accept the lesion" in tip
    listed.choose_row(5)
    listed.harness.press("A")
    row = listed.rows()[4]
    assert (row["Seen in"], row["Score T2"], row["T2 mm"]) == ("both", "0.40", "24.0")
    assert table.item(4, column("T2 mm")).toolTip() == ""


def test_a_lesion_that_the_filter_hides_is_not_the_chosen_one_any_more(listed):
    listed.choose_row(2)
    listed.harness.type_text(listed["displayThresholdSlider"], "0.5")
    assert listed.context.selectedUid is None
    listed["lesionsTable"].setFocus()
    listed.harness.press("W")
    assert listed.chosen_row() == "1"
    listed.choose_row(3)
    listed.harness.press("W")
    assert listed.chosen_row() == "1"


def test_state_and_note_are_followed(listed):
    listed.study.set_state("lesion-2", "accepted")
    listed.study.set_state("lesion-3", "rejected")
    listed.study.set_note("lesion-3", "vessel")
    assert [row["State"] for row in listed.rows()] == ["?", "✓", "✗", "?"]
    assert listed.rows()[2]["Note"] == "vessel"
    listed.study.undo()
    listed.study.undo()
    assert [row["State"] for row in listed.rows()] == ["?", "✓", "?", "?"]


def test_a_heading_sorts_and_lesions_seen_once_come_first(listed):
    listed.click_heading("Seen in")
    assert listed.numbers() == ["3", "4", "1", "2"]
    listed.click_heading("Seen in")
    assert listed.numbers() == ["1", "2", "4", "3"]
    listed.click_heading("Score T1")
    assert listed.numbers() == ["2", "3", "1", "4"]
    listed.click_heading("Score T1")
    assert listed.numbers() == ["1", "3", "2", "4"]
    listed.study.add([lesion(5, (0, 0, 30), t1={"score": 0.8})])
    assert listed.numbers() == ["1", "5", "3", "2", "4"]


def test_review_walks_through_the_rows_from_top_to_bottom(listed):
    def walk(key, steps):
        numbers = []
        for _step in range(steps):
            listed.harness.press(key)
            numbers.append(listed.chosen_row())
        return numbers

    listed.click_heading("Seen in")
    listed.choose_row(3)
    assert walk("S", 4) == ["4", "1", "2", "3"]
    assert walk("W", 2) == ["2", "1"]
    listed.click_heading("Seen in")
    listed.harness.type_text(listed["displayThresholdSlider"], "0.5")
    assert listed.numbers() == ["1", "4", "3"]
    listed["lesionsTable"].setFocus()
    assert walk("S", 3) == ["4", "3", "1"]


def test_what_others_do_to_many_boxes_is_followed_once(listed):
    told = []
    listed.context.addListener(told.append)
    for number in (1, 2):
        listed.study.node(f"lesion-{number}", Side.T1).SetSize(40, 20, 28)
    assert told == [] and listed.rows()[0]["T1 mm"] == "24.0"
    listed.harness.wait()
    assert told.count("boxes") == 1
    assert [row["T1 mm"] for row in listed.rows()[:2]] == ["40.0", "40.0"]
    slicer.mrmlScene.RemoveNode(listed.study.node("lesion-2", Side.T1))
    listed.widget.cleanup()
    listed.harness.wait()
    assert Notices.defer is None


def test_the_slider_filters_at_once_without_another_run(listed):
    commands = len(listed.worker.transport.commands)
    listed.harness.type_text(listed["displayThresholdSlider"], "0.65")
    assert listed.numbers() == ["1", "3"]
    shown = {
        number: listed.study.node(f"lesion-{number}", Side.T1).GetDisplayNode().GetVisibility() for number in (1, 2)
    }
    assert shown == {1: 1, 2: 0}
    assert listed["sumsLabel"].text.splitlines()[0] == "2 lesions shown (score ≥ 0.65), 2 below"
    listed.study.set_state("lesion-4", "accepted")
    assert listed.numbers() == ["1", "3", "4"]
    listed.harness.type_text(listed["displayThresholdSlider"], "0")
    assert listed.numbers() == ["1", "2", "3", "4"]
    assert len(listed.worker.transport.commands) == commands


def test_seventy_eight_lesions_are_filtered_and_undone_without_a_batch_of_the_scene(listed):
    many = [lesion(n, (n - 40, -30, 60), t1={"score": n / 78}, t2={"score": n / 78}) for n in range(1, 79)]
    listed.study.replace_all(many)
    for score, count in (("0.5", 40), ("1", 1), ("0", 78)):
        listed.harness.type_text(listed["displayThresholdSlider"], score)
        assert len(listed.rows()) == count
    listed.study.undo()
    listed.study.redo()
    listed.harness.wait()
    assert len(listed.rows()) == 78
    assert listed.harness.problems() == []


def test_many_lesions_stay_as_they_are_when_another_t2_is_chosen(panel):
    t1 = panel.add_volume("AX T1 in phase")
    panel.harness.choose(panel["t1VolumeSelector"], t1.GetName())
    panel.add_lesions([lesion(n, (n - 40, -30, 60), (Side.T1,)) for n in range(1, 13)])
    t2 = panel.add_volume("AX T2 SPIR")
    panel.harness.choose(panel["t2VolumeSelector"], t2.GetName())
    panel.harness.wait()
    assert [panel.study.volume(side) for side in Side] == [t1, t2]
    assert len(panel.study) == 12
    assert panel.harness.problems() == []


def test_rejected_lesions_can_be_hidden(listed):
    listed.study.set_state("lesion-1", "rejected")
    listed.click("hideRejectedCheckBox")
    assert listed.numbers() == ["2", "3", "4"]
    assert listed["sumsLabel"].text.splitlines()[0] == "3 lesions shown, 1 rejected hidden"
    listed.click("hideRejectedCheckBox")
    assert listed.numbers() == ["1", "2", "3", "4"]


def test_a_row_brings_both_rows_of_views_each_to_its_own_box(listed):
    listed.choose_row(2)
    assert listed.context.selectedUid == "lesion-2"
    expected = found()[1]
    assert places(listed)[Side.T1] == pytest.approx(np.array(expected.box(Side.T1).center_mm), abs=0.01)
    assert places(listed)[Side.T2] == pytest.approx(np.array(expected.box(Side.T2).center_mm), abs=0.01)
    thickness = [
        listed.study.node(f"lesion-{number}", Side.T2).GetDisplayNode().GetLineThickness() for number in (1, 2)
    ]
    assert thickness[0] < thickness[1]
    listed.harness.wait(seconds=0.2)
    assert places(listed)[Side.T1] == pytest.approx(np.array(expected.box(Side.T1).center_mm), abs=0.01)


def test_a_lesion_seen_once_is_shown_and_its_place_in_the_other_image_is_marked(listed):
    listed.study.set_state("lesion-2", "accepted")
    listed.choose_row(3)
    assert places(listed)[Side.T1] == pytest.approx(np.array(found()[2].box(Side.T1).center_mm), abs=0.01)
    expected = np.add(found()[2].box(Side.T1).center_mm, (-12, 8, 30))
    assert places(listed)[Side.T2] == pytest.approx(expected, abs=0.01)
    assert "Place in T2" in listed["correspondenceLabel"].text
    assert slicer.util.getNode("Corresponding place in T2").GetDisplayNode().GetVisibility()


def test_a_box_clicked_in_a_view_chooses_its_row(listed):
    listed.choose_row(1)
    for side, view, number in ((Side.T1, "T1Axial", 2), (Side.T2, "T2Coronal", 2), (Side.T2, "T2Axial", 1)):
        center = found()[number - 1].box(side).center_mm
        listed.context.jump(side, center)
        listed.harness.wait(seconds=0.1)
        listed.harness.click_slice(view, np.add(frames.flip(center), (4, 4, 4)) * _in_plane(view)
                                   + np.array(frames.flip(center)) * (1 - _in_plane(view)))  # fmt: skip
        assert listed.chosen_row() == str(number)
        other = side.other
        assert places(listed)[other] == pytest.approx(np.array(found()[number - 1].box(other).center_mm), abs=0.01)


def _in_plane(view: str) -> np.ndarray:
    return np.array({"Axial": (1, 1, 0), "Coronal": (1, 0, 1)}[view[2:]])


def test_choosing_elsewhere_is_followed(listed):
    listed.context.select("lesion-4")
    assert listed.chosen_row() == "4"
    listed.context.select(None)
    assert listed.chosen_row() is None
    listed.context.select("lesion-1")
    listed.study.remove("lesion-1")
    assert listed.numbers() == ["2", "3", "4"] and listed.chosen_row() is None


def test_sums_follow_the_limits(listed):
    assert listed["sumsLabel"].text.splitlines() == [
        "4 lesions shown",
        "In both images 2, in T1 only 1, in T2 only 1",
        "Accepted: 0, proposed: 4, rejected: 0",
        "Sum of diameters: 48 mm (targets: 2), provisional",
    ]
    listed.harness.type_text(listed["recistTargetsSpinBox"], "3")
    assert "Sum of diameters: 72 mm (targets: 3)" in listed["sumsLabel"].text
    listed.harness.type_text(listed["recistMinimumSpinBox"], "40")
    assert "Sum of diameters: 0 mm (targets: 0)" in listed["sumsLabel"].text


def test_contrasts_and_burden_come_when_the_livers_are_there(listed):
    assert listed.rows()[0]["Contrast T1 %"] == ""
    listed.add_livers()
    listed.enter()
    listed.harness.wait(until=lambda: "Tumor in the liver: " in listed["sumsLabel"].text)
    assert any(row["Contrast T1 %"] for row in listed.rows())


def test_a_table_node_is_derived_from_the_boxes(listed):
    node = listed.parameters.lesionTable
    titles = [node.GetColumnName(column) for column in range(node.GetNumberOfColumns())]
    assert titles[:3] == ["Number", "State", "Seen in"] and node.GetNumberOfRows() == 4
    listed.study.remove("lesion-2")
    listed.harness.wait(until=lambda: node.GetNumberOfRows() == 3)
    assert listed.parameters.lesionTable is node
    slicer.mrmlScene.RemoveNode(node)
    listed.study.undo()
    listed.harness.wait(until=lambda: listed.parameters.lesionTable is not None)
    assert listed.parameters.lesionTable.GetNumberOfRows() == 4


def test_under_a_warp_the_table_says_why_it_is_empty(listed):
    warp = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLBSplineTransformNode", "Warp")
    listed.context.volume(Side.T1).SetAndObserveTransformNodeID(warp.GetID())
    listed.enter()
    assert listed.numbers() == [] and "transform" in listed["sumsLabel"].text
    listed.context.volume(Side.T1).SetAndObserveTransformNodeID(None)
    listed.enter()
    assert listed.numbers() == ["1", "2", "3", "4"]


def test_the_panel_fits_its_column(listed, tmp_path):
    assert listed.harness.screenshot(tmp_path / "panel.png").std() > 0
    parent = listed.widget.parent
    assert parent.minimumSizeHint().width() <= parent.width <= 420
