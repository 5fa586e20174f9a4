"""The demo from start to end: a real job, real files, a real scene; the network is one whose answer is known."""

import json

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
from bright_box import CENTER, grid, image_and_mask
from brightness_bundle import write_brightness_bundle
from lesion_factory import detected, drawn, lesion_of
from peak_detector import write_peak_bundle

from liverpair.commands import demo, demo_dream, demo_lesions
from liverpair.commands.demo_pair import DemoPair
from liverpair.core.geometry import Box, Grid, like
from liverpair.core.lesions import read_lesions
from liverpair.core.sides import Side
from liverpair.core.trajectories import Trajectories
from liverpair.io.study import write_image
from liverpair.mrml import headless
from liverpair.mrml.lesions.lesion_study import LesionStudy
from liverpair.mrml.segmentations import liver_mask
from liverpair.mrml.volumes import image_from_node

SHIFT = (6.0, -10.0, 20.0)
FILES = {
    *("t1.nii.gz", "t2.nii.gz", "t1_liver.nii.gz", "t2_liver.nii.gz", "t1.seg.nrrd", "t2.seg.nrrd"),
    *("pair.png", "t1_slices.png", "t2_slices.png", "scene.mrb", "measures.json"),
    *(
        "lesions.json",
        "lesions.csv",
        "t1_boxes.mrk.json",
        "t2_boxes.mrk.json",
        "t1_to_t2.tfm",
        "detection.json",
        "lesions.png",
        "report",
        "dream",
    ),
}
PEAKS = ((-14.0, 6.0, -8.0), (15.0, -8.0, 10.0))
"""The lesions, seen from the middle of the box."""


@pytest.fixture(scope="module")
def pair():
    """T1 and an oblique T2 whose bright box, the "liver", lies elsewhere; with both boxes' masks."""
    t1, t1_box = image_and_mask(grid())
    t2, t2_box = image_and_mask(grid(spacing=(2.5, 2.5, 7.0), degrees=(8.0, -6.0, 0.0)), SHIFT)
    t1, t1_lesions = with_peaks(t1, (0.0, 0.0, 0.0))
    t2, t2_lesions = with_peaks(t2, SHIFT)
    return DemoPair(
        dict(zip(Side, (t1, t2))), dict(zip(Side, (t1_box, t2_box))), dict(zip(Side, (t1_lesions, t2_lesions)))
    )


def with_peaks(image, shift):
    """The image with two bright lesions in its box, and their numbers in each voxel."""
    grid = Grid.of(image)
    z, y, x = np.indices(grid.shape)
    points = np.asarray(grid.origin) + (np.stack([x, y, z], axis=-1) * grid.spacing) @ grid.axes.T
    values, labels = sitk.GetArrayFromImage(image), np.zeros(grid.shape, np.uint8)
    for number, peak in enumerate(PEAKS, start=1):
        distance = np.linalg.norm(points - np.add(CENTER, shift) - peak, axis=-1)
        values += np.float32(80.0) * np.exp(-(distance**2) / (2 * 6.0**2)).astype(np.float32)
        labels[distance < 9.0] = number
    return like(values, image), like(labels, image)


@pytest.fixture(scope="module")
def done(pair, tmp_path_factory):
    """The demo's output folder and what it printed, run on the pair as if it were the embedded one."""
    folder = tmp_path_factory.mktemp("demo")
    bundle, detector = write_brightness_bundle(folder / "bundle"), write_peak_bundle(folder / "detector")
    printed = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo, "embedded_pair", lambda: pair)
        patch.setattr("builtins.print", lambda *words, **_: printed.append(" ".join(map(str, words))))
        words = ["-o", str(folder / "out"), "--liver-model", str(bundle.folder), "--model", str(detector.folder)]
        assert demo.main(words) == 0
    return folder / "out", "\n".join(printed)


def test_all_files_are_there_and_nothing_else(done):
    assert {path.name for path in done[0].iterdir()} == FILES


def test_volumes_and_dice_are_printed(done, pair):
    folder, printed = done
    measures = json.loads((folder / "measures.json").read_text(encoding="utf-8"))
    for side in Side:
        (line,) = [line for line in printed.splitlines() if line.startswith(f"| {side.title}")]
        _, _, milliliters, true_milliliters, dice, _ = (cell.strip() for cell in line.split("|"))
        assert int(milliliters) == round(measures[side]["volume_ml"])
        # The box is 60 x 50 x 48 mm = 144 ml.
        assert int(true_milliliters) == pytest.approx(144, rel=0.12)
        assert float(dice) > 0.9
    assert f"Dice of the two livers as scanned: {measures['measures']['dice_as_scanned']:.2f}" in printed


def test_the_offset_is_said_in_words(done):
    (line,) = [line for line in done[1].splitlines() if line.startswith("Centroid")]
    # T2's box lies 6 mm to the left, 10 mm to the front and 20 mm above T1's.
    words = line.rpartition(": ")[2].split(", ")
    assert [word.split(" mm ")[1] for word in words] == ["right", "posterior", "inferior"]
    assert [int(word.split()[0]) for word in words] == pytest.approx([6, 10, 20], abs=2)


def test_it_ends_with_where_to_look(done):
    folder, printed = done
    assert f"Open {folder / 'scene.mrb'} in 3D Slicer" in printed and f"Look at {folder / 'pair.png'}" in printed


def test_the_scene_opens_with_everything_in_place(done, pair):
    folder, _ = done
    scene = headless.boot().scene
    headless.load_scene_mrb(folder / "scene.mrb")
    for number, side in enumerate(Side):
        volume = slicer.util.getNode(side.title)
        assert Grid.of(image_from_node(volume)).same_as(Grid.of(pair.images[side]))
        segmentation = slicer.util.getNode(f"{side.title} segmentation")
        mask = sitk.GetArrayFromImage(liver_mask(segmentation, volume))
        assert (mask == sitk.GetArrayFromImage(sitk.ReadImage(str(folder / f"{side}_liver.nii.gz")))).all()
        assert segmentation.GetAttribute("LiverPair.Bundle") == "brightness"
        rows = [("Red", "Green", "Yellow"), ("Red+", "Green+", "Yellow+")]
        shown = segmentation.GetDisplayNode().GetViewNodeIDs()
        assert {f"vtkMRMLSliceNode{name}" for name in rows[number]} <= set(shown)
        assert not {f"vtkMRMLSliceNode{name}" for name in rows[1 - number]} & set(shown)
        for name in rows[number]:
            assert scene.GetNodeByID(f"vtkMRMLSliceNode{name}").GetViewGroup() == number
    assert slicer.util.getNode("Measures").GetNumberOfRows() > 3
    layout = scene.GetFirstNodeByClass("vtkMRMLLayoutNode")
    assert layout.GetViewArrangement() == slicer.vtkMRMLLayoutNode.SlicerLayoutThreeOverThreeView


def test_lesions_are_found_linked_and_said(done):
    folder, printed = done
    assert "Of 2 true lesions, 2 were found in T1 and 2 in T2, with 0 and 0 false boxes; 4 of 4 found boxes" in printed
    pairs = read_lesions(folder / "lesions.json")
    assert len(pairs) == 2
    table = [line.split("|")[-2].strip() for line in printed.partition("true lesion ")[2].splitlines()[:4]]
    assert set(table[2:]) == {"1", "2"}
    for pair in pairs:
        np.testing.assert_allclose(pair.displacement_mm, SHIFT, atol=4.0)


def test_the_scene_has_the_linked_boxes(done):
    headless.load_scene_mrb(done[0] / "scene.mrb")
    (study,) = LesionStudy.all_in_scene()
    assert [pair.uid for pair in study.pairs()] == [pair.uid for pair in read_lesions(done[0] / "lesions.json")]
    assert (study.volume(Side.T1).GetName(), study.volume(Side.T2).GetName()) == ("T1", "T2")
    assert slicer.util.getNode("Lesions table").GetNumberOfRows() == 2
    study.release()


def test_a_lesion_is_dreamt_read_and_reported(done):
    folder, printed = done
    dream = json.loads((folder / "dream" / "dream.json").read_text(encoding="utf-8"))
    assert len(dream["starts"]) == demo_dream.STARTS
    assert all(reading["sentence"] in printed for reading in dream["readings"][: demo_dream.SHOWN])
    trajectories = Trajectories.read_csv(folder / "dream" / "trajectories.csv")
    _, activations = trajectories.values("activation")
    assert (activations[:, -1] > activations[:, 0]).all()
    assert "data:image" in (folder / "dream" / "report.html").read_text(encoding="utf-8")
    assert (folder / "dream" / "trajectories.png").stat().st_size > 1000


@pytest.mark.parametrize("name", ["pair.png", "t1_slices.png", "t2_slices.png", "lesions.png"])
def test_pictures_show_image_and_outline(done, name):
    pixels = sitk.GetArrayFromImage(sitk.ReadImage(str(done[0] / name))).astype(int)
    assert pixels.ndim == 3 and pixels.shape[2] == 3
    colored = np.abs(pixels - pixels.mean(axis=2, keepdims=True)).max(axis=2) > 30
    assert pixels.std() > 10 and colored.sum() > 100


def test_ones_own_volumes(pair, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(demo_dream, "ITERATIONS", 5)
    paths = []
    for side in Side:
        paths.append(str(tmp_path / f"{side}.nrrd"))
        write_image(pair.images[side], paths[-1])
    bundle, detector = write_brightness_bundle(tmp_path / "bundle"), write_peak_bundle(tmp_path / "detector")
    words = ["-o", str(tmp_path / "out"), "--liver-model", str(bundle.folder), "--model", str(detector.folder)]
    assert demo.main([*paths, *words]) == 0
    printed = capsys.readouterr().out
    assert "Dice with the truth" not in printed and "true lesions" not in printed and "| T2" in printed
    assert (tmp_path / "out" / "scene.mrb").is_file()


def test_a_failure_is_one_sentence(tmp_path, capsys):
    assert demo.main(["-o", str(tmp_path / "out"), "--liver-model", "no-such-model"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("liverpair: There is no model 'no-such-model'.") and "Traceback" not in error
    assert not (tmp_path / "out").exists()


def test_one_volume_is_refused(capsys):
    with pytest.raises(SystemExit):
        demo.main(["alone.nii.gz"])
    assert "or two: T1 and T2" in capsys.readouterr().err


def test_a_lesion_is_named_by_the_true_one_that_each_box_finds():
    def box(x):
        return Box((x, 0.0, 0.0), (10.0, 10.0, 10.0))

    def lesion(number, t1, t2):
        return lesion_of(number, drawn(box(t1)), drawn(box(t2)), uid=f"true-{number}")

    def found(number, t1, t2):
        boxes = detected(box(t1), 0.9 - number / 10), detected(box(t2), 0.1)
        return lesion_of(number, *boxes, uid=f"found-{number}")

    truth = [lesion(1, 0, 100), lesion(2, 50, 150)]
    pairs = [found(1, 2, 98), found(2, 51, 300), found(3, 0, 151), found(4, 200, 99)]
    assert demo_lesions.hits(pairs, truth) == ["1", "2 in T1", "2 in T2", "none"]
    crossed = [found(1, 0, 150)]
    assert demo_lesions.hits(crossed, truth) == ["1 in T1, 2 in T2"]
