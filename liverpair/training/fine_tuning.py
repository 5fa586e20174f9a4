"""A model of the catalogue, trained further on the studies of a hospital: what the trainings are told, and the callback
through which whoever waits sees how far it is."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytorch_lightning as lightning
import yaml
from pytorch_lightning.callbacks import Callback

from liverpair.bundle import Bundle
from liverpair.core.device import choose_device
from liverpair.core.errors import InputError, Progress
from liverpair.detection.detection_settings import DetectionSettings
from liverpair.segmentation.prediction import grid_policy, normalization
from liverpair.training.bundle_writing import write_bundle
from liverpair.training.tasks import ANNOTATED_LIVERS, DETECTION, Task

CONFIG = "fine-tuned.yaml"
"""Of a task's configs, the one that this module completes."""
SCHEDULER = {"cuda": "gpu", "mps": "mps", "cpu": "cpu"}
"""What Lightning calls our devices."""


class Told(Callback):
    """Tells a `Progress` of every step, which may raise `Cancelled`; what the run has kept by then stays."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def on_train_batch_start(
        self, trainer: lightning.Trainer, module: lightning.LightningModule, batch: Any, index: int
    ) -> None:
        done, steps = trainer.global_step, trainer.max_steps
        loss = trainer.callback_metrics.get("loss")
        told = "" if loss is None else f", loss {float(loss):.3f}"
        self._progress(done / steps, f"Training: step {done} of {steps}{told}")


def task_of(bundle: Bundle) -> Task:
    """The training that goes on with a model. Raises `InputError` for one that none can go on with."""
    if bundle.foreign is not None:
        raise InputError(
            f"'{bundle.name}' was trained by another tool, which alone can train it further.",
            "'liverpair export nnunet' writes your studies for it.",
        )
    if bundle.task == "segmentation" and bundle.strategy == "single" and len(bundle.inputs) == 1:
        return ANNOTATED_LIVERS
    if bundle.task == "detection" and not DetectionSettings.read(bundle.section("detection"), bundle.name).from_masks:
        return DETECTION
    raise InputError(
        f"'{bundle.name}' cannot be trained further on studies.",
        "Choose a model of the liver that looks at one image, or a detector of paired lesions.",
    )


def fine_tune_model(
    bundle: Bundle,
    name: str,
    studies: Path,
    names: Sequence[str],
    run: Path,
    steps: int,
    progress: Progress,
    *,
    seed: int = 0,
    device: str = "auto",
    liver_label: str | None = None,
) -> Path:
    """Train a model further, or go on where the same call was broken off; the folder of the new bundle, in `run`.

    Parameters
    ----------
    bundle, name
        The model, and what the new one is called.
    studies, names
        The folder of the studies, and which of them are learned from.
    run
        Folder of logs and checkpoints.
    steps
        How long; the rate falls to its end over them.
    liver_label
        Which label of the liver masks is the liver, where they hold several.

    Raises `InputError` for studies that cannot be used, and `Cancelled` through `progress`.
    """
    task = task_of(bundle)
    settings = _settings(bundle, name, studies, names, run, steps, seed, device, liver_label)
    run.mkdir(parents=True, exist_ok=True)
    own = run / "fine-tuning.yaml"
    own.write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
    cli = task.fit([f"--config={task.configs / CONFIG}", f"--config={own}"], callbacks=[Told(progress)])
    command = f"liverpair fine-tune {bundle.name} {studies.name} --name {name} --steps {steps} --seed {seed}"
    return write_bundle(cli, command).folder


def _settings(
    bundle: Bundle,
    name: str,
    studies: Path,
    names: Sequence[str],
    run: Path,
    steps: int,
    seed: int,
    device: str,
    liver_label: str | None,
) -> dict[str, Any]:
    """What the config of the task leaves open."""
    policy = {**asdict(grid_policy(bundle)), "spacing_mm": list(bundle.grid.spacing_mm)}
    data: dict[str, Any] = {
        "policy": policy,
        "normalization": asdict(normalization(bundle)),
        "seed": seed,
        "cache": str(run / "cache"),
    }
    model: dict[str, Any] = {"arguments": dict(bundle.network_spec.arguments), "start_from": str(bundle.folder)}
    if bundle.task == "segmentation":
        data |= {"root": str(studies), "train": list(names), "validation": [], "inputs": bundle.inputs[0]}
        data |= {"liver_label": None if liver_label is None else str(liver_label)}
        model |= {"network": bundle.network_spec.name}
    else:
        data |= {"root": str(studies), "studies": str(studies), "train_studies": list(names)}
        data |= {"validation_studies": []}
        model |= {"settings": DetectionSettings.read(bundle.section("detection"), bundle.name).section()}
    return {
        "seed_everything": seed,
        "model": model,
        "data": data,
        "trainer": {"max_steps": steps, "accelerator": SCHEDULER[choose_device(device).type], "devices": 1},
        "run_folder": str(run),
        "bundle": _described(bundle, name, len(names), run),
    }


def _described(bundle: Bundle, name: str, studies: int, run: Path) -> dict[str, Any]:
    """What the card of the new model says."""
    training, manifest = bundle.training, bundle.manifest
    return {
        "folder": str(run / "bundle"),
        "name": name,
        "description": manifest.get("description", ""),
        "data": f"{training.get('data', '')}; then {studies} studies of its user".removeprefix("; then "),
        "license": training.get("license", ""),
        "citation": training.get("citation", ""),
        "history": f"The weights of '{bundle.name}' {bundle.version}, and from there on studies of its user.",
        "limits": list(manifest.get("limits", [])),
    }
