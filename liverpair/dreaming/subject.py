"""The image that is dreamed on, as its network sees it, and the way back to its intensities and its place in space."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import SimpleITK as sitk

from liverpair.bundle import Bundle
from liverpair.bundle.manifest import SEGMENTATION, SLICE_SEGMENTATION
from liverpair.bundle.strategies import Pass, strategy
from liverpair.core.errors import InputError
from liverpair.core.geometry import Grid, Vector, centroid_mm, check_volume, on_grid
from liverpair.core.sides import Side
from liverpair.detection.detection_settings import DetectionSettings
from liverpair.detection.inference import TASK as DETECTION
from liverpair.detection.preparation import prepare_pair
from liverpair.dreaming.foreign_dream import foreign_subject, limits_of
from liverpair.segmentation.channels import channels_of
from liverpair.segmentation.prediction import grid_policy, normalization
from liverpair.segmentation.preparation import prepare, prepare_labels

Index = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Subject:
    """What a network sees of one patient.

    `space` below is (z, y, x), or (y, x) for the one slice that a two-dimensional network sees.

    Parameters
    ----------
    channels
        (C, *space) float32.
    grid
        Where the voxels of channel `channel` lie: three-dimensional, with one slice when `dimensions` is 2.
    limits
        Per channel: the original intensities of 0 and 1.
    dimensions
        2 or 3.
    side
        The image whose features are measured and whose pictures are shown.
    liver
        (*space) bool, the liver of that image, or None.
    channel
        The channel of that image.
    shown
        (C, *space) bool, the voxels that a network is ever shown; the others are 0 in every image, and no dream
        changes them. None: all.
    output
        The output of the network that masks the image of `side`.
    """

    channels: np.ndarray
    grid: Grid
    limits: tuple[tuple[float, float], ...]
    dimensions: int
    side: Side
    liver: np.ndarray | None = None
    channel: int = 0
    shown: np.ndarray | None = None
    output: int = 0

    def __post_init__(self) -> None:
        if self.channels.ndim != self.dimensions + 1 or self.channels[0].size != np.prod(self.grid.size):
            raise ValueError(f"channels {self.channels.shape} do not lie on a grid of size {self.grid.size}")
        if not np.isfinite(self.channels).all():
            raise InputError(
                f"{self.side.title} has voxels that are not a number (NaN) or infinite.", "Replace them first."
            )

    @property
    def space(self) -> Index:
        """Shape of one channel."""
        return self.channels.shape[1:]

    @property
    def spacing_mm(self) -> tuple[float, ...]:
        """Spacing (x, y, z), or (x, y) in two dimensions."""
        return self.grid.spacing[: self.dimensions]

    @property
    def image(self) -> np.ndarray:
        """(*space) The channel of `side`."""
        return self.channels[self.channel]

    def to_image(self, array: np.ndarray) -> sitk.Image:
        """`array` (*space), in which 0 and 1 are the network's, in the image's own intensities and place: float32, one
        slice when `dimensions` is 2."""
        low, high = self.limits[self.channel]
        return self._on_grid(low + np.asarray(array, np.float64) * (high - low), np.float32)

    def mask_image(self, array: np.ndarray) -> sitk.Image:
        """A mask (*space) in its place: uint8, 0 and 1."""
        return self._on_grid(np.asarray(array) != 0, np.uint8)

    def _on_grid(self, array: np.ndarray, kind: type) -> sitk.Image:
        if array.shape != self.space:
            raise ValueError(f"array {array.shape} does not lie on a subject of shape {self.space}")
        return on_grid(np.ascontiguousarray(array.reshape(self.grid.shape), kind), self.grid)

    def continuous_index(self, point_mm: Vector) -> np.ndarray:
        """Continuous index, (z, y, x) or (y, x), of an LPS point in mm."""
        return self.grid.index(point_mm)[::-1][-self.dimensions :]

    def index_of(self, point_mm: Vector) -> Index:
        """The voxel, (z, y, x) or (y, x), that holds an LPS point in mm.

        Raises `InputError` when the point lies outside of what the network sees, or in another slice.
        """
        point = np.asarray(point_mm, float)
        if point.shape != (3,) or not np.isfinite(point).all():
            raise InputError(f"A point must be three finite coordinates in mm, not {point_mm}.")
        index = np.rint(self.grid.index(point)[::-1])
        if not all(0 <= i < n for i, n in zip(index, self.grid.shape)):
            where = ", ".join(f"{c:.1f}" for c in point_mm)
            raise InputError(
                f"The point ({where}) mm lies outside of what the network sees of {self.side.title}.",
                "Choose a point inside the body.",
            )
        return tuple(int(i) for i in index[-self.dimensions :])

    def point_of(self, index: Sequence[float]) -> Vector:
        """The LPS point in mm of a voxel, (z, y, x) or (y, x); the index may lie between voxels."""
        whole = [0.0] * (3 - self.dimensions) + list(index)
        return tuple(float(c) for c in self.grid.point(whole[::-1]))


@dataclass(frozen=True)
class _Asked:
    """The arguments of `prepare_subject`, once they are checked."""

    bundle: Bundle
    images: Mapping[Side, sitk.Image]
    livers: Mapping[Side, sitk.Image]
    point_mm: Vector | None
    side: Side


def prepare_subject(
    bundle: Bundle,
    images: Mapping[Side, sitk.Image | None],
    livers: Mapping[Side, sitk.Image | None] | None = None,
    point_mm: Vector | None = None,
    side: Side | None = None,
) -> Subject:
    """What the network of `bundle` sees of the images of one patient.

    Parameters
    ----------
    images, livers
        By side; what is None counts as missing. Liver masks (not zero is liver) lie on any grid; they
        are needed by detectors, and where starts are drawn inside the liver.
    point_mm
        LPS; chooses the slice of a two-dimensional network. Without it: the slice with the most liver, or else the
        middle one.
    side
        The image that is looked at, when both could be.

    Raises `InputError` for an image that cannot be used (NaN, no volume), one that is missing, or a point outside.
    """
    images = {side: image for side, image in images.items() if image is not None}
    livers = {side: mask for side, mask in (livers or {}).items() if mask is not None}
    for key, image in images.items():
        check_volume(image, key.title)
    side = _side(bundle, images, side)
    prepare_ = _foreign if bundle.foreign else _PREPARATIONS[bundle.task]
    return prepare_(_Asked(bundle, images, livers, point_mm, side))


def _side(bundle: Bundle, images: Mapping[Side, sitk.Image], side: Side | None) -> Side:
    """The side to look at. Raises `InputError` when it is not given."""
    if bundle.task not in _PREPARATIONS:
        raise InputError(f"Model '{bundle.name}' is for {bundle.task}; it cannot dream.")
    if bundle.task == DETECTION:
        possible = [s for s in Side if s in images]
    else:
        possible = [side for one in _passes(bundle, images) for side in one.outputs]
    wanted = possible[0] if side is None and possible else side
    if wanted not in possible:
        named = f"'{bundle.name}' (for {' and '.join(bundle.inputs)})"
        what = "What is given" if wanted is None else wanted.title
        missing = wanted is not None and wanted not in images
        said = f"{what} is not given." if missing else f"{what} fits no input of model {named}."
        raise InputError(said, "Choose another image or another model.")
    return wanted


def _volume(asked: _Asked) -> Subject:
    policy, scale = grid_policy(asked.bundle), normalization(asked.bundle)
    one = next(one for one in _passes(asked.bundle, asked.images) if asked.side in one.outputs)
    channels, grid = channels_of(one, asked.images, policy, scale)
    limits = tuple(prepare(asked.images[name], policy, scale).limits for name in one.inputs)
    channel, output = one.inputs.index(asked.side), one.outputs.index(asked.side)
    return Subject(channels, grid, limits, 3, asked.side, _liver(asked, grid), channel, output=output)


def _foreign(asked: _Asked) -> Subject:
    """A patch of what a network of others sees, around the liver where that is known."""
    image, liver = asked.images[asked.side], asked.livers.get(asked.side)
    middle = asked.point_mm if asked.point_mm is not None or liver is None else centroid_mm(liver)
    seen, grid = foreign_subject(asked.bundle, image, middle)
    return Subject(seen[None], grid, (limits_of(seen, grid, image),), 3, asked.side, _liver(asked, grid))


def _passes(bundle: Bundle, images: Mapping[Side, sitk.Image]) -> list[Pass]:
    return strategy(bundle.strategy, bundle.name).passes(images.keys(), bundle.inputs)


def _slice(asked: _Asked) -> Subject:
    whole = _volume(asked)
    if asked.point_mm is not None:
        number = whole.index_of(asked.point_mm)[0]
    elif whole.liver is not None and whole.liver.any():
        number = int(whole.liver.sum(axis=(1, 2)).argmax())
    else:
        number = whole.space[0] // 2
    return slice_of(whole, number)


def slice_of(volume: Subject, number: int) -> Subject:
    """The slice `number` of a three-dimensional subject as a two-dimensional one."""
    origin = tuple(float(c) for c in volume.grid.point((0, 0, number)))
    return replace(
        volume,
        channels=volume.channels[:, number],
        grid=replace(volume.grid, size=(*volume.grid.size[:2], 1), origin=origin),
        dimensions=2,
        liver=None if volume.liver is None else volume.liver[number],
        shown=None if volume.shown is None else volume.shown[:, number],
    )


def _pair(asked: _Asked) -> Subject:
    for what, given in (("images", asked.images), ("liver masks", asked.livers)):
        missing = [s.title for s in Side if s not in given]
        if missing:
            hint = "Segment the liver first." if given is asked.livers else "Choose both."
            raise InputError(
                f"Model '{asked.bundle.name}' needs the {what} of T1 and T2; {' and '.join(missing)} is not given.",
                hint,
            )
    bundle, channel = asked.bundle, list(Side).index(asked.side)
    settings = DetectionSettings.read(bundle.section(DETECTION), bundle.name)
    prepared = prepare_pair(
        [asked.images[s] for s in Side],
        [asked.livers[s] for s in Side],
        grid_policy(bundle),
        normalization(bundle),
        settings,
        bundle.grid.multiple_of,
    )
    return Subject(
        prepared.channels,
        prepared.grids[channel],
        prepared.limits,
        3,
        asked.side,
        prepared.livers[channel],
        channel,
        prepared.shown,
    )


def _liver(asked: _Asked, grid: Grid) -> np.ndarray | None:
    mask = asked.livers.get(asked.side)
    return None if mask is None else prepare_labels(mask != 0, grid, [1])[0] >= 0.5


_PREPARATIONS = {SEGMENTATION: _volume, SLICE_SEGMENTATION: _slice, DETECTION: _pair}
