"""Files that earlier versions wrote still open, and say the same; see `Testing/data/v0.1.0/README.md`."""

import csv
import json
import math
import zipfile
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
import torch
from mrml_factory import empty_scene

from liverpair.bundle import Bundle, Catalogue
from liverpair.core.earlier_names import renamed
from liverpair.core.errors import no_progress
from liverpair.core.geometry import Grid
from liverpair.core.sides import Side
from liverpair.core.trajectories import Trajectories
from liverpair.dreaming.finished import FinishedDream
from liverpair.io.lesion_csv import csv_text
from liverpair.io.markups import boxes_to_markups
from liverpair.io.study import Study, read_image
from liverpair.jobs import detect_results, dream_results, segment_results
from liverpair.jobs.dream_request import DreamRequest
from liverpair.jobs.jobs import JOBS
from liverpair.jobs.requests import (
    EARLIER,
    DetectRequest,
    DreamReportRequest,
    ProposeRequest,
    RegisterRequest,
    SegmentRequest,
    find_bundles,
)
from liverpair.measures.burden import lesion_measures
from liverpair.mrml import provenance, segmentations
from liverpair.mrml.dreams.dream_frames import DreamFrames
from liverpair.mrml.dreams.dream_plot import DreamPlot
from liverpair.mrml.dreams.dream_scene import DreamScene
from liverpair.mrml.headless import load_scene_mrb, module_logic
from liverpair.mrml.lesions import lesion_table
from liverpair.mrml.lesions.lesion_folders import notes_of
from liverpair.mrml.lesions.lesion_study import LesionStudy, adopt_scene
from liverpair.segmentation.inference import SegmentOptions, segment

DATA = Path(__file__).parents[2] / "data" / "v0.1.0"
UID = "{}d1f2c1e-1f8e-4f7b-9f5e-3a6f1c9f7b11"
REQUESTS = {
    "segment": SegmentRequest,
    "detect": DetectRequest,
    "propose": ProposeRequest,
    "register": RegisterRequest,
    "dream": DreamRequest,
    "dream_report": DreamReportRequest,
}

LESIONS = [
    # number, state, note, center in T1, center in T2, scores, origins
    (1, "accepted", "cyst, small", (-16, 8, 8), (-10, -2, 24), (0.93, 0.81), ("detected", "detected")),
    (2, "accepted", 'Läsion "dome" 肝\nsee 2019', (0, 8, 8), None, (None, None), ("drawn", None)),
    (3, "proposed", "", None, (16.5, -2, 24), (None, 0.41), (None, "detected")),
    (4, "rejected", "", (18, 8, 8), (24, -2, 24), (0.22, None), ("detected", "predicted")),
    (7, "proposed", "", (-2.5, 8, 8), (3.75, -2, 24), (None, None), ("drawn", "drawn")),
]
BOX_MM = (15.0, 20.0, 16.0)
OFFSET_MM = (6.0, -10.0, 16.0)
T2_AXES = (0.954973, -0.292202, -0.051433, 0.279791, 0.944609, -0.171553, 0.098712, 0.149438, 0.983831)


@pytest.fixture
def study() -> Study:
    return Study.open(DATA / "study")


@pytest.fixture
def scene():
    yield empty_scene()
    empty_scene()


def json_of(name: str):
    return json.loads((DATA / name).read_text(encoding="utf-8"))


def assert_the_lesions(pairs, scored: bool = True) -> None:
    """The five lesions of the study. Files of markups hold neither states nor scores (`scored` false)."""
    assert [(pair.uid, pair.number) for pair in pairs] == [(UID.format(n), n) for n, *_ in LESIONS]
    for pair, (_, state, note, t1, t2, scores, origins) in zip(pairs, LESIONS):
        for box, center, axes in ((pair.box(Side.T1), t1, np.eye(3).ravel()), (pair.box(Side.T2), t2, T2_AXES)):
            assert (box is None) == (center is None)
            if box is not None:
                assert box.center_mm == pytest.approx(center, abs=1e-4)
                assert box.size_mm == pytest.approx(BOX_MM, abs=1e-4)
                assert box.direction == pytest.approx(axes, abs=1e-5)
        if scored:
            assert (pair.state, pair.note) == (state, note)
            assert [pair.boxes[side].score if side in pair.boxes else None for side in Side] == list(scores)
            assert [pair.boxes[side].origin if side in pair.boxes else None for side in Side] == list(origins)
            moved = OFFSET_MM if pair.number in (1, 4) else None
            assert pair.displacement_mm == (moved if moved is None else pytest.approx(moved, abs=1e-4))


def test_a_study_folder_opens_with_every_part(study):
    for side in Side:
        image, liver = getattr(study, side), getattr(study, f"{side}_liver")
        assert image.GetSize() == (24, 20, 12) and image.GetSpacing() == pytest.approx((5, 5, 8))
        assert Grid.of(liver).same_as(Grid.of(image))
        voxels = sitk.GetArrayFromImage(image)
        assert (voxels.min(), voxels[sitk.GetArrayFromImage(liver) > 0].min()) == (0, 60)
        assert sitk.GetArrayFromImage(liver).sum() * 0.2 == pytest.approx(225.6)
    assert study.t2.GetDirection() == pytest.approx(T2_AXES, abs=1e-6)
    assert_the_lesions(study.lesions)


def test_lesions_read_and_written_again_are_the_same(study, tmp_path):
    study.save(tmp_path)
    again = Study.open(tmp_path)
    assert again.lesions == study.lesions
    assert sitk.Hash(again.t2) == sitk.Hash(study.t2)


def test_the_table_of_lesions_is_the_same_cell_by_cell(study):
    images, livers = ({side: getattr(study, side + end) for side in Side} for end in ("", "_liver"))
    rows = list(csv.reader(csv_text(lesion_measures(study.lesions, images, livers)).splitlines(keepends=True)))
    with open(DATA / "exports" / "lesions.csv", encoding="utf-8", newline="") as file:
        kept = list(csv.reader(file))
    assert shared(rows, kept) == shared(kept, kept)
    volumes = [row[rows[0].index("T1 volume (ml)")] for row in rows[1:]]
    assert float(volumes[0]) == pytest.approx(4.8 * math.pi / 6, abs=1e-4)
    assert kept[0][:5] == ["Number", "State", "Seen in", "T1 score", "T2 score"]
    # the larger axial side is 20 mm; 15 x 20 x 16 mm are 4.8 ml; (6, -10, 16) is 19.799 mm long
    assert kept[1][:7] == ["1", "accepted", "both", "0.93", "0.81", "20.0", "20.0"]
    assert kept[1][9:11] == ["4.8", "4.8"] and kept[1][13:] == ["19.799", "cyst, small", UID.format(1)]
    assert [row[2] for row in kept[1:]] == ["both", "T1 only", "T2 only", "T1 only", "both"]


@pytest.mark.parametrize("side", Side)
def test_markups_are_written_as_they_were(study, side):
    kept, made = json_of(f"exports/{side}_boxes.mrk.json"), boxes_to_markups(study.lesions, side)
    assert made == kept


def test_markups_open_in_slicer_as_linked_boxes(scene):
    for side in Side:
        assert module_logic("Markups").LoadMarkups((DATA / "exports" / f"{side}_boxes.mrk.json").as_posix())
    assert adopt_scene() == ["8 boxes joined 'Lesions'."]
    (opened,) = LesionStudy.all_in_scene()
    assert_the_lesions(opened.pairs(), scored=False)
    opened.release()


def test_a_scene_opens_with_the_same_pairs_livers_and_tables(scene, study):
    load_scene_mrb(DATA / "scenes" / "lesions.mrb")
    assert adopt_scene() == []
    (opened,) = LesionStudy.all_in_scene()
    assert opened.name == "Lesions of a phantom"
    assert_the_lesions(opened.pairs())
    for number, *_ in LESIONS:
        boxes = [opened.node(UID.format(number), side) for side in Side]
        if None not in boxes:
            assert [box.GetNodeReference("lesionPairPartner") for box in boxes] == boxes[::-1]
    made_by = provenance.read(notes_of(opened.folder))
    assert (made_by["bundle"], made_by["version"], made_by["software"]) == ("peaks", "1.0", "LiverPair 0.1.0")
    for side in Side:
        volume = opened.volume(side)
        assert volume.GetName() == side.title
        node = scene.GetFirstNodeByName(f"{side.title} segmentation")
        liver = segmentations.liver_mask(node, volume)
        assert sitk.GetArrayFromImage(liver).sum() == sitk.GetArrayFromImage(getattr(study, f"{side}_liver")).sum()
        assert provenance.read(node)["bundle"] == "brightness"
        assert segmentations.source_of(node) is volume
    kept = scene.GetFirstNodeByName("Lesions table")
    now = scene.AddNewNodeByClass("vtkMRMLTableNode", "Now")
    lesion_table.show(now, opened)
    before = cells(kept)[:2]  # version 0.1.0 lost what follows a note of two lines
    assert shared(cells(now)[:2], before) == shared(before, before)
    opened.release()


def shared(rows, kept) -> list[list[str]]:
    """The cells of `rows` in the columns of `kept`, but for the volumes of boxes: today they are those of lesions."""
    columns = [rows[0].index(title) for title in kept[0] if "box volume" not in title]
    return [[row[column] for column in columns] for row in rows]


def cells(table_node) -> list[list[str]]:
    """Titles and texts of a table node."""
    table = table_node.GetTable()
    columns = [table.GetColumn(number) for number in range(table.GetNumberOfColumns())]
    texts = [[column.GetVariantValue(row).ToString() for column in columns] for row in range(table.GetNumberOfRows())]
    return [[column.GetName() for column in columns], *texts]


def test_a_scene_opens_with_its_dream(scene):
    load_scene_mrb(DATA / "scenes" / "dream.mrb")
    (dream,) = DreamScene.all_in_scene()
    assert (dream.name, dream.finished, dream.volume.GetName()) == ("T1 dreamt by bright-around", True, "T1")
    assert (dream.kinds, dream.starts(), dream.last_iteration) == (("dream", "random-direction"), 1, 15)
    assert dream.features == ("firstorder_Mean", "shape2D_Sphericity")
    assert dream.about["request"]["starts"] == [{"point_mm": [16.0, -8.0, 0.0]}]
    assert [reading["rule"] for reading in dream.readings] == ["leaves", "flat inside"]
    assert dream.provenance["bundle"] == "bright-around"
    assert dream.ranges["features"]["firstorder_Mean"] == {"mean": 140.0, "sd": 10.0}
    exact = Trajectories.read_csv(DATA / "results" / "dream" / "trajectories.csv")
    for feature in ("activation", *dream.features):
        for kind in dream.kinds:
            found, wanted = (each.values(feature, kind)[1] for each in (dream.trajectories(), exact))
            np.testing.assert_allclose(found, wanted, rtol=1e-5)
    frames = DreamFrames(dream)
    assert (frames.run, frames.iterations, frames.iteration) == (("dream", 0), [0, 10, 15], 10)
    for what, node in (("mask", frames.proxy_mask), ("image", frames.proxy_image)):
        file = read_image(DATA / "results" / "dream" / "frames" / f"dream_00_00010_{what}.nii.gz")
        shown, wanted = slicer.util.arrayFromVolume(node), sitk.GetArrayFromImage(file)
        np.testing.assert_allclose(shown.squeeze(), wanted.squeeze(), rtol=1e-5)
    assert frames.proxy_difference is not None
    plot = DreamPlot(dream)
    assert (plot.chart_node is not None, plot.shown.features, plot.normalized) == (True, ("firstorder_Mean",), True)
    frames.release()


BUNDLES = {
    "brightness": ("segmentation", "single", ["T1 or T2"]),
    "two-brightnesses": ("segmentation", "double-out", ["T1", "T2"]),
    "random-unet": ("segmentation", "single", ["T1 or T2"]),
    "random-gambler": ("segmentation", "single", ["T1 or T2"]),
    "peaks": ("detection", "pair", ["T1", "T2"]),
    "random-retina": ("detection", "pair", ["T1", "T2"]),
    "bright-around": ("slice-segmentation", "single", ["T1"]),
}
ANSWERS = {
    # one voxel and the mean of what the network makes of a ramp from 0 to 1
    "random-unet": (-2.0922153, -0.6455445),
    "random-gambler": (-0.9493942, -0.7106438),
    "gambler of random-gambler": (0.3612475, 0.3975454),
}


@pytest.mark.parametrize("name", BUNDLES)
def test_a_model_opens_and_its_weights_fit(name):
    bundle = Bundle.load(DATA / "bundles" / name)
    assert (bundle.name, bundle.version) == (name, "1.0")
    assert (bundle.task, bundle.strategy, bundle.inputs) == BUNDLES[name]
    bundle.network("cpu")
    assert bundle.training["license"] == "CC BY-NC-SA 4.0" and "Twelve drawn spheres" in bundle.card()


@pytest.mark.parametrize("name", ["peaks", "random-unet", "bright-around"])
def test_a_model_in_a_zip_is_imported(name):
    assert (
        Catalogue().import_from(DATA / "bundles" / f"{name}.zip").sha256
        == json_of(f"bundles/{name}/bundle.json")["sha256"]
    )
    assert Catalogue().find(name).task == BUNDLES[name][0]


def ramp(*shape: int) -> torch.Tensor:
    """A batch of one with values that rise from 0 to almost 1."""
    count = int(np.prod(shape))
    return (torch.arange(count, dtype=torch.float32) / count).reshape(1, *shape)


@pytest.mark.parametrize("name", ANSWERS)
def test_a_network_answers_as_it_did(name):
    bundle = Bundle.load(DATA / "bundles" / name.rpartition(" ")[2])
    bundle = bundle.gambler() if name.startswith("gambler") else bundle
    network = bundle.network("cpu")
    with torch.no_grad():
        answer = network(ramp(network.in_channels, 4, 4, 6))
    assert (answer[0, 0, 1, 2, 3].item(), answer.mean().item()) == pytest.approx(ANSWERS[name], abs=1e-4)


def test_a_detector_answers_as_it_did():
    with torch.no_grad():
        answer = Bundle.load(DATA / "bundles" / "random-retina").network("cpu")(ramp(2, 8, 8, 8))
    assert answer.ravel()[:3].tolist() == pytest.approx([-4.5999, 0.014008, -0.002921], abs=1e-4)


def test_a_model_segments_as_it_did(study):
    bundle = Bundle.load(DATA / "bundles" / "brightness")
    result = segment(study.t1, study.t2, [bundle], SegmentOptions("cpu", "torch-fp32"))
    for side in Side:
        kept = read_image(DATA / "results" / "segment" / f"{side}_liver.nii.gz")
        found = getattr(result, side).liver
        assert (sitk.GetArrayFromImage(found) == sitk.GetArrayFromImage(kept)).all()


def test_a_detector_finds_what_it_found(tmp_path):
    request = {side: str(DATA / "study" / f"{side}.nii.gz") for side in Side}
    request |= {f"{side}_liver": str(DATA / "study" / f"{side}_liver.nii.gz") for side in Side}
    request |= {"bundle": str(DATA / "bundles" / "peaks"), "device": "cpu", "engine": "torch-fp32"}
    result = JOBS["detect"]({**request, "correspondence": False, "output": str(tmp_path / "out")}, no_progress)
    found, kept = (list(csv.reader((Path(folder) / "lesions.csv").read_text(encoding="utf-8").splitlines()))
                   for folder in (tmp_path / "out", DATA / "results" / "detect"))  # fmt: skip
    assert [row[:-1] for row in shared(found, kept)] == [row[:-1] for row in shared(kept, kept)]  # uids are new
    assert result["offset_t1_to_t2_mm"] == pytest.approx(OFFSET_MM, abs=1e-3)


def test_results_of_every_job_are_read_and_whole():
    measures = segment_results.read_measures(DATA / "results" / "segment")
    assert segment_results.is_complete(DATA / "results" / "segment", measures)
    assert measures["t1"]["volume_ml"] == pytest.approx(225.6)
    assert measures["measures"]["offset_t1_to_t2_mm"] == pytest.approx(OFFSET_MM, abs=1e-3)
    detection = detect_results.read_detection(DATA / "results" / "detect")
    assert detect_results.is_complete(DATA / "results" / "detect", detection)
    assert (detection["pairs"], detection["provenance"]["bundle"]) == (13, "peaks")
    for place in (detection, detection["provenance"]):
        assert place["offset_t1_to_t2_mm"] == pytest.approx(OFFSET_MM, abs=1e-3)
    dream = dream_results.read_dream(DATA / "results" / "dream")
    assert dream["complete"] and [run["run"] for run in dream["runs"]] == ["dream", "random-direction"]
    finished = FinishedDream.read(DATA / "results" / "dream")
    assert (finished.model, finished.starts) == ("bright-around 1.0", 1)
    moved = sitk.ReadTransform(str(DATA / "results" / "register" / "t1_to_t2.tfm")).TransformPoint((0.0, 0.0, 0.0))
    assert moved == pytest.approx(OFFSET_MM, abs=4)


def test_a_segmentation_that_was_done_is_known_again(tmp_path):
    """What `segment --studies` asks before it does a study again."""
    bundle = str(DATA / "bundles" / "brightness")
    request = {"bundle": [bundle], "output": str(tmp_path), "device": "cpu", "engine": "torch-fp32"}
    request |= {side: str(DATA / "study" / f"{side}.nii.gz") for side in Side}
    wanted = SegmentRequest.parse({**request, "probability": True, "uncertainty": True})
    assert wanted.asked(find_bundles([bundle])) == json_of("results/segment/measures.json")["asked"]


def test_a_detection_that_was_done_is_known_again(tmp_path):
    request = {"bundle": str(DATA / "bundles" / "peaks"), "output": str(tmp_path)}
    request |= {"device": "cpu", "engine": "torch-fp32"}
    request |= {side: str(DATA / "study" / f"{side}.nii.gz") for side in Side}
    request |= {f"{side}_liver": str(DATA / "study" / f"{side}_liver.nii.gz") for side in Side}
    kept = detect_results.read_detection(DATA / "results" / "detect")
    assert DetectRequest.parse(request).asked_now() == kept["asked"]
    assert (kept["provenance"]["score_floor"], kept["provenance"]["display_threshold"]) == (0.5, 0.5)


def all_requests() -> list:
    content = json_of("requests.json")
    return [
        pytest.param(job, entry["request"], id=f"{who}-{job}-{number}")
        for who in ("commands", "modules")
        for job, entries in content[who].items()
        for number, entry in enumerate(entries)
    ]


@pytest.mark.parametrize(("job", "request_"), all_requests())
def test_a_request_is_understood_as_it_was(job, request_, tmp_path):
    request_ = {key: str(DATA / "results" / "dream") if value == "DREAM" else value for key, value in request_.items()}
    parsed = REQUESTS[job].parse({**request_, **({"output": str(tmp_path)} if "output" in request_ else {})})
    for key, value in renamed(request_, EARLIER).items():
        if key != "output":
            kept = getattr(parsed, key)
            assert (list(kept) if isinstance(kept, tuple) else kept) == value


def test_the_samples_hold_no_path_of_the_machine_that_made_them():
    for path in DATA.rglob("*"):
        if path.suffix == ".mrb":
            with zipfile.ZipFile(path) as archive:
                texts = [archive.read(name) for name in archive.namelist()]
        else:
            texts = [path.read_bytes()] if path.suffix in (".json", ".csv") else []
        assert not any(b"/tmp/" in text or b"/home/" in text for text in texts), path
