"""Who does which study, when two runs share one output."""

import platform
import signal
import subprocess
import sys

import pytest

from liverpair.jobs import claims
from liverpair.jobs.claims import CLAIMS_FOLDER, claimed, holder, is_claimed

HOLD = """
import sys, time
from pathlib import Path
from liverpair.jobs.claims import claimed
with claimed(Path(sys.argv[1]), "anna") as ours:
    print(ours, flush=True)
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


def test_a_claim_from_another_machine_is_taken_over_when_nobody_renews_it(tmp_path, monkeypatch):
    monkeypatch.setattr(claims, "LEASE_S", 1.5)
    with claimed(tmp_path, "anna"):
        path = tmp_path / CLAIMS_FOLDER / "anna.lock"
        text = path.read_text()
    left = text.replace(f"host={holder_line(text)}", "host=elsewhere.example")
    path.parent.mkdir()
    path.write_text(left)
    with claimed(tmp_path, "anna") as ours:
        assert not ours and holder(tmp_path, "anna") == "elsewhere.example"
    with claimed(tmp_path, "anna", patience_s=10.0) as ours:
        assert ours


def holder_line(text: str) -> str:
    return next(line.removeprefix("host=") for line in text.splitlines() if line.startswith("host="))
