"""The panels on screens of real sizes, in English and in a language whose words are half as long again.

A device scale is chosen when a process starts: `QT_SCALE_FACTOR` is the one of this process, and the last test runs the
others in processes of their own.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import slicer
from bundle_factory import write_bundle
from deep_dream_inspector_factory import MODULE as DEEP_DREAM_INSPECTOR
from lesion_pair_detect_factory import MODULE as LESION_PAIR_DETECT
from liver_multimodal_factory import MODULE as LIVER_MULTIMODAL
from liver_multimodal_factory import liver_image
from peak_detector import write_peak_bundle

from liverpair.mrml import volumes
from Testing.harness import start
from Testing.harness.appearance import faults

SCREENS = {
    "1.0": ((1280, 800), (1920, 1080), (3840, 2160)),
    "1.5": ((1920, 1080), (3840, 2160)),
    "2.0": ((3840, 2160),),
}
"""By device scale: the screens, in their own pixels, that leave a window room for a panel and two rows of views."""
SCALE = os.environ.get("QT_SCALE_FACTOR", "1.0")
WIDEST_PANEL = 400
FURNITURE = 260
"""Height that Slicer keeps for its title, menus and tool bars, and for the lines above and below a panel."""
LONG_NAME = "601: AX T{} SPIR dyn BH 4 mm gap 0.4 (SENSE) [mm] late phase"
SENTENCE = "T2 has 3 components; LiverPair needs a scalar volume. Make one in the module Vector to Scalar Volume."
ENDING = "ationenlich"
MODULES = {path.stem: path for path in (LIVER_MULTIMODAL, LESION_PAIR_DETECT, DEEP_DREAM_INSPECTOR)}


def longer(text: str) -> str:
    """A text with each word half as long again; placeholders, tags and entities stay."""
    kept = r"\{[^}]*\}|<[^>]+>|&\w+;|%\w|https?:\S+"
    return re.sub(
        rf"({kept})|([^\W\d_]{{2,}})", lambda found: found[1] or found[2] + ENDING[: -(-len(found[2]) // 2)], text
    )


def screens() -> list[tuple[int, int]]:
    """Width and height of the screens of this scale in the pixels that widgets are measured in."""
    return [tuple(round(size / float(SCALE)) for size in screen) for screen in SCREENS[SCALE]]


def test_words_become_half_as_long_again_and_placeholders_stay():
    assert longer("Keep {count} <b>parts</b> of T1…") == "Keepat {count} <b>partsati</b> ofa T1…"


@pytest.fixture(params=["English", "longer words"])
def language(request):
    return request.param


@pytest.fixture(params=MODULES)
def window(request, language, tmp_path, monkeypatch):
    """The window with a module's panel, two volumes with long names and models of each task; all parts unfolded."""
    monkeypatch.setenv("LIVERPAIR_BUNDLES", str(tmp_path / "models"))
    monkeypatch.setenv("LIVERPAIR_CACHE", str(tmp_path / "cache"))
    write_bundle(tmp_path / "models" / "small-segmentation-of-both-images", strategy="single")
    write_peak_bundle(tmp_path / "models" / "peaks")
    running = start()
    running.reset()
    for number in (1, 2):
        volumes.node_from_image(liver_image(), LONG_NAME.format(number)).CreateDefaultDisplayNodes()
    slicer.i18n.set_translation(longer if language == "longer words" else None)
    for name, path in MODULES.items():
        running.load_module(path, show=name == request.param)
    for part in slicer.util.findChildren(running.main_window.harness_panel(), className="ctkCollapsibleButton"):
        part.collapsed = False
    yield running.main_window
    running.check()
    running.main_window.resize(1320, 860)
    running.reset()


def test_a_panel_fits_400_pixels_and_the_window_every_screen(window):
    for width, height in screens():
        window.resize(width, height)
        start().wait(seconds=0.1)
        assert window.harness_panel().minimumSizeHint().width() <= WIDEST_PANEL, widest_parts(window.harness_panel())
        assert window.width <= width and window.height <= height


def test_nothing_overlaps_and_no_text_is_cut_off(window):
    wrong = []
    for width, height in screens():
        window.resize(width, height)
        for panel_width in (WIDEST_PANEL, 560):
            window.harness_set_panel_width(panel_width)
            start().wait(seconds=0.1)
            wrong += [f"{panel_width} of {width} x {height}: {fault}" for fault in faults(window.harness_panel())]
    assert wrong == [], "\n".join(wrong)


def test_no_line_of_text_floats_in_a_gap_on_a_high_screen(window):
    window.resize(*max(screens()))
    start().wait(seconds=0.1)
    for label in slicer.util.findChildren(window.harness_panel(), className="QLabel"):
        if label.isVisible() and label.objectName == "" and label.text.startswith("<b>"):
            assert label.height <= 2 * label.fontMetrics().lineSpacing(), label.text


def test_what_is_unfolded_is_scrolled_into_sight(window):
    window.resize(1280, 800 - FURNITURE)
    start().wait(seconds=0.1)
    details = start().widget("detailsButton")
    details.collapsed = True
    start().wait(seconds=0.1)
    window.harness_reveal(start().widget("applyButton"))
    start().wait()
    start().click(details)
    start().wait(seconds=0.3)
    assert window.harness_sees_top(details) or window.harness_sees(details)


def test_long_sentences_push_down_what_is_below_them(window):
    window.resize(1280, 800)
    window.harness_set_panel_width(WIDEST_PANEL)
    start().wait(seconds=0.5)  # the sections show anew what they have when the views get another size
    labels = [label for label in slicer.util.findChildren(window.harness_panel(), className="QLabel") if label.wordWrap]
    for label in labels:
        part = label
        while part is not window.harness_panel():
            part.visible = True
            part = part.parent()
        label.text = SENTENCE
    start().wait(seconds=0.2)
    assert all(label.isVisible() for label in labels)
    wrong = faults(window.harness_panel())
    assert wrong == [], "\n".join(wrong)


def test_the_button_that_starts_a_run_can_be_reached(window):
    window.resize(1280, 800)
    button = start().widget("applyButton")
    window.harness_reveal(button)
    start().wait()
    assert window.harness_sees(button)


def test_the_liver_is_segmented_without_scrolling_on_a_small_screen(language, tmp_path):
    running = start()
    running.reset()
    slicer.i18n.set_translation(longer if language == "longer words" else None)
    running.load_module(LIVER_MULTIMODAL)
    running.main_window.resize(1280, 800 - FURNITURE)
    running.wait(seconds=0.1)
    assert running.main_window.harness_sees(running.widget("applyButton"))
    running.main_window.resize(1320, 860)
    running.reset()


@pytest.mark.skipif("QT_SCALE_FACTOR" in os.environ, reason="this is the process of one scale")
@pytest.mark.parametrize("scale", [scale for scale in SCREENS if scale != "1.0"])
def test_the_same_holds_at_other_scales(scale):
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(Path(__file__))],
        env={**os.environ, "QT_SCALE_FACTOR": scale},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout[-6000:]


def widest_parts(panel) -> str:
    """The parts of a panel that need most room, for the message of a test that fails."""
    parts = [(part.minimumSizeHint().width(), part.objectName) for part in slicer.util.findChildren(panel)
             if part.inherits("QWidget")]  # fmt: skip
    return str(sorted(parts, reverse=True)[:12])
