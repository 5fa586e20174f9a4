"""The estimate of a forward pass, and what happens when memory runs out."""

import errno

import pytest
import torch

from liverpair.core.errors import OutOfMemoryError
from liverpair.core.failures import failure_of
from liverpair.core.memory import (
    CONSTANT_BYTES,
    OVERHEAD,
    _live_peak,
    fitting_window,
    forward_memory,
    halved,
    is_out_of_memory,
    live_memory,
    with_memory_fallback,
)
from liverpair.networks import build

ERRORS = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:114] . DefaultCPUAllocator: can't allocate memory: you tried ..."),
    RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 8 bytes."),
    RuntimeError("MPS backend out of memory (MPS allocated: 1 GB)"),
    RuntimeError("Exception from src/inference: std::bad_alloc"),
    MemoryError(),
]


class Machine:
    """Stands in for a computation that needs one byte per voxel."""

    def __init__(self, error, **bytes_on):
        self.error = error
        self.bytes_on = bytes_on
        self.tried = []

    def __call__(self, window, device):
        self.tried.append((device.type, window))
        if torch.Size(window).numel() > self.bytes_on[device.type]:
            raise self.error
        return "done"


@pytest.mark.parametrize("error", ERRORS, ids=[type(e).__name__ + str(i) for i, e in enumerate(ERRORS)])
def test_the_window_is_halved_along_its_longest_side_until_it_fits(error):
    machine = Machine(error, cpu=64 * 64 * 96)
    fitted = with_memory_fallback(machine, (64, 192, 192), "cpu", multiple_of=(8, 16, 16))
    assert [window for _, window in machine.tried] == [(64, 192, 192), (64, 96, 192), (64, 96, 96), (64, 48, 96)]
    assert (fitted.result, fitted.window, fitted.device) == ("done", (64, 48, 96), torch.device("cpu"))
    assert fitted.notes == [
        "Not enough memory on cpu for a window of 64 × 192 × 192 voxels: continued with 64 × 96 × 192 voxels.",
        "Not enough memory on cpu for a window of 64 × 96 × 192 voxels: continued with 64 × 96 × 96 voxels.",
        "Not enough memory on cpu for a window of 64 × 96 × 96 voxels: continued with 64 × 48 × 96 voxels.",
    ]


def test_what_fits_at_once_is_not_remarked_upon():
    fitted = with_memory_fallback(Machine(MemoryError(), cpu=10**9), (64, 64, 64), "cpu")
    assert (fitted.window, fitted.notes) == ((64, 64, 64), [])


def test_after_the_smallest_window_on_the_gpu_comes_the_whole_one_on_the_cpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)
    machine = Machine(ERRORS[0], cuda=10, cpu=10**9)
    fitted = with_memory_fallback(machine, (64, 32, 32), "cuda:0")
    assert machine.tried == [("cuda", (64, 32, 32)), ("cuda", (32, 32, 32)), ("cpu", (64, 32, 32))]
    assert fitted.device == torch.device("cpu")
    assert fitted.notes[-1] == "Not enough memory on cuda:0 even for the smallest window: continued on the CPU."


def test_when_nothing_fits_the_sentence_names_the_smallest_window():
    machine = Machine(MemoryError(), cpu=10)
    with pytest.raises(OutOfMemoryError, match="even for a window of 32 × 32 × 32 voxels. Close other programs"):
        with_memory_fallback(machine, (64, 64, 64), "cpu")
    assert len(machine.tried) == 4


@pytest.mark.parametrize("error", [RuntimeError("shapes do not match"), ValueError("no"), KeyboardInterrupt()])
def test_every_other_error_passes_through_at_once(error):
    machine = Machine(error, cpu=0)
    with pytest.raises(type(error)):
        with_memory_fallback(machine, (64, 64, 64), "cpu")
    assert len(machine.tried) == 1


def test_an_allocation_that_truly_fails_is_recognized():
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60, dtype=torch.uint8)
    assert is_out_of_memory(caught.value)


@pytest.mark.parametrize(
    "error",
    [
        *ERRORS,
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("unable to mmap 4096 bytes from file </t1.nrrd>: Cannot allocate memory (12)"),
        RuntimeError("[CPU] could not allocate 4096 bytes"),
        RuntimeError("Failed to allocate memory for image."),
        RuntimeError("bad allocation"),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
    ],
    ids=lambda error: str(error) or "no words",
)
def test_whatever_ran_out_of_memory_is_memory_to_the_user_too(error):
    assert is_out_of_memory(error)
    assert failure_of(error).kind == "memory"


@pytest.mark.parametrize("error", [RuntimeError("shapes do not match"), ValueError("out of memory"), OSError("disk")])
def test_what_only_sounds_like_memory_is_not(error):
    assert not is_out_of_memory(error)
    assert failure_of(error).kind == "internal"


@pytest.mark.parametrize(
    ("window", "multiple_of", "minimum", "expected"),
    [
        ((32, 96, 80), (1, 1, 1), (16, 16, 16), (32, 48, 80)),
        ((32, 80, 80), (1, 16, 16), (16, 16, 16), (32, 48, 80)),
        ((64, 40, 40), (1, 1, 1), (64, 32, 32), (64, 32, 40)),
        ((40, 40), (16, 16), (32, 32), (32, 40)),
        ((32, 32, 32), (1, 1, 1), (32, 32, 32), None),
        ((8, 8, 8), (1, 1, 1), (32, 32, 32), None),
    ],
)
def test_halving_by_hand(window, multiple_of, minimum, expected):
    assert halved(window, multiple_of, minimum) == expected


def test_the_largest_window_within_the_usable_memory_is_planned():
    def needed(window):
        return torch.Size(window).numel()

    assert fitting_window(needed, (64, 64, 64), available=10**9) == (64, 64, 64)
    assert fitting_window(needed, (64, 64, 64), available=200_000) == (32, 64, 64)
    assert fitting_window(needed, (64, 64, 64), available=1) == (32, 32, 32)


def test_live_bytes_of_a_chain_counted_by_hand():
    """Input 4³ × 4 bytes = 256, then 8 channels 2048, then 2 channels 512; all three alive at the end."""
    chain = torch.nn.Sequential(torch.nn.Conv3d(1, 8, 1), torch.nn.Conv3d(8, 2, 1)).to("meta")
    images = torch.empty(1, 1, 4, 4, 4, device="meta")
    with torch.no_grad():
        assert _live_peak(lambda: chain(images), images.nbytes) == 256 + 2048 + 512


def test_live_bytes_of_a_step_of_training_counted_by_hand():
    """Input 256, 8 channels 2048, the sum of them 4, and on the way back its gradient 4, a view as large as the output
    that takes nothing, and the gradients of 8 weights and 8 biases, 32 each; no gradient of the input is asked for."""
    network = torch.nn.Conv3d(1, 8, 1)
    assert live_memory(network, (1, 1, 4, 4, 4), learning=True) == pytest.approx(256 + 2048, abs=100)
    deeper = torch.nn.Sequential(network, torch.nn.Conv3d(8, 8, 1), torch.nn.Conv3d(8, 8, 1))
    assert live_memory(deeper, (1, 1, 4, 4, 4), learning=True) > 256 + 3 * 2048  # all activations are kept at once


def empty(**arguments):
    with torch.device("meta"):
        return build("unet", arguments)


def test_the_estimate_follows_shape_precision_and_width():
    arguments = {"in_channels": 1, "out_channels": 1, "widths": [8, 16, 32]}

    def live(shape=(1, 1, 32, 64, 64), precision="fp32", **changes):
        return (forward_memory(empty(**{**arguments, **changes}), shape, precision) - CONSTANT_BYTES) / OVERHEAD

    voxels = 32 * 64 * 64
    assert live() >= 4 * voxels * 3 * 8
    assert live((1, 1, 64, 64, 64)) == pytest.approx(2 * live(), rel=0.01)
    assert live(precision="bf16") == pytest.approx(live() / 2, rel=0.05)
    assert live(widths=[16, 32, 64]) == pytest.approx(2 * live(), rel=0.05)


def test_the_estimate_of_the_published_network_takes_no_memory():
    from liverpair.networks.unet import PUBLISHED_3D

    estimate = forward_memory(empty(**PUBLISHED_3D), (1, 1, 64, 192, 192))
    assert 4 * 2**30 < estimate < 8 * 2**30
