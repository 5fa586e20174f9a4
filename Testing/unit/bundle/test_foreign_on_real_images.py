"""Models of other tools on a patient's T1 and T2: imported, run, linked and dreamt on, in the images' own voxels."""

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from monai_factory import write_monai_bundle
from nnunet_factory import DATASET, PLANS, write_folder

from liverpair.bundle import Catalogue
from liverpair.core.errors import no_progress
from liverpair.core.sides import Side
from liverpair.io.study import write_image
from liverpair.jobs.jobs import JOBS
from liverpair.segmentation.foreign import near_mask

MARGIN_MM = 10.0


def nnunet_folder(folder):
    """An nnU-Net with random weights whose first label wins by far: it shows that everything runs."""
    pytest.importorskip("nnunetv2", reason="nnunetv2 is not installed")
    from liverpair.engine.nnunet_engine import build_network

    torch.manual_seed(0)
    return write_folder(folder, PLANS, DATASET, build_network(PLANS, DATASET, "3d_fullres").state_dict())


def monai_folder(folder):
    return write_monai_bundle(folder, liver_from=0.25, lesion_from=0.6)


@pytest.fixture(scope="module")
def case(data_folder, tmp_path_factory):
    """Both volumes of case 10 around the liver, and their livers."""
    source, target = data_folder / "chaos_mr" / "10", tmp_path_factory.mktemp("case")
    parts = {}
    for side in Side:
        liver = sitk.ReadImage(str(source / f"{side}_organs.nii.gz")) == 1
        image = near_mask(sitk.ReadImage(str(source / f"{side}.nii.gz")), liver, MARGIN_MM)
        for part, volume in ((str(side), image), (f"{side}_liver", sitk.Resample(liver, image))):
            parts[part] = str(target / f"{part}.nii.gz")
            write_image(volume, parts[part])
    return parts


@pytest.mark.slow
@pytest.mark.parametrize("make", [monai_folder, nnunet_folder])
def test_a_model_of_another_tool_segments_detects_and_dreams_on_a_patient(case, tmp_path, make):
    Catalogue().import_foreign(make(tmp_path / "theirs"), "theirs", liver="liver", lesions="lesion")
    images = {side: case[side] for side in Side}
    asked = {**images, "model": ["theirs"], "device": "cpu", "probability": True, "output": str(tmp_path / "livers")}
    livers = JOBS["segment"](asked, no_progress)
    for side in Side:
        found, own = sitk.ReadImage(livers[side]["probability"]), sitk.ReadImage(case[side])
        assert found.GetSize() == own.GetSize() and np.allclose(found.GetDirection(), own.GetDirection())
        assert 0 < sitk.GetArrayFromImage(found).mean() < 1
    request = {**case, "model": "theirs-lesions", "device": "cpu", "correspondence": False}
    found = JOBS["detect"]({**request, "output": str(tmp_path / "lesions")}, no_progress)
    assert all(sitk.ReadImage(found["masks"][side]).GetSize() == sitk.ReadImage(case[side]).GetSize() for side in Side)
    liver = sitk.LabelShapeStatisticsImageFilter()
    liver.Execute(sitk.ReadImage(case["t2_liver"]))
    start = {"point_mm": list(liver.GetCentroid(1))}
    dream = JOBS["dream"](
        {"t2": case["t2"], "t2_liver": case["t2_liver"], "side": "t2", "model": "theirs", "starts": [start],
         "features": ["firstorder_Mean"], "iterations": 2, "output": str(tmp_path / "dream")},
        no_progress,
    )  # fmt: skip
    assert dream["runs"][0]["iterations"] >= 1
