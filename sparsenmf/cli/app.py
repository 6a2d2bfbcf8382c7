"""The commands. What they do stands in the modules beside this one, loaded when a command runs."""

import os
import traceback
from collections.abc import Sequence
from typing import Any

import click
from click.core import ParameterSource

from sparsenmf.cli.console import drop_stdout, message, open_streams, option_names, package
from sparsenmf.cli.options import (
    WRITTEN,
    Number,
    Whole,
    components_option,
    counting_options,
    force_option,
    group_option,
    json_option,
    quiet_option,
    ranking_options,
    reading_options,
    seed_option,
    solver_options,
    strict_option,
    threads_option,
    verbose_option,
    words_option,
)
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


@app.command(
    short_help="Factorize a matrix, or texts, and write the model.",
    epilog=examples(
        "sparsenmf fit X.npz -k 20",
        "sparsenmf fit docword.kos.txt.gz --vocab vocab.kos.txt -k 20 -o model.npz",
        "sparsenmf fit cells.h5ad --layer counts -k 30 --max-iter 500 -o model.npz",
        "sparsenmf fit tfidf.mtx.gz --loss frobenius -k 20 -o model.npz",
        "zcat news.jsonl.gz | sparsenmf fit - --format jsonl --column body -k 30 -o model.npz",
    ),
)
@click.argument("matrix", type=click.Path(allow_dash=True))
@components_option
@click.option(
    "-o",
    "--output",
    type=click.Path(),
    help="Model file to write (.npz).  [default: X.model.npz for X.npz, in this folder]",
)
@solver_options
@reading_options
@counting_options
@strict_option
@force_option
@quiet_option
@json_option
def fit(**arguments: Any) -> int:
    """Factorize MATRIX and write the model. Rows are samples; texts are counted first; - is standard input."""
    from sparsenmf.cli.fitting import fit_file

    return fit_file(**arguments)


@app.command(
    short_help="Weights of new rows for the components of a model.",
    epilog=examples(
        "sparsenmf transform model.npz new.npz -o weights.npz",
        "sparsenmf transform model.npz new.jsonl --column text --proportions -o weights.csv",
        "sparsenmf transform model.npz new.npz -o - | head",
    ),
)
@click.argument("model", type=click.Path())
@click.argument("matrix", type=click.Path(allow_dash=True))
@click.option(
    "-o",
    "--output",
    type=click.Path(allow_dash=True),
    required=True,
    help="File of weights to write (.npy, .npz, .csv, .tsv, .mtx, .parquet, ...); - is standard output.",
)
@click.option(
    "--output-format",
    type=click.Choice([*WRITTEN, "npy"]),
    help="Format of the weights.  [default: by the name; tsv to standard output]",
)
@click.option("--proportions", is_flag=True, help="Each row's shares of its components, which sum to 1.")
@click.option("--max-iter", type=Whole(min=1), default=200, show_default=True, help="Passes over a row.")
@click.option("--tol", type=Number(min=0), default=1e-4, show_default=True, help="A row is done where less moves.")
@threads_option
@reading_options
@force_option
@quiet_option
@json_option
def transform(**arguments: Any) -> None:
    """Find the weights of the rows of MATRIX for the components of MODEL, each row by itself.

    Columns are matched by name where both have names, else by their order. Texts are counted by the model's vocabulary.
    """
    from sparsenmf.cli.transforming import transform_file

    transform_file(**arguments)


@app.command(
    short_help="Topics of a model, or of texts or a matrix.",
    epilog=examples(
        "sparsenmf topics model.npz",
        "sparsenmf topics model.npz -n 25 --rank probability",
        "sparsenmf topics model.npz --rank relevance --lambda 0.3 --json",
        "sparsenmf topics model.npz --rank frex",
        "sparsenmf topics news.jsonl.gz --column text -k 30",
        "sparsenmf topics news.jsonl.gz --column text -k 30 -o model.npz --report report.html --group year",
    ),
)
@click.argument("source", metavar="MODEL|DATA", type=click.Path(allow_dash=True))
@words_option
@ranking_options
@click.option(
    "-k", "--components", type=Whole(min=1), help="Find so many topics in DATA; all options below are for it."
)
@click.option("-o", "--output", type=click.Path(), help="Model file to write (.npz).")
@click.option("--report", type=click.Path(), help="Report to write (.html).")
@group_option
@solver_options
@reading_options
@counting_options
@strict_option
@force_option
@quiet_option
@json_option
@click.pass_context
def topics(context: click.Context, /, **arguments: Any) -> int | None:
    """Show topics: their share of all tokens and their top words.

    Of a MODEL that `fit` wrote; or, with -k, of DATA (texts or a matrix), which are counted and factorized first.
    """
    from sparsenmf.cli import finding

    if arguments["components"] is not None:
        return finding.find(**arguments)
    shown = {name: arguments[name] for name in ("source", "words", "rank", "relevance_lambda", "as_json")}
    for parameter in context.command.params:
        given = context.get_parameter_source(str(parameter.name)) is ParameterSource.COMMANDLINE
        if given and parameter.name not in {*shown, "quiet"}:
            where = " (of a model and its data: `sparsenmf report`)" if parameter.name == "report" else ""
            raise click.UsageError(f"{parameter.opts[-1]} is for data{where}: say how many topics to find, -k 30.")
    finding.show(**shown)
    return None


@app.command(
    short_help="How well a model describes a matrix.",
    epilog=examples(
        "sparsenmf evaluate model.npz X.npz",
        "sparsenmf evaluate model.npz held_out.npz --new-rows --json",
    ),
)
@click.argument("model", type=click.Path())
@click.argument("matrix", type=click.Path(allow_dash=True))
@click.option("--new-rows", is_flag=True, help="Solve for the weights, also where the model may have some.")
@click.option("-n", "--words", type=Whole(min=2), default=10, show_default=True, help="Top words for the coherence.")
@threads_option
@reading_options
@quiet_option
@json_option
def evaluate(**arguments: Any) -> None:
    """Measure MODEL on MATRIX: objective, KKT residual, deviance per token, zeros, coherence, diversity."""
    from sparsenmf.cli.evaluating import evaluate_file

    evaluate_file(**arguments)


@app.command(
    short_help="One page on a model and its data.",
    epilog=examples(
        "sparsenmf report model.npz --data X.npz -o report.html",
        "sparsenmf report model.npz --data news.jsonl.gz --column text --group year -o report.html",
    ),
)
@click.argument("model", type=click.Path())
@click.option("--data", "matrix", type=click.Path(allow_dash=True), required=True, help="The matrix or the texts.")
@click.option("-o", "--output", type=click.Path(), required=True, help="Page to write (.html).")
@group_option
@reading_options
@force_option
@quiet_option
def report(**arguments: Any) -> None:
    """Write one page on MODEL and its data that opens in a browser, without a network."""
    from sparsenmf.cli.reporting import report_file

    report_file(**arguments)


@app.command(
    short_help="From one format to another.",
    epilog=examples(
        "sparsenmf convert docword.kos.txt.gz kos.npz",
        "sparsenmf convert cells.h5ad counts.mtx.gz --layer counts",
        "sparsenmf convert news.jsonl.gz counts.npz --column text --min-df 5",
        "sparsenmf convert X.npz - --output-format csv | head",
    ),
)
@click.argument("source", type=click.Path(allow_dash=True))
@click.argument("output", type=click.Path(allow_dash=True))
@click.option("--output-format", type=click.Choice(WRITTEN), help="Format of OUTPUT.  [default: by its name]")
@reading_options
@counting_options
@force_option
@quiet_option
def convert(**arguments: Any) -> None:
    """Read SOURCE, a matrix or texts, and write it to OUTPUT with the names of its rows and columns."""
    from sparsenmf.cli.converting import convert_file

    convert_file(**arguments)


@app.command(
    "read-info",
    short_help="What is in a file.",
    epilog=examples(
        "sparsenmf read-info X.npz",
        "sparsenmf read-info model.npz --json",
        "sparsenmf read-info news.csv --column body --encoding latin-1",
    ),
)
@click.argument("path", type=click.Path(allow_dash=True))
@reading_options
@json_option
def read_info(path: str, **arguments: Any) -> None:
    """Read PATH, a matrix, texts or a model, and tell what is in it."""
    from sparsenmf.cli.converting import show_file

    show_file(source=path, **arguments)


@app.command(
    short_help="An iteration beside scikit-learn's.",
    epilog=examples("sparsenmf bench", "sparsenmf bench X.npz -k 50 --dtype float64", "sparsenmf bench --json"),
)
@click.argument("matrix", type=click.Path(allow_dash=True), required=False)
@click.option("-k", "--components", type=Whole(min=1), default=32, show_default=True, help="Components.")
@click.option("--iterations", type=Whole(min=1), default=3, show_default=True, help="Iterations to time.")
@click.option(
    "--dtype",
    type=click.Choice(["float32", "float64"]),
    default="float32",
    show_default=True,
    help="Of both.",
)
@seed_option
@threads_option
@reading_options
@counting_options
@quiet_option
@json_option
def bench(**arguments: Any) -> None:
    """Time one iteration of both losses beside scikit-learn's NMF, from one start, on MATRIX or on made counts."""
    from sparsenmf.cli.timing import bench as run_bench

    run_bench(**arguments)


@app.command(
    short_help="Show versions, threads, BLAS, processor, cache.",
    epilog=examples("sparsenmf info", "sparsenmf info --json"),
)
@json_option
def info(as_json: bool) -> None:
    """Show versions, threading layer, BLAS, processor and the cache of compiled kernels."""
    from sparsenmf.cli.machine import show

    show(as_json)


@app.command(short_help="Compile the kernels now.", epilog=examples("sparsenmf warmup", "sparsenmf warmup --double"))
@click.option("--double", is_flag=True, help="Those for float64, too.")
@quiet_option
def warmup(double: bool, quiet: bool) -> None:
    """Compile the kernels into the cache now, so that no fit waits for it."""
    from sparsenmf.cli.fitting import warm_up

    warm_up(double, quiet)


@app.command(
    short_help="Topics of the King James Bible.",
    epilog=examples("sparsenmf demo", "sparsenmf demo -k 40 --rank lift", "sparsenmf demo --report bible.html"),
)
@click.option("-k", "--components", type=Whole(min=1), default=20, show_default=True, help="Number of topics.")
@click.option("--max-iter", type=Whole(min=1), default=200, show_default=True, help="Iterations at most.")
@seed_option
@threads_option
@words_option
@ranking_options
@click.option("--report", type=click.Path(), help="Report to write.  [default: sparsenmf-demo.html; none with --json]")
@force_option
@quiet_option
@verbose_option
@json_option
def demo(**arguments: Any) -> None:
    """Find topics of the King James Bible (packaged word counts), show them, and write a report on them."""
    from sparsenmf.cli.demo import run_demo

    run_demo(**arguments)
