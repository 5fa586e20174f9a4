"""Lesions that another tool marked, linked: label maps, one file a lesion, DICOM; what is left out and what refused."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from dicom_factory import write_volume
from peak_study import PEAKS, SHIFT, T1_GRID, T2_GRID, write_volumes

from liverpair import cli
from liverpair.core.errors import InputError, no_progress
from liverpair.core.geometry import Grid, on_grid
from liverpair.core.lesions import read_lesions
from liverpair.core.sides import Side
from liverpair.io.study import read_image, write_image
from liverpair.jobs.detect_results import is_complete, read_detection
from liverpair.jobs.jobs import JOBS

SMALL = (30.0, 20.0, 10.0)
"""A lesion that is marked in T1 only."""


def balls(grid: Grid, places, radius_mm: float = 9.0, values=None) -> np.ndarray:
    z, y, x = np.indices(grid.shape)
    points = np.asarray(grid.origin) + (np.stack([x, y, z], axis=-1) * grid.spacing) @ grid.axes.T
    labels = np.zeros(grid.shape, np.uint16)
    for place, value in zip(places, values or [1] * len(places)):
        labels[np.linalg.norm(points - np.asarray(place), axis=-1) < radius_mm] = value
    return labels


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A study, and its lesions marked: two in both images, and a third in T1 only."""
    folder = tmp_path_factory.mktemp("place")
    write_volumes(folder)
    write_image(on_grid(balls(T1_GRID, [*PEAKS, SMALL]), T1_GRID), folder / "m1.nii.gz")
    write_image(on_grid(balls(T2_GRID, PEAKS + SHIFT), T2_GRID), folder / "m2.nii.gz")
    return folder


@pytest.fixture
def request_for(place, tmp_path):
    def make(**changes):
        parts = {part: str(place / f"{part}.nii.gz") for part in ("t1", "t2", "t1_liver", "t2_liver")}
        lesions = {"t1_lesions": str(place / "m1.nii.gz"), "t2_lesions": str(place / "m2.nii.gz")}
        return {**parts, **lesions, "output": str(tmp_path / "out"), "correspondence": False, **changes}

    return make


def numbers_at(path: str, places) -> list[int]:
    labels = sitk.ReadImage(path)
    return [labels[labels.TransformPhysicalPointToIndex(tuple(map(float, place)))] for place in places]


def test_parts_of_a_label_map_become_linked_lesions(request_for, tmp_path):
    result = JOBS["link"](request_for(), no_progress)
    pairs = read_lesions(result["lesions"])
    assert sorted(pair.kind for pair in pairs) == ["T1 only", "both", "both"]
    for pair in pairs:
        expected = min([*PEAKS, SMALL], key=lambda peak: np.linalg.norm(peak - np.array(pair.box(Side.T1).center_mm)))
        assert pair.box(Side.T1).center_mm == pytest.approx(expected, abs=2.0)
        assert pair.box(Side.T2).center_mm == pytest.approx(expected + SHIFT, abs=5.0)
        assert pair.box(Side.T1).size_mm == pytest.approx((18.0, 18.0, 18.0), abs=4.0)
        assert pair.displacement_mm == pytest.approx(SHIFT, abs=4.0)
        assert pair.score is None and pair.is_shown(0.5) and pair.is_believed() == (pair.kind == "both")
    numbers = [pair.number for pair in pairs if pair.kind == "both"]
    assert sorted(numbers_at(result["masks"]["t1"], PEAKS)) == numbers
    assert numbers_at(result["masks"]["t1"], PEAKS) == numbers_at(result["masks"]["t2"], PEAKS + SHIFT)
    rows = list(csv.DictReader(Path(result["table"]).read_text(encoding="utf-8-sig").splitlines()))
    assert len(rows) == 3
    assert is_complete(tmp_path / "out", read_detection(tmp_path / "out"))


def test_every_label_and_every_part_of_it_is_a_lesion(request_for, tmp_path):
    touching = balls(T1_GRID, [(-30, 0, 0), (-16, 0, 0), (20, 0, 0)], 7.5, values=[4, 9, 9])
    write_image(on_grid(touching, T1_GRID), tmp_path / "m.nii.gz")
    nothing = on_grid(np.zeros(T2_GRID.shape, np.uint8), T2_GRID)
    write_image(nothing, tmp_path / "none.nii.gz")
    lesions = {"t1_lesions": str(tmp_path / "m.nii.gz"), "t2_lesions": str(tmp_path / "none.nii.gz")}
    result = JOBS["link"](request_for(**lesions), no_progress)
    pairs = read_lesions(result["lesions"])
    assert [pair.kind for pair in pairs] == ["T1 only"] * 3
    assert sorted(round(pair.box(Side.T1).center_mm[0] / 10) for pair in pairs) == [-3, -2, 2]
    one = JOBS["link"](request_for(**lesions, lesion_label=[4]), no_progress)
    assert one["pairs"] == 1


def test_nothing_marked_is_a_result_too(request_for, tmp_path):
    for name, grid in (("e1", T1_GRID), ("e2", T2_GRID)):
        write_image(on_grid(np.zeros(grid.shape, np.uint8), grid), tmp_path / f"{name}.nii.gz")
    lesions = {"t1_lesions": str(tmp_path / "e1.nii.gz"), "t2_lesions": str(tmp_path / "e2.nii.gz")}
    result = JOBS["link"](request_for(**lesions), no_progress)
    assert result["pairs"] == 0 and "No lesion is marked, neither in T1 nor in T2." in result["notes"]


def test_probabilities_give_scores(request_for, tmp_path):
    probability = 0.25 + 0.5 * balls(T1_GRID, PEAKS).astype(np.float32)
    probability[balls(T1_GRID, PEAKS[:1]) > 0] = 0.9
    write_image(on_grid(probability.astype(np.float32), T1_GRID), tmp_path / "p.nii.gz")
    result = JOBS["link"](request_for(t1_lesions=str(tmp_path / "p.nii.gz")), no_progress)
    scores = [pair.boxes[Side.T1].score for pair in read_lesions(result["lesions"])]
    assert sorted(scores) == pytest.approx([0.75, 0.9])
    assert any("probability map" in note for note in result["notes"])


def test_one_file_a_lesion_stays_whole(request_for, tmp_path):
    folder = tmp_path / "lesions"
    for number, places in enumerate([[PEAKS[0]], [PEAKS[1], PEAKS[1] + (0, 24, 0)]]):
        write_image(on_grid(balls(T1_GRID, places), T1_GRID), folder / f"{number}.nii.gz")
    result = JOBS["link"](request_for(t1_lesions=str(folder)), no_progress)
    pairs = read_lesions(result["lesions"])
    assert [pair.kind for pair in pairs] == ["both", "both"]
    assert max(pair.box(Side.T1).size_mm[1] for pair in pairs) == pytest.approx(42.0, abs=4.0)


def test_a_map_on_another_grid_is_brought_onto_that_of_the_volume(request_for, tmp_path):
    size, spacing = tuple(2 * n for n in T1_GRID.size), tuple(s / 2 for s in T1_GRID.spacing)
    fine = Grid(size, spacing, T1_GRID.origin, T1_GRID.direction)
    write_image(on_grid(balls(fine, PEAKS), fine), tmp_path / "fine.nii.gz")
    result = JOBS["link"](request_for(t1_lesions=str(tmp_path / "fine.nii.gz")), no_progress)
    assert [pair.kind for pair in read_lesions(result["lesions"])] == ["both", "both"]
    assert sitk.ReadImage(result["masks"]["t1"]).GetSize() == T1_GRID.size


def test_crumbs_are_left_out_and_told(request_for, tmp_path):
    marked = balls(T1_GRID, PEAKS)
    marked[2, 3, 4] = 1
    write_image(on_grid(marked, T1_GRID), tmp_path / "m.nii.gz")
    lesions = str(tmp_path / "m.nii.gz")
    assert JOBS["link"](request_for(t1_lesions=lesions), no_progress)["pairs"] == 3  # a voxel is a ball of 3.1 mm
    result = JOBS["link"](request_for(t1_lesions=lesions, smallest_mm=4.0), no_progress)
    assert result["pairs"] == 2
    assert "1 part is left out of the lesions of T1: smaller than a ball of 4 mm." in result["notes"]


def test_the_liver_is_no_lesion(request_for, place, tmp_path):
    liver = sitk.GetArrayFromImage(sitk.ReadImage(str(place / "t1_liver.nii.gz"))).astype(np.uint8)
    both = np.where(balls(T1_GRID, PEAKS) > 0, 2, liver)
    write_image(on_grid(both.astype(np.uint8), T1_GRID), tmp_path / "lits.nii.gz")
    map_ = str(tmp_path / "lits.nii.gz")
    with pytest.raises(InputError, match="Label 1 of the lesion mask of T1 is the liver itself. Name the label"):
        JOBS["link"](request_for(t1_lesions=map_), no_progress)
    with pytest.raises(InputError, match="The lesion mask of T1 has no voxel of label 7; it holds 1, 2."):
        JOBS["link"](request_for(t1_lesions=map_, lesion_label=[7]), no_progress)
    with pytest.raises(InputError, match="'tumor' is not a label. Give a number, or totalsegmentator, lits"):
        JOBS["link"](request_for(t1_lesions=map_, lesion_label=["tumor"]), no_progress)
    assert not (tmp_path / "out").exists()
    write_image(on_grid(2 * balls(T2_GRID, PEAKS + SHIFT), T2_GRID), tmp_path / "other.nii.gz")
    named = request_for(t1_lesions=map_, t2_lesions=str(tmp_path / "other.nii.gz"), lesion_label=["lits"])
    result = JOBS["link"]({**named, "t1_liver": map_, "liver_label": 1}, no_progress)
    assert [pair.kind for pair in read_lesions(result["lesions"])] == ["both", "both"]


def test_masks_that_cannot_be_are_refused(request_for, place, tmp_path):
    far = Grid(T1_GRID.size, T1_GRID.spacing, (900.0, 900.0, 900.0), T1_GRID.direction)
    write_image(on_grid(balls(T1_GRID, PEAKS), far), tmp_path / "far.nii.gz")
    with pytest.raises(InputError, match="The lesion mask of T1 does not lie in its volume"):
        JOBS["link"](request_for(t1_lesions=str(tmp_path / "far.nii.gz")), no_progress)
    with pytest.raises(InputError, match="holds values from"):
        JOBS["link"](request_for(t1_lesions=str(place / "t1.nii.gz")), no_progress)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds neither masks nor a DICOM segmentation"):
        JOBS["link"](request_for(t1_lesions=str(tmp_path / "empty")), no_progress)
    noise = (np.random.default_rng(0).random(T1_GRID.shape) < 0.1).astype(np.uint8)
    write_image(on_grid(noise, T1_GRID), tmp_path / "noise.nii.gz")
    with pytest.raises(InputError, match="parts; that many are no lesions"):
        JOBS["link"](request_for(t1_lesions=str(tmp_path / "noise.nii.gz")), no_progress)
    assert not (tmp_path / "out").exists()


def test_segments_of_dicom_are_linked_and_written_as_dicom(place, request_for, tmp_path):
    hd = pytest.importorskip("highdicom", reason="highdicom is not installed")
    for number, side in enumerate(Side, start=1):
        tags = {"SeriesInstanceUID": f"1.2.3.{number}", "PatientID": "7", "FrameOfReferenceUID": "1.2.3.9"}
        more = {"StudyDate": "20240501", "ContentDate": "20240501"}
        write_volume(tmp_path / side, read_image(place / f"{side}.nii.gz"), SeriesNumber=number, **tags, **more)
    volumes = {side: str(tmp_path / side) for side in Side}
    first = JOBS["link"](request_for(**volumes, dicom=True), no_progress)
    segments = hd.seg.segread(first["segmentations"]["t1"])
    assert [one.SegmentLabel for one in segments.SegmentSequence] == ["Lesion 1", "Lesion 2", "Lesion 3"]
    assert all(first["reports"].values())
    lesions = {f"{side}_lesions": first["segmentations"][side] for side in Side}
    again = JOBS["link"](request_for(**volumes, **lesions, output=str(tmp_path / "again")), no_progress)
    one, other = (read_lesions(result["lesions"]) for result in (first, again))
    assert sorted(pair.kind for pair in one) == sorted(pair.kind for pair in other)
    for pair in one:
        distances = [np.linalg.norm(np.subtract(o.box(Side.T1).center_mm, pair.box(Side.T1).center_mm)) for o in other]
        assert min(distances) < 0.01
    with pytest.raises(InputError, match="has no segment of a lesion; it has 1 \\(Lesion 1\\)"):
        JOBS["link"](request_for(**lesions, lesion_label=[99]), no_progress)


def test_the_command_links_and_says_what_it_found(place, tmp_path, capsys):
    words = ["link", str(place / "t1.nii.gz"), str(place / "t2.nii.gz"), "-o", str(tmp_path / "out")]
    words += ["--t1-lesions", str(place / "m1.nii.gz"), "--t2-lesions", str(place / "m2.nii.gz"), "--no-registration"]
    words += ["--t1-liver", str(place / "t1_liver.nii.gz"), "--t2-liver", str(place / "t2_liver.nii.gz")]
    assert cli.main(words) == 0
    printed = capsys.readouterr().out
    assert f"3 lesions (2 in both, 1 in T1 only): {tmp_path / 'out' / 'lesions.json'}" in printed
    assert cli.main(words) == 2 and "already holds detection.json" in capsys.readouterr().err
    assert cli.main([*words, "--overwrite", "--lesion-label", "1", "--link-iou", "0.2"]) == 0


def test_lesions_of_a_real_pair_are_linked_across_a_breath(data_folder, tmp_path):
    """Case 10: the livers lie 41 mm apart. A lesion of each eighth of a liver, at the same part of its extent."""
    folder = data_folder / "chaos_mr" / "10"
    request = {"output": str(tmp_path / "out"), "liver_label": "chaos"}
    places = {}
    for side in Side:
        organs = read_image(folder / f"{side}_organs.nii.gz")
        voxels = np.argwhere(sitk.GetArrayViewFromImage(organs) == 1)[:, ::-1]
        points = np.array([Grid.of(organs).point(voxel) for voxel in voxels[::50]])
        low, middle, high = np.percentile(points, (15, 50, 85), axis=0)
        places[side] = [middle, (low + middle) / 2, (middle + high) / 2, (middle * (1, 1, 0) + low * (0, 0, 1))]
        labels = balls(Grid.of(organs), places[side], 7.0, values=[1, 2, 3, 4])
        write_image(on_grid(labels, Grid.of(organs)), tmp_path / f"{side}.nii.gz")
        request[f"{side}_lesions"] = str(tmp_path / f"{side}.nii.gz")
        request[f"{side}_liver"] = str(folder / f"{side}_organs.nii.gz")
        request[side] = str(folder / f"{side}.nii.gz")
    result = JOBS["link"](request, no_progress)
    assert np.linalg.norm(result["offset_t1_to_t2_mm"]) > 35
    pairs = read_lesions(result["lesions"])
    assert [pair.kind for pair in pairs] == ["both"] * 4
    for pair in pairs:
        found = {side: np.subtract(places[side], pair.box(side).center_mm) for side in Side}
        nearest = {int(np.argmin(np.linalg.norm(found[side], axis=1))) for side in Side}
        assert len(nearest) == 1


def test_the_lesions_of_many_studies_are_linked_and_one_without_is_named(place, tmp_path, capsys):
    studies, output = tmp_path / "studies", tmp_path / "linked"
    for study in ("anna", "bert"):
        (studies / study).mkdir(parents=True)
        for part in ("t1", "t2", "t1_liver", "t2_liver"):
            shutil.copy(place / f"{part}.nii.gz", studies / study)
        shutil.copy(place / "m1.nii.gz", studies / study / "t1_lesions.nii.gz")
    shutil.copy(place / "m2.nii.gz", studies / "anna" / "t2_lesions.nii.gz")
    words = ["link", "--studies", str(studies), "-o", str(output), "--no-registration"]
    assert cli.main(words) == 1
    said = capsys.readouterr()
    assert "'" + str(studies / "bert") + "' holds no t2_lesions.nii.gz. Mark the lesions of both images." in said.err
    rows = {row["study"]: row for row in csv.DictReader((output / "summary.csv").open())}
    assert (rows["anna"]["outcome"], rows["anna"]["lesions"], rows["bert"]["outcome"]) == ("done", "3", "failed")
    shutil.copy(place / "m2.nii.gz", studies / "bert" / "t2_lesions.nii.gz")
    assert cli.main(words) == 0
    rows = {row["study"]: row["outcome"] for row in csv.DictReader((output / "summary.csv").open())}
    assert rows == {"anna": "skipped", "bert": "done"}


@pytest.mark.parametrize("words", [["t1.nii.gz", "t2.nii.gz"], ["t1.nii.gz", "--t1-lesions", "a", "--t2-lesions", "b"]])
def test_what_is_missing_on_the_command_line_is_said(words, tmp_path, capsys):
    assert cli.main(["link", *words, "-o", str(tmp_path / "out")]) == 2
    assert "Name both volumes, --t1-lesions and --t2-lesions, or a folder of studies" in capsys.readouterr().err
