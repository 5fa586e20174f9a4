"""The dreamt images of one run as sequences with one browser: image, mask of the object, difference from the original.

The index is the iteration; the few frames that a run keeps are the items. The browser's proxy nodes show them. The
volume that was dreamed on is only read: its window and level are those of the dreamt image. Frames lie in the world,
where the volume lay during the run.
"""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
import slicer

from liverpair.core.errors import InputError
from liverpair.core.geometry import Grid, like, resample
from liverpair.io.study import read_image
from liverpair.mrml import frames, volumes
from liverpair.mrml.dreams import dream_display, dream_folders
from liverpair.mrml.dreams.dream_scene import DreamScene
from liverpair.mrml.headless import module_logic

IMAGE, MASK, DIFFERENCE = "image", "mask", "difference"
CLASSES = {IMAGE: "vtkMRMLScalarVolumeNode", MASK: "vtkMRMLLabelMapVolumeNode", DIFFERENCE: "vtkMRMLScalarVolumeNode"}
TITLES = {IMAGE: "dreamt image", MASK: "dreamt object", DIFFERENCE: "difference from the original"}
SEQUENCE, BROWSER, VOLUME = "vtkMRMLSequenceNode", "vtkMRMLSequenceBrowserNode", "vtkMRMLVolumeNode"
COMPOSITE = "vtkMRMLSliceCompositeNode"
WHAT = "LiverPair.DreamFrames"
RUN = "LiverPair.DreamRun"
SCALE = "LiverPair.DreamScale"
PLAY_FPS = 2.0
LARGEST = 99.9
"""Percentile of the absolute differences that gets the full color."""


class DreamFrames:
    """The frames of a dream; those of one run (kind and start) at a time are in the scene, and saved with it."""

    def __init__(self, dream: DreamScene):
        self.dream = dream
        self._original: str | Path | None = None
        self._window: dream_display.SameWindow | None = None
        if self.browser is not None:
            self._update()

    @property
    def browser(self):
        """The browser of the sequences; None when nothing was loaded, or it was deleted."""
        return next(iter(self._owned(BROWSER)), None)

    @property
    def proxy_image(self):
        """The volume node that shows the dreamt image; None when there is none."""
        return self._proxy(IMAGE)

    @property
    def proxy_mask(self):
        """The label map node that shows the object; None when there is none."""
        return self._proxy(MASK)

    @property
    def proxy_difference(self):
        """The volume node that shows the difference; None before it was asked for."""
        return self._proxy(DIFFERENCE)

    @property
    def iterations(self) -> list[int]:
        """The iterations of the frames, in rising order."""
        sequence = self.sequence(IMAGE)
        count = sequence.GetNumberOfDataNodes() if sequence is not None else 0
        return [int(float(sequence.GetNthIndexValue(number))) for number in range(count)]

    @property
    def iteration(self) -> int | None:
        """The iteration whose frame is shown."""
        browser, iterations = self.browser, self.iterations
        number = browser.GetSelectedItemNumber() if browser is not None else -1
        return iterations[number] if 0 <= number < len(iterations) else None

    @property
    def run(self) -> tuple[str, int] | None:
        """Kind and start of the run whose frames are in the scene."""
        with suppress(AttributeError, TypeError, ValueError):
            kind, start = json.loads(self.browser.GetAttribute(RUN))
            return str(kind), int(start)
        return None

    def sequence(self, what: str):
        """The sequence node of "image", "mask" or "difference", or None."""
        return next((node for node in self._owned(SEQUENCE) if node.GetAttribute(WHAT) == what), None)

    def load(
        self,
        frames_: Sequence[Mapping[str, Any]],
        run: str = "dream",
        start: int = 0,
        original: str | Path | None = None,
    ) -> None:
        """Put the frames of one run, `{"iteration", "image", "mask"}` with paths, in place of those that are shown.

        The last iteration is shown. `original` is the file of the image before the dream, on the grid of the frames;
        it is only needed where frame 0 was not kept. All files are read before anything in the scene is changed.

        Raises:
            InputError: when a file cannot be read, or the dream is no longer in the scene.
        """
        self.dream.check_alive()
        pictures = [_read(frame) for frame in frames_]
        self._original = original
        if not pictures:
            self.clear()
            return
        self._make()
        for what in CLASSES:
            if self.sequence(what) is not None:
                self.sequence(what).RemoveAllDataNodes()
        self.browser.SetAttribute(RUN, json.dumps([run, int(start)]))
        self._put(pictures)

    def add(self, frame: Mapping[str, Any]) -> None:
        """Put one more frame to those of the run, and show it if the last one was shown. Raises as `load` does."""
        self.dream.check_alive()
        pictures = [_read(frame)]
        shown = self.iteration
        is_last = not self.iterations or shown == self.iterations[-1]
        self._make()
        self._put(pictures, None if is_last else shown)

    def clear(self) -> None:
        """Take the frames out of the scene."""
        self.release()
        for class_name in (BROWSER, SEQUENCE, VOLUME):
            for node in self._owned(class_name):
                dream_folders.remove_node(node)

    def release(self) -> None:
        """Keep window and level alike no longer; the frames stay in the scene."""
        if self._window is not None:
            self._window.release()
        self._window = None

    def go_to(self, iteration: int) -> int | None:
        """Show the frame nearest to an iteration; returns the frame's iteration, None when there is no frame."""
        browser, iterations = self.browser, self.iterations
        if browser is None or not iterations:
            return None
        number = int(np.abs(np.array(iterations) - iteration).argmin())
        browser.SetSelectedItemNumber(number)
        self._update()
        return iterations[number]

    @property
    def difference_shown(self) -> bool:
        """Whether any view shows the difference over the dreamt image."""
        proxy = self.proxy_difference
        return proxy is not None and any(node.GetForegroundVolumeID() == proxy.GetID() for node in self._views())

    def show_difference(self, on: bool) -> None:
        """Show the difference from the original over the dreamt image, in every view that shows that, or take it away.

        Raises:
            InputError: when the original is not known any more.
        """
        if on and self.iterations and self._differences_missing():
            self._make_differences()
        proxy = self.proxy_difference
        for composite in self._views():
            if on and proxy is not None:
                composite.SetForegroundVolumeID(proxy.GetID())
                composite.SetForegroundOpacity(dream_display.DIFFERENCE_OPACITY)
            elif proxy is not None and composite.GetForegroundVolumeID() == proxy.GetID():
                composite.SetForegroundVolumeID(None)

    def _make(self) -> None:
        """Make the browser and the sequences of image and mask, as far as they are missing."""
        if self.browser is None:
            self._remove_orphans()
            browser = self._new_node(BROWSER, f"{self.dream.name} frames")
            browser.SetIndexDisplayFormat("%.0f")
            browser.SetPlaybackRateFps(PLAY_FPS)
            browser.SetPlaybackItemSkippingEnabled(False)
        for what in (IMAGE, MASK):
            self._make_sequence(what)

    def _make_sequence(self, what: str):
        sequence = self.sequence(what)
        if sequence is None:
            self._remove_orphans()
            sequence = self._new_node(SEQUENCE, f"{self.dream.name} {TITLES[what]}s")
            sequence.SetAttribute(WHAT, what)
            sequence.SetIndexName("iteration")
            sequence.SetIndexUnit("")
            sequence.SetIndexType(sequence.NumericIndex)
            sequence.SetHideFromEditors(True)
        if not self.browser.IsSynchronizedSequenceNode(sequence, True):
            self.browser.AddSynchronizedSequenceNode(sequence)
            self.browser.SetOverwriteProxyName(sequence, False)
            self.browser.SetSaveChanges(sequence, False)
        return sequence

    def _put(self, pictures: Sequence[tuple[int, sitk.Image, sitk.Image]], shown: int | None = None) -> None:
        """Add frames and show one, the last by default."""
        images, masks = self.sequence(IMAGE), self.sequence(MASK)
        for iteration, image, mask in pictures:
            images.SetDataNodeAtValue(_data_node(image, IMAGE), str(iteration))
            masks.SetDataNodeAtValue(_data_node(mask, MASK), str(iteration))
        if self.sequence(DIFFERENCE) is not None:
            self._make_differences()
        self.go_to(self.iterations[-1] if shown is None else shown)

    def _differences_missing(self) -> bool:
        sequence = self.sequence(DIFFERENCE)
        return self.proxy_difference is None or sequence.GetNumberOfDataNodes() != len(self.iterations)

    def _make_differences(self) -> None:
        original = self._original_on(volumes.grid_of(self.sequence(IMAGE).GetNthDataNode(0)))
        sequence = self._make_sequence(DIFFERENCE)
        largest = 0.0
        for iteration in self.iterations:
            image = volumes.image_from_node(self.sequence(IMAGE).GetDataNodeAtValue(str(iteration)))
            change = sitk.GetArrayFromImage(image).astype(np.float32) - original
            largest = max(largest, float(np.percentile(np.abs(change), LARGEST)))
            sequence.SetDataNodeAtValue(_data_node(like(change, image), DIFFERENCE), str(iteration))
        sequence.SetAttribute(SCALE, repr(largest or 1.0))
        self._update()
        self._style(DIFFERENCE, self.proxy_difference)

    def _original_on(self, grid: Grid) -> np.ndarray:
        """The image before the dream on the grid of the frames: frame 0, else its file, else the volume itself."""
        frame = self.sequence(IMAGE).GetDataNodeAtValue("0")
        if frame is not None:
            image = volumes.image_from_node(frame)
        elif self._original is not None:
            image = resample(read_image(self._original), grid, "nearest")
        elif self.dream.volume is not None:
            image = resample(sitk.Cast(volumes.world_image(self.dream.volume), sitk.sitkFloat32), grid)
        else:
            raise InputError("The image before the dream is no longer there.", "Load the dream from its folder again.")
        return sitk.GetArrayFromImage(image).astype(np.float32)

    def _update(self) -> None:
        """Bring the proxies to the selected frame; those that are new get their name, place and looks."""
        module_logic("Sequences").UpdateProxyNodesFromSequences(self.browser)
        for what in CLASSES:
            proxy = self._proxy(what)
            if proxy is not None and proxy.GetNodeReferenceID(dream_folders.OWNER) != self.dream.table.GetID():
                proxy.SetName(f"{self.dream.name} {TITLES[what]}")
                dream_folders.own(self.dream.table, proxy)
                self._style(what, proxy)
        self._follow_window()

    def _style(self, what: str, proxy) -> None:
        if what == MASK:
            dream_display.style_object(proxy, self.dream.table)
        elif what == DIFFERENCE:
            largest = float(self.sequence(DIFFERENCE).GetAttribute(SCALE) or 1.0)
            dream_display.style_difference(proxy, self.dream.table, largest)

    def _remove_orphans(self) -> None:
        """Take proxies out of the scene whose sequence or browser was deleted."""
        proxies = [self._proxy(what) for what in CLASSES]
        for node in self._owned(VOLUME):
            if node not in proxies:
                dream_folders.remove_node(node)

    def _follow_window(self) -> None:
        volume, proxy = self.dream.volume, self.proxy_image
        displays = [node.GetDisplayNode() if node is not None else None for node in (volume, proxy)]
        if None in displays:
            self.release()
        elif self._window is None or not self._window.holds(*displays):
            self.release()
            self._window = dream_display.SameWindow(*displays)

    def _owned(self, class_name: str) -> list:
        return dream_folders.nodes_of(self.dream.table, class_name) if self.dream.alive else []

    def _proxy(self, what: str):
        browser, sequence = self.browser, self.sequence(what)
        return browser.GetProxyNode(sequence) if browser is not None and sequence is not None else None

    def _views(self) -> list:
        """The composite nodes of the views that show the dreamt image."""
        proxy = self.proxy_image
        nodes = slicer.util.getNodesByClass(COMPOSITE) if proxy is not None else []
        return [node for node in nodes if node.GetBackgroundVolumeID() == proxy.GetID()]

    def _new_node(self, class_name: str, name: str):
        node = slicer.mrmlScene.AddNewNodeByClass(class_name, name)
        dream_folders.own(self.dream.table, node)
        return node


def _read(frame: Mapping[str, Any]) -> tuple[int, sitk.Image, sitk.Image]:
    return int(frame["iteration"]), read_image(frame["image"]), read_image(frame["mask"])


def _data_node(image: sitk.Image, what: str):
    """A node outside of any scene with the voxels and the place of an image."""
    node = getattr(slicer, CLASSES[what])()
    node.SetName(TITLES[what])
    array = sitk.GetArrayFromImage(image)
    slicer.util.updateVolumeFromArray(node, array.astype(np.uint8) if what == MASK else array)
    node.SetIJKToRASMatrix(frames.ijk_to_ras(Grid.of(image)))
    return node
