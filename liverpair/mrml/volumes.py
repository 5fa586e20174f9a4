"""Volume nodes as SimpleITK images and back, and what may be wrong with a volume that a user has chosen."""

import math
import tempfile
from collections.abc import Mapping
from pathlib import Path

import SimpleITK as sitk
import slicer
import vtk
from vtk.util.numpy_support import vtk_to_numpy

from liverpair.core.errors import InputError
from liverpair.core.geometry import check_volume
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
}
"""What tells one MR sequence from another: DICOM keyword and tag."""


def image_from_node(volume_node) -> sitk.Image:
    """A scalar volume node as an image in LPS mm, in the node's own coordinates (parent transforms ignored).

    The voxels are copied once; the node is not touched and may change or vanish afterwards.

    Raises:
        InputError: when the node holds no image or its geometry cannot be written as spacing and directions.
    """
    _check_image_data(volume_node, volume_node.GetName())
    image_data = volume_node.GetImageData()
    shape = image_data.GetDimensions()[::-1]
    image = sitk.GetImageFromArray(vtk_to_numpy(image_data.GetPointData().GetScalars()).reshape(shape))
    frames.set_frame(image, volume_node)
    return image


def world_image(volume_node) -> sitk.Image:
    """A scalar volume node as an image in world LPS mm: as `image_from_node`, moved by the node's parent transforms.

    Raises:
        InputError: as `image_from_node`, and when the transforms do more than rotate and shift.
    """
    image = image_from_node(volume_node)
    if volume_node.GetParentTransformNode() is not None:
        frames.move_frame(image, volume_node)
    return image


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
    node = slicer.util.addVolumeFromArray(sitk.GetArrayViewFromImage(image), frames.ijk_to_ras(image), name)
    if source is not None:
        provenance.write(node, source)
    return node


def write_volume(volume_node, path: str | Path) -> Path:
    """Write a volume node as an image file in LPS, in its own coordinates; `path` says the format (`.nrrd`, `.nii.gz`).

    Parent transforms are left out on purpose: what is computed from the file goes back under the same transforms. The
    file is written beside and moved into place when whole. Returns the path.

    Raises:
        InputError: when the node holds no image, or the file cannot be written.
    """
    path = Path(path)
    image = image_from_node(volume_node)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".volume-", dir=path.parent) as folder:
        unfinished = Path(folder) / path.name
        try:
            sitk.WriteImage(image, unfinished.as_posix())
        except RuntimeError as error:
            raise InputError(f"'{volume_node.GetName()}' could not be written to '{path}'.", str(error)) from error
        unfinished.replace(path)
    return path


def check_node(volume_node, name: str) -> None:
    """Raise `InputError` unless the node is a volume that can be segmented.

    `name` ("T1", "T2") is who the sentence speaks of.
    """
    if volume_node is None:
        raise InputError(f"{name} is not selected.", "Choose a volume.")
    if volume_node.IsA("vtkMRMLLabelMapVolumeNode"):
        raise InputError(f"{name} is a label map; LiverPair needs the MR image itself.")
    _check_image_data(volume_node, name)
    check_volume(image_from_node(volume_node), name)


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
    found = {"T1": None, "T2": None}
    for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode", scene):
        if node.IsA("vtkMRMLLabelMapVolumeNode") or node.GetHideFromEditors() or provenance.read(node):
            continue
        known = describe(node)
        sequence = guess_sequence(known["name"], known["tags"])
        if sequence is not None and found[sequence] is None:
            found[sequence] = node
    return found["T1"], found["T2"]


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
