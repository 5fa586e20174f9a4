"""`detect` and `evaluate` of a detector: one pair, many studies, what is skipped, scored and refused."""

import csv
import json
import shutil
from pathlib import Path

import pytest
from peak_detector import write_peak_bundle
from peak_study import write_study

from liverpair import cli
from liverpair.core.lesions import read_lesions, write_lesions
from liverpair.evaluation import result_files as results


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with the detector "b" and a folder of studies: "anna" and "bert" whole, "cora" without lesions.json."""
    folder = tmp_path_factory.mktemp("place")
    write_peak_bundle(folder / "b")
    write_study(folder / "studies" / "anna")
    for name in ("bert", "cora"):
        shutil.copytree(folder / "studies" / "anna", folder / "studies" / name)
    (folder / "studies" / "cora" / "lesions.json").unlink()
    return folder


@pytest.fixture
def studies(place, tmp_path):
    return Path(shutil.copytree(place / "studies", tmp_path / "studies"))


@pytest.fixture
def model(place):
    return ["--model", str(place / "b"), "--device", "cpu", "--no-registration"]


def volumes(studies: Path, masks: bool = True) -> list[str]:
    one = studies / "anna"
    words = [str(one / "t1.nii.gz"), str(one / "t2.nii.gz")]
    livers = ["--t1-liver", str(one / "t1_liver.nii.gz"), "--t2-liver", str(one / "t2_liver.nii.gz")]
    return words + livers if masks else words


def test_a_pair(studies, model, tmp_path, capsys):
    words = ["detect", *volumes(studies), "-o", str(tmp_path / "out"), *model]
    assert cli.main(words) == 0
    printed = capsys.readouterr().out
    assert f"2 lesions with a score from 0.5: {tmp_path / 'out' / 'lesions.json'}" in printed
    assert "which LesionPairDetect shows at first" not in printed
    assert "in T1, seen from that in T2: 6 mm right, 10 mm posterior, 16 mm inferior" in printed
    assert len(read_lesions(tmp_path / "out" / "lesions.json")) == 2
    assert cli.main(words) == 2
    assert "already holds detection.json. Choose another folder, or add --overwrite." in capsys.readouterr().err
    assert cli.main([*words, "--overwrite", "--score-floor", "0.1"]) == 0
    assert "\n2 of them with a score from 0.5, which LesionPairDetect shows at first" in capsys.readouterr().out
    assert cli.main([*words, "--overwrite", "--threshold", "1"]) == 0
    assert read_lesions(tmp_path / "out" / "lesions.json") == []


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["{t1}"], "1 volumes are given; lesions are looked for in one T1 and one T2 together."),
        (["{t1}", "{t2}", "--studies", "x"], "--studies takes volumes and masks from its folder."),
        (["{t1}", "{t2}", "--score-floor", "2"], "must be a number from 0 to 1, not 2.0."),
        (["{t1}", "{t2}", "--alignment", "up"], "must be 'aligned' or 'published', not 'up'."),
        (["{t1}", "{t2}", "--model", "nobody"], "There is no model 'nobody'."),
        (["{t1}", "/gone.nii"], "'/gone.nii' does not exist."),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(studies, model, tmp_path, capsys, words, sentence):
    places = dict(zip(("t1", "t2"), volumes(studies)))
    masks = volumes(studies)[2:] if "x" not in words else []
    words = ["detect", "-o", str(tmp_path / "out"), *model, *masks, *(word.format(**places) for word in words)]
    assert cli.main(words) == 2
    said = capsys.readouterr().err
    assert sentence in said and said.count("\n") == 1 and not (tmp_path / "out").exists()


def test_lesions_that_somebody_drew_are_not_replaced(studies, model, capsys):
    words = ["detect", *volumes(studies), "-o", str(studies / "anna"), *model]
    assert cli.main(words) == 2
    assert "anna' already holds lesions.json." in capsys.readouterr().err
    before = (studies / "anna" / "lesions.json").read_bytes()
    (studies / "cora" / "t2.nii.gz").unlink()
    assert cli.main(["detect", "--studies", str(studies), "-o", str(studies), *model]) == 1
    said = capsys.readouterr().err
    assert "anna' holds lesions.json, which is not a result of a detection." in said
    assert "cora' holds no t2.nii.gz and no T2-weighted series." in said
    assert (studies / "anna" / "lesions.json").read_bytes() == before


def test_a_batch_skips_what_is_done_and_is_scored(studies, model, place, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(results, "RESULTS_FOLDER", tmp_path / "docs")
    shutil.rmtree(studies / "bert")
    out = tmp_path / "out"
    words = ["detect", "--studies", str(studies), "-o", str(out), *model]
    assert cli.main(words) == 0 and "2 done" in capsys.readouterr().out
    rows = {row["study"]: row for row in csv.DictReader((out / "summary.csv").open())}
    assert {name: row["lesions"] for name, row in rows.items()} == {"anna": "2", "cora": "2"}
    written = (out / "anna" / "lesions.json").read_bytes()
    assert cli.main(words) == 0 and "2 skipped" in capsys.readouterr().out
    assert cli.main([*words, "--threshold", "0.9"]) == 1
    said = capsys.readouterr()
    assert "2 differs" in said.out and "was done with another model, option or input. Add --overwrite." in said.err
    assert (out / "anna" / "lesions.json").read_bytes() == written

    read = ["evaluate", str(studies), "--predictions", str(out), "--kinds", "--results", "peaks"]
    assert cli.main(read) == 0
    said = capsys.readouterr()
    assert "cora' has no lesions.json; it is left out." in said.err
    content = json.loads((tmp_path / "docs" / "peaks.json").read_text(encoding="utf-8"))
    assert content["sensitivity_at_2fp"] == 1 and content["pairing_accuracy"] == 1 and content["cases"] == 1
    assert content["displacement_error_mm"] < 3 < content["displacement_error_none_mm"]
    assert content["command"].startswith(f"python -m liverpair evaluate {studies.name}")
    page = (tmp_path / "docs" / "peaks.md").read_text(encoding="utf-8")
    assert "## By size and kind" in page and "| cyst" in page and "| HCC" in page and "| anna" in page

    assert cli.main(["evaluate", str(place / "b"), str(studies), "--device", "cpu"]) == 0
    assert "| sensitivity_at_2fp " in capsys.readouterr().out


def changed(lesions: dict, **changes) -> str:
    """A lesion file with another value in the T1 box of its second pair, or of a field of that pair."""
    content = json.loads(json.dumps(lesions))
    pair = content["pairs"][1]
    for key, value in changes.items():
        (pair if key in pair else pair["t1"])[key] = value
    return json.dumps(content)


def test_a_damaged_truth_is_named_with_its_study(studies, tmp_path, capsys):
    shutil.copytree(studies, tmp_path / "out")
    path = studies / "bert" / "lesions.json"
    sound = json.loads(path.read_text())
    damaged = {
        "It has version 7": json.dumps({**sound, "version": 7}),
        "It holds NaN, which is not a number": changed(sound, center_mm=[float("nan"), 0, 0]),
        "size_mm must be above zero": changed(sound, size_mm=[5, -5, 5]),
        "Two lesion pairs have the uid": changed(sound, uid=sound["pairs"][0]["uid"]),
        "has an unknown field 'color'": changed(sound, color="red"),
        "It is not valid JSON": json.dumps(sound)[:-30],
        "It is not a lesion file": "[]",
    }
    for sentence, text in damaged.items():
        path.write_text(text)
        assert cli.main(["evaluate", str(studies), "--predictions", str(tmp_path / "out")]) == 2
        said = capsys.readouterr().err.splitlines()[-1]
        assert sentence in said and f"Lesion file '{path}'" in said


def test_predictions_of_others_need_the_livers_of_the_study(studies, tmp_path, capsys):
    shutil.copytree(studies, tmp_path / "out")
    words = ["evaluate", str(studies), "--predictions", str(tmp_path / "out"), "--cases", "anna"]
    assert cli.main(words) == 0
    assert "pairing_accuracy" in capsys.readouterr().out
    (studies / "anna" / "t1_liver.nii.gz").unlink()
    assert cli.main(words) == 2
    assert "Study 'anna' has no liver masks." in capsys.readouterr().err


def test_rejected_lesions_are_not_to_be_found(studies, tmp_path, capsys):
    shutil.copytree(studies, tmp_path / "out")
    path = studies / "anna" / "lesions.json"
    path.write_text(path.read_text().replace('"accepted"', '"rejected"'))
    assert cli.main(["evaluate", str(studies), "--predictions", str(tmp_path / "out"), "--cases", "anna"]) == 2
    assert "No case has a lesion." in capsys.readouterr().err


def test_studies_of_one_name_keep_apart(studies, tmp_path, capsys):
    other = shutil.copytree(studies, tmp_path / "other")
    for folder in (studies, other):
        write_lesions(tmp_path / "out" / Path(folder).name / "anna" / "lesions.json", [])
    words = ["evaluate", str(studies), str(other), "--predictions", str(tmp_path / "out"), "--cases", "anna"]
    assert cli.main(words) == 0
    printed = capsys.readouterr().out
    assert "| studies/anna |" in printed and "| other/anna " in printed


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["{model}"], "No folder of studies is given."),
        (["{model}", "{studies}", "--cases", "zoe"], "There is no study 'zoe' in"),
        (["{model}", "{studies}/anna"], "anna' holds no study."),
        (["{studies}", "--predictions", "{studies}/none"], "There is no result of study 'anna' in"),
        (["{studies}", "--predictions={studies}/none"], "There is no result of study 'anna' in"),
        (["nobody", "{studies}"], "There is no model 'nobody'."),
        (["{model}", "{studies}", "--t1-labels", "x"], "--t1-labels is no option for a detector."),
        (["liver-t1t2", "{studies}", "--kinds"], "--kinds is no option for a model that segments."),
    ],
)
def test_what_cannot_be_scored_is_said(studies, place, capsys, words, sentence):
    names = {"model": place / "b", "studies": studies}
    assert cli.main(["evaluate", *(word.format(**names) for word in words)]) == 2
    assert sentence in capsys.readouterr().err.splitlines()[-1]


def test_help_speaks_of_both_kinds_of_models(capsys):
    with pytest.raises(SystemExit) as left:
        cli.main(["evaluate", "--help"])
    said = capsys.readouterr().out
    assert left.value.code == 0 and "of a detector" in said and "of a model that segments" in said
