"""A network that is also shown the mirror images of a pair, on networks with random weights."""

import numpy as np
import pytest
import torch

from liverpair.detection.detection_settings import DetectionSettings
from liverpair.detection.finding import Answer, ask
from liverpair.networks.retina import RetinaNet, RetinaWithVoxels
from liverpair.training.pair_augmentation import mirrored

SIZES = {2: ((3.0, 3.0),), 3: ((2.0, 3.0, 3.0), (4.0, 6.0, 6.0))}
SPACE = {2: (16, 24), 3: (8, 16, 24)}


def answer(network: RetinaNet, channels: np.ndarray, mirrors: tuple[str, ...]) -> Answer:
    settings = DetectionSettings(anchor_sizes=SIZES[network.dimensions], mirrors=mirrors)
    drawing = network if network.segmentation is None else RetinaWithVoxels(network).eval()
    return ask(drawing, channels, network.strides, settings)


def random_network(dimensions: int, drawing: bool = False) -> RetinaNet:
    torch.manual_seed(3)
    network = RetinaNet(
        dimensions=dimensions,
        levels=(1, 2),
        anchors=len(SIZES[dimensions]),
        backbone={"widths": [4, 8, 8]},
        width=8,
        head_depth=1,
        segmentation_channels=2 if drawing else 0,
    )
    for weights in network.parameters():
        torch.nn.init.normal_(weights, std=0.3)
    return network.eval()


@pytest.mark.parametrize(
    ("dimensions", "mirrors"), [(3, ("x",)), (3, ("z", "x")), (3, ("x", "y", "z")), (2, ("y",)), (2, ("x", "y"))]
)
def test_a_mirrored_pair_has_the_mirrored_answer_whatever_the_network(dimensions, mirrors):
    network = random_network(dimensions)
    channels = np.random.default_rng(0).normal(size=(2, *SPACE[dimensions])).astype(np.float32)
    axis = "zyx"[-dimensions:].index(mirrors[0])
    length = channels.shape[1 + axis]
    here, there = (answer(network, image, mirrors) for image in (channels, np.flip(channels, 1 + axis)))
    turned = mirrored(here.anchors.boxes, axis, length)
    rows = [int((turned - box).abs().amax(dim=(1, 2)).argmin()) for box in here.anchors.boxes]
    sides = (here.anchors.boxes[:, 1] - here.anchors.boxes[:, 0])[:, None]
    boxes = [one.anchors.boxes + one.output.deltas * sides for one in (here, there)]
    assert torch.allclose(there.output.logits, here.output.logits[:, rows], atol=1e-4)
    assert torch.allclose(boxes[1], mirrored(boxes[0], axis, length)[:, rows], atol=1e-3)
    moves = here.output.displacement[:, rows].clone()
    moves[..., axis] *= -1
    assert torch.allclose(there.output.displacement, moves, atol=1e-4)


def test_without_mirrors_the_two_answers_differ():
    network = random_network(3)
    channels = np.random.default_rng(0).normal(size=(2, *SPACE[3])).astype(np.float32)
    plain, mirror = (answer(network, channels, mirrors).output.logits for mirrors in ((), ("x",)))
    assert not torch.allclose(plain, mirror, atol=1e-2)


def test_what_is_drawn_is_averaged_too():
    network = random_network(3, drawing=True)
    channels = np.random.default_rng(0).normal(size=(2, *SPACE[3])).astype(np.float32)
    both = answer(network, channels, ("x",)).lesions
    plain, other = (answer(network, image, ()).lesions for image in (channels, np.flip(channels, 3)))
    assert both == pytest.approx((plain + np.flip(other, 3)) / 2, abs=1e-5)
