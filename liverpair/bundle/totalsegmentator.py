"""The models that TotalSegmentator keeps on this machine: nnU-Nets, offered where they are. Nothing is downloaded."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from liverpair.bundle.bundle import Bundle
from liverpair.bundle.nnunet import PLANS, nnunet_manifest
from liverpair.core.errors import BundleError
from liverpair.core.paths import user_cache_folder

LICENSE = "Apache-2.0 (TotalSegmentator)"
CITATION = "Wasserthal et al., Radiology: Artificial Intelligence 5 (2023) e230024; D'Antonoli et al., Radiology (2025)"
CACHE_VERSION = 1


@dataclass(frozen=True)
class Task:
    """One of TotalSegmentator's models: its folder begins with `dataset`; which `label` of it is meant."""

    name: str
    dataset: str
    label: str
    lesions: bool = False
    near_liver_mm: float | None = None


TASKS = (
    Task("totalsegmentator-mr-liver", "Dataset850_", "liver"),
    Task("totalsegmentator-mr-liver-3mm", "Dataset852_", "liver"),
    Task("totalsegmentator-mr-liver-segments", "Dataset576_", "1,2,3,4,5,6,7,8"),
    Task("totalsegmentator-mr-liver-lesions", "Dataset589_", "1", lesions=True, near_liver_mm=3.0),
)
"""Of its tasks total_mr, total_mr --fast, liver_segments_mr (its segments together are the liver) and
liver_lesions_mr."""


def weights_folder() -> Path:
    """Where TotalSegmentator keeps its weights, as its own environment variables say."""
    if given := os.environ.get("TOTALSEG_WEIGHTS_PATH"):
        return Path(given)
    home = os.environ.get("TOTALSEG_HOME_DIR")
    return (Path(home) if home else Path.home() / ".totalsegmentator") / "nnunet" / "results"


def installed_models() -> Iterator[tuple[Path, Bundle | str]]:
    """The folder of every model that is there, and its bundle, or the sentence why it cannot be used."""
    root = weights_folder()
    for task in TASKS if root.is_dir() else ():
        for plans in sorted(root.glob(f"{task.dataset}*/*/{PLANS}"))[:1]:
            try:
                yield plans.parent, _bundle(plans.parent, task)
            except BundleError as error:
                yield plans.parent, str(error)


def _bundle(folder: Path, task: Task) -> Bundle:
    """The bundle of a model, whose checksums are remembered as long as its files keep their sizes and dates."""
    from liverpair.core.cache import cached, key_of, stamp_of  # with SimpleITK: only where there is such a model

    def make() -> dict[str, Any]:
        about = {"license_": LICENSE, "near_liver_mm": task.near_liver_mm}
        made = nnunet_manifest(folder, folder, task.name, task.label, task.lesions, copy=False, **about)
        return {**made, "training": {**made["training"], "citation": CITATION}}

    files = sorted(path for path in folder.rglob("*") if path.is_file())
    name = f"{key_of(CACHE_VERSION, task.name, stamp_of(files))}.json"
    manifest = cached(
        user_cache_folder() / "models" / name,
        make,
        lambda path: json.loads(path.read_text(encoding="utf-8")),
        lambda path, made: path.write_text(json.dumps(made), encoding="utf-8"),
    )
    return Bundle.of(folder, manifest)
