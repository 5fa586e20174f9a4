"""The studies of a batch: where each lies, and the name of its results."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from liverpair.core.errors import InputError


@dataclass(frozen=True)
class ListedStudy:
    """One study: `name` is that of its row and of the folder of its results; `folder` holds it.

    `parts` are the addresses of "t1", "t2" and their masks, where they are known already: of a folder that holds
    several examinations.
    """

    name: str
    folder: Path
    parts: Mapping[str, str] | None = None

    def sources(self) -> dict[str, str]:
        """The addresses of the parts that there are. Raises `InputError` when it holds no study."""
        from liverpair.io.study import sources_of

        if self.parts is not None:
            return dict(self.parts)
        return {part: str(path) for part, path in sources_of(self.folder).items()}


def study_folders(studies: Path, output: Path | None = None) -> list[Path]:
    """The subfolders of `studies`, without hidden ones and `output`. Raises `InputError` when there is none."""
    if not studies.is_dir():
        raise InputError(f"'{studies}' is not a folder.")
    inside = sorted(path for path in studies.iterdir() if path.is_dir() and not path.name.startswith("."))
    folders = [path for path in inside if output is None or path.resolve() != output.resolve()]
    if not folders:
        raise InputError(f"'{studies}' holds no study.", "Each study is a subfolder with t1.nii.gz and t2.nii.gz.")
    return folders


def list_studies(studies: Path, output: Path | None = None) -> list[ListedStudy]:
    """Every study in `studies`; `output` is none of them. Raises `InputError` when there is none."""
    return [ListedStudy(folder.name, folder) for folder in study_folders(studies, output)]
