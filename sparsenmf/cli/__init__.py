"""The command line: `sparsenmf fit`, `topics`, `transform` and others; docs/cli.md describes them.

Data go to stdout, messages and progress to stderr. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not converged (with
--strict), 130 interrupted.
"""

import sys
from collections.abc import Sequence

__all__ = ["main"]

_MISSING = (
    "The command line needs {name}, which is not installed. Install it with: python -m pip install 'sparsenmf[cli]'"
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments; those of the process by default.
    """
    try:
        import click  # noqa: F401
        import rich  # noqa: F401
    except ModuleNotFoundError as error:
        print(_MISSING.format(name=error.name), file=sys.stderr)
        return 1
    try:
        from sparsenmf.cli.app import run

        return run(argv)
    except KeyboardInterrupt:  # while modules were loading; `run` answers for the rest
        print("Interrupted.", file=sys.stderr)
        return 130
