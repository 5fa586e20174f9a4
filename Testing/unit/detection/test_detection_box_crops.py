"""What a network that draws the lesion in a box sees, and what becomes of its answer: balls worked out by hand."""

import numpy as np
import pytest
import SimpleITK as sitk
from brightness_bundle import write_brightness_bundle

from liverpair.bundle import Bundle
from liverpair.core.device import choose_device
from liverpair.core.errors import BundleError
from liverpair.core.geometry import Box, Grid, on_grid
from liverpair.detection.box_crops import BoxSight
from liverpair.detection.box_masks import LOCAL, BoxDrawer, PromptedNetwork, network_in_boxes
from liverpair.segmentation.preparation import Normalization

SIGHT = BoxSight((24, 40, 40), 2.0)
ALL = Normalization(0.0, 100.0)
STRAIGHT, TURNED = (1.0, 0, 0, 0, 1.0, 0, 0, 0, 1.0), (0, 1.0, 0, -1.0, 0, 0, 0, 0, -1.0)
CENTER = (12.0, -7.0, 30.0)


def ball(radius: float, spacing=(1.0, 1.0, 3.0), direction=STRAIGHT) -> sitk.Image:
    """100 around `CENTER`, 10 elsewhere, in an image 90 mm wide."""
    size = tuple(int(90 / s) for s in spacing)
    axes = np.reshape(direction, (3, 3))
    origin = np.subtract(CENTER, axes @ np.multiply([(n - 1) / 2 for n in size], spacing))
    grid = Grid(size, spacing, tuple(map(float, origin)), direction)
    z, y, x = np.indices(grid.shape)
    places = np.stack([x, y, z], axis=-1) * spacing @ axes.T + origin
    return on_grid(np.where(np.linalg.norm(places - CENTER, axis=-1) <= radius, 100.0, 10.0).astype(np.float32), grid)


@pytest.mark.parametrize("radius", [6.0, 20.0])
@pytest.mark.parametrize("spacing", [(1.0, 1.0, 3.0), (0.8, 0.8, 0.8)])
@pytest.mark.parametrize("direction", [STRAIGHT, TURNED])
def test_every_ball_fills_the_same_part_of_its_crop(radius, spacing, direction):
    image = ball(radius, spacing, direction)
    grid = SIGHT.grid(image, Box(CENTER, (2 * radius,) * 3))
    assert grid.point([(n - 1) / 2 for n in grid.size]) == pytest.approx(CENTER)
    seen, distance = SIGHT.channels(image, grid, ALL)
    assert seen.shape == distance.shape == (24, 40, 40) and seen.dtype == np.float32
    assert (seen > 0.5).mean() == pytest.approx(np.pi / 6 / 8, rel=0.15)
    assert np.array_equal(distance < 0.5, distance.round(6) < 0.5)
    overlap = 2 * ((seen > 0.5) & (distance < 0.5)).sum() / ((seen > 0.5).sum() + (distance < 0.5).sum())
    assert overlap > 0.9
    assert distance[12, 20, 20] < 0.06 and distance.max() == 1.0


def test_what_lies_outside_of_the_image_is_as_dark_as_its_darkest():
    image = ball(10.0)
    corner = image.TransformContinuousIndexToPhysicalPoint((0.0, 0.0, 0.0))
    seen, _ = SIGHT.channels(image, SIGHT.grid(image, Box(corner, (20.0, 20.0, 20.0))), Normalization(0.0, 99.0))
    assert np.isfinite(seen).all() and seen[0, 0, 0] == 0.0


def test_a_crop_that_holds_no_box_is_refused():
    with pytest.raises(ValueError, match="holds no box"):
        BoxSight((24, 40, 40), 0.5)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory) -> Bundle:
    """Draws what is brighter than half of the range in a crop."""
    return write_brightness_bundle(
        tmp_path_factory.mktemp("bundle") / "bright",
        name="bright",
        task="box-segmentation",
        inputs=["T1 or T2"],
        in_channels=2,
        grid={"spacing_mm": [1.0, 1.0, 1.0], "multiple_of": [1, 1, 1], "crop": "box"},
        box={"shape": [24, 40, 40], "reach": 2.0},
    )


def dice(labels: sitk.Image, image: sitk.Image) -> float:
    found, truth = sitk.GetArrayFromImage(labels) == 5, sitk.GetArrayFromImage(image) > 50
    return 2 * (found & truth).sum() / (found.sum() + truth.sum())


def test_a_mask_reaches_beyond_a_box_that_is_too_small_and_off(bundle):
    image = ball(15.0)
    box = Box(tuple(np.add(CENTER, (3.0, -2.0, 2.0))), (24.0, 26.0, 24.0))
    labels, made_by, notes = BoxDrawer(network_in_boxes(bundle, choose_device("cpu"))).draw(image, {5: box})
    assert dice(labels, image) > 0.95
    assert made_by == {5: f"{bundle.name} {bundle.version}"} and notes == []
    assert dice(BoxDrawer().draw(image, {5: box})[0], image) < 0.95


def test_brightness_draws_where_the_network_draws_something_else(bundle):
    image = ball(25.0)
    labels, made_by, _ = BoxDrawer(PromptedNetwork(bundle)).draw(image, {5: Box(CENTER, (16.0, 16.0, 16.0))})
    assert made_by == {5: LOCAL}
    assert sitk.GetArrayFromImage(labels).any()


@pytest.mark.parametrize(
    "box, what",
    [({"shape": [24, 40], "reach": 2.0}, "box.shape"), ({"shape": [24, 40, 40], "reach": 0.5}, "box.reach")],
)
def test_a_manifest_whose_box_is_nonsense_is_refused(bundle, tmp_path, box, what):
    with pytest.raises(BundleError, match=what):
        Bundle.write(tmp_path / "broken", {**bundle.manifest, "box": box}, bundle.weights())


def test_the_card_says_what_is_seen_around_a_box(bundle):
    assert "| Working grid | 40 × 40 × 24 voxels (x, y, z) over 2 times the sides of the box |" in bundle.card()


def test_a_model_that_finds_livers_does_not_draw_in_boxes(tmp_path):
    with pytest.raises(BundleError):
        network_in_boxes(write_brightness_bundle(tmp_path / "liver"), choose_device("cpu"))
