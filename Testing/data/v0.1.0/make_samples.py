"""Make the samples in this folder, with the code of the version that they are samples of (see README.md).

Kept as a record: a later version need not be able to run it.
"""

import json
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[2]), str(HERE.parents[1] / "unit")]

from brightness_bundle import write_brightness_bundle, write_two_brightness_bundle  # noqa: E402
from bundle_factory import manifest, small_network, zip_folder  # noqa: E402
from dream_job_factory import write_dream_bundle  # noqa: E402
from mrml_factory import rotation  # noqa: E402
from peak_detector import write_peak_bundle  # noqa: E402

from liverpair.core.labels import LIVER  # noqa: E402
from liverpair.bundle import Bundle  # noqa: E402
from liverpair.geometry import Box, Grid, on_grid  # noqa: E402
from liverpair.lesion_table import write_csv  # noqa: E402
from liverpair.lesions import LesionPair  # noqa: E402
from liverpair.markups import write_markups  # noqa: E402
from liverpair.measures.burden import lesion_measures  # noqa: E402
from liverpair.networks import build  # noqa: E402
from liverpair.study import Study, read_image, read_lesions, write_image  # noqa: E402
from liverpair.worker.jobs import JOBS  # noqa: E402

SIZE, SPACING = (24, 20, 12), (5.0, 5.0, 8.0)
TURNED = rotation(0.15, -0.1, 0.3)
SHIFT = np.array([6.0, -10.0, 16.0])
"""The liver in T2 minus the liver in T1, LPS mm."""
PEAKS = np.array([(-16.0, 8.0, 8.0), (18.0, -6.0, -8.0)])
LIVER_RADIUS_MM, PEAK_MM = 38.0, 9.0
ROOT = "/studies"
"""What stands in the samples for the folder in which they were made."""


def image_grid(direction, center) -> Grid:
    """A grid of 24 x 20 x 12 voxels around a point."""
    axes = np.reshape(direction, (3, 3))
    origin = np.subtract(center, axes @ (np.multiply(np.subtract(SIZE, 1) / 2, SPACING)))
    return Grid(SIZE, SPACING, tuple(map(float, origin)), tuple(map(float, direction)))


T1_GRID, T2_GRID = image_grid(np.eye(3).ravel(), (0, 0, 0)), image_grid(TURNED, SHIFT)


def phantom(grid: Grid, shift, level: float = 60.0, peaks=PEAKS) -> tuple[sitk.Image, sitk.Image]:
    """A sphere of value `level` with two smooth peaks up to 100, and its mask."""
    z, y, x = np.indices(grid.shape)
    points = np.asarray(grid.origin) + (np.stack([x, y, z], axis=-1) * grid.spacing) @ grid.axes.T - shift
    liver = np.linalg.norm(points, axis=-1) < LIVER_RADIUS_MM
    values = np.where(liver, level, 0.0)
    for peak in peaks:
        distance = np.linalg.norm(points - peak, axis=-1)
        values = np.maximum(values, np.where(liver, level + (100 - level) * np.exp(-((distance / PEAK_MM) ** 2)), 0))
    return on_grid(np.rint(values).astype(np.int16), grid), on_grid(liver.astype(np.uint8), grid)


def lesions() -> list[LesionPair]:
    """Paired, unpaired, drawn, predicted, accepted and rejected lesions."""

    def t1(x, size=(15.0, 20.0, 16.0)):
        return Box((x, 8.0, 8.0), size, T1_GRID.direction)

    def t2(x, size=(15.0, 20.0, 16.0)):
        return Box((x + 6.0, -2.0, 24.0), size, T2_GRID.direction)

    def uid(n):
        return f"{n}d1f2c1e-1f8e-4f7b-9f5e-3a6f1c9f7b11"

    paired = "detected", "detected", "accepted", (6.0, -10.0, 16.0)
    guessed = "detected", "predicted", "rejected", (6.0, -10.0, 16.0)
    return [
        LesionPair(1, t1(-16.0), t2(-16.0), 0.93, 0.81, *paired, "cyst, small", uid(1)),
        LesionPair(2, t1=t1(0.0), t1_origin="drawn", state="accepted", note='Läsion "dome" 肝\nsee 2019', uid=uid(2)),
        LesionPair(3, t2=t2(10.5), t2_score=0.41, t2_origin="detected", uid=uid(3)),
        LesionPair(4, t1(18.0), t2(18.0), 0.22, None, *guessed, "", uid(4)),
        LesionPair(7, t1(-2.5), t2(-2.25), t1_origin="drawn", t2_origin="drawn", uid=uid(7)),
    ]


def make_study(folder: Path) -> None:
    """A study folder with every part."""
    (t1, t1_liver), (t2, t2_liver) = phantom(T1_GRID, (0, 0, 0)), phantom(T2_GRID, SHIFT)
    Study(t1=t1, t2=t2, t1_liver=t1_liver, t2_liver=t2_liver, lesions=lesions()).save(folder)


def make_exports(study: Path, folder: Path) -> None:
    """The lesions of the study as a table and as markups."""
    opened = Study.open(study)
    images, livers = ({s: getattr(opened, s + end) for s in ("t1", "t2")} for end in ("", "_liver"))
    write_csv(folder / "lesions.csv", lesion_measures(opened.lesions, images, livers))
    for side in ("t1", "t2"):
        write_markups(folder / f"{side}_boxes.mrk.json", opened.lesions, side)


def make_bundles(folder: Path) -> None:
    """Networks known by hand that the jobs run with, and small random ones of every kind."""
    grid = {"spacing_mm": list(SPACING), "multiple_of": [1, 1, 1], "crop": "body"}
    write_brightness_bundle(folder / "brightness", grid=grid)
    write_two_brightness_bundle(folder / "two-brightnesses", grid=grid)
    section = {"anchor_sizes": [[2.0, 4.0, 3.0]], "score_threshold": 0.5, "margin_mm": 8.0}
    write_peak_bundle(folder / "peaks", section=section, grid={**grid, "crop": "liver"})
    slices = {"spacing_mm": list(SPACING), "multiple_of": [1, 1], "crop": "body"}
    write_dream_bundle(folder / "bright-around", grid={**slices, "keep_slices_from_mm": 0, "keep_slices_to_mm": 1000})
    Bundle.write(folder / "random-unet", manifest(name="random-unet"), small_network(seed=3).state_dict())
    layout = {"widths": [4], "normalization": "none"}
    torch.manual_seed(5)
    gambler = build("unet", {"in_channels": 2, "out_channels": 1, **layout}).state_dict()
    weights = {**small_network(seed=4).state_dict(), **{f"gambler.{name}": value for name, value in gambler.items()}}
    Bundle.write(folder / "random-gambler", manifest(name="random-gambler", gambler={"arguments": layout}), weights)
    backbone = {"widths": [4, 4], "depths": [1, 1]}
    retina = {"levels": [1], "anchors": 1, "width": 4, "head_depth": 1, "backbone": backbone}
    torch.manual_seed(6)
    write_random(folder / "random-retina", "retina", retina, {"grid": {**grid, "crop": "liver"}, "task": "detection",
                 "strategy": "pair", "inputs": ["T1", "T2"], "detection": section})  # fmt: skip
    for path in ("random-unet", "peaks", "bright-around"):
        zip_folder(folder / path, folder / f"{path}.zip", "" if path == "peaks" else f"{path}/")


def write_random(folder: Path, network: str, arguments: dict, changes: dict) -> None:
    """A bundle with the weights that the network begins with."""
    settings = {"name": folder.name, "network": {"name": network, "arguments": arguments}, **changes}
    Bundle.write(folder, manifest(**settings), build(network, arguments).state_dict())


class Watcher:
    """A `Progress` that keeps what a dream sends."""

    def __init__(self):
        self.samples = []

    def __call__(self, fraction, message):
        pass

    def sample(self, sample):
        self.samples.append(sample)


def make_results(work: Path) -> tuple[dict, dict, list]:
    """Run every job on the study; returns the result of "segment", that of "dream", and its samples."""
    study, bundles, results, watcher = work / "study", work / "bundles", work / "results", Watcher()
    volumes = {side: str(study / f"{side}.nii.gz") for side in ("t1", "t2")}
    masks = {f"{side}_liver": str(study / f"{side}_liver.nii.gz") for side in ("t1", "t2")}
    small = {"device": "cpu", "engine": "torch-fp32"}
    segment = {**volumes, **small, "bundle": [str(bundles / "brightness")], "probability": True, "uncertainty": True}
    detect = {**volumes, **masks, **small, "bundle": str(bundles / "peaks")}
    drawn = {"centre_mm": PEAKS[0].tolist(), "size_mm": [15.0, 20.0, 16.0], "direction": list(T1_GRID.direction)}
    image, liver = phantom(T1_GRID, (0, 0, 0), 20.0, PEAKS[:1])
    write_image(image, work / "dream_t1.nii.gz")
    dream = {"t1": str(work / "dream_t1.nii.gz"), "bundle": str(bundles / "bright-around"), "side": "t1",
             "starts": [{"point_mm": [16.0, -8.0, 0.0]}], "step": 0.01, "iterations": 15, "minimum_gain": 0,
             "frames": [0, 10, 15], "features": ["firstorder_Mean", "shape2D_Sphericity"], "precision": "fp32",
             "baselines": ["random-direction"], "device": "cpu"}  # fmt: skip
    done = {"segment": JOBS["segment"]({**segment, "output": str(results / "segment")}, watcher)}
    JOBS["detect"]({**detect, "output": str(results / "detect")}, watcher)
    answers = {"register": JOBS["register"]({**masks, "output": str(results / "register")}, watcher)}
    answers["propose"] = JOBS["propose"]({**detect, "side": "t1", "box": drawn}, watcher)
    done["dream"] = JOBS["dream"]({**dream, "output": str(results / "dream")}, watcher)
    report = {"folder": str(results / "dream"), "output": str(results / "dream_report")}
    answers["dream_report"] = JOBS["dream_report"](report, watcher)
    answers |= done
    write_json(results / "answers.json", answers)
    for picture in ("png", "svg", "html"):  # of no use for comparing, and large
        Path(answers["dream_report"][picture]).unlink()
    about = {"request": {**dream, "resume": False, "output": str(results / "dream")}, "folder": str(results / "dream"),
             "bundle": "bright-around", "version": "1.0", "features": dream["features"],
             "ranges": done["dream"]["ranges"]}  # fmt: skip
    return done["segment"], {"about": about, "result": done["dream"]}, watcher.samples


def make_pair_scene(work: Path, segmented: dict) -> None:
    """A scene as the demo and the modules leave it: volumes, segmentations, linked boxes, tables."""
    from liverpair.mrml import headless, lesion_table, pair_scene, provenance
    from liverpair.mrml.lesion_folders import ItemAttributes
    from liverpair.mrml.lesion_study import LesionStudy

    images = {side: read_image(work / "study" / f"{side}.nii.gz") for side in ("t1", "t2")}
    nodes = pair_scene.build_pair_scene(images, segmented, LIVER)
    study = LesionStudy(nodes.volumes["t1"], nodes.volumes["t2"], "Lesions of a phantom")
    study.replace_all(read_lesions(work / "study" / "lesions.json"))
    detection = json.loads((work / "results" / "detect" / "detection.json").read_text(encoding="utf-8"))
    provenance.write(ItemAttributes(study.folder), detection["provenance"])
    import slicer

    lesion_table.show(slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode", "Lesions table"), study)
    headless.save_scene_mrb(work / "scenes" / "lesions.mrb")
    study.release()


def make_dream_scene(work: Path, dreamt: dict, samples: list) -> None:
    """A scene with a dream: record, trajectories, frames, plot."""
    from liverpair.mrml import headless
    from liverpair.mrml.dream_frames import DreamFrames
    from liverpair.mrml.dream_plot import DreamPlot
    from liverpair.mrml.dream_scene import DreamScene
    from liverpair.mrml.volumes import node_from_image

    headless.boot().scene.Clear(False)
    told = json.loads(json.dumps(dreamt).replace(str(work), ROOT))
    volume = node_from_image(read_image(work / "dream_t1.nii.gz"), "T1")
    dream = DreamScene.create("T1 dreamt by bright-around", told["about"], volume)
    dream.add_samples(samples)
    dream.finish(told["result"])
    frames = DreamFrames(dream)
    frames.load(dreamt["result"]["runs"][0]["frames"], "dream", 0, dreamt["result"]["original"])
    frames.show_difference(True)
    frames.go_to(10)
    DreamPlot(dream).show(features=["firstorder_Mean"])
    headless.save_scene_mrb(work / "scenes" / "dream.mrb")


def write_json(path: Path, content) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def main() -> None:
    """Make everything in a temporary folder, and put it here without that folder's name."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder).resolve()
        make_study(work / "study")
        (work / "exports").mkdir()
        make_exports(work / "study", work / "exports")
        make_bundles(work / "bundles")
        segmented, dreamt, samples = make_results(work)
        make_pair_scene(work, segmented)
        make_dream_scene(work, dreamt, samples)
        shutil.rmtree(work / "results" / "dream" / "state", ignore_errors=True)
        for path in work.rglob("*"):
            if path.suffix in (".json", ".csv"):
                path.write_text(path.read_text(encoding="utf-8").replace(str(work), ROOT), encoding="utf-8", newline="")
        for name in ("study", "exports", "bundles", "results", "scenes"):
            shutil.rmtree(HERE / name, ignore_errors=True)
            shutil.copytree(work / name, HERE / name)


if __name__ == "__main__":
    main()
