"""Moments from the law itself: sums over actions and quadrature, where no closed form is used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from sympy import Integer, KroneckerDelta, Rational, S
from sympy.core.sympify import _sympify

from ..errors import NoRuleError, PolicyError
from ..timelimit import within
from .distribution import Action, DistributionPolicy
from .folding import folded

__all__ = ["Moments", "by_label", "exact", "inserted", "moments_of", "require_numbers"]

# Seconds for the integrals of one random variable, their digits and those of what is constant,
# and how exact their numbers are.
_SECONDS, _DIGITS, _FULL, _TIGHT = 8.0, 15, 30, 1e-9
# Places u of a grid over several entries, t = sinh u: how far out, how many there may be, and how
# many along one of them.
_FARTHEST, _MOST, _ALONG = 4.6, 500_000, (60, 200)
# Two grids that differ by more than this say nothing.
_LOOSE = 1e-4


class Moments(NamedTuple):
    """Mean, variance and fourth central moment, and how exact they are, relatively."""

    mean: float
    variance: float
    fourth: float
    error: float = _TIGHT


def moments_of(
    law: Any, exprs: list[Any], point: Mapping[Any, Any], highest: int = 4
) -> list[Moments | None]:
    """The moments of random variables at numbers for the symbols; None where they are out of reach,
    nan beyond the highest (1, 2 or 4) where they would take time.

    Finitely many actions are added up, scalar actions go by mpmath's numbers, several entries by a
    grid of floats that is held against one half a step aside.

    Examples
    ========

    >>> from symprice import GaussianPolicy, Parameter
    >>> from symprice.policy.law_moments import moments_of
    >>> mu = Parameter('mu')
    >>> law = GaussianPolicy(mu, 2)
    >>> [found] = moments_of(law, [law.action - mu], {mu: 0.3})
    >>> round(found.variance, 9), round(found.fourth, 9)
    (4.0, 48.0)
    """
    try:
        if not isinstance(law, DistributionPolicy):
            return _over_labels(law, exprs, point)
        fixed = law.with_heads([_number(head, point) for head in law.heads])
        names = [fixed.action] if law.action.is_Symbol else list(fixed.action)
        numbered = [inserted(e, names, point) for e in exprs]
        if law.action.is_Symbol:
            return [_by_quadrature(fixed, e, highest) for e in numbered]
        return _over_a_grid(fixed, numbered)
    except (NoRuleError, PolicyError):
        return [None] * len(exprs)


def exact(point: Mapping[Any, Any]) -> dict[Any, Any]:
    """The numbers as they were written, floats as fractions of a power of ten."""
    numbers = ((symbol, _sympify(x)) for symbol, x in point.items())
    return {s: Rational(str(x)) if getattr(x, "is_Float", False) else x for s, x in numbers}


def inserted(expr: Any, actions: list[Any], point: Mapping[Any, Any]) -> Any:
    """An expression in the action alone: what does not depend on it is a number."""
    value = folded(expr.subs(exact(point)).doit(), actions, _FULL)
    require_numbers(value, set(actions))
    return value


def _number(head: Any, point: Mapping[Any, Any]) -> Any:
    value = head.subs(exact(point)).doit()
    require_numbers(value, set())
    return value


def require_numbers(expr: Any, known: set[Any]) -> None:
    """An error where symbols other than these have no number."""
    unknown = sorted(map(str, expr.free_symbols - known))
    if unknown:
        raise PolicyError(
            f"asked for samples with no numbers for {', '.join(unknown)}: write "
            f"at={{{unknown[0]}: 0.5, ...}}"
        )


# --- finitely many actions ------------------------------------------------------------------------


def by_label(law: Any, expr: Any) -> list[Any]:
    """The value of an expression in the action at each of finitely many actions."""
    symbol = next((s for s in expr.free_symbols if isinstance(s, Action)), Action("a"))

    def indicator(i: Any, j: Any) -> Any:
        return Integer(i == j)

    return [
        expr.xreplace({symbol: label}).replace(KroneckerDelta, indicator) for label in law.actions
    ]


def _over_labels(law: Any, exprs: list[Any], point: Mapping[Any, Any]) -> list[Moments | None]:
    import numpy as np

    def number(expr: Any) -> float:
        value = expr.subs(exact(point)).doit()
        require_numbers(value, set())
        return float(value.evalf(20))

    weights = np.array([number(law.prob(label)) for label in law.actions])
    found: list[Moments | None] = []
    for expr in exprs:
        values = np.array([number(v) for v in by_label(law, expr.doit())])
        found.append(_summed(weights, values))
    return found


def _summed(weights: Any, values: Any, error: float = _TIGHT) -> Moments:
    mean = float((weights * values).sum())
    gaps = values - mean
    squares = float((weights * gaps**2).sum())
    return Moments(mean, squares, float((weights * gaps**4).sum()), error)


# --- scalar actions -------------------------------------------------------------------------------


def _by_quadrature(law: Any, expr: Any, highest: int) -> Moments | None:
    def mean(f: Any) -> Any:
        return law.integral(f, law.action).evalf(_DIGITS)

    def compute() -> Moments | None:
        centre = mean(expr)
        numbers = [centre, *(mean((expr - centre) ** k) for k in (2, 4) if k <= highest)]
        if not all(x.is_number for x in numbers):
            return None
        return Moments(*map(float, [*numbers, S.NaN, S.NaN][:3]))

    try:
        return within(_SECONDS, compute)
    except (NoRuleError, TypeError, OverflowError):
        return None


# --- several entries ------------------------------------------------------------------------------


def _over_a_grid(law: Any, exprs: list[Any]) -> list[Moments | None]:
    """Trapezoidal sums over t = sinh u, which fall doubly exponentially."""
    import numpy as np

    count = min(int(_MOST ** (1 / law.dimensions)), _ALONG[1])
    if count < _ALONG[0]:
        return [None] * len(exprs)
    one, other = (_on_grid(law, exprs, count, shift) for shift in (0.0, 0.5))
    found: list[Moments | None] = []
    for a, b in zip(one, other, strict=True):
        if not np.all(np.isfinite([*a, *b])):
            found.append(None)
            continue
        pairs = zip(a[:3], b[:3], (a.variance**0.5, a.variance, a.fourth), strict=True)
        error = max(abs(x - y) / max(size, 1e-300) for x, y, size in pairs)
        error = max(error, abs(a.error), abs(b.error), _TIGHT)
        found.append(a._replace(error=10 * error) if error < _LOOSE else None)
    return found


def _on_grid(law: Any, exprs: list[Any], count: int, shift: float) -> list[Moments]:
    """The moments on one grid; their error is how far the density is from adding up to 1."""
    import numpy as np

    step = 2 * _FARTHEST / count
    axes = np.meshgrid(*[(np.arange(count) + shift) * step - _FARTHEST] * law.dimensions)
    with np.errstate(all="ignore"):
        entries, stretch = law.placed([np.sinh(x).ravel() for x in axes])
        for x in axes:
            stretch = stretch + np.log(np.cosh(x).ravel() * step)
        weights = np.exp(_function(law, law.log_prob())(*entries) + stretch)
        seen = np.isfinite(weights) & (weights > 0)
        weights, entries = weights[seen], [x[seen] for x in entries]
        total = float(weights.sum())
        values = (np.broadcast_to(_function(law, e)(*entries), weights.shape) for e in exprs)
        return [_summed(weights, v, total - 1) for v in values]


def _function(law: Any, expr: Any) -> Callable[..., Any]:
    from sympy import lambdify

    require_numbers(expr, set(law.action))
    compiled: Callable[..., Any] = lambdify(list(law.action), expr, modules=["scipy", "numpy"])
    return compiled
