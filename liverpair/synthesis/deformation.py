"""Smooth random displacements between two scans of one patient: breathing above all."""

import numpy as np
import SimpleITK as sitk

from liverpair.synthesis.shapes import smooth_noise


def displacement_transform(field: np.ndarray, reference: sitk.Image) -> sitk.DisplacementFieldTransform:
    """Displacements in mm on the grid of `reference` as a transform that maps p to p + field(p).

    Args:
        field: array (z, y, x, 3), components along the LPS axes (x, y, z), mm.
        reference: image whose grid carries the field.
    """
    image = sitk.GetImageFromArray(np.ascontiguousarray(field, dtype=np.float64), isVector=True)
    image.CopyInformation(reference)
    return sitk.DisplacementFieldTransform(image)


def smooth_displacement(
    reference: sitk.Image, rng: np.random.Generator, amplitude_mm: float, wavelength_mm: float
) -> np.ndarray:
    """Random displacements whose components have standard deviation `amplitude_mm`.

    Folding is avoided as long as the amplitude stays well below the wavelength.

    Args:
        reference: image whose grid carries the field; a coarse one suffices.
        rng: source of the field.
        amplitude_mm: standard deviation of each component.
        wavelength_mm: standard deviation of the Gaussian that smooths the noise.

    Returns:
        float32 array (z, y, x, 3), components along (x, y, z), mm.
    """
    shape = reference.GetSize()[::-1]
    sigma = tuple(wavelength_mm / s for s in reference.GetSpacing()[::-1])
    return np.stack([amplitude_mm * smooth_noise(shape, sigma, rng) for _ in range(3)], axis=-1)


def breathing_displacement(
    weight: sitk.Image,
    shift_mm: tuple[float, float, float],
    rng: np.random.Generator,
    in_plane_weight: sitk.Image | None = None,
    irregularity_mm: float = 2.5,
    wavelength_mm: float = 45.0,
) -> sitk.DisplacementFieldTransform:
    """Transform from points of a scan to points of the patient at rest, after the organs moved by `shift_mm`.

    Resampling the patient at rest through this transform shows each organ shifted by weight x shift: the
    displacement is -weight x shift plus a small smooth random part. The weight falls to zero toward what stays: spine
    and body wall.

    Args:
        weight: float image, 0 (fixed) to 1 (moves fully with the liver), on a coarse grid.
        shift_mm: shift of the organs along (x, y, z), LPS mm.
        rng: source of the irregular part.
        in_plane_weight: weight of the x and y components, on the same grid, when the wall bulges with the
            organs that slide along it; `weight` when None.
        irregularity_mm: standard deviation of the irregular part where the weight is 1.
        wavelength_mm: its smoothness.
    """
    in_plane, along = (sitk.GetArrayFromImage(w) for w in (in_plane_weight or weight, weight))
    weights = np.stack([in_plane, in_plane, along], axis=-1)
    regular = -np.asarray(shift_mm, dtype=np.float32)
    irregular = smooth_displacement(weight, rng, irregularity_mm, wavelength_mm)
    return displacement_transform(weights * (regular + irregular), weight)
