"""Detected lesions put into a scene of files and pictures: linked boxes, their table, and a picture of them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import slicer

from liverpair.core.lesions import Lesion
from liverpair.mrml import pictures
from liverpair.mrml.lesions import lesion_table
from liverpair.mrml.lesions.lesion_pictures import picture_of_lesions
from liverpair.mrml.lesions.lesion_study import LesionStudy

MOST_IN_PICTURE = 12


def add_lesions(pairs: Sequence[Lesion], volumes: Mapping[str, Any], picture: Path) -> None:
    """Put the linked boxes of `pairs` and their table into the scene of `volumes` (nodes by side), and save a
    picture of the first of them; without a lesion there is no picture."""
    study = LesionStudy(*volumes.values(), "Lesions")
    study.replace_all(pairs)
    table = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode", "Lesions table")
    lesion_table.show(table, study)
    if pairs:
        pictures.save_png(picture_of_lesions(study, study.pairs()[:MOST_IN_PICTURE]), picture)
    study.release()
