"""The notebooks run, their outputs are those of the package as it is, and they stay small."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent.parent / "notebooks"
NEEDED = ("jupytext", "nbclient", "nbformat", "ipykernel")
missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
pytestmark = [
    pytest.mark.skipif(bool(missing), reason=f"needs {missing}: pip install .[run-notebooks]"),
    # A kernel that ends leaves its sockets to the collector, which says so.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
NAMES = sorted(path.stem for path in FOLDER.glob("[0-9][0-9]-*.md"))
# Pictures differ by a pixel from one release of matplotlib to the next, times by anything.
VARYING = re.compile(r"\d(\.\d+)?e-\d+|\d+(\.\d+)?\s*(ms|s|seconds|it/s)\b|0x[0-9a-f]+")
LARGEST = 500_000


def runner():
    spec = importlib.util.spec_from_file_location("run_notebooks", FOLDER / "run.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def shown(notebook):
    """What every cell shows in text: printed, or as LaTeX and plain text of a value."""
    cells = []
    for cell in notebook.cells:
        texts = []
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if output.output_type == "stream":
                texts.append(VARYING.sub("…", output.text) if output.name == "stdout" else "")
            elif "image/png" not in data:
                texts.append(VARYING.sub("…", data.get("text/latex", data.get("text/plain", ""))))
        cells.append((cell.source, texts))
    return cells


@pytest.mark.parametrize("name", NAMES)
def test_it_runs_and_shows_what_is_stored(name):
    import nbformat

    stored = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    found = runner().executed(FOLDER / f"{name}.md")
    assert not [o for c in found.cells for o in c.get("outputs", []) if o.output_type == "error"]
    assert shown(found) == shown(stored), f"run it anew: python notebooks/run.py {name}"


@pytest.mark.parametrize("name", NAMES)
def test_it_is_small(name):
    assert (FOLDER / f"{name}.ipynb").stat().st_size < LARGEST


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_somewhere(name):
    text = (FOLDER / f"{name}.md").read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (FOLDER / target).exists(), target
