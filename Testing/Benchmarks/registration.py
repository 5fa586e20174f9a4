"""How near and how fast two livers are registered: `python Testing/Benchmarks/registration.py`.

A real liver mask and the same one after a smooth random deformation, so that the way of every point is known. Our
registration beside SimpleITK's own: the same soft masks, the same translation and B-spline, its mean squares and its
L-BFGS-B. The two take turns, in processor time of one thread.

Prints a table and writes `docs/results/registration.md` and `.json`.
"""

import argparse
import os
import shlex
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

CASES = ("01", "05", "13", "20")
POINTS = 300
AMPLITUDE_MM, SMOOTHNESS_MM, SHIFT_MM = 8.0, 40.0, 10.0
ROUNDS = 3

NOTE = f"""The T2 liver of each case went through a random deformation ({AMPLITUDE_MM:g} mm along each axis, smooth over
{SMOOTHNESS_MM:g} mm, and a shift of up to {SHIFT_MM:g} mm along each) and was registered to itself. *error*: at
{POINTS} points of the liver, mean over the cases; *worst tenth*: 90th percentile, likewise. *Dice*: of the registered
masks. *seconds*: processor time of one thread, median of {ROUNDS} rounds, mean over the cases. The first two have the
settings that ship, the others four times the iterations. What would look good for the wrong reason: both masks are of
one outline by one hand, whereas masks of two images differ by more than a deformation; lesion-pairs has those."""

Mask = sitk.Image
Points = np.ndarray


def main(words: Sequence[str] | None = None) -> None:
    """Run the benchmark."""
    from liverpair.core.device import processor_name
    from liverpair.evaluation.result_files import write_results

    words = list(sys.argv[1:] if words is None else words)
    options = parse(words)
    rows = measure(Path(os.path.expandvars(options.data)), options.cases, options.rounds)
    ours, library = rows[0], next(row for row in rows if row["iterations"] == rows[0]["iterations"] and row != rows[0])
    write_results(
        "registration",
        rows,
        shlex.join(["python", "Testing/Benchmarks/registration.py", *words]),
        data=f"CHAOS MR, livers in T2 of cases {', '.join(options.cases)}, deformed at random",
        title="Registration of two livers",
        values={
            "processor": processor_name(),
            "error_mm": ours["error mm"],
            "error_simpleitk_mm": library["error mm"],
            "speedup_vs_simpleitk": library["seconds"] / ours["seconds"],
        },
        notes=[NOTE],
        folder=options.results,
    )


def parse(words: Sequence[str]) -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="${LIVERPAIR_DATA}/chaos_mr", help="folder of the real pairs")
    parser.add_argument("--cases", nargs="+", default=CASES, metavar="CASE", help=f"default: {' '.join(CASES)}")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="how often each is timed")
    parser.add_argument("--results", type=Path, help="folder of the results (default: docs/results)")
    return parser.parse_args(words)


def measure(root: Path, cases: Sequence[str], rounds: int) -> list[dict[str, Any]]:
    """A row for each registration: ours as shipped, SimpleITK's, and both with four times the iterations."""
    from liverpair.registration.livers import RegistrationSettings, register_livers
    from liverpair.synthesis.paired_lesions_evaluation import read_real_pair

    settings = RegistrationSettings()
    long = RegistrationSettings(iterations=4 * settings.iterations)
    arms = [
        (name, register, chosen)
        for chosen in (settings, long)
        for name, register in (("LiverPair", register_livers), ("SimpleITK", register_by_simpleitk))
    ]
    found: dict[int, list[tuple[float, ...]]] = {number: [] for number in range(len(arms))}
    for case in cases:
        liver = read_real_pair(root, case).t2_liver
        moved, points, true = deformed(liver, int(case))
        times: dict[int, list[float]] = {number: [] for number in found}
        ways = {}
        for _round in range(rounds):
            for number, (_, register, chosen) in enumerate(arms):
                start = time.process_time()
                ways[number] = register(moved, liver, chosen)
                times[number].append(time.process_time() - start)
        for number, way in ways.items():
            errors = np.linalg.norm(way.to_t2(points) - true, axis=1)
            seconds = statistics.median(times[number])
            found[number].append((errors.mean(), np.percentile(errors, 90), way.dice, seconds))
    names = ("error mm", "worst tenth mm", "Dice", "seconds")
    return [
        {
            "registration": name,
            "iterations": chosen.iterations,
            **dict(zip(names, np.mean(found[number], axis=0).tolist())),
        }
        for number, (name, _, chosen) in enumerate(arms)
    ]


def deformed(liver: Mask, seed: int) -> tuple[Mask, Points, Points]:
    """The liver after a random deformation, points in it (n, 3), and where they were before, LPS mm."""
    from liverpair.core.geometry import Grid
    from liverpair.synthesis.deformation import displacement_transform, smooth_displacement

    rng = np.random.default_rng(seed)
    field = smooth_displacement(liver, rng, AMPLITUDE_MM, SMOOTHNESS_MM) + rng.uniform(-SHIFT_MM, SHIFT_MM, 3)
    moved = sitk.Resample(liver, liver, displacement_transform(field, liver), sitk.sitkNearestNeighbor, 0)
    voxels = np.argwhere(sitk.GetArrayViewFromImage(moved) > 0)
    chosen = voxels[rng.choice(len(voxels), POINTS)]
    points = np.array([Grid.of(liver).point(voxel[::-1]) for voxel in chosen])
    return moved, points, points + field[tuple(chosen.T)]


def register_by_simpleitk(t1_liver: Mask, t2_liver: Mask, settings: Any) -> Any:
    """What a user of SimpleITK would write, on our soft masks."""
    from liverpair.core.geometry import Grid, offset_t1_to_t2, resample
    from liverpair.registration.livers import LiverCorrespondence, grid_around, overlap_of, soft_mask

    grid = grid_around(t1_liver, settings.working_mm, settings.margin_mm)
    fixed = resample(soft_mask(t1_liver, settings.reach_mm), grid, fill=-1.0)
    seen = resample(Grid.of(t1_liver).image(1.0, sitk.sitkUInt8), grid, "nearest")
    moving = soft_mask(t2_liver, settings.reach_mm)

    def method() -> sitk.ImageRegistrationMethod:
        made = sitk.ImageRegistrationMethod()
        made.SetMetricAsMeanSquares()
        made.SetMetricFixedMask(seen)
        made.SetInterpolator(sitk.sitkLinear)
        return made

    shift = sitk.TranslationTransform(3, offset_t1_to_t2(t1_liver, t2_liver))
    registration: Callable[..., Any] = method()
    registration.SetOptimizerAsRegularStepGradientDescent(8.0, 0.1, settings.iterations)
    registration.SetInitialTransform(shift, inPlace=True)
    registration.Execute(fixed, moving)
    extent = np.multiply(fixed.GetSize(), fixed.GetSpacing())
    mesh = np.maximum(1, np.floor(extent / settings.control_mm)).astype(int).tolist()
    field = sitk.BSplineTransformInitializer(fixed, mesh, order=3)
    registration = method()
    registration.SetOptimizerAsLBFGSB(1e-5, settings.iterations, 5, 4 * settings.iterations)
    registration.SetMovingInitialTransform(shift)
    registration.SetInitialTransform(field, inPlace=True)
    registration.Execute(fixed, moving)
    transform = sitk.CompositeTransform([shift, field])
    return LiverCorrespondence(transform, overlap_of(t1_liver, t2_liver, transform))


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    main()
