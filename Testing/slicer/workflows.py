"""The workflows by name, and how one is run."""

import importlib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MODULES = ("LiverMultimodal", "LesionPairDetect", "DeepDreamInspector")
WORKFLOWS = {
    "every_module_opens": "opening",
    "the_liver_is_segmented": "segmenting",
    "a_segmentation_is_broken_off": "segmenting",
    "lesions_are_detected_and_reviewed": "detecting",
    "lesions_are_drawn_linked_and_exchanged": "annotating",
    "many_lesions_follow_the_threshold": "annotating",
    "a_dream_is_watched": "dreaming",
    "two_dreams_are_compared": "dreaming",
}
"""Function, and the module beside this one that has it."""


def run(name, hands):
    """Run a workflow from an empty scene to an empty one; raises AssertionError with what went wrong."""
    from hands import census

    hands.closeScene()
    before = census()
    getattr(importlib.import_module(WORKFLOWS[name]), name)(hands)
    hands.closeScene()
    left = census() - before
    hands.expect(not left, f"no node is left when the scene is closed: {dict(left)}")
