"""Networks on slices, and views that are fused: what they see, and weights and uncertainties computed by hand."""

import pytest
import torch

from liverpair.networks import build
from liverpair.networks.slice_unet import SliceUNet
from liverpair.networks.views_unet import ViewsUNet, fused, weights_of

SMALL = {"widths": [4, 8], "strides": [[1, 2, 2]], "normalization": "group"}


def views(*values: float) -> torch.Tensor:
    """What the views say of one voxel."""
    return torch.tensor(values).reshape(1, -1, 1, 1, 1)


@pytest.mark.parametrize(
    ("view", "axis", "multiple"), [("axial", 0, (1, 2, 2)), ("coronal", 1, (1, 1, 2)), ("sagittal", 2, (1, 2, 1))]
)
def test_slices_are_cut_along_their_axis_and_stacked_again(view, axis, multiple):
    network = SliceUNet(view=view, **SMALL).eval()
    volume = torch.rand(2, 1, 4, 6, 8)
    slices = network.cut(volume)
    assert torch.equal(slices[1, 0], volume[0, 0].select(axis, 1))
    assert torch.equal(network.stacked(slices, 2), volume)
    assert network(volume).shape == volume.shape and network.multiple_of == multiple


def test_a_slice_has_its_neighbors_as_channels_and_at_the_end_itself():
    network = SliceUNet(slices=3, **SMALL)
    volume = torch.arange(3.0).reshape(1, 1, 3, 1, 1).expand(1, 1, 3, 2, 2)
    assert network.cut(volume)[:, :, 0, 0].tolist() == [[0, 0, 1], [0, 1, 2], [1, 2, 2]]


def test_a_network_on_slices_knows_nothing_of_the_others():
    network = SliceUNet(**SMALL).eval()
    volume = torch.rand(1, 1, 4, 6, 8)
    changed = volume.clone()
    changed[:, :, 2] = 0
    differs = (network(volume) != network(changed)).flatten(3).any(3).squeeze()
    assert differs.tolist() == [False, False, True, False]


def test_how_sure_views_are_by_hand():
    """Of p = 0.9: |2p - 1| = 0.8; the entropy is 0.469 bits; a variance of 0.1 leaves 0.9, and 0.8 to be right."""
    p = views(0.9)
    assert [float(one) for one in weights_of(p, "mean")] == pytest.approx([1, 0.9])
    assert [float(one) for one in weights_of(p, "probability")] == pytest.approx([0.8, 0.9])
    assert [float(one) for one in weights_of(p, "entropy")] == pytest.approx([0.531, 0.7655], abs=1e-4)
    assert [float(one) for one in weights_of(p, "dropout", variance=views(0.1))] == pytest.approx([0.9, 0.8])
    assert [float(one) for one in weights_of(p, "confidence", sure=views(0.7))] == pytest.approx([0.7, 0.7])


def test_views_are_fused_by_hand():
    """0.9 with the weight 0.8 and 0.4 with 0.2: 0.8; the second disagrees: 1 - (0.8 · 0.9 + 0.2 · (1 - 0.6)) = 0.2."""
    mask, uncertainty = fused(views(0.9, 0.4), "probability")
    assert float(mask) == pytest.approx(0.8, abs=1e-5) and float(uncertainty) == pytest.approx(0.2, abs=1e-5)
    mask, uncertainty = fused(views(0.9, 0.3), "confidence", views(0.6, 0.2))
    assert float(mask) == pytest.approx(0.75, abs=1e-5)
    assert float(uncertainty) == pytest.approx(1 - (0.75 * 0.6 + 0.25 * 0.8), abs=1e-5)


def test_the_mean_of_views_is_as_uncertain_as_its_probability():
    mask, uncertainty = fused(views(0.9, 0.3, 0.6), "mean")
    assert float(mask) == pytest.approx(0.6, abs=1e-5) and float(uncertainty) == pytest.approx(0.4, abs=1e-5)


def test_views_that_know_nothing_are_averaged():
    assert float(fused(views(0.5, 0.5), "probability")[0]) == pytest.approx(0.5)


@pytest.mark.parametrize("fusion", ["mean", "probability", "entropy", "dropout", "confidence"])
def test_every_fusion_gives_a_mask_and_its_uncertainty_the_same_each_time(fusion):
    network = ViewsUNet(fusion=fusion, **SMALL).eval()
    volume = torch.rand(1, 1, 4, 6, 8)
    found = network(volume)
    assert found.shape == (1, 2, 4, 6, 8) and torch.equal(found, network(volume))
    assert torch.isfinite(found).all() and network.multiple_of == (1, 2, 2)


def test_one_view_is_fused_to_itself():
    network = ViewsUNet(views=["coronal"], fusion="mean", **SMALL).eval()
    volume = torch.rand(1, 1, 4, 6, 8)
    assert torch.allclose(network(volume)[:, :1], network.networks[0](volume), atol=1e-4)


def test_without_dropout_passes_do_not_vary():
    network = ViewsUNet(dropout=0.0, **SMALL).eval()
    assert network.variance(torch.rand(1, 1, 4, 6, 8)).max() < 1e-6
    network.load_state_dict(ViewsUNet(dropout=0.5, **SMALL).state_dict())
    assert network.variance(torch.rand(1, 1, 4, 6, 8)).max() > 1e-6


def test_frozen_views_learn_nothing_but_how_sure_to_be():
    network = ViewsUNet(**SMALL)
    logits, sure = network.of_views(torch.rand(1, 1, 4, 6, 8), frozen=True)
    assert not logits.requires_grad
    sure.sum().backward()
    learned = {name.partition(".")[0] for name, one in network.named_parameters() if one.grad is not None}
    assert learned == {"confidence"}


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("views-unet", {"fusion": "vote"}, "not 'vote'"),
        ("views-unet", {"views": ["axial", "axial"]}, "each once"),
        ("views-unet", {"out_channels": 2}, "one mask"),
        ("views-unet", {"passes": 1}, "2 passes"),
        ("views-unet", {"stem_stride": [1, 2, 2]}, "no stem_stride"),
        ("slice-unet", {"view": "oblique"}, "not 'oblique'"),
        ("slice-unet", {"slices": 2}, "odd number"),
        ("slice-unet", {"strides": [[2, 2]]}, "three numbers"),
    ],
)
def test_what_means_nothing_is_refused(name, arguments, said):
    with pytest.raises(ValueError, match=said):
        build(name, arguments)
