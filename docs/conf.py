"""Sphinx builds the pages: Markdown for what people write, docstrings and the Method tables for the reference."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]

from airflow_dataflow_ext import __version__

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "airflow-dataflow-ext"
release = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx_copybutton", "sphinx_design"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build", "reference/generated"]  # the latter are included by pages
html_theme = "furo"
html_show_copyright = False
html_search_scorer = str(Path(__file__).with_name("scorer.js"))  # what DAGs import before what it is made of
html_title = f"airflow-dataflow-ext {release}"
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"
autodoc_member_order = "bysource"
autodoc_inherit_docstrings = False
linkcheck_ignore = [r"http://localhost"]  # where the emulator listens
suppress_warnings = ["ref.python"]  # the emulator has a Tokens and a DataflowLauncher of its own


def setup(app: Sphinx) -> None:
    """Write the tables that come from the code before the pages are read."""
    from tables import write_tables

    write_tables(Path(app.srcdir) / "reference" / "generated")
