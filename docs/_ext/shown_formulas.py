"""The formulas on the pages come from the objects: an example that ends in one is shown.

Where the last value is a picture, that is shown instead.

Every transcript is run while the documentation is built, those of a page in one namespace, those of
a docstring in one of their own. Where the last value of a transcript has a LaTeX form, or where it
prints LaTeX, the formula is shown below it; True or False behind it, what a check says, is passed
over. A transcript that fails stops the build.
"""

from __future__ import annotations

import ast
import contextlib
import doctest
import io
import re
import sys
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.errors import ExtensionError
from sympy import Basic

_PLAIN = {"Integer", "Zero", "One", "NegativeOne", "BooleanTrue", "BooleanFalse", "Symbol", "Tuple"}


def _last_value(code: str, names: dict[str, Any]) -> tuple[Any, str]:
    """The value of a piece of code that is an expression (else None), and what it prints."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        tree = ast.parse(code)
        value = None
        if len(tree.body) == 1 and isinstance(tree.body[0], ast.Expr):
            value = eval(compile(ast.Expression(tree.body[0].value), "<example>", "eval"), names)
        else:
            exec(compile(tree, "<example>", "exec"), names)
    return value, printed.getvalue()


def _display(value: Any, printed: str) -> str | None:
    """The LaTeX of what was shown, if it has any."""
    if printed:
        plain = printed.strip()
        starts = re.match(r"\\(begin\{(aligned|align|multline)|frac|operatorname|nabla|sum)", plain)
        return plain if starts else None
    if type(value).__name__ in _PLAIN or not hasattr(value, "_repr_latex_"):
        return None
    if isinstance(value, Basic):
        # A number reads as well as it is printed.
        return None if getattr(value, "is_Number", False) else _as_ours(value)
    tex = value._repr_latex_()
    return None if tex is None else tex.strip().strip("$").strip()


def _as_ours(value: Basic) -> str:
    from symprice import to_latex

    return str(value.latex() if hasattr(value, "latex") else to_latex(value))


def _run(text: str, names: dict[str, Any], where: str) -> tuple[Any, str | None]:
    value, found = None, None
    for example in doctest.DocTestParser().get_examples(text):
        if example.options.get(doctest.SKIP):
            continue
        try:
            value, printed = _last_value(example.source, names)
        except Exception as error:
            if example.exc_msg is None:
                raise ExtensionError(
                    f"{where}: {example.source.strip()} raised {error!r}"
                ) from error
            value, printed = None, ""
        if not isinstance(value, bool):  # the verdict on a formula leaves it in view
            found = _display(value, printed)
    return value, found


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
    from symprice.emit.latex import on_screen

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
        value, tex = _run(node.astext() + "\n", names, app.env.docname)
        shown: Any = _picture(value, app)
        if shown is None and tex is not None:
            tex = on_screen(tex)
            shown = nodes.math_block(tex, tex, nowrap=False, number=None, docname=app.env.docname)
            shown["no-wrap"] = False
        if shown is not None:
            place = node.parent.index(node) + 1
            node.parent.insert(place, nodes.container("", shown, classes=["shown"]))
    _close_pictures()


def _close_pictures() -> None:
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


def setup(app: Any) -> dict[str, Any]:
    """Registers the reader with Sphinx."""
    # Before Sphinx collects the images of a page, which it does at 500.
    app.connect("doctree-read", show, priority=400)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
