"""Segmenting every study of a folder: what is done, skipped, refused and told."""

import csv
import json
import os

import pytest
import thresholding
from thresholding import threshold_segment, volume

from liverpair import cli
from liverpair.commands.batch import segment_studies


@pytest.fixture
def inference(monkeypatch):
    """The segmentation in place of the network's."""
    return thresholding.install(monkeypatch)


@pytest.fixture
def studies(tmp_path):
    """Three studies: whole, T1 damaged, T2 alone; and a hidden folder and a file, which are none."""
    folder = tmp_path / "studies"
    for name in ("anna", "bert"):
        volume(folder / name / "t1.nii.gz", 2, bright=4)
    for name in ("anna", "bert", "cora"):
        volume(folder / name / "t2.nii.gz", 4, bright=4)
    (folder / "bert" / "t1.nii.gz").write_bytes(b"no image")
    (folder / ".hidden").mkdir()
    (folder / "list.txt").write_text("")
    return folder


def test_a_batch_goes_on_after_a_failure_and_skips_what_is_done(inference, studies, tmp_path, capsys):
    words = ["segment", "--studies", str(studies), "-o", str(tmp_path / "out")]
    assert cli.main(words) == 1
    said = capsys.readouterr()
    assert "2 done, 1 failed" in said.out
    assert "bert: File '" in said.err and "t1.nii.gz' cannot be read as an image" in said.err
    assert len(inference.asked) == 2 and not (tmp_path / "out" / "bert").exists()
    rows = {row["study"]: row for row in csv.DictReader((tmp_path / "out" / "summary.csv").open())}
    assert {name: row["outcome"] for name, row in rows.items()} == {"anna": "done", "bert": "failed", "cora": "done"}
    assert float(rows["anna"]["dice_as_scanned"]) == pytest.approx(0.5) and rows["cora"]["t1_ml"] == ""

    volume(studies / "bert" / "t1.nii.gz", 2, bright=4)
    assert cli.main(words) == 0
    assert "1 done, 2 skipped" in capsys.readouterr().out
    assert len(inference.asked) == 3
    again = {row["study"]: row for row in csv.DictReader((tmp_path / "out" / "summary.csv").open())}
    assert again["anna"]["t1_ml"] == rows["anna"]["t1_ml"]


def test_the_summary_is_written_whatever_a_study_is_called_and_before_anything_is_printed(
    inference, studies, tmp_path, monkeypatch
):
    odd = os.fsdecode(b"\xe9tude")
    (studies / "bert").rename(studies / odd)

    def deaf(*_):
        raise BrokenPipeError

    monkeypatch.setattr("liverpair.evaluation.result_files.table_text", deaf)
    with pytest.raises(BrokenPipeError):
        segment_studies(studies, tmp_path / "out", {"model": ["liver-t1t2"], "device": "auto", "engine": "auto"}, False)
    rows = list(csv.DictReader((tmp_path / "out" / "summary.csv").open(encoding="utf-8")))
    assert [(row["study"], row["outcome"]) for row in rows] == [
        ("anna", "done"),
        ("cora", "done"),
        ("\\udce9tude", "failed"),
    ]


@pytest.mark.parametrize("change", [["--uncertainty"], ["--model", "other"], ["--device", "cpu"], "input"])
def test_a_batch_replaces_results_of_something_else_only_when_told_to(inference, studies, tmp_path, capsys, change):
    (studies / "bert" / "t1.nii.gz").unlink()
    words = ["segment", "--studies", str(studies), "-o", str(tmp_path / "out")]
    assert cli.main(words) == 0
    if change == "input":
        volume(studies / "bert" / "t2.nii.gz", 3, bright=2)
    else:
        words += change
    capsys.readouterr()
    assert cli.main(words) == 1
    changed = 1 if change == "input" else 3
    said = capsys.readouterr()
    assert f"{changed} differs" in said.out and len(inference.asked) == 3
    assert "bert' was done with another model, option or input. Add --overwrite." in said.err
    assert cli.main([*words, "--overwrite"]) == 0 and len(inference.asked) == 6
    assert cli.main(words) == 0 and len(inference.asked) == 6


@pytest.mark.parametrize(
    "damage",
    ["[]", "{", '{"schema_version": 1}', lambda whole: {**whole, "t2": 5}, lambda whole: {**whole, "measures": {}},
     lambda whole: {**whole, "provenance": {"seconds": "long"}}, lambda whole: {**whole, "t1": None, "t2": None}],
)  # fmt: skip
def test_a_study_with_damaged_measures_is_done_again(inference, studies, tmp_path, damage):
    (studies / "bert" / "t1.nii.gz").unlink()
    words = ["segment", "--studies", str(studies), "-o", str(tmp_path / "out")]
    assert cli.main(words) == 0
    measures = tmp_path / "out" / "anna" / "measures.json"
    whole = measures.read_text()
    measures.write_text(damage if isinstance(damage, str) else json.dumps(damage(json.loads(whole))))
    assert cli.main(words) == 0 and len(inference.asked) == 4
    assert measures.read_text() == whole


@pytest.mark.parametrize(
    ("choice", "sentence"),
    [
        (["--device", "toaster"], "The device 'toaster' is unknown."),
        (["--engine", "steam"], "The engine 'steam' is unknown."),
        (["-o", "{file}"], "list.txt' cannot be written to."),
    ],
)
def test_a_batch_that_can_never_work_is_refused_at_once(inference, studies, tmp_path, capsys, choice, sentence):
    words = ["segment", "--studies", str(studies), "-o", str(tmp_path / "out" / "deep")]
    assert cli.main(words + [word.format(file=studies / "list.txt") for word in choice]) == 2
    said = capsys.readouterr().err
    assert sentence in said and said.count("\n") == 1
    assert not inference.asked and not (tmp_path / "out").exists()


def test_a_batch_with_an_unknown_model_is_refused_at_once(studies, tmp_path, capsys):
    assert cli.main(["segment", "--studies", str(studies), "-o", str(tmp_path / "out"), "--model", "nobody"]) == 2
    assert capsys.readouterr().err.startswith("liverpair: There is no model 'nobody'.")
    assert not (tmp_path / "out").exists()


def test_a_defect_in_a_batch_can_be_traced(inference, studies, tmp_path, capsys):
    def fail(*_):
        raise ZeroDivisionError("division by zero")

    inference.answer = fail
    words = ["segment", "--studies", str(studies), "-o", str(tmp_path / "out")]
    assert cli.main(words) == 1
    said = capsys.readouterr().err
    assert "(ZeroDivisionError: division by zero). Run it with --debug to see where." in said
    assert "Traceback" not in said and "log" not in said
    assert cli.main(["--debug", *words]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_a_batch_into_its_own_folder_keeps_masks_drawn_by_hand(inference, studies, capsys):
    (studies / "bert" / "t1.nii.gz").unlink()
    drawn = studies / "anna" / "t1_liver.nii.gz"
    drawn.write_bytes(b"by hand")
    assert cli.main(["segment", "--studies", str(studies), "-o", str(studies)]) == 1
    assert "anna: '" in capsys.readouterr().err and drawn.read_bytes() == b"by hand"
    assert (studies / "cora" / "t2_liver.nii.gz").is_file()


def test_an_output_folder_among_the_studies_is_no_study(inference, studies):
    (studies / "bert" / "t1.nii.gz").unlink()
    words = ["segment", "--studies", str(studies), "-o", str(studies / "results")]
    assert cli.main(words) == 0 and cli.main(words) == 0


def test_a_batch_stopped_by_the_keyboard_tells_what_was_done(inference, studies, tmp_path, capsys):
    def second_is_stopped(*arguments):
        if len(inference.asked) == 2:
            raise KeyboardInterrupt
        return threshold_segment(*arguments)

    (studies / "bert" / "t1.nii.gz").unlink()
    inference.answer = second_is_stopped
    assert cli.main(["segment", "--studies", str(studies), "-o", str(tmp_path / "out")]) == 130
    said = capsys.readouterr()
    assert "1 done\n" in said.out and said.err.endswith("anna: A note.\nStopped.\n")
    assert not (tmp_path / "out" / "bert").exists()


def test_what_makes_a_mask_suspicious_is_said_with_the_name_of_its_study(inference, studies, tmp_path, capsys):
    inference.parts = (80.0, 20.0)
    cli.main(["segment", "--studies", str(studies), "-o", str(tmp_path / "out")])
    said = capsys.readouterr().err
    assert "anna: Warning: The liver mask of T1 was in 2 parts (80 % and 20 % of it)" in said
    assert "cora: Warning: The liver mask of T2 was in 2 parts" in said
    assert "cora: Warning: The liver mask of T1" not in said
