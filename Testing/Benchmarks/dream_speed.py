"""How fast LiverPair dreams, and whether it dreams the same: `python Testing/Benchmarks/dream_speed.py`.

Iterations of our dream against those of a straightforward loop (see `dream_speed_arms`) on the same images with the
same networks, in one process; the loops take turns after every iteration, so that other work on the machine slows them
alike. In between stand our loop in single precision, and without the crop to the receptive field. On a machine that is
busy, threads wait for each other most of the time: then `--processor-time`.

Prints a table and writes `docs/results/dream-speed.md` and `.json`.
"""

import argparse
import os
import shlex
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

BENCHMARKS = Path(__file__).resolve().parent
sys.path[:0] = [str(BENCHMARKS), str(BENCHMARKS.parents[1])]

from dream_speed_arms import (  # noqa: E402
    OURS,
    STRAIGHTFORWARD,
    Case,
    Step,
    arms,
    extracted,
    extractor_of,
    planted,
    run,
    shipped,
)

from liverpair.dreaming.dream_settings import DreamSettings  # noqa: E402

WIDTHS_3D, RADIUS_3D, SHAPE_3D = (8, 16, 32, 64), 7.0, (64, 96, 96)
MODEL_2D, LESION_2D, SIDE_2D = "lesion-slices-t1", 2, 256


def planted_3d(name: str, normalization: str) -> Case:
    """A network of volumes."""
    return planted(name, SHAPE_3D, RADIUS_3D, {"widths": WIDTHS_3D, "normalization": normalization})


CASES: dict[str, Callable[[], Case]] = {
    "2d": lambda: shipped(f"2-D, {MODEL_2D}", MODEL_2D, LESION_2D, SIDE_2D),
    "3d": lambda: planted_3d("3-D, group normalization", "group"),
    "3d_batch": lambda: planted_3d("3-D, batch normalization", "batch"),
}
"""By the ending of their single figures. The first is the one that `speedup` is of."""

SPEED_NOTE = """Milliseconds {of} per iteration, median of {iterations} after {warm} to warm up; the loops took turns
after every iteration. {sizes}. 2-D: the shipped network of T1 slices, from a lesion of the embedded phantom. 3-D:
networks with random weights that see a ball in smooth noise. So there is an object to measure from the first iteration
on; measured are {features}. Straightforward: PyTorch fp32 on the whole image, gradients of the weights too,
pyradiomics' RadiomicsFeatureExtractor on the whole image in every iteration. LiverPair: frozen weights, the classes of
pyradiomics on the cropped object, bf16 where native ({precision} here), and the crop to the receptive field, which
networks with group normalization do not have."""

SAME_NOTE = """*feature difference*: the largest of any feature from the straightforward loop's at the same iteration,
as a part of its value; *Dice*: of the object with the straightforward loop's, after the last iteration; *path cosine*:
of the change of the image up to then. Rounding bends the path in time, most in networks with random weights. What does
not depend on the path: features_error, the largest difference of our features from those of pyradiomics' extractor on
the very same images and masks, as a part of their values; gradient_cosine, of our first step with the straightforward
one's."""


@dataclass(frozen=True, eq=False)
class Timed:
    """Seconds of each iteration of a loop after warming up, and every iteration."""

    seconds: list[float]
    steps: list[Step]

    @property
    def median_ms(self) -> float:
        """Milliseconds."""
        return 1000 * statistics.median(self.seconds)


def main(words: Sequence[str] | None = None) -> None:
    """Run the benchmark."""
    words = list(sys.argv[1:] if words is None else words)
    options = parse(words)
    measure(options, CASES, shlex.join(["python", "Testing/Benchmarks/dream_speed.py", *words]))


def parse(words: Sequence[str]) -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--iterations", type=int, default=20, help="iterations that count, of each loop")
    parser.add_argument("--warm", type=int, default=3, help="iterations before them")
    parser.add_argument(
        "--processor-time",
        action="store_true",
        help="one thread, and the time that the processor spent on it: for a machine that is not left alone",
    )
    parser.add_argument("--results", type=Path, help="folder of the results (default: docs/results)")
    return parser.parse_args(words)


def measure(options: argparse.Namespace, cases: dict[str, Callable[[], Case]], command: str) -> dict[str, Any]:
    """Run every loop on every case and write the results; the single figures of them."""
    from liverpair.core.device import native_bf16, processor_name
    from liverpair.evaluation.result_files import write_results
    from liverpair.measures.feature_names import title_of

    if options.processor_time:
        torch.set_num_threads(1)
    clock = time.process_time if options.processor_time else time.perf_counter
    precision = "bf16" if native_bf16() else "fp32"
    settings = DreamSettings(iterations=options.warm + options.iterations, minimum_gain=0.0, every=1)
    table: list[dict[str, Any]] = []
    values: dict[str, Any] = {}
    sizes, features = [], {}
    for ending, make in cases.items():
        case = make()
        timed = take_turns(case, settings, precision, options.warm, clock)
        table += [row(case.name, arm, timed) for arm in timed]
        values |= {f"{key}_{ending}": value for key, value in single_figures(case, timed).items()}
        sizes.append(f"{case.name}: {case.size}")
        features |= dict.fromkeys(title_of(name).lower() for name in case.features)
    first = next(iter(cases))
    values = {"speedup": values[f"speedup_{first}"], **values}
    values |= {
        "precision": precision,
        "threads": torch.get_num_threads(),
        "processor": processor_name(),
        "cores": os.cpu_count(),
    }
    write_results(
        "dream-speed",
        table,
        command,
        data="Embedded phantom pair, seed 0; smooth noise with a brighter ball",
        title="Speed of dreams",
        values=values,
        notes=[
            SPEED_NOTE.format(
                of="of processor time" if options.processor_time else "by the clock",
                iterations=options.iterations,
                warm=options.warm,
                sizes="; ".join(sizes),
                precision=precision,
                features=", ".join(features),
            ),
            SAME_NOTE,
        ],
        folder=options.results,
    )
    print("\n".join(f"{key}: {value}" for key, value in values.items()))
    return values


def single_figures(case: Case, timed: dict[str, Timed]) -> dict[str, float]:
    """How much faster ours is, and how far it is from pyradiomics and from the straightforward gradient."""
    plain, own = timed[STRAIGHTFORWARD], timed[OURS]
    return {
        "speedup": plain.median_ms / own.median_ms,
        "features_error": features_error(case, own.steps),
        "gradient_cosine": cosine(plain.steps[:2], own.steps[:2]),
    }


def take_turns(
    case: Case, settings: DreamSettings, precision: str, warm: int, clock: Callable[[], float]
) -> dict[str, Timed]:
    """All iterations of every loop, in turn, timed by `clock`; the first `warm` are not counted."""
    count = settings.iterations
    loops = {arm: run(case, own, settings) for arm, own in arms(settings, precision).items()}
    timed = {arm: Timed([], []) for arm in loops}
    for number in range(count):
        print(f"{case.name}: iteration {number + 1} of {count}", end="\r", file=sys.stderr, flush=True)
        for arm, loop in loops.items():
            start = clock()
            step = next(loop)
            if number >= warm:
                timed[arm].seconds.append(clock() - start)
            timed[arm].steps.append(step)
    print(file=sys.stderr)
    return timed


def row(name: str, arm: str, timed: dict[str, Timed]) -> dict[str, Any]:
    """What the table says of one loop on one case."""
    plain, own = timed[STRAIGHTFORWARD], timed[arm]
    ends = plain.steps[-1].mask, own.steps[-1].mask
    compared = arm != STRAIGHTFORWARD
    return {
        "network": name,
        "loop": arm,
        "ms": own.median_ms,
        "iterations per s": 1000 / own.median_ms,
        "times as fast": plain.median_ms / own.median_ms,
        "feature difference": feature_difference(plain.steps, own.steps) if compared else None,
        "Dice": 2.0 * np.count_nonzero(ends[0] & ends[1]) / max(1, sum(map(np.count_nonzero, ends)))
        if compared
        else None,
        "path cosine": cosine(plain.steps, own.steps) if compared else None,
        "voxels": int(np.count_nonzero(ends[1])),
    }


def feature_difference(first: Sequence[Step], second: Sequence[Step]) -> float:
    """The largest difference of any feature at the same iteration, as a part of the first's value."""
    parts = [relative(a.features[name], b.features[name]) for a, b in zip(first, second) for name in a.features]
    return max(parts, default=float("nan"))


def features_error(case: Case, steps: Sequence[Step]) -> float:
    """The largest difference of the features of `steps` from pyradiomics' extractor on the same images and masks, as a
    part of its values."""
    extractor = extractor_of(case.features)
    exact = [Step(s.activation, extracted(extractor, s.image, s.mask, case.features), s.image, s.mask) for s in steps]
    return feature_difference(exact, steps)


def relative(value: float, other: float) -> float:
    """The difference as a part of `value`; 0 when both are undefined, infinite when one is."""
    if np.isnan(value) or np.isnan(other):
        return 0.0 if np.isnan(value) and np.isnan(other) else float("inf")
    return abs(other - value) / max(abs(value), 1e-12)


def cosine(first: Sequence[Step], second: Sequence[Step]) -> float:
    """Of the changes of the image from the first to the last of the steps of two loops."""
    changes = [(steps[-1].image.astype(np.float64) - steps[0].image).ravel() for steps in (first, second)]
    return float(changes[0] @ changes[1] / np.linalg.norm(changes[0]) / np.linalg.norm(changes[1]))


if __name__ == "__main__":
    main()
