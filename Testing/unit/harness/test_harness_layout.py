"""The harness's layout manager lays views out as Slicer's does."""

import pytest

pytest.importorskip("PySide6", reason="the harness needs PySide6")
pytest.importorskip("slicer", reason="the harness needs slicer-core")

import slicer  # noqa: E402
from clean_harness import harness  # noqa: E402, F401

ROW = '<item{}><layout type="horizontal"><item><view class="{}" singletontag="{}"/></item></layout></item>'
FIRST_ID = 990


@pytest.mark.parametrize(("size", "low", "high"), [("", 0.75, 1.0), (' splitSize="5000"', 0.31, 0.34)])
def test_a_splitter_without_sizes_gives_a_table_nearly_all(harness, size, low, high):
    manager = slicer.app.layoutManager()
    named = (("vtkMRMLSliceNode", "Red"), ("vtkMRMLSliceNode", "Green"), ("vtkMRMLTableViewNode", "T"))
    items = "".join(ROW.format(size, node_class, name) for node_class, name in named)
    layout_id = FIRST_ID + len(size)
    manager.layoutLogic().GetLayoutNode().AddLayoutDescription(
        layout_id, f'<layout type="vertical" split="true">{items}</layout>'
    )
    manager.setLayout(layout_id)
    harness.wait()
    assert low < manager.tableWidget(0).height / manager.viewport().height < high
