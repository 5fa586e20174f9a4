"""Can one number of an auto-encoder be told what to stand for? (Couteaux 2021, section 5.2.1, figure 5.2)

Discs of random diameter and intensity are encoded into two numbers. Nothing makes one of them the diameter and the
other the intensity; with the diameter put in the place of the first for a fifth of the samples, it should.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from liverpair.evaluation.result_files import write_results
from reproduction.arguments import command_of
from reproduction.chapter5.auto_encoder_figures import latent_scatters
from reproduction.chapter5.options import options_of
from reproduction.toys.discs import discs
from reproduction.training.auto_encoder import AutoEncoder, error_of, latents_of, trained_auto_encoder, traversal

NAME = "toy-auto-encoder"
SEEDS, STEPS = (0, 1, 2), 600
IMAGES, TEST_IMAGES = 4000, 1000
TRAVERSED = tuple(np.linspace(-2, 2, 7))
ARMS = {"without": False, "diameter known": True}
NOTES = (
    "*r(latent, quantity)*: size of the correlation over new discs, its mean over networks (lowest to highest). "
    "*mixing*: correlation of the first latent with the intensity, which it is not told; 0 where it stands for the "
    "diameter alone, and the same for the second one with the diameter. Which latent is the first means nothing "
    "without the known quantity: there the order is chosen in its favor.",
    "Wasserstein auto-encoder (Tolstikhin et al. 2018) of two numbers, trained on 4000 discs. Diameters are uniform "
    "from 6 to 28 of 32 pixels, intensities from 0.2 to 1, and independent.",
)


def main(arguments: Sequence[str]) -> None:
    """Train, measure, write."""
    options = options_of(NAME, __doc__, arguments, STEPS, SEEDS)
    images, diameters, _ = discs(np.random.default_rng(10), IMAGES)
    unseen, unseen_diameters, unseen_intensities = discs(np.random.default_rng(11), TEST_IMAGES)
    quantities = {"diameter": unseen_diameters, "intensity": unseen_intensities}
    rows, shown, decoded = [], {}, {}
    for arm, told in ARMS.items():
        networks = [
            trained_auto_encoder(images, 2, options.steps, seed, diameters if told else None) for seed in options.seeds
        ]
        latents = [ordered(latents_of(network, unseen), unseen_diameters, told) for network in networks]
        rows.append(row(arm, latents, quantities) | {"error": float(np.mean([error_of(n, unseen) for n in networks]))})
        shown[arm] = (latents[0], quantities)
        decoded[arm] = decoded_over(networks[0], swapped(latents_of(networks[0], unseen), unseen_diameters, told))
        print(rows[-1], flush=True)
    latent_scatters(shown, decoded, options.results / f"{NAME}.png")
    without, known = rows
    write_results(
        NAME,
        rows,
        command_of(NAME, arguments),
        data=f"{IMAGES} discs to train on and {TEST_IMAGES} new ones, from our generator (reproduction.toys.discs)",
        title="What the two numbers of an auto-encoder of discs stand for",
        values={
            "steps": options.steps,
            "seeds": options.seeds,
            "mixing_without": without["mixing by network"],
            "mixing_known": known["mixing by network"],
        },
        folder=options.results,
        notes=[*NOTES, f"First network of each arm:\n\n![Decoded images and correlations]({NAME}.png)"],
    )


def swapped(latents: np.ndarray, diameters: np.ndarray, told: bool) -> bool:
    """Whether the second latent has more of the diameter than the first, where nobody told."""
    found = correlations(latents, diameters)
    return not told and found[1] > found[0]


def ordered(latents: np.ndarray, diameters: np.ndarray, told: bool) -> np.ndarray:
    """Latents (n, 2) with the one that stands for the diameter first."""
    return latents[:, ::-1] if swapped(latents, diameters, told) else latents


def correlations(latents: np.ndarray, quantity: np.ndarray) -> np.ndarray:
    """Size of the correlation of each latent with a quantity."""
    return np.array([abs(np.corrcoef(own, quantity)[0, 1]) for own in latents.T])


def row(arm: str, latents: Sequence[np.ndarray], quantities: dict[str, np.ndarray]) -> dict[str, Any]:
    """One arm in the table."""
    found = {name: np.array([correlations(own, quantity) for own in latents]) for name, quantity in quantities.items()}
    content: dict[str, Any] = {"quantity": arm}
    for number in (0, 1):
        for name, values in found.items():
            own = values[:, number]
            content[f"r({number}, {name})"] = f"{own.mean():.2f} ({own.min():.2f} to {own.max():.2f})"
    mixing = (found["intensity"][:, 0] + found["diameter"][:, 1]) / 2
    return content | {"mixing": float(mixing.mean()), "mixing by network": mixing.tolist()}


def decoded_over(network: AutoEncoder, turned: bool) -> np.ndarray:
    """Images (rows, columns, y, x): the latent that stands for the diameter along the columns, the other along rows."""
    first = int(turned)
    rows = []
    for value in TRAVERSED:
        center = np.zeros(2)
        center[1 - first] = value
        rows.append(traversal(network, first, TRAVERSED, center)[:, 0])
    return np.stack(rows)
