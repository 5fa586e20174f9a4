"""Which layer of a network first separates lesions from healthy liver? (Couteaux 2021, section 5.1.2)

A linear probe for each layer (Alain and Bengio 2016): a logistic regression on what the layer says of single pixels,
tested on a case that it did not see. `--write` puts the answer into the model's card, where a dream's report shows it.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import nn

from liverpair.bundle import Catalogue
from liverpair.bundle.manifest import LAYERS
from liverpair.dreaming.plot_style import figure_style, save_figure
from liverpair.evaluation.result_files import write_results
from liverpair.networks.padding import logits_of
from liverpair.networks.unet import ConvolutionBlock, UNet
from liverpair.training.lesion_slices_cache import LesionSlices
from liverpair.training.lesion_slices_data import SliceObjects, slice_with_objects
from reproduction.arguments import add_places, command_of, positive, results_folder
from reproduction.chapter3.dream_networks import REALISTIC, data_root
from reproduction.chapter3.dream_scores import TEST_SEED, test_volumes

NAME = "linear-probes"
PIXELS = 600
"""Of each kind from each case."""
AS_GOOD = 0.02
"""A layer separates as well as the best when its area under the curve is no farther below."""
IDLE = 0.02
"""A channel says nothing when its own area under the curve is so near to 0.5."""
NOTES = (
    "*AUC*: area under the ROC curve of a logistic regression on a layer's channels at single pixels, inside and "
    "outside of lesions but within the liver, tested on each of the four cases in turn and trained on the other "
    "three; lowest and highest of these in brackets. *random*: the same with weights drawn anew: what the "
    "network sees without any training. *idle*: part of the channels each of which tells lesions from liver no better "
    f"than by chance (AUC from {0.5 - IDLE:g} to {0.5 + IDLE:g}).",
    f"*first*: the first layer whose AUC is at most {AS_GOOD:g} below that of the best one.",
)


def main(arguments: Sequence[str]) -> None:
    """Sample, probe, write."""
    parser = argparse.ArgumentParser(prog=f"python -m reproduction {NAME}", description=__doc__)
    parser.add_argument(
        "--model", default=REALISTIC, help=f"name or folder of a model of slices (default: {REALISTIC})"
    )
    parser.add_argument("--data-root", help="folder of real pairs; LIVERPAIR_DATA/chaos_mr when left out")
    parser.add_argument("--pixels", type=positive, default=PIXELS, help=f"of each kind and case (default: {PIXELS})")
    parser.add_argument("--write", action="store_true", help="write the answer into the model's card")
    add_places(parser, "few pixels of two cases")
    options = parser.parse_args(arguments)
    if options.smoke:
        options.pixels = 20
    options.results = results_folder(options)
    options.data_root, options.own_data = data_root(options.data_root), None
    bundle = Catalogue().find(options.model)
    volumes = cases_of(options)
    network = bundle.network()
    torch.manual_seed(0)
    anew = drawn_anew(bundle.network())
    trained, random = (sampled(own, volumes, options.pixels) for own in (network, anew))
    lesion, cases = trained.pop("lesion"), trained.pop("case")
    rows = []
    for layer, values in trained.items():
        found, chance = (areas(own, lesion, cases) for own in (values, random[layer]))
        rows.append(
            {
                "layer": layer,
                "channels": values.shape[1],
                "AUC": float(found.mean()),
                "cases": f"{found.min():.3f} to {found.max():.3f}",
                "random": float(chance.mean()),
                "idle": float(np.mean([abs(area(own, lesion) - 0.5) < IDLE for own in values.T])),
            }
        )
        print(rows[-1], flush=True)
    first = first_as_good(rows)
    _draw(rows, first, options.results / f"{NAME}.png")
    command = command_of(NAME, arguments)
    data = (
        f"{len(lesion)} pixels of synthetic lesions and of healthy liver in CHAOS MR cases "
        f"{', '.join(dict.fromkeys(cases))}, T1 in-phase"
    )
    write_results(
        NAME,
        rows,
        command,
        data=data,
        title=f"Which layer of {bundle.name} separates lesions from healthy liver",
        values={"first": first, "best": max(row["AUC"] for row in rows), "pixels": options.pixels},
        folder=options.results,
        notes=[*NOTES, f"![Area under the curve by layer]({NAME}.png)"],
    )
    if options.write:
        layers = {row["layer"]: round(row["AUC"], 3) for row in rows}
        told = {"first": first, "auc": layers, "data": data, "command": command}
        bundle.update(**{LAYERS: told})


def cases_of(options: argparse.Namespace) -> dict[str, list[LesionSlices]]:
    """The slices of every test case; of the first two, or of one twice, in a smoke run."""
    by_case: dict[str, list[LesionSlices]] = {}
    options.runs = Path(options.runs)
    for volume in test_volumes(options):
        by_case.setdefault(volume.name.partition("/")[0], []).append(volume)
    if options.smoke:
        by_case |= {f"{case} again": own for case, own in by_case.items() if len(by_case) == 1}
    return by_case


def layers_of(network: UNet) -> dict[str, nn.Module]:
    """The blocks of convolutions by name, in the order in which an image passes them."""
    blocks = {name: block for name, block in network.named_modules() if isinstance(block, ConvolutionBlock)}
    down = [name for name in blocks if name.startswith("encoder")]
    up = sorted((name for name in blocks if name.startswith("decoder")), reverse=True)
    return {name.replace(".", " "): blocks[name] for name in (*down, *up)}


def drawn_anew(network: nn.Module) -> nn.Module:
    """The network with weights as before any training."""
    for module in network.modules():
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()
    return network


@torch.no_grad()
def sampled(network: UNet, volumes: Mapping[str, Sequence[LesionSlices]], pixels: int) -> dict[str, np.ndarray]:
    """What every layer says of `pixels` of each kind from every case (n, channels), whether each lies in a "lesion"
    (n,), and of which "case" (n,) it is."""
    said: dict[str, torch.Tensor] = {}
    blocks = layers_of(network)
    hooks = [b.register_forward_hook(lambda _, __, out, n=n: said.__setitem__(n, out[0])) for n, b in blocks.items()]
    found: dict[str, list] = {name: [] for name in ("image", *blocks, "lesion", "case")}
    try:
        for case, own in volumes.items():
            random = np.random.default_rng(TEST_SEED)
            places = _places(own, pixels, random)
            for (number, row), here in places.items():
                image, _ = slice_with_objects(own[number], row, SliceObjects(), (TEST_SEED, number))
                logits_of(network, torch.from_numpy(image)[None, None])
                said["image"] = torch.from_numpy(image)[None]
                at = np.array([place for place, _ in here])
                for name in ("image", *blocks):
                    found[name].append(_at(said[name], at, image.shape))
                found["lesion"] += [lesion for _, lesion in here]
                found["case"] += [case] * len(here)
    finally:
        for hook in hooks:
            hook.remove()
    return {
        name: np.concatenate(values) if name not in ("lesion", "case") else np.array(values)
        for name, values in found.items()
    }


def _places(volumes: Sequence[LesionSlices], pixels: int, random: np.random.Generator) -> dict[tuple[int, int], list]:
    """Random pixels of each kind: by volume and slice, ((y, x), whether in a lesion)."""
    chosen: dict[tuple[int, int], list] = {}
    for lesion in (True, False):
        every = []
        for number, volume in enumerate(volumes):
            inside = volume.labels > 0 if lesion else volume.livers & (volume.labels == 0)
            every.append(np.column_stack([np.full(inside.sum(), number), np.argwhere(inside)]))
        every = np.concatenate(every)
        for number, row, y, x in every[random.choice(len(every), min(pixels, len(every)), replace=False)]:
            chosen.setdefault((int(number), int(row)), []).append(((y, x), lesion))
    return chosen


def _at(features: torch.Tensor, places: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """The channels (n, c) at pixels (n, 2) of an image of `shape`; of a coarse layer, those of the cell they lie in.
    What was padded lies behind."""
    steps = [max(1, round(n / f)) for n, f in zip(shape, features.shape[1:])]
    cells = [np.minimum(places[:, axis] // steps[axis], features.shape[1 + axis] - 1) for axis in (0, 1)]
    return features[:, cells[0], cells[1]].T.float().numpy()


def areas(values: np.ndarray, lesion: np.ndarray, cases: np.ndarray) -> np.ndarray:
    """Area under the curve on each case, of a regression on the others."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    found = []
    for case in np.unique(cases):
        test = cases == case
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
        scores = model.fit(values[~test], lesion[~test]).decision_function(values[test])
        found.append(roc_auc_score(lesion[test], scores))
    return np.array(found)


def area(values: np.ndarray, lesion: np.ndarray) -> float:
    """Area under the curve of one channel (n,)."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(lesion, values))


def first_as_good(rows: Sequence[Mapping[str, Any]]) -> str:
    """The first layer that separates as well as the best one."""
    best = max(row["AUC"] for row in rows)
    return next(row["layer"] for row in rows if row["AUC"] >= best - AS_GOOD)


def _draw(rows: Sequence[Mapping[str, Any]], first: str, path: Path) -> None:
    with figure_style():
        figure = Figure((6.4, 3.2), layout="constrained")
        axis = figure.subplots()
        names = [row["layer"] for row in rows]
        axis.plot(names, [row["AUC"] for row in rows], "o-", color="C0", label="as trained")
        axis.plot(names, [row["random"] for row in rows], "o--", color="0.6", label="weights drawn anew")
        axis.axvline(names.index(first), color="C0", linewidth=0.8, linestyle=":")
        axis.set_title(f"first as good as the best: {first}", loc="left", color="C0")
        axis.set(ylabel="AUC, lesion against liver", ylim=(0.5, 1))
        axis.tick_params(axis="x", rotation=45)
        axis.legend(loc="lower left")
        save_figure(figure, path)
