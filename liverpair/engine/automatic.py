"""The engine "auto": it finds out on the first input that shows a mask."""

from collections.abc import Sequence

import torch

from liverpair.engine.agreement import compare
from liverpair.engine.base import Engine, GuardedEngine
from liverpair.engine.kinds import EngineKind
from liverpair.engine.remembered_trials import Verdicts, verdict_key
from liverpair.engine.trial import Trial


class AutomaticEngine:
    """Runs `network` with the fastest of `kinds` whose output agrees with `reference`.

    Which one that is, a `Trial` finds out on the first input for which the reference finds a mask large enough to
    compare: noise or an empty corner would not tell. Inputs before that one are computed by the reference. With a
    `cache_key` the verdict is kept in `verdicts`, and an engine for the same bundle, machine and class of shapes starts
    with it.
    """

    def __init__(
        self,
        network: torch.nn.Module,
        device: torch.device,
        kinds: Sequence[EngineKind],
        reference: Engine,
        cache_key: str,
        verdicts: Verdicts,
    ):
        self._network = network
        self._kinds = [kind for kind in kinds if kind.name != reference.name and not kind.obstacle(device)]
        self._reference = reference
        self._cache_key = cache_key
        self._verdicts = verdicts
        self._chosen: GuardedEngine | None = None

    @property
    def name(self) -> str:
        return (self._chosen or self._reference).name

    @property
    def device(self) -> torch.device:
        return self._reference.device

    @property
    def notes(self) -> list[str]:
        return self._chosen.notes if self._chosen else []

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        if self._chosen is None:
            self.recall(tuple(images.shape))
        if self._chosen is not None:
            return self._chosen(images)
        expected = self._reference(images)
        return self._decide(images, expected) if compare(expected, expected).informative else expected

    def recall(self, shape: Sequence[int]) -> None:
        """Take the engine that was found best for inputs of this shape before, if one was and it still starts."""
        verdict = self._verdicts.get(self._key(shape)) if self._cache_key else None
        if verdict is None:
            return
        if verdict["engine"] == self._reference.name:
            self._chosen = GuardedEngine(self._reference, self._reference)
        for kind in self._kinds:
            if kind.name == verdict["engine"]:
                self._chosen = kind.guarded(self._network, self.device, self._reference)
                if self._chosen.name != kind.name:
                    self._verdicts.forget(self._key(shape))

    def _decide(self, images: torch.Tensor, expected: torch.Tensor) -> torch.Tensor:
        """Choose the engine on `images`, for which the reference gave `expected`. Returns the chosen one's logits."""
        trial = Trial(self._network, self.device, images, self._reference, expected)
        for kind in self._kinds:
            trial.run(kind)
        winner, logits = trial.winner()
        self._chosen = GuardedEngine(winner, self._reference, trial.notes)
        if self._cache_key and trial.conclusive:
            self._verdicts.put(self._key(images.shape), trial.verdict())
        return logits

    def _key(self, shape: Sequence[int]) -> str:
        return verdict_key(self._cache_key, self.device, shape)
