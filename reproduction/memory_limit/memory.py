"""What does a reversible network save, and what is it worth? (the proposal's third axis)

Memory and time of a step of training against depth and input size, with all activations kept, with gradient
checkpoints, and reversible; the largest input that fits into a limit; and the Dice of four organs in real pairs with
larger and larger inputs, with equal steps for all networks, and more for smaller inputs.
"""

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from liverpair.core.device import processor_name
from liverpair.evaluation.result_files import table_text, write_results
from reproduction.arguments import command_of
from reproduction.memory_limit import memory_figures
from reproduction.memory_limit.organ_networks import LIVER_NOTE, Arm, Scores, scored
from reproduction.memory_limit.step_memory import (
    DEPTHS,
    GIB,
    KEPT,
    LIMITS_GIB,
    MEASURED_SIDE,
    MIB,
    ORDINARY,
    POOLING_FREE,
    SIDE,
    SIDES,
    Network,
    depth_rows,
    largest_side,
    overhead,
    ratio,
    size_rows,
    unets,
)
from reproduction.pair_options import data_words, options_of
from reproduction.remembered import Remembered

NAME = "memory"
SEEDS = (0, 1, 2)
LEVELS = {
    "kernels": [[1, 3, 3], [3, 3, 3], [3, 3, 3], [3, 3, 3]],
    "strides": [[1, 2, 2], [2, 2, 2], [2, 2, 2]],
    "normalization": "group",
}
FREE_LEVELS = {name: values[:-1] if isinstance(values, list) else values for name, values in LEVELS.items()}
TRAINED = {
    "ordinary": (ORDINARY, "unet", {"widths": [8, 16, 32, 48], **LEVELS}),
    "reversible": (KEPT["output"], "reversible-unet", {"widths": [8, 16, 32, 48], "depth": 2, **LEVELS}),
    "pooling_free": (
        POOLING_FREE,
        "reversible-unet",
        {"widths": [8, 16, 64], "depth": 2, "pooling": "none", **FREE_LEVELS},
    ),
}
"""By key: title, network and arguments of the trainings."""
PATCHES = {"small": ((16, 16, 16), 400), "medium": ((24, 24, 32), 200), "large": ((32, 32, 48), 80)}
"""Voxels (z, y, x) of 8 × 8 mm that a training sees at a time, and its steps: about the same time for the ordinary
network, estimated from steps on inputs of other sizes. The large one is the whole body."""
TRAINED_SIZES = {
    "ordinary": ("small", "medium", "large"),
    "reversible": ("medium", "large"),
    "pooling_free": ("large",),
}
SMOKE = {
    "unet": {"widths": [4, 8], "strides": [[1, 2, 2]], "normalization": "group"},
    "reversible-unet": {"widths": [4, 8], "strides": [[1, 2, 2]]},
}
NOT_RUN = "not run"

NOTES = (
    "*counted*: bytes of all tensors alive at the worst moment of one step of training, activations and gradients; "
    "*measured*: by how much the resident memory of a process of its own rose at most, convolutions' own copies "
    "included; *seconds*: of one thread of the processor. One input, single precision.",
    "The reversible U-Net computes the same whatever it keeps: a chain of additive couplings (two convolutions each) "
    "of which the output alone is kept, every ⌈√n⌉th state (torch's gradient checkpointing), or everything. The "
    "ordinary U-Net is the one that LiverPair trains otherwise.",
)


def main(arguments: Sequence[str]) -> None:
    """Measure, train what is missing, measure that, write."""
    options, training = options_of(NAME, __doc__, arguments, seeds=SEEDS)
    depths, side, sides, at = (DEPTHS, SIDE, SIDES, MEASURED_SIDE)
    repeats = 2
    if options.smoke:
        depths, side, sides, at, repeats = (1, 4), 16, (16, 24), 16, 1
    remembered = Remembered(options.runs / "steps.json", [processor_name()])
    by_depth = remembered(["depth", depths, side], lambda: depth_rows(depths, side, repeats))
    by_size = remembered(["size", sides, at], lambda: size_rows(sides, at, repeats))
    factor = overhead([*by_depth, *by_size])
    largest = {
        (title, limit): largest_side(network, limit * GIB, factor)
        for title, network in unets().items()
        for limit in LIMITS_GIB
        if not options.smoke or (limit == LIMITS_GIB[0] and title in (ORDINARY, KEPT["output"]))
    }
    arms = arms_of(options)
    found: dict[str, list[Scores]] = {arm.key: [] for arm in arms}
    for arm, _, scores in scored(arms, options, training):
        if scores is not None:
            found[arm.key].append(scores)
    memory = {arm.key: Network(arm.network, arm.arguments).bytes((1, 1, *arm.patch)) / MIB for arm in arms}
    memory_figures.steps(by_depth, by_size, options.results / f"{NAME}.png")
    pictures = [f"![Memory of a step of training]({NAME}.png)"]
    if any(found.values()):
        memory_figures.dice_by_size(arms, found, memory, options.results / f"{NAME}-dice.png")
        pictures.append(f"One dot for each network, lines through means:\n\n![Dice]({NAME}-dice.png)")
    write_results(
        NAME,
        [dice_row(arm, found[arm.key], memory[arm.key], options) for arm in arms],
        command_of(NAME, arguments),
        data=f"{data_words(options)}, T1 and T2, four organs, voxels of 8 × 8 mm in slices as scanned",
        title="Memory, time and Dice of reversible networks",
        values={
            "seeds": options.seeds,
            "processor": processor_name(),
            **step_values(by_depth, by_size, largest, factor),
            **dice_values(arms, found, memory),
        },
        by_key={"depth": by_depth, "size": by_size},
        folder=options.results,
        notes=[
            *pictures,
            *NOTES,
            LIVER_NOTE,
            f"A network of one level, 32 channels, {side}³ voxels:\n\n{table_text(by_depth)}",
            f"U-Nets of four levels, 16 channels at full resolution (without pooling: three):\n\n{table_text(by_size)}",
            "The largest cube on which a step of training fits, in voxels along its side, when it takes "
            f"{factor:.2f} times what is counted, the most that was measured:\n\n{table_text(largest_rows(largest))}",
        ],
    )


def arms_of(options: argparse.Namespace) -> list[Arm]:
    """The ordinary network with every size of input, the reversible one with the larger two, that without pooling with
    the largest."""
    sizes = dict(list(PATCHES.items())[-1:]) if options.smoke else PATCHES
    return [
        Arm(
            f"{key}-{size}",
            f"{title}, {size}",
            network,
            arguments,
            (8, 32, 32) if options.smoke else patch,
            steps,
            smoke=SMOKE[network] | ({"widths": [4, 8], "pooling": "none"} if key == "pooling_free" else {}),
        )
        for key, (title, network, arguments) in TRAINED.items()
        for size, (patch, steps) in sizes.items()
        if size in TRAINED_SIZES[key]
    ]


def dice_row(arm: Arm, own: Sequence[Scores], megabytes: float, options: argparse.Namespace) -> dict[str, Any]:
    """One line of the table."""
    means = np.array([one.mean_dice for one in own])
    content: dict[str, Any] = {
        "network": arm.title,
        "input": " × ".join(map(str, arm.patch)),
        "steps": options.steps if options.smoke else arm.steps,
        "MiB a step": megabytes,
        "parameters": own[0].parameters if own else None,
    }
    if not own:
        return {**content, "Dice": NOT_RUN}
    return {
        **content,
        "Dice": float(means.mean()),
        "sd": float(means.std(ddof=1)) if len(own) > 1 else None,
        "liver": float(np.mean([one.liver_dice for one in own])),
        "liver HD95": float(np.mean([np.nanmean(one.hd95_mm) for one in own]))
        if all(np.isfinite(one.hd95_mm).any() for one in own)
        else None,
        "networks": len(own),
    }


def step_values(
    by_depth: Sequence[Mapping[str, Any]],
    by_size: Sequence[Mapping[str, Any]],
    largest: Mapping[tuple[str, int], int],
    factor: float,
) -> dict[str, float]:
    """What a step takes, as single figures."""
    deepest = max(row["depth"] for row in by_depth)
    seconds = {row["network"]: row["seconds"] for row in by_depth if row["depth"] == deepest}
    whole = {row["network"]: row for row in by_size if row["seconds"] is not None}
    kept = KEPT["everything"]
    return {
        "memory_ratio_depth": ratio(by_depth, KEPT["output"], "measured MiB"),
        "memory_ratio_depth_counted": ratio(by_depth, KEPT["output"], "counted MiB"),
        "memory_ratio_depth_checkpoints": ratio(by_depth, KEPT["checkpoints"], "measured MiB"),
        "memory_ratio_depth_ordinary": ratio(by_depth, kept, "measured MiB"),
        "time_ratio": seconds[KEPT["output"]] / seconds[kept],
        "time_ratio_checkpoints": seconds[KEPT["checkpoints"]] / seconds[kept],
        "memory_ratio_unet": whole[KEPT["output"]]["counted MiB"] / whole[kept]["counted MiB"],
        "memory_ratio_unet_checkpoints": whole[KEPT["checkpoints"]]["counted MiB"] / whole[kept]["counted MiB"],
        "time_ratio_unet": whole[KEPT["output"]]["seconds"] / whole[kept]["seconds"],
        "time_ratio_unet_checkpoints": whole[KEPT["checkpoints"]]["seconds"] / whole[kept]["seconds"],
        "measured_over_counted": factor,
        **{
            f"largest_side_{limit}_gib_{key}": largest[title, limit]
            for key, title in {
                "ordinary": ORDINARY,
                "all_kept": kept,
                "checkpoints": KEPT["checkpoints"],
                "reversible": KEPT["output"],
                "pooling_free": POOLING_FREE,
            }.items()
            for limit in LIMITS_GIB
            if (title, limit) in largest
        },
    }


def dice_values(
    arms: Sequence[Arm], found: Mapping[str, Sequence[Scores]], memory: Mapping[str, float]
) -> dict[str, float | str]:
    """The mean Dice of each network with the whole body in view, and within the memory that the ordinary network takes
    for an input of medium size; what was not run is left out.
    """
    dice = {key: float(np.mean([one.mean_dice for one in own])) for key, own in found.items() if own}
    values: dict[str, float | str] = {}
    for key in TRAINED:
        if (name := f"{key}-large") in dice:
            values[f"dice_{key}"] = dice[name]
            values[f"liver_{key}"] = float(np.mean([one.liver_dice for one in found[name]]))
    if limit := memory.get("ordinary-medium"):
        values["memory_limit_mib"] = limit
        for key in TRAINED:
            fits = [
                arm for arm in arms if arm.key in dice and arm.key.startswith(f"{key}-") and memory[arm.key] <= limit
            ]
            if fits:
                best = max(fits, key=lambda arm: np.prod(arm.patch))
                values[f"dice_{key}_within_limit"] = dice[best.key]
                values[f"input_{key}_within_limit"] = " × ".join(map(str, best.patch))
    return values


def largest_rows(largest: Mapping[tuple[str, int], int]) -> list[dict[str, Any]]:
    """A table of the largest cubes: a row for each network."""
    limits = sorted({limit for _, limit in largest})
    return [
        {"network": title, **{f"{limit} GiB": largest[title, limit] for limit in limits}}
        for title in dict.fromkeys(title for title, _ in largest)
    ]
