"""Where a dream begins: the images as the network sees them, and the neurons in them. Imports torch."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import SimpleITK as sitk

from liverpair.bundle import Bundle
from liverpair.bundle.manifest import SEGMENTATION, SLICE_SEGMENTATION
from liverpair.core.errors import InputError, Progress, no_progress
from liverpair.core.geometry import Box
from liverpair.core.sides import Side
from liverpair.dreaming.dreamer import Dreamer
from liverpair.dreaming.neurons import Neuron, neuron_at, neuron_in, random_starts
from liverpair.dreaming.subject import Subject, prepare_subject, slice_of
from liverpair.jobs.dream_request import DreamRequest
from liverpair.jobs.pair_inputs import check_not_swapped, read_side
from liverpair.jobs.requests import find_bundles
from liverpair.segmentation.inference import SegmentOptions, segment

DETECTION = "detection"
LARGE_SLICE = 0.5
"""Random starts lie in slices that show at least this share of the liver that the slice with most of it shows."""


@dataclass(frozen=True)
class Start:
    """A neuron and the image that is dreamed on."""

    neuron: Neuron
    subject: Subject


@dataclass
class Inputs:
    """The volumes and liver masks that were given, by side; `made` are masks that were segmented."""

    images: dict[str, sitk.Image]
    livers: dict[str, sitk.Image]
    made: dict[str, sitk.Image]
    notes: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, wanted: DreamRequest, progress: Progress = no_progress) -> "Inputs":
        """Raises `InputError` for what cannot be read or used, or masks that are swapped."""
        inputs = cls({}, {}, {})
        for step, side in enumerate(wanted.sides):
            progress(step / len(wanted.sides), f"Reading {side.title}")
            image, liver, notes = read_side(side, wanted.parts[side], wanted.parts[f"{side}_liver"], wanted.liver_label)
            inputs.images[side] = image
            inputs.notes += notes
            if liver is not None:
                inputs.livers[side] = liver
        if len(inputs.images) == len(Side):
            check_not_swapped([inputs.images[s] for s in Side], [inputs.livers.get(s) for s in Side])
        return inputs

    def segment_livers(self, sides: Sequence[str], wanted: DreamRequest, progress: Progress = no_progress) -> list[str]:
        """Make the masks of `sides` that are missing. Returns sentences for the user.

        Raises `InputError` when there is no liver in a volume.
        """
        missing = [side for side in sides if side in self.images and side not in self.livers]
        if not missing:
            return []
        volumes = [self.images[side] if side in missing else None for side in Side]
        found = segment(*volumes, find_bundles(wanted.liver_model), SegmentOptions(wanted.device), progress)
        for side in missing:
            mask = getattr(found, side).liver
            if not sitk.GetArrayViewFromImage(mask).any():
                raise InputError(
                    f"No liver was found in {side.title}.", "Give its liver mask, or choose another image."
                )
            self.made[side] = self.livers[side] = mask
        return found.notes


class Scenery:
    """What the network of `bundle` sees of the inputs: a volume, or single slices of it."""

    def __init__(self, bundle: Bundle, inputs: Inputs, side: Side | None):
        self.slices = bundle.task == SLICE_SEGMENTATION
        whole = replace(bundle, task=SEGMENTATION) if self.slices else bundle
        self.volume = prepare_subject(whole, inputs.images, inputs.livers, side=side)
        self._slices: dict[int, Subject] = {}

    def at(self, point_mm: Sequence[float]) -> Subject:
        """What is dreamed on from a point in LPS mm. Raises `InputError` for a point outside of it."""
        return self._slice(self.volume.index_of(point_mm)[0]) if self.slices else self.volume

    def _slice(self, number: int) -> Subject:
        if number not in self._slices:
            self._slices[number] = slice_of(self.volume, number)
        return self._slices[number]

    def starts(self, wanted: DreamRequest, dreamer: Dreamer) -> list[Start]:
        """The starts of a request, the random ones last. Raises `InputError` for one that cannot be."""
        chosen = []
        for place in map(wanted.place_of, wanted.starts):
            box = isinstance(place, Box)
            subject = self.at(place.center_mm if box else place)
            chosen.append(Start((neuron_in if box else neuron_at)(dreamer, subject, place), subject))
        return chosen + (self._random(wanted.random_starts, wanted.seed, dreamer) if wanted.random_starts else [])

    def known(self, neurons: Sequence[Mapping[str, Any]]) -> list[Start]:
        """The starts of a dream that was begun before."""
        found = [Neuron.from_dict(neuron) for neuron in neurons]
        return [Start(neuron, self.at(neuron.point_mm)) for neuron in found]

    def _random(self, count: int, seed: int, dreamer: Dreamer) -> list[Start]:
        """Random starts; in slices, spread over those that show much of the liver."""
        if not self.slices:
            return [Start(neuron, self.volume) for neuron in random_starts(dreamer, self.volume, count, seed)]
        found = []
        for number, share in sorted(Counter(self._liver_slices(count)).items()):
            subject = self._slice(number)
            found += [Start(neuron, subject) for neuron in random_starts(dreamer, subject, share, seed + number)]
        return found

    def _liver_slices(self, count: int) -> list[int]:
        areas = self.volume.liver.sum(axis=(1, 2))
        large = np.flatnonzero((areas > 0) & (areas >= LARGE_SLICE * areas.max()))
        if not len(large):
            raise InputError(
                f"There is no liver in {self.volume.side.title}.", "Give its liver mask, or choose points."
            )
        return [int(large[i]) for i in np.linspace(0, len(large) - 1, count).round().astype(int)]

    @property
    def original(self) -> sitk.Image:
        """The image that is dreamed on, on the working grid, in its own intensities."""
        return self.volume.to_image(self.volume.image)


def prepare_scenery(
    wanted: DreamRequest, bundle: Bundle, inputs: Inputs, draw: bool, progress: Progress = no_progress
) -> tuple[Scenery, list[str]]:
    """What is dreamed on, and sentences for the user. Livers that must be known are segmented where no mask is given:
    both for a detector, that of the image that is dreamed on to `draw` starts inside it.

    Raises `InputError` for images that do not fit the model.
    """
    needed = Side if bundle.task == DETECTION and not bundle.foreign else ()
    notes = inputs.notes + inputs.segment_livers(needed, wanted, progress)
    scenery = Scenery(bundle, inputs, wanted.side)
    if (draw or bundle.foreign) and scenery.volume.liver is None:  # theirs look at a patch around it
        notes += inputs.segment_livers([scenery.volume.side], wanted, progress)
        scenery = Scenery(bundle, inputs, wanted.side)
    return scenery, notes
