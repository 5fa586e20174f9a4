"""Two-dimensional pairs for the published detection experiment: the same blobs, coded by angle and by frequency.

After Couteaux 2021, section 4.3. A blob is an object when its stripes are turned (image 1) or wide (image 2). What the
thesis leaves open (shape of the blobs, strength of the deformation, periods of the stripes) are parameters here.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from liverpair.synthesis.shapes import blob_field, smooth_noise


@dataclass(frozen=True)
class CodedPairSettings:
    """How pairs are drawn; lengths in pixels.

    Attributes:
        size: side of the square images.
        blob_sigma: smoothness of the blobs.
        percentile: percentile of the smoothed noise above which there is blob.
        smallest: area in square pixels that every object has in both images, at least.
        deformation: standard deviation of the elastic displacement along each axis.
        deformation_sigma: its smoothness; well above the deformation, so that nothing folds.
        shift: largest translation along each axis, common to the whole image.
        code_period: range of the common period of all stripes in image 1.
        object_period: range of the period of the objects in image 2.
        background_period: range of the period of the background in image 2.
        noise: standard deviation of the noise; stripes go from -1 to 1.
    """

    size: int = 256
    blob_sigma: float = 8.0
    percentile: float = 75.0
    smallest: int = 100
    deformation: float = 6.0
    deformation_sigma: float = 24.0
    shift: float = 12.0
    code_period: tuple[float, float] = (6.0, 16.0)
    object_period: tuple[float, float] = (12.0, 24.0)
    background_period: tuple[float, float] = (4.0, 12.0)
    noise: float = 0.0


@dataclass(frozen=True)
class CodedPair:
    """A pair and the truth about it; row k of the boxes of both images is the same object.

    Attributes:
        images: float32 (2, y, x): the angle code, then the frequency code.
        labels: int32 (2, y, x): 0 background, k + 1 where object k lies.
        boxes: float32 (2, objects, 4): y and x of the upper left corner, y and x of the lower right one, pixel edges.
        displacements: float32 (objects, 2): center in image 2 minus center in image 1, (y, x).
    """

    images: np.ndarray
    labels: np.ndarray
    boxes: np.ndarray
    displacements: np.ndarray


def coded_pair(rng: np.random.Generator, settings: CodedPairSettings = CodedPairSettings()) -> CodedPair:
    """Draw a pair. A blob that the deformation tears apart or leaves too small is no object in either image."""
    shape = (settings.size, settings.size)
    first = blob_field(shape, rng, settings.blob_sigma, settings.percentile, settings.smallest)
    second = _deformed(first, rng, settings)
    first, second, boxes = _partners(first, second, settings.smallest)
    images = np.stack([_angle_code(first, rng, settings), _frequency_code(second, rng, settings)])
    if settings.noise:
        images += settings.noise * rng.standard_normal(images.shape, dtype=np.float32)
    centers = (boxes[..., :2] + boxes[..., 2:]) / 2
    return CodedPair(images, np.stack([first, second]), boxes, centers[1] - centers[0])


def _deformed(labels: np.ndarray, rng: np.random.Generator, settings: CodedPairSettings) -> np.ndarray:
    """Labels seen through a smooth displacement; each pixel takes the label of the nearest one."""
    axes = np.meshgrid(*(np.arange(n, dtype=np.float32) for n in labels.shape), indexing="ij", sparse=True)
    source = []
    for axis in axes:
        elastic = settings.deformation * smooth_noise(labels.shape, settings.deformation_sigma, rng)
        source.append(np.rint(axis + elastic + rng.uniform(-settings.shift, settings.shift)).astype(int))
    inside = np.logical_and.reduce([(s >= 0) & (s < n) for s, n in zip(source, labels.shape, strict=True)])
    clipped = tuple(np.clip(s, 0, n - 1) for s, n in zip(source, labels.shape, strict=True))
    return np.where(inside, labels[clipped], 0)


def _partners(first: np.ndarray, second: np.ndarray, smallest: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Both label images with common numbers 1..n and only the objects that are large and whole in both; the boxes."""
    count = int(first.max())
    whole = np.ones(count + 1, dtype=bool)
    whole[0] = False
    for labels in (first, second):
        whole &= np.bincount(labels.ravel(), minlength=count + 1) >= smallest
    windows = [ndimage.find_objects(labels, max_label=count) for labels in (first, second)]
    for number in np.flatnonzero(whole):
        patch = second[windows[1][number - 1]] == number
        whole[number] = ndimage.label(patch, structure=np.ones((3, 3)))[1] == 1
    kept = np.flatnonzero(whole)
    renumbered = np.zeros(count + 1, dtype=np.int32)
    renumbered[kept] = np.arange(1, len(kept) + 1)
    boxes = np.zeros((2, len(kept), 4), dtype=np.float32)
    for side in (0, 1):
        for row, number in enumerate(kept):
            y, x = windows[side][number - 1]
            boxes[side, row] = (y.start, x.start, y.stop, x.stop)
    return renumbered[first], renumbered[second], boxes


def _angle_code(labels: np.ndarray, rng: np.random.Generator, settings: CodedPairSettings) -> np.ndarray:
    """One period for all; stripes of objects between 0 and 90 degrees, of the background between -90 and 0."""
    period = rng.uniform(*settings.code_period)
    image = stripes(labels.shape, rng.uniform(-np.pi / 2, 0), period, rng)
    return _filled(image, labels, lambda: (rng.uniform(0, np.pi / 2), period), rng)


def _frequency_code(labels: np.ndarray, rng: np.random.Generator, settings: CodedPairSettings) -> np.ndarray:
    """Any angle; the period of objects is above 12 pixels by default, that of the background below."""
    image = stripes(labels.shape, rng.uniform(0, np.pi), rng.uniform(*settings.background_period), rng)
    return _filled(image, labels, lambda: (rng.uniform(0, np.pi), rng.uniform(*settings.object_period)), rng)


def _filled(
    image: np.ndarray, labels: np.ndarray, draw: Callable[[], tuple[float, float]], rng: np.random.Generator
) -> np.ndarray:
    """`image` with every object filled with stripes of its own angle and period, as `draw` gives them."""
    for number, window in enumerate(ndimage.find_objects(labels), start=1):
        patch = image[window]
        np.copyto(patch, stripes(patch.shape, *draw(), rng), where=labels[window] == number)
    return image


def stripes(shape: tuple[int, int], angle: float, period: float, rng: np.random.Generator) -> np.ndarray:
    """Sinusoidal stripes from -1 to 1 at an angle (radians, from the x axis toward y), of random phase."""
    y, x = (np.arange(n, dtype=np.float32) for n in shape)
    across = np.float32(np.cos(angle)) * y[:, None] - np.float32(np.sin(angle)) * x[None, :]
    return np.sin(np.float32(2 * np.pi / period) * across + np.float32(rng.uniform(0, 2 * np.pi)))
