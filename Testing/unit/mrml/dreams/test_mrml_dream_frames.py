"""Dreamt images in the scene: sequences, their browser, and the volume that nothing may change."""

import hashlib

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
import vtk
from mrml_dream_factory import FRAMES, assert_same_curves, new_dream, write_frames
from mrml_factory import OBLIQUE, empty_scene, noise_image, shift_transform

from liverpair.core.errors import InputError
from liverpair.core.geometry import Grid
from liverpair.mrml.dreams import dream_layout
from liverpair.mrml.dreams.dream_frames import DreamFrames
from liverpair.mrml.dreams.dream_scene import DreamScene
from liverpair.mrml.headless import load_scene_mrb, save_scene_mrb
from liverpair.mrml.pictures import SliceView
from liverpair.mrml.volumes import image_from_node, node_from_image, world_image

WINDOW, LEVEL = 123.0, 45.0


@pytest.fixture(autouse=True)
def scene():
    return empty_scene()


@pytest.fixture
def volume():
    node = node_from_image(noise_image(OBLIQUE), "T1")
    node.GetDisplayNode().SetAutoWindowLevel(False)
    node.GetDisplayNode().SetWindowLevel(WINDOW, LEVEL)
    return node


@pytest.fixture
def files(tmp_path, volume):
    return write_frames(tmp_path, image_from_node(volume))


@pytest.fixture
def frames(volume, files):
    loaded = DreamFrames(new_dream(volume=volume))
    loaded.load(files, run="random-weights", start=2)
    return loaded


def checksum(volume) -> str:
    """Of all that a volume is: voxels, geometry, transform, attributes."""
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    rest = (slicer.util.arrayFromVTKMatrix(matrix).tolist(), volume.GetTransformNodeID(), volume.GetAttributeNames())
    return hashlib.sha256(slicer.util.arrayFromVolume(volume).tobytes() + repr(rest).encode()).hexdigest()


def array_of(node) -> np.ndarray:
    return slicer.util.arrayFromVolume(node)


def expected(files, iteration: int, what: str) -> np.ndarray:
    (frame,) = [frame for frame in files if frame["iteration"] == iteration]
    return sitk.GetArrayFromImage(sitk.ReadImage(frame[what]))


def window_of(node) -> tuple[float, float]:
    return node.GetDisplayNode().GetWindow(), node.GetDisplayNode().GetLevel()


def assert_shown(frames: DreamFrames, files, iteration: int) -> None:
    """Image and object of an iteration are what the proxies hold."""
    assert frames.iteration == iteration
    np.testing.assert_allclose(array_of(frames.proxy_image), expected(files, iteration, "image"))
    np.testing.assert_array_equal(array_of(frames.proxy_mask), expected(files, iteration, "mask"))


def test_frames_are_items_by_iteration_and_the_last_is_shown(frames, files):
    assert (frames.iterations, frames.run) == (list(FRAMES), ("random-weights", 2))
    assert_shown(frames, files, FRAMES[-1])
    assert frames.browser.GetNumberOfItems() == len(FRAMES)
    assert frames.sequence("image").GetIndexName() == "iteration"
    assert [frames.browser.GetFormattedIndexValue(number) for number in range(len(FRAMES))] == ["0", "2", "5"]
    assert frames.proxy_mask.IsA("vtkMRMLLabelMapVolumeNode")


def test_frames_lie_where_the_files_say(frames, files, volume):
    for proxy in (frames.proxy_image, frames.proxy_mask):
        assert Grid.of(image_from_node(proxy)).same_as(Grid.of(sitk.ReadImage(files[0]["image"])))
        assert Grid.of(image_from_node(proxy)).same_as(Grid.of(image_from_node(volume)))
        assert proxy.GetParentTransformNode() is None


@pytest.mark.parametrize(("wanted", "nearest"), [(0, 0), (1, 0), (2, 2), (3, 2), (4, 5), (999, 5), (-7, 0)])
def test_the_nearest_frame_is_shown(frames, files, wanted, nearest):
    assert frames.go_to(wanted) == nearest
    assert_shown(frames, files, nearest)


def test_the_browser_moves_the_pictures(frames, files):
    frames.browser.SetSelectedItemNumber(1)
    assert_shown(frames, files, FRAMES[1])


def test_frames_come_one_by_one(volume, files):
    frames = DreamFrames(new_dream(volume=volume))
    for frame in files:
        frames.add(frame)
        assert_shown(frames, files, frame["iteration"])


def test_who_looks_at_an_earlier_frame_is_not_torn_away(volume, files):
    frames = DreamFrames(new_dream(volume=volume))
    frames.load(files[:2])
    frames.go_to(0)
    frames.add(files[2])
    assert frames.iterations == list(FRAMES)
    assert_shown(frames, files, 0)


def test_another_run_takes_the_place_of_the_first_in_the_same_nodes(tmp_path, frames, volume):
    proxies = frames.proxy_image, frames.proxy_mask, frames.browser
    frames.show_difference(True)
    (tmp_path / "other").mkdir()
    other = write_frames(tmp_path / "other", image_from_node(volume) + 50, (0, 3))
    frames.load(other, run="dream", start=0)
    assert (frames.iterations, frames.run) == ([0, 3], ("dream", 0))
    assert_shown(frames, other, 3)
    assert (frames.proxy_image, frames.proxy_mask, frames.browser) == proxies
    assert frames.sequence("difference").GetNumberOfDataNodes() == 2


def test_no_frames_at_all_leave_nothing(frames, scene):
    volumes_before = scene.GetNumberOfNodesByClass("vtkMRMLVolumeNode")
    frames.load([])
    assert (frames.browser, frames.proxy_image, frames.iterations, frames.iteration) == (None, None, [], None)
    assert (frames.go_to(3), frames.run) == (None, None)
    assert scene.GetNumberOfNodesByClass("vtkMRMLVolumeNode") == volumes_before - 2
    frames.show_difference(True)


@pytest.mark.parametrize("missing", ["image", "mask"])
def test_a_missing_file_is_named_and_changes_nothing(frames, files, missing):
    broken = [*files[:2], files[2] | {missing: "/nowhere/gone.nii.gz"}]
    with pytest.raises(InputError, match=r"gone\.nii\.gz"):
        frames.load(broken)
    assert_shown(frames, files, FRAMES[-1])
    assert frames.run == ("random-weights", 2)
    with pytest.raises(InputError, match=r"gone\.nii\.gz"):
        frames.add(broken[2])


def test_the_dreamt_image_is_as_bright_as_the_original_and_stays_so(frames, volume):
    assert window_of(frames.proxy_image) == (WINDOW, LEVEL)
    volume.GetDisplayNode().SetWindowLevel(80, 30)
    assert window_of(frames.proxy_image) == (80, 30)
    frames.proxy_image.GetDisplayNode().SetWindowLevel(90, 20)
    assert window_of(volume) == (90, 20)
    frames.go_to(0)
    assert window_of(frames.proxy_image) == (90, 20)
    frames.release()
    volume.GetDisplayNode().SetWindowLevel(10, 5)
    assert window_of(frames.proxy_image) == (90, 20)


def test_the_difference_is_frame_minus_original(frames, files):
    assert frames.proxy_difference is None
    frames.show_difference(True)
    for iteration in FRAMES:
        frames.go_to(iteration)
        change = 10.0 * iteration * expected(files, iteration, "mask")
        np.testing.assert_allclose(array_of(frames.proxy_difference), change, atol=1e-3)
    window, level = window_of(frames.proxy_difference)
    assert level == 0
    assert 0 < window <= 2 * 10 * FRAMES[-1]


def test_without_frame_0_the_difference_is_to_the_original_file(tmp_path, volume, files):
    frames = DreamFrames(new_dream(volume=volume))
    frames.load(files[1:], original=files[0]["image"])
    frames.show_difference(True)
    np.testing.assert_allclose(array_of(frames.proxy_difference), 50.0 * expected(files, 5, "mask"), atol=1e-3)


def test_with_neither_it_is_to_the_volume_where_that_lies(volume, tmp_path):
    transform = shift_transform(5, -4, 3)
    volume.SetAndObserveTransformNodeID(transform.GetID())
    files = write_frames(tmp_path, world_image(volume), (2, 5))
    frames = DreamFrames(new_dream(volume=volume))
    frames.load(files)
    frames.show_difference(True)
    np.testing.assert_allclose(array_of(frames.proxy_difference), 50.0 * expected(files, 5, "mask"), atol=1e-2)


def test_with_nothing_to_compare_with_it_says_so(scene, volume, files):
    frames = DreamFrames(new_dream(volume=volume))
    frames.load(files[1:])
    scene.RemoveNode(volume)
    with pytest.raises(InputError, match="before the dream"):
        frames.show_difference(True)
    assert frames.proxy_difference is None


def test_frames_that_come_while_the_difference_is_shown_have_theirs(volume, files):
    frames = DreamFrames(new_dream(volume=volume))
    frames.load(files[:2])
    frames.show_difference(True)
    frames.add(files[2])
    np.testing.assert_allclose(array_of(frames.proxy_difference), 50.0 * expected(files, 5, "mask"), atol=1e-3)


def test_the_difference_is_seen_where_the_dreamt_image_is_and_taken_away_again(frames, volume):
    view = SliceView("LiverPairDream", "Axial", (200, 200))
    try:
        dream_layout.show_dream(volume, frames.proxy_image, frames.proxy_mask)
        view.composite.SetLabelVolumeID(None)
        view.node.SetOrientationMarkerType(view.node.OrientationMarkerTypeNone)  # has colors of its own
        plain = view.grab().astype(int)
        frames.show_difference(True)
        assert frames.difference_shown
        colored = view.grab().astype(int)
        strength = np.ptp(colored, axis=2)
        assert np.ptp(plain, axis=2).max() <= 1
        assert (strength > 60).sum() > 30
        orange = colored[strength > 60]
        assert (orange[:, 0] > orange[:, 2]).all()
        frames.show_difference(False)
        assert not frames.difference_shown
        np.testing.assert_array_equal(view.grab(), plain)
    finally:
        view.close()


def test_the_object_is_outlined_in_its_color(frames, volume):
    view = SliceView("LiverPairDream", "Axial", (200, 200))
    try:
        dream_layout.show_dream(volume, frames.proxy_image, frames.proxy_mask)
        pixels = view.grab().astype(int)
        assert (np.abs(pixels - (255, 176, 0)).max(axis=2) < 40).sum() > 20
    finally:
        view.close()


def test_the_input_volume_is_never_touched(volume, files, tmp_path):
    volume.SetAttribute("DICOM.Modality", "MR")
    before = checksum(volume)
    dream = new_dream(volume=volume)
    frames = DreamFrames(dream)
    frames.load(files)
    frames.show_difference(True)
    frames.go_to(0)
    dream_layout.show_dream(volume, frames.proxy_image, frames.proxy_mask)
    save_scene_mrb(tmp_path / "dream.mrb")
    assert checksum(volume) == before
    assert window_of(volume) == (WINDOW, LEVEL)
    dream.remove()
    assert checksum(volume) == before


def test_frames_survive_the_scene(tmp_path, frames, files, scene):
    frames.show_difference(True)
    frames.go_to(2)
    path = save_scene_mrb(tmp_path / "dream.mrb")
    scene.Clear(False)
    load_scene_mrb(path)
    (dream,) = DreamScene.all_in_scene()
    assert_same_curves(dream, frames.dream)
    loaded = DreamFrames(dream)
    assert (loaded.iterations, loaded.run) == (list(FRAMES), ("random-weights", 2))
    assert_shown(loaded, files, 2)
    for iteration in FRAMES:
        loaded.go_to(iteration)
        assert_shown(loaded, files, iteration)
    assert window_of(loaded.proxy_image) == (WINDOW, LEVEL)
    dream.volume.GetDisplayNode().SetWindowLevel(60, 20)
    assert window_of(loaded.proxy_image) == (60, 20)
    np.testing.assert_allclose(array_of(loaded.proxy_difference), 50.0 * expected(files, 5, "mask"), atol=1e-3)
    assert loaded.proxy_mask.GetDisplayNode().GetColorNode().GetName() == "Dream object colors"


def test_imported_twice_each_dream_has_its_own_frames(tmp_path, frames, files):
    path = save_scene_mrb(tmp_path / "dream.mrb")
    load_scene_mrb(path, clear=False)
    first, second = (DreamFrames(dream) for dream in DreamScene.all_in_scene())
    second.go_to(0)
    first.go_to(5)
    assert_shown(first, files, 5)
    assert_shown(second, files, 0)
    assert first.proxy_image is not second.proxy_image
    second.dream.remove()
    assert_shown(first, files, 5)


@pytest.mark.parametrize("doomed", ["image", "mask", "difference", "browser", "proxy image", "proxy mask", "colors"])
def test_whatever_is_deleted_is_made_again(frames, files, scene, doomed):
    frames.show_difference(True)
    nodes = {"browser": frames.browser, "proxy image": frames.proxy_image, "proxy mask": frames.proxy_mask}
    nodes["colors"] = frames.proxy_mask.GetDisplayNode().GetColorNode()
    scene.RemoveNode(nodes.get(doomed) or frames.sequence(doomed))
    frames.go_to(0)
    frames.load(files)
    frames.show_difference(True)
    for iteration in (0, 5):
        frames.go_to(iteration)
        assert_shown(frames, files, iteration)
        change = 10.0 * iteration * expected(files, iteration, "mask")
        np.testing.assert_allclose(array_of(frames.proxy_difference), change, atol=1e-3)
    assert window_of(frames.proxy_image) == (WINDOW, LEVEL)
    assert scene.GetNumberOfNodesByClass("vtkMRMLVolumeNode") == 4
    assert scene.GetNumberOfNodesByClass("vtkMRMLSequenceBrowserNode") == 1


def test_deleted_proxies_come_back_with_the_next_frame(frames, files, scene):
    scene.RemoveNode(frames.proxy_image)
    frames.go_to(2)
    assert_shown(frames, files, 2)
    assert window_of(frames.proxy_image) == (WINDOW, LEVEL)


def test_a_deleted_volume_leaves_the_frames(frames, files, scene, volume):
    scene.RemoveNode(volume)
    frames.go_to(0)
    frames.load(files)
    assert_shown(frames, files, 5)


def test_a_deleted_dream_has_no_frames(frames, files, scene):
    scene.RemoveNode(frames.dream.table)
    assert (frames.browser, frames.iterations, frames.go_to(0), frames.proxy_image) == (None, [], None, None)
    frames.show_difference(True)
    with pytest.raises(InputError, match="was deleted"):
        frames.load(files)


def test_a_removed_dream_takes_its_frames_along(frames, scene, volume, tmp_path):
    frames.show_difference(True)
    save_scene_mrb(tmp_path / "dream.mrb")
    frames.dream.remove()
    for class_name in ("Sequence", "SequenceBrowser", "LabelMapVolume", "VolumeSequenceStorage", "ColorTableStorage"):
        assert scene.GetNumberOfNodesByClass(f"vtkMRML{class_name}Node") == 0
    assert slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode") == [volume]
