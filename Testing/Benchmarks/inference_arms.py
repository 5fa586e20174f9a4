"""One arm of the inference benchmark, in a process of its own. Prints its result as JSON on the last line.

`seconds` holds, for each warm run, the seconds of all arrays together; `peak_mb` is the largest resident size of this
process, in MB, before the outputs are written.
"""

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from liverpair.bundle import Bundle
from liverpair.engine import Engine
from liverpair.engine.base import precision_of
from liverpair.segmentation.prediction import Predictor

MATMUL_SIDE = 4096
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}

Inference = Callable[[np.ndarray], np.ndarray]
"""From a prepared array (z, y, x) to probabilities of the same shape."""


def liverpair_inference(bundle: Bundle, patch: Sequence[int]) -> Inference:
    """Ours, as a segmentation calls it: engine and window are chosen by LiverPair."""
    predictor = Predictor(bundle, torch.device("cpu"))
    return lambda array: predictor.probabilities(array[None])[0][0]


def whole_inference(bundle: Bundle, patch: Sequence[int]) -> Inference:
    """Ours without a choice: one pass over the whole volume by PyTorch in single precision."""
    predictor = Predictor(bundle, torch.device("cpu"), "torch-fp32")
    return lambda array: predictor.probabilities(array[None])[0][0]


def monai_inference(bundle: Bundle, patch: Sequence[int], windows_at_a_time: int = 1) -> Inference:
    """MONAI's SlidingWindowInferer as its tutorials set it up."""
    infer = sliding_windows(patch, windows_at_a_time)
    network = bundle.network("cpu")
    return lambda array: infer(array, network)


def whole_statistics_inference(bundle: Bundle, patch: Sequence[int]) -> Inference:
    """The same windows, each group normalization with the statistics of a pass over the whole volume."""
    infer = sliding_windows(patch)
    network = bundle.network("cpu")
    layers = keep_statistics(network)

    def whole_then_windows(array: np.ndarray) -> np.ndarray:
        for layer in layers:
            layer.statistics = None
        with torch.inference_mode():
            network(padded(array, bundle.grid.multiple_of))
        return infer(array, network)

    return whole_then_windows


def sliding_windows(
    patch: Sequence[int], windows_at_a_time: int = 1
) -> Callable[[np.ndarray, torch.nn.Module], np.ndarray]:
    """From a prepared array and a network to probabilities, window by window."""
    from monai.inferers import SlidingWindowInferer

    inferer = SlidingWindowInferer(tuple(patch), windows_at_a_time, overlap=0.5, mode="gaussian")

    def infer(array: np.ndarray, network: torch.nn.Module) -> np.ndarray:
        with torch.inference_mode():
            logits = inferer(torch.from_numpy(array)[None, None], network)
            return logits.sigmoid()[0, 0].numpy()

    return infer


class KeptStatistics(torch.nn.Module):
    """A group normalization that takes mean and variance from the first input it sees and keeps them, until
    `statistics` is None again."""

    def __init__(self, layer: torch.nn.GroupNorm):
        super().__init__()
        self.layer = layer
        self.statistics: tuple[torch.Tensor, torch.Tensor] | None = None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        groups = x.reshape(len(x), self.layer.num_groups, -1)
        if self.statistics is None:
            self.statistics = torch.var_mean(groups, dim=-1, correction=0, keepdim=True)
        variance, mean = self.statistics
        normalized = ((groups - mean) * torch.rsqrt(variance + self.layer.eps)).reshape(x.shape)
        weight, bias = (values.reshape(-1, *[1] * (x.ndim - 2)) for values in (self.layer.weight, self.layer.bias))
        return normalized * weight + bias


def keep_statistics(network: torch.nn.Module) -> list[KeptStatistics]:
    """Put a `KeptStatistics` in the place of every group normalization of a network, and return them."""
    layers = []
    for parent in list(network.modules()):
        for name, child in parent.named_children():
            if isinstance(child, torch.nn.GroupNorm):
                layers.append(KeptStatistics(child))
                setattr(parent, name, layers[-1])
    return layers


ARMS: dict[str, Callable[[Bundle, Sequence[int]], Inference]] = {
    "liverpair": liverpair_inference,
    "torch-whole": whole_inference,
    "monai": monai_inference,
    "monai-4": lambda bundle, patch: monai_inference(bundle, patch, 4),
    "monai-whole-statistics": whole_statistics_inference,
}


def main() -> None:
    """Run the arm that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("arm", choices=[*ARMS, "peak"])
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--arrays", type=Path, nargs="+", required=True)
    parser.add_argument("--patch", type=int, nargs=3)
    parser.add_argument("--runs", type=int, default=3, help="warm runs")
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    bundle = Bundle.load(options.model)
    arrays = [np.load(path) for path in options.arrays]
    if options.arm == "peak":
        print(json.dumps(fraction_of_peak(bundle, arrays[0])))
        return
    infer = ARMS[options.arm](bundle, options.patch)
    outputs = [infer(array) for array in arrays]
    seconds = [sum(timed(infer, array) for array in arrays) for _ in range(options.runs)]
    result = {"seconds": seconds, "peak_mb": peak_memory_mb()}
    np.savez(options.output, *[output.astype(np.float32) for output in outputs])
    print(json.dumps(result))


def timed(function: Callable, *arguments) -> float:
    """Seconds of one call."""
    start = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start


def peak_memory_mb() -> float:
    """Largest resident size of this process so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


def fraction_of_peak(bundle: Bundle, array: np.ndarray) -> dict[str, float | str]:
    """Speed of a forward pass over a whole volume against that of a matrix multiplication in the same precision.

    The chosen engine runs the volume as a segmentation does; the operations are those of the convolutions, a
    multiplication and an addition counted as two.
    """
    predictor = Predictor(bundle, torch.device("cpu"))
    engine: Engine = predictor.probabilities(array[None])[1]
    images = padded(array, bundle.grid.multiple_of)
    flop = forward_flop(bundle, images)
    engine(images)
    forward_s = min(timed(engine, images) for _ in range(5))
    dtype = DTYPES[precision_of(engine.name)]
    a, b = (torch.randn(MATMUL_SIDE, MATMUL_SIDE).to(dtype) for _ in range(2))
    torch.mm(a, b)
    matmul = 2 * MATMUL_SIDE**3 / min(timed(torch.mm, a, b) for _ in range(5))
    return {
        "engine": engine.name,
        "gflop": flop / 1e9,
        "gflop_per_s": flop / forward_s / 1e9,
        "matmul_gflop_per_s": matmul / 1e9,
        "fraction": flop / forward_s / matmul,
    }


def padded(array: np.ndarray, multiple_of: Sequence[int]) -> torch.Tensor:
    """The array as the network takes it: (1, 1, z, y, x), sides rounded up to multiples."""
    widths = [(0, -side % multiple) for side, multiple in zip(array.shape, multiple_of)]
    return torch.from_numpy(np.pad(array, widths))[None, None]


def forward_flop(bundle: Bundle, images: torch.Tensor) -> int:
    """Floating-point operations of one forward pass, counted without computing it."""
    from torch.utils.flop_counter import FlopCounterMode

    network = bundle.network("cpu").to("meta")
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(images.to("meta"))
    return counter.get_total_flops()


if __name__ == "__main__":
    main()
