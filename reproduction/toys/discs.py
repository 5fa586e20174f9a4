"""Discs of random size and intensity, for auto-encoders whose numbers are to mean one thing each (Couteaux 2021, 5.2.1;
figure 5.2)."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class DiscSettings:
    """How discs are drawn: side of the image, range of the diameter in pixels, range of the intensity in [0, 1]."""

    size: int = 32
    diameter: tuple[float, float] = (6.0, 28.0)
    intensity: tuple[float, float] = (0.2, 1.0)


def discs(
    rng: np.random.Generator, count: int, settings: DiscSettings = DiscSettings()
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Images (count, 1, y, x) float32 of a disc in the middle each, their diameters and their intensities (count,)."""
    diameters, intensities = (rng.uniform(*span, count) for span in (settings.diameter, settings.intensity))
    places = np.arange(settings.size) - (settings.size - 1) / 2
    distance = np.hypot(places[:, None], places[None, :])
    inside = np.clip(diameters[:, None, None] / 2 - distance + 0.5, 0, 1)
    return (inside * intensities[:, None, None])[:, None].astype(np.float32), diameters, intensities
