"""What LiverMultimodal shows in the views of a desktop: how large they are, where they look, what is drawn over what."""

import slicer
from liver_multimodal_factory import panel  # noqa: F401

from liverpair.mrml import layouts

ROW_NAMES = [[view.name for view in row] for row in layouts.ROWS]


def views_share() -> float:
    """The part of the layout's height that both rows of slice views have."""
    manager = slicer.app.layoutManager()
    return sum(manager.sliceWidget(row[0]).height for row in ROW_NAMES) / manager.viewport().height


def test_the_views_of_a_result_have_four_fifths_of_the_height(panel):
    panel.add_pair()
    panel.run()
    assert slicer.app.layoutManager().tableWidget(0).isVisible()
    assert views_share() >= 0.8


def test_the_views_keep_their_height_when_the_scene_is_loaded_again(panel, tmp_path):
    panel.add_pair()
    panel.run()
    path = str(tmp_path / "scene.mrb")
    assert slicer.util.saveScene(path)
    slicer.mrmlScene.Clear(0)
    slicer.app.layoutManager().setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)
    panel.harness.wait()
    slicer.util.loadScene(path)
    panel.harness.wait()
    assert slicer.app.layoutManager().layout == layouts.PAIR_TABLE_LAYOUT_ID
    assert views_share() >= 0.8
