"""Where a result may be wrong without anything having failed: the wrong image, no known place, a liver like no other.

Each doubt is a sentence for the user. Nothing is refused: odd anatomy exists, and the user knows what was scanned.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from liverpair.core.geometry import Grid, Vector, centroid_mm, offset_t1_to_t2, resample, to_lps, volume_ml
from liverpair.core.sides import Side
from liverpair.io.image_notes import doubts_on, tags_of
from liverpair.io.tag_doubts import tag_doubts
from liverpair.jobs.requests import LesionsRequest, SegmentRequest
from liverpair.measures.overlap import dice
from liverpair.measures.plausibility import MaskQuality

LIVER_ML = (500.0, 5000.0)
"""Livers of adults, healthy or ill. Those drawn in 16 CHAOS cases have 983 to 3425 ml."""
RIGHT_MM = 15.0
"""The centroid of a liver lies at least so far to the right of the body's; in CHAOS 45 to 117 mm."""
LEAST_CERTAINTY = 0.9
"""Mean probability within the mask. With the shipped model 0.96 and more in ordinary CHAOS volumes, 0.83 in one upside
down, 0.69 in noise, 0.60 in a slab without liver. Said of models without a calibration."""
LEAST_EXPECTED_DICE = 0.85
"""Two people who draw one liver in MRI agree to 0.9 and more; a mask below this does not spare drawing."""
FARTHEST_MM = 200.0
"""Two breath holds and a table that moved between them take livers no farther apart."""
LEAST_ALIGNED_DICE = 0.6
"""Of the livers in T1 and T2 with their centroids on each other; in CHAOS 0.79 to 0.94."""


def input_doubts(images: Mapping[Side, sitk.Image], paths: Mapping[str, str | None]) -> list[str]:
    """What their tags and names say against images being T1 and T2 of one patient and visit."""
    said = [f"{side.title}: {doubt}" for side, image in images.items() for doubt in doubts_on(image)]
    names = {side: Path(paths[side] or "").name for side in images}
    same = len({Path(paths[side] or "").resolve() for side in images}) < len(images)
    return said + tag_doubts(names, {side: tags_of(image) for side, image in images.items()}, same)


def all_input_doubts(wanted: SegmentRequest | LesionsRequest, images: Mapping[Side, sitk.Image]) -> list[str]:
    """`input_doubts`, after those that came with the request."""
    return list(dict.fromkeys([*wanted.doubts, *input_doubts(images, wanted.parts)]))


def liver_doubts(name: str, liver: sitk.Image, body_mm: Vector, quality: MaskQuality | None = None) -> list[str]:
    """What is unlike a liver in a mask of an image. Nothing about an empty mask.

    `name` ("T1") is the image's, `body_mm` the centroid of the body in it (see `body_centroid_mm`), `quality` what the
    model thinks of the mask.
    """
    volume = volume_ml(liver)
    if not volume:
        return []
    said = []
    if not LIVER_ML[0] <= volume <= LIVER_ML[1]:
        said.append(
            f"The liver in {name} has {volume:.0f} ml; livers of adults have {LIVER_ML[0]:.0f} to {LIVER_ML[1]:.0f} ml."
        )
    expected = quality.expected_dice if quality else None
    if expected is not None and expected < LEAST_EXPECTED_DICE:
        said.append(
            f"The liver mask of {name} is likely to need correction: a Dice of about {expected:.2f} is expected. Check "
            "that the image shows a liver and is the right way up."
        )
    elif expected is None and quality and quality.certainty < LEAST_CERTAINTY:
        said.append(
            f"The model is unsure of the liver in {name}: its mean probability is {quality.certainty:.2f}. Check that "
            "the image shows a liver and is the right way up."
        )
    if centroid_mm(liver)[0] > body_mm[0] - RIGHT_MM:
        said.append(
            f"The liver in {name} does not lie on the right side of the body: the image may be turned around, or show "
            "no liver."
        )
    return said


def pair_doubts(t1_liver: sitk.Image, t2_liver: sitk.Image) -> list[str]:
    """What is unlike one liver in two masks of it. Nothing where one is empty."""
    offset = offset_t1_to_t2(t1_liver, t2_liver)
    if offset is None:
        return []
    said = []
    if (away := float(np.linalg.norm(offset))) > FARTHEST_MM:
        said.append(f"The livers of T1 and T2 lie {away:.0f} mm apart, farther than breathing moves them.")
    moved = sitk.Image(t2_liver)
    moved.SetOrigin(np.subtract(moved.GetOrigin(), offset).tolist())
    overlap = dice(t1_liver, resample(moved, Grid.of(t1_liver), "nearest"))
    if overlap < LEAST_ALIGNED_DICE:
        said.append(
            f"The livers of T1 and T2 hardly resemble each other: placed one on top of the other, their Dice is "
            f"{overlap:.2f}."
        )
    return said


def body_centroid_mm(image: sitk.Image) -> Vector:
    """The centroid of what is not air, LPS; of the whole block where nothing stands out."""
    upright = to_lps(image)
    shrunk = sitk.Shrink(upright, [max(1, round(8 / s)) for s in upright.GetSpacing()])
    coarse = sitk.Cast(shrunk, sitk.sitkFloat32)
    middle = Grid.of(upright).point(np.subtract(upright.GetSize(), 1) / 2)
    return centroid_mm(sitk.OtsuThreshold(coarse, 0, 1)) or tuple(middle)
