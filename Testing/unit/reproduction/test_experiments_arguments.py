"""What the experiments' command lines refuse, where results go, and what run folders and memories are taken for."""

import argparse
import json

import pytest

from liverpair.core.errors import InputError
from liverpair.evaluation.result_files import RESULTS_FOLDER
from reproduction import EXPERIMENTS, __main__
from reproduction.arguments import Different, add_places, joined, natural, positive, results_folder
from reproduction.remembered import Remembered
from reproduction.trainings import check_asked


@pytest.fixture
def parser():
    made = argparse.ArgumentParser()
    made.add_argument("--seeds", type=natural, nargs="+", action=Different, default=[0, 1])
    made.add_argument("--steps", type=positive, default=3)
    add_places(made, "little")
    return made


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--steps", "0"], "0 is not 1 or more"),
        (["--steps", "-1"], "-1 is not 1 or more"),
        (["--seeds", "-1"], "-1 is not 0 or more"),
        (["--seeds", "2", "0", "2"], "--seeds names 2 twice"),
        (["--steps", "many"], "invalid positive value"),
    ],
)
def test_numbers_that_mean_nothing_are_refused(parser, words, said, capsys):
    with pytest.raises(SystemExit):
        parser.parse_args(words)
    assert said in capsys.readouterr().err


def test_a_smoke_run_leaves_published_results_alone(parser, tmp_path):
    def place(*words):
        return results_folder(parser.parse_args([f"--runs={tmp_path}", *words]))

    assert place() == RESULTS_FOLDER
    assert place("--smoke") == tmp_path / "smoke-results" and place("--smoke").is_dir()
    assert place("--smoke", f"--results={tmp_path / 'mine'}") == tmp_path / "mine"
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot hold results"):
        place(f"--results={tmp_path / 'file'}")


def test_options_passed_on_are_one_word_each():
    words = ["--trainer.accelerator", "cpu", "--model.x=1", "--flag", "--data.y", "2"]
    assert joined(words) == ["--trainer.accelerator=cpu", "--model.x=1", "--flag", "--data.y=2"]
    assert joined(["stray"]) == ["stray"]


def test_a_run_binds_only_once_it_was_trained(tmp_path):
    check_asked(tmp_path, ["data", *["--model.foo=1"]])
    check_asked(tmp_path, ["data", *["--model.foo=2", "--trainer.devices=2"]])
    (tmp_path / "checkpoints").mkdir()
    check_asked(tmp_path, ["data", *["--model.foo=2", "--trainer.devices=4"]])
    for asked in (["--model.foo=1"], []):
        with pytest.raises(InputError, match="on other data or with other options"):
            check_asked(tmp_path, ["data", *asked])
    with pytest.raises(InputError, match="on other data"):
        check_asked(tmp_path, ["others", *["--model.foo=2"]])
    (tmp_path / "asked.json").write_text("{")
    with pytest.raises(InputError, match="is damaged"):
        check_asked(tmp_path, ["data", *["--model.foo=2"]])


def test_what_was_measured_is_remembered_for_its_owner(tmp_path):
    measured = []

    def measure():
        measured.append(len(measured))
        return {"dice": 0.5}

    path = tmp_path / "measures.json"
    for _ in range(2):
        assert Remembered(path, ["a"])(["p", "p p"], measure) == {"dice": 0.5}
    assert len(measured) == 1
    Remembered(path, ["a"])(["p p", "p"], measure)
    assert len(measured) == 2
    Remembered(path, ["b"])(["p", "p p"], measure)
    assert len(measured) == 3
    for damaged in ("{", "[]", json.dumps({"owner": ["b"], "known": 3})):
        path.write_text(damaged)
        Remembered(path, ["b"])(["p", "p p"], measure)
    assert len(measured) == 6


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [
        (InputError("No.", "Do."), 1, "Error: No. Do."),
        (ZeroDivisionError("x"), 1, "--debug"),
        (KeyboardInterrupt(), 130, "Stopped."),
    ],
)
def test_no_error_is_a_stack_trace(monkeypatch, capsys, raised, code, said):
    def fail(_):
        raise raised

    monkeypatch.setitem(EXPERIMENTS, "failing", __name__)
    monkeypatch.setattr(__main__, "import_module", lambda _: argparse.Namespace(main=fail))
    assert __main__.main(["failing"]) == code
    error = capsys.readouterr().err
    assert said in error and "Traceback" not in error
    if code == 1:
        with pytest.raises(type(raised)):
            __main__.main(["failing", "--debug"])
