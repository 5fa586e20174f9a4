"""From a patient to an image: grid, breath-hold, thick slices, coil shading, point spread, noise."""

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from liverpair.synthesis.bias import random_bias_field

SLICE_SAMPLES = 3


@dataclass(frozen=True)
class Scan:
    """One acquisition.

    Attributes:
        size: voxels (x, y, z).
        spacing: mm (x, y, z); the slices touch.
        center: of the volume, LPS mm.
        direction: 3 x 3 direction matrix, row by row.
        noise: standard deviation of the noise in each of the two receiver channels, liver = 1.
        shading: strength of the bias field.
        coil: gain at the edge of the field of view, toward which surface coils look, over that in its middle, less 1.
        blur_voxels: standard deviation of the in-plane point spread.
        ghost: strength of the breathing ghosts along the phase direction (y).
        slice_variation: standard deviation of the slices' relative gain.
        liver_level: intensity of the liver in the stored image.
    """

    size: tuple[int, int, int]
    spacing: tuple[float, float, float]
    center: tuple[float, float, float]
    direction: tuple[float, ...]
    noise: float
    shading: float
    coil: float
    blur_voxels: float
    ghost: float
    slice_variation: float
    liver_level: float

    def grid(self, slice_samples: int = 1) -> sitk.Image:
        """An empty image on the scan's grid, each slice divided into `slice_samples`."""
        spacing = np.array(self.spacing) / (1, 1, slice_samples)
        size = np.array(self.size) * (1, 1, slice_samples)
        matrix = np.array(self.direction).reshape(3, 3)
        origin = np.array(self.center) - matrix @ (spacing * (size - 1) / 2)
        image = sitk.Image([int(n) for n in size], sitk.sitkUInt8)
        image.SetSpacing(spacing.tolist())
        image.SetOrigin(origin.tolist())
        image.SetDirection(self.direction)
        return image


def oblique_direction(about_x_deg: float, about_y_deg: float) -> tuple[float, ...]:
    """Direction matrix of axial slices tilted about the patient's x axis, then y axis."""
    transform = sitk.Euler3DTransform()
    transform.SetRotation(np.deg2rad(about_x_deg), np.deg2rad(about_y_deg), 0.0)
    return tuple(transform.GetMatrix())


def sample(patient_image: sitk.Image, scan: Scan, breathing: sitk.Transform, nearest: bool = False) -> np.ndarray:
    """Values of a patient image at every sample of every slice, during the breath-hold of this scan.

    Args:
        patient_image: at rest, on the fine grid.
        scan: the acquisition.
        breathing: maps points of the scan to points of the patient at rest.
        nearest: labels instead of intensities.

    Returns:
        Array (slices, samples, y, x).
    """
    resampler = sitk.ResampleImageFilter()
    resampler.SetReferenceImage(scan.grid(SLICE_SAMPLES))
    resampler.SetTransform(breathing)
    resampler.SetInterpolator(sitk.sitkNearestNeighbor if nearest else sitk.sitkLinear)
    resampler.UseNearestNeighborExtrapolatorOn()
    values = sitk.GetArrayFromImage(resampler.Execute(patient_image))
    return values.reshape(scan.size[2], SLICE_SAMPLES, scan.size[1], scan.size[0])


def acquire(signal: sitk.Image, scan: Scan, breathing: sitk.Transform, rng: np.random.Generator) -> sitk.Image:
    """The stored magnitude image of a patient signal (liver = 1), int16 on the scan's grid."""
    image = sample(signal, scan, breathing).mean(axis=1)
    image *= random_bias_field(image.shape, rng, scan.shading, degree=2) * _coil_gain(scan)
    gain = 1 + scan.slice_variation * rng.standard_normal(len(image))
    image *= gain[:, None, None].astype(np.float32)
    image = ndimage.gaussian_filter(image, (0.0, scan.blur_voxels, scan.blur_voxels))
    for shift in (scan.size[1] // 5, -scan.size[1] // 6):
        image += scan.ghost * np.roll(ndimage.uniform_filter1d(image, 3, axis=1), shift, axis=1)
    image = _rician(image, scan.noise, rng)
    stored = sitk.GetImageFromArray(np.rint(image * scan.liver_level).astype(np.int16))
    stored.CopyInformation(scan.grid())
    return stored


def _coil_gain(scan: Scan) -> np.ndarray:
    y, x = (np.linspace(-1.0, 1.0, n, dtype=np.float32) for n in scan.size[1::-1])
    return 1 + np.float32(scan.coil) * (x[None, :] ** 2 + y[:, None] ** 2)


def _rician(image: np.ndarray, sigma: float, rng: np.random.Generator) -> np.ndarray:
    real = image + sigma * rng.standard_normal(image.shape, dtype=np.float32)
    imaginary = sigma * rng.standard_normal(image.shape, dtype=np.float32)
    return np.hypot(real, imaginary)


def sample_labels(
    labels: sitk.Image, scan: Scan, breathing: sitk.Transform, base: int
) -> tuple[sitk.Image, sitk.Image]:
    """Two label images sampled at once: label % base and label // base, uint8 on the scan's grid.

    A voxel gets a label that fills more than half of its slice samples, else 0.
    """
    samples = sample(labels, scan, breathing, nearest=True)
    return _majority(samples % base, scan), _majority(samples // base, scan)


def _majority(samples: np.ndarray, scan: Scan) -> sitk.Image:
    middle = np.sort(samples, axis=1)[:, SLICE_SAMPLES // 2]
    agrees = (samples == middle[:, None]).sum(axis=1) * 2 > SLICE_SAMPLES
    image = sitk.GetImageFromArray(np.where(agrees, middle, 0).astype(np.uint8))
    image.CopyInformation(scan.grid())
    return image
