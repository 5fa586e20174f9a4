"""A whole patient at rest on the fine grid: tissues, organ labels, and how far each place moves with the breath."""

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from liverpair.synthesis import digestive, organs, vessels
from liverpair.synthesis.body import build_body
from liverpair.synthesis.frame import Frame, Tissue
from liverpair.synthesis.patient import Patient
from liverpair.synthesis.shapes import smooth_step

LIVER, RIGHT_KIDNEY, LEFT_KIDNEY, SPLEEN = 1, 2, 3, 4


@dataclass(frozen=True)
class Anatomy:
    """A patient at rest.

    Attributes:
        frame: the grid.
        tissues: `Tissue` of every voxel, uint8 (z, y, x).
        organs: 1 liver (vessels included), 2 right kidney, 3 left kidney, 4 spleen, 0 anything else, uint8 (z, y, x).
        mobility: 0 where the body stays during breathing to 1 where it moves up and down with the liver, on a coarse
            grid.
        in_plane_mobility: likewise forwards and sideways: the front wall bulges with the organs, the back lies still.
    """

    frame: Frame
    tissues: np.ndarray
    organs: np.ndarray
    mobility: sitk.Image
    in_plane_mobility: sitk.Image


def build_anatomy(patient: Patient, rng: np.random.Generator, frame: Frame | None = None) -> Anatomy:
    """Model a patient.

    Args:
        patient: the measures.
        rng: source of everything the measures leave open.
        frame: grid to model on.
    """
    frame = frame or Frame()
    tissues = np.zeros(frame.shape, dtype=np.uint8)
    organ_labels = np.zeros(frame.shape, dtype=np.uint8)
    body = build_body(frame, patient, tissues, rng)
    liver = organs.liver_mask(frame, patient, body, rng) & (tissues == Tissue.VISCERAL_FAT)
    tissues[liver] = Tissue.LIVER
    vessels.paint_great_vessels(frame, patient, tissues, body, rng)
    organs.paint_gallbladder(frame, patient, tissues, liver, body, rng)
    organs.paint_spleen(frame, patient, tissues, body, rng)
    organs.paint_kidneys(frame, patient, tissues, organ_labels, body, rng)
    liver = tissues == Tissue.LIVER
    vessels.paint_liver_vessels(frame, patient, tissues, liver, body, rng)
    organs.paint_pancreas(frame, patient, tissues, body, rng)
    digestive.paint_stomach(frame, patient, tissues, body, rng)
    digestive.paint_colon(frame, patient, tissues, body, rng)
    digestive.paint_small_bowel(frame, patient, tissues, body, rng)
    vessels.paint_mesentery(frame, patient, tissues, body, rng)
    organ_labels[liver] = LIVER
    organ_labels[tissues == Tissue.SPLEEN] = SPLEEN
    return Anatomy(frame, tissues, organ_labels, *_mobility(frame, body.depth, body.spine_y))


def _mobility(frame: Frame, depth: np.ndarray, spine_y: float) -> tuple[sitk.Image, sitk.Image]:
    """Full inside the abdomen, nothing in the wall and the spine, fading toward pelvis and upper chest."""
    x, y, z = frame.axes()
    from_spine = np.sqrt(x**2 + (y - spine_y) ** 2)
    along_z = (0.6 + 0.4 * smooth_step(z, -290.0, -200.0)) * (1 - 0.7 * smooth_step(z, 20.0, 110.0))
    sliding = along_z * smooth_step(depth, -16.0, -6.0) * smooth_step(from_spine, 26.0, 44.0)
    swelling = np.broadcast_to(along_z * smooth_step(-y, -spine_y, 40.0), frame.shape)
    return _coarse_image(frame, sliding), _coarse_image(frame, swelling)


def _coarse_image(frame: Frame, values: np.ndarray) -> sitk.Image:
    step = (2, 3, 3)
    coarse = ndimage.uniform_filter(values, step)[:: step[0], :: step[1], :: step[2]]
    image = sitk.GetImageFromArray(coarse.astype(np.float32))
    image.SetSpacing([s * k for s, k in zip(frame.spacing, step[::-1], strict=True)])
    image.SetOrigin(frame.origin)
    return image
