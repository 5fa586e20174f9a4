"""The studies of a batch: where each lies, and the name of its results.

A batch is read from study folders, from the export of an archive (patients, studies and series in folders of any depth,
or all in one folder with a DICOMDIR), or from zip files of these.
"""

import os
import re
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from liverpair.core.errors import InputError

DICOMDIR = "DICOMDIR"
ZIP = ".zip"
_PROBED = (0.0, 0.5, 1.0)
"""Which files of a folder are looked into, of the first to the last, to see whether it holds one examination."""


@dataclass(frozen=True)
class ListedStudy:
    """One study: `name` is that of its row and of the folder of its results; `folder` holds it, or is a zip file that
    does.

    `parts` are the addresses of its volumes where it is one of several examinations in its folder; `problem` says why
    they could not be told.
    """

    name: str
    folder: Path
    parts: Mapping[str, str] | None = None
    problem: str = ""

    @contextmanager
    def sources(self) -> Iterator[dict[str, str]]:
        """The addresses of the parts that there are, readable until the block ends.

        Raises `InputError` when there is no study.
        """
        from liverpair.io.study import sources_of

        if self.problem:
            raise InputError(self.problem)
        if self.parts is not None:
            yield dict(self.parts)
        elif self.folder.suffix.lower() == ZIP:
            with unpacked(self.folder) as folder:
                yield {part: str(path) for part, path in sources_of(_inmost(folder)).items()}
        else:
            yield {part: str(path) for part, path in sources_of(self.folder).items()}


def study_folders(studies: Path, output: Path | None = None) -> list[Path]:
    """The subfolders of `studies`, without hidden ones and `output`. Raises `InputError` when there is none."""
    if not studies.is_dir():
        raise InputError(f"'{studies}' is not a folder.")
    inside = sorted(path for path in studies.iterdir() if path.is_dir() and not path.name.startswith("."))
    folders = [path for path in inside if output is None or path.resolve() != output.resolve()]
    if not folders:
        raise InputError(f"'{studies}' holds no study.", "Each study is a subfolder with t1.nii.gz and t2.nii.gz.")
    return folders


@contextmanager
def listed_studies(studies: Path, output: Path) -> Iterator[list[ListedStudy]]:
    """`list_studies` of a folder, a DICOMDIR, or a zip file, which is unpacked into `output` until the block ends."""
    if studies.suffix.lower() != ZIP or not studies.is_file():
        yield list_studies(studies, output)
        return
    existed = output.exists()
    try:
        with unpacked(studies, output) as folder:
            inmost = _inmost(folder)
            yield list_studies(inmost, name=studies.stem if inmost == folder else inmost.name)
    finally:
        if not existed:
            with suppress(OSError):
                output.rmdir()  # when nothing has come into it


def list_studies(studies: Path, output: Path | None = None, name: str = "") -> list[ListedStudy]:
    """Every study in the folder `studies` (or beside the DICOMDIR of that name), by name; `output` is none of them.

    `name` is that of the folder where it is itself a study. Raises `InputError` when there is none.
    """
    if studies.name == DICOMDIR and studies.is_file():
        studies = studies.parent
    if not studies.is_dir():
        raise InputError(f"'{studies}' is not a folder.")
    if _is_study(studies) or _holds_dicom(studies):
        found = _examinations(studies, name or studies.resolve().name)
    else:
        found = [
            study
            for place in _visible(studies)
            if output is None or place.resolve() != output.resolve()
            for study in _below(place, place.stem if place.suffix.lower() == ZIP else place.name)
        ]
    if not found:
        raise InputError(f"'{studies}' holds no study.", "Each study is a subfolder with t1.nii.gz and t2.nii.gz.")
    return _named_apart(found)


@contextmanager
def unpacked(archive: Path, beside: Path | None = None) -> Iterator[Path]:
    """A folder with the content of a zip file until the block ends: a temporary one, in the folder `beside` if given.

    Raises `InputError` for a file that is no zip file or cannot be unpacked.
    """
    if beside is not None:
        beside.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".unpacked-", dir=beside) as folder:
        try:
            with zipfile.ZipFile(archive) as content:
                content.extractall(folder)
        except (zipfile.BadZipFile, EOFError, OSError) as error:
            raise InputError(f"'{archive}' cannot be unpacked.", "It may be incompletely copied.") from error
        except RuntimeError as error:  # what zipfile says of passwords
            raise InputError(f"'{archive}' is protected by a password.", "Unpack it yourself first.") from error
        yield Path(folder)


def _visible(folder: Path) -> list[Path]:
    """Subfolders and zip files that are not hidden, by name."""
    inside = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    return [path for path in inside if path.is_dir() or path.suffix.lower() == ZIP]


def _below(place: Path, name: str) -> list[ListedStudy]:
    """The studies in a folder of a tree, or in a zip file; the folder itself where it cannot be divided."""
    if place.suffix.lower() == ZIP or _is_study(place):
        return [ListedStudy(name, place)]
    if _holds_dicom(place):
        return _examinations(place, name)
    inside = _visible(place)
    if not inside or (len(_probed(place)) == 1 and not any(map(_is_study, inside))):
        return [ListedStudy(name, place)]
    return [study for one in inside for study in _below(one, f"{name}_{one.stem if one.is_file() else one.name}")]


def _is_study(folder: Path) -> bool:
    from liverpair.io.study import Study

    return any(side in Study.open(folder).sources for side in ("t1", "t2"))


def _holds_dicom(folder: Path) -> bool:
    """Whether DICOM files, or the directory of some, lie in `folder` itself."""
    from liverpair.io.dicom_headers import has_preamble

    files = _files(folder)
    return any(file.name == DICOMDIR for file in files) or any(has_preamble(file) for file in files[:3])


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))


def _probed(folder: Path) -> set[tuple[str, str]]:
    """Patient and date of some DICOM files in `folder` and below; no more are looked for once two are found."""
    from liverpair.io.dicom_headers import slices_of_file

    found: set[tuple[str, str]] = set()
    for root, folders, names in os.walk(folder):
        folders.sort()
        names = sorted(name for name in names if name != DICOMDIR)
        for part in _PROBED if names else ():
            for piece in slices_of_file(Path(root, names[round(part * (len(names) - 1))]))[:1]:
                found.add((piece.tags.get("PatientID", ""), piece.tags.get("StudyDate", "")))
        if len(found) > 1:
            break
    return found


def _examinations(folder: Path, name: str) -> list[ListedStudy]:
    """`folder` as one study, or as one for each examination whose files lie in it."""
    from liverpair.io.exports import list_export, pair_of

    if _is_study(folder) or len(_probed(folder)) == 1:
        return [ListedStudy(name, folder)]
    try:
        series = list_export(folder)
    except InputError as error:
        return [ListedStudy(name, folder, problem=str(error))]
    found = []
    for patient, date in sorted({listed.examination for listed in series}):
        own = [listed for listed in series if listed.examination == (patient, date)]
        called = "_".join(filter(None, (name, *(re.sub(r"[^\w.-]+", "-", text) for text in (patient, date)))))
        try:
            pair = zip(("t1", "t2"), pair_of(own, folder))
        except InputError as error:
            found.append(ListedStudy(called, folder, problem=str(error)))
            continue
        parts = {side: f"{folder}:{listed.number}" for side, listed in pair if listed is not None}
        found.append(ListedStudy(called, folder, parts))
    return found


def _inmost(folder: Path) -> Path:
    """The folder that holds more than one other folder, as zip files often pack one around it."""
    while len(inside := [path for path in folder.iterdir() if path.name != "__MACOSX"]) == 1 and inside[0].is_dir():
        folder = inside[0]
    return folder


def _named_apart(found: list[ListedStudy]) -> list[ListedStudy]:
    taken: dict[str, int] = {}
    named = []
    for study in found:
        taken[study.name] = number = taken.get(study.name, 0) + 1
        named.append(study if number == 1 else replace(study, name=f"{study.name}-{number}"))
    return named
