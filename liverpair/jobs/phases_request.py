"""What the job "phases" may be asked. The parameters' descriptions are the help of the command line too."""

from dataclasses import dataclass, field
from typing import Any

from liverpair.bundle import Bundle
from liverpair.bundle.catalogue import DEFAULT_LIVER_MODEL
from liverpair.core.errors import InputError
from liverpair.core.lesion_findings import PHASES
from liverpair.jobs.requests import LESION_PARTS, NO_OPTION, JobRequest, find_bundles

PHASES_FILES = ("phases.json", "lesions.json")
"""What the job writes; the first comes last."""


@dataclass(frozen=True, kw_only=True)
class PhasesRequest(JobRequest):
    """In which further series the lesions of a visit are measured, into which folder.

    Parameters
    ----------
    lesions
        lesions.json of the visit
    phases
        paths of the series by phase
    phase_livers
        paths of their liver masks by phase, where there are some
    output
        folder of the results
    t1, t2
        the volumes; the one that is not given is left out
    t1_liver, t2_liver
        their liver masks
    t1_lesions, t2_lesions
        label maps of the lesions; a lesion without a mask is measured in the ellipsoid that its box holds
    liver_label
        which label of the masks is the liver, where they hold several
    liver_model
        name or folder of a model of the liver, which finds it in the series that bring no mask; several are averaged
    device
        auto, cpu, cuda or mps
    """

    what = "phases"
    not_asked = (*JobRequest.not_asked, "lesions", "phases", "phase_livers")

    output: str = field(metadata=NO_OPTION)
    lesions: str = field(metadata=NO_OPTION)
    phases: dict = field(metadata=NO_OPTION)
    phase_livers: dict = field(default_factory=dict, metadata=NO_OPTION)
    t1: str | None = field(default=None, metadata=NO_OPTION)
    t2: str | None = field(default=None, metadata=NO_OPTION)
    t1_liver: str | None = field(default=None, metadata=NO_OPTION)
    t2_liver: str | None = field(default=None, metadata=NO_OPTION)
    t1_lesions: str | None = field(default=None, metadata=NO_OPTION)
    t2_lesions: str | None = field(default=None, metadata=NO_OPTION)
    liver_label: int | str | None = field(default=None, metadata={"metavar": "LABEL"})
    liver_model: list[str] = field(default_factory=lambda: [DEFAULT_LIVER_MODEL], metadata={"metavar": "MODEL"})
    device: str = "auto"

    def check(self) -> None:
        super().check()
        if not self.sides:
            raise InputError("Neither T1 nor T2 is given.", "Choose at least one of them.")
        if not self.phases:
            raise InputError("No series is given beside T1 and T2.", "Name one, such as the arterial phase.")
        for key in (*self.phases, *self.phase_livers):
            if key not in PHASES:
                raise InputError(f"There is no phase {str(key)[:60]!r}.", f"It is one of {', '.join(PHASES)}.")

    @property
    def parts(self) -> dict[str, str | None]:
        """The paths of what is given."""
        series = {f"phase_{key}": path for key, path in self.phases.items()}
        series |= {f"phase_{key}_liver": path for key, path in self.phase_livers.items()}
        return {**super().parts, **{p: getattr(self, p) for p in LESION_PARTS}, **series, "lesions": self.lesions}

    def bundles(self) -> list[Bundle]:
        """The models of the liver, where a mask is missing. Raises `BundleError`."""
        return find_bundles(self.liver_model) if set(self.phases) - set(self.phase_livers) else []

    def asked_now(self) -> dict[str, Any] | None:
        """`asked` of the models that are found now."""
        return self.asked(self.bundles())
