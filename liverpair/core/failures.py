"""Any exception as one sentence for the user: what failed and the way out."""

import errno
from dataclasses import dataclass, replace

from liverpair.core.errors import (
    BundleError,
    InputError,
    LiverPairError,
    MissingPackageError,
    OutOfMemoryError,
    WorkerError,
)
from liverpair.core.memory import is_out_of_memory

KINDS = {
    kind.kind: kind
    for kind in (LiverPairError, InputError, BundleError, MissingPackageError, OutOfMemoryError, WorkerError)
}

OUT_OF_MEMORY_HINT = "Close other programs, or choose the CPU or a smaller model, and try again."


@dataclass(frozen=True)
class Failure:
    """`kind` is that of a `LiverPairError`, or "internal" for a defect of ours."""

    kind: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()

    def exception(self) -> LiverPairError:
        """The exception to raise on the near side of a process boundary."""
        error = KINDS.get(self.kind, LiverPairError)(self.message, self.hint)
        error.kind = self.kind
        return error


def failure_of(error: BaseException) -> Failure:
    """Describe an exception that a job or a command ended with."""
    if isinstance(error, LiverPairError):
        return Failure(error.kind, error.message, error.hint)
    if is_out_of_memory(error):
        return Failure(OutOfMemoryError.kind, "There is not enough memory for this.", OUT_OF_MEMORY_HINT)
    if isinstance(error, ModuleNotFoundError) and error.name and error.name.split(".")[0] != "liverpair":
        return Failure(
            MissingPackageError.kind,
            f"The Python package '{error.name}' is not installed.",
            "Install it and try again.",
        )
    if isinstance(error, OSError) and error.filename is not None:
        return Failure(InputError.kind, _file_sentence(error))
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Failure(InputError.kind, "The disk is full.", "Make room and try again.")
    first_line = next(iter(str(error).strip().splitlines()), "")
    described = f"{type(error).__name__}: {first_line}" if first_line else type(error).__name__
    return Failure(
        "internal", f"Something went wrong inside LiverPair ({described[:300]}).", "The log has the details."
    )


def failure_on_command_line(error: BaseException) -> Failure:
    """As `failure_of`, with the way out that a command line has: it keeps no log."""
    failure = failure_of(error)
    if failure.kind != "internal":
        return failure
    return replace(failure, hint="Run it with --debug to see where.")


def _file_sentence(error: OSError) -> str:
    name = error.filename2 if error.filename2 is not None else error.filename
    if isinstance(error, FileNotFoundError):
        return f"'{name}' does not exist."
    if isinstance(error, PermissionError):
        return f"'{name}' may not be read or written by you."
    return f"'{name}' cannot be used: {error.strerror or error}."
