"""Radiomic signatures: those of pyradiomics on the same mask, in one wide table, with empty cells where none is."""

import json
import shutil

import pytest
import SimpleITK as sitk
from lesion_factory import drawn, lesion_of
from lesion_study_factory import write_lesion_study

from liverpair import cli
from liverpair.core.errors import InputError, no_progress
from liverpair.core.lesions import write_lesions
from liverpair.core.sides import Side
from liverpair.io.study import read_image, write_image
from liverpair.io.wide_table import read_table, write_table
from liverpair.jobs.features_job import features
from liverpair.measures.boxes import label_boxes
from liverpair.measures.signature import SignatureExtractor, read_settings

radiomics = pytest.importorskip("radiomics", reason="pyradiomics is not installed")


@pytest.fixture
def studies(tmp_path):
    """Two studies with lesions drawn in both images; in the second, lesion 1 is a single voxel in T2."""
    folder = tmp_path / "studies"
    for seed, name in enumerate(("anna", "bert")):
        write_lesion_study(folder / name, seed, tuple(Side))
    labels = read_image(folder / "bert" / "t2_lesions.nii.gz")
    array = sitk.GetArrayFromImage(labels)
    array[array == 1] = 0
    array[6, 40, 40] = 1
    changed = sitk.GetImageFromArray(array)
    changed.CopyInformation(labels)
    write_image(changed, folder / "bert" / "t2_lesions.nii.gz")
    return folder


def of_pyradiomics(study, side, number, settings=None):
    extractor = radiomics.featureextractor.RadiomicsFeatureExtractor(settings or read_settings())
    found = extractor.execute(str(study / f"{side}.nii.gz"), str(study / f"{side}_lesions.nii.gz"), label=number)
    return {name: float(value) for name, value in found.items() if not name.startswith("diagnostics")}


def test_the_table_holds_what_pyradiomics_says_of_the_same_masks(studies, tmp_path, capsys):
    assert cli.main(["features", str(studies), "-o", str(tmp_path / "table.csv")]) == 0
    rows = read_table(tmp_path / "table.csv")
    assert [(row["study"], row["lesion"]) for row in rows] == [(n, i) for n in ("anna", "bert") for i in (1, 2, 3)]
    for side in Side:
        expected = of_pyradiomics(studies / "anna", side, 2)
        assert len(expected) == 107  # 14 of shape, 18 first order, 24 + 16 + 16 + 14 + 5 of texture
        mine = {name: rows[1][f"{side}_{name}"] for name in expected}
        for name, value in expected.items():
            assert mine[name] == pytest.approx(value, rel=1e-6, abs=1e-6), name
    said = capsys.readouterr()
    assert "6 lesions of 2 patients" in said.out
    assert "bert: Lesion 1 in T2 has no signature, as pyradiomics refuses its mask" in said.err
    small = rows[3]
    assert {small[name] for name in small if name.startswith("t2_")} == {None}
    assert small["t1_original_shape_VoxelVolume"] > 0


def test_a_run_that_was_stopped_goes_on_and_other_settings_are_told_apart(studies, tmp_path, capsys):
    words = ["features", str(studies), "-o", str(tmp_path / "table.csv")]
    assert cli.main(words) == 0
    (tmp_path / "table.csv").unlink()
    (tmp_path / "table-studies" / "bert" / "features.json").unlink()
    assert cli.main(words) == 0
    assert "1 done, 1 skipped" in capsys.readouterr().out
    assert cli.main(words) == 2
    assert "is there already" in capsys.readouterr().err
    (tmp_path / "table.csv").unlink()
    (tmp_path / "few.yaml").write_text("featureClass: {firstorder: [Mean]}\nsetting: {binWidth: 10}\n")
    assert cli.main([*words, "--settings", str(tmp_path / "few.yaml")]) == 1
    assert "was done with another model, option or input" in capsys.readouterr().err
    assert cli.main([*words, "--overwrite", "--settings", str(tmp_path / "few.yaml")]) == 0
    (row, *_) = read_table(tmp_path / "table.csv")
    names = [name for name in row if name.startswith("t1_")]
    assert names == ["t1_original_firstorder_Mean"]
    mean = of_pyradiomics(studies / "anna", "t1", 1, {"featureClass": {"firstorder": ["Mean"]}})
    assert row[names[0]] == pytest.approx(mean["original_firstorder_Mean"], abs=1e-6)


def test_rejected_lesions_are_left_out_and_strangers_told(studies, tmp_path):
    folder = studies / "anna"
    boxes = label_boxes(read_image(folder / "t1_lesions.nii.gz"))
    lesions = [
        lesion_of(1, drawn(boxes[1]), uid="one", state="rejected"),
        lesion_of(2, drawn(boxes[2]), drawn(boxes[2]), uid="two", state="accepted"),
        lesion_of(9, drawn(boxes[1]), uid="nine"),
    ]
    write_lesions(folder / "lesions.json", lesions)
    parts = {part: str(folder / f"{part}.nii.gz") for part in ("t1", "t1_lesions")}
    request = {**parts, "lesions": str(folder / "lesions.json"), "output": str(tmp_path / "out")}
    told = []
    found = features({**request, "settings": {"featureClass": {"shape": []}}}, lambda f, m: told.append((f, m)))
    assert [(row["lesion"], row["uid"], row["state"]) for row in found["rows"]] == [
        (2, "two", "accepted"),
        (9, "nine", "proposed"),
    ]
    assert found["notes"] == [
        "Lesion 9 has no mask in T1: its cells are empty.",
        "The masks hold lesions that lesions.json does not name, and which were left out: 3.",
    ]
    assert (0.05, "Lesion 2 in T1") in told and told[-1][0] == 1.0
    assert json.loads((tmp_path / "out" / "features.json").read_text())["rows"] == found["rows"]


def test_what_cannot_be_is_said_in_a_sentence(studies, tmp_path, capsys):
    with pytest.raises(InputError, match="No image comes with masks of its lesions"):
        features({"t1": str(studies / "anna" / "t1.nii.gz"), "output": str(tmp_path / "out")}, no_progress)
    with pytest.raises(InputError, match="pyradiomics refuses the settings"):
        SignatureExtractor({"featureClass": {"colour": []}})
    (tmp_path / "no.yaml").write_text("a: [")
    with pytest.raises(InputError, match="are not YAML"):
        read_settings(tmp_path / "no.yaml")
    assert cli.main(["features", str(studies), "-o", str(tmp_path / "table.xls")]) == 2
    assert "End it with .csv or .parquet." in capsys.readouterr().err
    shutil.rmtree(studies / "bert")
    for side in Side:
        (studies / "anna" / f"{side}_lesions.nii.gz").unlink()
    assert cli.main(["features", str(studies), "-o", str(tmp_path / "table.csv")]) == 2
    said = capsys.readouterr()
    assert "No image comes with masks" in said.err and "there is no table" in said.err


def test_parquet_and_csv_hold_the_same(tmp_path):
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    rows = [{"study": "a", "x": 1.5, "y": None}, {"study": "b", "x": 0.1 + 0.2, "y": 3.0}]
    for suffix in ("csv", "parquet"):
        write_table(tmp_path / f"t.{suffix}", rows)
        assert read_table(tmp_path / f"t.{suffix}") == rows


def test_a_damaged_table_is_refused_with_what_is_wrong(tmp_path):
    path = tmp_path / "t.csv"
    for text, sentence in (("a,b\n1\n", "1 cells in row 2"), ("a,a\n1,2\n", "a column twice"), ("a,b\n", "no row")):
        path.write_text(text)
        with pytest.raises(InputError, match=sentence):
            read_table(path)
    with pytest.raises(InputError, match="does not exist"):
        read_table(tmp_path / "none.csv")
    path.write_text("a,b\n1,x\n,2\n", encoding="utf-8")
    assert read_table(path) == [{"a": 1.0, "b": "x"}, {"a": None, "b": "2"}]


def test_the_results_of_detections_are_studies_with_the_volumes_that_were_looked_at(studies, tmp_path):
    folder = tmp_path / "found" / "anna"
    folder.mkdir(parents=True)
    for side in Side:
        shutil.move(studies / "anna" / f"{side}_lesions.nii.gz", folder)
    content = {
        "schema_version": 1,
        "lesions": "lesions.json",
        "table": "lesions.csv",
        "boxes": {"t1": "a", "t2": "b"},
        "livers": {"t1": None, "t2": None},
        "correspondence": None,
        "pairs": 3,
        "provenance": {"seconds": 1.0},
        "offset_t1_to_t2_mm": [0, 0, 0],
        "inputs": {side.key: str(studies / "anna" / f"{side}.nii.gz") for side in Side},
    }
    (folder / "detection.json").write_text(json.dumps(content))
    (tmp_path / "few.yaml").write_text("featureClass: {shape: [VoxelVolume]}\n")
    words = [
        "features",
        str(tmp_path / "found"),
        "-o",
        str(tmp_path / "t.csv"),
        "--settings",
        str(tmp_path / "few.yaml"),
    ]
    assert cli.main(words) == 0
    rows = read_table(tmp_path / "t.csv")
    assert [(row["study"], row["lesion"]) for row in rows] == [("anna", 1), ("anna", 2), ("anna", 3)]
    assert all(row["t1_original_shape_VoxelVolume"] == row["t2_original_shape_VoxelVolume"] > 0 for row in rows)
