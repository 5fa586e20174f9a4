"""Many studies at once: `python Testing/Benchmarks/batch.py`.

Segments phantom studies in one process, on one and on two workers, and on two workers that are killed at random, each
by the command a user would type, and beside it what people do without a batch: a loop that starts one process a study.

Prints a table and writes `docs/results/batch.md` and `.json`. Leave the machine alone meanwhile.
"""

import argparse
import hashlib
import json
import os
import random
import shlex
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PATIENTS = 20
"""Different phantoms; further studies are these with other noise."""
MARGIN_MM = 15.0
"""Kept around the liver of a small study."""
LIVERPAIR = [sys.executable, "-m", "liverpair"]
MANY = 100_000
NAMES = {
    "loop": "a loop: one process a study",
    "alone": "one command, in one process",
    "one": "--workers 1",
    "two": "--workers 2",
    "killed": "--workers 2, killed at random",
    "full": "--workers 2, uncut phantoms",
}
"""What each run is called in the table."""

NOTE = """{studies} studies, T1 and T2 each, cut to {margin:g} mm around the liver so that this takes minutes
({patients} phantoms, further ones with other noise). The loop was run with the first {loop} of them, and its time per
study is taken for all; {loop} phantoms were also left uncut, as large as a patient's volumes.
Minutes are those of the whole command on {cores} cores, start of the processes and checksums included; processor
seconds are those of all its processes, which other work on the machine changes less than it changes the minutes. The
machine was {shared}."""
KILLED = """While two workers computed, they were killed (SIGKILL) {kills} times at random: {lost} studies were lost,
{failed} failed, {retried} were done at the second try, and the T1 masks of {differing} of those done differ from those
of the run that nobody disturbed."""
OVERHEAD = """A study that does nothing takes {overhead_ms:.0f} ms on a worker. A worker held {first_mb} MB after its
first studies and {last_mb} MB after its last ones."""
COST = """What {many:,} studies cost, in hours, computed from the studies per minute of two workers on this machine:

{table}

That is computing alone, on machines like this one, each with two workers; the file server has to keep up. The scheduler
can hand out {handed:.0f} studies a second; {machines} machines ask for {asked:.1f}."""
MACHINES = (1, 10, 100)


def main(words: Sequence[str] | None = None) -> None:
    """Run the benchmark."""
    from liverpair.core.device import processor_name
    from liverpair.evaluation.result_files import write_results

    words = list(sys.argv[1:] if words is None else words)
    options = parse(words)
    with tempfile.TemporaryDirectory(prefix="liverpair-batch-") as folder:
        measured = measure(options, Path(folder))
    rows, values, notes = described(options, measured)
    values = {"processor": processor_name(), "cores": os.cpu_count(), **values}
    command = shlex.join(["python", "Testing/Benchmarks/batch.py", *words])
    more = {"values": values, "by_key": {"cost": cost_rows(rows)}, "notes": notes, "folder": options.results}
    write_results("batch", rows, command, data="Phantom studies", title="Thousands of studies", **more)


def parse(words: Sequence[str]) -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=200, help="small studies of each run")
    parser.add_argument("--loop", type=int, default=20, help="studies of the loop, and uncut phantoms")
    parser.add_argument(
        "--kill-every", type=int, default=10, metavar="N", help="studies done between two deaths, on average"
    )
    parser.add_argument("--shared", default="idle otherwise", help="what else the machine did, for the note")
    parser.add_argument("--results", type=Path, help="folder of the results (default: docs/results)")
    return parser.parse_args(words)


def measure(options: argparse.Namespace, folder: Path) -> dict[str, dict[str, Any]]:
    """Every run by its name."""
    small, full = folder / "small", folder / "full"
    make_studies(small, full, options.studies, options.loop)
    few = sorted(path.name for path in small.iterdir())[: options.loop]
    return {
        "loop": loop(small, few, folder / "loop"),
        "alone": batch(small, folder / "alone"),
        "one": batch(small, folder / "one", "--workers", "1"),
        "two": batch(small, folder / "two", "--workers", "2"),
        "killed": batch(small, folder / "killed", "--workers", "2", kill_every=options.kill_every),
        "full": batch(full, folder / "full-out", "--workers", "2"),
        "overhead": {"seconds": overhead_s()},
    }


def make_studies(small: Path, full: Path, count: int, uncut: int) -> None:
    """Phantom studies cut to the liver, and `uncut` whole ones."""
    import numpy as np
    import SimpleITK as sitk

    from liverpair.core.geometry import like
    from liverpair.core.sides import Side
    from liverpair.io.study import write_image
    from liverpair.synthesis.frame import Frame
    from liverpair.synthesis.phantom import phantom_pair

    fine = Frame()
    coarse = Frame((3.2, 3.2, 5.0), fine.origin, tuple(-(-n // 2) for n in fine.shape))
    rng = np.random.default_rng(0)
    for seed in range(min(PATIENTS, max(count, uncut))):
        pair = phantom_pair(seed + 1, frame=coarse, matrix=128)
        for side in Side:
            whole, liver = getattr(pair, side), getattr(pair, f"{side}_liver")
            for number in range(seed, uncut, PATIENTS):
                write_image(whole, full / f"{number:03d}" / f"{side}.nii.gz")
            statistics = sitk.LabelShapeStatisticsImageFilter()
            statistics.Execute(liver)
            box = np.array(statistics.GetBoundingBox(1)).reshape(2, 3)
            margin = np.ceil(MARGIN_MM / np.array(whole.GetSpacing())).astype(int)
            first = np.maximum(box[0] - margin, 0)
            stop = np.minimum(box[0] + box[1] + margin, whole.GetSize())
            cut = whole[tuple(slice(int(a), int(b)) for a, b in zip(first, stop))]
            array = sitk.GetArrayFromImage(cut)
            for number in range(seed, count, PATIENTS):
                noisy = np.clip(array + rng.normal(0, 3, array.shape), 0, None).astype(array.dtype)
                write_image(like(noisy, cut), small / f"{number:03d}" / f"{side}.nii.gz")


def loop(studies: Path, names: Sequence[str], output: Path) -> dict[str, Any]:
    """One process a study, one after the other."""
    started, before = time.monotonic(), os.times()
    for name in names:
        volumes = [str(studies / name / f"{side}.nii.gz") for side in ("t1", "t2")]
        words = ["segment", *volumes, "-o", str(output / name), "--device", "cpu"]
        subprocess.run([*LIVERPAIR, *words], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return _spent(started, before) | {"studies": len(names)}


def batch(studies: Path, output: Path, *words: str, kill_every: int = 0) -> dict[str, Any]:
    """One command for all; `kill_every` is the mean number of studies between two kills of a worker."""
    command = [*LIVERPAIR, "segment", "--studies", str(studies), "-o", str(output), "--device", "cpu", *words]
    started, before = time.monotonic(), os.times()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        stop = threading.Event()
        kills: list[int] = []
        killer = threading.Thread(target=kill_workers, args=(process.pid, output, kill_every, stop, kills))
        if kill_every:
            killer.start()
        process.wait()
        stop.set()
    spent = _spent(started, before)
    run = json.loads((output / "run.json").read_text(encoding="utf-8"))
    masks = {path.parent.name: path.read_bytes() for path in sorted(output.glob("*/t1_liver.nii.gz"))}
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in masks.items()}
    return spent | {"studies": run["counts"]["asked"], "run": run, "kills": len(kills), "masks": sums}


def kill_workers(parent: int, output: Path, every: int, stop: threading.Event, kills: list[int]) -> None:
    """Kill a random worker of the process `parent` each time that some more studies are done."""
    import psutil

    rng = random.Random(0)
    wanted = 1
    while not stop.wait(rng.uniform(0.1, 1.0)):
        if (done := len(list(output.glob("*/measures.json")))) < wanted:
            continue
        wanted = done + rng.randint(1, 2 * every - 1)
        try:
            children = psutil.Process(parent).children()
            workers = [child for child in children if any("spawn_main" in word for word in child.cmdline())]
            if workers:
                rng.choice(workers).kill()
                kills.append(1)
        except psutil.Error:
            continue


def overhead_s(count: int = 200) -> float:
    """Seconds from one study to the next on a worker when there is nothing to do."""
    from liverpair.io.study_list import ListedStudy
    from liverpair.jobs.cluster import Workers, connected, on_workers, shares
    from liverpair.jobs.study_batch import StudyTask

    here = Path()
    with connected(Workers(1), shares(1, "cpu", 0, 1, 2**31)) as client:
        tasks = [StudyTask("segment", ListedStudy(str(n), here), here, {}) for n in range(count + 1)]
        list(on_workers(client, deque(tasks[:1]), nothing))  # imports what a worker needs
        started = time.monotonic()
        list(on_workers(client, deque(tasks[1:]), nothing))
        return (time.monotonic() - started) / count


def nothing(task: Any, progress: Any) -> str:
    """A study that needs no time."""
    return task.study.name


def described(
    options: argparse.Namespace, measured: dict[str, dict[str, Any]]
) -> tuple[list[dict[str, Any]], dict[str, Any], list[str]]:
    """Rows, single figures and sentences of what was measured."""
    from liverpair.evaluation.result_files import table_text

    per_minute = {name: 60 * measured[name]["studies"] / measured[name]["seconds"] for name in NAMES}
    processor = {name: measured[name]["processor_s"] / measured[name]["studies"] for name in NAMES}
    rows = [
        {
            "run": title,
            "studies": measured[name]["studies"],
            "minutes": round(measured[name]["seconds"] / 60, 2),
            "studies per minute": round(per_minute[name], 2),
            "times the loop": round(per_minute[name] / per_minute["loop"], 2) if name != "full" else None,
            "processor s per study": round(processor[name], 2),
            "of the loop's": round(processor["loop"] / processor[name], 2) if name != "full" else None,
        }
        for name, title in NAMES.items()
    ]
    told = {**disturbed(measured["two"], measured["killed"]), **memory_of(measured["two"]["run"])}
    told["overhead_ms"] = round(1000 * measured["overhead"]["seconds"], 1)
    about = {"studies": options.studies, "loop": measured["loop"]["studies"], "margin": MARGIN_MM, "patients": PATIENTS}
    cost = {"many": MANY, "table": table_text(cost_rows(rows)), "machines": MACHINES[-1]}
    cost |= {"handed": 1000 / told["overhead_ms"], "asked": MACHINES[-1] * per_minute["two"] / 60}
    notes = [
        NOTE.format(**about, cores=os.cpu_count(), shared=options.shared),
        KILLED.format(**told),
        OVERHEAD.format(**told),
        COST.format(**cost),
    ]
    values = {
        "studies_per_minute_1_worker": round(per_minute["one"], 2),
        "studies_per_minute_2_workers": round(per_minute["two"], 2),
        "times_the_loop": round(per_minute["two"] / per_minute["loop"], 2),
        **told,
    }
    return rows, values, notes


def cost_rows(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Hours that `MANY` studies take on so many machines, from the table of what was measured."""
    per_minute = {row["run"]: row["studies per minute"] for row in rows}
    volumes = {"cut to the liver": NAMES["two"], "uncut, as a patient's": NAMES["full"]}
    cost = []
    for name, run in volumes.items():
        hours = MANY / per_minute[run] / 60
        on = {f"{count} machine{'s' if count > 1 else ''}": round(hours / count, 1) for count in MACHINES}
        cost.append({"volumes": name, "studies per minute": per_minute[run], **on})
    return cost


def disturbed(calm: dict[str, Any], killed: dict[str, Any]) -> dict[str, int]:
    """What the deaths cost: studies that are in no row, or whose result is not there; failed; done again."""
    studies = killed["run"]["studies"]
    done = [study for study in studies if study["outcome"] == "done"]
    failed = [study for study in studies if study["outcome"] == "failed"]
    there = [study for study in done if study["study"] in killed["masks"]]
    return {
        "kills": killed["kills"],
        "lost": killed["studies"] - len(there) - len(failed),
        "failed": len(failed),
        "retried": sum(study["tries"] > 1 for study in done),
        "differing": sum(killed["masks"].get(s["study"]) != calm["masks"].get(s["study"]) for s in done),
    }


def memory_of(run: dict[str, Any]) -> dict[str, int]:
    """Mean memory of the workers after the second to the tenth tenth of their studies."""
    by_process: dict[int, list[int]] = {}
    for study in sorted(run["studies"], key=lambda study: study["study"]):
        by_process.setdefault(study["process"], []).append(study["memory_mb"])
    first, last = [], []
    for amounts in by_process.values():
        tenth = max(1, len(amounts) // 10)
        first += amounts[tenth : 2 * tenth] or amounts
        last += amounts[-tenth:]
    return {"first_mb": round(sum(first) / len(first)), "last_mb": round(sum(last) / len(last))}


def _spent(started: float, before: os.times_result) -> dict[str, float]:
    after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return {"seconds": time.monotonic() - started, "processor_s": used}


if __name__ == "__main__":
    main()
