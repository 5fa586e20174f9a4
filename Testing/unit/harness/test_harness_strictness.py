"""The harness refuses what PythonQt refuses, and reports what Slicer only prints."""

import sys
from pathlib import Path

import pytest

pytest.importorskip("PySide6", reason="the harness needs PySide6")
pytest.importorskip("slicer", reason="the harness needs slicer-core")

import slicer  # noqa: E402
from clean_harness import harness  # noqa: E402, F401

from Testing.harness import start  # noqa: E402

EXAMPLE = Path(__file__).parents[2] / "harness" / "example" / "HarnessExample" / "HarnessExample.py"
UI = """<ui version="4.0"><class>Panel</class>
<widget class="qMRMLWidget" name="Panel"><layout class="QVBoxLayout" name="column">
<item><widget class="{widget_class}" name="selector">{properties}</widget></item></layout></widget>
<customwidgets>
<customwidget><class>qMRMLWidget</class><extends>QWidget</extends><container>1</container></customwidget>
<customwidget><class>{widget_class}</class><extends>QWidget</extends></customwidget>
</customwidgets><connections>{connections}</connections></ui>"""
NODE_TYPES = '<property name="nodeTypes"><stringlist><string>vtkMRMLScalarVolumeNode</string></stringlist></property>'
CONNECTION = (
    "<connection><sender>Panel</sender><signal>mrmlSceneChanged(vtkMRMLScene*)</signal>"
    "<receiver>selector</receiver><slot>setMRMLScene(vtkMRMLScene*)</slot></connection>"
)


@pytest.fixture
def load_ui(harness, tmp_path):
    """Function that loads a panel with one widget as `slicer.util.loadUI` does."""

    def load(widget_class="qMRMLNodeComboBox", properties=NODE_TYPES, connections=CONNECTION):
        path = tmp_path / "Panel.ui"
        path.write_text(UI.format(widget_class=widget_class, properties=properties, connections=connections))
        return slicer.util.loadUI(str(path))

    return load


@pytest.fixture
def button(harness):
    import qt

    return qt.QPushButton("Apply")


def test_exception_in_a_slot_is_reported(harness, button):
    def fail():
        raise ValueError("nobody hears this")

    button.connect("clicked()", fail)
    with harness.expecting("nobody hears this"):
        button.click()
    button.click()
    assert harness.problems()[0].kind == "exception"
    with pytest.raises(AssertionError, match="nobody hears this"):
        harness.check()
    harness.reset()


def test_exception_in_a_scene_observer_is_reported(harness):
    def fail(caller, event):
        raise ValueError("observer")

    tag = slicer.mrmlScene.AddObserver(slicer.mrmlScene.NodeAddedEvent, fail)
    with harness.expecting("observer"):
        slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTextNode")
    slicer.mrmlScene.RemoveObserver(tag)


def test_names_that_pythonqt_lacks_are_refused(harness):
    import qt

    for name in ("QSignalBlocker", "Signal", "Slot", "QNoSuchWidget"):
        with pytest.raises(AttributeError):
            getattr(qt, name)


def test_unknown_widget_class_is_refused(harness, load_ui):
    with harness.expecting("no widget class qMRMLMagicWand"), pytest.raises(RuntimeError, match="qMRMLMagicWand"):
        load_ui(widget_class="qMRMLMagicWand", properties="", connections="")


def test_misspelled_property_is_refused(harness, load_ui):
    misspelled = '<property name="nodeType"><string>vtkMRMLScalarVolumeNode</string></property>'
    with harness.expecting("nodeType"), pytest.raises(RuntimeError, match="has no property 'nodeType'"):
        load_ui(properties=misspelled)


def test_wrong_connections_are_refused(harness, load_ui):
    for before, after in (
        ("mrmlSceneChanged", "sceneChanged"),
        ("setMRMLScene", "setScene"),
        (">selector<", ">other<"),
    ):
        with harness.expecting(""), pytest.raises((RuntimeError, ValueError)):
            load_ui(connections=CONNECTION.replace(before, after))


def test_selector_without_connection_stays_gray(harness, load_ui):
    volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "T1")
    connected, forgotten = load_ui(), load_ui(connections="")
    for panel in (connected, forgotten):
        panel.setMRMLScene(slicer.mrmlScene)
    connected, forgotten = (slicer.util.findChild(panel, "selector") for panel in (connected, forgotten))
    assert connected.enabled and connected.currentNode() is volume
    assert not forgotten.enabled and forgotten.currentNode() is None


def test_dead_widget_no_longer_observes_the_scene(harness, load_ui):
    panel = load_ui()
    panel.setMRMLScene(slicer.mrmlScene)
    panel.deleteLater()
    del panel
    harness.reset()
    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "later")
    assert not harness.problems()


def test_selector_follows_names_removal_and_attributes(harness, load_ui):
    panel = load_ui()
    panel.setMRMLScene(slicer.mrmlScene)
    selector = slicer.util.findChild(panel, "selector")
    selector.noneEnabled = True
    selector.addAttribute("vtkMRMLScalarVolumeNode", "Sequence", "T1")
    first, second = (slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name) for name in ("a", "b"))
    assert selector.nodeCount() == 0
    second.SetAttribute("Sequence", "T1")
    assert selector.nodeCount() == 1
    heard = []
    selector.connect("currentNodeChanged(vtkMRMLNode*)", heard.append)
    selector.setCurrentNode(second)
    second.SetName("renamed")
    assert slicer.util.findChildren(selector, className="QComboBox")[0].currentText == "renamed"
    selector.setCurrentNode(first)
    assert selector.currentNode() is None
    selector.setCurrentNodeID(second.GetID())
    slicer.mrmlScene.RemoveNode(second)
    assert heard == [second, None, second, None]


def test_selector_takes_the_next_node_when_the_current_one_is_removed(harness, load_ui):
    panel = load_ui()
    panel.setMRMLScene(slicer.mrmlScene)
    selector = slicer.util.findChild(panel, "selector")
    selector.noneEnabled = True
    first, second = (slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name) for name in ("a", "b"))
    selector.setCurrentNode(first)
    slicer.mrmlScene.RemoveNode(first)
    assert selector.currentNode() is second
    slicer.mrmlScene.RemoveNode(second)
    assert selector.currentNode() is None


def test_slider_without_range_and_combo_without_choices_are_refused(harness):
    import ctk
    import qt
    from slicer.parameterNodeWrapper import parameterNodeWrapper

    @parameterNodeWrapper
    class Node:
        number: float
        word: str

    node = Node(slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScriptedModuleNode"))
    with pytest.raises(RuntimeError, match="range"):
        node.connectParametersToGui({"number": ctk.ctkSliderWidget()})
    with pytest.raises(RuntimeError, match="choices"):
        node.connectParametersToGui({"word": qt.QComboBox()})
    with pytest.raises(RuntimeError, match="Unable to create GUI connector"):
        node.connectParametersToGui({"word": qt.QSpinBox()})


def test_unanswered_question_is_reported(harness):
    with harness.expecting("nobody answered"):
        assert not slicer.util.confirmOkCancelDisplay("Really?")
    harness.answer("OK")
    slicer.util.errorDisplay("It broke", detailedText="here")
    assert slicer.util.confirmOkCancelDisplay("Really?")
    slicer.util.errorDisplay("It broke", detailedText="here")
    assert harness.dialogs()[-1].text == "It broke"
    assert harness.dialogs()[-1].details == "here"


def test_answer_that_no_button_has_is_refused(harness):
    harness.answer("Maybe")
    with pytest.raises(AssertionError, match="no button 'Maybe'"):
        slicer.util.confirmYesNoDisplay("Really?")


def test_files_are_chosen_by_the_test(harness):
    import ctk
    import qt

    harness.answer("a.nrrd", None, ["b.nrrd", "c.nrrd"], "folder")
    assert qt.QFileDialog.getOpenFileName(None, "Volume", "", "*.nrrd") == "a.nrrd"
    assert qt.QFileDialog.getSaveFileName(None, "Volume") == ""
    assert qt.QFileDialog.getOpenFileNames(None, "Volumes") == ["b.nrrd", "c.nrrd"]
    edit = ctk.ctkPathLineEdit()
    edit.filters = ctk.ctkPathLineEdit.Dirs
    edit.browse()
    assert edit.currentPath == "folder"


def test_start_gives_the_one_harness(harness):
    assert start() is harness
    assert slicer.util.mainWindow() is harness.main_window


def test_popup_that_closes_by_itself_does_not_wait(harness):
    slicer.util.delayDisplay("Loading", 3000)
    assert harness.dialogs()[-1].text == "Loading"


def test_own_dialog_is_operated_by_the_test(harness):
    import qt

    dialog = qt.QDialog(slicer.util.mainWindow())
    buttons = qt.QDialogButtonBox(qt.QDialogButtonBox.Ok | qt.QDialogButtonBox.Cancel)
    qt.QVBoxLayout(dialog).addWidget(buttons)
    buttons.connect("accepted()", dialog.accept)
    buttons.connect("rejected()", dialog.reject)
    harness.answer(lambda shown: harness.click(buttons.button(qt.QDialogButtonBox.Ok)))
    assert dialog.exec_() == qt.QDialog.Accepted
    harness.answer(lambda shown: harness.click(buttons.button(qt.QDialogButtonBox.Cancel)))
    assert dialog.exec_() == qt.QDialog.Rejected


def test_menu_entry_is_chosen_by_the_test(harness):
    import qt

    chosen = []
    menu = qt.QMenu()
    for text in ("Import", "Delete"):
        menu.addAction(text).connect("triggered()", lambda text=text: chosen.append(text))
    button = qt.QPushButton("Models")
    button.setMenu(menu)
    harness.answer("Delete")
    assert button.menu().exec_().text == "Delete"
    assert chosen == ["Delete"]


def test_reset_leaves_nothing_behind(harness, tmp_path):
    def nodes():
        """Identifiers of all nodes but the subject hierarchy's, which MRML makes anew when it is first asked for."""
        collection = slicer.mrmlScene.GetNodes()
        every = (collection.GetItemAsObject(index) for index in range(collection.GetNumberOfItems()))
        return {node.GetID() for node in every if not node.IsA("vtkMRMLSubjectHierarchyNode")}

    harness.reset()
    before = nodes()
    harness.load_module(EXAMPLE)
    slicer.app.settings().setValue("HarnessExample/Answer", 42)
    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    harness.reset()
    assert nodes() == before
    assert slicer.util.settingsValue("HarnessExample/Answer", None) is None
    assert not hasattr(slicer.modules, "harnessexample")
    assert not slicer.modules.sampleDataSources
    assert "HarnessExample" not in sys.modules


def test_own_buttons_of_a_message_box_are_known(harness):
    import qt

    box = qt.QMessageBox()
    box.text = "Replace the model?"
    replace = box.addButton("Replace", qt.QMessageBox.AcceptRole)
    box.addButton(qt.QMessageBox.Cancel)
    harness.answer("Replace")
    box.exec_()
    assert box.clickedButton() is replace


def test_display_changed_in_a_batch_of_the_scene_is_a_problem(harness):
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsROINode")
    node.CreateDefaultDisplayNodes()
    batch = slicer.mrmlScene.BatchProcessState
    slicer.mrmlScene.StartState(batch)
    node.SetName("Renamed")
    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsROINode").CreateDefaultDisplayNodes()
    slicer.mrmlScene.EndState(batch)
    assert harness.problems() == []
    with harness.expecting("1 display nodes changed in a batch of the scene"):
        slicer.mrmlScene.StartState(batch)
        node.GetDisplayNode().SetVisibility(False)
        slicer.mrmlScene.EndState(batch)


def test_folder_that_changes_with_something_in_it_is_a_problem(harness):
    scene, hierarchy = slicer.mrmlScene, slicer.mrmlScene.GetSubjectHierarchyNode()
    folder = scene.AddNewNodeByClass("vtkMRMLFolderDisplayNode", "Findings")
    item = hierarchy.CreateFolderItem(hierarchy.GetSceneItemID(), "Findings")
    hierarchy.SetItemDataNode(item, folder)
    folder.SetAttribute("while", "empty")
    hierarchy.CreateItem(item, scene.AddNewNodeByClass("vtkMRMLMarkupsROINode"))
    assert harness.problems() == []
    with harness.expecting("folder 'Findings' changed"):
        folder.SetNodeReferenceID("to", folder.GetID())


def test_display_may_change_while_a_scene_is_loaded(harness):
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsROINode")
    node.CreateDefaultDisplayNodes()
    slicer.mrmlScene.StartState(slicer.mrmlScene.ImportState)
    node.GetDisplayNode().SetVisibility(False)
    slicer.mrmlScene.EndState(slicer.mrmlScene.ImportState)
    assert harness.problems() == []


def test_exception_that_somebody_logs_is_reported(harness):
    import logging

    with harness.expecting("it went on"):
        try:
            raise ValueError("broken")
        except ValueError:
            logging.exception("it went on")
    logging.error("no exception")
    assert not harness.problems()


def test_a_segmentation_without_an_item_in_the_subject_hierarchy_is_reported(harness):
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Liver")
    node.GetSegmentation().AddEmptySegment()
    assert not harness.problems()
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    hierarchy.RemoveItem(hierarchy.GetItemByDataNode(node), False, False)
    with harness.expecting("Unable to find subject hierarchy item"):
        node.GetSegmentation().AddEmptySegment()
