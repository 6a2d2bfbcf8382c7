"""What an unknown option may have meant: options of nearly that name, and those that other tools call so."""

from difflib import get_close_matches

import click

__all__ = ["no_such_option"]

_ALIKE = 0.75  # from 0 to 1. Click's 0.6 finds --stop-words like --topics.
_ALIASES = {
    "--components": "topics n-topics num-topics n-components rank k",
    "--output": "out output-file save model",
    "--seed": "random-state random-seed",
    "--threads": "n-threads jobs n-jobs workers cores",
    "--max-iter": "iterations n-iter epochs",
    "--max-seconds": "timeout time max-time",
    "--tol": "tolerance eps",
    "--loss": "beta-loss cost divergence",
    "--solver": "method algorithm",
    "--init": "start initialization",
    "--alpha-w": "alpha regularization",
    "--words": "top-words n-words topn",
    "--column": "text text-column field",
    "--vocab": "vocabulary features",
    "--format": "input-format",
    "--force": "overwrite replace yes",
    "--quiet": "silent",
    "--verbose": "debug progress",
}


def no_such_option(error: click.NoSuchOption) -> click.UsageError:
    """Click's error with better suggestions; without any, what it shows still tells of --help."""
    names: list[str] = []
    if error.ctx is not None:
        options = [each for each in error.ctx.command.params if isinstance(each, click.Option)]
        names = [name for each in options for name in (*each.opts, *each.secondary_opts) if name.startswith("--")]
    wanted = error.option_name.lstrip("-").lower().replace("_", "-")
    bare = [name.lstrip("-") for name in names]
    near = [f"--{match}" for match in get_close_matches(wanted, bare, cutoff=_ALIKE)]
    near = [f"--{wanted}"] if wanted in bare else near  # --alpha-W
    meant = [name for name in names if wanted in _ALIASES.get(name, "").split()]
    found = " or ".join(dict.fromkeys([*meant, *near]))
    hint = f" Did you mean {found}?" if found else ""
    return click.UsageError(f"No such option {error.option_name!r}.{hint}", error.ctx)
