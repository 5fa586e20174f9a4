"""`features`: the radiomic signatures of the lesions of many studies, as one wide table."""

import argparse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from liverpair.commands.batch import add_worker_options, workers_of
from liverpair.commands.studies import run_studies
from liverpair.core.errors import InputError
from liverpair.io.study_list import ListedStudy, listed_studies
from liverpair.io.wide_table import table_suffix, write_table
from liverpair.jobs.detect_results import DETECTION_FILE
from liverpair.jobs.features_results import read_features
from liverpair.jobs.study_batch import StudyTask, check_batch

COLUMNS = ("study", "outcome", "lesions", "features", "seconds", "notes")


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add `features`."""
    parser = commands.add_parser(
        "features",
        help="compute the radiomic signature of every lesion of many studies",
        description="Every feature of pyradiomics, under its own names, for every lesion and image that has a mask: "
        "t1_lesions.nii.gz beside t1.nii.gz, as 'detect' writes it with a model that draws lesions, or as drawn by "
        "hand, with the number of the lesion in each voxel. The table has a row for each lesion and columns that begin "
        "with t1_ and t2_. The results of each study are kept in a folder beside the table: a run that was stopped "
        "goes on.",
    )
    parser.add_argument(
        "studies", type=Path, metavar="STUDIES", help="a folder of studies or of detections, or one of either"
    )
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="TABLE", help="the table, .csv or .parquet")
    parser.add_argument(
        "--settings",
        type=Path,
        metavar="YAML",
        help="settings in pyradiomics' own format (default: all features of the image as it is, normalized)",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace existing results")
    add_worker_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Compute and write the table of what the command line names."""
    from liverpair.measures.signature import DEFAULT_SETTINGS, read_settings

    table, workers = arguments.output, workers_of(arguments)
    table_suffix(table)
    if table.exists() and not arguments.overwrite:
        raise InputError(f"'{table}' is there already.", "Choose another name, or add --overwrite.")
    options = {"settings": read_settings(arguments.settings or DEFAULT_SETTINGS)}
    output = table.absolute().with_name(f"{table.stem}-studies")
    check_batch("features", options, output)
    with _listed(arguments.studies, output) as listed:
        tasks = [StudyTask("features", study, output, options, arguments.overwrite) for study in listed]
        code = run_studies(tasks, COLUMNS, _row, {"job": "features", "models": []}, workers, arguments.debug)
    rows = [row for task in tasks for row in _table_rows(task.study.name, read_features(output / task.study.name))]
    if not rows:
        raise InputError("No study gave a signature, so there is no table.", "The lines above say why.")
    write_table(table, rows)
    patients = len({row["patient"] for row in rows})
    whose = "1 patient" if patients == 1 else f"{patients} patients"
    print(f"{len(rows)} lesions of {whose}, {max(map(len, rows))} columns: {table}")
    return code


@contextmanager
def _listed(studies: Path, output: Path) -> Iterator[list[ListedStudy]]:
    """The studies in a folder: the results of detections, which hold the masks, where there are any."""
    from liverpair.jobs.visit_inputs import visit_sources

    inside = sorted(studies.iterdir()) if studies.is_dir() else []
    found = [folder for folder in (studies, *inside) if (folder / DETECTION_FILE).is_file()]
    if found:
        yield [ListedStudy(folder.resolve().name, folder, visit_sources(folder)) for folder in found]
        return
    with listed_studies(studies, output) as listed:
        yield listed


def _row(result: Mapping[str, Any]) -> dict[str, Any]:
    rows = result["rows"]
    return {
        "lesions": len(rows),
        "features": max((sum(value is not None for value in row.values()) - 3 for row in rows), default=0),
        "seconds": result["provenance"]["seconds"],
        "notes": len(result.get("notes", [])),
    }


def _table_rows(study: str, content: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    if content is None:
        return []
    return [{"study": study, "patient": content["patient"] or study, **row} for row in content["rows"]]
