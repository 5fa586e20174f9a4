"""Training liver networks of every strategy on small pairs: what a step shows, config, resume, export."""

import shutil

import numpy as np
import pytest
import SimpleITK as sitk
import torch
import yaml
from paired_livers_factory import QUICK, SHIFT_MM, quick_registration, write_pairs

from liverpair.bundle import Bundle
from liverpair.bundle.strategies import EITHER, STRATEGIES
from liverpair.cli import main
from liverpair.core.errors import InputError
from liverpair.io.study import read_image
from liverpair.networks import build
from liverpair.networks.unet import PUBLISHED_3D
from liverpair.segmentation.inference import SegmentOptions, segment
from liverpair.segmentation.preparation import GridPolicy, Normalization
from liverpair.training.augmentation import paired_transform
from liverpair.training.bundle_writing import kept_task
from liverpair.training.command import LAST, fit
from liverpair.training.paired_livers import PairedLiversTask, mean_dice
from liverpair.training.paired_livers_data import PairedLiversData
from liverpair.training.tasks import PAIRED_LIVERS, VIEWS

CONFIGS = PAIRED_LIVERS.configs
ARMS = sorted(path.stem for path in CONFIGS.glob("*.yaml") if path.stem not in ("shared", "published"))
PATCH = (8, 32, 32)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    with quick_registration():
        yield write_pairs(tmp_path_factory.mktemp("pairs"), ("a", "b", "c"))


def words(arm, pairs, folder, *more):
    return [
        *("train", "paired-livers", "--config", str(CONFIGS / f"{arm}.yaml")),
        *(f"--data.root={pairs}", '--data.train=["a","b"]', '--data.validation=["c"]'),
        *(f"--data.cache={pairs / 'cache'}", f"--run_folder={folder / arm}", f"--bundle.folder={folder / arm}-bundle"),
        *QUICK,
        *more,
    ]


def data(pairs, strategy, inputs, **changes):
    settings = {
        "root": str(pairs),
        "train": ["a", "b"],
        "validation": ["c"],
        "strategy": strategy,
        "inputs": inputs,
        "patch": PATCH,
        "policy": GridPolicy((6.0, 6.0, 9.0)),
        "normalization": Normalization(0.0, 100.0),
        "cache": str(pairs / "cache"),
    }
    module = PairedLiversData(**(settings | changes))
    module.setup("fit")
    return module


def test_the_published_network_is_one_config(pairs, tmp_path):
    """A config after another replaces what it names, no more; the training itself needs a GPU."""
    configs = ["--config", str(CONFIGS / "double-out.yaml"), "--config", str(CONFIGS / "published.yaml")]
    folders = [f"--data.root={pairs}", '--data.train=["a"]', '--data.validation=["b"]', f"--run_folder={tmp_path}"]
    cli = fit(
        PairedLiversTask,
        PairedLiversData,
        [
            "--config",
            str(PAIRED_LIVERS.shared[0]),
            *configs,
            *folders,
            f"--data.cache={tmp_path}",
            "--trainer.max_steps=0",
        ],
    )
    extra = 27 * 32 + 65  # a second channel in, a second mask out
    assert sum(p.numel() for p in cli.model.network.parameters()) == 19_071_329 + extra
    assert cli.datamodule.policy.spacing_mm == (1.5, 1.5, 3.0) and cli.model.hparams.learning_rate == 1e-4
    assert cli.datamodule.strategy == "double-out" and cli.config.keep == "best"
    settings = cli.model.hparams
    assert (settings.weight_decay, settings.warmup_steps, settings.schedule) == (0.0, 0, "constant")
    assert cli.trainer.gradient_clip_val is None and cli.config.average_decay == 0
    assert cli.datamodule.patches_per_epoch == 150 and not cli.datamodule.strong_augmentation


def test_a_training_begins_with_the_share_of_the_liver_in_every_mask():
    task = PairedLiversTask(arguments={"widths": [4, 8], "strides": [[1, 2, 2]]}, in_channels=2, out_channels=2)
    assert torch.sigmoid(task.network.head.bias).tolist() == pytest.approx([0.03, 0.03])


def test_the_published_training_steps_at_its_constant_rate_from_weights_of_others(pairs, tmp_path):
    start = build("unet", {**PUBLISHED_3D, "in_channels": 1, "out_channels": 1})
    torch.save(start.state_dict(), tmp_path / "start.pt")
    config = yaml.safe_load((CONFIGS / "published.yaml").read_text())
    assert config["trainer"]["max_steps"] == 900 * 150
    words = [f"--config={PAIRED_LIVERS.shared[0]}", f"--config={CONFIGS / 'double-out.yaml'}"]
    words += [f"--config={CONFIGS / 'published.yaml'}", f"--model.pretrained={tmp_path / 'start.pt'}"]
    words += [f"--data.root={pairs}", '--data.train=["a"]', '--data.validation=["b"]', f"--data.cache={tmp_path}"]
    words += ["--data.patch=[8,16,16]", "--data.policy.spacing_mm=[9,9,9]", "--data.patches_per_epoch=1"]
    words += ["--trainer.max_steps=1", "--trainer.accelerator=cpu", "--data.workers=0", f"--run_folder={tmp_path}"]
    words += ["--bundle.folder=", "--trainer.enable_progress_bar=false", "--trainer.enable_model_summary=false"]
    cli = fit(PairedLiversTask, PairedLiversData, words)
    assert cli.trainer.global_step == 1 and [cli.model.rate_factor(step) for step in (0, 1, 99_999)] == [1.0] * 3
    before = start.state_dict()["encoder.1.0.weight"]
    after = cli.model.network.state_dict()["encoder.1.0.weight"]
    assert not torch.equal(before, after) and torch.allclose(before, after, atol=2e-4)  # one step of Adam at 0.0001


@pytest.mark.parametrize("arm", ["single", "double-in-t2", "pre-registered"])
def test_a_strategy_trains_and_leaves_a_bundle(arm, pairs, tmp_path):
    assert main(words(arm, pairs, tmp_path)) == 0
    bundle = Bundle.load(tmp_path / f"{arm}-bundle")
    settings = yaml.safe_load((CONFIGS / f"{arm}.yaml").read_text())
    assert (bundle.strategy, bundle.inputs) == (settings["data"]["strategy"], settings["data"]["inputs"])
    network = bundle.network()
    assert (network.in_channels, network.out_channels) == tuple(settings["model"].values())
    assert bundle.training["max_steps"] == 4 and bundle.training["train_cases"] == ["a", "b"]


def test_a_run_that_was_stopped_goes_on_and_its_bundle_gives_both_masks(pairs, tmp_path):
    assert main(words("double-out", pairs, tmp_path)) == 0
    assert main(words("double-out", pairs, tmp_path, "--trainer.max_steps=6")) == 0
    last = torch.load(tmp_path / "double-out" / "checkpoints" / "last.ckpt", weights_only=False)
    assert last["global_step"] == 6
    bundle = Bundle.load(tmp_path / "double-out-bundle")
    assert bundle.training["max_steps"] == 6
    images = [read_image(pairs / "c" / f"{side}.nii.gz") for side in ("t1", "t2")]
    result = segment(*images, [bundle], SegmentOptions("cpu", "torch-fp32", probability=True))
    for image, side in zip(images, (result.t1, result.t2)):
        assert side.probability.GetSize() == image.GetSize()


def test_evaluate_passes_over_a_volume_that_has_no_mask(pairs, tmp_path, capsys):
    assert main(words("double-in-t1", pairs, tmp_path)) == 0
    labels = ["--t1-labels", "t1_organs.nii.gz", "--t2-labels", "t2_organs.nii.gz"]
    main(
        [
            "evaluate",
            str(tmp_path / "double-in-t1-bundle"),
            str(pairs),
            "--cases",
            "c",
            *labels,
            "--engine",
            "torch-fp32",
            "--debug",
        ]
    )
    said = capsys.readouterr().out
    assert "| c    | T1" in said and "| T2" not in said


@pytest.mark.parametrize("arm", ARMS)
def test_every_config_fits_its_strategy(arm):
    settings = yaml.safe_load((CONFIGS / f"{arm}.yaml").read_text())
    model, inputs = settings["model"], settings["data"]["inputs"]
    strategy = STRATEGIES[settings["data"]["strategy"]]
    assert strategy.takes(inputs)
    for one in strategy.training_passes(inputs):
        assert (len(one.inputs), len(one.outputs)) == (model["in_channels"], model["out_channels"])
    assert settings["bundle"]["name"] == f"liver-{arm}"


def test_every_strategy_has_configs():
    configs = [*(CONFIGS / f"{arm}.yaml" for arm in ARMS), *VIEWS.configs.glob("*.yaml")]
    assert {yaml.safe_load(path.read_text())["data"]["strategy"] for path in configs} == set(STRATEGIES)


@pytest.mark.parametrize(
    ("words_of_it", "said"),
    [
        (("--model.in_channels=1",), "The strategy 'double-out' needs model.in_channels 2 and model.out_channels 2."),
        (("--data.inputs=[T2,T1]",), "strategy 'double-out' does not take the inputs ['T2', 'T1']"),
        (("--data.strategy=triple-out",), "there is no strategy 'triple-out'; there are single, double-in"),
        (('--data.train=["z"]',), "t1.nii.gz, which does not exist."),
        (("--data.train=[]",), "There is no pair to train on."),
    ],
)
def test_what_cannot_be_trained_is_refused_in_words(words_of_it, said, pairs, tmp_path, capsys):
    assert main(words("double-out", pairs, tmp_path, *words_of_it)) == 2
    assert said in capsys.readouterr().err


def box_center_mm(mask, spacing=(6.0, 6.0, 9.0)):
    return np.argwhere(mask > 0.5).mean(axis=0)[::-1] * spacing


def test_a_sample_shows_both_images_and_masks_where_they_were_scanned(pairs):
    """The bright box of each channel lies in the mask of its own image, and the two lie apart as scanned."""
    volumes = data(pairs, "double-out", [EITHER, EITHER]).train_volumes
    assert len(volumes) == 4
    for volume, order in zip(volumes, (1, -1, 1, -1)):
        sample = volume.sample()
        for image, mask in zip(sample["image"], sample["target"]):
            assert image[mask > 0.95].mean() > 0.9 and image[mask < 0.05].mean() < 0.4
        apart = box_center_mm(sample["target"][1].numpy()) - box_center_mm(sample["target"][0].numpy())
        assert apart == pytest.approx(order * np.array(SHIFT_MM), abs=4.5)


def test_each_strategy_draws_its_passes_and_is_validated_on_what_it_is_used_for(pairs):
    drawn = {
        (strategy, *inputs): (len(module.train_volumes), len(module.validation_volumes))
        for strategy, inputs in (
            ("single", [EITHER]),
            ("single", ["T1"]),
            ("double-in", [EITHER, EITHER]),
            ("double-in", ["T2", "T1"]),
            ("double-out", [EITHER, EITHER]),
            ("double-out", ["T1", "T2"]),
            ("pre-registered", ["T2", "T1"]),
        )
        for module in [data(pairs, strategy, inputs)]
    }
    assert list(drawn.values()) == [(4, 2), (2, 1), (4, 2), (2, 1), (4, 1), (2, 1), (2, 1)]


@pytest.fixture(scope="module")
def trained(pairs, tmp_path_factory):
    """A folder with a run of "single" and its bundle."""
    folder = tmp_path_factory.mktemp("trained")
    assert main(words("single", pairs, folder)) == 0
    return folder


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ("--bundle.folder={run}", "would overwrite the folder of the run"),
        ("--bundle.folder={run}/..", "would overwrite the folder of the run"),
        ("--bundle.name=Bad Name", "'Bad Name' is not a valid name for a model"),
        ('--model.arguments={{"widths":[4,12],"strides":[[1,2,2]],"normalization":"group"}}', "to another network"),
        ("--model.loss=focal", "focal"),
        ("--model.learning_rate=-1", "The learning rate must be above 0"),
        ("--data.patches_per_epoch=0", "an epoch and a batch need at least one sample"),
        ("--data.workers=-1", "workers and seed must be 0 or more"),
        ("--data.policy.spacing_mm=[0,8,8]", "must be above 0 mm"),
    ],
)
def test_what_cannot_be_trained_is_told_in_a_sentence_and_loses_nothing(trained, pairs, changed, said, capsys):
    before = {path: path.stat().st_mtime_ns for path in trained.rglob("*") if path.is_file()}
    assert main([*words("single", pairs, trained), changed.format(run=trained / "single")]) == 2
    error = capsys.readouterr().err
    assert said in error and "Traceback" not in error and "went wrong" not in error
    kept = {path: path.stat().st_mtime_ns for path in before if path.suffix in (".ckpt", ".safetensors", ".json")}
    assert kept == {path: before[path] for path in kept}


def test_a_damaged_checkpoint_is_named(trained, pairs, tmp_path, capsys):
    shutil.copytree(trained, tmp_path / "copy")
    last = tmp_path / "copy" / "single" / "checkpoints" / "last.ckpt"
    last.write_bytes(last.read_bytes()[:1000])
    assert main(words("single", pairs, tmp_path / "copy")) == 2
    assert "last.ckpt' is damaged. Delete it, or its run, to train again." in capsys.readouterr().err
    last.unlink()
    with pytest.raises(InputError, match="There is no checkpoint"):
        kept_task(PairedLiversTask, tmp_path / "copy" / "single", LAST)


def test_the_cache_is_used_and_follows_the_settings(pairs, tmp_path, monkeypatch):
    cache = {"cache": str(tmp_path)}
    data(pairs, "double-in", ["T1", "T2"], **cache)
    assert len(list(tmp_path.iterdir())) == 3
    with monkeypatch.context() as patch:
        patch.setattr("liverpair.training.paired_livers_cache.read_labeled", lambda *_: pytest.fail("read again"))
        data(pairs, "double-in", ["T1", "T2"], **cache)
    data(pairs, "double-in", ["T2", "T1"], **cache)
    data(pairs, "double-in", ["T1", "T2"], normalization=Normalization(5.0, 95.0), **cache)
    assert len(list(tmp_path.iterdir())) == 9
    first = sorted(tmp_path.iterdir())[0]
    whole = first.read_bytes()
    first.write_bytes(whole[:100])
    for inputs, normalization in ((["T1", "T2"], None), (["T2", "T1"], None), (["T1", "T2"], Normalization(5.0, 95.0))):
        changed = {"normalization": normalization} if normalization else {}
        data(pairs, "double-in", inputs, **changed, **cache)
    assert len(first.read_bytes()) == len(whole) and len(list(tmp_path.iterdir())) == 9


def test_pairs_that_cannot_be_trained_on_are_refused_by_name(tmp_path):
    root = write_pairs(tmp_path / "pairs", ("a", "b"))
    with pytest.raises(InputError, match="t1_organs.nii.gz' has no voxel of value 63; it has 0, 1"):
        data(root, "single", ["T1"], label_value=63, cache=str(tmp_path / "cache"))
    (root / "c").symlink_to(root / "b")
    image = sitk.ReadImage(root / "a" / "t1.nii.gz")
    sitk.WriteImage(image * 0, root / "a" / "t1.nii.gz")
    with pytest.raises(InputError, match="a/t1.nii.gz' has the same value in every voxel"):
        data(root, "single", ["T1"], cache=str(tmp_path / "cache"))
    sitk.WriteImage(image[:, :, 2:], root / "a" / "t1.nii.gz")
    with pytest.raises(InputError, match="does not lie on the grid"):
        data(root, "single", ["T1"], cache=str(tmp_path / "cache"))
    content = (root / "b" / "t2.nii.gz").read_bytes()
    (root / "b" / "t2.nii.gz").write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match="t2.nii.gz"):
        data(root, "double-in", ["T2", "T1"], cache=str(tmp_path / "cache"))


def test_each_image_of_a_pair_has_a_bias_field_of_its_own():
    sample = {"image": torch.full((2, 10, 40, 40), 0.5), "target": torch.ones(2, 10, 40, 40)}
    transform = paired_transform(PATCH, 2)
    transform.set_random_state(seed=3)
    image, target = (torch.as_tensor(transform(sample)[key]) for key in ("image", "target"))
    assert image.shape == target.shape == (2, *PATCH)
    assert torch.equal(target, torch.ones_like(target))
    assert image.std(dim=(1, 2, 3)).min() > 0.02
    assert (image[0] - image[1]).abs().mean() > 0.02


def test_strong_augmentation_moves_images_and_masks_together():
    box = torch.zeros(2, 12, 48, 48)
    box[0, 3:9, 10:30, 10:30] = 1.0
    box[1, 2:8, 20:40, 20:40] = 1.0
    transform = paired_transform((12, 48, 48), 2, strong=True)
    transform.set_random_state(seed=1)
    for _ in range(3):
        sample = {key: torch.as_tensor(value) for key, value in transform({"image": box, "target": box}).items()}
        assert not torch.equal(sample["target"], box)
        for image, mask in zip(sample["image"], sample["target"]):
            assert image[mask > 0.9].mean() > image[mask < 0.1].mean() + 0.4


def test_dice_is_the_mean_over_masks():
    target = torch.zeros(1, 2, 1, 1, 4)
    target[0, 0, 0, 0, :2] = 1
    target[0, 1, 0, 0, :] = 1
    logits = torch.tensor([[[[[1.0, -1.0, -1.0, -1.0]]], [[[1.0, 1.0, 1.0, 1.0]]]]])
    assert mean_dice(logits, target).item() == pytest.approx((2 / 3 + 1) / 2)
