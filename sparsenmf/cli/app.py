"""The commands. What they do stands in the modules beside this one, loaded when a command runs."""

import functools
import importlib
import os
import traceback
from collections.abc import Callable, Sequence
from typing import Any

import click

from sparsenmf.cli import options
from sparsenmf.cli.console import drop_stdout, message, open_streams, option_names, package
from sparsenmf.cli.suggesting import no_such_option

__all__ = ["app", "run"]


def run(argv: Sequence[str] | None = None) -> int:
    """Run a command; every error that a user can mend is one line on stderr."""
    open_streams()
    try:
        return app.main(args=argv, prog_name="sparsenmf", standalone_mode=False) or 0
    except click.exceptions.NoArgsIsHelpError as help_wanted:
        help_wanted.show()
        return 2
    except click.UsageError as error:
        (no_such_option(error) if isinstance(error, click.NoSuchOption) else error).show()
        return 2
    except click.Abort:
        message("Interrupted: nothing was written.")
        return 130
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except SystemExit as stop:  # the reader of a table has closed the pipe; or shell completion is done
        return 0 if stop.code is None else int(stop.code)
    except (ValueError, TypeError, ImportError, OSError, MemoryError) as error:
        if os.environ.get("SPARSENMF_DEBUG"):
            traceback.print_exc()
        message(f"Error: {option_names(' '.join(str(error).split())) or 'out of memory'}")
        return 1


def examples(*lines: str) -> str:
    r"""The end of a help text: commands to copy. (Click leaves a paragraph after \b as it is.)"""
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])


class Commands(click.Group):
    """The group of commands, in which a closed pipe (`| head`) is no failure: Click would exit with 1."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; where the reader of its output has closed the pipe, it has what it wanted."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            drop_stdout()
            return 0


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=examples(
        "sparsenmf demo",
        "sparsenmf fit X.npz -k 20 -o model.npz",
        "sparsenmf topics model.npz",
        "sparsenmf topics news.jsonl.gz --column text -k 30 -o model.npz",
    ),
)
@click.version_option(version=getattr(package(), "__version__", "unknown"), prog_name="sparsenmf")
def app() -> None:
    """Non-negative matrix factorization of sparse counts: from matrices or texts to topics."""


def command(work: str, short_help: str, *lines: str) -> Callable[[Any], click.Command]:
    """A command by its name, help text and options, which calls a function of a module beside this one.

    Parameters
    ----------
    work : str
        The module and the function, as "fitting:fit_file". The module is loaded when the command runs.
    short_help : str
    *lines : str
        The examples that end the help text.
    """
    module, _, function = work.partition(":")

    def decorate(described: Any) -> click.Command:
        @functools.wraps(described)
        def run_work(**arguments: Any) -> Any:
            return getattr(importlib.import_module(f"sparsenmf.cli.{module}"), function)(**arguments)

        return app.command(short_help=short_help, epilog=examples(*lines))(run_work)

    return decorate


@command(
    "fitting:fit_file",
    "Factorize a matrix, or texts, and write the model.",
    "sparsenmf fit X.npz -k 20",
    "sparsenmf fit docword.kos.txt.gz --vocab vocab.kos.txt -k 20 -o model.npz",
    "sparsenmf fit cells.h5ad --layer counts -k 30 --max-iter 500 -o model.npz",
    "sparsenmf fit tfidf.mtx.gz --loss frobenius -k 20 -o model.npz",
    "zcat news.jsonl.gz | sparsenmf fit - --format jsonl --column body -k 30 -o model.npz",
)
@options.matrix
@options.components("Number of components (topics).", required=True)
@options.output("Model file to write (.npz).  [default: X.model.npz for X.npz, in this folder]")
@options.solver
@options.reading
@options.counting
@options.strict
@options.force
@options.quiet
@options.as_json
def fit() -> None:
    """Factorize MATRIX and write the model. Rows are samples; texts are counted first; - is standard input."""


@command(
    "transforming:transform_file",
    "Weights of new rows for the components of a model.",
    "sparsenmf transform model.npz new.npz -o weights.npz",
    "sparsenmf transform model.npz new.jsonl --column text --proportions -o weights.csv",
    "sparsenmf transform model.npz new.npz -o - | head",
)
@options.model
@options.matrix
@options.output("File of weights to write (.npy, .npz, .csv, .tsv, .mtx, .parquet, ...); - is stdout.", required=True)
@click.option(
    "--output-format",
    type=click.Choice([*options.WRITTEN, "npy"]),
    help="Format of the weights.  [default: by the name; tsv to standard output]",
)
@click.option("--proportions", is_flag=True, help="Each row's shares of its components, which sum to 1.")
@click.option("--max-iter", type=options.Whole(min=1), default=200, show_default=True, help="Passes over a row.")
@click.option(
    "--tol", type=options.Number(min=0), default=1e-4, show_default=True, help="A row is done where less moves."
)
@options.threads
@options.reading
@options.force
@options.quiet
@options.as_json
def transform() -> None:
    """Find the weights of the rows of MATRIX for the components of MODEL, each row by itself.

    Columns are matched by name where both have names, else by their order. Texts are counted by the model's vocabulary.
    """


@command(
    "finding:topics",
    "Topics of a model, or of texts or a matrix.",
    "sparsenmf topics model.npz",
    "sparsenmf topics model.npz -n 25 --rank probability",
    "sparsenmf topics model.npz --rank relevance --lambda 0.3 --json",
    "sparsenmf topics model.npz --rank frex",
    "sparsenmf topics news.jsonl.gz --column text -k 30",
    "sparsenmf topics news.jsonl.gz --column text -k 30 -o model.npz --report report.html --group year",
)
@click.argument("source", metavar="MODEL|DATA", type=options.DATA)
@options.words
@options.ranking
@options.components("Find so many topics in DATA; all options below are for it.")
@options.output("Model file to write (.npz).")
@click.option("--report", type=click.Path(), help="Report to write (.html).")
@options.group
@options.solver
@options.reading
@options.counting
@options.strict
@options.force
@options.quiet
@options.as_json
def topics() -> None:
    """Show topics: their share of all tokens and their top words.

    Of a MODEL that `fit` wrote; or, with -k, of DATA (texts or a matrix), which are counted and factorized first.
    """


@command(
    "evaluating:evaluate_file",
    "How well a model describes a matrix.",
    "sparsenmf evaluate model.npz X.npz",
    "sparsenmf evaluate model.npz held_out.npz --new-rows --json",
)
@options.model
@options.matrix
@click.option("--new-rows", is_flag=True, help="Solve for the weights, also where the model may have some.")
@click.option(
    "-n", "--words", type=options.Whole(min=2), default=10, show_default=True, help="Top words for the coherence."
)
@options.threads
@options.reading
@options.quiet
@options.as_json
def evaluate() -> None:
    """Measure MODEL on MATRIX: objective, KKT residual, deviance per token, zeros, coherence, diversity."""


@command(
    "reporting:report_file",
    "One page on a model and its data.",
    "sparsenmf report model.npz --data X.npz -o report.html",
    "sparsenmf report model.npz --data news.jsonl.gz --column text --group year -o report.html",
)
@options.model
@click.option("--data", "matrix", type=options.DATA, required=True, help="The matrix or the texts.")
@options.output("Page to write (.html).", required=True)
@options.group
@options.reading
@options.force
@options.quiet
def report() -> None:
    """Write one page on MODEL and its data that opens in a browser, without a network."""


@command(
    "converting:convert_file",
    "From one format to another.",
    "sparsenmf convert docword.kos.txt.gz kos.npz",
    "sparsenmf convert cells.h5ad counts.mtx.gz --layer counts",
    "sparsenmf convert news.jsonl.gz counts.npz --column text --min-df 5",
    "sparsenmf convert X.npz - --output-format csv | head",
)
@click.argument("source", type=options.DATA)
@click.argument("output", type=options.DATA)
@click.option("--output-format", type=click.Choice(options.WRITTEN), help="Format of OUTPUT.  [default: by its name]")
@options.reading
@options.counting
@options.force
@options.quiet
def convert() -> None:
    """Read SOURCE, a matrix or texts, and write it to OUTPUT with the names of its rows and columns."""


@command(
    "converting:show_file",
    "What is in a file.",
    "sparsenmf read-info X.npz",
    "sparsenmf read-info model.npz --json",
    "sparsenmf read-info news.csv --column body --encoding latin-1",
)
@click.argument("path", type=click.Path(allow_dash=True))
@options.reading
@options.as_json
def read_info() -> None:
    """Read PATH, a matrix, texts or a model, and tell what is in it."""


@command(
    "timing:bench",
    "An iteration beside scikit-learn's.",
    "sparsenmf bench",
    "sparsenmf bench X.npz -k 50 --dtype float64",
    "sparsenmf bench --json",
)
@click.argument("matrix", type=click.Path(allow_dash=True), required=False)
@options.components("Components.", default=32)
@click.option("--iterations", type=options.Whole(min=1), default=3, show_default=True, help="Iterations to time.")
@click.option(
    "--dtype", type=click.Choice(["float32", "float64"]), default="float32", show_default=True, help="Of both."
)
@options.seed
@options.threads
@options.reading
@options.counting
@options.quiet
@options.as_json
def bench() -> None:
    """Time one iteration of both losses beside scikit-learn's NMF, from one start, on MATRIX or on made counts."""


@command("machine:show", "Show versions, threads, BLAS, processor, cache.", "sparsenmf info", "sparsenmf info --json")
@options.as_json
def info() -> None:
    """Show versions, threading layer, BLAS, processor and the cache of compiled kernels."""


@command("fitting:warm_up", "Compile the kernels now.", "sparsenmf warmup", "sparsenmf warmup --double")
@click.option("--double", is_flag=True, help="Those for float64, too.")
@options.quiet
def warmup() -> None:
    """Compile the kernels into the cache now, so that no fit waits for it."""


@command(
    "demo:run_demo",
    "Topics of the King James Bible.",
    "sparsenmf demo",
    "sparsenmf demo -k 40 --rank lift",
    "sparsenmf demo --report bible.html",
)
@options.components("Number of topics.", default=20)
@click.option("--max-iter", type=options.Whole(min=1), default=200, show_default=True, help="Iterations at most.")
@options.seed
@options.threads
@options.words
@options.ranking
@click.option("--report", type=click.Path(), help="Report to write.  [default: sparsenmf-demo.html; none with --json]")
@options.force
@options.quiet
@options.verbose
@options.as_json
def demo() -> None:
    """Find topics of the King James Bible (packaged word counts), show them, and write a report on them."""
