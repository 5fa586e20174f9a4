"""Steps of training, each in a process of its own: what memory one really took, and how long the processor worked."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from liverpair.core.errors import InputError

SEPARATE_FROM = "65536"
"""Bytes from which glibc takes memory from the system for a tensor, and gives it back: else peaks would overlap."""

Step = tuple[str, Mapping[str, Any], Sequence[int]]
"""Name and arguments, as `liverpair.networks.build` takes them, and the input's shape (batch, channels, z, y, x)."""


def measured(steps: Sequence[Step], repeats: int = 1) -> list[dict[str, float]]:
    """Of each step "megabytes", by which the resident memory rose at most, and "seconds" of one thread, the fastest of
    `repeats`.

    Memory is NaN where the system does not tell of it, or a process cannot split itself (Linux does both). Raises
    `InputError` when a step fails.
    """
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": SEPARATE_FROM, "OMP_NUM_THREADS": "1"}
    asked = json.dumps([[[name, dict(arguments), list(shape)] for name, arguments, shape in steps], repeats])
    done = subprocess.run(
        [sys.executable, "-m", __name__, asked], capture_output=True, text=True, env=environment, check=False
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise InputError(f"A step of training failed: {lines[-1]}", "Free some memory.")
    return json.loads(done.stdout)


def _step(name: str, arguments: Mapping[str, Any], shape: Sequence[int], repeats: int) -> dict[str, float]:
    import torch

    from liverpair.networks import build

    torch.set_num_threads(1)
    torch.manual_seed(0)
    network = build(name, arguments)
    small = [*shape[:2], *(2 * multiple for multiple in network.multiple_of)]
    network(torch.rand(small)).sum().backward()  # what is loaded once
    network.zero_grad()
    images = torch.rand(tuple(shape))
    before, seconds = _resident("VmRSS"), []
    for _ in range(repeats):
        started = time.process_time()
        network(images).sum().backward()
        seconds.append(time.process_time() - started)
        network.zero_grad()
    return {"megabytes": _resident("VmHWM") - before, "seconds": min(seconds)}


def _resident(key: str) -> float:
    """MiB of this process, now ("VmRSS") or at most ("VmHWM")."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return float("nan")
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{key}:")), float("nan"))


def _in_a_process_of_its_own(step: Sequence[Any], repeats: int) -> dict[str, float]:
    """The process splits before it has computed anything, so that the peak is that of the step alone."""
    if not hasattr(os, "fork"):
        return _step(*step, repeats) | {"megabytes": float("nan")}
    source, sink = os.pipe()
    child = os.fork()
    if not child:
        os.close(source)
        with os.fdopen(sink, "w") as file:
            try:
                json.dump(_step(*step, repeats), file)
            except Exception as error:  # whatever it is, this process must not go on
                print(error, file=sys.stderr)
        os._exit(0)
    os.close(sink)
    with os.fdopen(source) as file:
        said = file.read()
    os.waitpid(child, 0)
    if not said:
        sys.exit(1)
    return json.loads(said)


def _main(steps: Sequence[Sequence[Any]], repeats: int) -> None:
    import torch

    import liverpair.networks.reversible_unet  # noqa: F401  what every step needs is loaded once

    torch.set_num_threads(1)
    print(json.dumps([_in_a_process_of_its_own(step, repeats) for step in steps]))


if __name__ == "__main__":
    _main(*json.loads(sys.argv[1]))
