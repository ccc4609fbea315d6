"""The short forms of scores, moments and informations: a few candidates, the shortest one wins."""

from __future__ import annotations

from typing import Any

from sympy import (
    QQ,
    Add,
    Dummy,
    Expr,
    ImmutableDenseMatrix,
    Integral,
    Mul,
    Pow,
    Sum,
    Symbol,
    default_sort_key,
    exp,
    expand,
    factor_terms,
    together,
)
from sympy.functions.special.gamma_functions import gamma, polygamma
from sympy.matrices.matrixbase import MatrixBase
from sympy.polys.polyerrors import CoercionFailed

from .factoring import factored, work_of
from .joined import joined_powers
from .large_numbers import expanded_functions

__all__ = ["merged_exponentials", "short"]

# Beyond this many operations nothing is factored.
_LONGEST = 120
# Beyond this many nothing is tried at all.
_HOPELESS = 1500
# So many terms, each as often as it has factors, are multiplied out in a fraction of a second.
_MOST_WORK = 1000
# What is no longer than this is left at that.
_SHORT = 4
# What is so many times longer when it is multiplied out does not become the shorter one again.
_LONGER = 4


def short(expr: Any) -> Any:
    """An equal expression that is shorter, by expanding, taking out and putting together again.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice.policy.short import short
    >>> a, mu = symbols('a mu')
    >>> sigma = symbols('sigma', positive=True)
    >>> short((-(a - mu)**2/(2*sigma**2)).diff(mu))
    (a - mu)/sigma**2
    """
    if isinstance(expr, MatrixBase):
        return ImmutableDenseMatrix(expr.applyfunc(short))
    if not isinstance(expr, Expr) or expr.is_Atom:
        return expr
    if work_of(expr) > _MOST_WORK or expr.count_ops() > _HOPELESS:
        return expr
    standing = {node: Dummy("I", real=True) for node in expr.atoms(Integral, Sum)}
    if standing:
        back = {dummy: node for node, dummy in standing.items()}
        return short(expr.xreplace(standing)).xreplace(back)
    quotient = _quotient(expr)
    if quotient is not None and work_of(expr) > _LONGEST:
        return min([expr, _positive_first(quotient)], key=_length)
    opened = merged_exponentials(
        expand(expanded_functions(expr)) if expr.has(gamma, polygamma) else expand(expr)
    )
    if opened.is_Atom:
        return opened
    length = opened.count_ops()
    if length > _HOPELESS:  # what swells like this is not put together again in good time
        return expr
    found = [opened]
    if length <= _LONGEST:
        found += [_in_differences(opened), together(opened)]
        product = factored(opened) if quotient is None else quotient
        found += [product] if product is not None else []
    if min(candidate.count_ops() for candidate in found) > _SHORT:
        found.append(factor_terms(expr))
        if length < _LONGER * expr.count_ops():
            found.append(factor_terms(opened, sign=True))
    # The written form wins against others of the same length.
    best = min([expr, *map(_positive_first, found)], key=_length)
    if best.func is not Mul:
        return best
    best = joined_powers(_merged(best))
    turned = any(isinstance(part, Add) and _is_turned(part) for part in Mul.make_args(best))
    return _positive_first(best) if turned else best


def _length(expr: Any) -> tuple[int, int]:
    return expr.count_ops(), _signs(expr)


def _signs(expr: Any) -> int:
    return sum(1 for term in Add.make_args(expr) if term.could_extract_minus_sign())


def merged_exponentials(total: Any) -> Any:
    """exp(x) exp(y) as exp(x + y) in each term, so that terms cancel."""
    if not total.has(exp):
        return total
    return Add(*(_merged(term) for term in Add.make_args(total)))


def _merged(product: Any) -> Any:
    exponents = [f.args[0] for f in Mul.make_args(product) if isinstance(f, exp)]
    powers = [
        f.base.args[0] * f.exp
        for f in Mul.make_args(product)
        if isinstance(f, Pow) and isinstance(f.base, exp)
    ]
    if len(exponents) + len(powers) < 2 and not powers:
        return product
    rest = [
        f
        for f in Mul.make_args(product)
        if not isinstance(f, exp) and not (isinstance(f, Pow) and isinstance(f.base, exp))
    ]
    return Mul(*rest, exp(Add(*exponents, *powers)))


def _quotient(expr: Any) -> Any:
    """A quotient of polynomials in one symbol, factorised; None of anything else."""
    symbols = expr.free_symbols
    if len(symbols) != 1 or not expr.is_rational_function(*symbols):
        return None
    try:
        value = QQ.frac_field(*symbols).from_sympy(expr)
    except (CoercionFailed, ValueError, ZeroDivisionError):
        return None
    (c, above), (d, below) = value.numer.factor_list(), value.denom.factor_list()
    factors = [base.as_expr() ** k for base, k in above]
    factors += [base.as_expr() ** -k for base, k in below]
    return Mul(QQ.to_sympy(c / d), *factors)


def _positive_first(expr: Any) -> Any:
    """-(b - a) as a - b, (p - 1)² as (1 - p)²: the constant of a factor is positive."""
    if isinstance(expr, Add):
        return Add(*(_positive_first(term) for term in expr.args))
    sign, factors, turned = 1, [], []
    for part in Mul.make_args(expr):
        base, power = part.as_base_exp()
        if isinstance(base, Add) and power.is_Integer and _is_turned(base):
            turned.append(Pow(Add(*(-term for term in base.args)), power))
            factors.append(turned[-1])
            sign *= -1 if power % 2 else 1
        else:
            factors.append(part)
    total = Mul(sign, *factors)
    if not (isinstance(total, Mul) and total.could_extract_minus_sign()):
        return total
    factors = list(total.args)
    open_ = [f for f in factors if isinstance(f, Add) and 2 * _signs(f) >= len(f.args)]
    if not open_:
        return total
    part = max([f for f in open_ if f not in turned] or open_, key=lambda f: f.count_ops())
    factors[factors.index(part)] = Add(*(-term for term in part.args))
    return Mul(-1, *factors)


def _is_turned(total: Any) -> bool:
    constant = total.as_coeff_Add()[0]
    return bool(constant.is_negative and 2 * _signs(total) <= len(total.args))


def _in_differences(total: Any) -> Any:
    """x² - 2xy + y² as (x - y)², for symbols that occur by their difference alone."""
    symbols = sorted((s for s in total.free_symbols if isinstance(s, Symbol)), key=default_sort_key)
    if not isinstance(total, Add) or not 2 <= len(symbols) <= 8:
        return total
    gap = Dummy("d", real=True)
    for i, x in enumerate(symbols):
        for y in symbols[i + 1 :]:
            if not (
                total.coeff(x * y) or any((t / (x * y)).has(x, y) is False for t in total.args)
            ):
                continue
            moved = expand(total.xreplace({x: y + gap}))
            if y not in moved.free_symbols:
                return moved.xreplace({gap: x - y})
    return total
