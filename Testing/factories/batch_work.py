"""What stands in for a study's work where workers are tested: it dies, fails or is done, by the name of the study."""

import os
import signal
from pathlib import Path

from liverpair.core.errors import Progress
from liverpair.jobs.claims import claimed
from liverpair.jobs.study_batch import DONE, StudyOutcome, StudyTask


def work(task: StudyTask, progress: Progress) -> StudyOutcome:
    """Die at every attempt ("always-…") or at the first one ("once-…"), then with all processes of its job ("job-…");
    raise ("raises-…"); else be done.
    """
    name = task.study.name
    with claimed(task.output, name):
        begun = Path(task.output) / f"{name}.begun"
        first = not begun.exists()
        begun.touch()
        if name.startswith("always") or (name.startswith("once") and first):
            os._exit(9)
        if name.startswith("job") and first:
            os.killpg(os.getpgid(0), signal.SIGKILL)
        if name.startswith("raises"):
            raise RuntimeError("a defect")
        return StudyOutcome(name, DONE, process=os.getpid())
