"""The strategy `views`: trained by the ordinary command, run like any other model, its uncertainty shown."""

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from bright_box import grid, image_and_mask
from bundle_factory import manifest, small_network
from paired_livers_factory import QUICK, write_pairs

from liverpair.bundle import Bundle
from liverpair.cli import main
from liverpair.core.errors import BundleError
from liverpair.core.geometry import Grid
from liverpair.networks import build
from liverpair.segmentation.inference import GAMBLED, OF_VIEWS, SegmentOptions, segment
from liverpair.training.command import LAST
from liverpair.training.tasks import VIEWS
from liverpair.training.views import ViewsTask

ARGUMENTS = {
    "in_channels": 1,
    "out_channels": 1,
    "widths": [4, 8],
    "strides": [[1, 2, 2]],
    "normalization": "group",
    "fusion": "probability",
}
LAYOUT = '--model.arguments={"widths":[4,8],"strides":[[1,2,2]],"normalization":"group"}'
OPTIONS = SegmentOptions("cpu", "torch-fp32", probability=True, uncertainty=True)


def write(folder, bias=(0.0, 0.0, 0.0), **changes):
    """Views that say the same of every voxel: the sigmoid of `bias`."""
    network = build("views-unet", ARGUMENTS)
    for one, value in zip(network.networks, bias):
        torch.nn.init.zeros_(one.head.weight)
        torch.nn.init.constant_(one.head.bias, value)
    spec = {"name": "views-unet", "arguments": ARGUMENTS}
    grid = {"spacing_mm": [4.0, 4.0, 6.0], "multiple_of": [1, 2, 2]}
    content = manifest(**{"strategy": "views", "network": spec, "grid": grid, **changes})
    return Bundle.write(folder, content, network.state_dict())


@pytest.fixture(scope="module")
def images():
    return [image_and_mask(grid((4.0, 4.0, 6.0), degrees))[0] for degrees in ((0, 0, 0), (10, -8, 3))]


def test_the_uncertainty_is_that_of_the_views_on_each_images_own_grid(tmp_path, images):
    """Logits of log 4 are 0.8, of -log 4 are 0.2: weights alike, mask 0.6, and 1 - (2 · 0.8 + 0.2) / 3 = 0.4."""
    four = float(np.log(4))
    result = segment(*images, [write(tmp_path / "views", (four, four, -four))], OPTIONS)
    for image, side in zip(images, (result.t1, result.t2)):
        assert Grid.of(side.uncertainty).same_as(Grid.of(image))
        middle = tuple(n // 2 for n in image.GetSize())
        assert side.probability[middle] == pytest.approx(0.6, abs=1e-3)
        assert side.uncertainty[middle] == pytest.approx(0.4, abs=1e-3)
        assert sitk.GetArrayViewFromImage(side.liver).any()
    assert OF_VIEWS.format("T1") in result.notes and GAMBLED.format("T1") not in result.notes


def test_beside_a_model_that_tells_nothing_the_uncertainty_is_the_entropy(tmp_path, images):
    plain = Bundle.write(tmp_path / "plain", manifest(), small_network().state_dict())
    result = segment(images[0], None, [write(tmp_path / "views"), plain], OPTIONS)
    p = sitk.GetArrayFromImage(result.t1.probability).astype(float).clip(1e-6, 1 - 1e-6)
    entropy = -(p * np.log2(p) + (1 - p) * np.log2(1 - p))
    assert np.allclose(sitk.GetArrayFromImage(result.t1.uncertainty), entropy, atol=1e-4)
    assert OF_VIEWS.format("T1") not in result.notes


def test_windows_change_little(tmp_path, images):
    bundle = write(tmp_path / "views", (1.0, 1.0, 1.0))
    whole, windows = (segment(images[0], None, [bundle], OPTIONS, window=w) for w in (None, (16, 32, 32)))
    maps = [sitk.GetArrayFromImage(one.t1.uncertainty) for one in (whole, windows)]
    assert np.allclose(*maps, atol=1e-4)


def test_the_card_says_what_the_uncertainty_is(tmp_path):
    assert "the probability that the mask is wrong" in write(tmp_path / "views").card()


def test_a_network_that_is_none_of_views_tells_no_uncertainty(tmp_path):
    with pytest.raises(BundleError, match="not a mask and its uncertainty"):
        Bundle.write(tmp_path / "views", manifest(strategy="views"), small_network().state_dict())


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    root, folder = write_pairs(tmp_path_factory.mktemp("pairs"), ("a", "b", "c")), tmp_path_factory.mktemp("views")
    words = [
        *("train", "views", "--config", str(VIEWS.configs / "liver-views.yaml")),
        *(f"--data.root={root}", '--data.train=["a","b"]', '--data.validation=["c"]', f"--data.cache={root / 'cache'}"),
        *(f"--run_folder={folder / 'run'}", f"--bundle.folder={folder / 'bundle'}"),
        *(word for word in QUICK if not word.startswith("--model.arguments")),
        *(LAYOUT, "--trainer.check_val_every_n_epoch=1", "--data.patches_per_epoch=2", "--average_decay=0"),
    ]
    main([*words, "--model.confidence_share=0"])
    kept = {name: value.clone() for name, value in VIEWS.kept(folder / "run", LAST)[0].network.state_dict().items()}
    more = [word.replace("max_steps=4", "max_steps=8") for word in words]
    main([*more, "--model.confidence_share=0.5"])
    return folder, kept, VIEWS.kept(folder / "run", LAST)[0].network.state_dict()


def test_the_last_part_of_a_training_changes_only_how_sure_the_views_are(trained):
    _, before, after = trained
    changed = {name.partition(".")[0] for name, value in after.items() if not torch.equal(value, before[name])}
    assert changed == {"confidence"}


def test_a_training_leaves_a_model_that_runs_like_any_other(trained, images):
    bundle = Bundle.load(trained[0] / "bundle")
    assert bundle.strategy == "views" and bundle.network_spec.name == "views-unet"
    result = segment(*images, [bundle], OPTIONS)
    found = sitk.GetArrayFromImage(result.t2.uncertainty)
    assert found.min() >= 0 and found.max() <= 1 and OF_VIEWS.format("T2") in result.notes


def test_every_view_begins_with_the_share_of_the_liver():
    """The log-odds of 0.2 are -log 4."""
    task = ViewsTask(arguments={"widths": [4, 8], "strides": [[1, 2, 2]], "normalization": "group"}, share=0.2)
    assert [head.bias.item() for head in task.network.heads] == pytest.approx([-float(np.log(4))] * 3)


def test_a_share_that_leaves_no_step_for_the_views_is_refused(tmp_path, capsys):
    words = ["train", "views", "--config", str(VIEWS.configs / "liver-views.yaml"), f"--run_folder={tmp_path}"]
    assert main([*words, "--model.confidence_share=1"])
    assert "from 0 to below 1, not 1" in capsys.readouterr().err
