"""The pages of the reference, made from the public names while the documentation is built."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

TITLES = {
    "symbols": "Parameters, observables, inputs",
    "tangent": "Tangent covariance",
    "networks": "Networks",
    "policy": "Policies and their gradients",
    "mdp": "Decision processes",
    "dynamics": "Price's equation and ways of training",
    "training": "Against real training",
    "causal": "Causal models",
    "populations": "Populations",
    "solutions": "Solutions and invariants",
    "plots": "Pictures",
    "arrays": "Array nodes",
    "indexed": "Indices and sums over data",
    "closedform": "Closed forms",
    "derivation": "Derivations and rules",
    "emit": "LaTeX, code, documents",
    "checks": "Checks",
    "errors": "Errors",
}
# Rooms that are read on the page of another.
JOINED = {"array_nodes": "arrays", "elementwise": "arrays"}


def names_by_page() -> dict[str, list[tuple[str, str]]]:
    """{room: [(module, public name), …]} in reading order."""
    import symprice

    pages: dict[str, list[tuple[str, str]]] = {}
    for name in symprice.__all__:
        value = getattr(symprice, name)
        module = getattr(value, "__module__", None)
        if not isinstance(module, str) or not module.startswith("symprice."):
            continue
        room = module.split(".")[1]
        pages.setdefault(JOINED.get(room, room), []).append((module, name))
    return pages


def write_pages(app: Any) -> None:
    """Writes docs/reference/: a page a room, and their index."""
    import symprice

    folder = Path(app.srcdir) / "reference"
    folder.mkdir(exist_ok=True)
    pages = names_by_page()
    unknown = sorted(set(pages) - set(TITLES))
    if unknown:
        raise ValueError(f"docs/_ext/reference_pages.py has no title for {', '.join(unknown)}")
    for room in TITLES:
        if room not in pages:
            continue
        title = TITLES[room]
        lines = [title, "=" * len(title), ""]
        for _, name in pages[room]:
            value = getattr(symprice, name)
            kind = "autoclass" if inspect.isclass(value) else "autofunction"
            if not callable(value):
                kind = "autodata"
            lines += [f".. {kind}:: symprice.{name}"]
            lines += ["   :members:", ""] if kind == "autoclass" else [""]
        _write(folder / f"{room}.rst", "\n".join(lines))
    listed = "\n".join(f"   {room}" for room in TITLES if room in pages)
    _write(
        folder / "index.rst",
        "Reference\n=========\n\n"
        "Every public name, by what it is about. The examples are run, and the formulas below\n"
        "them made, when these pages are built.\n\n"
        f".. toctree::\n   :maxdepth: 1\n\n{listed}\n",
    )


def _write(path: Path, text: str) -> None:
    # A page that has not changed keeps its date, so that it is not read again.
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def setup(app: Any) -> dict[str, Any]:
    """Registers the writer with Sphinx."""
    app.connect("builder-inited", write_pages)
    return {"version": "1", "parallel_read_safe": True}
