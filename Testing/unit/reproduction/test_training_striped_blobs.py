"""Striped blobs as training samples."""

from types import SimpleNamespace

import pytest
import torch

from liverpair.training.command import TrainingCLI
from liverpair.training.segmentation import SegmentationTask
from reproduction.chapter2.shape_networks import FIGURE
from reproduction.toys.striped_blobs import StripedBlobsSettings
from reproduction.training import STRIPED_BLOBS
from reproduction.training.toy_data import StripedBlobsData


@pytest.fixture
def data():
    return StripedBlobsData(
        StripedBlobsSettings(size=96), samples_per_epoch=6, validation_samples=3, batch_size=2, workers=0
    )


def test_batches_are_what_the_task_takes(data):
    batches = list(data.train_dataloader())
    assert len(batches) == 3
    batch = batches[0]
    assert batch["image"].shape == (2, 2, 96, 96) and batch["image"].dtype == torch.float32
    assert batch["target"].shape == (2, 1, 96, 96) and set(batch["target"].unique().tolist()) == {0.0, 1.0}
    assert batch["region"].shape == (2, 1, 96, 96) and batch["region"].dtype == torch.bool


def test_every_epoch_has_new_images_and_validation_the_same(data):
    seen = []
    for epoch in (0, 1):
        data.trainer = SimpleNamespace(current_epoch=epoch)
        seen += [image for batch in data.train_dataloader() for image in batch["image"]]
    first, again = ([image for batch in data.val_dataloader() for image in batch["image"]] for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, again))
    seen += first
    assert len({image.numpy().tobytes() for image in seen}) == len(seen) == 15


def test_seeds_have_images_of_their_own(data):
    other = StripedBlobsData(data.blobs, samples_per_epoch=6, batch_size=2, workers=0, seed=1)
    one, two = (next(iter(own.train_dataloader()))["image"] for own in (data, other))
    assert not torch.equal(one, two)


def test_blobs_that_lie_too_far_apart_to_tell_matching_from_nearness_are_refused():
    far = StripedBlobsSettings(blob_sigma=8.0, percentile=75.0, smallest=100)
    with pytest.raises(ValueError, match="right kind for .* more than 75 %|more than 75%"):
        StripedBlobsData(far, nearest_at_most=0.75)
    assert StripedBlobsData(far).blobs == far


def test_the_config_is_the_published_experiment(tmp_path):
    cli = TrainingCLI(
        SegmentationTask,
        StripedBlobsData,
        args=[
            f"--config={STRIPED_BLOBS.configs / 'striped-blobs.yaml'}",
            f"--run_folder={tmp_path}",
            "--trainer.accelerator=cpu",
        ],
        run=False,
    )
    assert cli.datamodule.blobs == StripedBlobsSettings() and cli.datamodule.blobs.shift == FIGURE.shift
    assert cli.datamodule.batch_size == 8
    assert cli.model.hparams.loss == "bce" and cli.model.hparams.learning_rate == 1e-3
    assert cli.model.hparams.weight_decay == 0
    assert cli.model.network.level_widths == FIGURE.widths
    with torch.no_grad():
        assert cli.model(torch.zeros(1, 2, 96, 96)).shape == (1, 1, 96, 96)
