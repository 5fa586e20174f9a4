"""The kinds of engines there are, where each can be used, and the rule by which one is taken."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec

import torch

from liverpair.core.device import native_bf16
from liverpair.engine.base import Engine, GuardedEngine, first_line
from liverpair.engine.openvino_engine import OpenVINOEngine
from liverpair.engine.torch_engine import TorchEngine

REFERENCE = "torch-fp32"


@dataclass(frozen=True)
class EngineKind:
    """One way to run a network.

    `unavailable(device)` is why it cannot be used there, or ""; `package` is what it needs beyond torch.
    """

    name: str
    build: Callable[[torch.nn.Module, torch.device], Engine]
    unavailable: Callable[[torch.device], str] = lambda device: ""
    package: str = ""

    def obstacle(self, device: torch.device) -> str:
        """Why this kind cannot be used on `device`, as the end of a sentence; "" if it can."""
        if reason := self.unavailable(device):
            return reason
        return f"the package '{self.package}' is not installed" if self.package_missing else ""

    @property
    def package_missing(self) -> bool:
        """Whether the package that this kind needs is not installed."""
        return bool(self.package) and find_spec(self.package) is None

    def guarded(self, network: torch.nn.Module, device: torch.device, fallback: Engine) -> GuardedEngine:
        """An engine of this kind with `fallback` in reserve; or `fallback` and a note why, if it cannot be built."""
        try:
            return GuardedEngine(self.build(network, device), fallback)
        except Exception as error:
            note = f"The engine {self.name} failed ({first_line(error)}): continued with {fallback.name}."
            return GuardedEngine(fallback, fallback, [note])


def _bf16_obstacle(device: torch.device) -> str:
    if device.type == "cpu":
        return "" if native_bf16() else "this processor has no bfloat16 arithmetic of its own"
    if device.type == "cuda":
        return "" if torch.cuda.is_bf16_supported() else "this GPU has no bfloat16 arithmetic"
    return "it runs on the CPU and on CUDA GPUs only"


def _fp16_obstacle(device: torch.device) -> str:
    return "it runs on GPUs only" if device.type == "cpu" else ""


def _openvino_obstacle(device: torch.device) -> str:
    return "" if device.type == "cpu" else "it runs on the CPU only"


KINDS = (
    EngineKind(
        "openvino-bf16",
        lambda network, device: OpenVINOEngine(network, "bf16"),
        lambda device: _openvino_obstacle(device) or _bf16_obstacle(device),
        "openvino",
    ),
    EngineKind(
        "openvino-fp32",
        lambda network, device: OpenVINOEngine(network, "fp32"),
        _openvino_obstacle,
        "openvino",
    ),
    EngineKind("torch-bf16", lambda network, device: TorchEngine(network, device, "bf16"), _bf16_obstacle),
    EngineKind("torch-fp16", lambda network, device: TorchEngine(network, device, "fp16"), _fp16_obstacle),
    EngineKind(REFERENCE, lambda network, device: TorchEngine(network, device, "fp32")),
)
"""Every kind of engine, in the order in which "auto" takes the first that can be used. The last is the reference and
the fallback: it always works."""


def automatic_engine(device: torch.device | str, kinds: Sequence[EngineKind] = KINDS) -> str:
    """The name of the engine that "auto" means on `device`.

    On a CPU it is OpenVINO where that is installed, else PyTorch; in bfloat16 where the processor multiplies bfloat16
    itself, else in single precision. On a CUDA GPU it is PyTorch in bfloat16, or in half precision where the GPU has no
    bfloat16; on an Apple GPU PyTorch in single precision. Nothing is timed, so that machines of one kind give the same
    masks every time; that these agree with single precision is tested for each model that ships.
    """
    device = torch.device(device)
    return REFERENCE if device.type == "mps" else available_engines(device, kinds)[0]


def available_engines(device: torch.device | str = "cpu", kinds: Sequence[EngineKind] = KINDS) -> list[str]:
    """The names of the engines that can be used on `device`."""
    return [kind.name for kind in kinds if not kind.obstacle(torch.device(device))]
