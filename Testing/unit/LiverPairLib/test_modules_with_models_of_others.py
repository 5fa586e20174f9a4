"""A MONAI bundle that MONAI wrote, in each of the three modules, with the jobs themselves in place of a stand-in."""

import numpy as np
import pytest
import slicer
from deep_dream_inspector_factory import panel as dreams  # noqa: F401
from deep_dream_inspector_factory import window  # noqa: F401
from lesion_pair_detect_factory import panel as lesions  # noqa: F401
from liver_multimodal_factory import BRIGHT, PROVENANCE, liver_image, segment_names
from liver_multimodal_factory import panel as livers  # noqa: F401
from monai_factory import write_monai_bundle

from liverpair.core.geometry import volume_ml
from liverpair.core.labels import LIVER
from liverpair.core.sides import Side
from liverpair.mrml import segmentations

BLOCK_ML = 6 * 16 * 16 * 6.0 * 6.5 * 12.0 / 1000
"""Of the bright block in the volumes of these tests."""


@pytest.fixture
def theirs(tmp_path):
    """Adds the bundle to a module's models: what is brighter than half is liver, or lesion."""

    def add(panel, **labels) -> None:
        source = write_monai_bundle(tmp_path / "bright", liver_from=0.5, lesion_from=2.0 if "liver" in labels else 0.5)
        panel.logic.catalogue.import_foreign(source, "theirs", **labels)

    return add


def test_livermultimodal_segments_with_it(livers, theirs):
    theirs(livers, liver="liver")
    livers.add_pair()
    livers.harness.choose(livers["modelComboBox"], "theirs 1")
    livers.apply()
    livers.worker.work()
    livers.settle()
    nodes = [livers.parameters.t1Segmentation, livers.parameters.t2Segmentation]
    assert [segment_names(node) for node in nodes] == [["Liver"], ["Liver"]]
    for side, node in zip(Side, nodes):
        mask = segmentations.liver_mask(node, getattr(livers.parameters, f"{side}Volume"))
        assert volume_ml(mask) == pytest.approx(BLOCK_ML, rel=0.2)
    assert "MONAI-fp32" in livers["provenanceText"].plainText


def test_lesionpairdetect_finds_and_links_with_it(lesions, theirs):
    theirs(lesions, lesions="lesion")
    lesions.add_pair()
    made = lesions.add_livers()
    lesions.parameters.t1Liver, lesions.parameters.t2Liver = made[Side.T1], made[Side.T2]
    lesions.harness.choose(lesions["modelComboBox"], "theirs 1")
    lesions.apply()
    lesions.worker.work()
    lesions.settle()
    (pair,) = lesions.study.pairs()
    assert pair.kind == "both" and np.prod(pair.box(Side.T1).size_mm) / 1000 == pytest.approx(BLOCK_ML, rel=0.3)


def test_deepdreaminspector_dreams_on_it(dreams, theirs):
    theirs(dreams, liver="liver")
    volume = dreams.add_volume("AX T1 in phase")
    dreams.enter()
    liver = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Liver of T1")
    segmentations.put_segment(liver, liver_image() > BRIGHT, volume, LIVER, PROVENANCE)
    dreams.parameters.t1Liver = liver  # a model of others is shown a patch around it
    dreams.harness.choose(dreams["modelComboBox"], "theirs 1")
    dreams.place_point()
    dreams.parameters.iterations, dreams.parameters.features = 2, "firstorder_Mean"
    dreams.click("applyButton")
    dreams.worker.work()
    dreams.harness.wait()
    assert dreams.dream is not None, dreams.status
    assert dreams.dream.last_iteration == 2
