r"""What reaches over a part of a formula in LaTeX: sums, `\nabla`, `\partial`.

Sums are written out at the sizes that are declared; derivatives become calls of the parser.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sympy.matrices.matrixbase import MatrixBase

from ..emit.documents.fragments import Group, Leaf, Node, source
from ..symbols import Parameter
from .latex_names import Unreadable, mark

if TYPE_CHECKING:
    from .latex_reader import Run

__all__ = ["gradient", "partial", "quotient", "total"]

_SIGNS = {r"\sum": "+", r"\prod": "*"}
_FREE = {"+", "-", ",", r"\cdot", r"\odot", r"\circ"}
_LONGEST = 100


# --- sums ---------------------------------------------------------------------------------------
def total(run: Run, node: Leaf) -> str:
    r"""`\sum_{i=1}^{3} w_i x_i` written out; it reaches to the end of its product.

    Without bounds the index runs over the entries that it counts.
    """
    scripts: dict[str, list[Node]] = {}
    while run.mark() in ("_", "^"):
        script = run.mark()
        run.at += 1
        scripts[script] = run.inside(run.script())
    letters, first = _letters(scripts.get("_", []), node)
    texts = _terms(run, node, letters, first, scripts.get("^"))
    if node.name == r"\prod" and run.at < len(run.nodes) and run.mark() not in ("+", "-", ","):
        raise Unreadable(r"how far does \prod reach? write brackets around it", node)
    if run.mark() in (r"\odot", r"\circ"):
        raise Unreadable("how far does the sum reach? write brackets around it", node)
    return "(" + _SIGNS[node.name].join(texts) + ")"


def _letters(below: list[Node], node: Node) -> tuple[list[str], str | None]:
    """The indices below the sign, and where they start."""
    text = source(below).replace(" ", "")
    found = re.fullmatch(r"([a-zA-Z](?:,?[a-zA-Z])*)(?:=(-?\d+))?", text)
    if found is None:
        raise Unreadable(r"this sum has no bounds that can be read: write \sum_{i=1}^{3}", node)
    return found[1].replace(",", ""), found[2]  # type: ignore[return-value]


def _terms(
    run: Run, node: Leaf, letters: list[str], first: str | None, above: list[Node] | None
) -> list[str]:
    letter, *others = letters
    reader, start = run.reader, run.at
    if letter in reader.names or letter in reader.bound:
        raise Unreadable(f"{letter} means something already: sum over another letter", node)

    def term(value: int) -> list[str]:
        run.at = start
        reader.spend(node)
        reader.bound[letter] = value
        try:
            if others:
                return _terms(run, node, others, first, above)
            return [run.factor() if node.name == r"\prod" else run.product()]
        finally:
            del reader.bound[letter]

    low = 1 if first is None else int(first)
    if above is not None:
        high = _number(run, above, node)
    else:
        reader.counted.pop(letter, None)
        term(low)
        high = _size(reader.counted.get(letter, set()), letter, node)
    if first is None and above is not None:
        raise Unreadable(f"where does {letter} start? write {letter}=1", node)
    if not 0 <= high - low < _LONGEST:
        raise Unreadable(f"{letter} runs from {low} to {high}: no sum of 1 to {_LONGEST}", node)
    return [text for value in range(low, high + 1) for text in term(value)]


def _number(run: Run, above: list[Node], node: Node) -> int:
    text = source(above).strip()
    if text in run.reader.bound:
        return run.reader.bound[text]
    value: Any = run.reader.values.get(text.lstrip("\\"))
    if re.fullmatch(r"\d{1,4}", text):
        return int(text)
    if getattr(value, "is_Integer", False):
        return int(value)
    raise Unreadable(
        f"up to where? {text} is not known: write a number, or declare it with --express {text}=3",
        node,
    )


def _size(found: set[int], letter: str, node: Node) -> int:
    if len(found) > 1:
        raise Unreadable(
            f"{letter} counts {' and '.join(map(str, sorted(found)))} entries: write the bounds",
            node,
        )
    if not found or not max(found):
        raise Unreadable(
            f"{letter} counts nothing that is declared: write the bounds, as {letter}=1 and 3, or "
            "declare a column, as --param w:3",
            node,
        )
    return found.pop()


# --- derivatives --------------------------------------------------------------------------------
def gradient(run: Run, node: Leaf) -> str:
    r"""`\nabla_w L`, or of all parameters in the order in which they were declared."""
    names = run.reader.values
    every = [str(value) for value in names.values() if isinstance(value, Parameter)]
    by = f"[{','.join(every)}]"
    if run.mark() == "^":
        raise Unreadable(r"\nabla to a power: a Hessian, or a Laplacian? write the sum", node)
    if run.mark() == "_":
        run.at += 1
        by = _by(run, run.inside(run.script()), by, node)
    elif not every:
        raise Unreadable(
            r"\nabla by which parameters? declare them with --param; of properties that are not "
            r"specified write \NTCov(P, L) for \nabla P \cdot \nabla L",
            node,
        )
    run.reader.vectors = True
    return run.raised(f"gradient({_reached(run, node)},{by})")


def _by(run: Run, below: list[Node], every: str, node: Node) -> str:
    words = run.within(below).words(node)
    if words == ["theta"] and "theta" not in run.reader.names and every != "[]":
        return every
    if len(words) == 1:
        return words[0]
    entries: list[str] = []
    for word in words:
        value = run.reader.values.get(word)
        entries += map(str, value.flat()) if isinstance(value, MatrixBase) else [word]
    return f"[{','.join(entries)}]"


def partial(run: Run, node: Leaf) -> str:
    r"""`\partial L / \partial w`, and `\partial_w L`."""
    if run.mark() == "_":
        run.at += 1
        by = run.within(run.inside(run.script())).words(node)
        return run.raised(f"derivative({_reached(run, node)},{','.join(by)})")
    order = _order(run)
    above = run.factor()
    if run.mark() != "/":
        raise Unreadable(r"a derivative by what? write \frac{\partial P}{\partial w}", node)
    run.at += 1
    by = _below(run, node)
    _agree(order, by, node)
    return f"derivative({above},{','.join(by)})"


def quotient(run: Run, above: list[Node], below: list[Node], node: Node) -> str:
    r"""`\frac{\partial L}{\partial w}`, or nothing where it is no derivative."""
    parts = _partials(above), _partials(below)
    if not all(part and mark(part[0]) == r"\partial" for part in parts):
        return ""
    if "d" in run.reader.names and mark(above[0]) == "d":
        raise Unreadable(r"d is declared: a derivative, or a quotient? write \partial", node)
    up, down = map(run.within, parts)
    up.at = 1
    order = _order(up)
    by = _below(down, node)
    if down.at < len(down.nodes):
        raise Unreadable(r"a derivative by what? write \frac{\partial P}{\partial w}", node)
    _agree(order, by, node)
    unknown = [word for word in by if word not in run.reader.names]
    if unknown:
        raise Unreadable(
            f"a derivative by {unknown[0]}, which is not declared: say what it is", node
        )
    if up.at == len(up.nodes):
        return run.raised(f"derivative({_reached(run, node)},{','.join(by)})")
    text = up.term()
    if up.at < len(up.nodes):
        raise Unreadable("how much is differentiated? write it in brackets", node)
    return run.raised(f"derivative({text},{','.join(by)})")


def _partials(nodes: list[Node]) -> list[Node]:
    r"""Upright and plain d as `\partial`."""
    found: list[Node] = []
    for node in nodes:
        if found and mark(found[-1]) == r"\mathrm" and source(node).strip("{} \n") == "d":
            found[-1] = Leaf(r"\partial")
        else:
            found.append(Leaf(r"\partial") if mark(node) == "d" else node)
    return found


def _order(run: Run) -> int:
    r"""The order that stands at `\partial^2`."""
    if run.mark() != "^":
        return 1
    run.at += 1
    order = source(run.script()).strip("{} ")
    if not re.fullmatch("[1-4]", order):
        raise Unreadable("the order of a derivative is a number up to 4", run.here)
    return int(order)


def _below(run: Run, node: Node) -> list[str]:
    r"""The names of `\partial w^2 \partial b`."""
    found: list[str] = []
    while run.mark() == r"\partial":
        run.at += 1
        word = run.word()
        found += [word] * _order(run)
    if not found:
        raise Unreadable(r"a derivative by what? write \frac{\partial P}{\partial w}", node)
    if "t" in found:
        raise Unreadable(r"a derivative in time is read nowhere: write \NTCov(P, -L)", node)
    return found


def _agree(order: int, by: list[str], node: Node) -> None:
    if order != len(by):
        raise Unreadable(f"a derivative of order {order} by {len(by)} names", node)


def _reached(run: Run, node: Node) -> str:
    """What an operator acts on: a name, a call, a bracket or a sum, behind which nothing is left
    open; and before it numbers, of which nobody takes a derivative.
    """
    first = run.nodes[run.at] if run.at < len(run.nodes) else None
    if first is not None and mark(first) in _SIGNS:
        return run.factor()  # it reaches to the end of its product
    # of a vector there is no power: the gradient of a norm squared is that of the square
    run.lifting = isinstance(first, Group) and first.open.startswith(r"\lVert")
    try:
        text = run.factor()
    finally:
        run.lifting = True
    last = run.nodes[run.at - 1]
    ended = run.at == len(run.nodes) or run.mark() in _FREE or run.transposes()
    if not ended and re.fullmatch("[0-9()./]+", text) and run.mark() not in ("^", "/"):
        return f"{text}*{_reached(run, node)}"
    closed = any(isinstance(n, Group) and n.kind != "brace" for n in (first, last))
    if not ended and (not closed or run.mark() in ("^", "/")):
        raise Unreadable(f"how far does {source(node).strip()} reach? write brackets", node)
    return text
