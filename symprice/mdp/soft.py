"""Entropy-regularised processes: every step also earns `τ H(π(·|s))`.

The bonus is a reward `-τ log π(a|s)`. Its own derivative has mean zero, so the policy-gradient
theorem holds as it stands, with `Q(s, a) = r(s, a) - τ log π(a|s) + γ Σ p V(s')`.
"""

from __future__ import annotations

import copy
from typing import Any

from sympy import Expr, log

from ..errors import NoRuleError, PolicyError
from .tables import Exact, Shape, number

__all__ = ["soft_optimum", "softened", "with_bonus"]

ROUNDS = 200


def softened(mdp: Any, temperature: Any) -> Any:
    """The process with the bonus; its values and gradients are the soft ones.

    Examples
    ========

    >>> from sympy import Rational
    >>> from symprice.mdp.process import MDP
    >>> bandit = MDP([[[1], [1]]], [[0, 0]], gamma=Rational(1, 2)).soft(1)
    >>> bandit.objective([[Rational(1, 2), Rational(1, 2)]]).doit()
    2*log(2)
    """
    tau: Expr = number(temperature, "the temperature")
    if tau.is_negative:
        raise PolicyError(f"asked for the temperature {temperature}: it is positive, or 0")
    made = copy.copy(mdp)
    for name in ("free_symbols", "is_float", "_fractions"):
        made.__dict__.pop(name, None)
    made.temperature = tau
    return made


def with_bonus(tables: Exact, shape: Shape, pi: Any, temperature: Any) -> Exact:
    """The tables with `r(s, a) - τ log π(a|s)`; an action that is never taken has no bonus."""
    rewards = [
        [
            r if s in shape.terminal or p == 0 else r - temperature * log(p)
            for r, p in zip(rs, ps, strict=True)
        ]
        for s, (rs, ps) in enumerate(zip(tables.rewards, pi, strict=True))
    ]
    return tables._replace(rewards=rewards)


def soft_optimum(mdp: Any) -> Any:
    """(π, V) in float64 of the best policy, by improving it until it stays.

    Each round evaluates π exactly and takes `π ∝ exp(Q/τ)` with the plain Q, which is Newton's
    method on the soft Bellman equation.
    """
    import numpy as np
    from scipy.special import logsumexp

    from .evaluation import SparseEvaluation
    from .policies import StatePolicy

    tau = mdp.temperature
    if mdp.free_symbols or not tau > 0:
        raise NoRuleError(
            "asked for the soft optimum of a process with symbols, or without a temperature: write "
            "mdp.soft(0.1).soft_optimum() for a process in numbers"
        )
    tau, tables = float(tau), mdp._sparse
    pi = np.full((len(mdp.states), len(mdp.actions)), 1.0)
    absent: Any = tuple(zip(*sorted(mdp._shape.absent), strict=True)) or ([], [])
    pi[absent] = 0
    pi /= pi.sum(axis=1, keepdims=True)
    for _ in range(ROUNDS):
        read = StatePolicy(pi, pi, True, ())
        e = SparseEvaluation(mdp._shape, tables, float(mdp.gamma), mdp.rho, read, pi, tau)
        Q = tables.rewards + e.gamma * (tables.moves @ e.V).reshape(pi.shape)
        Q[absent] = -np.inf
        V = tau * logsumexp(Q / tau, axis=1)
        new = np.exp((Q - V[:, None]) / tau)
        # Newton's method doubles the digits: the round after a small change is exact.
        if np.abs(new - pi).max() < 1e-13:
            return new, np.where(e.alive, V, 0.0)
        pi = new
    raise NoRuleError(f"asked for the soft optimum, which did not settle in {ROUNDS} rounds")
