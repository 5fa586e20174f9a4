"""The DICOM files that a volume was loaded from."""

from pathlib import Path

import slicer


def is_from_dicom(volume_node) -> bool:
    """Whether the DICOM database knows the file of the first instance that a volume node was loaded from."""
    uids = (volume_node.GetAttribute("DICOM.instanceUIDs") or "").split()
    database = getattr(slicer, "dicomDatabase", None)
    return bool(uids) and database is not None and bool(database.fileForInstance(uids[0]))


def files_of(volume_node) -> list[Path]:
    """The files of the instances that a volume node was loaded from, in no order; empty when that is not known.

    Slicer's DICOM module writes the instances' UIDs on the node and keeps their files in its database.
    """
    uids = (volume_node.GetAttribute("DICOM.instanceUIDs") or "").split()
    database = getattr(slicer, "dicomDatabase", None)
    if database is None:
        return []
    names = [database.fileForInstance(uid) for uid in uids]
    return [Path(name) for name in names if name] if all(names) else []
