"""The job "dream" from files to files: what it sends, writes, and refuses, with a network whose answer is known."""

import csv
import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from brightness_bundle import write_brightness_bundle
from dream_job_factory import (
    FEATURES,
    GRID,
    ITERATIONS,
    PEAK,
    POINT,
    RANGES,
    Watcher,
    place,  # noqa: F401
    request_for,  # noqa: F401
    short_request,
)
from peak_detector import write_peak_bundle
from peak_study import write_volumes

from liverpair.core.errors import Cancelled, InputError, no_progress
from liverpair.core.geometry import Grid
from liverpair.core.trajectories import Trajectories
from liverpair.io.study import read_image
from liverpair.jobs import dream_record
from liverpair.jobs.dream_results import existing_dream, located, read_dream
from liverpair.jobs.jobs import JOBS
from liverpair.measures.feature_names import default_features


def rows_of(path: str | Path) -> list[list[str]]:
    with Path(path).open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_every_iteration_leaves_at_once_and_is_what_the_table_holds(request_for, tmp_path):
    watcher = Watcher()
    result = JOBS["dream"](request_for(baselines=["random-weights", "random-direction"]), watcher)
    header, *rows = rows_of(result["trajectories"])
    assert header == ["run", "start", "iteration", "activation", "probability", "voxels", *FEATURES]
    assert len(rows) == len(watcher.samples) == 3 * (ITERATIONS + 1)
    for row, sample in zip(rows, watcher.samples):
        assert [row[0], int(row[1]), int(row[2])] == [sample["run"], sample["start"], sample["iteration"]]
        values = [sample["activation"], sample["probability"], sample["voxels"], *sample["features"].values()]
        assert [float(cell) if cell else None for cell in row[3:]] == values
    activations = [s["activation"] for s in watcher.samples if s["run"] == "dream"]
    assert activations == sorted(activations) and activations[0] < 0 < activations[-1]
    last = [s for s in watcher.samples if s["run"] == "dream"][-1]
    assert last["voxels"] > 1 and all(map(math.isfinite, last["features"].values()))
    assert watcher.samples[0]["features"] == dict.fromkeys(FEATURES)
    assert watcher.samples[0]["neuron"]["kind"] == "point" and "neuron" not in watcher.samples[1]
    assert [(run["run"], run["start"], run["iterations"]) for run in result["runs"]] == [
        ("dream", 0, ITERATIONS), ("random-weights", 0, ITERATIONS), ("random-direction", 0, ITERATIONS)
    ]  # fmt: skip
    assert all("All 15 iterations are done." in run["stopped"] for run in result["runs"])


def test_frames_are_the_image_and_the_object_where_they_lie(request_for, place):
    watcher = Watcher()
    result = JOBS["dream"](request_for(), watcher)
    frames = result["runs"][0]["frames"]
    assert [frame["iteration"] for frame in frames] == [0, 10, ITERATIONS]
    sent = [(s["iteration"], s["frame"]) for s in watcher.samples if s["frame"]]
    assert sent == [(frame["iteration"], {key: frame[key] for key in ("image", "mask")}) for frame in frames]
    original = read_image(result["original"])
    first, last = (read_image(frames[i]["image"]) for i in (0, -1))
    assert original.GetSize()[:2] == first.GetSize()[:2] and first.GetSize()[2] == 1
    number = round(Grid.of(original).index(first.GetOrigin())[2])
    assert Grid.of(first).point((0, 0, 0)) == pytest.approx(Grid.of(original).point((0, 0, number)), abs=1e-4)
    arrays = [sitk.GetArrayFromImage(image) for image in (original, first, last)]
    np.testing.assert_array_equal(arrays[0][number], arrays[1][0])
    assert arrays[0].max() == pytest.approx(100, abs=15)
    mask = read_image(frames[-1]["mask"])
    index = tuple(round(i) for i in Grid.of(mask).index(POINT))
    assert mask[index] == 1 and last[index] > first[index] + 20
    assert sitk.GetArrayFromImage(mask).sum() == watcher.samples[-1]["voxels"]


def test_the_result_says_what_made_it(request_for, place, tmp_path):
    result = JOBS["dream"](request_for(), no_progress)
    folder = tmp_path / "out"
    assert sorted(path.name for path in folder.iterdir()) == [
        "dream.json", "frames", "original.nii.gz", "trajectories.csv"
    ]  # fmt: skip
    dream = read_dream(folder)
    assert located(dream, folder) == json.loads(json.dumps(result, allow_nan=False))
    assert dream["complete"] and dream["original"] == "original.nii.gz" and dream["side"] == "t1"
    assert dream["settings"]["step"] == 0.01 and dream["features"] == FEATURES
    assert dream["feature_settings"] == {"scale": 255.0, "bin_width": 10.0, "spacing_mm": [4.0, 4.0]}
    assert dream["ranges"]["features"] == RANGES["features"]
    assert {reading["feature"] for reading in dream["readings"]} == set(FEATURES)
    assert dream["provenance"]["bundle"] == "bright-around" and dream["provenance"]["device"] == "cpu"
    assert dream["inputs"]["t1"] == str(place / "t1.nii.gz") and dream["inputs"]["t2"] is None
    shutil.move(folder, tmp_path / "moved")
    moved = located(read_dream(tmp_path / "moved"), tmp_path / "moved")
    assert Path(moved["runs"][0]["frames"][0]["mask"]).is_file() and Path(moved["trajectories"]).is_file()


@pytest.fixture(scope="module")
def uninterrupted(place, tmp_path_factory):
    """The request of a dream from two starts with a baseline, who watched it, and its result."""
    request = short_request(place, tmp_path_factory.mktemp("whole"))
    request |= {"random_starts": 1, "t1_liver": str(place / "t1_liver.nii.gz"), "baselines": ["random-weights"]}
    watcher = Watcher()
    return request, watcher, JOBS["dream"](request, watcher)


@pytest.mark.parametrize("stop_after", [0, 1, 9, 16, 17, 40])
def test_a_cancelled_dream_is_resumed_as_if_nothing_had_been(uninterrupted, tmp_path, stop_after):
    request, whole, expected = uninterrupted
    request = {**request, "output": str(tmp_path / "out")}
    before, after = Watcher(stop_after), Watcher()
    with pytest.raises(Cancelled):
        JOBS["dream"](request, before)
    if stop_after:
        dream = read_dream(tmp_path / "out")
        assert not dream["complete"]
        assert len(rows_of(tmp_path / "out" / "trajectories.csv")) == 1 + len(before.samples) == 1 + stop_after
    else:
        assert not (tmp_path / "out").exists()
    result = JOBS["dream"]({**request, "resume": stop_after > 0}, after)
    assert rows_of(result["trajectories"]) == rows_of(expected["trajectories"])
    assert [s | {"frame": None} for s in before.samples + after.samples] == [s | {"frame": None} for s in whole.samples]
    assert result["readings"] == expected["readings"] and result["starts"] == expected["starts"]
    assert not (tmp_path / "out" / "state").exists()
    for run, other in zip(result["runs"], expected["runs"], strict=True):
        assert (run["iterations"], run["stopped"]) == (other["iterations"], other["stopped"])
        for frame, same in zip(run["frames"], other["frames"], strict=True):
            for what in ("image", "mask"):
                arrays = [sitk.GetArrayFromImage(read_image(f[what])) for f in (frame, same)]
                np.testing.assert_array_equal(*arrays)


def test_a_killed_dream_loses_only_what_came_after_the_last_save(request_for, tmp_path, monkeypatch):
    monkeypatch.setattr(dream_record, "SAVE_EVERY_S", 0.0)
    monkeypatch.setattr(dream_record, "SLOW_S", math.inf)
    request = request_for()

    class Dying(Watcher):
        def sample(self, sample):
            super().sample(sample)
            if len(self.samples) == 8:
                monkeypatch.setattr(dream_record, "SAVE_EVERY_S", math.inf)
            if len(self.samples) == 13:  # what a process that is killed now leaves on the disk
                shutil.copytree(tmp_path / "out", tmp_path / "left")

    whole, after = Dying(), Watcher()
    expected = JOBS["dream"](request, whole)
    result = JOBS["dream"]({**request, "output": str(tmp_path / "left"), "resume": True}, after)
    assert rows_of(result["trajectories"]) == rows_of(expected["trajectories"])
    assert [s["iteration"] for s in after.samples] == list(range(7, ITERATIONS + 1))
    assert [f["iteration"] for f in result["runs"][0]["frames"]] == [0, 10, ITERATIONS]


def test_a_whole_dream_is_not_dreamt_again(request_for, monkeypatch):
    first = JOBS["dream"](request_for(), no_progress)
    watcher = Watcher()
    assert JOBS["dream"](request_for(resume=True), watcher) == json.loads(json.dumps(first))
    assert watcher.samples == []


def test_a_whole_dream_is_read_against_other_ranges_without_dreaming(request_for, tmp_path):
    first = JOBS["dream"](request_for(), no_progress)
    other = {**RANGES, "features": {"firstorder_Mean": {"mean": -500.0, "sd": 10.0}}}
    (tmp_path / "other.json").write_text(json.dumps(other))
    (tmp_path / "3d.json").write_text(json.dumps({**RANGES, "settings": {"dimensions": 3}}))
    watcher = Watcher()
    again = JOBS["dream"](request_for(normal_ranges=str(tmp_path / "other.json"), resume=True), watcher)
    assert again["ranges"]["features"] == other["features"] and again["readings"] != first["readings"]
    none = JOBS["dream"](request_for(normal_ranges=str(tmp_path / "3d.json"), resume=True), watcher)
    assert none["ranges"] is None and any("3-D objects" in note for note in none["notes"])
    back = JOBS["dream"](request_for(resume=True), watcher)
    assert (back["ranges"], back["readings"], back["notes"]) == (first["ranges"], first["readings"], first["notes"])
    assert watcher.samples == [] and rows_of(back["trajectories"]) == rows_of(first["trajectories"])


def test_what_a_process_killed_at_the_end_of_a_run_leaves_is_cleared(request_for, tmp_path):
    class Dying(Watcher):
        def sample(self, sample):
            state = tmp_path / "out" / "state" / "dream_00.npz"
            if sample["run"] != "dream":
                state.parent.mkdir(exist_ok=True)
                state.write_bytes(b"left")
            super().sample(sample)

    JOBS["dream"](request_for(baselines=["random-direction"], iterations=2), Dying())
    assert not (tmp_path / "out" / "state").exists()


def test_the_largest_seed_serves_every_start(request_for):
    starts = request_for()["starts"] * 2
    request = request_for(starts=starts, seed=2**32 - 1, baselines=["random-weights"], iterations=1)
    assert len(JOBS["dream"](request, no_progress)["runs"]) == 4


def test_random_starts_lie_in_the_liver_apart_and_in_several_slices(request_for, place):
    request = request_for(starts=[], random_starts=4, seed=3, iterations=1, t1_liver=str(place / "t1_liver.nii.gz"))
    starts = JOBS["dream"](request, no_progress)["starts"]
    points = np.array([start["point_mm"] for start in starts])
    assert len(points) == 4 and (np.linalg.norm(points, axis=1) < 54).all()
    slices = {round(Grid.of(read_image(place / "t1.nii.gz")).index(point)[2]) for point in points}
    assert len(slices) == 4
    assert JOBS["dream"](request, no_progress)["starts"] == starts
    volume = {**request, "model": str(place / "b3"), "features": []}
    points = np.array([start["point_mm"] for start in JOBS["dream"](volume, no_progress)["starts"]])
    gaps = np.linalg.norm(points[:, None] - points[None], axis=-1) + 1e6 * np.eye(4)
    assert (np.linalg.norm(points, axis=1) < 58).all() and gaps.min() > 20


def test_the_liver_of_a_label_map_is_named(request_for, place, tmp_path):
    mask = read_image(place / "t1_liver.nii.gz")
    organs = mask * 5
    organs[0, 0, 0] = 7
    sitk.WriteImage(organs, str(tmp_path / "organs.nii.gz"))
    request = request_for(starts=[], random_starts=2, seed=3, iterations=1, t1_liver=str(tmp_path / "organs.nii.gz"))
    with pytest.raises(InputError, match="holds several labels: 5, 7. Name one with --liver-label"):
        JOBS["dream"](request, no_progress)
    named = JOBS["dream"]({**request, "liver_label": 5}, no_progress)["starts"]
    assert named == JOBS["dream"]({**request, "t1_liver": str(place / "t1_liver.nii.gz")}, no_progress)["starts"]


def test_a_missing_liver_is_segmented_for_random_starts(request_for, place, tmp_path):
    write_brightness_bundle(tmp_path / "liver")  # takes the peak for the liver
    request = request_for(starts=[], random_starts=1, iterations=1, liver_model=[str(tmp_path / "liver")])
    result = JOBS["dream"](request, no_progress)
    mask = read_image(result["livers"]["t1"])
    assert Grid.of(mask).same_as(Grid.of(read_image(place / "t1.nii.gz")))
    assert np.linalg.norm(np.array(result["starts"][0]["point_mm"]) - PEAK) < 20


def test_a_box_is_a_start(request_for):
    box = {"center_mm": POINT, "size_mm": [14.0, 14.0, 10.0], "direction": list(GRID.direction)}
    result = JOBS["dream"](request_for(starts=[{"box": box}, {"point_mm": POINT}], iterations=2), no_progress)
    kinds = [start["kind"] for start in result["starts"]]
    assert kinds == ["box", "point"] and result["starts"][0]["extent"] != []
    assert [run["start"] for run in result["runs"]] == [0, 1]


def test_without_normal_ranges_it_says_so_and_gives_the_values(request_for, place):
    request = request_for(model=str(place / "b3"), features=[], iterations=20)
    result = JOBS["dream"](request, no_progress)
    assert result["ranges"] is None and any("has no normal ranges" in note for note in result["notes"])
    assert [r["feature"] for r in result["readings"]] and all("range" in r["sentence"] for r in result["readings"])
    assert result["features"] == list(default_features(3))
    values = Trajectories.read_csv(result["trajectories"]).values("shape_Sphericity")[1]
    assert np.isfinite(values[0, -1])


def test_ranges_of_a_file_are_used(request_for, place, tmp_path):
    (tmp_path / "ranges.json").write_text(json.dumps({**RANGES, "features": {"glcm_Contrast": {"mean": 1, "sd": 2}}}))
    result = JOBS["dream"](request_for(normal_ranges=str(tmp_path / "ranges.json"), iterations=2), no_progress)
    assert list(result["ranges"]["features"]) == ["glcm_Contrast"]
    (tmp_path / "ranges.json").write_text("[]")
    with pytest.raises(InputError, match="ranges.json"):
        JOBS["dream"](request_for(normal_ranges=str(tmp_path / "ranges.json")), no_progress)


def test_a_detector_dreams_an_anchor_in_the_chosen_image(request_for, tmp_path):
    write_peak_bundle(tmp_path / "detector")
    paths = write_volumes(tmp_path / "study")
    request = request_for(
        **paths,
        model=str(tmp_path / "detector"),
        side="t2",
        features=[],
        starts=[{"point_mm": [6.0, -10.0, 16.0]}],
        iterations=1,
    )
    watcher = Watcher()
    result = JOBS["dream"](request, watcher)
    assert result["starts"][0]["kind"] == "anchor" and result["starts"][0]["image"] == 1 and result["side"] == "t2"
    assert watcher.samples[-1]["activation"] > watcher.samples[0]["activation"]
    assert any("whole image" in note for note in result["notes"])
    with pytest.raises(InputError, match="T1 is not given"):
        JOBS["dream"]({**request, "t1": None, "t1_liver": None}, no_progress)


def test_an_earlier_dream_stays_until_a_new_one_can_begin(request_for, tmp_path):
    JOBS["dream"](request_for(), no_progress)
    out = tmp_path / "out"
    (out / "frames" / "mine.nii.gz").write_text("mine")
    before = (out / "dream.json").read_bytes()
    with pytest.raises(InputError):
        JOBS["dream"](request_for(starts=[{"point_mm": [900.0, 0.0, 0.0]}]), no_progress)
    with pytest.raises(Cancelled):
        JOBS["dream"](request_for(), Watcher(0))
    assert (out / "dream.json").read_bytes() == before
    assert existing_dream(out) == ["dream.json", "trajectories.csv", "original.nii.gz", "frames"]
    JOBS["dream"](request_for(iterations=2, frames=[]), no_progress)
    assert sorted(path.name for path in (out / "frames").iterdir()) == [
        "dream_00_00002_image.nii.gz", "dream_00_00002_mask.nii.gz", "mine.nii.gz"
    ]  # fmt: skip
