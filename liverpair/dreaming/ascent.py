"""Gradient ascent on the image (Couteaux 2021, section 3.1.2), one iteration at a time."""

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from scipy import ndimage

from liverpair.core.memory import with_memory_fallback
from liverpair.dreaming.baselines import changeable, random_direction
from liverpair.dreaming.dream_settings import DreamSettings, check_kind
from liverpair.dreaming.dreamer import Dreamer
from liverpair.dreaming.neurons import Neuron
from liverpair.dreaming.probes import probe_of
from liverpair.dreaming.receptive_field import Bounds, contains, cut, grown, hull
from liverpair.dreaming.state import DreamState
from liverpair.dreaming.subject import Subject

if TYPE_CHECKING:
    from liverpair.measures.radiomics import FeatureSettings

__all__ = ["DreamState", "DreamStep", "dream"]

MARGIN = 8
"""Voxels by which an object may grow before more of the image must be computed."""

FeaturesOf = Callable[[np.ndarray, np.ndarray, tuple[float, ...], Sequence[str], Any], Mapping[str, float]]
"""Features by name of image (*space) in [0, 1], mask, spacing (x, y[, z]), wanted names and feature settings."""


@dataclass(frozen=True, eq=False)
class DreamStep:
    """One iteration.

    `activation`: what is raised, the neuron's logit or probability. `voxels`: of the object. `features`: of the object
    in the image of this iteration; NaN where undefined. `image` (*space), in the network's intensities and not clipped,
    and `mask` (*space) bool: at frames and at the end, else None. `stopped`: why this is the last iteration, in one
    sentence, else None. `state`: from which the dream goes on; of the last iteration, from which it repeats that.
    """

    iteration: int
    activation: float
    probability: float
    voxels: int
    features: dict[str, float]
    image: np.ndarray | None
    mask: np.ndarray | None
    stopped: str | None
    state: DreamState


def dream(
    dreamer: Dreamer,
    subject: Subject,
    neuron: Neuron,
    settings: DreamSettings = DreamSettings(),
    features: Sequence[str] = (),
    feature_settings: "FeatureSettings | None" = None,
    kind: str = "dream",
    resume: DreamState | None = None,
    features_of: FeaturesOf | None = None,
) -> Iterator[DreamStep]:
    """Change the image of `subject` step by step so that `neuron` answers more (or less), and tell of every iteration.

    Iteration 0 is the image as it was. Between two iterations the generator can be left, and `DreamStep.state` resumed.

    Parameters
    ----------
    dreamer
        Made with the precision that `settings` names.
    features, feature_settings
        Radiomic features of the object, by pyradiomics' names, on intensities clipped to [0, 1].
    kind
        "dream", or one of the baselines (see `baselines`).
    resume
        A state of the same dream.
    features_of
        What measures, instead of `liverpair.measures.radiomics.features_of`.

    Raises `InputError` for a neuron that is not there or a state of another dream, `MissingPackageError` without
    pyradiomics, and while running `OutOfMemoryError`.
    """
    check_kind(kind)
    if features and features_of is None:
        from liverpair.measures import radiomics

        features_of = radiomics.features_of
        feature_settings = feature_settings or radiomics.FeatureSettings()
    actor = dreamer.randomized(settings.seed) if kind == "random-weights" else dreamer

    def measure(image: np.ndarray, mask: np.ndarray) -> dict[str, float]:
        if not features or not mask.any():
            return dict.fromkeys(features, float("nan"))
        clipped = np.clip(image, 0.0, 1.0)
        return dict(features_of(clipped, mask, subject.spacing_mm, tuple(features), feature_settings))

    return _Run(actor, subject, neuron, settings, kind, measure).steps(resume)


@dataclass(frozen=True, eq=False)
class _Look:
    """What one pass through the network tells of an image. `gradient` (1, C, *window) is None where none is needed."""

    activation: float
    probability: float
    object: np.ndarray
    window: Bounds
    stopped: str | None
    gradient: torch.Tensor | None


class _Run:
    """One start of one kind of run."""

    def __init__(
        self,
        dreamer: Dreamer,
        subject: Subject,
        neuron: Neuron,
        settings: DreamSettings,
        kind: str,
        measure: Callable[[np.ndarray, np.ndarray], dict[str, float]],
    ):
        self.dreamer = dreamer
        self.subject = subject
        self.neuron = neuron
        self.settings = settings
        self.measure = measure
        self.probe = probe_of(dreamer, subject, neuron)
        self.shape = dreamer.padded_shape(subject.space)
        self.field = dreamer.field if settings.crop else None
        self._last_exact: tuple[Bounds, Bounds] = ((), ())
        if settings.crop and self.field is None:
            dreamer.note(
                f"Model '{dreamer.name}' looks at the whole image for every output, so the whole image is computed."
            )
        self.random = kind == "random-direction"
        self.direction: torch.Tensor | None = None
        if self.random:
            self.direction = dreamer.padded(random_direction(dreamer, subject, neuron, settings.seed))
        self.able = dreamer.padded(changeable(dreamer, subject, neuron))
        self.identity = {
            "kind": kind,
            "neuron": neuron.as_dict(),
            "settings": settings.path(),
            "model": dreamer.sha256,
            "image": zlib.crc32(np.ascontiguousarray(subject.channels)),
        }

    def steps(self, resume: DreamState | None) -> Iterator[DreamStep]:
        """The iterations from the first, or from the one that `resume` stands before."""
        if resume is None:
            return self._steps(DreamState(self.subject.channels, 0, (), self._first_window(), self.identity))
        resume.check(self.identity)
        return self._steps(resume)

    def _steps(self, state: DreamState) -> Iterator[DreamStep]:
        image = self.dreamer.padded(state.image)
        while True:
            look = self._look(image, state)
            after, stopped = None, look.stopped
            if stopped is None:
                after, reason = self._changed(image, look)
                stopped = reason and f"Stopped at iteration {state.iteration}: {reason}"
            here = replace(state, image=self._unpadded(image), window=look.window)
            if stopped is None:
                past = (*state.activations, look.activation)[-self.settings.patience :]
                seen = self._whole(look)
                unpadded = self._unpadded(after)
                state = DreamState(unpadded, state.iteration + 1, past, look.window, self.identity, seen)
            yield self._step(here, look, stopped, here if stopped else state)
            if stopped is not None:
                return
            image = after

    def _first_window(self) -> Bounds:
        whole = tuple((0, n) for n in self.shape)
        if self.field is None:
            return whole
        return self.field.window(grown(self.neuron.bounds, MARGIN, self.shape), self.shape)

    def _look(self, image: torch.Tensor, state: DreamState) -> _Look:
        def on(window: Sequence[int], device: torch.device) -> _Look:
            if device != self.dreamer.device:
                self.dreamer.move_to(device)
            return self._look_once(image.to(device), state)

        fitted = with_memory_fallback(on, self.shape, self.dreamer.device, minimum=self.shape)
        for note in fitted.notes:
            self.dreamer.note(note)
        return fitted.result

    def _look_once(self, image: torch.Tensor, state: DreamState) -> _Look:
        """One pass; more where the object turns out to reach farther than what was computed."""
        window = state.window
        while True:
            part = cut(image, window).clone().requires_grad_()
            answer = self.dreamer.respond(part)
            logits = self.probe.logits(answer, window)
            found = self.probe.object(answer, window, self.settings.threshold, state.object)
            wider = self._wider(window, found)
            if wider == window:
                break
            window = wider
        probability = logits.sigmoid().mean()
        value = probability if self.settings.activation == "probability" else logits.mean()
        activation = float(value.detach())
        stopped = self._verdict(activation, state)
        gradient = None
        if stopped is None and not (self.random and self.settings.gradient == "normalized"):
            (gradient,) = torch.autograd.grad(value, part)
        return _Look(activation, float(probability.detach()), found, window, stopped, gradient)

    def _wider(self, window: Bounds, found: np.ndarray) -> Bounds:
        """`window`, or a larger one when the border of `window` may have touched the object."""
        if self.field is None or not found.any():
            return window
        (box,) = ndimage.find_objects(found.view(np.uint8))
        object_bounds = tuple((side.start + start, side.stop + start) for side, (start, _) in zip(box, window))
        if contains(self._exact(window), grown(object_bounds, 1, self.subject.space)):
            return window
        needed = self.field.window(grown(object_bounds, MARGIN, self.shape), self.shape)
        return tuple(hull(a, b) for a, b in zip(window, needed))

    def _exact(self, window: Bounds) -> Bounds:
        if self._last_exact[0] != window:
            self._last_exact = window, self.field.exact(window, self.shape)
        return self._last_exact[1]

    def _verdict(self, activation: float, state: DreamState) -> str | None:
        """Why the run ends at this iteration, or None."""
        settings, past = self.settings, state.activations
        if not np.isfinite(activation):
            return f"Stopped at iteration {state.iteration}: the activation is not finite. Choose a smaller step."
        if state.iteration >= settings.iterations:
            many = f"All {settings.iterations} iterations are done."
            return many if settings.iterations > 1 else "1 iteration is done."
        if settings.minimum_gain and not self.random and len(past) == settings.patience:
            gain = settings.sign * (activation - past[0])
            if gain <= settings.minimum_gain * max(abs(activation), abs(past[0])):
                return (
                    f"Stopped at iteration {state.iteration}: the activation gained less than "
                    f"{100 * settings.minimum_gain:g} % over the last {settings.patience} iterations."
                )
        return None

    def _changed(self, image: torch.Tensor, look: _Look) -> tuple[torch.Tensor | None, str | None]:
        """The image after one step, or None and the reason why there is none."""
        settings = self.settings
        image = image.to(self.dreamer.device)
        size = self.subject.channels.size
        length = settings.step * size**0.5
        gradient = look.gradient
        if gradient is not None:
            gradient = gradient.contiguous() * cut(self.able, look.window).to(gradient.device)
            norm = float(torch.linalg.vector_norm(gradient, dtype=torch.float64))
            if not np.isfinite(norm):
                return None, "the gradient is not finite. Choose the precision fp32 or a smaller step."
            if norm == 0:
                return None, "the gradient vanished; no change of the image reaches the neuron."
            if settings.gradient == "raw":
                length = settings.step * norm
        if self.random:
            after = image + (length / size**0.5) * self.direction.to(image.device)
        else:
            after = image.clone()
            cut(after, look.window).add_((gradient.double() * (settings.sign * length / norm)).float())
        if not torch.isfinite(after).all():
            return None, "the step leads to values that are not finite. Choose a smaller step."
        return after, None

    def _unpadded(self, image: torch.Tensor) -> np.ndarray:
        return cut(image[0], tuple((0, n) for n in self.subject.space)).cpu().numpy()

    def _whole(self, look: _Look) -> np.ndarray:
        """The object (*space) bool."""
        mask = np.zeros(self.subject.space, bool)
        cut_array(mask, grown(look.window, 0, self.subject.space))[...] = look.object
        return mask

    def _step(self, here: DreamState, look: _Look, stopped: str | None, state: DreamState) -> DreamStep:
        inside = grown(look.window, 0, self.subject.space)
        image = here.image[self.subject.channel]
        kept = stopped is not None or self.settings.is_frame(here.iteration)
        mask = self._whole(look) if kept else None
        return DreamStep(
            here.iteration,
            look.activation,
            look.probability,
            int(np.count_nonzero(look.object)),
            self.measure(cut_array(image, inside), look.object),
            image.copy() if kept else None,
            mask,
            stopped,
            state,
        )


def cut_array(array: np.ndarray, bounds: Bounds) -> np.ndarray:
    """The part of an array (*space) inside `bounds`, as a view."""
    return array[tuple(slice(first, last) for first, last in bounds)]
