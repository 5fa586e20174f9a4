"""PyTorch as an engine: in single precision, which always works, or in half precision."""

import copy

import torch

from liverpair.core.layout import channels_last

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
MEMORY_FORMATS = {4: torch.channels_last, 5: torch.channels_last_3d}


class TorchEngine:
    """Runs `network` with PyTorch on `device`. In half precision: autocast and, except on Apple GPUs, channels last.

    The network given stays as it is, except that in single precision it is moved to `device` and set to eval mode.
    """

    def __init__(self, network: torch.nn.Module, device: torch.device | str = "cpu", precision: str = "fp32"):
        self.name = f"torch-{precision}"
        self.device = torch.device(device)
        self.notes: list[str] = []
        self._dtype = PRECISIONS[precision]
        self._half = precision != "fp32"
        if self._half:
            network = copy.deepcopy(network)
        self._network = network.eval().to(self.device)

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        images = images.to(self.device, torch.float32)
        with torch.no_grad():
            if not self._half:
                return self._network(images)
            if self.device.type != "mps":
                channels_last(self._network)
                images = images.contiguous(memory_format=MEMORY_FORMATS[images.ndim])
            with torch.autocast(self.device.type, self._dtype):
                logits = self._network(images)
            return logits.float().contiguous()
