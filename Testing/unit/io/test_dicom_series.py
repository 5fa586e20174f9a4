"""Telling DICOM series apart, and refusing in words what makes no volume."""

import os
import shutil
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from dicom_factory import AXIAL, CORONAL, header, write_enhanced, write_slice, write_stack
from pydicom.pixels import apply_modality_lut

from liverpair.core.errors import Cancelled, InputError
from liverpair.core.geometry import Grid
from liverpair.io.dicom_series import list_series, read_series
from liverpair.io.image_notes import notes_on
from liverpair.io.study import read_image

DATA = Path(os.environ.get("LIVERPAIR_DATA", Path(__file__).resolve().parents[4] / "shared" / "data"))
needs_data = pytest.mark.skipif(not (DATA / "chaos_dicom").is_dir(), reason=f"CHAOS DICOM not found in {DATA}")


def levels(series) -> list[int]:
    """The value of each slice, which the factory keeps constant within a slice."""
    array = sitk.GetArrayFromImage(read_series(series))
    assert all((plane == plane[0, 0]).all() for plane in array)
    return [int(plane[0, 0]) for plane in array]


def test_one_series_is_read_in_order_of_position(tmp_path):
    write_stack(tmp_path / "deep" / "er", heights=(6.0, 0.0, 9.0, 3.0))
    (series,) = list_series(tmp_path)
    image = read_series(series)
    assert levels(series) == [11, 13, 10, 12]
    assert series.size == image.GetSize() == (6, 4, 4)
    assert image.GetSpacing() == (1.25, 1.5, 3.0)
    assert image.GetOrigin() == (-10.0, -20.0, 0.0)
    assert (series.description, series.modality, series.echo_time) == ("T1 test", "MR", 4.6)
    assert Grid.of(read_image(tmp_path)).same_as(Grid.of(image))


def test_oblique_orientation_is_kept(tmp_path):
    tilt = np.deg2rad(20)
    row, column = np.array([1, 0, 0]), np.array([0, np.cos(tilt), np.sin(tilt)])
    normal = np.cross(row, column)
    for n in range(3):
        write_slice(
            tmp_path / f"{n}.dcm",
            0,
            n,
            ImageOrientationPatient=[float(f"{v:.10f}") for v in (*row, *column)],
            ImagePositionPatient=[float(f"{v:.6f}") for v in 5.0 * n * normal],
        )
    image = read_series(list_series(tmp_path)[0])
    np.testing.assert_allclose(np.reshape(image.GetDirection(), (3, 3)), np.stack([row, column, normal], 1), atol=1e-6)
    np.testing.assert_allclose(image.GetSpacing(), (1.25, 1.5, 5.0), atol=1e-6)


@pytest.mark.parametrize(
    "first, second",
    [
        ({"EchoTime": 2.3}, {"EchoTime": 4.6}),
        ({"ImageType": ["DERIVED", "PRIMARY", "WATER"]}, {"ImageType": ["DERIVED", "PRIMARY", "FAT"]}),
        ({"AcquisitionNumber": 1}, {"AcquisitionNumber": 2}),
        ({"TemporalPositionIdentifier": 1}, {"TemporalPositionIdentifier": 2}),
        ({"SeriesInstanceUID": "1.2.3.5"}, {"SeriesInstanceUID": "1.2.3.6"}),
        ({"PixelSpacing": [1.5, 1.25]}, {"PixelSpacing": [1.0, 1.0]}),
        ({}, {}),
    ],
    ids=["echo time", "image type", "acquisition", "time point", "uid", "pixel spacing", "nothing but instance number"],
)
def test_series_at_the_same_places_are_told_apart(tmp_path, first, second):
    write_stack(tmp_path, prefix="b", first_value=10, **first)
    write_stack(tmp_path, prefix="a", first_value=50, **second)
    if not first:
        for n, file in enumerate(sorted(tmp_path.glob("a*"))):
            shutil.copy(file, tmp_path / f"copy{n}.dcm")
    series = list_series(tmp_path)
    assert len({s.label for s in series}) == 2
    values = sorted(map(levels, series))
    if first:
        assert values == [[10, 11, 12, 13], [50, 51, 52, 53]]
    else:
        assert len(series) == 2 and sorted(sum(values, [])) == [10, 11, 12, 13, 50, 51, 52, 53]
    with pytest.raises(InputError, match="holds 2 DICOM series"):
        read_image(tmp_path)


def test_orientations_are_told_apart(tmp_path):
    write_stack(tmp_path, prefix="a")
    for n in range(3):
        write_slice(tmp_path / f"c{n}.dcm", 0, n, ImageOrientationPatient=CORONAL, ImagePositionPatient=[0, 4.0 * n, 0])
    assert sorted(s.size[2] for s in list_series(tmp_path)) == [3, 4]


def test_jitter_in_echo_time_and_orientation_splits_nothing(tmp_path):
    for n in range(4):
        tilted = [1.0, 0.00001 * n, 0.0, -0.00001 * n, 1.0, 0.0]
        write_slice(tmp_path / f"{n}.dcm", 3.0 * n, n, EchoTime=4.6 + 0.001 * n, ImageOrientationPatient=tilted)
    assert [s.size for s in list_series(tmp_path)] == [(6, 4, 4)]


def test_breath_holds_that_interleave_are_one_volume(tmp_path):
    write_stack(tmp_path, heights=(0.0, 6.0, 12.0), prefix="a", first_value=0, AcquisitionNumber=1)
    write_stack(tmp_path, heights=(3.0, 9.0, 15.0), prefix="b", first_value=10, AcquisitionNumber=2)
    (series,) = list_series(tmp_path)
    assert levels(series) == [0, 10, 1, 11, 2, 12]


def test_stations_under_one_uid_are_told_apart(tmp_path):
    write_stack(tmp_path, heights=(0.0, 3.0, 6.0), prefix="a", first_value=0, AcquisitionNumber=1)
    write_stack(tmp_path, heights=(100.0, 103.0, 106.0), prefix="b", first_value=10, AcquisitionNumber=2)
    assert sorted(map(levels, list_series(tmp_path))) == [[0, 1, 2], [10, 11, 12]]


def test_interleaved_volume_with_a_hole_is_not_halved(tmp_path):
    write_stack(tmp_path, heights=(0.0, 6.0, 12.0, 18.0), prefix="a", AcquisitionNumber=1)
    write_stack(tmp_path, heights=(9.0, 15.0, 21.0), prefix="b", AcquisitionNumber=2)
    (series,) = list_series(tmp_path)
    assert "lacks 1 slice" in series.problem


def test_copies_count_once_but_equal_instance_uids_do_not_hide_slices(tmp_path):
    files = write_stack(tmp_path / "one", SOPInstanceUID="1.2.9")
    for file in files:
        shutil.copy(file, tmp_path / f"copy_of_{file.name}")
    assert [s.size[2] for s in list_series(tmp_path)] == [4]


def test_missing_slices_are_named(tmp_path):
    files = write_stack(tmp_path, heights=(0.0, 3.0, 12.0, 15.0, 18.0, 21.0))
    (series,) = list_series(tmp_path)
    with pytest.raises(InputError, match=f"lacks 2 slices: 2 between {files[1].name} and {files[2].name}") as caught:
        read_series(series)
    assert caught.value.hint


def test_uneven_spacing_is_refused_with_the_distances(tmp_path):
    write_stack(tmp_path, heights=(0.0, 3.0, 6.0, 9.7, 12.7))
    with pytest.raises(InputError, match=r"unevenly spaced slices: 3\.70 mm between .*, 3\.00 mm elsewhere"):
        read_image(tmp_path)


def test_rounded_positions_are_even_enough(tmp_path):
    write_stack(tmp_path, heights=[round(2.3333333 * n, 1) for n in range(7)])
    assert read_image(tmp_path).GetSpacing()[2] == pytest.approx(14 / 6)


def test_sheared_stack_is_refused(tmp_path):
    for n in range(4):
        write_slice(tmp_path / f"{n}.dcm", 0, n, ImagePositionPatient=[0.0, 1.0 * n, 3.0 * n])
    with pytest.raises(InputError, match=r"sheared: its slices shift sideways by up to 3\.0 mm"):
        read_image(tmp_path)


def pydicom_values(files) -> np.ndarray:
    """What pydicom reads from single-frame files."""
    return np.stack([apply_modality_lut(ds.pixel_array, ds) for ds in map(pydicom.dcmread, files)])


@pytest.mark.parametrize(
    "tags",
    [
        [{}, {"RescaleSlope": 0.25, "RescaleIntercept": 0}, {"RescaleSlope": 0.3, "RescaleIntercept": 0}],
        [{"RescaleSlope": 1, "RescaleIntercept": shift} for shift in (0, 70000, -40000)],
        [{"RescaleSlope": 2, "RescaleIntercept": -1000}] * 3,
        [{"RescaleSlope": 1, "RescaleIntercept": 0.5}, {}, {}],
        [{}, {"PixelRepresentation": 1}, {}],
    ],
    ids=["slopes", "intercepts", "one intercept", "fraction", "signs"],
)
def test_every_slice_has_the_real_world_values_that_pydicom_reads(tmp_path, tags):
    levels = (100, 65000, 2**15)
    files = [write_slice(tmp_path / f"{n}.dcm", 3.0 * n, levels[n], **own) for n, own in enumerate(tags)]
    array = sitk.GetArrayFromImage(read_image(tmp_path))
    assert array.dtype in (np.int32, np.float32)
    assert (array == pydicom_values(files).astype(array.dtype)).all()


def test_slices_without_scaling_keep_their_type(tmp_path):
    write_stack(tmp_path)
    assert sitk.GetArrayViewFromImage(read_image(tmp_path)).dtype == np.uint16


def test_enhanced_multiframe_is_split_by_echo(tmp_path):
    write_enhanced(tmp_path / "enhanced.dcm")
    series = list_series(tmp_path)
    assert [(s.echo_time, levels(s)) for s in series] == [(2.3, [0, 1, 2]), (4.6, [100, 101, 102])]
    assert read_series(series[1]).GetSpacing() == (1.25, 1.5, 3.0)
    with pytest.raises(InputError, match="holds 2 DICOM series"):
        read_image(tmp_path / "enhanced.dcm")


def test_enhanced_multiframe_with_one_echo_opens_as_a_file(tmp_path):
    image = read_image(write_enhanced(tmp_path / "enhanced.dcm", echoes=(70.0,)))
    assert sitk.GetArrayFromImage(image)[:, 0, 0].tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    "slopes, intercepts, values",
    [((0.5, 2.0), (0,), [0, 2, 1]), ((1,), (0, -40, 7), [0, -39, 9]), ((0.5,), (-40,), [-40, -39.5, -39])],
    ids=["slope of a frame", "intercept of a frame", "one scale"],
)
def test_every_enhanced_frame_has_its_own_scale(tmp_path, slopes, intercepts, values):
    write_enhanced(tmp_path / "enhanced.dcm", echoes=(70.0,), slopes=slopes, intercepts=intercepts)
    assert sitk.GetArrayFromImage(read_image(tmp_path))[:, 0, 0].tolist() == values


def test_localizers_and_strangers_are_passed_over(tmp_path):
    write_stack(tmp_path, prefix="a")
    write_slice(tmp_path / "loc.dcm", 0, 1, SeriesInstanceUID="1.2.7", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    write_slice(tmp_path / "sur.dcm", 0, 1, SeriesInstanceUID="1.2.8", SeriesDescription="SURVEY_BH")
    write_slice(tmp_path / "shot.dcm", 0, 1, SeriesInstanceUID="1.2.9", ImagePositionPatient=None)
    write_slice(tmp_path / "nan.dcm", 0, 1, SeriesInstanceUID="1.2.10", PixelSpacing=[0.0, 1.0])
    report = header(Modality="SR", Rows=None, Columns=None)
    report.save_as(tmp_path / "report.dcm", enforce_file_format=True)
    (tmp_path / "README.txt").write_text("no image")
    (tmp_path / "noise.dcm").write_bytes(bytes(range(256)) * 8)
    (tmp_path / "cut.dcm").write_bytes((tmp_path / "loc.dcm").read_bytes()[:300])
    (tmp_path / "dangling.dcm").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe")
    assert [s.uid for s in list_series(tmp_path)] == ["1.2.3.4"]


def test_folders_without_series_say_so(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        list_series(tmp_path / "none")
    with pytest.raises(InputError, match="is empty"):
        list_series(tmp_path)
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(InputError, match=r"no DICOM image series \(1 other file\)\. LiverPair reads"):
        list_series(tmp_path)
    with pytest.raises(InputError, match="is not a folder"):
        list_series(tmp_path / "a.txt")
    write_slice(tmp_path / "l.dcm", 0, 1, SeriesDescription="3-plane localizer")
    with pytest.raises(InputError, match="localizers only"):
        list_series(tmp_path)


def test_truncated_pixels_are_an_input_error(tmp_path):
    files = write_stack(tmp_path)
    whole = files[2].read_bytes()
    files[2].write_bytes(whole[:-30])
    with pytest.raises(InputError, match="cannot be read"):
        read_image(tmp_path)


@pytest.mark.parametrize(
    "tags",
    [
        {"AcquisitionNumber": 9, "InstanceNumber": 99, "ImagePositionPatient": [-10.0, -20.0, 9.0]},
        {"ImageOrientationPatient": CORONAL, "ImagePositionPatient": [-10.0, -20.0, 40.0]},
        {"ImagePositionPatient": [-10.0, -20.0, 10.4]},
        {"ImagePositionPatient": [-10.0, -20.0, 120.0]},
        {"SeriesInstanceUID": "1.2.9", "ImageType": ["DERIVED", "PRIMARY", "OTHER"]},
    ],
    ids=["taken again", "another orientation", "between slices", "far away", "another series"],
)
def test_a_slice_that_belongs_to_no_volume_is_left_out_with_a_note(tmp_path, tags):
    write_stack(tmp_path, heights=[3.0 * n for n in range(11)])
    write_slice(tmp_path / "x.dcm", 9.0, 77, **tags)
    image = read_image(tmp_path)
    assert sitk.GetArrayFromImage(image)[:, 0, 0].tolist() == list(range(10, 21))
    assert notes_on(image) == ["1 slice was left out, taken again or in another place: x.dcm."]


def test_a_folder_of_many_series_names_a_few(tmp_path):
    for n in range(30):
        write_stack(tmp_path, prefix=f"{n}_", SeriesInstanceUID=f"1.2.{n}", SeriesDescription=f"phase {n}")
    with pytest.raises(InputError, match="holds 30 DICOM series: .* …") as refused:
        read_image(tmp_path)
    assert str(refused.value).count("phase") == 6


def test_a_whole_volume_that_calls_itself_a_localizer_is_read(tmp_path):
    write_stack(tmp_path / "few", heights=(0.0, 3.0, 6.0), SeriesDescription="localizer")
    with pytest.raises(InputError, match="localizers only"):
        read_image(tmp_path / "few")
    (tmp_path / "many").mkdir()
    file = write_enhanced(
        tmp_path / "many" / "x.dcm", echoes=(70.0,), heights=[3.0 * n for n in range(20)], description="AX LOCALIZER"
    )
    assert read_image(file).GetSize() == read_image(tmp_path / "many").GetSize() == (6, 4, 20)
    few = write_enhanced(tmp_path / "few.dcm", echoes=(70.0,), description="localizer")
    with pytest.raises(InputError, match="few.dcm' holds localizers only"):
        read_image(few)


def test_single_slice_file_asks_for_its_folder(tmp_path):
    with pytest.raises(InputError, match="single DICOM slice") as caught:
        read_image(write_slice(tmp_path / "x.dcm", 0, 1))
    assert "folder" in caught.value.hint


def test_listing_can_be_cancelled(tmp_path):
    write_stack(tmp_path)

    def stop(fraction, message):
        raise Cancelled

    with pytest.raises(Cancelled):
        list_series(tmp_path, stop)


def test_files_without_preamble_are_read(tmp_path):
    for file in write_stack(tmp_path):
        file.write_bytes(file.read_bytes()[132:])
    assert [s.size[2] for s in list_series(tmp_path)] == [4]


@needs_data
def test_series_published_under_one_uid_equal_their_split_forms():
    published = list_series(DATA / "chaos_dicom" / "21" / "as_published")
    split = list_series(DATA / "chaos_dicom" / "21" / "split")
    assert len(published) == len(split) == 3
    assert len({s.uid for s in published}) == 2 and len({s.uid for s in split}) == 3
    of_echo = {s.echo_time: s for s in split}
    for series in published:
        image, expected = read_series(series), read_series(of_echo[series.echo_time])
        assert (sitk.GetArrayViewFromImage(image) == sitk.GetArrayViewFromImage(expected)).all()
        assert Grid.of(image) == Grid.of(expected)


@needs_data
@pytest.mark.parametrize("name, echo", [("t1", 4.635), ("t1_outphase", 2.302), ("t2", 70.0)])
def test_dicom_equals_nifti_of_the_same_case(name, echo):
    file = DATA / "chaos_mr" / "21" / f"{name}.nii.gz"
    if not file.is_file():
        pytest.skip(f"{file} not found")
    series = next(s for s in list_series(DATA / "chaos_dicom" / "21" / "as_published") if s.echo_time == echo)
    image, expected = read_series(series), read_image(file)
    assert Grid.of(image).same_as(Grid.of(expected))
    assert (sitk.GetArrayViewFromImage(image) == sitk.GetArrayViewFromImage(expected)).all()


def test_axial_is_the_identity(tmp_path):
    write_stack(tmp_path, ImageOrientationPatient=AXIAL)
    assert read_image(tmp_path).GetDirection() == (1, 0, 0, 0, 1, 0, 0, 0, 1)
