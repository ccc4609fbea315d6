"""Names for what a formula written by hand has no names for: `h = W x`, `a = φ(h)`.

Derivatives are accumulated over named definitions; a function applied to an expression, and a
softmax inside of one, get names first, as the layers of a network give them.
"""

from __future__ import annotations

from string import ascii_letters
from typing import Any

from sympy import Basic, Function, HadamardProduct, MatAdd, MatMul, MatrixExpr, MatrixSymbol
from sympy.matrices.matrixbase import MatrixBase

from ..arrays import ArrayNode, LogSumExp
from ..closedform import ClosedForm, ClosedFormMatrix, Definitions, hoist, labelled
from ..elementwise import Elementwise, ScaledRows
from ..symbols import Name, NameMatrix
from .entries import Entry
from .families import Family, Member
from .lowering import entry
from .raising import raised

__all__ = ["closed_entry", "prepared"]

# What a matrix is composed by, so that it is worth a name where it occurs again.
_COMPOSED = (MatMul, MatAdd, HadamardProduct, ScaledRows)


def prepared(expr: Any) -> Any:
    """An expression in let-form in which every function of arrays is applied to a name, and is one.

    Examples
    ========

    >>> from sympy import tanh
    >>> from symprice import Elementwise, ParameterMatrix, inputs
    >>> from symprice.indexed.naming import prepared
    >>> W, x = ParameterMatrix('W', 2, 3), inputs('x', 3)
    >>> prepared(W.T*Elementwise(tanh, W*x)).definitions
    {h1: W*x, a1: Elementwise(Lambda(h, tanh(h)), h1)}
    """
    expr = _with_named_outputs(expr)
    own = Definitions(expr.free_symbols)
    naming = _Naming(own, hoist(expr, own))
    return naming.definitions.closing(naming.body)


def closed_entry(closed: ClosedFormMatrix, row: Any, column: Any) -> Any:
    """An entry of a closed form, itself a closed form in matrix notation."""
    definitions = Definitions()
    if isinstance(closed.expr, MatrixBase):
        return definitions.closing(hoist(closed, definitions)[row, column])
    body = hoist(prepared(closed), definitions)
    return definitions.closing(raised(entry(body, row, column)))


def _with_named_outputs(expr: Any) -> Any:
    """The outputs of the networks inside an expression under names of their own, `f`."""
    if isinstance(expr, (ClosedForm, ClosedFormMatrix)) or not expr.has(
        ClosedForm, ClosedFormMatrix
    ):
        return expr
    named = {}
    for inner in expr.atoms(ClosedForm, ClosedFormMatrix):
        body = inner.expr
        if body.is_symbol or not body.args or isinstance(body, (Entry, Member)):
            continue
        name: Any = Name("f")
        if getattr(body, "is_Matrix", False):
            name = NameMatrix("f", *body.shape)
        named[inner] = inner.func(name, (*inner.args[1], (name, body)))
    return expr.xreplace(named)


class _Naming:
    """One expression while its functions get names."""

    def __init__(self, given: Definitions, body: Any) -> None:
        self.definitions = Definitions(given.taken)
        self.used = {name.name for name, _ in given.items()}
        self.numbers: dict[str, int] = {}
        self.renamed: dict[Any, Any] = {}
        self.memo: dict[Any, Any] = {}
        self.repeated = _repeated([body, *(value for _, value in given.items())])
        for name, value in given.items():
            inner = value.expr if isinstance(value, Family) else value
            inner = self.whole(inner.xreplace(self.renamed) if self.renamed else inner)
            value = Family(inner, *value.labels) if isinstance(value, Family) else inner
            found = self.definitions.define(name, value)
            if found != name:
                self.renamed[name] = found
        self.body = self.inside(body)

    def whole(self, node: Any) -> Any:
        """The value of a definition: its outermost function needs no name of its own."""
        if isinstance(node, (Elementwise, ArrayNode)):
            return node.func(*map(self.argument, node.args))
        if node in self.repeated:
            return node.func(*map(self.inside, node.args))
        return self.inside(node)

    def argument(self, arg: Any) -> Any:
        """What a function is applied to: a name."""
        if not getattr(arg, "is_Matrix", False) or isinstance(arg, (MatrixSymbol, Member)):
            return arg
        return self.inside(arg) if arg in self.repeated else self.named("h", self.whole(arg))

    def inside(self, node: Any) -> Any:
        """An expression with names for the functions in it."""
        if self.renamed and node in self.renamed:
            return self.renamed[node]
        if not isinstance(node, Basic) or not node.args or isinstance(node, (MatrixSymbol, Member)):
            return node
        if node not in self.memo:
            if node in self.repeated:
                self.memo[node] = self.named(_letter(node), self.whole(node))
            elif not node.has(Elementwise, ArrayNode, LogSumExp, *_COMPOSED):
                self.memo[node] = node.xreplace(self.renamed) if self.renamed else node
            elif _is_slope(node):
                self.memo[node] = node.xreplace(self.renamed) if self.renamed else node
            elif isinstance(node, (Elementwise, ArrayNode)):
                self.memo[node] = self.named(_letter(node), self.whole(node))
            elif isinstance(node, LogSumExp):
                self.memo[node] = node.func(*map(self.argument, node.args))
            else:
                self.memo[node] = node.func(*map(self.inside, node.args))
        return self.memo[node]

    def named(self, letter: str, value: Any) -> Any:
        """The name of a value: numbered as what it is a function of, `a₁ = φ(h₁)`, else by the
        next free number.
        """
        source = next((a for a in value.args if isinstance(a, (MatrixSymbol, Member))), None)
        symbol = getattr(source, "array", source)
        if isinstance(symbol, NameMatrix) and isinstance(value, (Elementwise, ArrayNode)):
            alike = letter + symbol.name.lstrip(ascii_letters)
            if alike != letter and alike not in self.used:
                self.used.add(alike)
                return labelled(self.definitions, NameMatrix(alike, *value.shape), value)
        number = self.numbers.get(letter, 0) + 1
        while f"{letter}{number}" in self.used:
            number += 1
        self.numbers[letter] = number
        self.used.add(f"{letter}{number}")
        return labelled(self.definitions, NameMatrix(f"{letter}{number}", *value.shape), value)


def _is_slope(node: Any) -> bool:
    """Whether a node is a composite function of a name, as φ'(h): a factor that needs no name."""
    return (
        isinstance(node, Elementwise)
        and isinstance(node.argument, (MatrixSymbol, Member))
        and not isinstance(node.function.expr, Function)
    )


def _repeated(exprs: list[Any]) -> set[Any]:
    """The composed matrices that occur more than once: as values of their own they are shared."""
    seen: set[Any] = set()
    again: set[Any] = set()
    stack = list(exprs)
    while stack:
        node = stack.pop()
        if node in seen:
            if isinstance(node, (*_COMPOSED, Elementwise, ArrayNode)) and _is_large(node):
                again.add(node)
            continue
        seen.add(node)
        if not isinstance(node, (MatrixSymbol, Member)):
            stack.extend(arg for arg in node.args if isinstance(arg, Basic))
    return again


def _is_large(node: Any) -> bool:
    """Whether a matrix is more than a symbol, its transpose, a multiple of it."""
    if isinstance(node, (Elementwise, ArrayNode)):
        return not _is_slope(node)
    return sum(isinstance(arg, MatrixExpr) for arg in node.args) > 1


def _letter(node: Any) -> str:
    """How a value is called: by its node, an activation `a`, another function `u`, else `v`."""
    if isinstance(node, ArrayNode):
        return node.letter
    if not isinstance(node, Elementwise):
        return "v"
    return "a" if isinstance(node.function.expr, Function) else "u"
