"""Studies of a hospital with livers that people drew, as training samples for liver segmentation."""

from pathlib import Path
from typing import Any

from liverpair.core.cache import stamp_of
from liverpair.core.sides import Side
from liverpair.io.study import Study
from liverpair.measures.masks import structure_mask
from liverpair.training.preprocessing_cache import TrainingVolume, cached_volume
from liverpair.training.segmentation_data import SegmentationData

LABEL_OPTION = "data.liver_label"


class AnnotatedLiversData(SegmentationData):
    """The volumes of studies that have a liver mask beside them; every volume is a sample of its own.

    Parameters
    ----------
    inputs
        What the model to be made takes, as in a bundle: "T1", "T2" or "T1 or T2". Other volumes are left out.
    liver_label
        Which label of the masks is the liver, where they hold several: a number, or totalsegmentator, amos or chaos.
    options
        Those of `SegmentationData` and `CaseData`; `root` is the folder of the studies.
    """

    nothing = ("No study has a volume with a liver mask.", "Draw t1_liver or t2_liver beside t1 and t2.")

    def __init__(self, inputs: str = "T1 or T2", liver_label: str | None = None, **options):
        super().__init__(images=[], label_values=[1], **options)
        self.inputs, self.liver_label = inputs, liver_label

    def manifest(self) -> dict[str, Any]:
        """As in `CaseData`."""
        return {**super().manifest(), "inputs": [self.inputs]}

    def _volumes(self, cases: list[str]) -> list[TrainingVolume]:
        return [self._of_study(Study.open(self.root / case), side) for case in cases for side in self.drawn(case)]

    def drawn(self, case: str) -> list[Side]:
        """The volumes of a study that the model takes and somebody drew the liver in."""
        study = Study.open(self.root / case)
        return [s for s in Side if s.title in self.inputs and study.has(s) and study.has(f"{s}_liver")]

    def _of_study(self, study: Study, side: Side) -> TrainingVolume:
        parts = (side, f"{side}_liver")
        source = f"{stamp_of([file for part in parts for file in _files(study.sources[part])])} {self.liver_label}"

        def read() -> tuple[Any, Any]:
            name = f"The liver mask of {side.title} in '{study.name}'"
            liver, _ = structure_mask(study.need(parts[1]), self.liver_label, name, LABEL_OPTION)
            return study.need(side), liver

        return cached_volume(f"{study.name}/{side}", source, read, self.preparation, self.cache)


def _files(place: Path) -> list[Path]:
    """The files that an image is made of."""
    return sorted(place.rglob("*")) if place.is_dir() else [place]
