"""Calls in tables may go on in the next line behind a bracket, and before a method."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes

_BREAK = re.compile(r"(?<=[(\[])(?=[\w'])|(?<=[\w)])(?=\.[a-z])")


def _opened(app: Any, document: nodes.document) -> None:
    for cell in document.findall(nodes.entry):
        for code in cell.findall(nodes.literal):
            first, *others = _BREAK.split(code.astext())
            code.children[:] = [nodes.Text(first)]
            for piece in others:
                code += nodes.raw("", "<wbr>", format="html")
                code += nodes.Text(piece)


def setup(app: Any) -> dict[str, Any]:
    """Registers the transform, for pages of any source."""
    app.connect("doctree-read", _opened)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
