"""What moving a box is worth beside not moving it and moving it perfectly."""

import numpy as np
import pytest
import torch

from liverpair.detection.pairing import Found
from liverpair.training.detection import PairSample
from reproduction.chapter4.detection_2d import Answered, moved_ious


def test_a_box_is_compared_moved_as_said_not_moved_and_moved_as_the_object_is():
    """An object of 10 × 10 that moves by 4 along y. Found without error and moved by 2: 8 · 10 / 120 = 2/3; not moved:
    6 · 10 / 140 = 3/7; perfectly: 1. One below the threshold and one that finds nothing do not count."""
    boxes = torch.tensor([[[[0.0, 0], [10, 10]]], [[[4.0, 0], [14, 10]]]])
    sample = PairSample(torch.zeros(2, 20, 20), boxes, torch.ones(2, 1, dtype=torch.bool))
    here = boxes[0, 0].numpy()
    found = Found(np.stack([here, here + 50, here]), np.array([0.9, 0.8, 0.1]), np.array([[2.0, 0], [0, 0], [0, 0]]))
    rows = moved_ious(Answered(sample, (found, Found.none(2))), 0.5)
    assert rows == pytest.approx(np.array([[2 / 3, 3 / 7, 1.0]]))
    assert moved_ious(Answered(sample, (Found.none(2), Found.none(2))), 0.5).shape == (0, 3)
