"""The commands and their options. What they do stands in the modules beside this one, loaded when a command runs."""

import os
import traceback
from collections.abc import Callable, Sequence
from typing import Any

import click

from sparsenmf.cli.console import message, package

__all__ = ["app", "run"]


def run(argv: Sequence[str] | None = None) -> int:
    """Run a command; every error that a user can mend is one line on stderr."""
    try:
        return app.main(args=argv, prog_name="sparsenmf", standalone_mode=False) or 0
    except click.exceptions.NoArgsIsHelpError as help_wanted:
        help_wanted.show()
        return 2
    except click.UsageError as error:
        error.show()
        return 2
    except click.Abort:
        message("Interrupted: nothing was written.")
        return 130
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except SystemExit as stop:  # the reader of our output has closed the pipe
        return 0 if stop.code is None else int(stop.code)
    except (ValueError, OSError, MemoryError) as error:
        if os.environ.get("SPARSENMF_DEBUG"):
            traceback.print_exc()
        message(f"Error: {error or 'out of memory'}")
        return 1


def options(*decorators: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Several options as one decorator, in the order in which help shall list them."""

    def decorate(command: Any) -> Any:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return decorate


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
quiet_option = click.option("-q", "--quiet", is_flag=True, help="No messages and no progress.")
threads_option = click.option("--threads", type=click.IntRange(min=1), help="Threads.  [default: all cores]")
words_option = click.option(
    "-n", "--words", type=click.IntRange(min=1), help="Top words a topic.  [default: what fits a line, at most 10]"
)
rank_option = click.option(
    "--rank",
    type=click.Choice(["relevance", "weight", "lift"]),
    default="relevance",
    show_default=True,
    help="What makes a top word. weight: its probability in the topic; lift: that over its probability at large "
    "(rare words win); relevance: the geometric mean of the two.",
)
solver_options = options(
    click.option(
        "--loss",
        type=click.Choice(["kl", "kullback-leibler", "frobenius"]),
        default="kl",
        show_default=True,
        help="Cost.",
    ),
    click.option(
        "--solver", type=click.Choice(["auto", "mu", "cd", "gd"]), default="auto", show_default=True, help="Method."
    ),
    click.option(
        "--init",
        type=click.Choice(["auto", "random", "nndsvd", "nndsvda", "nndsvdar"]),
        default="auto",
        show_default=True,
        help="Start.",
    ),
    click.option("--max-iter", type=click.IntRange(min=1), default=200, show_default=True, help="Iterations at most."),
    click.option(
        "--tol",
        type=click.FloatRange(min=0),
        default=1e-4,
        show_default=True,
        help="Stop where the objective falls by no more than this share of it over a few iterations. 0: never early.",
    ),
    click.option("--max-seconds", type=click.FloatRange(min=0, min_open=True), help="Stop after so many seconds."),
    click.option("--step", type=click.FloatRange(min=0, min_open=True), help="Step, for --solver gd alone."),
    click.option(
        "--seed", type=click.IntRange(min=0, max=2**32 - 1), default=0, show_default=True, help="Random seed."
    ),
    click.option("--alpha-w", type=click.FloatRange(min=0), default=0.0, show_default=True, help="Penalty on W."),
    click.option("--alpha-h", type=click.FloatRange(min=0), help="Penalty on H.  [default: as --alpha-w]"),
    click.option(
        "--l1-ratio", type=click.FloatRange(0, 1), default=0.0, show_default=True, help="Share of L1 in the penalties."
    ),
    threads_option,
    click.option(
        "--dtype",
        type=click.Choice(["auto", "float32", "float64"]),
        default="auto",
        show_default=True,
        help="Precision; auto: as the input, float32 for counts.",
    ),
    click.option(
        "--path",
        type=click.Choice(["auto", "sparse", "dense"]),
        default="auto",
        show_default=True,
        help="Which code computes.",
    ),
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(version=getattr(package(), "__version__", "unknown"), prog_name="sparsenmf")
def app() -> None:
    """Non-negative matrix factorization of sparse counts.

    Try `sparsenmf demo`, then `sparsenmf fit X.npz -k 20 -o model.npz` and `sparsenmf topics model.npz`.
    """


@app.command(short_help="Factorize a matrix and write the model.")
@click.argument("matrix", type=click.Path())
@click.option("-k", "--components", type=click.IntRange(min=1), required=True, help="Number of components (topics).")
@click.option("-o", "--output", type=click.Path(), required=True, help="Model file to write (.npz).")
@solver_options
@click.option("--format", "input_format", type=click.Choice(["npz", "npy", "mtx"]), help="Format of MATRIX.")
@click.option(
    "--vocab", type=click.Path(), help="Names of the columns, one a line.  [default: vocab.txt beside MATRIX]"
)
@click.option("--rows", type=click.Path(), help="Names of the rows, one a line.  [default: rows.txt beside MATRIX]")
@click.option("-T", "--transpose", is_flag=True, help="The columns of MATRIX are the samples, as in terms x documents.")
@click.option("-f", "--force", is_flag=True, help="Replace the model file if it exists.")
@quiet_option
@json_option
def fit(**arguments: Any) -> None:
    """Factorize MATRIX (.npz, .npy, .mtx, .mtx.gz; rows are samples) and write the model."""
    from sparsenmf.cli.fitting import fit_file

    fit_file(**arguments)


@app.command(short_help="Show the topics of a model.")
@click.argument("model", type=click.Path())
@words_option
@rank_option
@json_option
def topics(model: str, words: int | None, rank: str, as_json: bool) -> None:
    """Show the topics of a MODEL that `fit` wrote: their share of all tokens and their top words."""
    from sparsenmf.cli.topics import show_model

    show_model(model, words, rank, as_json)


@app.command(short_help="Show versions, threads, BLAS, processor, cache.")
@json_option
def info(as_json: bool) -> None:
    """Show versions, threading layer, BLAS, processor and the cache of compiled kernels."""
    from sparsenmf.cli.machine import show

    show(as_json)


@app.command(short_help="Compile the kernels now.")
@click.option("--double", is_flag=True, help="Those for float64, too.")
@quiet_option
def warmup(double: bool, quiet: bool) -> None:
    """Compile the kernels into the cache now, so that no fit waits for it."""
    from sparsenmf.cli.fitting import warm_up

    warm_up(double, quiet)


@app.command(short_help="Topics of the King James Bible.")
@click.option("-k", "--components", type=click.IntRange(min=1), default=20, show_default=True, help="Number of topics.")
@click.option("--max-iter", type=click.IntRange(min=1), default=200, show_default=True, help="Iterations at most.")
@click.option("--seed", type=click.IntRange(min=0, max=2**32 - 1), default=0, show_default=True, help="Random seed.")
@threads_option
@words_option
@rank_option
@quiet_option
@json_option
def demo(**arguments: Any) -> None:
    """Find topics of the King James Bible (packaged word counts) and show them."""
    from sparsenmf.cli.demo import run_demo

    run_demo(**arguments)
