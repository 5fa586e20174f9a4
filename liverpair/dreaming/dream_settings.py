"""How to dream. Imports no torch."""

from dataclasses import asdict, dataclass, field
from typing import Annotated, Any, Literal

from liverpair.core.errors import InputError
from liverpair.core.records import POSITIVE, Limit, Record, at_least, between
from liverpair.core.trajectories import RUN_KINDS

BELOW_1 = Limit(" and below 1", lambda value: value < 1)

PUBLISHED_FRAMES = (0, 120, 250, 600)
"""The iterations that Couteaux (2021) shows in figure 3.7."""

LARGEST_SEED = 2**32 - 1

PATH_FREE = ("iterations", "patience", "minimum_gain", "frames", "every")
"""The settings that do not bend a path but say how far it is followed and where it is looked at."""


@dataclass(frozen=True)
class DreamSettings(Record):
    """How an image is changed, for how long, and what is kept.

    Parameters
    ----------
    direction
        ascent raises the activation of the neuron, descent lowers it
    activation
        what is raised: logit, or probability, which saturates and begins with vanishing gradients
    gradient
        normalized: every step has the same length; raw: a step is the gradient times the step
    step
        length of a step: RMS change of the whole image as a fraction of its dynamic range; of a raw gradient its factor
    iterations
        maximum number of steps; the image before the first is iteration 0
    patience
        stop when the activation gains too little over so many steps
    minimum_gain
        the smallest gain that counts, as a fraction of the activation; 0 never stops
    frames
        iterations whose image and mask are kept; the last always is
    every
        keep the image and mask of every N-th iteration instead, when above 0
    threshold
        probability above which a voxel belongs to the object
    crop
        compute only what the neuron and its object depend on; the results are the same
    precision
        auto is bf16 where the device computes in it natively
    seed
        seed of random starts and of the baselines

    Raises `InputError` for a value that cannot be used.
    """

    what = "a dream"

    direction: Literal["ascent", "descent"] = "ascent"
    activation: Literal["logit", "probability"] = "logit"
    gradient: Literal["normalized", "raw"] = "normalized"
    step: Annotated[float, POSITIVE] = 0.001
    iterations: Annotated[int, at_least(1)] = 600
    patience: Annotated[int, at_least(1)] = 50
    minimum_gain: Annotated[float, at_least(0), BELOW_1] = 0.001
    frames: tuple[Annotated[int, at_least(0)], ...] = field(default=PUBLISHED_FRAMES, metadata={"nargs": "*"})
    every: Annotated[int, at_least(0)] = 0
    threshold: Annotated[float, POSITIVE, BELOW_1] = 0.5
    crop: bool = field(default=True, metadata={"help": "compute the whole image at every step; slower"})
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    seed: Annotated[int, between(0, LARGEST_SEED)] = 0

    def check(self) -> None:
        object.__setattr__(self, "frames", tuple(sorted(set(self.frames))))

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
    if kind not in RUN_KINDS:
        raise InputError(f"The kind of run '{kind}' is unknown.", f"Known are {', '.join(RUN_KINDS)}.")
