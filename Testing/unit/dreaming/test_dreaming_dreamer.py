"""A network made ready to be asked for gradients of its input."""

import numpy as np
import pytest
import torch
from bundle_factory import manifest, write_bundle
from dreaming_factory import batch_unet, smooth_noise, write_slice_bundle
from peak_detector import ARGUMENTS, write_peak_bundle

from liverpair.bundle import Bundle
from liverpair.core.device import native_bf16
from liverpair.core.errors import BundleError, InputError
from liverpair.dreaming.dreamer import Dreamer
from liverpair.networks import build
from liverpair.networks.retina import RetinaOutput

IMAGE = smooth_noise(20, 24)


@pytest.fixture
def bundle(tmp_path) -> Bundle:
    return write_slice_bundle(tmp_path / "slices")


def test_the_answer_is_the_networks_own(bundle):
    dreamer = Dreamer(bundle, "cpu", "fp32")
    with torch.no_grad():
        expected = bundle.network()(torch.from_numpy(IMAGE)[None, None])[0]
        found = dreamer.respond(dreamer.padded(IMAGE[None]))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_only_the_image_has_a_gradient(bundle):
    dreamer = Dreamer(bundle, "cpu", "fp32")
    image = dreamer.padded(IMAGE[None]).requires_grad_()
    dreamer.respond(image)[0, 10, 10].backward()
    assert image.grad.abs().max() > 0
    assert not any(p.requires_grad for p in dreamer._network.parameters())
    assert not any(m.training for m in dreamer._network.modules())


@pytest.mark.skipif(not native_bf16(), reason="this processor has no bfloat16 arithmetic of its own")
def test_half_precision_is_taken_where_it_is_native_and_leaves_logits_whole(bundle):
    dreamer = Dreamer(bundle, "cpu")
    precise = Dreamer(bundle, "cpu", "fp32")
    assert (dreamer.precision, precise.precision) == ("bf16", "fp32")
    image = dreamer.padded(IMAGE[None])
    with torch.no_grad():
        found, expected = dreamer.respond(image), precise.respond(image)
    assert found.dtype == torch.float32 and (found - expected).abs().max() < 0.05 * expected.abs().max()
    assert (found != found.bfloat16().float()).any()


def test_a_precision_that_is_not_there_is_refused(bundle, monkeypatch):
    with pytest.raises(InputError, match="'fp8' is unknown"):
        Dreamer(bundle, "cpu", "fp8")
    monkeypatch.setattr("liverpair.dreaming.dreamer.available_engines", lambda device: ["torch-fp32"])
    assert Dreamer(bundle, "cpu", "auto").precision == "fp32"
    with pytest.raises(InputError, match="bf16 cannot be used on cpu"):
        Dreamer(bundle, "cpu", "bf16")


def test_images_are_filled_up_to_what_the_network_takes(bundle):
    padded = Dreamer(bundle, "cpu").padded(np.ones((1, 5, 8), np.float32))
    assert padded.shape == (1, 1, 8, 8) and padded.sum() == 40


def test_random_weights_are_others_and_always_the_same(bundle):
    dreamer = Dreamer(bundle, "cpu", "fp32")
    image = dreamer.padded(IMAGE[None])
    state = torch.random.get_rng_state()
    with torch.no_grad():
        trained = dreamer.respond(image)
        first, other = dreamer.randomized(1).respond(image), dreamer.randomized(2).respond(image)
        assert torch.equal(torch.random.get_rng_state(), state)
        again = Dreamer(bundle, "cpu", "fp32").randomized(1).respond(image)
    assert torch.equal(first, again)
    assert not torch.allclose(first, trained) and not torch.allclose(first, other)
    assert dreamer.randomized(2).field is not None and dreamer.randomized(2).precision == "fp32"


def test_random_weights_of_a_plain_network_are_drawn_by_its_own_layers():
    network = batch_unet()
    dreamer = Dreamer.of_network(network)
    fresh = dreamer.randomized(0)
    image = dreamer.padded(IMAGE[None])
    with torch.no_grad():
        assert not torch.allclose(fresh.respond(image), dreamer.respond(image))
        torch.testing.assert_close(dreamer.respond(image), network(image)[0], rtol=1e-4, atol=1e-5)


def test_random_weights_of_a_detector_keep_its_prior(tmp_path):
    dreamer = Dreamer(write_peak_bundle(tmp_path / "b"), "cpu", "fp32").randomized(0)
    with torch.no_grad():
        answer = dreamer.respond(torch.rand(1, 2, 4, 8, 8))
    assert isinstance(answer, RetinaOutput) and answer.logits.shape == (2, 4 * 8 * 8, 1)
    assert answer.logits.mean() == pytest.approx(-4.6, abs=0.2)


def test_only_a_detector_has_anchors(tmp_path, bundle):
    detector = Dreamer(write_peak_bundle(tmp_path / "b"), "cpu")
    assert detector.is_detector and len(detector.anchors((4, 8, 8))) == 4 * 8 * 8 * ARGUMENTS["anchors"]
    with pytest.raises(InputError, match="'slices' has no anchors"):
        Dreamer(bundle, "cpu").anchors((8, 8))


def test_a_detector_without_a_detecting_network_is_refused(tmp_path):
    section = {"anchor_sizes": [[4, 4, 4]]}
    with pytest.raises(BundleError, match="no network that detects"):
        Dreamer(write_bundle(tmp_path / "b", task="detection", detection=section), "cpu")


def test_the_gradient_of_an_anchor_is_the_networks_own(tmp_path):
    torch.manual_seed(0)
    arguments = {"levels": [1, 2], "anchors": 2, "width": 8, "backbone": {"widths": [8, 8, 8]}, "pyramid": "decoder"}
    network = build("retina", arguments)
    section = {"anchor_sizes": [[4, 4, 4], [6, 6, 6]]}
    settings = {"task": "detection", "strategy": "pair", "inputs": ["T1", "T2"]}
    described = manifest(network={"name": "retina", "arguments": arguments}, detection=section, **settings)
    dreamer = Dreamer(Bundle.write(tmp_path / "b", described, network.state_dict()), "cpu", "fp32")
    image = torch.rand(1, 2, 8, 8, 8).requires_grad_()
    found = torch.autograd.grad(dreamer.respond(image).logits[1, 100, 0], image)[0]
    answer = RetinaOutput.of(network(image), 3)[0]
    torch.testing.assert_close(found, torch.autograd.grad(answer.logits[1, 100, 0], image)[0], rtol=1e-4, atol=1e-7)
    torch.testing.assert_close(dreamer.respond(image).deltas, answer.deltas, rtol=1e-4, atol=1e-5)


@pytest.mark.skipif(not native_bf16(), reason="this processor has no bfloat16 arithmetic of its own")
def test_group_normalization_is_the_same_in_half_precision():
    network = batch_unet(3, normalization="group")
    image = torch.rand(1, 1, 12, 16, 16)
    with torch.no_grad():
        expected = network(image)[0]
        found = Dreamer.of_network(network, "cpu", "bf16").respond(image)
    assert (found - expected).abs().max() < 0.05 * expected.abs().max()
