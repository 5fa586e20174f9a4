"""How much memory there is, how much a forward pass takes, and what to do when it is not enough."""

import copy
import errno
import gc
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from liverpair.core.errors import OutOfMemoryError

if TYPE_CHECKING:
    import torch

T = TypeVar("T")
Window = tuple[int, ...]

OVERHEAD = 1.4
CONSTANT_BYTES = 16 * 2**20
"""What a forward pass takes is at most the tensors alive at its worst moment times `OVERHEAD`, plus `CONSTANT_BYTES`:
convolutions keep reordered copies. Measured on CPU, resident memory over live tensors, for U-Nets of 8 to 128 channels,
0.3 to 1.2 million voxels: 1.20 to 1.56 in fp32, 1.00 to 1.47 in bf16, the higher ones for the smallest."""

USABLE_FRACTION = 0.7
"""Of the memory that is free, how much one forward pass may plan to take."""

OUT_OF_MEMORY_WORDS = (
    "out of memory",
    "not enough memory",
    "can't allocate memory",
    "cannot allocate memory",
    "could not allocate",
    "failed to allocate",
    "bad_alloc",
    "bad allocation",
    "alloc_failed",
)


def available_memory(device: "torch.device | str" = "cpu", system_root: Path | str = "/") -> int:
    """Bytes that can still be allocated on `device`.

    For the CPU: what the operating system calls available, what a Linux control group (a container's, or a cluster
    job's) leaves, or what is left of this process's share (see `take_share`), whichever is least. `system_root` is
    where /proc and /sys are looked for.
    """
    import torch

    device = torch.device(device)
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    if device.type == "mps":
        return max(0, torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory())
    import psutil

    left = [psutil.virtual_memory().available, *_control_group_memory(Path(system_root))]
    if _share:
        left.append(max(0, _share[-1] - psutil.Process().memory_info().rss))
    return min(left)


_share: list[int] = []


def take_share(memory: int) -> None:
    """Let this process plan with no more than `memory` bytes: others share the machine with it."""
    _share[:] = [memory]


def _control_group_memory(root: Path) -> list[int]:
    """Bytes left in each control group that limits this process, innermost first: version 2, then version 1."""
    left = []
    for line in _lines(root / "proc/self/cgroup"):
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers not in ("", "memory"):
            continue
        base = root / "sys/fs/cgroup" / controllers
        limit_name, usage_name = (
            ("memory.max", "memory.current")
            if not controllers
            else (
                "memory.limit_in_bytes",
                "memory.usage_in_bytes",
            )
        )
        group = base / path.strip("/")
        for folder in (group, *group.parents):
            if not folder.is_relative_to(base):
                break
            limit, usage = _number(folder / limit_name), _number(folder / usage_name)
            if limit is not None and usage is not None:
                left.append(max(0, limit - usage + _reclaimable(folder)))
    return left


def _reclaimable(folder: Path) -> int:
    """Bytes of file cache that the kernel gives back when asked; they count as used in a control group."""
    fields = dict(line.split(maxsplit=1) for line in _lines(folder / "memory.stat") if " " in line)
    return int(fields.get("total_inactive_file", fields.get("inactive_file", 0)))


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return []


def _number(path: Path) -> int | None:
    """The number in a file; None if there is no file, or it says "max"."""
    text = "".join(_lines(path))
    return int(text) if text.isdecimal() else None


def forward_memory(network: "torch.nn.Module", shape: Sequence[int], precision: str = "fp32") -> int:
    """Bytes that one forward pass will take beyond the weights, estimated without running it.

    The network is run on tensors that have shapes and no content, and what is alive at the worst moment is counted.

    Parameters
    ----------
    network
        On the meta device, as `Bundle.empty_network` gives it. It is not changed.
    shape
        Of the input: (batch, channels, z, y, x) or (batch, channels, y, x).
    precision
        "fp32", "bf16" or "fp16".

    Raises `RuntimeError` for a shape that the network does not take.
    """
    return int(OVERHEAD * live_memory(network, shape, precision)) + CONSTANT_BYTES


def live_memory(
    network: "torch.nn.Module", shape: Sequence[int], precision: str = "fp32", learning: bool = False
) -> int:
    """Bytes of all tensors alive at the worst moment of a forward pass, or, `learning`, of a step of training: input,
    activations and gradients, not weights nor what an optimizer keeps of them.

    Counted on tensors that have shapes and no content, so that nothing is computed; what convolutions reorder is not
    in it (see `OVERHEAD`). Parameters and errors as in `forward_memory`.
    """
    import torch

    network, images = _without_content(network, shape, precision)
    network.train(learning)
    with torch.set_grad_enabled(learning):
        return _live_peak(lambda: network(images).sum().backward() if learning else network(images), images.nbytes)


def _without_content(
    network: "torch.nn.Module", shape: Sequence[int], precision: str
) -> "tuple[torch.nn.Module, torch.Tensor]":
    """A copy of a network on the meta device, and images of that shape there."""
    import torch

    dtype = torch.float32 if precision == "fp32" else torch.bfloat16
    return copy.deepcopy(network).to("meta", dtype), torch.empty(tuple(shape), dtype=dtype, device="meta")


def _live_peak(run: Callable[[], Any], before: int) -> int:
    """Bytes of all tensors alive at the worst moment of a run; `before`: of those alive already."""
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils._pytree import tree_leaves

    class LiveBytes(TorchDispatchMode):
        def __init__(self) -> None:
            super().__init__()
            self.live = self.peak = before
            self.known: dict[int, weakref.ref] = {}

        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            output = function(*args, **(kwargs or {}))
            for tensor in tree_leaves(output):
                if isinstance(tensor, torch.Tensor):
                    self.count(tensor.untyped_storage())
            self.peak = max(self.peak, self.live)
            return output

        def count(self, storage: torch.UntypedStorage) -> None:
            key, size = storage._cdata, storage.nbytes()
            if key not in self.known:
                self.live += size
                self.known[key] = weakref.ref(storage, lambda _: self.forget(key, size))

        def forget(self, key: int, size: int) -> None:
            self.live -= size
            del self.known[key]

    with LiveBytes() as counter:
        run()
    return counter.peak


def fitting_window(
    needed: Callable[[Window], int],
    window: Sequence[int],
    available: int,
    multiple_of: Sequence[int] = (1, 1, 1),
    minimum: Sequence[int] = (32, 32, 32),
) -> Window:
    """The first of `window`, its halves, quarters … (see `halved`) for which `needed(window)` bytes are within
    `USABLE_FRACTION` of `available`.

    The smallest is returned when none fits.
    """
    current = tuple(window)
    while needed(current) > USABLE_FRACTION * available:
        smaller = halved(current, multiple_of, minimum)
        if smaller is None:
            break
        current = smaller
    return current


def halved(window: Sequence[int], multiple_of: Sequence[int], minimum: Sequence[int]) -> Window | None:
    """`window` with its longest side halved, rounded up to a multiple. None if every side is at its minimum."""
    for axis in sorted(range(len(window)), key=lambda a: -window[a]):
        half = -(-window[axis] // (2 * multiple_of[axis])) * multiple_of[axis]
        half = max(half, -(-minimum[axis] // multiple_of[axis]) * multiple_of[axis])
        if half < window[axis]:
            return (*window[:axis], half, *window[axis + 1 :])
    return None


@dataclass(frozen=True)
class Fitted(Generic[T]):
    """What came out, and the window and device that memory allowed; `notes` has one sentence for each step down."""

    result: T
    window: Window
    device: "torch.device"
    notes: list[str]


def with_memory_fallback(
    run: "Callable[[Window, torch.device], T]",
    window: Sequence[int],
    device: "torch.device | str",
    multiple_of: Sequence[int] = (1, 1, 1),
    minimum: Sequence[int] = (32, 32, 32),
) -> Fitted[T]:
    """`run(window, device)`; when memory runs out, again with the window halved along its longest side, and so on down
    to `minimum`; then on the CPU.

    `window`, `multiple_of` and `minimum` are in voxels, (z, y, x) or (y, x). Every other exception of `run` passes
    through. Raises `OutOfMemoryError` when the smallest window does not fit on the CPU.
    """
    import torch

    device = torch.device(device)
    notes: list[str] = []
    for place in [device] if device.type == "cpu" else [device, torch.device("cpu")]:
        current: Window | None = tuple(window)
        if place != device:
            notes.append(f"Not enough memory on {device} even for the smallest window: continued on the CPU.")
        while current is not None:
            try:
                return Fitted(run(current, place), current, place, notes)
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
            release_memory(place)
            last, current = current, halved(current, multiple_of, minimum)
            if current is not None:
                shortage = f"Not enough memory on {place} for a window of {_voxels(last)}"
                notes.append(f"{shortage}: continued with {_voxels(current)}.")
    raise OutOfMemoryError(
        f"There is not enough memory, even for a window of {_voxels(last)}.",
        "Close other programs, or choose a smaller model.",
    )


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception of Python, PyTorch (any device), OpenVINO or ITK means that memory ran out."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, RuntimeError) and any(words in str(error).lower() for words in OUT_OF_MEMORY_WORDS)


def release_memory(device: "torch.device") -> None:
    """Give back what nobody uses any more."""
    import torch

    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()


def _voxels(window: Window) -> str:
    return f"{' × '.join(map(str, window))} voxels"
