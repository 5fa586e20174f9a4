"""What any ascent would do: the baselines that a trajectory is held against.

"random-weights" dreams with the network as it was before training (`Dreamer.randomized`). "random-direction" changes
the image along one random direction, by steps as long as the dream's; activation and object are the trained network's.
"""

import json
import zlib

import numpy as np

from liverpair.dreaming.dreamer import Dreamer
from liverpair.dreaming.neurons import Neuron
from liverpair.dreaming.receptive_field import grown
from liverpair.dreaming.subject import Subject


def changeable(dreamer: Dreamer, subject: Subject, neuron: Neuron) -> np.ndarray:
    """(C, *space) bool: the voxels that a dream of this neuron can change: those that are shown to the network and lie
    in the neuron's receptive field."""
    able = np.ones_like(subject.channels, bool) if subject.shown is None else subject.shown.copy()
    if dreamer.field is not None:
        field = np.zeros(subject.space, bool)
        inside = grown(dreamer.field.needed(neuron.bounds), 0, subject.space)
        field[tuple(slice(first, last) for first, last in inside)] = True
        able &= field
    return able


def random_direction(dreamer: Dreamer, subject: Subject, neuron: Neuron, seed: int) -> np.ndarray:
    """(C, *space) float32: Gaussian noise where a dream could change the image, with a root mean square of 1 over the
    whole image. Every neuron has its own, which `seed` and the neuron decide."""
    own = zlib.crc32(json.dumps(neuron.as_dict(), sort_keys=True).encode())
    noise = np.random.default_rng([seed, own]).standard_normal(subject.channels.shape)
    noise *= changeable(dreamer, subject, neuron)
    return (noise / np.sqrt(np.mean(noise**2))).astype(np.float32)
