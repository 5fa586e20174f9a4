"""Who does which study: a lock file in the folder of results, so that two runs share a batch and do nothing twice."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import SoftFileLease, Timeout

CLAIMS_FOLDER = ".claims"
LEASE_S = 180.0
"""A claim that is not renewed for so long is of a machine that died; the file servers of clusters show a file's time
to others within a minute. One whose process is gone from this machine is taken over at once."""


@contextmanager
def claimed(output: Path, study: str, patience_s: float = 0.0) -> Iterator[bool]:
    """Whether `study` is ours until the block ends. While it is another's, wait for `patience_s` seconds.

    The file in `output`/.claims names the host and the process, and is renewed every minute.
    """
    folder = output / CLAIMS_FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    lease = SoftFileLease(folder / f"{study}.lock", lease_duration=LEASE_S, poll_interval=0.5)
    try:
        lease.acquire(timeout=patience_s)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lease.release()
        with suppress(OSError):
            folder.rmdir()  # when this was the last one


def is_claimed(output: Path, study: str) -> bool:
    """Whether somebody has claimed `study`, be it one who died since."""
    return (output / CLAIMS_FOLDER / f"{study}.lock").exists()


def holder(output: Path, study: str) -> str:
    """The host that has claimed `study`; "another run" where its file does not say."""
    with suppress(OSError, UnicodeError):
        for line in (output / CLAIMS_FOLDER / f"{study}.lock").read_text(encoding="utf-8").splitlines():
            if line.startswith("host="):
                return line.removeprefix("host=")
    return "another run"
