"""The job "masks": from the boxes of lesions to label maps in which each lesion has its number."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from liverpair.core.device import choose_device
from liverpair.core.errors import InputError, Progress, part_of
from liverpair.core.geometry import like
from liverpair.core.lesions import Lesion, read_lesions
from liverpair.core.sides import Side
from liverpair.detection.box_masks import BoxDrawer, BoxNetwork, network_in_boxes
from liverpair.io.study import read_image, write_image
from liverpair.jobs.detect_results import masks_file
from liverpair.jobs.masks_request import LITE_MEDSAM, MASKS_SUMMARY, MasksRequest, masks_files
from liverpair.jobs.pair_inputs import read_side
from liverpair.jobs.result_folder import staging_folder, writable_folder
from liverpair.measures.lesion_labels import LesionLabels

READ = 0.1
SCHEMA_VERSION = 1


def masks(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Draw the lesions in the boxes of `request` (see `MasksRequest`) and write the label maps to its output folder.

    Drawn is every lesion that was seen in an image, was not rejected, and has no mask there yet. Returns {"masks": by
    side the path of its label map on the grid of the volume, None for an image without a lesion; "made_by": by side and
    number what drew the mask; "kept": by side the numbers of those that were there; "notes"}. Raises any
    `LiverPairError`, and `Cancelled` through `progress`.
    """
    wanted = MasksRequest.parse(request)
    drawer = BoxDrawer(_network(wanted))
    output = wanted.folder()
    with writable_folder(output, masks_files()), staging_folder(output) as staging:
        progress(0.0, "Reading the lesions")
        lesions = read_lesions(wanted.lesions)
        told: dict[str, Any] = {"schema_version": SCHEMA_VERSION, "masks": {}, "made_by": {}, "kept": {}, "notes": []}
        sides = wanted.sides
        for step, side in enumerate(sides):
            report = part_of(progress, step / len(sides), (step + 1) / len(sides))
            labels = _drawn(wanted, drawer, lesions, side, told, report)
            told["masks"][side] = None if labels is None else masks_file(side)
            if labels is not None:
                write_image(labels, Path(staging) / masks_file(side))
        progress(1.0, "Saving the results")
        told["model"] = None if drawer.network is None else drawer.network.name
        text = json.dumps(told, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        (Path(staging) / MASKS_SUMMARY).write_text(text, encoding="utf-8")
        for name in [*filter(None, told["masks"].values()), MASKS_SUMMARY]:
            os.replace(Path(staging) / name, output / name)
    return {**json.loads(text), "masks": {s: name and str(output / name) for s, name in told["masks"].items()}}


def _network(wanted: MasksRequest) -> BoxNetwork | None:
    """What is asked first."""
    device = choose_device(wanted.device)
    if wanted.model == LITE_MEDSAM:
        from liverpair.detection.lite_medsam import LiteMedSam

        return LiteMedSam(device)
    bundle = wanted.bundle()
    return None if bundle is None else network_in_boxes(bundle, device)


def _drawn(
    wanted: MasksRequest, drawer: BoxDrawer, lesions: list[Lesion], side: Side, told: dict[str, Any], progress: Progress
) -> sitk.Image | None:
    """The label map of one image, which joins what is `told`."""
    progress(0.0, f"Reading {side.title}")
    image, liver, notes = read_side(side, getattr(wanted, side), getattr(wanted, f"{side}_liver"), wanted.liver_label)
    before = getattr(wanted, f"{side}_lesions")
    kept = LesionLabels(read_image(before), image, name=side.title) if before is not None else None
    numbers = {} if kept is None else kept.boxes
    seen = {one.number: one.seen(side) for one in lesions if one.state != "rejected" and one.seen(side) is not None}
    if len(seen) < sum(one.state != "rejected" and one.seen(side) is not None for one in lesions):
        raise InputError("Two lesions have one number.", "Number the lesions anew.")
    boxes = {number: box for number, box in seen.items() if number not in numbers}
    if boxes and liver is None and drawer.network is not None and drawer.network.needs_liver:
        notes.append(f"There is no liver mask of {side.title}, so the model was not asked there.")
    labels, made_by, said = drawer.draw(image, boxes, liver, part_of(progress, READ, 1.0))
    if kept is not None:
        array = sitk.GetArrayFromImage(kept.labels)
        array = np.where(array > 0, array, sitk.GetArrayViewFromImage(labels)).astype(np.uint16)
        labels = like(array, image)
    told["made_by"][side] = {str(number): who for number, who in made_by.items()}
    told["kept"][side] = sorted(numbers)
    told["notes"] += [*notes, *(f"{side.title}: {note}" for note in said)]
    return labels if made_by or numbers else None
