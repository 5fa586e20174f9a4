"""What the worker needs beyond Slicer's own Python packages, installed with the user's consent at the first use."""

import importlib
import importlib.util
import logging
import subprocess
from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _

from liverpair.core.errors import MissingPackageError

REQUIREMENTS = Path(__file__).parent / "Resources" / "requirements.txt"
TOOL_REQUIREMENTS = {kind: REQUIREMENTS.with_name(f"requirements-{kind}.txt") for kind in ("nnunet", "training")}
"""What models of other tools need, by `Foreign.kind`, and what training does."""


class Installer:
    """Sees to it that the packages of a requirements file, and PyTorch, are there. Nothing is installed unasked."""

    def __init__(self, requirementsPath: Path = REQUIREMENTS, requester: str = "LiverPair") -> None:
        self.requirementsPath = requirementsPath
        self.requester = requester

    def ensure(self) -> None:
        """Install what is missing; raises MissingPackageError with the reason when something still is."""
        self._ensureTorch()
        self._ensureRequirements(self.requirementsPath)

    def ensureTool(self, kind: str) -> None:
        """Install what runs the models of another tool, or trains ours ("training"), as `ensure`."""
        if kind in TOOL_REQUIREMENTS:
            self._ensureRequirements(TOOL_REQUIREMENTS[kind])

    def isComplete(self) -> bool:
        """Whether everything that only an extension brings is installed."""
        return self.hasTorch()

    def hasTorch(self) -> bool:
        """Whether PyTorch is installed. It is not imported: that is for the worker to do."""
        return importlib.util.find_spec("torch") is not None

    def _ensureTorch(self) -> None:
        """The PyTorch extension knows which build of PyTorch fits this computer."""
        if self.hasTorch():
            return
        try:
            import PyTorchUtils
        except ImportError:
            raise MissingPackageError(
                _("PyTorch is not installed."),
                _("Install the extension 'PyTorch' in the Extensions Manager, restart Slicer, and press Apply again."),
            ) from None
        try:
            PyTorchUtils.PyTorchUtilsLogic().installTorch(askConfirmation=True)
        except Exception:
            logging.exception("Installing PyTorch failed")
        importlib.invalidate_caches()
        if not self.hasTorch():
            raise MissingPackageError(
                _("PyTorch was not installed."),
                _("Press Apply again with a network connection, or use the module PyTorch Util."),
            )

    def _ensureRequirements(self, path: Path) -> None:
        import slicer.packaging

        requirements = slicer.packaging.load_requirements(path)
        try:
            slicer.packaging.pip_ensure(requirements, requester=self.requester)
        except subprocess.CalledProcessError as error:
            raise MissingPackageError(
                _("The Python packages that LiverPair needs could not be downloaded ({names}).").format(
                    names=self._missing(requirements)
                ),
                _("Check the network connection and press Apply again."),
            ) from error
        except RuntimeError as error:
            raise MissingPackageError(
                _("LiverPair cannot run without these Python packages: {names}.").format(
                    names=self._missing(requirements)
                ),
                _("Press Apply again to install them."),
            ) from error
        importlib.invalidate_caches()
        missing = self._missing(requirements)
        if missing:  # pip_ensure does nothing in testing mode
            raise MissingPackageError(
                _("These Python packages are not installed: {names}.").format(names=missing),
                _("Install them and press Apply again."),
            )

    def _missing(self, requirements: list[Any]) -> str:
        return ", ".join(str(one) for one in requirements if not slicer.packaging.pip_check(one))
