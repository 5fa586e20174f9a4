"""Records what crashes Slicer: the scene put into its batch state while nodes change how they are displayed.

A subject-hierarchy tree that watches (the module Data was opened once) then hears of changes in the midst of building
itself anew: hundreds of "index from wrong model", and a segmentation fault. While a scene is loaded or closed the tree
expects it.

A folder of the subject hierarchy does the same to all that lies in it when anything of its display node changes, a
reference as well as a color, from ten nodes on; here it is a problem with any number.
"""

import slicer
import vtk

from . import problems

_KIND = slicer.vtkMRMLScene


def watch(scene) -> None:
    """Record each such batch of a scene as a problem, from now on."""
    before: dict[slicer.vtkMRMLDisplayNode, int] = {}

    def on_start(*_) -> None:
        before.clear()
        if not (scene.IsImporting() or scene.IsClosing() or scene.IsRestoring()):
            nodes = slicer.util.getNodesByClass("vtkMRMLDisplayNode", scene)
            before.update({node: node.GetMTime() for node in nodes})

    def on_end(*_) -> None:
        # One that is not there any more went with its scene, in whose place another was loaded.
        changed = sorted(
            node.GetID() for node, time in before.items() if scene.IsNodePresent(node) and node.GetMTime() != time
        )
        before.clear()
        if changed:
            names = ", ".join(changed[:3])
            problems.record("mrml", f"{len(changed)} display nodes changed in a batch of the scene, as {names}")

    def on_folder(folder, _event) -> None:
        hierarchy = scene.GetSubjectHierarchyNode()
        if hierarchy.GetNumberOfItemChildren(hierarchy.GetItemByDataNode(folder)):
            problems.record("mrml", f"folder '{folder.GetName()}' changed, and with it the display of all in it")

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def on_added(_scene, _event, node) -> None:
        if node.IsA("vtkMRMLFolderDisplayNode"):
            node.AddObserver(vtk.vtkCommand.ModifiedEvent, on_folder)

    scene.AddObserver(_KIND.NodeAddedEvent, on_added)
    scene.AddObserver(_KIND.StartBatchProcessEvent, on_start)
    scene.AddObserver(_KIND.EndBatchProcessEvent, on_end)
