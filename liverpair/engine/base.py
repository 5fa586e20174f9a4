"""What an engine is, and how one that fails is replaced."""

from typing import Protocol

import torch

from liverpair.core.memory import is_out_of_memory


class Engine(Protocol):
    """Runs one network.

    `name` is "torch-fp32", "torch-bf16", "torch-fp16", "openvino-fp32" or "openvino-bf16". `notes` has a sentence for
    everything a user should know about how the engine was chosen, or replaced.
    """

    name: str
    device: torch.device
    notes: list[str]

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        """Logits (batch, labels, *space), float32, on `device`, of images (batch, channels, *space) on any device."""
        ...


def precision_of(engine_name: str) -> str:
    """ "fp32", "bf16" or "fp16"."""
    return engine_name.rpartition("-")[2]


class GuardedEngine:
    """An engine that may fail, with one that does not: after a failure, or an output that is not finite, the second
    takes over for good.

    Running out of memory is not a failure of the engine; it passes through, so that a smaller window can be tried.
    """

    def __init__(self, engine: Engine, fallback: Engine, notes: list[str] | None = None):
        self._engine = engine
        self._fallback = fallback
        self.notes = list(notes or [])

    @property
    def name(self) -> str:
        return self._engine.name

    @property
    def device(self) -> torch.device:
        return self._engine.device

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        if self._engine is not self._fallback:
            try:
                logits = self._engine(images)
                if torch.isfinite(logits).all():
                    return logits
                reason = "its output is not finite"
            except Exception as error:
                if is_out_of_memory(error):
                    raise
                reason = first_line(error)
            self.notes.append(f"The engine {self.name} failed ({reason}): continued with {self._fallback.name}.")
            self._engine = self._fallback
        return self._fallback(images)


def first_line(error: BaseException, limit: int = 160) -> str:
    """The first line of what an exception says, or its kind, for use inside a sentence."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__).rstrip(".")[:limit]
