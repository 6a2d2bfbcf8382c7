"""One side of `guard.py --against`: times the kernels of a checkout, each when it is told to.

    python benchmarks/worker.py FOLDER    the checkout in FOLDER, by the benchmarks of that checkout

Lines come in and go out as JSON. The first line out lists the kernels; then a kernel's name comes in, and its seconds
on this thread's own clock go out.
"""

import contextlib
import gc
import json
import pathlib
import statistics
import sys
import time

K = 32
NAMES = {"sparse": ("made_small",), "dense": ("made_dense",)}
LEAST = 0.02  # seconds of running a kernel to be told of one time
MOST = 25  # runs


def serve(folder, out):
    """Set up every kernel of the checkout, then time them as asked."""
    sys.path[0] = str(folder / "benchmarks")
    from kernels import CASES, as_in_a_fit, case_name, problem_of

    with as_in_a_fit(1):
        benches = {}
        for kernel, side in CASES:
            problem = problem_of(NAMES[kernel.storage], K, kernel.loss, kernel.storage, fixed=True)
            benches[case_name(kernel, side)] = problem.bench(kernel, side)

        def once(bench):
            bench.reset()
            began = time.thread_time()
            bench.run()
            return time.thread_time() - began

        runs = {}
        gc.disable()
        for name, bench in benches.items():
            once(bench)  # compiles
            runs[name] = max(1, min(MOST, int(LEAST / once(bench))))
        print(json.dumps(list(benches)), file=out, flush=True)
        for line in sys.stdin:
            name = json.loads(line)
            print(statistics.median(once(benches[name]) for _ in range(runs[name])), file=out, flush=True)


if __name__ == "__main__":
    with contextlib.redirect_stdout(sys.stderr):
        serve(pathlib.Path(sys.argv[1]).resolve(), sys.__stdout__)
