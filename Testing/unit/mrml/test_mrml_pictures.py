"""Pictures drawn off screen. Renderers differ in their pixels: only what must be true of any of them is asked."""

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
from mrml_factory import DIRECTIONS, empty_scene, new_segmentation

from liverpair.core.geometry import like
from liverpair.core.labels import LIVER
from liverpair.mrml.pictures import SliceView, body_box, mask_box, montage, picture_of_pair, save_png
from liverpair.mrml.segmentations import put_segment
from liverpair.mrml.volumes import node_from_image

ORANGE = LIVER | {"color": [255, 120, 0]}


@pytest.fixture(autouse=True)
def scene():
    return empty_scene()


def ball_volume(name: str = "T1", direction: str = "as in the scanner"):
    """A bright ball of 30 mm radius off the middle of a dark volume; returns the node and the ball's mask."""
    image = sitk.Image([60, 60, 30], sitk.sitkFloat32)
    image.SetSpacing((2, 2, 4))
    image.SetDirection([float(v) for v in DIRECTIONS[direction]])
    z, y, x = np.indices((30, 60, 60))
    ball = ((x - 22) * 2.0) ** 2 + ((y - 30) * 2.0) ** 2 + ((z - 15) * 4.0) ** 2 < 30**2
    return node_from_image(like(ball.astype(np.float32) * 100, image), name), like(ball.astype(np.uint8), image)


def render_slice(volume_node, orientation="Axial", ras=None, size=(400, 400)) -> np.ndarray:
    """A slice through a world point, by default the middle, with everything that the scene shows on it."""
    view = SliceView("Rendered", orientation, size)
    try:
        view.show(volume_node)
        if ras is not None:
            view.jump_to(ras)
        return view.grab()
    finally:
        view.close()


def orange_pixels(pixels: np.ndarray) -> np.ndarray:
    red, green, blue = (pixels[..., channel].astype(int) for channel in range(3))
    return (red > 200) & (blue < 60) & (green > 60) & (green < 180)


def bright_pixels(pixels: np.ndarray) -> np.ndarray:
    return pixels.min(axis=-1) > 150


@pytest.mark.parametrize("orientation", ["Axial", "Coronal", "Sagittal"])
def test_a_ball_is_round_in_a_view_of_any_shape(orientation):
    volume, _ball = ball_volume()
    pixels = render_slice(volume, orientation, ras=(-44, -60, 60), size=(300, 200))
    assert pixels.shape == (200, 300, 3)
    rows, columns = np.nonzero(bright_pixels(pixels))
    height, width = np.ptp(rows), np.ptp(columns)
    assert height > 60
    assert abs(height - width) <= 0.16 * height


def test_patient_right_is_on_the_left_and_anterior_up():
    volume, _ball = ball_volume()
    rows, columns = np.nonzero(bright_pixels(render_slice(volume, "Axial", ras=(-44, -60, 60), size=(200, 200))))
    assert columns.mean() < 95
    assert abs(rows.mean() - 100) < 6


def test_the_picture_shows_the_slice_that_was_asked_for():
    volume, _ball = ball_volume()
    through = bright_pixels(render_slice(volume, "Axial", ras=(-44, -60, 60))).sum()
    beside = bright_pixels(render_slice(volume, "Axial", ras=(-44, -60, 8))).sum()
    assert through > 1000 and beside == 0


def test_the_outline_of_a_segment_is_drawn_in_its_color():
    volume, ball = ball_volume()
    without = orange_pixels(render_slice(volume, ras=(-44, -60, 60)))
    put_segment(new_segmentation(), ball, volume, ORANGE, {})
    outline = orange_pixels(render_slice(volume, ras=(-44, -60, 60)))
    assert without.sum() == 0
    rows, columns = np.nonzero(outline)
    assert outline.sum() > 150
    assert not outline[int(rows.mean()), int(columns.mean())]


def test_a_markup_is_drawn():
    volume, _ball = ball_volume()
    before = render_slice(volume, ras=(-44, -60, 60))
    points = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "Point")
    points.AddControlPoint(-44, -60, 60)
    assert (render_slice(volume, ras=(-44, -60, 60)) != before).any()


def test_pictures_leave_nothing_in_the_scene(scene):
    volume, ball = ball_volume()
    segmentation = new_segmentation()
    put_segment(segmentation, ball, volume, ORANGE, {})
    assert scene.GetSubjectHierarchyNode() is not None
    before = [scene.GetNthNode(number).GetID() for number in range(scene.GetNumberOfNodes())]
    render_slice(volume)
    picture_of_pair(volume, volume, segmentation, None, width=120, height=100)
    assert [scene.GetNthNode(number).GetID() for number in range(scene.GetNumberOfNodes())] == before
    assert segmentation.GetDisplayNode().GetNumberOfViewNodeIDs() == 0


def test_a_view_follows_the_scene():
    volume, _ball = ball_volume()
    view = SliceView("Watched", size=(100, 100))
    try:
        view.show(volume)
        view.jump_to((-44, -60, 60))
        view.grab()
        assert not view.changed
        volume.GetDisplayNode().SetAutoWindowLevel(False)
        volume.GetDisplayNode().SetWindowLevel(1, 1000)
        assert view.changed
        assert view.grab().max() == 0
    finally:
        view.close()


def test_a_resized_view_is_grabbed_in_its_new_size():
    view = SliceView("Resized", size=(100, 100))
    try:
        view.resize(160, 90)
        assert view.size == (160, 90)
        assert view.grab().shape == (90, 160, 3)
    finally:
        view.close()


def test_a_caption_is_written_at_the_bottom_left():
    view = SliceView("Captioned", size=(200, 200))
    try:
        view.caption = "T1 axial"
        rows, columns = np.nonzero(bright_pixels(view.grab()))
        assert len(rows) > 20 and rows.min() > 160 and columns.max() < 120
    finally:
        view.close()


def test_the_picture_of_a_pair_has_t1_above_t2_each_with_its_own_outline():
    t1, t1_ball = ball_volume("T1")
    t2, t2_ball = ball_volume("T2", "flipped")
    t1_liver, t2_liver = new_segmentation("T1 liver"), new_segmentation("T2 liver")
    put_segment(t1_liver, t1_ball, t1, ORANGE, {})
    put_segment(t2_liver, t2_ball, t2, ORANGE, {})
    both = picture_of_pair(t1, t2, t1_liver, t2_liver, width=150, height=120)
    assert both.shape == (244, 458, 3)
    only_t2 = picture_of_pair(t1, t2, None, t2_liver, width=150, height=120)
    for column in range(3):
        left = column * 154
        assert orange_pixels(both[:120, left : left + 150]).sum() > 50
        assert orange_pixels(both[124:, left : left + 150]).sum() > 50
        assert orange_pixels(only_t2[:120, left : left + 150]).sum() == 0


def test_the_picture_of_one_volume_has_one_row():
    volume, _ball = ball_volume()
    assert picture_of_pair(None, volume, width=90, height=80).shape == (80, 278, 3)


def test_the_box_of_a_mask_ends_where_its_voxels_do_however_oblique_the_volume():
    image = sitk.Image([11, 11, 3], sitk.sitkUInt8)
    half = 0.5**0.5
    image.SetDirection([half, -half, 0, half, half, 0, 0, 0, 1])  # turned by 45 degrees around the patient's axis
    image[0, 10, 1] = image[10, 0, 1] = 1  # both at y = 10 sin 45 degrees, 20 sin 45 degrees apart along x
    reach = 10 * half
    expected = [[-reach - half, -reach - half, 0.5], [reach + half, -reach + half, 1.5]]
    assert mask_box(image, node_from_image(image, "T1")) == pytest.approx(np.array(expected))


def test_the_body_box_holds_the_body_and_not_the_air():
    volume, _ball = ball_volume()
    assert body_box(volume) == pytest.approx(np.array([[-74, -90, 30], [-14, -30, 90]]), abs=4.1)


def test_a_montage_keeps_every_picture():
    pictures = [np.full((4, 6, 3), value, np.uint8) for value in (10, 20, 30)]
    joined = montage([pictures[:2], pictures[2:]], gap=2, color=99)
    assert joined.shape == (10, 14, 3)
    assert (joined[:4, :6] == 10).all() and (joined[:4, 8:] == 20).all() and (joined[6:, :6] == 30).all()
    assert (joined[4:6] == 99).all() and (joined[6:, 6:] == 99).all()


def test_a_saved_png_holds_the_same_pixels(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 255, (20, 30, 3)).astype(np.uint8)
    path = save_png(pixels, tmp_path / "new folder" / "picture.png")
    assert np.array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(path))), pixels)
