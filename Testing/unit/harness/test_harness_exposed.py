"""Only what PythonQt exposes of a C++ class is there: the tables of names, and the stand-ins held to them."""

import pytest

pytest.importorskip("PySide6", reason="the harness needs PySide6")
pytest.importorskip("slicer", reason="the harness needs slicer-core")

import slicer  # noqa: E402
from clean_harness import harness  # noqa: E402, F401

from Testing.harness import exposed  # noqa: E402
from Testing.harness.standins import stands_for, widget_classes  # noqa: E402


def test_tables_have_the_names_of_the_headers():
    table = exposed.table()
    assert {"text", "setText", "wordWrap", "enabled", "resize", "objectName", "inherits"} <= table["QLabel"].names
    assert {"clicked()", "clicked(bool)", "destroyed()"} <= table["QPushButton"].signals
    assert "isChecked" in table["QCheckBox"].methods and "checked" in table["QCheckBox"].properties
    assert {"exec", "exec_"} <= table["QDialog"].methods
    assert "toPlainText" in table["QTextEdit"].methods and "plainText" in table["QTextEdit"].properties
    assert "checkStateChanged" not in table["QCheckBox"].names, "that is Qt 6"
    assert "sender" not in table["QObject"].names
    assert all(one.base in table for one in table.values() if one.base)


def test_every_public_attribute_of_a_stand_in_is_in_its_table(harness):
    made = {cls: exposed.table()[name].names for cls, name in exposed._cpp_names.items()}
    assert set(widget_classes.values()) < set(made)
    for cls, names in made.items():
        offered = {
            name
            for name in dir(cls)
            if exposed._is_offered(name) and not isinstance(vars(cls).get(name), exposed._Refused)
        }
        assert offered <= names, cls
        instance_state = {name for name in _made(cls) if exposed._is_offered(name)}
        assert instance_state <= names, cls


def _made(cls) -> dict:
    """Attributes that an object of the class gets when it is made."""
    objects = {"Application": slicer.app, "MainWindow": slicer.util.mainWindow(), "Module": slicer.modules.volumes}
    try:
        return vars(objects.get(cls.__name__) or cls())
    except TypeError:  # what needs arguments is made by the application alone
        return {}


@pytest.mark.parametrize(
    ("find", "name"),
    [
        (lambda manager: manager.plotWidget(0).plotView(), "mrmlPlotViewNode"),
        (lambda manager: manager.plotWidget(0).plotView(), "mrmlScene"),
        (lambda manager: manager.plotWidget(0).plotView(), "forceRender"),
        (lambda manager: manager.sliceWidget("Red").sliceView(), "sliceLogic"),
        (lambda manager: manager.sliceWidget("Red").sliceView(), "renderer"),
        (lambda manager: manager, "open"),
        (lambda manager: slicer.qMRMLNodeComboBox(), "setNodeTypes"),
        (lambda manager: slicer.util.mainWindow(), "panel"),
        (lambda manager: slicer.app.moduleManager(), "load"),
    ],
)
def test_what_is_no_slot_and_not_invokable_is_not_there(harness, find, name):
    slicer.app.layoutManager().setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutConventionalPlotView)
    with pytest.raises(AttributeError, match=f"'?{name}'?"):
        getattr(find(slicer.app.layoutManager()), name)
    if harness.problems():
        with pytest.raises(AssertionError, match=name):
            harness.check()
        harness.reset()


def test_what_qt_6_has_and_qt_5_has_not_is_refused_and_reported(harness):
    import qt

    for made, name in ((qt.QCheckBox(), "checkStateChanged"), (qt.QFormLayout(), "setRowVisible")):
        with harness.expecting(f"has no attribute named '{name}'"), pytest.raises(AttributeError, match=name):
            getattr(made, name)
    for made in (qt.QColor("red"), qt.QSize(2, 3)):
        with harness.expecting("toTuple"), pytest.raises(AttributeError):
            made.toTuple()
    assert not hasattr(qt.QLabel(), "no such name at all")


def test_a_stand_in_with_a_name_of_its_own_cannot_be_written(harness):
    from PySide6 import QtWidgets

    with pytest.raises(TypeError, match="does not expose of qMRMLPlotView: mrmlPlotViewNode"):

        @stands_for("qMRMLPlotView")
        class View(QtWidgets.QWidget):
            def mrmlPlotViewNode(self):
                return None
