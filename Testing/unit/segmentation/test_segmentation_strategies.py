"""What each strategy shows a network and what comes back, with networks whose answer is known."""

import json

import numpy as np
import pytest
import SimpleITK as sitk
from bright_box import grid, image_and_mask
from brightness_bundle import write_brightness_bundle, write_two_brightness_bundle
from bundle_factory import edit_manifest

from liverpair.bundle import Bundle
from liverpair.bundle.strategies import EITHER, STRATEGIES, Pass
from liverpair.core.errors import BundleError, Cancelled, InputError
from liverpair.core.geometry import Grid, volume_ml
from liverpair.core.sides import Side
from liverpair.jobs.jobs import JOBS
from liverpair.jobs.segment_results import existing_results, is_complete, read_measures
from liverpair.measures.overlap import dice
from liverpair.segmentation import channels
from liverpair.segmentation.channels import channels_of
from liverpair.segmentation.inference import SegmentOptions, segment
from liverpair.segmentation.preparation import GridPolicy, Normalization

T1_GRID = grid((1.5, 1.5, 6.0))
T2_GRID = grid((2.0, 2.0, 7.7), (10, -8, 3))
SHIFT_MM = (5.0, 15.0, -20.0)
FP32 = SegmentOptions(device="cpu", engine="torch-fp32")
BOTH, EITHERS = ["T1", "T2"], [EITHER, EITHER]
T1_FIRST, T2_FIRST = Pass((Side.T1, Side.T2), (Side.T1,)), Pass((Side.T2, Side.T1), (Side.T2,))
TWO_OUT, TWO_OUT_SWAPPED = Pass((Side.T1, Side.T2), (Side.T1, Side.T2)), Pass((Side.T2, Side.T1), (Side.T2, Side.T1))
REGISTERED = Pass((Side.T2, Side.T1), (Side.T2,), registered=True)


@pytest.fixture(scope="module")
def pair():
    return image_and_mask(T1_GRID), image_and_mask(T2_GRID, shift=SHIFT_MM)


@pytest.fixture(scope="module")
def two_in(tmp_path_factory):
    """Masks the first image by what is bright in the second one."""
    folder = tmp_path_factory.mktemp("bundles") / "other"
    return write_brightness_bundle(folder, 1, in_channels=2, strategy="double-in", inputs=EITHERS, name="other")


@pytest.fixture(scope="module")
def two_out(tmp_path_factory):
    return write_two_brightness_bundle(tmp_path_factory.mktemp("bundles") / "both")


@pytest.mark.parametrize(
    ("key", "inputs", "used", "trained"),
    [
        ("single", [EITHER], [Pass((Side.T1,), (Side.T1,)), Pass((Side.T2,), (Side.T2,))], None),
        ("single", ["T2"], [Pass((Side.T2,), (Side.T2,))], None),
        ("double-in", EITHERS, [T1_FIRST, T2_FIRST], None),
        ("double-in", BOTH, [T1_FIRST], None),
        ("double-in", BOTH[::-1], [T2_FIRST], None),
        ("double-out", BOTH, [TWO_OUT], None),
        ("double-out", EITHERS, [TWO_OUT], [TWO_OUT, TWO_OUT_SWAPPED]),
        ("pre-registered", BOTH[::-1], [REGISTERED], None),
    ],
)
def test_a_strategy_says_what_goes_in_and_what_comes_out(key, inputs, used, trained):
    strategy = STRATEGIES[key]
    assert strategy.takes(inputs)
    assert strategy.passes([Side.T2, Side.T1], inputs) == used
    assert strategy.training_passes(inputs) == (trained or used)
    needed = {side for one in used for side in one.inputs}
    alone = [one for one in used if one.inputs == (Side.T2,)]
    assert strategy.passes([Side.T2], inputs) == alone and (len(needed) == 1 or key == "single" or not alone)


@pytest.mark.parametrize(
    ("key", "inputs"),
    [
        *[("single", inputs) for inputs in (BOTH, ["CT"], [])],
        *[("double-in", inputs) for inputs in (["T1"], [EITHER, "T2"], ["T1", "T1"])],
        *[("double-out", inputs) for inputs in (BOTH[::-1], [EITHER], ["T1", EITHER])],
        *[("pre-registered", inputs) for inputs in (BOTH, EITHERS, ["T2"])],
    ],
)
def test_inputs_that_a_strategy_cannot_have(key, inputs):
    assert not STRATEGIES[key].takes(inputs)


def test_the_auxiliary_image_lies_where_it_was_scanned(two_in, pair):
    """The mask in T1 made from T2's brightness is T2's box at T2's place: an unregistered pair is not one grid."""
    (t1, _), (t2, _) = pair
    result = segment(t1, t2, [two_in], FP32)
    assert dice(result.t1.liver, image_and_mask(T1_GRID, shift=SHIFT_MM)[1]) > 0.9
    assert dice(result.t2.liver, image_and_mask(T2_GRID)[1]) > 0.9
    assert not result.notes


def test_the_image_to_mask_comes_first(tmp_path, pair):
    bundle = write_brightness_bundle(tmp_path / "own", 0, in_channels=2, strategy="double-in", inputs=EITHERS)
    (t1, t1_mask), (t2, t2_mask) = pair
    result = segment(t1, t2, [bundle], FP32)
    assert dice(result.t1.liver, t1_mask) > 0.95 and dice(result.t2.liver, t2_mask) > 0.95


def test_a_specialised_network_masks_one_image_and_says_so(tmp_path, pair):
    for_t2 = write_brightness_bundle(tmp_path / "t2", in_channels=2, strategy="double-in", inputs=BOTH[::-1], name="b")
    for_t1 = write_brightness_bundle(tmp_path / "t1", in_channels=2, strategy="double-in", inputs=BOTH, name="a")
    (t1, t1_mask), (t2, t2_mask) = pair
    result = segment(t1, t2, [for_t2], FP32)
    assert result.t1 is None and dice(result.t2.liver, t2_mask) > 0.95
    assert result.notes == ["T1 has no mask: model 'b' looks at it only to segment the other volume."]
    together = segment(t1, t2, [for_t2, for_t1], FP32)
    assert dice(together.t1.liver, t1_mask) > 0.95 and not together.notes


def test_both_masks_come_back_on_their_own_grids(two_out, pair):
    (t1, t1_mask), (t2, t2_mask) = pair
    result = segment(t1, t2, [two_out], FP32)
    assert Grid.of(result.t1.liver).same_as(Grid.of(t1)) and Grid.of(result.t2.liver).same_as(Grid.of(t2))
    assert dice(result.t1.liver, t1_mask) > 0.95 and dice(result.t2.liver, t2_mask) > 0.95


def test_a_liver_that_only_t2_shows_is_not_cut(two_out):
    whole = grid((2.0, 2.0, 5.0))
    upper_half = Grid((*whole.size[:2], 20), whole.spacing, tuple(whole.point((0, 0, 20))), whole.direction)
    t1, t1_mask = image_and_mask(upper_half)
    t2, t2_mask = image_and_mask(T2_GRID, shift=(0.0, 0.0, -90.0))
    assert not sitk.GetArrayFromImage(sitk.Resample(t2_mask, t1, sitk.Transform(), sitk.sitkNearestNeighbor)).any()
    result = segment(t1, t2, [two_out], FP32)
    assert dice(result.t1.liver, t1_mask) > 0.95 and dice(result.t2.liver, t2_mask) > 0.95


def test_a_grid_is_extended_by_whole_voxels_and_keeps_its_own(pair):
    (t1, _), (t2, _) = pair
    images, policy, normalization = dict(zip(Side, (t1, t2))), GridPolicy((4.0, 4.0, 6.0)), Normalization()
    alone, own = channels_of(Pass((Side.T1,), (Side.T1,)), images, policy, normalization)
    both, extended = channels_of(TWO_OUT, images, policy, normalization)
    start = extended.index(own.point((0, 0, 0)))
    assert start == pytest.approx(np.rint(start), abs=1e-6) and (start >= 0).all()
    part = tuple(slice(int(round(s)), int(round(s)) + n) for s, n in zip(start[::-1], own.shape))
    assert both[0][part] == pytest.approx(alone[0], abs=1e-4)
    outside = both[0].copy()
    outside[part] = 0
    assert not outside.any()


@pytest.fixture(scope="module")
def moved_pair():
    """T2 is T1 moved as a whole, dark where T1 is bright."""
    t1, t1_mask = image_and_mask(grid((4.0, 4.0, 4.0)))
    t2, t2_mask = sitk.Mask(130.0 - t1, t1 > 1.0), sitk.Image(t1_mask)
    for image in (t2, t2_mask):
        image.SetOrigin((np.array(t1.GetOrigin()) + (12.0, -8.0, 16.0)).tolist())
    return t1, t2, t2_mask


@pytest.fixture
def registering(tmp_path):
    return write_brightness_bundle(
        tmp_path / "registering", 1, in_channels=2, strategy="pre-registered", inputs=BOTH[::-1], name="registering"
    )


def test_t1_is_registered_to_t2_first(two_in, registering, moved_pair):
    """The box that the second channel shows lies where T2's is, though T1 was scanned elsewhere."""
    t1, t2, t2_mask = moved_pair
    seen = []
    result = segment(t1, t2, [registering], FP32, lambda fraction, message: seen.append((fraction, message)))
    assert dice(result.t2.liver, t2_mask) > 0.85 > 0.75 > dice(segment(t1, t2, [two_in], FP32).t2.liver, t2_mask)
    assert result.t1 is None
    assert result.notes[0] == "T1 was registered to T2 for model 'registering'."
    assert [fraction for fraction, _ in seen] == sorted(fraction for fraction, _ in seen)
    assert sum("Registering T1 to T2" in message for _, message in seen) > 5


@pytest.mark.parametrize("step", ["affine", "B-spline"])
def test_a_registration_can_be_cancelled(step, registering, moved_pair, tmp_path, monkeypatch):
    monkeypatch.setenv("LIVERPAIR_CACHE", str(tmp_path / "cache"))
    t1, t2, _ = moved_pair
    seen = []

    def cancel(fraction, message):
        seen.append(message)
        if step in message:
            raise Cancelled

    with pytest.raises(Cancelled):
        segment(t1, t2, [registering], FP32, cancel)
    assert step in seen[-1] and not list((tmp_path / "cache").glob("*"))


def test_refusals_are_sentences(two_in, two_out, pair):
    (t1, _), (t2, _) = pair
    with pytest.raises(InputError, match="Model 'other' expects T1 and T2; T2 is not given. Choose T2 too, or another"):
        segment(t1, None, [two_in], FP32)
    far = sitk.Image(t2)
    far.SetOrigin((900.0, 0.0, 0.0))
    with pytest.raises(InputError, match="T1 and T2 do not overlap in scanner space, and this model looks at both"):
        segment(t1, far, [two_out], FP32)


def test_bundles_that_cannot_do_what_their_strategy_asks_are_refused(tmp_path, two_out):
    with pytest.raises(BundleError, match="not a mask for each of 1 labels in 2 images"):
        write_brightness_bundle(tmp_path / "one", in_channels=2, strategy="double-out", inputs=BOTH)
    with pytest.raises(BundleError, match="does not run on 2 channels"):
        write_brightness_bundle(tmp_path / "two", strategy="double-in", inputs=BOTH)
    with pytest.raises(BundleError, match="'strategy' is 'pre-registered', which does not take the inputs"):
        write_brightness_bundle(tmp_path / "three", in_channels=2, strategy="pre-registered", inputs=BOTH)
    folder = write_two_brightness_bundle(tmp_path / "slices").folder
    edit_manifest(folder, task="slice-segmentation", grid={**two_out.manifest["grid"], "multiple_of": [1, 1]})
    with pytest.raises(BundleError, match="'strategy' is 'double-out', which is for volumes, and"):
        Bundle.load(folder)


def test_the_job_writes_the_masks_that_there_are(tmp_path, pair, two_out):
    for_t2 = write_brightness_bundle(tmp_path / "t2", in_channels=2, strategy="double-in", inputs=BOTH[::-1], name="b")
    (t1, t1_mask), (t2, t2_mask) = pair
    sitk.WriteImage(t1, tmp_path / "t1.nrrd")
    sitk.WriteImage(t2, tmp_path / "t2.nrrd")
    output = tmp_path / "out"
    request = {"t1": str(tmp_path / "t1.nrrd"), "t2": str(tmp_path / "t2.nrrd"), "output": str(output)}
    request |= {"engine": "torch-fp32", "device": "cpu"}
    result = JOBS["segment"]({**request, "bundle": [str(two_out.folder)]}, lambda fraction, message: None)
    assert result["t1"]["volume_ml"] == pytest.approx(volume_ml(t1_mask), rel=0.1)
    assert result["t2"]["volume_ml"] == pytest.approx(volume_ml(t2_mask), rel=0.1)
    assert result["measures"]["offset_t1_to_t2_mm"] == pytest.approx([5.0, 15.0, -20.0], abs=3.0)
    result = JOBS["segment"]({**request, "bundle": [str(for_t2.folder)]}, lambda fraction, message: None)
    assert result["t1"] is None and result["t2"]["volume_ml"] == pytest.approx(volume_ml(t2_mask), rel=0.1)
    assert set(existing_results(output)) == {"t2_liver.nii.gz", "measures.json"}
    assert is_complete(output, read_measures(output)) and json.loads((output / "measures.json").read_text())["notes"]


def test_the_registration_does_not_depend_on_the_working_grid(moved_pair, monkeypatch, tmp_path):
    """Training and every bundle share what was registered once."""
    t1, t2, _ = moved_pair
    images, normalization = dict(zip(Side, (t1, t2))), Normalization()
    asked = []

    def register(fixed, moving, *others):
        asked.append((fixed, moving))
        return sitk.Transform()

    monkeypatch.setattr(channels, "cached_pre_registration", register)
    for spacing in ((4.0, 4.0, 6.0), (8.0, 8.0, 8.0)):
        channels_of(REGISTERED, images, GridPolicy(spacing), normalization, cache=tmp_path)
    (first, second), (again, _) = asked
    assert Grid.of(first).same_as(Grid.of(again)) and not Grid.of(first).same_as(Grid.of(second))
    assert Grid.of(first).point((0, 0, 0)) - Grid.of(second).point((0, 0, 0)) == pytest.approx([12, -8, 16], abs=6)
