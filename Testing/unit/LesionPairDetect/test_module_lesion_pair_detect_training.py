"""What is annotated in the module is what a network is trained on and judged by."""

from pathlib import Path

import paired_lesions_factory as factory
import pytest
import SimpleITK as sitk
from lesion_sections_factory import clean_cache, sections  # noqa: F401

from liverpair.bundle import Bundle
from liverpair.cli import main
from liverpair.core.lesions import read_lesions
from liverpair.core.sides import Side
from liverpair.mrml import layouts, volumes


def show_study(sections, folder: Path) -> None:
    """The images of a study on disk, in the module."""
    folder.mkdir(parents=True)
    nodes = []
    for side, liver in zip(Side, factory.livers()):
        sitk.WriteImage(factory.image(liver, seed=3), folder / f"{side}.nii.gz")
        sitk.WriteImage(liver, folder / f"{side}_liver.nii.gz")
        nodes.append(volumes.node_from_image(sitk.ReadImage(folder / f"{side}.nii.gz"), f"AX {side.title}"))
        nodes[-1].CreateDefaultDisplayNodes()
        setattr(sections.context.parameterNode, f"{side}Volume", nodes[-1])
    layouts.show_pair(*nodes)
    sections.harness.wait()
    layouts.fit_pair(*nodes)


@pytest.mark.training
def test_a_study_annotated_here_trains_a_detector_and_judges_it(sections, tmp_path, capsys):
    studies = tmp_path / "studies"
    show_study(sections, studies / "one")
    sections.harness.app.layoutManager().viewport().show()
    sections.harness.wait()
    sections.press("1")
    sections.drag("T1Axial", (0.42, 0.42), (0.5, 0.52))
    sections.press("3")
    sections.drag("T2Axial", (0.42, 0.42), (0.5, 0.52))
    sections.harness.answer(str(studies / "one" / "lesions.json"))
    sections.click("exportLesionsButton")
    (lesion,) = read_lesions(studies / "one" / "lesions.json")
    assert lesion.kind == "both" and lesion.state == "accepted"
    data = {"root": "", "train": [], "validation": [], "t1_images": [], "studies": str(studies), "pairs_per_epoch": 5}
    reading = {"anchor_sizes": [[2.0, 5.0, 5.0]], "mask": False, "score_floor": 0.0}
    config = factory.write_training(tmp_path, data, reading, 10, monitor="loss")
    assert main(["train", "detection", "--config", str(config)]) == 0
    assert Bundle.load(tmp_path / "bundle").section("training")["train_studies"] == ["one"]
    capsys.readouterr()
    assert main(["evaluate", str(tmp_path / "bundle"), str(studies)]) == 0
    rows = [line.split("|")[1:3] for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    assert ["lesions", "1"] in [[cell.strip() for cell in row] for row in rows]
