"""From signatures to a variable: what a model is judged on, that it cannot cheat, and that it predicts what it did."""

import csv
import json

import numpy as np
import pytest

from liverpair import cli
from liverpair.core.errors import InputError
from liverpair.statistics.signature_table import table_of

sklearn = pytest.importorskip("sklearn", reason="scikit-learn is not installed")

from liverpair.statistics import estimators, fitted, validation  # noqa: E402  (they need it)

PATIENTS, LESIONS = 24, 3


@pytest.fixture(autouse=True)
def few_trees(monkeypatch):
    monkeypatch.setattr(estimators, "TREES", 20)


@pytest.fixture
def path(tmp_path):
    """24 patients of 3 lesions; "kind" is a matter of the patient, "size" twice feature 2 and some noise; a cell is
    empty, a column has words, one is always the same, and feature 6 nearly is feature 2."""
    rng = np.random.default_rng(5)
    rows = []
    for patient in range(PATIENTS):
        kind, risk = ("cyst", "hcc")[patient % 2], rng.normal()
        for lesion in range(1, LESIONS + 1):
            values = rng.normal(size=6)
            rows.append(
                {"study": f"s{patient}", "patient": f"p{patient}", "lesion": lesion, "uid": "u", "state": "accepted"}
                | {f"t1_f{n}": value for n, value in enumerate(values)}
                | {"t1_f6": values[2] + 0.01 * rng.normal(), "t2_same": 4.0, "t2_words": "bright"}
                | {"t2_who": float(patient * 617 % 1009), "kind": kind, "size": 2 * values[2] + 0.3 * rng.normal()}
                | {"time": float(np.exp(-values[1] - risk / 4)), "event": int(rng.random() < 0.8)}
            )
    rows[4]["t1_f3"] = ""
    return write(tmp_path / "table.csv", rows)


def write(path, rows):
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def others(target):
    return [name for name in ("kind", "size", "time", "event", "t2_who") if name not in target]


def test_a_table_says_what_it_is_of_and_what_was_left_out(path):
    table = table_of(path, "kind", leave_out=others(["kind"]))
    assert (table.task, table.classes) == ("classification", ("cyst", "hcc"))
    assert table.features == tuple(f"t1_f{n}" for n in range(7))
    assert np.isnan(table.values).sum() == 1 and len(set(table.patients)) == PATIENTS
    assert table.notes == (
        "1 columns hold words and were left out.",
        "1 columns are the same in every row and were left out.",
    )
    assert table_of(path, "size", leave_out=others(["size"])).task == "regression"
    survival = table_of(path, "time", "event", leave_out=others(["time", "event"]))
    assert survival.task == "survival" and survival.event.dtype == bool


@pytest.mark.parametrize(
    "asked, sentence",
    [
        ({"target": "grade"}, "has no column 'grade'"),
        ({"target": "t2_same"}, "is '4' in every row"),
        ({"target": "uid", "task": "regression"}, "is 'u' in every row"),
        ({"target": "kind", "task": "regression"}, "holds words; a regression takes numbers"),
        ({"target": "lesion", "task": "classification"}, "has 3 classes"),
        ({"target": "time", "task": "survival"}, "Survival takes two columns"),
        ({"target": "size", "event": "event"}, "times that are not above 0"),
        ({"target": "time", "event": "lesion"}, "must hold 1 where the event happened"),
        ({"target": "size", "patient": "kind"}, "is of 2 patients; a model takes 10"),
    ],
)
def test_what_cannot_be_learned_is_refused(path, asked, sentence):
    with pytest.raises(InputError, match=sentence):
        table_of(path, **asked)


def test_no_patient_is_on_both_sides_and_every_row_is_judged_once(path):
    for asked in (("kind", None), ("size", None), ("time", "event")):
        table = table_of(path, *asked, leave_out=others(asked))
        judged = []
        for train, test in validation.splits(table, np.arange(len(table.target)), 4, 0):
            assert not set(table.patients[train]) & set(table.patients[test])
            judged += test.tolist()
        assert sorted(judged) == list(range(PATIENTS * LESIONS))


def test_a_feature_that_names_the_patient_helps_nobody(path):
    """With the lesions of a patient on both sides a forest would read the class off "t2_who"."""
    table = table_of(path, "kind", leave_out=[*others(["kind", "t2_who"]), "t1_"])
    assert table.features == ("t2_who",)
    found = validation.validate(table, "forest", 4, 0)
    assert found.score < 0.75
    shared = validation.SignatureTable(**{**table.__dict__, "patients": np.arange(len(table.target)).astype(str)})
    assert validation.validate(shared, "forest", 4, 0).score > 0.95


def test_the_target_is_shuffled_among_patients():
    patients = np.repeat(["a", "b", "c", "d"], 3)
    target = np.repeat([0.0, 1.0, 2.0, 3.0], 3)
    shuffled = validation.shuffled_by_patient(target, patients, np.random.default_rng(1))
    assert sorted(shuffled) == sorted(target)
    assert all(len(set(shuffled[patients == name])) == 1 for name in "abcd")
    varying = np.arange(12.0)
    assert sorted(validation.shuffled_by_patient(varying, patients, np.random.default_rng(1))) == sorted(varying)


def test_of_two_features_that_go_together_the_first_is_kept():
    first = np.array([1.0, 2, 3, 4])
    values = np.stack([first, -2 * first, [1.0, -1, -1, 1], np.full(4, 7.0)], axis=1)
    kept = estimators.CorrelationFilter(0.9).fit(values)
    assert kept.kept_.tolist() == [0, 2]
    assert kept.transform(values).shape == (4, 2)


def test_a_model_is_judged_written_and_predicts_again(path, tmp_path, capsys):
    words = ["model", "fit", str(path), "--target", "size", "--leave-out", *others(["size"])]
    words += ["-o", str(tmp_path / "m"), "--folds", "3", "--permutations", "3"]
    assert cli.main(words) == 0
    said = capsys.readouterr().out
    assert "With 3 permutations nothing can be said about chance." in said and "Report: " in said
    content = json.loads((tmp_path / "m" / "model.json").read_text())
    scores = {one["kind"]: one["score"] for one in content["models"]}
    assert scores["elastic-net"] > 0.9 and content["kind"] == "elastic-net"
    assert next(iter(content["importances"])) == "t1_f2" and "t1_f6" not in content["importances"]
    page = (tmp_path / "m" / "report.html").read_text()
    assert page.count("data:image/png") == 3 and "http" not in page
    assert "72 rows of 24 patients and 7 features. With so few patients" in page
    rows = list(csv.DictReader((tmp_path / "m" / "predictions.csv").open()))
    truth, guess = (np.array([float(row[name]) for row in rows]) for name in ("target", "elastic-net"))
    residual = ((truth - guess) ** 2).sum() / ((truth - truth.mean()) ** 2).sum()
    assert scores["elastic-net"] == pytest.approx(1 - residual)
    assert "p0" not in (tmp_path / "m" / "training.csv").read_text()

    assert cli.main(["model", "predict", str(tmp_path / "m"), str(path), "-o", str(tmp_path / "p.csv")]) == 0
    predicted = list(csv.DictReader((tmp_path / "p.csv").open()))
    assert list(predicted[0]) == ["study", "patient", "lesion", "uid", "prediction"]
    assert np.corrcoef([float(row["prediction"]) for row in predicted], truth)[0, 1] > 0.97
    assert cli.main(words) == 2
    assert "already holds a model" in capsys.readouterr().err


def test_a_model_refuses_a_table_without_its_features(path, tmp_path):
    (tmp_path / "m").mkdir()
    table = table_of(path, "size", leave_out=others(["size"]))
    fitted.fit(table, tmp_path / "m", {"table": "t", "target": "size", "event": None}, 3, 0)
    with pytest.raises(InputError, match="has no column 't1_f0' and 6 more, which the model needs"):
        fitted.predict(tmp_path / "m", write(tmp_path / "other.csv", [{"study": "a", "x": 1.0}]))
    with pytest.raises(InputError, match="holds no model"):
        fitted.predict(tmp_path, path)
    with pytest.raises(InputError, match="30 folds are not possible with 24 patients"):
        validation.check_folds(table, 30)


def test_survival_is_ranked_and_shown_in_thirds(path, tmp_path):
    pytest.importorskip("lifelines", reason="lifelines is not installed")
    (tmp_path / "m").mkdir()
    table = table_of(path, "time", "event", leave_out=others(["time", "event"]))
    about = {"table": "t", "target": "time", "event": "event"}
    content = fitted.fit(table, tmp_path / "m", about, 3, 0)
    (model,) = content["models"]
    assert model["score"] > 0.75 and content["score"] == "C-index"
    assert "thirds of the predicted hazard" in (tmp_path / "m" / "report.html").read_text()
    rows, _ = fitted.predict(tmp_path / "m", path)
    hazards = np.array([row["log relative hazard"] for row in rows])
    assert np.corrcoef(hazards, np.log(table.target))[0, 1] < -0.6
