"""How much memory a large volume takes: `python Testing/Benchmarks/host_memory.py`.

Segments a phantom of 800 × 800 × 272 voxels in a process of its own, with both maps and without, and a small one for
what the process takes whatever the volume, and compares the peak of its resident memory with the size of the file.

Prints a table and writes `docs/results/host-memory.md` and `.json`. Other work on the machine changes nothing.
"""

import argparse
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

SIZE = (800, 800, 272)
SMALL = (64, 64, 32)
MAPS = ("--probability", "--uncertainty")

NOTE = """Peak of the resident memory of one `liverpair segment T1 -` on the processor, over the bytes of the voxels
(int16) in the file. The rest is what the process and the network take whatever the volume: see the small one."""


def main(words: Sequence[str] | None = None) -> None:
    """Run the benchmark."""
    from liverpair.core.device import processor_name
    from liverpair.evaluation.result_files import write_results

    words = list(sys.argv[1:] if words is None else words)
    options = parse(words)
    with tempfile.TemporaryDirectory(prefix="liverpair-memory-") as folder:
        rows = measure(Path(folder), tuple(options.size))
    write_results(
        "host-memory",
        rows,
        shlex.join(["python", "Testing/Benchmarks/host_memory.py", *words]),
        data="The demo phantom",
        title="Memory for a large volume",
        values={
            "processor": processor_name(),
            "voxels_with_maps": rows[-1]["voxels"],
            "times_the_file_with_maps": rows[-1]["times the file"],
        },
        notes=[NOTE],
        folder=options.results,
    )


def parse(words: Sequence[str]) -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, nargs=3, default=SIZE, metavar="N", help="voxels of the large volume")
    parser.add_argument("--results", type=Path, help="folder of the results (default: docs/results)")
    return parser.parse_args(words)


def measure(folder: Path, size: tuple[int, ...]) -> list[dict[str, Any]]:
    """A row for each run."""
    rows = []
    for name, voxels, options in (("small", SMALL, ()), ("large", size, ()), ("large, both maps", size, MAPS)):
        path = folder / f"{'x'.join(map(str, voxels))}.nii.gz"
        if not path.exists():
            make_volume(path, voxels)
        peak = peak_bytes(["segment", str(path), "-", "-o", str(folder / name), "--device", "cpu", *options])
        file_bytes = 2 * voxels[0] * voxels[1] * voxels[2]
        rows.append(
            {
                "volume": name,
                "voxels": " × ".join(map(str, voxels)),
                "file MB": round(file_bytes / 2**20),
                "peak MB": round(peak / 2**20),
                "times the file": round(peak / file_bytes, 1) if voxels == size else None,
            }
        )
    return rows


def make_volume(path: Path, size: Sequence[int]) -> None:
    """T1 of the demo phantom with so many voxels, in the same place."""
    import numpy as np

    from liverpair.core.geometry import Grid, resample
    from liverpair.io.study import write_image
    from liverpair.synthesis.phantom import phantom_pair

    t1 = phantom_pair(0, matrix=128).t1
    own = Grid.of(t1)
    spacing = tuple(n * s / m for n, s, m in zip(own.size, own.spacing, size))
    corner = own.point(np.divide(spacing, own.spacing) / 2 - 0.5)
    write_image(resample(t1, Grid(tuple(size), spacing, tuple(corner.tolist()), own.direction)), path)


def peak_bytes(words: Sequence[str]) -> int:
    """The most resident memory that one command line took."""
    process = subprocess.Popen([sys.executable, "-m", "liverpair", *words], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"'{shlex.join(words)}' failed.")
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    main()
