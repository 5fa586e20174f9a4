"""One study of a batch, wherever it is computed: claimed, done unless it is, and told as a record that travels."""

import os
import platform
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from liverpair.core.errors import Cancelled, InputError, Progress
from liverpair.core.failures import failure_on_command_line
from liverpair.core.sides import Side
from liverpair.io.study_list import ListedStudy
from liverpair.jobs import detect_results, features_results, segment_results
from liverpair.jobs.claims import TakenOver, claimed, holder, is_claimed
from liverpair.jobs.jobs import JOBS
from liverpair.jobs.requests import LESION_PARTS, PARTS, DetectRequest, LinkRequest, SegmentRequest
from liverpair.jobs.visit_requests import FeaturesRequest

if TYPE_CHECKING:
    from liverpair.bundle import Bundle

DONE, SKIPPED, DIFFERS, FAILED = OUTCOMES = ("done", "skipped", "differs", "failed")
ELSEWHERE = "elsewhere"
"""Not an outcome yet: another run is at it."""


class DifferentResults(InputError):
    """The results that are there were made of something else than what is asked now."""


@dataclass(frozen=True)
class StudyTask:
    """What is asked of one study: the job "segment", "detect", "link" or "features", with `options`.

    The results go into `output`/`study.name`.

    `patience_s`: how long to wait while another run is at it. `attempt` counts from 1.
    """

    job: str
    study: ListedStudy
    output: Path
    options: Mapping[str, Any]
    overwrite: bool = False
    patience_s: float = 0.0
    attempt: int = 1


@dataclass(frozen=True)
class StudyOutcome:
    """What became of one study.

    `result` is what the job returned, or its file of results where it was done before; `seconds` all that it took;
    `kind`, `failure` and `trace` say what went wrong; `tries` counts those  that a worker died of or that ran
    out of memory; `memory_mb` is what the process held afterwards.
    """

    study: str
    outcome: str
    result: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    tries: int = 1
    kind: str = ""
    failure: str = ""
    trace: str = ""
    host: str = ""
    process: int = 0
    memory_mb: int = 0


def check_batch(job: str, options: Mapping[str, Any], output: Path) -> "Sequence[Bundle]":
    """The models of a batch. Raises what every study with these options would fail with."""
    from liverpair.jobs.detect_job import check_detection  # with torch
    from liverpair.jobs.segment_job import check_choices

    if job == "detect":
        everywhere = DetectRequest.parse({**options, "t1": "t1", "t2": "t2", "output": str(output)})
        check_detection(everywhere)
        bundle, liver_bundles = everywhere.models()
        return [bundle, *liver_bundles]
    if job == "link":
        somewhere = dict.fromkeys(("t1", "t2", *LESION_PARTS), "somewhere")
        anywhere = LinkRequest.parse({**options, **somewhere, "output": str(output)})
        check_choices(anywhere.liver_bundles(), anywhere.device, "auto")
        return anywhere.liver_bundles()
    if job == "features":
        from liverpair.measures.signature import SignatureExtractor

        SignatureExtractor(options["settings"])
        return []
    bundles = SegmentRequest.parse({**options, "t1": "t1", "output": str(output)}).models()
    check_choices(bundles, options["device"], options["engine"])
    return bundles


def do_study(task: StudyTask, progress: Progress) -> StudyOutcome:
    """Do one study. What fails is told in the record; `Cancelled` passes through."""
    started = time.perf_counter()
    tries = task.attempt + is_claimed(task.output, task.study.name)  # by a worker that died, or we are not let in
    try:
        with claimed(task.output, task.study.name, task.patience_s) as claim:
            if claim is None:
                raise TakenOver

            def report(fraction: float, message: str) -> None:
                claim.check()  # also just before the results are moved into place
                progress(fraction, message)

            with task.study.sources() as sources:
                outcome, result, content = _done(task, sources, report)
    except TakenOver:
        there = holder(task.output, task.study.name)
        return _outcome(task, started, ELSEWHERE, failure=f"It is being done on {there}.")
    except Cancelled:
        raise
    except Exception as error:
        failure = failure_on_command_line(error)
        outcome = DIFFERS if isinstance(error, DifferentResults) else FAILED
        said = {"failure": str(failure), "kind": failure.kind, "trace": traceback.format_exc()}
        return _outcome(task, started, outcome, tries=tries, **said)
    checksums, paths = (content.get("asked") or {}).get("inputs", {}), content.get("inputs", {})
    inputs = {part: {"path": path, "sha256": checksums.get(part)} for part, path in paths.items() if path}
    return _outcome(task, started, outcome, tries=tries, result=result, inputs=inputs)


def study_parts(folder: Path) -> dict[str, str | None]:
    """The addresses of the volumes and liver masks in the folder of a study. Raises `InputError` without T1 or T2."""
    with ListedStudy(folder.name, folder).sources() as sources:
        return detection_parts(sources, folder)


def detection_parts(sources: Mapping[str, str | Path], where: str | Path) -> dict[str, str | None]:
    """The addresses of the volumes and liver masks among `sources`, which are of `where`; as `study_parts`."""
    for side in Side:
        if side not in sources:
            raise InputError(
                f"'{where}' holds no {side}.nii.gz and no {side.title}-weighted series.",
                "Lesions are looked for in T1 and T2 together.",
            )
    return {part: str(sources[part]) if part in sources else None for part in PARTS}


def _lesions_of(sources: Mapping[str, str | Path], where: str | Path) -> dict[str, str]:
    """The addresses of the lesions among `sources`, as `study_parts`."""
    if missing := [part for part in LESION_PARTS if part not in sources]:
        raise InputError(f"'{where}' holds no {missing[0]}.nii.gz.", "Mark the lesions of both images.")
    return {part: str(sources[part]) for part in LESION_PARTS}


def _done(
    task: StudyTask, sources: Mapping[str, str], progress: Progress
) -> tuple[str, Mapping[str, Any], Mapping[str, Any]]:
    """Whether it is done now or was before, the result, and its file."""
    output = task.output / task.study.name
    if task.job in ("detect", "link"):
        parts = detection_parts(sources, task.study.folder)
        if task.job == "link":
            parts |= _lesions_of(sources, task.study.folder)
    else:
        names = FeaturesRequest.parts_taken if task.job == "features" else tuple(Side)
        parts = {name: str(sources[name]) for name in names if name in sources}
    request = {**task.options, **parts, "output": str(output)}
    read = _RESULTS[task.job].read
    if not task.overwrite and _is_done(task.job, output, request):
        content = read(output)
        return SKIPPED, content, content
    result = JOBS[task.job](request, progress)
    return DONE, result, read(output)


def _outcome(task: StudyTask, started: float, outcome: str, **more: Any) -> StudyOutcome:
    import psutil

    return StudyOutcome(
        task.study.name,
        outcome,
        seconds=round(time.perf_counter() - started, 3),
        host=platform.node(),
        process=os.getpid(),
        memory_mb=psutil.Process().memory_info().rss >> 20,
        **more,
    )


def _is_done(job: str, output: Path, request: Mapping[str, Any]) -> bool:
    """Whether the results in `output` are what `request` asks of `job`. Raises `InputError` for what is something else,
    or was made of something else.
    """
    kept = _RESULTS[job]
    wanted = kept.request.parse(request)
    there, content = kept.existing(output, wanted), kept.read(output)
    if there and kept.last not in there:
        raise InputError(
            f"'{output}' holds {there[0]}, which is not a result of {wanted.what}.",
            "Choose another output folder, or add --overwrite.",
        )
    if content is None or not kept.is_complete(output, content):
        return False
    if content.get("asked") != wanted.asked_now():
        raise DifferentResults(f"'{output}' was done with another model, option or input.", "Add --overwrite.")
    return True


@dataclass(frozen=True)
class _Kept:
    """How the results of a job are known again: by its request, the file that comes `last` of all, the names of those
    that are there, what the last one says, and whether what it names is there too."""

    request: type[SegmentRequest] | type[DetectRequest] | type[LinkRequest] | type[FeaturesRequest]
    last: str
    existing: Callable[[Path, Any], list[str]]
    read: Callable[[Path], dict[str, Any] | None]
    is_complete: Callable[[Path, dict[str, Any]], bool]


def _linked_lesions(request: type[DetectRequest] | type[LinkRequest]) -> _Kept:
    """The results of the jobs that leave linked lesions behind."""
    return _Kept(
        request,
        detect_results.DETECTION_FILE,
        lambda folder, wanted: detect_results.existing_results(folder, wanted.missing_livers),
        detect_results.read_detection,
        detect_results.is_complete,
    )


_RESULTS = {
    "segment": _Kept(
        SegmentRequest,
        segment_results.MEASURES_FILE,
        lambda folder, wanted: segment_results.existing_results(folder),
        segment_results.read_measures,
        segment_results.is_complete,
    ),
    "detect": _linked_lesions(DetectRequest),
    "link": _linked_lesions(LinkRequest),
    "features": _Kept(
        FeaturesRequest,
        features_results.FEATURES_FILE,
        lambda folder, wanted: [],
        features_results.read_features,
        lambda folder, content: True,
    ),
}
