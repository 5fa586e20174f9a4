"""A model that brings a gambler: its stakes are the uncertainty that `segment` returns."""

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from bright_box import grid, image_and_mask
from bundle_factory import edit_manifest, manifest, small_network

from liverpair.bundle import Bundle
from liverpair.core.errors import BundleError
from liverpair.core.geometry import Grid
from liverpair.networks import build
from liverpair.segmentation.inference import SegmentOptions, segment

LAYOUT = {"widths": [4], "normalization": "none"}
OPTIONS = SegmentOptions("cpu", "torch-fp32", uncertainty=True)


def gambler_weights(bias=0.0):
    """A gambler whose stakes are half everywhere, or more with a `bias`."""
    network = build("unet", {"in_channels": 2, "out_channels": 1, **LAYOUT})
    state = {name: torch.zeros_like(value) for name, value in network.state_dict().items()}
    state["head.bias"] += bias
    return {f"gambler.{name}": value for name, value in state.items()}


def write(folder, bias=0.0, **changes):
    weights = {**small_network().state_dict(), **gambler_weights(bias)}
    return Bundle.write(folder, manifest(gambler={"arguments": LAYOUT}, **changes), weights)


@pytest.fixture(scope="module")
def images():
    return [image_and_mask(grid((4.0, 4.0, 6.0), degrees))[0] for degrees in ((0, 0, 0), (10, -8, 3))]


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return Bundle.write(tmp_path_factory.mktemp("bundles") / "plain", manifest(), small_network().state_dict())


def test_the_model_and_its_gambler_share_a_file_of_weights(tmp_path):
    bundle = write(tmp_path / "both")
    state = bundle.network().state_dict()
    assert all(torch.equal(value, state[name]) for name, value in small_network().state_dict().items())
    gambler = bundle.gambler()
    assert gambler.network().in_channels == 2 and gambler.network().head.bias.item() == 0
    assert gambler.gambler() is None and gambler.sha256 != bundle.sha256
    assert gambler.grid.multiple_of == (1, 1, 1) and bundle.grid.multiple_of == (2, 2, 2)


def test_the_card_says_that_the_uncertainty_is_what_the_gambler_would_bet(tmp_path):
    assert "what its gambler would bet" in write(tmp_path / "b").card()


def test_stakes_come_back_on_each_images_own_grid(tmp_path, images, plain):
    bundle = write(tmp_path / "both", bias=float(np.log(3)))
    result = segment(*images, [bundle], OPTIONS)
    for image, side, without in zip(images, (result.t1, result.t2), ("t1", "t2")):
        assert Grid.of(side.uncertainty).same_as(Grid.of(image))
        stakes = sitk.GetArrayFromImage(side.uncertainty)
        assert stakes.dtype == np.float32 and np.median(stakes) == pytest.approx(0.75, abs=1e-4)
        alone = getattr(segment(*images, [plain], OPTIONS), without)
        assert (sitk.GetArrayFromImage(alone.liver) == sitk.GetArrayFromImage(side.liver)).all()
    said = "The uncertainty in {} is the gambler's: where it would bet that the mask is wrong."
    assert result.notes == [said.format(side) for side in ("T1", "T2")]


def test_the_gambler_sees_the_image_and_then_the_mask(tmp_path, images):
    """One that stakes on what it is shown as the mask stakes most where the probability is highest."""
    weights = {**small_network().state_dict(), **gambler_weights()}
    weights["gambler.encoder.0.0.weight"][0, 1, 1, 1, 1] = 1.0
    weights["gambler.encoder.0.3.weight"][0, 0, 1, 1, 1] = 1.0
    weights["gambler.head.weight"][0, 0] = 4.0
    bundle = Bundle.write(tmp_path / "sees", manifest(gambler={"arguments": LAYOUT}), weights)
    result = segment(images[0], None, [bundle], SegmentOptions("cpu", "torch-fp32", True, True))
    stakes, probability = (
        sitk.GetArrayFromImage(one)[4:-4, 8:-8, 8:-8] for one in (result.t1.uncertainty, result.t1.probability)
    )
    expected = 1 / (1 + np.exp(-4 * probability))  # but for interpolation between voxels
    assert expected.std() > 0.01 and np.abs(stakes - expected).mean() < 0.2 * expected.std()


def test_beside_a_model_without_one_the_uncertainty_is_the_entropy(tmp_path, images, plain):
    together = segment(images[0], None, [write(tmp_path / "both"), plain], OPTIONS)
    alone = segment(images[0], None, [plain], OPTIONS)
    assert not together.notes and np.allclose(
        *(sitk.GetArrayFromImage(result.t1.uncertainty) for result in (together, alone)), atol=1e-4
    )


def test_a_gambler_that_does_not_fit_is_refused(tmp_path):
    with pytest.raises(BundleError, match=r"'gambler.arguments' must be an object of at most 1000 values"):
        Bundle.write(tmp_path / "a", manifest(gambler={"arguments": {"widths": [10**9]}}), small_network().state_dict())
    with pytest.raises(BundleError, match="is missing"):
        Bundle.write(tmp_path / "b", manifest(gambler={"arguments": LAYOUT}), small_network().state_dict())
    write(tmp_path / "c")
    edit_manifest(tmp_path / "c", gambler=...)
    with pytest.raises(BundleError, match="is not part of the network"):
        Bundle.load(tmp_path / "c").network()
    edit_manifest(tmp_path / "c", gambler={"arguments": {"widths": "wide"}})
    with pytest.raises(BundleError, match="arguments that do not fit the network 'unet'"):
        Bundle.load(tmp_path / "c").gambler()
