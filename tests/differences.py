"""An evaluation of covariances that shares no code with the package: difference quotients in
mpmath.

Expressions are flattened and evaluated by SymPy at numbers; gradients are quotients of these
values.
"""

from __future__ import annotations

import random

import mpmath
from sympy import Float

from symprice.symbols import Parameter

DIGITS = 40


def number(expr, point):
    """The value of an expression without covariances at a point {symbol: mpf}."""
    values = {s: Float(point[s], 3 * DIGITS) for s in expr.free_symbols}
    return mpmath.mpmathify(expr.doit().xreplace(values).evalf(2 * DIGITS))


def gradient(expr, parameters, point):
    """The gradient by central differences; right to about 38 digits of 80."""
    with mpmath.workdps(3 * DIGITS):
        h = mpmath.mpf(10) ** -DIGITS
        flat = expr.doit()
        return [
            (number(flat, {**point, p: point[p] + h}) - number(flat, {**point, p: point[p] - h}))
            / (2 * h)
            for p in parameters
        ]


def covariance(a, b, point, metric=None):
    """Σ ∂a ∂b, or ∇aᵀ M ∇b with M a nested list in the order of the sorted parameters."""
    parameters = sorted((s for s in point if isinstance(s, Parameter)), key=lambda p: p.name)
    with mpmath.workdps(3 * DIGITS):
        ga, gb = gradient(a, parameters, point), gradient(b, parameters, point)
        if metric is None:
            return mpmath.fsum(u * v for u, v in zip(ga, gb, strict=True))
        n = range(len(parameters))
        return mpmath.fsum(ga[i] * metric[i][j] * gb[j] for i in n for j in n)


def random_point(symbols, seed, low=-1.5, high=1.5):
    """A point of the symbols, the same for the same seed."""
    generator = random.Random(seed)
    with mpmath.workdps(3 * DIGITS):
        return {
            s: mpmath.mpf(generator.uniform(low, high))
            for s in sorted(symbols, key=lambda s: s.name)
        }


def agree(left, right, tolerance=1e-25):
    """Whether two numbers are equal up to ``tolerance``, relative to the larger or to 1."""
    return abs(left - right) <= tolerance * max(1, abs(left), abs(right))
