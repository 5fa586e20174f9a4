"""What to do next stands on top of the panel, and everything for reading is on a screen of 1080 lines."""

from lesion_pair_detect_factory import panel  # noqa: F401

from liverpair.core.sides import Side


def told(panel) -> tuple[str, str]:
    button = panel["nextButton"]
    return panel["nextLabel"].text, "" if button.isHidden() else button.text


def test_the_next_step_leads_from_the_volumes_to_the_report(panel, tmp_path):
    assert panel["nextFrame"].isHidden(), "the part Run says what is missing"
    panel.add_pair()
    assert told(panel) == ("Detect lesions, or draw the first.", "")
    panel.add_lesions()
    panel.parameters.displayThreshold = 0.0
    panel.harness.wait(seconds=0.2)
    assert told(panel) == ("Lesions read: 0 of 4.", "Next unread (N)")
    panel.click("nextButton")
    assert panel.context.selectedUid == "lesion-1"
    panel.study.set_state("lesion-1", "accepted")
    panel.study.set_state("lesion-2", "rejected")
    panel.harness.wait()
    panel.click("nextButton")
    assert panel.context.selectedUid == "lesion-3"
    for uid in ("lesion-3", "lesion-4"):
        panel.study.set_state(uid, "rejected")
    panel.harness.wait(seconds=0.2)
    assert told(panel) == ("All read. Without a mask: 1.", "Draw masks (N)")
    panel.harness.press("N")
    assert panel.worker.job["job"] == "masks"
    panel.worker.work()
    panel.harness.wait(seconds=0.5)
    assert told(panel) == ("All read and drawn.", "Report… (N)")
    panel.harness.answer(str(tmp_path))
    panel.click("nextButton")
    assert panel.worker.job["job"] == "report" and panel.worker.request["output"] == str(tmp_path)
    panel.worker.cancelled()


def test_all_that_reading_needs_is_visible_without_scrolling_at_1080_lines(panel):
    panel.add_pair()
    panel.add_lesions()
    panel["detailsButton"].collapsed = True
    panel.context.foldInputs()
    panel.harness.main_window.resize(1920, 1080)
    panel.context.select("lesion-1")
    panel.harness.wait(seconds=0.5)
    window = panel.harness.main_window
    reading = ("nextLabel", "lesionsTable", "sumsLabel", "acceptLesionButton", "noteLineEdit", "drawT1Button")
    for name in (*reading, "maskButton", "editT2MaskButton", "visitsSectionButton", "detailsButton"):
        widget = panel[name]
        below = widget.mapTo(window, widget.rect.bottomLeft()).y()
        assert widget.isVisible() and 0 < below < 1060, name
    assert panel.context.volume(Side.T1) is not None
