"""`phases`: the lesions of a study in its further series."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from liverpair.commands.record_options import add_options, given_options
from liverpair.commands.studies import add_output, run_once
from liverpair.core.errors import InputError
from liverpair.core.lesion_findings import PHASES
from liverpair.jobs.phases_request import PHASES_FILES, PhasesRequest


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add `phases`."""
    parser = commands.add_parser(
        "phases",
        help="measure the lesions of a study in its arterial, portal, delayed … phase",
        description="The study is a folder with volumes, liver masks and lesions.json, or the folder of a detection. "
        "Further series are phase_arterial.nii.gz, phase_portal.nii.gz … in it, or are named: a file or DICOM folder, "
        f"recognized by its name and tags, or said: arterial=FILE. Phases: {', '.join(PHASES)}. Results: "
        "lesions.json, in which every lesion has its signals, which 'report' shows, and phases.json with the curves "
        "and the inputs of LI-RADS as numbers. No category is concluded.",
    )
    parser.add_argument("study", help="folder of the study")
    parser.add_argument("series", nargs="*", help="further series, or PHASE=SERIES")
    add_output(parser)
    add_options(parser, PhasesRequest)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measure what the command line names."""
    from liverpair.io.phases import phases_in
    from liverpair.jobs.visit_inputs import marked_sources

    found = {key: str(path) for key, path in phases_in(arguments.study).items()} | named(arguments.series)
    livers = {key.removesuffix("_liver"): path for key, path in found.items() if key.endswith("_liver")}
    series = {key: path for key, path in found.items() if not key.endswith("_liver")}
    request = {
        **given_options(arguments, PhasesRequest),
        **marked_sources(arguments.study),
        "output": str(arguments.output),
    }
    request |= {"phases": series, "phase_livers": {key: livers[key] for key in series if key in livers}}
    there = [name for name in PHASES_FILES if (arguments.output / name).exists()]
    return run_once("phases", request, there, arguments.overwrite, report)


def named(series: Sequence[str]) -> dict[str, str]:
    """The paths of series by phase. Raises `InputError` for one that nothing tells, or a phase that two are."""
    from liverpair.io.exports import source_files
    from liverpair.io.phases import guess_phase

    found: dict[str, str] = {}
    for word in series:
        key, _, path = word.rpartition("=")
        if not key:
            files = source_files(path)[:1]
            key = guess_phase(Path(path).name, _tags(files[0]) if files else None) or ""
        if not key:
            raise InputError(f"Nothing tells which phase '{path}' is.", f"Say it: arterial={path}.")
        if key in found:
            raise InputError(f"'{found[key]}' and '{path}' both are the {key} phase.", "Say which is which.")
        found[key] = path
    return found


def report(result: Mapping[str, Any]) -> list[str]:
    """The result of the job in lines for a reader."""
    from liverpair.measures.phases import lirads_sentences

    lines = [f"{PHASES[key].capitalize()}: by {told['carried']}." for key, told in result["phases"].items()]
    for told in result["lesions"].values():
        said = " ".join(lirads_sentences(told["inputs"]))
        if said:
            lines.append(f"Lesion {told['number']}: {said}")
    return [*lines, *result["notes"], f"Written to {result['lesions_file']}"]


def _tags(file: Path) -> dict[str, str]:
    import pydicom

    keys = ["SeriesDescription", "ProtocolName", "ImageType", "DiffusionBValue"]
    read = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=keys)
    return {key: str(read.get(key, "")) for key in keys}
