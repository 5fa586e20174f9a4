"""Radiomic features: the numbers of pyradiomics' own extractor, and silence about objects too small to have any."""

import logging
import math
import sys
import warnings

import numpy as np
import pytest
import SimpleITK as sitk
from scipy import ndimage

from liverpair.core.errors import InputError, MissingPackageError
from liverpair.measures import radiomics as measured
from liverpair.measures.feature_names import default_features, feature_groups
from liverpair.measures.radiomics import FeatureSettings, features_of

SPACING = {2: (1.25, 1.75), 3: (1.25, 1.75, 3.5)}
SHAPES = {2: (40, 46), 3: (18, 24, 26)}
SETTINGS = FeatureSettings()


def all_features(dimensions: int) -> list[str]:
    return [name for group in feature_groups(dimensions).values() for name in group]


def textured(dimensions: int, seed: int) -> np.ndarray:
    """A smooth image most of which lies in [0, 1]."""
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=SHAPES[dimensions]), 1.0)
    return (0.5 + 0.3 * noise / noise.std()).astype(np.float32)


def blob(dimensions: int, seed: int, radius: float = 7.0) -> np.ndarray:
    """One irregular object, some of it concave."""
    shape = SHAPES[dimensions]
    noise = ndimage.gaussian_filter(np.random.default_rng(seed + 100).normal(size=shape), 2.0)
    offsets = np.indices(shape) - np.array(shape).reshape(-1, *[1] * dimensions) / 2
    return np.sqrt((offsets**2).sum(axis=0)) + 2.0 * noise / noise.std() < radius


def by_pyradiomics(image, mask, spacing, settings=SETTINGS, **options) -> dict[str, float]:
    """Every feature by the extractor; it raises ValueError for an object it refuses."""
    from radiomics.featureextractor import RadiomicsFeatureExtractor

    pictures = [np.clip(image.astype(np.float64), 0.0, 1.0) * settings.scale, mask.astype(np.uint8)]
    pictures = [sitk.GetImageFromArray(picture) for picture in pictures]
    for picture in pictures:
        picture.SetSpacing(spacing)
    warnings.simplefilter("ignore", RuntimeWarning)  # of empty slices; pytest puts its own filters back
    extractor = RadiomicsFeatureExtractor(**settings.for_pyradiomics(), **options)
    extractor.disableAllFeatures()
    is_flat = image.ndim == 2 or options.get("force2D", False)
    for name in {feature.split("_")[0] for feature in all_features(2 if is_flat else 3)}:
        extractor.enableFeatureClassByName(name)
    found = extractor.execute(*pictures)
    start = "original_"
    return {name[len(start) :]: float(value) for name, value in found.items() if name.startswith(start)}


def assert_alike(found: dict[str, float], expected: dict[str, float]) -> None:
    assert {name for name in found if math.isnan(found[name])} == {n for n in found if math.isnan(expected[n])}
    for name, value in found.items():
        if not math.isnan(value):
            assert value == pytest.approx(expected[name], rel=1e-6, abs=1e-6), name


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("dimensions", [2, 3])
def test_every_feature_is_pyradiomics_own(dimensions, seed):
    image, mask, spacing = textured(dimensions, seed), blob(dimensions, seed), SPACING[dimensions]
    found = features_of(image, mask, spacing, all_features(dimensions))
    assert all(math.isfinite(value) for value in found.values())
    assert_alike(found, by_pyradiomics(image, mask, spacing))


def test_two_dimensions_are_a_slice_that_pyradiomics_is_told_to_see_as_flat():
    image, mask = textured(2, 4), blob(2, 4)
    flat = by_pyradiomics(image[None], mask[None], (*SPACING[2], 1.0), force2D=True)
    assert_alike(features_of(image, mask, SPACING[2], all_features(2)), flat)


@pytest.mark.parametrize("dimensions", [2, 3])
def test_a_feature_is_the_same_alone_and_among_others(dimensions):
    image, mask = textured(dimensions, 5), blob(dimensions, 5)
    together = features_of(image, mask, SPACING[dimensions], all_features(dimensions))
    for name in (*default_features(dimensions), "glcm_Contrast", "glcm_SumEntropy", "glcm_Idmn", "ngtdm_Contrast"):
        assert features_of(image, mask, SPACING[dimensions], [name]) == {name: together[name]}


def test_only_the_object_counts_and_not_what_lies_around_it():
    image, mask = textured(2, 6), blob(2, 6)
    other = np.where(mask, image, 7.0).astype(np.float32)
    other[0, 0] = np.nan
    names = all_features(2)
    assert features_of(image, mask, SPACING[2], names) == features_of(other, mask, SPACING[2], names)


def test_settings_are_what_pyradiomics_is_asked_with():
    image, mask = textured(2, 7), blob(2, 7)
    settings = FeatureSettings(scale=1000.0, bin_width=40.0)
    found = features_of(image, mask, SPACING[2], all_features(2), settings)
    assert_alike(found, by_pyradiomics(image, mask, SPACING[2], settings))
    assert found["glcm_Contrast"] != features_of(image, mask, SPACING[2], ["glcm_Contrast"])["glcm_Contrast"]


def test_intensities_are_clipped_and_scaled_before_they_are_measured():
    image = np.full((6, 6), 0.4, np.float32)
    image[2, 2], image[2, 3] = -3.0, 9.0
    mask = np.zeros((6, 6), bool)
    mask[1:5, 1:5] = True
    found = features_of(image, mask, (1.0, 1.0), ["firstorder_Minimum", "firstorder_Maximum", "firstorder_Median"])
    assert found == pytest.approx(
        {"firstorder_Minimum": 0.0, "firstorder_Maximum": 255.0, "firstorder_Median": 102.0}, rel=1e-6
    )


@pytest.mark.parametrize(
    ("dimensions", "box"),
    [
        (2, np.s_[0:0, 0:0]),
        (2, np.s_[5:6, 7:8]),
        (2, np.s_[5:6, 7:15]),
        (2, np.s_[0:1, :]),
        (3, np.s_[0:0, 0:0, 0:0]),
        (3, np.s_[3:4, 3:4, 3:4]),
        (3, np.s_[3:9, 3:4, 3:4]),
    ],
)
def test_an_object_without_width_has_no_features(dimensions, box, capfd):
    image, mask = textured(dimensions, 8), np.zeros(SHAPES[dimensions], bool)
    mask[box] = True
    found = features_of(image, mask, SPACING[dimensions], all_features(dimensions))
    assert len(found) == len(all_features(dimensions)) and all(math.isnan(value) for value in found.values())
    if mask.any():
        with pytest.raises(ValueError):
            by_pyradiomics(image, mask, SPACING[dimensions])
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("dimensions", "box"),
    [
        (2, np.s_[5:7, 7:9]),
        (2, np.s_[:, :]),
        (3, np.s_[3:5, 3:5, 3:5]),
        (3, np.s_[4:5, 3:9, 3:9]),
    ],
)
@pytest.mark.parametrize("constant", [False, True])
def test_small_flat_and_constant_objects_are_what_pyradiomics_says(dimensions, box, constant, capfd, caplog):
    image, mask = textured(dimensions, 9), np.zeros(SHAPES[dimensions], bool)
    mask[box] = True
    if constant:
        image[:] = 0.25
    with caplog.at_level(logging.DEBUG, "root"), warnings.catch_warnings():
        warnings.simplefilter("error")
        found = features_of(image, mask, SPACING[dimensions], all_features(dimensions))
    assert capfd.readouterr() == ("", "") and not caplog.records
    assert_alike(found, by_pyradiomics(image, mask, SPACING[dimensions]))


def test_pieces_that_touch_only_at_corners_are_one_object(capfd):
    image, mask = textured(2, 10), np.zeros(SHAPES[2], bool)
    mask[4, 4] = mask[5, 5] = True
    found = features_of(image, mask, SPACING[2], all_features(2))
    assert capfd.readouterr() == ("", "")
    assert_alike(found, by_pyradiomics(image, mask, SPACING[2]))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_inside_the_object_leaves_it_undefined(value, capfd):
    image, mask = textured(2, 11), blob(2, 11)
    image[tuple(np.argwhere(mask)[3])] = value
    assert all(math.isnan(v) for v in features_of(image, mask, SPACING[2], all_features(2)).values())
    assert capfd.readouterr() == ("", "")


def test_the_loggers_and_the_arrays_stay_as_they_were():
    image, mask = textured(2, 12), blob(2, 12)
    before = image.copy(), mask.copy()
    level = logging.getLogger("radiomics").level
    features_of(image, mask, SPACING[2], all_features(2))
    assert logging.getLogger("radiomics").level == level
    assert (image == before[0]).all() and (mask == before[1]).all()


@pytest.mark.parametrize(
    "name", ["glcm_Contrst", "glcm_Dissimilarity", "shape_Sphericity", "Contrast", "", "firstorder_"]
)
def test_an_unknown_feature_is_named(name):
    with pytest.raises(InputError, match=f"no feature '{name}' in 2 dimensions"):
        features_of(textured(2, 0), blob(2, 0), SPACING[2], ["glcm_Contrast", name])


def test_arrays_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="do not fit"):
        features_of(textured(2, 0), blob(2, 0)[1:], SPACING[2], ["glcm_Contrast"])
    with pytest.raises(ValueError, match="do not fit"):
        features_of(textured(2, 0), blob(2, 0), SPACING[3], ["glcm_Contrast"])


@pytest.mark.parametrize("change", [{"bin_width": 0.0}, {"scale": -1.0}, {"scale": math.nan}])
def test_settings_that_cannot_be_are_refused(change):
    with pytest.raises(InputError, match="number above 0"):
        FeatureSettings(**change)


def test_without_pyradiomics_one_sentence_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "radiomics", None)
    measured._classes.cache_clear()
    try:
        with pytest.raises(MissingPackageError, match="Radiomic features need the package 'pyradiomics'"):
            features_of(textured(2, 0), blob(2, 0), SPACING[2], ["glcm_Contrast"])
    finally:
        measured._classes.cache_clear()
