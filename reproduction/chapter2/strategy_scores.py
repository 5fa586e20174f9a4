"""Measures of the networks of an arm on pairs of test images: of one case, or of two cases mixed."""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from liverpair.bundle import Bundle
from liverpair.core.cache import stamp_of
from liverpair.core.sides import Side
from liverpair.measures.summary import segmentation_measures
from liverpair.segmentation.channels import pre_registration
from liverpair.segmentation.inference import SegmentationResult, SegmentOptions, segment
from liverpair.synthesis.paired_lesions_evaluation import RealPair, pair_files, read_real_pair
from reproduction.remembered import Remembered

ENGINE = "torch-fp32"
REGISTERED, AS_SCANNED = "pre-registered", "double-in"
"""Strategies that show a network the same two channels."""


class PairScores:
    """How well what the networks of one arm find in the T1 of one case and the T2 of another, or the same, agrees with
    the livers drawn by hand.

    The masks are those at a probability of 0.5, holes filled, no part taken away. What was measured once is
    remembered in a file beside the network.
    """

    def __init__(self, bundles: Sequence[Bundle], root: Path, device: str = "auto"):
        self._bundles, self._root = list(bundles), root
        self._options = SegmentOptions(device, ENGINE, largest_component=False)
        self._remembered = Remembered(
            bundles[0].folder.parent / "measures.json", [str(root.resolve()), *(own.sha256 for own in bundles)]
        )

    def __call__(self, t1_case: str, t2_case: str) -> dict[str, dict[str, float]]:
        """By side the `segmentation_measures` against the liver drawn in it; sides that are not masked are
        left out."""
        stamps = [stamp_of(pair_files(self._root, case)) for case in (t1_case, t2_case)]
        before = ["registered before"] if self._registered_before(t1_case, t2_case) else []
        return self._remembered([t1_case, t2_case, *stamps, *before], lambda: self._measured(t1_case, t2_case))

    def _registered_before(self, t1_case: str, t2_case: str) -> bool:
        return t1_case != t2_case and all(own.strategy == REGISTERED for own in self._bundles)

    def _measured(self, t1_case: str, t2_case: str) -> dict[str, dict[str, float]]:
        result, pairs = self.found(t1_case, t2_case)
        references = {Side.T1: pairs[0].t1_liver, Side.T2: pairs[1].t2_liver}
        found = {side: getattr(result, side) for side in Side}
        return {
            side: segmentation_measures(one.liver, references[side]) for side, one in found.items() if one is not None
        }

    def found(self, t1_case: str, t2_case: str) -> tuple[SegmentationResult, tuple[RealPair, RealPair]]:
        """What the networks find, and the pairs of the two cases."""
        pairs = _pair(self._root, t1_case), _pair(self._root, t2_case)
        if self._registered_before(t1_case, t2_case):
            bundles = [without_registration(own) for own in self._bundles]
            return segment(registered_before(*pairs), pairs[1].t2, bundles, self._options), pairs
        return segment(pairs[0].t1, pairs[1].t2, self._bundles, self._options), pairs

    def matching(self, cases: Sequence[str], side: Side, measure: str = "dice") -> np.ndarray:
        """A measure in `side` of each case, both images its own (cases,)."""
        return np.array([self(case, case)[side][measure] for case in cases])

    def foreign(self, cases: Sequence[str], partners: Sequence[str], side: Side) -> np.ndarray:
        """Dice in `side` of each case, the other image that of its partner (cases,)."""
        pairs = [(a, b) if side is Side.T1 else (b, a) for a, b in zip(cases, partners)]
        return np.array([self(*pair)[side]["dice"] for pair in pairs])


def registered_before(foreign: RealPair, own: RealPair) -> sitk.Image:
    """The T1 of a foreign pair as its own registration warped it onto its own T2, where `own` has its T2: the published
    base was registered before anything was exchanged."""
    images = dict(zip(Side, (foreign.t1, foreign.t2)))
    warped = sitk.Resample(foreign.t1, foreign.t2, pre_registration(images, Side.T2, Side.T1))
    return sitk.Resample(warped, own.t2)


def without_registration(bundle: Bundle) -> Bundle:
    """The same network, shown T2 and T1 as they lie."""
    return replace(bundle, strategy=AS_SCANNED)


@lru_cache(maxsize=4)
def _pair(root: Path, case: str) -> RealPair:
    return read_real_pair(root, case)
