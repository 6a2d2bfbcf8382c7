"""The command `topics`: those of a model, or of data that are fitted first."""

from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from sparsenmf.cli.console import emit_json, emit_rich
from sparsenmf.cli.fitting import check_model, fit_data, fit_summary, options_of, unconverged
from sparsenmf.cli.reading import Input, load, speaker
from sparsenmf.cli.reporting import check_report, groups_of, heading_of, write_page
from sparsenmf.cli.topics import Ranking, find_topics, topic_table, topics_as_json
from sparsenmf.io import Model, load_model, save_model

__all__ = ["topics"]

_WORDS = 10


def topics(**arguments: Any) -> int | None:
    """Show the topics of a model; or, with a number of components, of data that are fitted first."""
    if arguments["components"] is not None:
        return find(**arguments)
    shown = {name: arguments[name] for name in ("source", "words", "rank", "relevance_lambda", "as_json")}
    context = click.get_current_context()
    for parameter in context.command.params:
        given = context.get_parameter_source(str(parameter.name)) is ParameterSource.COMMANDLINE
        if given and parameter.name not in {*shown, "quiet"}:
            where = " (of a model and its data: `sparsenmf report`)" if parameter.name == "report" else ""
            raise click.UsageError(f"{parameter.opts[-1]} is for data{where}: say how many topics to find, -k 30.")
    show(**shown)
    return None


def show(source: str, words: int | None, rank: str, relevance_lambda: float | None, as_json: bool) -> None:
    """Print the topics of a model file."""
    ranking = Ranking.take(rank, relevance_lambda)
    if Path(source).suffix.lower() != ".npz":
        raise click.UsageError(f"{source} is no model (.npz). To find topics in data, say how many: -k 30.")
    model = load_model(source)
    _print(model, {"model": source}, words, ranking, as_json)


def find(
    *,
    source: str,
    components: int,
    output: str | None,
    report: str | None,
    group: str | None,
    words: int | None,
    rank: str,
    relevance_lambda: float | None,
    force: bool,
    quiet: bool,
    strict: bool,
    as_json: bool,
    **arguments: Any,
) -> int:
    """Fit data, print the topics, and write what is asked for: the model, the report. Returns the exit code."""
    say, ranking = speaker(quiet), Ranking.take(rank, relevance_lambda)
    if group is not None and report is None:
        raise click.UsageError("--group is for the report: name one, --report report.html.")
    read = Input.take(source, arguments)
    options = options_of(components, arguments)
    if output is not None:
        check_model(output, force, read.files)
    if report is not None:
        check_report(report, force, (*read.files, output))
    data = load(read, say)
    groups = groups_of(data.texts, group)  # before the fit, too
    fitted = fit_data(data, read, options, quiet)
    say(fit_summary(fitted.fit))
    if output is not None:
        save_model(output, fitted.model, force)
        say(f"Wrote {output} ({Path(output).stat().st_size / 1e6:.1f} MB).")
    if report is not None:
        write_page(fitted.model, data, report, force, groups, heading_of(source))
        say(f"Wrote {report}: open it in a browser.")
    _print(fitted.model, {"source": source, "model": output, "report": report}, words, ranking, as_json)
    return unconverged(fitted.fit, strict)


def _print(model: Model, origin: dict[str, Any], words: int | None, ranking: Ranking, as_json: bool) -> None:
    found = find_topics(model, words or _WORDS, *ranking)
    if as_json:
        emit_json({**origin, **ranking.as_json(), "outcome": model.outcome, "topics": topics_as_json(found)})
    else:
        emit_rich(topic_table(found, words))
