"""The loops that the benchmark of dreams compares, and the planted cases they run on."""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import SimpleITK as sitk
import torch
from scipy import ndimage
from torch import nn

from liverpair.bundle import Catalogue
from liverpair.core.geometry import IDENTITY_DIRECTION, Grid, centroid_mm
from liverpair.core.sides import Side
from liverpair.dreaming.ascent import dream
from liverpair.dreaming.dream_settings import DreamSettings
from liverpair.dreaming.dreamer import Dreamer
from liverpair.dreaming.neurons import Neuron
from liverpair.dreaming.subject import Subject, prepare_subject
from liverpair.measures.feature_names import default_features
from liverpair.measures.radiomics import FeatureSettings
from liverpair.networks import build
from liverpair.synthesis.phantom import phantom_pair

STRAIGHTFORWARD, OURS = "straightforward", "LiverPair"
SPACING_MM = 1.5
LOGIT = 4.0
"""What a planted network answers inside its object, and with the other sign outside."""
FEATURES = FeatureSettings()


@dataclass(frozen=True, eq=False)
class Step:
    """One iteration of a loop: the neuron's logit, the features, the image and the mask (*space) of its object."""

    activation: float
    features: dict[str, float]
    image: np.ndarray
    mask: np.ndarray


@dataclass(frozen=True, eq=False)
class Case:
    """A network in eval mode that sees an object in an image (*space) in [0, 1]; the neuron lies in it."""

    name: str
    network: nn.Module
    image: np.ndarray
    neuron: tuple[int, ...]

    @property
    def size(self) -> str:
        """Of image and network, in words."""
        parameters = sum(p.numel() for p in self.network.parameters()) / 1e6
        return f"{' × '.join(map(str, self.image.shape))} voxels, {parameters:.2f} M parameters"

    @property
    def features(self) -> tuple[str, ...]:
        """What is measured."""
        return default_features(self.image.ndim)

    @property
    def spacing_mm(self) -> tuple[float, ...]:
        """(x, y[, z])."""
        return (SPACING_MM,) * self.image.ndim


def planted(name: str, shape: Sequence[int], radius: float, arguments: dict[str, Any], seed: int = 0) -> Case:
    """A network with random weights that sees a brighter ball in an image of smooth noise: one channel of its finest
    level carries the brightness, and the last layer is fitted."""
    image, ball = planted_image(shape, radius, seed)
    torch.manual_seed(seed)
    network = build("unet", {"dimensions": len(shape), **arguments})
    pixels = torch.from_numpy(image)[None, None]
    with torch.no_grad():
        carry(network.encoder[0], 0)
        carry(network.decoder[0], network.ups[0].out_channels)
        network.train()
        for module in network.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.momentum = None  # the statistics become those of this image
        network(pixels)
        network.eval()
        maps = network.features(pixels)[0][0].flatten(1).double()
        maps = torch.cat([maps, torch.ones(1, maps.shape[1])])
        inside = torch.from_numpy(ball.ravel())
        weight = torch.where(inside, (~inside).sum() / inside.sum(), 1.0).double()
        wanted = torch.where(inside, LOGIT, -LOGIT).double()
        normal = (maps * weight) @ maps.T
        fitted = torch.linalg.solve(normal + 1e-6 * normal.trace() * torch.eye(len(normal)), (maps * weight) @ wanted)
        network.head.weight.copy_(fitted[:-1].float().reshape(network.head.weight.shape))
        network.head.bias.copy_(fitted[-1:].float())
    return Case(name, network, image, tuple(n // 2 for n in shape))


def carry(block: nn.Sequential, channel: int) -> None:
    """Let the first channel of a block of convolutions be `channel` of its input, smoothed."""
    for layer in block:
        if isinstance(layer, nn.Conv2d | nn.Conv3d):
            layer.weight[0] = 0
            layer.weight[0, channel] = 1 / layer.weight[0, channel].numel()
            channel = 0


def shipped(name: str, model: str, lesion: int, side: int) -> Case:
    """A shipped network of T1 slices on the slice of the embedded phantom through the middle of one of its lesions,
    filled up with zeros to `side` pixels each way."""
    pair = phantom_pair(0)
    bundle = Catalogue().find(model)
    point = centroid_mm(pair.t1_lesions == lesion)
    subject = prepare_subject(bundle, {Side.T1: pair.t1}, point_mm=point)
    before = [(side - n) // 2 for n in subject.space]
    image = np.pad(subject.image, [(b, side - n - b) for b, n in zip(before, subject.space)])
    neuron = tuple(b + i for b, i in zip(before, subject.index_of(point)))
    return Case(name, bundle.network("cpu").eval(), image, neuron)


def planted_image(shape: Sequence[int], radius: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """An image (*space) float32 of smooth noise with a brighter ball of `radius` voxels in its middle, and the ball."""
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal(shape), 2.0)
    distance = np.sqrt(sum((axis - n // 2) ** 2 for axis, n in zip(np.ogrid[tuple(map(slice, shape))], shape)))
    ball = distance < radius
    soft = ndimage.gaussian_filter(ball.astype(float), 1.0)
    return np.clip(0.3 + 0.03 * noise / noise.std() + 0.5 * soft, 0, 1).astype(np.float32), ball


def straightforward(case: Case, settings: DreamSettings) -> Iterator[Step]:
    """As one writes it down: PyTorch in single precision on the whole image, gradients of the weights too, and
    pyradiomics' extractor on the whole image in every iteration."""
    network = copy.deepcopy(case.network).requires_grad_()
    extractor = extractor_of(case.features)
    image = torch.tensor(case.image)[None, None].requires_grad_()
    while True:
        logits = network(image)[0, 0]
        activation = logits[case.neuron]
        network.zero_grad()
        image.grad = None
        activation.backward()
        labels, _ = ndimage.label((logits > 0).numpy())
        mask = (labels == labels[case.neuron]) & (labels > 0)
        now = image.detach().numpy()[0, 0].copy()
        yield Step(float(activation.detach()), extracted(extractor, now, mask, case.features), now, mask)
        with torch.no_grad():
            image += settings.step * image.numel() ** 0.5 * image.grad / image.grad.norm()


def ours(case: Case, settings: DreamSettings) -> Iterator[Step]:
    """A dream by `liverpair.dreaming.ascent`."""
    size = (*case.image.shape[::-1], 1)[:3]
    grid = Grid(size, (SPACING_MM,) * 3, (0.0, 0.0, 0.0), IDENTITY_DIRECTION)
    subject = Subject(case.image[None], grid, ((0.0, 1.0),), case.image.ndim, Side.T1)
    dreamer = Dreamer.of_network(case.network, "cpu", settings.precision)
    neuron = Neuron("point", case.neuron)
    for step in dream(dreamer, subject, neuron, settings, case.features, FEATURES):
        yield Step(step.activation, step.features, step.image, step.mask)


def arms(settings: DreamSettings, precision: str) -> dict[str, DreamSettings | None]:
    """Name of each loop and the settings of a dream; None is the straightforward one. `precision`: the native one."""
    found = {
        STRAIGHTFORWARD: None,
        f"{OURS}, fp32, whole image": replace(settings, precision="fp32", crop=False),
        f"{OURS}, fp32": replace(settings, precision="fp32"),
        OURS: settings,
    }
    if precision == "fp32":
        del found[f"{OURS}, fp32"]
    return found


def run(case: Case, own: DreamSettings | None, settings: DreamSettings) -> Iterator[Step]:
    """The loop that `arms` names."""
    return straightforward(case, settings) if own is None else ours(case, own)


def extractor_of(names: Sequence[str]) -> Any:
    """pyradiomics' extractor of these features, with our settings."""
    from radiomics import setVerbosity
    from radiomics.featureextractor import RadiomicsFeatureExtractor

    setVerbosity(60)
    extractor = RadiomicsFeatureExtractor(**FEATURES.for_pyradiomics())
    extractor.disableAllFeatures()
    chosen: dict[str, list[str]] = {}
    for name in names:
        group, _, short = name.partition("_")
        chosen.setdefault(group, []).append(short)
    extractor.enableFeaturesByName(**chosen)
    return extractor


def extracted(extractor: Any, image: np.ndarray, mask: np.ndarray, names: Sequence[str]) -> dict[str, float]:
    """Features of an object by the extractor, given the whole image; NaN without an object."""
    if not mask.any():
        return dict.fromkeys(names, float("nan"))
    pictures = [np.clip(image.astype(np.float64), 0, 1) * FEATURES.scale, mask.astype(np.uint8)]
    volumes = [sitk.GetImageFromArray(picture) for picture in pictures]
    for volume in volumes:
        volume.SetSpacing([SPACING_MM] * image.ndim)
    found = extractor.execute(*volumes)
    return {name: float(found[f"original_{name}"]) for name in names}
