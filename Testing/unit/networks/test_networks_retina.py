"""RetinaNet for pairs: sizes and order of its answer, priors, shared and separate heads, gradients."""

import math

import pytest
import torch

from liverpair.detection.anchors import make_anchors
from liverpair.networks import build
from liverpair.networks.retina import RetinaNet, RetinaOutput, RetinaWithVoxels

SMALL = {"width": 4, "head_depth": 1, "anchors": 2, "backbone": {"widths": [4, 4, 8, 8]}}
LAYOUTS = [
    {"pyramid": "lateral", "levels": [2, 3]},
    {"pyramid": "lateral", "levels": [2, 4]},
    {"pyramid": "lateral", "levels": [1, 2], "segmentation_channels": 2},
    {"pyramid": "decoder", "levels": [2, 3, 4]},
    {"pyramid": "decoder", "levels": [2, 3], "segmentation_channels": 2},
    {"levels": [2, 3], "shared_heads": True},
    {"levels": [2, 3], "joint_tower": True},
]


def make(**changes) -> RetinaNet:
    torch.manual_seed(0)
    return build("retina", {**SMALL, **changes})


@pytest.mark.parametrize("dimensions", [2, 3])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_answer_has_a_row_for_every_anchor(layout, dimensions):
    network = make(dimensions=dimensions, classes=2, **layout).eval()
    shape = (8, 16, 24)[-dimensions:]
    anchors = make_anchors(shape, network.strides, [[4.0] * dimensions] * 2)
    output = RetinaOutput.of(network(torch.rand(3, 2, *shape)), dimensions)
    assert output.logits.shape == (3, 2, len(anchors), 2)
    assert output.deltas.shape == (3, 2, len(anchors), 2, dimensions)
    assert output.displacement.shape == (3, 2, len(anchors), dimensions)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_parameter_learns(layout):
    network = make(dimensions=2, **layout)
    images = torch.rand(2, 2, 16, 16)
    answers = network.with_segmentation(images) if network.segmentation else (network(images),)
    sum(answer.square().sum() for answer in answers).backward()
    silent = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert not silent


def test_scores_start_at_the_prior():
    network = make(levels=[2, 3], prior=0.01)
    for heads in network.heads:
        assert torch.allclose(heads.last[0].bias, torch.tensor(-math.log(99.0)))
    scores = RetinaOutput.of(network(torch.rand(1, 2, 16, 16, 16)), 3).logits.sigmoid()
    assert 0.005 < scores.mean().item() < 0.02


def test_an_anchor_answers_for_its_own_position_and_size():
    """Only the weights of base anchor 1 see the image, which is bright in one place only."""
    backbone = {"widths": [4], "depths": [0]}
    network = make(dimensions=2, levels=[1], head_depth=0, normalization="none", backbone=backbone)
    head = network.heads[0].last[2]
    assert head.out_channels == 2 * 2
    for parameter in network.parameters():
        torch.nn.init.constant_(parameter, 0.0)
    network.pyramid.encoder.entries[0][0].weight.data[0, 0, 1, 1] = 1
    network.pyramid.lateral["1"].weight.data[0, 0] = 1
    network.pyramid.smooth["1"][0].weight.data[0, 0, 1, 1] = 1
    head.weight.data[2, 0, 1, 1] = 1  # base anchor 1, axis y
    image = torch.zeros(1, 2, 4, 6)
    image[0, 0, 2, 3] = 5
    displacement = RetinaOutput.of(network(image), 2).displacement[0]
    row = (2 * 6 + 3) * 2 + 1
    assert displacement[0, row].tolist() == [5, 0]
    assert displacement.count_nonzero() == 1
    center = make_anchors((4, 6), network.strides, [[1.0, 1.0], [2.0, 2.0]]).boxes[row].mean(0)
    assert center.tolist() == [2.5, 3.5]


def test_shared_heads_give_both_images_one_box_and_their_own_score():
    output = RetinaOutput.of(make(levels=[2, 3], shared_heads=True, dimensions=2)(torch.rand(1, 2, 16, 16)), 2)
    assert torch.equal(output.deltas[:, 0], output.deltas[:, 1])
    assert torch.equal(output.displacement[:, 0], output.displacement[:, 1])
    assert not torch.equal(output.logits[:, 0], output.logits[:, 1])
    separate = RetinaOutput.of(make(levels=[2, 3], dimensions=2)(torch.rand(1, 2, 16, 16)), 2)
    assert not torch.equal(separate.deltas[:, 0], separate.deltas[:, 1])


@pytest.mark.parametrize("pyramid", ["lateral", "decoder"])
def test_anisotropic_strides(pyramid):
    strides = [[1, 2, 2], [2, 2, 2]]
    backbone = {"widths": [4, 4, 4], "strides": [[1, 1, 1], *strides] if pyramid == "lateral" else strides}
    network = make(pyramid=pyramid, levels=[2, 3], backbone=backbone)
    assert network.strides == {2: (1, 2, 2), 3: (2, 4, 4)}
    anchors = make_anchors((4, 8, 8), network.strides, [[2.0, 4, 4]] * 2)
    assert network(torch.rand(1, 2, 4, 8, 8)).shape[1] == len(anchors)


def test_a_stem_stride_counts_in_the_strides_of_the_decoder():
    backbone = {"widths": [4, 8], "stem_stride": [1, 2, 2]}
    network = make(pyramid="decoder", levels=[1, 2], segmentation_channels=3, backbone=backbone)
    assert network.strides == {1: (1, 2, 2), 2: (2, 4, 4)}
    boxes, masks = network.with_segmentation(torch.rand(1, 2, 4, 8, 8))
    assert masks.shape == (1, 3, 4, 8, 8)
    assert boxes.shape[1] == 2 * (4 * 4 * 4 + 2 * 2 * 2)


def test_the_segmentation_does_not_change_the_detection():
    network = make(levels=[2, 3], segmentation_channels=1, dimensions=2).eval()
    images = torch.rand(1, 2, 16, 16)
    assert torch.allclose(network(images), network.with_segmentation(images)[0])


def test_both_answers_travel_as_one():
    network = make(levels=[2, 3], segmentation_channels=2, dimensions=2).eval()
    images = torch.rand(1, 2, 16, 24)
    boxes, voxels = network.with_segmentation(images)
    taken = RetinaWithVoxels.apart(RetinaWithVoxels(network)(images), boxes.shape[1], (16, 24))
    assert torch.equal(taken[0], boxes) and torch.equal(taken[1], voxels)


def test_a_network_without_segmentation_says_so():
    with pytest.raises(ValueError, match="no voxel segmentation"):
        make(levels=[2, 3], dimensions=2).with_segmentation(torch.rand(1, 2, 16, 16))


@pytest.mark.parametrize(
    "arguments",
    [
        {"levels": [2, 5]},
        {"levels": [0, 1]},
        {"levels": []},
        {"levels": [2, 2]},
        {"levels": [2], "pyramid": "sideways"},
        {"levels": [2], "backbone": {"widths": [4, 4], "strides": [[1, 1, 1]]}},
        {"levels": [2], "backbone": {"widths": [4, 4], "kernels": [[3, 3]] * 2}},
    ],
)
def test_arguments_that_do_not_fit_are_refused(arguments):
    with pytest.raises(ValueError):
        make(**arguments)
