"""Training under the similarity constraint: its stages, config, resume and export."""

import json

import pytest
import pytorch_lightning as lightning
import torch
from paired_livers_factory import QUICK, write_pairs

from liverpair.bundle import Bundle
from liverpair.core.errors import InputError
from liverpair.io.study import read_image
from liverpair.segmentation.inference import SegmentOptions, segment
from reproduction.__main__ import main
from reproduction.toys.coded_masks import CodedMasksSettings
from reproduction.training import SIMILARITY
from reproduction.training.similarity_loss import SimilarityWeights
from reproduction.training.similarity_task import SimilarityTask, Stage
from reproduction.training.toy_data import CodedMasksData

NETWORKS = {
    "in_channels": 2,
    "out_channels": 2,
    "arguments": {"dimensions": 2, "widths": [4, 8], "normalization": "group"},
    "registration": {"dimensions": 2, "widths": [4, 4], "translation": True},
    "warmup_steps": 1,
}


class Changes(lightning.Callback):
    """Which networks changed in each step."""

    def __init__(self):
        self.seen = []

    def on_train_batch_start(self, trainer, task, batch, index):
        self.before = self._weights(task)

    def on_train_batch_end(self, trainer, task, outputs, batch, index):
        after = self._weights(task)
        self.seen.append({name for name in after if not torch.equal(after[name], self.before[name])})

    @staticmethod
    def _weights(task):
        networks = {"segmentation": task.network, "registration": task.registration}
        return {name: torch.cat([p.detach().ravel() for p in n.parameters()]) for name, n in networks.items()}


def trained(task, steps, *callbacks):
    data = CodedMasksData(
        CodedMasksSettings(size=16, sigma=3.0, shift=2),
        samples_per_epoch=2 * steps,
        validation_samples=2,
        batch_size=2,
        workers=0,
    )
    trainer = lightning.Trainer(
        max_steps=steps,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=list(callbacks),
    )
    trainer.fit(task, data)
    return trainer


def test_each_stage_trains_its_networks():
    task = SimilarityTask(segmentation_steps=2, registration_steps=2, **NETWORKS)
    changes = Changes()
    trainer = trained(task, 6, changes)
    alone, both = [{"segmentation"}, {"registration"}], {"segmentation", "registration"}
    assert changes.seen == [alone[0], alone[0], alone[1], alone[1], both, both]
    metrics = trainer.callback_metrics
    assert metrics["staged_score"] == pytest.approx(Stage.BOTH + metrics["validation_dice"])


def test_a_stage_begins_at_its_step():
    task = SimilarityTask(segmentation_steps=3, registration_steps=2, **NETWORKS)
    assert [task.stage_of(step) for step in (0, 2, 3, 4, 5, 99)] == [1, 1, 2, 2, 3, 3]
    assert SimilarityTask(segmentation_steps=0, registration_steps=0, **NETWORKS).stage_of(0) is Stage.BOTH


class Moments(lightning.Callback):
    """Of the first weight of the segmentation network, how often AdamW has seen it before each step; and the rate."""

    def __init__(self):
        self.seen, self.rates = [], []

    def on_train_batch_end(self, trainer, task, outputs, batch, index):
        optimizer = task.optimizers(use_pl_optimizer=False)
        state = optimizer.state.get(next(task.network.parameters()), {})
        self.seen.append(int(state.get("step", 0)))
        self.rates.append(task.rate_factor(trainer.global_step - 1))


def test_every_stage_begins_with_fresh_moments_and_a_schedule_of_its_own():
    """Nothing is left of the first stage at the third: its first step is step 1 again, at the same rate."""
    task = SimilarityTask(segmentation_steps=3, registration_steps=2, **NETWORKS)
    moments = Moments()
    trained(task, 8, moments)
    assert moments.seen == [1, 2, 3, 0, 0, 1, 2, 3]
    assert moments.rates[:3] == moments.rates[5:] and moments.rates[2] < moments.rates[1]


def test_without_weight_a_loss_trains_nothing():
    weights = SimilarityWeights(0.0, 1.0, 0.0)
    task = SimilarityTask(weights, 0, 0, weight_decay=0.0, **NETWORKS)
    changes = Changes()
    trained(task, 2, changes)
    assert changes.seen == [{"registration"}] * 2


def test_it_starts_from_another_run(tmp_path):
    first = SimilarityTask(**NETWORKS)
    torch.save({"state_dict": first.state_dict()}, tmp_path / "start.ckpt")
    second = SimilarityTask(start_from=str(tmp_path / "start.ckpt"), **NETWORKS)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters()))
    with pytest.raises(InputError, match="There is no checkpoint"):
        SimilarityTask(start_from=str(tmp_path / "nothing.ckpt"), **NETWORKS)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    return write_pairs(tmp_path_factory.mktemp("pairs"), ("a", "b"))


def words(pairs, folder, *more):
    return [
        *("train", "similarity", "--config", str(SIMILARITY.configs / "similarity.yaml")),
        *(f"--data.root={pairs}", '--data.train=["a"]', '--data.validation=["b"]', f"--data.cache={pairs / 'cache'}"),
        *(f"--run_folder={folder / 'run'}", f"--bundle.folder={folder / 'bundle'}"),
        *QUICK,
        "--data.patches_per_epoch=2",
        "--model.segmentation_steps=2",
        "--model.registration_steps=1",
        '--model.registration={"widths":[4,4],"reduction":[1,2,2],"strides":[[2,2,2],[2,2,2]]}',
        *more,
    ]


def test_a_run_is_resumed_and_leaves_a_bundle_of_the_last_stage(pairs, tmp_path):
    assert main(words(pairs, tmp_path, "--trainer.max_steps=2")) == 0
    assert main(words(pairs, tmp_path)) == 0
    bundle = Bundle.load(tmp_path / "bundle")
    assert (bundle.strategy, bundle.inputs) == ("double-out", ["T1", "T2"])
    assert bundle.training["max_steps"] == bundle.training["steps"] == 4
    assert "train similarity" in json.loads((tmp_path / "bundle" / "bundle.json").read_text())["training"]["command"]
    images = [read_image(pairs / "b" / f"{side}.nii.gz") for side in ("t1", "t2")]
    result = segment(*images, [bundle], SegmentOptions("cpu", "torch-fp32"))
    assert result.t1.liver.GetSize() == images[0].GetSize() and result.t2.liver.GetSize() == images[1].GetSize()


def test_a_drawn_order_of_images_is_refused(pairs, tmp_path, capsys):
    assert main(words(pairs, tmp_path, "--data.inputs=[T1 or T2,T1 or T2]")) == 1
    assert "needs a fixed order" in capsys.readouterr().err
