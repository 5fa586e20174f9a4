"""Who does which study: a lock file in the folder of results, so that two runs share a batch and do nothing twice."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import SoftFileLease, Timeout

from liverpair.core.errors import Cancelled

CLAIMS_FOLDER = ".claims"
LEASE_S = 180.0
"""A claim that is not renewed for so long is of a machine that died; the file servers of clusters show a file's time
to others within a minute. One whose process is gone from this machine is taken over at once."""


class TakenOver(Cancelled):
    """The claim was removed or ran out, and another run has the study now."""


class Claim:
    """A study that is ours until the block of `claimed` ends."""

    def __init__(self, lease: SoftFileLease) -> None:
        self._lease = lease

    def check(self) -> None:
        """Put the file back where somebody has removed it. Raises `TakenOver` when another run has been quicker."""
        owner = self._lease.owner
        if owner is not None and owner.token == self._lease.token:
            return
        self._lease.release()
        try:
            _acquire(self._lease, 0.0)
        except Timeout:
            raise TakenOver from None


@contextmanager
def claimed(output: Path, study: str, patience_s: float = 0.0) -> Iterator[Claim | None]:
    """`study` is ours until the block ends; None while it is another's, which is waited for `patience_s` seconds.

    The file in `output`/.claims names the host and the process, and is renewed every minute.
    """
    lease = SoftFileLease(_file(output, study), lease_duration=LEASE_S, poll_interval=0.5)
    try:
        _acquire(lease, patience_s)
    except Timeout:
        yield None
        return
    try:
        yield Claim(lease)
    finally:
        lease.release()
        with suppress(OSError):
            (output / CLAIMS_FOLDER).rmdir()  # when this was the last one


def is_claimed(output: Path, study: str) -> bool:
    """Whether somebody has claimed `study`, be it one who died since."""
    return _file(output, study).exists()


def holder(output: Path, study: str) -> str:
    """The host that has claimed `study`; "another run" where its file does not say."""
    with suppress(OSError, UnicodeError):
        for line in _file(output, study).read_text(encoding="utf-8").splitlines():
            if line.startswith("host="):
                return line.removeprefix("host=")
    return "another run"


def _file(output: Path, study: str) -> Path:
    return output / CLAIMS_FOLDER / f"{study}.lock"


def _acquire(lease: SoftFileLease, patience_s: float) -> None:
    """Raises `Timeout`."""
    for last in (False, False, False, True):
        Path(lease.lock_file).parent.mkdir(parents=True, exist_ok=True)
        try:
            lease.acquire(timeout=patience_s)
            return
        except FileNotFoundError:  # another run has just taken the folder away, with its own last claim
            if last:
                raise
