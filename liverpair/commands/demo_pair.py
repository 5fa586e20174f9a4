"""The volumes that the demo looks at: yours, or those of a phantom patient with the truth about them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from liverpair.core.sides import Side

if TYPE_CHECKING:
    import SimpleITK as sitk


@dataclass(frozen=True)
class DemoPair:
    """The volumes by side and, for the phantom, the truth on their grids: liver masks, and the number of
    the lesion in each voxel."""

    images: "Mapping[str, sitk.Image]"
    livers: "Mapping[str, sitk.Image]" = field(default_factory=dict)
    lesions: "Mapping[str, sitk.Image]" = field(default_factory=dict)
    later: "Callable[[], DemoPair] | None" = None
    """Makes the same patient half a year later."""


def phantom_visit(later: bool = False) -> DemoPair:
    """The phantom of seed 0; `later`: half a year later."""
    from liverpair.synthesis.phantom import phantom_pair

    phantom = phantom_pair(0, later=later)
    return DemoPair(
        dict(zip(Side, (phantom.t1, phantom.t2))),
        dict(zip(Side, (phantom.t1_liver, phantom.t2_liver))),
        dict(zip(Side, (phantom.t1_lesions, phantom.t2_lesions))),
    )
