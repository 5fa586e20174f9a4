"""What the job "fine_tune" may be asked. The parameters' descriptions are the help of the command line too."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from liverpair.bundle.manifest import NAMES, is_name
from liverpair.core.errors import InputError
from liverpair.core.records import Text, at_least, between
from liverpair.jobs.requests import NO_OPTION, JobRequest


@dataclass(frozen=True, kw_only=True)
class FineTuneRequest(JobRequest):
    """Which model to train further on which studies, and what to call the new one.

    Parameters
    ----------
    model
        name or folder of the model to start from
    studies
        folder of the studies
    name
        what the new model is called
    steps
        how long; a step is one patch
    aside
        names of the studies that are only measured on, before and after
    aside_share
        part of the studies that is kept aside where none are named, one at least
    seed
        of what is kept aside and of the training
    device
        where to compute: auto, cpu, gpu, cuda or mps
    liver_label
        which label of the liver masks is the liver, where they hold several: a number, or totalsegmentator, amos or
        chaos
    """

    what = "a fine-tuning"

    model: str = field(metadata=NO_OPTION)
    studies: Text = field(metadata=NO_OPTION)
    name: Text
    steps: Annotated[int, at_least(1)] = 300
    aside: list[str] = field(default_factory=list, metadata={"metavar": "STUDY", "nargs": "+"})
    aside_share: Annotated[float, between(0, 0.9)] = 0.25
    seed: Annotated[int, at_least(0)] = 0
    device: str = "auto"
    liver_label: int | str | None = field(default=None, metadata={"metavar": "LABEL"})

    def check(self) -> None:
        super().check()
        if not is_name(self.name):
            raise InputError(f"'{self.name}' cannot be the name of a model.", NAMES)

    @property
    def root(self) -> Path:
        """The folder of the studies."""
        return Path(self.studies).absolute()
