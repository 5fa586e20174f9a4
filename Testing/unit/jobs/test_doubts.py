"""Doubts about an image or a result: each said where it is due, and none about an ordinary pair."""

import json
import struct

import numpy as np
import pytest
import SimpleITK as sitk
import thresholding
from dicom_factory import write_stack

from liverpair import cli
from liverpair.core.errors import no_progress
from liverpair.core.sides import Side
from liverpair.io.image_notes import doubts_on, set_tags
from liverpair.io.study import read_image
from liverpair.jobs.doubts import body_centroid_mm, input_doubts, liver_doubts, pair_doubts
from liverpair.jobs.segment_job import segment
from liverpair.jobs.segment_results import read_measures
from liverpair.measures.plausibility import MaskQuality

TAGS = {
    Side.T1: {"SeriesDescription": "T1", "Modality": "MR", "PatientID": "a", "StudyDate": "20260101"},
    Side.T2: {"SeriesDescription": "T2", "Modality": "MR", "PatientID": "a", "StudyDate": "20260101"},
}


def ball(center_x: float, radius: float) -> np.ndarray:
    """In a block of 90 × 60 × 60 voxels of 4 mm."""
    z, y, x = np.indices((60, 60, 90))
    return ((x - center_x) ** 2 + (y - 30) ** 2 + (z - 30) ** 2 <= radius**2).astype(np.float32)


def image(values: np.ndarray, tags=None) -> sitk.Image:
    made = sitk.GetImageFromArray(values)
    made.SetSpacing((4.0, 4.0, 4.0))
    if tags:
        set_tags(made, tags)
    return made


def said_of(t1=None, t2=None) -> str:
    """The doubts about a pair whose tags are changed."""
    images = {side: image(ball(45, 20), TAGS[side] | (own or {})) for side, own in ((Side.T1, t1), (Side.T2, t2))}
    return " ".join(input_doubts(images, {Side.T1: "a", Side.T2: "b"}))


@pytest.mark.parametrize(
    (Side.T1, Side.T2, "words"),
    [
        (None, None, ""),
        (None, {"PatientID": "b", "StudyDate": "20260102"}, "are from two patients: their patient IDs differ."),
        ({"PatientBirthDate": "1"}, {"PatientBirthDate": "2"}, "two patients: their birth dates differ."),
        (None, {"StudyDate": "20260102"}, "T1 and T2 are from two visits: their study dates differ."),
        ({"FrameOfReferenceUID": "1"}, {"FrameOfReferenceUID": "2"}, "different frames of reference"),
        ({"Modality": "CT"}, None, "T1 is not an MR image: its modality is CT."),
        (TAGS[Side.T2], TAGS[Side.T1], "T1 and T2 seem swapped"),
    ],
)
def test_tags_tell_the_wrong_image(t1, t2, words):
    assert words in said_of(t1, t2) and bool(said_of(t1, t2)) == bool(words)


def test_a_single_image_of_the_other_weighting_is_told():
    assert "looks T2-weighted" in input_doubts({Side.T1: image(ball(45, 20), TAGS[Side.T2])}, {Side.T1: "x"})[0]


def test_an_ordinary_liver_raises_no_doubt():
    body = image(ball(45, 28))
    liver = image(ball(30, 17)) != 0  # 15 voxels of 4 mm to the right; 4/3 π 17³ · 0.064 ml = 1317 ml
    assert liver_doubts("T1", liver, body_centroid_mm(body), MaskQuality(0.97)) == pair_doubts(liver, liver) == []


@pytest.mark.parametrize(
    ("center_x", "radius", "quality", "words"),
    [
        (60, 17, MaskQuality(0.97), "does not lie on the right side of the body"),
        (30, 8, MaskQuality(0.97), "has 135 ml; livers of adults have 500 to 5000 ml."),
        (30, 17, MaskQuality(0.6), "mean probability is 0.60"),
        (30, 17, MaskQuality(0.97, 0.74), "a Dice of about 0.74 is expected"),
    ],
)
def test_a_liver_like_no_other_is_told(center_x, radius, quality, words):
    body_mm = body_centroid_mm(image(ball(45, 28)))
    (said,) = liver_doubts("T1", image(ball(center_x, radius)) != 0, body_mm, quality)
    assert words in said


def test_livers_far_apart_are_told():
    far = image(ball(30, 17)) != 0
    far.SetOrigin((0.0, 0.0, 300.0))
    (said,) = pair_doubts(image(ball(30, 17)) != 0, far)
    assert said == "The livers of T1 and T2 lie 300 mm apart, farther than breathing moves them."


def test_two_livers_of_other_shapes_are_told():
    flat = np.zeros((60, 60, 90), np.float32)
    flat[28:32, 5:55, 10:60] = 1
    (said,) = pair_doubts(image(ball(30, 17)) != 0, image(flat) != 0)
    assert "on top of the other, their Dice is" in said


@pytest.mark.parametrize(
    ("codes", "shift", "words"),
    [
        ((0, 0), 0.0, "does not give its position"),
        ((1, 1), 60.0, "two positions, up to 60 mm apart"),
        ((1, 1), 0.0, ""),
    ],
)
def test_a_nifti_without_a_place_or_with_two_is_told(tmp_path, codes, shift, words):
    sitk.WriteImage(image(ball(45, 20)), str(tmp_path / "x.nii"))
    content = bytearray((tmp_path / "x.nii").read_bytes())
    content[252:256] = np.array(codes, "<i2").tobytes()
    z = struct.unpack_from("<f", content, 280 + 32 + 12)[0]
    struct.pack_into("<f", content, 280 + 32 + 12, z - shift)
    (tmp_path / "x.nii").write_bytes(content)
    said = " ".join(doubts_on(read_image(tmp_path / "x.nii")))
    assert words in said and bool(said) == bool(words)


def test_doubts_are_warned_of_kept_with_the_result_and_can_be_accepted(monkeypatch, tmp_path, capsys):
    thresholding.install(monkeypatch)
    for side, patient in ((Side.T1, "a"), (Side.T2, "b")):
        write_stack(
            tmp_path / "one" / side, heights=[3.0 * n for n in range(20)], first_value=40, PatientID=patient,
            SeriesInstanceUID=f"1.{side[1]}", SeriesDescription=side,
        )  # fmt: skip
    words = ["segment", *(str(tmp_path / "one" / side) for side in Side), "-o", str(tmp_path / "out")]
    for more, warned in ([], True), (["--overwrite", "--accept"], False):
        assert cli.main([*words, *more]) == 0
        assert ("Warning: T1 and T2 are from two patients" in capsys.readouterr().err) == warned
        kept = json.loads((tmp_path / "out" / "measures.json").read_text(encoding="utf-8"))
        assert kept["doubts"][0] in kept["notes"] and kept["accepted"] != warned
    assert cli.main(["segment", "--studies", str(tmp_path), "-o", str(tmp_path / "all"), "--accept"]) == 1
    summary = (tmp_path / "all" / "summary.csv").read_text(encoding="utf-8")
    assert "accepted: T1 and T2 are from two patients" in summary and "doubt" in summary.splitlines()[0]


def test_doubts_that_came_with_a_request_are_kept_with_its_result(tmp_path, monkeypatch):
    thresholding.install(monkeypatch)
    request = {"model": ["m"], "t1": thresholding.volume(tmp_path / "t2w.nii.gz", 2), "output": str(tmp_path / "out")}
    swapped = "'t2w.nii.gz' is chosen as T1 but looks T2-weighted."
    result = segment({**request, "doubts": ["T1 is from elsewhere.", swapped], "accept": True}, no_progress)
    assert result["doubts"][:2] == ["T1 is from elsewhere.", swapped] and result["doubts"].count(swapped) == 1
    assert result["accepted"] and set(result["doubts"]) <= set(result["notes"])
    written = read_measures(tmp_path / "out")
    assert written["doubts"] == result["doubts"] and written["accepted"] is True
