"""The truth of Qt objects as in PythonQt: what is empty or null is false, an empty layout for one."""

from PySide6 import QtCore, QtGui, QtWidgets


def install() -> None:
    """Give every Qt class with `isNull()` or `isEmpty()` the truth that PythonQt's wrappers give it (`__nonzero__`)."""
    for module in (QtCore, QtGui, QtWidgets):
        for name in dir(module):
            candidate = getattr(module, name)
            if isinstance(candidate, type) and not _has_truth(candidate):
                for question in ("isNull", "isEmpty"):
                    if question in vars(candidate):
                        candidate.__bool__ = _answers_no(question)
                        break


def _has_truth(cls: type) -> bool:
    return "__bool__" in vars(cls) or "__len__" in vars(cls)


def _answers_no(question: str):
    return lambda self: not getattr(self, question)()
