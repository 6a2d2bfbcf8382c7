"""Every kernel through the operand's methods: operations and bytes a second, as shares of what the machine can do.

    python -m pytest benchmarks/bench_kernels.py [--quick] [--data NAME] [--rank K]

The counts are formulas that stand beside the kernels in `kernels.py`. SGEMM and the copy of memory are timed before
and after each kernel, in the same process. This file also turns pytest-benchmark's JSON into a table and a plot.
"""

import statistics

import common
import numpy as np
import pytest
from kernels import CASES, KERNELS, as_in_a_fit, case_name, count, problem_of

ROUNDS, QUICK_ROUNDS = 15, 3
SPARSE, DENSE = ("newsgroups20", "made"), ("cbcl_faces", "made_dense")


@pytest.mark.parametrize(("kernel", "side"), CASES, ids=[case_name(*case) for case in CASES])
def test_kernel(benchmark, request, machine, rank, ratios, kernel, side):
    quick = request.config.getoption("--quick")
    names = SPARSE if kernel.storage == "sparse" else DENSE
    if quick:
        names = ("made_small",) if kernel.storage == "sparse" else ("digits",)
    elif kernel.storage == "sparse" and request.config.getoption("--data"):
        names = (request.config.getoption("--data"),)
    problem = problem_of(names, rank, kernel.loss, kernel.storage)
    rounds = QUICK_ROUNDS if quick else ROUNDS
    rates = [(machine.sgemm(), machine.copy()) for _ in range(2)]
    with as_in_a_fit():
        bench = problem.bench(kernel, side)
        benchmark.pedantic(bench.run, setup=bench.reset, rounds=rounds, iterations=1, warmup_rounds=1)
    rates += [(machine.sgemm(), machine.copy()) for _ in range(2)]
    if benchmark.disabled:
        return
    seconds = benchmark.stats.stats.median
    gemm, copy = (statistics.median(each) for each in zip(*rates, strict=True))
    flops, moved = (count(formula, bench.counts) for formula in (kernel.flops, kernel.bytes))
    benchmark.extra_info.update(
        kernel=kernel.name, side=side, data=problem.name, k=rank, seconds=seconds, flops=flops, bytes=moved,
        sgemm_rate=machine.flops / gemm, copy_rate=machine.bytes / copy,
        of_sgemm=flops / seconds / (machine.flops / gemm), of_copy=moved / seconds / (machine.bytes / copy),
    )  # fmt: skip
    ratios.append(
        f"{case_name(kernel, side):20s} {problem.name:12s} k={rank} {seconds * 1e3:8.3f} ms "
        f"{flops / seconds / 1e9:7.1f} GF/s {benchmark.extra_info['of_sgemm']:6.1%} of SGEMM "
        f"{moved / seconds / 1e9:7.1f} GB/s {benchmark.extra_info['of_copy']:6.1%} of a copy"
    )


# --- the section -----------------------------------------------------------------------------------------------------


def results_of(raw):
    """What is kept of pytest-benchmark's JSON."""
    return {"kernels": [each["extra_info"] | {"rounds": each["stats"]["rounds"]} for each in raw["benchmarks"]]}


def render(results, folder):
    """The table and the plot of all ranks."""
    lines = results["kernels"]
    if not lines:
        return "## Kernels\n\nNone was measured."
    formulas = {kernel.name: kernel for kernel in KERNELS}
    gemm, copy = (statistics.median(line[name] for line in lines) for name in ("sgemm_rate", "copy_rate"))
    text = (
        f"SGEMM on all cores: **{gemm / 1e9:.0f} GF/s**; a copy of memory, read and write: **{copy / 1e9:.1f} GB/s**; "
        "both measured beside each kernel. Operations and bytes are the formulas in `benchmarks/kernels.py`: bytes "
        "count a row of G for each nonzero, which comes from a shared cache more often than from memory, so their "
        "share may pass 100%. The factors are those after a dozen iterations; medians, float32."
    )
    rows = [
        [
            f"`{line['kernel']}`", line["side"], line["data"], line["k"], common.figures(line["seconds"] * 1e3),
            f"{line['flops'] / line['seconds'] / 1e9:.1f}", f"{line['of_sgemm']:.0%}",
            f"{line['bytes'] / line['seconds'] / 1e9:.1f}", f"{line['of_copy']:.0%}",
        ]
        for line in lines
    ]  # fmt: skip
    head = ["kernel", "side", "matrix", "k", "ms", "GF/s", "of SGEMM", "GB/s", "of a copy"]
    counts = [
        [f"`{name}`", f"`{kernel.flops}`", f"`{kernel.bytes}`", kernel.note]
        for name, kernel in formulas.items()
        if any(line["kernel"] == name for line in lines)
    ]
    legend = (
        "n, m: rows and columns of the side; nnz: entries; k, K: components, and padded; s, x, i: bytes of a factor's "
        "number, of a count, of an index; P: positive entries of F, each times its row's nonzeros."
    )
    parts = ["## Kernels", text, common.table(head, rows, 3), "### What was counted", legend]
    parts += [common.table(["kernel", "operations", "bytes", ""], counts, 4), draw(lines, folder)]
    return "\n\n".join(parts)


def draw(lines, folder):
    plt = common.plots()
    if plt is None:
        return common.NO_PLOT
    ranks = sorted({line["k"] for line in lines})
    lines = [line for line in lines if line["flops"] > 0 and line["k"] == (32 if 32 in ranks else ranks[0])]
    figure, axis = plt.subplots(figsize=(7, 0.34 * len(lines) + 1))
    places = np.arange(len(lines))
    looks = (("of_sgemm", -0.2, "0.25", None, "of SGEMM"), ("of_copy", 0.2, "0.8", "///", "of a copy of memory"))
    for name, shift, grey, hatch, label in looks:
        axis.barh(places + shift, [line[name] for line in lines], 0.4, color=grey, edgecolor="0", hatch=hatch,
                  linewidth=0.6, label=label)  # fmt: skip
    axis.set_yticks(places, [f"{line['kernel']} {line['side']}" for line in lines])
    axis.invert_yaxis()
    axis.set(xscale="log", xlabel="share of the machine's rate, measured in the same run")
    axis.axvline(1, color="0", lw=0.8)
    axis.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2)
    alt = "Two bars a kernel on a logarithmic axis: its share of the machine's SGEMM rate and of its rate of copying."
    caption = f"Kernels at k = {lines[0]['k']} against the machine's limits."
    return common.show(plt, figure, folder, "kernels", caption, alt)
