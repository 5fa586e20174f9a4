"""What the module's own test needs where PyTorch, pyradiomics or a model is missing: stand-ins."""

from pathlib import Path
from types import SimpleNamespace

import SimpleITK as sitk

from liverpair.core.errors import WorkerError
from liverpair.dreaming.dream_settings import DreamSettings
from liverpair.worker.protocol import ResultEvent, SampleEvent
from LiverPairLib import selftest

ITERATIONS = 5


class NoInstaller:
    """Everything that a stand-in needs is installed."""

    def ensure(self):
        pass


class BrighterWorker:
    """In place of `SessionWorker`: answers at once, and calls it a dream to make everything brighter."""

    busy, idle = False, True

    def run(self, job, request, listener, inBackground=False):
        if job != "dream":
            raise WorkerError(f"This worker cannot do '{job}'.")
        folder = Path(request["output"])
        folder.mkdir(parents=True)
        image = sitk.Cast(sitk.ReadImage(request.get("t1") or request["t2"]), sitk.sitkFloat32)
        mask = sitk.OtsuThreshold(image, 0, 1)
        frames = []
        for iteration in range(ITERATIONS):
            frame = None
            if iteration in (0, ITERATIONS - 1):
                frame = {what: str(folder / f"{iteration}_{what}.nrrd") for what in ("image", "mask")}
                sitk.WriteImage(image * (1 + 0.1 * iteration), frame["image"])
                sitk.WriteImage(mask, frame["mask"])
                frames.append({"iteration": iteration, **frame})
            features = {name: float(iteration) for name in request["features"]}
            measures = {"activation": iteration - 2.0, "probability": iteration / ITERATIONS, "voxels": 10 * iteration}
            sample = {"run": "dream", "start": 0, "iteration": iteration, **measures, "features": features}
            listener(SampleEvent(1, {**sample, "frame": frame}))
        neuron = {"kind": "point", "position": [0, 0, 0]}
        run = {"run": "dream", "start": 0, "neuron": neuron, "stopped": "All iterations are done."}
        runs = [{**run, "iterations": ITERATIONS - 1, "frames": frames}]
        result = {"folder": str(folder), "runs": runs, "settings": DreamSettings().as_dict(), "ranges": None}
        listener(ResultEvent(1, {**result, "readings": [], "provenance": {"bundle": "stand-in"}, "notes": []}))


class OneModelCatalogue(selftest.OneModelCatalogue):
    """In place of `liverpair.bundle.Catalogue`: one model, which only `BrighterWorker` can run."""

    bundle = SimpleNamespace(
        name="stand-in", version="1", task="segmentation", inputs=["T1 or T2"], folder="stand-in",
        labels=[selftest.LABEL], normal_ranges={},
    )  # fmt: skip
