"""What dreams need beyond what every model needs: pyradiomics, which an extension brings, and matplotlib."""

import importlib.util
from pathlib import Path

from slicer.i18n import tr as _

from liverpair.core.errors import MissingPackageError
from LiverPairLib.installer import Installer

REQUIREMENTS = Path(__file__).parents[1] / "Resources" / "requirements.txt"


class DreamInstaller(Installer):
    """Sees to it that the packages of dreams are there as well. pyradiomics is compiled, so it is not left to pip."""

    def __init__(self, requirementsPath: Path = REQUIREMENTS) -> None:
        super().__init__(requirementsPath)
        self._common = Installer()

    def ensure(self) -> None:
        """Install what is missing; raises MissingPackageError with the reason when something still is."""
        self._common.ensure()
        super().ensure()
        if not self.hasRadiomics():
            raise MissingPackageError(
                _("pyradiomics is not installed."),
                _("Install the extension 'SlicerRadiomics' in the Extensions Manager, restart Slicer, and try again."),
            )

    def isComplete(self) -> bool:
        return self.hasTorch() and self.hasRadiomics()

    def hasRadiomics(self) -> bool:
        """Whether pyradiomics is installed. It is not imported: that is for the worker to do."""
        return importlib.util.find_spec("radiomics") is not None
