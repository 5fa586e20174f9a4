"""Which engine to take: the one asked for, or the fastest with the same masks as PyTorch in single precision."""

from collections.abc import Sequence

import torch

from liverpair.core.errors import InputError, MissingPackageError
from liverpair.engine.automatic import AutomaticEngine
from liverpair.engine.base import Engine
from liverpair.engine.kinds import KINDS, REFERENCE, EngineKind
from liverpair.engine.remembered_trials import Verdicts

CHOICES = ("auto", *(kind.name for kind in KINDS))


def available_engines(device: torch.device | str = "cpu", kinds: Sequence[EngineKind] = KINDS) -> list[str]:
    """The names of the engines that can be used on `device`."""
    return [kind.name for kind in kinds if not kind.obstacle(torch.device(device))]


def make_engine(
    network: torch.nn.Module,
    choice: str = "auto",
    device: torch.device | str = "cpu",
    example_shape: Sequence[int] | None = None,
    cache_key: str = "",
    *,
    verdicts: Verdicts | None = None,
    kinds: Sequence[EngineKind] = KINDS,
) -> Engine:
    """The engine that runs `network` on `device`.

    With "auto", every engine that can be used here runs on the first input that shows a mask, and the fastest whose
    output agrees with PyTorch in single precision serves from then on. That is found out once per bundle, machine and
    class of shapes, and remembered in the user's cache folder.

    Parameters
    ----------
    network
        In eval mode. It stays usable, but must not be trained further while the engine is in use.
    choice
        One of `CHOICES`.
    example_shape
        The shape (batch, channels, *space) that is expected, so that a remembered engine can start at once.
    cache_key
        What the weights are: the checksum of the bundle. Without it nothing is remembered.
    verdicts
        Where verdicts are kept, if not in the user's cache folder.

    Raises
    ------
    InputError
        The choice is unknown or cannot be used on this device.
    MissingPackageError
        The choice needs a package that is not installed.

    An engine that can be used in principle and fails, while it is made or later, is replaced by "torch-fp32", and
    `notes` says so.
    """
    device = torch.device(device)
    known = {kind.name: kind for kind in kinds}
    reference = known[REFERENCE].build(network, device)
    if choice == "auto":
        engine = AutomaticEngine(network, device, kinds, reference, cache_key, verdicts or Verdicts())
        if example_shape is not None:
            engine.recall(tuple(example_shape))
        return engine
    if choice not in known:
        raise InputError(f"The engine '{choice}' is unknown.", f"Choose one of auto, {', '.join(known)}.")
    _refuse_unavailable(known[choice], device)
    return reference if choice == REFERENCE else known[choice].guarded(network, device, reference)


def _refuse_unavailable(kind: EngineKind, device: torch.device) -> None:
    obstacle = kind.obstacle(device)
    if not obstacle:
        return
    message = f"The engine '{kind.name}' cannot be used on {device.type}: {obstacle}."
    if kind.package_missing and not kind.unavailable(device):
        raise MissingPackageError(message, f"Install '{kind.package}' with pip, or choose the engine 'auto'.")
    raise InputError(message, "Choose the engine 'auto'.")
