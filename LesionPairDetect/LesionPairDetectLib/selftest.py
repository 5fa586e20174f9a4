"""What the module's own test needs where PyTorch or a model is missing: stand-ins for worker and catalogue."""

from pathlib import Path
from types import SimpleNamespace

import SimpleITK as sitk

from liverpair.core.errors import WorkerError
from liverpair.core.geometry import Box, centroid_mm
from liverpair.core.lesions import LesionPair, write_lesions
from liverpair.worker.protocol import ResultEvent
from LiverPairLib import selftest
from LiverPairLib.inputs import SIDES
from LiverPairLib.selftest import brightPart

SIZE_MM = (24.0, 20.0, 28.0)


class MiddleWorker:
    """In place of `SessionWorker`: answers at once, with one lesion in the middle of whatever is bright."""

    busy, idle = False, True

    def run(self, job, request, listener, inBackground=False):
        if job != "detect":
            raise WorkerError(f"This worker cannot do '{job}'.")
        folder = Path(request["output"])
        folder.mkdir()
        livers, boxes = {}, {}
        for side in SIDES:
            mask = brightPart(request[side])
            livers[side] = str(folder / f"{side}_liver.nii.gz")
            sitk.WriteImage(mask, livers[side])
            boxes[side] = Box(tuple(centroid_mm(mask)), SIZE_MM, mask.GetDirection())
        scores = {f"{side}_score": 0.9 for side in SIDES} | {f"{side}_origin": "detected" for side in SIDES}
        path = folder / "lesions.json"
        write_lesions(path, [LesionPair(number=1, **boxes, **scores)])
        result = {"lesions": str(path), "livers": livers, "correspondence": None, "provenance": {"bundle": "stand-in"}}
        listener(ResultEvent(1, {**result, "notes": [], "pairs": 1}))


class OneModelCatalogue(selftest.OneModelCatalogue):
    """In place of `liverpair.bundle.Catalogue`: one model, which only `MiddleWorker` can run."""

    bundle = SimpleNamespace(
        name="stand-in", version="1", task="detection", inputs=["T1", "T2"], folder="stand-in", section=lambda name: {}
    )  # fmt: skip
