"""Steps of training by difference quotients, and how fast what a law leaves out vanishes."""

from __future__ import annotations

import mpmath

from symprice import parameters
from tests.differences import gradient, number

w, b = parameters("w b", real=True)
BOTH = (w, b)


def slopes(loss, point):
    """The gradient of a loss at a point, {parameter: mpf}."""
    with mpmath.workdps(120):
        return dict(zip(BOTH, gradient(loss, BOTH, point), strict=True))


def hessian(loss, point):
    """Second difference quotients, a 2 × 2 mpmath matrix."""
    with mpmath.workdps(120):
        h = mpmath.mpf(10) ** -30

        def at(i, j, s, t):
            moved = dict(point)
            moved[BOTH[i]] += s * h
            moved[BOTH[j]] += t * h
            return number(loss, moved)

        signs = [(s, t) for s in (1, -1) for t in (1, -1)]
        return mpmath.matrix(
            [
                [sum(s * t * at(i, j, s, t) for s, t in signs) / (4 * h**2) for j in range(2)]
                for i in range(2)
            ]
        )


def remainder_exponent(prop, equation, step, point, eta, small=()):
    """The exponent of η with which ``actual change - law`` vanishes.

    ``step(point, rate)`` gives the parameters after a real step; ``small`` are the symbols that
    shrink with η, velocities do by themselves.
    """
    formula = equation.change.removeO().doit()
    errors = []
    with mpmath.workdps(120):
        for exponent in (4, 5):
            rate = mpmath.mpf(10) ** -exponent
            here = {**point, eta: rate}
            for symbol in small:
                here[symbol] = rate * point[symbol]
            actual = number(prop, {**here, **step(here, rate)}) - number(prop, here)
            errors.append(abs(actual - number(formula, here)))
        return mpmath.log10(errors[0] / errors[1])


__all__ = ["BOTH", "b", "hessian", "remainder_exponent", "slopes", "w"]
