"""Reading and writing image files and study folders."""

import gzip
import os
import re
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from dicom_factory import write_stack
from lesion_factory import drawn, lesion_of

from liverpair.core.atomic import image_suffix, written_whole
from liverpair.core.errors import InputError
from liverpair.core.geometry import Box, Grid
from liverpair.core.lesions import Lesion
from liverpair.io.image_notes import notes_on
from liverpair.io.study import Study, read_image, write_image


def oblique_image(seed: int = 0, pixel_type: int = sitk.sitkInt16) -> sitk.Image:
    values = np.random.default_rng(seed).integers(0, 200, (3, 4, 5))
    image = sitk.Cast(sitk.GetImageFromArray(values), pixel_type)
    c, s = np.cos(0.3), np.sin(0.3)
    image.SetDirection((c, -s, 0, s, c, 0, 0, 0, 1))
    image.SetSpacing((1.25, 1.5, 7.7))
    image.SetOrigin((-12.5, 30.25, 8.0))
    return image


def same(a: sitk.Image, b: sitk.Image) -> bool:
    return Grid.of(a).same_as(Grid.of(b)) and bool(
        (sitk.GetArrayViewFromImage(a) == sitk.GetArrayViewFromImage(b)).all()
    )


def pair(number: int = 1) -> Lesion:
    return lesion_of(number, drawn(Box((1.0, 2.0, 3.0), (4.0, 5.0, 6.0))))


@pytest.mark.parametrize("suffix", [".nii.gz", ".nii", ".nrrd", ".mha", ".NII.GZ"])
def test_images_round_trip_with_geometry(tmp_path, suffix):
    image = oblique_image()
    write_image(image, tmp_path / "new" / f"x{suffix}")
    again = read_image(tmp_path / "new" / f"x{suffix}")
    assert same(image, again)
    assert again.GetPixelID() == image.GetPixelID()
    assert [p.name for p in (tmp_path / "new").iterdir()] == [f"x{suffix}"]


@pytest.mark.parametrize("name", ["x.png", "x", ".nii.gz", "x.mhd", "x.nii.gz.txt"])
def test_other_suffixes_are_not_written(tmp_path, name):
    with pytest.raises(InputError, match="not a name for an image file"):
        write_image(oblique_image(), tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_failing_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "x.nii.gz"
    write_image(oblique_image(1), path)

    def fail(image, name, **kwargs):
        Path(name).write_bytes(b"half")
        raise RuntimeError("disk full")

    monkeypatch.setattr(sitk, "WriteImage", fail)
    with pytest.raises(InputError, match="cannot be written"):
        write_image(oblique_image(2), path)
    assert same(read_image(path), oblique_image(1))
    assert [p.name for p in tmp_path.iterdir()] == ["x.nii.gz"]


def test_a_file_in_the_way_of_a_folder_is_an_input_error(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="cannot be written"):
        write_image(oblique_image(), tmp_path / "file" / "x.nii.gz")


def test_written_whole_removes_its_part_when_cancelled(tmp_path):
    with pytest.raises(KeyboardInterrupt), written_whole(tmp_path / "a.json") as beside:
        beside.write_text("half")
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())


def test_image_suffix():
    assert [image_suffix(n) for n in ("a.nii.gz", "a.b.NRRD", "a.gz", ".mha", "a.dcm")] == [
        ".nii.gz",
        ".nrrd",
        "",
        "",
        "",
    ]


@pytest.mark.parametrize(
    "name, content, words",
    [
        ("x.nii.gz", b"", "is empty"),
        ("x.nii.gz", b"not gzip", "cannot be read as an image"),
        ("x.nii", bytes(400), "cannot be read as an image"),
        (
            "x.nrrd",
            b"NRRD0005\ntype: short\ndimension: 3\nsizes: 9 9 9\nencoding: raw\n\nabc",
            "cannot be read as an image",
        ),
        ("x.mha", b"ObjectType = Image\nNDims = 3\n", "cannot be read as an image"),
        ("x.png", b"\x89PNG\r\n", "not an image that LiverPair can read"),
        ("x.dcm", b"junk" * 100, "not an image that LiverPair can read"),
        ("noname", b"", "not an image that LiverPair can read"),
    ],
)
def test_hostile_files_are_refused_in_one_sentence(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=words) as caught:
        read_image(tmp_path / name)
    assert "\n" not in str(caught.value) and caught.value.message.endswith(".")


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mha"])
@pytest.mark.parametrize("fraction", [0.5, 0.98])
def test_incompletely_copied_files_are_refused(tmp_path, suffix, fraction):
    path = tmp_path / f"x{suffix}"
    noise = np.random.default_rng(0).integers(0, 2000, (8, 32, 32)).astype(np.int16)
    write_image(sitk.GetImageFromArray(noise), path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * fraction)])
    with pytest.raises(InputError, match="cannot be read as an image"):
        read_image(path)


def test_scaled_nifti_is_read_in_its_values(tmp_path):
    write_image(oblique_image(), tmp_path / "x.nii")
    content = bytearray((tmp_path / "x.nii").read_bytes())
    content[112:116] = np.float32(0.5).tobytes()
    (tmp_path / "x.nii").write_bytes(content)
    halved = sitk.GetArrayFromImage(read_image(tmp_path / "x.nii"))
    np.testing.assert_allclose(halved, sitk.GetArrayFromImage(oblique_image()) * 0.5)


def changed_file(path, image: sitk.Image, old: bytes, new: bytes):
    """An image written and then changed in its header."""
    write_image(image, path)
    content = path.read_bytes()
    packed = path.suffix == ".gz"
    content = gzip.decompress(content) if packed else content
    assert content.count(old) >= 1
    content = content.replace(old, new, 1)
    path.write_bytes(gzip.compress(content) if packed else content)
    return path


def little_endian(*numbers: float) -> bytes:
    return np.array(numbers, "<f4").tobytes()


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("bad, shown", [(0.0, "0"), (float("nan"), "nan"), (float("inf"), "inf")])
def test_a_nifti_spacing_of_zero_is_refused(tmp_path, suffix, bad, shown):
    old, new = little_endian(1.25, 1.5, 7.7), little_endian(1.25, 1.5, bad)
    path = changed_file(tmp_path / f"x{suffix}", oblique_image(), old, new)
    with pytest.raises(InputError, match=rf"has voxel spacing \(1.25, 1.5, {shown}\) mm; every spacing must be above"):
        read_image(path)


def test_a_spacing_beyond_the_dimensions_of_a_nifti_does_not_matter(tmp_path):
    path = changed_file(
        tmp_path / "x.nii", oblique_image()[..., 0], little_endian(1.25, 1.5), little_endian(1.25, 1.5, 0.0)[:8]
    )
    assert read_image(path).GetSpacing() == pytest.approx((1.25, 1.5))


def test_a_sheared_nifti_is_refused_in_words(tmp_path):
    image = sitk.GetImageFromArray(np.arange(60, dtype=np.int16).reshape(3, 4, 5))
    write_image(image, tmp_path / "x.nii")
    content = bytearray((tmp_path / "x.nii").read_bytes())
    content[252:256] = np.array([0, 2], "<i2").tobytes()
    content[280:328] = little_endian(5, 1, 0, 0, 0, 5, 0, 0, 0, 0, 5, 0)
    (tmp_path / "x.nii").write_bytes(content)
    with pytest.raises(InputError, match="has axes that are not at right angles, by 11.3 degrees. Resample it"):
        read_image(tmp_path / "x.nii")


@pytest.mark.parametrize("permissive", [False, True])
def test_a_nifti_that_is_hardly_sheared_is_straightened_and_says_so(tmp_path, monkeypatch, capfd, permissive):
    if permissive:
        monkeypatch.setenv("ITK_NIFTI_SFORM_PERMISSIVE", "1")
    write_image(sitk.GetImageFromArray(np.arange(60, dtype=np.int16).reshape(3, 4, 5)), tmp_path / "x.nii")
    content = bytearray((tmp_path / "x.nii").read_bytes())
    content[252:256] = np.array([0, 2], "<i2").tobytes()
    # The third axis leans by 0.005 of its length toward the first.
    content[280:328] = little_endian(-2, 0, 0.04, 7, 0, -3, 0, 8, 0, 0, 8, 9)
    (tmp_path / "x.nii").write_bytes(content)
    image = read_image(tmp_path / "x.nii")
    assert notes_on(image) == ["Its axes were 0.29 degrees off right angles and have been straightened."]
    assert image.GetSpacing() == pytest.approx((2, 3, 8), abs=1e-3) and image.GetOrigin() == (-7, -8, 9)
    assert np.abs(np.reshape(image.GetDirection(), (3, 3)) - np.eye(3)).max() < 0.003
    assert capfd.readouterr() == ("", "")
    assert ("ITK_NIFTI_SFORM_PERMISSIVE" in os.environ) == permissive


@pytest.mark.parametrize(("lean", "degrees"), [(0.005, "0.29"), (0.2, "11.5"), (0.00001, "")])
def test_axes_of_other_files_are_straightened_likewise(tmp_path, lean, degrees):
    image = sitk.GetImageFromArray(np.arange(60, dtype=np.int16).reshape(3, 4, 5))
    leaning = f"1 0 0 0 1 0 {lean:.5f} 0 {np.sqrt(1 - lean**2):.9f}"
    path = changed_file(tmp_path / "x.mha", image, b"1 0 0 0 1 0 0 0 1", leaning.encode())
    if lean > 0.1:
        with pytest.raises(InputError, match=f"not at right angles, by {degrees} degrees"):
            read_image(path)
        return
    read = read_image(path)
    assert [degrees in note for note in notes_on(read)] == [True] * bool(degrees)
    axes = np.reshape(read.GetDirection(), (3, 3))
    assert np.abs(axes.T @ axes - np.eye(3)).max() < (1e-9 if degrees else 1e-4)


@pytest.mark.parametrize(
    "old, new, words",
    [
        ("Offset = 0 0 0", "Offset = nan 0 0", "has an invalid position in its header: 'Offset = nan 0 0'."),
        ("Offset = 0 0 0", "Position = 0 x 0", "an invalid position in its header: 'Position = 0 x 0'"),
        ("ElementSpacing = 1 1 1", "ElementSpacing = 1 0 1", "has a voxel spacing that is zero or not a number; every"),
        ("1 0 0 0 1 0 0 0 1", "1 0 0 0 1 0 0 1 0", "has axes that span no volume"),
        ("ElementDataFile = LOCAL", "ElementDataFile = gone.raw", "or its data file is missing. It may be"),
    ],
)
def test_metaimage_headers_that_say_nonsense_are_refused_in_words(tmp_path, old, new, words):
    image = sitk.GetImageFromArray(np.arange(60, dtype=np.int16).reshape(3, 4, 5))
    path = changed_file(tmp_path / "x.mha", image, old.encode(), new.encode())
    with pytest.raises(InputError, match=re.escape(words)) as caught:
        read_image(path)
    assert "ITK" not in str(caught.value) and caught.value.message.endswith(".")


def test_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match="none.nii.gz' does not exist"):
        read_image(tmp_path / "none.nii.gz")


def test_fourth_dimension_of_one_is_dropped_and_of_more_is_kept(tmp_path):
    image = oblique_image()
    sitk.WriteImage(sitk.JoinSeries([image]), str(tmp_path / "one.nii.gz"))
    sitk.WriteImage(sitk.JoinSeries([image, image]), str(tmp_path / "two.nii.gz"))
    assert same(read_image(tmp_path / "one.nii.gz"), image)
    assert read_image(tmp_path / "two.nii.gz").GetDimension() == 4


def test_study_saves_and_opens_every_part(tmp_path):
    images = {name: oblique_image(n) for n, name in enumerate(("t1", "t2", "t1_liver", "t2_liver"))}
    Study(lesions=[pair()], **images).save(tmp_path / "case")
    assert sorted(p.name for p in (tmp_path / "case").iterdir()) == sorted(
        [f"{n}.nii.gz" for n in images] + ["lesions.json"]
    )
    study = Study.open(tmp_path / "case")
    assert all(same(study.need(name), image) for name, image in images.items())
    assert [p.boxes for p in study.need("lesions")] == [pair().boxes]
    assert study.name == "case"


def test_parts_are_read_when_first_asked_for(tmp_path):
    write_image(oblique_image(), tmp_path / "t1.nrrd")
    (tmp_path / "t2.nii.gz").write_bytes(b"damaged")
    (tmp_path / "lesions.json").write_text("damaged")
    study = Study.open(tmp_path)
    assert study.has("t1") and study.has("t2") and study.has("lesions") and not study.has("t1_liver")
    assert study.t1 is study.t1
    assert study.t1_liver is None
    with pytest.raises(InputError, match="t2.nii.gz' cannot be read"):
        _ = study.t2
    with pytest.raises(InputError, match="lesions.json': It is not valid JSON"):
        study.need("lesions")


def test_missing_parts_are_named(tmp_path):
    study = Study.open(tmp_path)
    with pytest.raises(InputError, match=f"Study '{tmp_path.name}' has no T2 volume. Expected as 't2.nii.gz'"):
        study.need("t2")
    with pytest.raises(InputError, match="has no lesion pairs"):
        study.need("lesions")
    with pytest.raises(InputError, match="The study has no T1 liver mask"):
        Study(t1=oblique_image()).need("t1_liver")
    with pytest.raises(InputError, match="does not exist"):
        Study.open(tmp_path / "none")
    with pytest.raises(InputError, match="no folder to be saved in"):
        Study(t1=oblique_image()).save()


def test_two_files_for_one_part_are_refused(tmp_path):
    write_image(oblique_image(), tmp_path / "t1.nii.gz")
    write_image(oblique_image(), tmp_path / "T1.mha")
    with pytest.raises(InputError, match="several files for its T1 volume: 'T1.mha', 't1.nii.gz'"):
        Study.open(tmp_path)


def test_dicom_folders_are_parts_and_files_go_before_them(tmp_path):
    write_stack(tmp_path / "t1")
    write_stack(tmp_path / "T2")
    write_image(oblique_image(), tmp_path / "t2.nii")
    study = Study.open(tmp_path)
    assert study.need("t1").GetSize() == (6, 4, 4)
    assert same(study.need("t2"), oblique_image())


def test_saving_at_home_writes_only_what_changed(tmp_path):
    write_image(oblique_image(), tmp_path / "t1.nrrd")
    (tmp_path / "t2.nii.gz").write_bytes(b"damaged")
    (tmp_path / "lesions.json").write_text("damaged")
    study = Study.open(tmp_path)
    before = os.stat(tmp_path / "t1.nrrd").st_ino
    study.t1_liver = oblique_image(5)
    study.save()
    assert os.stat(tmp_path / "t1.nrrd").st_ino == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["lesions.json", "t1.nrrd", "t1_liver.nii.gz", "t2.nii.gz"]
    study.t1 = oblique_image(6)
    study.save()
    assert same(Study.open(tmp_path).need("t1"), oblique_image(6))
    assert not (tmp_path / "t1.nii.gz").exists()


def test_saving_elsewhere_copies_all_parts(tmp_path):
    write_stack(tmp_path / "a" / "t1")
    study = Study.open(tmp_path / "a")
    study.lesions = [pair()]
    study.save(tmp_path / "b")
    study.lesions.clear()
    study.save()
    again = Study.open(tmp_path / "b")
    assert again.sources["t1"].name == "t1.nii.gz" and again.lesions == []
    assert same(again.need("t1"), Study.open(tmp_path / "a").need("t1"))
    assert not (tmp_path / "a" / "lesions.json").exists()
