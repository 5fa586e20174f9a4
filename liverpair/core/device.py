"""Which device to compute on."""

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from liverpair.core.errors import InputError

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Hardware:
    """What a machine offers: the names of its CUDA GPUs in order, whether it has an Apple GPU, and the name of its
    processor.

    `cuda_build` says whether the installed PyTorch could use a CUDA GPU at all.
    """

    cuda: tuple[str, ...] = ()
    mps: bool = False
    cpu: str = "CPU"
    cuda_build: bool = True

    @classmethod
    def detect(cls) -> "Hardware":
        """This machine. GPUs that cannot add two numbers, because driver or age do not fit PyTorch, do not count."""
        import torch

        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        working = tuple(torch.cuda.get_device_name(i) for i in range(count) if _computes(f"cuda:{i}"))
        return cls(
            cuda=working if len(working) == count else (),
            mps=torch.backends.mps.is_available() and _computes("mps"),
            cpu=processor_name(),
            cuda_build=torch.version.cuda is not None,
        )


def _computes(device: str) -> bool:
    import torch

    try:
        return float(torch.ones(1, device=device) + 1) == 2
    except (RuntimeError, AssertionError):
        return False


def choose_device(name: str = "auto", hardware: Hardware | None = None) -> "torch.device":
    """The device called `name`: "auto" (CUDA, else Apple GPU, else CPU), "cpu", "gpu", "cuda", "cuda:1", "mps".

    `hardware` is this machine's unless given. Raises `InputError` for an unknown name or a device that is not there.
    """
    import torch

    key = name.strip().lower()
    if key == "cpu":
        return torch.device("cpu")
    hardware = Hardware.detect() if hardware is None else hardware
    if key in ("auto", "gpu"):
        if hardware.cuda:
            return torch.device("cuda:0")
        if hardware.mps:
            return torch.device("mps")
        if key == "auto":
            return torch.device("cpu")
        raise _no_gpu("There is no GPU that PyTorch can use on this machine.", hardware)
    if key == "mps":
        if not hardware.mps:
            raise _no_gpu("There is no Apple GPU that PyTorch can use on this machine.", hardware)
        return torch.device("mps")
    kind, _, number = key.partition(":")
    if kind != "cuda" or (":" in key and not number.isdecimal()):
        raise InputError(f"The device '{name}' is unknown.", "Choose auto, cpu, gpu, cuda, cuda:0 (1, 2, …) or mps.")
    if not hardware.cuda:
        raise _no_gpu("There is no CUDA GPU that PyTorch can use on this machine.", hardware)
    index = int(number or 0)
    if index >= len(hardware.cuda):
        there = ", ".join(f"cuda:{i} ({gpu})" for i, gpu in enumerate(hardware.cuda))
        raise InputError(f"There is no GPU number {index} on this machine.", f"There are: {there}.")
    return torch.device(f"cuda:{index}")


def _no_gpu(message: str, hardware: Hardware) -> InputError:
    build = "" if hardware.cuda_build else " If it has an NVIDIA GPU, install a PyTorch built with CUDA."
    return InputError(message, f"Choose 'auto' or 'cpu'.{build}")


def available_devices(hardware: Hardware | None = None) -> list[tuple[str, str]]:
    """Key (for `choose_device`) and label of every device of this machine, best first; the last is always the CPU."""
    hardware = Hardware.detect() if hardware is None else hardware
    devices = [(f"cuda:{i}", f"GPU {i}: {gpu}") for i, gpu in enumerate(hardware.cuda)]
    if hardware.mps:
        devices.append(("mps", "Apple GPU"))
    return [*devices, ("cpu", f"CPU: {hardware.cpu}")]


def native_bf16(flags: Mapping[str, Any] | None = None) -> bool:
    """Whether the processor multiplies bfloat16 itself (AVX512-BF16, AMX-BF16, Arm BF16), so that it gains speed.

    `flags` maps the names of processor features to whether they are there; without it they are asked of PyTorch and the
    operating system.
    """
    flags = processor_flags() if flags is None else flags
    return any(there and _is_bf16_multiplication(name) for name, there in flags.items())


def _is_bf16_multiplication(flag: str) -> bool:
    return flag in ("avx512_bf16", "amx_bf16", "bf16", "arm_bf16", "neon_bf16", "sve_bf16", "svebf16")


@lru_cache(maxsize=1)
def processor_flags() -> Mapping[str, Any]:
    """Names of the processor's features, each with whether it is there."""
    import torch

    if hasattr(torch.cpu, "get_capabilities"):
        return dict(torch.cpu.get_capabilities())
    words = {"flags": "", "Features": ""}
    for key, value in _cpuinfo():
        if key in words:
            words[key] = value
    return {flag: True for line in words.values() for flag in line.split()}


@lru_cache(maxsize=1)
def processor_name() -> str:
    """The processor's model name, as the operating system tells it."""
    for key, value in _cpuinfo():
        if key == "model name" and value:
            return value
    return platform.processor() or platform.machine() or "unknown"


def _cpuinfo() -> list[tuple[str, str]]:
    """The lines of Linux' /proc/cpuinfo as keys and values; none elsewhere."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    return [(key.strip(), value.strip()) for key, _, value in (line.partition(":") for line in lines)]
