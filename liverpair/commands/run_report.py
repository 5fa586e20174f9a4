"""What became of a batch so far, as `summary.csv` and `run.json`, rewritten as the run goes on."""

import csv
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from liverpair.core.atomic import written_whole
from liverpair.core.paths import portable_command
from liverpair.jobs.study_batch import DIFFERS, FAILED, OUTCOMES, StudyOutcome

SUMMARY_FILE = "summary.csv"
RUN_FILE = "run.json"
SCHEMA_VERSION = 1
MOST_PRINTED = 60
"""Rows of a summary that a reader is shown; a longer one is left to its file."""

_SHARE_OF_TIME = 0.05
_SHORTEST_S = 2.0


@dataclass
class RunReport:
    """The rows and the record of one run.

    Parameters
    ----------
    output
        folder of the results, which both files go to
    studies
        the names, in the order of the rows
    row
        what a result shows in the columns beside "study" and "outcome"
    columns
        of the summary
    about
        what the run was asked: job, options, models, workers
    """

    output: Path
    studies: Sequence[str]
    row: Callable[[Mapping[str, Any]], dict[str, Any]]
    columns: Sequence[str]
    about: Mapping[str, Any]
    outcomes: dict[str, StudyOutcome] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._started = datetime.now(timezone.utc)
        self._clock = time.monotonic()
        self._write_again = 0.0

    def add(self, outcome: StudyOutcome) -> None:
        """Keep an outcome, and write both files unless that was done a moment ago."""
        self.outcomes[outcome.study] = outcome
        if time.monotonic() >= self._write_again:
            self.write()

    def write(self, finished: bool = False) -> None:
        """Write both files, each whole."""
        from liverpair.evaluation.result_files import software_versions

        began = time.monotonic()
        with (
            written_whole(self.output / SUMMARY_FILE) as path,
            path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file,
        ):
            writer = csv.DictWriter(file, self.columns)
            writer.writeheader()
            writer.writerows(self.rows())
        content = {
            "schema_version": SCHEMA_VERSION,
            "command": portable_command(_command()),
            "versions": software_versions(),
            **self.about,
            "started": self._started.isoformat(timespec="seconds"),
            "updated": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "finished": finished,
            "seconds": round(began - self._clock, 3),
            "counts": {"asked": len(self.studies), **self.counts()},
            "studies": [self._record(outcome) for outcome in self._ordered()],
        }
        with written_whole(self.output / RUN_FILE) as path:
            text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
            path.write_text(text, encoding="utf-8", errors="backslashreplace")
        now = time.monotonic()
        self._write_again = now + max(_SHORTEST_S, (now - began) / _SHARE_OF_TIME)

    def rows(self) -> list[dict[str, Any]]:
        """The rows of the summary so far, in the order of the studies."""
        return [
            dict.fromkeys(self.columns)
            | {"study": outcome.study, "outcome": outcome.outcome}
            | (self.row(outcome.result) if outcome.result else {})
            for outcome in self._ordered()
        ]

    def counts(self) -> dict[str, int]:
        """How many studies have each outcome that any has."""
        found = Counter(outcome.outcome for outcome in self.outcomes.values())
        return {outcome: found[outcome] for outcome in OUTCOMES if found[outcome]}

    def print(self) -> None:
        """The end of the run for a reader: the table unless it is long, the counts, and what was not done."""
        from liverpair.evaluation.result_files import table_text

        rows = self.rows()
        if rows and len(rows) <= MOST_PRINTED:
            print(table_text(rows))
        elif rows:
            print(f"{len(rows)} rows: {self.output / SUMMARY_FILE}")
        print(", ".join(f"{count} {outcome}" for outcome, count in self.counts().items()))
        for outcome in self._ordered():
            if outcome.outcome in (FAILED, DIFFERS):
                print(f"Not done: {outcome.study}: {outcome.failure}")

    def _ordered(self) -> list[StudyOutcome]:
        return [self.outcomes[name] for name in self.studies if name in self.outcomes]

    def _record(self, outcome: StudyOutcome) -> dict[str, Any]:
        return {
            "study": outcome.study,
            "outcome": outcome.outcome,
            "seconds": outcome.seconds,
            "tries": outcome.tries,
            "host": outcome.host,
            "process": outcome.process,
            "memory_mb": outcome.memory_mb,
            "inputs": outcome.inputs,
            "doubts": outcome.result.get("doubts", []),
            "accepted": bool(outcome.result.get("accepted")),
            "failure": outcome.failure or None,
        }


def _command() -> str:
    import shlex

    return shlex.join(["liverpair", *sys.argv[1:]])
