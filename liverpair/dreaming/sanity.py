"""Whether gradients of the image say something of what a network has learnt: the checks that any explanation owes.

Weights are drawn anew layer by layer, from the last to the first (Adebayo et al., Sanity Checks for Saliency Maps,
2018): a gradient that stays as it was shows the image and the architecture, not the training. And a gradient that
changes altogether under a little noise shows neither.
"""

import copy
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from scipy.stats import spearmanr
from torch import nn

from liverpair.core.errors import InputError, Progress, no_progress
from liverpair.dreaming.dreamer import Dreamer
from liverpair.dreaming.neurons import Neuron
from liverpair.dreaming.probes import probe_of
from liverpair.dreaming.subject import Subject

STAGES, DRAWS = 6, 4
NOISE = 0.02
"""Standard deviation, where intensities are 0 to 1: of a good MRI."""
LIKE_UNTRAINED = 0.5
"""A rank correlation of more with all weights drawn anew is told as a defect; and so is less under noise."""


@dataclass(frozen=True)
class Sanity:
    """How alike gradients are, as rank correlations of their sizes voxel by voxel.

    `layers`: how many the network has; `randomized`: how many of them, the last ones, were drawn anew, and how alike
    the gradient was then; `stability`: the mean under noise of `noise`.
    """

    layers: int
    randomized: tuple[tuple[int, float], ...]
    stability: float
    noise: float = NOISE

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        return asdict(self)

    def sentences(self) -> list[str]:
        """What to know, for a reader."""
        course = ", ".join(f"{count}: {value:.2f}" for count, value in self.randomized)
        verdict = (
            "it hardly depends on what the network has learnt"
            if self.randomized[-1][1] > LIKE_UNTRAINED
            else "it depends on what the network has learnt"
        )
        steady = "is steady" if self.stability > LIKE_UNTRAINED else "is not steady: read the dream with care"
        return [
            f"Sanity of the gradient: alike by rank correlation with the last layers of {self.layers} randomized "
            f"({course}): {verdict}.",
            f"Under noise of {self.noise:.0%} of the intensity range it stays alike by {self.stability:.2f}: it "
            f"{steady}.",
        ]


def check_gradient(
    dreamer: Dreamer, subject: Subject, neuron: Neuron, seed: int = 0, progress: Progress = no_progress
) -> Sanity:
    """Both checks of the gradient by which a dream of this neuron begins.

    Raises `InputError` for a network without layers that can be drawn anew, and lets what `progress` raises through.
    """
    trained = _gradient(dreamer, subject, neuron, subject.channels)
    names = layers_of(dreamer, subject)
    if not names:
        raise InputError(f"Model '{dreamer.name}' has no layer that could be randomized.", "Leave the check out.")
    changed = copy.copy(dreamer)
    changed._network = copy.deepcopy(dreamer._network)
    modules = dict(changed._network.named_modules())
    counts = sorted({max(1, round(len(names) * stage / STAGES)) for stage in range(1, STAGES + 1)})
    found, done = [], 0
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for count in counts:
            progress(0.5 * count / len(names), "Randomizing layer by layer")
            for name in names[len(names) - count : len(names) - done]:
                modules[name].reset_parameters()
            done = count
            found.append((count, _alike(trained, _gradient(changed, subject, neuron, subject.channels))))
    random = np.random.default_rng(seed)
    values = []
    for draw in range(DRAWS):
        progress(0.5 + 0.5 * draw / DRAWS, "Adding noise")
        noise = random.normal(0.0, NOISE, subject.channels.shape).astype(np.float32)
        noise = noise if subject.shown is None else noise * subject.shown
        values.append(_alike(trained, _gradient(dreamer, subject, neuron, subject.channels + noise)))
    return Sanity(len(names), tuple(found), float(np.mean(values)))


def layers_of(dreamer: Dreamer, subject: Subject) -> list[str]:
    """The layers with weights, in the order in which an image passes them."""
    order: list[str] = []
    hooks = []

    def remember(name: str) -> Any:
        return lambda *_: order.append(name) if name not in order else None

    for name, module in dreamer._network.named_modules():
        own = any(True for _ in module.parameters(recurse=False))
        if own and isinstance(module, nn.Module) and hasattr(module, "reset_parameters"):
            hooks.append(module.register_forward_hook(remember(name)))
    try:
        with torch.no_grad():
            dreamer.respond(dreamer.padded(subject.channels))
    finally:
        for hook in hooks:
            hook.remove()
    return order


def _gradient(dreamer: Dreamer, subject: Subject, neuron: Neuron, channels: np.ndarray) -> np.ndarray:
    """(C, *space) how strongly every voxel moves the neuron."""
    images = dreamer.padded(channels).requires_grad_(True)
    window = tuple((0, side) for side in images.shape[2:])
    answer = dreamer.respond(images)
    probe_of(dreamer, subject, neuron).logits(answer, window).mean().backward()
    inside: Sequence[slice] = tuple(slice(0, n) for n in subject.space)
    return images.grad[0][(slice(None), *inside)].abs().cpu().numpy()


def _alike(one: np.ndarray, other: np.ndarray) -> float:
    """Rank correlation of two gradients where either is not 0; 0 where one is the same everywhere."""
    used = (one > 0) | (other > 0)
    if used.sum() < 2 or np.ptp(one[used]) == 0 or np.ptp(other[used]) == 0:
        return 0.0
    return float(spearmanr(one[used], other[used]).statistic)
