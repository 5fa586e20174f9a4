"""Studies as a raw dataset of nnU-Net, which nnU-Net itself finds sound."""

import json

import numpy as np
import pytest
import SimpleITK as sitk
from peak_study import write_volumes

from liverpair import cli
from liverpair.core.errors import InputError
from liverpair.core.geometry import Grid
from liverpair.core.sides import Side
from liverpair.io.nnunet_dataset import write_nnunet_dataset


@pytest.fixture(scope="module")
def studies(tmp_path_factory):
    """ "anna" has everything, "bert" no lesions and no liver in T2."""
    folder = tmp_path_factory.mktemp("studies")
    for name in ("anna", "bert"):
        parts = write_volumes(folder / name)
    for side in Side:
        image = sitk.ReadImage(parts[side])
        sitk.WriteImage(sitk.Cast(image > 60, sitk.sitkUInt8) * 7, str(folder / "anna" / f"{side}_lesions.nii.gz"))
    (folder / "bert" / "t2_liver.nii.gz").unlink()
    return folder


def labels_of(folder, case):
    return sitk.ReadImage(str(folder / "labelsTr" / f"{case}.nii.gz"))


def test_livers_of_every_image_that_has_one(studies, tmp_path, capsys):
    assert cli.main(["export", "nnunet", str(studies), "-o", str(tmp_path), "--id", "12", "--name", "Livers"]) == 0
    said = capsys.readouterr().out
    folder = tmp_path / "Dataset012_Livers"
    assert f"3 cases: {folder}" in said and "'bert' has no T2 liver mask: its T2 is left out." in said
    content = json.loads((folder / "dataset.json").read_text())
    assert content["labels"] == {"background": 0, "liver": 1} and content["numTraining"] == 3
    image, labels = sitk.ReadImage(str(folder / "imagesTr" / "anna_t2_0000.nii.gz")), labels_of(folder, "anna_t2")
    assert Grid.of(image).same_as(Grid.of(labels))
    true = sitk.ReadImage(str(studies / "anna" / "t2_liver.nii.gz"))
    assert (sitk.GetArrayFromImage(labels) == sitk.GetArrayFromImage(true)).all()
    assert cli.main(["export", "nnunet", str(studies), "-o", str(tmp_path), "--id", "12", "--name", "Livers"]) == 2
    assert "exists already" in capsys.readouterr().err


def test_lesions_in_livers_and_the_other_image_as_a_second_channel(studies, tmp_path):
    written = write_nnunet_dataset(sorted(studies.iterdir()), tmp_path, "both", (Side.T1,), both_channels=True)
    assert written.cases == ["anna_t1"]
    assert set(np.unique(sitk.GetArrayFromImage(labels_of(written.folder, "anna_t1")))) == {0, 1, 2}
    first, second = (sitk.ReadImage(str(written.folder / "imagesTr" / f"anna_t1_000{n}.nii.gz")) for n in (0, 1))
    assert Grid.of(first).same_as(Grid.of(second)) and sitk.GetArrayFromImage(second).any()
    lesions = write_nnunet_dataset(sorted(studies.iterdir()), tmp_path, "lesions", number=2)
    assert set(np.unique(sitk.GetArrayFromImage(labels_of(lesions.folder, "anna_t2")))) == {0, 1}


def test_what_cannot_be_is_refused_and_leaves_nothing(studies, tmp_path):
    with pytest.raises(InputError, match="No study has what is needed. 'bert' has no T1 lesions"):
        write_nnunet_dataset([studies / "bert"], tmp_path / "out", "lesions")
    with pytest.raises(InputError, match="nnU-Net numbers them from 1 to 999"):
        write_nnunet_dataset([studies / "anna"], tmp_path / "out", number=0)
    with pytest.raises(InputError, match="cannot be the name of a dataset"):
        write_nnunet_dataset([studies / "anna"], tmp_path / "out", name="../up")
    assert not list((tmp_path / "out").glob("*"))


def test_nnunet_finds_the_dataset_sound(studies, tmp_path):
    verify = pytest.importorskip("nnunetv2.experiment_planning.verify_dataset_integrity", reason="no nnunetv2")
    written = write_nnunet_dataset(sorted(studies.iterdir()), tmp_path, "livers")
    verify.verify_dataset_integrity(str(written.folder), num_processes=1)
