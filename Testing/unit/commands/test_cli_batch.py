"""Segmenting every study of a folder: what is done, skipped, refused and told."""

import csv
import hashlib
import json
import os

import pytest
import thresholding
from brightness_bundle import write_brightness_bundle
from thresholding import threshold_segment, volume

from liverpair import cli
from liverpair.commands.batch import run_batch


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
        run_batch("segment", studies, tmp_path / "out", {"model": ["m"], "device": "auto", "engine": "auto"})
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
    assert "anna' holds t1_liver.nii.gz, which is not a result of a segmentation." in capsys.readouterr().err
    assert drawn.read_bytes() == b"by hand"
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


def test_a_run_is_recorded_as_it_goes_on(inference, studies, tmp_path):
    def after_the_first(*arguments):
        if len(inference.asked) == 2:
            seen.update(json.loads((tmp_path / "out" / "run.json").read_text()))
        return threshold_segment(*arguments)

    seen, inference.answer = {}, after_the_first
    cli.main(["segment", "--studies", str(studies), "-o", str(tmp_path / "out")])
    assert not seen["finished"] and [study["study"] for study in seen["studies"]] == ["anna"]
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert record["finished"] and record["counts"] == {"asked": 3, "done": 2, "failed": 1}
    assert record["models"] == [{"name": "liver-t1t2", "sha256": "checksum of liver-t1t2"}]
    assert record["options"]["device"] == "auto" and "SimpleITK" in record["versions"]
    anna, bert, cora = record["studies"]
    t1 = studies / "anna" / "t1.nii.gz"
    assert anna["inputs"]["t1"] == {"path": str(t1), "sha256": hashlib.sha256(t1.read_bytes()).hexdigest()}
    assert "cannot be read as an image" in bert["failure"] and anna["failure"] is None
    assert cora["inputs"].keys() == {"t2"} and any("hardly" in doubt or "ml" in doubt for doubt in cora["doubts"])
    assert not (tmp_path / "out" / ".claims").exists()


@pytest.mark.parametrize("failures", [1, 2])
def test_a_study_that_runs_out_of_memory_is_tried_once_more(inference, studies, tmp_path, failures):
    (studies / "bert" / "t1.nii.gz").unlink()

    def too_large(t1, *others):
        if t1 is not None and sum(asked.t1 is not None for asked in inference.asked) <= failures:
            raise MemoryError
        return threshold_segment(t1, *others)

    inference.answer = too_large
    code = cli.main(["segment", "--studies", str(studies), "-o", str(tmp_path / "out")])
    anna = json.loads((tmp_path / "out" / "run.json").read_text())["studies"][0]
    assert (code, anna["outcome"], anna["tries"]) == ((0, "done", 2) if failures == 1 else (1, "failed", 2))
    assert failures == 1 or "not enough memory" in anna["failure"]


def test_without_dask_workers_are_one_after_the_other(inference, studies, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("liverpair.commands.studies.installed", lambda: False)
    cli.main(["segment", "--studies", str(studies), "-o", str(tmp_path / "out"), "--workers", "2"])
    said = capsys.readouterr()
    assert "2 done, 1 failed" in said.out and said.err.startswith("One study after the other: --workers needs")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--workers", "0"], "0 workers do nothing."),
        (["--workers", "2", "--scheduler", "tcp://a:1"], "--scheduler brings its own workers."),
        (["--cluster", "slurm"], "--cluster and --cluster-options go together."),
    ],
)
def test_options_of_workers_that_do_not_go_together_are_refused(studies, tmp_path, capsys, words, sentence):
    assert cli.main(["segment", "--studies", str(studies), "-o", str(tmp_path / "out"), *words]) == 2
    assert sentence in capsys.readouterr().err
    one = [str(studies / "anna" / "t1.nii.gz"), "-", "-o", str(tmp_path / "out"), *words]
    assert cli.main(["segment", *one]) == 2 and "Workers are for many studies." in capsys.readouterr().err


@pytest.mark.process
def test_workers_do_the_studies_of_a_batch_together(studies, tmp_path, capsys):
    pytest.importorskip("distributed")
    write_brightness_bundle(tmp_path / "model")
    words = ["segment", "--studies", str(studies), "-o", str(tmp_path / "out"), "--model", str(tmp_path / "model")]
    words += ["--device", "cpu", "--workers", "2"]
    assert cli.main(words) == 1
    said = capsys.readouterr()
    assert "2 done, 1 failed" in said.out and "bert: File '" in said.err
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert [study["outcome"] for study in record["studies"]] == ["done", "failed", "done"]
    assert record["workers"]["count"] == 2 and os.getpid() not in [study["process"] for study in record["studies"]]
    assert cli.main(words) == 1 and "2 skipped, 1 failed" in capsys.readouterr().out
