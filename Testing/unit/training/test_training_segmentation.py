"""Training a liver network for real, on a handful of small volumes: data, resume, export, evaluation."""

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import torch
import yaml
from bright_box import grid, image_and_mask
from brightness_bundle import write_brightness_bundle
from safetensors.torch import save_file

from liverpair.bundle import Bundle
from liverpair.cli import main
from liverpair.core.errors import InputError
from liverpair.evaluation.outline_pictures import worst_slices
from liverpair.networks.padding import pad_to_multiple
from liverpair.training.augmentation import RandInvertd, RandPolynomialBiasFieldd, training_transform
from liverpair.training.run_log import learning_curve
from liverpair.training.segmentation import SegmentationTask
from liverpair.training.segmentation_data import ImageKind, PatchDataset, SegmentationData

PATCH = (8, 32, 32)


@pytest.fixture(scope="module")
def studies(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("studies")
    for number, case in enumerate(("a", "b", "c")):
        for side, degrees in (("t1", (0, 0, 0)), ("t2", (6, 4, 0))):
            image, mask = image_and_mask(grid((4.0, 4.0, 9.0), degrees), shift=(8.0 * number, 0.0, -6.0 * number))
            (root / case).mkdir(exist_ok=True)
            sitk.WriteImage(image, root / case / f"{side}.nii.gz")
            sitk.WriteImage(mask, root / case / f"{side}_liver.nii.gz")
    return root


@pytest.fixture(scope="module")
def config(studies, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    settings = {
        "seed_everything": 3,
        "model": {
            "arguments": {"widths": [4, 8], "strides": [[1, 2, 2]], "normalization": "group"},
            "learning_rate": 0.03,
            "share": 0.2,
            "warmup_steps": 2,
        },
        "data": {
            "root": str(studies),
            "train": ["a", "b"],
            "validation": ["c"],
            "images": [
                {"image": f"{s}.nii.gz", "labels": f"{s}_liver.nii.gz", "sequence": s.upper()} for s in ("t1", "t2")
            ],
            "label_values": [1],
            "patch": list(PATCH),
            "patches_per_epoch": 10,
            "workers": 0,
            "policy": {"spacing_mm": [4.0, 4.0, 9.0]},
            "cache": str(folder / "cache"),
        },
        "average_decay": 0.5,
        "trainer": {"max_steps": 20, "max_epochs": -1, "accelerator": "cpu", "enable_progress_bar": False},
        "run_folder": str(folder / "run"),
        "bundle": {"folder": str(folder / "bundle"), "name": "trained-here", "data": "bright boxes", "license": "none"},
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(settings))
    return path


@pytest.fixture(scope="module")
def trained(config) -> Path:
    """The run's folder after it was interrupted at 20 steps and resumed to 40."""
    assert main(["train", "segmentation", "--config", str(config)]) == 0
    assert main(["train", "segmentation", "--config", str(config), "--trainer.max_steps", "40"]) == 0
    return config.parent


def test_a_resumed_run_goes_on_where_it_stopped(trained):
    curve, seconds = learning_curve(trained / "run", SegmentationTask.CURVES)
    steps = [point["step"] for point in curve if "validation_dice" in point]
    assert steps[:2] == [9, 19] and steps == sorted(steps) and steps[-1] >= 38
    losses = [point["loss"] for point in curve if "loss" in point]
    assert losses[-1] < 0.95 * losses[0]
    assert seconds > 0
    last = torch.load(trained / "run" / "checkpoints" / "last.ckpt", weights_only=False)
    assert last["global_step"] == 40


def test_the_bundle_tells_how_it_was_made(trained):
    bundle = Bundle.load(trained / "bundle")
    assert bundle.name == "trained-here" and bundle.inputs == ["T1 or T2"] and bundle.strategy == "single"
    assert bundle.training["seed"] == 3 and bundle.training["train_cases"] == ["a", "b"]
    assert "train segmentation --config" in bundle.training["command"]
    assert bundle.grid.multiple_of == (1, 2, 2)
    assert "bright boxes" in bundle.card()
    assert bundle.network("cpu")(torch.rand(1, 1, 4, 16, 16)).shape == (1, 1, 4, 16, 16)


def test_evaluate_writes_the_table_into_the_card(tmp_path, studies):
    folder = write_brightness_bundle(tmp_path / "brightness").folder
    main(["evaluate", str(folder), str(studies), "--cases", "c", "--engine", "torch-fp32", "--write", "--debug"])
    manifest = json.loads((folder / "bundle.json").read_text())
    cases = manifest["metrics"]["test"]["cases"]
    assert [(row["case"], row["side"]) for row in cases] == [("c", "T1"), ("c", "T2")]
    assert all(row["dice"] > 0.9 for row in cases)
    assert manifest["metrics"]["test"]["summary"]["T2: dice"]["mean"] == pytest.approx(cases[1]["dice"], abs=1e-4)
    assert (folder / "pictures" / "test_c_t1.png").stat().st_size > 1000
    assert "![pictures/test_c_t1.png](pictures/test_c_t1.png)" in (folder / "README.md").read_text()
    Bundle.load(folder)


def test_an_empty_reference_is_refused(tmp_path, studies):
    folder = write_brightness_bundle(tmp_path / "brightness").folder
    empty = sitk.ReadImage(studies / "c" / "t1_liver.nii.gz") * 0
    sitk.WriteImage(empty, tmp_path / "empty.nii.gz")
    labels = ["--t1-labels", str(tmp_path / "empty.nii.gz")]
    with pytest.raises(InputError, match="The reference of case 'c' T1 is empty."):
        main(["evaluate", str(folder), str(studies), "--cases", "c", *labels, "--debug"])


def test_evaluate_of_a_value_the_reference_lacks_is_refused(tmp_path, studies):
    folder = write_brightness_bundle(tmp_path / "brightness").folder
    with pytest.raises(InputError, match="The reference of case 'c' T1 has no voxel of label 77; it holds 1."):
        main(["evaluate", str(folder), str(studies), "--cases", "c", "--label-value", "77", "--debug"])


def test_evaluate_without_references_is_refused(trained, studies):
    with pytest.raises(InputError, match="no volume with a reference mask"):
        main(
            [
                "evaluate",
                str(trained / "bundle"),
                str(studies),
                "--t1-labels",
                "x.nii.gz",
                "--t2-labels",
                "y.nii.gz",
                "--debug",
            ]
        )


def test_missing_training_data_is_named(config, capsys):
    code = main(
        [
            "train",
            "segmentation",
            "--config",
            str(config),
            "--data.train",
            "[z]",
            "--run_folder",
            str(config.parent / "z"),
        ]
    )
    assert code == 2
    assert "z/t1.nii.gz, which does not exist" in capsys.readouterr().err.replace("\\", "/")


def test_an_unknown_task_is_refused(capsys):
    assert main(["train", "telepathy"]) == 2
    assert "no training task 'telepathy'" in capsys.readouterr().err


def data(studies, tmp_path, **changes) -> SegmentationData:
    settings = {
        "root": str(studies),
        "train": ["a", "b"],
        "validation": ["c"],
        "images": [ImageKind("t1.nii.gz", "t1_liver.nii.gz", "T1")],
        "label_values": [1],
        "patch": PATCH,
        "cache": str(tmp_path / "cache"),
    }
    return SegmentationData(**{**settings, **changes})


def test_the_cache_is_used_and_follows_the_settings(studies, tmp_path, monkeypatch):
    data(studies, tmp_path).prepare_data()
    files = set((tmp_path / "cache").iterdir())
    assert len(files) == 3
    monkeypatch.setattr("liverpair.io.study.read_image", lambda path: pytest.fail("read again"))
    data(studies, tmp_path).setup("fit")
    monkeypatch.undo()
    data(studies, tmp_path, label_values=[1, 2]).prepare_data()
    assert len(set((tmp_path / "cache").iterdir())) == 6


def test_patches_are_reproducible_and_change_with_the_epoch(studies, tmp_path):
    module = data(studies, tmp_path)
    module.setup("fit")
    dataset = PatchDataset(module.train_volumes, training_transform(PATCH), 4, seed=5)
    first, again = dataset[1], dataset[1]
    assert torch.equal(first["image"], again["image"])
    assert first["image"].shape == (1, *PATCH) and first["target"].shape == (1, *PATCH)
    dataset.epoch = 1
    assert not torch.equal(dataset[1]["image"], first["image"])


def test_every_volume_is_drawn_equally_often(studies, tmp_path):
    module = data(studies, tmp_path)
    module.setup("fit")
    drawn = []

    class Spy(list):
        def __getitem__(self, place):
            drawn.append(place)
            return super().__getitem__(place)

    dataset = PatchDataset(module.train_volumes, training_transform(PATCH), 6, seed=5)
    dataset.volumes = Spy(dataset.volumes)
    for index in range(6):
        dataset[index]
    assert sorted(drawn) == [0, 0, 0, 1, 1, 1]


def test_geometry_of_image_and_target_stays_together(studies, tmp_path):
    """The box stays the brightest thing in the image wherever the affine moves it."""
    module = data(studies, tmp_path)
    module.setup("fit")
    transform = training_transform((16, 48, 48))
    for keep in list(transform.transforms):
        if type(keep).__name__ not in ("SpatialPadd", "RandSpatialCropd", "RandAffined", "RandFlipd"):
            transform.transforms = tuple(t for t in transform.transforms if t is not keep)
    dataset = PatchDataset(module.train_volumes, transform, 6, seed=1)
    in_view = 0
    for index in range(6):
        sample = dataset[index]
        inside, outside = sample["target"] > 0.95, sample["target"] < 0.05
        assert sample["image"][outside].mean() < 0.4
        if inside.sum() > 50:
            in_view += 1
            assert sample["image"][inside].mean() > 0.9
    assert in_view >= 3


def test_bias_field_keeps_the_mean_and_inversion_turns_the_order_round():
    image = {"image": torch.full((1, 8, 16, 16), 0.5)}
    field = RandPolynomialBiasFieldd("image", prob=1.0)
    field.set_random_state(seed=2)
    biased = field(image)["image"]
    assert biased.mean().item() == pytest.approx(0.5, abs=0.03) and biased.std() > 0.02
    invert = RandInvertd("image", prob=1.0)
    inverted = invert({"image": torch.tensor([[[[0.0, 0.2, 0.9]]]])})["image"].flatten().tolist()
    assert inverted == pytest.approx([0.0, 0.8, 0.1])


def test_the_rate_warms_up_and_ends_at_a_hundredth():
    task = SegmentationTask(arguments={"widths": [4]}, warmup_steps=10)
    task._trainer = type("Trainer", (), {"estimated_stepping_batches": 110})()
    assert [task.rate_factor(step) for step in (0, 5, 10, 60, 110)] == pytest.approx([0.1, 0.5, 1.0, 0.505, 0.01])


def test_auxiliary_channels_count_less():
    task = SegmentationTask(arguments={"widths": [4], "out_channels": 2}, auxiliary_weight=0.25, loss="bce")
    logits, target = torch.zeros(1, 2, 2, 2, 2), torch.zeros(1, 2, 2, 2, 2)
    assert task.loss_of(logits, target).item() == pytest.approx(1.25 * np.log(2), abs=1e-6)


def test_the_output_starts_at_the_share_of_the_liver():
    task = SegmentationTask(arguments={"widths": [4], "out_channels": 2}, share=0.05)
    assert task.network.head.bias.sigmoid().tolist() == pytest.approx([0.05, 0.05])


def test_a_training_starts_from_weights_and_keeps_what_it_has_no_place_for_at_random(tmp_path):
    trained = SegmentationTask(arguments={"widths": [4, 8]})
    torch.nn.init.constant_(trained.network.head.bias, 2.0)
    state = {name: value.contiguous() for name, value in trained.network.state_dict().items()}
    save_file(state, tmp_path / "weights.safetensors")
    task = SegmentationTask(
        arguments={"widths": [4, 8], "out_channels": 3}, start_from=str(tmp_path / "weights.safetensors")
    )
    own, before = task.network.state_dict(), trained.network.state_dict()
    for name in own:
        if not name.startswith("head."):
            assert torch.equal(own[name], before[name])
    assert torch.equal(own["head.weight"][:1], before["head.weight"])
    assert own["head.bias"].tolist() == pytest.approx([2.0, np.log(0.03 / 0.97), np.log(0.03 / 0.97)])


def test_weights_to_start_from_that_cannot_be_used_are_refused(tmp_path):
    with pytest.raises(InputError, match="There is no model or file"):
        SegmentationTask(start_from=str(tmp_path / "none.safetensors"))
    save_file({"other": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(InputError, match="No weight of"):
        SegmentationTask(start_from=str(tmp_path / "other.safetensors"))


def test_padding_and_worst_slices():
    assert pad_to_multiple(torch.ones(1, 1, 5, 16, 17), (4, 16, 16)).shape == (1, 1, 8, 16, 32)
    a, b = np.zeros((4, 3, 3), bool), np.zeros((4, 3, 3), bool)
    a[1, 0, :2], a[3, :, :] = True, True
    assert worst_slices(a, b, 2) == [1, 3]
