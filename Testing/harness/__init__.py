"""A harness for scripted modules of 3D Slicer: their real code, real MRML, real mouse events, no Slicer.

`slicer-core` brings the real scene, nodes, logics, displayable managers and `slicer.util`. What Slicer adds on top with
Qt is stood in for by PySide6 widgets with the manners of PythonQt, and as strict: an unknown widget class, property,
signal or attribute fails the test. `tables/` lists what there is, from the public headers; names that begin with
`harness_` are for tests alone. It proves that a module imports, wires up, reacts and computes; not that it loads in
Slicer. Not matched: keyword arguments of constructors are accepted here, `sizeHint` is a call here and a property
there, nothing is drawn in 3D.

    from Testing.harness import start

    harness = start()
    harness.load_module("MyModule/MyModule.py")
    harness.click(harness.widget("applyButton"))
    assert not harness.problems()
"""

from .app import Harness, start

__all__ = ["Harness", "start"]
