"""A prepared X is shared: by functions, fits and threads, with the same bits; and it goes with its last user."""

import copy
import gc
import os
import pickle
import signal
import threading
import time
import weakref

import numpy as np
import pytest
import scipy.sparse as sp

from sparsenmf import NMF, factorize, kkt_residual, non_negative_factorization, objective, prepare
from sparsenmf._jit import made_once
from sparsenmf._validation import check_matrix
from sparsenmf.datasets import make_counts
from sparsenmf.operand import as_operand
from sparsenmf.rows import solve_rows
from sparsenmf.topics import TopicModel, coherence, held_out
from tests.fits import EVERYTHING, each_path, same_factors


@pytest.mark.parametrize("form", [sp.csr_array, lambda X: X.toarray()], ids=["sparse", "dense"])
def test_every_function_takes_it(counts, form):
    X = form(counts)
    P = prepare(X)
    assert prepare(P) is P
    assert (P.shape, P.ndim, P.dtype, P.nnz) == (X.shape, 2, X.dtype, counts.nnz)
    plain = factorize(X, 3, random_state=0)
    fitted = factorize(P, 3, random_state=0)
    assert same_factors(plain, fitted)
    for measure in (objective, kkt_residual):
        assert measure(P, fitted.W, fitted.H) == measure(X, fitted.W, fitted.H)
    assert np.array_equal(solve_rows(P, fitted.H), solve_rows(X, fitted.H))
    for make in (lambda: NMF(3, random_state=0), lambda: TopicModel(3, random_state=0)):
        assert np.array_equal(make().fit_transform(P), make().fit_transform(X))
    assert make().fit(P).n_features_in_ == X.shape[1]
    ours, theirs = (non_negative_factorization(A, n_components=3, random_state=0) for A in (P, X))
    assert np.array_equal(ours[1], theirs[1])
    assert held_out(P, fitted.H) == held_out(X, fitted.H)
    assert np.array_equal(coherence.npmi([[0, 1, 2]], P), coherence.npmi([[0, 1, 2]], X))


def test_it_is_checked_as_any_x():
    with pytest.raises(ValueError, match=r"X\[0, 1\] = -1.0 is the first"):
        prepare([[1.0, -1.0]])
    with pytest.raises(ValueError, match="Unknown path 'x'"):
        prepare([[1.0]], path="x")
    with pytest.raises(ValueError, match="Unknown dtype"):
        prepare([[1.0]], dtype="int8")
    with pytest.raises(ValueError, match="nothing to factorize"):
        factorize(prepare([[0.0]]), 1)


def test_it_passes_to_another_process(counts):
    P = prepare(counts)
    again = pickle.loads(pickle.dumps(P))
    assert repr(again) == repr(P) == f"<Prepared: 60 x 40, sparse, {counts.nnz} nonzeros, int64>"
    assert same_factors(*(factorize(each, 3, random_state=0, max_iter=5) for each in (P, again, copy.deepcopy(P))[:2]))


@each_path
def test_the_transpose_is_made_once_and_is_no_cycle(counts, path):
    X = as_operand(check_matrix(counts), np.dtype(np.float32), path)
    assert X.T is X.T
    assert X.T.T is X
    gone = weakref.ref(X.T)
    gc.disable()
    try:
        del X
        assert gone() is None, "X' waits for a collector pass"
    finally:
        gc.enable()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_child_that_was_forked_while_a_thread_made_something_does_not_wait_for_it(counts):
    held, go = threading.Event(), threading.Event()

    def hold():
        made_once({}, "slow", lambda: (held.set(), go.wait(30)))

    worker = threading.Thread(target=hold)
    worker.start()
    held.wait()
    child = os.fork()
    if child == 0:
        as_operand(check_matrix(counts), np.dtype(np.float32), "dense").T  # noqa: B018
        os._exit(0)
    deadline = time.monotonic() + 20
    while (ended := os.waitpid(child, os.WNOHANG))[0] == 0 and time.monotonic() < deadline:
        time.sleep(0.02)
    if ended[0] == 0:
        os.kill(child, signal.SIGKILL)
    go.set()
    worker.join()
    assert ended == (child, 0)


def test_the_transpose_outlives_x(counts):
    T = as_operand(check_matrix(counts), np.dtype(np.float32), "sparse").T
    assert np.array_equal(T.T.times(np.ones((40, 16), np.float32)), counts @ np.ones((40, 16), np.float32))


def test_threads_make_one_transpose(counts):
    X = as_operand(check_matrix(sp.vstack([counts] * 200)), np.dtype(np.float32), "sparse")
    seen, ready = [], threading.Barrier(6)

    def ask():
        ready.wait()
        seen.append(X.T)

    run_together([ask] * 6)
    assert len(set(map(id, seen))) == 1


def run_together(calls):
    workers = [threading.Thread(target=call) for call in calls]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def test_eight_threads_fit_one_prepared_x(counts):
    """Eight fits at once, of different solvers, widths and dtypes: the bits of eight fits one after the other."""
    X = make_counts(120, 90, 4, mean_length=60, random_state=0).counts
    tasks = [
        {"solver": solver, "loss": loss, "path": path, "n_components": 3 + i, "dtype": ("float32", "float64")[i % 2]}
        for i, (solver, loss, path) in enumerate(EVERYTHING[::2])
    ]
    assert len(tasks) == 8

    def fit(P, task, n_threads=None):
        return factorize(P, **task, random_state=0, max_iter=12, tol=0, n_threads=n_threads)

    alone = [fit(X, task) for task in tasks]
    for repeat in range(20):
        P, found, ready = prepare(X), [None] * 8, threading.Barrier(8)

        def run(i, P=P, found=found, ready=ready, repeat=repeat):
            ready.wait()
            found[i] = fit(P, tasks[i], n_threads=1 + (i + repeat) % 3)

        run_together([lambda i=i: run(i) for i in range(8)])
        for one, other in zip(alone, found, strict=True):
            assert same_factors(one, other), repeat


def test_a_fit_of_a_prepared_x_does_not_check_it_again(counts, monkeypatch):
    P = prepare(counts)
    P.checked_matrix.data[0] = -1  # nobody should do this; who looks at the values again would see it

    def refuse(*args):
        raise AssertionError("X is checked again")

    monkeypatch.setattr("sparsenmf._validation._check_values", refuse)
    start = time.perf_counter()
    factorize(P, 2, random_state=0, max_iter=1)
    assert time.perf_counter() > start
