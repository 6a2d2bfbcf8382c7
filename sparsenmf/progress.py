"""What a fit tells while it runs: the log of the logger "sparsenmf", and a bar where nobody listens to the logger."""

from __future__ import annotations

import contextlib
import logging
import shutil
import sys
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sparsenmf.options import FitOptions
    from sparsenmf.state import FitState

_LOG = logging.getLogger("sparsenmf")
_WIDTH = 20  # of the bar
_LOCK, _TELLING = threading.Lock(), {"fits": 0, "level": 0}
_OURS = "sparsenmf.fit"  # the name of handlers that fits put up for themselves


def seconds_left(iteration: int, seconds: float, max_iter: int, max_seconds: float | None) -> float | None:
    """At most how long a fit still takes, from its speed so far; None before the first iteration."""
    if iteration == 0:
        return None
    left = seconds / iteration * (max_iter - iteration)
    return left if max_seconds is None else min(left, max(max_seconds - seconds, 0.0))


class Bar(logging.StreamHandler):
    """On a terminal, a line that is written again and again: how far the fit is, and the time left."""

    def __init__(self, options: FitOptions, state: FitState) -> None:
        super().__init__(sys.stderr)
        self.options, self.state = options, state

    def emit(self, record: logging.LogRecord) -> None:
        """Draw the bar; the last line stays."""
        state, total = self.state, self.options.max_iter
        if record.levelno > logging.DEBUG:
            self.stream.write(f"\r\x1b[K{record.getMessage()}\n")
            return
        done = min(_WIDTH, _WIDTH * state.iteration // total)
        left = seconds_left(state.iteration, state.seconds, total, self.options.max_seconds)
        end = "" if left is None else f", at most {left:.0f} s left"
        line = f"[{'#' * done:{_WIDTH}s}] {record.getMessage()}{end}"
        self.stream.write("\r\x1b[K" + line[: shutil.get_terminal_size().columns - 1])  # a folded line would stay
        self.stream.flush()


def _raise_level(by: int) -> None:
    """One fit more (1) or less (-1) tells. The last to end puts the level of the logger back."""
    with _LOCK:
        if not _TELLING["fits"]:
            _TELLING["level"] = _LOG.level
        _TELLING["fits"] += by
        _LOG.setLevel(logging.DEBUG if _TELLING["fits"] else _TELLING["level"])


@contextlib.contextmanager
def told(options: FitOptions, state: FitState) -> Iterator[None]:
    """Above verbosity 0, let the log of the fit through, to standard error where nobody listens to the logger."""
    if not options.verbose:
        yield
        return
    ours = [handler for handler in _LOG.handlers if handler.name == _OURS]
    handler = None
    if len(ours) == len(_LOG.handlers) and not (_LOG.propagate and logging.root.handlers):
        handler = Bar(options, state) if sys.stderr.isatty() else logging.StreamHandler()
        handler.name = _OURS
        thread = threading.get_ident()
        handler.addFilter(lambda record: record.thread == thread)  # other fits may run beside this one
        _LOG.addHandler(handler)
    _raise_level(1)
    try:
        yield
    finally:
        _raise_level(-1)
        if handler:
            _LOG.removeHandler(handler)
