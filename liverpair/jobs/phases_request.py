"""What the job "phases" may be asked. The parameters' descriptions are the help of the command line too."""

from dataclasses import dataclass, field
from typing import Any

from liverpair.bundle import Bundle
from liverpair.bundle.catalogue import DEFAULT_LIVER_MODEL
from liverpair.core.errors import InputError
from liverpair.core.lesion_findings import PHASES
from liverpair.jobs.requests import NO_OPTION, find_bundles
from liverpair.jobs.visit_requests import MarkedRequest

PHASES_FILES = ("phases.json", "lesions.json")
"""What the job writes; the first comes last."""


@dataclass(frozen=True, kw_only=True)
class PhasesRequest(MarkedRequest):
    """In which further series the lesions of a visit are measured; one without a mask in the ellipsoid of its box.

    Parameters
    ----------
    phases
        paths of the series by phase
    phase_livers
        paths of their liver masks by phase, where there are some
    liver_model
        name or folder of a model of the liver, which finds it in the series that bring no mask; several are averaged
    """

    what = "phases"
    not_asked = (*MarkedRequest.not_asked, "phases", "phase_livers")

    phases: dict = field(metadata=NO_OPTION)
    phase_livers: dict = field(default_factory=dict, metadata=NO_OPTION)
    liver_model: list[str] = field(default_factory=lambda: [DEFAULT_LIVER_MODEL], metadata={"metavar": "MODEL"})

    def check(self) -> None:
        super().check()
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
        return super().parts | series

    def bundles(self) -> list[Bundle]:
        """The models of the liver, where a mask is missing. Raises `BundleError`."""
        return find_bundles(self.liver_model) if set(self.phases) - set(self.phase_livers) else []

    def asked_now(self) -> dict[str, Any] | None:
        """`asked` of the models that are found now."""
        return self.asked(self.bundles())
