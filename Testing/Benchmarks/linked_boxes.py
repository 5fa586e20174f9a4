"""How fluid linked boxes are in the six views of a pair: `python Testing/Benchmarks/linked_boxes.py`.

Selecting, filtering, jumping, accepting and undoing with as many lesions as a detector finds before anything is
filtered (78 pairs), each beside what a plain script would do with the same nodes in the same process: write into every
box, whether it changes or not. Off screen, without drawing: what is measured is how long the window would not answer.

Prints a table and writes `docs/results/linked-boxes.md` and `.json`. Leave the machine alone meanwhile.
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

MOST_LESIONS = 78
IMAGE_SIZE = (256, 256, 40)
SPACING_MM = (1.5, 1.5, 6.0)

NOTE = """Milliseconds until all views know, median and worst of {rounds} rounds with {pairs} pairs ({boxes} boxes) and
six slice views of {size} voxels; processor time of this process, which other work on the machine does not lengthen.
Plainly: the same through the display node of each box, changed or not. "All" is more than any step of a slider does;
a step moves the threshold by {step}. The scene is never in its batch state meanwhile: Slicer crashes when nodes change
how they are displayed in it while a subject-hierarchy tree watches."""

STEP = 0.01


def main(words: Sequence[str] | None = None) -> None:
    """Run the benchmark."""
    from liverpair.core.device import processor_name
    from liverpair.evaluation.result_files import write_results

    words = list(sys.argv[1:] if words is None else words)
    options = parse(words)
    rows = measure(options.pairs, options.rounds)
    write_results(
        "linked-boxes",
        rows,
        shlex.join(["python", "Testing/Benchmarks/linked_boxes.py", *words]),
        data="Boxes at random places in a volume of noise",
        title="Linked boxes in six views",
        values={"processor": processor_name(), "cores": os.cpu_count(), "pairs": options.pairs},
        notes=[
            NOTE.format(
                rounds=options.rounds,
                pairs=options.pairs,
                boxes=2 * options.pairs,
                step=STEP,
                size=" × ".join(map(str, IMAGE_SIZE)),
            )
        ],
        folder=options.results,
    )


def parse(words: Sequence[str]) -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=MOST_LESIONS, help="lesions with a box in T1 and in T2")
    parser.add_argument("--rounds", type=int, default=15, help="how often each is done")
    parser.add_argument("--results", type=Path, help="folder of the results (default: docs/results)")
    return parser.parse_args(words)


def measure(pairs: int, rounds: int) -> list[dict[str, Any]]:
    """A row for each thing a reader does."""
    from liverpair.mrml import frames, headless, layouts
    from liverpair.mrml.lesions.lesion_study import LesionStudy
    from liverpair.mrml.pictures import SliceView
    from liverpair.mrml.volumes import node_from_image

    headless.boot().scene.Clear(False)
    volumes = [node_from_image(noise_image(), name) for name in ("T1", "T2")]
    views = [SliceView(view.name, view.orientation, (500, 400)) for row in layouts.ROWS for view in row]
    layouts.show_pair(*volumes)
    study = LesionStudy(*volumes)
    lesions = random_lesions(pairs)
    study.add(lesions)
    boxes = [study.node(lesion.uid, side) for lesion in lesions for side in ("t1", "t2")]
    turn = iter(range(10**6))

    def next_uid() -> str:
        return lesions[next(turn) % pairs].uid

    def jump() -> None:
        pair = study.pair(next_uid())
        study.select(pair.uid)
        for group, box in enumerate(found.box for found in pair.boxes.values()):
            layouts.jump_row(group, frames.flip(box.center_mm))

    def select_plainly() -> None:
        uid = next_uid()
        for node in boxes:
            node.GetDisplayNode().SetHandlesInteractive(study.uid_of(node) == uid)

    def show_plainly(shown: bool) -> None:
        for node in boxes:
            node.GetDisplayNode().SetVisibility(shown)

    def add_again() -> None:
        study.undo()
        study.redo()

    tasks: list[tuple[str, Callable[[], object], Callable[[], object] | None]] = [
        ("select a lesion", lambda: study.select(next_uid()), select_plainly),
        ("select a lesion and jump to it in both rows", jump, None),
        ("move the threshold by a step", lambda: study.filter(0.5 + STEP), None),
        ("hide all by score", lambda: study.filter(1.0), lambda: show_plainly(False)),
        ("show all again", lambda: study.filter(0.0), lambda: show_plainly(True)),
        ("accept a lesion", lambda: study.set_state(next_uid(), "accepted"), None),
        ("undo", study.undo, None),
        ("read all lesions", study.pairs, None),
    ]
    times: dict[str, list[float]] = {}
    for _round in range(rounds):
        for name, ours, plainly in tasks:
            if "step" in name:
                study.filter(0.5)
            times.setdefault(name, []).append(milliseconds(ours))
            if plainly is not None:
                opposite = {"hide all by score": 0.0, "show all again": 1.0}.get(name)
                if opposite is not None:
                    study.filter(opposite)
                times.setdefault(f"{name}, plainly", []).append(milliseconds(plainly))
                if opposite is not None:
                    study.filter(1.0 - opposite)
    times["remove all and bring them back (two steps)"] = [milliseconds(add_again)]
    for view in views:
        view.close()
    study.release()
    return [row(name, times, name + ", plainly") for name in times if not name.endswith(", plainly")]


def row(name: str, times: dict[str, list[float]], plainly: str) -> dict[str, Any]:
    """What stands in the table of one thing a reader does."""
    median = statistics.median(times[name])
    other = statistics.median(times[plainly]) if plainly in times else None
    return {
        "what": name,
        "median_ms": round(median, 2),
        "worst_ms": round(max(times[name]), 2),
        "plainly_ms": None if other is None else round(other, 2),
        "times_faster": None if other is None else round(other / max(median, 1e-3), 1),
    }


def milliseconds(task: Callable[[], object]) -> float:
    """Processor time of one call."""
    start = time.process_time()
    task()
    return 1000 * (time.process_time() - start)


def noise_image() -> sitk.Image:
    """A volume of noise, its middle at the origin."""
    image = sitk.GetImageFromArray(np.random.default_rng(0).integers(0, 200, IMAGE_SIZE[::-1]).astype(np.float32))
    image.SetSpacing(SPACING_MM)
    image.SetOrigin([-n * s / 2 for n, s in zip(IMAGE_SIZE, SPACING_MM)])
    return image


def random_lesions(count: int) -> list:
    """Detected pairs of boxes of 5 to 60 mm at random places, scores spread evenly below 1."""
    from liverpair.core.geometry import Box
    from liverpair.core.lesions import Lesion, LesionBox
    from liverpair.core.sides import Side

    random = np.random.default_rng(1)
    lesions = []
    for number in range(1, count + 1):
        center = random.uniform(-90, 90, 3)
        size = tuple(random.uniform(5, 60, 3).tolist())
        score = (number - 1) / count
        boxes = (Box(tuple(c.tolist()), size) for c in (center, center + random.normal(0, 10, 3)))
        lesions.append(Lesion(number, {side: LesionBox(box, "detected", score) for side, box in zip(Side, boxes)}))
    return lesions


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    main()
