"""The job "link": from lesions that were marked in T1 and in T2 by any tool to the files that hold them linked."""

from pathlib import Path
from typing import Any

from liverpair.core.errors import Progress, part_of
from liverpair.core.sides import Side
from liverpair.detection.marked_lesions import link_marked
from liverpair.io.lesion_maps import read_lesion_map
from liverpair.jobs.detect_files import save_lesions
from liverpair.jobs.detect_results import result_files
from liverpair.jobs.pair_inputs import PairInputs, read_pair
from liverpair.jobs.requests import LinkRequest
from liverpair.jobs.result_folder import writable_folder
from liverpair.jobs.segment_job import check_choices

READ, LINKED = 0.1, 0.8
"""Fractions of the job that are done when the inputs are read, and when the lesions are linked."""


def link(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Link the lesions of `request` (see `LinkRequest`) and write the results to its output folder.

    Writes and returns what the job "detect" does; `t1_lesions.nii.gz` and `t2_lesions.nii.gz` have the number of a
    lesion in its voxels. Raises any `LiverPairError`, and `Cancelled` through `progress`.
    """
    wanted = LinkRequest.parse(request)
    bundles = wanted.liver_bundles()
    check_choices(bundles, wanted.device, "auto")
    with writable_folder(Path(wanted.output), result_files(wanted.missing_livers)):
        inputs = read_pair(wanted.parts, part_of(progress, 0.0, READ / 2), wanted.liver_label)
        progress(READ / 2, "Reading the lesions")
        read = [
            read_lesion_map(getattr(wanted, f"{side}_lesions"), image, side.title, wanted.lesion_label)
            for side, image in zip(Side, inputs.images)
        ]
        inputs = PairInputs(inputs.images, inputs.livers, (*inputs.notes, *(note for _, said in read for note in said)))
        about = wanted.asked(bundles)
        marked = [one for one, _ in read]
        found = link_marked(inputs.images, marked, inputs.livers, bundles, wanted, part_of(progress, READ, LINKED))
        return save_lesions(wanted, inputs, found, bundles, about, LINKED, progress)
