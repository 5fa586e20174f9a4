"""The report of a fitted model: what it is worth, plainly, on one page of HTML. Needs scikit-learn and matplotlib."""

import base64
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

from liverpair.core.errors import MissingPackageError
from liverpair.statistics.estimators import NAMES
from liverpair.statistics.signature_table import SignatureTable
from liverpair.statistics.validation import Validated

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402  (the backend comes first)
from matplotlib.axes import Axes  # noqa: E402

TEMPLATE = Path(__file__).with_name("fit_report.html")
COLORS = ("#0b4f7d", "#d55e00")
MOST_FEATURES = 15
DPI = 130


def page_of(content: Mapping[str, Any], table: SignatureTable, judged: Sequence[Validated]) -> str:
    """The page as one HTML file, which holds its plots. Raises `MissingPackageError` without jinja2."""
    try:
        import jinja2
    except ImportError as error:
        raise MissingPackageError("A report needs the package 'jinja2'.", "Install it with pip.") from error
    environment = jinja2.Environment(autoescape=True)
    environment.filters["name"] = lambda kind: NAMES.get(kind, kind)
    environment.filters["number"] = lambda value: "–" if value is None else f"{value:.3g}"
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        c=content,
        plots=[(title, _png(draw)) for title, draw in _plots(content, table, judged)],
        weights=list(content["importances"].items())[:MOST_FEATURES],
        more=max(0, len(content["importances"]) - MOST_FEATURES),
        notes=table.notes,
    )


def _plots(content: Mapping[str, Any], table: SignatureTable, judged: Sequence[Validated]) -> list[tuple[str, Any]]:
    chance = ("Score against what shuffled targets give", lambda axes: _chance(axes, content, judged))
    if table.task == "classification":
        return [
            ("Receiver operating characteristic, on patients not seen", lambda axes: _roc(axes, table, judged)),
            ("Calibration: of those given this probability, so many were", lambda axes: _calibration(axes, judged)),
            chance,
        ]
    if table.task == "regression":
        return [
            ("Predicted and true, on patients not seen", lambda axes: _scatter(axes, table, judged)),
            ("Calibration: mean of the truth in groups of rising prediction", lambda axes: _calibration(axes, judged)),
            chance,
        ]
    return [
        ("Survival in thirds of the predicted hazard, on patients not seen", lambda a: _thirds(a, table, judged)),
        chance,
    ]


def _roc(axes: Axes, table: SignatureTable, judged: Sequence[Validated]) -> None:
    from sklearn.metrics import roc_curve

    for one, color in zip(judged, COLORS):
        false, true, _ = roc_curve(table.target, one.predictions)
        axes.plot(false, true, color=color, label=f"{NAMES[one.kind]}, AUC {one.score:.2f}")
    axes.plot([0, 1], [0, 1], color="#999999", linewidth=0.8, linestyle=":")
    axes.set(xlabel="1 − specificity", ylabel="sensitivity", aspect="equal")
    axes.legend(frameon=False, fontsize=7)


def _calibration(axes: Axes, judged: Sequence[Validated]) -> None:
    both = np.concatenate([one.calibration for one in judged])
    low, high = float(both.min()), float(both.max())
    axes.plot([low, high], [low, high], color="#999999", linewidth=0.8, linestyle=":")
    for one, color in zip(judged, COLORS):
        label = NAMES[one.kind] + ("" if one.brier is None else f", Brier {one.brier:.2f}")
        axes.plot(*one.calibration.T, marker="o", markersize=3, color=color, label=label)
    axes.set(xlabel="predicted", ylabel="observed")
    axes.legend(frameon=False, fontsize=7)


def _scatter(axes: Axes, table: SignatureTable, judged: Sequence[Validated]) -> None:
    for one, color in zip(judged, COLORS):
        label = f"{NAMES[one.kind]}, R² {one.score:.2f}"
        axes.plot(table.target, one.predictions, ".", markersize=3, color=color, label=label)
    ends = [float(table.target.min()), float(table.target.max())]
    axes.plot(ends, ends, color="#999999", linewidth=0.8, linestyle=":")
    axes.set(xlabel="true", ylabel="predicted")
    axes.legend(frameon=False, fontsize=7)


def _thirds(axes: Axes, table: SignatureTable, judged: Sequence[Validated]) -> None:
    from lifelines import KaplanMeierFitter

    thirds = np.array_split(np.argsort(judged[0].predictions, kind="stable"), 3)
    for rows, name, color in zip(thirds, ("low", "middle", "high"), ("#0b4f7d", "#999999", "#d55e00")):
        curve = KaplanMeierFitter().fit(table.target[rows], table.event[rows]).survival_function_
        axes.step(curve.index, curve.iloc[:, 0], where="post", color=color, label=f"{name} hazard, {len(rows)} rows")
    axes.set(xlabel="time", ylabel="without event", ylim=(0, 1.02))
    axes.legend(frameon=False, fontsize=7)


def _chance(axes: Axes, content: Mapping[str, Any], judged: Sequence[Validated]) -> None:
    for one, color in zip(judged, COLORS):
        if len(one.permuted):
            axes.hist(one.permuted, bins=20, color=color, alpha=0.35)
        axes.axvline(one.score, color=color, label=f"{NAMES[one.kind]}, p = {one.p:.2g}")
    axes.axvline(content["chance"], color="#999999", linewidth=0.8, linestyle=":")
    axes.set(xlabel=content["score"], ylabel="permutations")
    axes.legend(frameon=False, fontsize=7, loc="upper left")


def _png(draw: Any) -> str:
    figure, axes = pyplot.subplots(figsize=(3.2, 3.0))
    axes.tick_params(labelsize=7)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    draw(axes)
    figure.tight_layout(pad=0.4)
    out = io.BytesIO()
    figure.savefig(out, dpi=DPI, format="png")
    pyplot.close(figure)
    return base64.b64encode(out.getvalue()).decode("ascii")
