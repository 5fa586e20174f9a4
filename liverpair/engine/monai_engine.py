"""A MONAI bundle's network, preprocessing and inferer on one image, built by `monai.bundle` from its configuration."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
import torch

from liverpair.core.errors import MissingPackageError, Progress, no_progress
from liverpair.core.geometry import Grid, on_grid, resample

NETWORK, PREPROCESSING, INFERER = "network_def", "preprocessing", "inferer"
IMAGE = "image"
FLIP = np.diag([-1.0, -1.0, 1.0, 1.0])
"""Between LPS and the RAS that MONAI has."""


class MonaiModel:
    """A MONAI bundle on a device.

    Parameters
    ----------
    config
        Its inference configuration, which has been checked.
    weights
        Of its network; None where `path` is TorchScript.
    channels, softmax
        Which channels of the output are meant, and whether the channels exclude each other; None: where there are
        several.

    Raises whatever MONAI does for a configuration or weights that do not fit.
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        weights: Mapping[str, torch.Tensor] | None,
        path: Path,
        channels: Sequence[int],
        softmax: bool | None,
        device: torch.device,
    ):
        try:
            from monai.bundle import ConfigParser
        except ImportError as error:
            raise MissingPackageError(
                "Running this model needs the package 'monai'.", "Install it with pip."
            ) from error
        parser = ConfigParser({**config, "device": str(device)})
        self._preprocessing = parser.get_parsed_content(PREPROCESSING)
        self._inferer = parser.get_parsed_content(INFERER) if INFERER in config else None
        if weights is None:
            network = torch.jit.load(str(path), map_location=device)
        else:
            network = parser.get_parsed_content(NETWORK)
            network.load_state_dict(weights)
        self.network = network.to(device).eval()
        for parameter in self.network.parameters():  # TorchScript has no `requires_grad_` of its own
            parameter.requires_grad_(False)
        self._channels, self._softmax, self.device = list(channels), softmax, device
        self._config = None if weights is None else {**config, "device": str(device)}
        transforms = config[PREPROCESSING].get("transforms", []) if isinstance(config[PREPROCESSING], Mapping) else []
        self.normalizes = any("NormalizeIntensity" in str(one.get("_target_", "")) for one in transforms)

    @property
    def excluding(self) -> bool:
        """Whether its outputs exclude each other."""
        return self._softmax is not False

    @property
    def window(self) -> tuple[int, int, int] | None:
        """The sides (z, y, x) of the windows it looks at one after the other; None where it takes an image as it is."""
        sides = getattr(self._inferer, "roi_size", None)
        known = isinstance(sides, Sequence) and len(sides) == 3 and all(isinstance(s, int) and s > 0 for s in sides)
        return tuple(sides[::-1]) if known else None

    def untrained(self) -> torch.nn.Module | None:
        """A network of the same kind with random weights; None of TorchScript, which cannot be made anew."""
        if self._config is None:
            return None
        from monai.bundle import ConfigParser

        return ConfigParser(dict(self._config)).get_parsed_content(NETWORK)

    def seen(self, image: sitk.Image) -> sitk.Image:
        """What the network sees of an image, in its intensities."""
        shown = self._preprocessed(image)
        return _as_image(np.asarray(shown[0], dtype=np.float32), np.asarray(shown.affine))

    def __call__(self, image: sitk.Image, mirror: bool = False, progress: Progress = no_progress) -> sitk.Image:
        """The probability map (float32) of an image on its own grid; `mirror` changes nothing. Raises what `progress`
        raises."""
        progress(0.0, "Preprocessing")
        shown = self._preprocessed(image)
        progress(0.1, "Segmenting")
        windows = 0

        def watched(patch: torch.Tensor, *more: Any, **named: Any) -> torch.Tensor:
            nonlocal windows
            windows += 1
            progress(min(0.85, 0.1 + 0.01 * windows), f"Segmenting window {windows}")
            return self._logits(self.network(patch, *more, **named))

        with torch.no_grad():
            patch = torch.as_tensor(shown)[None].to(self.device, torch.float32)
            logits = watched(patch) if self._inferer is None else self._inferer(patch, watched)
        progress(0.9, "Resampling")
        probability = self._probability(logits[0].float().cpu())
        found = _as_image(probability.numpy(), np.asarray(shown.affine))
        return resample(found, Grid.of(image))

    def _preprocessed(self, image: sitk.Image) -> Any:
        """The image as the network sees it (channel, x, y, z), with its affine."""
        from monai.data import MetaTensor

        values = np.ascontiguousarray(sitk.GetArrayFromImage(image).astype(np.float32).transpose(2, 1, 0))[None]
        affine = np.eye(4)
        grid = Grid.of(image)
        affine[:3, :3], affine[:3, 3] = grid.axes * grid.spacing, grid.origin
        shown = self._preprocessing(
            {IMAGE: MetaTensor(torch.from_numpy(values), affine=torch.from_numpy(FLIP @ affine))}
        )
        return (shown[0] if isinstance(shown, list) else shown)[IMAGE]

    @staticmethod
    def _logits(answer: Any) -> torch.Tensor:
        """The first of several outputs, as networks with deep supervision give them."""
        return answer[0] if isinstance(answer, list | tuple) else answer

    def _probability(self, logits: torch.Tensor) -> torch.Tensor:
        """Of the best of the channels, against the best of the others where they exclude each other."""
        if max(self._channels) >= len(logits):
            raise ValueError(f"its network has {len(logits)} outputs, none of the number {max(self._channels)}")
        chosen = logits[self._channels].amax(dim=0)
        excluding = len(logits) > 1 if self._softmax is None else self._softmax
        others = [number for number in range(len(logits)) if number not in self._channels]
        return (chosen - logits[others].amax(dim=0) if excluding and others else chosen).sigmoid()


def _as_image(array: np.ndarray, affine: np.ndarray) -> sitk.Image:
    """An array (x, y, z) with MONAI's affine (RAS) as an image."""
    axes = (FLIP @ affine)[:3]
    spacing = np.linalg.norm(axes[:, :3], axis=0)
    direction = (axes[:, :3] / spacing).ravel()
    grid = Grid(array.shape, tuple(map(float, spacing)), tuple(map(float, axes[:, 3])), tuple(map(float, direction)))
    return on_grid(np.ascontiguousarray(array.transpose(2, 1, 0)), grid)
