"""`python -m liverpair train similarity`: train a liver network under the similarity constraint; write it as a bundle.

The bundle holds the segmentation network and is one of the strategy double-in double-out.
"""

import shlex
from pathlib import Path

from liverpair.training.command import fit
from liverpair.training.paired_livers_command import SHARED, write_bundle
from liverpair.training.paired_livers_data import PairedLiversData
from reproduction.training.similarity_task import SimilarityTask

CONFIGS = Path(__file__).with_name("configs") / "similarity"


def main(arguments: list[str]) -> None:
    """Train as the configs say; when `bundle.folder` is set, write what the run keeps there."""
    cli = fit(SimilarityTask, PairedLiversData, ["--config", str(SHARED), *arguments])
    if cli.config.bundle.folder and cli.trainer.is_global_zero:
        command = shlex.join(["python", "-m", "liverpair", "train", "similarity", *arguments])
        bundle = write_bundle(cli, command, SimilarityTask)
        print(f"The bundle '{bundle.name}' is in {bundle.folder}.")
    cli.trainer.strategy.barrier()  # the other processes of a multi-GPU run may want to read it
