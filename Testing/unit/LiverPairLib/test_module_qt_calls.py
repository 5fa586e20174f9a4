"""Every attribute of Qt, ctk and qMRML that the modules' sources name is one that PythonQt exposes of the class.

Read from the sources, so that lines that no test runs are held to it as well.
"""

import ast
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

pytest.importorskip("PySide6", reason="the harness needs PySide6")
pytest.importorskip("slicer", reason="the harness needs slicer-core")

from Testing.harness import exposed  # noqa: E402

ROOT = Path(__file__).parents[3]
FOLDERS = ("LiverMultimodal", "LesionPairDetect", "DeepDreamInspector", "LiverPairLib")
SOURCES = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
RETURNS = {
    "layoutManager": "qSlicerLayoutManager", "mainWindow": "qSlicerMainWindow", "plotWidget": "qMRMLPlotWidget",
    "plotView": "qMRMLPlotView", "sliceWidget": "qMRMLSliceWidget", "sliceView": "qMRMLSliceView",
    "horizontalHeader": "QHeaderView", "verticalHeader": "QHeaderView", "horizontalHeaderItem": "QTableWidgetItem",
    "viewport": "QWidget", "selectionModel": "QItemSelectionModel", "layout": "QLayout", "menu": "QMenu",
    "focusWidget": "QWidget", "moduleManager": "qSlicerModuleManager",
}  # fmt: skip
"""What some methods return, whatever they are asked of."""
ITEMS = {"QTableWidget": "QTableWidgetItem", "QTreeWidget": "QTreeWidgetItem", "QListWidget": "QListWidgetItem"}


def ui_classes() -> dict[str, str]:
    """The class of every named widget and layout in the modules' .ui files."""
    found = {}
    for path in (path for folder in FOLDERS for path in (ROOT / folder).rglob("*.ui")):
        for element in ElementTree.parse(path).iter():
            if element.tag in ("widget", "layout") and element.get("name"):
                found[element.get("name")] = element.get("class")
    return found


class Reader(ast.NodeVisitor):
    """Collects what a source asks of objects whose class can be told: `asked` are (line, class, name, is called).

    `connected` are (line, class, signal), `judged` the (line, class) of objects that are tested by their truth.
    """

    def __init__(self, tree: ast.Module, ui: dict[str, str]):
        self._ui, self._texts = ui, {}
        self._known = {"slicer.app": "qSlicerApplication", "slicer.modules.sequences": "qSlicerSequencesModule"}
        self.asked, self.connected, self.judged = [], [], []
        assigned = [node for node in ast.walk(tree) if isinstance(node, ast.Assign) and len(node.targets) == 1]
        for node in assigned:
            target = ast.unparse(node.targets[0])
            if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
                self._texts[target] = node.value.value
            kind = self._class_of(node.value)
            self._known[target] = kind if self._known.get(target, kind) == kind else None
        # The same name may be something else in another function: then nothing is known of it.
        targets = {id(node.targets[0]) for node in assigned}
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and id(node) not in targets:
                self._known[node.id] = None
            elif isinstance(node, ast.arg):
                self._known[node.arg] = None
        self.visit(tree)

    def _class_of(self, node: ast.expr) -> str | None:
        text = ast.unparse(node)
        if text in self._known:
            return self._known[text]
        if isinstance(node, ast.Attribute):
            owner = ast.unparse(node.value)
            return self._ui.get(node.attr) if owner.split(".")[-1] in ("ui", "_ui") else None
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner, name = node.func.value, node.func.attr
            if ast.unparse(owner) in ("qt", "ctk", "slicer") and name in exposed.table():
                return name
            if name in ("item", "takeItem", "topLevelItem"):
                return ITEMS.get(self._class_of(owner))
            return RETURNS.get(name)
        return None

    def generic_visit(self, node: ast.AST) -> None:
        tests = [node.test] if isinstance(node, (ast.If, ast.While, ast.IfExp, ast.Assert)) else []
        tests += node.values if isinstance(node, ast.BoolOp) else []
        tests += node.ifs if isinstance(node, ast.comprehension) else []
        tests += [node.operand] if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not) else []
        self.judged += [(test.lineno, kind) for test in tests if (kind := self._class_of(test)) is not None]
        super().generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Attribute) and (kind := self._class_of(node.func.value)) is not None:
            self.asked.append((node.lineno, kind, node.func.attr, True))
            if node.func.attr in ("connect", "disconnect"):
                signal = node.args[0]
                text = signal.value if isinstance(signal, ast.Constant) else self._texts.get(ast.unparse(signal))
                if text is not None:
                    self.connected.append((node.lineno, kind, text.replace(" ", "")))
        self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if (kind := self._class_of(node.value)) is not None:
            self.asked.append((node.lineno, kind, node.attr, False))
        owner = ast.unparse(node.value)
        if owner.startswith(("qt.Q", "ctk.ctk")) and owner.split(".")[1] in exposed.table():
            self.asked.append((node.lineno, owner.split(".")[1], node.attr, False))
        self.generic_visit(node)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_sources_ask_only_for_what_is_exposed(path):
    reader = Reader(ast.parse(path.read_text()), ui_classes())
    table, wrong = exposed.table(), []
    for line, kind, name, is_called in reader.asked:
        if kind not in table:
            wrong.append(f"line {line}: there is no table of {kind}")
        elif name not in table[kind].names:
            wrong.append(f"line {line}: {kind} has no '{name}'")
        elif is_called and name in table[kind].properties and f"{kind}.{name}" != "QTimer.singleShot":
            wrong.append(f"line {line}: {kind}.{name} is a property, not a call")
    for line, kind, signal in reader.connected:
        if signal not in table[kind].signals:
            wrong.append(f"line {line}: {kind} has no signal {signal}")
    wrong += [f"line {line}: the truth of a {kind} depends on what is in it" for line, kind in reader.judged]
    assert not wrong, "\n".join(wrong)


def test_a_source_with_wrong_names_is_found_out():
    source = """
SELECTED = "dataSelected(vtkCollection*)"
view = slicer.app.layoutManager().plotWidget(0).plotView()
view.mrmlPlotViewNode()
view.connect(SELECTED, print)
ui.applyButton.text()
ui.applyButton.connect("clicked(int)", print)
self._table.item(0, 0).setSpan(1)
self._timer = qt.QTimer()
self._timer.fire()
qt.QMessageBox.Sure
layout = panel.layout()
if layout and not view:
    pass
"""
    reader = Reader(ast.parse(source), {"applyButton": "QPushButton"})
    table = exposed.table()
    assert [(kind, name) for _, kind, name, _ in reader.asked if name not in table[kind].names] == [
        ("qMRMLPlotView", "mrmlPlotViewNode"), ("qMRMLPlotView", "mrmlPlotViewNode"),
        ("QTimer", "fire"), ("QTimer", "fire"), ("QMessageBox", "Sure"),
    ]  # fmt: skip
    assert [kind for _, kind, signal in reader.connected if signal not in table[kind].signals] == [
        "qMRMLPlotView", "QPushButton",
    ]  # fmt: skip
    assert [kind for _, kind in reader.judged] == ["QLayout", "qMRMLPlotView"]
    assert ("QPushButton", "text", True) in [each[1:] for each in reader.asked]


def test_every_widget_of_the_panels_has_a_table():
    ui = ui_classes()
    assert ui["resultButton"] == "ctkCollapsibleButton" and ui["applyButton"] == "QPushButton"
    assert set(ui.values()) <= set(exposed.table())


def test_most_of_what_the_panels_do_with_their_widgets_is_read():
    readers = [Reader(ast.parse(path.read_text()), ui_classes()) for path in SOURCES]
    assert sum(len(reader.asked) for reader in readers) > 500
    assert sum(len(reader.connected) for reader in readers) > 40
