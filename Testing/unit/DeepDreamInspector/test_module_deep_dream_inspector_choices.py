"""What can be chosen in DeepDreamInspector: model and image, neurons, features, and how to dream."""

import numpy as np
import pytest
import slicer
from bundle_factory import write_bundle
from deep_dream_inspector_factory import CENTER, MODULE, panel, window  # noqa: F401
from liver_multimodal_factory import liver_image
from mrml_factory import block_mask, shift_transform

from liverpair.core.labels import LIVER
from liverpair.measures.feature_names import default_features
from liverpair.mrml import segmentations


def add_liver(volume, name="Liver of T1"):
    """A segmentation of the bright block of a volume."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
    segmentations.put_segment(node, block_mask(liver_image(), (4, 10, 6), (10, 26, 22)), volume, LIVER, {})
    return node


def test_models_of_all_tasks_are_offered_slices_first(panel, monkeypatch):
    box = panel["modelComboBox"]
    offered = [box.itemText(row) for row in range(box.count)]
    assert offered == ["bright-around 1.0", "small 1.0", "peaks 1.0"]
    assert panel.parameters.model == "bright-around"
    assert panel.text("modelSummaryLabel") == "Lesion in single slices of T1: a dream changes one slice (2-D)."
    assert panel["modelCardButton"].enabled
    monkeypatch.setattr(panel.logic, "preferred", "peaks")
    panel.logic.refreshModels()
    assert next(iter(panel.logic.bundles)) == "peaks"


def test_networks_for_teaching_come_last_under_a_heading_of_their_own(panel, tmp_path, monkeypatch):
    write_bundle(tmp_path / "published" / "a-teacher", name="a-teacher")
    monkeypatch.setattr("liverpair.bundle.catalogue.published_bundles_folder", lambda: tmp_path / "published")
    panel.logic.catalogue.roots.insert(1, tmp_path / "published")
    panel.enter()
    box = panel["modelComboBox"]
    offered = [box.itemText(row) for row in range(box.count)]
    assert offered == ["bright-around 1.0", "small 1.0", "peaks 1.0", "For teaching:", "a-teacher 1.0"]
    assert [box.model().item(row).isEnabled() for row in range(box.count)] == [True, True, True, False, True]
    panel.choose_model("a-teacher")
    assert panel.parameters.model == "a-teacher"


def test_only_images_that_the_model_takes_are_asked_for(panel):
    panel.add_pair()
    assert panel["t1VolumeSelector"].isVisible() and not panel["t2VolumeSelector"].isVisible()
    assert not panel["sideComboBox"].isVisible()
    panel.choose_model("small")
    assert panel["t2VolumeSelector"].isVisible() and panel["t2LiverSelector"].isVisible()
    assert "No installed model" not in panel.text("modelSummaryLabel")
    panel.harness.choose(panel["sideComboBox"], "T2")
    assert panel.text("modelSummaryLabel").endswith(
        "No installed model works on single slices of T2: a dream on T2 changes the whole volume."
    )
    panel.place_point()
    panel.apply()
    assert panel.worker.request["side"] == "t2" and "t1" not in panel.worker.request
    assert panel.dream.volume.GetName() == "AX T2 SPIR"


def test_a_detector_needs_both_images(panel):
    panel.add_volume("AX T1 in phase")
    panel.enter()
    panel.choose_model("peaks")
    assert panel.reason == "Model 'peaks' expects T1 and T2; T2 is not selected."
    panel.add_volume("AX T2 SPIR", liver_image(6, oblique=True))
    panel.enter()
    panel.place_point()
    assert "anchor" in panel.text("neuronLabel")
    panel.apply()
    assert panel.worker.request["side"] == "t1" and {"t1", "t2"} <= set(panel.worker.request)
    assert panel["featureTree"].topLevelItem(0).text(0).startswith("Shape (3-D)")


@pytest.mark.parametrize("defect", ["no volume", "NaN", "no neuron", "no box", "no liver segment"])
def test_what_is_missing_is_said_in_one_sentence(panel, defect):
    if defect != "no volume":
        volume = panel.add_volume("AX T1 in phase")
        panel.enter()
    expected = "Choose a T1 volume."
    if defect == "NaN":
        slicer.util.arrayFromVolume(volume)[2, 2, 2] = np.nan
        slicer.util.arrayFromVolumeModified(volume)
        panel.enter()
        expected = "T1 has "
    elif defect == "no neuron":
        expected = "Place a point: press 'Place a point' and click in a slice view."
    elif defect == "no box":
        panel.click("boxRadioButton")
        expected = "Choose a box, or draw a new one."
    elif defect == "no liver segment":
        slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Spleen only")
        panel.harness.choose(panel["t1LiverSelector"], "Spleen only")
        expected = "The liver segmentation of T1 has no segment called Liver."
    assert panel.reason.startswith(expected) and not panel["applyButton"].enabled


def is_placing() -> bool:
    """Whether the next click in a view places something."""
    interaction = slicer.app.applicationLogic().GetInteractionNode()
    return interaction.GetCurrentInteractionMode() == interaction.Place


def test_points_are_placed_by_clicks_listed_and_deleted(panel):
    panel.add_volume("AX T1 in phase")
    panel.enter()
    panel.click("placePointButton")
    assert panel["placePointButton"].text == "Click in a slice view…"
    panel.click_at(CENTER)
    assert panel["placePointButton"].text == "Place a point" and not is_placing()
    assert not slicer.app.applicationLogic().GetInteractionNode().GetPlaceModePersistence(), "as it was before"
    panel.click_at((CENTER[0], CENTER[1] + 20))
    assert len(panel.points()) == 1, "the next click is no point"
    panel.place_point((CENTER[0] + 20, CENTER[1]))
    assert len(panel.points()) == 2 and not panel.reason
    panel.harness.click_row(panel["pointsList"], 0)
    green = slicer.mrmlScene.GetNodeByID("vtkMRMLSliceNodeGreen")
    assert green.GetSliceOffset() == pytest.approx(CENTER[1], abs=1)
    panel.click("deletePointButton")
    assert len(panel.points()) == 1 and float(panel.points()[0].split()[2]) == pytest.approx(CENTER[0] + 20, abs=1)
    panel.apply()
    (start_,) = panel.worker.request["starts"]
    assert start_["point_mm"][:2] == pytest.approx([-CENTER[0] - 20, -CENTER[1]], abs=1)


def show_in(view: str, volume) -> None:
    """Show a volume in one view."""
    composite = slicer.app.layoutManager().sliceWidget(view).mrmlSliceCompositeNode()
    composite.SetBackgroundVolumeID(volume.GetID() if volume is not None else None)


@pytest.mark.parametrize("shown", ["the other image", "nothing"])
def test_a_click_in_a_view_of_something_else_places_no_point_and_says_so(panel, shown):
    _t1, t2 = panel.add_pair()
    panel.click("placePointButton")
    show_in("Red", t2 if shown == "the other image" else None)
    panel.click_at(CENTER)
    what = "This view shows 'AX T2 SPIR'." if shown == "the other image" else "This view shows no image."
    assert panel.text("placeProblemLabel") == f"{what} The dream is on 'AX T1 in phase': click in a view of that image."
    assert panel.points() == [] and is_placing()
    show_in("Red", panel.context.volume("t1"))
    panel.click_at(CENTER)
    assert len(panel.points()) == 1 and not is_placing() and panel.text("placeProblemLabel") == ""


def test_the_image_is_shown_for_placing_when_only_a_view_outside_of_the_layout_has_it(panel):
    manager = slicer.app.layoutManager()
    t1, other = panel.add_volume("AX T1 in phase"), panel.add_volume("CT of the abdomen")
    panel.enter()
    before = manager.layout
    show_in("Red", other)
    show_in("Green", t1)
    manager.setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutOneUpRedSliceView)
    panel.harness.wait()
    panel.click("placePointButton")
    assert manager.sliceWidget("Red").mrmlSliceCompositeNode().GetBackgroundVolumeID() == t1.GetID()
    panel.click("placePointButton")
    manager.setLayout(before)


def test_volumes_that_come_while_the_module_is_open_are_chosen_and_a_deleted_one_is_not(panel):
    panel.enter()
    pair = panel.add_volume("AX T1 in phase"), panel.add_volume("AX T2 SPIR", liver_image(6))
    panel.harness.wait()
    assert (panel.parameters.t1Volume, panel.parameters.t2Volume) == pair
    slicer.mrmlScene.RemoveNode(pair[0])
    panel.harness.wait()
    assert (panel.parameters.t1Volume, panel.parameters.t2Volume) == (None, pair[1])


def test_a_box_is_not_begun_in_a_view_of_the_other_image(panel):
    _t1, t2 = panel.add_pair()
    panel.click("boxRadioButton")
    panel.click("placeBoxButton")
    show_in("Red", t2)
    panel.click_at((20, 15))
    assert panel.text("placeProblemLabel").startswith("This view shows 'AX T2 SPIR'.") and is_placing()
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLMarkupsROINode") == 1
    show_in("Red", panel.context.volume("t1"))
    panel.click_at((20, 15))
    panel.click_at((40, 35))
    assert not is_placing() and panel.text("placeProblemLabel") == "" and not panel.reason


def test_neurons_placed_in_one_image_are_none_of_the_other(panel):
    panel.add_pair()
    panel.choose_model("small")
    panel.place_point()
    panel.click("boxRadioButton")
    panel.click("placeBoxButton")
    panel.click_at((20, 15))
    panel.click_at((40, 35))
    assert not panel.reason
    panel.harness.choose(panel["sideComboBox"], "T2")
    assert panel.reason == "The box was drawn in T1, but the dream is on T2. Draw one in a view of T2."
    panel.click("pointsRadioButton")
    assert panel.reason == "Point 1 was placed in T1, but the dream is on T2. Place one in a view of T2."


def test_the_next_click_after_run_places_nothing(panel):
    panel.ready()
    panel.click("placePointButton")
    panel.apply()
    assert not is_placing()
    panel.harness.wait()
    assert len(panel.points()) == 1


def test_points_and_box_are_out_of_the_way_while_a_dream_is_watched(panel):
    panel.ready()
    panel.click("boxRadioButton")
    panel.click("placeBoxButton")
    panel.click_at((20, 15))
    panel.click_at((40, 35))
    nodes = panel.parameters.points, panel.parameters.box
    box = nodes[1].GetDisplayNode()
    parts = "FillVisibility", "HandlesInteractive", "PropertiesLabelVisibility", "PointLabelsVisibility"
    assert not any(getattr(box, f"Get{part}")() for part in parts) and box.GetOutlineVisibility()
    assert [node.GetDisplayVisibility() for node in nodes] == [1, 1]
    panel.apply()
    panel.worker.sample(0)
    panel.worker.finish()
    panel.harness.wait()
    assert [node.GetDisplayVisibility() for node in nodes] == [0, 0]
    panel.widget.exit()
    assert [node.GetDisplayVisibility() for node in nodes] == [1, 1]
    panel.enter()
    assert [node.GetDisplayVisibility() for node in nodes] == [0, 0]
    panel["inputsButton"].collapsed = False  # folded by the dream
    panel.click("pointsRadioButton")
    panel.click("placePointButton")
    assert [node.GetDisplayVisibility() for node in nodes] == [1, 1]
    panel.click("placePointButton")


def test_placing_ends_when_the_module_is_left(panel):
    panel.add_volume("AX T1 in phase")
    panel.enter()
    panel.click("placePointButton")
    interaction = slicer.app.applicationLogic().GetInteractionNode()
    assert interaction.GetCurrentInteractionMode() == interaction.Place
    panel.enter()
    assert interaction.GetCurrentInteractionMode() != interaction.Place
    assert not panel["placePointButton"].checked and panel.points() == []


def test_a_point_outside_of_the_volume_is_named(panel):
    volume = panel.add_volume("AX T1 in phase")
    panel.enter()
    panel.place_point()
    volume.SetAndObserveTransformNodeID(shift_transform(500, 0, 0).GetID())
    panel.enter()
    assert panel.reason == "Point 1 lies outside of T1."


def test_a_box_is_drawn_with_two_clicks(panel):
    panel.add_volume("AX T1 in phase")
    panel.enter()
    panel.click("boxRadioButton")
    panel.click("placeBoxButton")
    assert panel["placeBoxButton"].text == "Click at two corners…"
    panel.click_at((20, 15))
    panel.click_at((40, 35))
    assert panel["placeBoxButton"].text == "New box" and panel["boxSelector"].currentNode() is panel.parameters.box
    assert not panel.reason
    panel.apply()
    (start_,) = panel.worker.request["starts"]
    assert start_["box"]["center_mm"][:2] == pytest.approx([-30, -25], abs=1)
    assert start_["box"]["size_mm"][:2] == pytest.approx([20, 20], abs=2)


def test_starts_inside_the_liver_are_drawn_by_the_worker(panel):
    volume = panel.add_volume("AX T1 in phase")
    liver = add_liver(volume)
    panel.enter()
    assert panel.parameters.t1Liver is liver
    panel.click("liverRadioButton")
    assert "all slices that show much of the liver" in panel.text("neuronLabel")
    panel.harness.type_text(panel["randomStartsSpinBox"], "4")
    panel.harness.type_text(panel["seedSpinBox"], "7")
    panel.apply()
    request = panel.worker.request
    assert (request["random_starts"], request["seed"], request["starts"]) == (4, 7, [])
    assert request["t1_liver"].endswith("t1_liver.nrrd")


def test_a_liver_that_lies_elsewhere_than_its_volume_is_not_dreamt_in(panel):
    volume = panel.add_volume("AX T1 in phase")
    liver = add_liver(volume)
    panel.enter()
    panel.click("liverRadioButton")
    assert not panel.reason and not panel["warningFrame"].isVisible()
    liver.SetAndObserveTransformNodeID(shift_transform(10, 20, 30).GetID())
    panel.harness.wait()
    assert panel.reason.startswith("T1 and its liver segmentation lie under different transforms.")
    assert panel.text("warningLabel") == panel.reason
    panel.parameters.t1Liver = None
    assert not panel.reason and not panel["warningFrame"].isVisible()


def test_the_liver_that_was_segmented_on_the_way_is_kept(panel):
    panel.add_volume("AX T1 in phase")
    panel.enter()
    panel.click("liverRadioButton")
    panel.apply()
    assert "t1_liver" not in panel.worker.request
    panel.worker.sample(0)
    panel.worker.finish_with_liver()
    panel.harness.wait()
    assert panel.parameters.t1Liver.GetName() == "AX T1 in phase liver"


def test_features_are_searched_checked_and_reset(panel):
    assert set(panel.checked()) == set(default_features(2))
    assert panel["featuresLabel"].text == (
        "Features measured: 8. The normal range of 1 of them is known, from 12 lesions."
    )
    panel.harness.type_text(panel["featureSearchLineEdit"], "run entropy")
    assert panel.shown_features() == ["glrlm_RunEntropy"]
    panel.check_feature(panel.feature("glrlm_RunEntropy"))
    assert "glrlm_RunEntropy" in panel.checked()
    panel.harness.type_text(panel["featureSearchLineEdit"], "spher")
    assert panel.feature("shape2D_Sphericity").text(1) == "0.800 ± 0.100"
    panel.ready().apply()
    assert set(panel.worker.request["features"]) == {*default_features(2), "glrlm_RunEntropy"}
    panel.click("defaultFeaturesButton")
    assert set(panel.checked()) == set(default_features(2)) and not panel["defaultFeaturesButton"].enabled


def test_a_group_is_checked_as_one_and_one_feature_has_to_stay(panel):
    tree = panel["featureTree"]
    panel.harness.type_text(panel["featureSearchLineEdit"], "ngtdm")
    group = next(tree.topLevelItem(i) for i in range(tree.topLevelItemCount) if not tree.topLevelItem(i).isHidden())
    panel.check_feature(group)
    assert sum(name.startswith("ngtdm") for name in panel.checked()) == 5
    panel.parameters.features = "ngtdm_Busyness"
    panel.harness.wait()
    assert panel.checked() == ["ngtdm_Busyness"]
    panel.check_feature(panel.feature("ngtdm_Busyness"))
    assert panel.checked() == ["ngtdm_Busyness"]
    assert panel["statusLabel"].text == "One feature has to stay."


def test_features_of_the_other_dimensions_are_remembered(panel):
    panel.parameters.features = "shape2D_Perimeter glcm_Contrast"
    panel.choose_model("small")
    assert panel.checked() == ["glcm_Contrast"]
    assert "has no normal ranges" in panel["featuresLabel"].text
    panel.harness.type_text(panel["featureSearchLineEdit"], "flatness")
    panel.check_feature(panel.feature("shape_Flatness"))
    panel.choose_model("bright-around")
    assert panel.checked() == ["shape2D_Perimeter", "glcm_Contrast"]


def test_how_to_dream_is_chosen(panel):
    panel.ready()
    panel.harness.choose(panel["directionComboBox"], "Dream it away (descent)")
    panel.harness.type_text(panel["iterationsSpinBox"], "80")
    panel.click("randomWeightsCheckBox")
    panel.harness.choose(panel["activationComboBox"], "Probability")
    panel.harness.choose(panel["gradientComboBox"], "Raw")
    assert panel["stepLabel"].text == "Factor:"
    panel.harness.type_text(panel["stepSpinBox"], "0.5")
    panel.harness.type_text(panel["minimumGainSpinBox"], "2")
    panel.harness.type_text(panel["patienceSpinBox"], "20")
    panel.harness.type_text(panel["framesLineEdit"], "0, ten")
    assert panel.reason == "'ten' is not an iteration. Separate the frames' iterations by commas."
    panel.harness.type_text(panel["framesLineEdit"], "0, 10 40")
    panel.harness.type_text(panel["framesEverySpinBox"], "5")
    assert not panel.reason
    panel.apply()
    expected = {"direction": "descent", "iterations": 80, "activation": "probability", "gradient": "raw", "step": 0.5,
                "minimum_gain": 0.02, "patience": 20, "frames": [0, 10, 40], "every": 5,
                "baselines": ["random-weights"]}  # fmt: skip
    assert {name: panel.worker.request[name] for name in expected} == expected


def test_a_step_of_zero_is_refused_in_words(panel):
    panel.ready()
    panel.parameters.step = 0.0
    panel.harness.wait()
    assert panel.reason == "Option 'step' of a dream must be a number above 0, not 0.0."
