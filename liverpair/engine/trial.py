"""Engines tried on one input: how fast, and how near to PyTorch in single precision."""

import logging
import time
from datetime import datetime, timezone
from typing import Any

import torch

from liverpair.core.memory import is_out_of_memory
from liverpair.engine.agreement import compare
from liverpair.engine.base import Engine, first_line, precision_of
from liverpair.engine.kinds import REFERENCE, EngineKind

logger = logging.getLogger(__name__)


class Trial:
    """Engines run on `images` (batch, channels, *space), timed, and compared with `expected`, the logits of
    `reference`.

    `notes` has a sentence for each engine that was refused. `conclusive` becomes false when an engine ran out of
    memory: it may not next time.
    """

    def __init__(
        self,
        network: torch.nn.Module,
        device: torch.device,
        images: torch.Tensor,
        reference: Engine,
        expected: torch.Tensor,
    ):
        self._network = network
        self._device = device
        self._images = images
        self._expected = expected
        self._agreeing: dict[str, tuple[Engine, torch.Tensor]] = {reference.name: (reference, expected)}
        self.seconds = {reference.name: self._timed(reference)[1]}
        self.agreements: dict[str, str] = {}
        self.notes: list[str] = []
        self.conclusive = True

    def run(self, kind: EngineKind) -> None:
        """Try one kind. Whatever it does wrong becomes a note; nothing is raised."""
        try:
            engine = kind.build(self._network, self._device)
            engine(self._images)
            logits, seconds = self._timed(engine)
            agreement = compare(self._expected, logits)
        except Exception as error:
            self.conclusive = self.conclusive and not is_out_of_memory(error)
            self.notes.append(f"The engine {kind.name} is not used: {first_line(error)}.")
            return
        logger.info("%s: %.3f s, %s", kind.name, seconds, agreement)
        self.agreements[kind.name] = str(agreement)
        if agreement.acceptable(precision_of(kind.name)):
            self._agreeing[kind.name] = engine, logits
            self.seconds[kind.name] = seconds
        else:
            self.notes.append(f"The engine {kind.name} is not used: it disagrees with {REFERENCE} ({agreement}).")

    def _timed(self, engine: Engine) -> tuple[torch.Tensor, float]:
        """Logits and seconds of a call. An engine's first call compiles; this must not be it."""
        self._synchronize()
        start = time.perf_counter()
        logits = engine(self._images)
        self._synchronize()
        return logits, time.perf_counter() - start

    def _synchronize(self) -> None:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        elif self._device.type == "mps":
            torch.mps.synchronize()

    def winner(self) -> tuple[Engine, torch.Tensor]:
        """The fastest engine that agreed, and its logits."""
        return self._agreeing[min(self.seconds, key=lambda name: self.seconds[name])]

    def verdict(self) -> dict[str, Any]:
        """What is remembered."""
        return {
            "engine": self.winner()[0].name,
            "seconds": {name: round(seconds, 4) for name, seconds in self.seconds.items()},
            "agreement": self.agreements,
            "notes": self.notes,
            "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        }
