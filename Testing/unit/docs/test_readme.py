"""README and the pages in docs are never stale and lead nowhere that does not exist."""

import importlib.util
import json
import re
from pathlib import Path

import pytest

import liverpair

ROOT = Path(__file__).resolve().parents[3]
README = ROOT / "README.md"
REPRODUCING = sorted((ROOT / "docs" / "reproducing").glob("*.md"))
FILLED = (README, ROOT / "docs" / "results.md", *REPRODUCING)
PAGES = (
    README,
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "docs" / "tutorial").glob("*.md")),
    *REPRODUCING,
)
CARDS = sorted(ROOT.glob("*/bundles/*/README.md"))
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


@pytest.mark.parametrize("page", FILLED, ids=lambda page: f"{page.parent.name}-{page.stem}")
def test_the_measured_parts_are_what_the_files_hold(update_readme, page):
    assert page in update_readme.PAGES
    text = page.read_text(encoding="utf-8")
    assert update_readme.updated(text, update_readme.sources_of(page)) == text, "run python docs/update_readme.py"
    assert list(update_readme.BLOCK.finditer(text)) and "Not measured yet" not in text


@pytest.mark.parametrize("page", [*PAGES, *CARDS], ids=lambda page: f"{page.parent.name}-{page.stem}")
def test_links_within_the_repository_lead_somewhere(page):
    links = re.findall(r"\]\((?!https?:)([^)]+)\)", page.read_text(encoding="utf-8"))
    for link in links:
        path, _, heading = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        assert not heading or heading in headings_of(target), link


def headings_of(page: Path) -> set[str]:
    """The anchors that GitHub makes of a page's headings."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", [*PAGES, *CARDS], ids=lambda page: f"{page.parent.name}-{page.stem}")
def test_no_page_names_the_folders_of_one_machine(page):
    text = page.read_text(encoding="utf-8")
    assert not re.findall(r"(?:\.\./shared|/home/|/Users/|/root/|/mnt/|/tmp/)\S*", text)


def test_readme_is_short_and_names_the_license_of_the_weights_early():
    text = README.read_text(encoding="utf-8")
    assert len(text.encode()) <= 10_000
    assert 0 < text.index("not for commercial use") < len(text) / 3


def test_every_page_of_the_documentation_is_reached_from_readme():
    text = README.read_text(encoding="utf-8")
    chapters = (ROOT / "docs" / "reproducing" / "README.md").read_text(encoding="utf-8")
    linked = [f"]({page.relative_to(ROOT).as_posix()})" in text or f"]({page.name})" in chapters for page in PAGES[1:]]
    assert [page.name for page, there in zip(PAGES[1:], linked) if not there] == []


def test_only_blocks_are_replaced(update_readme):
    text = "a\n<!-- headline:m -->\nold\nold\n<!-- end -->\nb\n<!-- result:r -->\n<!-- end -->\nc\n"
    sources = {"headline": lambda name: f"headline of {name}\n", "result": lambda name: f"\nresult {name}"}
    new = "a\n<!-- headline:m -->\nheadline of m\n<!-- end -->\nb\n<!-- result:r -->\nresult r\n<!-- end -->\nc\n"
    assert update_readme.updated(text, sources) == new
    assert update_readme.updated(new, sources) == new


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
    words = (
        "5.0 s from two files to two masks in a new process, 0.8 s in a warm one (A processor, 2 cores, no GPU)",
        "4.2 times as fast",
        "0.50 times its memory",
        "two masks is 0.996,",
        "0.9999 with plain PyTorch",
    )
    block = update_readme.result_block("inference", tmp_path)
    line = update_readme.headline_block("inference", tmp_path, link="results.md")
    assert [word for word in words if word not in block or word not in line] == []
    assert line.startswith("- ") and line.endswith(" [More](results.md#inference)") and "\n" not in line


def test_the_headline_of_the_thesis_counts_what_holds(update_readme, tmp_path):
    rows = [{"finding": "a", "holds": holds} for holds in ("yes", "no", None, "yes", None, None)]
    (tmp_path / "conclusions.json").write_text(json.dumps({**RESULT, "table": rows}))
    line = update_readme.headline_block("conclusions", tmp_path)
    assert "Of its 6 findings" in line and "2 are confirmed, 1 are contradicted" in line


def test_what_is_not_measured_yet_is_named(update_readme, tmp_path):
    assert "Not measured yet" in update_readme.result_block("r", tmp_path)
    assert "Not measured yet" in update_readme.headline_block("r", tmp_path)


def test_the_version_is_the_newest_of_the_changelog_and_that_of_the_citation():
    versions = re.findall(r"^## \[([\d.]+)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert versions[0] == liverpair.__version__
    assert f"\nversion: {liverpair.__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
