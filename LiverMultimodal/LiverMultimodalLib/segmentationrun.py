"""One press of Apply: from volume nodes to files for the worker, and from its answer to nodes again."""

from pathlib import Path
from typing import Any

from slicer import vtkMRMLTableNode
from slicer.i18n import tr as _

from liverpair.bundle import Bundle
from liverpair.mrml import volumes
from LiverPairLib.inputs import Segmentations, Volumes
from LiverPairLib.resultnodes import ResultNodes
from LiverPairLib.workerrun import WorkerRun
from LiverPairLib.workersession import SessionWorker


class SegmentationRun(WorkerRun):
    """A segmentation under way in the worker. The scene may change meanwhile; what is gone at the end is left out.

    Beside what every `WorkerRun` has, `nodes` are the `ResultNodes` in the scene when it is done, else None.
    """

    job = "segment"
    title = _("segmentation")

    def __init__(
        self,
        worker: SessionWorker,
        bundle: Bundle,
        volumeNodes: Volumes,
        segmentationNodes: Segmentations,
        tableNode: vtkMRMLTableNode | None,
        options: dict[str, Any],
    ) -> None:
        """`volumeNodes` and `segmentationNodes` are dictionaries from sides to nodes or None. A segmentation
        that is None or gone is made anew, and so is `tableNode`. `options` are those of the worker's job "segment".
        """
        super().__init__(worker, volumeNodes)
        self._bundle, self._options = bundle, options
        self._outputs = ResultNodes(segmentationNodes, tableNode)
        self.nodes = None

    def writeRequest(self, folder: Path) -> dict[str, Any]:
        request = {**self._options, "model": [str(self._bundle.folder)], "output": str(folder / "results")}
        request |= {"remember": False, **self.doubts()}
        for side, node in self._volumes.items():
            volumes.check_node(node, side.title)
            request[side] = self.write(volumes.image_from_node(node), folder / f"{side}.nrrd")
        return request

    def takeResult(self, result: dict[str, Any]) -> str:
        result = self.withAccepted(result)
        left = {side: node for side, node in self._volumes.items() if self.volume(side) is not None}
        notes = self._outputs.put(left, result, self._bundle.labels[0])
        self.nodes = self._outputs
        dropped = [
            _("{side} ('{name}') was deleted in the meantime; its result was dropped.").format(
                side=side.title, name=name
            )
            for side, name in self._names.items()
            if side not in left
        ]
        mapNames = ", ".join(node.GetName() for node in self._outputs.maps.values())
        made = [_("In color over the images: {names}.").format(names=mapNames)] if mapNames else []
        return " ".join([self._outputs.summary(result), *made, *dropped, *notes, *(result.get("notes") or ())])
