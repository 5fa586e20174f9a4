"""The panel of LesionPairDetect on a small screen: nothing is cut off, and nothing lies on something else."""

import math
from datetime import datetime

import pytest
from lesion_pair_detect_factory import found, panel  # noqa: F401
from lesion_sections_factory import lesion
from PySide6.QtGui import QIcon

from liverpair.core.sides import Side
from Testing.harness.appearance import faults

NARROW = 400


@pytest.fixture
def narrow(panel):
    """The panel as narrow as Slicer makes it beside views on a screen of 1280 pixels, with lesions in it."""
    panel.add_pair()
    panel.add_lesions()
    panel.parameters.displayThreshold = 0.0
    panel.harness.main_window.harness_set_panel_width(NARROW)
    panel.harness.wait(seconds=0.4)
    return panel.widget.parent


def test_the_panel_shrinks_to_400_pixels_and_nothing_is_cut_off(panel, narrow):
    assert narrow.minimumSizeHint().width() <= narrow.width <= NARROW
    for uid in ("lesion-1", "lesion-3"):  # one with a partner, and one with candidates for it
        panel.context.select(uid)
        panel.harness.wait()
        assert faults(narrow) == []


def test_long_names_and_paths_do_not_make_the_panel_wider(panel, narrow):
    name = "t1_vibe_dixon_tra_bh_p4_pre_contrast_W_liver_upper_abdomen_" * 2
    panel.context.volume(Side.T1).SetName(name)
    panel.widget.say(f"Lesions written to '/home/{name}/lesions.json': 4.")
    panel.logic.status = f"'/home/{name}/lesions.json' cannot be read."
    panel.enter()
    panel.widget.say(f"Lesions written to '/home/{name}/lesions.json': 4.")
    panel.harness.wait()
    assert narrow.minimumSizeHint().width() <= NARROW


def test_sums_that_get_more_lines_do_not_lie_on_the_table(panel):
    panel.add_pair()
    panel.harness.wait(seconds=0.4)
    section = panel.section("Lesions").widget
    panel.study.add([*found(), lesion(5, (0, 0, 30), state="rejected", t1={"score": 0.1}, t2={"score": 0.1})])
    panel.parameters.displayThreshold = 0.5
    assert len(panel["sumsLabel"].text.splitlines()) == 4
    panel["sumsLabel"].parentWidget().layout().activate()  # as Slicer does, before the panel has got higher
    assert faults(section) == []


def test_the_line_of_the_panel_has_its_place_so_that_nothing_jumps(panel):
    panel.add_pair()
    panel.harness.wait()
    place = panel["lesionsTable"].mapTo(panel.widget.parent, panel["lesionsTable"].rect.topLeft())
    panel.widget.say("Lesion 3 was split: T1 is lesion 3 now, T2 is lesion 8.")
    panel.harness.wait()
    assert panel["statusLabel"].isVisible()
    assert panel["lesionsTable"].mapTo(panel.widget.parent, panel["lesionsTable"].rect.topLeft()) == place


def test_what_a_crash_has_left_is_offered_on_top_of_the_panel(panel):
    panel.add_pair()
    panel.harness.wait()
    files = panel.section("Exchange")
    files.autosave.leftBehind = [(files.autosave.path, datetime(2026, 11, 30, 6, 0), found())]
    panel.context.tell("boxes")
    panel.harness.wait()
    banner = panel["recoveredFrame"]
    inputs = panel["inputsButton"]
    places = [part.mapTo(panel.widget.parent, part.rect.topLeft()).y() for part in (banner, inputs)]
    assert places == sorted(places)
    assert panel.harness.main_window.harness_sees(banner)
    files.autosave.leftBehind = []
    panel.context.tell("boxes")
    assert not banner.isVisible()


def test_the_buttons_for_masks_are_in_sight_on_a_screen_of_800_lines(panel):
    panel.harness.main_window.resize(1280, 800)
    panel.harness.select("LesionPairDetect")
    panel.add_pair()
    panel.add_lesions()
    panel.widget.foldInputs()
    panel.context.select("lesion-1")
    panel.widget.say("Masks drawn: 5 by brightness in the box, 3 by lesions-real 1.0.0. Correct them with Edit.")
    panel.harness.wait(seconds=0.4)
    assert panel.harness.main_window.harness_sees(panel["maskButton"])


def test_the_color_of_a_lesion_is_seen_in_the_chosen_row_too(panel):
    panel.add_pair()
    panel.add_lesions()
    panel.harness.wait(seconds=0.4)
    icon = panel["lesionsTable"].item(0, 0).icon()
    shown = [icon.pixmap(14, 14, mode).toImage().pixelColor(7, 7).name() for mode in (QIcon.Normal, QIcon.Selected)]
    assert shown == ["#e69f00", "#e69f00"]


def test_the_shift_of_a_lesion_is_told_beside_that_of_the_whole_liver(panel):
    panel.add_pair()
    panel.add_lesions()
    panel.context.select("lesion-1")
    assert "Shift" not in panel["lesionLabel"].text
    for side, liver in panel.add_livers().items():
        setattr(panel.parameters, f"{side}Liver", liver)
    panel.harness.wait(seconds=0.4)
    panel.context.select("lesion-2")
    panel.context.select("lesion-1")
    liver = math.hypot(*panel.context.liverShift)
    assert f"Shift 33 mm; the whole liver: {liver:.0f} mm (position, breathing)" in panel["lesionLabel"].text


def test_the_table_and_the_outlines_follow_a_window_that_is_resized(panel):
    window, before = panel.harness.main_window, panel.harness.main_window.size
    panel.add_pair()
    liver = panel.add_livers()[Side.T1].GetDisplayNode()
    panel.section("Reading").onShowPair()
    seen = []
    for height in (800, 1000, 1900):
        window.resize(1920, height)
        panel.harness.wait(seconds=0.5)
        seen.append((panel["lesionsTable"].height, liver.GetSliceIntersectionThickness()))
    window.resize(before)
    panel.harness.wait(seconds=0.5)
    assert seen == [(102, 2), (146, 2), (330, 4)]
