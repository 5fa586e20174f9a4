"""The DICOM images a volume was loaded from, as something to refer to: their headers and where each slice lies."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from liverpair.core.errors import InputError
from liverpair.core.geometry import Box
from liverpair.io.dicom_headers import Slice, slices_of_file
from liverpair.measures.boxes import turned

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_SAME_PLACE_MM = 0.01

# Type 2 attributes: they must be there, and may be empty. De-identified files often lack them.
_MAY_BE_EMPTY = (
    "PatientID",
    "PatientName",
    "PatientBirthDate",
    "PatientSex",
    "AccessionNumber",
    "StudyID",
    "StudyDate",
    "StudyTime",
    "ReferringPhysicianName",
)


@dataclass(frozen=True)
class DicomSource:
    """One volume in DICOM.

    Attributes:
        name: "T1" or "T2".
        headers: of every file, without pixels.
        slices: ascending along their normal, all in parallel planes.
    """

    name: str
    headers: dict[Path, Dataset]
    slices: tuple[Slice, ...]

    @property
    def header(self) -> Dataset:
        """The header of one of the files, for what they share."""
        return self.headers[self.slices[0].file]

    @property
    def patient_id(self) -> str:
        """ "" when there is none."""
        return str(self.header.get("PatientID") or "")

    @property
    def gap_mm(self) -> float:
        """Distance of neighboring slices; the thickness of a single one."""
        heights = self._heights()
        return float(np.median(np.diff(heights))) if len(heights) > 1 else self.slices[0].thickness

    def evidence(self) -> list[Dataset]:
        """The headers, with what an object derived from them takes over filled in where it is missing or out of
        bounds."""
        from pydicom.dataset import Dataset

        complete = []
        for header in self.headers.values():
            copy = Dataset()
            copy.update(header)
            for keyword in _MAY_BE_EMPTY:
                if copy.get(keyword) is None:
                    setattr(copy, keyword, "")
            if copy.PatientSex not in ("M", "F", "O"):
                copy.PatientSex = ""
            complete.append(copy)
        return complete

    def sections(self, box: Box) -> list[tuple[Slice, np.ndarray]]:
        """Where the slices cut a box.

        A thin box between two slices belongs to the nearer one. Slices that the box meets beside the image are left
        out.

        Args:
            box: in LPS mm; turned to the axes of the slices.

        Returns:
            Slices, ascending, and the corners (4, 3) in LPS mm of the rectangle the box cuts out of each, within the
            image. Empty where the box lies outside the volume.
        """
        axes, heights = plane_axes(self.slices[0]), self._heights()
        aligned = turned(box, tuple(axes.ravel()))
        center, half = np.asarray(aligned.center_mm) @ axes, np.asarray(aligned.size_mm) / 2
        away = np.abs(heights - center[2])
        cut = np.flatnonzero(away <= half[2])
        if not len(cut) and away.min() <= self.gap_mm / 2:
            cut = np.array([away.argmin()])
        rectangles = [(self.slices[row], _rectangle(self.slices[row], axes, center, half)) for row in cut]
        return [(piece, corners) for piece, corners in rectangles if corners is not None]

    def _heights(self) -> np.ndarray:
        return np.array([s.position for s in self.slices]) @ plane_axes(self.slices[0])[:, 2]


def read_source(files: Sequence[str | Path], name: str) -> DicomSource:
    """The images in DICOM files that make up one volume, in any order; copies count once.

    Raises:
        InputError: a file is missing, is no DICOM image with a place in space, or has no SOP instance UID of its own;
            the files hold several series, planes that are not parallel, or several images of one place.
    """
    slices: dict[tuple, Slice] = {}
    headers = {}
    for path in sorted({Path(file) for file in files}):
        found = slices_of_file(path)
        if not found or not all(s.instance_uid for s in found):
            raise InputError(
                f"{name} was not loaded from DICOM files: '{path.name}' is not a DICOM image with a position."
                if path.is_file()
                else f"{name}'s DICOM file '{path}' is no longer there.",
                "Load the DICOM series again.",
            )
        headers[path] = _header(path)
        for s in found:
            slices.setdefault((s.instance_uid, s.frame, s.position), s)
    ordered = _checked(list(slices.values()), name)
    return DicomSource(name, {s.file: headers[s.file] for s in ordered}, ordered)


def plane_axes(piece: Slice) -> np.ndarray:
    """(3, 3) matrix whose columns are a slice's row direction, column direction and normal in LPS."""
    row, column = (np.array(v) / np.linalg.norm(v) for v in (piece.orientation[:3], piece.orientation[3:]))
    normal = np.cross(row, column)
    return np.stack([row, np.cross(normal, row), normal], axis=1)


def _checked(slices: list[Slice], name: str) -> tuple[Slice, ...]:
    """The slices by height, or the sentence that says why they are no volume to refer to."""
    if len({s.uid for s in slices}) > 1:
        raise InputError(f"{name}'s DICOM files belong to several series.", "Name only those it was loaded from.")
    if len({(s.instance_uid, s.frame) for s in slices}) < len(slices):
        raise InputError(f"{name}'s DICOM slices share one SOP instance UID, so none of them can be referred to.")
    if any(np.abs(np.subtract(s.orientation, slices[0].orientation)).max() > 1e-3 for s in slices):
        raise InputError(f"{name}'s DICOM slices lie in planes that are not parallel.", "Name those of one volume.")
    normal = plane_axes(slices[0])[:, 2]
    ordered = sorted(slices, key=lambda s: float(np.dot(s.position, normal)))
    heights = np.array([s.position for s in ordered]) @ normal
    if (np.diff(heights) < _SAME_PLACE_MM).any():
        raise InputError(
            f"{name}'s DICOM files hold several images of one place, such as echoes or phases.",
            "Name only those of the volume.",
        )
    return tuple(ordered)


def _rectangle(piece: Slice, axes: np.ndarray, center: np.ndarray, half: np.ndarray) -> np.ndarray | None:
    """Corners (4, 3) in LPS mm of a box (along `axes`, mm) in the plane of a slice; None beside the image."""
    origin = np.asarray(piece.position) @ axes
    spacing = np.array([piece.pixel_spacing[1], piece.pixel_spacing[0]])
    first = origin[:2] - spacing / 2
    last = first + spacing * (piece.columns, piece.rows)
    lower, upper = np.maximum(center[:2] - half[:2], first), np.minimum(center[:2] + half[:2], last)
    if (upper <= lower).any():
        return None
    around = [(lower[0], lower[1]), (upper[0], lower[1]), (upper[0], upper[1]), (lower[0], upper[1])]
    return np.array([(x, y, origin[2]) for x, y in around]) @ axes.T


def _header(path: Path) -> Dataset:
    import pydicom

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pydicom.dcmread(path, stop_before_pixels=True, force=True)
