"""The section Review: a key, and a button, for every decision about a lesion."""

import numpy as np
import pytest
import slicer
from lesion_sections_factory import DRAWN, PREDICTED, SHIFT, clean_cache, lesion, lesions, sections, views  # noqa: F401

from liverpair.core.sides import Side


def state(sections, number: int) -> str:
    return next(pair.state for pair in sections.study.pairs() if pair.number == number)


def test_an_empty_study_offers_nothing_to_review(sections):
    assert "No lesion yet" in sections.text("lesionLabel")
    for name in ("acceptLesionButton", "nextLesionButton", "undoButton", "deleteLesionButton"):
        assert not sections[name].enabled
    assert sections["acceptLesionButton"].toolTip == "<p>There is no lesion yet.</p>"
    sections.press("A")
    assert sections.problems == ["There is no lesion yet."]


def test_every_key_is_shown_on_its_button(sections):
    from LesionPairDetectLib.reviewsection import ACTIONS

    assert len({key for _button, key in ACTIONS.values()}) == len(ACTIONS)
    for button, key in ACTIONS.values():
        assert sections[button].text.endswith(f"({key})")


def test_keys_walk_through_the_lesions_and_round(sections):
    sections.add_lesions()
    walked = []
    for key in "SSSSWW":
        sections.press(key)
        walked.append(sections.number())
    assert walked == [2, 3, 4, 1, 4, 3]
    assert "Lesion 3" in sections.text("lesionLabel") and "seen in T1 only" in sections.text("lesionLabel")


def test_hidden_lesions_are_passed_over(sections):
    sections.add_lesions([*lesions()[:2], lesion(3, (-20, 30, 90), (Side.T1,), t1={"score": 0.2})])
    sections.study.filter(display_threshold=0.5)
    sections.press("S")
    sections.press("S")
    assert sections.number() == 1


def test_both_rows_of_views_go_to_the_lesion(sections):
    sections.add_lesions()
    sections.press("S")
    center = np.array((10, 10, 75))
    for view, place in (("T1Axial", center), ("T2Axial", center + SHIFT)):
        assert sections.harness.slice_view(view).mrmlSliceNode().GetSliceOffset() == pytest.approx(place[2], abs=1)


def test_accept_and_reject_are_one_undo_step_each(sections):
    sections.add_lesions()
    sections.press("A")
    assert state(sections, 1) == "accepted"
    assert sections.said[-1] == "Lesion 1 is accepted."
    sections.press("S")
    sections.press("D")
    assert state(sections, 2) == "rejected"
    assert sections["undoButton"].toolTip == "<p>Take back: Reject</p>"
    sections.press("Z")
    assert (state(sections, 1), state(sections, 2)) == ("accepted", "proposed")
    sections.press("Z")
    assert state(sections, 1) == "proposed"
    sections.press("Shift+Z")
    assert state(sections, 1) == "accepted"
    assert sections.said[-1] == "Done again: Accept."


def test_review_goes_on_by_itself_when_asked(sections):
    sections.add_lesions()
    sections.click("advanceCheckBox")
    for key in "AADA":
        sections.press(key)
    assert [pair.state for pair in sections.study.pairs()] == ["accepted", "accepted", "rejected", "accepted"]


def test_split_makes_two_lesions_that_can_be_linked_again(sections):
    sections.add_lesions()
    sections.press("Q")
    kinds = {pair.number: (Side.T1 in pair.boxes, Side.T2 in pair.boxes) for pair in sections.study.pairs()}
    assert kinds == {1: (True, False), 2: (True, True), 3: (True, False), 4: (False, True), 5: (False, True)}
    assert sections.number() == 1
    assert not sections["splitLesionButton"].enabled
    assert sections["splitLesionButton"].toolTip == "<p>Lesion 1 has one box only.</p>"
    sections.press("E")
    sections.context.select(next(pair.uid for pair in sections.study.pairs() if pair.number == 5))
    pair = sections.study.pair("lesion-1")
    assert Side.T1 in pair.boxes and Side.T2 in pair.boxes
    assert len(sections.study) == 4


def shown(sections) -> list[int]:
    """Numbers of the lesions whose boxes are on the screen."""
    nodes = {(pair.number, side): sections.study.node(pair.uid, side)
             for pair in sections.study.pairs() for side in Side}  # fmt: skip
    return sorted({number for (number, _side), node in nodes.items()
                   if node is not None and node.GetDisplayNode().GetVisibility()})  # fmt: skip


def test_both_halves_of_a_split_lesion_stay_shown_whatever_their_own_scores(sections):
    sections.add_lesions([lesion(1, (-40, -30, 60), t1={"score": 0.3}), *lesions()[1:]])
    sections.study.filter(display_threshold=0.5)
    sections.press("Q")
    assert sections.number() == 1 and shown(sections) == [1, 2, 3, 4, 5]
    sections.press("W")
    assert sections.number() == 5
    sections.study.filter(display_threshold=0.5)
    assert shown(sections) == [1, 2, 3, 4, 5]
    sections.study.filter(display_threshold=0.6)
    assert shown(sections) == [2, 3, 4, 5]


def test_a_box_whose_partner_is_deleted_or_linked_away_stays_shown(sections):
    sections.add_lesions([lesion(1, (-40, -30, 60), t1={"score": 0.3}), *lesions()[1:]])
    sections.study.filter(display_threshold=0.5)
    sections.review.reviewer.deleteSide(Side.T2)
    assert shown(sections) == [1, 2, 3, 4]
    sections.study.undo()
    sections.study.filter(display_threshold=0.4)
    sections.review.reviewer.linkWith("lesion-3", "lesion-1")  # lesion 1 keeps its T1 box, of 0.3
    assert shown(sections) == [1, 2, 3, 4]


def test_next_and_previous_go_on_from_the_place_of_a_lesion_that_the_filter_hides(sections):
    sections.add_lesions([lesion(1, (-40, -30, 60)), lesion(2, (10, 10, 75), t1={"score": 0.2}, t2={"score": 0.2}),
                          lesion(3, (-20, 30, 90)), lesion(4, (50, 0, 70))])  # fmt: skip
    for key, number in (("S", 3), ("W", 1)):
        sections.context.select("lesion-2")
        sections.study.filter(display_threshold=0.5)
        sections.press(key)
        assert sections.number() == number
        sections.context.select("lesion-2")
        sections.context.select(None)
        sections.press(key)
        assert sections.number() == number


def test_a_lesion_that_vanishes_when_it_is_rejected_gives_way_to_the_next(sections):
    sections.add_lesions()
    sections.study.filter(hide_rejected=True)
    sections.press("D")
    assert state(sections, 1) == "rejected" and sections.number() == 2


def test_undo_asks_before_it_takes_back_a_detection(sections):
    from LesionPairDetectLib.detectionrun import DETECTION_STEP

    with sections.study.action(DETECTION_STEP):
        sections.study.replace_all(lesions())
    sections.context.select("lesion-1")
    sections.press("A")
    assert sections["undoButton"].toolTip == "<p>Take back: Accept</p>"
    sections.press("Z")
    assert sections["undoButton"].toolTip == "<p>Take back: Detect lesions. You are asked first: its lesions go</p>"
    sections.harness.answer("Cancel")
    sections.press("Z")
    assert len(sections.study) == 4
    assert "Undo has come to the step 'Detect lesions'. Take it back?" in sections.harness.dialogs()[-1].text
    sections.harness.answer("OK")
    sections.click("undoButton")
    assert len(sections.study) == 0
    sections.press("Shift+Z")
    assert len(sections.study) == 4 and len(sections.harness.dialogs()) == 2


def test_accepting_a_drawn_lesion_accepts_the_partner_that_was_proposed(sections):
    drawn = {"t1": DRAWN, "t2": {"score": 0.4, "origin": "predicted"}}
    found = {"t2": PREDICTED}
    sections.add_lesions([lesion(1, **drawn), lesion(2, (50, 0, 70), **found)])
    assert "seen in T1, proposed in T2 · proposed" in sections.text("lesionLabel")
    sections.press("A")
    assert "seen in T1 and T2 · accepted" in sections.text("lesionLabel")
    accepted = sections.study.pair("lesion-1")
    assert (accepted.boxes[Side.T2].origin, accepted.boxes[Side.T2].score, accepted.state) == ("drawn", 0.4, "accepted")
    sections.press("Z")
    assert sections.study.pair("lesion-1").boxes[Side.T2].origin == "predicted" and state(sections, 1) == "proposed"
    sections.press("S")
    sections.press("A")
    assert sections.study.pair("lesion-2").boxes[Side.T2].origin == "predicted"


def test_one_lesion_is_no_plural(sections):
    sections.add_lesions(lesions()[:1])
    sections.context.select(None)
    assert sections.text("lesionLabel") == "Lesions: 1. Choose one to review it."


def test_link_asks_for_the_other_lesion_and_takes_the_next_one_chosen(sections):
    sections.add_lesions()
    sections.context.select("lesion-3")
    sections.click("linkLesionButton")
    assert sections.asked() == "Choose the lesion whose T2 box belongs to lesion 3."
    assert sections["linkLesionButton"].checked
    sections.context.select("lesion-4")
    assert not sections.asked() and not sections["linkLesionButton"].checked
    linked = sections.study.pair("lesion-3")
    assert np.allclose(linked.box(Side.T2).center_mm, np.add((-18, 27, 92), SHIFT), atol=1e-3)
    assert len(sections.study) == 3
    assert sections.number() == 3
    sections.press("Z")
    assert len(sections.study) == 4


def test_a_lesion_seen_in_t2_only_takes_the_t1_box_of_the_other(sections):
    sections.add_lesions()
    sections.context.select("lesion-4")
    sections.press("E")
    assert "whose T1 box belongs to lesion 4" in sections.asked()
    sections.context.select("lesion-3")
    both = [pair for pair in sections.study.pairs() if not pair.missing]
    assert len(both) == 3 and len(sections.study) == 3


def test_linking_two_boxes_of_one_image_is_refused_and_nothing_changes(sections):
    sections.add_lesions([lesion(1, sides=(Side.T1,)), lesion(2, (40, 0, 60), (Side.T1,))])
    before = sections.study.pairs()
    sections.press("E")
    sections.context.select("lesion-2")
    assert sections.problems[-1].startswith("Lesions 1 and 2 are both seen in T1 only.")
    assert sections.study.pairs() == before


def test_linking_is_left_off_with_escape_the_same_key_and_cancel(sections, views):
    sections.add_lesions()
    before = sections.study.pairs()
    for leave in (
        lambda: sections.press("Esc"),
        lambda: sections.press("E"),
        sections.leave_off,
    ):
        sections.press("E")
        assert sections.asked()
        leave()
        assert not sections.asked()
    sections.context.select("lesion-3")
    assert sections.study.pairs() == before


def test_a_lesion_deleted_while_it_waits_for_a_partner_is_forgotten(sections):
    sections.add_lesions()
    sections.press("E")
    sections.study.remove("lesion-1")
    sections.context.select("lesion-2")
    assert not sections.asked()
    assert len(sections.study) == 3 and not sections.problems


def test_swap_exchanges_the_partners(sections):
    sections.add_lesions()
    partners = [sections.study.pair(uid).box(Side.T2).center_mm for uid in ("lesion-1", "lesion-2")]
    sections.press("C")
    assert "exchanges its T2 box with lesion 1" in sections.asked()
    sections.context.select("lesion-2")
    swapped = [sections.study.pair(uid).box(Side.T2).center_mm for uid in ("lesion-2", "lesion-1")]
    assert np.allclose(swapped, partners, atol=1e-3)
    sections.press("C")
    sections.context.select("lesion-3")
    assert sections.problems[-1] == "Lesion 3 has one box only; there is no partner to swap."


def test_delete_takes_both_boxes_and_undo_brings_them_back(sections):
    sections.add_lesions()
    before = sections.study.pairs()
    sections.press("X")
    assert [pair.number for pair in sections.study.pairs()] == [2, 3, 4]
    assert sections.number() == 2
    sections.press("Z")
    assert sections.study.pairs() == before
    for _ in range(4):
        sections.context.select(sections.study.pairs()[-1].uid)
        sections.press("X")
    assert len(sections.study) == 0 and sections.number() is None
    assert not sections["deleteLesionButton"].enabled


def test_a_box_deleted_elsewhere_is_noticed(sections):
    sections.add_lesions()
    slicer.mrmlScene.RemoveNode(sections.study.node("lesion-1", Side.T2))
    sections.harness.wait()
    assert "seen in T1 only" in sections.text("lesionLabel")
    sections.press("Z")
    assert "seen in T1 and T2" in sections.text("lesionLabel")


def test_keys_type_text_while_a_field_has_the_focus(sections):
    sections.add_lesions()
    sections.harness.type_text(sections["noteLineEdit"], "a wedge, asked")
    assert sections.study.pair("lesion-1").note == "a wedge, asked"
    assert sections.number() == 1 and state(sections, 1) == "proposed"
    sections["noteLineEdit"].setFocus()
    sections.press("A", sections["noteLineEdit"])
    sections.press("X", sections["noteLineEdit"])
    assert sections["noteLineEdit"].text == "a wedge, askedax"
    assert len(sections.study) == 4 and state(sections, 1) == "proposed"
    sections["acceptLesionButton"].setFocus()
    sections.harness.wait()
    sections.press("A")
    assert state(sections, 1) == "accepted"
    assert sections.study.pair("lesion-1").note == "a wedge, askedax"


def test_a_note_belongs_to_the_lesion_it_was_written_for(sections):
    sections.add_lesions()
    sections.harness.type_text(sections["noteLineEdit"], "first")
    sections["acceptLesionButton"].setFocus()
    sections.press("S")
    assert sections["noteLineEdit"].text == ""
    sections.press("W")
    assert sections["noteLineEdit"].text == "first"
    sections.press("Z")
    assert sections["noteLineEdit"].text == ""


def test_no_key_is_left_behind_when_the_module_is_left(sections):
    import qt

    def bound():
        window = slicer.util.mainWindow()
        return sorted(s.key.toString() for s in window.findChildren(type(shortcut)) if s.isEnabled())

    shortcut = qt.QShortcut(qt.QKeySequence("F12"), slicer.util.mainWindow())
    assert "A" in bound() and "Shift+Z" in bound()
    sections.add_lesions()
    sections.press("E")
    assert "Esc" in bound()
    sections.exit()
    sections.harness.wait()
    assert bound() == ["F12"]
    sections.press("A")
    assert state(sections, 1) == "proposed"
    sections.enter()
    sections.enter()
    sections.press("A")
    assert state(sections, 1) == "accepted"
    shortcut.deleteLater()


def test_buttons_do_what_keys_do(sections):
    sections.add_lesions()
    for name, expected in (("nextLesionButton", 2), ("nextLesionButton", 3), ("previousLesionButton", 2)):
        sections.click(name)
        assert sections.number() == expected
    sections.click("rejectLesionButton")
    sections.click("undoButton")
    sections.click("redoButton")
    assert state(sections, 2) == "rejected"


def test_without_a_study_the_section_says_what_is_missing(sections):
    sections.add_lesions()
    sections.context.parameterNode.t1Volume = sections.context.parameterNode.t2Volume = None
    sections.harness.wait()
    assert "No lesion yet" in sections.text("lesionLabel")
    assert not sections["acceptLesionButton"].enabled
    assert "Choose a T1 or a T2 volume." in sections["acceptLesionButton"].toolTip
    sections.press("A")
    assert sections.problems == ["Choose a T1 or a T2 volume."]
