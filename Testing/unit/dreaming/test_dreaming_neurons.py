"""Which output of a network is raised."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from bright_box import grid
from dreaming_factory import SPACING, batch_unet, brightness_network, smooth_noise, subject_of
from peak_detector import SIZE, image_and_liver, write_peak_bundle

from liverpair.core.errors import InputError
from liverpair.core.geometry import Box
from liverpair.core.sides import Side
from liverpair.dreaming.ascent import dream
from liverpair.dreaming.dream_settings import DreamSettings
from liverpair.dreaming.dreamer import Dreamer
from liverpair.dreaming.neurons import Neuron, neuron_at, neuron_in, random_starts
from liverpair.dreaming.probes import ellipsoid
from liverpair.dreaming.starts import random_indices
from liverpair.dreaming.subject import prepare_subject

SUBJECT = subject_of(smooth_noise(40, 48))
VOXELS = Dreamer.of_network(brightness_network())


def disk(shape, center, radius) -> np.ndarray:
    y, x = np.ogrid[: shape[0], : shape[1]]
    return (y - center[0]) ** 2 + (x - center[1]) ** 2 < radius**2


@pytest.fixture(scope="module")
def detector(tmp_path_factory):
    """A detector that sees peaks, and a pair with one peak in each image, at other places."""
    on = grid((2.0, 2.0, 4.0), extent=120.0)
    images, livers = zip(*(image_and_liver(on, [peak]) for peak in [(20.0, 0.0, 0.0), (-20.0, 16.0, -12.0)]))
    bundle = write_peak_bundle(tmp_path_factory.mktemp("detector") / "b")
    sides = (Side.T1, Side.T2)
    subject = prepare_subject(bundle, dict(zip(sides, images)), dict(zip(sides, livers)), side=Side.T2)
    return Dreamer(bundle, "cpu", "fp32"), subject


def test_neurons_survive_json():
    for neuron in (
        Neuron("box", (1, 2), (3, 4), 1, point_mm=(0.5, 1.0, 2.0)),
        Neuron("anchor", (1, 2, 3), (), 0, 1, 2, 1),
    ):
        assert Neuron.from_dict(json.loads(json.dumps(neuron.as_dict()))) == neuron
    point = {"kind": "point", "position": [1]}
    changes = ({"kind": "layer"}, {"x": 1}, {"position": ["a"]}, {"position": 1}, {"output": 0.5})
    for wrong in (*({**point, **change} for change in changes), {"kind": "point"}, 3):
        with pytest.raises(InputError, match="neuron"):
            Neuron.from_dict(wrong)


def test_a_point_is_the_voxel_that_holds_it():
    neuron = neuron_at(VOXELS, SUBJECT, SUBJECT.point_of((7.3, 11.6)))
    assert (neuron.kind, neuron.position) == ("point", (7, 12))
    assert neuron.point_mm == SUBJECT.point_of((7, 12))


@pytest.mark.parametrize(
    ("size", "position", "extent"),
    [((6.0, 8.0, 4.0), (8, 10), (4, 4)), ((0.2, 8.0, 4.0), (8, 12), (4, 1)), ((300.0, 8.0, 4.0), (8, 0), (4, 48))],
)
def test_a_box_holds_the_voxels_whose_centers_lie_in_it(size, position, extent):
    center = SUBJECT.grid.point((11.5 if size[0] > 1 else 12.0, 9.5, 0.0))
    neuron = neuron_in(VOXELS, SUBJECT, Box(tuple(center), size))
    assert (neuron.kind, neuron.position, neuron.extent) == ("box", position, extent)


@pytest.mark.parametrize(
    ("box", "words"),
    [
        (Box((500.0, 5.0, 30.0), (4.0, 4.0, 4.0)), "lies outside"),
        (Box((-20.0, 5.0, 300.0), (4.0, 4.0, 4.0)), "lies outside"),
        (Box((-20.0, 5.0, 30.0), (0.0, 4.0, 4.0)), "no extent"),
    ],
)
def test_a_box_outside_is_refused(box, words):
    with pytest.raises(InputError, match=words):
        neuron_in(VOXELS, SUBJECT, box)


def test_a_detector_answers_with_the_nearest_anchor_of_the_side(detector):
    dreamer, subject = detector
    neuron = neuron_at(dreamer, subject, (10.0, -4.0, 6.0))
    assert (neuron.kind, neuron.image, neuron.level, neuron.anchor) == ("anchor", 1, 1, 0)
    assert neuron.point_mm == pytest.approx((10.0, -4.0, 6.0), abs=2.1)
    box = Box((10.0, -4.0, 6.0), (20.0, 20.0, 16.0))
    assert neuron_in(dreamer, subject, box).position == neuron.position


def test_dreaming_an_anchor_raises_its_score_and_shows_its_box(detector):
    dreamer, subject = detector
    neuron = neuron_at(dreamer, subject, (10.0, -4.0, 6.0))
    settings = DreamSettings(iterations=6, step=0.0006, minimum_gain=0.0, precision="fp32")
    steps = list(dream(dreamer, subject, neuron, settings))
    assert steps[0].probability < 0.5 < steps[-1].probability
    assert np.all(np.diff([step.activation for step in steps]) > 0)
    assert steps[0].voxels == 0 and steps[-1].mask.shape == subject.space
    volume = np.pi / 6 * np.prod(SIZE)
    assert steps[-1].voxels == pytest.approx(volume, rel=0.2)
    changed = steps[-1].state.image != subject.channels
    assert not changed[~subject.shown].any(), "a voxel that the network is never shown was changed"
    assert changed.any()


def test_an_anchor_that_is_not_there_is_refused(detector):
    dreamer, subject = detector
    for neuron in (Neuron("anchor", (0, 0, 0), level=7), Neuron("anchor", (0, 0, 999), level=1)):
        with pytest.raises(InputError, match="no such anchor"):
            dream(dreamer, subject, neuron)
    with pytest.raises(InputError, match="its outputs are anchors"):
        dream(dreamer, subject, Neuron("point", (0, 0, 0)))


def test_random_starts_lie_in_the_liver_where_nothing_is_seen_and_apart():
    image = np.full((40, 48), 0.2)
    image[:, 24:] = 0.9  # seen as object
    liver = disk(image.shape, (20, 24), 16)
    subject = subject_of(image, liver=liver)
    starts = random_starts(VOXELS, subject, 6, seed=3)
    assert starts == random_starts(VOXELS, subject, 6, seed=3) != random_starts(VOXELS, subject, 6, seed=4)
    assert all(liver[start.position] and start.position[1] < 24 for start in starts)
    points = np.array([start.position for start in starts]) * SPACING[1::-1]
    distances = np.linalg.norm(points[:, None] - points[None], axis=-1) + 1e9 * np.eye(6)
    assert distances.min() > 6.0
    response = VOXELS.respond(VOXELS.padded(subject.channels))[0]
    assert all(response[start.position] <= 0 for start in starts)


def test_random_starts_of_a_detector_lie_outside_what_it_finds(detector):
    dreamer, _ = detector
    subject = replace(detector[1], side=Side.T1, channel=0)
    starts = random_starts(dreamer, subject, 5, seed=1)
    with torch.no_grad():
        logits = dreamer.respond(dreamer.padded(subject.channels)).logits[0, :, 0]
    found = np.array([subject.continuous_index((20.0, 0.0, 0.0))])
    for start in starts:
        assert start.kind == "anchor" and start.image == 0
        place = np.ravel_multi_index(start.position, subject.space)
        assert logits[place] <= 0 and np.abs(np.array(start.position) - found).max() > 1


def test_without_a_liver_or_a_place_no_start_is_drawn():
    with pytest.raises(InputError, match="There is no liver in what the network sees of T1"):
        random_starts(VOXELS, SUBJECT, 3)
    with pytest.raises(InputError, match="There is no liver"):
        random_starts(VOXELS, subject_of(np.zeros((8, 8)), liver=np.zeros((8, 8), bool)), 1)
    full = subject_of(np.ones((8, 8)), liver=np.ones((8, 8), bool))
    with pytest.raises(InputError, match="has 0 places where the network sees no object; 2 are asked for"):
        random_starts(VOXELS, full, 2)
    with pytest.raises(InputError, match="must be at least 1, not 0"):
        random_starts(VOXELS, subject_of(np.zeros((8, 8)), liver=np.ones((8, 8), bool)), 0)


def test_as_many_places_as_there_are_can_be_drawn():
    allowed = np.zeros((5, 5), bool)
    allowed[1:3, 1:4] = True
    assert sorted(random_indices(allowed, 6, (1, 1))) == [tuple(v) for v in np.argwhere(allowed)]
    assert len(set(random_indices(allowed, 5, (1, 1)))) == 5


def test_an_ellipsoid_touches_its_box():
    mask = ellipsoid(np.array([[2.0, 3.0, 4.0], [8.0, 11.0, 24.0]]), (12, 14, 30))
    places = np.argwhere(mask)
    assert mask.sum() == pytest.approx(np.pi / 6 * 6 * 8 * 20, rel=0.05)
    assert (places.min(axis=0) >= [2, 3, 4]).all() and (places.max(axis=0) < [8, 11, 24]).all()
    assert not ellipsoid(np.array([[2.0, 3.0], [2.0, 5.0]]), (9, 9)).any()
    assert not ellipsoid(np.array([[np.nan, 3.0], [2.0, 5.0]]), (9, 9)).any()


def test_an_output_other_than_the_first_can_be_dreamed():
    dreamer = Dreamer.of_network(batch_unet(out_channels=2))
    settings = DreamSettings(iterations=1, precision="fp32")
    subject = replace(SUBJECT, output=1)
    neuron = neuron_at(dreamer, subject, subject.point_of((9, 9)))
    step = next(dream(dreamer, subject, neuron, settings))
    expected = dreamer.respond(dreamer.padded(SUBJECT.channels))[1, 9, 9]
    assert step.activation == pytest.approx(float(expected.detach()), rel=1e-4)
