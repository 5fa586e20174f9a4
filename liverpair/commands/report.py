"""`report`: one visit on one page, with DICOM that other programs read."""

import argparse
from collections.abc import Mapping
from typing import Any

from liverpair.commands.record_options import add_options, given_options
from liverpair.commands.studies import add_output, other_notes, run_once
from liverpair.jobs.visit_requests import REPORT_SUMMARY, ReportRequest


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add `report`."""
    parser = commands.add_parser(
        "report",
        help="put a visit on one page: pictures of the targets, table, tumor burden, response",
        description="The study is a folder with volumes, liver masks, lesions.json and, where there are, masks of the "
        "lesions; or the folder of a detection. Results: report.html and report.pdf (one page), lesions.csv, "
        "report.json; with --earlier what 'followup' writes; with --dicom DICOM segmentations and structured reports.",
    )
    parser.add_argument("study", help="folder of the study")
    add_output(parser)
    add_options(parser, ReportRequest)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Report on what the command line names."""
    request = {**given_options(arguments, ReportRequest), "output": str(arguments.output)}
    there = [REPORT_SUMMARY] if (arguments.output / REPORT_SUMMARY).exists() else []
    return run_once("report", request, there, arguments.overwrite, report)


def report(result: Mapping[str, Any]) -> list[str]:
    """The result of the job in lines for a reader."""
    from liverpair.reports.visit_content import burden_sentences

    lines = [f"{result['visit']}: {result['summary']['lesions']} lesions", *burden_sentences(result["summary"])]
    for side, told in (result["response"] or {}).items():
        lines.append(f"Response in {side.upper()}: {told['category']}. {' '.join(told['arithmetic'])}")
    return [*lines, *other_notes(result), f"In {result['folder']}: {', '.join(result['files'])}"]
