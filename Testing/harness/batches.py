"""Records what crashes Slicer: the scene put into its batch state while nodes change how they are displayed.

A subject-hierarchy tree that watches (the module Data was opened once) then hears of changes in the midst of building
itself anew: hundreds of "index from wrong model", and a segmentation fault. While a scene is loaded or closed the tree
expects it.
"""

import slicer

from . import problems

_KIND = slicer.vtkMRMLScene


def watch(scene) -> None:
    """Record each such batch of a scene as a problem, from now on."""
    before: dict[str, int] = {}

    def on_start(*_) -> None:
        before.clear()
        if not (scene.IsImporting() or scene.IsClosing() or scene.IsRestoring()):
            before.update(_displays(scene))

    def on_end(*_) -> None:
        after = _displays(scene)
        changed = sorted(node for node, time in before.items() if after.get(node, time) != time)
        before.clear()
        if changed:
            names = ", ".join(changed[:3])
            problems.record("mrml", f"{len(changed)} display nodes changed in a batch of the scene, as {names}")

    scene.AddObserver(_KIND.StartBatchProcessEvent, on_start)
    scene.AddObserver(_KIND.EndBatchProcessEvent, on_end)


def _displays(scene) -> dict[str, int]:
    """When each display node was changed last, by ID."""
    return {node.GetID(): node.GetMTime() for node in slicer.util.getNodesByClass("vtkMRMLDisplayNode", scene)}
