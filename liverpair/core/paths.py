"""Where a user's models and caches live, on each platform, and commands without the folders of one machine."""

import os
import shlex
import sys
from pathlib import Path

APPLICATION = "LiverPair"


def user_data_folder() -> Path:
    """The folder of what the user wants to keep, such as imported models. It may not exist yet."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / APPLICATION
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / APPLICATION
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / APPLICATION


def user_cache_folder() -> Path:
    """The folder of what can be computed again. `LIVERPAIR_CACHE` overrides it. It may not exist yet."""
    if override := os.environ.get("LIVERPAIR_CACHE"):
        return Path(override)
    if sys.platform == "win32":
        return user_data_folder() / "Cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / APPLICATION
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / APPLICATION


def shipped_bundles_folder() -> Path:
    """The models that come with LiverPair."""
    return Path(__file__).parents[1] / "bundles"


def published_bundles_folder() -> Path:
    """The models of the published experiments; it exists where the package `reproduction` lies beside the library."""
    return Path(__file__).parents[2] / "reproduction" / "bundles"


def user_bundles_folder() -> Path:
    """The models the user imported. `LIVERPAIR_BUNDLES` overrides it. It may not exist yet."""
    return Path(os.environ.get("LIVERPAIR_BUNDLES") or user_data_folder() / "bundles")


def portable_command(command: str) -> str:
    """A command as results and model cards record it: of a path outside the working folder, its last part alone."""
    return shlex.join(_portable(word) for word in shlex.split(command))


def _portable(word: str) -> str:
    option, equals, value = word.rpartition("=")
    outside = Path(value).is_absolute() or value.startswith(("..", "~"))
    return f"{option}{equals}{Path(value).name}" if outside else word
