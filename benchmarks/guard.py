"""A guard against slower kernels: each kernel's time beside the machine's own, kept in `guard.json`.

    python benchmarks/guard.py            compares with guard.json; exit code 1 where a kernel has become slower
    python benchmarks/guard.py --update   rewrites guard.json

A kernel's time is divided by that of a float32 matrix product and by that of a copy of memory, both of a fixed size and
measured just before it; the medians of many such ratios are compared. A kernel counts as slower where both ratios have
grown by more than `LIMIT`, and still have when it is measured again. All of it runs on one thread and is timed by that
thread's own clock, so that what else the machine does matters little. Matrices and factors are made up, always
the same.

Ratios of another processor say little: after a change of machine, update first from a commit that is known to be good.
Timings never decide a test, and neither does this.
"""

import argparse
import json
import pathlib
import platform
import statistics
import sys
import time

import common
from kernels import CASES, as_in_a_fit, case_name, problem_of

KEPT = pathlib.Path(__file__).with_name("guard.json")
LIMIT = 1.3
ROUNDS, QUICK_ROUNDS = 31, 5
K = 32
SGEMM_SIZE, COPY_BYTES = 768, 1 << 25
NAMES = {"sparse": ("made_small",), "dense": ("made_dense",)}


def measure(rounds, only=None):
    """{kernel: (its time over SGEMM's, over a copy's)}: medians of ratios measured in turn."""
    benches = {}
    with as_in_a_fit(1):
        machine = common.Machine(SGEMM_SIZE, COPY_BYTES, alone=True)
        for kernel, side in CASES:
            if only is None or case_name(kernel, side) in only:
                problem = problem_of(NAMES[kernel.storage], K, kernel.loss, kernel.storage, fixed=True)
                bench = benches[case_name(kernel, side)] = problem.bench(kernel, side)
                bench.run(), bench.reset()  # compiles

        def ratios(bench):
            bench.reset()
            gemm, copy, own = machine.sgemm(), machine.copy(), common.seconds_of(bench.run, time.thread_time)
            return own / gemm, own / copy

        values = common.in_turn({name: lambda bench=bench: ratios(bench) for name, bench in benches.items()}, rounds)
    return {name: [statistics.median(each) for each in zip(*pairs, strict=True)] for name, pairs in values.items()}


def change(now, before):
    """How many times slower: by the kinder of the two measures."""
    return min(a / b for a, b in zip(now, before, strict=True))


def compare(kept, rounds):
    """Lines that tell of each kernel, and the names of those that became slower."""
    now = measure(rounds)
    suspects = [name for name in now if name in kept and change(now[name], kept[name]) > LIMIT]
    if suspects:
        second = measure(rounds, suspects)
        now |= {name: min(now[name], second[name]) for name in suspects}
    slower = [name for name in suspects if change(now[name], kept[name]) > LIMIT]
    lines = []
    for name, ratios in now.items():
        if name not in kept:
            lines.append(f"{name:22s} new: not in {KEPT.name}")
            continue
        mark = f"  SLOWER than {LIMIT} x" if name in slower else ""
        lines.append(f"{name:22s} {change(ratios, kept[name]):5.2f} times the time kept{mark}")
    lines += [f"{name:22s} gone" for name in kept if name not in now]
    return lines, slower


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--update", action="store_true", help=f"rewrite {KEPT.name}")
    parser.add_argument("--quick", action="store_true", help="few rounds")
    arguments = parser.parse_args()
    rounds = QUICK_ROUNDS if arguments.quick else ROUNDS
    here = common.describe_machine()
    place = {name: here[name] for name in ("processor", "cores", "blas", "sparsenmf")}
    if arguments.update:
        ratios = measure(rounds)
        kept = {"k": K, "machine": place | {"python": platform.python_version()}, "ratios": common.rounded(ratios, 4)}
        KEPT.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
        print(f"{len(ratios)} kernels written to {KEPT.name}")
        return 0
    if not KEPT.exists():
        print(f"no {KEPT.name}: make it with --update")
        return 2
    kept = json.loads(KEPT.read_text(encoding="utf-8"))
    if any(kept["machine"][name] != place[name] for name in ("processor", "cores", "blas")):
        print("kept on another machine: ratios are comparable only roughly")
        print(f"  {kept['machine']['processor']}, {kept['machine']['cores']} cores, {kept['machine']['blas']}")
    lines, slower = compare(kept["ratios"], rounds)
    print("\n".join(lines))
    print(f"{len(slower)} of {len(lines)} kernels slower than {LIMIT} times what was kept")
    return 1 if slower else 0


if __name__ == "__main__":
    sys.exit(main())
