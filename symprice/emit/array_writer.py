"""Array code of index expressions: every entry of a formula at once.

An index is an axis. Sums over indices are contractions, what stands beside each other is aligned
by axes of length 1, and the label of a batch is one more axis of everything that depends on it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sympy import (
    Add,
    Derivative,
    KroneckerDelta,
    MatrixExpr,
    Mod,
    Mul,
    Pow,
    S,
    Subs,
    Tuple,
    log,
)
from sympy.core.function import AppliedUndef
from sympy.core.relational import Relational
from sympy.functions.elementary.piecewise import Piecewise
from sympy.logic.boolalg import Boolean
from sympy.matrices.matrixbase import MatrixBase

from ..arrays import ArrayNode
from ..elementwise import ScalarProduct
from ..errors import NoRuleError, ShapeError
from ..indexed.entries import Entry, Index, Within, indices_of
from ..indexed.families import Family, Member
from ..indexed.lowering import entry, scalar
from ..indexed.sums import SumOver, summed
from ..symbols import Name, NameMatrix
from .array_centring import centred_sum, with_positive_terms
from .array_entries import Entries
from .array_functions import careful, is_delicate, leaves_of
from .array_graph import Array, Graph, Node
from .array_language import slot
from .array_products import COLUMN, ROW, Products
from .array_rules import ARRAY_RULES, SCALAR_RULES
from .array_sizes import Sizes
from .numpy_printer import no_code

__all__ = ["ArrayWriter", "places_in"]


class ArrayWriter:
    """The arrays of one function while it is written."""

    def __init__(self, graph: Graph, language: Any, sizes: Sizes, order: Sequence[str]) -> None:
        self.graph, self.language, self.sizes = graph, language, sizes
        self.products = Products(graph, language, sizes, order)
        self.entries = Entries(graph, language, sizes, self.products)
        #: What has a name, its axes as labels and numbers of positions.
        self.known: dict[Any, Array] = {}
        #: The logarithms of probabilities, computed from their logits.
        self.logarithms: dict[Any, Callable[[], Array]] = {}
        #: The means of columns under a softmax: of each name the column and the probabilities.
        self.means: dict[Any, tuple[Any, Any]] = {}
        self.shares: set[Any] = set()
        self.definitions: list[Node] = []
        self._memo: dict[Any, Array] = {}
        self._careful: set[Any] = set()
        self._delicate: dict[Any, bool] = {}
        self._unnamed = 0

    # --- definitions ------------------------------------------------------------------------------
    def define(self, symbol: Any, value: Any, name: str | None) -> None:
        """The value of a definition; it stands in a line of its own if it has a name in code."""
        labels = value.labels if isinstance(value, Family) else ()
        node = value.expr if isinstance(value, Family) else value
        if getattr(node, "is_Matrix", False):
            row, column = places_in(node.shape)
            array = self.matrix(node, row, column, symbol)
            places = (*(p for p in (row, column) if isinstance(p, Index)), *labels)
        else:
            array = self.array(scalar(self._with_names(self._in_positive_terms(node))))
            places = labels
            self._note_mean(symbol, node)
        self._keep(symbol, array, places)
        if type(node).__name__ == "SoftmaxVector":
            self.shares.add(symbol)
        self.entries.label_sizes[symbol] = tuple(label.size for label in labels)
        made = array.node
        if name is not None and not (made.view or made.host or made in self.graph.names):
            self.graph.names[made] = name
            self.definitions.append(made)

    def _keep(self, symbol: Any, array: Array, places: Sequence[Any]) -> None:
        self.known[symbol] = Array(array.node, self._stored(array, places))

    def _stored(self, array: Array, places: Sequence[Any]) -> tuple[Any, ...]:
        numbers = {index: number for number, index in enumerate(places)}
        strange = [a for a in array.axes if not isinstance(a, str) and a not in numbers]
        if strange:
            raise NoRuleError(f"asked for NumPy code of a definition with the free index {strange}")
        return tuple(a if isinstance(a, str) else numbers[a] for a in array.axes)

    def _note_mean(self, symbol: Any, node: Any) -> None:
        if isinstance(node, ScalarProduct):
            for values, shares in (node.args, node.args[::-1]):
                if shares in self.shares and values != shares:
                    self.means[symbol] = values, shares

    def matrix(self, node: Any, row: Any, column: Any, symbol: Any = None) -> Array:
        """A matrix expression: its rows and columns on the axes ``row`` and ``column``."""
        rule = ARRAY_RULES.get(type(node).__name__)
        if rule is not None:
            return rule(self, node, row, column, symbol)
        if isinstance(node, ArrayNode):
            raise NoRuleError(
                f"asked for NumPy code of {node}, a {type(node).__name__}: no code is known for it"
            )
        return self.array(entry(self._with_names(node), row, column))

    def _with_names(self, node: Any) -> Any:
        """The expression with a symbol for every function of a whole array inside."""
        found = _outermost(node)
        return node.xreplace({inner: self._symbol_of(inner) for inner in found}) if found else node

    def _symbol_of(self, node: Any) -> Any:
        labels = sorted(indices_of(node), key=str)
        self._unnamed += 1
        symbol = NameMatrix(f"_unnamed{self._unnamed}", *node.shape)
        self.define(symbol, Family(node, *labels), None)
        return Member(symbol, *labels)

    # --- results ----------------------------------------------------------------------------------
    def result(self, body: Any, labels: Sequence[str]) -> Node:
        """The main formula: batch labels first, then rows and columns; of several, a tuple."""
        if isinstance(body, Tuple):
            parts = [self.result(part, labels) for part in body]
            slots = ", ".join(f"{{a{place}}}" for place in range(len(parts)))
            return self.graph.text(f"({slots},)" if len(parts) == 1 else f"({slots})", *parts)
        if isinstance(body, MatrixBase) and body.shape != (1, 1):
            return self._explicit(body, labels)
        if getattr(body, "is_Matrix", False):
            row, column = places_in(body.shape)
            array = self.matrix(body, row, column)
        else:
            row = column = S.Zero
            body = self._in_positive_terms(body)
            array = self.array(scalar(self._with_names(body)))
        axes = (*labels, *(p for p in (row, column) if isinstance(p, Index)))
        strange = [axis for axis in array.axes if axis not in axes]
        if strange:
            raise NoRuleError(f"asked for NumPy code of {body} with the free index {strange[0]}")
        return self.products.spread(array, axes).node

    def _in_positive_terms(self, body: Any) -> Any:
        return with_positive_terms(body) if self.language.has_others else body

    def _explicit(self, body: Any, labels: Sequence[str]) -> Node:
        entries = [self.products.spread(self.array(scalar(e)), labels).node for e in body.flat()]
        if body.cols == 1:
            return self.language.stacked(entries)
        width = body.cols
        columns = [self.language.stacked(entries[j::width]) for j in range(width)]
        return self.language.stacked(columns)

    # --- expressions ------------------------------------------------------------------------------
    def array(self, expr: Any) -> Array:
        """A scalar expression of entries, at all values of its indices."""
        found = self._memo.get(expr)
        if found is None:
            found = self._memo[expr] = self._array(expr)
        return found

    def _array(self, expr: Any) -> Array:
        if expr in self.known and not isinstance(expr, Entry):
            return self.known[expr]
        if isinstance(expr, Entry):
            return self.entries.entry(self._stored_array(expr.array), expr)
        if expr.is_number:
            return self._number(expr)
        if isinstance(expr, Index):
            return self.entries.places(expr)
        if expr.is_Symbol:
            return Array(self.sizes.node(self.graph, self._size(expr)))
        if self.language.is_careful and is_delicate(expr, self._delicate):
            stable = self._stabilised(expr)
            if stable != expr:
                return self.array(stable)
        return self._operation(expr)

    def _stabilised(self, expr: Any) -> Any:
        if expr in self._careful:
            return expr
        if isinstance(expr, Mul):
            groups: dict[Any, list[Any]] = {}
            for factor in expr.args:
                leaves = leaves_of(factor)
                groups.setdefault(leaves[0] if len(leaves) == 1 else factor, []).append(factor)
            stable = Mul(*(careful(Mul(*factors)) for factors in groups.values()))
        else:
            stable = careful(expr)
        self._careful.add(stable)
        return stable

    def _operation(self, expr: Any) -> Array:
        if isinstance(expr, Add):
            if (centred := centred_sum(self, expr)) is not None:
                return centred
            return self.products.add([self.array(term) for term in expr.args])
        if isinstance(expr, Mul):
            return self.contraction(expr.args, ())
        if isinstance(expr, SumOver):
            return self._sum_over(expr)
        if isinstance(expr, Pow):
            return self._power(expr)
        if isinstance(expr, KroneckerDelta):
            return self.entries.delta(expr)
        if isinstance(expr, Within):
            return self.entries.within(expr)
        if isinstance(expr, Mod) and expr.atoms(Index):
            return self.entries.places(expr)
        rule = SCALAR_RULES.get(type(expr).__name__)
        if rule is not None:
            return rule(self, expr)
        if isinstance(expr, log) and isinstance(expr.args[0], Entry):
            logarithm = self.logarithms.get(expr.args[0].array)
            if logarithm is not None:
                return self.entries.entry(logarithm(), expr.args[0])
        return self._function(expr)

    def _sum_over(self, expr: SumOver) -> Array:
        """The sum, over a sum of contractions or as a sum of longer ones, whichever costs less."""
        factors = Mul.make_args(expr.expr)
        array = self.contraction(factors, expr.indices)
        for factor in factors:
            if isinstance(factor, Add) and factor.has(SumOver):
                rest = Mul(*(other for other in factors if other is not factor))
                terms = [summed(term * rest, expr.indices) for term in factor.args]
                self.products.has_chosen = True
                other = self.products.add([self.array(term) for term in terms])
                return min(array, other, key=self.products.cost)
        return array

    def contraction(self, factors: Sequence[Any], bound: Sequence[Index]) -> Array:
        """The sum of a product over indices."""
        return self.products.contraction([self.array(factor) for factor in factors], bound)

    def _stored_array(self, symbol: Any) -> Array:
        if symbol not in self.known:
            raise ShapeError(f"asked for code of {symbol}, which is no argument of the function")
        return self.known[symbol]

    def _number(self, expr: Any) -> Array:
        if not (expr.is_extended_real and expr.is_finite):
            raise NoRuleError(f"asked for NumPy code of the number {expr} at matrix level")
        return Array(self.graph.number(expr))

    def _size(self, symbol: Any) -> Any:
        if isinstance(symbol, Name):
            raise ShapeError(f"asked for code of {symbol}, a name without a definition")
        return symbol

    def _power(self, expr: Any) -> Array:
        base, exponent = expr.args
        array = self.array(base)
        if exponent.is_number:
            if not exponent.is_extended_real:
                raise NoRuleError(f"asked for NumPy code of the power {expr} at matrix level")
            return Array(self.graph.power(array.node, exponent), array.axes)
        other = self.array(exponent)
        axes = self.products.axes_of([array, other])
        nodes = [self.products.aligned(part, axes) for part in (array, other)]
        return Array(self.graph.power_of(*nodes), axes)

    def _function(self, expr: Any) -> Array:
        """A function of scalars, or conditions on them."""
        rewritten = self.language.rewritten(expr)
        if rewritten is not None:
            return self.array(rewritten)
        if isinstance(expr, (Piecewise, Relational, Boolean)):
            parts = leaves_of(expr)
            if not parts:
                raise NoRuleError(f"asked for NumPy code of {expr} at matrix level")
        else:
            if isinstance(expr, (Subs, Derivative, AppliedUndef)):
                raise no_code(expr)
            parts = [arg for arg in expr.args if not arg.is_number]
        if any(getattr(part, "is_Matrix", False) for part in parts):
            raise NoRuleError(
                f"asked for NumPy code of {expr}, but none is known for a {type(expr).__name__} "
                "of a matrix: write it with sums, products, Elementwise and Hadamard products"
            )
        parts = list(dict.fromkeys(parts))
        arrays = [self.array(part) for part in parts]
        slots = {part: slot(place) for place, part in enumerate(parts)}
        if isinstance(expr, (Piecewise, Relational, Boolean)):
            template = expr.xreplace(slots)
        else:
            template = type(expr)(*(slots.get(a, a) for a in expr.args), evaluate=False)
        axes = self.products.axes_of(arrays)
        nodes = [self.products.aligned(array, axes) for array in arrays]
        if self.language.repeats(expr):
            self.graph.must_have_names.update(nodes)
        node = self.graph.call(template, *nodes)
        node.host = False
        return Array(node, axes)


def places_in(shape: Any) -> tuple[Any, Any]:
    """The row and the column of a matrix as indices; 0 on an axis of length 1."""
    rows, columns = shape
    row = S.Zero if rows == 1 else Index(ROW, rows)
    return row, S.Zero if columns == 1 else Index(COLUMN, columns)


def _outermost(node: Any) -> list[Any]:
    """The functions of whole arrays in an expression that are in no other."""
    found: dict[Any, None] = {}
    stack = [node]
    while stack:
        part = stack.pop()
        if type(part).__name__ in ARRAY_RULES and isinstance(part, MatrixExpr):
            found[part] = None
        else:
            stack.extend(part.args)
    return list(found)
