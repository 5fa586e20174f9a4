"""What any ascent would do."""

from dataclasses import replace

import numpy as np
import pytest
from dreaming_factory import batch_unet, smooth_noise, subject_of

from liverpair.core.errors import InputError
from liverpair.dreaming.ascent import dream
from liverpair.dreaming.baselines import changeable, random_direction
from liverpair.dreaming.dream_settings import DreamSettings
from liverpair.dreaming.dreamer import Dreamer
from liverpair.dreaming.neurons import Neuron

SUBJECT = subject_of(smooth_noise(72, 80))
NEURON = Neuron("point", (30, 40))
SETTINGS = DreamSettings(iterations=6, step=0.01, minimum_gain=0.5, patience=1, precision="fp32")


@pytest.fixture
def dreamer() -> Dreamer:
    return Dreamer.of_network(batch_unet())


def images(steps) -> np.ndarray:
    return np.stack([step.state.image for step in steps])[:-1]


def test_a_random_direction_is_one_line_by_steps_of_equal_length(dreamer):
    steps = list(dream(dreamer, SUBJECT, NEURON, SETTINGS, kind="random-direction"))
    moves = np.diff(np.concatenate([SUBJECT.channels[None], images(steps)]), axis=0)
    np.testing.assert_allclose(np.sqrt(np.mean(moves**2, axis=(1, 2, 3))), SETTINGS.step, rtol=1e-4)
    np.testing.assert_allclose(moves, moves[:1].repeat(6, axis=0), atol=1e-6)
    assert len(steps) == 7, "a direction that gains nothing must not end the baseline"


def test_raw_steps_are_as_long_as_the_gradient_would_make_them(dreamer):
    raw = replace(SETTINGS, gradient="raw", iterations=1)
    lengths = []
    for kind in ("dream", "random-direction"):
        step = next(dream(dreamer, SUBJECT, NEURON, raw, kind=kind))
        lengths.append(np.linalg.norm(step.state.image - SUBJECT.channels))
    assert lengths[0] == pytest.approx(lengths[1], rel=1e-3)


def test_a_random_direction_changes_what_a_dream_could_change(dreamer):
    able = changeable(dreamer, SUBJECT, NEURON)
    direction = random_direction(dreamer, SUBJECT, NEURON, 0)
    assert 0 < able.sum() < able.size and ((direction != 0) == able).all()
    assert np.sqrt(np.mean(direction**2)) == pytest.approx(1.0, rel=1e-5)
    dreamed = list(dream(dreamer, SUBJECT, NEURON, replace(SETTINGS, crop=False)))
    assert not (dreamed[-1].state.image != SUBJECT.channels)[~able].any()


def test_every_start_has_its_own_direction_and_keeps_it(dreamer):
    one = random_direction(dreamer, SUBJECT, NEURON, 0)
    np.testing.assert_array_equal(one, random_direction(dreamer, SUBJECT, NEURON, 0))
    for other in ((Neuron("point", (31, 40)), 0), (NEURON, 1)):
        assert (one != random_direction(dreamer, SUBJECT, *other)).any()


def test_the_trained_network_judges_a_random_direction(dreamer):
    by_direction = next(dream(dreamer, SUBJECT, NEURON, SETTINGS, kind="random-direction"))
    dreamed = next(dream(dreamer, SUBJECT, NEURON, SETTINGS))
    by_weights = next(dream(dreamer, SUBJECT, NEURON, SETTINGS, kind="random-weights"))
    assert by_direction.activation == dreamed.activation != by_weights.activation


def test_a_crop_changes_no_baseline(dreamer):
    for kind in ("random-weights", "random-direction"):
        runs = [list(dream(dreamer, SUBJECT, NEURON, replace(SETTINGS, crop=c), kind=kind)) for c in (True, False)]
        found, expected = ([step.activation for step in steps] for steps in runs)
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5)


def test_an_unknown_kind_is_refused(dreamer):
    with pytest.raises(InputError, match="'nightmare' is unknown"):
        dream(dreamer, SUBJECT, NEURON, SETTINGS, kind="nightmare")
