"""Dreams on networks of nnU-Net and MONAI: what they see lies where the image has it, and a neuron's answer rises."""

import json

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from dream_job_factory import short_request, write_patient
from monai_factory import write_monai_bundle
from nnunet_factory import DATASET, PLANS, write_folder

from liverpair.bundle import Catalogue
from liverpair.core.errors import BundleError, no_progress
from liverpair.core.sides import Side
from liverpair.dreaming.dreamer import Dreamer
from liverpair.dreaming.foreign_dream import ForeignNetwork
from liverpair.dreaming.subject import prepare_subject
from liverpair.io.study import read_image
from liverpair.jobs.jobs import JOBS


@pytest.fixture(scope="module")
def patient(tmp_path_factory):
    folder = tmp_path_factory.mktemp("patient")
    return folder, write_patient(folder)


@pytest.fixture(params=["MONAI", "nnU-Net"])
def model(request, tmp_path):
    """A model of lesions; that of nnU-Net has random weights and turns the axes around."""
    if request.param == "MONAI":
        return Catalogue().import_foreign(write_monai_bundle(tmp_path / "bright"), "spots", lesions="lesion")[0]
    pytest.importorskip("nnunetv2", reason="nnunetv2 is not installed")
    from liverpair.engine.nnunet_engine import build_network

    turned = {**PLANS, "transpose_forward": [2, 0, 1], "transpose_backward": [1, 2, 0]}
    torch.manual_seed(3)
    network = build_network(turned, DATASET, "3d_fullres")
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.3) if parameter.ndim > 1 else None
    source = write_folder(tmp_path / "theirs", turned, weights=network.state_dict())
    return Catalogue().import_foreign(source, "spots", lesions="lesion")[0]


def test_what_the_network_sees_lies_where_the_image_has_it(model, patient):
    image, liver = (read_image(patient[1][part]) for part in ("t1", "t1_liver"))
    subject = prepare_subject(model, {Side.T1: image}, {Side.T1: liver})
    seen = subject.to_image(subject.image)
    own = sitk.Resample(sitk.Cast(image, sitk.sitkFloat32), seen)
    inner = (slice(1, -1),) * 3
    seen, own = (sitk.GetArrayFromImage(one)[inner] for one in (seen, own))
    assert np.corrcoef(seen.ravel(), own.ravel())[0, 1] > 0.99 and abs(seen - own).mean() < 0.1 * own.std()
    assert subject.liver.any() and subject.image.min() >= -0.01 and subject.image.max() <= 1.01
    dreamer = Dreamer(model, "cpu", "fp32")
    answer = dreamer.respond(dreamer.padded(subject.channels))
    assert answer.shape[0] == 1 and all(n >= m for n, m in zip(answer.shape[1:], subject.space))


def test_a_dream_raises_the_answer_of_a_neuron(model, patient, tmp_path):
    folder, parts = patient
    request = short_request(folder, tmp_path / "dream") | {"model": "spots", "t1_liver": parts["t1_liver"]}
    request |= {"iterations": 6, "frames": [0, 6], "features": ["firstorder_Mean"], "baselines": ["random-weights"]}
    JOBS["dream"](request, no_progress)
    lines = [line.split(",") for line in (tmp_path / "dream" / "trajectories.csv").read_text().splitlines()]
    column, kind = lines[0].index("activation"), lines[0].index("run")
    activations = [float(line[column]) for line in lines[1:] if line[kind] == "dream"]
    assert activations[-1] > activations[0]
    assert json.loads((tmp_path / "dream" / "dream.json").read_text())["provenance"]["bundle"] == "spots"


def test_torchscript_has_no_untrained_self(tmp_path, patient):
    source = write_monai_bundle(tmp_path / "scripted", script=True)
    bundle = Catalogue().import_foreign(source, "scripted", liver="liver")[0]
    with pytest.raises(BundleError, match="is TorchScript, of which there is no untrained one"):
        Dreamer(bundle, "cpu", "fp32").randomized(0)


def test_axes_units_and_outputs_of_a_network_are_those_of_the_image():
    """Its only output adds up its own first axis: the image's last."""

    class Sums(torch.nn.Module):
        def forward(self, x):
            return torch.cumsum(x, dim=2)

    image = torch.rand(1, 1, 2, 3, 4)
    network = ForeignNetwork(Sums(), (2.0, 1.0), [0], False, axes=(2, 0, 1))
    assert torch.allclose(network(image), torch.cumsum(2 * image + 1, dim=4))
    two = torch.nn.Conv3d(1, 2, 1)
    between = ForeignNetwork(two, (1.0, 0.0), [1], True)
    answer = two(image)
    assert torch.allclose(between(image), answer[:, 1:] - answer[:, :1], atol=1e-6)
