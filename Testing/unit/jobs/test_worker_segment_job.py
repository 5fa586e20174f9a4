"""The job "segment" from files to files, over a segmentation whose answer is known: the voxels above a threshold."""

import json
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
import thresholding
from dicom_factory import write_slice
from thresholding import PROVENANCE, volume

from liverpair.core.errors import InputError, OutOfMemoryError, no_progress
from liverpair.jobs.jobs import JOBS
from liverpair.jobs.requests import SegmentRequest
from liverpair.jobs.result_folder import content_sha256
from liverpair.jobs.segment_job import pair_measures
from liverpair.jobs.segment_results import existing_results, is_complete, read_measures
from liverpair.worker.process import run_job

NOTHING_MEASURED = {"dice_as_scanned": None, "offset_t1_to_t2_mm": None, "volume_difference_percent": None}


@pytest.fixture
def inference(monkeypatch):
    """The segmentation in place of the network's."""
    return thresholding.install(monkeypatch)


@pytest.fixture
def pair(tmp_path):
    """T1 with 4 bright voxels at x = 2..5, T2 with 4 at x = 4..7; both 20 mm³ voxels on one grid."""
    return {
        "t1": volume(tmp_path / "Läsion 肝" / "t1.nii.gz", 2, bright=4),
        "t2": volume(tmp_path / "Läsion 肝" / "t2.nii.gz", 4, bright=4),
    }


def request_for(pair, folder, **more):
    return {**pair, "output": str(folder), "model": ["m"], **more}


def test_a_pair_is_written_on_its_own_grids_with_its_measures(inference, pair, tmp_path):
    output = tmp_path / "out 肝"
    result = JOBS["segment"](request_for(pair, output), no_progress)
    assert sorted(p.name for p in output.iterdir()) == ["measures.json", "t1_liver.nii.gz", "t2_liver.nii.gz"]
    for side in ("t1", "t2"):
        mask, source = sitk.ReadImage(result[side]["liver"]), sitk.ReadImage(pair[side])
        assert (
            mask.GetPixelID() == sitk.sitkUInt8
            and mask.GetSize() == source.GetSize()
            and mask.GetSpacing() == source.GetSpacing()
        )
        assert result[side]["volume_ml"] == pytest.approx(4 * 20 / 1000)
        assert result[side]["probability"] is None
    # 2 of 4 voxels are shared: 2·2/8. T1's bright voxels lie 2 voxels of 2 mm to the right of T2's.
    assert result["measures"]["dice_as_scanned"] == pytest.approx(0.5)
    assert result["measures"]["offset_t1_to_t2_mm"] == pytest.approx([4.0, 0.0, 0.0])
    assert result["provenance"] == PROVENANCE and result["notes"] == [*result["doubts"], "A note."]


def test_measures_json_says_the_same_and_may_move_with_its_folder(inference, pair, tmp_path):
    result = JOBS["segment"](request_for(pair, tmp_path / "out", probability=True), no_progress)
    written = json.loads((tmp_path / "out" / "measures.json").read_text(encoding="utf-8"))
    assert written["t1"] == {**result["t1"], "liver": "t1_liver.nii.gz", "probability": "t1_probability.nii.gz"}
    assert written["inputs"] == pair and written["measures"] == result["measures"]
    assert read_measures(tmp_path / "out") == written


def test_one_volume_alone(inference, pair, tmp_path):
    result = JOBS["segment"](request_for({"t2": pair["t2"]}, tmp_path / "out"), no_progress)
    assert result["t1"] is None and result["t2"]["volume_ml"] > 0
    assert result["measures"] == NOTHING_MEASURED
    assert inference.asked[0].t1 is None


def test_options_reach_the_segmentation_and_maps_are_written(inference, pair, tmp_path):
    options = {
        "probability": True,
        "uncertainty": True,
        "mirror": True,
        "largest_component": False,
        "device": "cpu",
        "engine": "torch-fp32",
    }
    result = JOBS["segment"](request_for(pair, tmp_path / "out", model=["a", "b"], **options), no_progress)
    assert inference.asked[0].options == options and inference.asked[0].bundles == ["a", "b"]
    assert all(
        Path(result[side][what]).is_file() for side in ("t1", "t2") for what in ("liver", "probability", "uncertainty")
    )


def test_livers_are_written_as_dicom_where_the_volume_was_dicom(inference, pair, tmp_path):
    heights = [9.0 * n for n in range(10)]
    for n, height in enumerate(heights):
        write_slice(tmp_path / "series" / f"{n}.dcm", height, 100, FrameOfReferenceUID="1.2.3.9", InstanceNumber=n + 1)
    volumes = {"t1": str(tmp_path / "series"), "t2": pair["t2"]}
    result = JOBS["segment"](request_for(volumes, tmp_path / "out", dicom=True), no_progress)
    assert result["t1"]["dicom"] == str(tmp_path / "out" / "t1_liver.dcm") and result["t2"]["dicom"] is None
    assert "T2 was not read from DICOM, so there is no DICOM segmentation of it." in result["notes"]
    assert pydicom.dcmread(result["t1"]["dicom"]).SegmentSequence[0].SegmentLabel == "Liver"
    assert is_complete(tmp_path / "out", read_measures(tmp_path / "out"))


def test_a_failure_leaves_an_older_result_as_it_was(inference, pair, tmp_path):
    JOBS["segment"](request_for(pair, tmp_path / "out"), no_progress)
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}

    def fail(*_):
        raise OutOfMemoryError("No.")

    inference.answer = fail
    with pytest.raises(OutOfMemoryError):
        JOBS["segment"](request_for(pair, tmp_path / "out"), no_progress)
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before


def test_a_second_run_replaces_the_set_and_leaves_no_map_of_the_first(inference, pair, tmp_path):
    JOBS["segment"](request_for(pair, tmp_path / "out", probability=True), no_progress)
    (tmp_path / "out" / "notes.txt").write_text("mine")
    JOBS["segment"](request_for({"t1": pair["t1"]}, tmp_path / "out"), no_progress)
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["measures.json", "notes.txt", "t1_liver.nii.gz", "t2_liver.nii.gz", "t2_probability.nii.gz"]


def test_an_empty_mask_is_said_and_measured_as_nothing(inference, pair, tmp_path):
    pair["t2"] = volume(tmp_path / "dark.nii.gz", 0, bright=0)
    result = JOBS["segment"](request_for(pair, tmp_path / "out"), no_progress)
    assert result["t2"]["volume_ml"] == 0
    assert result["measures"] == NOTHING_MEASURED
    assert "No liver was found in T2." in result["notes"]


def test_what_makes_a_mask_suspicious_is_said_and_its_values_are_written(inference, pair, tmp_path):
    # 4 and 1 voxels of 1 ml are bright: 3 ml apart, 2.5 ml on average. The first of T1's lies at x = 0, with a face of
    # 1 cm² on the patient's right edge.
    grid = {"shape": (4, 6, 8), "spacing": (10.0, 10.0, 10.0)}
    pair = {
        "t1": volume(tmp_path / "a.nii.gz", 0, bright=4, **grid),
        "t2": volume(tmp_path / "b.nii.gz", 4, bright=1, **grid),
    }
    inference.parts = (90.4, 9.6)
    result = JOBS["segment"](request_for(pair, tmp_path / "out"), no_progress)
    assert result["t1"]["edges_cm2"] == {"right": pytest.approx(1.0)} and result["t2"]["edges_cm2"] == {}
    assert result["t1"]["parts_percent"] == [90.4, 9.6]
    assert result["measures"]["volume_difference_percent"] == pytest.approx(120.0)
    assert read_measures(tmp_path / "out")["t1"]["edges_cm2"] == {"right": pytest.approx(1.0)}
    edge, *parts, difference = result["doubts"][-4:]
    assert "T1 reaches the edge of its volume at the right (1 cm²)" in edge
    assert all(f"T{n} was in 2 parts (90 % and 10 % of it)" in said for n, said in zip((1, 2), parts, strict=True))
    assert "in T1 and T2 differ by 120 %" in difference


def test_volumes_that_do_not_meet_are_told(inference, pair, tmp_path):
    pair["t2"] = volume(tmp_path / "far.nii.gz", 4, origin=(500.0, 0.0, 0.0), bright=4)
    result = JOBS["segment"](request_for(pair, tmp_path / "out"), no_progress)
    assert result["measures"]["dice_as_scanned"] is None
    assert result["measures"]["offset_t1_to_t2_mm"][0] == pytest.approx(504.0)
    assert any("do not overlap in scanner space" in note for note in result["notes"])


def test_dice_as_scanned_goes_by_scanner_space_not_by_index():
    fine = sitk.Image([8, 8, 8], sitk.sitkUInt8)
    fine[2:6, 2:6, 2:6] = 1
    flipped = sitk.Flip(fine, [True, False, False])  # flips data and direction: each voxel stays where it is
    shifted = sitk.Image(fine)
    shifted.SetOrigin((0.0, 0.0, 2.0))
    assert pair_measures(fine, flipped)[0]["dice_as_scanned"] == pytest.approx(1.0)
    assert pair_measures(fine, shifted)[0]["dice_as_scanned"] == pytest.approx(0.5)
    assert pair_measures(fine, shifted)[0]["offset_t1_to_t2_mm"] == pytest.approx([0.0, 0.0, 2.0])


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"t1": None, "t2": None}, "Neither T1 nor T2 is given."),
        ({"model": "m"}, "Option 'model' of a segmentation must be a list of texts, not 'm'."),
        ({"mirror": "yes"}, "Option 'mirror' of a segmentation must be true or false, not 'yes'."),
    ],
)
def test_requests_that_cannot_be_met_are_refused_in_words(inference, pair, tmp_path, change, sentence):
    with pytest.raises(InputError, match=sentence.replace(".", r"\.")):
        JOBS["segment"](request_for(pair, tmp_path / "out", **change), no_progress)
    assert not (tmp_path / "out").exists()


def test_a_failure_removes_every_folder_it_made_and_no_other(inference, pair, tmp_path):
    def full(*_):
        (tmp_path / "a" / "mine.txt").write_text("mine")
        raise OSError(28, "No space left on device")

    inference.answer = full
    with pytest.raises(OSError, match="No space left"):
        JOBS["segment"](request_for(pair, tmp_path / "a" / "b" / "c"), no_progress)
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["mine.txt"]


def test_a_set_is_complete_when_all_its_parts_are_there(inference, pair, tmp_path):
    output = tmp_path / "out"
    assert read_measures(output) is None and existing_results(output) == []
    JOBS["segment"](request_for(pair, output, probability=True), no_progress)
    measures = read_measures(output)
    assert is_complete(output, measures)
    (output / "t2_probability.nii.gz").unlink()
    assert not is_complete(output, measures)
    (output / "measures.json").write_text("{")
    assert read_measures(output) is None


def test_the_checksum_of_an_image_covers_all_its_files(tmp_path):
    header = Path(volume(tmp_path / "a" / "t1.mhd", 2))
    folder_before, header_before = content_sha256(tmp_path / "a"), content_sha256(header)
    data = header.with_suffix(".raw")
    data.write_bytes(data.read_bytes()[::-1])
    assert content_sha256(tmp_path / "a") != folder_before and content_sha256(header) != header_before


@pytest.mark.parametrize("remember", [True, False])
def test_inputs_are_hashed_only_for_a_result_that_shall_be_known_again(
    inference, pair, tmp_path, monkeypatch, remember
):
    hashed = []
    monkeypatch.setattr("liverpair.jobs.requests.content_sha256", lambda path: hashed.append(path) or "0")
    JOBS["segment"](request_for(pair, tmp_path / "out", remember=remember), no_progress)
    assert hashed == ([pair["t1"], pair["t2"]] if remember else [])
    asked = read_measures(tmp_path / "out")["asked"]
    assert asked["inputs"] == {"t1": "0", "t2": "0"} if remember else asked is None


def test_a_request_has_defaults():
    request = SegmentRequest.parse({"t1": "a", "t2": None, "output": "o", "model": ["m"]})
    assert request.sides == ["t1"] and request.device == "auto" and request.largest_component is None


def test_a_worker_and_the_same_process_give_the_same_masks(pair, tmp_path, monkeypatch):
    from bundle_factory import write_bundle

    monkeypatch.setenv("LIVERPAIR_CACHE", str(tmp_path / "cache"))
    write_bundle(tmp_path / "small", strategy="single")
    options = {"model": [str(tmp_path / "small")], "device": "cpu", "engine": "torch-fp32", "probability": True}
    here = JOBS["segment"](request_for(pair, tmp_path / "here", **options), no_progress)
    there = run_job("segment", request_for(pair, tmp_path / "there", **options))
    for side, what in (("t1", "liver"), ("t2", "liver"), ("t1", "probability")):
        ours, theirs = (sitk.GetArrayFromImage(sitk.ReadImage(result[side][what])) for result in (here, there))
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
    assert there["provenance"]["bundle"] == "small" and there["provenance"]["engine"] == "torch-fp32"
    assert there["measures"] == here["measures"]
