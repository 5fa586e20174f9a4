"""What names and DICOM attributes say against two images being T1 and T2 of one patient and visit."""

from collections.abc import Mapping

from liverpair.core.sides import Side
from liverpair.io.weighting import sequence_warning

_COMPARED = (
    ("PatientID", "T1 and T2 are from two patients: their patient IDs differ."),
    ("PatientBirthDate", "T1 and T2 are from two patients: their birth dates differ."),
    ("StudyDate", "T1 and T2 are from two visits: their study dates differ."),
    (
        "FrameOfReferenceUID",
        "T1 and T2 have different frames of reference: the patient may have moved between them, and their offset may "
        "mean nothing.",
    ),
)


def tag_doubts(names: Mapping[Side, str], tags: Mapping[Side, Mapping[str, str]], same: bool = False) -> list[str]:
    """Sentences for the user; none where nothing speaks against the images.

    Parameters
    ----------
    names, tags
        What the images are called, and their DICOM attributes by keyword; a side may be missing.
    same
        Whether both are one and the same image.
    """
    said = [
        f"{side.title} is not an MR image: its modality is {modality}."
        for side, own in tags.items()
        if (modality := own.get("Modality", "MR")) != "MR"
    ]
    first, second = (tags.get(side, {}) for side in Side)
    said += [what for key, what in _COMPARED if key in first and key in second and first[key] != second[key]][:1]
    warning = sequence_warning(names.get(Side.T1), first, names.get(Side.T2), second, same)
    return said + ([warning] if warning else [])
