"""A guard against slower kernels: each kernel's time beside the machine's own, or beside another checkout's.

    python benchmarks/guard.py                    compares with guard.json; exit code 1 where a kernel is slower now
    python benchmarks/guard.py --update           rewrites guard.json
    python benchmarks/guard.py --against FOLDER   compares with the checkout in FOLDER, in turn; exit code 1 as above

A kernel's time is divided by that of a float32 matrix product and by that of a copy of memory, both of a fixed size and
measured just before it; the medians of many such ratios are compared. A kernel counts as slower where both ratios have
grown by more than `LIMIT`, and still have when it is measured again. All of it runs on one thread and is timed by that
thread's own clock, so that what else the machine does matters little. Matrices and factors are made up, always
the same.

Against another checkout, two processes stand side by side and run each kernel in turn. Where a process's arrays happen
to lie in memory decides some hundredths of a kernel's time, so `PAIRS` such pairs are started, one after another, and
the median of their ratios counts. What is above `CLOSE_LIMIT` then is measured by twice as many pairs more.

Ratios of another processor say little: after a change of machine, update first from a commit that is known to be good.
Timings never decide a test, and neither does this.
"""

import argparse
import contextlib
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import time

import common
from kernels import CASES, as_in_a_fit, case_name, problem_of
from worker import NAMES, K

KEPT = pathlib.Path(__file__).with_name("guard.json")
LIMIT, CLOSE_LIMIT = 1.3, 1.03
ROUNDS, QUICK_ROUNDS = 31, 5
PAIRS, PAIR_ROUNDS = 3, 11
SGEMM_SIZE, COPY_BYTES = 768, 1 << 25


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


class Checkout:
    """A process that times the kernels of one checkout; its compiled kernels are kept beside this checkout's."""

    def __init__(self, folder):
        settings = {"NUMBA_CACHE_DIR": str(common.ROOT / ".numba_cache" / "guard"), "PYTHONDONTWRITEBYTECODE": "1"}
        worker = pathlib.Path(__file__).with_name("worker.py")
        self.process = subprocess.Popen(
            [sys.executable, str(worker), str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=settings | os.environ | {"PYTHONPATH": str(folder)},
        )

    def _answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"the worker ended with exit code {self.process.wait()}")
        return json.loads(line)

    def names(self):
        """The kernels, once all are compiled."""
        return self._answer()

    def seconds(self, name):
        """The time of one kernel, now."""
        self.process.stdin.write(json.dumps(name) + "\n")
        self.process.stdin.flush()
        return self._answer()

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def ratios_of_pair(folder, chosen, rounds):
    """{kernel: the median of its time here over its time in the other checkout}, by one pair of processes."""
    with contextlib.closing(Checkout(common.ROOT)) as here, contextlib.closing(Checkout(folder)) as there:
        both = [here.names(), there.names()]
        ratios = {name: [] for name in both[0] if name in both[1] and chosen(name)}
        for turn in range(rounds):
            for name, each in ratios.items():
                if turn % 2:
                    own, other = here.seconds(name), there.seconds(name)
                else:
                    other, own = there.seconds(name), here.seconds(name)
                each.append(own / other)
    return {name: statistics.median(each) for name, each in ratios.items()}


def against(folder, only="", quick=False):
    """Compare the kernels whose names hold `only` with those of another checkout; the exit code."""
    pairs, rounds = (1, QUICK_ROUNDS) if quick else (PAIRS, PAIR_ROUNDS)
    found = [ratios_of_pair(folder, lambda name: only in name, rounds) for _ in range(pairs)]
    ratios = {name: [each[name] for each in found] for name in found[0]}
    suspects = [name for name, each in ratios.items() if statistics.median(each) > CLOSE_LIMIT]
    for _ in range(2 * pairs if suspects else 0):
        for name, ratio in ratios_of_pair(folder, lambda name: name in suspects, rounds).items():
            ratios[name].append(ratio)
    slower = [name for name, each in ratios.items() if statistics.median(each) > CLOSE_LIMIT]
    print(f"Times here over those in {folder}:")
    for name, each in ratios.items():
        mark = f"  SLOWER than {CLOSE_LIMIT} x" if name in slower else ""
        print(f"{name:22s} {statistics.median(each):6.3f}   ({min(each):.3f} to {max(each):.3f}){mark}")
    mean = common.geometric_mean(map(statistics.median, ratios.values()))
    print(f"{len(slower)} of {len(ratios)} kernels slower than {CLOSE_LIMIT} times; all: {mean:.3f} in the mean")
    return 1 if slower else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--update", action="store_true", help=f"rewrite {KEPT.name}")
    parser.add_argument("--against", metavar="FOLDER", type=pathlib.Path, help="compare with another checkout instead")
    parser.add_argument("--only", default="", help="with --against: the kernels whose names hold this text")
    parser.add_argument("--quick", action="store_true", help="few rounds")
    arguments = parser.parse_args()
    rounds = QUICK_ROUNDS if arguments.quick else ROUNDS
    if arguments.against is not None:
        return against(arguments.against.resolve(), arguments.only, arguments.quick)
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
