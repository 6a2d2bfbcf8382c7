"""Topics over time and groups, in as many groups as a chart can show."""

import numpy as np
import pytest

from sparsenmf.report.grouped import MOST, grouped


def test_dates_are_taken_together_until_a_chart_can_show_them():
    days = [str(day) for day in np.arange("2019-01-01", "2023-01-01", dtype="datetime64[D]")]
    W = np.ones((len(days), 1))
    found = grouped(W, [[1.0]], days)
    assert found["kind"] == "date"
    assert found["name"] == [str(month) for month in np.arange("2019-01", "2023-01", dtype="datetime64[M]")]
    assert sum(found["documents"]) == len(days)
    assert grouped(W[:3], [[1.0]], days[:3])["name"] == days[:3]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["2024-02", "2024-03-31"], "date"),
        (["2024-02-30", "2024-03-31"], "name"),  # no such day
        (["2024-13", "2024-01"], "name"),
        (["1e3", "-.5", "+7"], "number"),
        (["1_000", "7"], "name"),  # float() takes it, JavaScript's Number does not
        (["\u0663", "7"], "name"),
        (["nan", "7"], "name"),
        (["1e999", "7"], "name"),
        ([np.float64(2024), np.nan], "number"),
    ],
)
def test_groups_are_dates_numbers_or_names(values, kind):
    assert grouped(np.ones((2 + (len(values) > 2), 1)), [[1.0]], values)["kind"] == kind


def test_missing_groups_of_every_sort_are_counted():
    pandas = pytest.importorskip("pandas", reason="its NA and NaT are neither equal nor unequal to themselves")
    values = [None, "", "  ", np.nan, pandas.NA, pandas.NaT, "a"]
    found = grouped(np.ones((7, 1)), [[1.0]], values)
    assert (found["missing"], found["name"], found["documents"]) == (6, ["a"], [1])


def test_large_numbers_keep_their_order_when_they_are_taken_together():
    values = 1.7e12 + np.arange(1000.0)
    found = grouped(np.ones((1000, 1)), [[1.0]], values)
    assert 60 < len(found["name"]) <= MOST
    assert [float(name) for name in found["name"]] == sorted(float(name) for name in found["name"])


def test_the_largest_groups_are_shown_and_the_others_as_one():
    values = [f"small {i}" for i in range(300)] + ["large"] * 5 + ["second"] * 4
    found = grouped(np.ones((309, 1)), [[1.0]], values)
    shown = dict(zip(found["name"], found["documents"], strict=True))
    assert (shown["large"], shown["second"]) == (5, 4)
    assert shown["(all others)"] == 300 - (MOST - 3)


@pytest.mark.parametrize("values", [[f"name {i}" for i in range(999)], (np.arange(999) / 7).tolist()])
def test_many_groups_become_few(values):
    found = grouped(np.ones((999, 1)), [[1.0]], values)
    assert len(found["name"]) <= MOST
    assert sum(found["documents"]) == 999
