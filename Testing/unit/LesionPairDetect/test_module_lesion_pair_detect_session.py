"""A reader's session in the whole module: detect, review, correct, draw, save, close and load again."""

import pytest
import slicer
from lesion_factory import origins
from lesion_pair_detect_factory import panel  # noqa: F401
from lesion_sections_factory import SHIFT, lesion
from peak_detector import SECTION, write_peak_bundle

from liverpair.core.errors import InputError
from liverpair.core.lesions import read_lesions
from liverpair.core.sides import Side
from liverpair.mrml.scanner_space import same_lesions


def drag(panel, view: str, start, end) -> None:
    """Drag in a view, between fractions of its width and height."""
    widget = panel.harness.slice_view(view)
    panel.harness.drag(widget, *[(widget.width * x, widget.height * y) for x, y in (start, end)])
    panel.harness.wait(seconds=0.1)


def states(panel) -> dict[int, str]:
    return {pair.number: pair.state for pair in panel.study.pairs()}


def test_lesions_are_detected_reviewed_corrected_drawn_saved_and_loaded(panel, tmp_path):
    panel.add_pair()
    panel.parameters.model = "peaks"
    panel.harness.wait()
    panel.run()
    assert len(panel.study) == 4
    panel.choose_row(1)
    panel.harness.press("A")
    panel.harness.press("S")
    panel.harness.press("D")
    assert panel.chosen_row() == "3"
    assert states(panel) == {1: "accepted", 2: "proposed", 3: "rejected", 4: "proposed"}
    panel.harness.press("Z")
    panel.harness.press("E")
    panel.choose_row(4)
    assert len(panel.study) == 3 and panel["undoButton"].toolTip == "<p>Take back: Link boxes</p>"
    panel.harness.press("1")
    drag(panel, "T1Axial", (0.3, 0.6), (0.36, 0.66))
    drawn = panel.study.pair(panel.context.selectedUid)
    assert origins(drawn) == ["drawn", "predicted"]
    panel.harness.type_text(panel["noteLineEdit"], "drawn by hand")
    before = panel.study.pairs()
    panel.harness.answer(str(tmp_path / "lesions.json"))
    panel.click("exportLesionsButton")
    assert same_lesions(read_lesions(tmp_path / "lesions.json"), panel.study.pairs())
    assert slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    slicer.mrmlScene.Clear(0)
    panel.harness.wait()
    assert panel.study is None and not panel["acceptLesionButton"].enabled
    slicer.util.loadScene(str(tmp_path / "scene.mrb"))
    panel.harness.wait(seconds=0.2)
    assert [pair.number for pair in panel.study.pairs()] == [pair.number for pair in before]
    for old, new in zip(before, panel.study.pairs()):
        assert (old.uid, old.state, old.note, origins(old)) == (new.uid, new.state, new.note, origins(new))
        for side in Side:
            if side in old.boxes:
                assert new.box(side).center_mm == pytest.approx(old.box(side).center_mm, abs=1e-3)
    panel.choose_row(1)
    panel.harness.press("D")
    assert states(panel)[1] == "rejected"


def test_why_a_box_is_unmatched_is_said_with_the_overlap_of_the_chosen_model(panel, tmp_path):
    panel.add_pair()
    write_peak_bundle(tmp_path / "models" / "strict", section={**SECTION, "link_iou": 0.6}, name="strict")
    panel.enter()
    near = lesion(2, (-30, -30, 60), (Side.T2,))
    panel.add_lesions([lesion(1, (-40, -30, 60), (Side.T1,), displacement_mm=SHIFT), near])
    panel.context.select("lesion-1")
    panel.parameters.model = "peaks"
    assert "enough to link them" in panel["unmatchedLabel"].text
    panel.parameters.model = "strict"
    assert "more than 0.60 is needed to link them" in panel["unmatchedLabel"].text


def test_keys_belong_to_the_module_only_while_it_is_on_the_screen(panel):
    panel.add_pair()
    panel.add_lesions()
    panel.choose_row(1)
    panel.harness.press("1")
    panel.harness.select("LiverMultimodal")
    for key in "ADX":
        panel.harness.press(key)
    drag(panel, "T1Axial", (0.3, 0.6), (0.36, 0.66))
    panel.harness.select("LesionPairDetect")
    assert len(panel.study) == 4 and set(states(panel).values()) == {"proposed"}
    assert not panel["drawT1Button"].checked
    panel.harness.press("A")
    assert "accepted" in states(panel).values()


def test_a_click_on_a_box_gives_it_to_the_lesion_that_waits_for_a_partner(panel):
    panel.add_pair()
    panel.add_lesions()
    panel.click("showPairButton")
    panel.harness.wait(seconds=0.4)
    panel.choose_row(3)
    panel.harness.press("E")
    center = panel.study.pair("lesion-4").box(Side.T2).center_mm
    panel.context.jump(Side.T2, center)
    place = panel.harness.slice_position("T2Axial", (-center[0], -center[1], center[2]))
    panel.harness.click(panel.harness.slice_view("T2Axial"), tuple(map(round, place)))
    panel.harness.wait(seconds=0.1)
    assert len(panel.study) == 3
    assert panel.study.pair("lesion-3").box(Side.T2).center_mm == pytest.approx(center, abs=1e-3)


def test_what_a_run_said_is_gone_with_the_next_deed_another_choice_and_another_scene(panel):
    panel.add_pair()
    panel.parameters.model = "peaks"
    panel.harness.wait()
    panel.run()
    assert panel.status.startswith("Lesions found: 4;")
    panel.enter()
    panel.choose_row(1)
    assert panel.status.startswith("Lesions found: 4;")
    panel.harness.press("A")
    assert panel.status == "Lesion 1 is accepted."
    panel.context.say("")
    assert panel.status == ""
    panel.run()
    assert panel.status.startswith("No new lesion") or panel.status.startswith("Lesions found")
    panel.parameters.t2Volume = panel.add_volume("AX T2 late")
    assert panel.status == ""
    panel.harness.wait()
    panel.logic.fail(InputError("The liver in T2 is empty."))
    panel.enter()
    assert panel.status == "The liver in T2 is empty."
    panel.parameters.linkedCursor = False
    assert panel.status == "The liver in T2 is empty."
    panel.parameters.t2Liver = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Liver of T2")
    assert panel.status == ""
    panel.logic.status = "Lesions found: 4."
    slicer.mrmlScene.Clear(0)
    panel.harness.wait()
    assert panel.status == "" and panel.logic.status == ""


def test_a_sentence_stands_until_the_next_deed(panel):
    panel.add_pair()
    panel.harness.press("A")
    assert panel["statusLabel"].text == "There is no lesion yet." and panel["statusLabel"].isVisible()
    panel.add_lesions()
    assert not panel["statusLabel"].isVisible()
    panel.harness.press("Q")
    assert panel["statusLabel"].text == "Choose a lesion first."
    panel.choose_row(1)
    assert not panel["statusLabel"].isVisible()
    for deed in (lambda: panel.harness.press("1"), lambda: drag(panel, "T1Axial", (0.1, 0.1), (0.2, 0.2))):
        panel.harness.press("A")
        panel.harness.press("Z")
        assert panel["statusLabel"].text == "Undone: Accept."
        deed()
        assert not panel["statusLabel"].isVisible()
        panel.harness.press("Esc")
