"""Expressions on one line of Unicode text, for a terminal: `σ(b)²(1 - σ(b))²`.

The same order of factors and terms as in the LaTeX. What only has LaTeX of its own is read off
that.
"""

from __future__ import annotations

import re
from itertools import starmap
from typing import Any

from sympy import (
    Add,
    Basic,
    HadamardProduct,
    Integer,
    MatAdd,
    MatMul,
    MatrixSymbol,
    Pow,
    S,
    Symbol,
)
from sympy.core.function import AppliedUndef, Derivative
from sympy.core.relational import Relational
from sympy.printing.precedence import PRECEDENCE, precedence, precedence_traditional
from sympy.printing.str import StrPrinter

from ..closedform import ClosedForm, ClosedFormMatrix
from ..elementwise import ScalarProduct, ScaledRows
from ..indexed.entries import Entry, Index
from ..indexed.families import EntriesOf, Member
from ..indexed.shifts import Shift
from ..indexed.sums import SumOver
from ..indexed.writing import (
    at_labels,
    prepared,
    with_letters,
    within_letters,
)
from ..symbols import Name
from .from_latex import (
    CONSTANTS,
    FUNCTIONS,
    LOWERED,
    RAISED,
    between,
    from_latex,
    lowered,
    own_latex,
    raised,
    unicode_name,
)
from .latex_arrays import compared_places, hadamard_factors, is_loose, squared
from .primes import written
from .reading_order import (
    COVARIANCE,
    NUMBER,
    SUM,
    Product,
    derived,
    ordered_terms,
    product,
    rank,
)
from .tightness import bare, divided, outside, tight

__all__ = ["UnicodePrinter", "text"]


def text(expr: Any) -> str:
    """A linear Unicode form of an expression; of a closed form, with its definitions.

    Examples
    ========

    >>> from sympy import Symbol
    >>> from symprice import NTCov, Parameter, observables, sigmoid
    >>> b, theta = Parameter('b'), Symbol('theta')
    >>> print(text(sigmoid(b)**2*(1 - sigmoid(b))**2))
    σ(b)²(1 - σ(b))²
    >>> P, L = observables('P L')
    >>> print(text(NTCov(P, -L)), text(Symbol('w1_23')*theta/2), sep='   ')
    NTCov(P, -L)   θ w⁽¹⁾₂₃/2
    """
    return UnicodePrinter().doprint(expr)


class UnicodePrinter(StrPrinter):
    """SymPy's printer of text with the signs of mathematics, and no star for a product."""

    def doprint(self, expr: Any) -> str:
        """The text of ``expr``."""
        return str(super().doprint(with_letters(expr) if isinstance(expr, Basic) else expr))

    def _print(self, expr: Any, **kwargs: Any) -> str:
        if isinstance(expr, (Symbol, MatrixSymbol)):
            return unicode_name(expr.name)
        if isinstance(expr, (ClosedForm, ClosedFormMatrix)):
            return self._closed(expr)
        if isinstance(expr, (Entry, Member, Shift)):
            return str(expr._latex(self))
        if isinstance(expr, SumOver):
            return self._sum(expr)
        if isinstance(expr, ScaledRows):
            return self._print_HadamardProduct(expr)
        if (inner := squared(expr)) is not None:
            return self._norm(inner, Integer(2))
        if isinstance(expr, ScalarProduct):
            written = str(expr._latex(self)).replace(r"\left\langle ", "⟨")
            return written.replace(r" \right\rangle", "⟩")
        if isinstance(expr, EntriesOf):
            inner, *places = with_letters(expr).args
            names = [self._print(place) for place in places if isinstance(place, Index)]
            return self.subscripted(f"[{self._print(inner)}]", ",".join(names))
        # A class of ours that states its LaTeX: its parts come out as text, its signs are
        # translated.
        if isinstance(expr, Basic) and _is_ours(expr):
            if (write := own_latex(expr)) is not None and not isinstance(expr, Add):
                return from_latex(write(self))
        return str(super()._print(expr, **kwargs))

    def subscripted(self, name: str, script: str) -> str:
        """A name with a subscript, which follows one that is there."""
        script = script.replace("\\oplus ", "+").replace("\\ominus ", "-")
        small = lowered(script)
        if name.endswith(tuple(LOWERED)) or re.search(r"_\w+$", name):
            return f"{name},{small or script}"
        return name + (small or (f"_{script}" if script.isalnum() else f"_({script})"))

    def _sum(self, expr: Any) -> str:
        inner, indices = prepared(expr, getattr(self, "letters_in_use", frozenset()))
        names = ",".join(map(self._print, indices))
        body = within_letters(self, indices, inner)
        if isinstance(inner, (Add, MatAdd)) or body.startswith("-"):
            body = f"({body})"
        return f"{self.subscripted('∑', names)} {body}"

    def _norm(self, vector: Any, power: Any) -> str:
        mark = "" if power == 1 else raised(self._print(power)) or f"^({self._print(power)})"
        name = self._print(vector)
        if vector.shape == (1, 1) and mark:
            simple = isinstance(vector, (MatrixSymbol, Member))
            return f"{name}{mark}" if simple else f"({name}){mark}"
        return f"‖{name}‖{mark}"

    def _closed(self, expr: Any) -> str:
        pairs = list(starmap(at_labels, expr.args[1]))
        where, closing = written(pairs, self._print)
        listed = [f"{name} = {value}" for name, value in where]
        listed += [closing.text] if closing is not None else []
        main = self._print(expr.expr)
        return f"{main} where {', '.join(listed)}" if listed else main

    def parenthesize(self, item: Any, level: int, strict: bool = False) -> str:
        """``item``, in brackets where it binds less tightly than ``level``; a name never is."""
        if isinstance(item, (Symbol, MatrixSymbol)):
            return self._print(item)
        if isinstance(item, (ScaledRows, HadamardProduct)) and level >= PRECEDENCE["Mul"]:
            return f"({self._print(item)})"
        return str(super().parenthesize(item, level, strict or _is_ours(item)))

    # --- sums, products, powers ------------------------------------------------------------------
    def _print_Add(self, expr: Any, order: Any = None) -> str:
        found = ""
        for i, term in enumerate(ordered_terms(expr, order or self._settings["order"])):
            parts = product(term)
            sign = ("-" if not i else " - ") if parts.negative else (" + " if i else "")
            body = self._product(parts)
            found += sign + (f"({body})" if isinstance(term, (Add, Relational)) else body)
        return found

    def _print_Mul(self, expr: Any) -> str:
        parts = product(expr)
        return ("-" if parts.negative else "") + self._product(parts)

    def _product(self, parts: Product, followed: bool = False) -> str:
        if not parts.below:
            return self._factors(parts.above, followed)
        below = self._factors(parts.below)
        loose = len(parts.below) > 1 or divided(below)
        found = f"{self._factors(parts.above)}/{f'({below})' if loose else below}"
        return f"({found})" if followed else found

    def _factors(self, factors: tuple[Any, ...], followed: bool = False) -> str:
        found = ""
        for i, factor in enumerate(factors):
            piece = self._factor(factor, last=i == len(factors) - 1 and not followed)
            number = re.fullmatch(r"[\d.]+", found)
            if not found:
                found = piece
            elif re.search(r"[0-9]$", found) and re.match(r"[0-9]", piece):
                found += f"·{piece}"
            elif number or (found.endswith((")", *RAISED)) and piece.startswith("(")):
                found += piece
            else:
                found += f" {piece}"
        return found or "1"

    def _factor(self, factor: Any, last: bool) -> str:
        piece = self._print(factor)
        if isinstance(factor, Pow) or squared(factor) is not None:
            return piece
        place = rank(factor)
        negative = place == NUMBER and factor.is_extended_negative
        fraction = factor.is_Rational and factor.q != 1
        prefix = isinstance(factor, Derivative) or precedence(factor) < PRECEDENCE["Atom"]
        loose = not last and ((place >= COVARIANCE and prefix) or "/" in outside(piece))
        return f"({piece})" if place == SUM or negative or fraction or loose else piece

    def _print_Pow(self, expr: Any, rational: bool = False) -> str:
        base, exponent = expr.base, expr.exp
        if (inner := squared(base)) is not None:
            if not (exponent.is_number and exponent.is_negative):
                return self._norm(inner, 2 * exponent)
        if exponent.is_number and exponent.is_negative and base.is_commutative and base != 1:
            return self._print_Mul(expr)
        if exponent == S.Half:
            return f"√{self._base(base)}"
        written = self._print(exponent)
        up = raised(written)
        if up is None:
            up = f"^{written}" if re.fullmatch(r"\w+", written) else f"^({written})"
        return self._base(base) + up

    def _base(self, base: Any) -> str:
        piece = self._print(base)
        loose = precedence_traditional(base) <= PRECEDENCE["Pow"] and not derived(base)
        scripted = piece.endswith((*RAISED, "'")) or any(c in RAISED for c in piece.rstrip(LOWERED))
        called = piece.endswith(")") and not isinstance(base, Symbol)
        return f"({piece})" if loose or (scripted and not called) or not tight(piece) else piece

    def _print_Rational(self, expr: Any) -> str:
        return f"{expr.p}/{expr.q}" if expr.q != 1 else str(expr.p)

    # --- functions and derivatives ---------------------------------------------------------------
    def _print_Function(self, expr: Any) -> str:
        name = expr.func.__name__
        name = unicode_name(name) if isinstance(expr, AppliedUndef) else FUNCTIONS.get(name, name)
        return f"{name}({self.stringify(expr.args, ', ')})"

    def _print_DensityOf(self, expr: Any) -> str:
        return f"π({self._print(expr.action)})"

    _print_LatticeOp = _print_Function

    def _print_Sum(self, expr: Any) -> str:
        return self._over(expr, "∑", "{}={}", "")

    def _print_Integral(self, expr: Any) -> str:
        return self._over(expr, "∫", "{1}", " d{0}")

    def _over(self, expr: Any, sign: str, place: str, closing: str) -> str:
        body = self._print(expr.function)
        body = f"({body})" if isinstance(expr.function, Add) or body.startswith("-") else body
        for limits in expr.limits:
            name, *ends = map(self._print, limits)
            mark = between(place.format(name, ends[0]), ends[1]) if len(ends) == 2 else ""
            body = f"{sign}{mark} {body}{closing.format(name)}"
        return body

    def _print_polygamma(self, expr: Any) -> str:
        order, argument = expr.args
        if not order.is_Integer:
            return self._print_Function(expr)
        return self._primed("psi", int(order), argument)

    def _print_Abs(self, expr: Any) -> str:
        return f"|{self._print(expr.args[0])}|"

    def _print_Derivative(self, expr: Any) -> str:
        found = derived(expr)
        if found is not None:
            return self._primed(*found)
        many = len(expr.expr.free_symbols) > 1 or bool(expr.expr.atoms(Name))
        sign = "∂" if many else "d"
        below = " ".join(
            f"{sign}{self._print(v)}{raised(str(n)) if n != 1 else ''}"
            for v, n in expr.variable_count
        )
        order = sum(n for _, n in expr.variable_count)
        top = sign + (raised(str(order)) or "" if order != 1 else "")
        inner = expr.expr
        if isinstance(inner, AppliedUndef) and many and all(arg.is_Symbol for arg in inner.args):
            return f"{top}{unicode_name(inner.func.__name__)}/{below}"
        return f"{top}/{below} {self.parenthesize(inner, PRECEDENCE['Mul'])}"

    def _print_Subs(self, expr: Any) -> str:
        found = derived(expr)
        return str(super()._print_Subs(expr)) if found is None else self._primed(*found)

    def _primed(self, name: str, order: int, argument: Any) -> str:
        primes = "'" * order if order < 4 else raised(f"({order})")
        return f"{unicode_name(name)}{primes}({self._print(argument)})"

    # --- constants and relations -----------------------------------------------------------------
    def _print_NumberSymbol(self, expr: Any) -> str:
        return CONSTANTS.get(type(expr).__name__, str(expr))

    _print_Pi = _print_Exp1 = _print_EulerGamma = _print_ImaginaryUnit = _print_NumberSymbol
    _print_Infinity = _print_NumberSymbol

    def _print_NegativeInfinity(self, expr: Any) -> str:
        return "-∞"

    def _print_Relational(self, expr: Any) -> str:
        sign = {"==": "=", "!=": "≠", "<=": "≤", ">=": "≥"}.get(expr.rel_op, expr.rel_op)
        return f"{self._print(expr.lhs)} {sign} {self._print(expr.rhs)}"

    # --- matrices --------------------------------------------------------------------------------
    def _print_MatPow(self, expr: Any) -> str:
        written = self._print(expr.exp)
        return self._held(expr.base) + (raised(written) or f"^({written})")

    def _held(self, matrix: Any) -> str:
        piece = self.parenthesize(matrix, PRECEDENCE["Pow"])
        return piece if tight(piece) else f"({piece})"

    def _print_Inverse(self, expr: Any) -> str:
        return self._held(expr.arg) + "⁻¹"

    def _print_Trace(self, expr: Any) -> str:
        return f"tr({self._print(expr.arg)})"

    def _print_Transpose(self, expr: Any) -> str:
        return self._held(expr.arg) + "ᵀ"

    def _print_MatMul(self, expr: Any) -> str:
        scalar, matrices = expr.as_coeff_matrices()
        parts = product(scalar)
        found = [] if scalar in (1, -1) else [self._product(parts, followed=True)]
        for i, matrix in enumerate(matrices):
            piece = self._print(matrix)
            last = i == len(matrices) - 1
            if bare(piece) or is_loose(matrix, single=len(matrices) == 1, last=last):
                piece = f"({piece})"
            found.append(piece)
        return ("-" if parts.negative else "") + " ".join(found)

    def _print_MatAdd(self, expr: Any) -> str:
        pieces = sorted(map(self._print, expr.args), key=lambda piece: piece.startswith("-"))
        return pieces[0] + "".join(
            f" - {piece[1:]}" if piece.startswith("-") else f" + {piece}" for piece in pieces[1:]
        )

    def _print_HadamardProduct(self, expr: Any) -> str:
        factors, pieces = hadamard_factors(expr), []
        scaling = isinstance(expr, ScaledRows)
        for i, factor in enumerate(factors):
            piece, last = self._print(factor), i == len(factors) - 1
            product = isinstance(factor, MatMul) and not (scaling and last)
            if product or bare(piece) or is_loose(factor, single=scaling, last=last):
                piece = f"({piece})"
            pieces.append(piece)
        return " ∘ ".join(pieces)

    def _print_OneMatrix(self, expr: Any) -> str:
        rows, columns = expr.shape
        if rows == 1 and columns != 1:
            return "𝟏ᵀ"
        return "𝟏" if columns == 1 else "𝟏 𝟏ᵀ"

    def _print_KroneckerDelta(self, expr: Any) -> str:
        left, right = compared_places(self, expr)
        return f"[{left} = {right}]"

    def _print_DiagMatrix(self, expr: Any) -> str:
        return f"diag({self._print(expr.args[0])})"

    def _print_MatrixElement(self, expr: Any) -> str:
        column = expr.parent.shape[1] == 1 and expr.j == 0
        indices = [self._print(i + 1) for i in ((expr.i,) if column else (expr.i, expr.j))]
        small = [lowered(index) for index in indices]
        name = self.parenthesize(expr.parent, PRECEDENCE["Atom"], strict=True)
        return name + (",".join(filter(None, small)) if all(small) else f"_({', '.join(indices)})")

    def _print_MatrixBase(self, expr: Any) -> str:
        rows = [
            "  ".join(self._print(expr[i, j]) for j in range(expr.cols)) for i in range(expr.rows)
        ]
        return f"[{'; '.join(rows)}]"

    def _print_BlockMatrix(self, expr: Any) -> str:
        return self._print_MatrixBase(expr.blocks)

    _print_ImmutableMatrix = _print_ImmutableDenseMatrix = _print_MatrixBase
    _print_DenseMatrix = _print_MatrixBase

    def emptyPrinter(self, expr: Any) -> str:
        return str(expr)


def _is_ours(expr: Basic) -> bool:
    return str(type(expr).__module__).startswith("symprice.")
