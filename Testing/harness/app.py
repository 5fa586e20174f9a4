"""Starts the harness, loads modules into it, and takes it back to its beginning between tests."""

import ctypes
import importlib
import os
import sys
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

import slicer
from PySide6.QtCore import QEvent, QObject

from liverpair.mrml.headless import boot

from . import (
    batches,
    dialogs,
    event_filters,
    mrml_plots,
    mrml_selectors,
    mrml_sequences,
    mrml_tables,
    mrml_views,
    problems,
    qt,
    segment_editor,
)
from .application import Application
from .driver import Driver
from .modules import publish_namespaces
from .mrml_hierarchy import SubjectHierarchyPlugins

PUBLISHED = {
    "qt": "qt",
    "ctk": "ctk",
    "slicer.i18n": "slicer_python.i18n",
    "slicer.packaging": "slicer_python.packaging",
    "slicer.ScriptedLoadableModule": "slicer_python.ScriptedLoadableModule",
    "slicer.parameterNodeWrapper": "slicer_python.parameterNodeWrapper",
    "SampleData": "slicer_python.SampleData",
}
"""Modules that Slicer offers to scripts, and where the harness has them."""

_running: "Harness | None" = None


def start() -> "Harness":
    """Start the harness in this process, or return the one that runs. Draws off screen unless told otherwise."""
    global _running
    if _running is None:
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
        _running = Harness()
    return _running


class Harness(Driver):
    """One application with a main window and the means to drive it. Made by `start`."""

    def __init__(self):
        headless = boot()
        SubjectHierarchyPlugins(headless.scene)
        qt.install()
        dialogs.install()
        problems.install_hooks()
        batches.watch(headless.scene)
        for module in (mrml_selectors, mrml_tables, mrml_views, mrml_plots, mrml_sequences):
            for widget in module.WIDGETS:
                setattr(slicer, widget.__name__, widget)
        publish_namespaces()
        slicer.util.delayDisplay = dialogs.delay_display
        super().__init__(Application(headless))
        slicer.app = self.app
        for name in PUBLISHED:
            _publish(name)
        self.app.harness_start()
        self.app.moduleManager().harness_add(segment_editor.module())
        self.main_window.show()
        self.app.layoutManager().harness_open()
        self.wait()

    def load_module(self, path: str | Path, show: bool = True):
        """Load a scripted module as Slicer does at its start, and select it; returns its module object.

        Raises:
            Exception: whatever the module raises on import or while its panel is set up.
        """
        manager = self.app.moduleManager()
        name = Path(path).stem
        if manager.isLoaded(name):
            manager.harness_unload(name)
        module = manager.harness_load(path)
        self.app.startupCompleted.emit()
        self.app.disconnect("startupCompleted()")
        if show:
            self.select(name)
        return module

    def select(self, name: str) -> None:
        """Select a module, as in the tool bar."""
        slicer.util.selectModule(name)
        self.wait()

    def panel(self, name: str):
        """The Python widget object of a loaded module."""
        return slicer.util.getModuleWidget(name)

    def widget(self, name: str):
        """The widget of that object name in the selected module's panel.

        Raises:
            LookupError: when there is none.
        """
        panel = self.main_window.harness_panel()
        found = [*([panel] if panel.objectName == name else []), *panel.findChildren(QObject, name)]
        if not found:
            raise LookupError(f"the panel has no widget called '{name}'")
        return found[-1]  # a module that was reloaded stands behind its old self until that is deleted

    @property
    def packaging(self):
        """The stand-in of slicer.packaging, with `requests` and `set_outcome`."""
        return slicer.packaging

    def problems(self) -> list[problems.Problem]:
        """Exceptions in slots, unknown signals, unanswered dialogs: what the user would not see, but the log would."""
        return problems.recorded()

    def expecting(self, text: str):
        """Context manager: a problem containing `text` is expected in the block, and required."""
        return problems.expecting(text)

    def check(self) -> None:
        """End of a test.

        Raises:
            AssertionError: when there are problems, or answers for dialogs that never came up.
        """
        assert not self.problems(), "\n\n".join(map(str, self.problems()))
        assert not dialogs.unused_answers(), f"dialogs that did not come up: {dialogs.unused_answers()}"

    def dialogs(self) -> list[dialogs.Dialog]:
        """The dialogs that came up since the last reset."""
        return dialogs.shown()

    def answer(self, *values) -> None:
        """Queue answers for the next dialogs; see `dialogs.answer`."""
        dialogs.answer(*values)

    def reset(self) -> None:
        """As if Slicer were quit and started again."""
        self.close()
        self.app.layoutManager().harness_open()
        self.wait()

    def close(self) -> None:
        """As if Slicer were quit: no module, view, scene, problem, dialog or setting is left.

        The Python packages beside the scripted modules are forgotten too: their next import runs anew. The scene is
        as `liverpair.mrml.headless.boot` leaves it, for tests without a harness in the same process.

        Raises:
            AssertionError: when an event filter written in Python is left.
        """
        manager = self.app.moduleManager()
        self.main_window.harness_show_panel(None)
        self.main_window.moduleSelector().harness_forget()
        self.app.aboutToQuit.emit()
        folders = set()
        for module in manager.harness_scripted():
            manager.harness_unload(module.name)
            folders |= {Path(module.path).parent, Path(module.path).parents[1] / "LiverPairLib"}
        _forget_imports(folders)
        self.app.sendPostedEvents(None, QEvent.DeferredDelete)  # a panel that is gone does not follow the scene
        for signal in ("startupCompleted()", "aboutToQuit()"):
            self.app.disconnect(signal)
        self.app.layoutManager().harness_close()
        slicer.mrmlScene.Clear(0)
        for parameter_node in slicer.util.getNodesByClass("vtkMRMLScriptedModuleNode"):
            slicer.mrmlScene.RemoveNode(parameter_node)
        slicer.modules.sampleDataSources.clear()
        self.app.harness_set_testing(False)
        self.app.settings().clear()
        self.app.sendPostedEvents(None, QEvent.DeferredDelete)
        self.wait()
        slicer.packaging.reset()
        slicer.i18n.set_translation(None)
        dialogs.forget()
        problems.forget()
        left = event_filters.take_left()
        _give_back_memory()
        assert not left, "\n".join(left)


def _give_back_memory() -> None:
    """Give the system what was freed: glibc keeps the pieces, some 20 MB of views at every reset."""
    with suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def _forget_imports(folders: Collection[Path]) -> None:
    """Forget the Python modules imported from some folders, and that scripts may import from there."""
    within = tuple(f"{folder}{os.sep}" for folder in folders)
    for name, module in list(sys.modules.items()):
        if (getattr(module, "__file__", None) or "").startswith(within):
            del sys.modules[name]
    for folder in map(str, folders):
        if folder in sys.path:
            sys.path.remove(folder)


def _publish(name: str) -> None:
    """Import a stand-in and put it where scripts import it from."""
    imported = importlib.import_module(f".{PUBLISHED[name]}", __package__)
    sys.modules[name] = imported
    if name.startswith("slicer."):
        setattr(slicer, name.removeprefix("slicer."), imported)
