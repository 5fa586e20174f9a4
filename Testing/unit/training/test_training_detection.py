"""Training paired detectors for real, on a few small pairs: losses, consistency, resume, export."""

from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import yaml

from liverpair.core.errors import InputError
from liverpair.detection.detection_settings import DetectionSettings
from liverpair.detection.losses import DetectionLoss
from liverpair.detection.pairing import Found
from liverpair.training.command import fit
from liverpair.training.detection import DetectionTask, PairBatch, PairSample, moved_overlaps
from liverpair.training.starting_weights import take_weights
from liverpair.training.tasks import DETECTION
from reproduction.toys.coded_pairs import CodedPairSettings
from reproduction.training.generated_data import TRAINING, VALIDATION, DrawnSamples
from reproduction.training.toy_data import CodedPairsData, drawn_pair

SIZES = ((12.0, 12.0), (24.0, 24.0))
ARGUMENTS = {
    "dimensions": 2,
    "levels": [1, 2],
    "anchors": 2,
    "backbone": {"widths": [8, 12, 16], "strides": [[4, 4], [2, 2], [2, 2]], "kernels": [[7, 7], [3, 3], [3, 3]]},
    "width": 12,
    "head_depth": 1,
    "joint_tower": True,
    "segmentation_channels": 2,
}
PAIRS = CodedPairSettings(size=96)
DRAW = partial(drawn_pair, settings=PAIRS)


def task(**changes) -> DetectionTask:
    torch.manual_seed(0)
    settings = DetectionSettings(SIZES, alignment="published", mask=False, score_floor=0.0)
    return DetectionTask(**{"settings": settings, "arguments": ARGUMENTS, "warmup_steps": 2, **changes})


def batch(count: int = 2) -> PairBatch:
    pairs = DrawnSamples(DRAW, count, (TRAINING, 5))
    return PairBatch.of([pairs[index] for index in range(count)])


@pytest.fixture
def logged(monkeypatch) -> dict[str, float]:
    """What a module logs outside a trainer."""
    values: dict[str, float] = {}
    monkeypatch.setattr(DetectionTask, "log", lambda self, name, value, **how: values.update({name: float(value)}))
    return values


@pytest.mark.filterwarnings("ignore:You are trying to .self.log")
def test_a_step_has_every_part_of_the_loss_and_its_gradient_reaches_all_parameters(logged):
    module = task()
    module.training_step(batch(), 0).backward()
    assert set(logged) == {"loss", *(f"loss_{k}" for k in ("classification", "box", "displacement", "segmentation"))}
    assert all(p.grad is not None and p.grad.isfinite().all() for p in module.parameters())
    assert logged["loss"] == pytest.approx(sum(v for k, v in logged.items() if k != "loss"), rel=1e-5)


def test_pairs_without_masks_train_without_the_voxel_segmentation(logged):
    samples = [PairSample(s.image, s.boxes, s.visible) for s in batch().samples]
    task().training_step(PairBatch.of(samples), 0)
    assert "loss_segmentation" not in logged


def test_pairs_that_nobody_annotated_learn_from_consistency_alone(logged):
    samples = [PairSample(s.image, s.boxes, s.visible, annotated=False) for s in batch().samples]
    module = task(consistency_weight=1.0, consistency_from_step=0, consistency_threshold=0.0)
    module.training_step(PairBatch.of(samples), 0)
    assert logged["loss_classification"] == 0.0
    assert logged["loss_consistency"] > 0.0
    logged.clear()
    late = task(consistency_weight=1.0, consistency_from_step=5)
    late.training_step(PairBatch.of(samples), 0)
    assert "loss_consistency" not in logged


def test_training_lowers_the_loss(logged):
    torch.manual_seed(1)
    module = task(loss=DetectionLoss(segmentation_weight=0.5))
    optimizer = torch.optim.Adam(module.parameters(), 3e-3)
    pairs = batch(1)
    losses = []
    for _ in range(25):
        loss = module.training_step(pairs, 0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss))
    assert losses[-1] < 0.6 * losses[0]


def test_validation_of_perfect_boxes_is_perfect(logged, monkeypatch):
    sample = batch(1).samples[0]
    boxes = sample.boxes.numpy().astype(float)
    shifts = boxes[1].mean(axis=1) - boxes[0].mean(axis=1)
    scores = np.linspace(0.9, 0.5, boxes.shape[1])
    perfect = Found(boxes[0], scores, shifts), Found(boxes[1], scores, -shifts)
    monkeypatch.setattr("liverpair.training.detection.find_boxes", lambda *given: perfect)
    module = task(validation_iou=0.6).eval()
    with torch.no_grad():
        module.validation_step(PairBatch.of([sample]), 0)
    module.on_validation_epoch_end()
    assert logged["validation_ap"] == 1.0
    assert 0.5 < logged["validation_moved_iou"] <= 1.0
    assert not module.validated


def test_moved_overlaps_of_a_case_done_by_hand():
    here, there = np.array([[0.0, 0], [4, 4]]), np.array([[10.0, 2], [14, 6]])
    truth, visible = np.stack([here[None], there[None]]), np.ones((2, 1), bool)
    right = Found(here[None], np.array([0.9]), np.array([[10.0, 2.0]]))
    half = Found(there[None], np.array([0.8]), np.array([[-10.0, -4.0]]))
    overlaps = moved_overlaps((right, half), truth, visible, 0.6)
    np.testing.assert_allclose(overlaps, [1.0, 1 / 3])


def test_lesions_whose_other_place_is_unknown_do_not_count_as_moved():
    here = np.array([[0.0, 0], [4, 4]])
    truth = np.stack([here[None], np.full((1, 2, 2), np.nan)])
    found = Found(here[None], np.array([0.9]), np.zeros((1, 2)))
    assert not len(moved_overlaps((found, Found.none(2)), truth, np.array([[True], [False]]), 0.6))


def test_streams_of_pairs_never_meet_and_come_again():
    first, again, other = (
        DrawnSamples(DRAW, 1, stream)[0].image for stream in ((TRAINING, 0), (TRAINING, 0), (VALIDATION, 0))
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_weights_of_another_run_are_taken_where_they_fit(tmp_path):
    source = task()
    path = tmp_path / "source.ckpt"
    torch.save({"state_dict": source.state_dict()}, path)
    finer = task(arguments={**ARGUMENTS, "levels": [1, 2, 3], "segmentation_channels": 0}, start_from=str(path))
    shared = "pyramid.encoder.entries.0.0.weight"
    assert torch.equal(finer.network.state_dict()[shared], source.network.state_dict()[shared])
    assert all("3" in name for name in take_weights(finer.network, str(path)))
    with pytest.raises(InputError, match="There is no model or file"):
        task(start_from=str(tmp_path / "nowhere.ckpt"))
    torch.save({"state_dict": {"network.unknown": torch.zeros(1)}}, path)
    with pytest.raises(InputError, match="No weight"):
        task(start_from=str(path))


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """A run that was stopped after 4 steps and gone on with to 6."""
    folder = tmp_path_factory.mktemp("run")
    settings = {
        "model": {
            "settings": {"anchor_sizes": [list(size) for size in SIZES], "alignment": "published", "mask": False},
            "arguments": ARGUMENTS,
        },
        "data": {"pairs": {"size": 96}, "samples_per_epoch": 2, "validation_samples": 1, "workers": 0},
        "trainer": {"max_steps": 4, "max_epochs": -1, "accelerator": "cpu", "enable_progress_bar": False},
        "monitor": "validation_ap",
        "run_folder": str(folder),
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(settings))
    fit(DetectionTask, CodedPairsData, ["--config", str(path)])
    fit(DetectionTask, CodedPairsData, ["--config", str(path), "--trainer.max_steps", "6"])
    return folder


def test_a_run_resumes_and_its_best_network_comes_back(run):
    last = torch.load(run / "checkpoints" / "last.ckpt", weights_only=False)
    assert last["global_step"] == 6
    module, step = DETECTION.kept(run)
    assert step in (2, 4, 6)
    assert not module.training
    assert module.settings.anchor_sizes == SIZES
    with torch.no_grad():
        assert module(torch.zeros(1, 2, 96, 96)).logits.isfinite().all()


def test_data_are_those_of_the_epoch():
    data = CodedPairsData(PAIRS, samples_per_epoch=1, workers=0)
    batches = []
    for epoch in (0, 1, 1):
        data.trainer = SimpleNamespace(current_epoch=epoch)
        batches.append(next(iter(data.train_dataloader())).images)
    assert batches[0].shape == (1, 2, 96, 96)
    assert not torch.equal(batches[0], batches[1])
    assert torch.equal(batches[1], batches[2])
