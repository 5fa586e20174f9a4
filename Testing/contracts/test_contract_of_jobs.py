"""What holds for every job: what its request may be, that it tells how far it is, and that it leaves all or nothing."""

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any

import pytest
import thresholding
from bundle_factory import write_bundle
from dicom_factory import write_volume
from dream_job_factory import short_request, write_dream_bundle, write_patient
from peak_detector import write_peak_bundle
from peak_study import LESION_MM, PEAKS, T1_GRID, write_volumes

from liverpair.bundle import Catalogue
from liverpair.core.errors import BundleError, Cancelled, InputError, no_progress
from liverpair.core.geometry import Box
from liverpair.core.lesions import Lesion, LesionBox, write_lesions
from liverpair.core.paths import user_cache_folder
from liverpair.core.sides import Side
from liverpair.io.study import read_image, write_image
from liverpair.jobs import jobs, propose_job
from liverpair.jobs.dream_request import DreamRequest
from liverpair.jobs.fine_tune_request import FineTuneRequest
from liverpair.jobs.masks_request import MasksRequest
from liverpair.jobs.phases_request import PhasesRequest
from liverpair.jobs.requests import (
    DetectRequest,
    DreamReportRequest,
    JobRequest,
    LinkRequest,
    ProposeRequest,
    RegisterRequest,
    SegmentRequest,
    box_of,
    find_bundles,
)
from liverpair.jobs.save_dicom_request import SaveDicomRequest
from liverpair.jobs.visit_requests import FeaturesRequest, FollowupRequest, ReportRequest


@dataclass(frozen=True)
class Job:
    """A job as the contract sees it: `request(place)` makes a sound request in a folder with inputs and models."""

    request_type: type[JobRequest]
    request: Callable[[Path], dict[str, Any]]


def pair(place: Path, *parts: str) -> dict[str, str]:
    return {part: str(place / "study" / f"{part}.nii.gz") for part in parts or ("t1", "t2", "t1_liver", "t2_liver")}


def detection(place: Path) -> dict[str, Any]:
    return {**pair(place), "model": str(place / "peaks"), "device": "cpu"}


def linking(place: Path) -> dict[str, Any]:
    lesions = {f"{side}_lesions": str(place / f"{side}_lesions.nii.gz") for side in ("t1", "t2")}
    return {**pair(place), **lesions, "correspondence": False}


def of_dream(place: Path) -> dict[str, Any]:
    request = short_request(place, place / "out") | {"iterations": 2}
    return {name: value for name, value in request.items() if name != "output"}


def to_dicom(place: Path) -> dict[str, Any]:
    pytest.importorskip("highdicom", reason="highdicom is not installed")
    files = {f"{side}_files": sorted(map(str, (place / "dicom" / side).iterdir())) for side in Side}
    return {**files, **pair(place, "t1_liver", "t2_liver"), "lesions": str(place / "lesions.json")}


def boxes_of(place: Path) -> dict[str, str]:
    return {"lesions": str(place / "lesions.json")}


def of_phases(place: Path) -> dict[str, Any]:
    study = pair(place)
    series = {"phases": {"portal": study["t1"]}, "phase_livers": {"portal": study["t1_liver"]}}
    return {**study, **boxes_of(place), **series, "device": "cpu"}


BOX = {"center_mm": list(PEAKS[0]), "size_mm": list(LESION_MM), "direction": list(T1_GRID.direction)}


def shape_of_liver(place: Path) -> dict[str, Any]:
    """The liver in place of a lesion: one with a shape."""
    settings = {"featureClass": {"shape": ["VoxelVolume"]}}
    return {"t1_lesions": str(place / "study" / "t1_liver.nii.gz"), "settings": settings}


def further_training(place: Path) -> dict[str, Any]:
    """Of the one small network, into a model that is not there yet, nor half trained."""
    shutil.rmtree(Catalogue().user_root / "further", ignore_errors=True)
    shutil.rmtree(user_cache_folder() / "fine-tuning", ignore_errors=True)
    return {"model": str(place / "small"), "studies": str(place / "drawn"), "name": "further", "steps": 1}


JOBS = {
    "segment": Job(SegmentRequest, lambda place: {**pair(place, "t1", "t2"), "model": ["m"]}),
    "detect": Job(DetectRequest, lambda place: {**detection(place), "correspondence": False}),
    "link": Job(LinkRequest, linking),
    "propose": Job(ProposeRequest, lambda place: {**detection(place), "side": "t1", "box": BOX}),
    "masks": Job(MasksRequest, lambda place: {**pair(place), **boxes_of(place), "model": "none", "device": "cpu"}),
    "phases": Job(PhasesRequest, of_phases),
    "register": Job(RegisterRequest, lambda place: pair(place, "t1_liver", "t2_liver")),
    "save_dicom": Job(SaveDicomRequest, to_dicom),
    "fine_tune": Job(FineTuneRequest, further_training),
    "dream": Job(DreamRequest, of_dream),
    "features": Job(FeaturesRequest, lambda place: {**pair(place, "t1"), **shape_of_liver(place)}),
    "followup": Job(FollowupRequest, lambda place: {"baseline": str(place / "march"), "visits": [str(place / "may")]}),
    "report": Job(ReportRequest, lambda place: {"study": str(place / "march")}),
    "dream_report": Job(DreamReportRequest, lambda place: {"folder": str(place / "dream")}),
}
WRITING, INFERRING = (
    [name for name, job in JOBS.items() if field in {one.name for one in fields(job.request_type)}]
    for field in ("output", "model")
)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a study of two volumes and two livers, the models, and a dream."""
    folder = tmp_path_factory.mktemp("Läsion 肝")
    write_peak_bundle(folder / "peaks")
    write_bundle(folder / "small", postprocessing={"threshold": 0.5, "largest_component": True, "fill_holes": True})
    for study in ("a", "b"):
        write_volumes(folder / "drawn" / study)
    for part, path in write_volumes(folder / "study").items():
        if part in ("t1", "t2"):
            write_image(read_image(path) > 60, folder / f"{part}_lesions.nii.gz")
    for visit in ("march", "may"):
        write_volumes(folder / visit)
        box = LesionBox(Box(PEAKS[0], LESION_MM, T1_GRID.direction), "drawn")
        write_lesions(folder / visit / "lesions.json", [Lesion(1, {Side.T1: box}, uid=visit)])
    for side in Side:
        image, tags = read_image(folder / "study" / f"{side}.nii.gz"), {"SeriesInstanceUID": f"1.2.3.{side[1]}"}
        write_volume(folder / "dicom" / side, image, FrameOfReferenceUID="1.2.3.9", ContentDate="20240501", **tags)
    boxes = {Side.T1: LesionBox(box_of(BOX, Side.T1), "drawn")}
    write_lesions(folder / "lesions.json", [Lesion(1, boxes)])
    write_dream_bundle(folder / "b2")
    write_patient(folder)
    jobs.JOBS["dream"]({**of_dream(folder), "output": str(folder / "dream")}, no_progress)
    return folder


@pytest.fixture
def request_for(place, tmp_path, monkeypatch):
    """A sound request of a job with changes; the livers of "segment" are what is bright."""
    thresholding.install(monkeypatch)
    monkeypatch.setattr(propose_job._last, "about", None)

    def make(name: str, **changes: Any) -> dict[str, Any]:
        output = {"output": str(tmp_path / "new" / "out")} if name in WRITING else {}
        return {**JOBS[name].request(place), **output, **changes}

    return make


def part_of_study(name: str) -> set[str]:
    """The field of a job's request that names what it reads first."""
    return {"t1", "studies"} & {one.name for one in fields(JOBS[name].request_type)}


def run(name: str, request: dict[str, Any], progress=no_progress) -> dict[str, Any]:
    return jobs.JOBS[name](request, progress)


def refuse(*_: object) -> None:
    raise PermissionError(13, "Permission denied", "somewhere inside")


def contents(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_every_job_is_here():
    assert tuple(sorted(JOBS)) == tuple(sorted(jobs.NAMES))


@pytest.mark.parametrize("name", JOBS)
def test_a_request_comes_back_from_json_as_it_was(request_for, name):
    kind, request = JOBS[name].request_type, request_for(name)
    parsed = kind.parse(json.loads(json.dumps(request)))
    assert parsed == kind.parse(request)
    whole = json.loads(json.dumps({one.name: getattr(parsed, one.name) for one in fields(kind)}))
    assert kind.parse(whole) == parsed and whole | request == whole


@pytest.mark.parametrize("name", JOBS)
def test_a_request_that_cannot_be_is_refused_in_one_sentence_before_anything_is_done(request_for, tmp_path, name):
    kind, request = JOBS[name].request_type, request_for(name)
    needed = [one.name for one in fields(kind) if one.default is one.default_factory is MISSING]
    wrong = [({**request, "color": "red"}, f"Option 'color' of {kind.what} is unknown.")]
    wrong += [({**request, one: [[]]}, f"Option '{one}' of {kind.what} must be ") for one in needed]
    for one in set(needed) - {"t1", "t2"}:
        wrong.append(({k: v for k, v in request.items() if k != one}, f"Option '{one}' of {kind.what} is missing."))
    if name in WRITING:
        wrong += [({**request, "output": ""}, "No folder is given for the results.")]
        wrong += [({**request, "output": "a\0b"}, "cannot be the name of a folder.")]
        wrong += [({**request, "output": str(tmp_path / "\ud800")}, "a name that is not valid UTF-8.")]
    for changed, sentence in wrong:
        with pytest.raises(InputError) as refused:
            run(name, changed, lambda *_: pytest.fail("It began."))
        assert sentence in str(refused.value) and "\n" not in str(refused.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", JOBS)
def test_a_file_that_is_not_there_is_named(request_for, tmp_path, name):
    files = {"t1", "t1_liver", "t2_liver", "folder", "baseline", "study", "studies"} & set(request_for(name))
    for part in files:
        with pytest.raises(InputError, match="/no/such/file.nii.gz' (does not exist|holds no dream|is not a folder)"):
            run(name, request_for(name, **{part: "/no/such/file.nii.gz"}))
    assert files and not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", INFERRING)
def test_an_unknown_model_is_refused_before_anything_is_read(request_for, tmp_path, monkeypatch, name):
    monkeypatch.setattr(SegmentRequest, "models", lambda wanted: find_bundles(wanted.model))
    model = ["nobody"] if name == "segment" else "nobody"
    with pytest.raises(BundleError, match="There is no model 'nobody'"):
        run(name, request_for(name, model=model, **dict.fromkeys(part_of_study(name), "/no/such/file.nii.gz")))
    with pytest.raises(InputError, match="No model is chosen."):
        run(name, request_for(name, model=type(model)()))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", JOBS)
def test_it_tells_how_far_it_is_returns_json_and_touches_no_input(request_for, place, name):
    told, before = [], contents(place)
    result = run(name, request_for(name), lambda *event: told.append(event))
    fractions = [fraction for fraction, _ in told]
    assert fractions == sorted(fractions) and fractions[0] == 0 and fractions[-1] <= 1
    assert all(message for _, message in told)
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    assert contents(place) == before


@pytest.mark.parametrize("name", JOBS)
def test_cancelled_at_any_time_it_leaves_nothing_and_can_be_run_again(request_for, tmp_path, name):
    messages = []
    expected = run(name, request_for(name), lambda _, message: messages.append(message))
    kept = {"dream"}  # goes on from what there is: the tests of its job
    for message in dict.fromkeys(messages):

        def stop(_, now, message=message):
            if now == message:
                raise Cancelled

        other = {"output": str(tmp_path / "other" / "out")} if name in WRITING else {}
        propose_job._last.about = None
        with pytest.raises(Cancelled):
            run(name, request_for(name, **other), stop)
        assert name in kept or not (tmp_path / "other").exists(), message
    if name not in kept:
        assert set(run(name, request_for(name))) == set(expected)


@pytest.mark.parametrize("name", WRITING)
@pytest.mark.parametrize("place_of", ["file", "file/below", "link", "link/below", "refused/deep"])
def test_a_folder_that_cannot_be_written_to_is_noticed_before_computing(
    request_for, tmp_path, monkeypatch, name, place_of
):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "file" / "nowhere")
    if place_of == "refused/deep":
        monkeypatch.setattr("tempfile.mkdtemp", refuse)
    with pytest.raises(InputError, match=f"'{tmp_path / place_of}' cannot be written to. Choose another folder"):
        run(
            name,
            request_for(name, output=str(tmp_path / place_of)),
            lambda fraction, _: fraction and pytest.fail("It went on."),
        )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "link"]
