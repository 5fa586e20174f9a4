"""Pictures of slices, drawn off screen by the same MRML logics and displayable managers that draw them in Slicer.

Needs no display: VTK renders through EGL, OSMesa or an X server, whichever it finds. Colors are RGB, arrays of pixels
are (row, column, 3) of uint8 with the top row first.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import slicer
import vtk
from vtk.util.numpy_support import vtk_to_numpy

from liverpair.mrml import frames, headless
from liverpair.mrml.layouts import liver_center
from liverpair.mrml.volumes import image_from_node

ORIENTATIONS = ("Axial", "Coronal", "Sagittal")
LAYOUT_COLORS = {"Axial": (0.953, 0.290, 0.200), "Coronal": (0.431, 0.690, 0.294), "Sagittal": (0.929, 0.835, 0.298)}
DISPLAYABLE_MANAGERS = (
    "vtkMRMLCrosshairDisplayableManager",
    "vtkMRMLVolumeGlyphSliceDisplayableManager",
    "vtkMRMLModelSliceDisplayableManager",
    "vtkMRMLOrientationMarkerDisplayableManager",
    "vtkMRMLRulerDisplayableManager",
    "vtkMRMLScalarBarDisplayableManager",
    "vtkMRMLSegmentationsDisplayableManager2D",
    "vtkMRMLMarkupsDisplayableManager",
    "vtkMRMLTransformsDisplayableManager2D",
    "vtkMRMLColorLegendDisplayableManager",
)


class SliceView:
    """One slice view: a slice node and composite node with a logic, drawn into an off-screen window.

    `node`, `composite` and `logic` are the ordinary MRML objects; whatever is changed in them or in the scene appears
    with the next `grab`. Call `close` to take the view and its nodes out of the scene.
    """

    def __init__(
        self,
        name: str,
        orientation: str = "Axial",
        size: tuple[int, int] = (400, 400),
        view_group: int = 0,
        color: tuple[float, float, float] | None = None,
    ):
        """Make a view called `name` (its singleton tag in the scene) of `size` (width, height) pixels.

        Starts a headless Slicer when none is running. A slice node of that name already in the scene is taken over.
        """
        self._application_logic = headless.running_application_logic()
        self.caption = ""
        self.changed = True
        self._make_window(size)
        self._make_managers()
        self._make_logic(name)
        self.node.SetOrientation(orientation)
        self.node.SetLayoutColor(*(color or LAYOUT_COLORS.get(orientation, (0.7, 0.7, 0.7))))
        self.node.SetViewGroup(view_group)
        self.node.SetMappedInLayout(1)
        self._managers.SetMRMLDisplayableNode(self.node)
        self.interactor.SetInteractorStyle(vtk.vtkInteractorStyleUser())
        self.interactor.Initialize()
        self.style.SetInteractor(self.interactor)
        self.resize(*size)

    def _make_window(self, size: tuple[int, int]) -> None:
        self.renderer = vtk.vtkRenderer()
        self.renderer.GetActiveCamera().ParallelProjectionOn()
        self.overlay = vtk.vtkRenderer()
        self.overlay.GetActiveCamera().ParallelProjectionOn()
        self.overlay.SetLayer(1)
        self.window = vtk.vtkRenderWindow()
        self.window.SetOffScreenRendering(1)
        self.window.SetMultiSamples(0)
        self.window.SetAlphaBitPlanes(1)
        self.window.SetNumberOfLayers(2)
        self.window.AddRenderer(self.renderer)
        self.window.AddRenderer(self.overlay)
        self.window.SetSize(*size)
        self.interactor = vtk.vtkRenderWindowInteractor()
        self.interactor.SetRenderWindow(self.window)
        self._mapper = vtk.vtkImageMapper()
        self._mapper.SetColorWindow(255)
        self._mapper.SetColorLevel(127.5)
        self._actor = vtk.vtkActor2D()
        self._actor.SetMapper(self._mapper)
        self._actor.GetProperty().SetDisplayLocationToBackground()
        self._actor.SetVisibility(False)
        # Before the displayable managers add theirs: what they fill must blend over the image, not over black.
        self.renderer.AddViewProp(self._actor)
        self._caption_actor = _caption_actor()
        self.overlay.AddViewProp(self._caption_actor)

    def _make_managers(self) -> None:
        factory = slicer.vtkMRMLSliceViewDisplayableManagerFactory.GetInstance()
        factory.SetMRMLApplicationLogic(self._application_logic)
        for manager in DISPLAYABLE_MANAGERS:
            if not factory.IsDisplayableManagerRegistered(manager):
                factory.RegisterDisplayableManager(manager)
        self._managers = slicer.vtkMRMLDisplayableManagerGroup()
        self._managers.SetRenderer(self.renderer)
        self._managers.Initialize(factory, self.renderer)
        self._managers.AddObserver(vtk.vtkCommand.UpdateEvent, self._mark_changed)

    def _make_logic(self, name: str) -> None:
        self.logic = slicer.vtkMRMLSliceLogic()
        self.logic.SetMRMLApplicationLogic(self._application_logic)
        self._application_logic.GetSliceLogics().AddItem(self.logic)
        self.style = slicer.vtkMRMLSliceViewInteractorStyle()
        self.style.SetSliceLogic(self.logic)
        self.style.SetDisplayableManagers(self._managers)
        self.logic.SetMRMLScene(slicer.mrmlScene)
        existing = slicer.mrmlScene.GetSingletonNode(name, "vtkMRMLSliceNode")
        if existing is None:
            self.logic.AddSliceNode(name)
        else:
            self.logic.SetSliceNode(existing)
        self.node = self.logic.GetSliceNode()
        self.composite = self.logic.GetSliceCompositeNode()
        self.logic.AddObserver(vtk.vtkCommand.ModifiedEvent, self._mark_changed)

    def _mark_changed(self, *_event) -> None:
        self.changed = True

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.window.GetSize()

    def resize(self, width: int, height: int) -> None:
        """Change the size in pixels; the scale in pixels per millimeter stays."""
        self.window.SetSize(width, height)
        self.logic.ResizeSliceNode(width, height)

    def show(self, volume_node, fit: bool = True) -> None:
        """Show a volume as the background; `fit` centers it and fills the view with it."""
        self.composite.SetBackgroundVolumeID(volume_node.GetID() if volume_node else None)
        if volume_node and fit:
            self.fit()

    def fit(self) -> None:
        """Center the background volume and scale it to fill the view."""
        self.logic.FitSliceToBackground()

    def jump_to(self, ras: Sequence[float]) -> None:
        """Move to the slice through a world point (RAS, mm); the point itself need not be in the middle of the view."""
        self.node.JumpSliceByOffsetting(*ras)

    def look_at(self, ras: Sequence[float], width_mm: float) -> None:
        """Put a world point (RAS, mm) in the middle of the view and show `width_mm` from its left to its right edge."""
        width, height = self.size
        self.node.JumpSliceByCentering(*ras)
        self.node.SetFieldOfView(width_mm, width_mm * height / width, self.node.GetFieldOfView()[2])

    def render(self) -> None:
        """Draw the view as its nodes now say."""
        connection = self.logic.GetImageDataConnection()
        self._mapper.SetInputConnection(connection)
        self._actor.SetVisibility(connection is not None)
        self._caption_actor.SetInput(self.caption)
        self._caption_actor.SetVisibility(bool(self.caption))
        self.window.Render()
        self.changed = False

    def grab(self) -> np.ndarray:
        """Draw the view and return its pixels, shape (height, width, 3), uint8, top row first."""
        self.render()
        grabber = vtk.vtkWindowToImageFilter()
        grabber.SetInput(self.window)
        grabber.ReadFrontBufferOff()
        grabber.ShouldRerenderOff()
        grabber.Update()
        image = grabber.GetOutput()
        width, height, _depth = image.GetDimensions()
        pixels = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(height, width, -1)
        return pixels[::-1, :, :3].copy()

    def close(self) -> None:
        """Take the view out of the application and its slice and composite nodes out of the scene."""
        self.style.SetInteractor(None)
        self._managers.SetMRMLDisplayableNode(None)
        self._application_logic.GetSliceLogics().RemoveItem(self.logic)
        leftovers = (
            self.logic.GetSliceModelNode(),
            self.logic.GetSliceModelTransformNode(),
            self.composite,
            self.node,
        )
        self.logic.SetMRMLScene(None)
        for leftover in leftovers:
            if leftover is not None and leftover.GetScene() is not None:
                leftover.GetScene().RemoveNode(leftover)
        self.window.Finalize()


def montage(rows: Sequence[Sequence[np.ndarray]], gap: int = 4, color: int = 60) -> np.ndarray:
    """Join pictures of one size into one: `rows` from top to bottom, each from left to right, `gap` pixels between."""
    height, width = rows[0][0].shape[:2]
    columns = max(len(row) for row in rows)
    canvas = np.zeros((len(rows) * (height + gap) - gap, columns * (width + gap) - gap, 3), np.uint8)
    canvas[:] = color
    for row_number, row in enumerate(rows):
        for column_number, picture in enumerate(row):
            top, left = row_number * (height + gap), column_number * (width + gap)
            canvas[top : top + height, left : left + width] = picture
    return canvas


def save_png(pixels: np.ndarray, path: str | Path) -> Path:
    """Write (row, column, 3) uint8 pixels as a PNG; the folder is created when missing. Returns the path."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    sitk.WriteImage(sitk.GetImageFromArray(np.ascontiguousarray(pixels), isVector=True), path.as_posix())
    return path


def picture_of_pair(
    t1_node, t2_node, t1_segmentation=None, t2_segmentation=None, width: int = 420, height: int = 360
) -> np.ndarray:
    """T1 above T2, each axial, coronal and sagittal through the centroid of its own liver, at one scale, with captions.

    A segmentation is drawn on its own row only. Each view is `width` x `height` pixels and shows the body, not the air
    around it. A row whose volume is None is left out. Leaves nothing in the scene and changes no display.
    """
    rows = [
        (name, volume_node, segmentation_node)
        for name, volume_node, segmentation_node in (
            ("T1", t1_node, t1_segmentation),
            ("T2", t2_node, t2_segmentation),
        )
        if volume_node is not None
    ]
    bodies = [body_box(volume_node) for _name, volume_node, _segmentation in rows]
    scales = {o: max(_fitting_width(box, o, width / height) for box in bodies) for o in ORIENTATIONS}
    pictures = []
    for (name, volume_node, segmentation_node), box in zip(rows, bodies):
        center = liver_center(volume_node, segmentation_node)
        pictures.append(
            _row_of_pictures(name, volume_node, segmentation_node, box.mean(axis=0), center, scales, (width, height))
        )
    return montage(pictures)


def body_box(volume_node) -> np.ndarray:
    """Box around what is brighter than air, as world coordinates: [[R, A, S] minimum, [R, A, S] maximum] in mm."""
    image = image_from_node(volume_node)
    body = sitk.OtsuThreshold(sitk.Cast(image, sitk.sitkFloat32), 0, 1)
    body = sitk.RelabelComponent(sitk.ConnectedComponent(body), sortByObjectSize=True) == 1
    return mask_box(body, volume_node)


def mask_box(mask: sitk.Image, volume_node) -> np.ndarray:
    """Box around a mask (0, 1) that is not empty and lies on the volume's grid, in world mm as `body_box` gives it."""
    corners = [mask.TransformIndexToPhysicalPoint(index) for index in ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1))]
    origin, *ends = (np.array(frames.to_world(volume_node, frames.flip(corner))) for corner in corners)
    axes = np.array(ends) - origin
    voxels = origin + np.argwhere(sitk.GetArrayViewFromImage(mask))[:, ::-1] @ axes
    half = np.abs(axes).sum(axis=0) / 2
    return np.array([voxels.min(axis=0) - half, voxels.max(axis=0) + half])


def _row_of_pictures(name, volume_node, segmentation_node, middle, center, scales, size) -> list[np.ndarray]:
    pictures = []
    for orientation in ORIENTATIONS:
        view = SliceView(_free_name(orientation), orientation, size)
        try:
            view.show(volume_node)
            view.look_at(middle, scales[orientation])
            view.jump_to(center)
            view.caption = f"{name} {orientation.lower()}"
            with segmentations_limited_to(segmentation_node, view.node):
                pictures.append(view.grab())
        finally:
            view.close()
    return pictures


def _fitting_width(box: np.ndarray, orientation: str, aspect: float) -> float:
    """Width in mm that a view of this aspect ratio must show to hold the box, with some air around it."""
    across, up = {"Axial": (0, 1), "Coronal": (0, 2), "Sagittal": (1, 2)}[orientation]
    extent = box[1] - box[0]
    return 1.06 * max(extent[across], extent[up] * aspect)


@contextmanager
def segmentations_limited_to(segmentation_node, view_node) -> Iterator[None]:
    """Show one segmentation, no other, in a view; afterwards every display is as it was."""
    before = [
        (display_node, list(display_node.GetViewNodeIDs() or ()))
        for display_node in slicer.util.getNodesByClass("vtkMRMLSegmentationDisplayNode")
    ]
    mine = segmentation_node.GetDisplayNode() if segmentation_node is not None else None
    try:
        for display_node, _ids in before:
            display_node.SetViewNodeIDs([view_node.GetID()] if display_node is mine else ["none"])
        yield
    finally:
        for display_node, ids in before:
            display_node.SetViewNodeIDs(ids)


def _caption_actor() -> vtk.vtkTextActor:
    actor = vtk.vtkTextActor()
    actor.SetPosition(8, 8)
    text = actor.GetTextProperty()
    text.SetFontFamilyToArial()
    text.SetFontSize(16)
    text.SetColor(1, 1, 1)
    text.ShadowOn()
    return actor


def _free_name(stem: str) -> str:
    return slicer.mrmlScene.GetUniqueNameByString(f"LiverPair{stem}")
