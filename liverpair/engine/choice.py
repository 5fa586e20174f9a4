"""The engine that runs a network: the one asked for, or the one that the rule names."""

from collections.abc import Sequence

import torch

from liverpair.core.errors import InputError, MissingPackageError
from liverpair.engine.base import Engine
from liverpair.engine.kinds import KINDS, REFERENCE, EngineKind, automatic_engine

CHOICES = ("auto", *(kind.name for kind in KINDS))


def make_engine(
    network: torch.nn.Module,
    choice: str = "auto",
    device: torch.device | str = "cpu",
    *,
    kinds: Sequence[EngineKind] = KINDS,
) -> Engine:
    """The engine that runs `network` on `device`.

    An engine that can be used in principle and fails, while it is made or later, is replaced by "torch-fp32", and its
    `notes` say so.

    Parameters
    ----------
    network
        In eval mode. It stays usable, but must not be trained further while the engine is in use.
    choice
        One of `CHOICES`; "auto" is what `automatic_engine` names.

    Raises
    ------
    InputError
        The choice is unknown or cannot be used on this device.
    MissingPackageError
        The choice needs a package that is not installed.
    """
    device = torch.device(device)
    known = {kind.name: kind for kind in kinds}
    if choice == "auto":
        choice = automatic_engine(device, kinds)
    if choice not in known:
        raise InputError(f"The engine '{choice}' is unknown.", f"Choose one of auto, {', '.join(known)}.")
    _refuse_unavailable(known[choice], device)
    reference = known[REFERENCE].build(network, device)
    return reference if choice == REFERENCE else known[choice].guarded(network, device, reference)


def _refuse_unavailable(kind: EngineKind, device: torch.device) -> None:
    obstacle = kind.obstacle(device)
    if not obstacle:
        return
    message = f"The engine '{kind.name}' cannot be used on {device.type}: {obstacle}."
    if kind.package_missing and not kind.unavailable(device):
        raise MissingPackageError(message, f"Install '{kind.package}' with pip, or choose the engine 'auto'.")
    raise InputError(message, "Choose the engine 'auto'.")
