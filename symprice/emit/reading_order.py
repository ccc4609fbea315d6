"""The order in which a person writes: factors of a product, terms of a sum, and their signs.

Factors go from small to large: numbers, symbols and their powers, functions, sums in brackets,
covariances. Sums begin with a positive term. LaTeX and the terminal share this order.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Any, NamedTuple

from sympy import (
    Add,
    Basic,
    Expr,
    Indexed,
    Integer,
    MatrixSymbol,
    Mul,
    Pow,
    S,
    Symbol,
    default_sort_key,
)
from sympy.core.function import AppliedUndef, Derivative, Subs
from sympy.core.numbers import ImaginaryUnit, NumberSymbol
from sympy.functions import Piecewise, tanh
from sympy.matrices.expressions.matexpr import MatrixElement
from sympy.printing.precedence import PRECEDENCE

from ..closedform import ClosedForm
from ..elementwise import AsPrinted
from ..indexed.entries import Entry, Index
from ..indexed.sums import SumOver
from ..networks.activations import normal_cdf, sigmoid
from ..networks.logits import SoftmaxEntry
from ..nodes import Node
from ..symbols import Name, NameMatrix, Observable, Parameter, ParameterMatrix

__all__ = ["Product", "derived", "is_greek", "ordered_terms", "product", "rank", "signed"]

NUMBER, CONSTANT, SYMBOL, FUNCTION, SUM, COVARIANCE, OPERATOR, SIGMA = range(8)

_GREEK = frozenset(
    "alpha beta gamma delta epsilon varepsilon zeta eta theta iota kappa lamda lambda mu nu xi pi "
    "rho sigma tau upsilon phi varphi chi psi omega".split()
)


class Product(NamedTuple):
    """A product as a person writes it: a sign, and the factors above and below the fraction bar."""

    negative: bool
    above: tuple[Expr, ...]
    below: tuple[Expr, ...]


def is_greek(name: str) -> bool:
    """Whether a symbol's name begins with a Greek letter, spelled or written.

    >>> is_greek("eta_1"), is_greek("η"), is_greek("w1_2")
    (True, True, False)
    """
    letters = re.match(r"[^\W\d_]*", name)
    stem = letters[0] if letters else ""
    return stem.lower() in _GREEK or "GREEK" in unicodedata.name(name[:1] or "x", "")


def rank(expr: Expr) -> int:
    """The class that a factor belongs to, by its base."""
    base = expr.base if isinstance(expr, Pow) else expr
    if base.is_Number:
        return NUMBER if base is expr else CONSTANT if expr.exp.is_number else FUNCTION
    if isinstance(base, (NumberSymbol, ImaginaryUnit)):
        return CONSTANT if base is expr or expr.exp.is_number else FUNCTION
    if isinstance(base, (Symbol, MatrixSymbol, Indexed, MatrixElement, Entry, Index)):
        return SYMBOL
    if isinstance(base, AsPrinted):
        return SYMBOL if base.precedence > PRECEDENCE["Add"] else SUM
    if isinstance(base, SumOver):
        return SIGMA
    if isinstance(base, Node):
        return COVARIANCE
    if isinstance(base, (Add, ClosedForm, Mul)):
        return SUM
    if base.is_Function and not isinstance(base, Piecewise):
        return FUNCTION
    if isinstance(base, (Derivative, Subs)):
        return FUNCTION if derived(base) else OPERATOR
    return FUNCTION if base is not expr or base.is_Atom or not base.args else OPERATOR


def derived(expr: Basic) -> tuple[str, int, Any] | None:
    """(f, order, u) where ``expr`` is f'(u), f''(u), … of an unspecified function.

    Derivatives by the time t are none of these: they are written d/dt.

    >>> from sympy import Function
    >>> from sympy.abc import x
    >>> derived(Function('f')(x).diff(x, 2)), derived(Function('f')(x**2).diff(x).args[1])
    (('f', 2, x), None)
    """
    argument = None
    if isinstance(expr, Subs):
        if len(expr.variables) != 1 or not isinstance(expr.expr, Derivative):
            return None
        expr, argument = expr.expr, expr.point[0]
    if not isinstance(expr, Derivative) or len(expr.variable_count) != 1:
        return None
    function, (variable, order) = expr.expr, expr.variable_count[0]
    if not (isinstance(function, AppliedUndef) and function.args == (variable,)):
        return None
    if argument is None and getattr(variable, "name", "") == "t":
        return None
    if not order.is_Integer:
        return None
    return function.func.__name__, int(order), variable if argument is None else argument


def _natural(name: str) -> tuple[Any, ...]:
    """A sort key in which x2 stands before x10."""
    return tuple(int(p) if i % 2 else p for i, p in enumerate(re.split(r"(\d+)", name)))


def _kind(symbol: Any) -> int:
    """Rates and other Greek constants, then what is trained, what is given, what is defined."""
    symbol = symbol.array if isinstance(symbol, Entry) else symbol
    for kind, cls in (
        (1, (Parameter, ParameterMatrix)),
        (3, (Name, NameMatrix)),
        (4, Observable),
    ):
        if isinstance(symbol, cls):
            return kind
    return 0 if is_greek(getattr(symbol, "name", "")) else 2


def _key(factor: Expr) -> tuple[Any, ...]:
    base = factor.base if isinstance(factor, Pow) else factor
    place = rank(factor)
    if base.is_Add and base.is_number:
        place = CONSTANT  # as (10 - 5), which stands before the symbols
    key = default_sort_key(base)
    keys = key, key if base is factor else default_sort_key(factor)
    if place == SYMBOL:
        name = getattr(getattr(base, "array", base), "name", None) or str(base)
        return place, _kind(base), _natural(name), *keys
    # The terms of a series say which of them is the later one.
    return place, getattr(base, "order", 0) if place == COVARIANCE else 0, (), *keys


def product(expr: Expr) -> Product:
    """``expr`` as a signed fraction of ordered factors.

    The sign of a product goes into a difference, so that `-p (p - 1)` is written `p (1 - p)`; and
    out of a sum whose terms are all negative.

    >>> from sympy.abc import p, x
    >>> product(-p*(p - 1)/(2*x))
    Product(negative=False, above=(p, 1 - p), below=(2, x))
    """
    args = Mul.make_args(expr)
    if sum(1 for arg in args if arg.is_Number) > 1:  # made with evaluate=False: shown as it is
        return Product(False, tuple(args), ())
    negative = False
    above: list[Expr] = []
    below: list[Expr] = []
    fixed: list[Expr] = []
    for arg in args:
        if arg.is_Number and arg.is_extended_negative:
            negative, arg = not negative, -arg
        if not arg.is_commutative:
            fixed.append(arg)
        elif arg.is_Rational:
            above += [Integer(arg.p)] if arg.p != 1 else []
            below += [Integer(arg.q)] if arg.q != 1 else []
        elif isinstance(arg, Pow) and arg.exp.is_number and arg.exp.is_negative:
            below.append(Pow(arg.base, -arg.exp))
        else:
            above.append(arg)
    for side in (above, below):
        if len(side) > 1:
            side.sort(key=_key)
        for i, factor in enumerate(side):
            terms = _sum_in(factor)
            if _complement(terms) or all(term.could_extract_minus_sign() for term in terms):
                side[i], flipped = _flipped(factor)
                negative ^= flipped
            elif negative and _odd(factor) and _difference(terms):
                side[i], flipped = _flipped(factor)
                negative ^= flipped
    return Product(negative, (*above, *fixed), tuple(below))


def _complement(terms: tuple[Expr, ...]) -> bool:
    """Whether a sum is u - 1 for a u between 0 and 1: then 1 - u is what is meant."""
    if len(terms) != 2 or S.NegativeOne not in terms:
        return False
    u = terms[terms.index(S.NegativeOne) - 1]
    if isinstance(u, Pow) and u.exp == 2:
        u = u.base
        return isinstance(u, tanh)
    return isinstance(u, (sigmoid, normal_cdf, SoftmaxEntry)) or (
        isinstance(u, Name) and u.name.startswith("pi_")
    )


def _difference(terms: tuple[Expr, ...]) -> bool:
    """Whether a sum has negative terms, and none of the form 1 - u, which stays."""
    positive = any(term.is_number and term.is_extended_positive for term in terms)
    return not positive and any(term.could_extract_minus_sign() for term in terms)


def _sum_in(factor: Expr) -> tuple[Expr, ...]:
    """The terms of a sum, or of one raised to an integer power; else one term without a sign."""
    base, exponent = factor.args if isinstance(factor, Pow) else (factor, S.One)
    plain = type(base) is Add and exponent.is_Integer
    return base.args if plain else (S.One,)


def _odd(factor: Expr) -> bool:
    return not isinstance(factor, Pow) or bool(factor.exp.is_odd)


def _flipped(factor: Expr) -> tuple[Expr, bool]:
    """The factor with the sum in it negated, and whether its sign changed."""
    base, exponent = factor.args if isinstance(factor, Pow) else (factor, S.One)
    return Pow(Add(*(-term for term in base.args)), exponent), bool(exponent.is_odd)


def signed(term: Expr) -> tuple[bool, Product]:
    """Whether a term is written with a minus, and what follows the sign."""
    parts = product(term)
    return parts.negative, parts._replace(negative=False)


def ordered_terms(expr: Add, order: str | None = None) -> list[Expr]:
    """The terms of a sum: of high degree first, a positive one in front.

    Where the term of the highest degree is negative, powers ascend (`1 - p`). So do those of the
    small symbol in a truncated series, and of the rates where every term has a covariance.

    >>> from sympy.abc import b, w, x
    >>> ordered_terms(b + w*x + 1), ordered_terms(-x**2 + x + 1), ordered_terms(b - x)
    ([w*x, b, 1], [1, x, -x**2], [b, -x])
    """
    if order == "none":
        return list(expr.args)
    if (rest := expr.getO()) is not None:
        terms = list(expr.as_ordered_terms())[:-1]
        if rest.point != (S.Zero,):
            return [*terms, rest]
        small = {*rest.variables, *(_rates(terms) if any(map(_covaries, terms)) else ())}
        return [*sorted(terms, key=lambda term: _power(term, small)), rest]
    terms = sorted(expr.args, key=_term_key)
    if all(map(_covaries, terms)):
        rates = _rates(terms)
        if len({_power(term, rates) for term in terms}) > 1:
            return sorted(terms, key=lambda term: _power(term, rates))
    if not product(terms[0]).negative:
        return terms
    ascending = _ascending(terms)
    if not product(ascending[0]).negative:
        return ascending
    first = next((term for term in terms if not product(term).negative), None)
    return terms if first is None else [first, *(term for term in terms if term is not first)]


def _covaries(term: Expr) -> bool:
    return any(rank(factor) == COVARIANCE for factor in Mul.make_args(term))


def _rates(terms: Iterable[Expr]) -> set[Expr]:
    """The Greek constants among the factors, as step sizes."""
    bases = {factor.as_base_exp()[0] for term in terms for factor in Mul.make_args(term)}
    return {s for s in bases if isinstance(s, Symbol) and rank(s) == SYMBOL and not _kind(s)}


def _power(term: Expr, symbols: Iterable[Expr]) -> Any:
    """The power in which a term has some symbols, taken together, as factors."""
    powers = (factor.as_base_exp() for factor in Mul.make_args(term))
    found = sum((power for base, power in powers if base in symbols), S.Zero)
    return found if found.is_comparable else S.Zero


def _ascending(terms: Iterable[Expr]) -> list[Expr]:
    return sorted(terms, key=lambda term: (-_term_key(term)[0], *_term_key(term)[1:]))


def _term_key(term: Expr) -> tuple[Any, ...]:
    parts = product(term)
    degree = sum(map(_degree, parts.above)) - sum(map(_degree, parts.below))
    return -degree, tuple(map(_key, _letters(parts.above))), tuple(map(_key, _letters(parts.below)))


def _letters(factors: Iterable[Expr]) -> list[Expr]:
    return [factor for factor in factors if not factor.is_number]


def _degree(factor: Expr) -> Any:
    if factor.is_number:
        return 0
    if isinstance(factor, Pow):
        return factor.exp if factor.exp.is_Rational else 1
    if isinstance(factor, Add):
        return max(sum(map(_degree, Mul.make_args(term))) for term in factor.args)
    return 1
