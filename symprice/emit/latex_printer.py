r"""LaTeX of expressions in the notation of papers.

SymPy's printer with another order of factors and terms, `f'(P)` for derivatives of unspecified
functions, `\top` for transposes, and brackets that grow only where they have to.
"""

from __future__ import annotations

import re
from typing import Any

from sympy import Basic, Expr, HadamardProduct, Integer, Mul, Pow, S, Symbol
from sympy.core.function import AppliedUndef
from sympy.functions import Heaviside
from sympy.matrices.expressions.matexpr import MatrixSymbol
from sympy.printing.precedence import PRECEDENCE, precedence_traditional

from ..arrays import AppliedVectorFunction, ArrayNode, JacobianOf
from ..elementwise import AsPrinted, ScalarProduct, ScaledRows
from ..indexed.entries import Entry
from ..indexed.writing import with_letters
from ..nodes import Node, prefixed
from ..symbols import Name, NameMatrix, ParameterMatrix
from ..tangent.vectors import StateVector
from .brackets import raised, scripted, tidy
from .documents.width import width
from .latex_arrays import ArrayPrinter, joined, squared
from .latex_names import function_name
from .notation import Notation, in_use
from .reading_order import (
    COVARIANCE,
    NUMBER,
    OPERATOR,
    SIGMA,
    SUM,
    SYMBOL,
    Product,
    derived,
    ordered_terms,
    product,
    rank,
)

__all__ = ["PaperPrinter", "paper"]

# Wider than this (in ems), a numerator is written behind the fraction and an exponent into exp().
_SHORT = 8.0
_SHORT_EXPONENT = 4.0
# A name that ends in the number of a layer, as `h1` and `delta_z3`, not as the output `f_1`.
_OF_A_LAYER = re.compile(r"[A-Za-z]+(?:_[A-Za-z]+)?\d+(?:_prime\d*)?")
# A letter with primes, which can be raised as it stands. (An accented one is no group to TeX.)
_PRIMED = re.compile(r"(?:[A-Za-z]|\\boldsymbol\{[^{}]*\}|\\[A-Za-z]+)'+")


def paper(expr: Any, **settings: Any) -> str:
    r"""LaTeX of one expression, on one line.

    Examples
    ========

    >>> from sympy import Symbol
    >>> from symprice import sigmoid
    >>> theta, p = Symbol('theta'), Symbol('p')
    >>> print(paper(5*sigmoid(theta)*(1 - sigmoid(theta))))
    5 \sigma(\theta)\left(1 - \sigma(\theta)\right)
    >>> print(paper((1 - p)**2*p**2))
    p^{2} \left(1 - p\right)^{2}
    """
    return PaperPrinter(settings).doprint(expr)


class PaperPrinter(ArrayPrinter):
    """SymPy's LaTeX printer with the notation of papers; takes the same settings.

    ``notation`` spells names and signs; the one in use where none is given.
    """

    def __init__(
        self, settings: dict[str, Any] | None = None, notation: Notation | None = None
    ) -> None:
        paper_style = {"mat_str": "pmatrix", "mat_delim": "", "inv_trig_style": "full"}
        super().__init__({**paper_style, **(settings or {})})
        self.notation = in_use() if notation is None else notation
        self._entries = 0

    def doprint(self, expr: Any) -> str:
        """LaTeX of ``expr``."""
        tex = super().doprint(with_letters(expr) if isinstance(expr, Basic) else expr)
        return tidy(self.notation.spelled(tex))

    def _print(self, expr: Any, **kwargs: Any) -> str:
        # Names and vector functions bring LaTeX of their own, which the base class would ask for
        # first.
        if isinstance(expr, (Symbol, MatrixSymbol)):
            return self._print_Symbol(expr)
        if isinstance(expr, StateVector):
            return self.notation.name(expr.name, bold=bool(self.notation.bold))
        if isinstance(expr, Entry):  # an entry of a bold array is a number like any other
            self._entries += 1
            try:
                return str(super()._print(expr, **kwargs))
            finally:
                self._entries -= 1
        if isinstance(expr, AppliedVectorFunction):
            return self._called(function_name(expr.function.name), expr.argument)
        if isinstance(expr, JacobianOf):
            name = function_name(expr.applied.function.name)
            return self._called(f"J_{{{name}}}", expr.applied.argument)
        if isinstance(expr, ScaledRows):
            return self._print_HadamardProduct(expr)
        if (inner := squared(expr)) is not None:
            return self._norm_of(inner, Integer(2))
        return str(super()._print(expr, **kwargs))

    def parenthesize(
        self, item: Any, level: int, is_neg: bool = False, strict: bool = False
    ) -> str:
        """LaTeX of ``item``, in brackets where it binds too loosely; a name never is."""
        if isinstance(item, (Symbol, MatrixSymbol, ArrayNode)) or (item.is_Integer and item >= 0):
            return self._print(item)
        if isinstance(item, (ScaledRows, HadamardProduct)) and level >= PRECEDENCE["Mul"]:
            return rf"\left({self._print(item)}\right)"
        # A node that binds as tightly as a product needs no brackets in one, as ∇P in ∇P · ∇L.
        ours = isinstance(item, Basic) and str(type(item).__module__).startswith("symprice.")
        return str(super().parenthesize(item, level, is_neg, strict or ours))

    def _called(self, name: str, *arguments: Any) -> str:
        inner = ", ".join(map(self._print, arguments))
        return rf"{name}{{\left({inner}\right)}}"

    # --- names -----------------------------------------------------------------------------------
    def _print_Symbol(self, expr: Any, style: str = "plain") -> str:
        chosen = self._settings["symbol_names"].get(expr)
        array = isinstance(expr, MatrixSymbol)
        bold = array and self._settings["mat_symbol_style"] == "bold"
        if chosen is not None:
            return rf"\boldsymbol{{{chosen}}}" if bold else chosen
        if array and self.notation.bold and not self._entries and expr.shape != (1, 1):
            bold = bold or self.notation.bold == "arrays" or expr.shape[1] == 1
        name = str(expr.name)
        numbered = isinstance(expr, ParameterMatrix) or (
            isinstance(expr, (Name, NameMatrix)) and _OF_A_LAYER.fullmatch(name) is not None
        )
        return self.notation.name(name, bold=bold, numbered=numbered)

    _print_MatrixSymbol = _print_Symbol

    def _hprint_Function(self, func: str) -> str:
        return function_name(func)

    def _print_MatrixElement(self, expr: Any) -> str:
        # Entries are counted from 1, as on paper; of a column one index says which.
        indices = [expr.i, expr.j]
        if expr.parent.shape[1] == 1 and expr.j == 0:
            indices = indices[:1]
        self._entries += 1
        name = self.parenthesize(expr.parent, PRECEDENCE["Atom"], strict=True)
        self._entries -= 1
        if not isinstance(expr.parent, MatrixSymbol) or scripted(name):
            name = rf"\left({name}\right)" if not isinstance(expr.parent, ArrayNode) else name
        return f"{name}_{{{','.join(self._print(index + 1) for index in indices)}}}"

    # --- sums and products -----------------------------------------------------------------------
    def _print_Add(self, expr: Any, order: Any = None) -> str:
        tex = ""
        for i, term in enumerate(ordered_terms(expr, order or self._settings["order"])):
            parts = product(term)
            sign = ("-" if not i else " - ") if parts.negative else (" + " if i else "")
            body = self._product(parts)
            if self._needs_add_brackets(term) and not term.is_Add:
                body = rf"\left({body}\right)"
            tex += sign + body
        return tex

    def _print_Mul(self, expr: Any) -> str:
        parts = product(_in_one_fraction(expr))
        return ("-" if parts.negative else "") + self._product(parts)

    def _print_Rational(self, expr: Any) -> str:
        if expr.q == 1:
            return str(expr.p)
        sign, size = "-" if expr.p < 0 else "", abs(expr.p)
        above = () if size == 1 else (Integer(size),)
        small = _power_of_ten(above, (Integer(expr.q),))
        return sign + (rf"\frac{{{size}}}{{{expr.q}}}" if small is None else small)

    def _product(self, parts: Product, followed: bool = False) -> str:
        """A product without its sign; ``followed`` by a matrix, or by nothing."""
        above, below = parts.above, parts.below
        if (small := _power_of_ten(above, below)) is not None:
            return small
        if not below:
            alone = not above or (rank(above[0]) != SUM and not followed)
            return self._factors(above, alone, followed)
        inside, behind = self._numerator(above, below)
        fraction = rf"\frac{{{self._factors(inside)}}}{{{self._factors(below)}}}"
        return joined(fraction, self._factors(behind, False, followed)) if behind else fraction

    def _numerator(
        self, above: tuple[Expr, ...], below: tuple[Expr, ...]
    ) -> tuple[list[Expr], list[Expr]]:
        """What stands on the fraction bar, and what is written behind the fraction."""
        fixed = [f for f in above if rank(f) < COVARIANCE and f.is_commutative]
        alone = not fixed and all(rank(f) == COVARIANCE for f in above)
        if alone and any(rank(f) == COVARIANCE for f in below):  # one covariance by another
            if width(self._factors(above)) <= max(_SHORT, width(self._factors(below))):
                return list(above), []
        if width(self._factors(fixed)) > _SHORT:
            fixed = [f for f in fixed if rank(f) <= SYMBOL]
        return fixed, [f for f in above if f not in fixed]

    def _factors(self, factors: Any, alone: bool = True, followed: bool = False) -> str:
        """Factors side by side, 1 if there are none; a sum ``alone`` has no brackets."""
        if not factors:
            return "1"
        if alone and len(factors) == 1:
            return self._print(factors[0])
        tex = ""
        for i, factor in enumerate(factors):
            piece = self._print(factor)
            last = i == len(factors) - 1 and not followed
            if self._in_brackets(factor, first=i == 0, last=last):
                piece = rf"\left({piece}\right)"
            tex = joined(tex, piece) if tex else piece
        return tex

    def _in_brackets(self, factor: Any, first: bool, last: bool) -> bool:
        place = rank(factor)
        if place == NUMBER:
            return bool(factor.is_extended_negative) and not first
        if place == SUM:
            return not isinstance(factor, Pow)
        if place == COVARIANCE:  # as u · v, which is one only where nothing follows
            return not last and not isinstance(factor, Pow) and _loose(factor, "Pow")
        if isinstance(factor, ScalarProduct):  # ⟨M, N⟩ and ‖x‖² bring brackets of their own
            if factor.args[0].shape[1] != 1 or squared(factor) is not None:
                return False
        if place == SIGMA and isinstance(factor, Pow):
            return False
        return place >= OPERATOR and (not last or self._needs_mul_brackets(factor, last=True))

    # --- powers ----------------------------------------------------------------------------------
    def _print_Pow(self, expr: Any) -> str:
        base, exponent = expr.base, expr.exp
        if (inner := squared(base)) is not None:
            if not (exponent.is_number and exponent.is_negative):
                return self._norm_of(inner, 2 * exponent)
        if exponent.is_number and exponent.is_negative and base.is_commutative and base != 1:
            return self._print_Mul(expr)
        if exponent.is_Rational and exponent.p == 1 and exponent.q != 1:
            index = "" if exponent.q == 2 else f"[{exponent.q}]"
            if self._settings["root_notation"]:
                return rf"\sqrt{index}{{{self._print(base)}}}"
        power = self._exponent(exponent)
        if isinstance(base, AsPrinted) and exponent.is_Integer:
            power = rf"\circ {power}"  # of every entry
        if base is S.Exp1:
            return self._exponential(exponent)
        if (
            isinstance(base, AppliedUndef)
            or derived(base)
            or (isinstance(base, Node) and not _loose(base))
        ) and not prefixed(tex := self._print(base)):
            return f"{tex}^{{{power}}}"
        if base.is_Function:
            return self._print(base, exp=power)
        tex = self._print(base)
        if isinstance(base, Symbol):
            if _PRIMED.fullmatch(tex):
                return f"{{{tex}}}^{{{power}}}"
            return rf"\left({tex}\right)^{{{power}}}" if raised(tex) else f"{tex}^{{{power}}}"
        loose = _loose(base) or precedence_traditional(base) <= PRECEDENCE["Pow"]
        if loose or raised(tex) or prefixed(tex):
            return rf"\left({tex}\right)^{{{power}}}"
        return f"{tex}^{{{power}}}"

    def _exponent(self, exponent: Any) -> str:
        if exponent.is_Rational and exponent.q != 1:
            return f"{exponent.p}/{exponent.q}"
        return self._print(exponent)

    def _exponential(self, exponent: Any) -> str:
        tex = self._print(exponent)
        if width(tex) > _SHORT_EXPONENT or (r"\frac" in tex and not exponent.is_Rational):
            return rf"\exp{{\left({tex}\right)}}"
        return f"e^{{{self._exponent(exponent)}}}"

    def _print_ExpBase(self, expr: Any, exp: str | None = None) -> str:
        tex = self._exponential(expr.args[0])
        if exp is None:
            return tex
        return f"{tex}^{{{exp}}}" if tex.startswith(r"\exp") else rf"\left({tex}\right)^{{{exp}}}"

    _print_exp = _print_ExpBase

    # --- functions and derivatives ---------------------------------------------------------------
    def _print_Function(self, expr: Any, exp: str | None = None) -> str:
        if isinstance(expr, AppliedUndef):
            tex = self._called(function_name(expr.func.__name__), *expr.args)
            return self._with_exponent(tex, exp)
        return str(super()._print_Function(expr, exp))

    def _print_Derivative(self, expr: Any) -> str:
        found = derived(expr)
        if found is None:
            return self._quotient_of_differentials(expr)
        name, order, argument = found
        return self._called(_primed(function_name(name), order), argument)

    def _quotient_of_differentials(self, expr: Any) -> str:
        """∂z/∂g₁ of an unspecified z(g₁, g₂), its arguments seen below the bar; else ∂/∂g₁ …."""
        inner = expr.expr
        many = len(inner.free_symbols) > 1 or bool(inner.atoms(Name))
        sign, order = (r"\partial" if many else "d"), sum(n for _, n in expr.variable_count)
        below = " ".join(
            f"{sign} {self._print(v if n == 1 else Pow(v, n))}" for v, n in expr.variable_count
        )
        above = sign + (f"^{{{order}}}" if order != 1 else "")
        if many and isinstance(inner, AppliedUndef) and all(arg.is_Symbol for arg in inner.args):
            return rf"\frac{{{above} {function_name(inner.func.__name__)}}}{{{below}}}"
        return rf"\frac{{{above}}}{{{below}}} {self.parenthesize(inner, PRECEDENCE['Mul'])}"

    def _print_Subs(self, expr: Any) -> str:
        found = derived(expr)
        if found is not None:
            name, order, argument = found
            return self._called(_primed(function_name(name), order), argument)
        inner = getattr(expr.expr, "expr", None)
        slots = list(getattr(inner, "args", ()))
        if isinstance(inner, AppliedUndef) and all(slots.count(v) == 1 for v in expr.variables):
            # ∂f/∂(slot) at a point that is no symbol: the slot is named by its place.
            places = "".join(
                rf"\partial_{{{slots.index(v) + 1}}}" + (f"^{{{n}}}" if n != 1 else "")
                for v, n in expr.expr.variable_count
                if v in slots
            )
            point = dict(zip(expr.variables, expr.point, strict=True))
            if len(expr.expr.variable_count) == sum(
                v in slots for v, _ in expr.expr.variable_count
            ):
                arguments = (slot.xreplace(point) for slot in slots)
                return f"{places} " + self._called(function_name(inner.func.__name__), *arguments)
        return str(super()._print_Subs(expr))

    def _print_Heaviside(self, expr: Heaviside, exp: str | None = None) -> str:
        return self._with_exponent(self._called(r"\operatorname{H}", expr.args[0]), exp)

    def _print_DiracDelta(self, expr: Any, exp: str | None = None) -> str:
        order = (
            rf"^{{({self._print(expr.args[1])})}}" if len(expr.args) > 1 and expr.args[1] else ""
        )
        tex = self._called(rf"\operatorname{{Dirac}}{order}", expr.args[0])
        return self._with_exponent(tex, exp)

    def _print_polygamma(self, expr: Any, exp: str | None = None) -> str:
        order, argument = expr.args
        if order.is_zero:
            power = "" if exp is None else f"^{{{exp}}}"
            return self._called(rf"\psi{power}", argument)
        mark = "'" * int(order) if order in (1, 2) else rf"^{{({self._print(order)})}}"
        tex = self._called(rf"\psi{mark}", argument)
        return tex if exp is None else rf"\left({tex}\right)^{{{exp}}}"

    def _with_exponent(self, tex: str, exp: str | None) -> str:
        return tex if exp is None else f"{tex}^{{{exp}}}"


def _power_of_ten(above: tuple[Expr, ...], below: tuple[Expr, ...]) -> str | None:
    """`10^{-8}` for 1/100000000: a small number whose zeros nobody counts."""
    if len(below) != 1 or not below[0].is_Integer or any(not f.is_Integer for f in above):
        return None
    digits = str(below[0])
    if len(digits) < 5 or digits.strip("0") != "1" or len(above) > 1:
        return None
    power = f"10^{{-{len(digits) - 1}}}"
    return rf"{above[0]} \cdot {power}" if above else power


def _in_one_fraction(expr: Any) -> Any:
    """What is a quotient with a name, as one of functions where there is a fraction bar already."""
    factors = [f.as_base_exp() for f in Mul.make_args(expr)]
    named = {b for b, _ in factors if getattr(b, "is_quotient", False)}
    below = any((b.is_Rational and b.q > 1) or n.could_extract_minus_sign() for b, n in factors)
    if not (below and named):
        return expr
    return Mul(*((b.definition(*b.args) if b in named else b) ** n for b, n in factors))


def _loose(expr: Basic, than: str = "Atom") -> bool:
    """Whether a node prints as something that binds less tightly than a call, or a power."""
    return isinstance(expr, Node) and expr.precedence < PRECEDENCE[than]


def _primed(name: str, order: int) -> str:
    if raised(name) and not _PRIMED.fullmatch(name):
        name = rf"\left({name}\right)"
    return name + "'" * order if order < 4 else f"{name}^{{({order})}}"
