"""The measures of a run in a table node."""

import pytest
from mrml_factory import empty_scene

from liverpair.mrml import provenance
from liverpair.mrml.headless import load_scene_mrb, save_scene_mrb
from liverpair.mrml.tables import fill, show_measures

RESULT = {
    "t1": {"liver": "t1_liver.nii.gz", "probability": None, "uncertainty": None, "volume_ml": 1268.7},
    "t2": {"liver": "t2_liver.nii.gz", "probability": None, "uncertainty": None, "volume_ml": 1288.2},
    "measures": {"dice_as_scanned": 0.5312, "offset_t1_to_t2_mm": [-4.04, 16.0, 38.26]},
    "provenance": {
        "bundle": "liver-t1t2",
        "version": "1.0.0",
        "sha256": "ab12",
        "engine": "openvino-bf16",
        "device": "cpu",
        "precision": "bf16",
        "seconds": 3.14159,
        "software": "LiverPair 0.1",
        "date": "2025-01-02T03:04:05",
    },
    "notes": ["The T1 volume cuts the liver."],
}


@pytest.fixture(autouse=True)
def scene():
    return empty_scene()


@pytest.fixture
def table(scene):
    return scene.AddNewNodeByClass("vtkMRMLTableNode", "Measures")


def rows_of(table) -> list[tuple[str, ...]]:
    columns = range(table.GetNumberOfColumns())
    return [tuple(table.GetCellText(row, column) for column in columns) for row in range(table.GetNumberOfRows())]


def contents(table) -> dict[str, str]:
    return {row[0]: row[1] for row in rows_of(table)}


def test_every_measure_has_its_row_and_every_image_its_column(table):
    show_measures(table, RESULT)
    assert rows_of(table) == [
        ("Liver volume (ml)", "1269", "1288"),
        ("Dice with the liver in T1, as scanned", "", "0.53"),
        ("Shift against T1: how the patient lay or breathed (mm)", "", "4 right, 16 back, 38 up"),
        ("Note", "The T1 volume cuts the liver.", ""),
    ]
    assert [table.GetColumnName(column) for column in range(table.GetNumberOfColumns())] == ["Measure", "T1", "T2"]


def test_how_the_result_was_made_is_kept_with_the_table_and_read_line_by_line(table):
    show_measures(table, {**RESULT, "provenance": {**RESULT["provenance"], "score_floor": 0.05, "gpu": None}})
    assert provenance.lines(provenance.read(table)) == [
        "Model: liver-t1t2",
        "Version: 1.0.0",
        "Checksum (SHA-256): ab12",
        "Engine: openvino-bf16",
        "Device: cpu",
        "Precision: bf16",
        "Seconds: 3.14159",
        "Software: LiverPair 0.1",
        "Date: 2025-01-02T03:04:05",
        "Score floor: 0.05",
    ]
    assert provenance.lines({}) == []


def test_one_volume_alone_has_no_rows_about_a_pair(table):
    alone = RESULT | {"t2": None, "measures": {"dice_as_scanned": None, "offset_t1_to_t2_mm": None}, "notes": []}
    show_measures(table, alone)
    assert list(contents(table)) == ["Liver volume (ml)"]


def test_a_second_run_replaces_the_first(table):
    show_measures(table, RESULT)
    show_measures(table, {"t1": {"volume_ml": 10.0}})
    assert contents(table) == {"Liver volume (ml)": "10"}
    assert provenance.read(table) == {}


def test_the_table_is_saved_with_the_scene(tmp_path, scene, table):
    show_measures(table, RESULT)
    before = contents(table)
    path = save_scene_mrb(tmp_path / "pair.mrb")
    scene.Clear(False)
    load_scene_mrb(path)
    loaded = scene.GetFirstNodeByName("Measures")
    assert contents(loaded) == before
    assert provenance.read(loaded)["bundle"] == "liver-t1t2"


def test_a_note_with_quotes_tabs_and_lines_comes_back_from_a_scene_with_its_whole_row(tmp_path, scene, table):
    fill(table, ("Note", "UID"), [('a "dome"\tcyst\nsee 2019', "a"), ("vessel", "b")])
    load_scene_mrb(save_scene_mrb(tmp_path / "notes.mrb"))
    assert contents(scene.GetFirstNodeByName("Measures")) == {"a 'dome' cyst see 2019": "a", "vessel": "b"}
