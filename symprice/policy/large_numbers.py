"""Factorials and gamma functions of large numbers, which stay as they are written.

SymPy makes `gamma(10**6)` an integer of five million digits, `polygamma(0, 10**6)` a fraction of as
many, and ``expand_func(gamma(k + 10**6))`` a product of a million factors.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import mpmath
from sympy import (
    Basic,
    Dummy,
    Float,
    Rational,
    binomial,
    expand_func,
    factorial,
    fraction,
    gamma,
    polygamma,
)
from sympy.core.sympify import _sympify

__all__ = [
    "LargeBinomial",
    "LargeFactorial",
    "LargeGamma",
    "LargePolygamma",
    "expanded_functions",
    "with_values",
]

# Of integers and halves beyond this the exact value is not written.
_LARGE = 400


def _is_large(x: Any) -> bool:
    return bool(x.is_Rational and x.q <= 2 and abs(x.p) > _LARGE * x.q)


class _Large:
    """A function of SymPy at a large number, which does not evaluate."""

    plain: ClassVar[Any]
    number: ClassVar[Any]

    @classmethod
    def eval(cls, *args: Any) -> Any:
        return None if any(map(_is_large, args)) else cls.plain(*args)

    def _eval_expand_func(self, **hints: Any) -> Any:
        return self

    def _eval_mpmath(self) -> Any:
        return type(self).number, self.args  # type: ignore[attr-defined]

    def _eval_evalf(self, prec: int) -> Any:
        with mpmath.workprec(prec + 10):
            values = [x._to_mpmath(prec + 10) for x in self.args]  # type: ignore[attr-defined]
            return Float(type(self).number(*values), precision=prec)

    def _printed(self, printer: Any) -> Any:
        args = self.args  # type: ignore[attr-defined]
        return printer._print(self.plain(*args, evaluate=False))

    _sympystr = _pretty = _numpycode = _scipycode = _mpmathcode = _pythoncode = _printed

    def _latex(self, printer: Any, exp: str | None = None) -> Any:
        tex = self._printed(printer)
        return tex if exp is None else rf"{{{tex}}}^{{{exp}}}"


class LargeGamma(_Large, gamma):
    """Γ(x) of a large number.

    Examples
    ========

    >>> from symprice.policy.large_numbers import LargeGamma
    >>> LargeGamma(10**6), LargeGamma(4)
    (gamma(1000000), 6)
    """

    plain, number = gamma, mpmath.gamma


class LargePolygamma(_Large, polygamma):
    """ψ⁽ⁿ⁾(x) of a large number.

    Examples
    ========

    >>> from symprice.policy.large_numbers import LargePolygamma
    >>> LargePolygamma(0, 10**6).evalf(10)
    13.81551006
    """

    plain, number = polygamma, mpmath.polygamma


class LargeFactorial(_Large, factorial):
    """n! of a large number.

    Examples
    ========

    >>> from symprice.policy.large_numbers import LargeFactorial
    >>> LargeFactorial(10**6), LargeFactorial(4)
    (factorial(1000000), 24)
    """

    plain, number = factorial, mpmath.factorial


class LargeBinomial(_Large, binomial):
    """C(n, k) of large numbers.

    Examples
    ========

    >>> from symprice.policy.large_numbers import LargeBinomial
    >>> LargeBinomial(10**6, 5*10**5), LargeBinomial(4, 2)
    (binomial(1000000, 500000), 6)
    """

    plain, number = binomial, mpmath.binomial


_HELD: dict[Any, Any] = {
    gamma: LargeGamma,
    polygamma: LargePolygamma,
    factorial: LargeFactorial,
    binomial: LargeBinomial,
}


def with_values(expr: Any, values: Mapping[Any, Any]) -> Any:
    """The expression with other symbols, in which no function of a large number is carried out.

    Examples
    ========

    >>> from sympy import Symbol, gamma, log
    >>> from symprice.policy.large_numbers import with_values
    >>> k = Symbol('k')
    >>> with_values(log(gamma(k)) + k**2, {k: 10**6})
    log(gamma(1000000)) + 1000000000000
    """
    values = {old: _sympify(new) for old, new in values.items()}
    if not any(map(_is_large, (*values.values(), *expr.atoms(Rational)))):
        return expr.xreplace(values)
    done: dict[Any, Any] = {}

    def visit(node: Any) -> Any:
        if node in values:
            return values[node]
        if not isinstance(node, Basic) or not node.args:
            return node
        if node not in done:
            args = [visit(arg) for arg in node.args]
            held = _HELD.get(node.func)
            if held is not None and any(map(_is_large, args)):
                done[node] = held(*args)
            elif all(new is old for new, old in zip(args, node.args, strict=True)):
                done[node] = node
            else:
                done[node] = node.func(*args)
        return done[node]

    return visit(expr)


def expanded_functions(expr: Any) -> Any:
    """``expand_func``, where no function is expanded by a large number of steps, and one of n + c/k
    goes by that of 1 + c/k: at c/k itself all would be of the size of k, and cancel.

    Examples
    ========

    >>> from sympy import Symbol, gamma
    >>> from symprice.policy.large_numbers import expanded_functions
    >>> k = Symbol('k')
    >>> expanded_functions(k*gamma(k) + gamma(k + 10**6))
    k*gamma(k) + gamma(k + 1000000)
    >>> expanded_functions(gamma(1/k)/k + gamma(1 + 1/k))
    2*gamma(1 + 1/k)
    """
    kept: dict[Any, Any] = {}
    moved: dict[Any, Any] = {}
    for node in expr.atoms(gamma, polygamma):
        n, rest = node.args[-1].as_coeff_Add()
        if _is_large(n):
            kept[node] = Dummy("f", positive=node.is_positive)
        elif n.is_Integer and not fraction(rest)[1].is_number:
            y = moved.setdefault(rest, Dummy("y", positive=True))
            kept[node] = node.func(*node.args[:-1], n - 1 + y)
    found = expand_func(expr.xreplace(kept)) if kept else expand_func(expr)
    back = {new: old for old, new in kept.items() if new.is_Dummy}
    return found.xreplace({**back, **{y: 1 + rest for rest, y in moved.items()}})
