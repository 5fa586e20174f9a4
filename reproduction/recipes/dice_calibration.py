"""Which Dice to expect of a liver mask, told by the model's own probabilities: the line from soft Dice to Dice.

Measured on livers that the model has not seen, as scanned and after each change that its training knows, so that there
are bad masks too. `--write` puts the line into models.
"""

import argparse
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
import torch

from liverpair.bundle import Bundle, Catalogue
from liverpair.bundle.manifest import DiceCalibration
from liverpair.core.device import choose_device
from liverpair.core.errors import InputError
from liverpair.evaluation.result_files import write_results
from liverpair.jobs.doubts import LEAST_EXPECTED_DICE as LOW
from liverpair.measures.overlap import dice, soft_dice
from liverpair.networks.padding import logits_of
from liverpair.segmentation.postprocessing import to_mask
from liverpair.synthesis.paired_lesions_evaluation import TEST_CASES
from reproduction.arguments import add_places, command_of, results_folder
from reproduction.chapter3.dream_networks import default_root
from reproduction.recipes import SPLIT_MODEL
from reproduction.recipes.changed_images import CHANGES, EVERYTHING, changed, prepared_volumes

NAME = "dice-calibration"
CASES = ("38", *TEST_CASES)
"""Those that the model of the split was not trained on."""

NOTES = (
    "*soft Dice*: what the probabilities promise; *expected*: by the line fitted on the other cases; mean over the "
    "images of a row. *error*: mean absolute difference of expected and true Dice. What would look good for the wrong "
    "reason: changes that ruin every mask alike, so that the line tells changes apart and not masks; and the model's "
    "own kind of image, healthy livers of one hospital, where there is little to tell.",
)


@dataclass(frozen=True)
class Judged:
    """A mask of a network that had not seen its case: the fold, soft Dice by the network, Dice with the drawn liver,
    and what was changed in the image."""

    fold: int
    soft: float
    dice: float
    change: str = ""


def judged_masks(bundle: Bundle, root: Path, cases: Sequence[str], cache: Path, fold: int) -> list[Judged]:
    """The masks of `cases` on the working grid, as scanned and after each change; none for an empty mask."""
    device = choose_device("auto")
    network = bundle.network(device)
    volumes = prepared_volumes(bundle, root, cases, cache)
    found = []
    for change in (None, *CHANGES, EVERYTHING):
        for sample in changed(volumes, change):
            with torch.inference_mode():
                logits = logits_of(network, torch.as_tensor(sample["image"])[None].to(device))
            probability = torch.sigmoid(logits[0, 0].float()).cpu().numpy()
            mask = to_mask(sitk.GetImageFromArray(probability), bundle.postprocessing)[0]
            drawn = sitk.GetImageFromArray((np.asarray(sample["target"][0]) > 0.5).astype(np.uint8))
            soft = soft_dice(probability, sitk.GetArrayViewFromImage(mask))
            if np.isfinite(soft):
                found.append(Judged(fold, soft, dice(mask, drawn), change or "as scanned"))
    return found


def calibrated(judged: Sequence[Judged], data: str) -> DiceCalibration:
    """The least-squares line from soft Dice to Dice. Its error is that of each fold by the line of the other folds."""
    soft, true = (np.array([getattr(one, name) for one in judged]) for name in ("soft", "dice"))
    slope, intercept = np.polyfit(soft, true, 1)
    error = np.abs(expected_by_the_others(judged) - true).mean()
    return DiceCalibration(float(slope), float(intercept), float(error), len(judged), data)


def expected_by_the_others(judged: Sequence[Judged]) -> np.ndarray:
    """The Dice (n,) to expect of each mask by the line through the masks of the other folds."""
    folds, soft, true = (np.array([getattr(one, name) for one in judged]) for name in ("fold", "soft", "dice"))
    expected = np.empty(len(judged))
    for fold in np.unique(folds):
        own = folds == fold
        fitted = ~own if (~own).any() else own
        expected[own] = np.clip(np.polyval(np.polyfit(soft[fitted], true[fitted], 1), soft[own]), 0, 1)
    return expected


def main(arguments: Sequence[str]) -> None:
    """Judge the masks of a model, fit the line, write."""
    parser = argparse.ArgumentParser(prog=f"python -m reproduction {NAME}", description=__doc__)
    parser.add_argument("--model", default=SPLIT_MODEL, help=f"default: {SPLIT_MODEL}")
    parser.add_argument("--data-root", type=Path, help="folder of real pairs; LIVERPAIR_DATA/chaos_mr when left out")
    parser.add_argument("--cases", nargs="+", default=CASES, help="pairs that the model has not seen")
    parser.add_argument("--write", nargs="+", default=[], metavar="MODEL", help="models that get the line")
    add_places(parser, "two cases")
    options = parser.parse_args(arguments)
    folder = results_folder(options)
    root = options.data_root or default_root()
    cases = options.cases[:2] if options.smoke else options.cases
    bundle = Catalogue().find(options.model)
    judged = [
        one
        for fold, case in enumerate(cases)
        for one in judged_masks(bundle, root, [case], options.runs / "cache", fold)
    ]
    data = f"CHAOS MR cases {', '.join(cases)}, T1 and T2, as scanned and changed"
    line = calibrated(judged, data)
    expected, true = expected_by_the_others(judged), np.array([one.dice for one in judged])
    low, told = true < LOW, expected < LOW
    write_results(
        NAME,
        _rows(judged, expected),
        command_of(NAME, arguments),
        data=data,
        title="The Dice to be expected of a liver mask",
        values={
            **{key: value for key, value in asdict(line).items() if key != "data"},
            "low": int(low.sum()),
            "low_and_told": int((low & told).sum()),
            "told_and_not_low": int((told & ~low).sum()),
        },
        folder=folder,
        notes=(*NOTES, f"*low*: masks below {LOW}; *told*: those of which less is expected, as the program says it."),
    )
    _figure(judged, expected, folder / f"{NAME}.png")
    if options.write:
        if line.slope <= 0:
            raise InputError(
                f"The probabilities of model '{bundle.name}' do not rise with the Dice of its masks: there is nothing "
                "to expect a Dice from."
            )
        for name in options.write:
            Catalogue().find(name).update(expected_dice=asdict(line))


def _rows(judged: Sequence[Judged], expected: np.ndarray) -> list[dict[str, Any]]:
    rows = []
    for change in dict.fromkeys(one.change for one in judged):
        own = [number for number, one in enumerate(judged) if one.change == change]
        true, soft = ([getattr(judged[number], name) for number in own] for name in ("dice", "soft"))
        rows.append(
            {
                "image": change.replace("_", " "),
                "masks": len(own),
                "Dice": float(np.mean(true)),
                "worst Dice": float(np.min(true)),
                "soft Dice": float(np.mean(soft)),
                "expected": float(expected[own].mean()),
                "error": float(np.abs(expected[own] - true).mean()),
            }
        )
    return rows


def _figure(judged: Sequence[Judged], expected: np.ndarray, path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.2, 5), layout="constrained")
    axes = figure.subplots()
    for name, marker in (("as scanned", "o"), ("changed", "x")):
        own = [number for number, one in enumerate(judged) if (one.change == "as scanned") == (name == "as scanned")]
        axes.plot(expected[own], [judged[number].dice for number in own], marker, alpha=0.7, label=name)
    least = min(*expected, *(one.dice for one in judged)) - 0.03
    axes.plot([least, 1], [least, 1], color="0.6", linewidth=1)
    axes.axvline(LOW, color="0.6", linestyle=":", linewidth=1)
    axes.set(xlim=(least, 1), ylim=(least, 1))
    axes.set(xlabel="Dice expected by the line of the other cases", ylabel="Dice with the drawn liver")
    axes.legend()
    figure.savefig(path, dpi=110)
