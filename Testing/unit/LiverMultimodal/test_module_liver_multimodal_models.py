"""Listing, importing, deleting and reading about models, with real clicks and answered dialogs."""

import pytest
import slicer
from bundle_factory import edit_manifest, write_bundle, zip_folder
from liver_multimodal_factory import panel  # noqa: F401
from nnunet_factory import write_folder

from liverpair.bundle.catalogue import DEFAULT_LIVER_MODEL
from liverpair.core.sides import Side


@pytest.fixture
def other(tmp_path):
    """A second bundle, somewhere on the disk."""
    folder = tmp_path / "download" / "other"
    cleanup = {"threshold": 0.5, "largest_component": False, "fill_holes": False}
    return write_bundle(folder, name="other", version="2.1", strategy="single", postprocessing=cleanup).folder


def entries(panel) -> list[str]:
    box = panel["modelComboBox"]
    return [box.itemText(row) for row in range(box.count)]


def test_installed_models_are_listed_and_the_first_is_chosen(panel):
    assert entries(panel) == ["small 1.0"]
    assert panel.parameters.model == "small"
    assert panel["largestComponentCheckBox"].checked


def test_the_model_for_livers_is_chosen_first_whatever_else_there_is(panel):
    for name in ("another", DEFAULT_LIVER_MODEL):
        write_bundle(panel.logic.catalogue.user_root / name, name=name, version="1.0", strategy="single")
    panel.parameters.model = ""
    panel.enter()
    assert panel.parameters.model == DEFAULT_LIVER_MODEL and entries(panel)[0].startswith(DEFAULT_LIVER_MODEL)


def test_a_model_is_imported_from_a_folder_and_chosen(panel, other):
    panel.harness.answer(str(other))
    panel.click("importFolderButton")
    assert entries(panel) == ["other 2.1", "small 1.0"]
    assert panel.parameters.model == "other"
    assert panel["modelComboBox"].currentText == "other 2.1"
    assert not panel["largestComponentCheckBox"].checked


def test_a_model_is_imported_from_a_zip_file(panel, other, tmp_path):
    panel.harness.answer(str(zip_folder(other, tmp_path / "other.zip", "other/")))
    panel.click("importZipButton")
    assert panel.parameters.model == "other"


def test_choosing_a_model_is_kept_and_used(panel, other):
    panel.harness.answer(str(other))
    panel.click("importFolderButton")
    panel.harness.choose(panel["modelComboBox"], "small 1.0")
    assert panel.parameters.model == "small"
    panel.add_pair()
    panel.apply()
    assert panel.worker.request["model"][0].endswith("small")


def test_an_import_that_is_called_off_changes_nothing(panel):
    panel.harness.answer(None)
    panel.click("importFolderButton")
    assert entries(panel) == ["small 1.0"]


def test_a_folder_that_is_no_model_is_refused_in_one_sentence(panel, tmp_path):
    (tmp_path / "pictures").mkdir()
    panel.harness.answer(str(tmp_path / "pictures"))
    panel.click("importFolderButton")
    assert panel.harness.dialogs()[-1].text.startswith("'pictures' is not a model")
    assert entries(panel) == ["small 1.0"]


def test_a_model_with_damaged_weights_is_refused_in_one_sentence(panel, other):
    edit_manifest(other, sha256="0" * 64)
    panel.harness.answer(str(other))
    panel.click("importFolderButton")
    assert "checksum" in panel.harness.dialogs()[-1].text
    assert entries(panel) == ["small 1.0"]


def test_a_model_is_deleted_after_a_question(panel, other):
    panel.harness.answer(str(other))
    panel.click("importFolderButton")
    panel.harness.answer("Cancel")
    panel.click("deleteModelButton")
    assert panel.parameters.model == "other"
    panel.harness.answer("OK")
    panel.click("deleteModelButton")
    assert "Delete the model 'other'" in panel.harness.dialogs()[-1].text
    assert entries(panel) == ["small 1.0"]
    assert panel.parameters.model == "small"


def test_without_a_model_the_user_is_asked_to_import_one(panel):
    panel.add_pair()
    panel.harness.answer("OK")
    panel.click("deleteModelButton")
    assert entries(panel) == ["No model is installed"]
    assert panel.reason == "There is no model. Import one from a folder or a zip file."
    assert not panel["deleteModelButton"].enabled and not panel["modelCardButton"].enabled


def test_models_that_ship_cannot_be_deleted(panel, tmp_path):
    write_bundle(tmp_path / "shipped" / "shipped", name="shipped", strategy="single")
    panel.logic.catalogue.roots[0] = tmp_path / "shipped"
    panel.enter()
    panel.harness.choose(panel["modelComboBox"], "shipped 1.0")
    assert not panel["deleteModelButton"].enabled
    assert "Only imported models" in panel["deleteModelButton"].toolTip
    assert panel["modelCardButton"].enabled


def test_the_card_is_shown(panel):
    seen = []

    def look(dialog):
        import qt

        seen.append((dialog.windowTitle, dialog.findChild(qt.QTextBrowser, "ModelCardText").plainText))

    panel.harness.answer(look)
    panel.click("modelCardButton")
    ((title, text),) = seen
    assert title == "Model small 1.0"
    assert "Twelve drawn spheres" in text and "How good it is" in text and "##" not in text


def test_a_scene_that_names_a_model_which_is_not_installed_says_so(panel):
    panel.add_pair()
    panel.parameters.model = "elsewhere"
    panel.enter()
    assert panel["modelComboBox"].currentText == "elsewhere (not installed)"
    assert panel.reason == "Model 'elsewhere' is not installed. Import it or choose another."
    panel.harness.choose(panel["modelComboBox"], "small 1.0")
    assert entries(panel) == ["small 1.0"]
    assert panel["applyButton"].enabled


def test_a_damaged_model_is_left_out_with_its_reason(panel):
    edit_manifest(panel.logic.catalogue.user_root / "small", sha256="0" * 64)
    panel.enter()
    assert "checksum" in panel["modelProblemLabel"].text and panel["modelProblemLabel"].isVisible()
    assert panel["modelComboBox"].currentText == "small (not installed)"


@pytest.mark.parametrize(("inputs", "chosen", "sentence"), [
    (["T1"], Side.T2, "Model 'own' is not for T2. Leave T2 empty or choose another model."),
    (["T2"], Side.T2, ""),
])  # fmt: skip
def test_volumes_that_do_not_fit_the_model_are_said(panel, tmp_path, inputs, chosen, sentence):
    own = write_bundle(tmp_path / "download" / "own", name="own", inputs=inputs, strategy="single")
    panel.harness.answer(str(own.folder))
    panel.click("importFolderButton")
    panel.add_pair()
    panel.harness.choose(panel["t2VolumeSelector" if chosen == Side.T1 else "t1VolumeSelector"], "None")
    assert panel.reason == sentence


def test_a_model_of_nnunet_is_imported_with_the_label_that_is_chosen(panel, tmp_path):
    folder = write_folder(tmp_path / "theirs")

    def fill_in(dialog):
        panel.harness.type_text(slicer.util.findChild(dialog, "ForeignNameEdit"), "theirs")
        assert slicer.util.findChild(dialog, "ForeignLiverBox").currentText == "liver"
        assert slicer.util.findChild(dialog, "ForeignLesionsBox").currentText == "lesion"
        slicer.util.findChild(dialog, "ForeignReferBox").setChecked(True)
        return dialog.accept()

    panel.harness.answer(str(folder), fill_in)
    panel.click("importFolderButton")
    assert "theirs 1" in entries(panel) and panel.parameters.model == "theirs"
    bundles = {bundle.name: bundle for bundle in panel.logic.catalogue.list()}
    assert bundles["theirs-lesions"].task == "detection" and bundles["theirs"].foreign.folder == str(folder)
    panel.harness.answer(str(folder), lambda dialog: dialog.reject())
    panel.click("importFolderButton")
    assert panel.parameters.model == "theirs"
