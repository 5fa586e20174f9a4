"""A pair of volumes on disk with peaks at known places, for `peak_detector`."""

from pathlib import Path

import numpy as np
from bright_box import grid
from lesion_factory import drawn, lesion_of
from peak_detector import image_and_liver

from liverpair.core.geometry import Box
from liverpair.core.lesions import Lesion, write_lesions
from liverpair.io.study import write_image

PEAKS = np.array([(-20.0, 10.0, 8.0), (22.0, -6.0, -12.0)])
SHIFT = np.array([6.0, -10.0, 16.0])
T1_GRID = grid((2.0, 2.0, 4.0), extent=140.0)
T2_GRID = grid((2.5, 2.5, 4.0), degrees=(12.0, -8.0, 20.0), extent=160.0)
LESION_MM = (20.0, 20.0, 16.0)


def write_volumes(folder: Path, livers: bool = True, t2_peaks: np.ndarray | None = None) -> dict[str, str]:
    """Write t1, t2 and, with `livers`, their masks; return the path of each part.

    T2 is oblique and moved by `SHIFT`.
    """
    sides = {
        "t1": image_and_liver(T1_GRID, PEAKS),
        "t2": image_and_liver(T2_GRID, PEAKS + SHIFT if t2_peaks is None else t2_peaks, SHIFT),
    }
    paths = {}
    for side, (image, liver) in sides.items():
        for part, volume in ((side, image), (f"{side}_liver", liver)):
            if livers or part == side:
                paths[part] = str(folder / f"{part}.nii.gz")
                write_image(volume, paths[part])
    return paths


def true_pairs() -> list[Lesion]:
    """The lesions as an annotator would box them."""
    return [
        lesion_of(
            number,
            drawn(Box(tuple(peak), LESION_MM, T1_GRID.direction)),
            drawn(Box(tuple(peak + SHIFT), LESION_MM, T2_GRID.direction)),
            state="accepted",
            displacement_mm=tuple(SHIFT),
            note="cyst, small" if number == 1 else "HCC",
        )
        for number, peak in enumerate(PEAKS, start=1)
    ]


def write_study(folder: Path, livers: bool = True) -> dict[str, str]:
    """`write_volumes` with the true lesions in `lesions.json`."""
    write_lesions(folder / "lesions.json", true_pairs())
    return write_volumes(folder, livers)
