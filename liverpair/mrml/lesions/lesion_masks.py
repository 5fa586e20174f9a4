"""The voxels of a lesion in one image, as a segment holds them and as it held them before. Knows nothing of MRML."""

import zlib
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from liverpair.core.geometry import Box, Grid, on_grid
from liverpair.core.sides import Side


@dataclass(frozen=True)
class Voxels:
    """Where a lesion is on the grid of its volume: the first voxel (x, y, z) of the smallest block that holds it, and
    which voxels (z, y, x) of that block it has; a block without voxels where there is no lesion."""

    first: tuple[int, int, int]
    inside: np.ndarray

    @classmethod
    def of(cls, mask: sitk.Image) -> "Voxels":
        """What is not 0 in a mask."""
        drawn = sitk.GetArrayViewFromImage(mask) != 0
        spans = [np.flatnonzero(drawn.any(axis=tuple(a for a in range(3) if a != axis))) for axis in range(3)]
        if not len(spans[0]):
            return cls((0, 0, 0), np.zeros((0, 0, 0), bool))
        part = tuple(slice(int(own[0]), int(own[-1]) + 1) for own in spans)
        return cls(tuple(side.start for side in part)[::-1], drawn[part].copy())

    @property
    def size(self) -> tuple[int, int, int]:
        """Of the block (x, y, z)."""
        return self.inside.shape[::-1]

    @property
    def checksum(self) -> str:
        """Of the voxels and their place."""
        told = np.array([*self.first, *self.size], np.int32).tobytes() + np.packbits(self.inside).tobytes()
        return f"{zlib.crc32(told):08x}"

    @property
    def part(self) -> tuple[slice, ...]:
        """The block (z, y, x) in the array of the volume."""
        return tuple(slice(a, a + n) for a, n in zip(self.first[::-1], self.inside.shape))

    def on(self, grid: Grid) -> sitk.Image:
        """The mask (uint8, 0 and 1) on the volume's grid."""
        array = np.zeros(grid.shape, np.uint8)
        array[self.part] = self.inside
        return on_grid(array, grid)

    def box(self, grid: Grid) -> Box:
        """The smallest box (LPS, mm) around the voxels of that grid; they must not be none."""
        center = grid.point(np.add(self.first, np.divide(self.size, 2)) - 0.5)
        return Box(tuple(map(float, center)), tuple(map(float, np.multiply(self.size, grid.spacing))), grid.direction)


class MaskVersions:
    """What the masks of a study have been in this session, also while nobody works with the study: the Segment Editor
    is another module.

    A version is the ID of a segment and a checksum of its voxels, as text. `present`: by side, the IDs of the segments
    that there were when somebody looked last.
    """

    def __init__(self):
        self.present: dict[Side, set[str]] = {side: set() for side in Side}
        self._kept: dict[str, Voxels] = {}
        self._seen: dict[tuple[Side, str], tuple[int, Voxels]] = {}

    @classmethod
    def of(cls, folder_id: str) -> "MaskVersions":
        """Those of the study with the folder of this ID: one for all who work on it."""
        return _of_studies.setdefault(folder_id, cls())

    @staticmethod
    def forget() -> None:
        """The scene was closed: IDs will be others' now."""
        _of_studies.clear()

    def keep(self, segment_id: str, voxels: Voxels) -> str:
        """Remember what a segment holds; the version's name."""
        version = f"{segment_id} {voxels.checksum}"
        self._kept[version] = voxels
        return version

    def voxels(self, version: str) -> Voxels | None:
        """The voxels of a version, None for one of another session."""
        return self._kept.get(version)

    def last(self, key: tuple[Side, str], time: int) -> Voxels | None:
        """What was read of the segment (side, ID) at this modification time; None when it was read at no such time."""
        read = self._seen.get(key)
        return read[1] if read is not None and read[0] == time else None

    def read(self, key: tuple[Side, str], time: int, voxels: Voxels) -> None:
        """Remember when what was read of a segment."""
        self._seen[key] = time, voxels

    @staticmethod
    def segment_of(version: str) -> str:
        """The ID of a version's segment."""
        return version.rpartition(" ")[0]


_of_studies: dict[str, MaskVersions] = {}
