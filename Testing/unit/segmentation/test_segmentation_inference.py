"""The pipeline from volumes to masks, with a network whose answer is known."""

import dataclasses
import math
import sys
import weakref

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from bright_box import grid, image_and_mask
from brightness_bundle import ARGUMENTS, write_brightness_bundle

from liverpair.bundle.bundle import CARD_FILE
from liverpair.bundle.manifest import Network
from liverpair.core.errors import BundleError, Cancelled, InputError, MissingPackageError, OutOfMemoryError
from liverpair.core.geometry import Grid
from liverpair.core.sides import Side
from liverpair.measures.overlap import dice, soft_dice
from liverpair.segmentation import inference, prediction
from liverpair.segmentation.inference import SegmentOptions, results_memory, segment

T1_GRID = grid((1.5, 1.5, 6.0))
T2_GRID = grid((2.0, 2.0, 7.7), (10, -8, 3))
FP32 = SegmentOptions(device="cpu", engine="torch-fp32")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return write_brightness_bundle(tmp_path_factory.mktemp("bundles") / "brightness")


@pytest.fixture(scope="module")
def pair():
    return image_and_mask(T1_GRID), image_and_mask(T2_GRID, shift=(5.0, 15.0, -20.0))


def test_both_livers_come_back_on_their_own_grids(bundle, pair):
    (t1, t1_mask), (t2, t2_mask) = pair
    before = [sitk.GetArrayFromImage(image) for image in (t1, t2)]
    result = segment(t1, t2, [bundle], FP32)
    assert Grid.of(result.t1.liver).same_as(Grid.of(t1)) and Grid.of(result.t2.liver).same_as(Grid.of(t2))
    assert dice(result.t1.liver, t1_mask) > 0.95 and dice(result.t2.liver, t2_mask) > 0.95
    assert result.t1.liver.GetPixelID() == sitk.sitkUInt8
    assert result.t1.probability is None and result.t1.uncertainty is None
    assert all((sitk.GetArrayFromImage(image) == old).all() for image, old in zip((t1, t2), before))


@pytest.mark.parametrize("order, flips", [((0, 2, 1), (1, 1, -1)), ((1, 0, 2), (-1, -1, 1)), ((2, 1, 0), (1, -1, 1))])
def test_any_orientation(bundle, order, flips):
    image, mask = image_and_mask(grid((2.0, 2.0, 5.0), (15, 10, -20), order, flips))
    result = segment(image, None, [bundle], FP32)
    assert dice(result.t1.liver, mask) > 0.95
    assert result.t2 is None


@pytest.mark.parametrize("side", ["t1", "t2"])
def test_either_side_alone(bundle, pair, side):
    image, mask = pair[0]
    result = segment(**{"t1": None, "t2": None, side: image}, bundles=[bundle], options=FP32)
    assert dice(getattr(result, side).liver, mask) > 0.95


def test_maps_on_request(bundle, pair):
    (t1, _), _ = pair
    result = segment(t1, None, [bundle], SegmentOptions("cpu", "torch-fp32", probability=True, uncertainty=True))
    probability, uncertainty, liver = (
        sitk.GetArrayFromImage(i) for i in (result.t1.probability, result.t1.uncertainty, result.t1.liver)
    )
    assert probability.min() >= 0 and probability.max() <= 1
    assert ((probability >= 0.5) == (liver > 0)).mean() > 0.999
    assert uncertainty[np.abs(probability - 0.5) < 0.05].min() > 0.98
    assert Grid.of(result.t1.uncertainty).same_as(Grid.of(t1))


def test_windows_give_the_same_mask_as_one_pass(bundle, pair):
    (t1, _), _ = pair
    whole = segment(t1, None, [bundle], FP32)
    seen = []
    windows = segment(t1, None, [bundle], FP32, lambda f, m: seen.append((f, m)), window=(16, 64, 64))
    assert dice(whole.t1.liver, windows.t1.liver) == 1.0
    assert sum("window" in message for _, message in seen) > 3
    fractions = [fraction for fraction, _ in seen]
    assert fractions == sorted(fractions) and fractions[-1] == 1.0


def test_windows_without_monai_are_refused_in_words(bundle, pair, monkeypatch):
    (t1, _), _ = pair
    monkeypatch.setitem(sys.modules, "monai.inferers", None)
    with pytest.raises(MissingPackageError, match="overlapping windows need the package 'monai'"):
        segment(t1, None, [bundle], FP32, window=(16, 64, 64))
    assert segment(t1, None, [bundle], FP32).t1 is not None


def test_mirrored_ensemble_gives_the_same_for_a_network_that_does_not_care(bundle, pair):
    (t1, _), _ = pair
    options = SegmentOptions("cpu", "torch-fp32", mirror=True, probability=True)
    plain = segment(t1, None, [bundle], SegmentOptions("cpu", "torch-fp32", probability=True))
    mirrored = segment(t1, None, [bundle], options)
    a, b = (sitk.GetArrayFromImage(r.t1.probability) for r in (plain, mirrored))
    assert b == pytest.approx(a, abs=1e-5)
    assert mirrored.provenance["mirrored"] and not mirrored.notes


def test_a_bundle_that_never_saw_mirrored_images_says_so(tmp_path, pair):
    bundle = write_brightness_bundle(tmp_path / "plain", mirror_axes=[], name="plain")
    (t1, _), _ = pair
    result = segment(t1, None, [bundle], SegmentOptions("cpu", "torch-fp32", mirror=True))
    assert result.notes == ["Model 'plain' was not trained on mirrored images: it was run once, not mirrored."]


def test_a_calibrated_model_says_what_dice_to_expect(tmp_path, bundle, pair):
    (t1, _), _ = pair
    line = {"slope": 2.0, "intercept": -1.0, "error": 0.02, "images": 4, "data": "made up"}
    calibrated = write_brightness_bundle(tmp_path / "calibrated", name="calibrated", expected_dice=line)
    options = SegmentOptions("cpu", "torch-fp32", probability=True)
    found = segment(t1, None, [calibrated], options).t1
    soft = soft_dice(*(sitk.GetArrayFromImage(image) for image in (found.probability, found.liver)))
    assert 0.5 < soft < 1
    assert found.quality.expected_dice == pytest.approx(2 * soft - 1)
    assert segment(t1, None, [bundle], options).t1.quality.expected_dice is None
    assert segment(t1, None, [calibrated, bundle], options).t1.quality.expected_dice is None
    assert "2.000 × soft Dice -1.000; mean error 0.020 on 4 images: made up" in (
        (calibrated.folder / CARD_FILE).read_text(encoding="utf-8")
    )


def test_several_bundles_are_averaged(tmp_path, bundle, pair):
    (t1, _), _ = pair
    coarse = write_brightness_bundle(
        tmp_path / "coarse",
        name="coarse",
        grid={"spacing_mm": [4.0, 4.0, 6.0], "multiple_of": [1, 1, 1], "crop": "body"},
    )
    options = SegmentOptions("cpu", "torch-fp32", probability=True)
    one, two, both = (
        sitk.GetArrayFromImage(segment(t1, None, bundles, options).t1.probability)
        for bundles in ([bundle], [coarse], [bundle, coarse])
    )
    assert both == pytest.approx((one + two) / 2, abs=1e-6)
    assert np.abs(one - two).max() > 0.1


def test_provenance_names_what_made_the_result(bundle, pair):
    (t1, _), _ = pair
    provenance = segment(t1, None, [bundle], FP32).provenance
    assert provenance["bundle"] == "brightness" and provenance["sha256"] == bundle.sha256
    assert provenance["engine"] == "torch-fp32" and provenance["device"] == "cpu" and provenance["precision"] == "fp32"
    assert provenance["software"].startswith("LiverPair ") and provenance["seconds"] > 0


def test_specialised_bundles_take_only_their_own_side(tmp_path, pair):
    (t1, t1_mask), (t2, t2_mask) = pair
    for_t1 = write_brightness_bundle(tmp_path / "one", name="only-t1", inputs=["T1"])
    for_t2 = write_brightness_bundle(tmp_path / "two", name="only-t2", inputs=["T2"])
    with pytest.raises(InputError, match=r"T2 cannot be segmented with 'only-t1' \(for T1\)"):
        segment(t1, t2, [for_t1], FP32)
    result = segment(t1, t2, [for_t1, for_t2], FP32)
    assert dice(result.t1.liver, t1_mask) > 0.95 and dice(result.t2.liver, t2_mask) > 0.95


def test_cancel_between_windows_leaves_at_once(bundle, pair):
    (t1, _), _ = pair
    seen = []

    def cancel_at_second_window(fraction, message):
        seen.append(message)
        if "window 2 " in message:
            raise Cancelled

    with pytest.raises(Cancelled):
        segment(t1, None, [bundle], FP32, cancel_at_second_window, window=(16, 64, 64))
    assert "window 2 " in seen[-1]


def test_memory_that_runs_out_halves_the_window_and_says_so(bundle, pair, monkeypatch):
    (t1, mask), _ = pair
    real = prediction.make_engine

    def hungry(*arguments, **keywords):
        engine = real(*arguments, **keywords)

        class Hungry:
            name, device, notes = engine.name, engine.device, engine.notes

            def __call__(self, images):
                if images[0, 0].numel() > 200_000:
                    raise torch.OutOfMemoryError("injected")
                return engine(images)

        return Hungry()

    monkeypatch.setattr(prediction, "make_engine", hungry)
    monkeypatch.setattr(prediction, "_warm", {})
    result = segment(t1, None, [bundle], FP32)
    assert dice(result.t1.liver, mask) > 0.95
    assert result.notes and all("memory" in note for note in result.notes)


def test_little_memory_means_windows_from_the_start(bundle, pair, monkeypatch):
    (t1, mask), _ = pair
    monkeypatch.setattr(prediction, "available_memory", lambda device: 12_000_000)
    messages = []
    result = segment(t1, None, [bundle], FP32, lambda f, m: messages.append(m))
    assert dice(result.t1.liver, mask) > 0.95
    assert any("window" in message for message in messages)


def test_a_result_that_cannot_fit_is_refused_before_anything_is_computed(bundle, pair, monkeypatch):
    (t1, _), (t2, _) = pair
    big, small = sorted((math.prod(image.GetSize()) for image in (t1, t2)), reverse=True)
    grids = [Grid.of(t1), Grid.of(t2)]
    both = SegmentOptions("cpu", "torch-fp32", probability=True, uncertainty=True)
    assert results_memory(grids, FP32, kept=False) == 5 * big + small
    assert results_memory(grids, both, kept=False) == 9 * big + 9 * small
    assert results_memory(grids, both, kept=True) == 5 * big + small
    for free, fits in ((5 * big + small - 1, False), (5 * big + small, True)):
        monkeypatch.setattr(inference, "available_memory", lambda free=free: free)
        if fits:
            assert segment(t1, t2, [bundle], FP32).t1
        else:
            with pytest.raises(OutOfMemoryError, match=r"take 0.0 GB of memory; 0.0 GB are free. Close other programs"):
                segment(t1, t2, [bundle], FP32, lambda *_: pytest.fail("It began."))


def test_maps_come_one_side_after_the_other_and_volumes_go_before(bundle, pair):
    given = [sitk.Image(image) for image, _ in pair]
    known = {side: weakref.ref(image) for side, image in zip(Side, given)}
    kept = []

    def keep(side: Side, what: str, _map: sitk.Image) -> None:
        kept.append((side, what, [one for one in Side if known[one]() is not None]))

    segment(given.pop(0), given.pop(0), [bundle], dataclasses.replace(FP32, probability=True), keep=keep)
    assert [(side, what) for side, what, _ in kept] == [(Side.T1, "probability"), (Side.T2, "probability")]
    if sys.version_info >= (3, 11):  # before, whoever calls a function holds what it is given
        assert [left for _, _, left in kept] == [[Side.T2], []]


def test_refusals_are_sentences(bundle, pair, tmp_path):
    (t1, _), (t2, _) = pair
    with pytest.raises(InputError, match="Neither T1 nor T2"):
        segment(None, None, [bundle], FP32)
    with pytest.raises(InputError, match="T2 has 3 components"):
        segment(t1, sitk.Image([8, 8, 8], sitk.sitkVectorUInt8, 3), [bundle], FP32)
    with pytest.raises(InputError, match="No model"):
        segment(t1, t2, [], FP32)
    odd = dataclasses.replace(bundle, strategy="telepathy")
    with pytest.raises(BundleError, match="asks for the strategy 'telepathy'"):
        segment(t1, t2, [odd], FP32)


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("unet", {"widths": [16.5]}, "arguments that do not fit the network 'unet'"),
        ("unet", {"widths": "abc"}, "arguments that do not fit the network 'unet'"),
        ("unet", {"widths": [-16]}, "arguments that do not fit the network 'unet'"),
        ("unet", {"normalization": "zzz"}, "arguments that do not fit the network 'unet': unknown normalization 'zzz'"),
        ("unet", {"wisdom": 3}, "arguments that do not fit the network 'unet'"),
        ("unet", {"widths": [0]}, "do not fit the network"),
        ("evil", {}, "arguments that do not fit the network 'evil'"),
    ],
)
def test_a_network_that_cannot_be_is_refused_before_memory_is_planned(bundle, pair, name, arguments, words):
    (t1, _), _ = pair
    odd = dataclasses.replace(bundle, network_spec=Network(name, {**ARGUMENTS, **arguments}))
    prediction._warm.clear()
    with pytest.raises(BundleError, match=words):
        segment(t1, None, [odd], FP32)
    prediction._warm.clear()


def test_warm_predictor_is_kept_and_the_oldest_goes(bundle):
    device = torch.device("cpu")
    first = prediction.warm_predictor(bundle, device, "torch-fp32")
    assert prediction.warm_predictor(bundle, device, "torch-fp32") is first
    changed = dataclasses.replace(bundle, manifest={**bundle.manifest, "mirror_axes": []})
    assert prediction.warm_predictor(changed, device, "torch-fp32") is not first
    assert prediction.warm_predictor(changed, device, "torch-fp32").bundle is changed
    first = prediction.warm_predictor(bundle, device, "torch-fp32")
    for engine in ("a", "b", "c", "d"):
        prediction.warm_predictor(bundle, device, engine)
    assert prediction.warm_predictor(bundle, device, "torch-fp32") is not first
