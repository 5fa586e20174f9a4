"""What the sections of the panel share: the study on the screen, the lesion chosen in it, what is known about both."""

import logging
from collections.abc import Iterable, Sequence

import numpy as np
import SimpleITK as sitk
from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode
from slicer.i18n import tr as _

from LesionPairDetectLib.viewprompt import ViewPrompt
from liverpair.core.errors import InputError
from liverpair.core.geometry import offset_t1_to_t2
from liverpair.core.sides import Side
from liverpair.mrml import frames, layouts, provenance, segmentations, volumes
from liverpair.mrml.lesions import lesion_segments
from liverpair.mrml.lesions.lesion_folders import notes_of
from liverpair.mrml.lesions.lesion_study import LesionStudy
from liverpair.registration.livers import LiverCorrespondence
from liverpair.registration.places import PlaceMap
from LiverPairLib.panelcontext import Bundles, PanelContext, Say
from LiverPairLib.workersession import SessionWorker

GROUPS = {side: group for group, side in enumerate(Side)}
"""View group, and row of the layout, of each side."""


class ReadingContext(PanelContext):
    """The study of the two chosen volumes, and who wants to hear about it.

    Listeners are called with what changed: "study" (other volumes, or none), "boxes" (also states, notes and filters),
    "selection", "history" (undo, redo), "visits" (compared, or reported on) or "parameters". Places are world LPS mm,
    as in `Lesion`; images and masks carry the parent transform of their volume, so that all of it fits together.

    Attributes:
        study: `LesionStudy` of the chosen volumes, None when none is chosen.
        listedUids: function that returns the UIDs of the lesions, also of hidden ones, as the table sorts them.
        longestLine: function `(uid, side)` that returns the ends (world LPS, mm) of a lesion's longest axial diameter,
            None where it has no mask that was measured.
        prompt: the `ViewPrompt`, for one who waits for the user to do something in the views.
        jumpedTo: by side, the point (world RAS, mm) that a row was last brought to.
    """

    title = _("Lesion Pair Detect")

    def __init__(self, worker: SessionWorker | None = None, say: Say | None = None, bundles: Bundles = dict) -> None:
        super().__init__(worker, say, bundles)
        self.study = None
        self._studyToken = None
        self._correspondence = None
        self._placeMap, self._liverShift = None, None
        self._images, self._livers = {}, {}
        self.listedUids = list
        self.longestLine = lambda uid, side: None
        self.prompt = ViewPrompt()
        self.jumpedTo = {}

    def image(self, side: Side) -> sitk.Image | None:
        """The volume's image in world LPS, or None when no volume is chosen.

        Raises InputError for a volume without image, or under a transform that is more than a rotation and a shift.
        """
        node = self.volume(side)
        if node is None:
            return None
        state = _volumeState(node)
        if self._images.get(side, (None,))[0] != state:
            self._images[side] = state, volumes.world_image(node)
        return self._images[side][1]

    def liverSegmentation(self, side: Side) -> vtkMRMLSegmentationNode | None:
        """The segmentation node chosen for the liver of a side, or None."""
        return getattr(self.parameterNode, f"{side}Liver") if self.parameterNode is not None else None

    def livers(self, side: Side) -> sitk.Image | None:
        """The liver's mask (uint8, 0 and 1) on the grid of `image(side)`, or None where there is no usable one."""
        volume, segmentation = self.volume(side), self.liverSegmentation(side)
        if volume is None or segmentation is None:
            return None
        state = self._liverState(side)
        if self._livers.get(side, (None,))[0] != state:
            try:
                mask = segmentations.liver_mask(segmentation, volume)
                mask.CopyInformation(self.image(side))
                mask = mask if np.any(sitk.GetArrayViewFromImage(mask)) else None
            except InputError as error:
                logging.info("The liver of %s cannot be used: %s", side, error)
                mask = None
            self._livers[side] = state, mask
        return self._livers[side][1]

    def lesionMasks(self) -> dict[Side, sitk.Image]:
        """Label maps of the lesions that were drawn, by number, on the grids of the images in the world; no entry for a
        side without any.
        """
        masks = {}
        for side in Side:
            image = self.image(side) if self.study is not None else None
            labels = lesion_segments.label_map(self.study, side) if image is not None else None
            if labels is not None:
                labels.CopyInformation(image)
                masks[side] = labels
        return masks

    @property
    def selectedUid(self) -> str | None:
        """UID of the chosen lesion, or None."""
        return self.study.selected if self.study is not None else None

    def select(self, uid: str | None, jump: bool = True) -> None:
        """Choose a lesion, or none, and bring both rows of views each to its own box."""
        if self.study is None:
            return
        self.study.select(uid)
        if uid is not None and jump:
            self.jumpToSelected()

    def jumpToSelected(self, sides: Iterable[Side] = Side) -> None:
        """Bring the rows of these sides to the longest axial diameter of the chosen lesion, to the middle of its box
        where there is no diameter, or to where it should be where there is no box.
        """
        pair = self.study.pair(self.selectedUid) if self.selectedUid is not None else None
        if pair is None:
            return
        for side in sides:
            box, partner = pair.box(side), pair.box(side.other)
            if box is not None:
                line = self.longestLine(pair.uid, side)
                self.jump(side, box.center_mm if line is None else np.mean(line, axis=0))
            else:
                place = self.placeMap().to_other(partner.center_mm, side.other)
                if place is not None:
                    self.jump(side, place.point_mm)

    def jump(self, side: Side, pointMm: Sequence[float]) -> None:
        """Bring the row of views of one side to a point (world LPS, mm)."""
        self.jumpedTo[side] = frames.flip(pointMm)
        layouts.jump_row(GROUPS[side], self.jumpedTo[side])

    def placeMap(self) -> PlaceMap:
        """The `PlaceMap` of the study as it is now: pairs, registration of the livers, offset of their centroids."""
        if self._placeMap is None:
            pairs = self.study.pairs() if self.study is not None else []
            masks = [self.livers(side) for side in Side]
            self._liverShift = None if None in masks else offset_t1_to_t2(*masks)
            self._placeMap = PlaceMap(pairs, self.correspondence, self._liverShift)
        return self._placeMap

    @property
    def liverShift(self) -> Sequence[float] | None:
        """T2 minus T1 (LPS, mm) of the centers of the livers, None unless both are known."""
        self.placeMap()
        return self._liverShift

    def provenances(self) -> dict[str, dict[str, str]]:
        """How the lesions and the chosen livers were made, by title."""
        nodes = {_("Lesions"): notes_of(self.study.folder) if self.study is not None else None}
        for side in Side:
            nodes[_("Liver in {side}").format(side=side.title)] = self.liverSegmentation(side)
        return {title: provenance.read(node) for title, node in nodes.items() if node is not None}

    @property
    def correspondence(self) -> LiverCorrespondence | None:
        """The `LiverCorrespondence` of the two livers as they are now, None while they are not registered."""
        livers, correspondence = self._correspondence or (None, None)
        return correspondence if livers == self.liverStates() else None

    @correspondence.setter
    def correspondence(self, correspondence: LiverCorrespondence | None) -> LiverCorrespondence | None:
        self._correspondence, self._placeMap = (self.liverStates(), correspondence), None

    def liverStates(self) -> tuple:
        """What changes when either liver does, or is moved."""
        return tuple(self._liverState(side) for side in Side)

    def onParametersChanged(self) -> None:
        """The study follows the chosen volumes."""
        chosen = tuple(self.volume(side) for side in Side)
        shown = tuple(self.study.volume(side) for side in Side) if self.study is not None else (None, None)
        if chosen != shown:
            self._followVolumes(*chosen)
        self._placeMap = None
        super().onParametersChanged()

    def release(self) -> None:
        """Let go of the scene and the views."""
        super().release()
        self.prompt.hide()

    def _followVolumes(self, t1: vtkMRMLScalarVolumeNode | None, t2: vtkMRMLScalarVolumeNode | None) -> None:
        if self.study is not None:
            self.study.stop_observing(self._studyToken)
            self.study.release()
        self.study = LesionStudy(t1, t2) if t1 is not None or t2 is not None else None
        self._studyToken = self.study.observe(self._onStudyChanged) if self.study is not None else None
        self._correspondence, self._placeMap, self._images, self._livers = None, None, {}, {}
        self.tell("study")

    def _onStudyChanged(self, what: str) -> None:
        if what == "boxes":
            self._placeMap = None
        self.tell(what)

    def _liverState(self, side: Side) -> tuple | None:
        volume, segmentation = self.volume(side), self.liverSegmentation(side)
        if None in (volume, segmentation):
            return None
        return _volumeState(volume), segmentations.contents_state(segmentation)


def _volumeState(node: vtkMRMLScalarVolumeNode) -> tuple:
    """What changes when the image of a volume does, or when a parent transform moves it."""
    image, transform = node.GetImageData(), node.GetParentTransformNode()
    return (
        node.GetID(),
        node.GetMTime(),
        image.GetMTime() if image is not None else None,
        transform and (transform.GetID(), transform.GetTransformToWorldMTime()),
    )
