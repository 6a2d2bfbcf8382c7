"""Threads and processes: the same bits for any number of them, nothing left behind, and nobody killed.

numba's threading layer is chosen once a process, so each layer gets a process of its own, which runs all that threads
and forks may do and prints what came of it, line by line: an abort loses only what was to come.
"""

import hashlib
import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np
import pytest
import scipy.sparse as sp
from threadpoolctl import threadpool_info

import sparsenmf
from sparsenmf import factorize
from sparsenmf.datasets import load_digits, load_kjv
from sparsenmf.factorization import solve_rows
from tests.conftest import ROOT, THREADS
from tests.fits import each_loss, each_pair

LAYERS = ("omp", "workqueue", "tbb")
# Numba's tbb with more workers than cores was once seen to spin for ever in a pool of forked processes, after a fork
# beside a fit. So tbb has the two threads here that its users have on a small machine.
LAUNCHED = {"omp": max(THREADS), "workqueue": max(THREADS), "tbb": 2}

# Prints a line of JSON for each: its name, and what it found. `fit(n)` is a hash of factors on n threads.
SCRIPT = """
import hashlib, json, multiprocessing, os, sys, threading
from concurrent.futures import ThreadPoolExecutor
import numpy as np, scipy.sparse as sp
from joblib import Parallel, delayed
import numba
from threadpoolctl import threadpool_info
import sparsenmf
from sparsenmf._jit import threading_layer

def tell(name, value):
    print(json.dumps({name: value}), flush=True)

X = sp.csr_array(np.random.default_rng(0).poisson(0.4, (300, 200)).astype(np.float64))

def fit(n_threads=None, X=X, **arguments):
    found = []
    for solver, loss in (("auto", "kl"), ("mu", "frobenius"), ("cd", "frobenius")):
        f = sparsenmf.factorize(X, 5, solver=solver, loss=loss, max_iter=7, tol=0, random_state=0, n_threads=n_threads,
                                path="sparse", **arguments)
        found += [f.W.tobytes(), f.H.tobytes()]
    return hashlib.sha1(b"".join(found)).hexdigest()

def limits():
    return sorted((lib["filepath"], lib["num_threads"]) for lib in threadpool_info() if lib["user_api"] == "blas")

def forked(task):
    # What a forked child's task gives, and how the child ended.
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(write, task().encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        answer = pipe.read()
    return [answer, os.waitpid(child, 0)[1]]

MOST = numba.config.NUMBA_NUM_THREADS
SOME = max(1, MOST // 2)

def set_and_fit(n):
    # numba's number is a thread's own.
    numba.set_num_threads(n)
    return [fit(10 - n), numba.get_num_threads() == n]

def fork_beside_a_fit():
    # A fork while another thread is in the middle of a fit.
    inside, done = threading.Event(), threading.Event()
    def wait(record):
        inside.set()
        done.wait(60)
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(sparsenmf.factorize, X, 5, max_iter=3, n_threads=2, callback=wait)
        inside.wait(60)
        try:
            return forked(lambda: fit(2))
        finally:
            done.set()
            other.result()

if __name__ == "__main__":
    tell("limits before", limits())
    tell("first", fit(2))
    tell("layer", threading_layer())
    tell("limits after", limits())
    tell("launched", numba.config.NUMBA_NUM_THREADS)
    tell("serial", fit(1))
    tell("three", fit(3))
    tell("seven", fit(7))
    tell("default", fit())
    with ThreadPoolExecutor(4) as pool:
        tell("python threads", list(pool.map(fit, [2, 2, 2, 2])))
        tell("python threads of different numbers", list(pool.map(fit, [1, 3, None, 7])))
        tell("numbers of python threads", list(pool.map(set_and_fit, [SOME, MOST, SOME, MOST])))
    tell("limits after threads", limits())
    tell("joblib threads", Parallel(n_jobs=3, prefer="threads")(delayed(fit)(n) for n in (3, 1, 7)))
    tell("forked", forked(lambda: fit(7)))
    tell("forked twice", forked(lambda: forked(lambda: fit(2))[0]))
    tell("forked threads", forked(lambda: " ".join(ThreadPoolExecutor(2).map(fit, [2, 3]))))
    tell("after the forks", fit(7))
    tell("forked beside a fit", fork_beside_a_fit())
    with multiprocessing.get_context("fork").Pool(2) as pool:
        tell("fork pool", pool.map(fit, [1, 3, 7]))
    tell("joblib processes", Parallel(n_jobs=2, max_nbytes=1000)(delayed(fit)(2, X) for _ in range(3)))
    tell("limits at the end", limits())
"""

# numba's threads are the caller's here, and started before sparsenmf is imported.
FOREIGN = """
import os, sys
import numba, numpy as np
@numba.njit(parallel=True)
def double(a):
    for i in numba.prange(len(a)):
        a[i] *= 2
double(np.ones(1000))
if sys.argv[1] == "before":
    import sparsenmf
child = os.fork()
if child == 0:
    import sparsenmf
    fit = sparsenmf.factorize(np.eye(30), 3, max_iter=3, tol=0, n_threads=2, random_state=0)
    os._exit(0 if np.isfinite(fit.W).all() else 1)
print(os.waitpid(child, 0)[1])
"""


def process(code: str, layer: str, *arguments: str) -> subprocess.CompletedProcess:
    settings = os.environ | {"NUMBA_THREADING_LAYER": layer, "NUMBA_NUM_THREADS": str(LAUNCHED[layer])}
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=settings,
        timeout=400,
        check=False,
    )


@pytest.fixture(scope="module")
def ran():
    """What a process under a threading layer told, and its end; skips where the layer cannot be loaded."""
    if not hasattr(os, "fork"):
        pytest.skip("no processes are forked on this system")
    known = {}

    def run(layer: str) -> tuple[dict, subprocess.CompletedProcess]:
        if layer not in known:
            done = process(SCRIPT, layer)
            told = {}
            for line in done.stdout.splitlines():
                if line.startswith("{"):  # numba's tbb layer has remarks of its own about forks
                    told |= json.loads(line)
            known[layer] = told, done
        told, done = known[layer]
        if "No threading layer could be loaded" in done.stderr:
            pytest.skip(f"the threading layer {layer} is not there")
        return told, done

    return run


each_layer = pytest.mark.parametrize("layer", LAYERS)


def answer(ran, layer: str, name: str):
    told, done = ran(layer)
    assert name in told, f"ended with {done.returncode} before: {done.stderr[-3000:]}"
    return told[name]


@each_layer
def test_nobody_is_killed(ran, layer):
    told, done = ran(layer)
    assert done.returncode == 0, (list(told), done.stderr[-3000:])
    assert told["layer"] == layer
    assert told["launched"] == LAUNCHED[layer]


@each_layer
@pytest.mark.parametrize("name", ["serial", "three", "seven", "default", "after the forks"])
def test_the_same_bits_on_any_number_of_threads(ran, layer, name):
    assert answer(ran, layer, name) == answer(ran, layer, "first")


@each_layer
@pytest.mark.parametrize(
    "name",
    [
        "python threads",
        "python threads of different numbers",
        "joblib threads",
        "fork pool",
        "joblib processes",
    ],
)
def test_the_same_bits_side_by_side(ran, layer, name):
    assert set(answer(ran, layer, name)) == {answer(ran, layer, "first")}


@each_layer
@pytest.mark.parametrize("name", ["forked", "forked twice", "forked threads", "forked beside a fit"])
def test_the_same_bits_in_a_forked_child(ran, layer, name):
    factors, status = answer(ran, layer, name)
    assert status == 0
    assert set(factors.split()) == {answer(ran, layer, "first")}


@each_layer
def test_each_python_thread_keeps_its_number_of_threads(ran, layer):
    first = answer(ran, layer, "first")
    assert answer(ran, layer, "numbers of python threads") == [[first, True]] * 4


@each_layer
@pytest.mark.parametrize("name", ["limits after", "limits after threads", "limits at the end"])
def test_the_limits_of_blas_come_back(ran, layer, name):
    before = answer(ran, layer, "limits before")
    assert [entry for entry in answer(ran, layer, name) if entry in before] == before


@pytest.mark.parametrize("layer", ["omp", "tbb"])
def test_every_layer_gives_the_bits_of_workqueue(ran, layer):
    assert answer(ran, layer, "seven") == answer(ran, "workqueue", "seven")


@pytest.mark.parametrize("imported", ["before", "after"])
def test_a_fork_after_the_callers_own_parallel_code(ran, imported):
    ran("omp")  # skips where there is none
    done = process(FOREIGN, "omp", imported)
    assert (done.returncode, done.stdout.strip()) == (0, "0"), done.stderr[-3000:]


# --- in this process --------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def launched():
    """Nothing is tested by seven threads where numba launched fewer."""
    if max(THREADS) > numba.config.NUMBA_NUM_THREADS:
        pytest.skip(f"NUMBA_NUM_THREADS is below {max(THREADS)}")


def digest(*arrays: np.ndarray) -> str:
    return hashlib.sha1(b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)).hexdigest()


@pytest.fixture(scope="module")
def bible() -> sp.csr_array:
    return load_kjv().counts


@each_pair
def test_the_same_bits_on_a_real_sparse_matrix(bible, solver, loss):
    fits = [
        factorize(bible, 10, solver=solver, loss=loss, max_iter=7, tol=0, random_state=0, path="sparse", n_threads=n)
        for n in THREADS
    ]
    assert len({digest(fit.W, fit.H) for fit in fits}) == 1
    assert len({tuple(record[2:] for record in fit.history) for fit in fits}) == 1


@each_pair
def test_the_same_bits_on_a_real_dense_matrix(solver, loss):
    X = load_digits().pixels
    fits = [
        factorize(X, 10, solver=solver, loss=loss, max_iter=7, tol=0, random_state=0, path="dense", n_threads=n)
        for n in (*THREADS, 64)  # more than numba has launched
    ]
    assert len({digest(fit.W, fit.H) for fit in fits}) == 1
    assert len({tuple(record[2:] for record in fit.history) for fit in fits}) == 1


@pytest.mark.parametrize("init", ["random", "nndsvd", "nndsvdar"])
def test_the_same_start_for_any_number_of_threads(bible, init):
    fits = [factorize(bible, 5, init=init, max_iter=1, random_state=0, n_threads=n) for n in THREADS]
    assert len({digest(fit.W, fit.H) for fit in fits}) == 1


@each_loss
def test_the_same_bits_for_solved_rows(bible, loss):
    H = factorize(bible, 6, loss=loss, max_iter=3, random_state=0).H
    assert len({digest(solve_rows(bible, H, loss=loss, max_iter=20, n_threads=n)) for n in THREADS}) == 1


@each_loss
def test_the_same_values_for_any_number_of_threads(bible, loss):
    fit = factorize(bible, 6, loss=loss, max_iter=2, random_state=0)
    values = []
    before = numba.get_num_threads()
    try:
        for n in THREADS:
            numba.set_num_threads(n)
            values.append(
                [measure(bible, fit.W, fit.H, loss) for measure in (sparsenmf.objective, sparsenmf.kkt_residual)]
            )
            assert numba.get_num_threads() == n
    finally:
        numba.set_num_threads(before)
    assert values == [values[0]] * len(THREADS)


def blas_limits() -> dict[str, int]:
    """Of the BLAS that numpy calls (scipy's wheels bring one of their own), else of all there are."""
    every = {lib["filepath"]: lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "blas"}
    return {path: number for path, number in every.items() if "numpy" in path} or every


@pytest.mark.parametrize("set_to", [1, 3])
@pytest.mark.parametrize("n_threads", [None, 1, 7])
def test_the_callers_number_of_threads_comes_back(counts, set_to, n_threads):
    before = numba.get_num_threads()
    try:
        numba.set_num_threads(set_to)
        for path in ("sparse", "dense"):
            factorize(counts, 3, max_iter=3, n_threads=n_threads, path=path)
            solve_rows(counts, np.ones((2, 40)), n_threads=n_threads, path=path)
            assert numba.get_num_threads() == set_to
    finally:
        numba.set_num_threads(before)


def test_limits_come_back_after_an_error(counts):
    def fails(record):
        raise KeyError("mine")

    limits, threads = blas_limits(), numba.get_num_threads()
    assert limits
    with pytest.raises(KeyError):
        factorize(counts, 3, n_threads=1, callback=fails)
    with pytest.raises(ValueError, match="n_threads"):
        factorize(counts, 3, n_threads=-1)
    assert blas_limits() == limits
    assert numba.get_num_threads() == threads
    assert factorize(counts, 3, max_iter=2).n_iter == 2


def test_blas_has_one_thread_while_any_fit_runs_and_its_own_afterwards(counts):
    """Two fits that overlap: the first to end must not give BLAS its threads back under the other."""
    limits = blas_limits()
    inside, leave = [threading.Event() for _ in range(2)], [threading.Event() for _ in range(2)]

    def held(i):
        def wait(record):
            inside[i].set()
            assert leave[i].wait(60)
            return True

        return factorize(counts, 3, n_threads=1, callback=wait)

    with ThreadPoolExecutor(2) as pool:
        fits = [pool.submit(held, i) for i in range(2)]
        try:
            assert all(event.wait(60) for event in inside)
            assert set(blas_limits().values()) == {1}
            leave[0].set()
            fits[0].result(60)
            assert set(blas_limits().values()) == {1}
        finally:
            for event in leave:
                event.set()
        fits[1].result(60)
    assert blas_limits() == limits


def test_a_fit_inside_the_callback_of_a_fit(counts):
    inner = []

    def again(record):
        inner.append(factorize(counts, 3, max_iter=2, random_state=1, n_threads=1))

    outer = factorize(counts, 3, max_iter=4, tol=0, random_state=0, n_threads=2, callback=again)
    plain = factorize(counts, 3, max_iter=4, tol=0, random_state=0, n_threads=2)
    assert digest(outer.W, outer.H) == digest(plain.W, plain.H)
    assert len({digest(fit.W, fit.H) for fit in inner}) == 1
