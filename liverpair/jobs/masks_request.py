"""What the job "masks" may be asked. The parameters' descriptions are the help of the command line too."""

from dataclasses import dataclass, field
from typing import Any

from liverpair.bundle import Bundle, Catalogue
from liverpair.core.errors import BundleError, InputError
from liverpair.core.sides import Side
from liverpair.jobs.requests import LESION_PARTS, NO_OPTION, JobRequest

DEFAULT_DRAWER, AUTO, NO_MODEL, LITE_MEDSAM = "lesions-real", "auto", "none", "lite-medsam"
MASKS_SUMMARY = "masks.json"
"""What the job writes last."""


@dataclass(frozen=True, kw_only=True)
class MasksRequest(JobRequest):
    """In which boxes of which volumes lesions are drawn, with what, into which folder.

    Parameters
    ----------
    t1, t2
        the volumes; the one that is not given is left out
    t1_liver, t2_liver
        their liver masks, which a model needs
    t1_lesions, t2_lesions
        label maps of lesions that are drawn already; these stay
    lesions
        lesions.json with the boxes
    output
        folder of the results
    liver_label
        which label of the masks is the liver, where they hold several
    model
        none: the brightness in the box alone, which measures best; or name or folder of a model that draws lesions:
        where its mask does not fill the box, the brightness decides; auto: lesions-real where it is installed;
        lite-medsam: LiteMedSAM, a package of its own
    device
        auto, cpu, cuda or mps
    """

    what = "masks from boxes"
    not_asked = (*JobRequest.not_asked, "lesions")

    output: str = field(metadata=NO_OPTION)
    lesions: str = field(metadata=NO_OPTION)
    t1: str | None = field(default=None, metadata=NO_OPTION)
    t2: str | None = field(default=None, metadata=NO_OPTION)
    t1_liver: str | None = field(default=None, metadata=NO_OPTION)
    t2_liver: str | None = field(default=None, metadata=NO_OPTION)
    t1_lesions: str | None = field(default=None, metadata=NO_OPTION)
    t2_lesions: str | None = field(default=None, metadata=NO_OPTION)
    liver_label: int | str | None = field(default=None, metadata={"metavar": "LABEL"})
    model: str = NO_MODEL
    device: str = "auto"

    def check(self) -> None:
        super().check()
        if not self.sides:
            raise InputError("Neither T1 nor T2 is given.", "Choose at least one of them.")

    @property
    def parts(self) -> dict[str, str | None]:
        """The paths of what is given."""
        parts = {part: getattr(self, part) for part in LESION_PARTS}
        return {**super().parts, **parts, "lesions": self.lesions}

    def bundle(self) -> Bundle | None:
        """The model of ours, None for none. Raises `BundleError`."""
        if self.model in (NO_MODEL, LITE_MEDSAM):
            return None
        try:
            return Catalogue().find(DEFAULT_DRAWER if self.model == AUTO else self.model)
        except BundleError:
            if self.model == AUTO:
                return None
            raise

    def asked_now(self) -> dict[str, Any] | None:
        """`asked` of the model that is found now."""
        bundle = self.bundle()
        return self.asked([bundle] if bundle is not None else [])


def masks_files() -> list[str]:
    """The names of the files that the job may write."""
    from liverpair.jobs.detect_results import masks_file

    return [*map(masks_file, Side), MASKS_SUMMARY]
