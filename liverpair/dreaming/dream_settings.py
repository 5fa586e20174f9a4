"""How to dream. Imports no torch."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from liverpair.core.errors import InputError
from liverpair.core.trajectories import RUN_KINDS

PUBLISHED_FRAMES = (0, 120, 250, 600)
"""The iterations that Couteaux (2021) shows in figure 3.7."""

LARGEST_SEED = 2**32 - 1

PATH_FREE = ("iterations", "patience", "minimum_gain", "frames", "every")
"""The settings that do not bend a path but say how far it is followed and where it is looked at."""


@dataclass(frozen=True)
class DreamSettings:
    """How an image is changed, for how long, and what is kept.

    Parameters
    ----------
    direction
        "ascent" raises the activation of the neuron, "descent" lowers it.
    activation
        What is raised: the "logit", or the "probability", which saturates and begins with vanishing gradients.
    gradient
        "normalized": every step has the same length. "raw": the step is the gradient times `step`.
    step
        Normalized: root mean square of the change of the whole image per step, as a fraction of its dynamic range.
        Raw: the factor of the gradient.
    iterations
        Steps at most; the image before the first is iteration 0.
    patience, minimum_gain
        Stop when the activation changed in the wanted direction by less than `minimum_gain` of its value over the last
        `patience` steps. A `minimum_gain` of 0 never stops.
    frames, every
        The iterations whose image and mask are kept: those of `frames`; or, when above 0, each `every`-th. The last
        always is.
    threshold
        Probability above which a voxel belongs to the object.
    crop
        Whether to compute only what the neuron and its object depend on. The results are the same.
    precision
        "fp32", "bf16", or "auto": bf16 where the device computes in it natively.
    seed
        Of the random weights and random directions of the baselines.

    Raises `InputError` for a value that cannot be used.
    """

    direction: Literal["ascent", "descent"] = "ascent"
    activation: Literal["logit", "probability"] = "logit"
    gradient: Literal["normalized", "raw"] = "normalized"
    step: float = 0.001
    iterations: int = 600
    patience: int = 50
    minimum_gain: float = 0.001
    frames: tuple[int, ...] = PUBLISHED_FRAMES
    every: int = 0
    threshold: float = 0.5
    crop: bool = True
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "frames", _whole_numbers(self.frames))
        _one_of("direction", self.direction, ("ascent", "descent"))
        _one_of("activation", self.activation, ("logit", "probability"))
        _one_of("gradient", self.gradient, ("normalized", "raw"))
        _one_of("precision", self.precision, ("auto", "fp32", "bf16"))
        if not (_is_number(self.step) and self.step > 0):
            raise InputError(f"The step is a number above 0; {self.step} is not.")
        _at_least("number of iterations", self.iterations, 1)
        _at_least("patience", self.patience, 1)
        _at_least("interval between frames", self.every, 0)
        if not (_is_whole(self.seed) and 0 <= self.seed <= LARGEST_SEED):
            raise InputError(f"The seed is a whole number from 0 to {LARGEST_SEED}; {self.seed} is not.")
        if not (_is_number(self.minimum_gain) and 0 <= self.minimum_gain < 1):
            raise InputError(f"The minimum gain lies from 0 to below 1; {self.minimum_gain} does not.")
        if not (_is_number(self.threshold) and 0 < self.threshold < 1):
            raise InputError(f"The threshold lies between 0 and 1; {self.threshold} does not.")
        if not isinstance(self.crop, bool):
            raise InputError(f"The crop is on or off (true or false); {self.crop} is neither.")

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> "DreamSettings":
        """The settings in an object of JSON; what it leaves out is the default. Raises `InputError` for an unknown
        name or a value that cannot be used."""
        known = [f.name for f in fields(cls)]
        unknown = [name for name in values if name not in known]
        if unknown:
            raise InputError(f"The dream setting '{unknown[0]}' is unknown.", f"Known are {', '.join(known)}.")
        return cls(**values)

    def as_dict(self) -> dict[str, Any]:
        """The settings as JSON holds them."""
        return {**asdict(self), "frames": list(self.frames)}

    def path(self) -> dict[str, Any]:
        """The settings that decide where the path goes: a dream can only be resumed with the same."""
        return {name: value for name, value in self.as_dict().items() if name not in PATH_FREE}

    @property
    def sign(self) -> int:
        """1 to raise the activation, -1 to lower it."""
        return 1 if self.direction == "ascent" else -1

    def is_frame(self, iteration: int) -> bool:
        """Whether the image and mask of an iteration are kept even if it is not the last."""
        return iteration % self.every == 0 if self.every else iteration in self.frames


def check_kind(kind: str) -> None:
    """Raise `InputError` unless `kind` is one of `RUN_KINDS`."""
    _one_of("kind of run", kind, RUN_KINDS)


def _one_of(name: str, value: Any, known: tuple[str, ...]) -> None:
    if value not in known:
        raise InputError(f"The {name} '{value}' is unknown.", f"It is {', '.join(known[:-1])} or {known[-1]}.")


def _at_least(name: str, value: Any, lowest: int) -> None:
    if not _is_whole(value) or value < lowest:
        raise InputError(f"The {name} is a whole number of at least {lowest}; {value} is not.")


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    try:
        return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:  # an integer beyond all floating point numbers
        return False


def _whole_numbers(values: Any) -> tuple[int, ...]:
    if not isinstance(values, (list, tuple)) or not all(_is_whole(v) and v >= 0 for v in values):
        raise InputError(f"The frames are a list of iterations, whole numbers from 0; {values} is not.")
    return tuple(sorted(set(values)))
