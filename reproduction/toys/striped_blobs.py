"""Two-dimensional images whose two channels are not aligned, for the published experiment on such channels.

After Couteaux 2021, section 2.2.1. One channel shows where blobs are, blurred; the other shows the same blobs
elsewhere, sharp and filled with stripes, whose direction says which of them are wanted. What the thesis leaves open
(shape of the blobs, blur, period of the stripes) are parameters here, but for one thing: many a blob must lie nearer to
a striped one of the other kind than to its own counterpart, else a network need not compare shapes (`nearest_right`).
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from liverpair.synthesis.shapes import blob_field

POSITION, STRIPES = range(2)
"""The channels."""


@dataclass(frozen=True)
class StripedBlobsSettings:
    """How images are drawn; lengths in pixels.

    Attributes:
        size: side of the square images.
        blob_sigma: smoothness of the blobs.
        percentile: percentile of the smoothed noise above which there is blob.
        smallest: area in square pixels below which there is no blob.
        blur: standard deviation of the Gaussian over the position channel.
        period: of the stripes.
        wanted_probability: that the stripes of a blob run at +45 degrees, which makes it wanted, and not at -45.
        shift: range of the length of the translation between the channels; its direction is uniform.
    """

    size: int = 256
    blob_sigma: float = 3.0
    percentile: float = 65.0
    smallest: int = 20
    blur: float = 2.0
    period: float = 5.0
    wanted_probability: float = 0.5
    shift: tuple[float, float] = (10.0, 30.0)

    def __post_init__(self):
        low, high = self.shift
        if not 0 <= low <= high:
            raise ValueError(f"the shift ranges from {low:g} to {high:g} pixels: it must rise from 0 or more")
        if not 0 <= self.wanted_probability <= 1:
            raise ValueError(f"wanted_probability is {self.wanted_probability:g}, which is not a probability")
        if min(self.size, self.period, self.blob_sigma) <= 0 or self.blur < 0:
            raise ValueError("size, period and blob_sigma must be above 0 pixels, and blur at least 0")


@dataclass(frozen=True)
class StripedBlobs:
    """An image and the truth about it; blob k has the number k + 1 in the labels.

    Attributes:
        images: float32 (2, y, x) from 0 to 1: the blurred position channel, then the striped one.
        labels: int32 (2, y, x): 0 background, k + 1 where each channel shows blob k.
        wanted: bool (blobs,): whether the stripes run at +45 degrees.
        shown: int (2, blobs): how many pixels of each blob either channel shows.
        target: bool (y, x): the wanted blobs where the position channel has them.
        decidable: bool (y, x): False on blobs of the position channel that the striped one shows too little of to tell.
        shift: where the striped channel has what the position channel has at 0, (y, x).
    """

    images: np.ndarray
    labels: np.ndarray
    wanted: np.ndarray
    shown: np.ndarray
    target: np.ndarray
    decidable: np.ndarray
    shift: tuple[int, int]


@dataclass(frozen=True)
class StripedScene:
    """Blobs that reach beyond the image by a margin, so that what a translation brings in is blobs as well.

    Attributes:
        settings: what it was drawn with.
        margin: the largest shift along an axis.
        labels: int32 (y, x), size + 2 margin along each axis.
        channels: float32 (2, y, x): the channels before they are translated.
        wanted: bool (blobs,).
    """

    settings: StripedBlobsSettings
    margin: int
    labels: np.ndarray
    channels: np.ndarray
    wanted: np.ndarray

    def seen(self, shift: tuple[int, int]) -> StripedBlobs:
        """The image with its striped channel moved by (y, x) whole pixels. Raises `ValueError` beyond the margin."""
        if max(map(abs, shift)) > self.margin:
            raise ValueError(f"the scene reaches {self.margin} pixels beyond the image, not {max(map(abs, shift))}")
        windows = (self._window((0, 0)), self._window(shift))
        labels = np.stack([self.labels[window] for window in windows])
        numbers = len(self.wanted) + 1
        shown = np.stack([np.bincount(own.ravel(), minlength=numbers)[1:] for own in labels])
        told = np.concatenate([[True], shown[STRIPES] >= self.settings.smallest])
        return StripedBlobs(
            images=np.stack([channel[window] for channel, window in zip(self.channels, windows)]),
            labels=labels,
            wanted=self.wanted,
            shown=shown,
            target=np.concatenate([[False], self.wanted])[labels[POSITION]],
            decidable=told[labels[POSITION]],
            shift=shift,
        )

    def _window(self, shift: tuple[int, int]) -> tuple[slice, slice]:
        starts = [self.margin - s for s in shift]
        return tuple(slice(start, start + self.settings.size) for start in starts)


def striped_blobs(rng: np.random.Generator, settings: StripedBlobsSettings = StripedBlobsSettings()) -> StripedBlobs:
    """Draw an image with a random translation between its channels, in whole pixels."""
    scene = striped_scene(rng, settings, math.ceil(settings.shift[1]))
    length, angle = rng.uniform(*settings.shift), rng.uniform(0, 2 * np.pi)
    return scene.seen((round(length * math.sin(angle)), round(length * math.cos(angle))))


def striped_scene(rng: np.random.Generator, settings: StripedBlobsSettings, margin: int) -> StripedScene:
    """Draw blobs and their stripes for shifts of up to `margin` pixels along each axis."""
    shape = (settings.size + 2 * margin,) * 2
    labels = blob_field(shape, rng, settings.blob_sigma, settings.percentile, settings.smallest)
    wanted = rng.random(labels.max()) < settings.wanted_probability
    position = ndimage.gaussian_filter((labels > 0).astype(np.float32), settings.blur)
    channels = np.stack([position, _striped(labels, wanted, settings.period, rng)])
    return StripedScene(settings, margin, labels, channels, wanted)


def kind_of_nearest(image: StripedBlobs, numbers: np.ndarray, striped: np.ndarray) -> np.ndarray:
    """Whether of the `striped` blobs the one whose center lies nearest to that of each blob in `numbers` is wanted;
    with none, what each of them is itself."""
    if not len(numbers) or not len(striped):
        return image.wanted[numbers]
    here, there = (
        np.array(ndimage.center_of_mass(labels > 0, labels, own + 1))
        for labels, own in zip(image.labels, (numbers, striped))
    )
    nearest = striped[np.linalg.norm(here[:, None] - there[None], axis=-1).argmin(axis=1)]
    return image.wanted[nearest]


def nearest_right(settings: StripedBlobsSettings, blobs: int = 1000, seed: int = 0) -> float:
    """For which part of the blobs that both channels show the nearest striped blob is of the right kind: 0.5 is chance.

    Measured on at least so many blobs, of images that neither training nor test draws.
    """
    rng = np.random.default_rng((seed, settings.size))
    right: list[np.ndarray] = []
    while sum(map(len, right)) < blobs:
        image = striped_blobs(rng, settings)
        position, striped = (np.flatnonzero(shown >= settings.smallest) for shown in image.shown)
        both = np.intersect1d(position, striped)
        right.append(kind_of_nearest(image, both, striped) == image.wanted[both])
    return float(np.concatenate(right).mean())


def _striped(labels: np.ndarray, wanted: np.ndarray, period: float, rng: np.random.Generator) -> np.ndarray:
    """Sinusoidal stripes from 0 to 1 in every blob, of random phase; 0 outside. With y upward, those of wanted blobs
    run at +45 degrees, the others at -45."""
    y, x = (np.arange(n, dtype=np.float32) for n in labels.shape)
    side = np.concatenate([[0], np.where(wanted, 1, -1)]).astype(np.float32)[labels]
    phase = rng.uniform(0, 2 * np.pi, len(wanted) + 1).astype(np.float32)[labels]
    across = (side * y[:, None] + x[None, :]) / np.float32(math.sqrt(2))
    waves = (1 + np.sin(np.float32(2 * np.pi / period) * across + phase)) / 2
    return np.where(labels > 0, waves, np.float32(0))
