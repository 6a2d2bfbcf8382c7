"""The documentation site: python -m sphinx -W -b html docs build/site.

Pages are Markdown that GitHub shows too, so their links name files. Two things are different on the site, and
`site_links` sees to both: what lies outside docs/ has a page of its own here, and a script of docs/examples is shown
with what it draws.
"""

from __future__ import annotations

import atexit
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
sys.path[:0] = [str(ROOT), str(DOCS / "examples")]  # the examples draw with the help of _style.py
SCRATCH = Path(tempfile.mkdtemp(prefix="sparsenmf-docs-"))
atexit.register(shutil.rmtree, SCRATCH, ignore_errors=True)
# docs/examples/figures is what make.py draws at full size: a build must leave it alone, and its README.md, which is for
# GitHub, would be taken for a gallery of its own.
os.environ.setdefault("SPARSENMF_FIGURES", str(SCRATCH / "figures"))
EXAMPLES = SCRATCH / "examples"
shutil.copytree(DOCS / "examples", EXAMPLES, ignore=shutil.ignore_patterns("figures", "__pycache__"))

from docutils.nodes import SkipNode
from latex2mathml.converter import convert

import sparsenmf

# --- the project ------------------------------------------------------------------------------------------------------

project = "sparsenmf"
author = copyright = "The sparsenmf developers"
version = release = sparsenmf.__version__

# --- Sphinx -----------------------------------------------------------------------------------------------------------

extensions = [
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_gallery.gen_gallery",
]
source_suffix = {".rst": "restructuredtext", ".md": "myst-nb"}  # in this order: autosummary writes the first
exclude_patterns = ["_templates", "examples", "**/*.ipynb", "sg_execution_times.rst", "**/sg_execution_times.rst"]
templates_path = ["_templates"]
nitpicky = True
default_role = "autolink"  # `factorize` in a docstring leads to its page if it has one ...
nitpick_ignore_regex = [("py:obj", ".*")]  # ... and is set as code if not: parameters, formats, other packages' names
myst_enable_extensions = ["dollarmath"]
highlight_language = "none"  # what is Python says so
myst_heading_anchors = 3  # links to #a-heading, as on GitHub
linkcheck_timeout = 20

# Blocks of a page are plain ```python, which GitHub colours and tests/test_readme.py runs. On these pages,
# `read_source` makes cells of them: the site shows what they print.
RUN = {"start", "king-james", "choosing-k", "large-data", "topics"}
RUN |= {page.stem for page in DOCS.glob("tutorial-*.md")}
os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])  # for the kernel
nb_execution_mode = "force"
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_execution_timeout = 120
nb_merge_streams = True

autodoc_typehints = "none"  # docstrings give types, with shapes
autosummary_generate = True
numpydoc_show_class_members = False  # docs/_templates/autosummary/class.rst shows the methods
numpydoc_xref_param_type = False

# --- the examples -----------------------------------------------------------------------------------------------------

sphinx_gallery_conf = {
    "examples_dirs": str(EXAMPLES),
    "gallery_dirs": "gallery",
    "filename_pattern": r"plot_\w+\.py$",
    "ignore_pattern": r"(_style|make)\.py$",
    "image_scrapers": ("_style.scraper",),
    "abort_on_example_error": True,
    "capture_repr": (),  # of what `save` returns, a path in a temporary folder
    "download_all_examples": False,
    "min_reported_time": 0,
    "remove_config_comments": True,
    "show_memory": False,
    "show_signature": False,
    "write_computation_times": False,
}

# --- the looks --------------------------------------------------------------------------------------------------------

html_theme = "pydata_sphinx_theme"
html_math_renderer = "mathml"
html_title = f"sparsenmf {version}"
html_theme_options = {
    "header_links_before_dropdown": 5,
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "show_prev_next": True,
    "use_edit_page_button": False,
}
html_sidebars = {page: [] for page in ("index", "start", "theory", "architecture")}  # they have no pages below them
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False

# --- links ------------------------------------------------------------------------------------------------------------

# Files outside docs/ and the pages that show them here; on GitHub those pages hold no more than a link.
SHOWN = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "README.md": "readme.md",
    "benchmarks/README.md": "benchmarks.md",
    "benchmarks/benchopt/README.md": "benchopt.md",
}
OF_PAGE = {page.removesuffix(".md"): ROOT / file for file, page in SHOWN.items()}
LINK = re.compile(r"\]\((?!\w+:|#|/)([^)#\s]+)")
NOTEBOOK = """---
file_format: mystnb
kernelspec:
  name: python3
  display_name: Python 3
---

"""
# What benchmarks/run.py writes is not in every checkout.
RESULTS = """
## Pages

```{toctree}
%s
```
"""


def on_site(target: Path) -> Path:
    """The file that stands for `target` on the site."""
    if target.is_relative_to(DOCS / "examples"):
        if target.name.startswith("plot_"):
            return DOCS / "gallery" / f"{target.stem}.rst"
        if target.name == "README.md":
            return DOCS / "gallery" / "index.rst"
    elif target.is_relative_to(ROOT) and (page := SHOWN.get(target.relative_to(ROOT).as_posix())):
        return DOCS / page
    return target


def site_links(text: str, written: Path, shown: Path) -> str:
    """`text` of the file `written` with its links as they must be on the page `shown`."""

    def mend(found: re.Match[str]) -> str:
        target = on_site((written.parent / found[1]).resolve())
        return f"]({os.path.relpath(target, shown.parent)}" if target.is_file() or target.suffix == ".rst" else found[0]

    return LINK.sub(mend, text)


def read_source(_: Any, name: str, source: list[str]) -> None:
    """Sphinx's event: a page of Markdown was read."""
    page = DOCS / f"{name}.md"
    if not page.exists():
        return
    written = OF_PAGE.get(name, page)
    text = written.read_text(encoding="utf-8") if name in OF_PAGE else source[0]
    source[0] = site_links(text, written, page)
    if name in RUN:
        source[0] = NOTEBOOK + source[0].replace("```python\n", "```{code-cell} python3\n")
    if name == "benchmarks":
        pages = [each for each in ("benchmarks/index", "tried", "benchopt") if (DOCS / f"{each}.md").exists()]
        source[0] += RESULTS % "\n".join(pages) if pages else ""


# --- formulas ---------------------------------------------------------------------------------------------------------


MATHML = "{http://www.w3.org/1998/Math/MathML}"
ET.register_namespace("", MATHML.strip("{}"))


def mathml(source: str, display: str) -> str:
    """A formula as MathML, its primes at full size: as exponents, browsers draw them too small to be seen."""
    whole = ET.fromstring(convert(source, display=display))  # noqa: S314 - of our own pages
    for node in list(whole.iter(f"{MATHML}msup")) + list(whole.iter(f"{MATHML}msubsup")):
        base, *low, high = node
        if high.text != "\N{PRIME}":
            continue
        primed = ET.Element(f"{MATHML}mrow")
        primed.append(base)
        ET.SubElement(primed, f"{MATHML}mo", lspace="0", rspace="0").text = high.text
        node.tag = f"{MATHML}{'msub' if low else 'mrow'}"
        node[:] = [primed, *low]
    return ET.tostring(whole, encoding="unicode")


def inline_formula(translator: Any, node: Any) -> None:
    """A formula as MathML, which browsers draw without a script: the site needs no network."""
    translator.body.append(mathml(node.astext(), "inline"))
    raise SkipNode


def formula(translator: Any, node: Any) -> None:
    """A formula with a line of its own."""
    translator.body.append(f'<div style="margin: 1em 0; overflow: auto hidden">{mathml(node.astext(), "block")}</div>')
    raise SkipNode


def setup(app: Any) -> None:
    """Sphinx calls this."""
    app.connect("source-read", read_source)
    app.add_html_math_renderer("mathml", (inline_formula, None), (formula, None))
