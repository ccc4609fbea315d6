"""How large a curvature a discrete dynamics bears: all roots of a polynomial in the unit circle.

By the transformation `r = (1 + z)/(1 - z)` the unit disc becomes the left half-plane, where the
conditions of Routh and Hurwitz say when all roots lie in it: the criterion of Schur and
Cohn, or Jury's table.
"""

from __future__ import annotations

from itertools import islice
from typing import Any

from sympy import Basic, Dummy, Expr, Integer, Matrix, Poly, S, Symbol, solve
from sympy.core.sympify import _sympify

from ..derivation import Derivation, Rule, Step
from ..errors import ShapeError
from ..outputs import Outputs
from ..timelimit import within
from .signs import oriented
from .step_maps import characteristic_polynomial
from .verification import compiled, sample

__all__ = ["Stability", "schur_conditions", "stability_of", "stability_threshold"]

_SECONDS = 5
_POINTS = 25
_SMALL = 1e-6


class BilinearTransformation(Rule):
    """(1 - z)ⁿ p((1 + z)/(1 - z)): the roots of p with |r| < 1 are those of negative real part."""


class BoundaryOfStability(Rule):
    """At the threshold the first of the conditions is met with equality: a root has modulus 1."""


def schur_conditions(polynomial: Any, r: Any) -> list[Any]:
    """Expressions that are all positive if and only if all roots have modulus below 1.

    For `r² + b r + c`: `1 + b + c`, `2(1 - c)`, `1 - b + c`. The leading coefficient is taken to be
    positive.

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
    n = given.degree()
    whole = sum(c * (1 + z) ** k * (1 - z) ** (n - k) for (k,), c in given.terms())
    moved = Poly(whole.expand(), z)
    return [moved.coeff_monomial(z**k).expand() for k in range(n, -1, -1)]


class Stability(Outputs, Basic):
    """The curvature up to which a discrete dynamics converges. Made by ``stability_of``.

    Attributes
    ==========

    threshold : the largest λ: for 0 < λ < threshold all roots have modulus below 1.
    conditions : what is positive there.

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
    def conditions(self) -> list[Any]:
        """What is positive where all roots have modulus below 1."""
        return schur_conditions(self.args[0], self.args[1])

    @property
    def derivation(self) -> Derivation:
        """The transformed polynomial, and the condition that fails first."""
        polynomial, r, lam, threshold, first = self.args
        z = Symbol("z", real=True)
        n = Poly(polynomial, r).degree()
        before = (1 - z) ** n * polynomial.subs(r, (1 + z) / (1 - z))
        coefficients = _transformed(polynomial, r)
        after = sum(c * z ** (n - k) for k, c in enumerate(coefficients))
        steps = [Step(BilinearTransformation(), before, after)]
        steps.append(Step(BoundaryOfStability(), first.subs(lam, threshold), S.Zero))
        return Derivation(steps)

    def _formula(self) -> Any:
        return self.threshold

    def __str__(self) -> str:
        return f"stable for 0 < {self.args[2]} < {self.threshold}"

    __repr__ = __str__


def stability_of(given: Any, r: Any = None, lam: Any = None) -> Stability:
    """Up to which curvature λ a discrete dynamics converges on `½ λ θ²`.

    Parameters
    ==========

    given : the characteristic polynomial in r, an expression in λ and constants; or a way of
        moving θ, as ``GradientDescent(eta)``.
    r, lam : the symbol of the root and that of the curvature; of a way of moving they are made.

    Raises
    ======

    ShapeError : where it is unstable for every small λ, stable for every one, or where which
        condition fails first depends on the constants.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice.solutions.thresholds import stability_of
    >>> r, lam, eta, beta = symbols('r lambda eta beta', positive=True)
    >>> print(stability_of(r**2 - (1 + beta - eta*lam)*r + beta, r, lam))
    stable for 0 < lambda < 2*(beta + 1)/eta
    """
    if r is None or lam is None:
        r, lam = Symbol("r"), Symbol("lambda", positive=True)
        polynomial = characteristic_polynomial(given, lam, r)
    else:
        polynomial = _sympify(given)
    r, lam = _sympify(r), _sympify(lam)
    if not isinstance(polynomial, Expr) or not polynomial.is_polynomial(r):
        raise ShapeError(
            f"asked for the stability of {given}: write its characteristic polynomial in {r}, or "
            "a way of moving θ as GradientDescent(eta)"
        )
    conditions = schur_conditions(polynomial, r)
    points = _stable_points(conditions, lam)
    found: list[tuple[Any, Any]] = []
    for condition in conditions:
        if condition.has(lam):
            roots = within(_SECONDS, lambda c=condition: solve(c, lam), [])  # type: ignore[misc]
            found += [(oriented(root), condition) for root in roots]
    first = {_first(found, point) for point in points}
    if first == {None} or not found:
        raise ShapeError(
            f"asked for the largest {lam} at which {polynomial} has its roots in the unit circle: "
            "it has for all of them"
        )
    if len(first) != 1:
        raise ShapeError(
            f"asked for the largest {lam} at which {polynomial} has its roots in the unit circle: "
            "which condition fails first depends on the constants; put in numbers for them"
        )
    threshold, condition = found[first.pop()]  # type: ignore[index]
    return Stability(polynomial, r, lam, threshold, condition)


def stability_threshold(given: Any, r: Any = None, lam: Any = None) -> Any:
    """The largest curvature λ at which a dynamics converges: ``stability_of(…).threshold``.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import GradientDescent
    >>> from symprice.solutions.thresholds import stability_threshold
    >>> stability_threshold(GradientDescent(symbols('eta', positive=True)))
    2/eta
    """
    return stability_of(given, r, lam).threshold


def _stable_points(conditions: list[Any], lam: Any) -> list[dict[Any, Any]]:
    """Values of the constants at which small λ are stable."""
    constants = sorted(set().union(*(c.free_symbols for c in conditions)) - {lam}, key=str)
    test = compiled(conditions, [lam, *constants])
    unit = {s: (Integer(0), Integer(1)) for s in constants}
    found = []
    for i, (inside, outside) in enumerate(
        zip(sample(constants, unit), sample(constants), strict=False)
    ):
        for point in (inside, outside):
            if all(value > 0 for value in test(_SMALL, *(point[s] for s in constants))):
                found.append(point)
        if len(found) >= _POINTS or i > 20 * _POINTS:
            break
    if not found:
        raise ShapeError(
            "asked for a threshold of stability, but no values of the constants were found at "
            "which small curvatures are stable"
        )
    return list(islice(found, _POINTS))


def _first(found: list[tuple[Any, Any]], point: dict[Any, Any]) -> int | None:
    """Which of the candidates is the smallest positive one at a point."""
    constants = list(point)
    values = []
    for index, (root, _) in enumerate(found):
        value = complex(compiled([root], constants)(*point.values())[0])
        if abs(value.imag) < 1e-12 and value.real > 10 * _SMALL:
            values.append((round(value.real, 12), index))
    return min(values)[1] if values else None
