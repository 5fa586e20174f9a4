"""Training a liver network with each adversary on small pairs: who is updated by what, resume, export."""

import pytest
import torch
import yaml
from paired_livers_factory import QUICK, write_pairs

from liverpair.bundle import Bundle
from liverpair.segmentation.adversarial_losses import ADVERSARIES
from liverpair.training.bundle_writing import kept_task
from liverpair.training.run_log import learning_curve
from reproduction.__main__ import main
from reproduction.training import ADVERSARIAL_LIVERS
from reproduction.training.adversarial import AdversarialLiversTask

CONFIGS, SHARED = ADVERSARIAL_LIVERS.configs, ADVERSARIAL_LIVERS.shared
NAMES = sorted(path.stem for path in CONFIGS.glob("*.yaml") if path not in SHARED)
LAYOUTS = {
    "gan": '{"widths":[4,6]}',
    "embedding": '{"widths":[4,6],"layer":0}',
    "gambler": '{"widths":[4,8],"kernels":null,"strides":[[1,2,2]],"stem_stride":null}',
}
LOGGED = ("loss", "added_loss", "adversary_loss")


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    return write_pairs(tmp_path_factory.mktemp("pairs"), ("a", "b"))


def train(name, pairs, folder, *more):
    words = [
        *("train", "adversarial-livers", "--config", str(CONFIGS / f"{name}.yaml")),
        *(f"--data.root={pairs}", '--data.train=["a"]', '--data.validation=["b"]'),
        *(
            f"--data.cache={pairs / 'cache'}",
            f"--run_folder={folder / name}",
            f"--bundle.folder={folder / name}-bundle",
        ),
        *QUICK,
        f"--model.adversary_arguments={LAYOUTS[name]}",
        *more,
    ]
    assert main(words) == 0
    return torch.load(folder / name / "checkpoints" / "last.ckpt", weights_only=False)


@pytest.mark.parametrize("name", NAMES)
def test_both_networks_are_trained_and_one_step_counts_once(name, pairs, tmp_path):
    last = train(name, pairs, tmp_path, "--model.adversary_from_step=2")
    assert last["global_step"] == 4
    for optimizer, rate in zip(last["optimizer_states"], (None, 1e-3 if name == "gambler" else 1e-4)):
        assert {int(state["step"]) for state in optimizer["state"].values()} == {4}
        assert rate in (None, optimizer["param_groups"][0]["lr"])
    bundle = Bundle.load(tmp_path / f"{name}-bundle")
    assert (bundle.strategy, bundle.name) == ("single", f"liver-{name}")
    assert (bundle.gambler() is not None) == (name == "gambler")
    curve, _ = learning_curve(tmp_path / name, LOGGED)
    assert all({*LOGGED} <= point.keys() for point in curve) and curve


def test_a_run_that_was_stopped_goes_on_with_its_adversary(pairs, tmp_path):
    first = train("gambler", pairs, tmp_path, "--average_decay=0")
    last = train("gambler", pairs, tmp_path, "--average_decay=0", "--trainer.max_steps=8")
    assert last["global_step"] == 8
    assert {int(state["step"]) for state in last["optimizer_states"][1]["state"].values()} == {8}
    task, _ = kept_task(AdversarialLiversTask, tmp_path / "gambler")
    bets = task.adversary.bets(torch.rand(1, 1, 8, 16, 16), torch.randn(1, 1, 8, 16, 16))
    assert bets.shape == (1, 1, 8, 16, 16) and bets.mean().item() == pytest.approx(1)
    moved = [key for key, value in last["state_dict"].items() if not torch.equal(value, first["state_dict"][key])]
    assert any(key.startswith("adversary.") for key in moved) and any(key.startswith("network.") for key in moved)


def test_before_its_first_step_an_adversary_changes_nothing_but_itself(pairs, tmp_path):
    """The segmentation network of a GAN in its warm-up is that of an embedding: both have the same discriminator."""
    weights = {}
    for name, start in (("gan", 4), ("embedding", 4), ("gan", 0)):
        folder = tmp_path / f"{name}-{start}"
        last = train(name, pairs, folder, f"--model.adversary_from_step={start}", "--average_decay=0")
        weights[name, start] = last["state_dict"]
    same = {
        pair: all(torch.equal(a[key], b[key]) for key in a if key.startswith("network."))
        for pair, (a, b) in {
            "warm-up": (weights["gan", 4], weights["embedding", 4]),
            "game": (weights["gan", 4], weights["gan", 0]),
        }.items()
    }
    assert same == {"warm-up": True, "game": False}


def test_an_adversary_that_does_not_exist_is_answered_with_the_list(pairs, tmp_path, capsys):
    words = ["train", "adversarial-livers", "--config", str(CONFIGS / "gan.yaml"), f"--data.root={pairs}"]
    assert main([*words, f"--run_folder={tmp_path}", "--model.adversary=critic", "--trainer.accelerator=cpu"]) == 1
    assert "there is no adversary 'critic'; there are gan, embedding, gambler" in capsys.readouterr().err


def test_every_adversary_has_a_config():
    assert sorted(ADVERSARIES) == NAMES
    for name in NAMES:
        settings = yaml.safe_load((CONFIGS / f"{name}.yaml").read_text())
        assert settings["model"]["adversary"] == name and settings["bundle"]["name"] == f"liver-{name}"
        ADVERSARIES[name](**settings["model"].get("adversary_arguments", {}))
