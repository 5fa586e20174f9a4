"""The tutorials name what is to be clicked as it is called."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TUTORIALS = sorted((ROOT / "docs" / "tutorial").glob("*.md"))


@pytest.mark.parametrize("page", TUTORIALS, ids=lambda page: page.stem)
def test_every_button_of_a_tutorial_is_in_a_panel(page):
    panels = "".join(path.read_text(encoding="utf-8") for path in ROOT.glob("*/Resources/UI/**/*.ui"))
    named = {name for name in re.findall(r"\*\*([^*]+)\*\*", page.read_text(encoding="utf-8")) if len(name) > 1}
    assert {name for name in named if f"<string>{name}</string>" not in panels} == set()


def test_the_tutorials_name_buttons():
    assert len(TUTORIALS) == 4 and all("**" in page.read_text(encoding="utf-8") for page in TUTORIALS)
