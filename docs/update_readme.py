"""Fill the measured parts of README.md and docs from the files that hold them: `python docs/update_readme.py`.

A block begins with a comment and ends with `<!-- end -->`. `<!-- headline:NAME -->` holds one sentence on the result in
`docs/results/NAME.json`, as an item of a list with a link to its table; `<!-- result:NAME -->` holds that sentence and
the table, `<!-- cost:NAME -->` its table of costs. With `--check` nothing is written, and the exit code is 1 when a
block is stale.
"""

import argparse
import json
import os
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from liverpair.evaluation.result_files import table_text

DOCS = Path(__file__).resolve().parent
PAGES = (DOCS.parent / "README.md", DOCS / "results.md", *sorted((DOCS / "reproducing").glob("*.md")))
BLOCK = re.compile(r"(<!-- (headline|result|cost):([\w.-]+) -->\n).*?(<!-- end -->)", re.DOTALL)

HEADLINES = {
    "liver-t1t2": (
        "**Liver.** Mean Dice on {cases} CHAOS cases that the model had not seen: {mean_dice_t1:.3f} in T1, "
        "{mean_dice_t2:.3f} in T2. The shipped model was then trained on with all 16 cases."
    ),
    "lesion-pairs": (
        "**Lesion pairs**, synthetic lesions in real MRI, in livers that the model drew. Of the lesions from 10 mm on, "
        "{sensitivity_at_2fp:.0%} are found at 2 false boxes per volume, {sensitivity_at_half_fp:.0%} at one in two; "
        "{pairing_accuracy:.0%} of those found have the right partner. The registration of the livers, which links "
        "them, errs by {displacement_error_registration_mm:.1f} mm (median), the displacement that the network "
        "predicts by {displacement_error_mm:.1f} mm, the offset of the livers alone by "
        "{displacement_error_centroid_mm:.1f} mm; "
        "{displacement_error_none_mm:.1f} mm would remain without moving boxes. On the four cases without any "
        "lesion it shows {false_boxes_healthy:.1f} false boxes per volume."
    ),
    "chain": (
        "**From images to the numbers of a report**, synthetic lesions in real MRI, {studies} studies of two visits. "
        "Where a reader draws perfect boxes and the program the lesions in them, the median error of lesions from "
        "15 mm on is {reader_diameter_mm_by_drawn:.1f} mm and {reader_volume_percent_by_drawn:.0f} % of the volume; "
        "{reader_links_percent:.0f} % of the lesions of both visits are linked rightly. The detector {detector} shows "
        "{detector_found} of {detector_lesions} of these lesions at first; drawn in its boxes, they are off by "
        "{diameter_mm_by_drawn:.1f} mm and {volume_percent_by_drawn:.0f} %."
    ),
    "box-masks": (
        "**Masks from boxes**, {lesions} lesions in {lesions_in}, in boxes as a hand draws them: Dice {dice:.2f}, "
        "where the brightness in the box reaches {brightness_dice:.2f} and the ellipsoid {ellipsoid_dice:.2f}; from 15 "
        "mm on, the median error of the diameter is {diameter_mm:.1f} mm and of the volume {volume_percent:.0f} %."
    ),
    "inference": (
        "**Speed of the liver.** {cold_start_s:.1f} s from two files to two masks in a new process, {warm_run_s:.1f} s "
        "in a warm one ({processor}, {cores} cores, no GPU): {speedup_vs_monai:.1f} times as fast as MONAI's sliding "
        "window in the same minutes, with {memory_ratio_vs_monai:.2f} times its memory. The Dice coefficient of the "
        "two masks is {dice_between:.3f}, since a window shows the network less at a time; it is "
        "{dice_with_fp32_whole:.4f} with plain PyTorch in single precision on the same whole volume."
    ),
    "dream-speed": (
        "**Speed of dreaming.** An iteration is {speedup_2d:.0f} times as fast as in a straightforward loop in two "
        "dimensions, {speedup_3d:.1f} to {speedup_3d_batch:.1f} times in three, features included."
    ),
    "dream-marking": (
        "Rank correlation of the Dice without marking with the marking at the end of the dreams: {spearman:.2f} "
        "(published: the worse the Dice, the higher the marking). Up to 20 % of marked lesions the marking climbs by "
        "{largest_climb_up_to_20_percent:.2f} at most, from 90 % on by {smallest_climb_from_90_percent:.2f} at least."
    ),
    "host-memory": (
        "**Memory of a large volume.** {voxels_with_maps} voxels with both maps take {times_the_file_with_maps:.1f} "
        "times the size of their file at most, the process itself included."
    ),
    "batch": (
        "**Thousands of studies.** {studies_per_minute_1_worker:.1f} studies a minute with one worker, "
        "{studies_per_minute_2_workers:.1f} with two on {cores} cores ({processor}, no GPU): {times_the_loop:.1f} "
        "times a loop of one process a study. The scheduler takes {overhead_ms:.0f} ms a study. Of a batch whose "
        "workers were killed {kills} times, {lost} studies were lost."
    ),
    "memory": (
        "**Memory.** A step of training takes {memory_ratio_depth:.2f} times the memory with 32 couplings in place of "
        "2 where a reversible network keeps its output alone, {memory_ratio_depth_checkpoints:.1f} times with gradient "
        "checkpoints and {memory_ratio_depth_ordinary:.1f} times with all activations, for {time_ratio:.2f} and "
        "{time_ratio_checkpoints:.2f} times the time. Of a whole U-Net with two couplings a level it keeps "
        "{memory_ratio_unet:.0%} of the memory: in 16 GiB a cube of {largest_side_16_gib_reversible} voxels a side "
        "fits, {largest_side_16_gib_ordinary} with the ordinary U-Net."
    ),
    "views": (
        "**Three views.** The fusion chosen on the validation case ({chosen_fusion}) is {fusion_gain:+.3f} Dice from "
        "the view chosen there ({chosen_view}), mean of the networks of the seeds {seeds}."
    ),
    "dimensions": (
        "**Dimensions.** Dice of the liver: {liver_2d:.3f} slice by slice, {liver_3d:.3f} with the U-Net on volumes, "
        "mean of the networks of the seeds {seeds}."
    ),
    "conclusions": (
        "**The thesis.** Of its {findings} findings that were tried again, on public data and with far shorter "
        "trainings, {confirmed} are confirmed, {contradicted} are contradicted, and the rest cannot be decided."
    ),
}
"""A result in one sentence."""


def main() -> int:
    """Update the pages, or check them. Returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 when a page is stale")
    check = parser.parse_args().check
    old = {page: page.read_text(encoding="utf-8") for page in PAGES}
    new = {page: updated(text, sources_of(page)) for page, text in old.items()}
    if check:
        stale = [page.name for page in PAGES if new[page] != old[page]]
        if stale:
            print(f"Stale: {', '.join(stale)}. Run python docs/update_readme.py.")
        return int(bool(stale))
    for page, text in new.items():
        page.write_text(text, encoding="utf-8")
    return 0


def sources_of(page: Path) -> dict[str, Callable[[str], str]]:
    """What makes the content of a page's blocks, by kind."""
    folder = Path(os.path.relpath(DOCS, page.parent))
    return {
        "headline": lambda name: headline_block(name, link=(folder / "results.md").as_posix()),
        "result": lambda name: result_block(name, link=(folder / "results").as_posix()),
        "cost": cost_block,
    }


def updated(text: str, sources: Mapping[str, Callable[[str], str]]) -> str:
    """The text with every block filled anew. `sources` maps a block's kind to what makes its content."""
    return BLOCK.sub(lambda found: f"{found[1]}{sources[found[2]](found[3]).strip()}\n{found[4]}", text)


def headline_block(name: str, results: Path = DOCS / "results", link: str = "docs/results.md") -> str:
    """A result in one sentence, as an item of a list, with a `link` to the page of all results."""
    path = results / f"{name}.json"
    return f"- {headline(path)} [More]({link}#{name})" if path.is_file() else f"*Not measured yet: {name}.*"


def result_block(name: str, results: Path = DOCS / "results", link: str = "docs/results") -> str:
    """The table of a result, with its headline, data, date, the command that made it, and a `link` to its own page."""
    path = results / f"{name}.json"
    if not path.is_file():
        return f"*Not measured yet: {name}.*"
    found = json.loads(path.read_text(encoding="utf-8"))
    origin = f"{found['data']}, {found['date']}; `{found['command']}`. More in [{name}.md]({link}/{name}.md)."
    return "\n\n".join(part for part in (headline(path), table_text(found["table"]), origin) if part)


def cost_block(name: str, results: Path = DOCS / "results") -> str:
    """What many of what was measured would cost, as a table."""
    path = results / f"{name}.json"
    if not path.is_file():
        return f"*Not measured yet: {name}.*"
    return table_text(json.loads(path.read_text(encoding="utf-8"))["values"]["cost"])


def headline(path: Path) -> str:
    """A result file in one sentence; empty when there is none for it."""
    found = json.loads(path.read_text(encoding="utf-8"))
    answers = [row.get("holds") for row in found["table"]]
    counts = {
        "cases": len({row.get("case") for row in found["table"]}),
        "findings": len(answers),
        "confirmed": answers.count("yes"),
        "contradicted": answers.count("no"),
    }
    return HEADLINES[path.stem].format(**{**counts, **found}) if path.stem in HEADLINES else ""


if __name__ == "__main__":
    sys.exit(main())
