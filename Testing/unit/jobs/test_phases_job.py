"""Lesions in further series of a visit, carried there by the livers: signals set by hand."""

import json

import numpy as np
import pytest
import SimpleITK as sitk
from visits_factory import BASELINE, GRID, LIVER_RADII, write_visit

from liverpair.cli import main
from liverpair.core.errors import InputError, no_progress
from liverpair.core.geometry import on_grid
from liverpair.core.lesion_findings import PhaseSignal
from liverpair.core.lesions import read_lesions
from liverpair.io.phases import guess_phase, phases_in
from liverpair.jobs.jobs import JOBS
from liverpair.measures.phases import enhancement_curve, lirads_inputs, lirads_sentences
from liverpair.registration.phases import AS_SCANNED, carried

BREATH = (3.0, -2.0, 12.0)
"""Where the liver lies in the further series, beside where it lies in T1."""
LEVELS = {"native": (80.0, 100.0), "arterial": (180.0, 120.0), "portal": (120.0, 160.0), "delayed": (110.0, 150.0)}
"""Of lesions and of the liver."""


def write_phase(folder, key, moved=BREATH, liver=True):
    z, y, x = np.indices(GRID.shape)
    points = np.stack([x, y, z], axis=-1) * GRID.spacing + GRID.origin - moved
    inside = np.linalg.norm(points / LIVER_RADII, axis=-1) <= 1
    values = np.where(inside, LEVELS[key][1], 20.0)
    for center, radius in BASELINE.values():
        values[np.linalg.norm(points - center, axis=-1) <= radius] = LEVELS[key][0]
    path = folder / f"phase_{key}.nii.gz"
    sitk.WriteImage(on_grid(values.astype(np.float32), GRID), str(path))
    if liver:
        sitk.WriteImage(on_grid(inside.astype(np.uint8), GRID), str(folder / f"phase_{key}_liver.nii.gz"))
    return str(path)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = write_visit(tmp_path_factory.mktemp("visit") / "march", BASELINE)
    for key in LEVELS:
        write_phase(folder, key)
    return folder


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("LIVERPAIR_CACHE", str(tmp_path_factory.getbasetemp() / "phases-cache"))


def test_every_lesion_is_measured_in_every_phase_where_the_livers_carry_it(study, tmp_path, capsys):
    assert main(["phases", str(study), "-o", str(tmp_path / "out")]) == 0
    told = json.loads((tmp_path / "out" / "phases.json").read_text())
    assert {key: one["carried"] for key, one in told["phases"].items()} == dict.fromkeys(
        LEVELS, "registration of the livers"
    )
    for lesion in read_lesions(tmp_path / "out" / "lesions.json"):
        assert list(lesion.phases) == list(LEVELS)
        for key, (inside, around) in LEVELS.items():
            assert lesion.phases[key].liver == pytest.approx(around, rel=0.03)
            if BASELINE[lesion.number][1] > 10:  # of a small one, the border takes a larger part
                assert lesion.phases[key].mean == pytest.approx(inside, abs=0.2 * abs(inside - around))
    said = capsys.readouterr().out
    assert "Arterial phase: 4" in said and "% brighter than the liver." in said and "since the arterial phase" in said
    assert main(["phases", str(study), "-o", str(tmp_path / "out")]) == 2


def test_as_scanned_the_same_series_is_measured_wrong(study):
    t1 = sitk.ReadImage(str(study / "t1.nii.gz"))
    phase = sitk.ReadImage(str(study / "phase_arterial.nii.gz"))
    one = carried(phase, None, t1, None)
    assert one.way == AS_SCANNED and one.dice is None
    labels = sitk.GetArrayFromImage(sitk.ReadImage(str(study / "t1_lesions.nii.gz"))) == 1
    assert sitk.GetArrayFromImage(one.image)[labels].mean() < 165.0


def test_a_curve_is_relative_to_the_native_phase_and_inputs_to_the_liver():
    signals = {key: PhaseSignal(lesion, 5.0, liver) for key, (lesion, liver) in LEVELS.items()}
    curve = enhancement_curve(signals)
    assert curve["arterial"] == {"contrast": 50.0, "lesion": 125.0, "liver": pytest.approx(20.0)}
    assert curve["native"]["lesion"] == 0.0 and list(curve) == list(LEVELS)
    inputs = lirads_inputs(signals, 0.4)
    assert inputs == {
        "arterial_percent": 50.0,
        "portal_percent": -25.0,
        "delayed_percent": pytest.approx(-26.667, abs=0.01),
        "portal_change": -75.0,
        "delayed_change": pytest.approx(-76.667, abs=0.01),
        "t2_percent": 40.0,
    }
    assert lirads_sentences(inputs) == [
        "Arterial phase: 50 % brighter than the liver.",
        "Portal venous phase: 25 % darker than the liver, -75 points since the arterial phase.",
        "Delayed phase: 27 % darker than the liver, -77 points since the arterial phase.",
        "T2: 40 % brighter than the liver.",
    ]
    without = enhancement_curve({key: signals[key] for key in ("arterial", "portal")})
    assert without == {"arterial": {"contrast": 50.0}, "portal": {"contrast": -25.0}}
    assert lirads_inputs({}) == {} and lirads_sentences({}) == []


@pytest.mark.parametrize(
    ("name", "tags", "phase"),
    [
        ("AX VIBE fs arterial", {}, "arterial"),
        ("t1_vibe_pv", {}, "portal"),
        ("Series 7", {"SeriesDescription": "AX LAVA delayed 5min"}, "delayed"),
        ("AX VIBE pre contrast", {}, "native"),
        ("dixon_in_phase", {}, "in_phase"),
        ("t1_opp", {}, "out_of_phase"),
        ("ep2d", {"DiffusionBValue": "800"}, "dwi"),
        ("arterial", {"SeriesDescription": "AX HBP 20min"}, "hepatobiliary"),
        ("AX T1", {}, None),
    ],
)
def test_a_phase_is_recognized_by_name_and_tags(name, tags, phase):
    assert guess_phase(name, tags) == phase


def test_phases_of_a_folder_are_found_by_their_names(study):
    found = phases_in(study)
    assert set(found) == {*LEVELS, *(f"{key}_liver" for key in LEVELS)}


def test_what_cannot_be_is_refused_in_one_sentence(study, tmp_path):
    parts = {p: str(study / f"{p}.nii.gz") for p in ("t1", "t1_liver")}
    request = {**parts, "lesions": str(study / "lesions.json"), "output": str(tmp_path / "out")}
    for phases, words in (({}, "No series is given beside"), ({"late": "x"}, "There is no phase 'late'")):
        with pytest.raises(InputError, match=words):
            JOBS["phases"]({**request, "phases": phases}, no_progress)
    without = {name: value for name, value in request.items() if name != "t1_liver"}
    series = {"phases": {"portal": str(study / "phase_portal.nii.gz")}}
    livers = {"phase_livers": {"portal": str(study / "phase_portal_liver.nii.gz")}}
    with pytest.raises(InputError, match="T1 has no liver mask"):
        JOBS["phases"]({**without, **series, **livers}, no_progress)
    assert not (tmp_path / "out").exists()


def test_a_series_that_nothing_names_or_two_of_one_phase_are_asked_about(study, tmp_path, capsys):
    path = str(study / "t2.nii.gz")
    assert main(["phases", str(study), path, "-o", str(tmp_path / "out")]) == 2
    assert f"Nothing tells which phase '{path}' is. Say it: arterial={path}." in capsys.readouterr().err
    twice = [f"portal={path}", f"portal={study / 't1.nii.gz'}"]
    assert main(["phases", str(study), *twice, "-o", str(tmp_path / "out")]) == 2
    assert "both are the portal phase" in capsys.readouterr().err
