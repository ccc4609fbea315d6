"""The formulas on the pages come from the objects: an example that ends in one is shown.

Where the last value is a picture, that is shown instead.

Every transcript is run while the documentation is built, those of a page in one namespace, those of
a docstring in one of their own. Whatever is printed and has a LaTeX form, or is LaTeX, is shown
below the lines that print it, and so is the last value of a transcript; True or False behind it,
what a check says, stays above the formula. A transcript that fails stops the build.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.errors import ExtensionError
from transcripts import run


def _picture(value: Any, app: Any) -> nodes.image | None:
    """The figure of Axes as an image of the page."""
    figure = getattr(value, "figure", None)
    if figure is None or not hasattr(figure, "savefig"):
        return None
    folder = Path(app.srcdir) / "_shown"
    folder.mkdir(exist_ok=True)
    name = f"{app.env.docname.replace('/', '-')}-{app.env.new_serialno('shown')}.svg"
    figure.savefig(folder / name)
    return nodes.image(uri=f"/_shown/{name}", alt="what the code above draws")


def _namespace(
    node: nodes.Node, document: nodes.document, spaces: dict[int, dict[str, Any]]
) -> Any:
    owner: Any = node
    while owner is not None and not isinstance(owner, (addnodes.desc, nodes.document)):
        owner = owner.parent
    key = id(owner or document)
    if key not in spaces:
        spaces[key] = _globals(owner) if isinstance(owner, addnodes.desc) else {}
        spaces[key]["__name__"] = "__main__"
    return spaces[key]


def _globals(described: Any) -> dict[str, Any]:
    """What a docstring sees: the names of the module that it stands in."""
    import symprice

    name = described.next_node(addnodes.desc_signature)["fullname"].partition(".")[0]
    return dict(vars(sys.modules[getattr(symprice, name).__module__]))


def show(app: Any, document: nodes.document) -> None:
    """Runs the transcripts of a page and puts the formulas below them."""
    spaces: dict[int, dict[str, Any]] = {}
    blocks = [
        node
        for node in document.findall()
        if isinstance(node, (nodes.doctest_block, nodes.literal_block))
        and node.astext().lstrip().startswith(">>>")
    ]
    for node in blocks:
        # A transcript on a page ends with an empty line: its tests need it, a reader does not.
        node.children[:] = [nodes.Text(node.astext().rstrip())]
        node.rawsource = node.astext()  # Sphinx colours what stands as it was written
        names = _namespace(node, document, spaces)
        try:
            value, found = run(node.astext() + "\n", names)
        except ValueError as error:
            raise ExtensionError(f"{app.env.docname}: {error}") from error
        picture = _picture(value, app)
        shown = [] if picture is None else [(len(node.astext()), picture)]
        shown = shown or [(line, _formula(tex, app)) for line, tex in found]
        _interleave(node, shown)
    _close_pictures()


def _formula(tex: str, app: Any) -> nodes.math_block:
    from symprice.emit.latex import on_screen

    tex = on_screen(tex)
    block = nodes.math_block(tex, tex, nowrap=False, number=None, docname=app.env.docname)
    block["no-wrap"] = False
    return block


def _interleave(node: nodes.Element, shown: list[tuple[int, Any]]) -> None:
    """Cuts a transcript behind the lines that show something."""
    lines, start, pieces = node.astext().split("\n"), 0, list[nodes.Node]()
    for end, display in [*shown, (len(lines), None)]:
        if start < end and lines[start:end]:
            part = node.copy()
            part.rawsource = "\n".join(lines[start:end])
            part += nodes.Text(part.rawsource)
            pieces.append(part)
        if display is not None:
            pieces.append(nodes.container("", display, classes=["shown"]))
        start = end
    node.replace_self(pieces)


def _close_pictures() -> None:
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


def setup(app: Any) -> dict[str, Any]:
    """Registers the reader with Sphinx."""
    # Before Sphinx collects the images of a page, which it does at 500.
    app.connect("doctree-read", show, priority=400)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
