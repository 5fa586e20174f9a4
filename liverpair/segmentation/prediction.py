"""One bundle's probabilities for one input: the whole volume in one pass where memory allows, overlapping windows
otherwise.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch

from liverpair.bundle import Bundle
from liverpair.core.errors import MissingPackageError, Progress, no_progress, part_of
from liverpair.core.memory import available_memory, fitting_window, forward_memory, with_memory_fallback
from liverpair.engine import Engine, make_engine
from liverpair.engine.base import precision_of
from liverpair.segmentation.preparation import GridPolicy, Normalization

OVERLAP = 0.5
MINIMUM_WINDOW = (16, 64, 64)
AXES = {"z": 2, "y": 3, "x": 4}

Window = tuple[int, int, int]


def grid_policy(bundle: Bundle) -> GridPolicy:
    """The working grid that the bundle's manifest asks for."""
    grid = bundle.grid
    kept = {"keep_slices_from_mm": grid.keep_slices_from_mm, "keep_slices_to_mm": grid.keep_slices_to_mm}
    known = {name: extent for name, extent in kept.items() if extent is not None}
    return GridPolicy(grid.spacing_mm, crop_to_body=grid.crop == "body", **known)


def normalization(bundle: Bundle) -> Normalization:
    """The intensity normalization of the bundle's manifest."""
    return Normalization(bundle.normalization.lower_percentile, bundle.normalization.upper_percentile)


@dataclass
class Predictor:
    """A loaded bundle on a device. `engine_choice` is what the user asked for; engines are made when first needed."""

    bundle: Bundle
    device: torch.device
    engine_choice: str = "auto"
    _engines: dict[str, Engine] = field(default_factory=dict)

    def probabilities(
        self,
        channels: np.ndarray,
        mirror: bool = False,
        window: Window | None = None,
        progress: Progress = no_progress,
    ) -> tuple[np.ndarray, Engine, list[str]]:
        """Sigmoid probabilities (outputs, z, y, x) of `channels` (inputs, z, y, x), the engine that made them, and
        what the user should know.

        `mirror` averages with the predictions of mirrored images along the axes that the bundle was trained with.
        `window` (z, y, x) forces windows
        of that size. Raises `OutOfMemoryError` when not even the smallest window fits on the CPU, and `BundleError`
        for a network that cannot be built or run.
        """
        shape = channels.shape[1:]
        multiple = self.bundle.grid.multiple_of
        whole = tuple(-(-n // m) * m for n, m in zip(shape, multiple))
        padded = np.pad(channels, [(0, 0), *((0, w - n) for w, n in zip(whole, shape))])
        images = torch.from_numpy(np.ascontiguousarray(padded, dtype=np.float32))[None]
        start = window or self._window(images.shape)
        flips = self._flips() if mirror else [()]

        def run(current: Sequence[int], device: torch.device) -> tuple[torch.Tensor, Engine]:
            engine = self._engine(device)
            total = sum(
                torch.flip(self._forward(engine, torch.flip(images, flip), tuple(current), part), flip)
                for flip, part in zip(flips, _parts(progress, len(flips)))
            )
            return total / len(flips), engine

        fitted = with_memory_fallback(run, start, self.device, multiple, MINIMUM_WINDOW)
        probability, engine = fitted.result
        cut = tuple(slice(0, n) for n in shape)
        return probability[0][(slice(None), *cut)].numpy(), engine, [*fitted.notes, *engine.notes]

    @cached_property
    def _empty_network(self) -> torch.nn.Module:
        return self.bundle.empty_network()

    def _window(self, shape: torch.Size) -> Window:
        """The largest window that the estimate says fits."""

        def needed(window: Window) -> int:
            return forward_memory(self._empty_network, (*shape[:2], *window), "fp32")

        return fitting_window(
            needed, tuple(shape[2:]), available_memory(self.device), self.bundle.grid.multiple_of, MINIMUM_WINDOW
        )

    def _engine(self, device: torch.device) -> Engine:
        key = str(device)
        if key not in self._engines:
            self._engines[key] = make_engine(self.bundle.network(device), self.engine_choice, device)
        return self._engines[key]

    def _flips(self) -> list[tuple[int, ...]]:
        return [(), *((AXES[axis],) for axis in self.bundle.manifest.get("mirror_axes", []))]

    def _forward(self, engine: Engine, images: torch.Tensor, window: Window, progress: Progress) -> torch.Tensor:
        if window == tuple(images.shape[2:]):
            progress(0.0, "Segmenting the whole volume")
            return engine(images).sigmoid().cpu()
        return _in_windows(lambda patch: engine(patch).sigmoid().cpu(), images, window, progress)


def _in_windows(
    run: Callable[[torch.Tensor], torch.Tensor], images: torch.Tensor, window: Window, progress: Progress
) -> torch.Tensor:
    """`run` on overlapping windows, blended with Gaussian weights. MONAI is imported here: it is slow to start and
    seldom needed.
    """
    try:
        from monai.data.utils import dense_patch_slices
        from monai.inferers import sliding_window_inference
        from monai.utils import BlendMode
    except ImportError as error:
        raise MissingPackageError(
            "The volume does not fit into memory as a whole, and overlapping windows need the package 'monai'.",
            "Install it with pip, or free some memory.",
        ) from error

    steps = [max(1, round(w * (1 - OVERLAP))) for w in window]
    count = len(dense_patch_slices(images.shape[2:], window, steps))
    done = 0

    def one_window(patch: torch.Tensor) -> torch.Tensor:
        nonlocal done
        progress(min(1.0, done / count), f"Segmenting window {done + 1} of {count}")
        done += 1
        return run(patch)

    return sliding_window_inference(
        images, window, 1, one_window, overlap=OVERLAP, mode=BlendMode.GAUSSIAN, device=torch.device("cpu")
    )


def _parts(progress: Progress, count: int) -> list[Progress]:
    """`progress` cut into `count` equal parts, one after the other."""
    return [part_of(progress, i / count, (i + 1) / count) for i in range(count)]


def engine_summary(engine: Engine) -> dict[str, str]:
    """What ran: engine, device and precision, for the provenance of a result."""
    return {"engine": engine.name, "device": str(engine.device), "precision": precision_of(engine.name)}


_warm: dict[tuple[str, str, str], Predictor] = {}
MAXIMUM_WARM = 4


def warm_predictor(bundle: Bundle, device: torch.device, engine_choice: str) -> Predictor:
    """The predictor of this bundle, kept from the last call where possible, so that a second run loads nothing."""
    key = (bundle.sha256, str(device), engine_choice)
    predictor = _warm.pop(key, None)
    if predictor is None or predictor.bundle.manifest != bundle.manifest:
        predictor = Predictor(bundle, device, engine_choice)
    _warm[key] = predictor
    while len(_warm) > MAXIMUM_WARM:
        _warm.pop(next(iter(_warm)))
    return predictor
