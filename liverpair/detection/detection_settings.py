"""What a detector's bundle says beyond its network: the section `detection` of its manifest."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from liverpair.core.earlier_names import renamed
from liverpair.core.errors import BundleError

EARLIER = {"score_threshold": "score_floor", "operating_threshold": "display_threshold"}
"""What version 0.1 called some settings, and what they are called since."""


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
    images
        In which images boxes are looked for; those of the other are then moved boxes.
    """

    anchor_sizes: tuple[tuple[float, ...], ...] = ()
    growth: float = 2.0
    alignment: Literal["published", "aligned"] = "aligned"
    margin_mm: float = 12.0
    mask: bool = True
    mask_margin_mm: float = 0.0
    mask_closing_mm: float = 0.0
    normalize_over: Literal["body", "liver", "median"] = "body"
    standardize: bool = False
    nms_iou: float = 0.2
    link_iou: float = 0.2
    link_growth: float = 1.0
    score_floor: float = 0.05
    display_threshold: float = 0.5
    maximum: int = 100
    candidates: int = 2000
    from_masks: bool = False
    smallest_mm: float = 5.0
    images: tuple[int, ...] = (0, 1)

    def __post_init__(self) -> None:
        object.__setattr__(self, "anchor_sizes", tuple(tuple(map(float, size)) for size in self.anchor_sizes))
        object.__setattr__(self, "images", tuple(self.images))
        if bool(self.anchor_sizes) == self.from_masks or any(side <= 0 for size in self.anchor_sizes for side in size):
            raise ValueError("anchor_sizes need at least one box, with sides above 0, but for from_masks")
        if self.alignment not in ("published", "aligned") or self.normalize_over not in ("body", "liver", "median"):
            raise ValueError(f"unknown alignment {self.alignment!r} or normalize_over {self.normalize_over!r}")
        if self.standardize and not self.mask:
            raise ValueError("standardize needs mask")
        if self.link_growth <= 0:
            raise ValueError("link_growth lies above 0")
        if not set(self.images) <= {0, 1} or not self.images:
            raise ValueError(f"images {self.images} are not among 0 and 1")
        if not all(
            0 <= value <= 1 for value in (self.nms_iou, self.link_iou, self.score_floor, self.display_threshold)
        ):
            raise ValueError("nms_iou, link_iou, score_floor and display_threshold lie between 0 and 1")

    @classmethod
    def read(cls, section: Mapping[str, Any], bundle_name: str, **changes: Any) -> "DetectionSettings":
        """The settings in a manifest's section, with `changes`.

        Raises `BundleError` for a field that is unknown or does not fit.
        """
        section = {**renamed(section, EARLIER), **changes}
        unknown = [key for key in section if key not in {f.name for f in fields(cls)}]
        if unknown:
            raise BundleError(
                f"Model '{bundle_name}' has an unknown detection setting '{unknown[0]}'.", "Update LiverPair."
            )
        try:
            return cls(**section)
        except (TypeError, ValueError) as error:
            raise BundleError(f"Model '{bundle_name}' has detection settings that do not fit: {error}.") from error

    def section(self) -> dict[str, Any]:
        """The settings as a manifest holds them."""
        return {**asdict(self), "anchor_sizes": [list(size) for size in self.anchor_sizes], "images": list(self.images)}
