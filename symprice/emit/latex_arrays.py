"""LaTeX of matrices, and of what stands in index notation, in the notation of papers."""

from __future__ import annotations

import re
from typing import Any

from sympy import HadamardProduct, MatMul, MatrixExpr, MatrixSymbol, Transpose
from sympy.printing.latex import LatexPrinter
from sympy.printing.precedence import PRECEDENCE, precedence_traditional

from ..arrays import ArrayNode, JacobianOf
from ..elementwise import Elementwise, ScalarProduct, ScaledRows
from ..indexed.families import Member
from ..indexed.sums import SumOver
from ..indexed.writing import Offset, place_latex
from ..nodes import Node
from .brackets import raised
from .reading_order import Product, product

__all__ = ["ArrayPrinter", "hadamard_factors", "is_loose", "joined", "squared"]

# A letter with primes and a subscript: a mark stands behind the primes, `h_{1}^{\prime\top}`, as
# `h'^{\top}` is an error of TeX where breqn is loaded.
_PRIMED = re.compile(
    r"([A-Za-z]|\\boldsymbol\{[^{}]*\}|\\[A-Za-z]+)('+)(_\{(?:[^{}]|\{[^{}]*\})*\})?"
)
# The number of a layer above a name, which a mark joins: `W^{(1)\top}`.
_LAYERED = re.compile(r"([^^]*\^\{\(\d+\))((?:\\prime)*)\}(_\{(?:[^{}]|\{[^{}]*\})*\})?")


class ArrayPrinter(LatexPrinter):
    """The part of the paper printer that writes matrices."""

    def _called(self, name: str, *arguments: Any) -> str:
        raise NotImplementedError

    def _product(self, parts: Product, followed: bool = False) -> str:
        raise NotImplementedError

    def _norm_of(self, vector: Any, power: Any) -> str:
        r"""`\lVert x \rVert^{2}`, of a matrix with one entry its square."""
        tex = str(self._print(vector))
        mark = "" if power == 1 else f"^{{{self._print(power)}}}"
        if vector.shape == (1, 1):
            simple = isinstance(vector, (MatrixSymbol, Member)) and not raised(tex)
            norm = tex if simple else rf"\left({tex}\right)" if mark else rf"\left|{tex}\right|"
            return f"{norm}{mark}"
        below = "" if 1 in vector.shape else "_{F}"
        return rf"\lVert {tex} \rVert{below}{mark}"

    def _print_Transpose(self, expr: Any) -> str:
        return self._raised_matrix(expr.arg, r"\top")

    def _print_Adjoint(self, expr: Any) -> str:
        return self._raised_matrix(expr.arg, r"\dagger")

    def _raised_matrix(self, matrix: Any, mark: str) -> str:
        tex = self._print(matrix)
        plain = isinstance(matrix, (MatrixSymbol, Member, ArrayNode, Node, JacobianOf))
        one = type(matrix).__name__ in ("OneMatrix", "Identity", "UnitVector", "Shift")
        if plain and (primed := _PRIMED.fullmatch(tex)) is not None:
            above = r"\prime" * len(primed[2]) + mark
            return f"{primed[1]}{primed[3] or ''}^{{{above}}}"
        if plain and (layered := _LAYERED.fullmatch(tex)) is not None:
            return f"{layered[1]}{layered[2]}{mark}}}{layered[3] or ''}"
        if (not (plain or one) and isinstance(matrix, MatrixExpr)) or raised(tex):
            tex = rf"\left({tex}\right)"
        return f"{tex}^{{{mark}}}"

    def _print_MatMul(self, expr: Any) -> str:
        scalar, matrices = expr.as_coeff_matrices()
        parts = product(scalar)
        tex = "" if scalar in (1, -1) else self._product(parts, followed=True)
        for i, matrix in enumerate(matrices):
            piece = str(self._print(matrix))
            last = i == len(matrices) - 1
            if piece.startswith("-") or is_loose(matrix, single=len(matrices) == 1, last=last):
                piece = rf"\left({piece}\right)"
            tex = joined(tex, piece) if tex else piece
        return ("-" if parts.negative else "") + tex

    def _print_MatAdd(self, expr: Any) -> str:
        tex = ""
        for term in sorted(expr.args, key=lambda m: self._print(m).startswith("-")):
            piece = self._print(term)
            if tex:
                piece = f" - {piece[1:]}" if piece.startswith("-") else f" + {piece}"
            tex += piece
        return tex

    def _print_HadamardProduct(self, expr: Any) -> str:
        factors = hadamard_factors(expr)
        # `v ∘ A B` is a column that scales the rows of a product.
        scaling = isinstance(expr, ScaledRows)
        pieces = []
        for i, factor in enumerate(factors):
            piece = str(self._print(factor))
            last = i == len(factors) - 1
            product = isinstance(factor, MatMul) and not (scaling and last)
            negative = piece.startswith("-") and i > 0
            if product or negative or is_loose(factor, single=scaling, last=last):
                piece = rf"\left({piece}\right)"
            pieces.append(piece)
        return r" \circ ".join(pieces)

    def _print_DiagMatrix(self, expr: Any) -> str:
        return self._called(r"\operatorname{diag}", expr.args[0])

    _print_DiagonalMatrix = _print_DiagonalOf = _print_DiagMatrix

    def _print_Trace(self, expr: Any) -> str:
        return self._called(r"\operatorname{tr}", expr.arg)

    def _print_OneMatrix(self, expr: Any) -> str:
        # The row of ones is the column, transposed; a matrix of ones is their product.
        rows, columns = expr.shape
        if rows == 1 and columns != 1:
            return r"\mathbf{1}^{\top}"
        return r"\mathbf{1}" if columns == 1 else r"\mathbf{1} \mathbf{1}^{\top}"

    def _print_Identity(self, expr: Any) -> str:
        return "I"

    def _print_KroneckerDelta(self, expr: Any, exp: str | None = None) -> str:
        # δ is the letter of adjoints.
        left, right = compared_places(self, expr)
        tex = rf"\left[{left} = {right}\right]"
        return tex if exp is None else f"{tex}^{{{exp}}}"


def compared_places(printer: Any, expr: Any) -> list[str]:
    """The two sides of `[i = j]`: places count from 1, an action is a label and stays as it is."""
    left, right = expr.args[:2]
    if any(getattr(symbol, "is_action", False) for symbol in expr.free_symbols):
        labels = sorted((left, right), key=lambda side: not getattr(side, "is_action", False))
        return [str(printer._print(label)) for label in labels]
    moves = isinstance(left, Offset) and isinstance(right, Offset)
    return [place_latex(printer, place, label=moves) for place in (left, right)]


def squared(expr: Any) -> Any:
    """The matrix whose squared norm a scalar product is; None for any other expression.

    >>> from symprice import Elementwise, ScalarProduct, inputs
    >>> u, v = inputs('u v', 3)
    >>> squared(ScalarProduct(u, u)), squared(ScalarProduct(u, v)) is None
    (u, True)
    >>> squared(ScalarProduct(*(Elementwise(lambda h: h**2, w) for w in (u, v))))
    HadamardProduct(u, v)
    """
    if not isinstance(expr, ScalarProduct):
        return None
    left, right = expr.args
    if left == right:
        return left.arg if isinstance(left, Transpose) else left
    if all(isinstance(side, Elementwise) and _is_square(side.function) for side in expr.args):
        return HadamardProduct(left.argument, right.argument)
    return None


def _is_square(function: Any) -> bool:
    return bool(function.expr == function.variables[0] ** 2)


def is_loose(matrix: Any, single: bool, last: bool) -> bool:
    """Whether a matrix needs brackets in a product; ``single`` where it is the only matrix."""
    if isinstance(matrix, SumOver):
        return not last
    if isinstance(matrix, MatMul):
        return False
    if isinstance(matrix, (HadamardProduct, ScaledRows)):
        return not single
    level = precedence_traditional(matrix)
    return bool(level < PRECEDENCE["Mul"] or (level == PRECEDENCE["Mul"] and not single))


def hadamard_factors(expr: Any) -> list[Any]:
    """The factors of a product entry by entry, those of the products in it among them."""
    if not isinstance(expr, (HadamardProduct, ScaledRows)):
        return [expr]
    return [factor for arg in expr.args for factor in hadamard_factors(arg)]


def joined(left: str, right: str) -> str:
    """Two factors side by side, with a dot where two numbers would run together."""
    if left[-1:].isdigit() and (right[:1].isdigit() or right.startswith(r"\frac")):
        return rf"{left} \cdot {right}"
    if left.endswith("}") and right[:1].isdigit():
        return rf"{left} \cdot {right}"
    closed = left.endswith((")", r"\right)}"))
    if closed and right.startswith(r"\left("):
        return left + right
    if closed and (right[0].isalpha() or re.match(r"\\(?!operatorname|[a-z]*\d)", right)):
        return rf"{left}\, {right}"  # what follows a call stands off a little
    return f"{left} {right}"
