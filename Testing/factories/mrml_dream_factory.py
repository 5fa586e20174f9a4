"""Dreams for the tests on real MRML: samples as the worker sends them, frames as it writes them."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from liverpair.core.geometry import like
from liverpair.mrml.dreams.dream_scene import DreamScene

FEATURES = ("shape2D_Sphericity", "glcm_Contrast", "firstorder_Entropy")
RANGES = {
    "count": 12,
    "features": {"shape2D_Sphericity": {"mean": 0.7, "sd": 0.1}, "glcm_Contrast": {"mean": 9, "sd": 3}},
}
ITERATIONS = 6
FRAMES = (0, 2, 5)


def value_of(feature: str, kind: str, start: int, iteration: int) -> float | None:
    """A value that differs in every place; None (undefined) in iteration 0."""
    if iteration == 0:
        return None
    place = FEATURES.index(feature) + 10 * ("dream", "random-weights", "random-direction").index(kind)
    return place + 0.25 * start + 0.125 * iteration


def sample(kind: str, start: int, iteration: int, **changes) -> dict:
    """One sample of the worker."""
    features = {name: value_of(name, kind, start, iteration) for name in FEATURES}
    measures = {"activation": float(iteration), "probability": 0.5, "voxels": 3 * iteration}
    return {"run": kind, "start": start, "iteration": iteration, **measures, "features": features, **changes}


def samples(kinds=("dream",), starts: int = 3, iterations: int = ITERATIONS) -> list[dict]:
    """The samples of several runs in the order in which the worker sends them."""
    return [sample(k, s, i) for k in kinds for s in range(starts) for i in range(iterations)]


def new_dream(name: str = "Dream", ranges=RANGES, volume=None, **recorded) -> DreamScene:
    """A dream in the scene with samples."""
    dream = DreamScene.create(name, {"features": FEATURES, "ranges": ranges}, volume)
    dream.add_samples(samples(**recorded))
    return dream


def assert_same_curves(one: DreamScene, other: DreamScene, digits: int = 5) -> None:
    """Both dreams hold the same samples."""
    assert one.columns == other.columns
    assert one.kinds == other.kinds
    for kind in one.kinds:
        np.testing.assert_allclose(one.curves[kind].values, other.curves[kind].values, rtol=10.0**-digits)
        assert ((one.curves[kind].rows >= 0) == (other.curves[kind].rows >= 0)).all()


def write_frames(folder: Path, image: sitk.Image, iterations=FRAMES) -> list[dict]:
    """Frames of a run as files: the image gets brighter by 10 per iteration in a growing block, which is the mask."""
    return list(_frames(folder, image, iterations))


def _frames(folder: Path, image: sitk.Image, iterations) -> Iterator[dict]:
    array = sitk.GetArrayFromImage(image).astype(np.float32)
    for iteration in iterations:
        mask = np.zeros(array.shape, np.uint8)
        mask[..., 5 : 5 + iteration, 6 : 6 + iteration] = 1
        paths = {what: str(folder / f"{iteration}_{what}.nii.gz") for what in ("image", "mask")}
        sitk.WriteImage(like(array + 10 * iteration * mask, image), paths["image"])
        sitk.WriteImage(like(mask, image), paths["mask"])
        yield {"iteration": iteration, **paths}
