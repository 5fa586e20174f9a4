"""A MONAI bundle (configs/metadata.json, configs/inference.json or .yaml, models/model.pt or .ts) as a bundle of ours.

The configuration of a MONAI bundle can run any program: only three parts of it are used, the network, the
preprocessing and the inferer, and only when they hold nothing but components of MONAI and torch, and arithmetic.
"""

import ast
import inspect
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from liverpair.bundle.foreign import MONAI, Foreign, files_folder, foreign_manifest, read_object, take_files
from liverpair.core.errors import BundleError, MissingPackageError

if TYPE_CHECKING:
    import torch

    from liverpair.engine.monai_engine import MonaiModel

METADATA = "configs/metadata.json"
CONFIGS = ("configs/inference.json", "configs/inference.yaml", "configs/inference.yml")
WEIGHTS, SCRIPT = "models/model.pt", "models/model.ts"
NETWORK, PREPROCESSING, INFERER, POSTPROCESSING = "network_def", "preprocessing", "inferer", "postprocessing"
USED = (NETWORK, PREPROCESSING, INFERER)
READING = ("LoadImage", "LoadImaged", "EnsureChannelFirst", "EnsureChannelFirstd", "EnsureTyped", "ToDeviced")
"""What reads and hands over an image: we do."""
CALLING = ("Lambda", "RandLambda", "Load", "Save", "Write", "TorchVision", "RandTorchVision", "TorchIO", "RandTorchIO")
COMPONENT = re.compile(r"(?:monai\.[A-Za-z_0-9.]+|torch\.nn\.[A-Za-z_0-9.]+|[A-Za-z_][A-Za-z_0-9]*)")
REFERENCE = re.compile(r"@([A-Za-z_][A-Za-z_0-9]*(?:::[A-Za-z_0-9]+)*(?:#[A-Za-z_0-9]+)*)")
ARITHMETIC = (ast.Expression, ast.Constant, ast.List, ast.Tuple, ast.BinOp, ast.UnaryOp, ast.operator, ast.unaryop)
ARITHMETIC += (ast.Name, ast.Load)
TYPES = re.compile(r"\$torch\.(?:float32|float16|bfloat16|float64|int64|uint8)")


def is_monai(folder: Path) -> bool:
    """Whether a folder looks like a MONAI bundle."""
    return (folder / METADATA).is_file()


def monai_manifest(
    source: Path, target: Path, name: str, label: str, lesions: bool = False, input_: str = "either", copy: bool = True
) -> dict[str, Any]:
    """The manifest of the MONAI bundle in `source`, of which `label` (a name or number of its output's `channel_def`)
    is the liver, or `lesions`; with `copy` its files are put into `target`.

    Raises `BundleError` for a folder that lacks a file, takes more than one image or has no such label.
    """
    metadata = read_object(source / METADATA, source.name)
    config = read_config(source, source.name)
    if PREPROCESSING not in config:
        raise BundleError(f"The configuration of '{source.name}' has no {PREPROCESSING}.")
    weights = next((one for one in (WEIGHTS, SCRIPT) if (source / one).is_file()), None)
    if weights is None:
        raise BundleError(f"'{source.name}' has neither {WEIGHTS} nor {SCRIPT}.")
    if weights == WEIGHTS and NETWORK not in config:
        raise BundleError(f"The configuration of '{source.name}' has no {NETWORK}, so {WEIGHTS} cannot be used.")
    format_ = metadata.get("network_data_format", {})
    images = next(iter(format_.get("inputs", {}).values()), {}).get("num_channels", 1)
    if images != 1:
        raise BundleError(
            f"The model in '{source.name}' takes {images} images at once; LiverPair runs models of others that take "
            "one."
        )
    channels = _channels(_definition(metadata), label, source.name)
    files = take_files(source, [METADATA, _config_of(source, source.name), weights], target, copy)
    foreign = Foreign(MONAI, files, channels, None if copy else str(source.resolve()), "inference", [weights])
    training = {
        "data": metadata.get("data_source") or metadata.get("description") or "not told",
        "license": metadata.get("license") or metadata.get("copyright") or "not told",
        "citation": "; ".join(map(str, metadata.get("references", []))) or None,
    }
    described = (
        f"{'Lesions' if lesions else 'The liver'}, label '{label}', of the MONAI bundle {metadata.get('name', '')}"
    )
    return foreign_manifest(name, foreign, input_, lesions, spacing_of(config), training, f"{described.strip()}.")


def load_monai(foreign: Foreign, folder: Path, name: str, device: "torch.device | str" = "cpu") -> "MonaiModel":
    """The model `name` in the bundle `folder`, ready to run.

    Raises `BundleError` for files that are damaged, hold code or do not fit each other, and `MissingPackageError`.
    """
    where = files_folder(foreign, folder)
    config = read_config(where, name)
    check_config(config, name)
    import torch

    from liverpair.engine.monai_engine import MonaiModel

    path = where / foreign.checkpoints[0]
    parts = {
        key: without_reading(config[key]) if key == PREPROCESSING else config[key] for key in USED if key in config
    }
    try:
        weights = torch.load(path, map_location="cpu", weights_only=True) if path.suffix == ".pt" else None
    except Exception as error:  # a pickle may raise anything
        raise BundleError(
            f"The weights of model '{name}' are refused: '{path.name}' is damaged, or holds more than numbers and "
            "could run any program when it is opened.",
            "Ask for the model as a state dict, or as TorchScript.",
        ) from error
    if isinstance(weights, dict) and isinstance(weights.get("model"), dict):
        weights = weights["model"]
    try:
        return MonaiModel({**config, **parts}, weights, path, foreign.channels, _softmax(config), torch.device(device))
    except (ValueError, RuntimeError, TypeError, KeyError, ImportError, AttributeError) as error:
        said = str(error).strip().splitlines()[0].rstrip(".:") if str(error).strip() else type(error).__name__
        raise BundleError(f"Model '{name}' cannot be built from its configuration: {said[:200]}.") from error


def read_config(folder: Path, source: str) -> dict[str, Any]:
    """The inference configuration. Raises `BundleError`."""
    path = folder / _config_of(folder, source)
    if path.suffix == ".json":
        return read_object(path, source)
    try:
        import yaml
    except ImportError as error:
        raise MissingPackageError(
            "Reading this MONAI bundle needs the package 'PyYAML'.", "Install it with 'pip install PyYAML'."
        ) from error
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise BundleError(f"{path.name} in '{source}' is not valid YAML: {error}.") from error
    if not isinstance(content, dict):
        raise BundleError(f"{path.name} in '{source}' is not an object.")
    return content


def check_config(config: Mapping[str, Any], source: str) -> None:
    """Raise `BundleError` where the parts that are used, or what they refer to, could run a program."""
    todo, seen = [key for key in USED if key in config], set()
    while todo:
        key = todo.pop()
        if key in seen or key == "device":
            continue
        seen.add(key)
        content = without_reading(config.get(key)) if key == PREPROCESSING else config.get(key)
        for where, value in _leaves(content):
            if (where == "pretrained" and value) or (where == "_mode_" and value not in ("default", "partial")):
                raise _refused(source, key, f"{where}: {value}")
            if not isinstance(value, str):
                continue
            if where == "_target_" and (not COMPONENT.fullmatch(value) or not _is_known(value)):
                raise _refused(source, key, value)
            if value.startswith("$") and not TYPES.fullmatch(value) and not _is_arithmetic(value[1:]):
                raise _refused(source, key, value)
            if where != "_target_" and value.startswith("%"):
                raise _refused(source, key, value)
            todo += [name.split("#")[0].split("::")[0] for name in REFERENCE.findall(value)]


def without_reading(preprocessing: Any) -> Any:
    """The transforms of a preprocessing without those that read a file."""
    if not isinstance(preprocessing, Mapping) or not isinstance(preprocessing.get("transforms"), list):
        return preprocessing
    kept = [
        one
        for one in preprocessing["transforms"]
        if not (isinstance(one, Mapping) and str(one.get("_target_", "")).rpartition(".")[2] in READING)
    ]
    return {**preprocessing, "transforms": kept}


def spacing_of(config: Mapping[str, Any]) -> tuple[float, float, float]:
    """What images are resampled to, mm (x, y, z); 1 mm where it is not said in numbers."""
    transforms = config.get(PREPROCESSING, {}).get("transforms", []) if isinstance(config, Mapping) else []
    for one in transforms:
        pixels = one.get("pixdim") if isinstance(one, Mapping) else None
        pixels = config.get(pixels[1:]) if isinstance(pixels, str) and pixels.startswith("@") else pixels
        if isinstance(pixels, list) and len(pixels) == 3 and all(isinstance(p, int | float) and p > 0 for p in pixels):
            return tuple(float(p) for p in pixels)
    return (1.0, 1.0, 1.0)


def _config_of(folder: Path, source: str) -> str:
    found = next((one for one in CONFIGS if (folder / one).is_file()), None)
    if found is None:
        raise BundleError(f"'{source}' has no {CONFIGS[0]} or .yaml.")
    return found


def monai_labels(folder: Path) -> list[str]:
    """The labels that the bundle in a folder tells apart. Raises `BundleError`."""
    definition = _definition(read_object(folder / METADATA, folder.name))
    return [str(name) for name in definition.values() if str(name).lower() != "background"]


def _definition(metadata: Mapping[str, Any]) -> Mapping[str, Any]:
    """The names of the output's channels by number."""
    outputs = metadata.get("network_data_format", {}).get("outputs", {})
    return next(iter(outputs.values()), {}).get("channel_def") or {}


def _channels(definition: Mapping[str, Any], label: str, source: str) -> list[int]:
    names = {str(name): int(number) for number, name in definition.items() if str(number).isdecimal()}
    found = []
    for word in (part.strip() for part in str(label).split(",")):
        number = names.get(word, int(word) if word.isdecimal() and int(word) in names.values() else None)
        if number is None:
            listed = ", ".join(f"{name} ({number})" for name, number in names.items()) or "none"
            raise BundleError(f"The model in '{source}' has no label '{word}'; it has {listed}.")
        found.append(number)
    return found


def _softmax(config: Mapping[str, Any]) -> bool | None:
    """Whether channels exclude each other, as the postprocessing says; None where it does not."""
    for where, value in _leaves(config.get(POSTPROCESSING, {})):
        if where in ("softmax", "sigmoid") and value is True:
            return where == "softmax"
    return None


def _is_known(target: str) -> bool:
    """Whether a component is a class of MONAI's networks, transforms or inferers, or a layer of torch. Those that read
    and write files, or call whatever they are given, are not."""
    try:
        from monai import inferers, transforms
        from monai.networks import layers, nets
    except ImportError as error:
        raise MissingPackageError("Using this model needs the package 'monai'.", "Install it with pip.") from error
    place, _, name = target.rpartition(".")
    if name.startswith(CALLING):
        return False
    if place.startswith("torch.nn"):
        return True
    if place and not place.startswith(("monai.networks.", "monai.transforms", "monai.inferers")):
        return False
    return any(inspect.isclass(getattr(module, name, None)) for module in (nets, layers, transforms, inferers))


def _is_arithmetic(expression: str) -> bool:
    plain = REFERENCE.sub("a", expression)
    try:
        return all(isinstance(node, ARITHMETIC) for node in ast.walk(ast.parse(plain.strip(), mode="eval")))
    except (SyntaxError, ValueError, RecursionError):
        return False


def _leaves(content: Any, where: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(content, Mapping):
        for key, value in content.items():
            yield from _leaves(value, str(key))
    elif isinstance(content, list):
        for value in content:
            yield from _leaves(value, where)
    else:
        yield where, content


def _refused(source: str, part: str, value: str) -> BundleError:
    return BundleError(
        f"The model in '{source}' is refused: its {part} asks for '{value[:80]}', which could run any program.",
        "Ask for the model with a configuration of MONAI's own components.",
    )
