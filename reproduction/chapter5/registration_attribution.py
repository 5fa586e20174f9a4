"""What does a registration network look at? (Couteaux 2021, section 5.2.2)

The hypothesis of the thesis: it finds key points in both images and compares where they lie. If so, the gradient of one
displacement vector should gather where there is structure, in the first image around the place that the vector points
to, in the second around its own place, and do so more than in a network that has learned nothing.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from scipy import ndimage

from liverpair.dreaming.plot_style import figure_style, save_figure
from liverpair.evaluation.result_files import write_results
from reproduction.arguments import command_of
from reproduction.chapter5.displacement_networks import stacked, trained_displacements
from reproduction.chapter5.options import options_of
from reproduction.toys.shifted_pairs import ShiftedPair, ShiftedPairSettings, shifted_pair
from reproduction.training.generated_data import TEST, DrawnSamples
from reproduction.training.registration_network import RegistrationNetwork, dense

NAME = "registration-attribution"
SEEDS, STEPS = (0,), 900
WIDTHS = (16, 32, 48)
SETTINGS = ShiftedPairSettings(size=64, flat=0.5, shift=4.0, deformation=1.5)
PAIRS = 60
STRUCTURE = 0.2
"""Part of the pixels, those with the steepest intensities, that counts as structure."""
NEAR = 16
"""Half the side of the window around the vector in which structure is compared."""
NOTES = (
    "The vector is that of the middle of the second image; its attribution is the size of the gradient of its two "
    "components with respect to every pixel of both images. *on structure*: part of the attribution on the steepest "
    f"fifth of the pixels within {NEAR} pixels, over that fifth: 1 where the gradient does not care. *moves along*: "
    "correlation over pairs of the distance between the attribution's center in the first image and in the second with "
    "the displacement: 1 if the network looks where the vector points, 0 if at one place in both images. *input "
    "alone*: the same with gradient times input. Half of each image is flat, and tells nothing.",
    "*error*: median error of that vector on new pairs, pixels; *not moved*: its median length.",
)


def main(arguments: Sequence[str]) -> None:
    """Train, attribute, write."""
    options = options_of(NAME, __doc__, arguments, STEPS, SEEDS)
    pairs = list(DrawnSamples(partial(shifted_pair, settings=SETTINGS), 4 if options.smoke else PAIRS, (TEST, 8)))
    torch.manual_seed(options.seeds[0])
    untrained = RegistrationNetwork(2, WIDTHS)
    torch.nn.init.normal_(untrained.head.weight, std=0.05)
    network = trained_displacements(RegistrationNetwork(2, WIDTHS), SETTINGS, options.steps, options.seeds[0])
    rows, shown = [], None
    for title, own in (("trained", network), ("random weights", untrained)):
        maps = [attribution(own, pair) for pair in pairs]
        shown = shown or maps
        rows.append({"network": title, **measure(own, pairs, maps)})
        print(rows[-1], flush=True)
    _draw(pairs[:3], shown[:3], options.results / f"{NAME}.png")
    write_results(
        NAME,
        rows,
        command_of(NAME, arguments),
        data=f"{len(pairs)} new pairs of textures, from our generator (reproduction.toys.shifted_pairs)",
        title="What a registration network looks at for one displacement vector",
        values={"steps": options.steps, "seeds": options.seeds}
        | {f"{key}_trained": rows[0][name] for key, name in (("structure", "on structure"), ("moves", "moves along"))},
        folder=options.results,
        notes=[*NOTES, f"![Pairs with the attribution of one vector]({NAME}.png)"],
    )


def attribution(network: RegistrationNetwork, pair: ShiftedPair) -> np.ndarray:
    """(2, y, x): the size of the gradient of the vector in the middle, in the first image and in the second."""
    images = torch.from_numpy(pair.images)[None].requires_grad_()
    middle = tuple(n // 2 for n in images.shape[2:])
    vector = dense(network(images), images.shape[2:])[0, :, middle[0], middle[1]]
    gradients = [torch.autograd.grad(part, images, retain_graph=True)[0][0] for part in vector]
    return torch.stack(gradients).square().sum(dim=0).sqrt().numpy()


def measure(network: RegistrationNetwork, pairs: Sequence[ShiftedPair], maps: Sequence[np.ndarray]) -> dict[str, Any]:
    """What the table says of a network."""
    images, wanted = stacked(pairs)
    middle = tuple(n // 2 for n in images.shape[2:])
    with torch.no_grad():
        found = dense(network(images), images.shape[2:])[:, :, middle[0], middle[1]].numpy()
    true = wanted[:, :, middle[0], middle[1]].numpy()
    on = np.array([[on_structure(pair.images[k], own[k]) for k in (0, 1)] for pair, own in zip(pairs, maps)])
    apart = np.array([center_of(own[0]) - center_of(own[1]) for own in maps])
    return {
        "error": float(np.median(np.linalg.norm(found - true, axis=1))),
        "not moved": float(np.median(np.linalg.norm(true, axis=1))),
        "on structure": float(on.mean()),
        "on structure, image 1": float(on[:, 0].mean()),
        "on structure, image 2": float(on[:, 1].mean()),
        "moves along": float(np.corrcoef(apart.ravel(), true.ravel())[0, 1]),
        "share of image 1": float(np.mean([own[0].sum() / own.sum() for own in maps])),
    }


def on_structure(image: np.ndarray, own: np.ndarray) -> float:
    """Part of an attribution (y, x) on the steepest pixels of the window around the middle, over their part."""
    steep = ndimage.gaussian_gradient_magnitude(image, 1.0)
    window = tuple(slice(n // 2 - NEAR, n // 2 + NEAR) for n in image.shape)
    steep, own = steep[window], own[window]
    most = steep > np.quantile(steep, 1 - STRUCTURE)
    return float(own[most].sum() / own.sum() / most.mean())


def center_of(own: np.ndarray) -> np.ndarray:
    """Center (y, x) of an attribution, by its squares."""
    return np.array(ndimage.center_of_mass(own**2))


def _draw(pairs: Sequence[ShiftedPair], maps: Sequence[np.ndarray], path) -> None:
    with figure_style():
        figure = Figure((8.4, 2.2 * len(pairs) + 0.3), layout="constrained")
        axes = figure.subplots(len(pairs), 4, squeeze=False)
        for line, pair, own in zip(axes, pairs, maps):
            middle = np.array([n // 2 for n in own.shape[1:]])
            places = (middle + pair.displacement[:, middle[0], middle[1]], middle)
            for k in (0, 1):
                line[k].imshow(pair.images[k], cmap="gray", vmin=-2.5, vmax=2.5)
                line[2 + k].imshow(own[k], cmap="magma", vmin=0, vmax=np.quantile(own, 0.999))
                for axis in (line[k], line[2 + k]):
                    axis.plot(*places[k][::-1], "+", color="#40d8ff", markersize=9)
                    axis.set(xticks=[], yticks=[])
                    axis.grid(False)
        for axis, title in zip(axes[0], ("first image", "second image", "attribution, first", "attribution, second")):
            axis.set_title(title)
        save_figure(figure, path)
