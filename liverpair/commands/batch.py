"""The batch form of `segment`, `detect` and `link`: every study of a folder or an export."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from liverpair.commands.studies import add_output, doubt_of, run_studies
from liverpair.core.errors import InputError
from liverpair.core.sides import Side
from liverpair.io.study_list import listed_studies
from liverpair.jobs.cluster import Workers, cluster_options
from liverpair.jobs.study_batch import StudyTask, check_batch

COLUMNS = {
    "segment": (
        *("study", "outcome", "t1_ml", "t2_ml", "t1_expected_dice", "t2_expected_dice"),
        *("dice_as_scanned", "seconds", "doubt"),
    ),
    **dict.fromkeys(("detect", "link"), ("study", "outcome", "lesions", "seconds", "doubt")),
}


def pair_parser(
    commands: argparse._SubParsersAction, name: str, *, named: str = "T1 T2", images: str, studies: str, **words: str
) -> argparse.ArgumentParser:
    """A parser of the command `name` that takes one pair, `named` so, or with `--studies` many; `images` and `studies`
    are the helps of these two, `words` go to argparse."""
    program = f"python -m liverpair {name}"
    usage = f"{program} {named} -o FOLDER [options]\n       {program} --studies FOLDER -o FOLDER [options]"
    parser = commands.add_parser(name, usage=usage, **words)
    parser.add_argument("images", nargs="*", metavar="T1 T2", help=images)
    parser.add_argument("--studies", type=Path, help=studies)
    add_output(parser, help="folder of the results; with --studies, one subfolder per study")
    add_worker_options(parser)
    return parser


def add_worker_options(parser: argparse.ArgumentParser) -> None:
    """Add where many studies are computed."""
    group = parser.add_argument_group("with --studies")
    group.add_argument(
        "--workers",
        type=int,
        metavar="N",
        help="do N studies at once on this machine (default: one after another; one a GPU where there are several); "
        "with --cluster, N jobs of its queue",
    )
    group.add_argument(
        "--scheduler", metavar="ADDRESS", help="do them on the workers of a dask scheduler, tcp://HOST:PORT"
    )
    group.add_argument("--cluster", metavar="KIND", help="do them in jobs of a queue: slurm, pbs, sge, lsf …")
    group.add_argument(
        "--cluster-options", type=Path, metavar="FILE", help="options of dask-jobqueue, one a line, as 'cores: 8'"
    )


def workers_of(arguments: argparse.Namespace) -> Workers:
    """Where to compute. Raises `InputError` for options that do not go together."""
    given = [arguments.workers, arguments.scheduler, arguments.cluster, arguments.cluster_options]
    if arguments.studies is None and any(value is not None for value in given):
        raise InputError("Workers are for many studies.", "Leave their options out, or use --studies.")
    if arguments.workers is not None and arguments.workers < 1:
        raise InputError(f"{arguments.workers} workers do nothing.", "Give --workers 1 or more.")
    if arguments.scheduler and (arguments.cluster or arguments.workers):
        raise InputError("--scheduler brings its own workers.", "Leave out --workers and --cluster.")
    if bool(arguments.cluster) != bool(arguments.cluster_options):
        raise InputError("--cluster and --cluster-options go together.", "Give both: the kind and a file.")
    options = cluster_options(arguments.cluster_options) if arguments.cluster else {}
    return Workers(arguments.workers, arguments.scheduler, arguments.cluster, options)


def run_batch(
    job: str,
    studies: Path,
    output: Path,
    options: Mapping[str, Any],
    overwrite: bool = False,
    workers: Workers = Workers(),
    debug: bool = False,
) -> int:
    """Do the job "segment", "detect" or "link" with each study in `studies`, a folder, DICOMDIR or zip file (see
    `io.study_list`), into a subfolder of `output` of its name.

    Prints a table and writes it to `summary.csv`; what to know about a result goes to standard error. Unless
    `overwrite`, a study is skipped when its results are complete and of the same volumes, masks, models and options,
    and left as it is when they are of others. `debug` adds stack traces. Returns 0, or 1 when a study failed or has
    other results. Raises a `LiverPairError`, and writes nothing, when no study can be done: there is none, or a model,
    device, engine, worker or `output` cannot be used.
    """
    bundles = check_batch(job, options, output)
    models = [{"name": bundle.name, "sha256": bundle.sha256} for bundle in bundles]
    row = _segmented if job == "segment" else _detected
    with listed_studies(studies, output) as listed:
        tasks = [StudyTask(job, study, output.absolute(), options, overwrite) for study in listed]
        return run_studies(tasks, COLUMNS[job], row, {"job": job, "models": models}, workers, debug)


def _segmented(result: Mapping[str, Any]) -> dict[str, Any]:
    volumes = {
        f"{side}_{column}": (result[side] or {}).get(key)
        for column, key in (("ml", "volume_ml"), ("expected_dice", "expected_dice"))
        for side in Side
    }
    measured = {"dice_as_scanned": result["measures"]["dice_as_scanned"], "seconds": result["provenance"]["seconds"]}
    return {**volumes, **measured, "doubt": doubt_of(result)}


def _detected(result: Mapping[str, Any]) -> dict[str, Any]:
    return {"lesions": result["pairs"], "seconds": result["provenance"]["seconds"], "doubt": doubt_of(result)}
