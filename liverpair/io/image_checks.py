"""What ITK takes without complaint from a damaged image file, and in which words LiverPair says what ITK refuses."""

import gzip
import math
import os
import struct
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from liverpair.core.atomic import image_suffix
from liverpair.core.errors import InputError
from liverpair.io.image_notes import doubt_on, note_on

sitk.ProcessObject.SetGlobalWarningDisplay(False)  # what matters to a user is said in a note or an error

_HEADER_BYTES = 1 << 16
# Size of the header (its first field) to format and place of pixdim[1..3]: NIfTI-1 and NIfTI-2.
_NIFTI_SPACING = {348: ("3f", 80), 540: ("3d", 112)}
_NIFTI_SFORM = {348: ("12f", 280), 540: ("12d", 400)}
_PERMISSIVE = "ITK_NIFTI_SFORM_PERMISSIVE"
_CORRECTED = "ITK_sform_corrected"
_ROUNDING_DEGREES, _MOST_SHEAR_DEGREES = 0.01, 1.0
_PLACES_APART_MM = 2.0
_METAIMAGE_GEOMETRY = (
    "Offset",
    "Position",
    "Origin",
    "TransformMatrix",
    "Rotation",
    "Orientation",
    "ElementSpacing",
    "ElementSize",
)
RESAMPLE = "Resample it onto straight axes first (3D Slicer does when its transform is hardened), and save it again."
_DAMAGED = (
    "cannot be read as an image: its header is damaged, it ends before its last voxel, or its data file is missing.",
    "It may be incompletely copied.",
)
_OWN_WORDS = {
    "Zero-valued spacing": (
        "has a voxel spacing that is zero or not a number; every spacing must be above zero.",
        "Export it again.",
    ),
    "orthonormal direction": ("has axes that are not at right angles.", RESAMPLE),
    "Bad direction": ("has axes that span no volume: two point the same way or one is zero.", "Export it again."),
    "MetaImageIO": _DAMAGED,
    "NrrdImageIO": _DAMAGED,
}


def read_file(path: Path) -> sitk.Image:
    """The image in a NIfTI, NRRD or MetaImage file; axes that are hardly sheared are straightened, with a note.

    Raises `InputError` for what cannot be read, or is read as something else than the file says.
    """
    try:
        image = sitk.ReadImage(str(path))
    except RuntimeError as error:
        if "orthonormal direction" not in str(error) or not image_suffix(path).startswith(".nii"):
            raise _unreadable(path, error) from error
        with _permissive():
            image = sitk.ReadImage(str(path))
    check_read(path, image)
    if image.HasMetaDataKey(_CORRECTED) and image.GetMetaData(_CORRECTED) == "YES":
        image = image[..., 0] if image.GetDimension() == 4 else image
        _take_sform(path, image)
    elif image.GetDimension() == 3:
        _straighten(path, image, np.reshape(image.GetDirection(), (3, 3)))
    if image_suffix(path).startswith(".nii"):
        _doubt_place(image)
    return image


@contextmanager
def _permissive() -> Iterator[None]:
    before = os.environ.get(_PERMISSIVE)
    os.environ[_PERMISSIVE] = "1"
    try:
        yield
    finally:
        del os.environ[_PERMISSIVE]
        if before is not None:
            os.environ[_PERMISSIVE] = before


def _take_sform(path: Path, image: sitk.Image) -> None:
    """Give an image the place that its sheared sform says; what ITK makes of it can be a degree beside that."""
    rows = np.diag([-1.0, -1.0, 1.0]) @ np.reshape(_nifti_numbers(path, _NIFTI_SFORM), (3, 4))  # RAS to LPS
    spacing = np.linalg.norm(rows[:, :3], axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetOrigin(rows[:, 3].tolist())
    axes = rows[:, :3] / spacing
    image.SetDirection(_straight(axes))
    _straighten(path, image, axes)


def _straighten(path: Path, image: sitk.Image, axes: np.ndarray) -> None:
    """Give an image the axes at right angles nearest to `axes`, and say so where they differ by more than rounding.
    Raises `InputError` for axes that are sheared."""
    shear = math.degrees(math.asin(min(1.0, np.abs(axes.T @ axes - np.eye(3)).max())))
    if shear > _MOST_SHEAR_DEGREES:
        raise InputError(f"File '{path}' has axes that are not at right angles, by {shear:.1f} degrees.", RESAMPLE)
    if shear < _ROUNDING_DEGREES:
        return
    image.SetDirection(_straight(axes))
    note_on(image, f"Its axes were {shear:.2g} degrees off right angles and have been straightened.")


def _straight(axes: np.ndarray) -> list[float]:
    """The axes at right angles nearest to `axes`, row by row."""
    from scipy.linalg import polar

    return polar(axes)[0].ravel().tolist()


def _doubt_place(image: sitk.Image) -> None:
    """Say where a NIfTI file does not say where it lies, or says it twice and differently."""

    def numbers(*keys: str) -> list[float]:
        return [float(image.GetMetaData(key)) for key in keys]

    if image.GetDimension() < 3 or not image.HasMetaDataKey("qform_code"):
        return
    codes = numbers("qform_code", "sform_code")
    if not any(codes):
        doubt_on(image, "Its file does not give its position (qform and sform code 0), so its offset is meaningless.")
    if not all(codes):
        return
    b, c, d = numbers("quatern_b", "quatern_c", "quatern_d")
    from scipy.spatial.transform import Rotation

    turn = Rotation.from_quat([b, c, d, math.sqrt(max(0.0, 1.0 - b * b - c * c - d * d))]).as_matrix()
    hand, *spacing = numbers("pixdim[0]", "pixdim[1]", "pixdim[2]", "pixdim[3]")
    scaled = turn * spacing * [1.0, 1.0, -1.0 if hand < 0 else 1.0]
    qform = np.column_stack([scaled, numbers("qoffset_x", "qoffset_y", "qoffset_z")])
    sform = np.array([[float(v) for v in image.GetMetaData(f"srow_{axis}").split()] for axis in "xyz"])
    corners = [(*(index * (n - 1) for index, n in zip(ends, image.GetSize())), 1) for ends in np.ndindex(2, 2, 2)]
    apart = np.linalg.norm(np.array(corners) @ (qform - sform).T, axis=1).max()
    if apart > _PLACES_APART_MM:
        used = min(("qform", qform), ("sform", sform), key=lambda f: np.linalg.norm(_origin(image) - f[1][:, 3]))[0]
        places = f"two positions, up to {apart:.0f} mm apart (qform and sform)"
        doubt_on(image, f"Its file gives {places}; its {used} was used.")


def _origin(image: sitk.Image) -> np.ndarray:
    return np.array(image.GetOrigin()[:3]) * (-1, -1, 1)


def _unreadable(path: Path, error: Exception) -> InputError:
    for words, (sentence, hint) in _OWN_WORDS.items():
        if words in str(error):
            return InputError(f"File '{path}' {sentence}", hint)
    return InputError(f"File '{path}' cannot be read as an image.", "It may be damaged or incompletely copied.")


def check_read(path: Path, image: sitk.Image) -> None:
    """Raise `InputError` where ITK read `image` from a file that says something else: ITK turns a NIfTI spacing of
    zero into 1 mm, fills in zeros for missing NIfTI voxels, and takes MetaImage geometry that is no number for 0."""
    suffix = image_suffix(path)
    if suffix.startswith(".nii"):
        _check_nifti_is_whole(path, image)
        _check_nifti_spacing(path, image)
    elif suffix in (".mha", ".mhd"):
        _check_metaimage_geometry(path)


def _check_nifti_spacing(path: Path, image: sitk.Image) -> None:
    spacing = _nifti_numbers(path, _NIFTI_SPACING)[: image.GetDimension()]
    if not all(math.isfinite(s) and s != 0 for s in spacing):
        listed = ", ".join(f"{s:g}" for s in spacing)
        raise InputError(
            f"File '{path}' has voxel spacing ({listed}) mm; every spacing must be above zero.", "Export it again."
        )


def _nifti_numbers(path: Path, places: Mapping[int, tuple[str, int]]) -> tuple[float, ...]:
    """The numbers at the place that `places` gives for the size of the file's header; none in another file."""
    with _unpacked(path) as stream:
        header = stream.read(_HEADER_BYTES)
    for order in "<>":
        if (size := struct.unpack_from(order + "i", header)[0]) in places:
            numbers, place = places[size]
            return struct.unpack_from(order + numbers, header, place)
    return ()


def _check_nifti_is_whole(path: Path, image: sitk.Image) -> None:
    fields = {
        key: float(image.GetMetaData(key))
        for key in image.GetMetaDataKeys()
        if key.startswith(("dim[", "bitpix", "vox_offset"))
    }
    voxels = 1.0
    for axis in range(1, int(fields.get("dim[0]", 0)) + 1):
        voxels *= max(1.0, fields[f"dim[{axis}]"])
    missing = fields.get("vox_offset", 0.0) + voxels * fields.get("bitpix", 0.0) / 8
    with _unpacked(path) as stream:
        try:
            while missing > 0 and (chunk := stream.read(1 << 20)):
                missing -= len(chunk)
        except (EOFError, zlib.error, OSError):
            missing = 1.0
    if missing > 0:
        raise InputError(
            f"File '{path}' cannot be read as an image: it ends before its last voxel.",
            "It may be incompletely copied.",
        )


def _check_metaimage_geometry(path: Path) -> None:
    with open(path, "rb") as stream:
        header = stream.read(_HEADER_BYTES).split(b"ElementDataFile")[0].decode("latin-1")
    for line in header.splitlines():
        key, _, numbers = line.partition("=")
        if key.strip() in _METAIMAGE_GEOMETRY and not all(map(_is_finite, numbers.split())):
            raise InputError(
                f"File '{path}' has an invalid position in its header: '{line.strip()[:100]}'.",
                "Export it again.",
            )


def _is_finite(word: str) -> bool:
    try:
        return math.isfinite(float(word))
    except ValueError:
        return False


def _unpacked(path: Path) -> gzip.GzipFile:
    with open(path, "rb") as plain:
        packed = plain.read(2) == b"\x1f\x8b"
    return gzip.open(path) if packed else open(path, "rb")
