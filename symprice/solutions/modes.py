"""Deep linear networks: the strength of each mode of `W_N ⋯ W_1` in training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sympy import (
    Derivative,
    Eq,
    Expr,
    ImmutableDenseMatrix,
    Mul,
    Rational,
    Sum,
    Symbol,
    diag,
    symbols,
)
from sympy.core.sympify import _sympify

from ..counts import is_count
from ..derivation import Rule, Step
from ..errors import ShapeError
from ..symbols import Parameter
from ..tangent.covariance import NTCov
from .flow_solution import FlowSolution
from .flows import solve_flow
from .signs import tidied
from .solved import Solved

__all__ = ["linear_network_flow", "mode_strength"]


class BalancedLayers(Rule):
    """Of balanced layers every one has the same part of a mode, a^{1/N}: aᵢ² - aⱼ² is conserved."""


class ModesOfTheNetwork(Rule):
    """dW/dt = [W₂W₂ᵀ(Σ - W) + (Σ - W)W₁ᵀW₁]/τ with W = U diag(a) Vᵀ, W₂W₂ᵀ = U diag(a) Uᵀ."""


def mode_strength(s: Any, a0: Any, *, depth: Any = 2, tau: Any = 1, t: Any = None) -> FlowSolution:
    """The strength a(t) of a mode of a deep linear network with balanced layers.

    The loss of the mode is `½ (s - d_N ⋯ d_1)²`; balanced layers stay so, because `d_i² - d_j²` is
    conserved, and `τ da/dt = N a^{2-2/N} (s - a)`. With two layers
    `a = s e^{2st/τ}/(e^{2st/τ} - 1 + s/a₀)`.

    Parameters
    ==========

    s : the strength of the mode in the data, a singular value.
    a0 : the strength at time 0, positive.
    depth : the number of layers, N; a symbol too.
    tau : the time constant, one over the learning rate.
    t : the symbol of time.

    Returns a FlowSolution in the variable ``a``.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice.solutions.modes import mode_strength
    >>> s, a0, tau, t = symbols('s a0 tau t', positive=True)
    >>> found = mode_strength(s, a0, tau=tau, t=t)
    >>> (strength,) = found.solution.values()
    >>> strength
    a0*s*exp(2*s*t/tau)/(a0*exp(2*s*t/tau) - a0 + s)

    References
    ==========

    A. M. Saxe, J. L. McClelland, S. Ganguli, Exact solutions to the nonlinear dynamics of learning
    in deep linear neural networks, ICLR 2014.
    """
    symbolic = isinstance(depth, Expr) and not depth.is_number
    if not (is_count(depth) or (symbolic and depth.is_integer and depth.is_positive)):
        raise ShapeError(
            f"asked for a mode of a network with {depth} layers: write 1 or more, "
            "or a symbol that is a positive integer"
        )
    s, a0, tau = _sympify(s), _sympify(a0), _sympify(tau)
    if a0.is_nonpositive:
        raise ShapeError(
            f"asked for a mode of balanced layers that starts at {a0}: it is positive (at 0 it "
            "stays)"
        )
    a = Symbol("a", positive=True)
    unfolded, given = _motion(s, a, depth, symbolic)
    rate = unfolded.doit() if symbolic else tidied(unfolded.subs(dict(given), simultaneous=True))
    time = Symbol("t") if t is None else _sympify(t)
    found = solve_flow({a: rate}, {a: a0}, t=time, eta=1 / tau)
    known = [Eq(d, value, evaluate=False) for d, value in given]
    first = Step(BalancedLayers(), unfolded, rate, known)
    system, pairs, form, method, steps, shown, domain = found.args
    return FlowSolution(system, pairs, form, method, (first, *steps), shown, domain)


def _motion(s: Any, a: Any, depth: Any, symbolic: bool) -> tuple[Any, list[tuple[Any, Any]]]:
    """The rate of the product in terms of the layers, and what each layer is."""
    if symbolic:  # ∂a/∂dᵢ = a/dᵢ, the same for every layer
        i = Symbol("i", integer=True, positive=True)
        return Sum(a ** (2 - 2 / depth) * (s - a), (i, 1, depth)), []
    layers = symbols(f"d1:{depth + 1}", cls=Parameter, positive=True)
    product = Mul(*layers)
    motion = NTCov(product, -((s - product) ** 2) / 2)
    return motion.doit(), [(d, a ** Rational(1, depth)) for d in layers]


def linear_network_flow(
    U: Any, s: Sequence[Any], V: Any, a0: Sequence[Any], *, tau: Any = 1, t: Any = None
) -> Solved:
    """The matrix `W₂W₁` of a linear network of two layers in training on whitened inputs.

    The correlations of outputs and inputs are `Σ = U diag(s) Vᵀ`; layers that start balanced and
    in these modes stay so, `W(t) = U diag(a(t)) Vᵀ`.

    Parameters
    ==========

    U, V : explicit matrices with orthonormal columns.
    s, a0 : for each column the singular value, and the strength at time 0.
    tau, t : the time constant, and the symbol of time.

    Raises
    ======

    ShapeError : where the columns are not orthonormal, or numbers of columns differ.

    Examples
    ========

    >>> from sympy import eye, symbols
    >>> from symprice.solutions.modes import linear_network_flow
    >>> t = symbols('t', positive=True)
    >>> W = linear_network_flow(eye(2), [2, 1], eye(2), [1, 1], t=t).value
    >>> W[1, 1], W[0, 0].subs(t, 0)
    (1, 1)
    """
    U, V = ImmutableDenseMatrix(U), ImmutableDenseMatrix(V)
    if not len(s) == len(a0) == U.cols == V.cols:
        raise ShapeError(
            f"asked for a linear network with {len(s)} singular values, {len(a0)} strengths and "
            f"{U.cols} and {V.cols} modes: write one of each for every mode"
        )
    for name, matrix in (("U", U), ("V", V)):
        if (matrix.T * matrix).applyfunc(tidied) != diag(*([1] * matrix.cols)):
            raise ShapeError(
                f"asked for a linear network with {name} = {matrix}, whose columns "
                "are not orthonormal"
            )
    time = Symbol("t", positive=True) if t is None else _sympify(t)
    tau = _sympify(tau)
    strengths = []
    for singular, start in zip(s, a0, strict=True):
        (strength,) = mode_strength(singular, start, tau=tau, t=time).solution.values()
        strengths.append(strength)
    W = U * diag(*strengths) * V.T
    rest = U * diag(*map(_sympify, s)) * V.T - W
    motion = (U * diag(*strengths) * U.T * rest + rest * V * diag(*strengths) * V.T) / tau
    steps = [
        Step(ModesOfTheNetwork(), Derivative(W[i, j], time, evaluate=False), motion[i, j])
        for i in range(W.rows)
        for j in range(W.cols)
        if W[i, j].has(time)
    ]
    start = U * diag(*map(_sympify, a0)) * V.T
    steps += [
        Step(ModesOfTheNetwork(), W[i, j].subs(time, 0), start[i, j])
        for i in range(W.rows)
        for j in range(W.cols)
        if W[i, j] != 0
    ]
    return Solved(ImmutableDenseMatrix(W), steps)
