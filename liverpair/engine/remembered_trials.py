"""Which engine was found best, remembered per bundle and machine."""

import json
import logging
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from liverpair.core.atomic import written_whole
from liverpair.core.device import native_bf16, processor_name
from liverpair.core.errors import LiverPairError
from liverpair.core.paths import user_cache_folder

SCHEMA_VERSION = 1
FILE_NAME = "engines.json"

logger = logging.getLogger(__name__)


def verdict_key(cache_key: str, device: torch.device, shape: Sequence[int]) -> str:
    """What a verdict holds for: the bundle (`cache_key`, its checksum), this machine with its packages, and the class
    of shapes of `shape`.

    A class is a number of batch entries and channels and a power of two of voxels.
    """
    if device.type == "cuda":
        processor = torch.cuda.get_device_name(device)
    else:
        processor = f"{processor_name()}{' bf16' if native_bf16() else ''}, {torch.get_num_threads()} threads"
    voxels = torch.Size(shape[2:]).numel()
    shapes = f"{shape[0]}x{shape[1]} {len(shape) - 2}-D up to 2^{(voxels - 1).bit_length()}"
    packages = f"torch {torch.__version__}, openvino {_openvino_version()}"
    return " | ".join([cache_key, device.type, processor, packages, shapes])


def _openvino_version() -> str:
    try:
        return version("openvino")
    except PackageNotFoundError:
        return "absent"


class Verdicts:
    """A JSON file in the user's cache folder. Absent, damaged or not writable, it costs a new check."""

    def __init__(self, folder: Path | None = None):
        self.path = (user_cache_folder() if folder is None else folder) / FILE_NAME

    def get(self, key: str) -> dict[str, Any] | None:
        """The verdict for `key`, with at least "engine"; None if there is none."""
        verdict = self._read().get(key)
        return verdict if isinstance(verdict, dict) and isinstance(verdict.get("engine"), str) else None

    def nearest(self, key: str) -> dict[str, Any] | None:
        """The verdict for `key`, or else the newest that differs from it in the class of shapes alone."""
        same_but_shapes = key.rpartition(" | ")[0]
        others = [own for own in self._read() if own.rpartition(" | ")[0] == same_but_shapes]
        alike = [verdict for verdict in map(self.get, others) if verdict]
        return self.get(key) or max(alike, key=lambda verdict: str(verdict.get("date")), default=None)

    def put(self, key: str, verdict: dict[str, Any]) -> None:
        """Remember a verdict."""
        self._write({**self._read(), key: verdict})

    def forget(self, key: str) -> None:
        """Forget a verdict, so that the next time is checked again."""
        self._write({k: v for k, v in self._read().items() if k != key})

    def _read(self) -> dict[str, Any]:
        with suppress(OSError, ValueError, RecursionError, AttributeError):
            content = json.loads(self.path.read_text(encoding="utf-8"))
            if content.get("schema_version") == SCHEMA_VERSION and isinstance(content.get("verdicts"), dict):
                return content["verdicts"]
        return {}

    def _write(self, verdicts: dict[str, Any]) -> None:
        content = {"schema_version": SCHEMA_VERSION, "verdicts": verdicts}
        try:
            with written_whole(self.path) as draft:
                draft.write_text(json.dumps(content, indent=1), encoding="utf-8")
        except LiverPairError as error:
            logger.warning("The choice of the engine cannot be remembered: %s", error)
