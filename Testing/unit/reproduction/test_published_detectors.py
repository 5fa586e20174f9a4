"""The configs that are called published hold the published values, and their networks are built and take a step."""

import pytest
import torch

from liverpair.training.command import TrainingCLI, fit
from liverpair.training.detection import DetectionTask, PairBatch, PairSample
from liverpair.training.paired_lesions_data import PairedLesionsData
from liverpair.training.tasks import DETECTION
from reproduction.training import CODED_PAIRS
from reproduction.training.toy_data import CodedPairsData

QUICK = (
    "--trainer.accelerator=cpu",
    "--trainer.enable_progress_bar=false",
    "--trainer.enable_model_summary=false",
    "--trainer.max_steps=1",
    "--data.workers=0",
)


def test_two_dimensions_are_resnet_50_with_nine_anchors_on_levels_2_to_5(tmp_path):
    config = CODED_PAIRS.configs / "coded-pairs-published.yaml"
    words = [f"--config={config}", f"--run_folder={tmp_path}", *QUICK, "--data.samples_per_epoch=1"]
    cli = fit(DetectionTask, CodedPairsData, [*words, "--data.validation_samples=1", "--data.pairs.size=64"])
    task = cli.model
    assert cli.trainer.global_step == 1 and task.rate_factor(50_000) == 1.0
    encoder = task.network.pyramid.encoder
    assert encoder.widths == [64, 256, 512, 1024, 2048]
    assert [len(getattr(encoder.features, f"layer{n}")) for n in (1, 2, 3, 4)] == [3, 4, 6, 3]
    assert task.network.strides == {2: (4, 4), 3: (8, 8), 4: (16, 16), 5: (32, 32)} and task.network.anchors == 9
    assert (task.matching.positive_iou, task.matching.negative_iou, task.matching.force_best) == (0.6, 0.4, False)
    areas = [a * b for a, b in task.settings.anchor_sizes]
    assert areas == pytest.approx(
        [256 * scale**2 for scale in (1, 2 ** (1 / 3), 2 ** (2 / 3)) for _ in range(3)], rel=1e-3
    )
    assert (task.hparams.learning_rate, task.hparams.weight_decay) == (1e-4, 0.0)


def test_three_dimensions_are_the_published_network_anchors_and_grid(tmp_path):
    config = DETECTION.configs / "lesion-pairs-published.yaml"
    words = [f"--config={config}", f"--run_folder={tmp_path}", f"--data.root={tmp_path}", *QUICK]
    cli = TrainingCLI(DetectionTask, PairedLesionsData, args=words, run=False)
    task, spacing = cli.model, cli.datamodule.policy.spacing_mm
    assert spacing == (1.5, 1.5, 3.0)
    millimeters = [[n * mm for n, mm in zip(size, spacing[::-1])] for size in task.settings.anchor_sizes]
    assert millimeters == [[9, 6, 6], [12, 9, 9], [15, 11.25, 11.25]]
    assert task.network.strides == {2: (2, 2, 2), 3: (4, 4, 4), 4: (8, 8, 8)} and not task.network.shared_heads
    assert task.network.pyramid.level_widths == [64, 128, 256, 512]
    assert (task.matching.positive_iou, task.matching.negative_iou, task.matching.force_best) == (0.3, 0.3, False)
    assert task.settings.link_iou == task.settings.nms_iou and task.settings.link_growth == 1
    assert task.settings.alignment == "published" and task.loss.displacement_unit == "image"
    changed = cli.datamodule.augmentation
    assert (changed.gain, changed.log_gamma, changed.noise, changed.mirror) == (0, 0, 0, 0) and changed.offset > 0
    assert sum(p.numel() for p in task.network.parameters()) > 19e6
    boxes = torch.tensor([[[[4.0, 6, 6], [8, 12, 12]]], [[[5.0, 7, 7], [9, 13, 13]]]])
    sample = PairSample(torch.rand(task.network.in_channels, 16, 16, 16), boxes, torch.ones(2, 1, dtype=torch.bool))
    task.log = lambda *_, **__: None
    loss = task.training_step(PairBatch.of([sample, sample]), 0)
    loss.backward()
    assert torch.isfinite(loss)
    unused = [name for name, p in task.network.named_parameters() if p.grad is None]
    assert not unused and all(p.grad.isfinite().all() for p in task.network.parameters())
