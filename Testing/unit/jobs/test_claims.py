"""Who does which study, when two runs share one output."""

import platform
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import thresholding
from brightness_bundle import write_brightness_bundle

from liverpair.core.errors import no_progress
from liverpair.io.study_list import ListedStudy
from liverpair.jobs import claims
from liverpair.jobs.claims import CLAIMS_FOLDER, claimed, holder, is_claimed
from liverpair.jobs.study_batch import DONE, ELSEWHERE, SKIPPED, StudyTask, do_study

HOLD = """
import sys, time
from pathlib import Path
from liverpair.jobs.claims import claimed
with claimed(Path(sys.argv[1]), "anna") as ours:
    print(bool(ours), flush=True)
    time.sleep(60)
"""


@pytest.fixture
def other(tmp_path):
    """Another process that has claimed the study "anna"."""
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "True\n"
        yield process
        process.kill()


@pytest.mark.process
def test_what_another_is_doing_is_not_ours_until_it_dies(tmp_path, other):
    with claimed(tmp_path, "anna") as ours, claimed(tmp_path, "bert") as theirs:
        assert not ours and theirs
    assert is_claimed(tmp_path, "anna") and holder(tmp_path, "anna") == platform.node()
    other.send_signal(signal.SIGKILL)
    other.wait()
    with claimed(tmp_path, "anna") as ours:
        assert ours
    assert not (tmp_path / CLAIMS_FOLDER).exists()


@pytest.fixture
def leave(tmp_path):
    """Leave the file of a claim on "anna" as another worker would, with other values in its lines."""

    def left(**values: str) -> None:
        with claimed(tmp_path, "other"), claimed(tmp_path, "anna"):
            text = lock_file(tmp_path).read_text()
        own = dict(line.partition("=")[::2] for line in text.splitlines()[1:])
        assert values.keys() <= own.keys()
        lines = [text.splitlines()[0], *(f"{key}={value}" for key, value in {**own, **values}.items()), ""]
        lock_file(tmp_path).parent.mkdir(exist_ok=True)
        lock_file(tmp_path).write_text("\n".join(lines))

    return left


def lock_file(output: Path) -> Path:
    return output / CLAIMS_FOLDER / "anna.lock"


def test_a_claim_from_another_machine_is_taken_over_when_nobody_renews_it(tmp_path, monkeypatch, leave):
    monkeypatch.setattr(claims, "LEASE_S", 1.5)
    leave(host="elsewhere.example")
    with claimed(tmp_path, "anna") as ours:
        assert not ours and holder(tmp_path, "anna") == "elsewhere.example"
    with claimed(tmp_path, "anna", patience_s=10.0) as ours:
        assert ours


def test_a_claim_of_a_process_that_had_our_number_before_is_taken_over_at_once(tmp_path, leave):
    leave(start="1")
    with claimed(tmp_path, "anna") as ours:
        assert ours
    assert not (tmp_path / CLAIMS_FOLDER).exists()


def test_a_claim_that_somebody_removed_is_put_back(tmp_path):
    with claimed(tmp_path, "anna") as ours:
        shutil.rmtree(tmp_path / CLAIMS_FOLDER)
        ours.check()
        assert is_claimed(tmp_path, "anna")
        ours.check()
    assert not (tmp_path / CLAIMS_FOLDER).exists()


@pytest.fixture
def study(tmp_path, monkeypatch):
    """A study to segment, by a segmentation whose answer is known."""
    inference = thresholding.install(monkeypatch)
    thresholding.volume(tmp_path / "studies" / "anna" / "t1.nii.gz", 2)
    listed = ListedStudy("anna", tmp_path / "studies" / "anna")
    options = {"model": ["m"], "device": "cpu", "engine": "auto"}
    return SimpleNamespace(task=StudyTask("segment", listed, tmp_path, options), inference=inference)


@pytest.mark.parametrize("is_taken", [False, True])
def test_a_study_whose_claim_is_removed_meanwhile_is_done_once(tmp_path, monkeypatch, leave, study, is_taken):
    monkeypatch.setattr(claims, "LEASE_S", 1.5)

    def removed_meanwhile(*arguments):
        lock_file(tmp_path).unlink()
        if is_taken:
            leave(host="elsewhere.example")
        return thresholding.threshold_segment(*arguments)

    study.inference.answer = removed_meanwhile
    outcome = do_study(study.task, no_progress)
    done = (tmp_path / "anna" / "measures.json").exists()
    if not is_taken:
        assert outcome.outcome == DONE and done and not (tmp_path / CLAIMS_FOLDER).exists()
        return
    assert outcome.outcome == ELSEWHERE and outcome.failure == "It is being done on elsewhere.example." and not done
    assert is_claimed(tmp_path, "anna")
    study.inference.answer = thresholding.threshold_segment
    assert do_study(replace(study.task, patience_s=10.0), no_progress).outcome == DONE  # nobody renewed that one
    assert do_study(study.task, no_progress).outcome == SKIPPED and len(study.inference.asked) == 2


@pytest.mark.process
def test_two_runs_over_one_output_share_its_studies(tmp_path):
    for number in range(12):
        for side in ("t1", "t2"):
            thresholding.volume(tmp_path / "studies" / f"{number:02d}" / f"{side}.nii.gz", 2)
    write_brightness_bundle(tmp_path / "model")
    words = ["segment", "--studies", tmp_path / "studies", "-o", tmp_path / "out", "--model", tmp_path / "model"]
    command = [sys.executable, "-m", "liverpair", *map(str, words), "--device", "cpu"]
    runs = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [run.communicate(timeout=120) for run in runs]
    assert [run.returncode for run in runs] == [0, 0], said
    done = [int(re.search(r"(\d+) done", text)[1]) if " done" in text else 0 for text, _ in said]
    skipped = [int(re.search(r"(\d+) skipped", text)[1]) if " skipped" in text else 0 for text, _ in said]
    assert sum(done) == 12 and sum(skipped) == 12, said
    assert not (tmp_path / "out" / CLAIMS_FOLDER).exists()
