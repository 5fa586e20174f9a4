"""The panel of LesionPairDetect on a small screen: nothing is cut off, and nothing lies on something else."""

import pytest
from lesion_pair_detect_factory import found, panel  # noqa: F401
from lesion_sections_factory import lesion

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
