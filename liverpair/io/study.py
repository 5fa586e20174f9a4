"""One patient: a T1 and a T2 volume, their liver masks and their lesion pairs; reading and writing image files.

A study on disk is a folder with any of `t1`, `t2`, `t1_liver`, `t2_liver`, `t1_lesions`, `t2_lesions` (as `.nii.gz`,
`.nii`, `.nrrd`, `.nhdr`, `.mha` or `.mhd`, or as a folder of that name with one DICOM series) and `lesions.json`. The
voxels of `t1_lesions` and `t2_lesions` hold the number of their lesion.
"""

from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from liverpair.core.atomic import IMAGE_SUFFIXES, check_name, image_suffix, part_of_address, written_whole
from liverpair.core.errors import InputError
from liverpair.core.geometry import Grid, check_volume
from liverpair.core.lesions import Lesion, read_lesions, write_lesions
from liverpair.io.dicom_headers import has_preamble
from liverpair.io.dicom_series import Series, list_series, read_series, series_of_file
from liverpair.io.exports import list_export, pair_of, series_at
from liverpair.io.image_checks import read_file
from liverpair.io.image_notes import note_on

IMAGE_PARTS = ("t1", "t2", "t1_liver", "t2_liver", "t1_lesions", "t2_lesions")
LESION_FILE = "lesions.json"
_LISTED = 6
_LOCALIZING_SLICES = 3
_TWO_FILE_SUFFIXES = (".nhdr", ".mhd")
_PART_NAMES = {
    "t1": "T1 volume",
    "t2": "T2 volume",
    "t1_liver": "T1 liver mask",
    "t2_liver": "T2 liver mask",
    "t1_lesions": "T1 lesion masks",
    "t2_lesions": "T2 lesion masks",
    "lesions": "lesion pairs",
}


def read_image(path: str | Path) -> sitk.Image:
    """The image in a NIfTI, NRRD or MetaImage file, a multi-frame DICOM file, or a folder that holds exactly one
    DICOM series.

    `path:2` names the second series of a folder with several, as `exports.list_export` counts, or the second volume
    of a 4-D file. Geometry is LPS mm. A fourth dimension of length one is dropped; nothing else is changed, and what is
    in it is not checked (see `geometry.check_volume`). Raises `InputError` when there is no such image, when it is
    damaged, or when a folder holds several series.
    """
    if not str(path):
        raise InputError("The name of an image file is empty.", "Name it, or leave it out.")
    check_name(path)
    path, number = part_of_address(path)
    if path.is_dir() and number is not None:
        series = series_at(path, number)
        image = read_series(series)
        note_on(image, f"Series {number} of '{path.name}' is read: {series.label}.")
        return image
    if path.is_dir():
        return _read_only_series(list_series(path), f"Folder '{path}'")
    if not path.exists():
        raise InputError(f"File '{path}' does not exist.")
    if not image_suffix(path):
        return _read_dicom_file(path)
    if path.stat().st_size == 0:
        raise InputError(f"File '{path}' is empty.")
    image = read_file(path)
    volumes = image.GetSize()[3] if image.GetDimension() == 4 else 1
    if number is not None and not 1 <= number <= volumes:
        raise InputError(f"File '{path}' has no volume {number}; it holds {volumes}.")
    if image.GetDimension() == 4 and (number or volumes == 1):
        return image[..., (number or 1) - 1]
    return image


def sources_of(folder: str | Path) -> dict[str, Path]:
    """Where the parts of a study are: the files that `Study` knows, else the T1 and the T2 series of a DICOM export of
    one examination, as `read_image` takes them.

    Raises `InputError` when there is neither, or it is not clear which series is meant.
    """
    sources = Study.open(folder).sources
    if "t1" in sources or "t2" in sources:
        return sources
    try:
        found = list_export(folder)
    except InputError as error:
        raise InputError(f"'{folder}' holds neither t1.nii.gz nor t2.nii.gz nor DICOM series.") from error
    pair = zip(("t1", "t2"), pair_of(found, folder))
    return sources | {side: Path(f"{folder}:{listed.number}") for side, listed in pair if listed is not None}


def read_labeled(image: Path, labels: Path, value: int) -> tuple[sitk.Image, sitk.Image]:
    """An image and the mask of one label of its label map, as `read_image` gives them, checked.

    Raises `InputError` when a file is missing or damaged, the image cannot be used as a volume, or the label map lies
    on another grid or has no voxel of that value.
    """
    volume, map_ = read_image(image), read_image(labels)
    check_volume(volume, f"'{image}'")
    if map_.GetDimension() != 3 or not Grid.of(map_).same_as(Grid.of(volume)):
        raise InputError(f"The label map '{labels}' does not lie on the grid of '{image}'.", "Resample it first.")
    mask = map_ == value
    if not sitk.GetArrayViewFromImage(mask).any():
        found = ", ".join(str(v) for v in np.unique(sitk.GetArrayViewFromImage(map_))[:8])
        raise InputError(f"The label map '{labels}' has no voxel of value {value}; it has {found}.")
    return volume, mask


def write_image(image: sitk.Image, path: str | Path) -> None:
    """Write an image to a NIfTI, NRRD or MetaImage file, compressed, whole or not at all.

    Raises `InputError` for another suffix, a two-file format, or a place that cannot be written to.
    """
    check_name(path)
    path = Path(path)
    suffix = image_suffix(path)
    if not suffix or suffix in _TWO_FILE_SUFFIXES:
        raise InputError(f"'{path.name}' is not a name for an image file.", "End it with .nii.gz, .nrrd or .mha.")
    with written_whole(path) as beside:
        try:
            sitk.WriteImage(image, str(beside), useCompression=suffix != ".nii")
        except RuntimeError as error:
            raise InputError(f"'{path}' cannot be written.", "Choose another place or free some space.") from error


class _Part:
    """A part of a study: what was set, else what its file holds, read at first use."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, study: "Study | None", owner: type | None = None) -> Any:
        if study is None:
            return self
        if self.name not in study._loaded:
            source = study.sources.get(self.name)
            study._loaded[self.name] = None if source is None else study._read(self.name, source)
        return study._loaded[self.name]

    def __set__(self, study: "Study", value: Any) -> None:
        study._loaded[self.name] = list(value or []) if self.name == "lesions" else value
        study._changed.add(self.name)


class Study:
    """One patient's pair of volumes with their liver masks and lesion pairs; any part may be missing (None, or no
    lesion pairs).

    Images are `SimpleITK.Image`, each on its own grid in LPS mm. Parts of a study on disk are read when they are
    first asked for, which raises `InputError` when the file is damaged. `sources` says which file or DICOM folder a
    part comes from.
    """

    t1: sitk.Image | None = _Part()
    t2: sitk.Image | None = _Part()
    t1_liver: sitk.Image | None = _Part()
    t2_liver: sitk.Image | None = _Part()
    t1_lesions: sitk.Image | None = _Part()
    t2_lesions: sitk.Image | None = _Part()
    lesions: list[Lesion] = _Part()

    def __init__(
        self,
        folder: str | Path | None = None,
        t1: sitk.Image | None = None,
        t2: sitk.Image | None = None,
        t1_liver: sitk.Image | None = None,
        t2_liver: sitk.Image | None = None,
        lesions: list[Lesion] | None = None,
        t1_lesions: sitk.Image | None = None,
        t2_lesions: sitk.Image | None = None,
    ):
        self.folder = None if folder is None else Path(folder)
        self.sources: dict[str, Path] = {}
        self._loaded: dict[str, Any] = {
            "t1": t1,
            "t2": t2,
            "t1_liver": t1_liver,
            "t2_liver": t2_liver,
            "t1_lesions": t1_lesions,
            "t2_lesions": t2_lesions,
            "lesions": list(lesions or []),
        }
        self._changed: set[str] = set(self._loaded)

    def __repr__(self) -> str:
        parts = [part for part in (*IMAGE_PARTS, "lesions") if self.has(part)]
        return f"Study({self.name!r}, {', '.join(parts) or 'empty'})"

    @property
    def name(self) -> str:
        """The name of the study's folder, or "" for a study that is not on disk."""
        return self.folder.resolve().name if self.folder else ""

    @classmethod
    def open(cls, folder: str | Path) -> "Study":
        """The study in a folder; nothing is read yet. Raises `InputError` when there is no such folder or two files
        claim to be one part."""
        folder = Path(folder)
        if not folder.is_dir():
            raise InputError(
                f"Study folder '{folder}' does not exist." if not folder.exists() else f"'{folder}' is not a folder."
            )
        study = cls(folder)
        study._changed.clear()
        study._loaded = {"lesions": []}
        for part in IMAGE_PARTS:
            source = _find_part(folder, part)
            if source is not None:
                study.sources[part] = source
        if (folder / LESION_FILE).is_file():
            study.sources["lesions"] = folder / LESION_FILE
            del study._loaded["lesions"]
        return study

    def has(self, part: str) -> bool:
        """Whether the study holds a part, without reading it from disk."""
        if part not in self._loaded:
            return part in self.sources
        return bool(self._loaded[part]) if part == "lesions" else self._loaded[part] is not None

    def need(self, part: str) -> Any:
        """The part called `part` ("t1", "t2", "t1_liver", "t2_liver", "lesions"). Raises `InputError` naming what is
        missing."""
        value = getattr(self, part)
        if value is None or (part == "lesions" and not value):
            where = f"Study '{self.name}'" if self.folder else "The study"
            hint = (
                f"Expected as '{LESION_FILE if part == 'lesions' else part + '.nii.gz'}' in '{self.folder}'."
                if self.folder
                else ""
            )
            raise InputError(f"{where} has no {_PART_NAMES[part]}.", hint)
        return value

    def save(self, folder: str | Path | None = None) -> None:
        """Write the study's parts to `folder` (its own when None), each file whole or not at all.

        In its own folder only parts set since it was opened are written, over the file they came from; elsewhere all
        parts are, as `.nii.gz`. A part set to None is left out, not deleted. Afterwards the study belongs to that
        folder.
        """
        target = Path(folder) if folder is not None else self.folder
        if target is None:
            raise InputError("The study has no folder to be saved in.", "Name one.")
        home = self.folder is not None and target.resolve() == self.folder.resolve()
        for part in IMAGE_PARTS:
            if (home and part not in self._changed) or getattr(self, part) is None:
                continue
            old = _find_part(target, part) if target.is_dir() else None
            writable = old is not None and old.is_file() and image_suffix(old) not in _TWO_FILE_SUFFIXES
            path = old if writable else target / f"{part}.nii.gz"
            write_image(getattr(self, part), path)
            self.sources[part] = path
        untouched = home and "lesions" not in self._loaded
        if not untouched and (self.lesions or (target / LESION_FILE).is_file()):
            write_lesions(target / LESION_FILE, self.lesions)
            self.sources["lesions"] = target / LESION_FILE
        self.folder = target
        self._changed.clear()

    def _read(self, part: str, source: Path) -> Any:
        return read_lesions(source) if part == "lesions" else read_image(source)


def _find_part(folder: Path, part: str) -> Path | None:
    """The file of a part, or else the DICOM folder of that name. Upper and lower case are alike."""
    entries = sorted(folder.iterdir())
    names = {part + suffix for suffix in IMAGE_SUFFIXES}
    files = [entry for entry in entries if entry.name.lower() in names and entry.is_file()]
    if len(files) > 1:
        listed = ", ".join(f"'{file.name}'" for file in files)
        raise InputError(
            f"Study '{folder.resolve().name}' has several files for its {_PART_NAMES[part]}: {listed}.",
            "Keep one of them.",
        )
    if files:
        return files[0]
    return next((entry for entry in entries if entry.name.lower() == part and entry.is_dir()), None)


def _read_dicom_file(path: Path) -> sitk.Image:
    try:
        series = series_of_file(path)
    except InputError:
        if has_preamble(path):
            raise
        known = "NIfTI (.nii, .nii.gz), NRRD (.nrrd) and MetaImage (.mha, .mhd) files and DICOM folders"
        raise InputError(f"File '{path}' is not an image that LiverPair can read.", f"It reads {known}.") from None
    if len(series) == 1 and series[0].size[2] == 1:
        raise InputError(
            f"File '{path}' is a single DICOM slice.", "Choose the folder that holds all slices of the series."
        )
    return _read_only_series(series, f"File '{path}'")


def _read_only_series(series: list[Series], where: str) -> sitk.Image:
    """The volume of the one series, without the few slices that belong to none, which a note tells. Raises
    `InputError` when there are several."""
    volume = max(series, key=lambda s: s.size[2])
    others = [s for s in series if s is not volume]
    if not all(_is_orphan(s, volume) for s in others):
        listed = "; ".join(s.label for s in series[:_LISTED]) + (" …" if len(series) > _LISTED else "")
        raise InputError(
            f"{where} holds {len(series)} DICOM series: {listed}.",
            "Name one by its number, as in 'FOLDER:2'; 'liverpair series FOLDER' lists them.",
        )
    image = read_series(volume)
    names = [file.name for s in others for file in s.files]
    if names:
        listed = ", ".join(names[:_LISTED]) + (" …" if len(names) > _LISTED else "")
        slices = "1 slice was" if len(names) == 1 else f"{len(names)} slices were"
        note_on(image, f"{slices} left out, taken again or in another place: {listed}.")
    return image


def _is_orphan(series: Series, volume: Series) -> bool:
    """Whether a series is but some slices beside `volume`: taken again, or to find the place."""
    few = 5 * series.size[2] <= volume.size[2]
    return few and (series.uid == volume.uid or series.size[2] <= _LOCALIZING_SLICES)
