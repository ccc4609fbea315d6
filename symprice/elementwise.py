"""Array nodes of networks: a function on every entry, scaled rows, and the scalar product.

None of them is ever multiplied out: `diag(v) M` is ``ScaledRows(v, M)``, and a 1 × 1 product is
the commutative scalar ``ScalarProduct(u, v)``.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from sympy import (
    Add,
    Derivative,
    Dummy,
    Expr,
    Identity,
    Lambda,
    MatrixExpr,
    OneMatrix,
    S,
    Subs,
    Symbol,
    Transpose,
)
from sympy.core.symbol import Str
from sympy.core.sympify import _sympify
from sympy.printing.precedence import PRECEDENCE, precedence

from .errors import ShapeError

__all__ = ["Elementwise", "ScalarProduct", "ScaledRows"]


class Elementwise(MatrixExpr):
    """`φ(X)`, a function applied to every entry of a matrix.

    Parameters
    ==========

    function : a Lambda of one argument, or a SymPy function.
    argument : a matrix expression.

    Examples
    ========

    >>> from sympy import tanh
    >>> from symprice import inputs
    >>> from symprice.elementwise import Elementwise
    >>> x = inputs('x', 3)
    >>> Elementwise(tanh, x).shape
    (3, 1)
    >>> Elementwise(tanh, x) == Elementwise(tanh, x)
    True
    """

    def __new__(cls, function: Any, argument: Any) -> Elementwise:
        if not isinstance(function, Lambda):
            entry = Symbol("h")
            function = Lambda(entry, function(entry))
        return super().__new__(cls, function, _sympify(argument))

    @property
    def precedence(self) -> int:
        """That of the function's expression, which is what is printed."""
        return int(precedence(self.function.expr))

    @property
    def function(self) -> Lambda:
        """The function of one entry."""
        return self.args[0]

    @property
    def argument(self) -> Any:
        """The matrix of entries."""
        return self.args[1]

    @property
    def shape(self) -> tuple[Any, Any]:
        """That of the argument."""
        return self.argument.shape

    def at(self, value: Any) -> Any:
        """`φ(value)`, the function of one entry; φ' is then the derivative at a point."""
        (slot,) = self.function.variables
        body = self.function.expr
        if _has_derivative(self.function):
            inner = Dummy("h")
            body = body.xreplace(
                {d: Subs(d.xreplace({slot: inner}), inner, slot) for d in body.atoms(Derivative)}
            )
        return body.xreplace({slot: value})

    @property
    def free_symbols(self) -> set[Any]:
        """Those of the function, its variable aside, and of the entries."""
        return self.argument.free_symbols | _free_in(self.function)

    def derivative(self) -> Any:
        """`φ'(X)`, entry by entry."""
        (entry,) = self.function.variables
        return Elementwise(Lambda(entry, self.function.expr.diff(entry)), self.argument)

    def _entry(self, i: Any, j: Any, **kwargs: Any) -> Any:
        return self.function(self.argument[i, j])

    def _numeric(self, evaluate: Any, point: Any) -> Any:
        (entry,) = self.function.variables
        values = evaluate(self.argument, point)
        return values.apply(lambda value: evaluate(self.function.expr, {**point, entry: value}))

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        text, level = printer._print(self.argument), precedence(self.argument)
        shown = AsPrinted(text, level)
        body = self.at(shown)
        if level <= PRECEDENCE["Add"] or text.startswith("-"):
            # A sign stands before the whole of it: -(x - y), 1 + (-x).
            inside = AsPrinted(rf"\left({text}\right)", PRECEDENCE["Atom"])
            body = body.xreplace({-shown: -inside})
            if body.is_Add and text.startswith("-"):
                body = body.func(*(inside if term == shown else term for term in body.args))
        return str(printer._print(body))


# Networks have few functions and many layers.
@lru_cache(maxsize=256)
def _has_derivative(function: Lambda) -> bool:
    return bool(function.expr.has(Derivative))


@lru_cache(maxsize=256)
def _free_in(function: Lambda) -> frozenset[Any]:
    return frozenset(function.free_symbols)


class AsPrinted(Expr):
    """A scalar that prints as a given text: a vector in the place of its entry.

    ``level`` is how tightly the text binds.
    """

    is_commutative = True
    is_zero = is_positive = is_negative = None

    def __new__(cls, text: Any, level: Any) -> AsPrinted:
        return super().__new__(cls, text if isinstance(text, Str) else Str(text), _sympify(level))

    @property
    def precedence(self) -> int:
        """That of what stands for it."""
        return int(self.args[1])

    @property
    def _diff_wrt(self) -> bool:
        return True

    def as_coefficient(self, expr: Any) -> Any:
        """A text is a multiple of nothing but itself."""
        return S.One if self == expr else None

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        text = str(self.args[0].name)
        return text if exp is None else f"{text}^{{{exp}}}"


class ScaledRows(MatrixExpr):
    """`v ∘ M`: row i of M multiplied by `v_i`, that is `diag(v) M`, never materialised.

    Examples
    ========

    >>> from sympy import MatrixSymbol
    >>> from symprice import inputs
    >>> from symprice.elementwise import ScaledRows
    >>> ScaledRows(inputs('v', 3), MatrixSymbol('M', 3, 2)).shape
    (3, 2)
    """

    precedence = PRECEDENCE["Mul"]

    def __new__(cls, vector: Any, matrix: Any) -> Any:
        vector, matrix = _sympify(vector), _sympify(matrix)
        if vector.shape[1] != 1 or vector.shape[0] != matrix.shape[0]:
            raise ShapeError(
                f"asked to scale the rows of {matrix.shape} by a vector {vector.shape}"
            )
        return super().__new__(cls, vector, matrix)

    @property
    def shape(self) -> tuple[Any, Any]:
        """That of the matrix."""
        return self.args[1].shape

    def _entry(self, i: Any, j: Any, **kwargs: Any) -> Any:
        return self.args[0][i, 0] * self.args[1][i, j]

    def _numeric(self, evaluate: Any, point: Any) -> Any:
        vector, matrix = (evaluate(arg, point) for arg in self.args)
        rows = [[vector[i] * matrix[i, j] for j in range(matrix.cols)] for i in range(matrix.rows)]
        return type(matrix)(rows)

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        left, right = (
            printer.parenthesize(arg, PRECEDENCE["Mul"], strict=True) for arg in self.args
        )
        return rf"{left} \circ {right}"


class ScalarProduct(Expr):
    r"""`uᵀ v` of two columns, `⟨M, N⟩ = Σ_ij M_ij N_ij` of two matrices: a commutative scalar.

    Examples
    ========

    >>> from sympy import MatrixSymbol, latex
    >>> from symprice import inputs
    >>> from symprice.elementwise import ScalarProduct
    >>> x, y = inputs('x y', 3)
    >>> ScalarProduct(x, y) == ScalarProduct(y, x), ScalarProduct(x, y) + 1
    (True, ScalarProduct(x, y) + 1)
    >>> M, N = MatrixSymbol('M', 2, 3), MatrixSymbol('N', 2, 3)
    >>> print(latex(ScalarProduct(M, N)))
    \left\langle M, N \right\rangle
    """

    is_commutative = True
    precedence = PRECEDENCE["Mul"]

    def __new__(cls, u: Any, v: Any) -> Any:
        u, v = _sympify(u), _sympify(v)
        if u.shape != v.shape:
            raise ShapeError(
                f"asked for the scalar product of {u.shape} and {v.shape}: two columns, or two "
                "matrices of one shape"
            )
        if u.shape[0] == 1 and u.shape[1] != 1:
            u, v = _turned(u), _turned(v)
        if isinstance(u, Identity) and isinstance(v, Identity):
            return u.shape[0]
        return super().__new__(cls, *sorted((u, v), key=lambda matrix: matrix.sort_key()))

    def doit(self, **hints: Any) -> Any:
        """The same; of matrices with a known number of entries, the sum of the products."""
        u, v = (arg.doit(**hints) for arg in self.args)
        rows, columns = map(_sympify, u.shape)
        if not (rows.is_Integer and columns.is_Integer):
            return self.func(u, v)
        places = [(i, j) for i in range(int(rows)) for j in range(int(columns))]
        return Add(*(u[place] * v[place] for place in places))

    def _numeric(self, evaluate: Any, point: Any) -> Any:
        u, v = (evaluate(arg, point) for arg in self.args)
        return sum(u[i] * v[i] for i in range(len(u)))

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        u, v = sorted(self.args, key=_standing)
        if u.shape[1] == 1:
            left = printer.parenthesize(_turned(u), PRECEDENCE["Mul"], strict=True)
            right = printer.parenthesize(v, PRECEDENCE["Mul"], strict=True)
            tex = f"{left} {right}"
            return tex if exp is None else rf"\left({tex}\right)^{{{exp}}}"
        tex = rf"\left\langle {printer._print(u)}, {printer._print(v)} \right\rangle"
        return tex if exp is None else f"{tex}^{{{exp}}}"


def _turned(matrix: Any) -> Any:
    return matrix.arg if isinstance(matrix, Transpose) else Transpose(matrix)


def _standing(matrix: Any) -> int:
    """Which factor is written first, so that a short one carries the transposition sign."""
    if isinstance(matrix, OneMatrix):
        return 0
    if isinstance(matrix, Transpose):
        return 1
    return 2 if matrix.is_symbol else 3
