"""`normal-ranges`: mean and standard deviation of every radiomic feature over drawn lesions."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from liverpair.commands.bar import progress_bar
from liverpair.core.sides import Side
from liverpair.io.study_list import study_folders

if TYPE_CHECKING:
    from liverpair.dreaming.normal_ranges import NormalRanges


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add `normal-ranges`."""
    parser = commands.add_parser(
        "normal-ranges",
        help="compute what is normal: mean and SD of every radiomic feature over drawn lesions",
        description="Dreams are read against these ranges. Each study is a subfolder with t1.nii.gz and "
        "t1_lesions.nii.gz, or the same of T2, or both: label maps with a value for each lesion. Lesions are measured "
        "as the model sees them, on its grid and in its intensities.",
    )
    parser.add_argument("studies", type=Path, metavar="FOLDER", help="the folder of the studies")
    parser.add_argument("--model", required=True, help="name or folder of the model")
    parser.add_argument("--side", choices=tuple(Side), help="only this image (default: all that the model takes)")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write the ranges to this JSON file")
    parser.add_argument("--write-to-model", action="store_true", help="write the ranges into the model's folder")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Compute, print and write the ranges."""
    from liverpair.bundle import Catalogue
    from liverpair.dreaming.normal_ranges import normal_ranges

    bundle = Catalogue().find(arguments.model)
    folders = study_folders(arguments.studies)
    with progress_bar() as progress:
        ranges = normal_ranges(folders, bundle, arguments.side and Side(arguments.side), progress=progress)
    print(report(ranges))
    if arguments.output:
        ranges.write(arguments.output)
        print(f"Written to '{arguments.output}'.")
    if arguments.write_to_model:
        bundle.update(normal_ranges=ranges.as_dict())
        print(f"Written to model '{bundle.name}'.")
    return 0


def report(ranges: "NormalRanges") -> str:
    """The ranges as a table, with what they were computed from and how."""
    from liverpair.evaluation.result_files import table_text

    settings = ranges.settings
    spacing = " × ".join(f"{s:.3g}" for s in settings["spacing_mm"])
    rows = [{"feature": name, "mean": band["mean"], "SD": band["sd"]} for name, band in ranges.features.items()]
    how = (
        f"{ranges.count} {settings['dimensions']}-D objects: {ranges.data}. Intensities 0 to {settings['scale']:g}, "
        f"gray levels of {settings['bin_width']:g}, voxels of {spacing} mm."
    )
    return f"{table_text(rows)}\n\n{how}"
