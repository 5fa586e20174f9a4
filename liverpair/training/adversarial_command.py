"""`python -m liverpair train adversarial-livers`: train a liver network with an adversary, then write it as a bundle.

The configs in `configs/adversarial-livers` name the adversaries; `SHARED` is read first.
"""

import shlex
from pathlib import Path

from liverpair.training import paired_livers_command
from liverpair.training.adversarial import AdversarialLiversTask
from liverpair.training.command import fit
from liverpair.training.paired_livers_data import PairedLiversData

CONFIGS = Path(__file__).with_name("configs") / "adversarial-livers"
SHARED = (paired_livers_command.SHARED, CONFIGS / "shared.yaml")
"""Read first, in this order; what a config or an option says goes before it."""


def main(arguments: list[str]) -> None:
    """Train as the configs say; when `bundle.folder` is set, write the segmentation network's best checkpoint there."""
    shared = [f"--config={path}" for path in SHARED]
    cli = fit(AdversarialLiversTask, PairedLiversData, [*shared, *arguments])
    if cli.config.bundle.folder and cli.trainer.is_global_zero:
        command = shlex.join(["python", "-m", "liverpair", "train", "adversarial-livers", *arguments])
        bundle = paired_livers_command.write_bundle(cli, command, AdversarialLiversTask)
        print(f"The bundle '{bundle.name}' is in {bundle.folder}.")
    cli.trainer.strategy.barrier()  # the other processes of a multi-GPU run may want to read it
