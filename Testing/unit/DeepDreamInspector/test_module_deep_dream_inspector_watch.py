"""The section Watch: the pictures of a dream, scrubbed, played and compared with the original."""

from pathlib import Path

import numpy as np
import pytest
import slicer
from dream_viewing_factory import ADDED, FRAMES, sample, samples, viewing_of, write_frame  # noqa: F401


@pytest.fixture
def viewing(viewing_of):
    return viewing_of("plot", "watch")


def shown(viewing) -> np.ndarray:
    """The voxels of the dreamt image on the screen."""
    return slicer.util.arrayFromVolume(viewing.context.frames.proxy_image)


def original(viewing) -> np.ndarray:
    return slicer.util.arrayFromVolume(viewing.context.dream.volume)


def composite(name: str):
    """What a slice view shows."""
    return slicer.app.layoutManager().sliceWidget(name).mrmlSliceCompositeNode()


def with_frame(viewing, iteration: int, run: int = 0) -> dict:
    """A sample with pictures, as the worker sends it."""
    folder = Path(viewing.context.dream.about["folder"]) / "frames"
    return {**sample(iteration, run), "frame": write_frame(folder, iteration, run)}


def test_before_a_dream_there_is_nothing_to_watch(viewing):
    assert viewing.text("watchLabel") == "The pictures that a dream keeps can be watched here."
    for name in ("seekWidget", "playWidget", "runSelector", "outlineCheckBox", "differenceCheckBox"):
        assert not viewing[name].isEnabled()


def test_the_slider_goes_through_the_pictures_and_takes_the_plot_along(viewing):
    viewing.dream()
    before = original(viewing).copy()
    assert viewing.text("watchLabel") == "Iteration 40, activation 4.00, probability 100%, object of 100 voxels."
    slider = viewing["slider_IndexValue"]
    viewing.harness.press("Home", slider)
    assert viewing.context.iteration == 0
    np.testing.assert_allclose(shown(viewing), before, atol=1e-4)
    viewing.harness.press("Right", slider)
    assert viewing.context.iteration == 10
    assert viewing.text("watchLabel").startswith("Iteration 10, activation -2.00, probability 25%")
    assert np.abs(shown(viewing) - before).max() == pytest.approx(10 * ADDED, rel=1e-4)
    assert viewing["featureTable"].horizontalHeaderItem(2).text() == "z at 10"
    np.testing.assert_array_equal(original(viewing), before)


def test_a_look_at_another_iteration_jumps_to_the_nearest_picture(viewing):
    viewing.dream()
    viewing.context.goTo(17)
    assert viewing.context.frames.iteration == 20 and viewing.context.iteration == 17
    assert viewing.text("watchLabel").endswith("the picture nearest to iteration 17.")
    viewing.click("pushButton_VcrPrevious")
    assert viewing.context.iteration == 10


def test_the_pictures_are_played(viewing):
    viewing.dream()
    seen = set()
    viewing.harness.type_text(viewing["doubleSpinBox_VcrPlaybackRate"], "30")
    viewing.click("pushButton_VcrPlayPause")
    viewing.harness.wait(until=lambda: seen.add(viewing.context.iteration) or set(FRAMES) <= seen)
    viewing.click("pushButton_VcrPlayPause")
    assert not viewing.context.frames.browser.GetPlaybackActive()


def test_original_and_dreamt_image_are_side_by_side_with_the_same_window(viewing):
    viewing.dream()
    assert not viewing["outlineCheckBox"].checked
    viewing.click("showViewsButton")
    assert viewing["outlineCheckBox"].checked
    viewing.harness.wait(seconds=0.3)
    frames, volume = viewing.context.frames, viewing.context.dream.volume
    assert composite("LiverPairOriginal").GetBackgroundVolumeID() == volume.GetID()
    assert composite("LiverPairDream").GetBackgroundVolumeID() == frames.proxy_image.GetID()
    assert composite("LiverPairOriginal").GetLinkedControl() and composite("LiverPairDream").GetLinkedControl()
    display = frames.proxy_image.GetDisplayNode()
    assert (display.GetWindow(), display.GetLevel()) == (180, 70)
    volume.GetDisplayNode().SetWindowLevel(60, 20)
    assert (display.GetWindow(), display.GetLevel()) == (60, 20)


def test_outline_and_difference_are_shown_on_request(viewing):
    viewing.dream()
    viewing.click("differenceCheckBox")
    frames = viewing.context.frames
    assert viewing["differenceCheckBox"].checked, "the views are opened for it"
    assert composite("LiverPairDream").GetForegroundVolumeID() == frames.proxy_difference.GetID()
    assert slicer.util.arrayFromVolume(frames.proxy_difference).max() == pytest.approx(40 * ADDED, rel=1e-4)
    viewing.click("differenceCheckBox")
    assert composite("LiverPairDream").GetForegroundVolumeID() is None
    assert viewing["outlineCheckBox"].checked
    viewing.click("outlineCheckBox")
    assert composite("LiverPairDream").GetLabelVolumeID() is None
    viewing.click("outlineCheckBox")
    assert composite("LiverPairDream").GetLabelVolumeID() == frames.proxy_mask.GetID()


def test_another_run_is_watched(viewing):
    viewing.dream()
    viewing.harness.choose(viewing["runSelector"], "Dream, start 2")
    assert viewing.context.frames.run == ("dream", 1) and viewing.context.frames.iterations == list(FRAMES)
    viewing.click("differenceCheckBox")
    viewing.click("outlineCheckBox")
    viewing.harness.choose(viewing["runSelector"], "Dream, start 3")
    assert viewing["differenceCheckBox"].checked and not viewing["outlineCheckBox"].checked


def test_pictures_come_while_the_dream_runs_and_the_newest_is_watched_unless_another_was_chosen(viewing):
    dream = viewing.dream(finished=False, iterations=range(2))
    assert not viewing["seekWidget"].isEnabled()
    viewing.context.addSamples(dream, [with_frame(viewing, 0)])
    assert viewing["seekWidget"].isEnabled() and viewing.context.frames.iterations == [0]
    viewing.context.addSamples(dream, [*samples(range(1, 11)), with_frame(viewing, 10), with_frame(viewing, 10, run=1)])
    assert viewing.context.frames.iteration == 10
    assert viewing.context.iteration is None, "nobody has chosen an iteration"
    viewing.click("pushButton_VcrFirst")
    viewing.context.addSamples(dream, [with_frame(viewing, 20)])
    assert viewing.context.frames.iterations == [0, 10, 20] and viewing.context.frames.iteration == 0
    assert viewing["runSelector"].count == 2


def test_the_views_are_opened_when_a_dream_begins(viewing):
    class Running:
        ending = None

    viewing.dream(finished=False, iterations=range(2))
    viewing.context.setRun(Running())
    viewing.harness.wait()
    assert composite("LiverPairOriginal").GetBackgroundVolumeID() == viewing.context.dream.volume.GetID()
    assert slicer.app.layoutManager().plotViewCount == 1
    viewing.context.addSamples(viewing.context.dream, [with_frame(viewing, 0)])
    assert composite("LiverPairDream").GetBackgroundVolumeID() == viewing.context.frames.proxy_image.GetID()
    viewing.dream(name="Second")
    assert composite("LiverPairDream").GetBackgroundVolumeID() == viewing.context.frames.proxy_image.GetID()


def test_a_picture_that_cannot_be_read_is_said_in_words(viewing):
    dream = viewing.dream(finished=False, iterations=range(2))
    bad = with_frame(viewing, 0)
    Path(bad["frame"]["image"]).write_bytes(b"not an image")
    viewing.context.addSamples(dream, [bad])
    assert len(viewing.problems) == 1 and "image" in viewing.problems[0]
    assert viewing.text("watchLabel") == "The pictures that a dream keeps can be watched here."
    viewing.context.addSamples(dream, [with_frame(viewing, 10)])
    assert len(viewing.problems) == 1 and viewing.context.frames.iterations == [10]


def test_a_loaded_dream_is_watched_without_its_files(viewing, tmp_path):
    viewing.dream()
    viewing.reopen(tmp_path / "scene.mrb")
    assert viewing.context.frames.iterations == list(FRAMES)
    viewing.click("pushButton_VcrFirst")
    assert viewing.context.iteration == 0
    viewing.click("differenceCheckBox")
    assert viewing["differenceCheckBox"].checked


def test_a_dream_that_is_deleted_leaves_nothing_to_watch(viewing):
    viewing.dream().remove()
    viewing.harness.wait()
    assert not viewing["seekWidget"].isEnabled() and viewing.context.frames is None
