"""What is the third dimension worth? (the proposal's first axis)

Four organs in real pairs by networks that see a slice, a slice and its neighbors, slices and volumes, or volumes: equal
steps, equal images, and as many weights for those on slices as for the U-Net on volumes.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from liverpair.core.memory import live_memory
from liverpair.evaluation.result_files import write_results
from liverpair.measures.summary import least_significant_difference
from reproduction.arguments import command_of
from reproduction.memory_limit.dimension_figures import dice_and_cost
from reproduction.memory_limit.organ_networks import LIVER_NOTE, ORGAN_VALUES, Arm, Scores, scored
from reproduction.memory_limit.volume_networks import build_any
from reproduction.pair_options import data_words, options_of

NAME = "dimensions"
SEEDS = (0, 1, 2)
STEPS = 100
PATCH = (32, 32, 48)
MIB = 2**20
LEVELS = {
    "kernels": [[1, 3, 3], [3, 3, 3], [3, 3, 3], [3, 3, 3]],
    "strides": [[1, 2, 2], [2, 2, 2], [2, 2, 2]],
    "normalization": "group",
}
ON_VOLUMES, ON_SLICES = [8, 16, 32, 48], [16, 24, 56, 80]
"""Widths; a kernel of 3 × 3 has a third of the weights of one of 3 × 3 × 3."""
TINY = {"widths": [4, 8], "strides": [[1, 2, 2]], "normalization": "group"}
NOT_RUN = "not run"


def _slices(count: int) -> dict[str, Any]:
    return {"slices": count, "widths": ON_SLICES, **LEVELS}


ARMS = (
    Arm("2d", "2-D", "slice-unet", _slices(1), PATCH, smoke=TINY),
    Arm("2.5d-3", "2.5-D, 3 slices", "slice-unet", _slices(3), PATCH, smoke={**TINY, "slices": 3}),
    Arm("2.5d-5", "2.5-D, 5 slices", "slice-unet", _slices(5), PATCH, smoke={**TINY, "slices": 5}),
    Arm(
        "hybrid",
        "hybrid 2-D/3-D",
        "hybrid",
        {"slice_widths": ON_VOLUMES, "widths": ON_VOLUMES, **LEVELS},
        PATCH,
        smoke={**TINY, "slice_widths": [4, 8]},
    ),
    Arm("3d", "3-D U-Net", "unet", {"widths": ON_VOLUMES, **LEVELS}, PATCH, smoke=TINY),
    Arm("v-net", "V-Net", "v-net", {}, PATCH),
)
FLAT, DEEP = ARMS[0].key, "3d"
SMOKE_ARMS = ("2d", "2.5d-3", "hybrid", "3d")

NOTES = (
    "*Dice*: mean over test images, organs and networks; *sd*: between networks. *liver HD95* in mm. *s a volume*: "
    "time of one thread of the processor from a test image on the working grid to logits, median. *MiB*: counted, "
    "activations and gradients of a step of training, and activations in use, for an input of the size of training.",
    "All see the same patches in the same order (the whole body on voxels of 8 × 8 mm, slices as scanned, 5.5 to 9 mm) "
    "and have equal steps. The hybrid network has the two U-Nets of the rows above and below it, both narrow; V-Net is "
    "MONAI's, with the widths and the kernels of 5³ that it was published with, and has many times the weights.",
)


def main(arguments: Sequence[str]) -> None:
    """Train what is missing, measure, write."""
    options, training = options_of(NAME, __doc__, arguments, _own_options, seeds=SEEDS)
    arms = [arm for arm in ARMS if arm.key in (SMOKE_ARMS if options.smoke else [one.key for one in ARMS])]
    patch = (8, 32, 32) if options.smoke else PATCH
    arms = [Arm(arm.key, arm.title, arm.network, arm.arguments, patch, smoke=arm.smoke) for arm in arms]
    found: dict[str, list[Scores]] = {arm.key: [] for arm in arms}
    for arm, _, scores in scored(arms, options, training):
        if scores is not None:
            found[arm.key].append(scores)
    memory = {arm.key: memory_mib(arm, options.smoke) for arm in arms}
    pictures = []
    if any(found.values()):
        dice_and_cost({arm.title: found[arm.key] for arm in arms}, memory, options.results / f"{NAME}.png")
        pictures = [f"One dot for each network:\n\n![Dice and cost]({NAME}.png)"]
    write_results(
        NAME,
        [row(arm, found[arm.key], memory[arm.key]) for arm in arms],
        command_of(NAME, arguments),
        data=f"{data_words(options)}, T1 and T2, four organs, voxels of 8 × 8 mm in slices as scanned",
        title="Slices, neighbors and volumes",
        values={"steps": options.steps, "seeds": options.seeds, **values(found)},
        folder=options.results,
        notes=[*pictures, *NOTES, LIVER_NOTE],
    )


def _own_options(parser: Any) -> None:
    parser.set_defaults(steps=STEPS)


def memory_mib(arm: Arm, smoke: bool = False) -> tuple[float, float]:
    """Of a step of training and of a run on one patch, counted."""
    import torch

    arguments = {"out_channels": len(ORGAN_VALUES), **((smoke and arm.smoke) or arm.arguments)}
    with torch.device("meta"):
        network = build_any(arm.network, arguments)
    shape = (1, 1, *arm.patch)
    return live_memory(network, shape, learning=True) / MIB, live_memory(network, shape) / MIB


def row(arm: Arm, own: Sequence[Scores], memory: tuple[float, float]) -> dict[str, Any]:
    """One line of the table."""
    content: dict[str, Any] = {"network": arm.title}
    if not own:
        return {**content, "Dice": NOT_RUN}
    means = np.array([one.mean_dice for one in own])
    content |= {"Dice": float(means.mean()), "sd": float(means.std(ddof=1)) if len(own) > 1 else None}
    for number, organ in enumerate(ORGAN_VALUES):
        values = [one.dice[:, number] for one in own]
        content[organ] = float(np.nanmean(values)) if np.isfinite(values).any() else None
    hd95 = np.concatenate([one.hd95_mm for one in own])
    return content | {
        "liver HD95": float(np.nanmean(hd95)) if np.isfinite(hd95).any() else None,
        "parameters": own[0].parameters,
        "s a volume": float(np.median([one.seconds for one in own])),
        "MiB training": memory[0],
        "MiB in use": memory[1],
        "networks": len(own),
    }


def values(found: Mapping[str, Sequence[Scores]]) -> dict[str, float | list[float] | None]:
    """Mean Dice by network, what it is above that of the network on slices, and what two rows must differ by to be two
    (5 %)."""
    dice = {key: np.array([one.mean_dice for one in own]) for key, own in found.items() if own}
    known: dict[str, float | list[float] | None] = {f"dice_{key}": float(one.mean()) for key, one in dice.items()}
    known |= {f"liver_{key}": float(np.mean([one.liver_dice for one in own])) for key, own in found.items() if own}
    if dice:
        known["between_seeds"] = least_significant_difference(list(dice.values()))
    if FLAT in dice:
        known |= {f"{key}_minus_2d": float(one.mean() - dice[FLAT].mean()) for key, one in dice.items() if key != FLAT}
        if DEEP in dice and len(dice[DEEP]) == len(dice[FLAT]):
            known["3d_minus_2d_by_seed"] = (dice[DEEP] - dice[FLAT]).tolist()
    return known
