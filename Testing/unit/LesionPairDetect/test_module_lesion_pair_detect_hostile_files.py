"""Files of lesions that are refused, in one sentence, with the scene left as it was."""

import json

import pytest
import slicer
from lesion_sections_factory import clean_cache, lesions, sections  # noqa: F401

from liverpair.core.lesions import lesions_to_json
from liverpair.core.sides import Side


def changed(change):
    content = json.loads(lesions_to_json(lesions()))
    change(content)
    return json.dumps(content)


HOSTILE = {
    "no JSON": "{",
    "another version": changed(lambda c: c.update(version=99)),
    "no number": lesions_to_json(lesions()).replace("60.0", "NaN", 1),
    "infinite": lesions_to_json(lesions()).replace("60.0", "1e999", 1),
    "a uid twice": changed(lambda c: c["pairs"][1].update(uid="lesion-1")),
    "no uid": changed(lambda c: c["pairs"][0].update(uid="")),
    "a negative size": changed(lambda c: c["pairs"][0][Side.T1].update(size_mm=[-1, 2, 3])),
    "no size": changed(lambda c: c["pairs"][0][Side.T1].update(size_mm=[0, 2, 3])),
    "skewed axes": changed(lambda c: c["pairs"][0][Side.T1].update(direction=[1, 1, 0, 0, 1, 0, 0, 0, 1])),
    "an unknown field": changed(lambda c: c["pairs"][3].update(comment="x")),
    "an unknown state": changed(lambda c: c["pairs"][3].update(state="maybe")),
    "no box": changed(lambda c: c["pairs"][2].update(t1=None)),
    "deeply nested": "[" * 100_000,
    "binary": "\udcff\udcfe",
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_file_is_refused_in_words_and_the_scene_is_as_it_was(sections, tmp_path, what):
    sections.add_lesions(lesions()[:2])
    before, undo = sections.study.pairs(), sections.study.undo_name
    nodes = slicer.mrmlScene.GetNumberOfNodes()
    path = tmp_path / "hostile.json"
    path.write_text(HOSTILE[what], encoding="utf-8", errors="surrogateescape")
    sections.harness.answer(str(path))
    sections.click("importLesionsButton")
    assert len(sections.problems) == 1 and "hostile.json" in sections.problems[0]
    assert "Traceback" not in sections.problems[0] and "\n" not in sections.problems[0]
    assert (sections.study.pairs(), sections.study.undo_name) == (before, undo)
    assert slicer.mrmlScene.GetNumberOfNodes() == nodes
