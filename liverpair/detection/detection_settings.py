"""What a detector's bundle says beyond its network: the section `detection` of its manifest."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal

from liverpair.bundle.manifest import DETECTION
from liverpair.core.earlier_names import renamed
from liverpair.core.errors import BundleError
from liverpair.core.records import FILLED, POSITIVE, Misfit, between, check_names, fit_fields

EARLIER = {"score_threshold": "score_floor", "operating_threshold": "display_threshold"}
"""What version 0.1 called some settings, and what they are called since."""
Fraction = Annotated[float, between(0, 1)]


@dataclass(frozen=True)
class DetectionSettings:
    """How images are prepared and boxes are read off the network's answer.

    Parameters
    ----------
    anchor_sizes
        Base anchors, (z, y, x) or (y, x) voxels, at the finest level that has anchors. Empty for `from_masks`.
    growth
        Enlargement of the anchors from level to level.
    alignment
        "published": the images lie where they were scanned. "aligned": the second is first moved so that the centroids
        of the livers coincide.
    margin_mm
        How far the working region reaches beyond the livers.
    mask
        Whether voxels outside the liver are 0 in each image.
    mask_margin_mm
        By how much the liver is widened for that.
    mask_closing_mm
        Radius of a closing of the liver before that: a lesion that a model left out of the liver is let in again.
    normalize_over
        Whose percentiles become 0 and 1: those of the "body" or of the "liver". With "median" the median of the liver
        becomes 1/2, and the voxel of the liver that is farthest from it 0 or 1.
    standardize
        Whether what is shown of each image is brought to one median and spread, so that the dim lesions of T1 count as
        much as the bright ones of T2. It needs `mask`.
    mirrors
        Along which axes of the working grid the network is also shown the pair mirrored; its answers are averaged, over
        all combinations. Each axis doubles its time.
    linked_by
        What leads from a box to its place in the other image: the displacement that the "network" predicts, or the
        "registration" of the livers. A network that draws lesions predicts none.
    nms_iou
        s_NMS, above which a box of lower score is dropped. The source does not give it.
    link_iou
        Overlap above which a moved box is a box of the other image. Published: s_NMS.
    link_growth
        By how much boxes are enlarged for that. Published: 1.
    score_floor
        The lowest score: boxes below are not reported.
    display_threshold
        From which score on a reader is shown a lesion at first.
    maximum
        Boxes per image at most.
    candidates
        Anchors per image, best first, that suppression considers.
    from_masks
        Whether the network draws lesions in one image at a time, and the boxes are those of what it drew.
    smallest_mm
        Diameter of a ball of the volume of the smallest part of such a drawing that counts.
    alone
        What the score of such a lesion is multiplied by where it was drawn in T1 only, and where in T2 only.
    images
        In which images boxes are looked for; those of the other are then moved boxes.

    Raises `Misfit`, a `ValueError`, for a value that cannot be used.
    """

    anchor_sizes: tuple[Annotated[tuple[Annotated[float, POSITIVE], ...], FILLED], ...] = ()
    growth: float = 2.0
    alignment: Literal["published", "aligned"] = "aligned"
    margin_mm: float = 12.0
    mask: bool = True
    mask_margin_mm: float = 0.0
    mask_closing_mm: float = 0.0
    normalize_over: Literal["body", "liver", "median"] = "body"
    standardize: bool = False
    mirrors: tuple[Literal["x", "y", "z"], ...] = ()
    linked_by: Literal["network", "registration"] = "network"
    nms_iou: Fraction = 0.2
    link_iou: Fraction = 0.2
    link_growth: Annotated[float, POSITIVE] = 1.0
    score_floor: Fraction = 0.05
    display_threshold: Fraction = 0.5
    maximum: int = 100
    candidates: int = 2000
    from_masks: bool = False
    smallest_mm: float = 5.0
    alone: tuple[Fraction, Fraction] = (1.0, 1.0)
    images: Annotated[tuple[Literal[0, 1], ...], FILLED] = (0, 1)

    def __post_init__(self) -> None:
        fit_fields(self, DETECTION)
        if bool(self.anchor_sizes) == self.from_masks:
            why = "are for a network that finds boxes, not with 'from_masks'" if self.from_masks else "is empty"
            raise Misfit(f"{DETECTION}.anchor_sizes", why)
        if self.standardize and not self.mask:
            raise Misfit(f"{DETECTION}.standardize", "needs a mask")

    @classmethod
    def read(cls, section: Mapping[str, Any], bundle_name: str, **changes: Any) -> "DetectionSettings":
        """The settings in a manifest's section, with `changes`.

        Raises `BundleError` for a field that is unknown, missing or does not fit.
        """
        section = {**renamed(section, EARLIER), **changes}
        try:
            check_names(cls, section, DETECTION)
            return cls(**section)
        except Misfit as misfit:
            raise BundleError(f"Model '{bundle_name}' is refused: {misfit}.", misfit.hint) from None

    def section(self) -> dict[str, Any]:
        """The settings as a manifest holds them."""
        return {
            **asdict(self),
            "anchor_sizes": [list(size) for size in self.anchor_sizes],
            "images": list(self.images),
            "alone": list(self.alone),
        }
