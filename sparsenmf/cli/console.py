"""Where output goes: data to stdout, messages and the progress line to stderr."""

import json
import logging
import math
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from types import ModuleType
from typing import Any

import click
from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from sparsenmf.progress import seconds_left

__all__ = [
    "NOT_CONVERGED",
    "drop_stdout",
    "emit",
    "emit_facts",
    "emit_json",
    "emit_rich",
    "message",
    "number",
    "open_streams",
    "option_names",
    "package",
    "progress",
    "sparkline",
    "stdout_console",
]

#: The exit code of a fit that --strict finds wanting.
NOT_CONVERGED = 3

# Parameters of the library that are options under their own names, where an error gives them with a value or without.
_PARAMETERS = re.compile(
    r"\b(min_df|max_df|max_features|max_bytes|(?:errors|n_components|solver|init|loss|step)(?==))\b(=?)"
)

# Into a pipe a line is never folded: one topic stays one line for grep.
_UNFOLDED = 10_000


def package() -> ModuleType:
    """The package, whose lazy public names (`__version__`, `warmup`) stand above this module and are not imported."""
    return sys.modules["sparsenmf"]


def message(text: str) -> None:
    """Say something on stderr, as plain text."""
    click.echo(text, err=True)


def open_streams() -> None:
    """Where a shell has closed stdout or stderr (`>&-`), which Python then has as None: nobody reads them."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115


def option_names(text: str) -> str:
    """An error of the library in the terms of the command line: --min-df 9 for min_df=9."""

    def option(found: re.Match[str]) -> str:
        return f"--{found[1].removeprefix('n_').replace('_', '-')}{' ' if found[2] else ''}"

    return _PARAMETERS.sub(option, text)


def emit(text: str) -> None:
    """Write data to stdout; where the reader has closed the pipe (`| head`), end quietly: it has what it wanted."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        drop_stdout()
        sys.exit(0)


def drop_stdout() -> None:
    """After a closed pipe: Python flushes stdout once more at exit; let it have somewhere to go."""
    with suppress(OSError, ValueError):  # a stdout that is no file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def emit_json(value: Any) -> None:
    """Write one JSON document to stdout; NaN and infinities, which JSON lacks, as null."""
    emit(json.dumps(_finite(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def emit_rich(*parts: RenderableType) -> None:
    """Write tables and texts to stdout, in colour where it is a terminal that wants it."""
    console = stdout_console()
    with console.capture() as capture:
        for part in parts:
            console.print(part)
    lines = capture.get().split("\n")
    emit("\n".join(lines if console.is_terminal else map(str.rstrip, lines)))


def emit_facts(facts: Mapping[str, Any], as_json: bool) -> None:
    """Write facts to stdout: as JSON, or as two columns, names and values."""
    if as_json:
        emit_json(facts)
        return
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts.items():
        if value is not None:
            table.add_row(Text(name.replace("_", " ")), Text(_shown(value)))
    emit_rich(table)


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_shown(item)}" for key, item in value.items() if item is not None)
    if isinstance(value, (list, tuple)):
        return ("\n" if value and isinstance(value[0], Mapping) else ", ").join(map(_shown, value))
    return str(value)


def stdout_console() -> Console:
    """A console for stdout, as wide as the terminal, and unfolded into a pipe (unless COLUMNS says a width)."""
    unfolded = not sys.stdout.isatty() and not os.environ.get("COLUMNS")
    return Console(width=_UNFOLDED if unfolded else None, highlight=False)


@contextmanager
def progress(what: str, options: Any, quiet: bool = False) -> Iterator[Callable[[Any], None]]:
    """Tell on stderr how far a fit is, and show warnings as one line each.

    On a terminal one line is drawn anew at each iteration. A verbose fit logs a line for each iteration instead.

    Parameters
    ----------
    what : str
    options : FitOptions
    quiet : bool, default=False

    Yields
    ------
    callable
        The callback for the fit: takes a record and shows its iteration, objective, KKT residual, and how many
        seconds are left if nothing stops the fit before `max_iter` or `max_seconds`.
    """
    console = Console(stderr=True, highlight=False)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=12),
        TextColumn("{task.completed}/{task.total}"),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
    )
    shown = console.is_terminal and not console.is_dumb_terminal and not quiet and not options.verbose
    with ExitStack() as stack:
        stack.enter_context(_plain_warnings(quiet))
        if options.verbose:
            stack.enter_context(_lines())
        bar = stack.enter_context(Progress(*columns, console=console, transient=True, disable=not shown))
        task = bar.add_task(what, total=options.max_iter, note="")

        def callback(record: Any) -> None:
            left = seconds_left(record.iteration, record.seconds, options.max_iter, options.max_seconds)
            end = "" if left is None else f", {left:.0f} s left"
            note = f"objective {number(record.objective)}, KKT {record.kkt:.1e}{end}"
            bar.update(task, completed=record.iteration, note=note)

        stack.enter_context(_watched_compiler(lambda: bar.update(task, note="compiling, once ...")))
        yield callback


@contextmanager
def _lines() -> Iterator[None]:
    """Write what the fit logs to stderr, a line each."""
    logger, handler = logging.getLogger("sparsenmf"), logging.StreamHandler()
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


@contextmanager
def _watched_compiler(started: Callable[[], None]) -> Iterator[None]:
    """Call `started` when numba begins to compile a function, so that nobody wonders what takes so long."""
    from numba.core import event

    class Listener(event.Listener):
        def on_start(self, event: Any) -> None:
            started()

        def on_end(self, event: Any) -> None:
            pass

    with event.install_listener("numba:compile", Listener()):
        yield


@contextmanager
def _plain_warnings(quiet: bool) -> Iterator[None]:
    with warnings.catch_warnings():
        if not quiet:
            warnings.showwarning = lambda text, *_, **__: message(f"Warning: {text}")
        yield


def number(value: float) -> str:
    """A number for a person: 1,100,485 or 0.0123457 or 1.5e+20."""
    return f"{value:,.0f}" if 1e4 <= abs(value) < 1e15 else f"{value:.6g}"


def sparkline(values: Sequence[float], width: int, encoding: str = "utf-8") -> Text:
    """A curve as one line of blocks, at most `width` wide; ASCII where the encoding has no blocks."""
    blocks = "▁▂▃▄▅▆▇█" if encoding.lower().startswith("utf") else "_.-:=+*#"
    count = min(width, len(values))
    picked = [values[round(i * (len(values) - 1) / max(count - 1, 1))] for i in range(count)]
    low, high = min(picked), max(picked)
    scale = (len(blocks) - 1) / (high - low) if high > low else 0.0
    return Text("".join(blocks[round((value - low) * scale)] for value in picked), style="cyan")


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
