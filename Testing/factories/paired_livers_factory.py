"""Small pairs with a bright box for a liver, and the settings of trainings of seconds on them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
import SimpleITK as sitk
from bright_box import grid, image_and_mask

from liverpair.registration.pre_registration import PreRegistrationSettings
from liverpair.segmentation import channels

SPACING = (5.0, 5.0, 9.0)
SHIFT_MM = (6.0, -8.0, 18.0)
"""Of the box in T2 against that in T1."""

QUICK = (
    "--data.policy.spacing_mm=[6,6,9]",
    "--data.patch=[8,32,32]",
    "--data.patches_per_epoch=4",
    "--data.workers=0",
    '--model.arguments={"widths":[4,8],"strides":[[1,2,2]],"normalization":"group"}',
    "--model.warmup_steps=2",
    "--trainer.max_steps=4",
    "--trainer.precision=32-true",
    "--trainer.accelerator=cpu",
    "--trainer.enable_progress_bar=false",
    "--trainer.enable_model_summary=false",
)


def write_pairs(root: Path, cases: Sequence[str]) -> Path:
    """Pairs as the folder of real pairs has them; from case to case the box lies elsewhere."""
    for number, case in enumerate(cases):
        (root / case).mkdir(parents=True)
        at = (6.0 * number, 0.0, -6.0 * number)
        for side, degrees, shift in (("t1", (0, 0, 0), (0, 0, 0)), ("t2", (5, 3, 0), SHIFT_MM)):
            image, mask = image_and_mask(grid(SPACING, degrees), tuple(a + s for a, s in zip(at, shift)))
            sitk.WriteImage(image, root / case / f"{side}.nii.gz")
            sitk.WriteImage(mask, root / case / f"{side}_organs.nii.gz")
    return root


def smoke_words(folders: pytest.TempPathFactory, name: str) -> tuple[list[str], Path]:
    """Options of a smoke run of an experiment on artificial pairs, and the folder of its results."""
    root, place = write_pairs(folders.mktemp("pairs"), ("38", "10", "21")), folders.mktemp(name)
    words = ["--smoke", f"--data-root={root}", f"--runs={place / 'runs'}", f"--results={place / 'results'}"]
    return [*words, "--trainer.enable_progress_bar=false", "--trainer.precision=32-true"], place / "results"


@contextmanager
def quick_registration() -> Iterator[None]:
    """Images are registered with next to no effort in here."""
    quick = partial(
        PreRegistrationSettings, working_mm=10.0, sampling=0.5, affine_iterations=3, deformable_iterations=1
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(channels, "PreRegistrationSettings", quick)
        yield
