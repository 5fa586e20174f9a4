"""The jobs that the worker, and the command line without a worker, can run.

A job takes a request that JSON can hold and a `Progress`, and returns a result that JSON can hold; volumes travel as
files. What stays in memory for the next job, such as a loaded model, is kept by the code that loads it.
"""

from collections.abc import Callable
from typing import Any

from liverpair.core.errors import Progress
from liverpair.jobs.detect_job import detect
from liverpair.jobs.dream_job import dream
from liverpair.jobs.dream_report_job import dream_report
from liverpair.jobs.propose_job import propose
from liverpair.jobs.register_job import register
from liverpair.jobs.segment_job import segment

JOBS: dict[str, Callable[[dict[str, Any], Progress], dict[str, Any]]] = {
    "segment": segment,
    "detect": detect,
    "register": register,
    "propose": propose,
    "dream": dream,
    "dream_report": dream_report,
}
