"""How large a curvature a discrete dynamics bears: all roots of a polynomial in the unit circle.

By the transformation `r = (1 + z)/(1 - z)` the unit disc becomes the left half-plane, where the
conditions of Routh and Hurwitz say when all roots lie in it: the criterion of Schur and
Cohn, or Jury's table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from sympy import (
    Add,
    Basic,
    Dummy,
    Expr,
    Integer,
    Lt,
    Matrix,
    Mul,
    Poly,
    Rational,
    S,
    Symbol,
    Tuple,
    factor_terms,
    fraction,
    solve,
    together,
)
from sympy.core.sympify import _sympify
from sympy.matrices.matrixbase import MatrixBase

from ..derivation import Derivation, Rule, Step
from ..dynamics.update import Dynamics
from ..errors import ShapeError
from ..outputs import Result
from ..symbols import Observable
from ..timelimit import within
from .linear_steps import exact, linear_step
from .signs import oriented
from .step_maps import by_powers, characteristic_polynomial
from .verification import compiled, sample

__all__ = ["Stability", "schur_conditions", "stability_of", "stability_threshold"]

_SECONDS = 5
_POINTS = 25
_LONG = 10**6  # a number of more digits is written as a power of ten, where there is one
_EQUAL = 1e-9  # roots that differ by less, relatively, are one


class BilinearTransformation(Rule):
    """(1 - z)ⁿ p((1 + z)/(1 - z)): the roots of p with |r| < 1 are those of negative real part."""


class BoundaryOfStability(Rule):
    """The condition that fails first is 0 at the threshold: there a root has modulus 1."""


def schur_conditions(polynomial: Any, r: Any) -> list[Any]:
    """Expressions that are all positive if and only if all roots have modulus below 1.

    For `r² + b r + c`: `1 + b + c`, `2(1 - c)`, `1 - b + c`. The leading coefficient is taken to be
    positive, if it is not certainly negative.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice.solutions.thresholds import schur_conditions
    >>> r, b, c = symbols('r b c')
    >>> schur_conditions(r**2 + b*r + c, r)
    [b + c + 1, 2 - 2*c, -b + c + 1]

    References
    ==========

    E. I. Jury, On the roots of a real polynomial inside the unit circle, 1964.
    """
    coefficients = _transformed(polynomial, r)
    n = len(coefficients) - 1
    conditions = list(coefficients[::-1])
    if n > 2:
        a = [*coefficients, *([S.Zero] * n)]
        hurwitz = Matrix(n, n, lambda i, j: a[2 * j - i + 1] if 0 <= 2 * j - i + 1 <= n else S.Zero)
        minors = [hurwitz[:k, :k].det(method="berkowitz") for k in range(2, n)]
        conditions += [minor.expand() for minor in minors]
    return conditions


def _transformed(polynomial: Any, r: Any) -> list[Any]:
    """The coefficients of (1 - z)ⁿ p((1 + z)/(1 - z)), that of zⁿ first."""
    z = Dummy("z")
    given = Poly(polynomial, r)
    given = -given if given.LC().is_negative else given
    n = given.degree()
    whole = sum(c * (1 + z) ** k * (1 - z) ** (n - k) for (k,), c in given.terms())
    moved = Poly(whole.expand(), z)
    return [moved.coeff_monomial(z**k).expand() for k in range(n, -1, -1)]


class Stability(Result, Basic):
    """The curvature up to which a discrete dynamics converges. Made by ``stability_of``.

    Attributes
    ==========

    threshold : the largest λ: for 0 < λ < threshold all roots have modulus below 1.
    equation : λ < threshold.
    conditions : what is positive there.
    frozen : symbols of states that were taken to be constant.
    is_of_mean : whether the steps are noisy, so that it is their mean that converges.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice.solutions.thresholds import stability_of
    >>> r, lam, eta = symbols('r lambda eta', positive=True)
    >>> stability_of(r - (1 - eta*lam), r, lam).threshold
    2/eta
    """

    @property
    def polynomial(self) -> Any:
        """The characteristic polynomial."""
        return self.args[0]

    @property
    def threshold(self) -> Any:
        """The largest curvature."""
        return self.args[3]

    @property
    def equation(self) -> Any:
        """λ < threshold."""
        return Lt(self.args[2], self.threshold, evaluate=False)

    @property
    def conditions(self) -> list[Any]:
        """What is positive where all roots have modulus below 1."""
        return [by_powers(c, self.args[2]) for c in schur_conditions(self.args[0], self.args[1])]

    @property
    def frozen(self) -> tuple[Any, ...]:
        """Symbols of states that were taken to be constant, as the v of Adam."""
        return tuple(self.args[5])

    @property
    def is_of_mean(self) -> bool:
        """Whether the steps are noisy, so that it is their mean that converges."""
        return bool(self.args[6])

    @property
    def derivation(self) -> Derivation:
        """The transformed polynomial, and the condition that fails first."""
        polynomial, r, lam, threshold, first, *_ = self.args
        z = Symbol("z", real=True)
        n = Poly(polynomial, r).degree()
        before = (1 - z) ** n * polynomial.subs(r, (1 + z) / (1 - z))
        coefficients = [by_powers(c, lam) for c in _transformed(polynomial, r)]
        after = sum(c * z ** (n - k) for k, c in enumerate(coefficients))
        steps = [Step(BilinearTransformation(), before, after)]
        slope = first.expand().diff(lam)
        if slope.has(lam):
            boundary = Step(BoundaryOfStability(), first.subs(lam, threshold), S.Zero)
        else:
            distance = Add(threshold, -lam, evaluate=False)
            boundary = Step(BoundaryOfStability(), first, oriented(-slope) * distance)
        return Derivation([*steps, boundary])

    def _formula(self) -> Any:
        return self.threshold

    @property
    def _remark(self) -> str:
        frozen = f"for a frozen {', '.join(map(str, self.frozen))}" if self.frozen else ""
        return ", ".join(filter(None, ("in the mean" if self.is_of_mean else "", frozen)))

    def __str__(self) -> str:
        frozen = ", ".join(map(str, self.frozen))
        verb = "are" if len(self.frozen) > 1 else "is"
        where = f", where {frozen} {verb} frozen" if frozen else ""
        stable = "stable in the mean" if self.is_of_mean else "stable"
        return f"{stable} for 0 < {self.args[2]} < {self.threshold}{where}"

    __repr__ = __str__


def stability_of(
    given: Any, r: Any = None, lam: Any = None, *, frozen: Mapping[Any, Any] | None = None
) -> Stability:
    """Up to which curvature λ a discrete dynamics converges on `½ λ θ²`.

    What a step divides by, as the mean square v of gradients in Adam, is frozen: then λ/√v is the
    preconditioned sharpness. Of noisy steps it is the mean that converges; the mean square of
    SGD moves by ``price(w**2, losses, SGD(eta, B), order=2)``, exact for quadratic losses. Floats
    count as the decimal numbers that they print as, so that the answer is exact.

    Parameters
    ==========

    given : a way of moving θ, as ``GradientDescent(eta)``; or a characteristic polynomial in r, an
        expression in λ and constants.
    r, lam : the symbol of the root and that of the curvature; of a way of moving they are made.
    frozen : values for the frozen states by their letter, {'v': 4}; else they are symbols.

    Raises
    ======

    NoRuleError : for a way of moving whose steps are not linear.
    ShapeError : where it is unstable for every small λ, stable for every one, or where which
        condition fails first depends on the constants.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import Adam, HeavyBall
    >>> from symprice.solutions.thresholds import stability_of
    >>> eta, beta, beta2 = symbols('eta beta beta2', positive=True)
    >>> print(stability_of(HeavyBall(eta, beta)))
    stable for 0 < lambda < 2*(beta + 1)/eta
    >>> print(stability_of(Adam(eta, beta, beta2, eps=0)))
    stable for 0 < lambda < 2*sqrt(v)*(beta + 1)/(eta*(1 - beta)), where v is frozen
    >>> stability_of(Adam(eta, beta, beta2, eps=0), frozen={'v': 4}).threshold
    4*(beta + 1)/(eta*(1 - beta))

    References
    ==========

    J. M. Cohen et al., Adaptive gradient methods at the edge of stability, 2022.
    """
    constants: tuple[Any, ...] = ()
    noisy = isinstance(given, Dynamics) and _is_noisy(given)
    if r is None or lam is None:
        r, lam = Symbol("r"), _curvature(given, frozen)
        step = given
        if not isinstance(given, (Expr, MatrixBase)):
            step, _, constants = linear_step(given, lam, frozen)
        elif isinstance(given, Expr):
            raise ShapeError(
                f"asked for the stability of {given}: write stability_of(polynomial, r, lam), or a "
                "way of moving θ as GradientDescent(eta)"
            )
        polynomial = characteristic_polynomial(step, lam, r)
    else:
        polynomial = _sympify(given)
    r, lam = _sympify(r), _sympify(lam)
    if not isinstance(polynomial, Expr) or not polynomial.is_polynomial(r):
        raise ShapeError(
            f"asked for the stability of {given}: write its characteristic polynomial in {r}, or "
            "a way of moving θ as GradientDescent(eta)"
        )
    polynomial = exact(polynomial)
    conditions = [by_powers(c, lam) for c in schur_conditions(polynomial, r)]
    threshold, condition = _threshold(conditions, lam, given)
    letters = sorted((s for s in constants if s in polynomial.free_symbols), key=str)
    return Stability(
        polynomial, r, lam, _tidy(threshold), condition, Tuple(*letters), _sympify(noisy)
    )


def _is_noisy(dynamics: Dynamics) -> bool:
    try:
        return dynamics.noise(Observable("L")) is not None
    except ShapeError:  # it is noise of data that are not said
        return True


def _tidy(threshold: Any) -> Any:
    """With `√v + 10⁻⁸` for `100000000√v + 1`, and for a sum of two quotients."""

    def pulled(total: Any) -> Any:
        first, *others = sorted(total.args, key=lambda term: term.is_number)
        factor = first.as_coeff_Mul()[0]
        if len(others) != 1 or not others[0].is_Rational or not _is_long(total):
            return total
        return Mul(factor, Add(first / factor, others[0] / factor), evaluate=False)

    if not _is_long(threshold):
        return threshold
    found = factor_terms(threshold)
    found = found.xreplace({total: pulled(total) for total in found.atoms(Add)})
    return Mul(*Mul.make_args(found))


def _is_long(expr: Any) -> bool:
    return any(number.q * abs(number.p) >= _LONG for number in expr.atoms(Rational))


def _curvature(given: Any, frozen: Mapping[Any, Any] | None) -> Symbol:
    """λ, with a name that the user has not given to something else."""
    values = (_sympify(value) for value in (frozen or {}).values())
    free: list[set[Any]] = [getattr(e, "free_symbols", set()) for e in (given, *values)]
    name, taken = "lambda", {s.name for s in set().union(*free)}
    while name in taken:
        name += "'"
    return Symbol(name, positive=True)


def stability_threshold(
    given: Any, r: Any = None, lam: Any = None, *, frozen: Mapping[Any, Any] | None = None
) -> Any:
    """The largest curvature λ at which a dynamics converges: ``stability_of(…).threshold``.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import GradientDescent
    >>> from symprice.solutions.thresholds import stability_threshold
    >>> stability_threshold(GradientDescent(symbols('eta', positive=True)))
    2/eta
    """
    return stability_of(given, r, lam, frozen=frozen).threshold


def _threshold(conditions: list[Any], lam: Any, given: Any) -> tuple[Any, Any]:
    """The smallest λ at which a condition changes its sign, and this condition."""
    asked = f"asked for the largest {lam} at which {given} is stable"
    if not any(condition.has(lam) for condition in conditions):
        held = ", ".join(f"{c} > 0" for c in conditions if c.is_positive is not True)
        raise ShapeError(f"{asked}: {lam} is not in its conditions, {held or 'which all hold'}")
    found: list[tuple[Any, Any]] = []
    for condition in conditions:
        for part in fraction(together(condition)):
            found += [(oriented(value), condition) for value in _roots(part, lam)]
    first: set[Any] = set(_first(found, conditions, lam))
    if not first:
        raise ShapeError(
            f"{asked}: it is not, however small {lam} is, at any values of its constants that were "
            "tried; " + ", ".join(f"{c} > 0" for c in conditions) + " was asked of them"
        )
    if None in first:
        first.discard(None)
        if not first:
            raise ShapeError(f"{asked}: it is in the unit circle for all of them")
        raise ShapeError(
            f"{asked}: whether there is one depends on the constants, put in numbers for them; "
            "where there is, it is " + " or ".join(str(found[i][0]) for i in sorted(first))
        )
    if len(first) != 1:
        raise ShapeError(
            f"{asked}: which condition fails first depends on the constants, put in numbers for "
            "them; it is " + " or ".join(str(found[i][0]) for i in sorted(first))
        )
    return found[first.pop()]


def _roots(part: Any, lam: Any) -> list[Any]:
    """The zeros of a numerator or a denominator."""
    if not part.has(lam):
        return []
    return list(within(_SECONDS, lambda: solve(part, lam), []))


def _first(found: list[tuple[Any, Any]], conditions: list[Any], lam: Any) -> Iterator[int | None]:
    """Which of the candidates is the smallest positive one, at values of the constants at which
    smaller λ are stable; None where there is none.
    """
    roots = [root for root, _ in found]
    constants = sorted(set().union(*(c.free_symbols for c in conditions)) - {lam}, key=str)
    where, holds = compiled(roots, constants), compiled(conditions, [lam, *constants])
    unit = {s: (Integer(0), Integer(1)) for s in constants}
    points = zip(sample(constants, unit), sample(constants), strict=False)
    good = 0
    for pair in islice(points, 20 * _POINTS if constants else 1):
        for point in pair[: 2 if constants else 1]:
            values = [complex(value) for value in where(*point.values())]
            real = [
                (value.real, index)
                for index, value in enumerate(values)
                if abs(value.imag) <= _EQUAL * abs(value.real) and value.real > 0
            ]
            least = min(real)[0] if real else None
            tried = 1.0 if least is None else least / 2
            if not all(_positive(value) for value in holds(tried, *point.values())):
                continue
            good += 1
            if least is None:
                yield None
            else:
                yield min(i for value, i in real if value <= least * (1 + _EQUAL))
        if good >= _POINTS:
            return


def _positive(value: Any) -> bool:
    found = complex(value)
    return found.imag == 0 and found.real > 0
