"""The path of a dream."""

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch
from dreaming_factory import batch_unet, brightness_network, smooth_noise, subject_of

from liverpair.core.errors import InputError, OutOfMemoryError
from liverpair.dreaming.ascent import DreamState, dream
from liverpair.dreaming.dream_settings import DreamSettings
from liverpair.dreaming.dreamer import Dreamer
from liverpair.dreaming.neurons import Neuron
from liverpair.dreaming.probes import probe_of

FREE = DreamSettings(minimum_gain=0.0, precision="fp32")
CENTER = Neuron("point", (30, 34))
SHAPE = (64, 72)


def kernel_network() -> torch.nn.Conv2d:
    """A linear classifier of 5 × 5 voxels."""
    torch.manual_seed(3)
    return torch.nn.Conv2d(1, 1, 5, padding=2)


def run(dreamer, subject, settings=FREE, neuron=CENTER, **arguments):
    return list(dream(dreamer, subject, neuron, settings, **arguments))


def states(steps):
    return np.stack([step.state.image for step in steps])


def measured(image, mask, spacing, names, settings):
    """Stands in for pyradiomics: the mean and the area in mm²."""
    values = {"mean": float(image[mask].mean()), "area": float(mask.sum() * np.prod(spacing))}
    return {name: values[name] for name in names}


@pytest.mark.parametrize("gradient", ["normalized", "raw"])
@pytest.mark.parametrize("direction", ["ascent", "descent"])
def test_a_linear_classifier_is_climbed_along_a_straight_line(gradient, direction):
    """Couteaux 2021, figure 3.5: the path of steepest ascent is a straight line along the weights."""
    network = kernel_network()
    settings = replace(FREE, iterations=20, gradient=gradient, direction=direction, step=0.01)
    subject = subject_of(smooth_noise(*SHAPE))
    steps = run(Dreamer.of_network(network), subject, settings)
    weights = np.zeros(SHAPE)
    weights[28:33, 32:37] = network.weight.detach().numpy()[0, 0]
    weights /= np.linalg.norm(weights)
    moves = states(steps)[:-1, 0].astype(np.float64) - subject.image
    along = (moves * weights).sum(axis=(1, 2))
    np.testing.assert_allclose(moves, along[:, None, None] * weights, atol=1e-5)
    length = (
        settings.step * (64 * 72) ** 0.5 if gradient == "normalized" else 0.01 * np.linalg.norm(network.weight.detach())
    )
    np.testing.assert_allclose(along, settings.sign * length * np.arange(1, 21), rtol=1e-4)
    assert np.all(settings.sign * np.diff([step.activation for step in steps]) > 0)


def test_a_normalized_step_is_a_part_of_the_dynamic_range():
    subject = subject_of(smooth_noise(*SHAPE))
    images = states(run(Dreamer.of_network(batch_unet()), subject, replace(FREE, iterations=3)))
    changes = np.sqrt(np.mean(np.diff(images[:-1], axis=0) ** 2, axis=(1, 2, 3)))
    np.testing.assert_allclose(changes, FREE.step, rtol=1e-4)


def test_descent_undoes_the_direction_of_ascent():
    network, subject = batch_unet(), subject_of(smooth_noise(*SHAPE))
    up = run(Dreamer.of_network(network), subject, replace(FREE, iterations=1))
    down = run(Dreamer.of_network(network), subject, replace(FREE, iterations=1, direction="descent"))
    changes = [steps[0].state.image - subject.channels for steps in (up, down)]
    np.testing.assert_allclose(changes[0], -changes[1], atol=1e-6)
    assert down[1].activation < down[0].activation == up[0].activation < up[1].activation


def test_the_crop_changes_nothing_but_the_work():
    subject = subject_of(smooth_noise(96, 104, seed=4))
    neuron = Neuron("point", (50, 40))
    network = batch_unet()
    with torch.no_grad():  # so many voxels answer "yes" that objects sprawl
        network.head.bias -= network(torch.from_numpy(subject.channels)[None]).quantile(0.55)
    dreamer = Dreamer.of_network(network)
    settings = replace(FREE, iterations=12, step=0.02, frames=(0, 6))
    part, whole = (
        run(dreamer, subject, replace(settings, crop=crop), neuron, features=["mean", "area"], features_of=measured)
        for crop in (True, False)
    )
    assert part[0].state.window != ((0, 96), (0, 104)) == whole[0].state.window
    assert part[-1].state.window not in (part[0].state.window, whole[0].state.window), "the object stayed inside"
    assert [s.voxels for s in part] == [s.voxels for s in whole] and part[-1].voxels > 100
    for name in ("activation", "probability"):
        found, expected = ([getattr(s, name) for s in steps] for steps in (part, whole))
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(part[-1].image, whole[-1].image, atol=1e-3)
    np.testing.assert_array_equal(part[6].mask, whole[6].mask)
    for name in ("mean", "area"):
        np.testing.assert_allclose(*([s.features[name] for s in steps] for steps in (part, whole)), rtol=1e-4)


def test_an_object_that_hangs_together_by_one_voxel_does_not_flicker():
    """Two parts of 0.9 with a bridge between them that is 0.52, 0.48, 0.52, 0.45 and at last 0.39 in turn: with a
    threshold of 0.5 it is one object until the bridge falls below 0.4, and two without memory."""
    bridge = [0.52, 0.48, 0.52, 0.45, 0.39]
    probabilities = np.full((1, 3, 7), 0.1)
    probabilities[0, 1, [1, 2, 4, 5]] = 0.9
    dreamer = Dreamer.of_network(brightness_network())
    subject, neuron = subject_of(np.zeros((3, 7))), Neuron("point", (1, 1))
    probe = probe_of(dreamer, subject, neuron)
    found, alone, before = [], [], None
    for value in bridge:
        probabilities[0, 1, 3] = value
        answer = torch.logit(torch.from_numpy(probabilities))
        before = probe.object(answer, ((0, 3), (0, 7)), 0.5, before)
        found.append(int(before.sum()))
        alone.append(int(probe.object(answer, ((0, 3), (0, 7)), 0.5).sum()))
    assert alone == [5, 2, 5, 2, 2] and found == [5, 5, 5, 5, 2]


def test_the_object_is_kept_where_a_dream_is_left(tmp_path):
    subject = subject_of(np.full(SHAPE, 0.49))
    steps = run(Dreamer.of_network(brightness_network()), subject, replace(FREE, iterations=8, step=0.02))
    kept = next(step.state for step in steps if step.state.object is not None and step.state.object.any())
    kept.save(tmp_path / "state.npz")
    assert np.array_equal(DreamState.load(tmp_path / "state.npz").object, kept.object)
    assert steps[0].state.object is not None and DreamState.load(tmp_path / "state.npz").iteration == kept.iteration


def test_an_empty_object_has_undefined_features():
    subject = subject_of(np.full(SHAPE, 0.3))
    steps = run(Dreamer.of_network(brightness_network()), subject, features=["mean"], features_of=measured)
    empty = [step for step in steps if step.voxels == 0]
    assert empty and all(np.isnan(step.features["mean"]) for step in empty)
    assert not empty[0].mask.any() and empty[0].probability < 0.5
    assert steps[-1].voxels == 1 and steps[-1].features["mean"] == 1.0 and steps[-1].image[CENTER.position] > 1


@pytest.mark.parametrize("shape", [(9, 10), (5, 6, 7)])
def test_an_object_of_one_voxel_is_measured_by_pyradiomics_without_a_sound(shape, capfd):
    pytest.importorskip("radiomics")
    names = [f"shape{'2D' if len(shape) == 2 else ''}_Sphericity", "firstorder_Entropy", "glcm_Contrast"]
    neuron = Neuron("point", tuple(n // 2 for n in shape))
    dreamer = Dreamer.of_network(brightness_network(dimensions=len(shape)))
    settings = replace(FREE, iterations=3, step=0.05)
    steps = run(dreamer, subject_of(np.full(shape, 0.4)), settings, neuron, features=names)
    assert steps[-1].voxels == 1 and list(steps[-1].features) == names
    assert capfd.readouterr().err == ""


def test_the_object_is_what_is_connected_to_the_neuron():
    image = np.full(SHAPE, 0.2)
    image[28:33, 30:40] = 0.9
    image[33:36, 40:45] = 0.9  # touches corner to corner
    image[50:60, 50:60] = 0.9
    step = run(Dreamer.of_network(brightness_network()), subject_of(image), replace(FREE, iterations=1))[0]
    assert step.voxels == 50 and step.mask[28:33, 30:40].all()


def test_a_box_is_the_mean_of_its_outputs():
    image = smooth_noise(*SHAPE)
    box = Neuron("box", (10, 12), (4, 6))
    dreamer = Dreamer.of_network(brightness_network())
    for activation, expected in (
        ("logit", 40 * image[10:14, 12:18] - 20),
        ("probability", 1 / (1 + np.exp(20 - 40 * image[10:14, 12:18]))),
    ):
        settings = replace(FREE, iterations=1, step=0.01, activation=activation)
        steps = run(dreamer, subject_of(image), settings, box)
        assert steps[0].activation == pytest.approx(expected.mean(), rel=1e-4)
        changed = np.abs(steps[0].state.image[0] - image) > 0
        assert changed[10:14, 12:18].all() and changed.sum() == 24
        assert steps[1].activation > steps[0].activation


@pytest.mark.parametrize("kind", ["dream", "random-weights", "random-direction"])
def test_a_resumed_dream_is_the_uninterrupted_one_to_the_last_bit(tmp_path, kind):
    settings = replace(FREE, iterations=16, step=0.02, frames=(4,), seed=5)
    subject, network = subject_of(smooth_noise(96, 104, seed=4)), batch_unet()
    neuron = Neuron("point", (50, 40))
    wanted = {"features": ["mean"], "features_of": measured, "kind": kind}
    whole = run(Dreamer.of_network(network), subject, settings, neuron, **wanted)
    first = list(islice(dream(Dreamer.of_network(network), subject, neuron, settings, **wanted), 7))
    first[-1].state.save(tmp_path / "state.npz")
    state = DreamState.load(tmp_path / "state.npz")
    rest = run(Dreamer.of_network(network), subject, settings, neuron, resume=state, **wanted)
    assert [s.iteration for s in first + rest] == [s.iteration for s in whole] == list(range(17))
    for one, other in zip(first + rest, whole):
        assert (one.activation, one.probability, one.voxels) == (other.activation, other.probability, other.voxels)
        np.testing.assert_equal(one.features, other.features)
        assert (one.stopped, one.image is None) == (other.stopped, other.image is None)
    np.testing.assert_array_equal(rest[-1].image, whole[-1].image)
    np.testing.assert_array_equal(rest[-1].mask, whole[-1].mask)


def test_the_stop_rule_is_resumed_too(tmp_path):
    settings = replace(FREE, minimum_gain=0.2, patience=5, step=0.005)
    subject, network = subject_of(smooth_noise(*SHAPE)), brightness_network()
    whole = run(Dreamer.of_network(network), subject, settings)
    state = next(islice(dream(Dreamer.of_network(network), subject, CENTER, settings), 8, None)).state
    rest = run(Dreamer.of_network(network), subject, settings, resume=state)
    assert rest[-1].iteration == whole[-1].iteration and rest[-1].stopped == whole[-1].stopped


def test_a_finished_dream_can_be_continued_further():
    subject, network = subject_of(smooth_noise(*SHAPE)), batch_unet()
    short = run(Dreamer.of_network(network), subject, replace(FREE, iterations=4))
    more = run(Dreamer.of_network(network), subject, replace(FREE, iterations=8), resume=short[-1].state)
    whole = run(Dreamer.of_network(network), subject, replace(FREE, iterations=8))
    assert [s.activation for s in short[:-1] + more] == [s.activation for s in whole]


def test_a_state_of_another_dream_is_refused(tmp_path):
    subject, dreamer = subject_of(smooth_noise(*SHAPE)), Dreamer.of_network(batch_unet())
    state = run(dreamer, subject, replace(FREE, iterations=1))[0].state
    with pytest.raises(InputError, match="its settings differ"):
        run(dreamer, subject, replace(FREE, step=0.5), resume=state)
    with pytest.raises(InputError, match="its image and neuron differ"):
        run(dreamer, subject_of(smooth_noise(*SHAPE, seed=1)), neuron=Neuron("point", (1, 1)), resume=state)
    (tmp_path / "state.npz").write_bytes(b"PK\3\4 nothing")
    with pytest.raises(InputError, match=r"state.npz' holds no dream"):
        DreamState.load(tmp_path / "state.npz")


def test_it_stops_when_nothing_is_gained():
    settings = replace(FREE, minimum_gain=0.2, patience=5, step=0.005)
    steps = run(Dreamer.of_network(brightness_network()), subject_of(smooth_noise(*SHAPE)), settings)
    activations = np.array([step.activation for step in steps])
    gains = activations[5:] - activations[:-5]
    enough = gains > 0.2 * np.maximum(np.abs(activations[5:]), np.abs(activations[:-5]))
    assert enough[:-1].all() and not enough[-1]
    assert "gained less than 20 % over the last 5 iterations" in steps[-1].stopped
    assert steps[-1].image is not None and all(step.stopped is None for step in steps[:-1])


def test_frames_and_the_end_have_pictures():
    settings = replace(FREE, iterations=5, frames=(0, 2))
    steps = run(Dreamer.of_network(batch_unet()), subject_of(smooth_noise(*SHAPE)), settings)
    assert [s.iteration for s in steps if s.image is not None and s.mask is not None] == [0, 2, 5]
    assert steps[-1].stopped == "All 5 iterations are done."
    assert steps[0].image.shape == steps[0].mask.shape == SHAPE


class Broken(torch.nn.Module):
    """Brightness of the voxel; beyond a limit, what `spoil` makes of it."""

    def __init__(self, spoil):
        super().__init__()
        self.spoil = spoil

    def forward(self, x):
        return self.spoil(x) if x.max() > 0.6 else x


@pytest.mark.parametrize(
    ("spoil", "settings", "words"),
    [
        (lambda x: x * float("inf"), {}, "the activation is not finite"),
        (lambda x: x * float("nan"), {}, "the activation is not finite"),
        (lambda x: x, {"step": 1e39, "gradient": "raw"}, "values that are not finite"),
        (lambda x: (x - x).sqrt(), {}, "the gradient is not finite"),
        (lambda x: 0 * x, {}, "the gradient vanished"),
    ],
)
def test_what_is_not_finite_ends_the_dream_in_a_sentence(spoil, settings, words):
    subject = subject_of(np.full((8, 8), 0.5))
    chosen = replace(FREE, **{"step": 0.1, "iterations": 50, **settings})
    steps = run(Dreamer.of_network(Broken(spoil)), subject, chosen, Neuron("point", (4, 4)))
    assert words in steps[-1].stopped and steps[-1].iteration < 50
    assert np.isfinite(steps[-1].image).all() and np.isfinite(steps[-1].state.image).all()
    assert all(np.isfinite(step.activation) for step in steps[:-1])


def test_an_image_is_never_changed():
    subject = subject_of(smooth_noise(*SHAPE))
    before = subject.channels.copy()
    steps = run(Dreamer.of_network(batch_unet()), subject, replace(FREE, iterations=3, frames=(0,)))
    np.testing.assert_array_equal(subject.channels, before)
    np.testing.assert_array_equal(steps[0].image, before[0])
    assert (steps[-1].image != before[0]).any()


def test_features_see_clipped_intensities_and_the_dream_does_not():
    subject = subject_of(np.full(SHAPE, 0.99))
    settings = replace(FREE, iterations=2, step=0.01)
    steps = run(Dreamer.of_network(brightness_network()), subject, settings, features=["mean"], features_of=measured)
    assert steps[-1].image.max() > 1.0 and steps[-1].features["mean"] <= 1.0


@pytest.mark.parametrize(
    ("neuron", "words"),
    [
        (Neuron("point", (64, 3)), "no such output"),
        (Neuron("point", (3, 3, 3)), "no such output"),
        (Neuron("box", (60, 3), (9, 9)), "no such output"),
        (Neuron("anchor", (3, 3)), "no such output"),
        (Neuron("point", (3, 3), output=1), "has 1 outputs and no number 1"),
    ],
)
def test_a_neuron_that_is_not_there_is_refused(neuron, words):
    with pytest.raises(InputError, match=words):
        run(Dreamer.of_network(brightness_network()), subject_of(smooth_noise(*SHAPE)), neuron=neuron)


def test_a_network_over_the_whole_image_is_not_cropped_and_says_so():
    dreamer = Dreamer.of_network(batch_unet(normalization="group"))
    steps = run(dreamer, subject_of(smooth_noise(*SHAPE)), replace(FREE, iterations=1))
    assert steps[0].state.window == ((0, 64), (0, 72))
    assert ["the whole image is computed" in note for note in dreamer.notes] == [True]


def test_when_memory_runs_out_it_goes_on_on_the_processor(monkeypatch):
    subject, dreamer = subject_of(smooth_noise(*SHAPE)), Dreamer.of_network(batch_unet())
    expected = run(Dreamer.of_network(batch_unet()), subject, replace(FREE, iterations=3))
    dreamer.device = torch.device("meta")  # stands for a device that is full
    monkeypatch.setattr(dreamer, "padded", lambda array: Dreamer.padded(expected_dreamer, array))
    expected_dreamer = Dreamer.of_network(batch_unet())
    real = dreamer.respond

    def respond(images):
        if dreamer.device.type == "meta":
            raise torch.OutOfMemoryError("injected")
        return real(images)

    monkeypatch.setattr(dreamer, "respond", respond)
    steps = run(dreamer, subject, replace(FREE, iterations=3))
    assert [s.activation for s in steps] == [s.activation for s in expected]
    assert dreamer.device.type == "cpu" and "continued on the CPU" in dreamer.notes[0]


def test_when_the_processor_has_no_memory_either_it_says_so(monkeypatch):
    dreamer = Dreamer.of_network(batch_unet())

    def respond(images):
        raise MemoryError

    monkeypatch.setattr(dreamer, "respond", respond)
    with pytest.raises(OutOfMemoryError, match="not enough memory"):
        run(dreamer, subject_of(smooth_noise(*SHAPE)))
