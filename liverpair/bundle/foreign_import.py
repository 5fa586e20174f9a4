"""Writing the bundle of a model that others trained, from a folder that nobody has looked at yet."""

from contextlib import suppress
from pathlib import Path

from liverpair.bundle.bundle import Bundle, write_manifest
from liverpair.bundle.foreign import FILES_FOLDER, INPUTS, NNUNET
from liverpair.bundle.monai import is_monai, load_monai, monai_labels, monai_manifest
from liverpair.bundle.nnunet import is_nnunet, load_nnunet, nnunet_labels, nnunet_manifest
from liverpair.core.errors import BundleError, MissingPackageError


def is_foreign(folder: Path) -> bool:
    """Whether a folder looks like a model of another tool."""
    return is_nnunet(folder) or is_monai(folder)


def label_names(folder: Path) -> list[str]:
    """What the model in a folder tells apart. Raises `BundleError`."""
    names = nnunet_labels(folder) if is_nnunet(folder) else monai_labels(folder)
    if not names:
        raise BundleError(f"The model in '{folder.name}' names no labels.")
    return names


def write_foreign(
    source: Path,
    draft: Path,
    name: str,
    label: str,
    lesions: bool,
    input_: str = "either",
    copy: bool = True,
    trial: bool = True,
) -> Bundle:
    """Write the bundle of the model in `source` into the empty folder `draft`, and on `trial` load it.

    Arguments and errors: those of `Catalogue.import_foreign`.
    """
    if input_ not in INPUTS:
        raise BundleError(f"'{input_}' is no input of a model.", f"It is one of {', '.join(INPUTS)}.")
    make = nnunet_manifest if is_nnunet(source) else monai_manifest if is_monai(source) else None
    if make is None:
        raise BundleError(
            f"'{source.name}' is a model neither of nnU-Net nor of MONAI.",
            "Choose the folder that holds plans.json and dataset.json, or configs/metadata.json.",
        )
    write_manifest(make(source, draft / FILES_FOLDER, name, label, lesions, input_, copy), draft)
    bundle = Bundle.load(draft, known_as=name)
    if not trial:
        return bundle
    with suppress(MissingPackageError):
        load = load_nnunet if bundle.foreign.kind == NNUNET else load_monai
        loaded = load(bundle.foreign, draft, name)
        if axes := getattr(loaded, "mirrored", ""):
            write_manifest({**bundle.manifest, "mirror_axes": list(axes)}, draft)
    return Bundle.load(draft, known_as=name)
