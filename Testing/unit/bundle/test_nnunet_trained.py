"""An nnU-Net that nnU-Net itself planned and trained here on phantoms: imported, and run as nnU-Net runs it."""

import pytest
import SimpleITK as sitk
import torch
from nnunet_factory import own_prediction, phantom, train

from liverpair.bundle import Catalogue
from liverpair.core.errors import Cancelled, no_progress
from liverpair.core.geometry import Grid
from liverpair.core.lesions import read_lesions
from liverpair.core.sides import Side
from liverpair.jobs.jobs import JOBS
from liverpair.segmentation.foreign import probability_of

pytest.importorskip("nnunetv2", reason="nnunetv2 is not installed")
CPU = torch.device("cpu")
TURNED = (0, -1, 0, 1, 0, 0, 0, 0, 1)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return train(tmp_path_factory.mktemp("nnunet"), iterations=25, epochs=1)


@pytest.fixture
def liver(results):
    return Catalogue().import_foreign(results, "theirs", liver="liver,lesion", lesions="lesion")[0]


@pytest.mark.parametrize("mirror", [False, True])
def test_the_mask_is_that_of_nnunet_itself(results, liver, mirror):
    image, true = phantom(7)
    expected = own_prediction(results, image, mirror=mirror) > 0
    found, engine, notes = probability_of(liver, image, CPU, mirror=mirror)
    assert Grid.of(found).same_as(Grid.of(image)) and engine.name == "nnU-Net-fp32" and not notes
    mask = sitk.GetArrayFromImage(found) > 0.5
    assert expected.any() and (mask != expected).mean() < 1e-3
    inside = sitk.GetArrayFromImage(true) > 0
    assert 2 * (mask & inside).sum() / (mask.sum() + inside.sum()) > 0.7
    assert liver.manifest["mirror_axes"] == ["x", "y", "z"]


def test_segment_and_detect_run_it_in_both_images(results, liver, tmp_path):
    request = {"device": "cpu"}
    for number, (side, direction) in enumerate(zip(Side, ((1, 0, 0, 0, 1, 0, 0, 0, 1), TURNED))):
        image, labels = phantom(20 + number, direction)
        sitk.WriteImage(image, str(tmp_path / f"{side}.nii.gz"))
        sitk.WriteImage(sitk.Cast(labels > 0, sitk.sitkUInt8), str(tmp_path / f"{side}_liver.nii.gz"))
        request[side] = str(tmp_path / f"{side}.nii.gz")
    told = []
    result = JOBS["segment"](
        {**request, "model": ["theirs"], "output": str(tmp_path / "out")}, lambda *event: told.append(event)
    )
    assert any("Segmenting window" in message for _, message in told)
    assert [fraction for fraction, _ in told] == sorted(fraction for fraction, _ in told)
    assert result["t1"]["volume_ml"] == pytest.approx(result["t2"]["volume_ml"], rel=0.3)
    livers = {f"{side}_liver": str(tmp_path / f"{side}_liver.nii.gz") for side in Side}
    found = JOBS["detect"](
        {**request, **livers, "model": "theirs-lesions", "output": str(tmp_path / "found"), "correspondence": False},
        no_progress,
    )
    assert found["masks"] and len(read_lesions(found["lesions"])) == found["pairs"]


def test_it_stops_between_windows_and_can_be_run_again(liver):
    image, _ = phantom(3)
    windows = []

    def stop(_, message):
        if "window" in message:
            windows.append(message)
            raise Cancelled

    with pytest.raises(Cancelled):
        probability_of(liver, image, CPU, progress=stop)
    assert len(windows) == 1
    assert sitk.GetArrayFromImage(probability_of(liver, image, CPU)[0]).any()
