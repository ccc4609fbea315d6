"""Real training in mpmath: gradients by difference quotients, flows by numerical integration."""

from __future__ import annotations

import mpmath

from tests.differences import covariance, number


def slope_vector(loss, point):
    """The gradient of a loss by the parameters of a point."""
    return {p: covariance(loss, p, point) for p in point}


def stepped(point, loss, rate, velocity=None):
    """θ + velocity - rate · ∇L."""
    with mpmath.workdps(120):
        slopes = slope_vector(loss, point)
        kept = velocity or {}
        return {p: point[p] + kept.get(p, 0) - rate * slopes[p] for p in point}


def change(prop, after, before):
    """How much a property differs between two points."""
    with mpmath.workdps(120):
        return number(prop, after) - number(prop, before)


def order_of(error, sizes=(2, 3)):
    """The exponent with which an error vanishes as its argument goes through powers of 1/10."""
    with mpmath.workdps(120):
        large, small = (abs(error(mpmath.mpf(10) ** -size)) for size in sizes)
        return mpmath.log10(large / small) / (sizes[1] - sizes[0])


def integrated(field, start, time, parts=8):
    """θ after following dθ/dt = field(θ), by Runge–Kutta steps: right to (time/parts)⁵ or so."""
    theta, h = mpmath.matrix(start), time / parts
    for _ in range(parts):
        k1 = mpmath.matrix(field(list(theta)))
        k2 = mpmath.matrix(field(list(theta + h / 2 * k1)))
        k3 = mpmath.matrix(field(list(theta + h / 2 * k2)))
        k4 = mpmath.matrix(field(list(theta + h * k3)))
        theta = theta + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return list(theta)
