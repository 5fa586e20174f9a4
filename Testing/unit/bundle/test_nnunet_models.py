"""The results folder of an nnU-Net: what is refused before anything of it runs, and how labels are named."""

import json
import os
import pickle
import sys

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from nnunet_factory import ARCHITECTURE, CONFIGURATION, DATASET, PLANS, own_prediction, phantom, write_folder

from liverpair.bundle import Bundle, Catalogue
from liverpair.bundle.nnunet import channels_of, nnunet_manifest
from liverpair.bundle.totalsegmentator import installed_models
from liverpair.core.errors import BundleError, InputError, MissingPackageError
from liverpair.core.geometry import Grid
from liverpair.core.sides import Side
from liverpair.segmentation import foreign
from liverpair.segmentation.foreign import loaded
from liverpair.segmentation.inference import segment

PAIRED = {**DATASET, "channel_names": {"0": "MRI", "1": "MRI of the other weighting"}}


def changed(**configuration):
    return {**PLANS, "configurations": {"3d_fullres": {**CONFIGURATION, **configuration}}}


def with_layer(**arguments):
    return changed(architecture={**ARCHITECTURE, "arch_kwargs": {**ARCHITECTURE["arch_kwargs"], **arguments}})


def test_a_manifest_tells_spacing_license_and_label(tmp_path):
    source = write_folder(tmp_path / "nnUNetTrainer__nnUNetPlans__3d_fullres")
    manifest = nnunet_manifest(source, tmp_path / "model", "mine", "lesion", lesions=True, input_="t2")
    assert manifest["grid"]["spacing_mm"] == [2.0, 1.5, 3.0] and manifest["training"]["license"] == "CC0"
    assert manifest["foreign"]["channels"] == [2] and manifest["detection"]["images"] == [1]
    assert sorted(path.name for path in (tmp_path / "model").rglob("*.*")) == [
        "checkpoint_final.pth",
        "dataset.json",
        "plans.json",
    ]
    swapped = {**PLANS, "transpose_forward": [2, 0, 1]}  # the third axis of (z, y, x), that is x, comes first
    source = write_folder(tmp_path / "swapped", swapped)
    assert nnunet_manifest(source, tmp_path / "m", "mine", "1", copy=False)["grid"]["spacing_mm"] == [3.0, 2.0, 1.5]


@pytest.mark.parametrize(
    ("input_", "inputs"), [("either", ["T1 or T2"] * 2), ("t1", ["T1", "T2"]), ("t2", ["T2", "T1"])]
)
def test_a_network_of_two_images_segments_the_first_and_looks_at_the_second(tmp_path, monkeypatch, input_, inputs):
    source = write_folder(tmp_path / "theirs", dataset=PAIRED)
    bundle = Catalogue().import_foreign(source, "theirs", liver="liver", input_=input_, trial=False)[0]
    assert (bundle.strategy, bundle.inputs) == ("double-in", inputs)
    seen = []

    def model(images, mirror, progress):
        """What both images show; nothing where only the first is."""
        seen.append([Grid.of(image).same_as(Grid.of(images[0])) for image in images])
        return sitk.Cast((images[0] > 70) & (images[1] > 70), sitk.sitkFloat32)

    monkeypatch.setattr(foreign, "loaded", lambda bundle, device: foreign.ForeignPredictor(bundle, device, model))
    t1, labels = phantom(3)
    t2 = sitk.Resample(t1, (36, 30, 30), sitk.Transform(), sitk.sitkLinear, (4.0, 8.0, 0.0), (2.0, 2.0, 2.5))
    result = segment(t1, t2, [bundle])
    assert all(all(grids) and len(grids) == 2 for grids in seen)
    masked = [side for side in Side if getattr(result, side) is not None]
    assert [side.title for side in masked] == (["T1", "T2"] if input_ == "either" else inputs[:1])
    if Side.T1 in masked:
        found = sitk.GetArrayFromImage(result.t1.liver)
        assert 0.9 < found.sum() / (sitk.GetArrayFromImage(labels) > 0).sum() < 1.05
    with pytest.raises(InputError, match="expects T1 and T2; T2 is not given"):
        segment(t1, None, [bundle])


def test_lesions_in_two_images_at_once_are_refused(tmp_path):
    source = write_folder(tmp_path / "theirs", dataset=PAIRED)
    with pytest.raises(BundleError, match="takes 2 images at once; LiverPair runs models of others that take one, and"):
        Catalogue().import_foreign(source, "theirs", lesions="lesion")


def test_labels_are_names_or_numbers_and_regions_have_their_own_channels():
    assert channels_of(DATASET, "liver, 2", "x") == [1, 2]
    gaps = {"labels": {"background": 0, "liver": 5, "spleen": 1}}
    assert channels_of(gaps, "liver", "x") == [2] and channels_of(gaps, "1", "x") == [1]
    regions = {"labels": {"background": 0, "liver": [1, 2], "lesion": 2}}
    assert channels_of(regions, "liver", "x") == [0] and channels_of(regions, "lesion", "x") == [1]
    with pytest.raises(BundleError, match=r"no label 'spleen'; it has liver \(1\), lesion \(2\)"):
        channels_of(DATASET, "spleen", "x")


class Evil:
    def __reduce__(self):
        return os.system, ("touch /tmp/liverpair-was-here",)


@pytest.mark.parametrize(
    ("plans", "dataset", "sentence"),
    [
        (with_layer(conv_op="os.system"), DATASET, "its plans name 'os.system' as a layer"),
        (changed(architecture={**ARCHITECTURE, "network_class_name": "subprocess.Popen"}), DATASET, "does not bring"),
        (changed(previous_stage="3d_lowres"), DATASET, "the second stage of a cascade"),
        (changed(spacing="fine"), DATASET, "plans.json in 'theirs' gives no spacing"),
        ({"configurations": {}}, DATASET, "plans.json in 'theirs' has no configurations"),
        ({**PLANS, "image_reader_writer": "NaturalImage2DIO"}, DATASET, "reads its images with 'NaturalImage2DIO'"),
        (PLANS, {**DATASET, "channel_names": {"0": "T1", "1": "T2", "2": "DWI"}}, "takes 3 images at once"),
        (PLANS, {"channel_names": {"0": "T1"}}, "names no labels"),
    ],
)
def test_plans_that_could_run_a_program_or_cannot_run_are_refused(tmp_path, plans, dataset, sentence):
    source = write_folder(tmp_path / "theirs", plans, dataset)
    with pytest.raises(BundleError, match=sentence) as refused:
        Catalogue().import_foreign(source, "theirs", liver="liver")
    assert "\n" not in str(refused.value) and not list(Catalogue().user_root.iterdir())


def test_a_checkpoint_with_code_or_without_a_fold_is_refused(tmp_path):
    source = write_folder(tmp_path / "theirs")
    checkpoint = source / "fold_0" / "checkpoint_final.pth"
    for protocol in (2, 4):
        checkpoint.write_bytes(pickle.dumps({"network_weights": Evil()}, protocol))
        with pytest.raises(BundleError, match="theirs' (are refused: 'checkpoint_final.pth'|cannot be read)"):
            Catalogue().import_foreign(source, "theirs", liver="liver")
    torch.save({"network_weights": {"a": torch.zeros(1)}, "init_args": Evil()}, checkpoint)
    with pytest.raises(BundleError, match="are refused: 'checkpoint_final.pth' holds more than numbers"):
        Catalogue().import_foreign(source, "theirs", liver="liver")
    assert not os.path.exists("/tmp/liverpair-was-here")
    torch.save({"network_weights": {"a": torch.full((1,), float("nan"))}}, checkpoint)
    with pytest.raises(BundleError, match="not all finite: 'a' holds NaN"):
        Catalogue().import_foreign(source, "theirs", liver="liver")
    torch.save([1, 2], checkpoint)
    with pytest.raises(BundleError, match="is no checkpoint of nnU-Net v2"):
        Catalogue().import_foreign(source, "theirs", liver="liver")
    (source / "fold_1").mkdir()
    with pytest.raises(BundleError, match="'fold_1' of 'theirs' has no checkpoint_final.pth or checkpoint_best.pth"):
        Catalogue().import_foreign(source, "theirs", liver="liver")
    checkpoint.unlink()
    for fold in ("fold_0", "fold_1"):
        (source / fold).rmdir()
    with pytest.raises(BundleError, match="'theirs' has no fold_0, fold_1 … with the weights."):
        Catalogue().import_foreign(source, "theirs", liver="liver")
    (source / "dataset.json").unlink()
    with pytest.raises(BundleError, match="'theirs' has no dataset.json"):
        Catalogue().import_foreign(source, "theirs", liver="liver")
    assert not list(Catalogue().user_root.iterdir())


def test_without_nnunet_it_is_imported_and_one_sentence_says_what_running_needs(tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "nnunetv2"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "nnunetv2", None)
    bundle = Catalogue().import_foreign(write_folder(tmp_path / "theirs"), "theirs", liver="liver")[0]
    with pytest.raises(MissingPackageError, match="needs the package 'nnunetv2'. Install it with 'pip"):
        loaded(bundle, torch.device("cpu"))


def test_weights_of_other_shapes_are_refused(tmp_path):
    pytest.importorskip("nnunetv2", reason="nnunetv2 is not installed")
    from liverpair.engine.nnunet_engine import build_network

    weights = build_network(PLANS, DATASET, "3d_fullres").state_dict()
    name = next(iter(weights))
    for wrong in ({**weights, name: torch.zeros(1)}, {k: v for k, v in weights.items() if k != name}):
        source = write_folder(tmp_path / str(len(wrong)), weights=wrong)
        with pytest.raises(BundleError, match=f"do not fit its network: of checkpoint 1, '{name}' is"):
            Catalogue().import_foreign(source, "theirs", liver="liver")
    odd = write_folder(tmp_path / "odd", with_layer(n_stages=99), weights=weights)
    with pytest.raises(BundleError, match="do not fit its network: its plans do not make a network"):
        Catalogue().import_foreign(odd, "theirs", liver="liver")


@pytest.mark.parametrize("dataset", [DATASET, PAIRED])
@pytest.mark.parametrize(("label", "values"), [("liver,lesion", (1, 2)), ("liver", (1,)), ("2", (2,))])
def test_the_mask_is_that_of_nnunet_itself_whatever_its_axes(tmp_path, label, values, dataset):
    """Of a network with random weights, whose plans turn the axes around."""
    pytest.importorskip("nnunetv2", reason="nnunetv2 is not installed")
    from liverpair.engine.nnunet_engine import build_network

    both = len(dataset["channel_names"])
    turned = changed(
        spacing=[2.5, 3.0, 2.0], normalization_schemes=["ZScoreNormalization"] * both, use_mask_for_norm=[False] * both
    ) | {"transpose_forward": [2, 0, 1], "transpose_backward": [1, 2, 0]}
    turned["foreground_intensity_properties_per_channel"] = {str(one): {"mean": 1.0, "std": 1.0} for one in range(both)}
    torch.manual_seed(1)
    network = build_network(turned, dataset, "3d_fullres")
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.3) if parameter.ndim > 1 else None
    source = write_folder(tmp_path / "theirs", turned, dataset, network.state_dict())
    bundle = Catalogue().import_foreign(source, "theirs", liver=label)[0]
    assert bundle.manifest["mirror_axes"] == ["x", "y", "z"] and bundle.grid.spacing_mm == (2.5, 2.0, 3.0)
    images = [phantom(seed)[0] for seed in (3, 4)[:both]]
    expected = np.isin(own_prediction(source, *images), values)
    found, engine, notes = loaded(bundle, torch.device("cpu")).probability(images[0], others=images[1:])
    assert expected.any() and not expected.all() and (engine.name, notes) == ("nnU-Net-fp32", [])
    assert ((sitk.GetArrayFromImage(found) > 0.5) != expected).mean() < 2e-3


def test_what_totalsegmentator_keeps_here_is_offered_with_its_license(tmp_path, monkeypatch):
    assert not list(installed_models())
    monkeypatch.setenv("TOTALSEG_WEIGHTS_PATH", str(tmp_path))
    name = "nnUNetTrainer_DASegOrd0__nnUNetPlans__3d_fullres"
    write_folder(tmp_path / "Dataset850_TotalSegMRI_part1_organs_1088subj" / name)
    write_folder(tmp_path / "Dataset589_ct_mri_liver_lesions_750subj" / name)
    segments = {"background": 0, **{f"liver_segment_{number}": number for number in range(1, 9)}}
    write_folder(tmp_path / "Dataset576_mri_liver_segments_123subj" / name, dataset={**DATASET, "labels": segments})
    bundles = {bundle.name: bundle for bundle in Catalogue().list() if bundle.foreign}
    names = ("liver", "liver-lesions", "liver-segments")
    assert sorted(bundles) == [f"totalsegmentator-mr-{name}" for name in names]
    assert bundles["totalsegmentator-mr-liver-segments"].foreign.channels == list(range(1, 9))
    lesions = Catalogue().find("totalsegmentator-mr-liver-lesions")
    assert lesions.task == "detection" and lesions.foreign.near_liver_mm == 3.0
    assert "Apache-2.0" in lesions.card() and isinstance(lesions, Bundle)
    with pytest.raises(BundleError, match="cannot be deleted"):
        Catalogue().delete("totalsegmentator-mr-liver")
    broken = tmp_path / "Dataset850_TotalSegMRI_part1_organs_1088subj" / name / "dataset.json"
    broken.write_text(json.dumps({**DATASET, "labels": {"background": 0, "spleen": 1}}))
    assert any("has no label 'liver'" in problem for problem in Catalogue().problems().values())
