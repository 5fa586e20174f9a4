"""Every long job, with a shipped model on volumes of usual size, in the real worker: cancelled in the thick of it, it
answers within two seconds, leaves nothing half written, and the worker takes the next job.
"""

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from dicom_factory import write_volume
from dream_job_factory import short_request, write_dream_bundle, write_patient

from liverpair.core.errors import no_progress
from liverpair.core.geometry import Box
from liverpair.core.lesions import Lesion, LesionBox, write_lesions
from liverpair.core.sides import Side
from liverpair.io.study import write_image
from liverpair.jobs import jobs
from liverpair.synthesis.phantom import phantom_pair
from liverpair.worker.client import CANCEL_TIMEOUT_S, WorkerClient
from liverpair.worker.process import SubprocessTransport
from liverpair.worker.protocol import CancelledEvent, ErrorEvent, ProgressEvent, ResultEvent

DELIVERY_S = 1.0
"""What the answer may take from the worker to here on a busy machine."""
PATIENCE_S = 300.0
FIRST_WORDS = ("Starting", "Loading the model", "Looking at the volumes", "Reading the images", "Measuring the model")
"""Whoever cancels then cancels before the work has begun."""
PARTIAL = ".partial-"


def pair(place: Path, *parts: str) -> dict[str, str]:
    return {part: str(place / "study" / f"{part}.nii.gz") for part in parts}


def images(place: Path) -> dict[str, str]:
    return pair(place, "t1", "t2", "t1_liver", "t2_liver")


def lesions(place: Path) -> dict[str, str]:
    return pair(place, "t1_lesions", "t2_lesions")


def of_dicom(place: Path) -> dict[str, Any]:
    """The files that the volumes come from, and the lesions that were found in them."""
    files = {f"{side}_files": sorted(map(str, (place / "dicom" / side).iterdir())) for side in Side}
    return {**files, "lesions": str(place / "study" / "lesions.json")}


def proposal(place: Path) -> dict[str, Any]:
    box = drawn_boxes(place)[0].box(Side.T1)
    return {"side": "t1", "box": {name: list(getattr(box, name)) for name in ("center_mm", "size_mm", "direction")}}


def dream(place: Path) -> dict[str, Any]:
    start = {"point_mm": list(drawn_boxes(place)[0].box(Side.T1).center_mm)}
    features = ["shape2D_Sphericity", "firstorder_Entropy"]
    return {**pair(place, "t1"), "side": "t1", "model": "lesion-slices-t1", "starts": [start], "features": features}


JOBS: dict[str, Callable[[Path], dict[str, Any]]] = {
    "segment": lambda place: {**pair(place, "t1", "t2"), "model": ["liver-t1t2"]},
    "detect": lambda place: {**pair(place, "t1", "t2"), "model": "lesion-pairs-t1t2"},
    "link": lambda place: {**images(place), **lesions(place)},
    "propose": lambda place: {**images(place), **proposal(place), "model": "lesion-pairs-t1t2"},
    "masks": lambda place: {**images(place), "lesions": str(place / "study" / "lesions.json")},
    "phases": lambda place: {
        **images(place),
        "lesions": str(place / "study" / "lesions.json"),
        "phases": {"portal": str(place / "later" / "t1.nii.gz")},
    },
    "register": lambda place: pair(place, "t1_liver", "t2_liver"),
    "save_dicom": lambda place: {**of_dicom(place), **lesions(place), **pair(place, "t1_liver", "t2_liver")},
    "dream": dream,
    "dream_report": lambda place: {"folder": str(place / "dream")},
    "fine_tune": lambda place: {"model": "liver-t1t2", "studies": str(place), "name": "mine"},
    "features": lambda place: {**pair(place, "t1", "t2"), **lesions(place)},
    "followup": lambda place: {"baseline": str(place / "study"), "visits": [str(place / "later")]},
    "report": lambda place: {"study": str(place / "later"), "earlier": [str(place / "study")]},
}
WITHOUT_OUTPUT = ("propose", "fine_tune")


def drawn_boxes(place: Path) -> list[Lesion]:
    """A lesion for each number in the label maps, boxed in both images."""
    boxes: dict[int, dict[Side, LesionBox]] = {}
    for side in Side:
        labels = sitk.ReadImage(lesions(place)[f"{side}_lesions"])
        found = sitk.LabelShapeStatisticsImageFilter()
        found.Execute(labels)
        for number in found.GetLabels():
            first, size = np.array(found.GetBoundingBox(number), float).reshape(2, 3)
            center = labels.TransformContinuousIndexToPhysicalPoint((first + size / 2 - 0.5).tolist())
            box = Box(center, tuple(size * labels.GetSpacing()), labels.GetDirection())
            boxes.setdefault(number, {})[side] = LesionBox(box, "drawn")
    return [Lesion(number, found, "accepted", uid=f"lesion-{number}") for number, found in boxes.items()]


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A folder with two visits of a phantom and a dream."""
    folder = tmp_path_factory.mktemp("cancelled")
    phantom = phantom_pair(0)
    (folder / "study").mkdir()
    for part in ("t1", "t2", "t1_liver", "t2_liver", "t1_lesions", "t2_lesions"):
        write_image(getattr(phantom, part), folder / "study" / f"{part}.nii.gz")
    write_lesions(folder / "study" / "lesions.json", drawn_boxes(folder))
    shutil.copytree(folder / "study", folder / "later")
    for number, (side, image) in enumerate(zip(Side, (phantom.t1, phantom.t2)), start=1):
        series = {"SeriesInstanceUID": f"1.2.3.{number}", "FrameOfReferenceUID": "1.2.3.9", "ContentDate": "20240501"}
        write_volume(folder / "dicom" / side, image, **series)
    write_dream_bundle(folder / "b2")
    write_patient(folder)
    jobs.JOBS["dream"](short_request(folder, folder / "dream") | {"iterations": 5}, no_progress)
    return folder


@pytest.fixture(scope="module")
def desk():
    """A client over the worker that the modules have, and what it says."""
    said = []
    with SubprocessTransport() as transport:
        client = WorkerClient(transport, said.append)

        def turn(until: Callable[[], bool], patience_s: float = PATIENCE_S) -> float:
            """Turn the client until something is so; the seconds that took."""
            started = time.monotonic()
            while not until() and time.monotonic() - started < patience_s:
                transport.deliver(client, 0.02)
                client.tick()
            assert until(), f"{said[-3:]}\n{client.log_tail}"
            return time.monotonic() - started

        yield client, said, turn


def is_under_way(said: list) -> bool:
    """Whether the last that was said is of the work itself."""
    assert not any(isinstance(event, (ResultEvent, ErrorEvent)) for event in said), said[-1]
    return any(isinstance(event, ProgressEvent) and event.message not in FIRST_WORDS for event in said)


def test_every_job_is_cancelled_here():
    assert sorted(JOBS) == sorted(jobs.NAMES)


@pytest.mark.parametrize("name", JOBS)
def test_a_job_answers_a_cancel_within_two_seconds_and_leaves_nothing_half_written(name, place, desk, tmp_path):
    client, said, turn = desk
    said.clear()
    output = {} if name in WITHOUT_OUTPUT else {"output": str(tmp_path / "out")}
    client.run(name, {**JOBS[name](place), **output})
    turn(lambda: is_under_way(said))
    client.cancel()
    seconds = turn(lambda: not client.busy)
    assert isinstance(said[-1], CancelledEvent)
    assert seconds < CANCEL_TIMEOUT_S + DELIVERY_S, f"{name} took {seconds:.1f} s to stop"
    left = [path.name for path in tmp_path.rglob("*")]
    assert not [each for each in left if each.startswith(PARTIAL)], left
    if name != "dream":  # which keeps what was dreamt
        assert left in ([], ["out"]), left
