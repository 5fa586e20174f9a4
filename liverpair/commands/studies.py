"""One pair of volumes, or every study of a batch, in this process or on several workers: what is done is skipped, what
fails is told."""

import argparse
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, replace
from typing import Any

from liverpair.commands.bar import progress_bar
from liverpair.commands.run_report import RunReport
from liverpair.core.errors import InputError, OutOfMemoryError, Progress, WorkerError
from liverpair.jobs.claims import LEASE_S, claimed
from liverpair.jobs.cluster import HOW_TO_INSTALL, Workers, connected, installed, on_workers, shares_here
from liverpair.jobs.jobs import JOBS
from liverpair.jobs.result_folder import folder_of_results, writable_folder
from liverpair.jobs.study_batch import DIFFERS, DONE, ELSEWHERE, FAILED, SKIPPED, StudyOutcome, StudyTask, do_study

Row = Callable[[Mapping[str, Any]], dict[str, Any]]


def add_output(parser: argparse.ArgumentParser, **details: Any) -> None:
    """Add where results go, and whether they replace others; `details`: of the first, as in argparse."""
    details = {"required": True, "help": "folder of the results", **details}
    parser.add_argument("-o", "--output", type=folder_of_results, **details)
    parser.add_argument("--overwrite", action="store_true", help="replace existing results")


def run_studies(
    tasks: Sequence[StudyTask],
    columns: Sequence[str],
    row: Row,
    about: Mapping[str, Any],
    workers: Workers = Workers(),
    debug: bool = False,
) -> int:
    """Do each of `tasks`, all of one job, with one output and the same options.

    Prints a table of `columns`, of which `row` gives those beside "study" and "outcome"; `summary.csv` and `run.json`
    (see `RunReport`) are rewritten as the run goes on. What runs out of memory, or costs a worker its life, is tried
    once more. What another run is doing is waited for, at the end. `debug` adds stack traces. Returns 0, or 1 when a
    study failed or has other results. Raises `InputError` when the output cannot be written to.
    """
    output, options = tasks[0].output, tasks[0].options
    places = _places(workers, options.get("device", "cpu"))
    about = {**about, "options": dict(options), "workers": _told(workers, len(places))}
    report = RunReport(output, [task.study.name for task in tasks], row, columns, about)
    queue = deque(tasks)
    with writable_folder(output):
        try:
            with ExitStack() as stack:
                draw = stack.enter_context(progress_bar())
                if places or not workers.local:
                    outcomes = _in_parallel(queue, stack.enter_context(connected(workers, places)), report, draw)
                else:
                    outcomes = _one_after_another(queue, report, draw)
                for task, outcome in outcomes:
                    if again := _again(task, outcome):
                        queue.append(again)
                        continue
                    if outcome.kind == WorkerError.kind:
                        _take_away_claim(task)
                    report.add(outcome)
                    _tell(outcome, debug)
        finally:
            if report.outcomes:
                report.write(finished=len(report.outcomes) == len(tasks))
                report.print()
    return int(any(outcome.outcome in (FAILED, DIFFERS) for outcome in report.outcomes.values()))


def run_once(
    job: str,
    request: Mapping[str, Any],
    there: Sequence[str],
    overwrite: bool,
    report: Callable[[Mapping[str, Any]], list[str]],
) -> int:
    """Do a job, print its `report`, and doubts on standard error. Raises `InputError` for results `there`, unless
    `overwrite`."""
    if there and not overwrite:
        raise InputError(
            f"'{request['output']}' already holds {there[0]}.", "Choose another folder, or add --overwrite."
        )
    with progress_bar() as progress:
        result = JOBS[job](dict(request), progress)
    print("\n".join(report(result)))
    for line in doubt_lines(result):
        print(line, file=sys.stderr)
    return 0


def doubt_of(result: Mapping[str, Any]) -> str:
    """The doubts of a result in one cell of the summary; "" when there is none."""
    doubts = " ".join(result.get("doubts", []))
    return f"accepted: {doubts}" if doubts and result.get("accepted") else doubts


def doubt_lines(result: Mapping[str, Any]) -> list[str]:
    """The doubts of a result for a reader; none when the user accepted them."""
    return [] if result.get("accepted") else [f"Warning: {doubt}" for doubt in result.get("doubts", [])]


def other_notes(result: Mapping[str, Any]) -> list[str]:
    """The notes of a result that are no doubts."""
    return [note for note in result["notes"] if note not in result.get("doubts", [])]


def _take_away_claim(task: StudyTask) -> None:
    """Remove what a worker that died has left, unless another run has taken it over."""
    with claimed(task.output, task.study.name):
        pass


def _tell(outcome: StudyOutcome, debug: bool) -> None:
    """Say on standard error what there is to know of one study among many."""
    if outcome.failure:
        print(f"{outcome.study}: {outcome.failure}", file=sys.stderr)
        if debug and outcome.trace:
            print(outcome.trace, file=sys.stderr)
    elif outcome.outcome == DONE:
        for line in (*doubt_lines(outcome.result), *other_notes(outcome.result)):
            print(f"{outcome.study}: {line}", file=sys.stderr)


def _again(task: StudyTask, outcome: StudyOutcome) -> StudyTask | None:
    """The task to put at the end of the queue instead of taking its outcome, if any."""
    if outcome.outcome == ELSEWHERE:
        return replace(task, patience_s=1.5 * LEASE_S)
    if outcome.kind == OutOfMemoryError.kind and task.attempt == 1:
        return replace(task, attempt=2)
    return None


def _places(workers: Workers, device: str) -> list[Any]:
    if not workers.local:
        return []
    if not installed():
        if workers.count:
            print(f"One study after the other: --workers needs the package 'dask' ({HOW_TO_INSTALL}).", file=sys.stderr)
        return []
    return shares_here(workers, device)


def _told(workers: Workers, local: int) -> dict[str, Any]:
    return {**asdict(workers), "count": local or (None if workers.local else workers.count)}


def _one_after_another(
    queue: "deque[StudyTask]", report: RunReport, draw: Progress
) -> Iterator[tuple[StudyTask, StudyOutcome]]:
    while queue:
        task = queue.popleft()

        def progress(fraction: float, message: str, name: str = task.study.name) -> None:
            _draw(draw, report, f"{name}: {message}", fraction)

        progress(0.0, "")
        yield task, do_study(task, progress)


def _in_parallel(
    queue: "deque[StudyTask]", client: Any, report: RunReport, draw: Progress
) -> Iterator[tuple[StudyTask, StudyOutcome]]:
    slots = 0
    for task, outcome in on_workers(client, queue):
        if task is None:
            slots = outcome
        else:
            yield task, outcome
        _draw(draw, report, f"{slots} workers" if slots else "waiting for workers")


def _draw(draw: Progress, report: RunReport, message: str, part: float = 0.0) -> None:
    """The bar is that of the studies that have to be computed: what is skipped at once tells nothing of the rest."""
    done, total, skipped = len(report.outcomes), len(report.studies), report.counts().get(SKIPPED, 0)
    draw((done - skipped + part) / max(1, total - skipped), f"{done} of {total}; {message}")
