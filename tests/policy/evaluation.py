"""Numbers for expressions, by mpmath alone; derivatives are difference quotients.

Shares no code with the package; it knows the few functions that policies are written in.
"""

from __future__ import annotations

import mpmath
from sympy import Add, Derivative, MatrixBase, Mul, Pow, Symbol, exp, log, tanh
from sympy.core.function import AppliedUndef
from sympy.matrices.expressions.matexpr import MatrixElement

from symprice.closedform import ClosedForm, ClosedFormMatrix
from symprice.networks.activations import sigmoid
from symprice.networks.logits import SoftmaxEntry

DIGITS = 60


def value(e, point):
    """The number (list of numbers, of a matrix) of an expression at {symbol: number}."""
    if e in point:
        return mpmath.mpmathify(point[e])
    if isinstance(e, (ClosedForm, ClosedFormMatrix)):
        inner = dict(point)
        for name, definition in e.definitions.items():
            inner[name] = value(definition, inner)
        return value(e.expr, inner)
    if isinstance(e, MatrixBase):
        return [value(entry, point) for entry in e]
    if isinstance(e, Derivative):
        (variable,) = e.variables
        return slope(e.expr, variable, point)[0]
    if isinstance(e, (Symbol, MatrixElement)):
        raise KeyError(e)
    if not e.args:
        return mpmath.mpf(e.p) / e.q if e.is_Rational else mpmath.mpmathify(e.evalf(DIGITS))
    args = [value(arg, point) for arg in e.args]
    if isinstance(e, AppliedUndef):  # some smooth function of its arguments
        shift = len(e.func.__name__) + ord(e.func.__name__[0]) % 7
        return 2 + mpmath.sin(shift + sum(k * x for k, x in enumerate(args, start=1)))
    if isinstance(e, SoftmaxEntry):
        index, *logits = args
        total = mpmath.fsum(mpmath.exp(z) for z in logits)
        return mpmath.exp(logits[int(index) - 1]) / total
    for cls, compute in COMPUTE.items():
        if isinstance(e, cls):
            return compute(*args)
    raise TypeError(f"no evaluation of {type(e)}")


COMPUTE = {
    Add: lambda *x: mpmath.fsum(x),
    Mul: lambda *x: mpmath.fprod(x),
    Pow: mpmath.power,
    sigmoid: lambda x: 1 / (1 + mpmath.exp(-x)),
    exp: mpmath.exp,
    log: mpmath.log,
    tanh: mpmath.tanh,
}


def gap(left, right):
    """The largest difference of two numbers or lists of them, relative to the larger or to 1."""
    ls, rs = ([x] if not isinstance(x, list) else x for x in (left, right))
    assert len(ls) == len(rs)
    return max(abs(a - b) / max(1, abs(a), abs(b)) for a, b in zip(ls, rs, strict=True))


def slope(expr, variable, point):
    """The central difference quotient of each entry, right to about 39 digits."""
    h = mpmath.mpf(10) ** (-DIGITS // 3)
    ends = [value(expr, {**point, variable: point[variable] + s * h}) for s in (1, -1)]
    upper, lower = (end if isinstance(end, list) else [end] for end in ends)
    return [(u - v) / (2 * h) for u, v in zip(upper, lower, strict=True)]


def step_gap(step, point):
    """How far the two sides of a step are apart, under the equations that it inserts."""
    given = {equation.lhs: equation.rhs for equation in step.given}
    return gap(*(value(side.xreplace(given), point) for side in (step.before, step.after)))
