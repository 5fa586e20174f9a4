"""Dream experiments on a folder of the user's own: CT as in LiTS, photographs as in COCO."""

import json

import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image

from liverpair.core.errors import InputError
from reproduction.__main__ import main
from reproduction.training.own_slices import cases_of, slices_of, split_of, without_objects

SIDE, HEIGHT = 72, 6


def write_volume(folder, number, suffix=".nii"):
    """A liver of 60 HU in a body of 0, and in the lower slices a tumor of 20 HU, 12 × 12 voxels of 1.5 mm."""
    random = np.random.default_rng(number)
    labels = np.zeros((HEIGHT, SIDE, SIDE), np.uint8)
    labels[:, 8:64, 8:64] = 1
    labels[:3, 20:32, 30:42] = 2
    image = np.choose(labels, (0.0, 60.0, 20.0)) + 5 * random.standard_normal(labels.shape)
    for name, array in (("volume", image.astype(np.int16)), ("segmentation", labels)):
        made = sitk.GetImageFromArray(array)
        made.SetSpacing((1.5, 1.5, 6.0))
        sitk.WriteImage(made, folder / f"{name}-{number}{suffix}")


@pytest.fixture(scope="module")
def ct(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lits")
    for number in (2, 10, 3, 1):
        write_volume(folder, number, ".nii.gz" if number == 3 else ".nii")
    return folder


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    """Four photographs of 128 × 96 pixels; a cat in the first two, a car, which does not count, in all but the last."""
    folder = tmp_path_factory.mktemp("coco")
    random = np.random.default_rng(0)
    images, annotations = [], []
    for number in range(1, 5):
        pixels = random.integers(100, 140, (96, 128, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
        images.append({"id": number, "file_name": f"{number}.png"})
        corners = {"image_id": number, "segmentation": [[10, 20, 40, 20, 40, 60, 10, 60]]}
        annotations += [corners | {"category_id": 17}] if number < 3 else []
        annotations += [corners | {"category_id": 3}] if number < 4 else []
    categories = [{"id": 17, "name": "cat"}, {"id": 3, "name": "car"}]
    content = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "annotations.json").write_text(json.dumps(content))
    return folder


def test_ct_is_read_with_its_tumors_and_split_by_volume(ct):
    assert cases_of(ct) == ["1", "2", "3", "10"] and split_of(ct) == (["1", "2"], ["3"], ["10"])
    slices = slices_of(ct, "3")
    assert slices.spacing_mm == (1.5, 1.5) and len(slices.images) == HEIGHT
    assert slices.labels.max() == 1 and (slices.labels > 0).sum() == 3 * 12 * 12
    assert slices.livers.sum() == HEIGHT * 56 * 56
    inside = slices.images[slices.livers & (slices.labels == 0)].astype(float)
    assert inside.mean() == pytest.approx((60 + 100) / 350, abs=0.02)
    assert len(without_objects(slices).images) == 3 and not without_objects(slices).labels.any()


def test_photographs_are_read_with_their_cats_and_dogs(photographs):
    slices = slices_of(photographs, "1")
    assert slices.images.shape == (1, 192, 256) and slices.livers.all()
    assert (slices.labels > 0).sum() == pytest.approx(60 * 80, rel=0.05)
    assert not slices_of(photographs, "3").labels.any()
    with pytest.raises(InputError, match="shows an object"):
        without_objects(slices)


def test_a_folder_that_holds_neither_is_refused_in_a_sentence(tmp_path, capsys):
    words = ["dream-fake", "--own-data", str(tmp_path), f"--runs={tmp_path}", f"--results={tmp_path}"]
    assert main(words) == 1
    assert "holds 0 volumes or photographs; 3 are needed" in capsys.readouterr().err
    (tmp_path / "annotations.json").write_text("[]")
    assert main(words) == 1
    assert "not in COCO's format" in capsys.readouterr().err


@pytest.mark.parametrize(("name", "kind"), [("dream-fake", "ct"), ("dream-radiomics", "photographs")])
def test_dream_experiments_run_on_a_folder_of_ones_own(name, kind, tmp_path, request):
    folder = request.getfixturevalue(kind)
    words = [name, "--smoke", f"--own-data={folder}", f"--runs={tmp_path / 'runs'}", f"--results={tmp_path}"]
    assert main([*words, "--trainer.enable_progress_bar=false", "--trainer.precision=32-true"]) == 0
    content = json.loads((tmp_path / f"{name}.json").read_text())
    assert content["data"].startswith(folder.name) and len(content["table"]) in (2, 8)
    assert (tmp_path / "runs" / "own" / "lesion-slices-t1" / "bundle.json").is_file()
