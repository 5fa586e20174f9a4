"""`dream` on the command line: which image is which, starts, settings, the folder it leaves, and what it refuses."""

import json

import pytest
from dream_job_factory import POINT, write_dream_bundle, write_patient

from liverpair import cli
from liverpair.commands import dream as command
from liverpair.io.study import read_image
from liverpair.jobs.dream_request import DreamRequest
from liverpair.jobs.jobs import JOBS


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a patient and the model "b"."""
    folder = tmp_path_factory.mktemp("place")
    write_dream_bundle(folder / "b")
    write_patient(folder)
    return folder


@pytest.fixture
def words(place, tmp_path):
    short = ["--step", "0.01", "--iterations", "20", "--minimum-gain", "0", "--frames", "0", "--device", "cpu"]
    return ["dream", str(place / "t1.nii.gz"), "--model", str(place / "b"), "-o", str(tmp_path / "out"), *short]


def at(point=POINT) -> list[str]:
    return ["--point", *map(str, point)]


def test_a_dream_from_a_point_with_its_report(words, tmp_path, capsys):
    assert cli.main([*words, *at(), *at([-4.0, 3.5, 8.0]), "--features", "firstorder_Mean"]) == 0
    printed = capsys.readouterr().out
    dream = json.loads((tmp_path / "out" / "dream.json").read_text(encoding="utf-8"))
    assert dream["readings"][0]["sentence"] in printed
    assert "dream 2: 20 iterations. All 20 iterations are done." in printed
    assert f"Report: {tmp_path / 'out' / 'report.html'}" in printed
    assert [len(dream["starts"]), dream["settings"]["frames"], dream["features"]] == [2, [0], ["firstorder_Mean"]]
    for name in ("trajectories.csv", "trajectories.png", "original.nii.gz", "frames/dream_01_00020_mask.nii.gz"):
        assert (tmp_path / "out" / name).stat().st_size > 0
    assert cli.main([*words, *at()]) == 2
    assert "already holds dream.json. Choose another folder, or add --resume or --overwrite." in capsys.readouterr().err
    assert cli.main([*words, *at(), "--overwrite", "--no-report", "--iterations", "1"]) == 0
    assert "Report:" not in capsys.readouterr().out


def parsed(words):
    return command.request_of(cli.make_parser().parse_args(words))


def test_every_option_reaches_the_job(words, place):
    request = parsed(
        [*words, "--box", "16", "-8", "0", "12", "13", "14", "--random-starts", "3", "--seed", "5", "--no-crop"]
        + ["--direction", "descent", "--activation", "probability", "--gradient", "raw", "--patience", "7"]
        + ["--every", "4", "--threshold", "0.4", "--precision", "fp32", "--baseline", "random-weights", "--resume"]
        + ["--normal-ranges", "r.json", "--t1-liver", "m.nii.gz", "--side", "t1"]
    )
    direction = list(read_image(place / "t1.nii.gz").GetDirection())
    assert request["starts"] == [{"box": {"center_mm": [16, -8, 0], "size_mm": [12, 13, 14], "direction": direction}}]
    expected = {
        "random_starts": 3, "seed": 5, "crop": False, "direction": "descent", "activation": "probability",
        "gradient": "raw", "patience": 7, "every": 4, "threshold": 0.4, "precision": "fp32", "resume": True,
        "baselines": ["random-weights"], "normal_ranges": "r.json", "t1_liver": "m.nii.gz", "side": "t1",
        "step": 0.01, "iterations": 20, "minimum_gain": 0, "frames": [0],
    }  # fmt: skip
    assert {name: request[name] for name in expected} == expected
    plain = parsed([*(word for word in words if word not in ("--step", "0.01")), *at()])
    assert "step" not in plain and DreamRequest.parse(plain).crop is True


def test_coordinates_may_have_exponents(words):
    assert parsed([*words, "--point", "-1.5e1", "-8.", "-3E-05"])["starts"] == [{"point_mm": [-15.0, -8.0, -3e-05]}]


def test_one_image_is_the_one_that_the_model_takes(words, place, tmp_path):
    write_dream_bundle(tmp_path / "second", inputs=["T2"])
    write_dream_bundle(tmp_path / "either", inputs=["T1 or T2"])
    image = str(place / "t1.nii.gz")
    assert [parsed([*words, *at()])[side] for side in ("t1", "t2")] == [image, None]
    for_t2 = parsed([*words, "--model", str(tmp_path / "second")])
    assert [for_t2[side] for side in ("t1", "t2")] == [None, image]
    with pytest.raises(Exception, match="Is '.*' T1 or T2?"):
        parsed([*words, "--model", str(tmp_path / "either")])


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ([], "No neuron is chosen."),
        (at([900, 0, 0]), "lies outside of what the network sees of T1."),
        ([*at(), "--features", "glcm_Beauty"], "There is no feature 'glcm_Beauty'."),
        ([*at(), "--step", "-1"], "Option 'step' of a dream must be a number above 0, not -1.0."),
        ([*at(), "--baseline", "chance"], "must be a list of 'random-weights' or 'random-direction', not ['chance']."),
        ([*at(), "--model", "nobody"], "There is no model 'nobody'."),
        ([*at(), "--resume"], "holds no dream that can be resumed."),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(words, tmp_path, capsys, more, sentence):
    assert cli.main([*words, *more]) == 2
    said = capsys.readouterr().err
    assert sentence in said and said.count("\n") == 1 and not (tmp_path / "out").exists()


def test_a_stopped_dream_says_so_and_is_resumed(words, tmp_path, capsys, monkeypatch):
    job = JOBS["dream"]

    def interrupted(request, progress):
        def sample(values):
            if values["iteration"] == 9:
                raise KeyboardInterrupt

        progress_with_samples = type(
            "Watched", (), {"__call__": staticmethod(progress), "sample": staticmethod(sample)}
        )
        return job(request, progress_with_samples())

    monkeypatch.setitem(JOBS, "dream", interrupted)
    assert cli.main([*words, *at(), "--no-report"]) == 130
    monkeypatch.setitem(JOBS, "dream", job)
    assert cli.main([*words, *at(), "--no-report", "--resume"]) == 0
    rows = (tmp_path / "out" / "trajectories.csv").read_text(encoding="utf-8").splitlines()
    assert len(rows) == 1 + 21
