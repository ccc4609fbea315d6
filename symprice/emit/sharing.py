"""Programs: a formula as a list of assignments in which nothing is computed twice.

Equal subexpressions are found by hash-consing: SymPy's expressions are hashable, so a dict does it.
A subexpression gets a name if the formula names it, or if it is used more than once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sympy import Add, Expr, Mul, Pow, Rational, S, Symbol, cos, exp, log, sin, tanh
from sympy.core.function import Application
from sympy.matrices.expressions.matexpr import MatrixElement

from ..networks.activations import log_sigmoid, sigmoid
from ..networks.named_function import NamedFunction
from .careful import Careful, EntryOf, LogSoftmaxes, RewardGaps, Softmaxes
from .careful_gaps import LogSoftmaxRatios
from .code_names import CodeNames
from .stable import stabilise
from .unfolding import unfold, walk

__all__ = ["Program", "Sharing", "count_operations"]

# What begins the names of shared values: the letter that people use for the function.
_LETTERS: dict[type, str] = {
    sigmoid: "s", log_sigmoid: "ln", log: "ln", exp: "e", tanh: "t", sin: "s", cos: "c",
}  # fmt: skip
# Vectors: named before their entries are taken.
_VECTORS = (LogSoftmaxes, LogSoftmaxRatios, RewardGaps, Softmaxes)


class Program(NamedTuple):
    """Assignments in order, the results, and the code name of every named value and symbol."""

    lines: list[tuple[str, Any]]
    results: list[Any]
    names: dict[Any, str]


class Sharing:
    """The graph of some expressions and their definitions: what is used where, and how often."""

    def __init__(self, results: Sequence[Any], definitions: Mapping[Any, Any]) -> None:
        self.results = list(results)
        self.definitions = definitions
        self._opposites = self._find_opposites()
        self._children: dict[Any, tuple[Any, ...]] = {}
        self.uses: dict[Any, int] = {}
        stack = [self.value(result) for result in self.results]
        for result in stack:
            self.uses[result] = self.uses.get(result, 0) + 1
        while stack:
            node = stack.pop()
            for child in self.children(node):
                if child not in self.uses:
                    stack.append(child)
                self.uses[child] = self.uses.get(child, 0) + _times_written(node)

    def value(self, expr: Any) -> Any:
        """What a name stands for; any other expression itself."""
        while expr in self.definitions:
            expr = self.definitions[expr]
        return expr

    def opposite(self, expr: Any) -> Any:
        """The sum that this sum is written as the negative of, or None."""
        return self._opposites.get(expr)

    def _find_opposites(self) -> dict[Any, Any]:
        sums = {node for node in walk(*self.definitions.values(), *self.results) if node.is_Add}
        found = {}
        for total in sums:
            if total.could_extract_minus_sign() and (negative := -total) in sums:
                found[total] = negative
        return found

    def children(self, node: Any) -> tuple[Any, ...]:
        """The values that a node is computed from; a coefficient does not hide a product."""
        known = self._children.get(node)
        if known is None:
            known = tuple(self.value(child) for child in self._operands(node))
            self._children[node] = known
        return known

    def _operands(self, node: Any) -> tuple[Any, ...]:
        if not node.args or isinstance(node, MatrixElement):
            return ()
        negative = self.opposite(node)
        if negative is not None:
            return (negative,)
        if node.is_Mul:
            coefficient, rest = node.as_coeff_Mul()
            if coefficient is not S.One and rest.is_Mul:
                return (rest,)
        if is_below(node):
            return (Pow(node.base, -node.exp),)
        return tuple(arg for arg in node.args if not arg.is_Number)

    def program(self, names: CodeNames) -> Program:
        """The assignments that compute the results, each value once."""
        code: dict[Any, str] = {}
        for name, value in self.definitions.items():
            kept = self.value(value)
            if kept in self.uses and not kept.is_Atom and kept not in code:
                code[kept] = names.bind(name)
        named = set(code)
        lines: list[tuple[str, Any]] = []
        done: set[Any] = set()

        def emit(root: Any) -> None:
            stack = [(root, False)]
            while stack:
                node, ready = stack.pop()
                if ready:
                    if node in named or self._is_shared(node):
                        if node not in code:
                            code[node] = names.numbered(_letter(node))
                        lines.append((code[node], node))
                elif node not in done:
                    done.add(node)
                    stack.append((node, True))
                    stack.extend((child, False) for child in reversed(self.children(node)))

        for value in self.definitions.values():
            if self.value(value) in self.uses:
                emit(self.value(value))
        for result in self.results:
            emit(self.value(result))
        for name in self.definitions:
            value = self.value(name)
            if value in code:
                code[name] = code[value]
        return Program(lines, self.results, {**names.of, **code})

    def _is_shared(self, node: Any) -> bool:
        if isinstance(node, _VECTORS):
            return True
        if self.uses.get(node, 0) < 2 or not node.args or not isinstance(node, Expr):
            return False
        if (
            isinstance(node, (MatrixElement, EntryOf))
            or node.is_number
            or self.opposite(node) is not None
        ):
            return False
        # A change of sign costs nothing, and an entry of a vector is only looked up.
        return not (node.is_Mul and len(node.args) == 2 and node.args[0] is S.NegativeOne)

    def is_constant(self, result: Any) -> bool:
        """Whether a result depends on no symbol."""
        stack, seen = [self.value(result)], set()
        while stack:
            node = stack.pop()
            if isinstance(node, (Symbol, MatrixElement)):
                return False
            children = [child for child in self.children(node) if child not in seen]
            seen.update(children)
            stack.extend(children)
        return True

    def operations(self) -> int:
        """The additions, multiplications and function calls of the results, each value once."""
        return sum(_operations(node, self) for node in self.uses)


def _times_written(node: Any) -> int:
    """How often the code of a node holds the code of its argument: `x expit(x)` twice."""
    template = node.code.template("scipy") if isinstance(node, NamedFunction) else None
    return 1 if template is None else max(template.count("{x}") + template.count("{p}"), 1)


def _letter(node: Any) -> str:
    if isinstance(node, Careful):
        return node.letter
    return _LETTERS.get(type(node), "u")


def _operations(node: Any, sharing: Sharing) -> int:
    if (
        not node.args
        or isinstance(node, MatrixElement)
        or node.is_number
        or sharing.opposite(node) is not None
    ):
        return 0
    if isinstance(node, Add):
        return len(node.args) - 1
    if isinstance(node, Mul):
        coefficient, rest = node.as_coeff_Mul()
        numbers = 0
        if isinstance(coefficient, Rational):
            numbers = (abs(coefficient.p) != 1) + (coefficient.q != 1)
        elif coefficient is not S.One:
            numbers = 1
        if rest.is_Mul and coefficient is not S.One:
            return numbers
        # A division counts where the inverse stands.
        return numbers + max(sum(not is_below(f) for f in Mul.make_args(rest)) - 1, 0)
    return 1 if isinstance(node, (Pow, Application)) else 0


def is_below(factor: Any) -> bool:
    """Whether a factor is written below the fraction bar: a power with a negative number as
    exponent.
    """
    return bool(factor.is_Pow and factor.exp.is_number and factor.exp.could_extract_minus_sign())


def count_operations(expr: Any) -> int:
    """The operations of the program that computes a formula: additions, multiplications, divisions,
    powers, calls.

    Parameters
    ==========

    expr : anything that code can be written of: an expression, a ClosedForm, a Matrix, a tuple of
        these.

    Examples
    ========

    >>> from sympy import Symbol, tanh
    >>> from symprice import ClosedForm, Name
    >>> from symprice.emit.sharing import count_operations
    >>> x, a = Symbol('x'), Name('a')
    >>> count_operations(ClosedForm(a**2 + a*x, {a: tanh(3*x)}))
    5
    """
    formula = unfold(expr)
    scalars, definitions = stabilise(formula.scalars(), formula.definitions)
    return Sharing(scalars, definitions).operations()
