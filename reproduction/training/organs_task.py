"""Lightning module that trains any network of the comparison of dimensions on several organs."""

from liverpair.training.segmentation import SegmentationTask
from reproduction.memory_limit.volume_networks import build_any


class OrgansTask(SegmentationTask):
    """As `SegmentationTask`, for the networks of `reproduction.memory_limit.volume_networks` too."""

    built = staticmethod(build_any)
