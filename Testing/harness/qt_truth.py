"""What Qt objects answer to `if` and to `isinstance`, as in PythonQt.

What is empty or null is false, an empty layout for one. Classes do not know their bases: a QPushButton is no instance
of QWidget, and only `inherits("QWidget")` tells that it is one.
"""

from PySide6 import QtCore, QtGui, QtWidgets

from .exposed import asked_by_harness, is_cpp_class


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
    type(QtCore.QObject).__instancecheck__ = _is_instance


def _has_truth(cls: type) -> bool:
    return "__bool__" in vars(cls) or "__len__" in vars(cls)


def _answers_no(question: str):
    return lambda self: not getattr(self, question)()


def _is_instance(cls: type, candidate) -> bool:
    if not issubclass(type(candidate), cls):
        return False
    if not is_cpp_class(cls) or asked_by_harness():
        return True
    return next(each for each in type(candidate).__mro__ if is_cpp_class(each)) is cls
