"""What a training command says when it cannot start. Nothing is trained here."""

from pathlib import Path

import pytest
import torch

import liverpair.training
from liverpair import cli

CONFIG = Path(liverpair.training.__file__).parent / "configs" / "segmentation" / "liver-t1t2.yaml"


@pytest.fixture
def train(monkeypatch, tmp_path, capsys):
    """Run the training command in an empty folder without data; return what it says on standard error."""
    monkeypatch.delenv("LIVERPAIR_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["liverpair", "train", "segmentation"])

    def run(*options):
        assert cli.main(["train", "segmentation", "--config", str(CONFIG), *options]) == 2
        return capsys.readouterr().err

    return run


@pytest.mark.skipif(torch.cuda.is_available(), reason="This machine has a CUDA GPU.")
def test_a_device_that_is_not_there_is_one_sentence(train):
    last = train("--trainer.accelerator", "cuda").splitlines()[-1]
    assert last.startswith("liverpair: ") and "CUDAAccelerator" in last and "internal" not in last
    assert "Something went wrong inside LiverPair" not in last


def test_a_variable_that_is_not_set_is_named(train):
    said = train("--trainer.accelerator", "cpu", "--trainer.precision", "32")
    assert said.splitlines()[-1].endswith("which does not exist. Set the environment variable LIVERPAIR_DATA.")


def test_a_folder_without_the_studies_is_named(train, tmp_path):
    said = train("--trainer.accelerator", "cpu", "--trainer.precision", "32", "--data.root", str(tmp_path))
    assert said.splitlines()[-1].endswith("which does not exist. Set data.root in the config.")


@pytest.mark.filterwarnings("error:LightningCLI's args parameter")
def test_options_that_do_not_exist_are_refused_without_pages_of_usage(train):
    assert train("--trainer.nothing", "3").splitlines() == [
        "liverpair: unrecognized arguments: --trainer.nothing 3. 'train TASK --help' lists the options."
    ]
