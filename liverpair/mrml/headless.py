"""A Slicer without windows: the scene, application logic and module logics that the desktop would have set up.

The slicer-core wheels bring the classes of Slicer but no application that connects them. `boot` connects them in the
order in which qSlicerCoreApplication does.
"""

import atexit
import importlib.util
import logging
import os
import shutil
import tempfile
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import slicer
import vtk

from liverpair.core.errors import InputError

MODULE_LOGICS = {
    "Units": "vtkSlicerUnitsLogic",
    "SubjectHierarchy": "vtkSlicerSubjectHierarchyModuleLogic",
    "Terminologies": "vtkSlicerTerminologiesModuleLogic",
    "Segmentations": "vtkSlicerSegmentationsModuleLogic",
    "Volumes": "vtkSlicerVolumesLogic",
    "Markups": "vtkSlicerMarkupsLogic",
    "Models": "vtkSlicerModelsLogic",
    "Transforms": "vtkSlicerTransformLogic",
    "Tables": "vtkSlicerTablesLogic",
    "Plots": "vtkSlicerPlotsLogic",
    "Texts": "vtkSlicerTextsLogic",
    "Sequences": "vtkSlicerSequencesLogic",
    "CropVolume": "vtkSlicerCropVolumeLogic",
    "SceneViews": "vtkSlicerSceneViewsModuleLogic",
    "ViewControllers": "vtkSlicerViewControllersLogic",
    "VolumeRendering": "vtkSlicerVolumeRenderingLogic",
    "Data": "vtkSlicerDataModuleLogic",
}
"""Module name, as in `slicer.modules` of the desktop, and the class of its logic."""


@dataclass(frozen=True)
class HeadlessSlicer:
    """What a running Slicer consists of below its windows. Keep it alive as long as the scene is used."""

    scene: slicer.vtkMRMLScene
    application_logic: slicer.vtkSlicerApplicationLogic
    logics: dict[str, slicer.vtkMRMLAbstractLogic]
    share_folder: Path | None
    _file_logics: tuple


_running: HeadlessSlicer | None = None


def boot() -> HeadlessSlicer:
    """Start a Slicer without windows, or return the one that this process started before.

    Sets `slicer.mrmlScene`, so that `slicer.util` and all of `liverpair.mrml` work as they do in the desktop.

    Raises:
        RuntimeError: inside the Slicer desktop, which has a scene and an application already.
    """
    global _running
    if _running is not None:
        return _running
    if getattr(slicer, "app", None) is not None:
        raise RuntimeError("This is the Slicer desktop: use slicer.mrmlScene; boot() is for slicer-core alone.")
    _log_through_python()
    scene = slicer.vtkMRMLScene()
    application_logic = _start_application(scene)
    share_folder = find_share_folder()
    logics = {name: _start_logic(name, scene, application_logic, share_folder) for name in MODULE_LOGICS}
    logics["Colors"] = application_logic.GetColorLogic()
    application_logic.SetModuleLogic("Colors", logics["Colors"])
    _running = HeadlessSlicer(
        scene, application_logic, logics, share_folder, _start_file_logics(scene, application_logic)
    )
    slicer.mrmlScene = scene
    return _running


def find_share_folder() -> Path | None:
    """Folder with Slicer's terminologies and volume display presets as packed in trame-slicer; None when absent."""
    specification = importlib.util.find_spec("trame_slicer")
    if specification is None or specification.origin is None:
        return None
    folder = Path(specification.origin).parent / "resources"
    return folder if (folder / "terminologies").is_dir() else None


def running_application_logic() -> slicer.vtkSlicerApplicationLogic:
    """The application logic of the desktop when inside it, else that of the headless Slicer, started when need be."""
    if _running is None and getattr(slicer, "app", None) is not None:
        return slicer.app.applicationLogic()
    return boot().application_logic


def module_logic(name: str):
    """The logic of a Slicer module ("Segmentations", "Terminologies", …), in the desktop and headless.

    Raises:
        RuntimeError: when this Slicer does not have that module.
    """
    logic = running_application_logic().GetModuleLogic(name)
    if logic is None:
        raise RuntimeError(f"This Slicer has no module '{name}'.")
    return logic


def save_scene_mrb(path: str | Path, scene: slicer.vtkMRMLScene | None = None) -> Path:
    """Save the scene with all its data as one `.mrb` file; the folder is created when missing.

    The bundle is written beside its final place and moved there when whole. Returns the absolute path.

    Raises:
        InputError: when the file cannot be written.
    """
    path = Path(path).absolute()
    if path.suffix.lower() != ".mrb":
        raise InputError(f"'{path.name}' is not the name of a scene bundle.", "Give it the extension .mrb.")
    scene = scene or slicer.mrmlScene
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".scene-", dir=path.parent) as folder:
        unfinished = Path(folder) / path.name
        if not scene.WriteToMRB(unfinished.as_posix()) or not unfinished.is_file():
            raise InputError(f"The scene could not be written to '{path}'.", "Check that the disk has room for it.")
        unfinished.replace(path)
    return path


def load_scene_mrb(path: str | Path, scene: slicer.vtkMRMLScene | None = None, clear: bool = True) -> None:
    """Load a `.mrb` scene bundle; by default the scene is emptied before.

    Raises:
        InputError: when the file is missing or is not a readable scene bundle.
    """
    path = Path(path).absolute()
    if not path.is_file():
        raise InputError(f"There is no scene '{path}'.", "Check the path.")
    scene = scene or slicer.mrmlScene
    working_folder = os.getcwd()
    try:
        read = _holds_scene(path) and scene.ReadFromMRB(path.as_posix(), clear)
    finally:
        # A bundle that cannot be unpacked leaves the process in a folder that no longer exists.
        os.chdir(working_folder)
    if not read:
        raise InputError(f"'{path}' could not be read as a scene bundle.", "It may be damaged or not be an .mrb file.")


def _holds_scene(path: Path) -> bool:
    """Whether the file is a whole archive with a scene in it: asked before the present scene is emptied for it."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None and any(name.endswith(".mrml") for name in archive.namelist())
    except (zipfile.BadZipFile, EOFError, zlib.error):
        return False


def _log_through_python() -> None:
    """VTK's warnings and errors go to the logger "vtk"; its chatter about every file put into a bundle goes nowhere."""
    output = vtk.vtkOutputWindow()
    output.SetDisplayModeToNever()

    @vtk.calldata_type(vtk.VTK_STRING)
    def log_error(_caller, _event, text):
        logging.getLogger("vtk").error(text.strip())

    @vtk.calldata_type(vtk.VTK_STRING)
    def log_warning(_caller, _event, text):
        # VTK tries an X server first and then draws off screen through EGL: nothing that anybody should hear of.
        if "bad X server connection" not in text:
            logging.getLogger("vtk").warning(text.strip())

    output.AddObserver(vtk.vtkCommand.ErrorEvent, log_error)
    output.AddObserver(vtk.vtkCommand.WarningEvent, log_warning)
    vtk.vtkOutputWindow.SetInstance(output)
    vtk.vtkLogger.SetStderrVerbosity(vtk.vtkLogger.VERBOSITY_OFF)


def _start_application(scene) -> slicer.vtkSlicerApplicationLogic:
    logic = slicer.vtkSlicerApplicationLogic()
    logic.SetMRMLScene(scene)
    logic.GetColorLogic().SetMRMLScene(scene)
    logic.GetColorLogic().AddDefaultColorNodes()
    logic.SetSliceLogics(vtk.vtkCollection())
    logic.SetViewLogics(vtk.vtkCollection())
    crosshair = slicer.vtkMRMLCrosshairNode()
    crosshair.SetCrosshairName("default")
    scene.AddNode(crosshair)
    patient_right_is_screen_left = True
    slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(scene, patient_right_is_screen_left)
    for factory in (
        slicer.vtkMRMLSliceViewDisplayableManagerFactory,
        slicer.vtkMRMLThreeDViewDisplayableManagerFactory,
    ):
        factory.GetInstance().SetMRMLApplicationLogic(logic)
    return logic


def _start_logic(name: str, scene, application_logic, share_folder: Path | None):
    logic = getattr(slicer, MODULE_LOGICS[name])()
    if share_folder is not None and hasattr(logic, "SetModuleShareDirectory"):
        # Before the scene is set: that is when a logic reads its resources.
        folder = share_folder / "terminologies" if name == "Terminologies" else share_folder
        logic.SetModuleShareDirectory(folder.as_posix())
    logic.SetMRMLApplicationLogic(application_logic)
    logic.SetMRMLScene(scene)
    application_logic.SetModuleLogic(name, logic)
    return logic


def _start_file_logics(scene, application_logic):
    """Without a cache folder and a data manager, storage nodes warn and scene bundles cannot be read."""
    cache_folder = tempfile.mkdtemp(prefix="liverpair-scene-cache-")
    atexit.register(shutil.rmtree, cache_folder, ignore_errors=True)
    remote = slicer.vtkMRMLRemoteIOLogic()
    remote.SetMRMLScene(scene)
    remote.SetMRMLApplicationLogic(application_logic)
    remote.GetCacheManager().SetRemoteCacheDirectory(cache_folder)
    manager = slicer.vtkDataIOManagerLogic()
    manager.SetMRMLScene(scene)
    manager.SetMRMLApplicationLogic(application_logic)
    manager.SetAndObserveDataIOManager(remote.GetDataIOManager())
    remote.AddDataIOToScene()
    return remote, manager
