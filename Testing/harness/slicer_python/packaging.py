"""`slicer.packaging` that installs nothing: it records what was asked for, and tests choose what happens.

The requirement parsing is real. `set_outcome` decides what a package that counts as missing meets.
"""

import subprocess
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import slicer
from packaging.requirements import InvalidRequirement, Requirement

OUTCOMES = ("installed", "refused", "no network")


@dataclass(frozen=True)
class Request:
    """One call of `pip_ensure` or `pip_install`."""

    requirements: tuple[str, ...]
    missing: tuple[str, ...]
    requester: str | None


requests: list[Request] = []
"""Calls since `reset`, oldest first."""

_missing: set[str] = set()
_outcome = "installed"


def set_outcome(outcome: str, missing: tuple[str, ...] = ()) -> None:
    """What the next installations meet, and which packages count as missing although they are here.

    "installed": they succeed, "refused": the user says no, "no network": pip fails.
    """
    global _outcome
    if outcome not in OUTCOMES:
        raise ValueError(f"'{outcome}' is not one of {OUTCOMES}")
    _outcome = outcome
    _missing.clear()
    _missing.update(name.lower() for name in missing)


def reset() -> None:
    """Forget the calls; nothing counts as missing that is here."""
    requests.clear()
    set_outcome("installed")


def load_requirements(path: str | Path) -> list[Requirement]:
    """The requirements of a requirements.txt file, without comments and pip options."""
    lines = [line.strip() for line in Path(path).read_text().splitlines()]
    return [Requirement(line) for line in lines if line and not line.startswith(("#", "-"))]


def pip_check(req) -> bool:
    """Whether every requirement is met in this environment, except those that a test declared missing."""
    return not _unmet(_requirements(req))


def pip_ensure(
    requirements,
    constraints=None,
    skip_packages=None,
    prompt_install: bool = True,
    prompt_restart: bool = True,
    requester: str | None = None,
    skip_in_testing: bool = True,
    show_progress: bool = True,
) -> None:
    """As in Slicer: nothing to do when all are met; nothing is done in testing mode.

    Raises:
        RuntimeError: the user declined.
        subprocess.CalledProcessError: pip failed.
    """
    parsed = _requirements(requirements)
    unmet = _unmet(parsed)
    requests.append(Request(tuple(map(str, parsed)), tuple(map(str, unmet)), requester))
    if unmet and not (skip_in_testing and slicer.app.testingEnabled()):
        _install(unmet)


def pip_install(requirements, **_options) -> None:
    """Record the request and meet the chosen outcome."""
    parsed = _requirements(requirements)
    requests.append(Request(tuple(map(str, parsed)), tuple(map(str, parsed)), None))
    _install(parsed)


def _install(unmet: list[Requirement]) -> None:
    if _outcome == "refused":
        raise RuntimeError("User declined installation of required packages.")
    if _outcome == "no network":
        raise subprocess.CalledProcessError(1, ["pip", "install", *map(str, unmet)])
    _missing.difference_update(requirement.name.lower() for requirement in unmet)


def _requirements(given) -> list[Requirement]:
    if isinstance(given, Requirement):
        return [given]
    if isinstance(given, str):
        try:
            return [Requirement(given)]
        except InvalidRequirement:
            return [Requirement(part) for part in given.split()]
    if isinstance(given, list):
        return [Requirement(one) if isinstance(one, str) else one for one in given]
    raise TypeError(f"Expected str, Requirement, or list, got {type(given).__name__}")


def _unmet(requirements: list[Requirement]) -> list[Requirement]:
    return [one for one in requirements if (one.marker is None or one.marker.evaluate()) and not _is_met(one)]


def _is_met(requirement: Requirement) -> bool:
    if requirement.name.lower() in _missing:
        return False
    try:
        return requirement.specifier.contains(metadata.version(requirement.name), prereleases=True)
    except metadata.PackageNotFoundError:
        return False
