"""The results folder of an nnU-Net v2 training as a bundle: plans.json, dataset.json, fold_*/checkpoint_*.pth.

Nothing here runs what the folder names: the classes of its plans must be those that nnU-Net's own planner writes, and
checkpoints are read without running the code that a pickle may hold.
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from liverpair.bundle.foreign import NNUNET, Foreign, files_folder, foreign_manifest, read_object, take_files
from liverpair.core.errors import BundleError, MissingPackageError

if TYPE_CHECKING:
    import torch

    from liverpair.engine.nnunet_engine import NnUNet

PLANS, DATASET = "plans.json", "dataset.json"
CHECKPOINTS = ("checkpoint_final.pth", "checkpoint_best.pth")
READERS = ("SimpleITKIO", "NibabelIO", "NibabelIOWithReorient", "SimpleITKIOWithReorient")
ARCHITECTURES = re.compile(r"dynamic_network_architectures\.architectures\.[A-Za-z_0-9.]+")
LAYERS = re.compile(r"torch\.nn\.[A-Za-z_0-9.]+")
FOLD = re.compile(r"fold_(?:\d+|all)")


def is_nnunet(folder: Path) -> bool:
    """Whether a folder looks like the results of an nnU-Net training."""
    return (folder / PLANS).is_file() or (folder / DATASET).is_file()


def nnunet_manifest(
    source: Path,
    target: Path,
    name: str,
    label: str,
    lesions: bool = False,
    input_: str = "either",
    copy: bool = True,
    license_: str = "",
    near_liver_mm: float | None = None,
) -> dict[str, Any]:
    """The manifest of the model in `source`, of which `label` (a name or number of dataset.json) is the liver, or
    `lesions`; with `copy` its files are put into `target`.

    A model of the liver may look at two images, of which it segments the first, as `export nnunet --both-channels`
    writes them. Raises `BundleError` for a folder that lacks a file or a fold, names what nnU-Net does not bring, needs
    a cascade or more images, or has no such label.
    """
    plans, dataset = read_object(source / PLANS, source.name), read_object(source / DATASET, source.name)
    checkpoints = find_checkpoints(source)
    configuration = configuration_of(source, plans)
    settings = check_plans(plans, configuration, source.name)
    images = images_of(dataset)
    if images != 1 and (images != 2 or lesions):
        raise BundleError(
            f"The model in '{source.name}' takes {images} images at once; LiverPair runs models of others that take "
            "one, and of the liver also two."
        )
    channels = channels_of(dataset, label, source.name)
    forward = plans.get("transpose_forward", [0, 1, 2])
    spacing = dict(zip(forward[-len(settings["spacing"]) :], settings["spacing"]))
    files = take_files(source, [PLANS, DATASET, *checkpoints], target, copy)
    where = None if copy else str(source.resolve())
    foreign = Foreign(NNUNET, files, channels, where, configuration, list(checkpoints), near_liver_mm)
    training = {"data": dataset.get("description") or dataset.get("name") or plans.get("dataset_name", "not told")}
    training |= {"license": license_ or str(dataset.get("licence") or dataset.get("license") or "not told")}
    training |= {"folds": len(checkpoints), "trainer": trainer_of(source)}
    described = (
        f"{'Lesions' if lesions else 'The liver'}, label '{label}', of the nnU-Net {plans.get('dataset_name', '')}"
    )
    return foreign_manifest(
        name,
        foreign,
        input_,
        lesions,
        [spacing.get(axis, 1.0) for axis in (2, 1, 0)],
        training,
        f"{described.strip()} ({configuration}).",
        images=images,
    )


def images_of(dataset: Mapping[str, Any]) -> int:
    """How many images the model of a dataset.json looks at."""
    return len(dataset.get("channel_names") or dataset.get("modality") or {})


def find_checkpoints(source: Path) -> tuple[str, ...]:
    """The checkpoint of every fold, relative to the folder. Raises `BundleError` where one is missing."""
    folds = sorted(path for path in source.iterdir() if path.is_dir() and FOLD.fullmatch(path.name))
    if not folds:
        raise BundleError(
            f"'{source.name}' has no fold_0, fold_1 … with the weights.",
            "Choose the folder that holds plans.json, dataset.json and the folds.",
        )
    found = []
    for fold in folds:
        there = [one for one in CHECKPOINTS if (fold / one).is_file()]
        if not there:
            raise BundleError(
                f"'{fold.name}' of '{source.name}' has no {' or '.join(CHECKPOINTS)}.",
                "Finish its training, or remove the fold.",
            )
        found.append(f"{fold.name}/{there[0]}")
    return tuple(found)


def configuration_of(source: Path, plans: Mapping[str, Any]) -> str:
    """Which configuration of the plans the folder is of: the last part of its name, or the only one there is."""
    known = plans.get("configurations")
    if not isinstance(known, dict) or not known:
        raise BundleError(f"plans.json in '{source.name}' has no configurations.")
    named = source.resolve().name.rpartition("__")[2]
    if named in known:
        return named
    if len(known) == 1:
        return next(iter(known))
    return "3d_fullres" if "3d_fullres" in known else next(iter(known))


def check_plans(plans: Mapping[str, Any], configuration: str, source: str) -> dict[str, Any]:
    """The settings of a configuration, with what it inherits. Raises `BundleError` for what nnU-Net would not write."""
    settings: dict[str, Any] = {}
    name, seen = configuration, []
    while name:
        own = plans["configurations"].get(name)
        if not isinstance(own, dict) or name in seen:
            raise BundleError(f"plans.json in '{source}' has no configuration '{name}'.")
        seen.append(name)
        settings = {**own, **settings}
        name = own.get("inherits_from")
    if settings.get("previous_stage"):
        raise BundleError(
            f"The model in '{source}' is the second stage of a cascade, which LiverPair does not run.",
            "Import the configuration 3d_fullres or 3d_lowres.",
        )
    spacing = settings.get("spacing")
    if not isinstance(spacing, list) or not all(isinstance(s, int | float) and s > 0 for s in spacing):
        raise BundleError(f"plans.json in '{source}' gives no spacing.")
    architecture = settings.get("architecture")
    if architecture is None and "UNet_class_name" in settings:
        return settings
    if not isinstance(architecture, dict) or not ARCHITECTURES.fullmatch(str(architecture.get("network_class_name"))):
        raise BundleError(f"The model in '{source}' is refused: its plans name a network that nnU-Net does not bring.")
    arguments = architecture.get("arch_kwargs", {})
    for key in architecture.get("_kw_requires_import", []):
        value = arguments.get(key)
        if value is not None and not LAYERS.fullmatch(str(value)):
            raise BundleError(
                f"The model in '{source}' is refused: its plans name '{value}' as a layer of the network."
            )
    reader = plans.get("image_reader_writer", READERS[0])
    if reader not in READERS:
        raise BundleError(f"The model in '{source}' reads its images with '{reader}', and LiverPair has volumes only.")
    return settings


def nnunet_labels(folder: Path) -> list[str]:
    """The labels that the model in a folder tells apart. Raises `BundleError`."""
    labels = read_object(folder / DATASET, folder.name).get("labels") or {}
    return [name for name, value in labels.items() if name != "ignore" and value not in (0, [0])]


def channels_of(dataset: Mapping[str, Any], label: str, source: str) -> list[int]:
    """Which channels of the output are `label`, names or numbers with commas between. Raises `BundleError`."""
    labels = dataset.get("labels")
    if not isinstance(labels, dict) or not labels:
        raise BundleError(f"dataset.json in '{source}' names no labels.")
    regions = any(isinstance(value, list) and len(value) > 1 for value in labels.values())
    names = [name for name, value in labels.items() if name != "ignore" and value not in (0, [0])]
    chosen = []
    for word in (part.strip() for part in str(label).split(",")):
        by_number = [name for name in names if str(labels[name]) == word]
        name = word if word in names else next(iter(by_number), None)
        if name is None:
            listed = ", ".join(f"{one} ({labels[one]})" for one in names)
            raise BundleError(f"The model in '{source}' has no label '{word}'; it has {listed}.")
        chosen.append(names.index(name) if regions else sorted(labels[one] for one in names).index(labels[name]) + 1)
    return chosen


def trainer_of(source: Path) -> str:
    """The trainer that a results folder is named after."""
    parts = source.resolve().name.split("__")
    return parts[0] if len(parts) == 3 else "nnUNetTrainer"


def read_checkpoint(path: Path, name: str) -> dict[str, Any]:
    """What a checkpoint of nnU-Net holds. Raises `BundleError` for one that is damaged or holds code."""
    try:
        import torch
    except ImportError as error:
        raise MissingPackageError("Running a model needs the package 'torch'.", "Install PyTorch.") from error
    try:
        with _plain_numbers():
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a pickle may raise anything
        if "weights_only" in str(error).lower() or "unsupported" in str(error).lower():
            raise BundleError(
                f"The weights of model '{name}' are refused: '{path.name}' holds more than numbers, and could run any "
                "program when it is opened.",
                "Ask for the model as nnU-Net wrote it.",
            ) from error
        raise BundleError(f"The weights of model '{name}' cannot be read: '{path.name}' is damaged.") from error
    weights = content.get("network_weights") if isinstance(content, dict) else None
    if not isinstance(weights, dict) or not weights or not all(isinstance(v, torch.Tensor) for v in weights.values()):
        raise BundleError(f"'{path.name}' of model '{name}' is no checkpoint of nnU-Net v2.")
    for key, value in weights.items():
        if value.is_floating_point() and not torch.isfinite(value).all():
            raise BundleError(f"The weights of model '{name}' are not all finite: '{key}' holds NaN or infinity.")
    return content


def load_nnunet(foreign: Foreign, folder: Path, name: str, device: "torch.device | str" = "cpu") -> "NnUNet":
    """The network of the model `name` in the bundle `folder`, ready to run.

    Raises `BundleError` for files that are damaged, hold code or do not fit each other, and `MissingPackageError`.
    """
    where = files_folder(foreign, folder)
    plans, dataset = (read_object(where / one, name) for one in (PLANS, DATASET))
    check_plans(plans, foreign.configuration, name)
    checkpoints = [read_checkpoint(where / one, name) for one in foreign.checkpoints]
    import torch

    from liverpair.engine.nnunet_engine import NnUNet

    weights = [one["network_weights"] for one in checkpoints]
    axes = checkpoints[0].get("inference_allowed_mirroring_axes")
    try:
        return NnUNet(plans, dataset, foreign.configuration, weights, torch.device(device), axes)
    except ValueError as error:
        raise BundleError(f"The weights of model '{name}' do not fit its network: {error}.") from error


def _plain_numbers() -> AbstractContextManager[None]:
    """Lets the numbers that numpy pickles, as nnU-Net logs them, through: they hold no code."""
    import numpy as np
    import torch

    scalar = np._core.multiarray.scalar if hasattr(np, "_core") else np.core.multiarray.scalar
    names = ("numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar")
    kinds: Sequence[Any] = [type(np.dtype(kind)) for kind in ("f2", "f4", "f8", "i4", "i8", "u1", "?")]
    return torch.serialization.safe_globals([*((scalar, name) for name in names), np.dtype, *kinds])
