"""Volumes in the scene that were loaded from DICOM, and a database that knows their files."""

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pydicom
import SimpleITK as sitk
import slicer
from dicom_factory import write_volume

from liverpair.core.sides import Side
from liverpair.mrml import volumes


def add_dicom_volumes(monkeypatch, folder: Path, images: Mapping[Side, sitk.Image], **tags: Any) -> dict[Side, Any]:
    """Write each image as a series of one study, and load it; `tags` are those of all."""
    files, nodes = {}, {}
    tags = {"PatientID": "P1", "FrameOfReferenceUID": "1.2.3.9", "ContentDate": "20240506"} | tags
    for side, image in images.items():
        own = {"SeriesInstanceUID": f"1.2.3.{side[1]}", "SeriesDescription": f"AX {side.title}"} | tags
        paths = write_volume(folder / side, sitk.Abs(image), **own)
        uids = [str(pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID) for path in paths]
        files |= dict(zip(uids, map(str, paths)))
        nodes[side] = volumes.node_from_image(image, f"{side.title} from DICOM")
        nodes[side].CreateDefaultDisplayNodes()
        nodes[side].SetAttribute("DICOM.instanceUIDs", " ".join(uids))

    def value(uid: str, tag: str) -> str:
        found = pydicom.dcmread(files[uid], stop_before_pixels=True).get(tuple(int(n, 16) for n in tag.split(",")))
        return "" if found is None else str(found.value)

    database = SimpleNamespace(fileForInstance=lambda uid: files.get(uid, ""), instanceValue=value)
    monkeypatch.setattr(slicer, "dicomDatabase", database, raising=False)
    return nodes
