"""What `train detection` says to settings that cannot be trained with. Nothing is trained here."""

from pathlib import Path

import pytest

import liverpair.training
from liverpair import cli

CONFIG = Path(liverpair.training.__file__).parent / "configs" / "detection" / "lesion-pairs-t1t2.yaml"
ON_CPU = ["--trainer.accelerator=cpu", "--trainer.precision=32-true", "--bundle.folder="]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--model.settings.nms_iou=7"], "'detection.nms_iou' must be a number from 0 to 1, not 7"),
        (["--model.settings.alignment=sideways"], "Got value: sideways"),
        (["--model.arguments.anchors=2"], "anchor_sizes must be the 2 boxes of 3 numbers that the network answers for"),
        (["--model.settings.anchor_sizes=[[1,2]]"], "not 1 of 2."),
        (["--model.arguments.pyramid=x"], "unknown pyramid 'x'"),
        ([f"--model.start_from={CONFIG}"], "to start from cannot be read"),
        (["--data.train=[]", "--data.validation=[]"], "There is no pair to train on."),
        (["--data.train=['77']", "--data.root=nowhere"], "nowhere/77/t1.nii.gz' does not exist"),
    ],
)
def test_settings_that_cannot_be_trained_with_are_refused_in_one_sentence(
    options, sentence, monkeypatch, tmp_path, capsys
):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["train", "detection", "--config", str(CONFIG), *ON_CPU, *options]) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("liverpair: ") and sentence in last and "Something went wrong" not in last
