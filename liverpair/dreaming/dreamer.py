"""A network made ready to be asked for gradients of its input."""

import copy
from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
import torch
from torch import nn

from liverpair.bundle import Bundle
from liverpair.core.device import choose_device
from liverpair.core.errors import BundleError, InputError
from liverpair.detection.anchors import Anchors, make_anchors
from liverpair.detection.detection_settings import DetectionSettings
from liverpair.detection.inference import TASK as DETECTION
from liverpair.dreaming.foreign_dream import foreign_dream
from liverpair.dreaming.layers import for_gradients
from liverpair.dreaming.receptive_field import ReceptiveField
from liverpair.engine import available_engines
from liverpair.engine.torch_engine import MEMORY_FORMATS
from liverpair.networks import build
from liverpair.networks.retina import RetinaNet, RetinaOutput

BFLOAT16 = "torch-bf16"


class Dreamer:
    """A trained network with frozen weights in eval mode, on a device, in a precision.

    Parameters
    ----------
    bundle
        Its model: a segmenter of volumes or slices, or a detector.
    device
        As `liverpair.core.device.choose_device` takes it.
    precision
        "fp32", "bf16", or "auto": bf16 where the device computes in it natively.

    Raises `BundleError` for a bundle that cannot be loaded, `InputError` for a device or precision that is not there.

    `notes` gathers sentences that a user should read.
    """

    def __init__(self, bundle: Bundle, device: torch.device | str = "auto", precision: str = "auto"):
        if bundle.foreign:
            theirs = foreign_dream(bundle)
            network = copy.deepcopy(theirs.network)
            self._take(network, device, precision, theirs.rebuild, None, bundle.name, bundle.sha256)
            if len(bundle.foreign.checkpoints) > 1:
                self.note(f"Model '{bundle.name}' has {len(bundle.foreign.checkpoints)} folds; the first one dreams.")
            return
        detection = None
        if bundle.task == DETECTION:
            detection = DetectionSettings.read(bundle.section(DETECTION), bundle.name)
        spec = bundle.network_spec

        def rebuild() -> nn.Module:
            return build(spec.name, spec.arguments)

        self._take(bundle.network("cpu"), device, precision, rebuild, detection, bundle.name, bundle.sha256)

    @classmethod
    def of_network(
        cls,
        network: nn.Module,
        device: torch.device | str = "cpu",
        precision: str = "fp32",
        multiple_of: Sequence[int] | None = None,
    ) -> "Dreamer":
        """A network without a bundle, which returns logits (1, outputs, *space) of images (1, channels, *space).

        It is copied. `multiple_of` is the network's own unless given; a network that has none takes any size.
        """

        def rebuild() -> nn.Module:
            fresh = copy.deepcopy(network)
            for module in fresh.modules():
                if hasattr(module, "reset_parameters"):
                    module.reset_parameters()
            return fresh

        dreamer = cls.__new__(cls)
        dreamer._take(copy.deepcopy(network), device, precision, rebuild, None, type(network).__name__, "", multiple_of)
        return dreamer

    def _take(
        self,
        network: nn.Module,
        device: torch.device | str,
        precision: str,
        rebuild: Callable[[], nn.Module],
        detection: DetectionSettings | None,
        name: str,
        sha256: str,
        multiple_of: Sequence[int] | None = None,
    ) -> None:
        if detection is not None and not isinstance(network, RetinaNet):
            raise BundleError(f"Model '{name}' has no network that detects.", "Choose another model.")
        self.name = name
        self.sha256 = sha256
        self.detection = detection
        self.notes: list[str] = []
        self.multiple_of = tuple(multiple_of or getattr(network, "multiple_of", ()))
        self._wanted_precision = precision
        self._rebuild = rebuild
        self._network = for_gradients(network)
        self.field = ReceptiveField.of(self._network)
        self._randomized: dict[int, Dreamer] = {}
        self.move_to(choose_device(device) if isinstance(device, str) else device)

    def move_to(self, device: torch.device) -> None:
        """Go on on another device; the precision is chosen anew."""
        self.device = device
        self.precision = _precision(self._wanted_precision, device)
        axes = max((p.ndim for p in self._network.parameters()), default=0)
        layout = MEMORY_FORMATS.get(axes) if self._channels_last else None
        self._network.to(device, memory_format=layout)

    @property
    def _channels_last(self) -> bool:
        return self.device.type != "mps"

    @property
    def is_detector(self) -> bool:
        """Whether its outputs are anchors, not voxels."""
        return self.detection is not None

    def padded_shape(self, space: Sequence[int]) -> tuple[int, ...]:
        """The sides of an image of `space` when filled up to multiples of what the network takes."""
        return tuple(-(-n // m) * m for n, m in zip(space, self.multiple_of or (1,) * len(space)))

    def padded(self, channels: np.ndarray) -> torch.Tensor:
        """`channels` (C, *space) as an input (1, C, *padded_shape) on the device; what is filled up is 0."""
        space = channels.shape[1:]
        surplus = [(0, p - n) for n, p in zip(space, self.padded_shape(space))]
        filled = np.pad(np.asarray(channels, np.float32), [(0, 0), *surplus])
        return torch.from_numpy(np.ascontiguousarray(filled))[None].to(self.device)

    def respond(self, images: torch.Tensor) -> torch.Tensor | RetinaOutput:
        """The answer in float32, without batch axis, to one image (1, C, *space) on the device, whose sides are
        multiples of `multiple_of`; gradients of the image go through it.

        Logits (outputs, *space) of a segmenter; a detector's answer of every anchor (see `anchors`).
        """
        if self._channels_last:
            images = images.contiguous(memory_format=MEMORY_FORMATS[images.ndim])
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bf16"):
            answer = self._network(images)
        answer = answer.float()
        return RetinaOutput.of(answer, images.ndim - 2)[0] if self.is_detector else answer[0]

    def anchors(self, space: Sequence[int]) -> Anchors:
        """The anchors of which a detector speaks for images of `space`, on the CPU. Raises `InputError` for a
        segmenter."""
        if self.detection is None:
            raise InputError(f"Model '{self.name}' has no anchors: it is not a detector.")
        return _anchors(self.padded_shape(space), tuple(self._network.strides.items()), self.detection)

    def randomized(self, seed: int) -> "Dreamer":
        """The same network before any training: weights drawn anew by the scheme it was initialized with, and fresh
        statistics of batch normalization."""
        if seed not in self._randomized:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                network = self._rebuild()
            fresh = type(self).__new__(type(self))
            fresh._take(
                network,
                self.device,
                self._wanted_precision,
                self._rebuild,
                self.detection,
                self.name,
                self.sha256,
                self.multiple_of,
            )
            fresh.notes = self.notes
            self._randomized = {seed: fresh}
        return self._randomized[seed]

    def note(self, sentence: str) -> None:
        """Add a sentence for the user, once."""
        if sentence not in self.notes:
            self.notes.append(sentence)


@lru_cache(maxsize=2)
def _anchors(
    shape: tuple[int, ...], strides: tuple[tuple[int, tuple[int, ...]], ...], detection: DetectionSettings
) -> Anchors:
    return make_anchors(shape, dict(strides), detection.anchor_sizes, detection.growth)


def _precision(wanted: str, device: torch.device) -> str:
    """ "fp32" or "bf16". Raises `InputError` for one that the device does not have."""
    if wanted not in ("auto", "fp32", "bf16"):
        raise InputError(f"The precision '{wanted}' is unknown.", "It is auto, fp32 or bf16.")
    if wanted == "fp32":
        return wanted
    native = BFLOAT16 in available_engines(device)
    if wanted == "bf16" and not native:
        raise InputError(f"The precision bf16 cannot be used on {device.type}.", "Choose the precision 'auto'.")
    return "bf16" if native else "fp32"
