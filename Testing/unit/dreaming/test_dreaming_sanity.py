"""Whether gradients depend on what was learnt, and on noise: known for a linear network."""

import json

import numpy as np
import pytest
import torch
from dream_job_factory import place, request_for  # noqa: F401

from liverpair.core.errors import Cancelled, InputError, no_progress
from liverpair.core.geometry import Grid
from liverpair.core.sides import Side
from liverpair.dreaming.dreamer import Dreamer
from liverpair.dreaming.neurons import Neuron
from liverpair.dreaming.sanity import Sanity, check_gradient, layers_of
from liverpair.dreaming.subject import Subject
from liverpair.jobs.jobs import JOBS


def linear(seed: int = 0) -> Dreamer:
    torch.manual_seed(seed)
    layers = [torch.nn.Conv3d(1, 3, 3, padding=1), torch.nn.Conv3d(3, 2, 3, padding=1), torch.nn.Conv3d(2, 1, 1)]
    return Dreamer.of_network(torch.nn.Sequential(*layers))


def subject() -> Subject:
    image = np.random.default_rng(0).random((1, 9, 10, 11)).astype(np.float32)
    grid = Grid((11, 10, 9), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0))
    return Subject(image, grid, ((0.0, 1.0),), 3, Side.T1)


NEURON = Neuron("point", (4, 5, 5))


def test_a_linear_network_is_steady_and_its_gradient_is_what_it_learnt():
    dreamer = linear()
    before = [parameter.clone() for parameter in dreamer._network.parameters()]
    assert len(layers_of(dreamer, subject())) == 3
    found = check_gradient(dreamer, subject(), NEURON)
    assert [count for count, _ in found.randomized] == [1, 2, 3] and found.layers == 3
    assert found.stability == pytest.approx(1.0)
    assert abs(found.randomized[-1][1]) < 0.9
    assert found == check_gradient(dreamer, subject(), NEURON)
    assert all(torch.equal(one, other) for one, other in zip(before, dreamer._network.parameters()))


def test_only_the_last_layers_are_drawn_anew():
    """A last layer with one input and one output changes the size of a gradient alone, which ranks do not see."""
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Conv3d(1, 1, 3, padding=1), torch.nn.Conv3d(1, 1, 1))
    found = check_gradient(Dreamer.of_network(network), subject(), NEURON)
    assert found.randomized[0] == (1, pytest.approx(1.0)) and found.randomized[-1][1] < 0.9


def test_what_is_found_is_said():
    good = Sanity(20, ((3, 0.6), (20, 0.05)), 0.9)
    assert "of 20 randomized (3: 0.60, 20: 0.05): it depends on what" in good.sentences()[0]
    assert good.sentences()[1].endswith("stays alike by 0.90: it is steady.")
    bad = Sanity(20, ((20, 0.8),), 0.1)
    assert "it hardly depends on what the network has learnt" in bad.sentences()[0]
    assert "it is not steady" in bad.sentences()[1]
    with pytest.raises(InputError, match="has no layer that could be randomized"):
        check_gradient(Dreamer.of_network(torch.nn.Identity()), subject(), NEURON)


def test_a_dream_tells_it_in_its_file_and_among_its_notes(request_for, tmp_path):
    result = JOBS["dream"](request_for(sanity=True, iterations=2), no_progress)
    content = json.loads((tmp_path / "out" / "dream.json").read_text())
    assert content["sanity"]["layers"] >= 1 and any(
        note.startswith("Sanity of the gradient") for note in result["notes"]
    )
    plain = JOBS["dream"](request_for(iterations=2, output=str(tmp_path / "plain")), no_progress)
    assert not any(note.startswith("Sanity") for note in plain["notes"])

    def stop(_, message):
        if message == "Adding noise":
            raise Cancelled

    with pytest.raises(Cancelled):
        JOBS["dream"](request_for(sanity=True, output=str(tmp_path / "stopped")), stop)
