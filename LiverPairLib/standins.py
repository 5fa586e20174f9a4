"""What the modules' own tests need where PyTorch or a model is missing: a worker and models that pretend."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import SimpleITK as sitk

from liverpair.core.errors import WorkerError
from liverpair.core.geometry import Box, centroid_mm, volume_ml
from liverpair.core.labels import LIVER
from liverpair.core.lesions import Lesion, LesionBox, write_lesions
from liverpair.core.sides import Side
from liverpair.dreaming.dream_settings import DreamSettings
from liverpair.worker.protocol import Event, ResultEvent, SampleEvent
from LiverPairLib.modellogic import ModelLogic

LESION_MM = (24.0, 20.0, 28.0)
ITERATIONS = 5
ANSWER = {"provenance": {"bundle": "stand-in"}, "notes": []}
"""What every result says."""


def workingLogic(makeLogic: Callable[..., ModelLogic]) -> ModelLogic:
    """A logic with the true worker where all that it needs is there, else with a stand-in."""
    logic = makeLogic()
    logic.refreshModels()
    if not (logic.bundles and logic.installer.isComplete()):
        logic = makeLogic(StandInWorker(), NoInstaller(), StandInCatalogue())
        logic.refreshModels()
    return logic


class NoInstaller:
    """Everything that a stand-in needs is installed."""

    def ensure(self) -> None:
        pass


class StandInCatalogue:
    """In place of `liverpair.bundle.Catalogue`: models that only a `StandInWorker` can run."""

    bundles = [
        SimpleNamespace(
            name=f"stand-in {task}", version="1", task=task, inputs=inputs, folder="stand-in",
            labels=[LIVER], postprocessing=SimpleNamespace(largest_component=True), manifest={}, normal_ranges={},
            section=lambda name: {},
        )
        for task, inputs in (("segmentation", ["T1 or T2"]), ("detection", ["T1", "T2"]))
    ]  # fmt: skip

    def list(self) -> list[SimpleNamespace]:
        return self.bundles

    def problems(self) -> dict[str, str]:
        return {}

    def find(self, name: str) -> SimpleNamespace:
        return next(bundle for bundle in self.bundles if bundle.name == name)

    def is_shipped(self, bundle: SimpleNamespace) -> bool:
        return True

    def is_published(self, bundle: SimpleNamespace) -> bool:
        return False


class StandInWorker:
    """In place of `SessionWorker`: answers at once. It takes whatever is bright for the liver and finds one lesion in
    the middle of it, and calls it a dream to make everything brighter.
    """

    busy, idle = False, True

    def run(
        self, job: str, request: dict[str, Any], listener: Callable[[Event], None], inBackground: bool = False
    ) -> None:
        answer = {"segment": segmented, "detect": detected, "dream": dreamt}.get(job)
        if answer is None:
            raise WorkerError(f"This worker cannot do '{job}'.")
        folder = Path(request["output"])
        folder.mkdir(parents=True)
        result = answer(request, folder, lambda sample: listener(SampleEvent(1, sample)))
        listener(ResultEvent(1, {**ANSWER, **result}))


def brightPart(path: str) -> sitk.Image:
    """Whatever is bright in an image file, as a mask."""
    return sitk.OtsuThreshold(sitk.ReadImage(path), 0, 1)


def segmented(request: dict, folder: Path, say: Callable[[dict], None]) -> dict[str, Any]:
    """The result of the job "segment"."""
    result = dict.fromkeys(Side) | {"measures": {}}
    for side in Side:
        if side in request:
            mask, path = brightPart(request[side]), str(folder / f"{side}_liver.nii.gz")
            sitk.WriteImage(mask, path)
            result[side] = {"liver": path, "probability": None, "uncertainty": None, "volume_ml": volume_ml(mask)}
    return result


def detected(request: dict, folder: Path, say: Callable[[dict], None]) -> dict[str, Any]:
    """The result of the job "detect"."""
    livers = {side: result["liver"] for side, result in segmented(request, folder, say).items() if side in tuple(Side)}
    boxes = {}
    for side, path in livers.items():
        mask = sitk.ReadImage(path)
        box = Box(tuple(centroid_mm(mask)), LESION_MM, mask.GetDirection())
        boxes[side] = LesionBox(box, "detected", 0.9)
    write_lesions(folder / "lesions.json", [Lesion(1, boxes)])
    return {"lesions": str(folder / "lesions.json"), "livers": livers, "correspondence": None, "pairs": 1}


def dreamt(request: dict, folder: Path, say: Callable[[dict], None]) -> dict[str, Any]:
    """The result of the job "dream", once its samples have been said."""
    image = sitk.Cast(sitk.ReadImage(request.get(Side.T1) or request[Side.T2]), sitk.sitkFloat32)
    frames = []
    for iteration in range(ITERATIONS):
        frame = None
        if iteration in (0, ITERATIONS - 1):
            frame = {what: str(folder / f"{iteration}_{what}.nrrd") for what in ("image", "mask")}
            sitk.WriteImage(image * (1 + 0.1 * iteration), frame["image"])
            sitk.WriteImage(sitk.OtsuThreshold(image, 0, 1), frame["mask"])
            frames.append({"iteration": iteration, **frame})
        features = {name: float(iteration) for name in request["features"]}
        measures = {"activation": iteration - 2.0, "probability": iteration / ITERATIONS, "voxels": 10 * iteration}
        say({"run": "dream", "start": 0, "iteration": iteration, **measures, "features": features, "frame": frame})
    neuron = {"kind": "point", "position": [0, 0, 0]}
    run = {"run": "dream", "start": 0, "neuron": neuron, "stopped": "All iterations are done."}
    runs = [{**run, "iterations": ITERATIONS - 1, "frames": frames}]
    settings = DreamSettings().as_dict()
    return {"folder": str(folder), "runs": runs, "settings": settings, "ranges": None, "readings": []}
