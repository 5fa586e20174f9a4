"""README and the pages in docs are never stale and lead nowhere that does not exist."""

import importlib.util
import json
import re
from pathlib import Path

import pytest
from bundle_factory import manifest

from liverpair.bundle import card

ROOT = Path(__file__).resolve().parents[3]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = (ROOT / "README.md", ROOT / "docs" / "reproducing-the-thesis.md")
RESULT = {
    "data": "a phantom",
    "date": "2026-01-02",
    "command": "python x.py",
    "table": [{"arm": "ours", "seconds": 0.25}, {"arm": "theirs", "seconds": 1.0}],
}


@pytest.fixture(scope="module")
def update_readme():
    specification = importlib.util.spec_from_file_location("update_readme", ROOT / "docs" / "update_readme.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_measured_parts_are_what_the_files_say(update_readme, page):
    assert page in update_readme.PAGES
    text = page.read_text(encoding="utf-8")
    assert update_readme.updated(text, update_readme.sources_of(page)) == text, "run python docs/update_readme.py"
    assert "result" in {found[2] for found in update_readme.BLOCK.finditer(text)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_within_the_repository_lead_somewhere(page):
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8"))
    assert links and [link for link in links if not (page.parent / link).exists()] == []


def test_only_blocks_are_replaced(update_readme):
    text = "a\n<!-- card:m -->\nold\nold\n<!-- end -->\nb\n<!-- result:r -->\n<!-- end -->\nc\n"
    sources = {"card": lambda name: f"card of {name}\n", "result": lambda name: f"\nresult {name}"}
    new = "a\n<!-- card:m -->\ncard of m\n<!-- end -->\nb\n<!-- result:r -->\nresult r\n<!-- end -->\nc\n"
    assert update_readme.updated(text, sources) == new
    assert update_readme.updated(new, sources) == new


def test_a_card_block_holds_the_results_of_the_card_and_no_more(update_readme, tmp_path, monkeypatch):
    test = {"cases": [{"case": "10", "dice": 0.875}], "summary": {"dice": {"mean": 0.875}}, "pictures": ["p/10.png"]}
    metrics = {"test": test}
    content = {**manifest(metrics=metrics, name="m"), "sha256": "0" * 64, "schema_version": 1}
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "bundle.json").write_text(json.dumps(content))
    monkeypatch.setattr("liverpair.bundle.bundle.check_weights", lambda *_: None)
    block = update_readme.card_block("m", tmp_path)
    assert "![p/10.png](p/10.png)" in card.model_card(content) and "![" not in block
    assert "| 10 | 0.875 |" in block and block.startswith(f"m {content['version']}:")
    whole = card.model_card(content)
    assert "## Limits" in whole and "## Limits" not in block and "## Training" not in block


def test_a_result_block_has_table_origin_and_link(update_readme, tmp_path):
    (tmp_path / "speed.json").write_text(json.dumps(RESULT))
    block = update_readme.result_block("speed", tmp_path)
    assert "| theirs |" in block and "a phantom, 2026-01-02; `python x.py`" in block
    assert "[speed.md](docs/results/speed.md)" in block
    assert "[speed.md](results/speed.md)" in update_readme.result_block("speed", tmp_path, link="results")


def test_the_headline_of_the_benchmark_holds_its_figures(update_readme, tmp_path):
    figures = {
        "speedup_vs_monai": 4.25,
        "memory_ratio_vs_monai": 0.5,
        "dice_between": 0.9964,
        "dice_with_fp32_whole": 0.99988,
    }
    figures |= {"cold_start_s": 5.04, "warm_run_s": 0.77, "processor": "A processor", "cores": 2}
    (tmp_path / "inference.json").write_text(json.dumps({**RESULT, **figures}))
    block = update_readme.result_block("inference", tmp_path)
    for words in (
        "4.2 times",
        "0.50 times its memory",
        "0.996",
        "0.9999",
        "5.0 s in a new process",
        "0.8 s in a warm worker",
    ):
        assert words in block


def test_what_is_not_there_yet_is_said(update_readme, tmp_path):
    assert "not in this checkout yet" in update_readme.card_block("m", tmp_path)
    assert "Not measured yet" in update_readme.result_block("r", tmp_path)
