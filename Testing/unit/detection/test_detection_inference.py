"""From volumes to lesion pairs, with a network whose answer is known."""

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from bright_box import grid
from brightness_bundle import write_brightness_bundle
from bundle_factory import write_bundle
from hypothesis import given
from hypothesis import strategies as st
from lesion_factory import origins
from peak_detector import SECTION, SIZE, SPACING, image_and_liver, write_peak_bundle

from liverpair.bundle import Bundle
from liverpair.core.errors import BundleError, Cancelled, InputError
from liverpair.core.sides import Side
from liverpair.detection.detection_settings import DetectionSettings
from liverpair.detection.finding import ask, find_boxes
from liverpair.detection.inference import DetectOptions, detect, liver_masks
from liverpair.detection.pairing import link
from liverpair.detection.preparation import liver_offset, prepare_pair
from liverpair.detection.space import to_space, to_voxels
from liverpair.segmentation.preparation import GridPolicy, Normalization

PEAKS = np.array([(-20.0, 10.0, 8.0), (22.0, -6.0, -12.0)])
SHIFT = np.array([6.0, -10.0, 16.0])
SETTINGS = DetectionSettings(**SECTION)
POLICY = GridPolicy(SPACING)
FULL_RANGE = Normalization(0, 100)
T1_GRID = grid((2.0, 2.0, 4.0), extent=160.0)
T2_GRIDS = {
    "alike": grid((2.0, 2.0, 4.0), extent=160.0),
    "flipped": grid((4.0, 2.0, 2.5), order=(2, 1, 0), flips=(-1, 1, -1), extent=170.0),
    "oblique": grid((2.0, 2.5, 4.0), degrees=(12.0, -8.0, 20.0), extent=180.0),
}


def pair_of_volumes(t2_grid="alike", t2_peaks=None):
    t2_peaks = PEAKS + SHIFT if t2_peaks is None else t2_peaks
    first = image_and_liver(T1_GRID, PEAKS)
    second = image_and_liver(T2_GRIDS[t2_grid], t2_peaks, SHIFT)
    return (first[0], second[0]), (first[1], second[1])


def voxels(shift) -> tuple[float, float, float]:
    return tuple(float(s / v) for s, v in zip(shift[::-1], SPACING[::-1]))


def test_a_pair_keeps_the_way_that_the_network_predicts_beside_that_between_its_boxes(tmp_path):
    images, livers = pair_of_volumes()
    bundle = write_peak_bundle(tmp_path / "b", (1.0, -1.0, 2.0))  # voxels of 4, 2 and 2 mm along z, y and x
    for pair in detect(*images, bundle, livers, options=DetectOptions("cpu", alignment="published")).pairs:
        assert pair.displacement_mm == pytest.approx((4.0, -2.0, 4.0))
    for pair in detect(*images, bundle, livers, options=DetectOptions("cpu", alignment="aligned")).pairs:
        assert pair.displacement_mm == pytest.approx(np.add((4.0, -2.0, 4.0), liver_offset(*livers)), abs=1e-6)
        assert pair.measured_mm != pytest.approx(pair.displacement_mm, abs=1.0)


def test_boxes_may_be_linked_by_the_registration_of_the_livers(tmp_path):
    images, livers = pair_of_volumes("oblique")
    bundle = write_peak_bundle(tmp_path / "b", (0.0, 0.0, 0.0))  # says that nothing has moved
    by_the_network = detect(*images, bundle, livers, options=DetectOptions("cpu", alignment="published"))
    assert all("predicted" in origins(pair) for pair in by_the_network.pairs)
    options = DetectOptions("cpu", alignment="published", linked_by="registration")
    found = detect(*images, bundle, livers, options=options).pairs
    assert [tuple(origins(pair)) for pair in found] == [("detected", "detected")] * 2
    for pair in found:
        assert pair.displacement_mm == pytest.approx(SHIFT, abs=2.5)


@pytest.mark.parametrize("t2_grid", T2_GRIDS)
@pytest.mark.parametrize(("alignment", "displacement"), [("aligned", (0.0, 0.0, 0.0)), ("published", voxels(SHIFT))])
def test_peaks_are_found_and_linked_on_any_grid(tmp_path, t2_grid, alignment, displacement):
    images, livers = pair_of_volumes(t2_grid)
    bundle = write_peak_bundle(tmp_path / "b", displacement)
    result = detect(*images, bundle, livers, options=DetectOptions("cpu", alignment=alignment))
    assert len(result.pairs) == 2
    for pair in result.pairs:
        nearest = np.linalg.norm(PEAKS - pair.box(Side.T1).center_mm, axis=1).argmin()
        assert pair.box(Side.T1).center_mm == pytest.approx(PEAKS[nearest], abs=2.5)
        assert pair.box(Side.T2).center_mm == pytest.approx(PEAKS[nearest] + SHIFT, abs=3.5)
        assert pair.displacement_mm == pytest.approx(SHIFT, abs=4.5)
        assert (*origins(pair), pair.state) == ("detected", "detected", "proposed")
        assert (
            pair.box(Side.T1).direction == images[0].GetDirection()
            and pair.box(Side.T2).direction == images[1].GetDirection()
        )
        assert pair.box(Side.T1).size_mm == pytest.approx((20, 20, 16))
    assert result.provenance["alignment"] == alignment and result.provenance["engine"] == "torch-fp32"
    offset = SHIFT if alignment == "aligned" else (0, 0, 0)
    assert result.provenance["offset_t1_to_t2_mm"] == pytest.approx(offset, abs=1.0)


def test_boxes_lie_along_the_axes_of_their_image(tmp_path):
    images, livers = pair_of_volumes("flipped")
    result = detect(*images, write_peak_bundle(tmp_path / "b"), livers, options=DetectOptions("cpu"))
    assert all(pair.box(Side.T2).size_mm == pytest.approx((16, 20, 20)) for pair in result.pairs)


def test_a_lesion_of_one_image_is_completed_by_its_moved_box(tmp_path):
    images, livers = pair_of_volumes(t2_peaks=PEAKS[:1] + SHIFT)
    result = detect(*images, write_peak_bundle(tmp_path / "b"), livers, options=DetectOptions("cpu"))
    moved = [pair for pair in result.pairs if pair.boxes[Side.T2].origin == "predicted"]
    assert len(result.pairs) == 2 and len(moved) == 1 and moved[0].boxes[Side.T2].score is None
    assert moved[0].box(Side.T2).center_mm == pytest.approx(
        np.add(moved[0].box(Side.T1).center_mm, liver_offset(*livers))
    )


def test_the_score_floor_can_be_raised(tmp_path):
    images, livers = pair_of_volumes()
    bundle = write_peak_bundle(tmp_path / "b")
    everything = detect(*images, bundle, livers, options=DetectOptions("cpu", score_floor=0.0)).pairs
    assert len(everything) > 2
    assert detect(*images, bundle, livers, options=DetectOptions("cpu", score_floor=1.0)).pairs == []
    assert [p.number for p in everything] == list(range(1, len(everything) + 1))


def test_the_inputs_stay_as_they_are_and_cancelling_passes_through(tmp_path):
    images, livers = pair_of_volumes()
    before = [sitk.GetArrayFromImage(i).copy() for i in (*images, *livers)]

    def stop(fraction, message):
        if fraction > 0.5:
            raise Cancelled

    with pytest.raises(Cancelled):
        detect(*images, write_peak_bundle(tmp_path / "b"), livers, options=DetectOptions("cpu"), progress=stop)
    assert all(np.array_equal(a, sitk.GetArrayFromImage(i)) for a, i in zip(before, (*images, *livers)))


def test_what_is_missing_is_said(tmp_path):
    images, livers = pair_of_volumes()
    bundle = write_peak_bundle(tmp_path / "b")
    with pytest.raises(InputError, match="no liver mask for T2"):
        detect(*images, bundle, (livers[0], None))
    with pytest.raises(InputError, match="liver mask of T1 is empty"):
        detect(*images, bundle, (livers[0] * 0, livers[1]), options=DetectOptions("cpu"))
    with pytest.raises(InputError, match="alignment"):
        DetectOptions("cpu", alignment="sideways")


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({**SECTION, "color": "red"}, "'detection.color' is unknown"),
        ({**SECTION, "nms_iou": 1.5}, "'detection.nms_iou' must be a number from 0 to 1, not 1.5"),
        ({**SECTION, "anchor_sizes": [SIZE, SIZE]}, "anchor_sizes are not the 1 boxes"),
        ({**SECTION, "anchor_sizes": [[4.0, 0.0, 4.0]]}, "must be a list of lists of numbers above 0"),
        ({"nms_iou": 0.3}, "'detection.anchor_sizes' is empty"),
    ],
)
def test_settings_that_do_not_fit_are_refused(tmp_path, section, words):
    images, livers = pair_of_volumes()
    with pytest.raises(BundleError, match=words):
        detect(*images, write_peak_bundle(tmp_path / "b", section=section), livers, options=DetectOptions("cpu"))


def test_a_segmenter_is_refused(tmp_path):
    images, livers = pair_of_volumes()
    with pytest.raises(BundleError, match="for segmentation, not for detection"):
        detect(*images, write_bundle(tmp_path / "b"), livers)


def test_settings_survive_the_manifest(tmp_path):
    settings = replace(SETTINGS, alignment="published", images=(0,))
    bundle = write_peak_bundle(tmp_path / "b", section=settings.section())
    assert DetectionSettings.read(Bundle.load(bundle.folder).section("detection"), "b") == settings


def test_missing_livers_are_segmented_first(tmp_path):
    images, livers = pair_of_volumes(t2_peaks=PEAKS[:0])
    images = images[0], sitk.Cast(livers[1], sitk.sitkFloat32)
    segmenter = write_brightness_bundle(tmp_path / "liver")
    result = detect(*images, write_peak_bundle(tmp_path / "b"), (livers[0], None), [segmenter], DetectOptions("cpu"))
    made, true = (sitk.GetArrayFromImage(mask) for mask in (result.livers[1], livers[1]))
    assert made.sum() == pytest.approx(true.sum(), rel=0.05)
    assert (sitk.GetArrayViewFromImage(result.livers[0]) == sitk.GetArrayViewFromImage(livers[0])).all()


def test_a_map_of_several_labels_is_no_liver_mask():
    images, livers = pair_of_volumes()
    labels = sitk.Cast(livers[1], sitk.sitkUInt8)
    labels[0:3, 0:3, 0:3] = 2
    with pytest.raises(InputError, match="The liver mask of T2 holds several labels: 1, 2."):
        liver_masks(images, (livers[0], labels), [], DetectOptions())


def test_the_working_block_holds_both_livers_in_multiples():
    images, livers = pair_of_volumes()
    for alignment in ("aligned", "published"):
        settings = replace(SETTINGS, alignment=alignment)
        prepared = prepare_pair(images, livers, POLICY, FULL_RANGE, settings, (4, 8, 8))
        assert all(n % m == 0 for n, m in zip(prepared.channels.shape[1:], (4, 8, 8)))
        for mask, liver in zip(prepared.livers, livers):
            own = sitk.GetArrayFromImage(liver).sum() * np.prod(liver.GetSpacing())
            assert mask.sum() * np.prod(SPACING) == pytest.approx(own, rel=0.05)
        assert not prepared.channels[~prepared.livers].any()
    assert prepared.offset_t1_to_t2_mm == pytest.approx((0, 0, 0))


def test_the_block_of_aligned_images_is_no_larger_than_the_liver_with_its_margin():
    images, livers = pair_of_volumes()
    prepared = prepare_pair(images, livers, POLICY, FULL_RANGE, SETTINGS)
    extent = np.multiply(prepared.channels.shape[:0:-1], SPACING)
    assert np.all(extent >= 100 + 2 * 8 - 4) and np.all(extent <= 100 + 2 * 8 + 3 * np.array(SPACING))


def test_an_offset_can_be_given_and_masking_left_out():
    images, livers = pair_of_volumes()
    settings = replace(SETTINGS, mask=False, normalize_over="liver")
    prepared = prepare_pair(images, livers, POLICY, FULL_RANGE, settings, offset_t1_to_t2_mm=tuple(SHIFT))
    assert prepared.offset_t1_to_t2_mm == pytest.approx(SHIFT)
    assert np.abs(prepared.channels[0] - prepared.channels[1]).max() < 0.02
    widened = replace(SETTINGS, mask_margin_mm=10.0)
    kept = prepare_pair(images, livers, POLICY, FULL_RANGE, widened, offset_t1_to_t2_mm=tuple(SHIFT))
    assert np.abs(kept.channels[0] - kept.channels[1]).max() < 0.02


@given(st.tuples(*[st.floats(-180, 180)] * 3), st.permutations([0, 1, 2]), st.tuples(*[st.sampled_from([-1, 1])] * 3))
def test_boxes_go_to_space_and_back(degrees, order, flips):
    on = grid((2.0, 3.0, 5.0), degrees, tuple(order), flips)
    bounds = np.array([[[1.0, 2.0, 3.0], [4.0, 8.0, 16.0]]])
    (box,) = to_space(bounds, on, on.direction)
    assert box.size_mm == pytest.approx((26, 18, 15))
    assert box.center_mm == pytest.approx(on.point((9.0, 4.5, 2.0)))
    assert to_voxels([box, None], on)[0] == pytest.approx(bounds[0])
    assert np.isnan(to_voxels([None], on)).all()


def test_arrays_of_two_dimensions_need_no_geometry():
    settings = DetectionSettings(((4.0, 4.0),), score_floor=0.5, nms_iou=0.3, link_iou=0.3)

    def network(images: torch.Tensor) -> torch.Tensor:
        """Anchor (1, 2) is positive in image 0 and lies one level voxel down in image 1; anchor (2, 2) is positive
        there."""
        answer = torch.zeros(1, 4, 4, 2, 1 + 3 * 2)
        answer[..., 0] = -9.0
        answer[0, 1, 2, 0, 0] = answer[0, 2, 2, 1, 0] = 9.0
        answer[0, 1, 2, 0, 5] = 1.0
        return answer.reshape(1, 16, -1)

    answer = ask(network, np.zeros((2, 16, 16)), {3: (4, 4)}, settings)
    (pair,) = link(*find_boxes(answer.output, answer.anchors, settings), settings.link_iou, settings.link_growth)
    assert pair.boxes.tolist() == [[[4, 8], [8, 12]], [[8, 8], [12, 12]]]
    assert pair.agreement == "one" and pair.predicted.tolist() == [2, 0]
    first_only = replace(settings, images=(0,))
    (moved,) = link(*find_boxes(answer.output, answer.anchors, first_only), settings.link_iou, settings.link_growth)
    assert moved.boxes.tolist() == pair.boxes.tolist() and moved.agreement == "moved"
