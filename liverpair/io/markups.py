"""Boxes as Slicer's markups: one `.mrk.json` that opens as a ROI node per box.

Format: schema markups-schema-v1.0.3 of 3D Slicer; LPS mm, orientation row by row. The uid of the lesion stands in the
description of the first control point, where Slicer keeps it.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from liverpair.core.atomic import written_whole
from liverpair.core.geometry import Box
from liverpair.core.lesions import Lesion
from liverpair.core.sides import Side

MARKUPS_SCHEMA = (
    "https://raw.githubusercontent.com/slicer/slicer/master/Modules/Loadable/Markups/Resources/Schema/"
    "markups-schema-v1.0.3.json#"
)


def boxes_to_markups(pairs: Iterable[Lesion], side: Side) -> dict[str, Any]:
    """The content of a markups file with the boxes of one image, `side` "t1" or "t2"; pairs without are left out."""
    return {
        "@schema": MARKUPS_SCHEMA,
        "markups": [_roi(pair, pair.boxes[side].box, side) for pair in pairs if side in pair.boxes],
    }


def write_markups(path: str | Path, pairs: Iterable[Lesion], side: Side) -> None:
    """Write the boxes of one image to a `.mrk.json`, whole or not at all. Raises `InputError` for a place that is not
    writable."""
    text = json.dumps(boxes_to_markups(pairs, side), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    with written_whole(path) as beside:
        beside.write_text(text, encoding="utf-8")


def _roi(pair: Lesion, box: Box, side: Side) -> dict[str, Any]:
    center, name = [float(v) for v in box.center_mm], f"{pair.number} {side.title}"
    return {
        "type": "ROI",
        "name": name,
        "coordinateSystem": "LPS",
        "coordinateUnits": "mm",
        "locked": False,
        "fixedNumberOfControlPoints": False,
        "labelFormat": "%N-%d",
        "lastUsedControlPointNumber": 1,
        "roiType": "Box",
        "center": center,
        "orientation": [float(v) for v in box.direction],
        "size": [float(v) for v in box.size_mm],
        "insideOut": False,
        "controlPoints": [
            {
                "id": "1",
                "label": name,
                "description": pair.uid.replace("%", "%25"),
                "position": center,
                "selected": True,
                "locked": False,
                "visibility": True,
                "positionStatus": "defined",
            }
        ],
    }
