"""The choice of the engine: wrong, failing and absent engines never reach a result."""

import sys

import pytest
import torch
from bundle_factory import small_network

from liverpair.core.errors import InputError, MissingPackageError
from liverpair.engine import CHOICES, EngineKind, available_engines, make_engine
from liverpair.engine.kinds import KINDS
from liverpair.engine.remembered_trials import Verdicts, verdict_key
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


@pytest.fixture
def verdicts(tmp_path):
    return Verdicts(tmp_path / "cache")


class FakeEngine:
    """Answers with the network's logits, changed by `change`, after pretending to need `seconds`."""

    def __init__(self, network, name, change=lambda logits: logits, on_call=lambda: None):
        self.name = name
        self.device = torch.device("cpu")
        self.notes = []
        self._network, self._change, self._on_call = network, change, on_call

    def __call__(self, images):
        self._on_call()
        with torch.no_grad():
            return self._change(self._network(images))


class Clock:
    """Time that passes only when told to."""

    def __init__(self, monkeypatch):
        self.now = 0.0
        monkeypatch.setattr("liverpair.engine.trial.time.perf_counter", lambda: self.now)

    def takes(self, seconds):
        def pass_time():
            self.now += seconds

        return pass_time


@pytest.fixture
def clock(monkeypatch):
    return Clock(monkeypatch)


def kind(name, clock, seconds, change=lambda logits: logits, built=None):
    def build(network, device):
        if built is not None:
            built.append(name)
        return FakeEngine(network, name, change, clock.takes(seconds))

    return EngineKind(name, build)


def choose(network, example, verdicts, kinds, cache_key="abc"):
    """An engine for `network` that has seen `example`."""
    engine = make_engine(network, "auto", "cpu", cache_key=cache_key, verdicts=verdicts, kinds=kinds)
    assert engine(example).shape == example.shape
    return engine


def test_the_fastest_that_agrees_is_taken(network, example, verdicts, clock):
    kinds = [kind("torch-bf16", clock, 2), kind("openvino-bf16", clock, 1), kind("torch-fp32", clock, 5)]
    engine = choose(network, example, verdicts, kinds)
    assert engine.name == "openvino-bf16"
    assert engine.notes == []
    assert torch.equal(engine(example), network(example))


def flipped_corner(logits):
    """Two voxels in a thousand of the mask are lost."""
    changed = logits.clone().flatten()
    inside = (changed > 0).nonzero().flatten()
    changed[inside[: max(2, len(inside) // 250)]] *= -1
    return changed.view_as(logits)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda logits: -logits, "it disagrees with torch-fp32 (Dice 0.0000"),
        (flipped_corner, "it disagrees with torch-fp32 (Dice 0.99"),
        (lambda logits: logits * float("nan"), "its output is not finite"),
        (lambda logits: logits[:, :, 1:], "its output has the shape (1, 1, 15, 32, 32)"),
        (lambda logits: 1 / 0, "division by zero"),
    ],
    ids=["wrong", "slightly wrong", "NaN", "shape", "crash"],
)
def test_a_faster_engine_that_is_wrong_is_refused_in_words(network, example, verdicts, clock, change, words):
    kinds = [kind("openvino-bf16", clock, 1, change), kind("torch-bf16", clock, 2), kind("torch-fp32", clock, 5)]
    engine = choose(network, example, verdicts, kinds)
    assert engine.name == "torch-bf16"
    assert len(engine.notes) == 1
    assert engine.notes[0].startswith("The engine openvino-bf16 is not used: ")
    assert words in engine.notes[0]


def test_the_first_answer_is_already_that_of_the_engine_named(network, example, verdicts, clock):
    kinds = [kind("openvino-bf16", clock, 1, lambda logits: logits * 1.01), kind("torch-fp32", clock, 5)]
    engine = make_engine(network, "auto", verdicts=verdicts, kinds=kinds)
    first = engine(example)
    assert engine.name == "openvino-bf16"
    assert torch.equal(first, network(example) * 1.01)


def test_single_precision_must_agree_more_closely_than_half(network, example, verdicts, clock):
    def softened(logits):
        return logits * 0.8

    taken = {}
    for precision in ("fp32", "bf16"):
        name = f"openvino-{precision}"
        kinds = [kind(name, clock, 1, softened), kind("torch-fp32", clock, 5)]
        taken[precision] = choose(network, example, Verdicts(verdicts.path.parent / name), kinds).name
    assert taken == {"fp32": "torch-fp32", "bf16": "openvino-bf16"}


def test_the_reference_stays_when_it_is_fastest(network, example, verdicts, clock):
    kinds = [kind("openvino-bf16", clock, 6), kind("torch-fp32", clock, 5)]
    assert choose(network, example, verdicts, kinds).name == "torch-fp32"


def test_the_verdict_is_remembered_per_bundle_machine_and_shapes(network, example, verdicts, clock, monkeypatch):
    built = []
    kinds = [kind("openvino-bf16", clock, 1, built=built), kind("torch-bf16", clock, 2, built=built)]
    kinds.append(kind("torch-fp32", clock, 5))
    assert choose(network, example, verdicts, kinds).name == "openvino-bf16"
    assert built == ["openvino-bf16", "torch-bf16"]

    def again(images=example, cache_key="abc"):
        built.clear()
        assert choose(network, images, verdicts, kinds, cache_key).name == "openvino-bf16"
        return len(built)

    assert again() == 1
    assert again(example[:, :, :, :20]) == 1
    assert again(example[:, :, :, :16]) == 2
    assert again(cache_key="another bundle") == 2
    assert again(cache_key="another bundle") == 1
    monkeypatch.setattr("liverpair.engine.remembered_trials.processor_name", lambda: "another processor")
    assert again() == 2


def test_a_remembered_engine_starts_at_once_when_the_shape_is_told(network, example, verdicts, clock):
    kinds = [kind("openvino-bf16", clock, 1), kind("torch-fp32", clock, 5)]
    choose(network, example, verdicts, kinds)
    engine = make_engine(network, "auto", "cpu", example.shape, "abc", verdicts=verdicts, kinds=kinds)
    assert engine.name == "openvino-bf16"


def test_without_a_key_nothing_is_remembered(network, example, verdicts, clock):
    kinds = [kind("openvino-bf16", clock, 1), kind("torch-fp32", clock, 5)]
    assert choose(network, example, verdicts, kinds, cache_key="").name == "openvino-bf16"
    assert not verdicts.path.exists()


class Bright(torch.nn.Module):
    """Its mask is what is brighter than a half."""

    def forward(self, images):
        return 100 * (images - 0.5)


def test_inputs_without_a_mask_are_left_to_the_reference_until_one_shows_it(example, verdicts, clock):
    network = Bright()
    built = []
    kinds = [kind("openvino-bf16", clock, 1, built=built), kind("torch-fp32", clock, 5)]
    engine = make_engine(network, "auto", cache_key="abc", verdicts=verdicts, kinds=kinds)
    for _ in range(3):
        assert not (engine(torch.zeros_like(example)) > 0).any()
    assert (engine.name, built, verdicts.path.exists()) == ("torch-fp32", [], False)
    assert (engine(example) > 0).any()
    assert (engine.name, built) == ("openvino-bf16", ["openvino-bf16"])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"schema_version": 1}',
        b'{"schema_version": 9, "verdicts": {}}',
        b"\xff" * 9,
        b"[" * 10**5,
    ],
    ids=["empty", "cut", "list", "null", "no verdicts", "other version", "binary", "nested"],
)
def test_a_damaged_cache_costs_a_new_check(network, example, verdicts, clock, content):
    verdicts.path.parent.mkdir()
    verdicts.path.write_bytes(content)
    kinds = [kind("openvino-bf16", clock, 1), kind("torch-fp32", clock, 5)]
    assert choose(network, example, verdicts, kinds).name == "openvino-bf16"
    key = verdict_key("abc", torch.device("cpu"), example.shape)
    assert verdicts.get(key)["engine"] == "openvino-bf16"


@pytest.mark.parametrize("entry", [None, 3, {}, {"engine": 5}, {"engine": "abacus"}])
def test_a_damaged_entry_costs_a_new_check(network, example, verdicts, clock, entry):
    verdicts.put(verdict_key("abc", torch.device("cpu"), example.shape), entry)
    kinds = [kind("openvino-bf16", clock, 1), kind("torch-fp32", clock, 5)]
    assert choose(network, example, verdicts, kinds).name == "openvino-bf16"


def test_a_cache_that_cannot_be_written_does_no_harm(network, example, tmp_path, clock):
    (tmp_path / "file").write_text("in the way")
    kinds = [kind("openvino-bf16", clock, 1), kind("torch-fp32", clock, 5)]
    assert choose(network, example, Verdicts(tmp_path / "file"), kinds).name == "openvino-bf16"


def test_a_remembered_engine_that_no_longer_starts_is_replaced_and_forgotten(network, example, verdicts, clock):
    kinds = [kind("openvino-bf16", clock, 1), kind("torch-fp32", clock, 5)]
    choose(network, example, verdicts, kinds)

    def broken(network, device):
        raise RuntimeError("illegal instruction\nand a long trace")

    engine = choose(network, example, verdicts, [EngineKind("openvino-bf16", broken), kinds[-1]])
    assert engine.name == "torch-fp32"
    assert engine.notes == ["The engine openvino-bf16 failed (illegal instruction): continued with torch-fp32."]
    assert verdicts.get(verdict_key("abc", torch.device("cpu"), example.shape)) is None


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


def test_a_check_that_runs_out_of_memory_is_not_remembered(network, example, verdicts, clock):
    def exhausted(logits):
        raise MemoryError

    kinds = [kind("openvino-bf16", clock, 1, exhausted), kind("torch-fp32", clock, 5)]
    assert choose(network, example, verdicts, kinds).name == "torch-fp32"
    assert not verdicts.path.exists()


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


def test_without_openvino_auto_goes_on_and_an_explicit_choice_is_refused(network, example, verdicts, monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    engine = choose(network, example, verdicts, KINDS)
    assert engine.name.startswith("torch-")
    assert not any("openvino" in note for note in engine.notes)
    with pytest.raises(MissingPackageError, match="'openvino' is not installed. Install 'openvino' with pip"):
        make_engine(network, "openvino-fp32")


def test_an_openvino_that_is_installed_and_broken_becomes_a_note(network, example, verdicts, monkeypatch):
    monkeypatch.setattr("liverpair.engine.kinds.find_spec", lambda name: object())
    monkeypatch.setitem(sys.modules, "openvino", None)
    engine = choose(network, example, verdicts, KINDS)
    assert engine.name.startswith("torch-")
    assert any("openvino-fp32 is not used: import of openvino halted" in note for note in engine.notes)
    engine = make_engine(network, "openvino-fp32")
    assert engine.name == "torch-fp32"
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
