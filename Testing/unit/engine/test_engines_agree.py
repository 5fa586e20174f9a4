"""Whichever engine the rule takes on a machine, the models that come with LiverPair give the masks of plain PyTorch."""

import pytest

from liverpair.bundle import Catalogue
from liverpair.engine import available_engines
from liverpair.engine.base import precision_of
from liverpair.engine.kinds import REFERENCE
from liverpair.measures.overlap import dice
from liverpair.segmentation.inference import SegmentOptions, segment
from liverpair.synthesis.phantom import phantom_pair

SMALLEST_DICE = {"fp32": 0.999, "bf16": 0.997, "fp16": 0.997}
"""By precision. The lowest seen is 0.9979: `liver-double-in` with torch-bf16 on a processor with AVX-512."""
MODELS = [bundle.name for bundle in Catalogue().list() if bundle.task == "segmentation"]


@pytest.fixture(scope="module")
def pair():
    return phantom_pair(0)


@pytest.mark.parametrize("name", MODELS)
def test_every_engine_of_this_processor_gives_the_same_livers(pair, name):
    def livers(engine):
        found = segment(pair.t1, pair.t2, [Catalogue().find(name)], SegmentOptions(device="cpu", engine=engine))
        assert found.provenance["engine"] == engine
        return [side.liver for side in (found.t1, found.t2) if side]

    expected = livers(REFERENCE)
    others = [engine for engine in available_engines("cpu") if engine != REFERENCE]
    if not others:
        pytest.skip("There is no other engine here.")
    for engine in others:
        for liver, same in zip(expected, livers(engine), strict=True):
            assert dice(liver, same) >= SMALLEST_DICE[precision_of(engine)], engine
