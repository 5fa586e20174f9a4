"""The phantom pair: anatomy, contrast, geometry, breathing, lesions, seeds."""

import numpy as np
import pytest
import SimpleITK as sitk

from liverpair.synthesis.frame import Frame
from liverpair.synthesis.patient import Patient
from liverpair.synthesis.phantom import phantom_pair

COARSE = Frame(spacing=(4.0, 4.0, 5.0), origin=(-204.0, -168.0, -290.0), shape=(74, 85, 103))


@pytest.fixture(scope="module")
def demo():
    return phantom_pair(0)


@pytest.fixture(scope="module")
def quick():
    return phantom_pair(6, frame=COARSE)


def _shape(labels: sitk.Image) -> sitk.LabelShapeStatisticsImageFilter:
    shape = sitk.LabelShapeStatisticsImageFilter()
    shape.Execute(labels)
    return shape


def _medians(image: sitk.Image, organs: sitk.Image) -> list[float]:
    values, labels = sitk.GetArrayFromImage(image), sitk.GetArrayFromImage(organs)
    return [float(np.median(values[labels == k])) for k in (1, 2, 3, 4)]


def test_masks_lie_on_their_images(demo):
    for image, *masks in (
        (demo.t1, demo.t1_organs, demo.t1_liver, demo.t1_lesions),
        (demo.t2, demo.t2_organs, demo.t2_liver, demo.t2_lesions),
    ):
        for mask in masks:
            assert mask.GetSize() == image.GetSize() and mask.GetPixelID() == sitk.sitkUInt8
            assert np.allclose(mask.GetDirection(), image.GetDirection())
            assert np.allclose(mask.GetOrigin(), image.GetOrigin())
            assert np.allclose(mask.GetSpacing(), image.GetSpacing())


def test_images_are_stored_like_scanner_images(demo):
    for image in (demo.t1, demo.t2):
        values = sitk.GetArrayViewFromImage(image)
        assert image.GetPixelID() == sitk.sitkInt16
        assert values.min() >= 0 and 300 < values.max() < 8000


@pytest.mark.parametrize("side", ["t1", "t2"])
def test_organ_volumes_and_places_are_those_of_an_adult(demo, side):
    shape = _shape(getattr(demo, f"{side}_organs"))
    assert set(shape.GetLabels()) == {1, 2, 3, 4}
    milliliters = {k: shape.GetPhysicalSize(k) / 1000 for k in (1, 2, 3, 4)}
    assert 1000 < milliliters[1] < 2400
    assert all(60 < milliliters[k] < 320 for k in (2, 3)) and 80 < milliliters[4] < 600
    liver, right, left, spleen = (shape.GetCentroid(k) for k in (1, 2, 3, 4))
    assert liver[0] < 0 < spleen[0] and right[0] < 0 < left[0]
    assert liver[1] < right[1] and liver[2] > right[2]


def test_t1_is_axial_and_t2_oblique_about_two_axes(demo):
    assert np.allclose(np.array(demo.t1.GetDirection()).reshape(3, 3), np.eye(3))
    matrix = np.array(demo.t2.GetDirection()).reshape(3, 3)
    assert np.allclose(matrix @ matrix.T, np.eye(3), atol=1e-9)
    normal = matrix[:, 2]
    tilts = np.rad2deg(np.arcsin(np.abs(normal[:2])))
    assert (tilts > 7.0).all() and (tilts < 13.0).all()
    assert not np.allclose(demo.t1.GetSpacing(), demo.t2.GetSpacing())


def test_the_liver_moved_by_centimeters_and_kept_its_volume(demo):
    t1, t2 = _shape(demo.t1_liver), _shape(demo.t2_liver)
    shift = np.subtract(t1.GetCentroid(1), t2.GetCentroid(1))
    assert 10.0 < abs(shift[2]) < 60.0 and np.hypot(*shift[:2]) < 30.0
    assert t1.GetPhysicalSize(1) == pytest.approx(t2.GetPhysicalSize(1), rel=0.15)


def test_the_spinal_canal_does_not_breathe(demo):
    canal = {}
    for name, image, organs in (("T1", demo.t1, demo.t1_organs), ("T2", demo.t2, demo.t2_organs)):
        points = [image.TransformPhysicalPointToIndex((0.0, 76.0, float(z))) for z in range(-160, -60, 8)]
        inside = [p for p in points if all(0 <= i < n for i, n in zip(p, image.GetSize(), strict=True))]
        canal[name] = np.median([image[p] for p in inside]) / _medians(image, organs)[0]
    assert canal["T1"] < 0.8 and canal["T2"] > 1.5


def test_tissues_are_ordered_as_the_sequences_show_them(demo):
    liver, right, left, spleen = _medians(demo.t1, demo.t1_organs)
    t1 = sitk.GetArrayFromImage(demo.t1)
    assert spleen < liver and np.percentile(t1, 99) > 1.5 * liver
    liver2, right2, left2, spleen2 = _medians(demo.t2, demo.t2_organs)
    assert min(spleen2, right2, left2) > 1.3 * liver2
    t2 = sitk.GetArrayFromImage(demo.t2)
    near_skin = t2[t2.shape[0] // 2, :, t2.shape[2] // 2]
    assert np.median(near_skin[near_skin > 0.2 * liver2]) < 1.2 * liver2


def test_background_noise_is_weak_and_rician(demo):
    for image, organs in ((demo.t1, demo.t1_organs), (demo.t2, demo.t2_organs)):
        corner = sitk.GetArrayFromImage(image)[:, :8, :8].astype(float)
        assert 0 < corner.mean() < 0.15 * _medians(image, organs)[0]
        assert corner.mean() / corner.std() == pytest.approx(1.91, abs=0.5)


def test_demo_lesions_are_seen_in_both_livers(demo):
    assert 3 <= len(demo.lesions) <= 5
    for lesions, liver in ((demo.t1_lesions, demo.t1_liver), (demo.t2_lesions, demo.t2_liver)):
        numbers = sitk.GetArrayFromImage(lesions)
        assert set(np.unique(numbers)) == {0, *(lesion.number for lesion in demo.lesions)}
        assert (sitk.GetArrayFromImage(liver)[numbers > 0] == 1).all()
        assert all((numbers == lesion.number).sum() > 20 for lesion in demo.lesions)


def test_a_lesion_moves_with_the_liver(demo):
    liver = np.subtract(_shape(demo.t1_liver).GetCentroid(1), _shape(demo.t2_liver).GetCentroid(1))
    t1, t2 = _shape(demo.t1_lesions), _shape(demo.t2_lesions)
    for number in t1.GetLabels():
        moved = np.subtract(t1.GetCentroid(number), t2.GetCentroid(number))
        assert np.linalg.norm(moved - liver) < 20.0


def test_a_seed_gives_the_same_pair_again(quick):
    again = phantom_pair(6, frame=COARSE)
    for name in ("t1", "t2", "t1_organs", "t2_organs", "t1_lesions", "t2_lesions"):
        a, b = getattr(quick, name), getattr(again, name)
        assert a.GetSize() == b.GetSize() and a.GetDirection() == b.GetDirection()
        assert np.array_equal(sitk.GetArrayViewFromImage(a), sitk.GetArrayViewFromImage(b))
    assert quick.lesions == again.lesions


def test_another_seed_is_another_patient(demo, quick):
    volumes = [_shape(pair.t1_liver).GetPhysicalSize(1) for pair in (demo, quick)]
    assert abs(volumes[0] / volumes[1] - 1) > 0.01
    assert demo.lesions != quick.lesions and demo.t1.GetSize() != quick.t1.GetSize()


def test_patients_vary_within_adult_ranges():
    patients = [Patient.random(np.random.default_rng(s)) for s in range(200)]
    lengths = np.array([p.liver_length for p in patients])
    fat = np.array([p.fat_thickness for p in patients])
    assert 120 < lengths.min() < 150 < 190 < lengths.max() < 240
    assert fat.min() > 3 and fat.max() > 1.5 * np.median(fat)


def test_half_a_year_later_one_lesion_has_grown_one_is_gone_and_one_is_new():
    now, later = (phantom_pair(0, frame=COARSE, later=later) for later in (False, True))
    before, after = ({one.number: one for one in visit.lesions} for visit in (now, later))
    assert set(after) == {*sorted(before)[:-1], max(before) + 1}
    assert np.allclose(after[1].radii_mm, 1.4 * np.array(before[1].radii_mm))
    assert all(after[number] == before[number] for number in sorted(before)[1:-1])
    for labels in (later.t1_lesions, later.t2_lesions):
        assert set(np.unique(sitk.GetArrayViewFromImage(labels))) == {0, *after}
    assert sitk.Hash(now.t1) != sitk.Hash(later.t1)
