"""`export`: studies for the tools of others."""

import argparse
from pathlib import Path

from liverpair.commands.bar import progress_bar
from liverpair.core.sides import Side
from liverpair.io.study_list import study_folders


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add `export nnunet`."""
    parser = commands.add_parser("export", help="write studies for another tool")
    formats = parser.add_subparsers(metavar="nnunet", required=True)
    nnunet = formats.add_parser(
        "nnunet",
        help="a raw dataset of nnU-Net v2",
        description="Each study is a subfolder with t1.nii.gz, t1_liver.nii.gz and, for lesions, t1_lesions.nii.gz (a "
        "label map), or the same of T2; each image with its masks is a case. nnUNetv2_plan_and_preprocess takes the "
        "result, and 'models import' takes back what nnUNetv2_train makes of it.",
    )
    nnunet.add_argument("studies", type=Path, metavar="STUDIES", help="the folder of the studies")
    nnunet.add_argument("-o", "--output", type=Path, required=True, help="folder that gets the dataset (nnUNet_raw)")
    nnunet.add_argument(
        "--what", choices=("livers", "lesions", "both"), default="livers", help="what is labeled (default: livers)"
    )
    nnunet.add_argument("--side", choices=tuple(Side), help="only this image (default: both, each a case)")
    nnunet.add_argument("--both-channels", action="store_true", help="the other image is a second channel")
    nnunet.add_argument("--id", type=int, default=1, metavar="N", help="number of the dataset (default: 1)")
    nnunet.add_argument("--name", default="LiverPair", help="name of the dataset (default: LiverPair)")
    nnunet.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the dataset and say what is in it."""
    from liverpair.io.nnunet_dataset import write_nnunet_dataset

    folders = study_folders(arguments.studies, arguments.output)
    sides = (Side(arguments.side),) if arguments.side else tuple(Side)
    with progress_bar() as progress:
        written = write_nnunet_dataset(
            folders,
            arguments.output,
            arguments.what,
            sides,
            arguments.id,
            arguments.name,
            arguments.both_channels,
            progress,
        )
    print("\n".join([f"{len(written.cases)} cases: {written.folder}", *written.notes]))
    return 0
