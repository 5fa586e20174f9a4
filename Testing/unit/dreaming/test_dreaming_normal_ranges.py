"""Normal ranges: what they are computed from, what is said when that is missing, and how features are held to them."""

import json
import math

import numpy as np
import pytest
import SimpleITK as sitk
from brightness_bundle import write_brightness_bundle
from dreaming_factory import write_slice_bundle
from lesion_study_factory import LESIONS, write_lesion_study

from liverpair import cli
from liverpair.bundle import Bundle
from liverpair.core.errors import InputError
from liverpair.core.lesions import write_lesions
from liverpair.core.sides import Side
from liverpair.dreaming.normal_ranges import NormalRanges, normal_ranges, ranges_of_objects
from liverpair.io.study import read_image, write_image
from liverpair.measures.feature_names import feature_groups
from liverpair.measures.radiomics import FeatureSettings, features_of

BANDS = {"shape_Sphericity": {"mean": 0.7, "sd": 0.1}, "glcm_Contrast": {"mean": 4.0, "sd": 0.0}}
SETTINGS = {"dimensions": 3, "scale": 255.0, "bin_width": 10.0, "spacing_mm": [2.0, 2.0, 6.0]}
RANGES = NormalRanges(BANDS, SETTINGS, 12, "lesions of a test")


@pytest.fixture
def slices(tmp_path) -> Bundle:
    return write_slice_bundle(tmp_path / "model")


@pytest.fixture
def volumes(tmp_path) -> Bundle:
    return write_brightness_bundle(tmp_path / "model", inputs=["T1 or T2"])


def test_z_counts_deviations_from_the_mean():
    assert RANGES.z("shape_Sphericity", 0.9) == pytest.approx(2.0)
    assert math.isnan(RANGES.z("glcm_Contrast", 5.0)) and math.isnan(RANGES.z("shape_Flatness", 5.0))
    assert math.isnan(RANGES.z("shape_Sphericity", math.nan))


def test_they_survive_a_file(tmp_path):
    RANGES.write(tmp_path / "new" / "ranges.json")
    assert NormalRanges.read(tmp_path / "new" / "ranges.json") == RANGES


def test_they_survive_a_bundle(volumes):
    assert NormalRanges.of_bundle(volumes) is None
    updated = volumes.update(normal_ranges=RANGES.as_dict())
    assert NormalRanges.of_bundle(updated) == RANGES
    assert "| Normal ranges | 2 features, 12 objects: lesions of a test |" in updated.card()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "not valid JSON"),
        ("[1]", "not normal ranges"),
        ("{}", "not normal ranges: 'features'"),
        ('{"features": {"a": {"mean": 1}}}', "not normal ranges: 'sd'"),
        ('{"features": {"a": {"mean": 1, "sd": NaN}}}', "nan is not a number"),
        ('{"features": {"a": {"mean": 1, "sd": -2}}}', "a standard deviation is below 0"),
        ('{"features": {"a": {"mean": "1", "sd": 2}}}', "not normal ranges"),
        ('{"features": {"a": {"mean": true, "sd": 2}}}', "True is not a number"),
        (f'{{"features": {{"a": {{"mean": 1{"0" * 400}, "sd": 2}}}}}}', "not normal ranges"),
        ('{"features": {}, "count": Infinity}', "not normal ranges"),
        ('{"features": {}, "settings": {"scale": "255"}}', "not normal ranges"),
        ('{"features": {}, "settings": {"dimensions": "2"}}', "dimensions '2' are neither 2 nor 3"),
        ('{"features": {}, "settings": {"spacing_mm": 5}}', "not normal ranges"),
        ('{"features": {}, "settings": {"dimensions": 2, "spacing_mm": [1]}}', "is of fewer dimensions than 2"),
        (None, "cannot be read: No such file"),
    ],
)
def test_another_file_is_refused_by_its_name(tmp_path, content, words):
    path = tmp_path / "ranges.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError) as caught:
        NormalRanges.read(path)
    assert words in str(caught.value) and "ranges.json" in str(caught.value)


@pytest.mark.parametrize(
    ("measured", "words"),
    [
        ((FeatureSettings(), 3, (2.0, 2.0, 6.0)), None),
        ((FeatureSettings(), 3), None),
        ((FeatureSettings(), 2, (2.0, 2.0)), "of 3-D objects and these objects are 2-D"),
        ((FeatureSettings(bin_width=25.0), 3), "a bin width of 10, these with 25"),
        ((FeatureSettings(scale=100.0), 3), "a scale of 255, these with 100"),
        ((FeatureSettings(), 3, (2.0, 2.0, 3.0)), "voxels of 2 × 2 × 6 mm and these voxels are 2 × 2 × 3 mm"),
    ],
)
def test_what_was_measured_otherwise_is_said(measured, words):
    said = RANGES.mismatch(*measured)
    assert said is None if words is None else words in said


def objects(count: int = 5, size: int = 6):
    random = np.random.default_rng(0)
    for number in range(count):
        mask = np.zeros((20, 20), bool)
        mask[4 : 4 + size, 4 : 4 + size + number] = True
        yield random.random((20, 20)).astype(np.float32), mask, (1.5, 2.0)


def test_ranges_are_mean_and_sample_deviation_over_objects():
    ranges = ranges_of_objects(objects(), "five boxes")
    areas = [6 * (6 + number) * 3.0 for number in range(5)]
    band = ranges.features["shape2D_PixelSurface"]
    assert band == pytest.approx({"mean": np.mean(areas), "sd": np.std(areas, ddof=1)})
    assert set(ranges.features) == {name for group in feature_groups(2).values() for name in group}
    assert ranges.count == 5 and ranges.data == "five boxes"
    assert ranges.settings == {"dimensions": 2, "scale": 255.0, "bin_width": 10.0, "spacing_mm": [1.5, 2.0]}


def test_objects_too_small_do_not_count():
    assert ranges_of_objects([*objects(), *objects(2, size=2)], "").count == 5
    with pytest.raises(InputError, match="at least two lesions of 20 voxels; 1 were found"):
        ranges_of_objects(objects(1), "")


def test_objects_in_which_nothing_is_defined_make_no_range():
    image, line = np.random.default_rng(0).random((30, 30)), np.zeros((30, 30), bool)
    line[5] = True
    with pytest.raises(InputError, match="No feature is defined for two of the lesions"):
        ranges_of_objects([(image, line, (1.0, 1.0))] * 2, "two lines")


@pytest.mark.parametrize("dimensions", [2, 3])
def test_lesions_of_studies_are_measured_as_the_model_sees_them(tmp_path, dimensions, request):
    bundle = request.getfixturevalue("slices" if dimensions == 2 else "volumes")
    folders = [write_lesion_study(tmp_path / name, seed=seed) for seed, name in enumerate("ab")]
    ranges = normal_ranges(folders, bundle, side=Side.T1)
    assert ranges.count == 2 * len(LESIONS) and ranges.settings["dimensions"] == dimensions
    assert ranges.data == "lesions drawn in T1 of 2 studies"
    name = "shape2D_PixelSurface" if dimensions == 2 else "shape_VoxelVolume"
    sizes = [math.pi * r**2 if dimensions == 2 else 4 / 3 * math.pi * r**3 for r in LESIONS.values()]
    assert ranges.features[name]["mean"] == pytest.approx(np.mean(sizes), rel=0.1)
    assert ranges.features["firstorder_Mean"]["mean"] > 0.75 * 255


def test_a_model_of_slices_sees_a_lesion_where_it_is_largest(tmp_path, slices):
    from liverpair.dreaming.study_lesions import lesion_objects
    from liverpair.io.study import Study

    study = Study.open(write_lesion_study(tmp_path / "a"))
    labels = read_image(tmp_path / "a" / "t1_lesions.nii.gz")
    found = list(lesion_objects(study, Side.T1, labels, slices))
    assert len(found) == len(LESIONS)
    for (image, mask, spacing), radius in zip(found, LESIONS.values()):
        assert image.shape == mask.shape and image.ndim == 2 and spacing == (1.5, 1.5)
        assert mask.sum() * 1.5**2 == pytest.approx(math.pi * radius**2, rel=0.15)
        assert features_of(image, mask, spacing, ["firstorder_Median"])["firstorder_Median"] > 150


def test_the_parts_of_a_mask_with_one_value_are_the_lesions(tmp_path, volumes):
    folder = write_lesion_study(tmp_path / "a")
    many = normal_ranges([folder], volumes, Side.T1)
    labels = read_image(folder / "t1_lesions.nii.gz")
    write_image(sitk.Cast(labels != 0, sitk.sitkUInt8), folder / "t1_lesions.nii.gz")
    one = normal_ranges([folder], volumes, Side.T1)
    assert one.count == many.count == len(LESIONS)
    assert one.features["shape_VoxelVolume"] == pytest.approx(many.features["shape_VoxelVolume"])


def test_both_sides_count_where_the_model_takes_both(tmp_path, volumes):
    folders = [
        write_lesion_study(tmp_path / "a", sides=tuple(Side)),
        write_lesion_study(tmp_path / "b", sides=()),
    ]
    ranges = normal_ranges(folders, volumes)
    assert ranges.count == 2 * len(LESIONS)
    assert ranges.data == "lesions drawn in T1 and T2 of 1 study (1 more have none)"
    assert normal_ranges(folders, volumes, Side.T2).count == len(LESIONS)


def test_missing_masks_are_said_by_the_name_they_should_have(tmp_path, slices):
    folder = write_lesion_study(tmp_path / "a", sides=(Side.T2,))
    write_lesions(folder / "lesions.json", [])
    with pytest.raises(InputError) as caught:
        normal_ranges([folder], slices)
    assert "Study 'a' has no drawn lesions." in str(caught.value) and "t1_lesions.nii.gz" in str(caught.value)
    assert "boxes (lesions.json) show no outline" in str(caught.value)
    with pytest.raises(InputError, match="None of 2 studies has drawn lesions"):
        normal_ranges([folder, folder], slices)


def test_a_side_that_the_model_does_not_take_is_refused(tmp_path, slices):
    with pytest.raises(InputError, match="Model 'slices' is for T1"):
        normal_ranges([write_lesion_study(tmp_path / "a")], slices, Side.T2)


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        (lambda folder: (folder / "t1.nii.gz").unlink(), "^Study 'a' has no T1 volume"),
        (lambda folder: (folder / "t1_lesions.nii.gz").write_bytes(b"no image"), "Study 'a': .*t1_lesions"),
        (
            lambda folder: write_image(
                sitk.Cast(read_image(folder / "t1.nii.gz"), sitk.sitkFloat32), folder / "t1_lesions.nii.gz"
            ),
            "Study 'a': .*not a label map",
        ),
        (
            lambda folder: write_image(
                sitk.Cast(read_image(folder / "t1_lesions.nii.gz"), sitk.sitkFloat32) * 1e30,
                folder / "t1_lesions.nii.gz",
            ),
            "Study 'a': .*not a label map",
        ),
    ],
)
def test_a_study_that_cannot_be_read_is_named(tmp_path, slices, break_it, words):
    folder = write_lesion_study(tmp_path / "a")
    break_it(folder)
    with pytest.raises(InputError, match=words):
        normal_ranges([folder], slices)


def test_the_command_prints_and_writes(tmp_path, slices, capsys):
    write_lesion_study(tmp_path / "studies" / "a")
    words = ["normal-ranges", str(tmp_path / "studies"), "--model", str(tmp_path / "model")]
    assert cli.main([*words, "-o", str(tmp_path / "out.json")]) == 0
    printed = capsys.readouterr().out
    assert "shape2D_Sphericity" in printed and f"{len(LESIONS)} 2-D objects: lesions drawn in T1 of 1 study" in printed
    content = json.loads((tmp_path / "out.json").read_text())
    assert content["count"] == len(LESIONS) and not Bundle.load(tmp_path / "model").normal_ranges
    assert cli.main([*words, "--write-to-model"]) == 0
    assert Bundle.load(tmp_path / "model").normal_ranges == content


def test_the_command_says_no_in_one_sentence(tmp_path, slices, capsys):
    write_lesion_study(tmp_path / "studies" / "a", sides=())
    model = str(tmp_path / "model")
    assert cli.main(["normal-ranges", str(tmp_path / "studies"), "--model", model, "--write-to-model"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("liverpair: Study 'a' has no drawn lesions.") and error.count("\n") == 1
    assert not Bundle.load(model).normal_ranges
