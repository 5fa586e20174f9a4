"""Fill the measured parts of README.md and docs/*.md from the files that hold them: `python docs/update_readme.py`.

A block begins with a comment, `<!-- card:MODEL -->` or `<!-- result:NAME -->`, and ends with `<!-- end -->`. A card
block holds the test results of the shipped model's card, a result block the table and figures of
`docs/results/NAME.json`. With `--check` nothing is written, and the exit code is 1 when a block is stale.
"""

import argparse
import json
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from liverpair.bundle import MANIFEST_FILE, Bundle
from liverpair.core.paths import shipped_bundles_folder
from liverpair.evaluation.result_files import table_text

DOCS = Path(__file__).resolve().parent
PAGES = (DOCS.parent / "README.md", DOCS / "reproducing-the-thesis.md")
BLOCK = re.compile(r"(<!-- (card|result):([\w.-]+) -->\n).*?(<!-- end -->)", re.DOTALL)

HEADLINES = {
    "inference": (
        "{speedup_vs_monai:.1f} times as fast as MONAI's sliding window in the same minutes, with "
        "{memory_ratio_vs_monai:.2f} times its memory. Dice between the two masks {dice_between:.3f}, for windows show "
        "the network less at a time; Dice with plain PyTorch fp32 on the same whole volume "
        "{dice_with_fp32_whole:.4f}. From two files to two masks: {cold_start_s:.1f} s in a new process, "
        "{warm_run_s:.1f} s in a warm worker "
        "({processor}, {cores} cores, no GPU)."
    ),
    "dream-marking": (
        "Rank correlation of the Dice without marking with the marking at the end of the dreams: {spearman:.2f} "
        "(published: the worse the Dice, the higher the marking). Up to 20 % of marked lesions the marking climbs by "
        "{largest_climb_up_to_20_percent:.2f} at most, from 90 % on by {smallest_climb_from_90_percent:.2f} at least."
    ),
    "lesion-pairs": (
        "Synthetic lesions in real MRI. Of the lesions from 10 mm on, {sensitivity_at_2fp:.0%} are found at 2 false "
        "boxes per volume; {pairing_accuracy:.0%} of those found have the right partner; the median error of the "
        "displacement is {displacement_error_mm:.1f} mm, where {displacement_error_none_mm:.1f} mm would remain "
        "without moving boxes and {displacement_error_centroid_mm:.1f} mm with the offset of the livers."
    ),
}
"""What README says of a result before its table."""


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
    """What makes the content of a page's blocks: "card" and "result"."""
    link = (DOCS / "results").relative_to(page.parent).as_posix()
    return {"card": card_block, "result": lambda name: result_block(name, link=link)}


def updated(text: str, sources: Mapping[str, Callable[[str], str]]) -> str:
    """The text with every block filled anew. `sources` maps "card" and "result" to what makes a block's content."""
    return BLOCK.sub(lambda found: f"{found[1]}{sources[found[2]](found[3]).strip()}\n{found[4]}", text)


def card_block(model: str, bundles: Path | None = None) -> str:
    """The test results of a shipped model, as its card tells them."""
    folder = (bundles or shipped_bundles_folder()) / model
    if not (folder / MANIFEST_FILE).is_file():
        return f"*The model {model} is not in this checkout yet.*"
    bundle = Bundle.load(folder)
    results = re.search(r"^## How good it is\n(.*?)^## ", bundle.card(), re.DOTALL | re.MULTILINE)
    tables = re.sub(r"^!\[.*\n*", "", results[1], flags=re.MULTILINE)  # the pictures stay in the card
    return f"{bundle.name} {bundle.version}:\n\n{tables.strip()}"


def result_block(name: str, results: Path = DOCS / "results", link: str = "docs/results") -> str:
    """The table of a result, with its headline, data, date, the command that made it, and a `link` to its own page."""
    path = results / f"{name}.json"
    if not path.is_file():
        return f"*Not measured yet: {name}.*"
    found = json.loads(path.read_text(encoding="utf-8"))
    headline = HEADLINES[name].format(**found) if name in HEADLINES else ""
    origin = f"{found['data']}, {found['date']}; `{found['command']}`. More in [{name}.md]({link}/{name}.md)."
    return "\n\n".join(part for part in (headline, table_text(found["table"]), origin) if part)


if __name__ == "__main__":
    sys.exit(main())
