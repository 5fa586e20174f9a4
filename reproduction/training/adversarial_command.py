"""`python -m liverpair train adversarial-livers`: train a liver network with an adversary, then write it as a bundle.

The configs in `configs/adversarial-livers` name the adversaries; `SHARED` is read first.
"""

import shlex
from pathlib import Path

from liverpair.bundle import Bundle
from liverpair.bundle.bundle import GAMBLER_PREFIX
from liverpair.bundle.manifest import GAMBLER
from liverpair.training import paired_livers_command
from liverpair.training.bundle_writing import kept_task
from liverpair.training.command import TrainingCLI, fit
from liverpair.training.paired_livers_data import PairedLiversData
from reproduction.training.adversarial import AdversarialLiversTask

CONFIGS = Path(__file__).with_name("configs") / "adversarial-livers"
SHARED = (paired_livers_command.SHARED, CONFIGS / "shared.yaml")
"""Read first, in this order; what a config or an option says goes before it."""


def main(arguments: list[str]) -> None:
    """Train as the configs say; when `bundle.folder` is set, write what the run keeps there."""
    shared = [f"--config={path}" for path in SHARED]
    cli = fit(AdversarialLiversTask, PairedLiversData, [*shared, *arguments])
    if cli.config.bundle.folder and cli.trainer.is_global_zero:
        command = shlex.join(["python", "-m", "liverpair", "train", "adversarial-livers", *arguments])
        bundle = write_bundle(cli, command)
        print(f"The bundle '{bundle.name}' is in {bundle.folder}.")
    cli.trainer.strategy.barrier()  # the other processes of a multi-GPU run may want to read it


def write_bundle(cli: TrainingCLI, command: str) -> Bundle:
    """The segmentation network that a finished run keeps as a bundle, and its gambler if it has one."""
    task, step = kept_task(AdversarialLiversTask, Path(cli.config.run_folder), cli.config.keep)
    content = paired_livers_command.manifest(cli, task, step, command)
    weights = task.network.state_dict()
    if task.gambler is not None:
        content[GAMBLER] = {"arguments": task.gambler.layout}
        weights |= {f"{GAMBLER_PREFIX}{name}": value for name, value in task.gambler.network.state_dict().items()}
    return Bundle.write(cli.config.bundle.folder, content, weights)
