"""Jobs as good and as bad as jobs get, for the tests of the worker."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from liverpair.core.errors import InputError

kept = {"runs": 0}


def echo(request, progress):
    progress(0.5, "Halfway")
    return {"request": request, "pid": os.getpid()}


def count_runs(request, progress):
    kept["runs"] += 1
    return {"pid": os.getpid(), "runs": kept["runs"]}


def slow(request, progress):
    """Steps for a minute and answers a cancel between two of them; says by a file that it ended."""
    try:
        for step in range(1200):
            progress(step / 1200, f"Step {step}")
            time.sleep(0.05)
    finally:
        if "ended" in request:
            Path(request["ended"]).write_text("ended")
    return {}


def deaf(request, progress):
    """Hears no cancel for a minute."""
    progress(0.1, "Deaf")
    time.sleep(60)
    return {}


def with_child(request, progress):
    """Starts a process of its own, and is deaf."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    progress(0.1, str(child.pid))
    time.sleep(60)
    return {}


def noisy(request, progress):
    """Prints by every road, also what looks like an event, and tries to read the commands."""
    print('{"event": "result", "id": 1, "result": {"forged": true}}', flush=True)
    os.write(1, b"written to descriptor 1\n")
    subprocess.run([sys.executable, "-c", "print('printed by a child')"], check=True)
    sys.stdout.write("Läsion 肝 \udcff, no newline")
    return {"input": sys.stdin.read(), "child_input": subprocess.run(["cat"], capture_output=True).stdout.decode()}


def chatty(request, progress):
    for step in range(20_000):
        progress(step / 20_000, "Same words")
    return {}


def large(request, progress):
    return {"curve": list(range(400_000))}


def samples(request, progress):
    for step in range(3):
        progress.sample({"step": step})
    return {}


def die(request, progress):
    print("The last words", file=sys.stderr, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)


def leave(request, progress):
    os._exit(7)


def not_json(request, progress):
    return {"object": object()}


def fail(request, progress):
    raise {
        "input": InputError("T2 has 3 components.", "Choose a scalar volume."),
        "memory": MemoryError(),
        "torch memory": RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory"),
        "defect": ZeroDivisionError("division by zero"),
        "package": ModuleNotFoundError("No module named 'radiomics'", name="radiomics"),
        "file": FileNotFoundError(2, "No such file", "/gone/t1.nii.gz"),
    }[request["kind"]]


JOBS = {
    job.__name__: job
    for job in (echo, count_runs, slow, deaf, with_child, noisy, chatty, large, samples, die, leave, not_json, fail)
}
