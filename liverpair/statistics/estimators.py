"""The models that are fitted: elastic nets and random forests of scikit-learn, and the Cox model of lifelines, behind
one preparation of the features. Needs scikit-learn."""

import warnings
from typing import Any

import numpy as np
import sklearn
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import ElasticNet, LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from liverpair.core.errors import MissingPackageError
from liverpair.statistics.signature_table import Task

TREES = 200
_ELASTIC = {"penalty": "elasticnet"} if tuple(map(int, sklearn.__version__.split(".")[:2])) < (1, 8) else {}
"""How a logistic regression is told that `l1_ratio` counts; since 1.8 it always does."""
NAMES = {"elastic-net": "Elastic net", "forest": "Random forest"}
KINDS: dict[Task, tuple[str, ...]] = {
    "classification": ("elastic-net", "forest"),
    "regression": ("elastic-net", "forest"),
    "survival": ("elastic-net",),
}
"""Models of each task; lifelines has no forest."""


class CorrelationFilter(TransformerMixin, BaseEstimator):
    """Keeps a feature unless its absolute correlation (Pearson) with one that is kept already exceeds a limit.

    Parameters
    ----------
    limit
        0 to 1.
    """

    def __init__(self, limit: float = 0.9):
        self.limit = limit

    def fit(self, values: np.ndarray, target: Any = None) -> "CorrelationFilter":
        """Choose among the columns of `values` (rows, features), in their order."""
        with np.errstate(divide="ignore", invalid="ignore"):
            correlation = np.abs(np.nan_to_num(np.atleast_2d(np.corrcoef(values, rowvar=False))))
        kept: list[int] = []
        for column in range(values.shape[1]):
            if values[:, column].std() > 0 and (not kept or correlation[column, kept].max() <= self.limit):
                kept.append(column)
        self.kept_ = np.array(kept or [0])
        return self

    def transform(self, values: np.ndarray) -> np.ndarray:
        """The columns that are kept."""
        return values[:, self.kept_]


class CoxNet(BaseEstimator):
    """Proportional hazards with an elastic-net penalty (lifelines), as scikit-learn sees models.

    Parameters
    ----------
    penalizer
        Strength of the penalty.
    l1_ratio
        Part of it that makes coefficients zero.
    """

    def __init__(self, penalizer: float = 0.1, l1_ratio: float = 0.5):
        self.penalizer, self.l1_ratio = penalizer, l1_ratio

    def fit(self, values: np.ndarray, target: np.ndarray) -> "CoxNet":
        """`target`: (rows, 2) of time and event (0, 1)."""
        try:
            import pandas
            from lifelines import CoxPHFitter
        except ImportError as error:
            raise MissingPackageError(
                "Survival needs the package 'lifelines'.", "pip install 'liverpair[statistics]'"
            ) from error
        frame = pandas.DataFrame(values, columns=[f"x{n}" for n in range(values.shape[1])])
        frame["time"], frame["event"] = target[:, 0], target[:, 1]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fitted = CoxPHFitter(penalizer=self.penalizer, l1_ratio=self.l1_ratio).fit(frame, "time", "event")
        self.coef_ = fitted.params_.to_numpy()
        return self

    def predict(self, values: np.ndarray) -> np.ndarray:
        """Log relative hazards (rows,): the higher, the earlier the event."""
        return values @ self.coef_


def pipeline(task: Task, kind: str, correlation: float, seed: int) -> tuple[Pipeline, dict[str, list[Any]]]:
    """A model of `KINDS` behind imputation by the median, standardization and the correlation filter; and the settings
    that are chosen among."""
    ratios = [0.1, 0.5, 0.9]
    if kind == "forest":
        forest = RandomForestClassifier if task == "classification" else RandomForestRegressor
        model, grid = forest(TREES, random_state=seed, n_jobs=1), {"min_samples_leaf": [1, 3, 5]}
    elif task == "classification":
        asked = {"solver": "saga", "max_iter": 2000, "tol": 1e-3, "random_state": seed, "class_weight": "balanced"}
        model = LogisticRegression(**asked, **_ELASTIC)
        grid = {"C": [0.01, 0.1, 1.0], "l1_ratio": ratios}
    elif task == "regression":
        model = ElasticNet(max_iter=5000, random_state=seed)
        grid = {"alpha": [0.01, 0.1, 1.0], "l1_ratio": ratios}
    else:
        model, grid = CoxNet(), {"penalizer": [0.1, 1.0], "l1_ratio": [0.1, 0.5]}
    steps = [
        ("impute", SimpleImputer(strategy="median", keep_empty_features=True)),
        ("scale", StandardScaler()),
        ("filter", CorrelationFilter(correlation)),
        ("model", model),
    ]
    return Pipeline(steps), {f"model__{name}": values for name, values in grid.items()}


def predicted(task: Task, fitted: Pipeline, values: np.ndarray) -> np.ndarray:
    """(rows,): probability of the second class, value, or log relative hazard."""
    return fitted.predict_proba(values)[:, 1] if task == "classification" else np.asarray(fitted.predict(values), float)


def importances(fitted: Pipeline, features: tuple[str, ...]) -> dict[str, float]:
    """What kept features count for: coefficients per SD, or the decrease of impurity in a forest; largest first."""
    model, kept = fitted.named_steps["model"], fitted.named_steps["filter"].kept_
    weights = model.feature_importances_ if hasattr(model, "feature_importances_") else np.ravel(model.coef_)
    found = {features[column]: float(weight) for column, weight in zip(kept, weights) if weight}
    return dict(sorted(found.items(), key=lambda item: -abs(item[1])))
