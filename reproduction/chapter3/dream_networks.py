"""The networks that the dream experiments inspect: what each was shown, and how to get it."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from liverpair.bundle import Bundle
from liverpair.core.errors import InputError
from liverpair.core.paths import shipped_bundles_folder
from liverpair.training.tasks import LESION_SLICES
from reproduction.training import OWN_SLICES
from reproduction.training.own_slices import split_of
from reproduction.trainings import from_here, trained

SMOKE = (
    "--trainer.max_steps=2",
    "--data.patches_per_epoch=16",
    '--data.train=["38"]',
    "--data.variants=1",
    "--data.validation_variants=1",
    "--data.workers=0",
    "--model.arguments.widths=[4,4,8,8]",
    "--trainer.precision=32-true",
)
"""Options of a training that only shows that everything runs."""

REALISTIC, FAKE, ELONGATED = "lesion-slices-t1", "lesion-slices-fake", "lesion-slices-elongated"
MARKED = (0.0, 0.05, 0.20, 0.50, 0.90, 0.95, 1.0)
"""Parts of the lesions that carry the marking. Couteaux (2021, section 3.3) names 0, 20, 90, 95 and 100 %; the others
are ours."""


@dataclass(frozen=True)
class Inspected:
    """One network: settings of its training beyond the shared config, and what its card says."""

    settings: Mapping[str, Any]
    description: str


def marked_name(probability: float) -> str:
    """The network whose lesions carried the marking with this probability."""
    return f"lesion-slices-marked-{round(100 * probability):03d}" if probability else REALISTIC


def _marked(probability: float) -> Inspected:
    return Inspected(
        {"data.objects.marking_probability": probability},
        f"Lesions in single T1-weighted slices, {probability:.0%} of which carried strokes at 135 degrees in training; "
        "made to be inspected: does DeepDream tell how much it relies on them?",
    )


NETWORKS: Mapping[str, Inspected] = {
    REALISTIC: Inspected({}, ""),
    **{marked_name(p): _marked(p) for p in MARKED if p},
    FAKE: Inspected(
        {"data.objects.kind": "fakes"},
        "Fake lesions in single T1-weighted slices, darker patches with sharp edges; made to be inspected.",
    ),
    ELONGATED: Inspected(
        {"data.objects.kind": "elongated", "data.objects.fakes.stretch": [1.0, 3.5]},
        "Fake lesions in single T1-weighted slices, of which only those more than twice as high as wide are to be "
        "found; made to be inspected.",
    ),
}


def default_root() -> Path:
    """Where LIVERPAIR_DATA says that the real pairs are."""
    return Path(os.environ.get("LIVERPAIR_DATA", "")) / "chaos_mr"


def data_root(root: str | None = None) -> Path:
    """The folder of real pairs. Raises `InputError` when it is not there."""
    place = Path(root) if root else default_root()
    if not place.is_dir():
        raise InputError(
            f"The real MRI is not in '{place}'.",
            "Set LIVERPAIR_DATA to the folder that holds chaos_mr, or give --data-root.",
        )
    return place


def network(
    name: str,
    root: Path,
    runs: Path,
    bundles: Path | None = None,
    train: bool = False,
    extra: Sequence[str] = (),
    own: Path | None = None,
) -> Bundle:
    """The network `name` from the folder `bundles`, that of the shipped ones unless given; where it is not there, or
    when `train` asks for it, it is trained first, or its training in `runs` goes on.

    `own`: a folder of the user's own slices, on which it learns what the one of that name learns on MRI.
    """
    if own:
        folder = (bundles or runs / "own") / name
        if train or not folder.is_dir():
            _train_on_own(name, own, folder, runs, extra)
        return Bundle.load(folder)
    folder = (bundles or shipped_bundles_folder()) / name
    if train or not folder.is_dir():
        inspected, place = NETWORKS[name], from_here(folder)
        settings = {**inspected.settings, "bundle.folder": str(place), "bundle.name": name}
        if root != default_root():
            settings["data.root"] = str(root)
        if inspected.description:
            settings["bundle.description"] = inspected.description
        trained(LESION_SLICES, REALISTIC, runs / name, settings, extra)
    return Bundle.load(folder)


def _train_on_own(name: str, own: Path, folder: Path, runs: Path, extra: Sequence[str]) -> None:
    train, validation, _ = split_of(own)
    settings = {
        **NETWORKS[name].settings,
        "bundle.folder": str(from_here(folder)),
        "bundle.name": name,
        "bundle.description": f"{NETWORKS[name].description or 'Lesions in single slices.'} Trained on one's own data.",
        "bundle.data": own.name,
        "bundle.license": "as its data",
        "bundle.citation": "",
        "data.root": str(own),
        "data.train": train,
        "data.validation": validation,
        "data.t1_images": ["own"],
    }
    trained(OWN_SLICES, REALISTIC, runs / f"own-{name}", settings, extra)
