"""What a training run wrote down about itself: its learning curve and how long it took."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def learning_curve(run: Path, names: Sequence[str]) -> tuple[list[dict[str, Any]], float]:
    """The curve of a run that may have been interrupted and resumed, and its wall time in seconds.

    Returns one record per logged step with the scores of that step, and the sum over sessions of the time between
    first and last entry.
    """
    points: dict[int, dict[str, Any]] = {}
    wall_time = 0.0
    for session in sorted((run / "tensorboard").glob("version_*"), key=lambda path: path.stat().st_mtime):
        log = EventAccumulator(str(session), size_guidance={"scalars": 0}).Reload()
        times = []
        for tag in log.Tags()["scalars"]:
            for event in log.Scalars(tag):
                times.append(event.wall_time)
                if tag in names:
                    points.setdefault(event.step, {"step": event.step})[tag] = round(event.value, 4)
        if times:
            wall_time += max(times) - min(times)
    return [points[step] for step in sorted(points)], wall_time
