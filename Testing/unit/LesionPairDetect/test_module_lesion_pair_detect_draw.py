"""The section Draw: boxes dragged in the views, their partners proposed, and why a box has none."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
from lesion_factory import origins, scores
from lesion_sections_factory import PREDICTED, SHIFT, clean_cache, lesion, lesions, sections, views  # noqa: F401
from liver_multimodal_factory import liver_image
from mrml_factory import block_mask

from liverpair.bundle import Catalogue
from liverpair.core.geometry import offset_t1_to_t2
from liverpair.core.labels import LIVER
from liverpair.core.sides import Side
from liverpair.jobs.requests import ProposeRequest
from liverpair.mrml import segmentations
from liverpair.worker.protocol import CancelledEvent, ErrorEvent, ResultEvent


@pytest.fixture(autouse=True)
def drawn_views(views):
    """All of these tests draw."""


def only(sections):
    """The only lesion of the study."""
    (pair,) = sections.study.pairs()
    return pair


def draw(sections, key: str, view: str, **place):
    """Press a key and drag; the lesion that is chosen afterwards."""
    sections.press(key)
    sections.drag(view, **place)
    return sections.study.pair(sections.context.selectedUid)


def segment_livers(sections) -> None:
    """Livers in both images, 36 mm further left in T2, and a model."""
    parameters = sections.context.parameterNode
    for side, first in ((Side.T1, 6), (Side.T2, 12)):
        image, volume = liver_image(first - 6, oblique=side == Side.T2), sections.context.volume(side)
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", f"{side} liver")
        segmentations.put_segment(node, block_mask(image, (4, 10, first), (10, 26, first + 16)), volume, LIVER, {})
        setattr(parameters, f"{side}Liver", node)
    parameters.model = "lesion-pairs-t1t2"
    sections.harness.wait()


def test_a_box_is_dragged_where_the_mouse_was(sections):
    view = sections.harness.slice_view("T1Axial")
    corners = [np.array(sections.harness.slice_position("T1Axial", (x, y, 108))) for x, y in ((20, 30), (-10, -25))]
    sections.press("1")
    assert sections.asked() == "Drag a box around the lesion in a T1 view."
    assert sections["drawT1Button"].checked
    sections.harness.drag(view, *corners)
    sections.harness.wait(seconds=0.1)
    pair = only(sections)
    millimeter_per_pixel = view.mrmlSliceNode().GetFieldOfView()[0] / view.width
    assert np.allclose(pair.box(Side.T1).center_mm[:2], (-5, -2.5), atol=2 * millimeter_per_pixel)
    assert np.allclose(pair.box(Side.T1).size_mm, (30, 55, 42.5), atol=2 * millimeter_per_pixel)
    assert pair.box(Side.T1).center_mm[2] == pytest.approx(view.mrmlSliceNode().GetSliceOffset())
    assert (pair.boxes[Side.T1].origin, pair.state, pair.box(Side.T2)) == ("drawn", "accepted", None)
    assert not sections["drawT1Button"].checked and not sections.asked()


@pytest.mark.parametrize("view", ["T2Axial", "T2Coronal", "T2Sagittal"])
def test_boxes_lie_along_the_axes_of_their_image_in_every_view(sections, view):
    pair = draw(sections, "2", view)
    assert Side.T1 not in pair.boxes and pair.boxes[Side.T2].origin == "drawn"
    assert np.allclose(pair.box(Side.T2).direction, sections.context.image(Side.T2).GetDirection(), atol=1e-6)


def test_the_mouse_does_what_it_always_does_before_and_after(sections):
    display = sections.context.volume(Side.T1).GetDisplayNode()
    display.AutoWindowLevelOff()

    def drag_changes_window() -> bool:
        before = display.GetWindow(), display.GetLevel()
        sections.drag("T1Axial", (0.8, 0.8), (0.9, 0.6))
        return (display.GetWindow(), display.GetLevel()) != before

    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLInteractionNode")
    interaction = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLInteractionNode")
    interaction.SetCurrentInteractionMode(interaction.AdjustWindowLevel)
    changed_before = drag_changes_window()
    sections.press("1")
    assert not drag_changes_window()
    assert len(sections.study) == 1
    sections.study.remove(only(sections).uid)
    assert drag_changes_window() == changed_before
    assert len(sections.study) == 0


def test_a_click_is_no_box_and_drawing_goes_on(sections):
    sections.press("1")
    sections.drag("T1Axial", (0.5, 0.5), (0.502, 0.5))
    assert sections.asked() == "Hold the button down and drag from one corner of the lesion to the opposite one."
    assert sections["drawT1Button"].checked
    sections.drag("T1Axial")
    assert len(sections.study) == 1


def test_drawing_is_left_off_with_escape_the_same_key_cancel_and_on_leaving(sections):
    ways = (
        lambda: sections.press("Esc"),
        lambda: sections.press("1"),
        sections.leave_off,
        lambda: sections.draw.exit(),
    )
    for leave in ways:
        sections.draw.enter()
        sections.press("1")
        assert sections["drawT1Button"].checked
        leave()
        assert not sections["drawT1Button"].checked
        sections.drag("T1Axial")
    assert len(sections.study) == 0


def test_drawing_and_linking_do_not_go_on_together(sections):
    sections.add_lesions()
    sections.press("E")
    assert "belongs to lesion 1" in sections.asked()
    sections.press("1")
    assert sections.asked().startswith("Drag a box") and not sections["linkLesionButton"].checked
    sections.press("E")
    assert "belongs to lesion 1" in sections.asked() and not sections["drawT1Button"].checked
    sections.press("Esc")
    assert not sections.asked()


def test_what_is_to_be_drawn_stands_over_the_views(sections):
    sections.press("1")
    viewport = sections.harness.app.layoutManager().viewport()
    frame = slicer.util.findChildren(viewport, name="viewPrompt")[0]
    assert frame.isVisible() and viewport.rect.contains(frame.geometry)
    assert frame.geometry.top() < 10 and abs(frame.geometry.center().x() - viewport.width // 2) < 10
    sections.harness.app.layoutManager().viewport().resize(300, viewport.height)
    sections.context.prompt.show("What there is to do, in more words than fit into a line. " * 3, lambda: None)
    sections.harness.wait()
    label = slicer.util.findChildren(frame, name="viewPromptLabel")[0]
    assert viewport.rect.contains(frame.geometry) and label.height >= label.heightForWidth(label.width)


def test_a_drag_in_the_row_of_the_other_image_is_no_box_and_is_said(sections):
    sections.press("1")
    sections.drag("T2Axial")
    assert sections.asked() == "That was a T2 view. Drag the box in a T1 view."
    assert len(sections.study) == 0 and sections["drawT1Button"].checked
    sections.drag("T2Axial", (0.5, 0.5), (0.5, 0.5))
    sections.drag("T1Axial")
    assert len(sections.study) == 1 and not sections.asked()
    sections.drag("T2Axial")
    assert not sections.asked()


def test_a_drawing_in_a_view_that_is_not_shown_brings_the_two_rows(sections):
    sections.harness.app.layoutManager().setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutOneUpRedSliceView)
    sections.harness.wait()
    sections.press("2")
    sections.harness.wait(until=lambda: sections.draw.drag.started, seconds=30)
    assert sections.harness.app.layoutManager().sliceWidget("T2Axial").visible
    sections.drag("T2Axial")
    assert Side.T2 in only(sections).boxes


def test_the_partner_is_proposed_where_the_other_lesions_say(sections):
    sections.add_lesions(lesions()[:2])
    pair = draw(sections, "1", "T1Axial", start=(0.3, 0.5), end=(0.4, 0.6))
    assert pair.number == 3 and pair.state == "proposed"
    assert tuple(origins(pair)) == ("drawn", "predicted")
    assert np.allclose(np.subtract(pair.box(Side.T2).center_mm, pair.box(Side.T1).center_mm), SHIFT, atol=0.5)
    assert np.allclose(pair.box(Side.T2).direction, sections.context.image(Side.T2).GetDirection(), atol=1e-6)
    assert "linked lesion" in sections.text("placeLabel") and "mm" in sections.text("placeLabel")
    assert not sections.worker.transport.commands
    sections.press("Z")
    assert len(sections.study) == 2


def test_no_partner_is_proposed_when_not_wanted(sections):
    sections.add_lesions(lesions()[:2])
    sections.click("proposePartnerCheckBox")
    pair = draw(sections, "1", "T1Axial", start=(0.3, 0.5), end=(0.4, 0.6))
    assert Side.T2 not in pair.boxes and not sections.text("placeLabel")


def test_an_empty_study_is_annotated_without_any_model(sections):
    first = draw(sections, "1", "T1Axial")
    assert Side.T2 not in first.boxes and "Nothing is known yet" in sections.text("placeLabel")
    both = draw(sections, "3", "T2Axial")
    assert both.uid == first.uid
    assert (*origins(both), both.state) == ("drawn", "drawn", "accepted")
    assert not sections["drawPartnerButton"].enabled
    third = draw(sections, "2", "T2Coronal", start=(0.5, 0.4), end=(0.55, 0.5))
    assert third.boxes[Side.T1].origin == "predicted" and third.number == 2
    for _ in range(3):
        sections.press("Z")
    assert len(sections.study) == 0


def test_the_partner_of_a_prediction_is_drawn_in_its_place(sections):
    sections.add_lesions([lesion(1), lesion(2, (30, 10, 75), t2=PREDICTED)])
    sections.context.select("lesion-2")
    sections.press("3")
    assert sections.asked() == "Drag the T2 box of lesion 2."
    sections.drag("T2Coronal")
    pair = sections.study.pair("lesion-2")
    assert (pair.boxes[Side.T2].origin, pair.state) == ("drawn", "accepted")
    assert len(sections.study) == 2


def test_one_box_of_a_lesion_is_deleted(sections):
    sections.add_lesions()
    sections.click("deleteT2BoxButton")
    assert Side.T2 not in sections.study.pair("lesion-1").boxes
    assert not sections["deleteT2BoxButton"].enabled
    sections.click("deleteT1BoxButton")
    assert "lesion-1" not in sections.study
    sections.press("Z")
    sections.press("Z")
    assert Side.T2 in sections.study.pair("lesion-1").boxes


def test_a_drawing_for_a_lesion_deleted_meanwhile_is_left_off(sections):
    sections.add_lesions()
    sections.context.select("lesion-3")
    sections.press("3")
    sections.study.remove("lesion-3")
    sections.harness.wait()
    assert not sections.asked()
    sections.drag("T2Axial")
    assert len(sections.study) == 3 and not sections.problems


def test_the_network_is_asked_with_both_images_and_livers_and_its_answer_replaces_the_proposal(sections):
    segment_livers(sections)
    pair = draw(sections, "1", "T1Axial")
    assert pair.boxes[Side.T2].origin == "predicted"
    assert "The network is being asked." in sections.text("placeLabel")
    request = sections.worker.request
    assert ProposeRequest.parse(request).drawn().size_mm == pytest.approx(pair.box(Side.T1).size_mm)
    assert (sections.worker.job["job"], request["side"]) == ("propose", Side.T1)
    assert request["model"] == "lesion-pairs-t1t2"
    assert request["box"]["center_mm"] == pytest.approx(pair.box(Side.T1).center_mm)
    for name in (Side.T1, Side.T2, "t1_liver", "t2_liver"):
        assert sitk.ReadImage(request[name]).GetSize() == (40, 36, 14)
    answer = {
        "center_mm": [1.0, 2.0, 120.0],
        "size_mm": [20.0, 22.0, 24.0],
        "direction": list(pair.box(Side.T2).direction),
    }
    result = {"box": answer, "displacement_mm": [0, 0, 0], "score": 0.83}
    sections.worker.transport.say(ResultEvent(sections.worker.job["id"], result))
    sections.harness.wait()
    proposed = sections.study.pair(pair.uid)
    assert proposed.box(Side.T2).center_mm == pytest.approx((1, 2, 120), abs=1e-3)
    assert (origins(proposed)[1], scores(proposed)[1], proposed.state) == ("predicted", 0.83, "proposed")
    assert sections.text("placeLabel") == "Placed by the network, which gives it a score of 0.83."
    assert not Path(request[Side.T1]).exists()
    sections.press("Z")
    assert sections.study.pair(pair.uid).box(Side.T2).center_mm == pytest.approx(pair.box(Side.T2).center_mm, abs=1e-3)


def test_a_network_that_sees_one_image_at_a_time_is_not_asked_and_the_livers_say_where_the_partner_is(sections):
    bundle = Catalogue().find("lesions-real")
    sections.context._bundles = lambda: {bundle.name: bundle}
    segment_livers(sections)
    sections.context.parameterNode.model = bundle.name
    sections.harness.wait()
    assert "looks at each image alone" in sections["proposePartnerCheckBox"].toolTip
    pair = draw(sections, "1", "T1Axial")
    assert pair.boxes[Side.T2].origin == "predicted" and not sections.problems
    assert [command for command in sections.worker.transport.commands if command.get("job") == "propose"] == []
    way = np.subtract(pair.box(Side.T2).center_mm, pair.box(Side.T1).center_mm)
    offset = offset_t1_to_t2(*(sections.context.livers(side) for side in Side))
    assert way == pytest.approx(offset, abs=1e-3)
    assert "liver" in sections.text("placeLabel")


def test_an_answer_does_not_move_a_box_that_somebody_has_moved_meanwhile(sections):
    segment_livers(sections)
    pair = draw(sections, "1", "T1Axial")
    moved = pair.box(Side.T2).moved((5, 5, 5))
    sections.study.set_box(pair.uid, Side.T2, moved)
    answer = {
        "center_mm": [1.0, 2.0, 120.0],
        "size_mm": [20.0, 22.0, 24.0],
        "direction": list(pair.box(Side.T2).direction),
    }
    sections.worker.transport.say(ResultEvent(sections.worker.job["id"], {"box": answer, "score": None}))
    sections.harness.wait()
    assert sections.study.pair(pair.uid).box(Side.T2).center_mm == pytest.approx(moved.center_mm, abs=1e-3)
    assert not sections.problems


@pytest.mark.parametrize("what", ["error", "cancelled", "deleted"])
def test_a_network_that_does_not_answer_leaves_the_proposal(sections, what):
    segment_livers(sections)
    pair = draw(sections, "1", "T1Axial")
    job = sections.worker.job["id"]
    if what == "deleted":
        sections.study.remove(pair.uid)
        event = ResultEvent(job, {"box": {"center_mm": [0, 0, 0], "size_mm": [1, 1, 1], "direction": [1, 0, 0, 0, 1, 0, 0, 0, 1]}})  # fmt: skip # noqa: E501
    else:
        event = ErrorEvent(job, "memory", "Too little memory.") if what == "error" else CancelledEvent(job)
    sections.worker.transport.say(event)
    sections.harness.wait()
    if what == "deleted":
        assert len(sections.study) == 0
    else:
        assert only(sections) == pair
        assert "about" in sections.text("placeLabel")
        assert ("Too little memory." in sections.text("placeLabel")) == (what == "error")
    assert not sections.problems


def test_why_a_box_is_unmatched_is_shown_with_the_nearest_boxes(sections):
    sections.add_lesions()
    assert not sections.text("unmatchedLabel")
    sections.study.put(replace(sections.study.pair("lesion-2"), state="rejected"))
    sections.study.put(replace(sections.study.pair("lesion-1"), state="rejected"))
    sections.context.select("lesion-3")
    assert "Where it should be in T2 is not known." in sections.text("unmatchedLabel")
    sections.press("Z")
    sections.press("Z")
    assert "seen in T1 only" in sections.text("lesionLabel")
    assert "enough to link them" in sections.text("unmatchedLabel")
    box = sections["candidatesComboBox"]
    texts = [box.itemText(row) for row in range(box.count)]
    assert texts[0] == "Boxes in T2 near there: 3"
    assert [text.partition(":")[0] for text in texts[1:]] == ["Lesion 4", "Lesion 2", "Lesion 1"]
    assert texts[1].startswith("Lesion 4: 4 mm away, overlap 0.") and texts[1].endswith("no partner")
    assert texts[2].endswith("overlap 0.00, has a partner")


def test_a_candidate_is_looked_at_and_linked(sections):
    sections.add_lesions()
    sections.context.select("lesion-3")
    assert not sections["linkCandidateButton"].enabled
    box = sections["candidatesComboBox"]
    sections.harness.choose(box, box.itemText(1))
    offset = sections.harness.slice_view("T2Axial").mrmlSliceNode().GetSliceOffset()
    assert offset == pytest.approx(92 + SHIFT[2], abs=1)
    sections.click("linkCandidateButton")
    assert len(sections.study) == 3
    assert np.allclose(sections.study.pair("lesion-3").box(Side.T2).center_mm, np.add((-18, 27, 92), SHIFT), atol=1e-3)
    assert not sections.text("unmatchedLabel")


def test_why_unmatched_without_widgets(sections):
    from LesionPairDetectLib.candidates import explain
    from liverpair.registration.places import PlaceMap

    pairs = lesions()
    assert explain(pairs[0], pairs, PlaceMap(pairs)) is None
    assert explain(pairs[2], pairs, PlaceMap()) is None
    alone = [pairs[2]]
    shifted = PlaceMap(alone, offset_t1_to_t2_mm=SHIFT)
    assert explain(pairs[2], alone, shifted).sentence == "There is no other box in T2."
    far = [pairs[2], lesion(5, (60, 60, 60), (Side.T2,)), lesion(6, (-20, 30, 90), state="rejected")]
    found = explain(pairs[2], far, shifted)
    assert [each.number for each in found.candidates] == [5]
    assert found.sentence.startswith("No box in T2 overlaps it; the nearest, of lesion 5, is 91 mm away.")
    near = [pairs[2], lesion(7, (-4, 30, 90), (Side.T2,))]
    assert (
        "more than 0.20 is needed" in explain(pairs[2], near, PlaceMap(near, offset_t1_to_t2_mm=(-14, 8, 30))).sentence
    )
    taken = [pairs[2], lesion(8, (-20, 30, 90))]
    assert explain(pairs[2], taken, shifted).sentence == ("It overlaps lesion 8 by 1.00, which has a partner already.")
    back = explain(pairs[3], [pairs[3], lesion(9, (-18, 27, 92), (Side.T1,))], shifted)
    assert (back.side, back.candidates[0].overlap) == (Side.T2, pytest.approx(1))
    predicted = lesion(10, (-20, 30, 90), t2=PREDICTED)
    assert explain(predicted, [predicted], PlaceMap()).source == "Its predicted box is compared."
