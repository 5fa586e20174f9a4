"""Small DICOM series written for tests, with the traps real exports hold."""

from pathlib import Path

import numpy as np
import SimpleITK as sitk
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import EnhancedMRImageStorage, ExplicitVRLittleEndian, MRImageStorage, generate_uid

AXIAL = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]
CORONAL = [1.0, 0.0, 0.0, 0.0, 0.0, -1.0]


def header(sop_class=MRImageStorage, **tags) -> Dataset:
    """A 4 × 6 (rows × columns) 16-bit image header; `tags` override or, as None, remove."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID, ds.SOPInstanceUID = sop_class, generate_uid()
    ds.file_meta.MediaStorageSOPClassUID, ds.file_meta.MediaStorageSOPInstanceUID = sop_class, ds.SOPInstanceUID
    ds.Modality, ds.SeriesDescription, ds.SeriesNumber = "MR", "T1 test", 1
    ds.StudyInstanceUID, ds.SeriesInstanceUID = "1.2.3", "1.2.3.4"
    ds.Rows, ds.Columns, ds.SamplesPerPixel, ds.PhotometricInterpretation = 4, 6, 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 0
    for keyword, value in tags.items():
        if value is None:
            ds.pop(keyword, None)
        else:
            setattr(ds, keyword, value)
    return ds


def write_slice(path: Path, z: float, value: int, **tags) -> Path:
    """An axial slice (or with `ImageOrientationPatient` another) at height `z`, all voxels at `value`."""
    tags = {
        "ImageType": ["ORIGINAL", "PRIMARY", "M"],
        "ImageOrientationPatient": AXIAL,
        "ImagePositionPatient": [-10.0, -20.0, z],
    } | tags
    ds = header(
        **({"PixelSpacing": [1.5, 1.25], "SliceThickness": 3.0, "EchoTime": 4.6, "RepetitionTime": 120.0} | tags)
    )
    ds.PixelData = np.full((4, 6), value, np.uint16).tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    ds.save_as(path, enforce_file_format=True)
    return path


def write_stack(folder: Path, heights=(0.0, 3.0, 6.0, 9.0), prefix="a", first_value=10, **tags) -> list[Path]:
    """One slice per height, with values rising by one, under names in an order that is not that of the heights."""
    return [
        write_slice(folder / f"{prefix}{(7 * n) % 11:02d}.dcm", z, first_value + n, InstanceNumber=n + 1, **tags)
        for n, z in enumerate(heights)
    ]


def write_enhanced(
    path: Path, echoes=(2.3, 4.6), heights=(0.0, 3.0, 6.0), slopes=None, intercepts=(0,), description="mDIXON"
) -> Path:
    """An enhanced multi-frame file: every height in every echo, frames in descending order of heights, values
    100·echo index + slice."""
    ds = header(EnhancedMRImageStorage, SeriesDescription=description, ImageType=["ORIGINAL", "PRIMARY", "M", "NONE"])

    def item(**tags) -> list[Dataset]:
        inner = Dataset()
        for keyword, value in tags.items():
            setattr(inner, keyword, value)
        return [inner]

    shared = Dataset()
    shared.PlaneOrientationSequence = item(ImageOrientationPatient=AXIAL)
    shared.PixelMeasuresSequence = item(PixelSpacing=[1.5, 1.25], SliceThickness=3.0)
    ds.SharedFunctionalGroupsSequence = [shared]
    frames, pixels = [], []
    for e, echo in enumerate(echoes):
        for n, z in reversed(list(enumerate(heights))):
            frame = Dataset()
            frame.PlanePositionSequence = item(ImagePositionPatient=[-10.0, -20.0, z])
            frame.MREchoSequence = item(EffectiveEchoTime=echo)
            if slopes:
                frame.PixelValueTransformationSequence = item(
                    RescaleSlope=slopes[n % len(slopes)],
                    RescaleIntercept=intercepts[n % len(intercepts)],
                    RescaleType="US",
                )
            frames.append(frame)
            pixels.append(np.full((4, 6), 100 * e + n, np.uint16))
    ds.PerFrameFunctionalGroupsSequence = frames
    ds.NumberOfFrames = len(frames)
    ds.PixelData = np.stack(pixels).tobytes()
    ds.save_as(path, enforce_file_format=True)
    return path


def write_volume(folder: Path, image: sitk.Image, **tags) -> list[Path]:
    """A volume as one series of its slices, values as they are; `tags` override."""
    folder.mkdir(parents=True, exist_ok=True)
    columns, rows, slices = image.GetSize()
    axes = np.reshape(image.GetDirection(), (3, 3))
    spacing = image.GetSpacing()
    geometry = {
        "ImageType": ["ORIGINAL", "PRIMARY", "M"],
        "ImageOrientationPatient": [round(float(v), 12) for v in (*axes[:, 0], *axes[:, 1])],
        "PixelSpacing": [spacing[1], spacing[0]],
        "SliceThickness": spacing[2],
        "Rows": rows,
        "Columns": columns,
    }
    array = np.rint(sitk.GetArrayFromImage(image)).astype(np.uint16)
    paths = []
    for n in range(slices):
        place = [round(v, 6) for v in image.TransformIndexToPhysicalPoint((0, 0, n))]
        ds = header(**{**geometry, "ImagePositionPatient": place, "InstanceNumber": n + 1, **tags})
        ds.PixelData = array[n].tobytes()
        paths.append(folder / f"{n:03d}.dcm")
        ds.save_as(paths[-1], enforce_file_format=True)
    return paths
