"""DICOM folders: which series they hold, told apart by what the slices say, and each series as one volume.

A `SeriesInstanceUID` is no proof of one volume: in- and out-phase, Dixon contrasts and dynamic phases are often
stored under a single UID. Slices are therefore grouped by UID, image type, orientation, pixel grid and echo time, and
where two slices still lie at one place, by what tells repetitions apart. Geometry comes from Image Position and Image
Orientation (Patient) (DICOM PS3.3 C.7.6.2.1.1), never from Slice Location or file names. Pixels are read by SimpleITK
(GDCM), see `dicom_pixels`.
"""

import os
import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from liverpair.core.atomic import check_name
from liverpair.core.errors import InputError, Progress, no_progress
from liverpair.io.dicom_headers import LOCALIZER, Slice, slices_of_file
from liverpair.io.dicom_pixels import real_world_values
from liverpair.io.image_notes import set_tags

# What may tell apart two images taken at the same place, in the order in which it is believed.
_REPETITION_TAGS = (
    "TemporalPositionIdentifier",
    "AcquisitionNumber",
    "DiffusionBValue",
    "TriggerTime",
    "InversionTime",
    "FlipAngle",
    "RepetitionTime",
    "AcquisitionTime",
    "ContentTime",
    "SeriesNumber",
    "Folder",
)
_SAME_PLACE_MM = 0.01
_UNEVEN_FRACTION = 0.03
_POSITION_ROUNDING_MM = 0.15
_FEWEST_OF_A_VOLUME = 10
_FAR_STEPS = 5


@dataclass(frozen=True)
class Series:
    """One volume found in a DICOM folder, its slices in the order of their positions along the slice normal.

    `size` is (x, y, z) in voxels, `spacing` (x, y, z) in mm, `origin` LPS mm, `direction` row by row; `echo_time` is
    in ms. `tags` holds the attributes that all slices share, as text by DICOM keyword. `problem` is "" or the
    sentence that says why the slices make no volume.
    """

    description: str
    modality: str
    uid: str
    echo_time: float | None
    slices: tuple[Slice, ...] = field(hash=False)
    size: tuple[int, int, int]
    spacing: tuple[float, float, float]
    origin: tuple[float, float, float]
    direction: tuple[float, ...]
    tags: dict[str, str] = field(hash=False)
    problem: str = ""

    @property
    def files(self) -> tuple[Path, ...]:
        """The file of each slice."""
        return tuple(s.file for s in self.slices)

    @property
    def label(self) -> str:
        """What a user tells the series by: description, echo time, image type and size."""
        parts = [self.description or "without description"]
        if self.echo_time is not None:
            parts.append(f"TE {self.echo_time:.4g} ms")
        if self.tags.get("ImageType"):
            parts.append(self.tags["ImageType"].removeprefix("ORIGINAL\\PRIMARY\\"))
        return ", ".join(parts) + ", {}×{}×{}".format(*self.size)


def list_series(folder: str | Path, progress: Progress = no_progress) -> list[Series]:
    """The image series in `folder` and the folders below it, by series number, echo time and description.

    Localizers, images without a position in space (screenshots, reports, segmentations) and files that are not DICOM
    are passed over; copies of one slice count once. Raises `InputError` when the folder is missing or holds no
    series.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(
            f"Folder '{folder}' does not exist." if not folder.exists() else f"'{folder}' is not a folder."
        )
    files = sorted(Path(root, name) for root, _, names in os.walk(folder) for name in names)
    if not files:
        raise InputError(f"Folder '{folder}' is empty.", "Choose the folder that holds the DICOM files.")
    return _series_of(files, f"Folder '{folder}'", progress)


def series_of_file(path: str | Path) -> list[Series]:
    """The series inside one DICOM file (several slices only when it is multi-frame). Raises `InputError` when there
    is none."""
    return _series_of([Path(path)], f"'{path}'", no_progress)


def read_series(series: Series) -> sitk.Image:
    """The volume of a series: pixel values with rescale slope and intercept applied, geometry in LPS mm from the
    slices' positions.

    Raises `InputError` when slices are missing, unevenly spaced or cannot be read.
    """
    if series.problem:
        raise InputError(series.problem, "Copy or export the complete series again.")
    for file in series.files:
        check_name(file)
    try:
        image = real_world_values(series.slices)
    except (RuntimeError, EOFError) as error:
        raise InputError(
            f"The pixels of series '{series.label}' cannot be read.", "The files may be damaged or incompletely copied."
        ) from error
    if image.GetSize() != series.size:
        raise InputError(f"Series '{series.label}' holds {image.GetSize()} voxels, but its headers say {series.size}.")
    image.SetSpacing(series.spacing)
    image.SetOrigin(series.origin)
    image.SetDirection(series.direction)
    set_tags(image, series.tags)
    return image


def _series_of(files: list[Path], where: str, progress: Progress) -> list[Series]:
    slices, strangers, localizers = [], 0, []
    for number, file in enumerate(files):
        progress(number / len(files), f"Reading headers, {number + 1} of {len(files)}")
        found = slices_of_file(file)
        strangers += not found
        localizers += [s for s in found if LOCALIZER.search(s.text) is not None]
        slices += [s for s in found if LOCALIZER.search(s.text) is None]
    progress(1.0, f"Read {len(files)} headers")
    if not slices and localizers:
        whole = [s for s in _stacks(localizers) if s.size[2] >= _FEWEST_OF_A_VOLUME and not s.problem]
        if not whole:
            raise InputError(f"{where} holds localizers only.", "Choose the folder of the diagnostic series.")
        slices = [piece for s in whole for piece in s.slices]
    if not slices:
        raise InputError(
            f"{where} holds no DICOM image series ({strangers} other file{'s' * (strangers != 1)}).",
            "LiverPair reads MR slices with a position and an orientation.",
        )
    return sorted(
        _named_apart(_stacks(slices)),
        key=lambda s: (_as_number(s.tags.get("SeriesNumber")), s.uid, s.echo_time or 0.0, s.label, s.files),
    )


def _stacks(slices: list[Slice]) -> list[Series]:
    return [_stack(v) for group in _groups(_without_copies(slices)) for r in _repetitions(group) for v in _stations(r)]


def _as_number(text: str | None) -> float:
    try:
        return float(text)
    except (TypeError, ValueError):
        return float("inf")


def _without_copies(slices: Iterable[Slice]) -> list[Slice]:
    """One of each image. The position counts too: some anonymizers give one SOPInstanceUID to all slices."""
    return list(
        {(s.uid, s.instance_uid, s.frame, s.position, s.echo_time, s.image_type, s.number): s for s in slices}.values()
    )


def _split(slices: list[Slice], key: Callable[[Slice], Hashable]) -> list[list[Slice]]:
    groups = defaultdict(list)
    for s in slices:
        groups[key(s)].append(s)
    return list(groups.values())


def _split_near(
    slices: list[Slice], value: Callable[[Slice], tuple[float, ...]], tolerance: float
) -> list[list[Slice]]:
    """Groups of slices whose `value` agrees within `tolerance` with the first of the group."""
    groups: list[list[Slice]] = []
    for s in slices:
        home = next(
            (g for g in groups if np.allclose(value(g[0]), value(s), rtol=0, atol=tolerance, equal_nan=True)), None
        )
        groups.append([s]) if home is None else home.append(s)
    return groups


def _groups(slices: list[Slice]) -> list[list[Slice]]:
    """Slices that may belong to one volume."""
    groups = _split(slices, lambda s: (s.uid, s.rows, s.columns, s.image_type, s.frame_of_reference))
    for value, tolerance in (
        (lambda s: s.orientation, 1e-3),
        (lambda s: s.pixel_spacing, 1e-4),
        (lambda s: (np.nan if s.echo_time is None else s.echo_time,), 0.05),
    ):
        groups = [part for group in groups for part in _split_near(group, value, tolerance)]
    return groups


def _normal(s: Slice) -> np.ndarray:
    return np.cross(s.orientation[:3], s.orientation[3:])


def _heights(slices: list[Slice]) -> np.ndarray:
    """Ascending places along the normal in mm."""
    return np.sort(np.array([s.position for s in slices]) @ _normal(slices[0]))


def _by_place(slices: list[Slice]) -> list[list[Slice]]:
    """Slices grouped by their place along the normal, in ascending order."""
    heights = np.array([s.position for s in slices]) @ _normal(slices[0])
    order = np.argsort(heights, kind="stable")
    places: list[list[Slice]] = []
    for last, this in zip([None, *order[:-1]], order):
        if last is None or heights[this] - heights[last] > _SAME_PLACE_MM:
            places.append([])
        places[-1].append(slices[this])
    return places


def _repetitions(slices: list[Slice]) -> list[list[Slice]]:
    """Slices that lie at the same places, divided so that each part holds every place at most once."""
    places = _by_place(slices)
    deepest = max(map(len, places))
    if deepest == 1:
        return [slices]
    for tag in _REPETITION_TAGS:
        parts = _split(slices, lambda s, tag=tag: s.tags.get(tag))
        # A tag that changes within a volume, like the time of a 2-D slice or the number of a breath hold, tells none
        # apart.
        covering = all(len(_by_place(part)) > 0.75 * len(places) for part in parts)
        if len(parts) > 1 and covering and all(max(map(len, _by_place(part))) < deepest for part in parts):
            return [repetition for part in parts for repetition in _repetitions(part)]
    ranked = [sorted(place, key=lambda s: (s.number, s.file, s.frame or 0)) for place in places]
    return [[place[n] for place in ranked if n < len(place)] for n in range(deepest)]


def _stations(slices: list[Slice]) -> list[list[Slice]]:
    """Slices that make no even stack together but do so by acquisition: several blocks stored under one UID."""
    if not _stack(slices).problem:
        return [slices]
    usual = float(np.median(np.diff(_heights(slices))))
    for tag in ("AcquisitionNumber", "SeriesNumber", "Folder"):
        parts = _split(slices, lambda s, tag=tag: s.tags.get(tag))
        stacks = [_stack(part) for part in parts]
        # Two interleaved halves of one volume, one of them incomplete, would pass but for their spacing.
        if len(parts) > 1 and all(
            len(part) > 2 and not stack.problem and abs(stack.spacing[2] / usual - 1) <= _UNEVEN_FRACTION
            for part, stack in zip(parts, stacks)
        ):
            return parts
    return _without_strays(slices, usual)


def _without_strays(slices: list[Slice], usual: float) -> list[list[Slice]]:
    """An even stack and the few slices beside it, which lie between its places or far from it; else all as one."""
    slices = [place[0] for place in _by_place(slices)]
    heights = _heights(slices)
    best = np.array([], int)
    for start in heights:
        steps = (heights - start) / usual
        even = np.flatnonzero(np.abs(steps - np.rint(steps)) <= _UNEVEN_FRACTION)
        runs = np.split(even, np.flatnonzero(np.diff(steps[even]) > _FAR_STEPS) + 1)
        best = max(best, *runs, key=len)
    stack = [slices[n] for n in best]
    strays = [s for n, s in enumerate(slices) if n not in best]
    return [slices] if 5 * len(strays) > len(stack) or _stack(stack).problem else [stack, strays]


def _named_apart(found: list[Series]) -> list[Series]:
    """The series, with what differs between those of one label added to their description."""
    alike = defaultdict(list)
    for series in found:
        alike[series.label].append(series)
    named = []
    for group in alike.values():
        tag = next((t for t in _REPETITION_TAGS if len({s.tags.get(t) for s in group}) == len(group) > 1), None)
        words = "" if tag is None else re.sub(r"(?<=[a-z])(?=[A-Z])", " ", tag).lower()
        for number, s in enumerate(group, start=1):
            apart = f"{words} {s.tags.get(tag, '?')}" if tag else f"repetition {number}"
            named.append(replace(s, description=f"{s.description} ({apart})".strip()) if len(group) > 1 else s)
    return named


def _stack(slices: list[Slice]) -> Series:
    """A series from slices at different places."""
    slices = [place[0] for place in _by_place(slices)]
    first = slices[0]
    normal = _normal(first) / np.linalg.norm(_normal(first))
    row = np.array(first.orientation[:3]) / np.linalg.norm(first.orientation[:3])
    axes = np.stack([row, np.cross(normal, row), normal], axis=1)
    heights = np.array([s.position for s in slices]) @ axes[:, 2]
    gap = (heights[-1] - heights[0]) / (len(slices) - 1) if len(slices) > 1 else first.thickness
    shared = {key: text for key, text in first.tags.items() if all(s.tags.get(key) == text for s in slices)}
    series = Series(
        description=shared.get("SeriesDescription") or shared.get("ProtocolName", ""),
        modality=shared.get("Modality", ""),
        uid=first.uid,
        echo_time=first.echo_time,
        slices=tuple(slices),
        size=(first.columns, first.rows, len(slices)),
        spacing=(first.pixel_spacing[1], first.pixel_spacing[0], float(gap)),
        origin=first.position,
        direction=tuple(float(v) for v in axes.ravel()),
        tags=shared,
    )
    sideways = (np.array([s.position for s in slices]) - first.position) @ axes[:, :2]
    drift = float(np.linalg.norm(sideways, axis=1).max())
    return replace(series, problem=_problem(series, slices, heights, drift))


def _problem(series: Series, slices: list[Slice], heights: np.ndarray, drift: float) -> str:
    """Why slices at these heights along the normal (mm, ascending) make no volume, in one sentence, or ""."""
    gaps = np.diff(heights)
    if not len(gaps):
        return ""
    usual = float(np.median(gaps))
    names = [s.file.name if s.frame is None else f"frame {s.frame + 1}" for s in slices]
    jumps = gaps / usual
    holes = [n for n, jump in enumerate(jumps) if jump > 1.5 and abs(jump - round(jump)) < 0.1]
    tolerance = max(_UNEVEN_FRACTION, _POSITION_ROUNDING_MM / usual)
    uneven = [n for n, jump in enumerate(jumps) if abs(jump - 1) > tolerance and n not in holes]
    if uneven:
        n = max(uneven, key=lambda i: abs(jumps[i] - 1))
        return (
            f"Series '{series.label}' has unevenly spaced slices: {gaps[n]:.2f} mm between {names[n]} and "
            f"{names[n + 1]}, {usual:.2f} mm elsewhere."
        )
    if holes:
        missing = sum(round(jumps[n]) - 1 for n in holes)
        between = ", ".join(f"{round(jumps[n]) - 1} between {names[n]} and {names[n + 1]}" for n in holes[:3])
        between += " …" if len(holes) > 3 else ""
        return f"Series '{series.label}' lacks {missing} slice{'s' * (missing > 1)}: {between}."
    if drift > max(0.5, 0.01 * float(heights[-1] - heights[0])):
        return f"Series '{series.label}' is sheared: its slices shift sideways by up to {drift:.1f} mm."
    return ""
