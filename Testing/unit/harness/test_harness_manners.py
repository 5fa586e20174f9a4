"""Qt objects in the harness have the manners of PythonQt: what they answer, what they refuse, what they pass on."""

import pytest

pytest.importorskip("PySide6", reason="the harness needs PySide6")
pytest.importorskip("slicer", reason="the harness needs slicer-core")

import slicer  # noqa: E402
from clean_harness import harness  # noqa: E402, F401


@pytest.fixture
def button(harness):
    import qt

    return qt.QPushButton("Apply")


def test_properties_are_attributes_not_calls(button):
    import qt

    assert (button.text, button.enabled, button.checkable, button.visible) == ("Apply", True, False, False)
    button.text = "Run"
    button.setText(button.text + "!")
    assert button.text == "Run!" and button.width == button.size.width()
    combo, spin, edit = qt.QComboBox(), qt.QSpinBox(), qt.QTextEdit()
    combo.addItem("T1", "key")
    spin.value = 7
    edit.setPlainText("words")
    assert (combo.currentText, combo.currentIndex, combo.currentData, combo.count) == ("T1", 0, "key", 1)
    assert (spin.value, edit.plainText, combo.objectName) == (7, "words", "")
    for called, kind in ((lambda: button.text(), "str"), (lambda: combo.count(), "int"), (lambda: spin.value(), "int")):
        with pytest.raises(TypeError, match=f"'{kind}' object is not callable"):
            called()
    with pytest.raises(AttributeError):
        button.width = 40


def test_what_is_no_property_stays_a_call(button):
    import qt

    button.checkable = True
    button.checked = True
    combo, edit, items = qt.QComboBox(), qt.QTextEdit(), qt.QListWidget()
    combo.addItem("T1", "key")
    edit.setPlainText("words")
    items.addItem("first")
    assert button.isChecked() and button.isEnabled() and not button.isVisible()
    assert (edit.toPlainText(), combo.itemData(0), items.item(0).text()) == ("words", "key", "first")
    assert button.layout() is None and button.parent() is None


def test_unknown_attribute_is_refused_on_a_widget_and_allowed_on_a_python_subclass(harness, button):
    import ctk
    import qt

    for widget in (button, ctk.ctkSliderWidget(), slicer.qMRMLNodeComboBox(), qt.QTimer(), slicer.app):
        with pytest.raises(AttributeError):
            widget.favorite = 1
        with pytest.raises(AttributeError):
            widget._state = 1

    class Panel(qt.QWidget):
        pass

    own = Panel()
    own.favorite = 1
    assert own.favorite == 1
    for name in ("x", "y", "width", "height"):
        with pytest.raises(AttributeError, match=name):
            setattr(own, name, 1)


def test_unknown_signal_gives_false_and_is_reported(harness, button):
    for signature in ("pushed()", "clicked(int)", "clicked(bool,bool)", "clicked", "checkStateChanged(int)"):
        with harness.expecting(signature.split("(")[0]):
            assert button.connect(signature, print) is False
        with harness.expecting(signature.split("(")[0]):
            assert button.disconnect(signature, print) is False
    with harness.expecting("does not exist"):
        assert not slicer.qMRMLNodeComboBox().connect("currentNodeChanged(vtkMRMLVolumeNode*)", print)
    assert button.connect("clicked()", print) is True


def test_signal_arguments_are_cut_to_what_the_slot_takes(harness, button):
    import qt

    heard = []
    button.checkable = True
    button.connect("clicked(bool)", lambda *arguments: heard.append(("bool", arguments)))
    button.connect("clicked()", lambda *arguments: heard.append(("none", arguments)))
    button.connect("clicked(bool)", lambda: heard.append(("cut", ())))
    button.clicked.connect(lambda: heard.append(("bound", ())))
    button.click()
    assert sorted(heard) == [("bool", (True,)), ("bound", ()), ("cut", ()), ("none", ())]
    slot = heard.append
    assert button.connect("toggled(bool)", slot) and button.disconnect("toggled(bool)", slot)
    heard.clear()
    button.checked = False
    assert heard == []
    combo = qt.QComboBox()
    combo.addItems(["a", "b"])
    combo.currentIndexChanged.connect(heard.append)
    combo.setCurrentIndex(1)
    assert heard[-1] == 1


def test_a_slot_knows_no_sender(harness, button):
    with harness.expecting("has no attribute named 'sender'"), pytest.raises(AttributeError):
        button.sender()


def test_a_class_does_not_know_its_bases(harness, button):
    import ctk
    import qt

    assert isinstance(button, qt.QPushButton) and not isinstance(button, qt.QWidget)
    assert button.inherits("QWidget") and button.inherits("QAbstractButton") and not button.inherits("QLabel")
    assert not isinstance(ctk.ctkSliderWidget(), qt.QWidget)

    class Panel(qt.QWidget):
        pass

    assert isinstance(Panel(), Panel) and isinstance(Panel(), qt.QWidget) and not isinstance(Panel(), qt.QObject)
    assert not isinstance(None, qt.QWidget) and not isinstance("text", qt.QWidget)


def test_enumerations_are_numbers(harness):
    import qt

    box = qt.QCheckBox()
    heard = []
    box.connect("stateChanged(int)", heard.append)
    box.checked = True
    assert heard == [qt.Qt.Checked]
    assert int(qt.Qt.Checked) == 2 and str(qt.Qt.Checked) == f"{qt.Qt.Checked}" == "2"
    assert qt.Qt.CheckState.Checked == qt.Qt.Checked > qt.Qt.PartiallyChecked > 0
    assert not qt.Qt.Unchecked and qt.Qt.Checked
    assert box.checkState() == qt.Qt.Checked != qt.Qt.Unchecked
    assert qt.QProcess().state() == qt.QProcess.NotRunning == 0
    assert qt.QAbstractItemView.SelectionBehavior.SelectRows == qt.QAbstractItemView.SelectRows == 1


def test_dialogs_run_with_and_without_underscore(harness):
    import qt

    harness.answer(lambda dialog: dialog.accept(), lambda dialog: dialog.reject())
    assert qt.QDialog().exec_() == qt.QDialog.Accepted
    assert qt.QDialog().exec() == qt.QDialog.Rejected


def test_a_signal_blocker_is_of_no_use(harness, button):
    import qt

    with pytest.raises(AttributeError):
        qt.QSignalBlocker(button)
    assert button.blockSignals(True) is False and button.blockSignals(False) is True


def test_a_tool_tip_reads_back_as_a_paragraph(button):
    assert button.toolTip == ""
    button.toolTip = "Runs it"
    assert button.toolTip == "<p>Runs it</p>"
    button.setToolTip(button.toolTip)
    assert button.toolTip == "<p>Runs it</p>"


def test_what_is_empty_or_null_is_false(harness):
    import qt

    for empty in (qt.QVBoxLayout(), qt.QGridLayout(), qt.QFormLayout(), qt.QMenu(), qt.QIcon(), qt.QTextDocument()):
        assert not empty
    menu, panel = qt.QMenu("Models"), qt.QWidget()
    menu.addAction("Import")
    layout = qt.QVBoxLayout(panel)
    layout.addWidget(qt.QLabel("Model:"))
    assert menu and layout and panel and qt.QLabel("")
    panel.layout().takeAt(0)
    assert not panel.layout() and panel.layout() is not None


def test_empty_layout_is_not_among_the_variables_of_a_panel(harness):
    import qt

    panel = qt.QWidget()
    column = qt.QVBoxLayout(panel)
    column.objectName = "column"
    assert not hasattr(slicer.util.childWidgetVariables(panel), "column")
    label = qt.QLabel()
    label.objectName = "label"
    column.addWidget(label)
    assert slicer.util.childWidgetVariables(panel).column is column
    assert slicer.util.childWidgetVariables(panel).label is label


def test_a_layout_owns_what_is_laid_out(harness):
    import qt

    panel, label = qt.QWidget(), qt.QLabel("T1")
    qt.QVBoxLayout(panel).addWidget(label)
    assert label.parent() is panel
    inner = qt.QHBoxLayout()
    panel.layout().addLayout(inner)
    inner.addWidget(qt.QLabel("T2"))
    assert [each.text for each in panel.findChildren(qt.QLabel)] == ["T1", "T2"]
    panel.delete()
    harness.app.sendPostedEvents(None, 52)  # QEvent.DeferredDelete
    for gone in (lambda: label.text, lambda: inner.count(), lambda: panel.show()):
        with pytest.raises((RuntimeError, ValueError)):
            gone()


def test_an_event_filter_in_python_must_be_removed_before_the_end(harness):
    import qt

    class Filter(qt.QObject):
        def eventFilter(self, watched, event):
            return False

    filters, window = [Filter(), Filter()], slicer.util.mainWindow()
    for each in filters:
        window.installEventFilter(each)
    window.removeEventFilter(filters[0])
    with pytest.raises(AssertionError, match="Filter is still the event filter"):
        harness.close()
    harness.reset()
