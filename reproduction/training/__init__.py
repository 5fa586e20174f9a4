"""Trainings that only the published experiments use."""

from dataclasses import replace
from pathlib import Path

from liverpair.training.tasks import LESION_SLICES, PAIRED_LIVERS, SEGMENTATION, Task

CONFIGS = Path(__file__).with_name("configs")

SIMILARITY = replace(
    PAIRED_LIVERS,
    name="similarity",
    module="reproduction.training.similarity_task:SimilarityTask",
    configs=CONFIGS / "similarity",
    program="reproduction",
)
ADVERSARIAL_LIVERS = replace(
    PAIRED_LIVERS,
    name="adversarial-livers",
    module="reproduction.training.adversarial:AdversarialLiversTask",
    configs=CONFIGS / "adversarial-livers",
    shared=(*PAIRED_LIVERS.shared, CONFIGS / "adversarial-livers" / "shared.yaml"),
    program="reproduction",
)
ORGANS = replace(
    SEGMENTATION,
    name="organs",
    module="reproduction.training.organs_task:OrgansTask",
    configs=CONFIGS / "organs",
    program="reproduction",
)
TASKS = {task.name: task for task in (SIMILARITY, ADVERSARIAL_LIVERS, ORGANS)}
"""What `python -m reproduction train` can train."""

OWN_SLICES = replace(LESION_SLICES, data="reproduction.training.own_slices:OwnSlicesData", program="reproduction")
CODED_MASKS = replace(SIMILARITY, data="reproduction.training.toy_data:CodedMasksData", shared=())
CODED_PAIRS = Task(
    "coded-pairs",
    "liverpair.training.detection:DetectionTask",
    "reproduction.training.toy_data:CodedPairsData",
    CONFIGS / "detection",
)
STRIPED_BLOBS = Task(
    "striped-blobs",
    "liverpair.training.segmentation:SegmentationTask",
    "reproduction.training.toy_data:StripedBlobsData",
    CONFIGS / "synthetic",
)
