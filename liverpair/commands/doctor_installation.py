"""What is installed: packages, models, and the folders that LiverPair reads and writes."""

import os
import shutil
import tempfile
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from liverpair.bundle.catalogue import DEFAULT_LIVER_MODEL
from liverpair.commands.doctor_probe import Finding, Probe

NEEDED = {
    "numpy": "numpy",
    "psutil": "psutil",
    "safetensors": "safetensors",
    "scipy": "scipy",
    "SimpleITK": "SimpleITK",
    "torch": "torch",
}
"""Modules without which no liver is segmented, and the packages that hold them."""

OPTIONAL = {
    "openvino": ("openvino", "the fastest engine on most processors is missing"),
    "monai": ("monai", "volumes larger than the memory allows cannot be segmented, and nothing be trained"),
    "matplotlib": ("matplotlib", "dreams have no plots and reports no figures"),
    "radiomics": ("pyradiomics-bhklab", "neither dreams nor lesions are described by radiomic features"),
    "pyarrow": ("pyarrow", "tables of signatures are not written as Parquet"),
    "sklearn": ("scikit-learn", "no model is fitted to signatures"),
    "lifelines": ("lifelines", "no model of survival is fitted"),
    "pydicom": ("pydicom", "DICOM folders cannot be read"),
    "highdicom": ("highdicom", "nothing is saved as DICOM"),
    "slicer": ("trame-slicer[standalone]", "there are no scenes and pictures outside Slicer"),
    "pytorch_lightning": ("pytorch-lightning", "nothing can be trained"),
    "jsonargparse": ("jsonargparse[signatures]", "nothing can be trained"),
    "tensorboard": ("tensorboard", "trainings keep no curves for TensorBoard"),
}
"""Modules that not everything needs: the package that holds each, and what its absence costs."""

DISTRIBUTIONS = {"radiomics": ("pyradiomics-bhklab", "pyradiomics"), "slicer": ("slicer-core",)}
"""Under which names a module is installed, where that is not its package's."""

LITTLE_SPACE_BYTES = 10**9
"""Of free disk for the volumes of a run; a pair with all its maps takes some 100 MB."""


def packages() -> list[Finding]:
    """The packages that matter: those that are there, and what each that is missing costs."""
    wanted = {**NEEDED, **{module: package for module, (package, _) in OPTIONAL.items()}}
    there = {module: installed_version(module, package) for module, package in wanted.items()}
    versions = {module: number for module, number in there.items() if number}
    listed = ", ".join(f"{module} {number}" for module, number in versions.items())
    found = [Finding("ok", f"There are {listed}.", {"versions": versions})] if versions else []
    for module in NEEDED:
        if not there[module]:
            sentence = f"'{module}' is missing: no liver can be segmented. Install it with pip."
            found.append(Finding("fault", sentence, {"missing": module}))
    for module, (package, cost) in OPTIONAL.items():
        if not there[module]:
            found.append(Finding("note", f"'{package}' is missing: {cost}.", {"missing": module}))
    return found


def installed_version(module: str, package: str) -> str | None:
    """The version of a module's package, "of unknown version" when it has none; None when it is not installed."""
    if find_spec(module) is None:
        return None
    for name in DISTRIBUTIONS.get(module, (package.partition("[")[0],)):
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return "of unknown version"


def models() -> list[Finding]:
    """Every model with what it is for, and those that cannot be used."""
    from liverpair.bundle import WEIGHTS_FILE, Catalogue

    catalogue = Catalogue()
    found = []
    for bundle in catalogue.list():
        size_mb = (bundle.folder / WEIGHTS_FILE).stat().st_size / 1e6
        values = {
            "name": bundle.name,
            "version": bundle.version,
            "task": bundle.task,
            "inputs": list(bundle.inputs),
            "size_mb": round(size_mb, 1),
            "license": bundle.training.get("license"),
            "shipped": catalogue.is_shipped(bundle),
        }
        found.append(Finding("ok", model_line(values), values))
    for folder, why in catalogue.problems().items():
        own = folder.parent == catalogue.user_root
        hint = "delete it, or import it again" if own else "install LiverPair again"
        sentence = f"'{folder}' is not usable: {why.rstrip('.')}. To repair it, {hint}."
        found.append(Finding("note" if own else "fault", sentence, {"folder": str(folder), "problem": why}))
    if not any(finding.values.get("name") == DEFAULT_LIVER_MODEL for finding in found):
        sentence = f"The model '{DEFAULT_LIVER_MODEL}', which segments livers by default, is missing or not usable."
        found.append(Finding("fault", sentence))
    return found


def model_line(model: Mapping) -> str:
    """A model in one line."""
    inputs, origin = " + ".join(model["inputs"]), "comes with LiverPair" if model["shipped"] else "imported"
    license_name = model["license"] or "no license named"
    return "{name} {version}: {task}, {inputs}; {size_mb} MB; {license}; {origin}.".format(
        **{**model, "inputs": inputs, "license": license_name, "origin": origin}
    )


def folders() -> list[Finding]:
    """Where models, caches and temporary files are, and whether they can be written."""
    from liverpair.core.paths import shipped_bundles_folder, user_bundles_folder, user_cache_folder

    found = [Finding("ok", f"Models that come with LiverPair: {shipped_bundles_folder()}")]
    for title, folder, cost in (
        ("Imported models", user_bundles_folder(), "no model can be imported"),
        ("Cache", user_cache_folder(), "images are registered anew each time"),
    ):
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
        there = f" ({size:.1f} MB)" if folder.is_dir() else " (not there yet)"
        values = {"folder": str(folder), "size_mb": round(size, 1)}
        if is_writable(folder):
            found.append(Finding("ok", f"{title}: {folder}{there}", values))
        else:
            found.append(Finding("note", f"{title}: {folder}{there} cannot be written to: {cost}.", values))
    temporary = Path(tempfile.gettempdir())
    free = shutil.disk_usage(temporary).free
    sentence = f"Temporary files: {temporary} ({free / 1e9:.1f} GB free)"
    values = {"folder": str(temporary), "free_bytes": free}
    if free >= LITTLE_SPACE_BYTES:
        return [*found, Finding("ok", sentence, values)]
    return [*found, Finding("note", f"{sentence}: too little for large volumes. Make room, or set TMPDIR.", values)]


def is_writable(folder: Path) -> bool:
    """Whether a folder can be written to, or be made."""
    nearest = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    return nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)


PACKAGES = (Probe("The packages are not known", packages),)
MODELS = (Probe("The models cannot be listed", models, needed=True),)
FOLDERS = (Probe("The folders are not known", folders),)
