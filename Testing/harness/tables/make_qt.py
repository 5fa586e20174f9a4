"""Writes `qt.txt`, the names of Qt 5.15, on which Slicer runs: `pip install PyQt5`, in an environment of its own.

PyQt5 tells what is public or protected in each class, and Qt's own meta objects tell properties and signals; PythonQt
shows the same. It differs in what `PYTHONQT` adds and `NOT_IN_PYTHONQT` takes away.
"""

import textwrap
from pathlib import Path

from PyQt5 import QtCore, QtGui, QtWidgets

CLASSES = [
    "QObject", "QTimer", "QIODevice", "QProcess", "QProcessEnvironment", "QSettings", "QCoreApplication",
    "QEventLoop", "QAbstractItemModel", "QItemSelectionModel", "QModelIndex", "QUrl", "QSize", "QPoint", "QRect",
    "QGuiApplication", "QApplication", "QColor", "QBrush", "QFont", "QIcon", "QPixmap", "QPainter", "QCursor",
    "QKeySequence", "QDesktopServices", "QTextDocument", "QAction", "QShortcut", "QWidget", "QFrame", "QLabel",
    "QAbstractButton", "QPushButton", "QToolButton", "QCheckBox", "QRadioButton", "QComboBox", "QLineEdit",
    "QAbstractSpinBox", "QSpinBox", "QDoubleSpinBox", "QAbstractSlider", "QSlider", "QScrollBar", "QProgressBar",
    "QAbstractScrollArea", "QScrollArea", "QTextEdit", "QTextBrowser", "QPlainTextEdit", "QAbstractItemView",
    "QTableView", "QTableWidget", "QTreeView", "QTreeWidget", "QListView", "QListWidget", "QHeaderView",
    "QTableWidgetItem", "QTreeWidgetItem", "QListWidgetItem", "QDialog", "QDialogButtonBox", "QFileDialog",
    "QMessageBox", "QInputDialog", "QGroupBox", "QSplitter", "QTabWidget", "QTabBar", "QStackedWidget", "QMenu",
    "QMenuBar", "QToolBar", "QStatusBar", "QMainWindow", "QLayout", "QLayoutItem", "QBoxLayout", "QVBoxLayout",
    "QHBoxLayout", "QGridLayout", "QFormLayout", "QSpacerItem", "QWidgetItem", "QButtonGroup",
]  # fmt: skip
PYTHONQT = {"QObject": {"className", "connect", "delete", "disconnect", "help", "name"}}
NOT_IN_PYTHONQT = {"pyqtConfigure", "sender", "senderSignalIndex"}
"""`sender()` knows no sender when the slot is a Python function."""


def main() -> None:
    found = {name: _class(name) for name in CLASSES}
    lines = []
    for name, cls in found.items():
        base = next((each.__name__ for each in cls.__mro__[1:] if each.__name__ in found), "")
        lines.append(f"class {name} {base}".rstrip())
        for kind, names in _own(cls, found.get(base)).items():
            for line in textwrap.wrap(" ".join(sorted(names)), 116 - len(kind), break_on_hyphens=False):
                lines.append(f"  {kind} {line}")
    Path(__file__).with_name("qt.txt").write_text("\n".join(lines) + "\n")


def _class(name: str) -> type:
    return next(getattr(module, name) for module in (QtCore, QtGui, QtWidgets) if hasattr(module, name))


def _own(cls: type, base: type | None) -> dict[str, set[str]]:
    """Properties, signals and methods (with enumerators) that a class has beyond its base."""
    names = {name for name in dir(cls) if not name.startswith("_")}
    names -= {name for name in dir(base) if name not in vars(cls)} if base is not None else set(dir(object))
    names |= PYTHONQT.get(cls.__name__, set())
    properties, signals = set(), set()
    meta = getattr(cls, "staticMetaObject", None)
    if meta is not None:
        properties = {meta.property(row).name() for row in range(meta.propertyOffset(), meta.propertyCount())}
        methods = [meta.method(row) for row in range(meta.methodOffset(), meta.methodCount())]
        texts = {bytes(method.methodSignature()).decode() for method in methods if method.access() != method.Private}
        signals = {
            bytes(method.methodSignature()).decode() for method in methods if method.methodType() == method.Signal
        }
        names |= {text.split("(")[0] for text in texts}
    names -= {signal.split("(")[0] for signal in signals} | properties | NOT_IN_PYTHONQT
    return {"property": properties, "signal": signals, "method": {name for name in names if not name.startswith("_")}}


if __name__ == "__main__":
    main()
