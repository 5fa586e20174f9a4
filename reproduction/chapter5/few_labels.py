"""Do numbers that were learned without labels tell a lesion's kind, when few labels are there? (Couteaux 2021, 5.2.1)

The thesis predicts the age of faces from 3 % of the labels; for lesions it asks for deep features against radiomics.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from liverpair.dreaming.plot_style import figure_style, save_figure
from liverpair.evaluation.result_files import write_results
from reproduction.arguments import command_of
from reproduction.chapter5.lesion_auto_encoder import LATENT, STEPS, WIDTHS, crops_of, data_words, own_options
from reproduction.chapter5.lesion_crops import LesionCrops
from reproduction.chapter5.options import options_of
from reproduction.training.auto_encoder import latents_of, trained_auto_encoder

NAME = "few-labels"
SEEDS = (0,)
SHARES, DRAWS = (0.03, 0.1, 0.3, 1.0), 30
NOTES = (
    "*balanced accuracy* of the kind (cyst, haemangioma, hepatocellular carcinoma, metastasis) of lesions in cases "
    "that no training saw, by logistic regression on standardized features: mean over draws of the labeled lesions "
    "(5th to 95th percentile); 0.25 is chance. A draw has at least one lesion of every kind.",
    "*latents*: the fifteen numbers of an auto-encoder of T1 and T2 that saw all training lesions without a label. "
    "*radiomics*: the features that DeepDreamInspector shows at first, of the lesion as painted, in T1 and T2: they "
    "know its outline, which the latents must find. *both*: side by side. *principal components*: fifteen of the "
    "pixels, the linear way to do without labels.",
    "Kinds differ here as our generator makes them differ: what this says of real lesions is not known.",
)


def main(arguments: Sequence[str]) -> None:
    """Paint what is missing, train the auto-encoder, measure, write."""
    options = options_of(NAME, __doc__, arguments, STEPS, SEEDS, own_options)
    draws = 2 if options.smoke else DRAWS
    seen, unseen = crops_of(options)
    features = features_by_name(seen, unseen, options.steps, options.seeds[0])
    rows = []
    accuracies: dict[str, dict[float, np.ndarray]] = {name: {} for name in features}
    for share in SHARES:
        row: dict[str, Any] = {"labels": f"{share:.0%}", "lesions": labeled_count(seen, share)}
        chosen = [labeled(seen.kinds, share, seed) for seed in range(1 if share == 1 else draws)]
        for name, (train, test) in features.items():
            found = np.array([accuracy(train[own], seen.kinds[own], test, unseen.kinds) for own in chosen])
            accuracies[name][share] = found
            low, high = np.percentile(found, (5, 95))
            row[name] = f"{found.mean():.3f}" + (f" ({low:.2f} to {high:.2f})" if len(found) > 1 else "")
        rows.append(row)
        print(row, flush=True)
    _draw(accuracies, options.results / f"{NAME}.png")
    values = {
        f"{name.replace(' ', '_')}_{round(100 * share)}": float(found.mean())
        for name, own in accuracies.items()
        for share, found in own.items()
    }
    write_results(
        NAME,
        rows,
        command_of(NAME, arguments),
        data=data_words(seen, unseen),
        title="A lesion's kind from few labels",
        values={"steps": options.steps, "seeds": options.seeds, "draws": draws, **values},
        folder=options.results,
        notes=[*NOTES, f"![Balanced accuracy by the share of labels]({NAME}.png)"],
    )


def features_by_name(
    seen: LesionCrops, unseen: LesionCrops, steps: int, seed: int
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Features (n, k) of the training lesions and of the unseen ones."""
    from sklearn.decomposition import PCA

    network = trained_auto_encoder(seen.images, LATENT, steps, seed, seen.diameters_mm, WIDTHS)
    latents = tuple(latents_of(network, own.images) for own in (seen, unseen))
    flat = [own.images.reshape(len(own), -1) for own in (seen, unseen)]
    linear = PCA(min(LATENT, len(seen)), random_state=0).fit(flat[0])
    radiomics = tuple(own.radiomics for own in (seen, unseen))
    return {
        "latents": latents,
        "radiomics": radiomics,
        "both": tuple(np.hstack(pair) for pair in zip(latents, radiomics)),
        "principal components": tuple(linear.transform(own) for own in flat),
    }


def labeled_count(crops: LesionCrops, share: float) -> int:
    """How many lesions have a label: at least one of each kind."""
    return max(len(set(crops.kinds)), round(share * len(crops)))


def labeled(kinds: np.ndarray, share: float, seed: int) -> np.ndarray:
    """The rows of the lesions whose kind is known: one of each kind, the rest at random."""
    random = np.random.default_rng(seed)
    first = [random.choice(np.flatnonzero(kinds == kind)) for kind in np.unique(kinds)]
    others = random.permutation(np.setdiff1d(np.arange(len(kinds)), first))
    return np.array([*first, *others])[: max(len(first), round(share * len(kinds)))]


def accuracy(train: np.ndarray, kinds: np.ndarray, test: np.ndarray, test_kinds: np.ndarray) -> float:
    """Balanced accuracy of a logistic regression; features that are undefined take the median of the labeled ones."""
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import balanced_accuracy_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(
        SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler(), LogisticRegression(max_iter=2000)
    )
    return float(balanced_accuracy_score(test_kinds, model.fit(train, kinds).predict(test)))


def _draw(accuracies: Mapping[str, Mapping[float, np.ndarray]], path) -> None:
    from matplotlib.figure import Figure

    with figure_style():
        figure = Figure((5.4, 3.2), layout="constrained")
        axis = figure.subplots()
        for number, (name, own) in enumerate(accuracies.items()):
            shares = 100 * np.array(sorted(own))
            bounds = np.array([np.percentile(own[share], (5, 95)) for share in sorted(own)]).T
            axis.fill_between(shares, *bounds, color=f"C{number}", alpha=0.15, linewidth=0)
            axis.plot(shares, [own[share].mean() for share in sorted(own)], "o-", color=f"C{number}", label=name)
        axis.axhline(0.25, color="0.5", linewidth=0.8, linestyle=":")
        axis.set(xscale="log", xlabel="lesions with a label (%)", ylabel="balanced accuracy", ylim=(0.2, 1))
        axis.set_xticks([3, 10, 30, 100], ["3", "10", "30", "100"])
        axis.legend(loc="upper left")
        save_figure(figure, path)
