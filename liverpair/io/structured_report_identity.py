"""Who stands behind a structured report, and how a lesion is known in it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from liverpair.core.sides import Side

if TYPE_CHECKING:
    from pydicom.uid import UID

REPORT_FILES = {side: f"lesions-{side}-sr.dcm" for side in Side}

_NAMESPACE = uuid.UUID("8f1f5a0e-5f6b-5b0e-9a35-2f6a7a3d1c42")


@dataclass(frozen=True)
class ReportAuthor:
    """Who stands behind the reports.

    Attributes:
        observer: the reader's name as DICOM writes it (`Family^Given`); "" when no person has looked.
        model: name of the detection model behind detected boxes.
        model_version: of that model.
    """

    observer: str = ""
    model: str = "LiverPair"
    model_version: str = "unknown"


def tracking_uid(pair_uid: str) -> UID:
    """The DICOM UID of a lesion, the same wherever and whenever it is asked for: the pair's UUID as a UID (PS3.5 B.2),
    or a UUID made from a uid that is none."""
    from pydicom.uid import UID

    try:
        number = uuid.UUID(pair_uid)
    except ValueError:
        number = uuid.uuid5(_NAMESPACE, pair_uid)
    return UID(f"2.25.{number.int}")
