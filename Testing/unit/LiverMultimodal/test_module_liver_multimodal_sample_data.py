"""The demo pair in Sample Data, the logic without its widget, and the module's own test."""

import pytest
import slicer
from liver_multimodal_factory import FakeTransport, NoInstaller, nodes_of, panel, quick_phantom  # noqa: F401
from PySide6.QtGui import QImage

from liverpair.core.errors import LiverPairError
from liverpair.core.geometry import volume_ml
from liverpair.mrml import layouts
from liverpair.mrml.segmentations import liver_mask


def test_the_demo_pair_is_offered_with_a_thumbnail(panel):
    (source,) = slicer.modules.sampleDataSources["LiverPair"]
    assert source.sampleName == "LiverPairDemo"
    assert not QImage(source.thumbnailFileName).isNull()
    assert len(source.uris) == len(source.fileNames) == len(source.nodeNames) == 2


def test_one_click_loads_the_demo_pair_and_chooses_it(panel, quick_phantom):
    panel.click("tryButton")
    panel.harness.wait()
    assert [panel.parameters.t1Volume.GetName(), panel.parameters.t2Volume.GetName()] == ["Demo T1", "Demo T2"]
    assert panel["applyButton"].enabled
    assert not panel["tryButton"].isVisible(), "who has images needs no others"


def test_the_demo_pair_is_made_shown_and_guessed(panel, quick_phantom):
    import SampleData

    t1, t2 = SampleData.press_button("LiverPairDemo")
    assert (t1.GetName(), t2.GetName()) == ("Demo T1", "Demo T2")
    assert slicer.app.layoutManager().layout == layouts.PAIR_LAYOUT_ID
    assert slicer.app.overrideCursor() is None
    panel.enter()
    assert (panel.parameters.t1Volume, panel.parameters.t2Volume) == (t1, t2)
    panel.run()
    assert panel.status.startswith("Liver volume")


def test_a_script_gets_nothing_from_sample_data_because_only_the_button_calls_a_custom_downloader(panel, quick_phantom):
    import SampleData

    assert SampleData.SampleDataLogic().downloadSamples("LiverPairDemo") == []
    assert nodes_of("vtkMRMLScalarVolumeNode") == []


def test_a_failure_while_the_pair_is_made_is_not_swallowed(panel, monkeypatch):
    import SampleData

    def broken(seed):
        raise MemoryError

    monkeypatch.setattr("liverpair.synthesis.phantom.phantom_pair", broken)
    with pytest.raises(MemoryError):
        SampleData.press_button("LiverPairDemo")
    assert slicer.app.overrideCursor() is None and nodes_of("vtkMRMLScalarVolumeNode") == []


def test_a_script_segments_without_the_widget(panel):
    from LiverMultimodal import LiverMultimodalLogic
    from LiverPairLib.standins import StandInCatalogue, StandInWorker

    logic = LiverMultimodalLogic(StandInWorker(), NoInstaller(), StandInCatalogue())
    volume = panel.add_volume("T2 alone")
    nodes = logic.segment(t2Volume=volume)
    assert nodes.taken == ("t2",)
    assert volume_ml(liver_mask(nodes.segmentations["t2"], volume)) == pytest.approx(719, abs=1)


def test_a_script_is_told_why_there_is_no_result(panel):
    import qt

    from LiverMultimodal import LiverMultimodalLogic
    from LiverPairLib.workersession import SessionWorker

    class DyingTransport(FakeTransport):
        def write(self, data):
            super().write(data)
            qt.QTimer.singleShot(0, self.die)

    logic = LiverMultimodalLogic(SessionWorker(DyingTransport()), NoInstaller())
    with pytest.raises(LiverPairError, match="The worker process ended in the middle of the job"):
        logic.segment(t1Volume=panel.add_volume("T1"))
    assert nodes_of("vtkMRMLSegmentationNode") == []
