"""The choice of the engine: wrong, failing and absent engines never reach a result."""

import sys

import pytest
import torch
from bundle_factory import small_network

from liverpair.core.errors import InputError, MissingPackageError
from liverpair.engine import CHOICES, EngineKind, automatic_engine, available_engines, make_engine
from liverpair.engine.kinds import KINDS
from liverpair.engine.torch_engine import TorchEngine

REFERENCE = KINDS[-1]


@pytest.fixture
def network():
    """A network with sharp edges between random masks."""
    network = small_network()
    with torch.no_grad():
        network.head.weight.mul_(200)
    return network


@pytest.fixture
def example():
    coarse = torch.rand(1, 1, 2, 3, 3, generator=torch.Generator().manual_seed(1))
    return torch.nn.functional.interpolate(coarse, size=(16, 32, 32), mode="trilinear")


class FakeEngine:
    """Answers with the network's logits, changed by `change`."""

    def __init__(self, network, name, change):
        self.name = name
        self.device = torch.device("cpu")
        self.notes = []
        self._network, self._change = network, change

    def __call__(self, images):
        with torch.no_grad():
            return self._change(self._network(images))


@pytest.mark.parametrize(
    ("bf16", "openvino", "name"),
    [
        (True, True, "openvino-bf16"),
        (False, True, "openvino-fp32"),
        (True, False, "torch-bf16"),
        (False, False, "torch-fp32"),
    ],
)
def test_on_a_processor_the_engine_follows_from_its_bfloat16_and_from_openvino(monkeypatch, bf16, openvino, name):
    monkeypatch.setattr("liverpair.engine.kinds.native_bf16", lambda: bf16)
    monkeypatch.setattr("liverpair.engine.kinds.find_spec", lambda package: object() if openvino else None)
    assert automatic_engine("cpu") == name


@pytest.mark.parametrize(("bf16", "name"), [(True, "torch-bf16"), (False, "torch-fp16")])
def test_on_a_cuda_gpu_half_precision_is_taken(monkeypatch, bf16, name):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: bf16)
    assert automatic_engine("cuda:0") == name


def test_on_an_apple_gpu_single_precision_is_taken():
    assert automatic_engine("mps") == "torch-fp32"


def test_auto_makes_the_engine_that_the_rule_names(network, example):
    kinds = [EngineKind("openvino-bf16", lambda n, d: FakeEngine(n, "openvino-bf16", lambda logits: logits + 1))]
    engine = make_engine(network, "auto", kinds=[*kinds, REFERENCE])
    assert (engine.name, engine.notes) == ("openvino-bf16", [])
    assert torch.equal(engine(example), network(example) + 1)


def test_an_engine_that_cannot_be_built_is_replaced_in_words(network, example):
    def broken(network, device):
        raise RuntimeError("illegal instruction\nand a long trace")

    engine = make_engine(network, "auto", kinds=[EngineKind("openvino-bf16", broken), REFERENCE])
    assert engine.name == "torch-fp32"
    assert engine.notes == ["The engine openvino-bf16 failed (illegal instruction): continued with torch-fp32."]
    assert torch.equal(engine(example), network(example))


@pytest.mark.parametrize(
    ("bad", "reason"),
    [(lambda logits: logits / 0 * 0, "its output is not finite"), (lambda logits: 1 / 0, "division by zero")],
)
def test_an_engine_that_fails_later_hands_over_for_good(network, example, bad, reason):
    answers = [lambda logits: logits, bad, lambda logits: pytest.fail("asked again")]
    engine = make_engine(
        network,
        "torch-bf16",
        kinds=[
            EngineKind("torch-bf16", lambda n, d: FakeEngine(n, "torch-bf16", lambda logits: answers.pop(0)(logits))),
            REFERENCE,
        ],
    )
    for _ in range(3):
        assert torch.equal(engine(example), network(example))
    assert engine.name == "torch-fp32"
    assert engine.notes == [f"The engine torch-bf16 failed ({reason}): continued with torch-fp32."]


def test_running_out_of_memory_is_not_taken_for_a_broken_engine(network, example):
    def exhausted(logits):
        raise MemoryError

    kinds = [EngineKind("torch-bf16", lambda n, d: FakeEngine(n, "torch-bf16", exhausted)), REFERENCE]
    engine = make_engine(network, "torch-bf16", kinds=kinds)
    with pytest.raises(MemoryError):
        engine(example)
    assert (engine.name, engine.notes) == ("torch-bf16", [])


def test_unknown_and_unavailable_choices_are_refused(network, monkeypatch):
    with pytest.raises(InputError, match="The engine 'abacus' is unknown. Choose one of auto, openvino-bf16"):
        make_engine(network, "abacus")
    with pytest.raises(InputError, match="cannot be used on cpu: it runs on GPUs only. Choose the engine 'auto'"):
        make_engine(network, "torch-fp16")
    monkeypatch.setattr("liverpair.engine.kinds.native_bf16", lambda: False)
    with pytest.raises(InputError, match="this processor has no bfloat16 arithmetic of its own"):
        make_engine(network, "torch-bf16")
    assert not [name for name in available_engines("cpu") if name.endswith("bf16")]
    assert available_engines("cpu")[-1] == "torch-fp32"
    assert set(available_engines("cpu")) < set(CHOICES)


def test_openvino_is_not_offered_on_a_gpu():
    obstacles = {kind.name: kind.obstacle(torch.device("mps")) for kind in KINDS}
    assert obstacles["openvino-fp32"] == "it runs on the CPU only"
    assert obstacles["torch-fp16"] == obstacles["torch-fp32"] == ""


def test_without_openvino_auto_goes_on_and_an_explicit_choice_is_refused(network, example, monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    engine = make_engine(network)
    assert engine(example).shape == example.shape
    assert engine.name.startswith("torch-")
    assert engine.notes == []
    with pytest.raises(MissingPackageError, match="'openvino' is not installed. Install 'openvino' with pip"):
        make_engine(network, "openvino-fp32")


def test_an_openvino_that_is_installed_and_broken_becomes_a_note(network, example, monkeypatch):
    monkeypatch.setattr("liverpair.engine.kinds.find_spec", lambda name: object())
    monkeypatch.setitem(sys.modules, "openvino", None)
    for engine in (make_engine(network), make_engine(network, "openvino-fp32")):
        assert engine.name == "torch-fp32"
        assert "failed (import of openvino halted" in engine.notes[0]
        assert torch.equal(engine(example), network(example))


def test_half_precision_gives_nearly_the_same_and_leaves_the_network_alone(network, example):
    before = {name: (value.clone(), value.stride()) for name, value in network.state_dict().items()}
    logits = TorchEngine(network, "cpu", "bf16")(example)
    assert logits.dtype == torch.float32
    assert logits.is_contiguous()
    assert (logits.sigmoid() - network(example).sigmoid()).abs().mean() < 0.02
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name][0])
        assert value.stride() == before[name][1]


def test_an_engine_can_run_a_2d_network():
    from liverpair.networks import build

    network = build("unet", {"dimensions": 2, "widths": [4, 8]}).eval()
    images = torch.rand(1, 1, 16, 16)
    for precision in ("fp32", "bf16"):
        assert TorchEngine(network, "cpu", precision)(images).shape == (1, 1, 16, 16)
