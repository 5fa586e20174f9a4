"""OpenVINO for real, where it is installed."""

import sys

import pytest
import torch
from bundle_factory import small_network

from liverpair.core.device import native_bf16
from liverpair.engine import make_engine
from liverpair.engine.openvino_engine import OpenVINOEngine, tracing_side
from liverpair.networks.padding import pad_to_multiple

openvino = pytest.importorskip("openvino", reason="OpenVINO is not installed")


@pytest.fixture
def network():
    return small_network()


def test_it_gives_what_the_network_gives_at_every_shape(network):
    engine = OpenVINOEngine(network)
    for shape in [(1, 1, 32, 32, 64), (2, 1, 6, 10, 12)]:
        images = torch.rand(shape)
        with torch.no_grad():
            torch.testing.assert_close(engine(images), network(images), atol=1e-4, rtol=1e-4)


def test_a_shape_is_compiled_once_and_few_are_kept(network, monkeypatch):
    engine = OpenVINOEngine(network)
    compiled = []
    compile_shape = engine._compile
    monkeypatch.setattr(engine, "_compile", lambda shape: compiled.append(shape) or compile_shape(shape))
    images = torch.rand(1, 1, 8, 16, 16)
    first, second = engine(images), engine(images * 2)
    assert len(compiled) == 1
    assert not torch.equal(first, second)
    assert torch.equal(first, engine(images))
    monkeypatch.setattr("liverpair.engine.openvino_engine.COMPILED_SHAPES", 1)
    engine(torch.rand(1, 1, 4, 4, 4))
    engine(images)
    assert compiled == [(1, 1, 8, 16, 16), (1, 1, 4, 4, 4), (1, 1, 8, 16, 16)]


def test_a_network_is_traced_at_short_sides(network, monkeypatch):
    sides = {2: 2, 8: 8, 12: 12, 32: 32, 33: 33, 40: 8, 44: 12, 64: 32, 66: 34, 128: 32, 176: 16}
    assert {side: tracing_side(side) for side in sides} == sides
    engine, traced = OpenVINOEngine(network), []
    convert = engine._convert
    monkeypatch.setattr(engine, "_convert", lambda shape: traced.append(shape) or convert(shape))
    images = torch.rand(1, 1, 44, 64, 48)
    with torch.no_grad():
        torch.testing.assert_close(engine(images), network(images), atol=1e-4, rtol=1e-4)
    assert traced == [(1, 1, 12, 32, 16)]


def test_what_was_traced_once_is_traced_no_more(network, monkeypatch):
    """Memory of a trace never comes back: volumes of ever new sizes must not cost one each."""
    engine, traced = OpenVINOEngine(network), []
    convert = engine._convert
    monkeypatch.setattr(engine, "_convert", lambda shape: traced.append(shape) or convert(shape))
    for side in (40, 72, 104, 136, 168, 40):  # more sizes than are kept compiled
        images = torch.rand(1, 1, side, 8, 8)
        with torch.no_grad():
            torch.testing.assert_close(engine(images), network(images), atol=1e-4, rtol=1e-4)
    assert traced == [(1, 1, 8, 8, 8)]


def test_a_network_that_pads_is_traced_where_it_pads_alike():
    class Padding(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.pool = torch.nn.AvgPool3d(8)

        def forward(self, images):
            return self.pool(pad_to_multiple(images, (8, 8, 8)))

    images = torch.rand(1, 1, 43, 75, 40)
    torch.testing.assert_close(OpenVINOEngine(Padding().eval())(images), Padding()(images))


def test_a_network_that_is_not_traceable_small_is_traced_at_its_own_size():
    class NeedsRoom(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.convolution = torch.nn.Conv3d(1, 1, 1)

        def forward(self, images):
            if images.shape[-1] < 64:
                raise ValueError("too small")
            return self.convolution(images)

    network = NeedsRoom().eval()
    images = torch.rand(1, 1, 2, 2, 64)
    with torch.no_grad():
        torch.testing.assert_close(OpenVINOEngine(network)(images), network(images))


@pytest.mark.skipif(not native_bf16(), reason="this processor has no bfloat16 arithmetic of its own")
def test_bfloat16_is_close(network):
    images = torch.rand(1, 1, 16, 32, 32)
    with torch.no_grad():
        difference = OpenVINOEngine(network, "bf16")(images).sigmoid() - network(images).sigmoid()
    assert difference.abs().mean() < 0.02


def test_a_network_that_openvino_cannot_convert_still_runs():
    class Strange(torch.nn.Module):
        def forward(self, images):
            return torch.linalg.eigvals(images[0, 0, 0]).real.expand(1, 1, -1) + images.mean()

    engine = make_engine(Strange().eval(), "openvino-fp32")
    images = torch.rand(1, 1, 2, 4, 4)
    assert torch.isfinite(engine(images)).all()
    assert engine.name == "torch-fp32"
    assert engine.notes[0].startswith("The engine openvino-fp32 failed (")


def test_converting_reports_nothing_to_anyone(network, monkeypatch):
    telemetry = pytest.importorskip("openvino_telemetry", reason="openvino-telemetry is not installed")
    monkeypatch.setattr(telemetry.Telemetry, "send_event", lambda *args, **more: pytest.fail("an event was sent"))
    monkeypatch.setattr(telemetry.Telemetry, "start_session", lambda *args, **more: pytest.fail("a session started"))
    engine = OpenVINOEngine(network)
    assert engine(torch.rand(1, 1, 8, 16, 16)).shape == (1, 1, 8, 16, 16)
    assert "openvino_telemetry" in sys.modules
