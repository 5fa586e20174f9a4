"""*Fine-tune the model*: what is asked, what the worker is told, and that the new model is chosen."""

import pytest
import slicer
from bundle_factory import write_bundle
from liver_multimodal_factory import panel  # noqa: F401

from liverpair.worker.protocol import ResultEvent


@pytest.fixture
def asked(panel, tmp_path):
    """The panel with everything chosen for a fine-tuning."""
    panel.enter()
    panel["detailsButton"].collapsed = False
    assert not panel["fineTuneButton"].isVisible()  # it is for researchers, and folded away
    panel["fineTuneSectionButton"].collapsed = False
    (tmp_path / "studies").mkdir()
    panel["fineTuneStudiesEdit"].currentPath = str(tmp_path / "studies")
    panel["fineTuneNameEdit"].text = "ours"
    panel["fineTuneStepsBox"].value = 120
    panel.harness.wait()
    return panel


def test_what_is_missing_is_said_one_thing_after_another(panel, tmp_path):
    panel.enter()
    panel["detailsButton"].collapsed = False
    panel.harness.wait()
    assert "Choose the folder of your studies" in panel["fineTuneReasonLabel"].text
    panel["fineTuneStudiesEdit"].currentPath = str(tmp_path)
    assert panel["fineTuneReasonLabel"].text.startswith("Name the new model.")
    panel["fineTuneNameEdit"].text = "Our Model"
    assert panel["fineTuneReasonLabel"].text.startswith("Name the new model.") and not panel["fineTuneButton"].enabled
    panel["fineTuneNameEdit"].text = panel.parameters.model
    assert "There is already a model" in panel["fineTuneReasonLabel"].text
    panel["fineTuneNameEdit"].text = "ours"
    assert not panel["fineTuneReasonLabel"].isVisible() and panel["fineTuneButton"].enabled


def test_the_worker_trains_and_the_new_model_is_chosen(asked, tmp_path):
    earlier = asked.parameters.model
    asked.click("fineTuneButton")
    job = asked.worker.job
    assert job["job"] == "fine_tune"
    assert job["request"] == {
        "model": earlier, "studies": str(tmp_path / "studies"), "name": "ours", "steps": 120, "device": "auto",
    }  # fmt: skip
    asked.worker.progress(0.5, "Training: step 60 of 120")
    assert asked["progressLabel"].text == "Training: step 60 of 120" and not asked["applyButton"].enabled
    slicer.mrmlScene.Clear(0)  # it looks at nothing in the scene
    assert not asked.worker.was_cancelled
    write_bundle(asked.logic.catalogue.user_root / "ours", name="ours")
    notes = ["On the studies kept aside: Dice in T1 0.900 before, 0.930 after."]
    asked.worker.transport.say(ResultEvent(job["id"], {"model": "ours", "trained_on": ["a", "b"], "notes": notes}))
    asked.harness.wait()
    assert asked.status == f"The model 'ours' was trained on 2 studies. {notes[0]}"
    assert asked.parameters.model == "ours" and "ours" in asked["modelComboBox"].currentText


def test_it_is_cancelled_with_the_button_of_every_run_and_its_failure_is_one_sentence(asked):
    asked.click("fineTuneButton")
    asked.click("cancelButton")
    asked.worker.cancelled()
    assert asked.status == "Cancelled; the same fine-tuning goes on from where it was."
    asked.click("fineTuneButton")
    asked.worker.fail("input", "'studies' holds 1 annotated study; two are needed at least.", "Annotate more.")
    assert asked.status == "'studies' holds 1 annotated study; two are needed at least. Annotate more."


def test_a_model_of_another_tool_is_for_that_tool_to_train(asked, monkeypatch):
    from LiverPairLib import panelcontext

    class Foreign:
        name, foreign = "theirs", object()

    monkeypatch.setattr(panelcontext.PanelContext, "bundle", property(lambda context: Foreign))
    asked["fineTuneNameEdit"].text = "other"
    assert "'theirs' was trained by another tool" in asked["fineTuneReasonLabel"].text
