"""The command `info`: what a bug report needs to say about the machine."""

import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

from sparsenmf.cli.console import emit_facts
from sparsenmf.io.model import library_versions

__all__ = ["describe_machine", "show"]


def show(as_json: bool) -> None:
    """Print the facts, as a list or as JSON."""
    emit_facts(describe_machine(), as_json)


def describe_machine() -> dict[str, Any]:
    """Versions, threads, BLAS, processor and cache, under names fit for JSON."""
    versions = library_versions()
    for name in ("click", "rich"):
        versions[name] = metadata.version(name)
    return {
        "versions": versions,
        "platform": platform.platform(),
        "processor": _processor(),
        "threads": _threads(),
        "blas": _blas(),
        "cache": _cache(),
    }


def _processor() -> dict[str, Any]:
    from llvmlite import binding

    name = platform.processor() or platform.machine()
    if (facts := Path("/proc/cpuinfo")).is_file():
        models = [line for line in facts.read_text().splitlines() if line.startswith("model name")]
        name = models[0].partition(":")[2].strip() if models else name
    features = binding.get_host_cpu_features()
    simd = [feature for feature in ("avx512f", "avx2", "fma", "sse4.2", "neon", "sve") if features.get(feature)]
    return {"model": name, "llvm": binding.get_host_cpu_name(), "cores": os.cpu_count(), "simd": " ".join(simd)}


def _threads() -> dict[str, Any]:
    from sparsenmf._jit import thread_count, threading_layer

    return {"layer": threading_layer(), "count": thread_count()}


def _blas() -> list[dict[str, Any]]:
    """The BLAS libraries that are loaded: numpy's and scipy's are two."""
    import scipy.linalg  # noqa: F401 (loads scipy's)
    from threadpoolctl import threadpool_info

    found = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    return [
        {"name": pool["internal_api"], "version": pool["version"], "threads": pool["num_threads"]} for pool in found
    ]


def _cache() -> dict[str, Any]:
    """Where compiled kernels lie: as numba itself tells of one of them."""
    from sparsenmf._jit import Kernel
    from sparsenmf.kernels import kl

    kernels = [value for value in vars(kl).values() if isinstance(value, Kernel)]
    stats = getattr(kernels[0].parallel, "stats", None)
    if stats is None:  # NUMBA_DISABLE_JIT=1
        return {"folder": None, "files": 0, "megabytes": 0.0}
    folder = Path(stats.cache_path)
    files = list(folder.glob("*.nb[ci]")) if folder.is_dir() else []
    size = sum(file.stat().st_size for file in files)
    return {"folder": str(folder), "files": len(files), "megabytes": round(size / 1e6, 1)}
