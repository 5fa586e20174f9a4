"""The models at hand: those that ship with LiverPair and those the user imported."""

import shutil
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from liverpair.bundle.bundle import Bundle, move_into_place
from liverpair.bundle.foreign_import import write_foreign
from liverpair.bundle.importing import copy_bundle
from liverpair.bundle.manifest import MANIFEST_FILE, NAMES, is_name
from liverpair.bundle.totalsegmentator import installed_models
from liverpair.core.errors import BundleError, MissingPackageError
from liverpair.core.paths import published_bundles_folder, shipped_bundles_folder, user_bundles_folder

DEFAULT_LIVER_MODEL = "liver-t1t2"
DEFAULT_DETECTOR = "lesion-pairs-t1t2"
DEFAULT_DREAMER = "lesion-slices-t1"
"""The models that are used, or offered first, where nobody has chosen."""


class Catalogue:
    """Bundles in a list of folders. The last folder is the user's: models are imported into it and deleted from it; the
    others are read only.

    Without `roots`: the models shipped with LiverPair, those of the published experiments where they are, then the
    user's (`LIVERPAIR_BUNDLES`, or a folder of the platform); at last those that TotalSegmentator keeps on this
    machine, where they are. Of two models with one name the first counts. Folders that do not exist are empty.
    """

    def __init__(self, roots: Sequence[Path | str] | None = None):
        given = (
            (shipped_bundles_folder(), published_bundles_folder(), user_bundles_folder()) if roots is None else roots
        )
        self.roots = [Path(root) for root in given]
        self._finds_others = roots is None

    @property
    def user_root(self) -> Path:
        """Where imported models go."""
        return self.roots[-1]

    def list(self) -> list[Bundle]:
        """Every usable model, shipped ones first, by name. A damaged one is left out; `problems` says why."""
        return list(self._read()[0].values())

    def problems(self) -> dict[Path, str]:
        """The folders that look like models and cannot be used, with the reason of each."""
        return self._read()[1]

    def find(self, name_or_path: str | Path) -> Bundle:
        """The model of this name, or the bundle in this folder. Raises `BundleError`, naming those there are."""
        for root in self.roots:
            if _is_plain_name(name_or_path) and (root / name_or_path / MANIFEST_FILE).is_file():
                return Bundle.load(root / name_or_path)
        if (Path(name_or_path) / MANIFEST_FILE).is_file():
            return Bundle.load(name_or_path)
        bundles = self._read()[0]
        for bundle in bundles.values():
            if str(name_or_path) in (bundle.name, str(bundle.folder)):
                return bundle
        there = f"There are: {', '.join(bundles)}." if bundles else "There is no model yet."
        raise BundleError(f"There is no model '{name_or_path}'.", f"{there} Import a folder or zip to add one.")

    def is_shipped(self, bundle: Bundle) -> bool:
        """Whether this model is in a read-only folder, so that it cannot be deleted."""
        others = self.is_installed(bundle)
        return others or bundle.folder.resolve().parent in [root.resolve() for root in self.roots[:-1]]

    def is_installed(self, bundle: Bundle) -> bool:
        """Whether this model is one that TotalSegmentator keeps on this machine, used where it is."""
        return not (bundle.folder / MANIFEST_FILE).is_file()

    def is_published(self, bundle: Bundle) -> bool:
        """Whether this model is one of the published experiments': it teaches how networks see, and finds nothing in a
        patient's images."""
        return bundle.folder.resolve().parent == published_bundles_folder().resolve()

    def import_from(self, source: Path | str) -> Bundle:
        """Copy a bundle from a folder or a zip file into the user's models.

        The bundle may be at the top or in one folder of it. Only the manifest, the weights and the pages and pictures
        beside them are copied. Raises `BundleError` with the reason if the source is not a bundle, is hostile or too
        large, or its name is taken; where torch is installed, also if its network cannot be built and run with its
        weights. Nothing partial stays.
        """
        self.user_root.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".import-", dir=self.user_root))
        try:
            copy_bundle(Path(source), draft)
            bundle = Bundle.load(draft, known_as=Path(source).resolve().name)
            with suppress(MissingPackageError):
                bundle.network("cpu")
            self._refuse_taken(bundle.name)
            draft.chmod(0o755)
            move_into_place(draft, self.user_root / bundle.name)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        return Bundle.load(self.user_root / bundle.name)

    def import_foreign(
        self,
        source: Path | str,
        name: str,
        liver: str | None = None,
        lesions: str | None = None,
        input_: str = "either",
        copy: bool = True,
        trial: bool = True,
    ) -> Sequence[Bundle]:
        """Take a model that others trained (see `bundle.foreign`) into the user's models: its files are copied, or
        referred to where they are.

        `liver`, `lesions`: which label of it is which; of one that has both there will be two models, the second called
        `name`-lesions. Raises `BundleError` with the reason if the folder is no such model, is hostile or damaged, or
        the name is taken or none; on `trial`, where torch and its tool are installed, also if the weights do not fit.
        Nothing partial stays.
        """
        if not is_name(name):
            raise BundleError(f"'{name}' cannot be the name of a model.", NAMES)
        source = Path(source).absolute()
        if not source.is_dir():
            raise BundleError(f"'{source}' is not a folder.", "Choose the folder of the model.")
        parts = [(name, liver, False)] if liver else []
        parts += [(f"{name}-lesions" if liver else name, lesions, True)] if lesions else []
        if not parts:
            raise BundleError("It is not said what the model finds.", "Name the label of the liver or of the lesions.")
        for own, _, _ in parts:
            self._refuse_taken(own)
        self.user_root.mkdir(parents=True, exist_ok=True)
        drafts = [Path(tempfile.mkdtemp(prefix=".import-", dir=self.user_root)) for _ in parts]
        try:
            for draft, (own, label, are_lesions) in zip(drafts, parts):
                write_foreign(source, draft, own, label, are_lesions, input_, copy, trial)
            for draft, (own, _, _) in zip(drafts, parts):
                draft.chmod(0o755)
                move_into_place(draft, self.user_root / own)
        finally:
            for draft in drafts:
                shutil.rmtree(draft, ignore_errors=True)
        return [Bundle.load(self.user_root / own) for own, _, _ in parts]

    def delete(self, name: str) -> None:
        """Remove one of the user's models, damaged or not.

        Raises `BundleError` if there is none of that name, or it comes with LiverPair.
        """
        folder = self.user_root / name
        if _is_plain_name(name) and (folder / MANIFEST_FILE).is_file() and not folder.is_symlink():
            doomed = Path(tempfile.mkdtemp(prefix=".delete-", dir=self.user_root))
            folder.rename(doomed / name)
            shutil.rmtree(doomed, ignore_errors=True)
            return
        if self.is_shipped(self.find(name)):
            raise BundleError(f"Model '{name}' comes with LiverPair and cannot be deleted.", "Imported models can.")
        raise BundleError(f"Model '{name}' is not one of the imported models.", "Delete its folder by hand.")

    def _refuse_taken(self, name: str) -> None:
        for root in self.roots:
            if (root / name).exists():
                theirs = root == self.user_root
                hint = "Delete it first." if theirs else "Give the new one another name in its manifest."
                raise BundleError(f"There is already a model '{name}'.", hint)

    def _read(self) -> tuple[dict[str, Bundle], dict[Path, str]]:
        bundles: dict[str, Bundle] = {}
        problems: dict[Path, str] = {}
        for root in self.roots:
            for folder in _candidates(root):
                try:
                    bundle = Bundle.load(folder)
                except BundleError as error:
                    problems[folder] = str(error)
                    continue
                if bundle.name in bundles:
                    problems[folder] = f"There is another model '{bundle.name}' in '{bundles[bundle.name].folder}'."
                else:
                    bundles[bundle.name] = bundle
        for folder, found in installed_models() if self._finds_others else ():
            if isinstance(found, str):
                problems[folder] = found
            else:
                bundles.setdefault(found.name, found)
        return bundles, problems


def _candidates(root: Path) -> list[Path]:
    try:
        folders = sorted(root.iterdir())
    except OSError:
        return []
    return [folder for folder in folders if not folder.name.startswith(".") and (folder / MANIFEST_FILE).is_file()]


def _is_plain_name(name: str | Path) -> bool:
    return str(name) not in ("", ".", "..") and Path(name).name == str(name)
