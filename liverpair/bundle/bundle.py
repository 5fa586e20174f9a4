"""One trained model: a folder with `bundle.json` and `weights.safetensors`."""

import json
import shutil
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from liverpair.bundle.card import model_card
from liverpair.bundle.foreign import FILES_FOLDER, TOOLS, Foreign, check_files
from liverpair.bundle.manifest import (
    GAMBLER,
    MANIFEST_FILE,
    SCHEMA_VERSION,
    SEGMENTATION,
    SLICE_SEGMENTATION,
    WEIGHTS_FILE,
    DiceCalibration,
    Manifest,
    Network,
    Normalization,
    Postprocessing,
    WorkingGrid,
    read_manifest,
    validate,
)
from liverpair.bundle.running import check_segments, first_line
from liverpair.bundle.weights import check_fit, check_weights, file_sha256, load_weights, save_weights, tensor_shapes
from liverpair.core.atomic import written_whole
from liverpair.core.errors import BundleError, MissingPackageError

if TYPE_CHECKING:
    import torch

CARD_FILE = "README.md"
LICENSE_FILE = "LICENSE"
"""The license of weights that others trained."""
PICTURES_FOLDER = "pictures"
GAMBLER_PREFIX = f"{GAMBLER}."
"""Of the names of a gambler's weights."""


@dataclass(frozen=True, eq=False)
class Bundle:
    """A trained model that explains itself. Made by `Bundle.load`, which has checked manifest and checksum.

    `manifest` is the whole `bundle.json`; the other fields are its core. A section that only one task has is read with
    `section`. `gambles`: what runs is the model's gambler (`gambler`).
    """

    folder: Path
    manifest: Mapping[str, Any] = field(repr=False)
    name: str
    version: str
    task: str
    strategy: str
    network_spec: Network
    inputs: list[str]
    labels: list[Mapping[str, Any]]
    sha256: str
    grid: WorkingGrid
    normalization: Normalization
    postprocessing: Postprocessing
    expected_dice: DiceCalibration | None
    normal_ranges: Mapping[str, Any]
    training: Mapping[str, Any]
    metrics: Mapping[str, Any]
    foreign: Foreign | None = None
    gambles: bool = False

    @classmethod
    def load(cls, folder: Path | str, known_as: str = "") -> "Bundle":
        """Read the bundle in `folder`. Needs no torch.

        `known_as` names the bundle where its manifest is refused, when `folder` is not what the user gave.

        Raises `BundleError` with the reason if the manifest is not valid, or the weights are missing, not safetensors,
        or fail their checksum.
        """
        folder = Path(folder)
        stamp = _stamp_of(folder)
        if stamp is not None and stamp in _read:
            return replace(_read[stamp], folder=folder)
        manifest, checked = read_manifest(folder, known_as)
        found = cls.of(folder, manifest, checked)
        if found.foreign:
            check_files(found.foreign, folder, found.name)
        else:
            check_weights(folder / WEIGHTS_FILE, manifest["sha256"], manifest["name"])
            if stamp is not None:
                _read[stamp] = found
        return found

    @classmethod
    def of(cls, folder: Path, manifest: Mapping[str, Any], found: Manifest | None = None) -> "Bundle":
        """The bundle of a manifest, which is checked unless it was `found` valid. Raises `BundleError`."""
        found = found or validate(manifest, folder.name)
        core = ("name", "version", "task", "strategy", "inputs", "sha256", "grid", "normalization", "normal_ranges")
        core += ("foreign",)
        return cls(
            folder=folder,
            manifest=manifest,
            network_spec=found.network,
            labels=manifest["labels"],
            postprocessing=found.postprocessing or Postprocessing(0.5),
            expected_dice=found.expected_dice,
            metrics=manifest.get("metrics", {}),
            training=found.training,
            **{key: getattr(found, key) for key in core},
        )

    @classmethod
    def write(
        cls,
        folder: Path | str,
        manifest: Mapping[str, Any],
        state_dict: "Mapping[str, torch.Tensor]",
        replace: bool = True,
    ) -> "Bundle":
        """Write a bundle: manifest, weights and card. `folder` appears or changes only when the bundle is whole and
        valid.

        `schema_version` and `sha256` are filled in. Raises `BundleError` if the manifest is not valid, a weight is not
        finite, the weights do not fit the network, `folder` exists and `replace` is false, or it holds what is no
        bundle's.
        """
        folder = Path(folder).absolute()
        if folder.exists() and not replace:
            raise BundleError(f"'{folder}' exists already.", "Choose another folder.")
        check_place(folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            draft.chmod(0o755)
            save_weights(state_dict, draft / WEIGHTS_FILE)
            whole = {**manifest, "schema_version": SCHEMA_VERSION, "sha256": file_sha256(draft / WEIGHTS_FILE)}
            validate(whole, str(manifest.get("name", folder.name)))
            _write_text(draft / MANIFEST_FILE, _to_json(whole))
            written = cls.of(draft, whole)
            written.network("cpu")
            gambler = written.gambler()
            if gambler is not None:
                gambler.network("cpu")
            _write_text(draft / CARD_FILE, model_card(whole))
            move_into_place(draft, folder)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        return cls.load(folder)

    def update(self, **sections: Any) -> "Bundle":
        """Replace sections of the manifest (`metrics`, say) and write manifest and card again; the weights stay.

        Raises `BundleError` if the manifest would not be valid, and `InputError` if the folder cannot be written to.
        """
        manifest = {**self.manifest, **sections}
        validate(manifest, self.name)
        _write_text(self.folder / MANIFEST_FILE, _to_json(manifest))
        _write_text(self.folder / CARD_FILE, model_card(manifest))
        return self.load(self.folder)

    def section(self, name: str) -> Mapping[str, Any]:
        """A section of the manifest beyond the core. Raises `BundleError` if it is missing or not an object."""
        content = self.manifest.get(name)
        if not isinstance(content, Mapping):
            raise BundleError(f"Model '{self.name}' has no section '{name}' in its manifest.")
        return content

    def weights(self) -> "dict[str, torch.Tensor]":
        """The trained weights by name, on the CPU. Raises `BundleError` if one is not finite or not readable."""
        _import_torch()
        return self._own(load_weights(self.folder / WEIGHTS_FILE, self.name))

    def gambler(self) -> "Bundle | None":
        """The U-Net that bets on where this model is wrong, as a bundle; None for a model that brings none.

        Its channels are the model's images, then its masks as probabilities; for each mask it returns the logits of the
        stakes (Couteaux 2021, section 2.2.3). Raises `BundleError` if its arguments do not fit a U-Net.
        """
        if GAMBLER not in self.manifest or self.gambles:
            return None
        own = self.network_spec.arguments
        images, masks = (own.get(key, 1) for key in ("in_channels", "out_channels"))
        arguments = {**self.section(GAMBLER)["arguments"], "in_channels": images + masks, "out_channels": masks}
        found = replace(
            self,
            network_spec=Network("unet", arguments),
            sha256=f"{self.sha256}-{GAMBLER}",
            gambles=True,
        )
        with _import_torch().device("meta"):
            return replace(found, grid=replace(self.grid, multiple_of=tuple(found._build().multiple_of)))

    def _own(self, content: Mapping[str, Any]) -> dict[str, Any]:
        """What belongs to this network of all that the file of weights holds, by name."""
        if self.gambles:
            return {name[len(GAMBLER_PREFIX) :]: v for name, v in content.items() if name.startswith(GAMBLER_PREFIX)}
        brings_one = GAMBLER in self.manifest
        return {name: v for name, v in content.items() if not (brings_one and name.startswith(GAMBLER_PREFIX))}

    def network(self, device: "torch.device | str" = "cpu") -> "torch.nn.Module":
        """The trained network on `device`, in eval mode. Its parameters ask for no gradient.

        Raises what `empty_network` raises, and `BundleError` if a weight is not finite.
        """
        self.empty_network()
        weights = self.weights()
        network = self._build()
        network.load_state_dict(weights)
        return network.requires_grad_(False).eval().to(device)

    def empty_network(self) -> "torch.nn.Module":
        """The network on the meta device, in eval mode: shapes without content, so that it takes no memory.

        Raises `BundleError` if the network is unknown, its arguments do not fit it, the weights do not fit the network,
        or a segmenter does not mask volumes as its manifest says.
        """
        torch = _import_torch()
        with torch.device("meta"):
            network = self._build().eval()
        check_fit(network, self._own(tensor_shapes(self.folder / WEIGHTS_FILE, self.name)), self.name)
        if self.task in (SEGMENTATION, SLICE_SEGMENTATION) and not self.gambles:
            check_segments(network, self.manifest)
        return network

    def _build(self) -> "torch.nn.Module":
        from liverpair.networks import build

        name = self.network_spec.name
        if self.foreign:
            raise BundleError(
                f"Model '{self.name}' is one of {TOOLS[self.foreign.kind]}, whose network cannot be used for this.",
                "Choose another model.",
            )
        try:
            return build(name, self.network_spec.arguments)
        except Exception as error:  # a layer may raise anything for arguments that nobody meant
            raise BundleError(
                f"Model '{self.name}' gives arguments that do not fit the network '{name}': {first_line(error)}."
            ) from error

    def card(self) -> str:
        """The model card in Markdown: what it is for, what it was trained on, how good it is, what it is not."""
        return model_card(self.manifest)


_SETTLED_NS = 2 * 10**9
"""A file that changed later than this before it is read may change again within the tick of the file system's clock."""
_read: dict[tuple[int, ...], Bundle] = {}
"""Bundles that were read and checked, by `_stamp_of` their files: panels read the catalogue again and again."""


def _stamp_of(folder: Path) -> tuple[int, ...] | None:
    """What changes when the manifest or the weights in a folder do; None where they are missing, or too new to say."""
    try:
        found = [(folder / name).stat() for name in (MANIFEST_FILE, WEIGHTS_FILE)]
    except OSError:
        return None
    if any(max(one.st_mtime_ns, one.st_ctime_ns) > time.time_ns() - _SETTLED_NS for one in found):
        return None
    return tuple(n for f in found for n in (f.st_dev, f.st_ino, f.st_size, f.st_mtime_ns, f.st_ctime_ns))


def write_manifest(manifest: Mapping[str, Any], folder: Path) -> None:
    """Write the manifest and the card of a model that others trained. Raises `BundleError` if it is not valid."""
    validate(manifest, str(manifest.get("name", folder.name)))
    _write_text(folder / MANIFEST_FILE, _to_json(manifest))
    _write_text(folder / CARD_FILE, model_card(manifest))


def check_place(folder: Path) -> None:
    """Raise `BundleError` unless a bundle may be written to `folder`, for it takes the place of all that is there.

    The folder may not exist yet, be empty, or hold a bundle, its pictures and nothing else.
    """
    if not folder.exists():
        return
    if not folder.is_dir():
        raise BundleError(f"'{folder}' is not a folder, so no model can be written there.", "Choose another place.")
    names = sorted(path.name for path in folder.iterdir())
    own = (MANIFEST_FILE, WEIGHTS_FILE, CARD_FILE, LICENSE_FILE, PICTURES_FOLDER, FILES_FOLDER)
    foreign = [name for name in names if name not in own and not name.endswith(".png")]
    if foreign or (names and MANIFEST_FILE not in names):
        raise BundleError(
            f"Writing the model to '{folder}' would delete '{(foreign or names)[0]}'.",
            "Choose an empty folder, or one with nothing but a model.",
        )


def move_into_place(draft: Path, folder: Path) -> None:
    """Rename `draft` to `folder` on the same file system; what `folder` held is removed only after that succeeded."""
    if not folder.exists():
        draft.rename(folder)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{folder.name}-old-", dir=folder.parent))
    folder.rename(old / folder.name)
    try:
        draft.rename(folder)
    except OSError:
        (old / folder.name).rename(folder)
        raise
    finally:
        if folder.exists():
            shutil.rmtree(old, ignore_errors=True)


def _write_text(path: Path, text: str) -> None:
    with written_whole(path) as draft:
        draft.write_bytes(text.encode("utf-8"))


def _to_json(manifest: Mapping[str, Any]) -> str:
    try:
        return json.dumps(manifest, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    except (TypeError, ValueError) as error:
        raise BundleError(f"The manifest cannot be written as JSON: {error}.") from error


def _import_torch() -> ModuleType:
    try:
        import torch
    except ImportError as error:
        raise MissingPackageError("Running a model needs the package 'torch'.", "Install PyTorch.") from error
    return torch
