"""What holds for every experiment: its options, what time that is over leaves, and the form of its results."""

import json
import re
from pathlib import Path

import pytest
from paired_livers_factory import quick_registration, write_pairs

from reproduction import EXPERIMENTS
from reproduction.__main__ import main
from reproduction.chapter2 import similarity_scores
from reproduction.chapter2.mask_similarity import FieldSearch

ROOT = Path(__file__).parents[2]
NO_SMOKE = {"dream-toy", "conclusions"}
"""Those that train nothing, or only when asked to."""
TIMED = ("figure-2-3", "table-2-1", "table-2-2", "table-2-3", "figure-2-8", "noise-floor", "budget", "figure-2-15",
         "similarity", "memory", "views", "dimensions", "cross-validation", "augmentation")  # fmt: skip
"""Those with a number of minutes after which no training begins."""
RECIPES = {"cross-validation", "augmentation", "display-threshold"}
"""Those that measure our own trainings; they have no published result."""
NOT_MEASURED_YET = {"dimensions"}
"""Those that run, and whose full result is still to be made; the page says so in its place."""
RESULT = {"name": str, "command": str, "data": str, "date": str, "software": dict, "notes": list, "table": list}


def check_result(folder: Path, name: str) -> dict:
    """The result of an experiment in a folder, once its page and its file have the form of results."""
    content = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    assert {key: type(content[key]) for key in RESULT} == RESULT and content["name"] == name
    assert content["table"] and {"liverpair", "python"} <= set(content["software"])
    page = (folder / f"{name}.md").read_text(encoding="utf-8")
    assert page.startswith("# ") and content["command"] in page and content["data"] in page
    return content


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_its_help_names_it_and_its_options(name, capsys):
    with pytest.raises(SystemExit) as left:
        main([name, "--help"])
    said = capsys.readouterr().out
    assert left.value.code == 0 and said.startswith(f"usage: python -m reproduction {name} ")
    assert "--results" in said and ("--smoke" in said) != (name in NO_SMOKE)
    assert ("--minutes" in said) == (name in TIMED)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_a_place_that_cannot_hold_results_is_said_in_one_sentence(name, tmp_path, capsys):
    (tmp_path / "file").write_text("mine")
    assert main([name, f"--results={tmp_path / 'file'}"]) == 1
    said = capsys.readouterr().err
    assert "Traceback" not in said and said.startswith("Error: ") and said.count("\n") == 1
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("name", [name for name in EXPERIMENTS if name not in RECIPES | NOT_MEASURED_YET])
def test_what_it_published_is_there_and_its_command_can_be_given_again(name):
    command = check_result(ROOT / "docs" / "results", name)["command"]
    assert f"-m reproduction {name}" in command


def test_what_is_not_measured_yet_has_no_result_and_the_page_says_so():
    page = (ROOT / "docs" / "reproducing" / "README.md").read_text(encoding="utf-8")
    said = next((line for line in page.splitlines() if "is still to be made" in line), "").split("is still")[0]
    assert set(re.findall(r"`([\w-]+)`", said)) == NOT_MEASURED_YET
    assert not [name for name in NOT_MEASURED_YET if (ROOT / "docs" / "results" / f"{name}.json").exists()]


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    return write_pairs(tmp_path_factory.mktemp("pairs"), ("38", "10", "21"))


@pytest.mark.parametrize("name", TIMED)
def test_time_that_is_over_leaves_what_was_not_trained_not_run(name, pairs, tmp_path, monkeypatch):
    monkeypatch.setattr(similarity_scores, "SEARCH", FieldSearch(cell=8, iterations=3))
    data = [] if name in ("figure-2-3", "figure-2-15") else [f"--data-root={pairs}"]
    words = ["--smoke", "--minutes=0", f"--runs={tmp_path / 'runs'}", f"--results={tmp_path}"]
    with quick_registration():
        assert main([name, *words, *data]) == 0
    content = check_result(tmp_path, name)
    without = [row for row in content["table"] if "not run" not in row.values()]
    assert len(without) <= (1 if name == "similarity" else 0), without  # the drawn masks need no network
    assert not list((tmp_path / "runs").rglob("*.ckpt"))
    assert name != "figure-2-3" or not list(tmp_path.glob("*.png"))
