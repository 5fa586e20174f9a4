"""How well the inspected networks segment what they were trained on, on cases that no training saw.

Writes the scores into the models' cards too.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from liverpair.bundle import Bundle
from liverpair.evaluation.result_files import write_results
from liverpair.synthesis.paired_lesions_evaluation import TEST_CASES
from liverpair.synthesis.slice_objects import Fakes
from liverpair.training.lesion_slices_cache import LesionSlices
from liverpair.training.lesion_slices_data import LesionSlicesData, SliceObjects, mean_dice
from reproduction.arguments import command_of
from reproduction.chapter3.dream_networks import ELONGATED, FAKE, MARKED, NETWORKS, marked_name
from reproduction.chapter3.dream_runs import inspected, options_of
from reproduction.training.own_slices import OwnSlicesData, split_of

NAME = "dream-networks"
TEST_SEED = 90_000
TEST_VARIANTS = 3
OBJECTS = {
    **{marked_name(p): SliceObjects(marking_probability=p) for p in MARKED},
    FAKE: SliceObjects("fakes"),
    ELONGATED: SliceObjects("elongated", fakes=Fakes(stretch=(1.0, 3.5))),
}
"""What each network was trained on."""
DATA = (
    f"CHAOS MR test cases {', '.join(TEST_CASES)}, T1 in-phase: synthetic lesions ({TEST_VARIANTS} sets a case), "
    "marked, or fakes, as in training"
)
NOTES = (
    "Dice inside the liver at a probability of 0.5, all slices of a volume together; mean over volumes. Fakes are "
    "meant to be hard: many are hardly darker than the liver.",
)


def main(arguments: Sequence[str]) -> None:
    """Train what is missing, score, write."""
    options, training = options_of(NAME, __doc__, arguments)
    command = command_of(NAME, arguments)
    rows = []
    for name in NETWORKS:
        bundle, objects = inspected(name, options, training), OBJECTS[name]
        volumes = test_volumes(options, objects)
        dice = mean_dice(bundle.network(), volumes, objects, TEST_SEED)
        rows.append({"network": name, "dice": dice, "volumes": len(volumes)})
        if not (options.smoke or options.own_data):
            write_into_card(bundle, dice, len(volumes), command)
    write_results(
        NAME,
        rows,
        command,
        data=str(options.own_data.name) if options.own_data else DATA,
        title="How well the inspected networks segment",
        folder=options.results,
        notes=NOTES,
    )


def test_volumes(options: argparse.Namespace, objects: SliceObjects = SliceObjects()) -> list[LesionSlices]:
    """The slices of the test cases, with lesions or as scanned; of one case in a smoke run. Of the user's own data,
    what was kept for testing."""
    if options.own_data:
        data = OwnSlicesData(
            root=str(options.own_data), train=[], validation=[], sequence="T1", t1_images=["own"], objects=objects
        )
        return [one for case in split_of(options.own_data)[2] for one in data.of_case(case, range(1))]
    data = LesionSlicesData(
        root=str(options.data_root),
        train=[],
        validation=list(TEST_CASES),
        sequence="T1",
        t1_images=["t1.nii.gz"],
        objects=objects,
        cache=str(Path(options.runs) / "cache"),
    )
    cases, variants = (TEST_CASES[:1], 1) if options.smoke else (TEST_CASES, TEST_VARIANTS)
    return data.volumes(cases, variants, TEST_SEED)


def write_into_card(bundle: Bundle, dice: float, volumes: int, command: str) -> None:
    """The score as the model's test result."""
    result = {
        "description": f"{DATA}. Synthetic objects in real MRI, not lesions of patients.",
        "command": command,
        "dice_inside_the_liver": round(dice, 4),
        "volumes": volumes,
    }
    bundle.update(metrics={"test": result})
