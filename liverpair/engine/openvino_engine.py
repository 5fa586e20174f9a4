"""OpenVINO as an engine for the CPU. The package is optional and imported only when asked for."""

import warnings
from collections import OrderedDict
from typing import Any

import numpy as np
import torch

COMPILED_SHAPES = 4
"""How many shapes one engine keeps compiled."""

TRACING_SIDE, SMALLEST_TRACING_SIDE = 32, 8
"""Tracing runs the network some times, so a side is made shorter by a multiple of the first, down to no less than the
second: what networks halve and pad, they halve and pad alike then."""


class OpenVINOEngine:
    """Runs `network` with OpenVINO on the CPU, compiled for each input shape at its first use.

    Raises `ImportError` when the package is absent or broken; conversion and compilation raise whatever OpenVINO
    raises.
    """

    def __init__(self, network: torch.nn.Module, precision: str = "fp32"):
        import openvino

        self.name = f"openvino-{precision}"
        self.device = torch.device("cpu")
        self.notes: list[str] = []
        self._network = network.eval().to(self.device)
        self._core = openvino.Core()
        self._options = {
            "INFERENCE_PRECISION_HINT": {"fp32": "f32", "bf16": "bf16"}[precision],
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
            "PERFORMANCE_HINT": "LATENCY",
        }
        self._compiled: OrderedDict[tuple[int, ...], Any] = OrderedDict()
        self._converted: dict[tuple[int, ...], Any] = {}

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        shape = tuple(images.shape)
        if shape not in self._compiled:
            self._compiled[shape] = self._compile(shape)
            if len(self._compiled) > COMPILED_SHAPES:
                self._compiled.popitem(last=False)
        self._compiled.move_to_end(shape)
        array = np.ascontiguousarray(images.detach().to("cpu", torch.float32).numpy())
        return torch.from_numpy(np.asarray(self._compiled[shape](array)[0], dtype=np.float32))

    def _compile(self, shape: tuple[int, ...]) -> Any:
        small = (*shape[:2], *map(tracing_side, shape[2:]))
        try:
            model = self._conversion(small).clone()
            model.reshape(list(shape))
        except Exception:
            if small == shape:
                raise
            model = self._convert(shape)
            model.reshape(list(shape))
        return self._core.compile_model(model, "CPU", self._options)

    def _conversion(self, shape: tuple[int, ...]) -> Any:
        """The network converted for one of the few tracing shapes there are. It is kept, as the memory that a trace
        takes never comes back: a worker that converted anew for each volume would grow without end.
        """
        if shape not in self._converted:
            self._converted[shape] = self._convert(shape)
        return self._converted[shape]

    def _convert(self, shape: tuple[int, ...]) -> Any:
        """Trace the network and hand the trace to OpenVINO's PyTorch front end.

        `openvino.convert_model` does the same, and also reports each conversion to Intel when openvino-telemetry is
        installed.
        """
        from openvino.frontend import FrontEndManager
        from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            decoder = TorchScriptPythonDecoder(self._network, example_input=(torch.zeros(shape),))
        frontend = FrontEndManager().load_by_framework("pytorch")
        return frontend.convert(frontend.load(decoder))


def tracing_side(side: int) -> int:
    """The side at which a network is traced for inputs of this side."""
    rest = side % TRACING_SIDE
    return min(side, rest if rest >= SMALLEST_TRACING_SIDE else rest + TRACING_SIDE)
