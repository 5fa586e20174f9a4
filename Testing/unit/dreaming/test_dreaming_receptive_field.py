"""What an output depends on, told from kernels and strides, against what really changes it."""

import numpy as np
import pytest
import torch
from dreaming_factory import batch_unet

from liverpair.dreaming.receptive_field import ReceptiveField, contains, cut
from liverpair.networks import build

NETWORKS = {
    "plain": {"dimensions": 2},
    "deep": {"dimensions": 2, "widths": [2, 2, 2, 2]},
    "stem": {"dimensions": 2, "stem_stride": [2, 2], "widths": [3, [4, 4, 4]]},
    "single level": {"dimensions": 2, "widths": [3]},
    "anisotropic": {
        "dimensions": 3,
        "widths": [2, 3],
        "kernels": [[1, 3, 3], [3, 3, 3]],
        "strides": [[1, 2, 2]],
        "stem_stride": [1, 2, 2],
    },
}


def shape_for(field, dimensions) -> tuple[int, ...]:
    """An image in which the field of the middle fits."""
    multiples = field.network.multiple_of
    widths = [last - first for first, last in field.needed(((0, 1),) * dimensions)]
    return tuple(-(-(w + 2 * m) // m) * m for w, m in zip(widths, multiples))


def true_field(network, shape, output) -> tuple[tuple[int, int], ...]:
    """The inputs that could reach `output`: all weights are 1 and maxima sums, so that nothing cancels."""
    for module in network.modules():
        if isinstance(module, (torch.nn.MaxPool2d, torch.nn.MaxPool3d)):
            module.forward = lambda x, m=module: _mean_pool(x, m.kernel_size)
        if isinstance(module, (torch.nn.BatchNorm2d, torch.nn.BatchNorm3d)):
            module.running_mean.zero_(), module.running_var.fill_(1)
    network = network.double()
    for parameter in network.parameters():
        torch.nn.init.constant_(parameter, 1.0 if parameter.ndim > 1 else 0.0)
    for module in network.modules():
        if isinstance(module, (torch.nn.BatchNorm2d, torch.nn.BatchNorm3d)):
            torch.nn.init.ones_(module.weight)
    image = torch.ones(1, 1, *shape, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(network(image)[(0, 0, *output)], image)
    places = np.argwhere(gradient[0, 0].numpy() > 0)
    return tuple((int(a), int(b) + 1) for a, b in zip(places.min(axis=0), places.max(axis=0)))


def _mean_pool(x, kernel):
    pool = torch.nn.functional.avg_pool2d if x.ndim == 4 else torch.nn.functional.avg_pool3d
    return pool(x, kernel)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("shift", [0, 1])
def test_the_field_is_exactly_what_reaches_an_output(name, shift):
    network = batch_unet(**NETWORKS[name])
    field = ReceptiveField.of(network)
    shape = shape_for(field, network.dimensions)
    output = tuple(n // 2 + shift for n in shape)
    needed = field.needed(tuple((i, i + 1) for i in output))
    clipped = tuple((max(0, a), min(n, b)) for (a, b), n in zip(needed, shape))
    assert true_field(network, shape, output) == clipped


@pytest.mark.parametrize("name", ["plain", "stem", "anisotropic"])
def test_a_window_gives_its_exact_outputs(name):
    network = batch_unet(**NETWORKS[name])
    field = ReceptiveField.of(network)
    shape = tuple(2 * n for n in shape_for(field, network.dimensions))
    middle = tuple((n // 2 - 1, n // 2 + 2) for n in shape)
    window = field.window(middle, shape)
    assert window != tuple((0, n) for n in shape)
    exact = field.exact(window, shape)
    assert contains(exact, middle)
    image = torch.rand(1, 1, *shape)
    with torch.no_grad():
        whole, part = network(image)[0, 0], network(cut(image, window))[0, 0]
    inside = tuple((a - s, b - s) for (a, b), (s, _) in zip(exact, window))
    torch.testing.assert_close(cut(part, inside), cut(whole, exact), rtol=1e-4, atol=1e-5)


def test_at_the_border_of_the_image_nothing_is_lost():
    field = ReceptiveField.of(batch_unet())
    window = field.window(((0, 1), (90, 96)), (96, 96))
    assert window[0][0] == 0 and window[1][1] == 96
    exact = field.exact(window, (96, 96))
    assert exact[0][0] == 0 and exact[1][1] == 96


@pytest.mark.parametrize("normalization", ["group", "instance"])
def test_a_network_that_normalizes_over_the_image_has_no_field(normalization):
    assert ReceptiveField.of(build("unet", {"normalization": normalization})) is None
    assert ReceptiveField.of(build("unet", {"normalization": "none"})) is not None
    assert ReceptiveField.of(torch.nn.Conv2d(1, 1, 3)) is None
