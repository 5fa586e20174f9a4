"""The evaluation set: synthetic lesions in real test pairs, kept as parameters so that every figure can be recomputed.

`evaluation_lesions.json` beside this file holds the lesions, not the images; the images come back from the folder of
real MRI. `python -m liverpair.synthesis.paired_lesions_evaluation FOLDER` draws the set anew.
"""

import argparse
import itertools
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import SimpleITK as sitk

from liverpair.core.atomic import written_whole
from liverpair.core.errors import InputError
from liverpair.core.sides import Side
from liverpair.io.study import read_labeled
from liverpair.registration.livers import LiverCorrespondence, cached_registration
from liverpair.synthesis.lesion_shapes import LesionShape
from liverpair.synthesis.paired_lesions import LesionStatistics, PairedLesion, draw_paired_lesions
from liverpair.synthesis.paired_lesions_rendering import LiverCanvas, SyntheticPair, paint_pair

EVALUATION_FILE = Path(__file__).with_name("evaluation_lesions.json")
SCHEMA, VERSION = "liverpair-synthetic-lesions", 1
TEST_CASES = ("10", "21", "32", "34")
SETS_PER_CASE, FIRST_SEED = 8, 101
LIVER_LABEL = 1


@dataclass(frozen=True)
class LesionCase:
    """The synthetic lesions of one real pair.

    Attributes:
        case: name of the pair's folder.
        seed: from which the lesions were drawn.
        sizes: voxels (x, y, z) of the T1 and T2 images they are meant for.
        lesions: their parameters.
    """

    case: str
    seed: int
    sizes: tuple[tuple[int, int, int], tuple[int, int, int]]
    lesions: tuple[PairedLesion, ...]

    @property
    def name(self) -> str:
        """Unique within a set."""
        return f"{self.case}-{self.seed}"


@dataclass(frozen=True)
class RealPair:
    """A real pair and its liver masks, each mask (0, 1) on the grid of its image."""

    t1: sitk.Image
    t2: sitk.Image
    t1_liver: sitk.Image
    t2_liver: sitk.Image


def pair_files(folder: str | Path, case: str) -> list[Path]:
    """The files of a case: images and label maps of T1, then of T2. Raises `InputError` when one is missing."""
    names = [f"{side}{part}.nii.gz" for side in Side for part in ("", "_organs")]
    paths = [Path(folder) / case / name for name in names]
    for path in paths:
        if not path.is_file():
            raise InputError(f"The real MRI '{path}' does not exist.")
    return paths


def read_real_pair(folder: str | Path, case: str) -> RealPair:
    """Read a case: `t1.nii.gz`, `t2.nii.gz` and the label maps `t1_organs.nii.gz`, `t2_organs.nii.gz` with liver = 1.

    Raises:
        InputError: a file is missing or damaged, an image is no volume, or a label map has no liver or another grid.
    """
    t1, t1_labels, t2, t2_labels = pair_files(folder, case)
    first, first_liver = read_labeled(t1, t1_labels, LIVER_LABEL)
    second, second_liver = read_labeled(t2, t2_labels, LIVER_LABEL)
    return RealPair(first, second, first_liver, second_liver)


def draw_case(
    folder: str | Path, case: str, seed: int, statistics: LesionStatistics = LesionStatistics()
) -> LesionCase:
    """Draw lesions for a real pair; the registration of its livers is remembered in the user's cache."""
    real, correspondence = _registered_pair(str(folder), case)
    lesions = draw_paired_lesions(real.t1_liver, real.t2_liver, correspondence, seed, statistics)
    return LesionCase(case, seed, (real.t1.GetSize(), real.t2.GetSize()), lesions)


def render_case(folder: str | Path, lesion_case: LesionCase) -> SyntheticPair:
    """The images and boxes of a case, made from the real pair in `folder`. The last pair read stays in memory.

    Raises:
        InputError: the real pair is missing or has other sizes than the one the lesions were drawn for.
    """
    t1, t2 = _canvases(str(folder), lesion_case.case)
    if (t1.image.GetSize(), t2.image.GetSize()) != lesion_case.sizes:
        raise InputError(
            f"The images of case {lesion_case.case} in '{folder}' are not those the lesions were drawn for: "
            f"their sizes differ from {lesion_case.sizes[0]} and {lesion_case.sizes[1]}."
        )
    return paint_pair(t1, t2, lesion_case.lesions)


@lru_cache(maxsize=1)
def _registered_pair(folder: str, case: str) -> tuple[RealPair, LiverCorrespondence]:
    real = read_real_pair(folder, case)
    return real, cached_registration(real.t1_liver, real.t2_liver)


@lru_cache(maxsize=1)
def _canvases(folder: str, case: str) -> tuple[LiverCanvas, LiverCanvas]:
    real = read_real_pair(folder, case)
    return LiverCanvas(real.t1, real.t1_liver, Side.T1), LiverCanvas(real.t2, real.t2_liver, Side.T2)


def write_lesion_cases(
    path: str | Path, cases: Iterable[LesionCase], statistics: LesionStatistics = LesionStatistics()
) -> None:
    """Write the parameters of lesions, one lesion a line; `statistics` is what they were drawn with."""
    head = json.dumps({"schema": SCHEMA, "version": VERSION, "statistics": asdict(statistics)})
    blocks = []
    for one in cases:
        start = json.dumps({"case": one.case, "seed": one.seed, "sizes": one.sizes})[:-1]
        lines = ",\n   ".join(json.dumps(_to_dict(lesion)) for lesion in one.lesions)
        blocks.append(f'  {start}, "lesions": [\n   {lines}]}}')
    text = f'{head[:-1]}, "cases": [\n' + ",\n".join(blocks) + "\n]}\n"
    with written_whole(path) as beside:
        beside.write_text(text, encoding="utf-8")


def read_lesion_cases(path: str | Path = EVALUATION_FILE) -> list[LesionCase]:
    """The cases of a file of lesion parameters, by default those of the evaluation set.

    Raises:
        InputError: it is no such file.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"The lesion parameters '{path}' cannot be read: {error}.") from error
    if not isinstance(content, dict) or (content.get("schema"), content.get("version")) != (SCHEMA, VERSION):
        raise InputError(f"'{path}' does not hold lesion parameters of version {VERSION}.")
    return [
        LesionCase(
            case=one["case"],
            seed=one["seed"],
            sizes=tuple(tuple(size) for size in one["sizes"]),
            lesions=tuple(_from_dict(lesion) for lesion in one["lesions"]),
        )
        for one in content["cases"]
    ]


def _to_dict(lesion: PairedLesion) -> dict[str, Any]:
    common = {key: getattr(lesion.t1, key) for key in ("number", "kind", "seed", "irregularity")}
    sides = {
        side: {key: getattr(getattr(lesion, side), key) for key in ("center_mm", "radii_mm", "rotation")}
        for side in Side
    }
    return {"uid": lesion.uid, **common, "visible": [side.title for side in lesion.visible], **sides}


def _from_dict(entry: dict[str, Any]) -> PairedLesion:
    common = {key: entry[key] for key in ("number", "kind", "seed", "irregularity")}
    common["visible"] = tuple(map(Side, entry["visible"]))
    t1, t2 = (LesionShape(**common, **{key: tuple(value) for key, value in entry[side].items()}) for side in Side)
    return PairedLesion(entry["uid"], t1, t2)


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw lesions for real pairs and write their parameters."""
    parser = argparse.ArgumentParser(description="Draw synthetic lesions for real T1/T2 pairs; write their parameters.")
    parser.add_argument("folder", type=Path, help="folder of the real pairs, one sub-folder a case")
    parser.add_argument("-o", "--output", type=Path, default=EVALUATION_FILE)
    parser.add_argument("--cases", nargs="+", default=TEST_CASES)
    parser.add_argument("--sets", type=int, default=SETS_PER_CASE, help="sets of lesions for each case")
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED, help="no two sets have the same seed")
    chosen = parser.parse_args(arguments)
    seeds = itertools.count(chosen.first_seed)
    cases = [draw_case(chosen.folder, case, next(seeds)) for case in chosen.cases for _ in range(chosen.sets)]
    write_lesion_cases(chosen.output, cases)
    print(f"{sum(len(case.lesions) for case in cases)} lesions in {len(cases)} cases: {chosen.output}")


if __name__ == "__main__":
    main()
