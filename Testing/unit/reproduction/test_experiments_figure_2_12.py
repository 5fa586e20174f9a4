"""Figure 2.12: to its end at a budget of seconds, and the gradients it is about."""

import json

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from bright_box import grid, image_and_mask

from liverpair.core.errors import InputError
from reproduction.__main__ import main
from reproduction.chapter2 import figure_2_12


def test_figure_2_12_measures_draws_and_writes(tmp_path):
    mask = tmp_path / "mask.nii.gz"
    sitk.WriteImage(image_and_mask(grid((5.0, 5.0, 9.0), (5, 3, 0)))[1], mask)
    folder = tmp_path / "results"
    words = [f"--mask={mask}", "--smoke", "--spacing=8", "--directions=2", f"--results={folder}"]
    assert main(["figure-2-12", *words]) == 0
    content = json.loads((folder / "figure-2-12.json").read_text())
    assert [row["length"] for row in content["table"]] == [1, 3, 5, 7]
    assert content["minimum_cosine_length_3"] == content["table"][1]["smallest cosine"]
    assert (folder / "figure-2-12.png").stat().st_size > 1000


def test_a_ball_has_aligned_gradients_with_a_filter_and_not_without():
    """Along a direction that is no axis; the gradient of the unfiltered difference follows the voxels."""
    axes = np.ogrid[-20:21, -20:21, -20:21]
    ball = torch.from_numpy((sum(a**2 for a in axes) < 9.5**2).astype(np.float32))[None, None]
    direction = np.array([0.8, 0.36, 0.48])
    gradients = figure_2_12.translation_gradients(ball, direction, np.arange(0.1, 6, 0.2))
    smallest = {length: figure_2_12.cosines(own, direction).min() for length, own in gradients.items()}
    assert min(smallest[3], smallest[5], smallest[7]) > 0.97 > smallest[1]


def test_gradients_are_those_of_the_translation():
    """Against differences of the loss itself."""
    torch.manual_seed(0)
    mask = torch.nn.functional.pad((torch.rand(1, 1, 4, 5, 6) > 0.5).float(), [4] * 6)
    direction, distance, step = np.array([0.6, 0.0, 0.8]), 1.3, 1e-2
    gradient = figure_2_12.translation_gradients(mask, direction, np.array([distance]))[3][0]

    def loss(translation):
        moved = figure_2_12.warp(mask, -torch.tensor(translation, dtype=torch.float32).reshape(1, 3, 1, 1, 1))
        blur = figure_2_12.binomial_blur
        return ((blur(moved) - blur(mask)) ** 2).mean().item()

    for axis, unit in enumerate(np.eye(3)):
        if axis == 1:
            continue  # on the grid, where interpolation has a kink
        ahead, behind = (loss(distance * direction + sign * step * unit) for sign in (1, -1))
        assert gradient[axis] == pytest.approx((ahead - behind) / (2 * step), rel=0.02, abs=1e-5)


def test_a_row_tells_how_large_misaligned_gradients_are():
    direction = np.array([1.0, 0.0, 0.0])
    aligned = np.array([[1.0, 0.0, 0.0], [2.0, 0.0, 0.0], [3.0, 4.0, 0.0]])
    gradients = {1: np.array([[1.0, 0.0, 0.0], [2.0, 0.0, 0.0], [0.0, 6.0, 0.0]]), 7: aligned}
    content = figure_2_12.row(1, direction[None], [gradients])
    assert content["smallest cosine"] == 0 and content["misaligned"] == pytest.approx(1 / 3)
    assert content["largest misaligned"] == pytest.approx(3.0)
    assert content["against length 7"] == pytest.approx(0.8)
    straight = figure_2_12.row(7, direction[None], [{7: aligned[:2]}])
    assert straight["largest misaligned"] is None and straight["against length 7"] == 1


def test_an_empty_mask_is_refused():
    empty = sitk.Image([8, 8, 8], sitk.sitkUInt8)
    with pytest.raises(InputError, match="The mask is empty"):
        figure_2_12.cropped(empty, 1.0, 2)


def test_a_descent_with_a_filter_comes_nearer_from_where_it_starts():
    axes = np.ogrid[-9:10, -9:10, -9:10]
    ball = torch.from_numpy((sum(a**2 for a in axes) < 4.5**2).astype(np.float32))[None, None]
    direction = np.array([0.8, 0.36, 0.48])
    gradients = figure_2_12.translation_gradients(ball, direction, np.arange(0.5, 5, 1.0))
    starts, ends = (figure_2_12.descents(ball, direction[None], 3, [gradients], steps) for steps in (0, 8))
    assert starts == pytest.approx(figure_2_12.DESCENTS) and ends[0] < 0.5 * starts[0] and ends[1] < starts[1]
