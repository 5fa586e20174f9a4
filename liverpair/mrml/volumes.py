"""Volume nodes as SimpleITK images and back, and what may be wrong with a volume that a user has chosen."""

import math
from collections.abc import Mapping

import numpy as np
import SimpleITK as sitk
import slicer
import vtk
from vtk.util.numpy_support import vtk_to_numpy

from liverpair.core.errors import InputError
from liverpair.core.geometry import Grid, check_voxels, on_grid
from liverpair.core.sides import Side
from liverpair.io.weighting import guess_sequence
from liverpair.mrml import frames, provenance

DICOM_TAGS = {
    "Modality": "0008,0060",
    "SeriesDescription": "0008,103e",
    "ProtocolName": "0018,1030",
    "SequenceName": "0018,0024",
    "ScanningSequence": "0018,0020",
    "EchoTime": "0018,0081",
    "RepetitionTime": "0018,0080",
    "InversionTime": "0018,0082",
    "FlipAngle": "0018,1314",
    "SeriesInstanceUID": "0020,000e",
    "PatientID": "0010,0020",
    "PatientBirthDate": "0010,0030",
    "StudyDate": "0008,0020",
    "FrameOfReferenceUID": "0020,0052",
}
"""What tells one MR sequence, patient and visit from another: DICOM keyword and tag."""


def grid_of(volume_node) -> Grid:
    """Where the voxels of a scalar volume node lie in the node's own coordinates, LPS mm (parent transforms ignored).

    Raises:
        InputError: when the node holds no image or its geometry cannot be written as spacing and directions.
    """
    _check_image_data(volume_node, volume_node.GetName())
    axes = vtk.vtkMatrix4x4()
    volume_node.GetIJKToRASDirectionMatrix(axes)
    return Grid(
        size=tuple(volume_node.GetImageData().GetDimensions()),
        spacing=tuple(volume_node.GetSpacing()),
        origin=frames.flip(volume_node.GetOrigin()),
        direction=tuple((frames.LPS_TO_RAS @ slicer.util.arrayFromVTKMatrix(axes)[:3, :3]).ravel().tolist()),
    )


def world_grid(volume_node) -> Grid:
    """Where the voxels of a scalar volume node lie in world LPS mm: `grid_of`, moved by the node's parent transforms.

    Raises:
        InputError: as `grid_of`, and when the transforms do more than rotate and shift.
    """
    return frames.grid_in_world(grid_of(volume_node), volume_node)


def image_from_node(volume_node) -> sitk.Image:
    """A scalar volume node as an image in LPS mm, on `grid_of` it.

    The voxels are copied once; the node is not touched and may change or vanish afterwards. Raises as `grid_of`.
    """
    return on_grid(_voxels(volume_node), grid_of(volume_node))


def world_image(volume_node) -> sitk.Image:
    """A scalar volume node as an image in world LPS mm: as `image_from_node`, on its `world_grid`."""
    return on_grid(_voxels(volume_node), world_grid(volume_node))


def node_from_image(image: sitk.Image, name: str, source: Mapping[str, object] | None = None):
    """A new scalar volume node called `name` with the voxels and geometry of a 3-D scalar image in LPS mm.

    `source` is kept as provenance on the node. Voxels of 64-bit integers become double, which MRML can show.

    Raises:
        InputError: when the image is not a scalar volume.
    """
    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
        raise InputError(f"{name} is not a scalar 3-D volume.", "Choose a single volume without color.")
    if image.GetPixelID() in (sitk.sitkInt64, sitk.sitkUInt64):
        image = sitk.Cast(image, sitk.sitkFloat64)
    node = slicer.util.addVolumeFromArray(sitk.GetArrayViewFromImage(image), frames.ijk_to_ras(Grid.of(image)), name)
    if source is not None:
        provenance.write(node, source)
    return node


def check_node(volume_node, name: str) -> None:
    """Raise `InputError` unless the node is a volume that can be segmented. Reads every voxel and copies none.

    `name` ("T1", "T2") is who the sentence speaks of.
    """
    if volume_node is None:
        raise InputError(f"{name} is not selected.", "Choose a volume.")
    if volume_node.IsA("vtkMRMLLabelMapVolumeNode"):
        raise InputError(f"{name} is a label map; LiverPair needs the MR image itself.")
    _check_image_data(volume_node, name)
    check_voxels(_voxels(volume_node), grid_of(volume_node), name)


def describe(volume_node) -> dict:
    """What the scene knows about a volume: `{"name": str, "tags": {DICOM keyword: text}}`.

    Tags come from Slicer's DICOM database when the volume was loaded from it, else from node attributes called
    `DICOM.<keyword>`. Tags that nobody recorded are left out.
    """
    tags = {keyword: volume_node.GetAttribute(f"DICOM.{keyword}") for keyword in DICOM_TAGS}
    uids = (volume_node.GetAttribute("DICOM.instanceUIDs") or "").split()
    database = getattr(slicer, "dicomDatabase", None)
    if uids and database is not None:
        tags |= {keyword: database.instanceValue(uids[0], tag) or tags[keyword] for keyword, tag in DICOM_TAGS.items()}
    return {"name": volume_node.GetName() or "", "tags": {keyword: text for keyword, text in tags.items() if text}}


def guess_pair(scene=None) -> tuple:
    """The first volume of the scene that looks T1-weighted and the first that looks T2-weighted, or None for either.

    Label maps, hidden volumes and volumes that LiverPair itself has made are passed over.
    """
    found = dict.fromkeys(Side)
    for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode", scene):
        if node.IsA("vtkMRMLLabelMapVolumeNode") or node.GetHideFromEditors() or provenance.read(node):
            continue
        known = describe(node)
        side = guess_sequence(known["name"], known["tags"])
        if side is not None and found[side] is None:
            found[side] = node
    return found[Side.T1], found[Side.T2]


def _voxels(volume_node) -> np.ndarray:
    """The voxels (z, y, x) themselves, not a copy."""
    _check_image_data(volume_node, volume_node.GetName())
    image_data = volume_node.GetImageData()
    return vtk_to_numpy(image_data.GetPointData().GetScalars()).reshape(image_data.GetDimensions()[::-1])


def _check_image_data(volume_node, name: str) -> None:
    """Raise `InputError` for what a MRML volume can hold but an image of the library cannot even express."""
    image_data = volume_node.GetImageData()
    if image_data is None or image_data.GetPointData().GetScalars() is None or 0 in image_data.GetDimensions():
        raise InputError(f"{name} holds no image.", "Load its data, or choose another volume.")
    components = image_data.GetNumberOfScalarComponents()
    if components != 1:
        raise InputError(f"{name} has {components} components; LiverPair needs a scalar volume.")
    spacing = volume_node.GetSpacing()
    if not all(math.isfinite(s) and s > 0 for s in spacing):
        raise InputError(f"{name} has voxel spacing {spacing}; every spacing must be above zero.")
    axes = vtk.vtkMatrix4x4()
    volume_node.GetIJKToRASDirectionMatrix(axes)
    if not abs(axes.Determinant()) > 1e-3:
        raise InputError(f"{name} has axes that do not span a volume.", "Its geometry is damaged; load it again.")
