"""The command line: what it prints, what it writes, and how it says no."""

import fcntl
import io
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
from contextlib import suppress
from pathlib import Path

import pytest
import SimpleITK as sitk
import thresholding
from thresholding import volume

from liverpair import cli
from liverpair.commands.bar import progress_bar
from liverpair.core.errors import OutOfMemoryError

REPOSITORY = Path(__file__).resolve().parents[3]


def run_process(*words, code="from liverpair.cli import main; sys.exit(main())"):
    """Run the command line in a process of its own and tell whether it imported torch."""
    script = f"import sys, atexit; atexit.register(lambda: print('torch' in sys.modules, file=sys.stderr)); {code}"
    return subprocess.run([sys.executable, "-c", script, *words], cwd=REPOSITORY, capture_output=True, text=True)


@pytest.fixture
def inference(monkeypatch):
    """The segmentation in place of the network's."""
    return thresholding.install(monkeypatch)


@pytest.fixture
def pair(tmp_path):
    return [volume(tmp_path / "in" / "t1.nii.gz", 2, bright=4), volume(tmp_path / "in" / "t2.nii.gz", 4, bright=4)]


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["segment", "--help"],
        ["detect", "--help"],
        ["link", "--help"],
        ["models", "list"],
        ["train"],
        ["--version"],
    ],
)
def test_what_computes_nothing_imports_no_torch(words):
    done = run_process(*words)
    assert done.stdout and done.stderr.strip().endswith("False"), done.stderr


def test_python_dash_m_runs_it():
    done = subprocess.run([sys.executable, "-m", "liverpair", "--help"], cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0 and all(
        command in done.stdout for command in ("segment", "models", "measure", "train", "evaluate")
    )


@pytest.mark.parametrize("words", [["--help"], ["segment", "--help"], ["dream", "--help"], ["measure", "肝", "肝"]])
def test_any_text_is_printed_in_any_encoding(words):
    done = subprocess.run(
        [sys.executable, "-m", "liverpair", *words],
        cwd=REPOSITORY,
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert done.returncode == (2 if "measure" in words else 0), done.stderr
    if "measure" in words:
        assert done.stderr == b"liverpair: File '\\u809d' does not exist.\n"


def test_a_name_that_is_no_text_is_refused_where_itk_would_end_the_process(pair, tmp_path, capsys):
    odd = os.fsdecode(b"\xe9tude.nii.gz")
    words = [["segment", "--t1", str(tmp_path / odd), "-o", str(tmp_path / "o")], ["segment", *pair, "-o", odd]]
    shutil.copy(pair[0], tmp_path / odd)
    for line in words:
        assert cli.main(line) == 2
        assert "\\udce9tude.nii.gz' has a name that is not valid UTF-8. Rename it." in capsys.readouterr().err


def test_a_pair(inference, pair, tmp_path, capsys):
    assert (
        cli.main(
            [
                "segment",
                *pair,
                "-o",
                str(tmp_path / "out"),
                "--model",
                "a",
                "--model",
                "b",
                "--probability",
                "--no-largest-component",
            ]
        )
        == 0
    )
    printed = capsys.readouterr().out
    assert f"T1 liver 0 ml  {tmp_path / 'out' / 't1_liver.nii.gz'}" in printed
    assert all(words in printed for words in ("two livers as scanned: 0.50", ": 4 mm right, 0 mm", "A note."))
    assert inference.asked[0].bundles == ["a", "b"] and inference.asked[0].options["largest_component"] is False
    assert (tmp_path / "out" / "t2_probability.nii.gz").is_file()


@pytest.mark.parametrize("words", [["{t1}", "-"], ["--t1", "{t1}"]])
def test_one_volume_alone(inference, pair, tmp_path, capsys, words):
    assert cli.main(["segment", *(word.format(t1=pair[0]) for word in words), "-o", str(tmp_path / "out")]) == 0
    assert inference.asked[0].t2 is None and inference.asked[0].bundles == ["liver-t1t2"]
    assert inference.asked[0].options["largest_component"] is None
    assert "T2" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["segment", "{t1}", "-o", "{out}"], "t1.nii.gz' T1 or T2? Write '-'"),
        (["segment", "a", "b", "c", "-o", "{out}"], "3 volumes are given"),
        (["segment", "-", "-", "-o", "{out}"], "Neither T1 nor T2 is given."),
        (["segment", "-o", "{out}"], "Neither T1 nor T2 is given."),
        (["segment", "{t1}", "{t2}", "--t1", "{t1}", "-o", "{out}"], "T1 and T2 are given twice."),
        (["segment", "{t1}", "/gone.nii", "-o", "{out}"], "'/gone.nii' does not exist."),
        (["segment", "{t1}", "{t2}", "-o", "{t1}"], "t1.nii.gz' cannot be written to. Choose another folder"),
        (["segment", "{t1}", "{t2}", "-o", "{t1}/below"], "t1.nii.gz/below' cannot be written to."),
        (["segment", "{t1}", "{t2}", "-o", ""], "No folder is given for the results."),
        (["segment", "{t1}", "{t2}", "-o", "a\0b"], "'a\\x00b' cannot be the name of a folder."),
        (["segment", "--studies", "{empty}", "-o", ""], "No folder is given for the results."),
        (["segment", "{t1}", "--studies", "x", "-o", "{out}"], "--studies takes the volumes from its folder."),
        (["segment", "--studies", "{t1}", "-o", "{out}"], "t1.nii.gz' is not a folder."),
        (["segment", "--studies", "{empty}", "-o", "{out}"], "holds no study. Each study is a subfolder"),
        (["measure", "{t1}", "/gone.nii"], "'/gone.nii' does not exist."),
        (["models", "show", "nobody"], "There is no model 'nobody'."),
        (["models", "delete", "nobody"], "There is no model 'nobody'."),
        (["models", "import", "{t1}"], "liverpair: "),
        (["train", "segmentation", "--config", "/gone.yaml"], "The config '/gone.yaml' does not exist."),
        (["train", "segmentation", "--config=/gone.yaml"], "The config '/gone.yaml' does not exist."),
        (["train", "segmentation", "--trainer.nothing", "3"], "--trainer.nothing"),
        (["train", "walking"], "There is no training task 'walking'."),
    ],
)
def test_errors_are_one_sentence(inference, pair, tmp_path, capsys, monkeypatch, words, sentence):
    monkeypatch.setenv("LIVERPAIR_BUNDLES", str(tmp_path / "models"))
    (tmp_path / "empty").mkdir()
    names = {"t1": pair[0], "t2": pair[1], "out": str(tmp_path / "out"), "empty": str(tmp_path / "empty")}
    assert cli.main([word.format(**names) for word in words]) == 2
    said = capsys.readouterr().err
    assert sentence in said and said.startswith("liverpair: ") and said.count("\n") == 1 and "Traceback" not in said


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (MemoryError(), "There is not enough memory for this."),
        (OutOfMemoryError("T1 needs 9 GB.", "Use a smaller model."), "T1 needs 9 GB. Use a smaller model."),
        (ZeroDivisionError("division by zero"), "ZeroDivisionError: division by zero). Run it with --debug"),
        (ModuleNotFoundError("No module named 'torch'", name="torch"), "The Python package 'torch' is not installed."),
    ],
)
def test_a_failure_while_computing_is_one_sentence_and_leaves_nothing(
    inference, pair, tmp_path, capsys, error, sentence
):
    def fail(*_):
        raise error

    inference.answer = fail
    words = ["segment", *pair, "-o", str(tmp_path / "out")]
    assert cli.main(words) == 2
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    with pytest.raises(type(error)):
        cli.main(["--debug", *words])


def test_results_that_are_there_are_not_replaced_unasked(inference, pair, tmp_path, capsys):
    drawn = tmp_path / "in" / "t1_liver.nii.gz"
    drawn.write_bytes(b"by hand")
    assert cli.main(["segment", *pair, "-o", str(tmp_path / "in")]) == 2
    assert "already holds t1_liver.nii.gz. Choose another folder, or add --overwrite." in capsys.readouterr().err
    assert drawn.read_bytes() == b"by hand"
    assert cli.main(["segment", *pair, "-o", str(tmp_path / "in"), "--overwrite"]) == 0
    assert sitk.ReadImage(str(drawn)).GetSize() == (8, 6, 4)


def test_one_file_as_both_is_warned_of(inference, pair, tmp_path, capsys):
    cli.main(["segment", pair[0], pair[0], "-o", str(tmp_path / "out")])
    assert "Warning: T1 and T2 are the same volume" in capsys.readouterr().err


HEAR_CTRL_C = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
"""For a process whose parent runs in the background of a shell, which ignores it."""


def test_ctrl_c_ends_the_process_without_a_trace(tmp_path):
    code = (
        "import time; from liverpair import cli; from liverpair.jobs.jobs import JOBS; "
        "JOBS['segment'] = lambda *_: (print('under way', flush=True), time.sleep(60)); sys.exit(cli.main())"
    )
    code = f"import sys; {HEAR_CTRL_C}; {code}"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "segment", "a.nii", "-", "-o", str(tmp_path / "out")],
        cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout.readline() == "under way\n"
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130 and said == "Stopped.\n"


def test_measure_prints_a_table_and_json(tmp_path, capsys):
    labels = sitk.Image([6, 6, 6], sitk.sitkUInt8)
    labels[0:4, 1:5, 1:5] = 1
    other = sitk.Image(labels)
    other[0:2, 1:5, 1:5] = 2
    paths = [str(tmp_path / "a.nrrd"), str(tmp_path / "b.nrrd")]
    for image, path in zip((labels, other), paths):
        sitk.WriteImage(image, path)
    assert cli.main(["measure", *paths]) == 2
    assert "b.nrrd' holds several labels: 1, 2. Name one with --reference-label" in capsys.readouterr().err
    assert cli.main(["measure", *paths, "--reference-label", "1"]) == 0
    assert "| dice " in capsys.readouterr().out
    assert cli.main(["measure", *paths, "--label", "1", "--json"]) == 0
    measures = json.loads(capsys.readouterr().out)
    # 32 of 64 voxels are left: 2·32 / (64 + 32).
    assert measures["dice"] == pytest.approx(2 / 3) and measures["volume_error_percent"] == pytest.approx(100.0)


def test_measure_takes_a_label_for_each_file_and_refuses_one_that_is_not_there(tmp_path, capsys):
    labels = sitk.Image([6, 6, 6], sitk.sitkUInt8)
    labels[0:4, 1:5, 1:5] = 1
    sitk.WriteImage(labels, str(tmp_path / "a.nrrd"))
    sitk.WriteImage(labels * 2, str(tmp_path / "b.nrrd"))
    both = [str(tmp_path / "a.nrrd"), str(tmp_path / "b.nrrd")]
    assert cli.main(["measure", *both, "--label", "1"]) == 2
    assert capsys.readouterr().err == f"liverpair: '{both[1]}' has no voxel of label 1; it holds 2.\n"
    assert cli.main(["measure", *both, "--label", "1", "--reference-label", "2"]) == 0


def test_measure_of_an_empty_mask_is_refused(tmp_path, capsys):
    sitk.WriteImage(sitk.Image([4, 4, 4], sitk.sitkUInt8), str(tmp_path / "empty.nrrd"))
    full = sitk.Image([4, 4, 4], sitk.sitkUInt8) + 1
    sitk.WriteImage(full, str(tmp_path / "full.nrrd"))
    assert cli.main(["measure", str(tmp_path / "empty.nrrd"), str(tmp_path / "full.nrrd"), "--json"]) == 2
    assert "empty.nrrd' is empty." in capsys.readouterr().err


def test_train_gets_the_rest_of_the_line(monkeypatch, capsys):
    from liverpair.training.tasks import Task

    seen = []
    monkeypatch.setattr(Task, "train", lambda self, words: seen.append((self.name, words)))
    assert cli.main(["train", "segmentation", "--config", "a.yaml", "--trainer.devices", "2", "--help"]) == 0
    assert seen == [("segmentation", ["--config", "a.yaml", "--trainer.devices", "2", "--help"])]
    assert cli.main(["train", "--help"]) == 0 and "segmentation" in capsys.readouterr().out


def test_a_reader_that_leaves_early_is_no_error():
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = subprocess.run(
        [sys.executable, "-m", "liverpair", "models", "list"], cwd=REPOSITORY, stdout=write_end, stderr=subprocess.PIPE
    )
    os.close(write_end)
    assert done.returncode == 1 and done.stderr == b""


def _all_of(terminal: int) -> bytes:
    """What was written to a terminal whose other end is closed; it comes in pieces."""
    pieces = []
    with suppress(OSError):  # Linux says EIO at the end
        while piece := os.read(terminal, 10_000):
            pieces.append(piece)
    os.close(terminal)
    return b"".join(pieces)


def test_the_bar_is_one_line_on_a_terminal_and_gone_at_the_end():
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, 0, 0))
    with os.fdopen(theirs, "w") as terminal, progress_bar("case 1", terminal) as progress:
        progress(0.5, "T1: window 2 of 4")
        progress(1.7, "x" * 200)
    drawn = _all_of(ours).decode().split("\r")
    assert any(line.startswith("case 1  50% ") and line.endswith("T1: window 2 of 4") for line in drawn)
    assert any(line.startswith("case 1 100% ") for line in drawn) and not any("\n" in line for line in drawn)
    assert max(map(len, drawn)) < 80 and drawn[-1] == "" and not drawn[-2].strip()


def test_no_bar_is_drawn_into_a_file():
    file = io.StringIO()
    with progress_bar("case 1", file) as progress:
        progress(0.5, "T1")
    assert file.getvalue() == ""
