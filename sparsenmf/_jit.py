"""Compile policy and threads: the only module that touches Numba's decorators.

Every kernel is compiled twice from one source, lazily: with its `prange` loops on Numba's threads, and serially. The
call chooses. Kernels use no fast-math and every `prange` iteration writes its own block, so both give the same bits.

Threading layers, and what keeps a user's process alive under each:

- tbb: safe from several Python threads and in forked children. pip puts its library where the loader does not look,
  so it is loaded here by path first (the extra `sparsenmf[tbb]`).
- omp: safe from several threads; a forked child of a process that has used it is killed by its runtime, so there the
  serial kernel runs.
- workqueue: aborts the process when two threads enter it, so a lock lets them in one by one; serial in a forked child.
"""

import contextlib
import ctypes
import functools
import os
import pathlib
import sys
import threading
import types
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numba
import numpy as np
from numba import njit, prange
from numba.core import config
from threadpoolctl import ThreadpoolController

__all__ = ["for_blocks", "helper", "kernel", "plain", "prange", "thread_count", "threading_layer", "threads"]

T = TypeVar("T")
_OPTIONS: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy"}
JIT_DISABLED = bool(config.DISABLE_JIT)


def _salt() -> str:
    """A name for the versions of the files that every kernel depends on but Numba's cache does not watch."""
    here = pathlib.Path(__file__).parent
    try:
        files = [here / "_jit.py", *sorted((here / "kernels").glob("*.py"))]
        return f"{zlib.crc32(b''.join(file.read_bytes() for file in files)):08x}"
    except OSError:
        return "0"


_SALT = _salt()


def _renamed(function: types.FunctionType, role: str) -> types.FunctionType:
    """A copy under a name of its own: Numba's cache key holds the name, but no compile option."""
    name = f"{function.__qualname__}_{role}_{_SALT}"
    copy = types.FunctionType(function.__code__, function.__globals__, function.__name__, function.__defaults__)
    copy.__qualname__ = name
    copy.__module__ = function.__module__
    return copy


def helper(function: Any) -> Any:
    """Compile a function that kernels of the same file call."""
    return njit(**_OPTIONS)(_renamed(function, "helper"))


_MAKING = threading.RLock()  # held while something that threads share is made: an operand, a transpose, a plan


def _new_making_lock() -> None:
    """In a forked child, nobody is there to let go of the lock that a thread of the parent held."""
    global _MAKING  # noqa: PLW0603
    _MAKING = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_new_making_lock)


def made_once(kept: dict[Any, T], key: Any, make: Callable[[], T]) -> T:
    """kept[key], made by the first thread that asks."""
    if key not in kept:
        with _MAKING:
            if key not in kept:
                kept[key] = make()
    return kept[key]


INHERITED = -1  # stands for a process that is not this one


class _Layer:
    """Numba's threads: which layer they are, which process started them, how many this Python thread may use."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.name: str | None = None
        self.process: int | None = INHERITED if _numba_runs() and _alone() else None
        self.local = threading.local()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(before=self._note_threads, after_in_child=self._forked)

    def _note_threads(self) -> None:
        """Before a fork: threads that others started with Numba are this process's too."""
        if self.process is None and _numba_runs():
            self.process = os.getpid()

    def _forked(self) -> None:
        self.lock = threading.RLock()

    def start(self) -> None:
        with self.lock:
            if self.name is None:
                self.process = self.process or os.getpid()
                _preload_tbb()
                numba.get_num_threads()  # starts the threads
                self.name = numba.threading_layer()

    def usable(self) -> bool:
        """Whether this process may run parallel kernels (after `start`)."""
        return self.name == "tbb" or self.process == os.getpid()


def _numba_runs() -> bool:
    """Whether somebody has started Numba's threads in this process or in one that it was forked from."""
    return bool(getattr(sys.modules.get("numba.np.ufunc.parallel"), "_is_initialized", False))


def _alone() -> bool:
    """Whether this process has one thread only (if it can tell): then threads that Numba knows of were a parent's."""
    tasks = pathlib.Path("/proc/self/task")
    return tasks.exists() and len(list(tasks.iterdir())) == 1


_LAYER = _Layer()


def _preload_tbb() -> None:
    """Load pip's libtbb by path, since the dynamic loader does not search a virtual environment."""
    for name in ("libtbb.so.12", "libtbb.12.dylib"):
        path = pathlib.Path(sys.prefix) / "lib" / name
        if path.exists():
            with contextlib.suppress(OSError):
                ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)


def thread_count() -> int:
    """Threads that kernels called from this Python thread use: what `threads` says, else what Numba is set to."""
    chosen = getattr(_LAYER.local, "count", None)
    if chosen is not None:
        return int(chosen)
    return int(numba.get_num_threads() if _numba_runs() else config.NUMBA_NUM_THREADS)


def threading_layer() -> str:
    """The name of Numba's threading layer (starts it)."""
    _LAYER.start()
    return str(_LAYER.name)


class Kernel:
    """A compiled kernel that runs on as many threads as `threads` says."""

    def __init__(self, function: types.FunctionType) -> None:
        functools.update_wrapper(self, function)
        self.parallel = njit(parallel=True, **_OPTIONS)(_renamed(function, "parallel"))
        self.serial = njit(**_OPTIONS)(_renamed(function, "serial"))

    def __call__(self, *args: Any) -> Any:
        count = thread_count()
        if JIT_DISABLED or count == 1:
            return self.serial(*args)
        _LAYER.start()
        if not _LAYER.usable():
            return self.serial(*args)
        before = numba.get_num_threads()
        numba.set_num_threads(min(count, config.NUMBA_NUM_THREADS))
        try:
            with _LAYER.lock if _LAYER.name == "workqueue" else contextlib.nullcontext():
                return self.parallel(*args)
        finally:
            numba.set_num_threads(before)


def kernel(function: Any) -> Kernel:
    """Compile a loop over blocks of rows, serially and in parallel; nothing is compiled before the first call."""
    return Kernel(function)


class _Writable:
    """The memory of an array, declared writable; keeps the array alive."""

    def __init__(self, array: np.ndarray) -> None:
        interface = array.__array_interface__
        self.array = array
        self.__array_interface__ = interface | {"data": (interface["data"][0], False)}


def plain(array: np.ndarray) -> np.ndarray:
    """The same memory as a contiguous ndarray that Numba types as writable.

    Numba compiles a kernel anew for read-only arrays (memory maps, what joblib shares). X is only ever read, so one
    compiled kernel may serve both. Kernels address it by flat offsets: strides are undone here.
    """
    array = np.ascontiguousarray(array)
    if type(array) is np.ndarray and array.flags.writeable:
        return array
    return np.asarray(_Writable(array))


class _Blas:
    """BLAS on one thread while any fit runs: blocks go to our own threads, so the bits do not depend on its threads.

    OpenBLAS has one number of threads a process (unless built on OpenMP), which threadpoolctl lets one Python thread
    set: the first, as long as it lives. So it is set and restored from threads that end at once.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.users = 0
        self.controller: ThreadpoolController | None = None
        self.limit: Any = None
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forked)

    def _forked(self) -> None:
        self.lock, self.users = threading.Lock(), 0

    def _set(self) -> None:
        if self.controller is None:
            import scipy.linalg  # noqa: F401 - np.dot in kernels calls SciPy's BLAS, which is to be found here

            self.controller = ThreadpoolController()
        self.limit = self.controller.limit(limits=1, user_api="blas")

    def _restore(self) -> None:
        self.limit.restore_original_limits()

    @staticmethod
    def _elsewhere(call: Callable[[], None]) -> None:
        thread = threading.Thread(target=call)
        thread.start()
        thread.join()

    def own_thread(self) -> list[Any]:
        """Libraries that have a number of threads for each Python thread."""
        libraries = self.controller.lib_controllers if self.controller else []
        return [
            library
            for library in libraries
            if library.user_api == "blas"
            and (library.internal_api == "mkl" or getattr(library, "threading_layer", "") == "openmp")
        ]

    def __enter__(self) -> list[tuple[Any, int]]:
        with self.lock:
            if self.users == 0:
                self._elsewhere(self._set)
            self.users += 1
        before = [(library, library.num_threads) for library in self.own_thread()]
        for library, _ in before:
            library.set_num_threads(1)
        return before

    def __exit__(self, *exc: object) -> None:
        with self.lock:
            self.users = max(self.users - 1, 0)
            if self.users == 0:
                self._elsewhere(self._restore)


_BLAS = _Blas()
_POOLS: dict[tuple[int, int], ThreadPoolExecutor] = {}


def _one_blas_thread() -> None:
    for library in _BLAS.own_thread():
        library.set_num_threads(1)


def for_blocks(function: Callable[[int], T], count: int) -> list[T]:
    """[function(0), ..., function(count - 1)], on as many threads as `threads` says; for calls that drop the GIL."""
    workers = min(thread_count(), count)
    if workers <= 1:
        return [function(b) for b in range(count)]
    key = (os.getpid(), workers)  # a forked child has none of its parent's threads
    if key not in _POOLS:
        _POOLS[key] = ThreadPoolExecutor(workers - 1, "sparsenmf", initializer=_one_blas_thread)

    def share(worker: int) -> list[T]:
        return [function(b) for b in range(worker, count, workers)]

    others = [_POOLS[key].submit(share, worker) for worker in range(1, workers)]
    shares = [share(0), *(other.result() for other in others)]
    return [shares[b % workers][b // workers] for b in range(count)]


@contextlib.contextmanager
def threads(count: int | None) -> Iterator[None]:
    """Kernels called inside, from this Python thread, use `count` threads (None: as many as before); BLAS one."""
    before = getattr(_LAYER.local, "count", None)
    _LAYER.local.count = before if count is None else count
    own: list[tuple[Any, int]] = []
    try:
        with _BLAS as own:
            yield
    finally:
        for library, number in own:
            library.set_num_threads(number)
        _LAYER.local.count = before
