"""What would compute here: device, processor, threads, memory and engine."""

import math
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from liverpair.bundle.catalogue import DEFAULT_LIVER_MODEL
from liverpair.commands.doctor_probe import Finding, Probe

if TYPE_CHECKING:
    import torch

    from liverpair.bundle import Bundle

LIVER_VOLUME_MM = (380, 280, 280)
"""Of a body within a volume of the upper abdomen (x, y, z), as those of CHAOS are on the average."""

VECTOR_FEATURES = {
    "avx2": "AVX2",
    "fma3": "FMA",
    "avx512_f": "AVX-512",
    "avx512_vnni": "AVX-512 VNNI",
    "avx512_bf16": "AVX-512 BF16",
    "amx_bf16": "AMX BF16",
    "asimd": "NEON",
    "neon": "NEON",
    "sve": "SVE",
    "bf16": "BF16",
    "arm_bf16": "BF16",
}
"""Names of the features that networks gain by, as PyTorch or Linux call them, and as people do."""


def device() -> list[Finding]:
    """The device that is taken unless another is asked for."""
    from liverpair.core.device import Hardware, available_devices, choose_device

    hardware = Hardware.detect()
    chosen = str(choose_device("auto", hardware))
    labels = dict(available_devices(hardware))
    values = {"device": chosen, "devices": list(labels), "cuda_build": hardware.cuda_build}
    if chosen != "cpu":
        return [Finding("ok", f"Computes on {labels[chosen]}, the best of {', '.join(labels.values())}.", values)]
    built = "" if hardware.cuda_build else " (it is built without CUDA)"
    return [Finding("ok", f"Computes on the CPU: PyTorch{built} finds no GPU that it can use.", values)]


def processor() -> list[Finding]:
    """The processor, what it offers to networks, and how many threads use it."""
    import torch

    from liverpair.core.device import native_bf16, processor_flags, processor_name

    flags = processor_flags()
    features = list(dict.fromkeys(name for flag, name in VECTOR_FEATURES.items() if flags.get(flag)))
    threads, cores = torch.get_num_threads(), os.cpu_count() or 1
    bf16 = "multiplies bfloat16 itself" if native_bf16() else "has no bfloat16 arithmetic of its own"
    sentence = (
        f"{processor_name()}: {', '.join(features) or 'no vector features that are known'}; {bf16}. "
        f"{threads} of {cores} cores compute."
    )
    values = {"processor": processor_name(), "features": features, "threads": threads, "cores": cores}
    found = [Finding("ok", sentence, values)]
    limit = os.environ.get("OMP_NUM_THREADS")
    if limit and threads < cores // 2 + cores % 2:
        found.append(Finding("note", f"OMP_NUM_THREADS={limit} keeps most cores idle: unset it to compute faster."))
    return found


def memory() -> list[Finding]:
    """The memory that is free where it computes, and what a liver volume takes."""
    from liverpair.core.device import choose_device
    from liverpair.core.memory import USABLE_FRACTION, available_memory, forward_memory

    place = choose_device()
    free, total = available_memory(place), total_memory(place)
    bundle = liver_model()
    needed = forward_memory(bundle.empty_network(), liver_shape(bundle))
    sentence = (
        f"{free / 1e9:.1f} of {total / 1e9:.1f} GB of memory are free; a liver volume of "
        f"{' × '.join(map(str, LIVER_VOLUME_MM))} mm takes {needed / 1e9:.1f} GB in one pass."
    )
    values = {"free_bytes": free, "total_bytes": total, "liver_volume_bytes": needed}
    if needed <= USABLE_FRACTION * free:
        return [Finding("ok", sentence, values)]
    return [Finding("note", f"{sentence} It is computed in windows, which is slower: close other programs.", values)]


def engine() -> list[Finding]:
    """The engine that segmentations take here, and why others cannot be taken."""
    from liverpair.core.device import choose_device
    from liverpair.engine import automatic_engine
    from liverpair.engine.base import precision_of
    from liverpair.engine.kinds import KINDS

    place = choose_device()
    obstacles = {kind.name: kind.obstacle(place) for kind in KINDS}
    usable = [name for name, obstacle in obstacles.items() if not obstacle]
    excluded = {name: obstacle for name, obstacle in obstacles.items() if obstacle}
    name = automatic_engine(place)
    values = {"engine": name, "precision": precision_of(name), "usable": usable, "obstacles": excluded}
    out = [Finding("ok", f"Not {other}: {obstacle}.") for other, obstacle in excluded.items()]
    return [Finding("ok", f"Livers are segmented by {name}.", values), *out]


COMPUTING = (
    Probe("It is not known what would compute", device, needed=True),
    Probe("The processor is not known", processor),
    Probe("The memory is not known", memory),
)
ENGINE = (Probe("The engine is not known", engine),)


def liver_model() -> "Bundle":
    """The model that segments livers unless another is asked for. Raises `BundleError`."""
    from liverpair.bundle import Catalogue

    return Catalogue().find(DEFAULT_LIVER_MODEL)


def liver_shape(bundle: "Bundle") -> Sequence[int]:
    """Shape (batch, channel, z, y, x) in which the model sees a volume of `LIVER_VOLUME_MM`."""
    sides = zip(LIVER_VOLUME_MM[::-1], bundle.grid.spacing_mm[::-1], bundle.grid.multiple_of)
    return (1, len(bundle.inputs), *(math.ceil(mm / spacing / multiple) * multiple for mm, spacing, multiple in sides))


def total_memory(place: "torch.device") -> int:
    """Bytes of memory that a device has, used or not."""
    import torch

    if place.type == "cuda":
        return torch.cuda.get_device_properties(place).total_memory
    if place.type == "mps":
        return torch.mps.recommended_max_memory()
    import psutil

    return psutil.virtual_memory().total
