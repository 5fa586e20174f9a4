"""What the job "save_dicom" may be asked."""

from dataclasses import dataclass, field

from liverpair.core.errors import InputError
from liverpair.jobs.requests import JobRequest


@dataclass(frozen=True, kw_only=True)
class SaveDicomRequest(JobRequest):
    """What to write as DICOM, into which folder.

    Parameters
    ----------
    t1_files, t2_files
        the DICOM files that the volumes were read from; nothing is written of a side without any
    t1_liver, t2_liver
        masks in the space of these files
    t1_liver_by, t2_liver_by
        {"name", "version", "edited"}: the model that drew the mask, and whether a person has corrected it; without it
        a person drew it
    lesions
        the file lesions.json, in the space of these files
    t1_lesions, t2_lesions
        what a model drew of them: label maps with the number of a lesion in its voxels
    lesions_by
        {"name", "version"} of the model that found them
    """

    what = "saving as DICOM"

    output: str
    t1_files: list[str] = field(default_factory=list)
    t2_files: list[str] = field(default_factory=list)
    t1_liver: str | None = None
    t2_liver: str | None = None
    t1_liver_by: dict | None = None
    t2_liver_by: dict | None = None
    lesions: str | None = None
    t1_lesions: str | None = None
    t2_lesions: str | None = None
    lesions_by: dict | None = None

    def check(self) -> None:
        super().check()
        if not (self.t1_files or self.t2_files):
            raise InputError("No volume was loaded from DICOM, and DICOM results have to refer to one.")
        if not (self.t1_liver or self.t2_liver or self.lesions):
            raise InputError("There is no liver and no lesion to save.")
