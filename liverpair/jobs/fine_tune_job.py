"""The job "fine_tune": a model of the catalogue, trained further on studies, measured before and after on some that
were kept aside."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from liverpair.bundle import Bundle, Catalogue
from liverpair.core.cache import stamp_of
from liverpair.core.errors import InputError, Progress, part_of
from liverpair.core.paths import user_cache_folder
from liverpair.core.sides import Side
from liverpair.io.study import Study
from liverpair.io.study_list import study_folders
from liverpair.jobs.fine_tune_request import FineTuneRequest
from liverpair.training.fine_tuning import fine_tune_model, task_of

MEASURED, TRAINED = 0.1, 0.9
"""Fractions of the job that are done when the model is measured as it is, and when it is trained."""
SCORES = {"segmentation": ("mean_dice_t1", "mean_dice_t2"), "detection": ("sensitivity_at_2fp", "pairing_accuracy")}
"""What is told of a model of each task; the mean of those that are known decides whether it got better."""
WORDS = {
    "mean_dice_t1": "Dice in T1",
    "mean_dice_t2": "Dice in T2",
    "sensitivity_at_2fp": "sensitivity at 2 false boxes",
    "pairing_accuracy": "pairing",
}


def fine_tune(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Train the model of `request` (see `FineTuneRequest`) further and put the new one among the user's models.

    Broken off or cancelled, the same request goes on from its last checkpoint. Nothing is selected on the studies that
    were kept aside: the new model has the last weights.

    Returns {"model": name, "folder", "trained_on", "aside": names of studies, "before", "after": {score: value, None
    where undefined}, "notes": [sentences]}. Raises any `LiverPairError`, and `Cancelled` through `progress`.
    """
    wanted = FineTuneRequest.parse(request)
    catalogue = Catalogue()
    bundle = catalogue.find(wanted.model)
    task_of(bundle)
    if any((root / wanted.name).exists() for root in catalogue.roots):
        raise InputError(f"There is already a model '{wanted.name}'.", "Give the new one another name.")
    usable, notes = usable_studies(bundle, wanted.root)
    train, aside = parted(usable, wanted)
    progress(0.0, "Measuring the model on the studies that are kept aside")
    before = scores(bundle, wanted, aside, part_of(progress, 0.0, MEASURED))
    training = part_of(progress, MEASURED, TRAINED)
    run = run_folder(bundle, wanted, train)
    how = {"seed": wanted.seed, "device": wanted.device, "liver_label": wanted.liver_label}
    made = Bundle.load(
        fine_tune_model(bundle, wanted.name, wanted.root, train, run, wanted.steps, training, **how),
        known_as=wanted.name,
    )
    after = scores(made, wanted, aside, part_of(progress, TRAINED, 1.0))
    progress(1.0, "Keeping the new model")
    kept = catalogue.import_from(made.folder)
    return {
        "model": kept.name,
        "folder": str(kept.folder),
        "trained_on": train,
        "aside": aside,
        "before": before,
        "after": after,
        "notes": [*notes, *verdict(bundle.task, before, after)],
    }


def usable_studies(bundle: Bundle, root: Path) -> tuple[list[str], list[str]]:
    """The names of the studies that a model can learn from or be measured on, and a sentence on those left out.

    Raises `InputError` when `root` holds no studies.
    """
    folders = study_folders(root)
    usable = [folder.name for folder in folders if _is_usable(bundle, Study.open(folder))]
    left = len(folders) - len(usable)
    what = "a liver mask beside a volume" if bundle.task == "segmentation" else "both volumes, livers and lesions.json"
    return usable, [f"{left} of {len(folders)} folders have not {what}; they were left out."] if left else []


def _is_usable(bundle: Bundle, study: Study) -> bool:
    if bundle.task == "segmentation":
        return any(study.has(side) and study.has(f"{side}_liver") for side in Side if side.title in bundle.inputs[0])
    return study.has("lesions") and all(study.has(part) for side in Side for part in (side, f"{side}_liver"))


def parted(usable: Sequence[str], wanted: FineTuneRequest) -> tuple[list[str], list[str]]:
    """The names of the studies to learn from, and of those to measure on alone.

    Raises `InputError` when one of the two would be empty, or a named study cannot be used.
    """
    if unknown := sorted(set(wanted.aside) - set(usable)):
        raise InputError(f"The study '{unknown[0]}' that is to be kept aside is not there, or not annotated.")
    aside = sorted(wanted.aside)
    if not aside and len(usable) > 1:
        number = min(len(usable) - 1, max(1, round(wanted.aside_share * len(usable))))
        rows = np.random.default_rng(wanted.seed).choice(len(usable), number, replace=False)
        aside = sorted(usable[row] for row in rows)
    train = [name for name in usable if name not in aside]
    if not train or not aside:
        raise InputError(
            f"'{wanted.root.name}' holds {len(usable)} annotated {'study' if len(usable) == 1 else 'studies'}; two are "
            "needed at least, one to learn from and one to measure on.",
            "Annotate more, or choose another folder.",
        )
    return train, aside


def run_folder(bundle: Bundle, wanted: FineTuneRequest, train: Sequence[str]) -> Path:
    """Where the training is kept, so that the same request on the same files goes on with it."""
    files = [file for name in train for file in sorted(Study.open(wanted.root / name).sources.values())]
    parts = [wanted.name, bundle.sha256, wanted.steps, wanted.seed, wanted.liver_label, *train, stamp_of(files)]
    key = hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()[:16]
    return user_cache_folder() / "fine-tuning" / key


def scores(
    bundle: Bundle, wanted: FineTuneRequest, names: Sequence[str], progress: Progress
) -> dict[str, float | None]:
    """What a model reaches on studies (see `SCORES`)."""
    if bundle.task == "segmentation":
        from liverpair.evaluation.score_segmentation import References, score, spread
        from liverpair.segmentation.segment_options import SegmentOptions

        label = None if wanted.liver_label is None else str(wanted.liver_label)
        how = SegmentOptions(device=wanted.device)
        rows = score([bundle], wanted.root, names, References(label_value=label), how, progress=progress)
        values = spread(rows)
    else:
        from liverpair.evaluation.score_detection import score_cases
        from liverpair.jobs.scored_studies import EvaluatedStudy, detect_cases

        studies = [EvaluatedStudy(name, wanted.root / name) for name in names]
        request = {"model": str(bundle.folder), "output": ".", "device": wanted.device}
        request |= {} if wanted.liver_label is None else {"liver_label": wanted.liver_label}
        values = score_cases(detect_cases(studies, request, False, progress))["values"]
    return {key: None if values.get(key) is None else float(values[key]) for key in SCORES[bundle.task]}


def verdict(task: str, before: Mapping[str, float | None], after: Mapping[str, float | None]) -> list[str]:
    """Sentences on what the training has changed."""
    known = [key for key in SCORES[task] if before[key] is not None and after[key] is not None]
    if not known:
        return ["Nothing could be measured on the studies that were kept aside."]
    told = "; ".join(f"{WORDS[key]} {before[key]:.3f} before, {after[key]:.3f} after" for key in known)
    worse = sum(after[key] - before[key] for key in known) < 0
    return [
        f"On the studies kept aside: {told}.",
        *(["The new model is worse on them than the old one."] if worse else []),
    ]
