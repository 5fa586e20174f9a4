"""The report of a dream: what it says, and that it needs nothing but itself."""

import re
import sys

import pytest
from dream_folder_factory import ENTROPY, SPHERICITY, rising, write_dream

from liverpair.core.errors import InputError, MissingPackageError
from liverpair.core.trajectories import Trajectories
from liverpair.dreaming import report
from liverpair.dreaming.finished import FinishedDream


def page_of(paths) -> str:
    return paths["html"].read_text(encoding="utf-8")


def without_pictures(page: str) -> str:
    return re.sub(r'src="data:[^"]*"', "", page)


def test_a_report_says_everything_on_one_page_of_its_own(tmp_path):
    folder = write_dream(tmp_path / "dream")
    paths = report.write_report(folder, tmp_path / "report")
    assert {what: path.name for what, path in paths.items()} == report.REPORT_FILES
    assert sorted(p.name for p in (tmp_path / "report").iterdir()) == sorted(
        [*report.REPORT_FILES.values(), report.STRIP_FILE]
    )
    page = page_of(paths)
    assert page.count("data:image/png;base64,") == 2
    text = without_pictures(page)
    assert not re.search(r"(src|href)=|https?://|@import|url\(", text)
    for said in (
        "What lesion-slices-t1 1.0.0 dreams of",
        "T1 t1.nii.gz · 3 starts",
        "<b>Sphericity</b> rises into the normal range by iteration 15.",
        "−3.6 → +0.0",
        "0.001 of the dynamic range",
        "Start 2 of 3",
        "12 lesions: Twelve drawn lesions",
        "random direction",
        "bins of 10, voxels of 2 × 2 mm",
        "SHA-256 abababab",
        "A note on &lt;this&gt; &amp; that.",
        "How to read it",
        "not on a patient",
    ):
        assert said in text
    assert "somewhere/patient" not in text
    assert Trajectories.read_csv(paths["csv"]).features == (SPHERICITY, ENTROPY)


def test_a_report_shows_which_layer_separates_lesions_where_the_model_knows(tmp_path):
    layers = {"first": "encoder 1", "auc": {"image": 0.7, "encoder 1": 0.95}}
    folder = write_dream(tmp_path / "dream", layers=layers)
    text = without_pictures(page_of(report.write_report(folder, tmp_path / "out")))
    assert "encoder 1 is the first to tell lesions from liver about as well as any" in text
    assert "image 0.7, encoder 1 0.95" in text
    without = write_dream(tmp_path / "other")
    assert "linear probes" not in without_pictures(page_of(report.write_report(without, tmp_path / "out2")))


def test_nothing_in_a_dream_becomes_markup(tmp_path):
    notes, reading = ["<script>a</script>"], {"feature": SPHERICITY, "rule": "toward", "z0": None, "z1": None}
    readings = [reading | {"sentence": "Sphericity <i>rises</i>."}]
    inputs = {"t1": "<b>.nii", "t2": 'a"b.nii'}
    folder = write_dream(tmp_path / "dream", "<model>", notes=notes, readings=readings, inputs=inputs)
    text = without_pictures(page_of(report.write_report(folder, tmp_path / "out")))
    assert not re.search(r"<script|<i>|<model|<b>\.nii|a\"b", text)
    for escaped in ("&lt;script&gt;a", "<b>Sphericity</b> &lt;i&gt;rises", "&lt;model&gt; 1.0.0", "T1 &lt;b&gt;.nii"):
        assert escaped in text


def test_a_report_may_lie_in_the_folder_of_its_dream(tmp_path):
    folder = write_dream(tmp_path)
    before = (folder / "trajectories.csv").read_bytes()
    paths = report.write_report(folder, folder)
    assert paths["csv"].read_bytes() == before
    assert "Sphericity" in page_of(report.write_report(folder, folder))


def test_a_second_model_stands_beside(tmp_path):
    first = write_dream(tmp_path / "a")
    second = write_dream(tmp_path / "b", "fake-lesions", rising(starts=1), ranges=None)
    text = without_pictures(page_of(report.write_report(first, tmp_path / "out", second)))
    assert "beside fake-lesions 1.0.0" in text and "Dashed: fake-lesions 1.0.0" in text
    assert "0.44 → 0.8, toward" in text


def test_two_dreams_of_one_model_are_told_apart(tmp_path):
    one, other = (FinishedDream.read(write_dream(tmp_path / name)) for name in "ab")
    assert report._names(one, other) == ("lesion-slices-t1 1.0.0, first dream", "lesion-slices-t1 1.0.0, second dream")
    text = without_pictures(page_of(report.write_report(one.folder, tmp_path / "out", other.folder)))
    assert "Dashed: lesion-slices-t1 1.0.0, second dream" in text


def test_without_ranges_values_are_shown_and_it_is_said(tmp_path):
    folder = write_dream(tmp_path / "dream", trajectories=rising(starts=1), ranges=None)
    text = without_pictures(page_of(report.write_report(folder, tmp_path / "out")))
    assert "no normal ranges" in text and "0.44 → 0.8" in text and "the green band" not in text
    assert "no baselines" in text and "Start 1 of" not in text


def test_a_baseline_without_object_has_no_curve_and_it_is_said(tmp_path):
    trajectories = rising(starts=1)
    sample = {"run": "random-direction", "start": 0, "iteration": 0, "activation": 0.1}
    trajectories.add(sample | {"features": {SPHERICITY: None, ENTROPY: None}})
    folder = write_dream(tmp_path / "dream", trajectories=trajectories)
    said = "No object appeared along a random direction: only its activation has a curve."
    assert said in page_of(report.write_report(folder, tmp_path / "out"))
    trajectories.add(sample | {"features": {SPHERICITY: 0.5, ENTROPY: None}})
    folder = write_dream(tmp_path / "other", trajectories=trajectories)
    assert "No object appeared" not in page_of(report.write_report(folder, tmp_path / "next"))


def test_an_unfinished_dream_says_so_and_may_have_no_pictures(tmp_path):
    folder = write_dream(tmp_path / "dream", complete=False, runs=[])
    paths = report.write_report(folder, tmp_path / "out")
    page = page_of(paths)
    assert "has not run to its end" in page and page.count("data:image/png") == 1
    assert not (tmp_path / "out" / report.STRIP_FILE).exists()


def test_the_page_shows_the_strongest_of_many_features(tmp_path):
    names = [f"glcm_Feature{number}" for number in range(14)]
    trajectories = Trajectories()
    for iteration in range(3):
        values = {name: float(number + iteration) for number, name in enumerate(names)}
        trajectories.add({"run": "dream", "start": 0, "iteration": iteration, "activation": 0.0, "features": values})
    readings = [
        {"feature": n, "rule": "no range", "sentence": f"{n} rises.", "z0": None, "z1": None} for n in names[::-1]
    ]
    folder = write_dream(tmp_path / "dream", trajectories=trajectories, ranges=None, readings=readings)
    dream = FinishedDream.read(folder)
    shown = report.page_features(dream)
    assert shown == tuple(names[5:])
    rows = report.reading_rows(dream, shown)
    assert len(rows) == report.MOST_FEATURES and rows[0].course == "13 → 15"
    text = without_pictures(page_of(report.write_report(folder, tmp_path / "out")))
    assert "5 more features are in trajectories.png" in text


def test_many_notes_are_counted(tmp_path):
    folder = write_dream(tmp_path / "dream", notes=[f"Note {number}." for number in range(9)])
    text = without_pictures(page_of(report.write_report(folder, tmp_path / "out")))
    assert "Note 2." in text and "Note 3." not in text and "6 more notes are in dream.json" in text


@pytest.mark.parametrize("damage", ["missing", "text", "other"])
def test_a_folder_without_a_dream_is_refused(tmp_path, damage):
    if damage == "text":
        (tmp_path / "dream.json").write_text("{")
    if damage == "other":
        (tmp_path / "dream.json").write_text('{"trajectories": "t.csv", "runs": {}}')
    with pytest.raises(InputError, match="holds no dream"):
        report.write_report(tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_dream_without_iterations_is_refused(tmp_path):
    folder = write_dream(tmp_path / "dream")
    Trajectories((SPHERICITY,)).write_csv(folder / "trajectories.csv")
    with pytest.raises(InputError, match="no iteration yet"):
        report.write_report(folder, tmp_path / "out")


def test_the_typical_start_has_the_median_final_activation(tmp_path):
    assert FinishedDream.read(write_dream(tmp_path, trajectories=rising(starts=5))).typical_start == 2


def test_without_jinja_the_package_is_named(tmp_path, monkeypatch):
    folder = write_dream(tmp_path / "dream")
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(MissingPackageError, match="jinja2"):
        report.write_report(folder, tmp_path / "out")


def test_without_matplotlib_the_package_is_named(tmp_path, monkeypatch):
    folder = write_dream(tmp_path / "dream")
    for name in [n for n in sys.modules if n.split(".")[0] == "matplotlib" or n == "liverpair.dreaming.figures"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr("liverpair.dreaming.figures")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.delitem(sys.modules, "liverpair.dreaming.plot_style", raising=False)
    monkeypatch.delattr("liverpair.dreaming.plot_style", raising=False)
    with pytest.raises(MissingPackageError, match="matplotlib"):
        report.write_report(folder, tmp_path / "out")
