"""What goes wrong in a user's hands, said in one sentence, and how long work reports its progress."""

from collections.abc import Callable

Progress = Callable[[float, str], None]
"""Called between windows or steps with the fraction done (0 to 1) and what is being done. It may raise `Cancelled`."""


def no_progress(fraction: float, message: str) -> None:
    """A `Progress` that nobody watches."""


def part_of(progress: Progress, start: float, stop: float) -> Progress:
    """A `Progress` whose 0 to 1 is `start` to `stop` of `progress`."""
    return lambda fraction, message: progress(start + (stop - start) * fraction, message)


class Cancelled(Exception):
    """The user asked to stop. Passes through every layer; it is not a failure."""


class LiverPairError(Exception):
    """A failure a user can cause or cure.

    `message` names the thing in one sentence, `hint` the way out; `kind` is what a program may branch on.
    """

    kind = "error"

    def __init__(self, message: str, hint: str = ""):
        super().__init__(f"{message} {hint}".strip())
        self.message = message
        self.hint = hint


class InputError(LiverPairError):
    """An image, file or choice that cannot be used as it is."""

    kind = "input"


class BundleError(LiverPairError):
    """A model bundle that is damaged, unknown or does not fit what is asked of it."""

    kind = "bundle"


class MissingPackageError(LiverPairError):
    """A Python package that this task needs is not installed."""

    kind = "package"


class OutOfMemoryError(LiverPairError):
    """The task does not fit in memory, not even in its smallest form."""

    kind = "memory"


class WorkerError(LiverPairError):
    """The worker process died, or answered something it should not."""

    kind = "worker"
