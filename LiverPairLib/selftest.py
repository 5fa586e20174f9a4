"""What the module's own test needs where PyTorch or a model is missing: stand-ins, and a look at the result."""

from pathlib import Path
from types import SimpleNamespace

import SimpleITK as sitk

from liverpair.core.errors import WorkerError
from liverpair.core.geometry import volume_ml
from liverpair.mrml import segmentations
from liverpair.worker.protocol import ResultEvent

LIVER_CODE = "10200004"
SMALLEST_LIVER_ML = 500
LABEL = {
    "name": "Liver",
    "value": 1,
    "snomed": {"code": LIVER_CODE, "scheme": "SCT", "meaning": "Liver"},
    "color": [221, 130, 101],
}


class BodyWorker:
    """In place of `SessionWorker`: answers at once, and takes whatever is bright for the liver."""

    busy = False

    def run(self, job, request, listener, inBackground=False):
        if job != "segment":
            raise WorkerError(f"This worker cannot do '{job}'.")
        folder = Path(request["output"])
        folder.mkdir()
        result = {"t1": None, "t2": None, "measures": {}, "provenance": {"bundle": "stand-in"}, "notes": []}
        for side in ("t1", "t2"):
            if side in request:
                mask = brightPart(request[side])
                path = str(folder / f"{side}_liver.nii.gz")
                sitk.WriteImage(mask, path)
                result[side] = {"liver": path, "probability": None, "uncertainty": None, "volume_ml": volume_ml(mask)}
        listener(ResultEvent(1, result))


def brightPart(path):
    """Whatever is bright in an image file, as a mask."""
    return sitk.OtsuThreshold(sitk.ReadImage(path), 0, 1)


class OneModelCatalogue:
    """In place of `liverpair.bundle.Catalogue`: one model, which only `BodyWorker` can run."""

    bundle = SimpleNamespace(
        name="stand-in", version="1", task="segmentation", inputs=["T1 or T2"], folder="stand-in", labels=[LABEL],
        postprocessing={}, manifest={},
    )  # fmt: skip

    def list(self):
        return [self.bundle]

    def problems(self):
        return {}

    def find(self, name):
        return self.bundle

    def is_shipped(self, bundle):
        return True


def liverVolumeMl(segmentationNode, volumeNode):
    """Milliliters of the segment "Liver", measured on the volume's grid."""
    return volume_ml(segmentations.liver_mask(segmentationNode, volumeNode))
