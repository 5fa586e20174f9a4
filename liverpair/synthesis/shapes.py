"""Random smooth fields, the blobs that thresholding them gives, and masks with careless borders."""

import numpy as np
import SimpleITK as sitk
from scipy import ndimage


def smooth_noise(shape: tuple[int, ...], sigma: float | tuple[float, ...], rng: np.random.Generator) -> np.ndarray:
    """White noise seen through a Gaussian of `sigma` voxels, scaled to mean 0 and standard deviation 1.

    Coarse fields are drawn on a coarser grid and interpolated, so the cost does not grow with sigma.

    Args:
        shape: voxels per axis.
        sigma: standard deviation of the Gaussian in voxels, one for all axes or one per axis.
        rng: source of the noise.

    Returns:
        float32 array of the given shape.
    """
    sigmas = np.broadcast_to(np.asarray(sigma, dtype=float), (len(shape),))
    steps = np.maximum(1.0, sigmas / 2.0)
    coarse_shape = [int(np.ceil((n - 1) / step)) + 1 for n, step in zip(shape, steps, strict=True)]
    margin = [int(np.ceil(3 * s / step)) for s, step in zip(sigmas, steps, strict=True)]
    noise = rng.standard_normal([n + 2 * m for n, m in zip(coarse_shape, margin, strict=True)], dtype=np.float32)
    noise = ndimage.gaussian_filter(noise, sigmas / steps, mode="nearest")
    noise = noise[tuple(slice(m, m + n) for m, n in zip(margin, coarse_shape, strict=True))]
    for axis, (n, step) in enumerate(zip(shape, steps, strict=True)):
        if step > 1.0:
            noise = _interpolate_axis(noise, axis, np.arange(n) / step)
    return ((noise - noise.mean()) / (noise.std() + 1e-12)).astype(np.float32)


def _interpolate_axis(values: np.ndarray, axis: int, positions: np.ndarray) -> np.ndarray:
    low = np.minimum(np.floor(positions).astype(int), values.shape[axis] - 1)
    high = np.minimum(low + 1, values.shape[axis] - 1)
    weight = (positions - low).astype(np.float32)
    weight = weight.reshape([-1 if a == axis else 1 for a in range(values.ndim)])
    return np.take(values, low, axis) * (1 - weight) + np.take(values, high, axis) * weight


def blob_field(
    shape: tuple[int, int],
    rng: np.random.Generator,
    sigma: float | tuple[float, float] = 8.0,
    percentile: float = 75.0,
    smallest: int = 100,
) -> np.ndarray:
    """Labeled random blobs ("patatoids") in two dimensions.

    The generator of the published experiment is not described (Couteaux 2021, section 2.2.1); ours thresholds
    Gaussian-filtered white noise.

    Args:
        shape: pixels (y, x).
        rng: source of the noise.
        sigma: standard deviation of the Gaussian filter, pixels, one for both axes or (y, x).
        percentile: threshold; 75 covers a quarter of the image before small blobs are removed.
        smallest: blobs below this area in pixels are removed.

    Returns:
        int32 array (y, x): 0 background, 1..n the blobs.
    """
    noise = ndimage.gaussian_filter(rng.standard_normal(shape), sigma)
    labels, count = ndimage.label(noise > np.percentile(noise, percentile))
    areas = np.bincount(labels.ravel(), minlength=count + 1)
    areas[0] = 0
    renumbered = np.zeros(count + 1, dtype=np.int32)
    kept = np.flatnonzero(areas >= smallest)
    renumbered[kept] = np.arange(1, len(kept) + 1)
    return renumbered[labels]


def smooth_step(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """0 below `low`, 1 above `high`, a cubic with flat ends between (Hermite)."""
    t = np.clip((values - low) / (high - low), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def roughen(mask: sitk.Image, rng: np.random.Generator, amplitude_mm: float, wavelength_mm: float = 8.0) -> sitk.Image:
    """A mask as a hurried annotator would draw it: its border wanders in and out.

    Args:
        mask: 0 and 1, uint8.
        rng: source of the wandering.
        amplitude_mm: standard deviation of the border's displacement; 0 returns the mask as it is.
        wavelength_mm: smoothness of the displacement.
    """
    if amplitude_mm == 0:
        return mask
    distance = sitk.SignedMaurerDistanceMap(mask, insideIsPositive=True, squaredDistance=False, useImageSpacing=True)
    sigma = tuple(wavelength_mm / s for s in mask.GetSpacing()[::-1])
    wander = amplitude_mm * smooth_noise(mask.GetSize()[::-1], sigma, rng)
    rough = sitk.GetImageFromArray((sitk.GetArrayViewFromImage(distance) + wander > 0).astype(np.uint8))
    rough.CopyInformation(mask)
    return rough
