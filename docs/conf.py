"""The documentation: `make docs` builds it into docs/_build/html, warnings being errors."""

from __future__ import annotations

import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "_ext"), str(HERE.parent)]

import matplotlib  # noqa: E402

import symprice  # noqa: E402

matplotlib.use("Agg")
os.environ.setdefault("TQDM_DISABLE", "1")  # no progress bars among the warnings

project = "symprice"
author = "the symprice developers"
project_copyright = "2026, the symprice developers"
version = release = symprice.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
    "sphinx-mathjax-offline",
    "sphinx_copybutton",
    "numpydoc",
    "docstrings",
    "reference_pages",
    "shown_formulas",
    "table_calls",
]
exclude_patterns = ["_build", "_ext"]
source_suffix = {".rst": "restructuredtext", ".md": "myst-nb", ".ipynb": "myst-nb"}
nitpicky = False

# Notebooks stand in the repository with their outputs, which the tests keep current.
nb_execution_mode = "off"
nb_render_markdown_format = "myst"
myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence", "deflist"]
myst_heading_anchors = 3
suppress_warnings = ["mystnb.unknown_mime_type"]

autodoc_member_order = "bysource"
default_role = "code"  # what stands in single backticks in docstrings
autodoc_typehints = "none"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

html_theme = "furo"
html_title = "symprice"
html_static_path = ["_static"]
html_css_files = ["quiet.css"]
html_show_sphinx = False
html_copy_source = False
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True


def bring_notebooks(app: object) -> None:
    """Copies the notebooks and their figures beside the pages: Sphinx reads one folder."""
    source, folder = HERE.parent / "notebooks", HERE / "notebooks"
    for file in sorted([*source.glob("*.ipynb"), *source.glob("figures/*.png")]):
        copy = folder / file.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        if not copy.exists() or copy.read_bytes() != file.read_bytes():
            copy.write_bytes(file.read_bytes())


def setup(app: object) -> None:
    """Before anything is read."""
    app.connect("builder-inited", bring_notebooks)  # type: ignore[attr-defined]
    # Formulas that notebooks show in HTML are no equations to Sphinx: MathJax on every page.
    app.set_html_assets_policy("always")  # type: ignore[attr-defined]
