"""Modules of the application: those in C++ (their logics only) and scripted ones loaded from a file."""

import importlib.util
import os
import sys
import types

import slicer
from PySide6 import QtCore, QtGui, QtWidgets
from PySide6.QtCore import Signal

from .mrml_selectors import qMRMLWidget
from .standins import stands_for


@stands_for("qSlicerAbstractCoreModule")
class Module:
    """A module object as in `slicer.modules`: what it says about itself, its logic, its panel."""

    def __init__(self, name: str, path: str = "", logic=None):
        self.name, self.path = name, path
        self.title = name
        self.helpText = self.acknowledgementText = ""
        self.categories, self.dependencies, self.contributors, self.associatedNodeTypes = [], [], [], []
        self.icon = QtGui.QIcon()
        self.hidden = False
        self.widgetRepresentationCreationEnabled = True
        self._logic = logic
        self._panel = None

    def logic(self):
        return self._logic

    def widgetRepresentation(self):
        """The module's panel, made when first asked for; None for a module in C++."""
        if self._panel is None and self.path:
            self._panel = self.createNewWidgetRepresentation()
        return self._panel

    def createNewWidgetRepresentation(self):
        return ModulePanel(self) if self.path else None


@stands_for("qSlicerScriptedLoadableModule")
class ScriptedModule(Module):
    """qSlicerScriptedLoadableModule."""


@stands_for("qSlicerScriptedLoadableModuleWidget")
class ModulePanel(qMRMLWidget):
    """qSlicerScriptedLoadableModuleWidget: the widget that a scripted module's panel is laid out in."""

    def __init__(self, module: Module):
        super().__init__()
        self._module, self._python_widget, self._is_entered = module, None, False
        QtWidgets.QVBoxLayout(self)
        self.setMRMLScene(slicer.mrmlScene)
        self.reload()

    def reload(self) -> None:
        """Make the module's widget object anew and set it up."""
        name = f"{self._module.name}Widget"
        self._python_widget = getattr(sys.modules[self._module.name], name)(self)
        setattr(slicer.modules, name, self._python_widget)
        self._python_widget.setup()

    def self(self):
        """The Python object of the module's widget class."""
        return self._python_widget

    @property
    def isEntered(self) -> bool:
        return self._is_entered

    def enter(self) -> None:
        if not self._is_entered:
            self._is_entered = True
            getattr(self._python_widget, "enter", lambda: None)()

    def exit(self) -> None:
        if self._is_entered:
            self._is_entered = False
            getattr(self._python_widget, "exit", lambda: None)()


@stands_for("qSlicerModuleManager")
class ModuleManager(QtCore.QObject):
    """`slicer.app.moduleManager()`, which is its own factory manager."""

    moduleAboutToBeUnloaded = Signal(str)
    moduleLoaded = Signal(str)

    def __init__(self, logics: dict):
        super().__init__()
        self._modules: dict[str, Module] = {}
        for name, logic in logics.items():
            self.harness_add(Module(name, logic=logic))

    def harness_add(self, module: Module) -> None:
        """Make a module one of the application's."""
        self._modules[module.name] = module
        setattr(slicer.modules, module.name.lower(), module)
        setattr(slicer.moduleNames, module.name, module.name)

    def factoryManager(self) -> "ModuleManager":
        return self

    def loadedModuleNames(self) -> list[str]:
        return list(self._modules)

    def modulesNames(self) -> list[str]:
        return list(self._modules)

    def module(self, name: str) -> Module | None:
        return self._modules.get(name)

    def isLoaded(self, name: str) -> bool:
        return name in self._modules

    def harness_load(self, path) -> ScriptedModule:
        """Import a scripted module's file and make its module object; its panel is made when first shown.

        Raises:
            Exception: whatever the file raises on import.
        """
        path = os.path.abspath(path)
        name = os.path.splitext(os.path.basename(path))[0]
        if os.path.dirname(path) not in sys.path:
            sys.path.insert(0, os.path.dirname(path))
        specification = importlib.util.spec_from_file_location(name, path)
        imported = importlib.util.module_from_spec(specification)
        sys.modules[name] = imported
        specification.loader.exec_module(imported)
        module = ScriptedModule(name, path)
        self.harness_add(module)
        setattr(slicer.modules, f"{name}Instance", getattr(imported, name)(module))
        self.moduleLoaded.emit(name)
        return module

    def harness_unload(self, name: str) -> None:
        """Forget a scripted module; its panel is cleaned up and deleted."""
        module = self._modules[name]
        panel, module._panel = module._panel, None
        if panel is not None:
            panel.exit()
        self.moduleAboutToBeUnloaded.emit(name)
        if panel is not None:
            panel.deleteLater()
        del self._modules[name]
        for holder, attribute in ((slicer.modules, name.lower()), (slicer.moduleNames, name)):
            delattr(holder, attribute)
        for attribute in (f"{name}Widget", f"{name}Instance"):
            if hasattr(slicer.modules, attribute):
                delattr(slicer.modules, attribute)

    def harness_scripted(self) -> list[ScriptedModule]:
        """The modules loaded from files."""
        return [module for module in self._modules.values() if isinstance(module, ScriptedModule)]


def publish_namespaces() -> None:
    """Make `slicer.modules` and `slicer.moduleNames`."""
    for name in ("modules", "moduleNames"):
        namespace = types.ModuleType(f"slicer.{name}")
        setattr(slicer, name, namespace)
        sys.modules[f"slicer.{name}"] = namespace
    slicer.modules.sampleDataSources = {}
    slicer.selfTests = {}
    slicer.qSlicerScriptedLoadableModule = ScriptedModule
    slicer.qSlicerScriptedLoadableModuleWidget = ModulePanel
