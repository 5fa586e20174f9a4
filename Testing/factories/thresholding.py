"""A segmentation whose answer is known, in place of a network, for the tests of what lies around it."""

from dataclasses import dataclass
from types import ModuleType, SimpleNamespace

import numpy as np
import SimpleITK as sitk

from liverpair.core import sides
from liverpair.jobs import segment_job
from liverpair.jobs.requests import SegmentRequest
from liverpair.measures.plausibility import MaskQuality

PROVENANCE = {
    "bundle": "m",
    "version": "1",
    "sha256": "0" * 64,
    "engine": "e",
    "device": "cpu",
    "precision": "p",
    "seconds": 0.5,
    "software": "s",
    "date": "d",
}


@dataclass
class Side:
    liver: sitk.Image
    probability: sitk.Image | None
    uncertainty: sitk.Image | None
    parts: tuple[float, ...] = (100.0,)
    quality: MaskQuality | None = None


def threshold_segment(t1, t2, bundles, options, progress):
    """Stands in for the network: the "liver" is what is brighter than 50."""
    progress(0.5, "Thresholding")

    def side(image):
        if image is None:
            return None
        mask = sitk.Cast(image > 50, sitk.sitkUInt8)
        as_map = sitk.Cast(mask, sitk.sitkFloat32)
        maps = (as_map if wanted else None for wanted in (options.probability, options.uncertainty))
        return Side(mask, *maps, segment_job.inference.parts)

    return SimpleNamespace(t1=side(t1), t2=side(t2), provenance=dict(PROVENANCE), notes=["A note."])


def named_bundle(name):
    """A model of which nothing is used but what names it."""
    return SimpleNamespace(name=name, sha256=f"checksum of {name}", task="segmentation")


def install(monkeypatch):
    """Replace the module that the job uses and return the new one; what it is asked is kept in `.asked`."""
    module = ModuleType("liverpair.segmentation.inference")
    module.asked, module.parts = [], (100.0,)

    def segment(t1, t2, bundles, options, progress, keep):
        names = [bundle.name for bundle in bundles]
        module.asked.append(SimpleNamespace(t1=t1, t2=t2, bundles=names, options=options.options()))
        found = module.answer(t1, t2, bundles, options, progress)
        for side in ("t1", "t2"):
            for what in ("probability", "uncertainty"):
                if (image := getattr(getattr(found, side), what, None)) is not None:
                    keep(sides.Side(side), what, image)
        return found

    module.segment, module.answer = segment, threshold_segment
    monkeypatch.setattr(segment_job, "inference", module)
    monkeypatch.setattr(SegmentRequest, "models", lambda wanted: [named_bundle(name) for name in wanted.model])
    return module


def volume(path, first, shape=(4, 6, 8), spacing=(2.0, 2.0, 5.0), origin=(0.0, 0.0, 0.0), bright=8):
    """A volume (z, y, x) of noise with `bright` bright voxels along x from index (first, 2, 1) on."""
    array = np.random.default_rng(0).uniform(0, 10, shape).astype(np.float32)
    array[1, 2, first : first + bright] = 100
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    path.parent.mkdir(parents=True, exist_ok=True)
    sitk.WriteImage(image, str(path))
    return str(path)
