"""The kinds of engines there are, and where each can be used."""

from collections.abc import Callable
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
"""Every kind of engine. The last is the reference and the fallback: it always works."""
