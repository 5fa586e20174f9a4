"""What a reader's session costs: clicks and keys are counted, and nobody has to scroll on a screen of 1080 lines."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from lesion_pair_detect_factory import panel  # noqa: F401
from lesion_sections_factory import lesion

from liverpair.core.lesions import read_lesions
from liverpair.core.sides import Side
from liverpair.mrml import frames

SCREEN = (1920, 1080)
FURNITURE = 260
"""Height that Slicer keeps for its title, menus and tool bars, and for the lines above and below a panel."""
OWN_FURNITURE = 80
"""Height that the harness has above and below its panel."""
MOST_DEEDS = 24
PLACES = [(x, y, z) for z in (50, 90) for x, y in ((-40, -30), (10, -30), (-40, 20), (10, 20))]


@dataclass
class Reader:
    """Does what a reader does, counts it, and clicks nothing that is not in sight."""

    panel: Any
    deeds: list[str] = field(default_factory=list)

    def click(self, name: str) -> None:
        widget = self.panel[name]
        self.panel.harness.wait(seconds=0.1)  # an eye is no quicker than the panel, which gets its new height
        assert self.panel.harness.main_window.harness_sees(widget), f"'{name}' has to be scrolled to"
        self.deeds.append(name)
        self.panel.harness.click(widget)

    def press(self, key: str) -> None:
        self.deeds.append(key)
        self.panel.harness.press(key)

    def drag(self, view: str, start, end) -> None:
        """Drag in a view between two points (LPS, mm)."""
        self.deeds.append("drag")
        harness = self.panel.harness
        harness.move_in_slice(view, frames.flip(start))
        harness.wait(seconds=0.3)
        ends = [harness.slice_position(view, frames.flip(point)) for point in (start, end)]
        harness.drag(harness.slice_view(view), *ends)
        harness.wait(seconds=0.1)


@pytest.fixture
def reader(panel):
    window = panel.harness.main_window
    before = window.size
    window.resize(SCREEN[0], SCREEN[1] - FURNITURE + OWN_FURNITURE)
    window.harness_set_panel_width(420)
    panel.add_pair()
    panel.parameters.model = "peaks"
    panel.worker.pairs = [lesion(number, place) for number, place in enumerate(PLACES, start=1)]
    panel.harness.wait(seconds=0.2)
    yield Reader(panel)
    window.resize(before)


def test_eight_lesions_are_read_two_corrected_one_drawn_and_all_reported_with_few_deeds(reader, tmp_path):
    panel = reader.panel
    reader.click("applyButton")
    panel.worker.finish()
    panel.settle()
    for name in ("lesionsTable", "sumsLabel", "lesionLabel", "acceptLesionButton", "drawT1Button"):
        assert panel.harness.main_window.harness_sees(panel[name]), f"'{name}' is below the edge"
    for number, place in enumerate(PLACES, start=1):
        if number > 1:
            reader.press("S")
        assert panel.chosen_row() == str(number)
        if number == 2:
            reader.drag("T1Axial", place, np.add(place, (9, 0, 0)))
        if number == 5:
            center = panel.study.pair("lesion-5").box(Side.T2).center_mm
            reader.drag("T2Axial", center, np.add(center, (0, 9, 0)))
        reader.press("A")
    corrected = [panel.study.pair(f"lesion-{number}") for number in (2, 5)]
    assert (corrected[0].boxes[Side.T1].origin, corrected[1].boxes[Side.T2].origin) == ("drawn", "drawn")
    assert {pair.state for pair in panel.study.pairs()} == {"accepted"}
    reader.press("1")
    reader.drag("T1Axial", (30, 40, 90), (44, 54, 90))
    assert len(panel.study) == 9
    reader.press("A")
    panel.harness.answer(str(tmp_path / "lesions.json"))
    reader.click("exportLesionsButton")
    assert len(read_lesions(tmp_path / "lesions.json")) == 9
    reader.click("visitsSectionButton")
    panel.harness.answer(str(tmp_path))
    reader.click("reportButton")
    panel.worker.cancelled()  # the network that is asked for the partner makes room
    assert panel.worker.job["job"] == "report" and panel.worker.request["output"] == str(tmp_path)
    panel.worker.cancelled()
    assert len(reader.deeds) <= MOST_DEEDS, f"{len(reader.deeds)} deeds: {reader.deeds}"
    assert all(pair.missing is None for pair in panel.study.pairs())


def test_candidates_for_an_unmatched_lesion_and_the_files_are_in_sight_together(reader):
    panel = reader.panel
    panel.worker.pairs += [lesion(9, (-15, -5, 70), (Side.T1,), t1={"score": 0.7})]
    reader.click("applyButton")
    panel.worker.finish()
    panel.settle()
    panel.context.select("lesion-9")
    panel.harness.wait(seconds=0.3)
    for name in (
        "lesionsTable",
        "acceptLesionButton",
        "candidatesComboBox",
        "linkCandidateButton",
        "exportLesionsButton",
    ):
        assert panel.harness.main_window.harness_sees(panel[name]), f"'{name}' is below the edge"
