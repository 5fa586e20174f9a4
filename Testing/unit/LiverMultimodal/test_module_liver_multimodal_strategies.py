"""Models that look at both volumes, in the panel: what must be chosen, and outlines by the true worker."""

import re

import pytest
from brightness_bundle import write_brightness_bundle, write_two_brightness_bundle
from liver_multimodal_factory import nodes_of, panel  # noqa: F401

from liverpair.bundle import Catalogue
from liverpair.bundle.catalogue import DEFAULT_LIVER_MODEL
from liverpair.core.paths import shipped_bundles_folder
from liverpair.measures.overlap import dice
from liverpair.mrml import segmentations
from liverpair.synthesis.paired_lesions_evaluation import read_real_pair

SHIPPED = shipped_bundles_folder()
COMPARED = [
    bundle.name
    for bundle in Catalogue([SHIPPED]).list()
    if bundle.task == "segmentation" and bundle.name != DEFAULT_LIVER_MODEL
]
BRIGHT_ML = 6 * 16 * 16 * 6.0 * 6.5 * 12.0 / 1000
"""Volume of the block in the factory's volumes."""


@pytest.fixture
def true_worker(panel):
    from LiverPairLib.workersession import sessionWorker

    panel.logic.worker = sessionWorker()
    return panel


def choose_and_run(panel, model, version="1.0"):
    panel.harness.choose(panel["modelComboBox"], f"{model} {version}")
    panel.harness.choose(panel["deviceComboBox"], "CPU")
    panel.click("applyButton")
    panel.harness.wait(until=lambda: panel.logic.run.ending is not None, seconds=300)
    assert panel.logic.run.ending == "done", panel.logic.run.sentence


def test_a_model_with_two_outputs_gives_both_outlines(true_worker):
    panel = true_worker
    write_two_brightness_bundle(panel.logic.catalogue.user_root / "both", name="both")
    panel.add_pair()
    choose_and_run(panel, "both")
    assert len(nodes_of("vtkMRMLSegmentationNode")) == 2
    found = re.match(r"Liver volume: (\d+) ml in T1, (\d+) ml in T2\.", panel.status)
    assert [int(volume) for volume in found.groups()] == pytest.approx([BRIGHT_ML] * 2, rel=0.15)


def test_a_model_for_one_volume_says_that_the_other_has_no_outline(true_worker):
    panel = true_worker
    write_brightness_bundle(
        panel.logic.catalogue.user_root / "one", in_channels=2, strategy="double-in", inputs=["T2", "T1"], name="one"
    )
    panel.add_pair()
    choose_and_run(panel, "one")
    assert list(panel.logic.run.nodes.taken) == ["t2"] and len(nodes_of("vtkMRMLSegmentationNode")) == 1
    assert "T1 has no mask: model 'one' looks at it only to segment the other volume." in panel.status


@pytest.mark.parametrize("model", COMPARED)
def test_a_shipped_model_of_the_comparison_gives_both_outlines_of_a_real_pair(true_worker, data_folder, model):
    panel = true_worker
    panel.logic.catalogue.roots.insert(0, SHIPPED)
    shipped = panel.logic.catalogue.find(model)
    pair = read_real_pair(data_folder / "chaos_mr", "10")
    nodes = [panel.add_volume(name, image) for name, image in (("T1", pair.t1), ("T2", pair.t2))]
    panel.enter()
    if shipped.gambler() is not None:
        panel.click("uncertaintyMapCheckBox")
    choose_and_run(panel, model, shipped.version)
    for side, node, drawn in zip(("t1", "t2"), nodes, (pair.t1_liver, pair.t2_liver)):
        found = segmentations.liver_mask(getattr(panel.parameters, f"{side}Segmentation"), node)
        assert dice(found, drawn) > 0.6
    maps = [node for node in nodes_of("vtkMRMLScalarVolumeNode") if "uncertainty" in node.GetName()]
    assert len(maps) == (2 if shipped.gambler() is not None else 0)


def test_both_volumes_must_be_chosen(panel):
    write_two_brightness_bundle(panel.logic.catalogue.user_root / "both", name="both")
    panel.add_pair()
    panel.harness.choose(panel["modelComboBox"], "both 1.0")
    panel.harness.choose(panel["t2VolumeSelector"], "None")
    assert panel.reason == "Model 'both' expects T1 and T2; T2 is not selected."
