"""How fast, and with how much memory, LiverPair segments: `python Testing/Benchmarks/inference.py`.

(a) The network's inference against MONAI's SlidingWindowInferer, on the same prepared volumes with the same weights.
    Each arm runs in a process of its own, so that its peak of resident memory is its own; the arms take turns.
(b) A segmentation from files to files: in a new process, and again in a worker that is warm.
(c) Which part of the machine's matrix-multiplication speed a forward pass reaches.

Prints a table and writes `docs/results/inference.md` and `.json`. Leave the machine alone meanwhile.
"""

import argparse
import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from liverpair.core.sides import Side

ROOT = Path(__file__).resolve().parents[2]
ARMS = Path(__file__).with_name("inference_arms.py")
OURS, MONAI = "LiverPair", "MONAI sliding window"
LABELS = {
    "liverpair": OURS,
    "torch-whole": "plain PyTorch fp32, whole volume",
    "monai": MONAI,
    "monai-4": f"{MONAI}, 4 windows at a time",
    "monai-whole-statistics": f"{MONAI}, normalized as the whole volume",
}

WARM_RUNS = 3
"""Warm runs of each arm's process in a round."""

ARMS_NOTE = """Inference of T1 and T2, {shapes} voxels (z, y, x) on the working grid: from the prepared arrays to
probabilities, seconds of both volumes together, median of {runs} warm runs per arm; rounds in which the arms took
turns: {rounds}. MONAI: SlidingWindowInferer with the training patch ({patch}), overlap 0.5, Gaussian weights, PyTorch
fp32, one window at a time unless said otherwise. Peak memory: the largest resident size of the arm's process.
speedup_vs_monai: MONAI's seconds over ours. memory_ratio_vs_monai: our peak over MONAI's. dice_between: ours with
MONAI's. Masks differ for two reasons: windows show the network less at a time, and its group normalization takes mean
and variance over less. "{kept}" has the windows, and in each group normalization the mean and variance of a pass over
the whole volume, which its seconds contain. dice_by_windows: ours with it, what the windows alone change.
dice_by_statistics: MONAI's with it, what the statistics alone change. dice_with_fp32_whole: ours with plain PyTorch
fp32 over the same whole volume, what the engine alone changes."""

START_NOTE = """first_run_s: from two files to two masks in a new process, on a machine new to the model, with
the trial of all engines. cold_start_s: the same when the fastest engine is known. warm_run_s: the same job in a worker
that has run it before. warm_computation_s: the part of it from volumes in memory to masks in memory. warm_overhead_s:
the rest, that is reading, writing, measuring and talking to the worker."""

PEAK_NOTE = """fraction_of_peak: floating-point operations of a forward pass per second over those of a large matrix
multiplication by PyTorch in the same precision."""


def main(words: Sequence[str] | None = None) -> None:
    """Run the benchmark."""
    words = list(sys.argv[1:] if words is None else words)
    options = parse(words)
    with tempfile.TemporaryDirectory(prefix="liverpair-benchmark-") as folder:
        os.environ["LIVERPAIR_CACHE"] = str(Path(folder) / "cache")
        measure(options, Path(folder), shlex.join(["python", "Testing/Benchmarks/inference.py", *words]))


def parse(words: Sequence[str]) -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="liver-t1t2-split", help="name or folder of a model")
    parser.add_argument("--case", default="10", help="CHAOS case, where there is data; else the phantom is taken")
    parser.add_argument(
        "--patch", type=int, nargs=3, default=(32, 128, 176), help="MONAI's window (z, y, x): the patch of the training"
    )
    parser.add_argument("--rounds", type=int, default=3, help="how often the arms take turns")
    parser.add_argument("--warm-runs", type=int, default=5, help="runs in the warm worker")
    parser.add_argument("--results", type=Path, help="folder of the results (default: docs/results)")
    return parser.parse_args(words)


def measure(options: argparse.Namespace, folder: Path, command: str) -> None:
    """Measure everything and write the results; `folder` is for what comes between."""
    from liverpair.bundle import Catalogue
    from liverpair.core.device import processor_name
    from liverpair.evaluation.result_files import write_results

    bundle = Catalogue().find(options.model)
    volumes, data = input_volumes(options.case, folder)
    prepared = prepared_arrays(bundle, volumes, folder)
    first_run_s = segment_in_new_process(bundle.folder, volumes, folder)
    arms = run_arms(bundle.folder, prepared, options, folder)
    cold_start_s = statistics.median(segment_in_new_process(bundle.folder, volumes, folder) for _ in range(3))
    warm = segment_in_warm_worker(bundle.folder, volumes, folder, options.warm_runs)
    peak = child("peak", "--model", str(bundle.folder), "--arrays", *map(str, prepared.values()))
    threshold = bundle.postprocessing.threshold
    drawn = drawn_livers(bundle, volumes)
    table = [row(name, arms, threshold, drawn) for name in LABELS]
    ours, monai = arms["liverpair"], arms["monai"]
    values = {
        "speedup_vs_monai": monai["seconds"] / ours["seconds"],
        "memory_ratio_vs_monai": ours["peak_mb"] / monai["peak_mb"],
        "dice_between": dice(ours, monai, threshold),
        "dice_by_windows": dice(ours, arms["monai-whole-statistics"], threshold),
        "dice_by_statistics": dice(monai, arms["monai-whole-statistics"], threshold),
        "dice_with_fp32_whole": dice(ours, arms["torch-whole"], threshold),
        "first_run_s": first_run_s,
        "cold_start_s": cold_start_s,
        "warm_run_s": warm["total"],
        "warm_computation_s": warm["computation"],
        "warm_overhead_s": warm["overhead"],
        "fraction_of_peak": peak["fraction"],
        "forward_gflop": peak["gflop"],
        "forward_gflop_per_s": peak["gflop_per_s"],
        "matmul_gflop_per_s": peak["matmul_gflop_per_s"],
        "engine": peak["engine"],
        "processor": processor_name(),
        "cores": os.cpu_count(),
        "bundle": f"{bundle.name} {bundle.version}",
    }
    notes = [
        ARMS_NOTE.format(
            shapes=shapes(prepared),
            runs=WARM_RUNS * options.rounds,
            rounds=options.rounds,
            patch=" × ".join(map(str, options.patch)),
            kept=LABELS["monai-whole-statistics"],
        ),
        START_NOTE,
        PEAK_NOTE,
    ]
    write_results(
        "inference",
        table,
        command,
        data=data,
        title="Inference speed",
        values=values,
        notes=notes,
        folder=options.results,
    )
    print("\n".join(f"{key}: {value}" for key, value in values.items()))


def input_volumes(case: str, folder: Path) -> tuple[dict[str, Path], str]:
    """Paths of T1 and T2, and what they are."""
    data = Path(os.environ.get("LIVERPAIR_DATA") or ROOT.parent / "shared" / "data") / "chaos_mr" / case
    if data.is_dir():
        return {side: data / f"{side}.nii.gz" for side in Side}, f"CHAOS MR, case {case}"
    from liverpair.io.study import write_image
    from liverpair.synthesis.phantom import phantom_pair

    pair = phantom_pair(0)
    paths = {side: folder / f"{side}.nii.gz" for side in Side}
    for side, path in paths.items():
        write_image(getattr(pair, side), path)
    return paths, "embedded phantom pair, seed 0"


def prepared_arrays(bundle: Any, volumes: dict[str, Path], folder: Path) -> dict[str, Path]:
    """What the network sees of each volume (z, y, x), as files."""
    from liverpair.io.study import read_image
    from liverpair.segmentation.prediction import grid_policy, normalization
    from liverpair.segmentation.preparation import prepare

    paths = {}
    for side, volume in volumes.items():
        paths[side] = folder / f"{side}.npy"
        np.save(paths[side], prepare(read_image(volume), grid_policy(bundle), normalization(bundle)).array)
    return paths


def run_arms(bundle: Path, prepared: dict[str, Path], options: argparse.Namespace, folder: Path) -> dict[str, dict]:
    """Seconds (of T1 and T2 together), peak memory and outputs of each arm."""
    runs: dict[str, list[dict]] = {name: [] for name in LABELS}
    for round_number in range(options.rounds):
        for name in LABELS:
            print(f"round {round_number + 1} of {options.rounds}: {LABELS[name]}", file=sys.stderr, flush=True)
            arguments = [
                "--model",
                str(bundle),
                "--arrays",
                *map(str, prepared.values()),
                "--output",
                str(folder / f"{name}.npz"),
            ]
            runs[name].append(child(name, *arguments, "--patch", *map(str, options.patch), "--runs", str(WARM_RUNS)))
    return {
        name: {
            "seconds": statistics.median(seconds for run in found for seconds in run["seconds"]),
            "peak_mb": statistics.median(run["peak_mb"] for run in found),
            "outputs": np.load(folder / f"{name}.npz"),
        }
        for name, found in runs.items()
    }


def child(name: str, *arguments: str) -> dict[str, Any]:
    """Run one arm in a process of its own; what it prints last is its result."""
    finished = subprocess.run(
        [sys.executable, str(ARMS), name, *arguments], stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(finished.stdout.splitlines()[-1])


def drawn_livers(bundle: Any, volumes: dict[str, Path]) -> list[np.ndarray]:
    """The livers drawn by hand on the working grid, one per volume; empty where there are none (the phantom)."""
    from liverpair.io.study import read_image
    from liverpair.segmentation.prediction import grid_policy, normalization
    from liverpair.segmentation.preparation import prepare, prepare_labels

    livers = []
    for side, volume in volumes.items():
        labels = volume.with_name(f"{side}_organs.nii.gz")
        if not labels.exists():
            return []
        grid = prepare(read_image(volume), grid_policy(bundle), normalization(bundle)).grid
        livers.append(prepare_labels(read_image(labels), grid, [1])[0] >= 0.5)
    return livers


def row(name: str, arms: dict[str, dict], threshold: float, drawn: Sequence[np.ndarray]) -> dict[str, Any]:
    """One row of the table."""
    arm, ours, monai = arms[name], arms["liverpair"], arms["monai"]
    masks = [arm["outputs"][key] > threshold for key in arm["outputs"].files]
    agreement = (
        {"Dice with the drawn livers": statistics.mean(overlap(*two) for two in zip(masks, drawn))} if drawn else {}
    )
    return {
        "inference": LABELS[name],
        "seconds": arm["seconds"],
        "times as fast as MONAI": monai["seconds"] / arm["seconds"],
        "peak memory MB": arm["peak_mb"],
        "memory over MONAI's": arm["peak_mb"] / monai["peak_mb"],
        "Dice with LiverPair's mask": dice(arm, ours, threshold),
        "Dice with MONAI's mask": dice(arm, monai, threshold),
        **agreement,
    }


def dice(a: dict, b: dict, threshold: float) -> float:
    """The lower of the Dice coefficients of the two volumes' masks."""
    return min(overlap(a["outputs"][key] > threshold, b["outputs"][key] > threshold) for key in a["outputs"].files)


def overlap(first: np.ndarray, second: np.ndarray) -> float:
    """Dice coefficient of two masks of one shape; 1 when both are empty."""
    total = np.count_nonzero(first) + np.count_nonzero(second)
    return 2.0 * np.count_nonzero(first & second) / total if total else 1.0


def segment_in_new_process(bundle: Path, volumes: dict[str, Path], folder: Path) -> float:
    """Seconds of `python -m liverpair segment`, from its start to its end."""
    command = [sys.executable, "-m", "liverpair", "segment", *map(str, volumes.values()), "--model", str(bundle)]
    start = time.perf_counter()
    subprocess.run([*command, "-o", str(folder / "cold"), "--overwrite"], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def segment_in_warm_worker(bundle: Path, volumes: dict[str, Path], folder: Path, runs: int) -> dict[str, float]:
    """Medians over the runs in one worker after the first: seconds in all, of the computation, and the rest."""
    from liverpair.worker.client import WorkerClient
    from liverpair.worker.process import SubprocessTransport
    from liverpair.worker.protocol import ErrorEvent, Event, ResultEvent

    endings: list[Event] = []

    def on_event(event: Event) -> None:
        if isinstance(event, ResultEvent | ErrorEvent):
            endings.append(event)

    request = {
        **{side: str(path) for side, path in volumes.items()},
        "model": [str(bundle)],
        "output": str(folder / "warm"),
    }
    totals, computations = [], []
    with SubprocessTransport() as transport:
        client = WorkerClient(transport, on_event)
        for _ in range(runs + 1):
            endings.clear()
            start = time.perf_counter()
            client.run("segment", request)
            while not endings:
                transport.deliver(client, timeout_s=0.05)
                client.tick()
            totals.append(time.perf_counter() - start)
            if not isinstance(endings[0], ResultEvent):
                raise RuntimeError(str(endings[0]))
            computations.append(endings[0].result["provenance"]["seconds"])
        client.quit()
    overheads = [total - computation for total, computation in zip(totals[1:], computations[1:])]
    return {
        "total": statistics.median(totals[1:]),
        "computation": statistics.median(computations[1:]),
        "overhead": statistics.median(overheads),
    }


def shapes(prepared: dict[str, Path]) -> str:
    """The shapes of the prepared arrays in words."""
    return " and ".join(" × ".join(map(str, np.load(path, mmap_mode="r").shape)) for path in prepared.values())


if __name__ == "__main__":
    main()
