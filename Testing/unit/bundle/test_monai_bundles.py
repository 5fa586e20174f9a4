"""A MONAI bundle that MONAI wrote: imported, run by `segment` and `detect`; what could run a program is refused."""

import json
import os
import pickle

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from monai_factory import write_monai_bundle
from peak_study import PEAKS, SHIFT, T2_GRID, write_volumes

from liverpair import cli
from liverpair.bundle import Catalogue
from liverpair.core.errors import BundleError, no_progress
from liverpair.core.lesions import read_lesions
from liverpair.core.sides import Side
from liverpair.jobs.jobs import JOBS


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return write_monai_bundle(tmp_path_factory.mktemp("monai") / "bright")


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    return folder, write_volumes(folder)


def import_words(source, *more):
    return ["models", "import", str(source), "--name", "bright", *more]


def test_the_liver_of_a_monai_bundle_lies_where_the_volume_has_it(source, study, tmp_path, capsys):
    """T2 is oblique, and the network has its own orientation and spacing."""
    assert cli.main(import_words(source, "--liver", "liver", "--lesions", "lesion")) == 0
    assert "Model 'bright' 1 is imported." in capsys.readouterr().out
    assert [bundle.name for bundle in Catalogue().list() if bundle.foreign] == ["bright", "bright-lesions"]
    _, parts = study
    request = {"t1": parts["t1"], "t2": parts["t2"], "model": ["bright"], "device": "cpu"}
    told = []
    result = JOBS["segment"](
        {**request, "output": str(tmp_path / "out"), "probability": True}, lambda *event: told.append(event)
    )
    assert [fraction for fraction, _ in told] == sorted(fraction for fraction, _ in told)
    assert any("Segmenting window 2" in message for _, message in told)
    for side in Side:
        found, true = (sitk.ReadImage(path) for path in (result[side]["liver"], parts[f"{side}_liver"]))
        assert found.GetSize() == true.GetSize()
        found, true = (sitk.GetArrayFromImage(image) != 0 for image in (found, true))
        assert 2 * (found & true).sum() / (found.sum() + true.sum()) > 0.9
    assert result["provenance"]["engine"] == "MONAI-fp32" and result["provenance"]["precision"] == "fp32"


def test_its_lesions_are_detected_and_linked(source, study, tmp_path):
    Catalogue().import_foreign(source, "spots", lesions="2")
    _, parts = study
    request = {**parts, "model": "spots", "device": "cpu", "correspondence": False, "output": str(tmp_path / "out")}
    result = JOBS["detect"](request, no_progress)
    pairs = read_lesions(result["lesions"])
    assert [pair.kind for pair in pairs] == ["both", "both"]
    for pair in pairs:
        true = min(PEAKS, key=lambda peak: np.linalg.norm(peak - np.array(pair.box(Side.T1).center_mm)))
        assert pair.box(Side.T1).center_mm == pytest.approx(true, abs=3.0)
        assert pair.box(Side.T2).center_mm == pytest.approx(true + SHIFT, abs=3.0)
        assert 0.5 < pair.score <= 1
    assert sitk.ReadImage(result["masks"]["t2"]).GetSize() == T2_GRID.size


def test_torchscript_and_yaml_give_the_same(source, study, tmp_path):
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    scripted = write_monai_bundle(tmp_path / "scripted", script=True)
    config = scripted / "configs" / "inference.json"
    config.with_suffix(".yaml").write_text(yaml.safe_dump(json.loads(config.read_text())))
    config.unlink()
    _, parts = study
    masks = []
    for folder, name in ((source, "one"), (scripted, "other")):
        Catalogue().import_foreign(folder, name, liver="liver")
        request = {"t1": parts["t1"], "model": [name], "device": "cpu", "output": str(tmp_path / name)}
        masks.append(sitk.GetArrayFromImage(sitk.ReadImage(JOBS["segment"](request, no_progress)["t1"]["liver"])))
    assert (masks[0] == masks[1]).all() and masks[0].any()


def test_a_model_that_is_referred_to_needs_its_folder(tmp_path, capsys):
    source = write_monai_bundle(tmp_path / "there")
    assert cli.main(import_words(source, "--liver", "liver", "--refer", "--input", "t1")) == 0
    bundle = Catalogue().find("bright")
    assert bundle.inputs == ["T1"] and bundle.foreign.folder == str(source) and not (bundle.folder / "model").exists()
    source.rename(tmp_path / "gone")
    with pytest.raises(BundleError, match="'bright' has no file 'configs/metadata.json'. Is '.*there' still there"):
        Catalogue().find("bright")
    capsys.readouterr()
    assert cli.main(["models", "delete", "bright"]) == 0


def test_weights_that_changed_are_not_run(source, study, tmp_path):
    bundle = Catalogue().import_foreign(source, "changed", liver="liver")[0]
    network = torch.nn.Conv3d(1, 3, 1)
    torch.save(network.state_dict(), bundle.folder / "model" / "models" / "model.pt")
    request = {"t1": study[1]["t1"], "model": ["changed"], "device": "cpu", "output": str(tmp_path / "out")}
    with pytest.raises(BundleError, match="'models/model.pt' of model 'changed' does not have the checksum"):
        JOBS["segment"](request, no_progress)


class Evil:
    def __reduce__(self):
        return os.system, ("touch /tmp/liverpair-was-here",)


def with_transform(**transform):
    return {"preprocessing": {"_target_": "Compose", "transforms": [{"keys": "image", **transform}]}}


CONVOLUTION = {"_target_": "torch.nn.Conv3d", "in_channels": 1, "kernel_size": 1}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (with_transform(_target_="Lambdad", func="$print"), "asks for 'Lambdad'"),
        (with_transform(_target_="os.system", command="ls"), "asks for 'os.system'"),
        (with_transform(_target_="subprocess.Popen", args="ls"), "asks for 'subprocess.Popen'"),
        (
            with_transform(_target_="ScaleIntensityd", minv="$__import__('os').getpid()"),
            "asks for '.__import__",
        ),
        (with_transform(_target_="ScaleIntensityd", minv="@bad") | {"bad": "$open('x')"}, "its bad asks for"),
        (
            with_transform(_target_="ScaleIntensityd", _mode_="debug"),
            "asks for '_mode_: debug'",
        ),
        ({"inferer": {"_target_": "monai.bundle.run"}}, "its inferer asks for 'monai.bundle.run'"),
        ({"network_def": {"_target_": "ResNetFeatures", "model_name": "resnet10", "pretrained": True}}, "pretrained"),
        (
            {"network_def": {**CONVOLUTION, "out_channels": 2}},
            "cannot be built",
        ),
        ({"network_def": {"_target_": "torch.nn.NoLayer"}}, "cannot be built from its configuration"),
    ],
)
def test_a_configuration_that_could_run_a_program_or_does_not_fit_is_refused(tmp_path, changes, sentence):
    source = write_monai_bundle(tmp_path / "hostile", **changes)
    with pytest.raises(BundleError, match=sentence) as refused:
        Catalogue().import_foreign(source, "hostile", liver="liver")
    assert "\n" not in str(refused.value)
    assert not list(Catalogue().user_root.iterdir())


def test_a_folder_that_lacks_something_is_refused(tmp_path, source, capsys):
    catalogue = Catalogue()
    evil = write_monai_bundle(tmp_path / "evil")
    (evil / "models" / "model.pt").write_bytes(pickle.dumps(Evil()))
    with pytest.raises(BundleError, match="are refused: 'model.pt' is damaged, or holds more than numbers"):
        catalogue.import_foreign(evil, "evil", liver="liver")
    assert not os.path.exists("/tmp/liverpair-was-here")
    (evil / "models" / "model.pt").unlink()
    with pytest.raises(BundleError, match=r"'evil' has neither models/model.pt nor models/model.ts"):
        catalogue.import_foreign(evil, "evil", liver="liver")
    (evil / "configs" / "inference.json").unlink()
    with pytest.raises(BundleError, match="'evil' has no configs/inference.json or .yaml"):
        catalogue.import_foreign(evil, "evil", liver="liver")
    with pytest.raises(BundleError, match=r"has no label 'spleen'; it has background \(0\), liver \(1\), lesion \(2\)"):
        catalogue.import_foreign(source, "x", liver="spleen")
    with pytest.raises(BundleError, match="It is not said what the model finds."):
        catalogue.import_foreign(source, "x")
    with pytest.raises(BundleError, match="'A b' cannot be the name of a model."):
        catalogue.import_foreign(source, "A b", liver="liver")
    (tmp_path / "empty").mkdir()
    with pytest.raises(BundleError, match="'empty' is a model neither of nnU-Net nor of MONAI."):
        catalogue.import_foreign(tmp_path / "empty", "x", liver="liver")
    catalogue.import_foreign(source, "taken", liver="liver")
    with pytest.raises(BundleError, match="There is already a model 'taken'."):
        catalogue.import_foreign(source, "taken", liver="liver")
    assert cli.main(["models", "import", str(source)]) == 2
    assert "'bright' is a model of another tool. Give it a name with --name." in capsys.readouterr().err
