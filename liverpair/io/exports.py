"""What an export from an archive holds: every series told apart and named, and the pair that a study is read for."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from liverpair.core.atomic import part_of_address
from liverpair.core.errors import InputError, Progress, no_progress
from liverpair.core.sides import Side
from liverpair.io.dicom_headers import has_preamble
from liverpair.io.dicom_series import Series, list_series
from liverpair.io.series_kinds import kind_of_text
from liverpair.io.weighting import guess_sequence

FEWEST_SLICES = 10
"""A volume of fewer is not taken for a liver's without being named."""

_SMALLEST_EXTENT_MM = 80.0

_TAKEN_UNASKED = ("", "in phase", "water", "out of phase")
"""Kinds among which a pair is picked, the best first."""


@dataclass(frozen=True)
class Listed:
    """A series of an export under the `number` that a user names it by.

    `weighting` is None where nothing tells; `kind` a phase or contrast in words, "" for a plain image; `used_as` what
    it is taken for when nothing is named.
    """

    number: int
    series: Series
    weighting: Side | None
    kind: str
    used_as: Side | None = None

    @property
    def examination(self) -> tuple[str, str]:
        """Patient and date, in which a pair belongs together."""
        return self.series.tags.get("PatientID", ""), self.series.tags.get("StudyDate", "")

    def row(self) -> dict[str, str | int]:
        """The series as a row of a table for people."""
        patient, date = self.examination
        series = self.series
        return {
            "number": self.number,
            "patient": patient or "–",
            "date": date or "–",
            "description": series.description or "–",
            "weighting": self.weighting.title if self.weighting else "–",
            "kind": self.kind or "–",
            "plane": plane_of(series),
            "size": "×".join(map(str, series.size)),
            "spacing_mm": " × ".join(f"{value:.3g}" for value in series.spacing),
            "used_as": self.used_as.title if self.used_as else "–",
            "problem": series.problem or "–",
        }


def list_export(folder: str | Path, progress: Progress = no_progress) -> list[Listed]:
    """Every image series in `folder` and below, numbered from 1, with the pair that would be read marked where that
    is clear. Raises `InputError` when there is none."""
    found = [
        Listed(number, series, guess_sequence(series.description, series.tags), kind_of(series))
        for number, series in enumerate(list_series(folder, progress), start=1)
    ]
    chosen: dict[int, Side] = {}
    for examination in sorted({listed.examination for listed in found}):
        for side in Side:
            best = _best(listed for listed in found if listed.examination == examination and listed.weighting == side)
            if len(best) == 1:
                chosen[best[0].number] = side
    return [
        Listed(listed.number, listed.series, listed.weighting, listed.kind, chosen.get(listed.number))
        for listed in found
    ]


def pair_of(found: Sequence[Listed], folder: str | Path) -> tuple[Listed | None, Listed | None]:
    """The T1 and the T2 of the series `found` in the folder of one examination; None for a weighting that it does not
    hold.

    Raises `InputError`, naming the candidates, where there are several examinations or it is not clear which series is
    meant.
    """
    examinations = sorted({listed.examination for listed in found if listed.weighting})
    if len(examinations) > 1:
        listed = "; ".join(f"patient {patient or '?'} on {date or '?'}" for patient, date in examinations)
        raise InputError(
            f"'{folder}' holds {len(examinations)} examinations: {listed}.",
            "Give the folder of one of them, or name two series by their numbers, as in 'FOLDER:2'.",
        )
    pair = []
    for side in Side:
        taken = [listed for listed in found if listed.used_as == side]
        candidates = _best(listed for listed in found if listed.weighting == side)
        if not taken and candidates:
            raise InputError(
                f"It is not clear which series is the {side.title}: {_named(candidates)}.",
                "Name two series by their numbers, as in 'FOLDER:2'; 'liverpair series FOLDER' lists all.",
            )
        pair.append(taken[0] if taken else None)
    if pair == [None, None]:
        raise InputError(
            f"No series in '{folder}' looks T1- or T2-weighted: {_named(found)}.",
            "Name two series by their numbers, as in 'FOLDER:2'.",
        )
    return pair[0], pair[1]


def series_at(folder: str | Path, number: int) -> Series:
    """The series of this number in `folder`, as `list_export` counts. Raises `InputError` when there is none."""
    found = list_series(folder)
    if not 1 <= number <= len(found):
        raise InputError(
            f"'{folder}' has no series {number}; it holds {len(found)}.", "'liverpair series FOLDER' lists them."
        )
    return found[number - 1]


def source_files(address: str | Path) -> tuple[Path, ...]:
    """The DICOM files that `study.read_image` reads a volume from; none where it is no DICOM."""
    path, number = part_of_address(address)
    if path.is_dir():
        series = series_at(path, number) if number else max(list_series(path), key=lambda s: s.size[2])
        return series.files
    return (path,) if path.is_file() and has_preamble(path) else ()


def kind_of(series: Series) -> str:
    """What kind of image a series is beside its weighting, by its own words; "" for a plain one."""
    text = " ".join(series.tags.get(key, "") for key in ("SeriesDescription", "ProtocolName", "ImageType"))
    return kind_of_text(text, series.tags.get("DiffusionBValue"))


def plane_of(series: Series) -> str:
    """ "axial", "coronal" or "sagittal": the plane that the slices are nearest to."""
    normal = np.abs(np.reshape(series.direction, (3, 3))[:, 2])
    return ("sagittal", "coronal", "axial")[int(normal.argmax())]


def _best(candidates: Iterable[Listed]) -> list[Listed]:
    """Those of one weighting that a liver is most likely to be read in: whole, axial, plain; several where that does
    not tell them apart."""
    usable = [
        listed
        for listed in candidates
        if not listed.series.problem
        and listed.series.size[2] >= FEWEST_SLICES
        and listed.series.size[2] * listed.series.spacing[2] >= _SMALLEST_EXTENT_MM
        and listed.kind in _TAKEN_UNASKED
    ]

    def rank(listed: Listed) -> tuple[bool, int]:
        return plane_of(listed.series) != "axial", _TAKEN_UNASKED.index(listed.kind)

    first = min(map(rank, usable), default=None)
    return [listed for listed in usable if rank(listed) == first]


def _named(found: Iterable[Listed]) -> str:
    return "; ".join(f"{listed.number} {listed.series.label}" for listed in list(found)[:8])
