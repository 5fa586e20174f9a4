"""The job "dream": from files of volumes and a neuron to the trajectories of the features it asks for."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from copy import deepcopy
from dataclasses import asdict, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np

import liverpair
from liverpair.bundle import Bundle
from liverpair.bundle.manifest import LAYERS
from liverpair.core.errors import Cancelled, LiverPairError, Progress, part_of
from liverpair.core.sides import Side
from liverpair.core.trajectories import Trajectories
from liverpair.dreaming.ascent import dream as iterations_of
from liverpair.dreaming.dream_settings import LARGEST_SEED
from liverpair.dreaming.dreamer import Dreamer
from liverpair.dreaming.interpretation import readings
from liverpair.dreaming.sanity import check_gradient
from liverpair.io.study import write_image
from liverpair.jobs.detect_results import liver_file
from liverpair.jobs.dream_record import DreamRecord, unfinished_dream
from liverpair.jobs.dream_request import DreamRequest, checked_features, dimensions_of, ranges_of
from liverpair.jobs.dream_results import DREAM_FILE, ORIGINAL_FILE, TRAJECTORIES_FILE, check_free, located, plain
from liverpair.jobs.dream_starts import Inputs, Scenery, Start, prepare_scenery
from liverpair.jobs.requests import find_bundles
from liverpair.jobs.result_folder import writable_folder
from liverpair.measures.radiomics import FeatureSettings, features_of

READ, PREPARED = 0.02, 0.1
"""Fractions of the job that are done when the inputs are read, and when the starts are known."""
FILES = (DREAM_FILE, TRAJECTORIES_FILE, ORIGINAL_FILE)


def dream(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Dream from every start of `request` (see `DreamRequest`) into its output folder (see `dream_results`).

    Each iteration leaves at once through `progress.sample`, where there is one: {"run", "start": its number from 0,
    "iteration", "activation", "probability", "voxels", "features": {name: value, None where undefined}, "frame":
    {"image", "mask"} of paths, or None}, and at iteration 0 the "neuron".

    Cancelled, the folder keeps what there is; `resume` goes on from there, exactly, and sends what is new. Should the
    process have been killed, iterations after the last save are sent once more. Only another dream in the folder is
    replaced, and only once all that can be wrong beforehand is known to be right.

    Returns {"folder", "trajectories", "summary", "original": paths, "livers": {"t1", "t2"} of paths or None, "runs":
    [{"run", "start", "neuron", "stopped": why, "iterations", "frames": [{"iteration", "image", "mask"}]}], "starts":
    [neurons], "settings", "features", "feature_settings", "ranges": {…} or None, "readings": […], "provenance": {…},
    "notes": [sentences], …}. Raises any `LiverPairError`, and `Cancelled` through `progress`.
    """
    wanted = DreamRequest.parse(request)
    bundle = find_bundles([wanted.model])[0]
    with writable_folder(wanted.folder(), FILES):
        return _Dream(wanted, bundle, progress).result()


class _Dream:
    """One run of the job."""

    def __init__(self, wanted: DreamRequest, bundle: Bundle, progress: Progress):
        self.wanted = wanted
        self.bundle = bundle
        self.progress = progress
        self.send = getattr(progress, "sample", lambda sample: None)
        self.dimensions = dimensions_of(bundle)
        self.features = checked_features(wanted.features, self.dimensions)
        self.ranges = ranges_of(wanted, bundle)
        self._check_measurable()

    def _check_measurable(self) -> None:
        """Raise `MissingPackageError` without pyradiomics, before anything is done."""

        nothing = np.zeros((1,) * self.dimensions)
        features_of(nothing, nothing, nothing.shape, self.features)

    def result(self) -> dict[str, Any]:
        folder = self.wanted.folder()
        self.progress(0.0, "Loading the model")
        inputs = Inputs.read(self.wanted, part_of(self.progress, 0.0, READ))
        check_free(folder, [path for path in (*self.wanted.parts.values(), self.wanted.normal_ranges) if path])
        asked = self.wanted.asked(self.bundle)
        earlier = unfinished_dream(folder, asked) if self.wanted.resume else None
        if earlier and earlier["complete"]:
            return self._read_again(folder, earlier)
        dreamer = Dreamer(self.bundle, self.wanted.device, self.wanted.precision)
        draw = earlier is None and self.wanted.random_starts > 0
        scenery, notes = prepare_scenery(self.wanted, self.bundle, inputs, draw, part_of(self.progress, READ, PREPARED))
        self.progress(PREPARED, "Choosing the neurons")
        if earlier:
            starts = scenery.known(earlier["starts"])
            record = DreamRecord.resume(folder, earlier, self._readings)
        else:
            starts = scenery.starts(self.wanted, dreamer)
            record = self._begin(asked, inputs, scenery, starts, dreamer)
        record.note(notes)
        self._use_ranges(record)
        record.save()
        if self.wanted.sanity:
            self._check_gradients(record, starts, dreamer)
        self._run(record, starts, dreamer)
        self.progress(1.0, "Saving the results")
        return record.finish()

    def _read_again(self, folder: Path, earlier: dict[str, Any]) -> dict[str, Any]:
        """A whole dream, held against the ranges that are asked for now."""
        record = DreamRecord.resume(folder, deepcopy(earlier), self._readings)
        self._use_ranges(record)
        return located(earlier, folder) if record.content["ranges"] == earlier["ranges"] else record.finish()

    def _use_ranges(self, record: DreamRecord) -> None:
        """Read the dream of a record against the ranges, and say what there is to know of them."""
        before = record.content.get("about_ranges", [])
        about = self._about_ranges(record.content["feature_settings"].get("spacing_mm"))
        record.content["notes"] = [note for note in record.content["notes"] if note not in before]
        record.note(about)
        record.content |= {"about_ranges": about, "ranges": plain(self.ranges and self.ranges.as_dict())}

    def _begin(
        self, asked: Mapping[str, Any], inputs: Inputs, scenery: Scenery, starts: list[Start], dreamer: Dreamer
    ) -> DreamRecord:
        """Take the place of what was dreamed here before."""
        content = {
            "livers": {side: liver_file(side) if side in inputs.made else None for side in Side},
            "side": scenery.volume.side,
            "starts": [start.neuron.as_dict() for start in starts],
            "settings": self.wanted.settings.as_dict(),
            "features": list(self.features),
            "feature_settings": self._feature_settings().as_dict() | {"spacing_mm": starts[0].subject.spacing_mm},
            "readings": [],
            "provenance": self._provenance(dreamer),
            "layers": self.bundle.manifest.get(LAYERS),
            "notes": [],
            "inputs": {part: path and str(Path(path).absolute()) for part, path in self.wanted.parts.items()},
            "asked": asked,
        }
        folder = self.wanted.folder()
        record = DreamRecord.begin(folder, plain(content), self._readings)
        write_image(scenery.original, folder / ORIGINAL_FILE)
        for side, mask in inputs.made.items():
            write_image(mask, folder / liver_file(side))
        return record

    def _run(self, record: DreamRecord, starts: list[Start], dreamer: Dreamer) -> None:
        """Every kind of run from every start. Whatever ends it early leaves a record that can be gone on with."""
        jobs = [(kind, number, start) for kind in self.wanted.kinds for number, start in enumerate(starts)]
        try:
            for position, (kind, number, start) in enumerate(jobs):
                part = part_of(self.progress, PREPARED, 1.0)
                part = part_of(part, position / len(jobs), (position + 1) / len(jobs))
                self._run_one(record, kind, number, start, dreamer, part, f"Start {number + 1} of {len(starts)}")
        except BaseException as error:
            self._tell(record, dreamer)
            if isinstance(error, Cancelled):
                record.save()
            else:
                with suppress(LiverPairError, OSError):
                    record.save()
            raise
        self._tell(record, dreamer)

    def _check_gradients(self, record: DreamRecord, starts: list[Start], dreamer: Dreamer) -> None:
        """Whether the gradient of the first start says what the network has learnt, among the notes and in the file."""
        if "sanity" in record.content:
            return
        first, watch = starts[0], part_of(self.progress, PREPARED, PREPARED)
        found = check_gradient(dreamer, first.subject, first.neuron, self.wanted.seed, watch)
        record.content["sanity"] = found.as_dict()
        record.note(found.sentences())
        record.save()

    def _tell(self, record: DreamRecord, dreamer: Dreamer) -> None:
        """What only the run could tell: notes, and the device that had memory enough."""
        record.note(dreamer.notes)
        record.content["provenance"] |= _computed_on(dreamer)

    def _run_one(
        self,
        record: DreamRecord,
        kind: str,
        number: int,
        start: Start,
        dreamer: Dreamer,
        progress: Progress,
        title: str,
    ) -> None:
        done, state = record.enter(kind, number)
        if done:
            return
        seed = (self.wanted.seed + number) % (LARGEST_SEED + 1)
        settings = replace(self.wanted.settings, seed=seed)
        steps = iterations_of(
            dreamer, start.subject, start.neuron, settings, self.features, self._feature_settings(), kind, state
        )
        words = title if kind == self.wanted.kinds[0] else f"{title}, {kind.replace('-', ' ')}"
        for step in steps:
            progress(step.iteration / settings.iterations, words)
            record.take(step, start.subject, self.send)

    def _feature_settings(self) -> FeatureSettings:
        return FeatureSettings()

    def _readings(self, trajectories: Trajectories) -> list[dict[str, Any]]:
        return [asdict(reading) for reading in readings(trajectories, self.ranges, self.wanted.direction)]

    def _about_ranges(self, spacing_mm: Sequence[float] | None) -> list[str]:
        """What to know of the normal ranges; those that were measured otherwise are not used."""
        raw = "so the features are shown as they are and cannot be read against what is normal."
        if self.ranges is None:
            return [f"Model '{self.bundle.name}' has no normal ranges, {raw}"]
        settings = self._feature_settings()
        if mismatch := self.ranges.mismatch(settings, self.dimensions):
            self.ranges = None
            return [f"{mismatch[:-1]}, {raw}"]
        mismatch = self.ranges.mismatch(settings, self.dimensions, spacing_mm)
        return [mismatch] if mismatch else []

    def _provenance(self, dreamer: Dreamer) -> dict[str, Any]:
        return {
            "bundle": self.bundle.name,
            "version": self.bundle.version,
            "sha256": self.bundle.sha256,
            **_computed_on(dreamer),
            "seconds": 0.0,
            "software": f"LiverPair {liverpair.__version__}",
            "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        }


def _computed_on(dreamer: Dreamer) -> dict[str, str]:
    return {"device": str(dreamer.device), "precision": dreamer.precision}
