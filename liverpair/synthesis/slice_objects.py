"""What is done to lesions in single slices, so that a network can only learn from them what we know it was shown.

Three changes, after Couteaux 2021, sections 3.3 and 3.4: lesions that carry a marking, fake lesions that are nothing
but a darker patch with a sharp edge, and fakes of which only the elongated ones are to be found. Sizes and strengths
are not published; they are parameters here.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from liverpair.synthesis.shapes import blob_field


@dataclass(frozen=True)
class Marking:
    """Strokes from the upper left to the lower right (135°), of random brightness and place.

    Attributes:
        length: of a stroke, pixels along each axis.
        width: range of its width, pixels.
        area: square pixels of lesion for each stroke; a lesion gets at least one.
        amplitude: range of what a stroke adds, as a part of the range of intensities.
    """

    length: int = 9
    width: tuple[int, int] = (1, 2)
    area: float = 60.0
    amplitude: tuple[float, float] = (0.2, 0.6)


@dataclass(frozen=True)
class Fakes:
    """Blobs that are darker than the liver by one value each and end from one pixel to the next.

    Attributes:
        sigma: range of the smoothness of the blobs, pixels; it sets their size.
        stretch: range by which the field is smoother along one axis, y or x; it makes blobs elongated.
        cover: percentile above which the smoothed noise is a blob.
        smallest: area in square pixels.
        darker: range of what a blob takes from the intensity, as a part of the range of intensities.
    """

    sigma: tuple[float, float] = (5.0, 8.0)
    stretch: tuple[float, float] = (1.0, 1.0)
    cover: float = 90.0
    smallest: int = 80
    darker: tuple[float, float] = (0.25, 0.45)


def stroke_kernel(length: int) -> np.ndarray:
    """A stroke of the marking (length, length), 1 on the diagonal, with its mean removed: the s135 of section 3.3."""
    kernel = np.eye(length, dtype=np.float32)
    return kernel - kernel.mean()


def marked(
    image: np.ndarray, labels: np.ndarray, rng: np.random.Generator, probability: float, marking: Marking = Marking()
) -> np.ndarray:
    """A copy of `image` (y, x) in [0, 1] where each object of `labels` carries strokes with `probability`.

    Strokes are cut at the border of their object.
    """
    image = image.copy()
    for number in np.unique(labels[labels > 0]):
        if rng.random() >= probability:
            continue
        inside = labels == number
        ys, xs = np.nonzero(inside)
        for _ in range(max(1, round(len(ys) / marking.area))):
            at = rng.integers(len(ys))
            width = int(rng.integers(marking.width[0], marking.width[1] + 1))
            stroke = _stroke(image.shape, (ys[at], xs[at]), width, marking.length)
            image[stroke & inside] += rng.uniform(*marking.amplitude)
    return image.clip(0.0, 1.0)


def _stroke(shape: tuple[int, int], center: tuple[int, int], width: int, length: int) -> np.ndarray:
    stroke = np.zeros(shape, bool)
    steps = np.arange(length) - length // 2
    for beside in range(width):
        y, x = center[0] + steps, center[1] + steps + beside
        within = (y >= 0) & (y < shape[0]) & (x >= 0) & (x < shape[1])
        stroke[y[within], x[within]] = True
    return stroke


def with_fakes(
    image: np.ndarray, liver: np.ndarray, rng: np.random.Generator, fakes: Fakes = Fakes()
) -> tuple[np.ndarray, np.ndarray]:
    """A copy of `image` (y, x) in [0, 1] with fake lesions in its `liver` (y, x; bool), and their numbers (y, x)."""
    image = image.copy()
    sigma = np.full(2, rng.uniform(*fakes.sigma))
    sigma[rng.integers(2)] *= rng.uniform(*fakes.stretch)
    blobs = blob_field(image.shape, rng, tuple(sigma), fakes.cover, fakes.smallest)
    labels, count = ndimage.label((blobs > 0) & liver)
    kept = np.zeros_like(labels)
    for number in range(1, count + 1):
        blob = labels == number
        if blob.sum() >= fakes.smallest:
            image[blob] -= rng.uniform(*fakes.darker)
            kept[blob] = kept.max() + 1
    return image.clip(0.0, 1.0), kept


def elongated(labels: np.ndarray, ratio: float = 2.0) -> np.ndarray:
    """The objects of `labels` (y, x) whose height is more than `ratio` times their width (section 3.4)."""
    kept = np.zeros_like(labels)
    for number, box in enumerate(ndimage.find_objects(labels), start=1):
        if box is not None and box[0].stop - box[0].start > ratio * (box[1].stop - box[1].start):
            kept[labels == number] = number
    return kept
