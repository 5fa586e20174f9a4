"""Summaries over cases, the signed-rank test, and the written results."""

import json
import math

import numpy as np
import pytest
from scipy import stats

from liverpair.core.errors import InputError
from liverpair.evaluation.result_files import software_versions, table_text, write_results
from liverpair.measures.summary import least_significant_difference, summarize, wilcoxon

NAN = math.nan


def test_summary_by_hand():
    cases = [
        {"case": "10", "dice": 0.9, "hd95_mm": 4.0},
        {"case": "21", "dice": 0.96, "hd95_mm": NAN},
        {"case": "32", "dice": 0.93},
    ]
    summary = summarize(cases)
    assert set(summary) == {"dice", "hd95_mm"}
    assert summary["dice"] == pytest.approx(
        {"n": 3, "undefined": 0, "mean": 0.93, "sd": 0.03, "median": 0.93, "min": 0.9, "max": 0.96}
    )
    assert summary["hd95_mm"] == pytest.approx(
        {"n": 1, "undefined": 2, "mean": 4.0, "sd": NAN, "median": 4.0, "min": 4.0, "max": 4.0}, nan_ok=True
    )


def test_summary_of_nothing():
    assert summarize([]) == {}
    only_nan = summarize([{"dice": NAN}])["dice"]
    assert (only_nan["n"], only_nan["undefined"]) == (0, 1) and math.isnan(only_nan["mean"])


def test_numpy_numbers_are_numbers():
    assert summarize([{"a": np.float32(2)}, {"a": np.int64(4)}])["a"]["mean"] == 3


def test_wilcoxon_by_hand():
    # Differences 1, 2, 3, 4, 5, −6: rank sums 15 and 6. Of 2⁶ sign patterns 14 have a rank sum of at most 6
    # (1+1+1+2+2+3+4): p = 2·14/64.
    a = np.array([1.0, 2, 3, 4, 5, -6])
    test = wilcoxon(a + 10, np.full(6, 10.0))
    assert (test["n"], test["nonzero"], test["statistic"], test["note"]) == (6, 6, 6, "")
    assert test["p"] == pytest.approx(28 / 64)
    assert test["median_difference"] == 2.5


def test_wilcoxon_is_two_sided():
    low, high = [0.90, 0.91, 0.92, 0.93, 0.94, 0.95, 0.96], [0.91, 0.93, 0.95, 0.97, 0.99, 1.01, 1.03]
    assert wilcoxon(low, high)["p"] == wilcoxon(high, low)["p"] == pytest.approx(2 / 2**7)
    assert wilcoxon(low, high)["median_difference"] == pytest.approx(-0.04)


def test_wilcoxon_without_differences():
    test = wilcoxon([0.9, 0.8], [0.9, 0.8])
    assert (test["p"], test["statistic"], test["nonzero"], test["note"]) == (1, 0, 0, "All differences are zero.")


def test_wilcoxon_of_few_pairs_says_what_it_can_show():
    test = wilcoxon([1, 2, 3, 5], [0, 0, 0, 5])
    assert test["nonzero"] == 3 and test["p"] == pytest.approx(0.25)
    assert test["note"] == "With 3 nonzero differences p cannot fall below 0.25."
    assert wilcoxon([1.0], [0.5])["p"] == 1


def test_wilcoxon_ignores_rounding_noise():
    # 0.3 − 0.2 and 0.2 − 0.1 differ in the last bit; they are ties.
    noisy = wilcoxon([0.3, 0.2, 0.1 + 0.2, 0.5], [0.2, 0.1, 0.3, 0.2])
    exact = wilcoxon([3, 2, 3, 5], [2, 1, 3, 2])
    assert (noisy["p"], noisy["nonzero"], noisy["statistic"]) == (exact["p"], 3, exact["statistic"])


def test_wilcoxon_leaves_undefined_pairs_out():
    test = wilcoxon([1, NAN, 3, 4], [0, 1, NAN, 1])
    assert (test["n"], test["undefined"]) == (2, 2)


@pytest.mark.parametrize(
    "a, b, words", [([1], [1, 2], "as many results"), ([], [], "at least one pair"), ([NAN], [1], "at least one pair")]
)
def test_wilcoxon_refuses(a, b, words):
    with pytest.raises(InputError, match=words):
        wilcoxon(a, b)


ROWS = [
    {"case": "10", "dice": 0.9512, "ml": 1288, "hd95 mm": NAN},
    {"case": "a|b", "dice": 0.9, "ml": 951.23, "note": "x\ny"},
]


def test_least_significant_difference_of_two_groups_is_where_the_t_test_says_five_percent():
    group = np.array([1.0, 2.0, 4.0])
    apart = group + least_significant_difference([group, group])
    assert stats.ttest_ind(group, apart).pvalue == pytest.approx(0.05)
    assert stats.ttest_ind(group, group + least_significant_difference([group, group], 0.01)).pvalue == pytest.approx(
        0.01
    )


def test_least_significant_difference_pools_all_groups():
    """Sums of squares 0.5, 2 and 0 with 3 degrees of freedom; t is 3.1824."""
    groups = [[0.0, 1.0], [1.0, 3.0], [2.0, 2.0], []]
    assert least_significant_difference(groups) == pytest.approx(3.18245 * math.sqrt(2 * 2.5 / 3 / 2), rel=1e-5)
    assert least_significant_difference([[1.0], [2.0]]) is least_significant_difference([]) is None


def test_table_is_aligned_markdown():
    assert table_text(ROWS).splitlines() == [
        "| case |  dice |    ml | hd95 mm | note |",
        "|------|------:|------:|--------:|------|",
        "| 10   | 0.951 |  1288 |       – | –    |",
        "| a\\|b | 0.900 | 951.2 |       – | x y  |",
    ]


@pytest.mark.parametrize(
    "value, text", [(0.0, "0.000"), (1e-5, "1e-05"), (123.456, "123.5"), (2e7, "2e+07"), (-3.25, "-3.250"), (12, "12")]
)
def test_numbers_in_cells(value, text):
    assert table_text([{"v": value}]).splitlines()[-1].strip("| ") == text


def test_results_are_printed_and_written(tmp_path, capsys):
    text = write_results(
        "inference",
        ROWS,
        "python -m x",
        data="CHAOS test",
        values={"speedup": 4.25, "bad": NAN},
        notes=["One note."],
        folder=tmp_path / "docs" / "results",
    )
    assert capsys.readouterr().out.strip() == text == table_text(ROWS)
    folder = tmp_path / "docs" / "results"
    assert sorted(p.name for p in folder.iterdir()) == ["inference.json", "inference.md"]
    content = json.loads((folder / "inference.json").read_text(encoding="utf-8"))
    assert content["speedup"] == 4.25 and content["bad"] is None
    assert content["table"][0] == {"case": "10", "dice": 0.9512, "ml": 1288, "hd95 mm": None}
    assert (content["command"], content["data"], content["software"]) == (
        "python -m x",
        "CHAOS test",
        software_versions(),
    )
    page = (folder / "inference.md").read_text(encoding="utf-8")
    for part in (
        text,
        "# inference",
        "- speedup: 4.250",
        "One note.",
        "```\npython -m x\n```",
        "Data: CHAOS test.",
        content["date"],
    ):
        assert part in page


def test_numpy_values_become_json(tmp_path):
    rows = [{"a": np.float32(0.5), "b": np.int64(3), "c": np.array([1.0, NAN]), "d": (True, tmp_path)}]
    write_results("n", rows, "c", data="d", folder=tmp_path)
    assert json.loads((tmp_path / "n.json").read_text())["table"] == [
        {"a": 0.5, "b": 3, "c": [1.0, None], "d": [True, str(tmp_path)]}
    ]


@pytest.mark.parametrize(
    "name, rows, values, words",
    [
        ("../x", ROWS, {}, "not a valid name for a result"),
        ("", ROWS, {}, "not a valid name for a result"),
        ("x", [], {}, "has no rows"),
        ("x", ROWS, {"date": 1}, "'date' is reserved"),
    ],
)
def test_unusable_results_are_refused(tmp_path, name, rows, values, words):
    with pytest.raises(InputError, match=words):
        write_results(name, rows, "c", data="d", values=values, folder=tmp_path)
    assert not list(tmp_path.iterdir())


def test_software_versions_name_what_measures():
    assert {"liverpair", "python", "numpy", "scipy", "SimpleITK"} <= set(software_versions())
