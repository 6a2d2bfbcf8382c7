"""Draw every figure again: python docs/examples/make.py [NAME ...]

Runs the scripts plot_*.py (or those named, as in "digits"), one after another, and writes their figures into
docs/examples/figures, or the folder that the environment variable SPARSENMF_FIGURES names. README.md there shows all of
them with their texts.
"""

from __future__ import annotations

import argparse
import runpy
import sys
import time
from pathlib import Path

import matplotlib.pyplot as plt
from _style import FIGURES
from PIL import Image

HERE = Path(__file__).resolve().parent


def main(names: list[str]) -> int:
    """Run the scripts; the exit code is 0."""
    scripts = [HERE / f"plot_{name}.py" for name in names] or sorted(HERE.glob("plot_*.py"))
    begin = time.perf_counter()
    for script in scripts:
        start = time.perf_counter()
        runpy.run_path(str(script))
        plt.close("all")
        say(f"{script.name}: {time.perf_counter() - start:.0f} s")
    (FIGURES / "README.md").write_text(index(), encoding="utf-8")
    say(f"{len(scripts)} scripts, {time.perf_counter() - begin:.0f} s; the figures are in {FIGURES}")
    return 0


def index() -> str:
    """All figures with the texts that they carry, as a page."""
    lines = ["# Figures", "", "Written by `python docs/examples/make.py`.", ""]
    for path in sorted(FIGURES.glob("*.png")):
        with Image.open(path) as image:
            alt = image.text["Description"]
        lines += [f"## {path.stem.replace('_', ' ')}", "", f"![{alt}]({path.name})", ""]
    return "\n".join(lines)


def say(line: str) -> None:
    """Tell how far it is."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="as in plot_NAME.py; all without one")
    sys.exit(main(parser.parse_args().names))
