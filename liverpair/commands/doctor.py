"""`doctor`: what would compute here, what is installed, and whether it works."""

import argparse
import json
import platform
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import liverpair
from liverpair.commands.doctor_probe import Finding, Probe

MARKS = {"ok": " ", "note": "!", "fault": "X"}


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add `doctor`."""
    parser = commands.add_parser(
        "doctor",
        help="show what would compute here, which models and packages are installed, and whether everything works",
        description="Looks at this machine and installation, and segments the liver of a phantom. Exit code 0 when "
        "everything that is needed works.",
    )
    parser.add_argument("--no-self-test", action="store_true", help="look only, segment nothing")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write what was found to a JSON file")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Examine, print each section when it is known, and return 0 when nothing that is needed fails."""
    print(about())
    report = {}
    for title, probes in sections(self_test=not arguments.no_self_test).items():
        print(f"\n{title}", flush=True)  # before anything is tried: what ends the process is then told by the last line
        report[title] = [finding for probe in probes for finding in probe.findings()]
        print("\n".join(f"{MARKS[finding.state]} {finding.sentence}" for finding in report[title]), flush=True)
    works = not any(finding.state == "fault" for findings in report.values() for finding in findings)
    print("\nEverything that is needed works." if works else "\nNot everything that is needed works: see X.")
    if arguments.json is not None:
        write_json(report, works, arguments.json)
    return 0 if works else 1


def sections(self_test: bool = True) -> dict[str, Sequence[Probe]]:
    """What to look at, by title, in this order: the first segmentation on a machine chooses the engine."""
    from liverpair.commands.doctor_installation import FOLDERS, MODELS, PACKAGES
    from liverpair.commands.doctor_machine import COMPUTING, ENGINE
    from liverpair.commands.doctor_self_test import SELF_TEST

    tested = {"Self-test": SELF_TEST} if self_test else {}
    before = {"Packages": PACKAGES, "Models": MODELS, "Folders": FOLDERS, "Computing": COMPUTING}
    return {**before, **tested, "Engine": ENGINE}


def about() -> str:
    """Which LiverPair this is, where it lies, and what runs it."""
    system = f"{platform.system()} {platform.release()} on {platform.machine()}"
    python = f"Python {platform.python_version()} ({sys.executable})"
    return f"LiverPair {liverpair.__version__} in {Path(liverpair.__file__).parent}\n{python}, {system}"


def write_json(report: Mapping[str, Sequence[Finding]], works: bool, path: Path) -> None:
    """Write the report for programs. Raises `InputError` when the file cannot be written."""
    from liverpair.core.atomic import written_whole

    found = {
        title: [{"state": f.state, "sentence": f.sentence, **f.values} for f in findings]
        for title, findings in report.items()
    }
    content = {
        "liverpair": liverpair.__version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "works": works,
        **found,
    }
    with written_whole(path) as draft:
        draft.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
