"""What ITK takes without complaint from a damaged image file, and in which words LiverPair says what ITK refuses."""

import gzip
import math
import struct
import zlib
from pathlib import Path

import SimpleITK as sitk

from liverpair.errors import InputError
from liverpair.files import image_suffix

_HEADER_BYTES = 1 << 16
# Size of the header (its first field) to format and place of pixdim[1..3]: NIfTI-1 and NIfTI-2.
_NIFTI_SPACING = {348: ("3f", 80), 540: ("3d", 112)}
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
_DAMAGED = (
    "cannot be read as an image: its header is damaged, it ends before its last voxel, or its data file is missing.",
    "It may be incompletely copied.",
)
_OWN_WORDS = {
    "Zero-valued spacing": (
        "has a voxel spacing that is zero or no number; every spacing must be above zero.",
        "Export it again.",
    ),
    "orthonormal direction": ("has axes that are not at right angles.", "Harden its transform or resample it first."),
    "Bad direction": ("has axes that span no volume: two point the same way or one is zero.", "Export it again."),
    "MetaImageIO": _DAMAGED,
    "NrrdImageIO": _DAMAGED,
}


def itk_reason(error: Exception) -> str:
    """The last line of an ITK exception as the end of a sentence, without its source location."""
    return str(error).strip().splitlines()[-1].split("): ")[-1][:200].strip().rstrip(".") + "."


def unreadable(path: Path, error: Exception) -> InputError:
    """The `InputError` for a file that ITK refused with `error`."""
    for words, (sentence, hint) in _OWN_WORDS.items():
        if words in str(error):
            return InputError(f"File '{path}' {sentence}", hint)
    return InputError(
        f"File '{path}' cannot be read as an image: {itk_reason(error)}", "It may be damaged or incompletely copied."
    )


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
    with _unpacked(path) as stream:
        header = stream.read(_HEADER_BYTES)
    for order in "<>":
        numbers, place = _NIFTI_SPACING.get(struct.unpack_from(order + "i", header)[0], ("", 0))
        spacing = struct.unpack_from(order + numbers, header, place)[: image.GetDimension()]
        if not all(math.isfinite(s) and s != 0 for s in spacing):
            listed = ", ".join(f"{s:g}" for s in spacing)
            raise InputError(
                f"File '{path}' has voxel spacing ({listed}) mm; every spacing must be above zero.", "Export it again."
            )


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
                f"File '{path}' says '{line.strip()[:100]}' in its header, which is no place in space.",
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
