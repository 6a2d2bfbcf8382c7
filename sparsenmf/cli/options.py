"""The options that several commands share, each described once."""

import re
from collections.abc import Callable
from typing import Any

import click

from sparsenmf import parameters
from sparsenmf.parameters import PARAMETERS

# The options themselves stand below and are named after what they say: `options.quiet`, `options.reading`.
__all__ = ["DATA", "FORMATS", "WRITTEN", "Number", "Whole"]

# As in sparsenmf.io.formats, which help must not load: it takes numpy and scipy with it. A test compares them.
FORMATS = (
    "npz", "npy", "mtx", "docword", "ldac", "svmlight", "h5ad", "10x-h5", "10x", "parquet", "csv", "tsv", "jsonl",
    "txt", "folder",
)  # fmt: skip
_PYTHONS = "custom"  # the start that the command line does not offer
DATA = click.Path(allow_dash=True)  # a file, or - for a standard stream
WRITTEN = ("npz", "mtx", "docword", "ldac", "svmlight", "h5ad", "parquet", "csv", "tsv")


class Whole(click.IntRange):
    """A whole number. (Click calls it an "integer range" in help and errors.)"""

    name = "integer"


class Number(click.FloatRange):
    """Any number in a range."""

    name = "number"


class Share(click.ParamType):
    """A number of documents (2) or a share of all of them (0.5)."""

    name = "NUMBER|SHARE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | float:
        """A whole number as int, one with a point in it as float: scikit-learn tells them apart so, too."""
        if isinstance(value, (int, float)):
            return value
        try:
            number: int | float = int(value)
        except ValueError:
            try:
                number = float(value)
            except ValueError:
                number = -1
        if number < 0 or (isinstance(number, float) and not number <= 1):
            self.fail(f"{value!r} is neither a number of documents, as 2, nor a share of them, as 0.5", param, ctx)
        return number


class Delimiter(click.ParamType):
    """One character, or the word tab, which shells make hard to type."""

    name = "CHARACTER"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """A tab by any of its names."""
        value = "\t" if value in ("tab", "\\t") else value
        if len(value) != 1:
            self.fail(f"{value!r} is not one character, nor the word tab", param, ctx)
        return value


class ThreeNames(click.ParamType):
    """The names of three columns, with commas between them."""

    name = "ROW,COLUMN,VALUE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """The three names."""
        names = value if isinstance(value, tuple) else tuple(name.strip() for name in value.split(","))
        if len(names) != 3 or not all(names):
            self.fail(f"{value!r} does not name three columns, as in user,item,count", param, ctx)
        return names


class Name(click.ParamType):
    """A name that only the library knows to be right: it is asked when the option is given, and lists its choices."""

    def __init__(self, parameter: str) -> None:
        self.parameter = parameter
        named = re.findall(r'"([^"]+)"', PARAMETERS[parameter].type)
        self.name = "|".join(name for name in named if name != _PYTHONS)

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """The names that the table of parameters tells of."""
        return f"[{self.name}]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The name, as the library checks it."""
        if value == _PYTHONS:
            self.fail(f"{value!r} starts from a W and an H, which only a call from Python can give", param, ctx)
        if value != PARAMETERS[self.parameter].default:
            from sparsenmf.options import FitOptions

            try:
                FitOptions(1, **{self.parameter: value})
            except (ValueError, TypeError) as error:
                self.fail(str(error), param, ctx)
        return value


def fit_option(name: str, *flags: str, to: str | None = None) -> Callable[[Any], Any]:
    """The option of a parameter of a fit: default, values and help are those of the table.

    Parameters
    ----------
    name : str
    *flags : str
        If not given: the name after two dashes.
    to : str, optional
        What the command's function calls it; the name, if not given.
    """
    parameter = PARAMETERS[name]
    kind, default = parameter.kind, parameter.default
    more: dict[str, Any] = {}
    if isinstance(kind, parameters.Whole):
        default, more = (default, {"type": Whole(min=1)}) if kind.least else (False, {"is_flag": True})
    elif isinstance(kind, parameters.Number):
        default = None if default in kind.names else default
        more = {"type": Number(kind.least, kind.most, min_open=kind.above)}
    elif name == "random_state":
        default, more = 0, {"type": Whole(min=0, max=2**32 - 1)}  # the same command gives the same result
    else:
        more = {"type": Name(name)}
    shown = default is not None and default is not False
    flags = flags or (f"--{name.lower().replace('_', '-')}",)
    return click.option(*flags, to or name, default=default, show_default=shown, help=parameter.help, **more)


def several(*decorators: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Several options as one decorator, in the order in which help shall list them."""

    def decorate(command: Any) -> Any:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return decorate


def components(told: str, **more: Any) -> Callable[[Any], Any]:
    """How many components: -k, with a default or required, as `click.option` takes these."""
    return click.option("-k", "--components", type=Whole(min=1), show_default="default" in more, help=told, **more)


def output(told: str, required: bool = False) -> Callable[[Any], Any]:
    """The file that a command writes: -o. Whether - may be standard output, the command itself says."""
    return click.option("-o", "--output", type=DATA, required=required, help=told)


model = click.argument("model", type=click.Path())
matrix = click.argument("matrix", type=DATA)
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
quiet = click.option("-q", "--quiet", is_flag=True, help="No messages and no progress.")
force = click.option("-f", "--force", is_flag=True, help="Replace files that exist.")
strict = click.option("--strict", is_flag=True, help="Exit with code 3 if the fit has not converged.")
threads = fit_option("n_threads", "--threads", to="threads")
seed = fit_option("random_state", "--seed", to="seed")
verbose = fit_option("verbose", "-v", "--verbose")
words = click.option(
    "-n", "--words", type=Whole(min=1), help="Top words a topic.  [default: what fits a line, at most 10]"
)
ranking = several(
    click.option(
        "--rank",
        type=click.Choice(["relevance", "probability", "lift", "frex", "weight"]),
        default="relevance",
        show_default=True,
        help="What makes a top word. probability (or weight): its share of the topic; lift: that over its share of all "
        "tokens (rare words win); relevance: a mean of these two; frex: frequent and exclusive at once.",
    ),
    click.option(
        "--lambda",
        "relevance_lambda",
        type=Number(0, 1),
        help="For --rank relevance: from 0 (as lift) to 1 (as probability).  [default: 0.6]",
    ),
)
group = click.option(
    "--group", help="For the report: the column of texts with dates or groups, to show topics over them."
)
reading = several(
    click.option(
        "--format", "input_format", type=click.Choice(FORMATS), help="Format of the input.  [default: by its name]"
    ),
    click.option("--column", help="Column (CSV, JSONL) that holds the text."),
    click.option("--id-column", help="Column that names the documents."),
    click.option("--encoding", help="Encoding of text.  [default: utf-8]"),
    click.option(
        "--errors",
        type=click.Choice(["strict", "replace", "ignore"]),
        help="Bytes of texts that are not of that encoding: an error, a mark in their place, or left out.  "
        "[default: strict]",
    ),
    click.option("--delimiter", type=Delimiter(), help="CSV: what is between cells.  [default: comma; .tsv: tab]"),
    click.option(
        "--quoting",
        type=click.Choice(["double", "none"]),
        help="CSV: cells may stand in double quotes, or quotes are like other characters (none).  [default: double]",
    ),
    click.option(
        "--triples",
        type=ThreeNames(),
        help="CSV, Parquet: the columns of row, column and value, where a line is an entry of the matrix.",
    ),
    click.option(
        "--index/--no-index",
        default=None,
        help="CSV: the first column does, or does not, name the rows.  [default: seen from it]",
    ),
    click.option("--layer", help="Layer of an h5ad file; raw: its raw counts."),
    click.option(
        "--vocab",
        type=click.Path(),
        help="Names of the columns, one a line.  [default: those in the input, else vocab.txt beside it]",
    ),
    click.option(
        "--rows",
        type=click.Path(),
        help="Names of the rows, one a line.  [default: those in the input, else rows.txt beside it]",
    ),
    click.option(
        "-T", "--transpose", is_flag=True, help="The input's columns are the samples, as in terms x documents."
    ),
    click.option(
        "--max-bytes",
        type=Whole(min=1),
        help="What a packed input may unpack to.  [default: 100 times its size, at least 1 GiB]",
    ),
)
counting = several(
    click.option(
        "--stop-words",
        multiple=True,
        metavar="NAME|FILE",
        help="Texts: words to leave out. english, none, or a file with one a line; may be given several times.  "
        "[default: english]",
    ),
    click.option(
        "--min-df", type=Share(), default=2, show_default=True, help="Texts: leave out words in fewer documents."
    ),
    click.option(
        "--max-df", type=Share(), default=0.5, show_default=True, help="Texts: leave out words in more documents."
    ),
    click.option("--max-features", type=Whole(min=1), help="Texts: keep the most frequent words alone."),
)
solver = several(
    *map(fit_option, ("loss", "solver", "init", "max_iter", "tol", "max_seconds", "step")),
    seed,
    *map(fit_option, ("alpha_W", "alpha_H", "l1_ratio")),
    threads,
    *map(fit_option, ("dtype", "path")),
    verbose,
)
