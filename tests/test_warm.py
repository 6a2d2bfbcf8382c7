"""What the warm-up promises: the first fit of a new process compiles nothing."""

import os
import subprocess
import sys

SCRIPT = """
import numpy as np, scipy.sparse as sp
from sparsenmf import _jit, factorize, warmup
from sparsenmf.kernels import coordinate, frobenius, gram, kl, rows, short

warmup(dtypes=("int64",), solvers=("auto",))
modules = coordinate, frobenius, gram, kl, rows, short
kernels = [k for module in modules for k in vars(module).values() if isinstance(k, _jit.Kernel)]
count = lambda: sum(len(k.parallel.signatures) + len(k.serial.signatures) for k in kernels)
before = count()
X = sp.csr_array(np.random.default_rng(0).poisson(np.linspace(0.05, 0.5, 80)[:, None] * np.ones(90)))
for loss in ("kl", "frobenius"):
    factorize(X, 4, loss=loss, random_state=0)
print(before, count() - before)
"""


def test_a_default_fit_of_counts_compiles_nothing_after_the_warm_up():
    run = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, env=os.environ, check=False)
    assert run.returncode == 0, run.stderr
    compiled, later = map(int, run.stdout.split())
    assert compiled > 8
    assert later == 0
