"""Handwritten digits in three numbers (Couteaux 2021, section 5.2.1, figure 5.1).

The thesis takes MNIST; here it is the set of 1797 digits of 8 × 8 pixels that scikit-learn brings, doubled in size.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from liverpair.dreaming.plot_style import figure_style, save_figure
from liverpair.evaluation.result_files import write_results
from reproduction.arguments import command_of
from reproduction.chapter5.auto_encoder_figures import mosaic
from reproduction.chapter5.options import options_of
from reproduction.training.auto_encoder import AutoEncoder, error_of, latents_of, trained_auto_encoder, traversal

NAME = "digits-auto-encoder"
SEEDS, STEPS = (0, 1), 800
LATENT, TEST_PART, NEIGHBORS = 3, 0.25, 5
TRAVERSED = tuple(np.linspace(-2, 2, 9))
NOTES = (
    f"*neighbors*: part of new digits of which {NEIGHBORS} nearest neighbors among the training digits tell which it "
    "is, in the three numbers; *error*: root mean squared error of a pixel in [0, 1]. The rows below are the same for "
    "three principal components, which are linear, and for the pixels themselves. The published figure is a picture.",
)


def main(arguments: Sequence[str]) -> None:
    """Train, measure, write."""
    options = options_of(NAME, __doc__, arguments, STEPS, SEEDS)
    from sklearn.decomposition import PCA

    images, digits = doubled_digits()
    test = np.random.default_rng(0).random(len(digits)) < TEST_PART
    networks = [trained_auto_encoder(images[~test], LATENT, options.steps, seed) for seed in options.seeds]
    rows = []
    for seed, network in zip(options.seeds, networks):
        told = told_by_neighbors(latents_of(network, images), digits, test)
        rows.append(
            {"numbers": f"auto-encoder, seed {seed}", "neighbors": told, "error": error_of(network, images[test])}
        )
    flat = images.reshape(len(images), -1)
    linear = PCA(LATENT, random_state=0).fit(flat[~test])
    back = linear.inverse_transform(linear.transform(flat[test]))
    rows += [
        {
            "numbers": "principal components",
            "neighbors": told_by_neighbors(linear.transform(flat), digits, test),
            "error": float(np.sqrt(np.mean((back - flat[test]) ** 2))),
        },
        {"numbers": "pixels", "neighbors": told_by_neighbors(flat, digits, test), "error": 0.0},
    ]
    _draw(networks[0], latents_of(networks[0], images[test]), digits[test], options.results / f"{NAME}.png")
    write_results(
        NAME,
        rows,
        command_of(NAME, arguments),
        data=f"digits of scikit-learn, {int((~test).sum())} to train on and {int(test.sum())} new ones",
        title="Digits in three numbers",
        values={"steps": options.steps, "seeds": options.seeds},
        folder=options.results,
        notes=[*NOTES, f"First network; decoded with the third number at 0:\n\n![Latents and digits]({NAME}.png)"],
    )


def doubled_digits() -> tuple[np.ndarray, np.ndarray]:
    """Images (n, 1, 16, 16) float32 in [0, 1], and which digit each shows."""
    from sklearn.datasets import load_digits

    loaded = load_digits()
    images = (loaded.images / 16).repeat(2, axis=1).repeat(2, axis=2)
    return images[:, None].astype(np.float32), loaded.target


def told_by_neighbors(numbers: np.ndarray, digits: np.ndarray, test: np.ndarray) -> float:
    """Part of the test rows whose digit the nearest training rows tell."""
    from sklearn.neighbors import KNeighborsClassifier

    return float(KNeighborsClassifier(NEIGHBORS).fit(numbers[~test], digits[~test]).score(numbers[test], digits[test]))


def _draw(network: AutoEncoder, latents: np.ndarray, digits: np.ndarray, path) -> None:
    """The new digits in each two of the three numbers, and what is decoded over the first two."""
    rows = [traversal(network, 0, TRAVERSED, np.array([0.0, value, 0.0]))[:, 0] for value in TRAVERSED]
    with figure_style():
        figure = Figure((11.0, 3.0), layout="constrained")
        axes = figure.subplots(1, 4)
        for axis, (x, y) in zip(axes, ((0, 1), (0, 2), (1, 2))):
            for digit in range(10):
                own = latents[digits == digit]
                axis.plot(own[:, x], own[:, y], ".", color=f"C{digit}", markersize=3, label=str(digit))
            axis.set(xlabel=f"latent {x}", ylabel=f"latent {y}", xlim=(-3, 3), ylim=(-3, 3))
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=10, markerscale=3)
        axes[3].imshow(mosaic(np.stack(rows)), cmap="gray", vmin=0, vmax=1)
        axes[3].set(xlabel="latent 0, −2 to 2", ylabel="latent 1", xticks=[], yticks=[])
        axes[3].grid(False)
        save_figure(figure, path)
