"""`python -m sparsenmf`, and the `sparsenmf` command."""

import sys

from sparsenmf.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
