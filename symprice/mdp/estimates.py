"""What weighs the score of an action in an episode: returns, rewards to go, advantage estimates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from sympy import Add, Derivative, S

from ..errors import NoRuleError, PolicyError
from ..policy.arguments import action_label
from .linear import short
from .tables import number

__all__ = ["KINDS", "mean_along", "read_baseline", "read_kind", "slope_by", "weights_of"]

KINDS = ("return", "to_go", "gae")


def read_kind(kind: Any, lam: Any) -> Any:
    """λ of advantage estimates, None of the other kinds; or an error."""
    if kind not in KINDS:
        raise PolicyError(f"asked for the estimator {kind!r}: write {', '.join(map(repr, KINDS))}")
    if (kind == "gae") != (lam is not None):
        raise PolicyError(
            f"asked for the estimator {kind!r} with lam={lam}: write gradient('gae', values, "
            "lam=...), and no lam with the others"
        )
    if lam is None:
        return None
    found = number(lam, "the factor lambda")
    if found.is_negative or (found - 1).is_positive:
        raise PolicyError(f"asked for lambda = {lam}: it lies in [0, 1]")
    return found


def read_baseline(estimate: Any) -> Callable[[int, int], Any]:
    """b(s, steps left) from what was given as the baseline of a ``HorizonGradient``."""
    baseline, T = estimate.given_baseline, estimate.trajectories
    states = T.mdp.states
    if baseline is None:
        return lambda s, left: S.Zero
    if isinstance(baseline, str):
        if baseline == "value":
            values = cache(T.value)
            return lambda s, left: values(left)[s]
        best = _of_least_variance(estimate)
        return lambda s, left: best
    if isinstance(baseline, Mapping):
        table = {action_label(s): number(b, "a baseline") for s, b in baseline.items()}
        missing = [s for s in states if s not in table and s not in T.mdp.terminal]
        if missing:
            raise PolicyError(f"received no baseline for state {missing[0]}")
        return lambda s, left: table[states[s]]
    if callable(baseline):
        return lambda s, left: number(baseline(states[s], left), "a baseline")
    value = number(baseline, "a baseline")
    return lambda s, left: value


def _of_least_variance(estimate: Any) -> Any:
    """`Σ_i E[X_i Y_i]/Σ_i E[Y_i²]` of an estimate `X - b Y`, where `E[Y] = 0`."""
    if estimate.given_baseline != "optimal" or estimate.kind == "gae":
        raise PolicyError(
            f"asked for the baseline {estimate.given_baseline!r} of the estimator "
            f"{estimate.kind!r}: write 'value', or 'optimal' with 'return' and 'to_go', a number, "
            "{state: b} or a function of (state, steps left)"
        )
    if estimate.trajectories.policy.heads:
        raise NoRuleError(
            "asked for the optimal baseline through a network of matrices, which depends on all "
            "of its covariances: write 'value', or a number"
        )
    without, less = (
        type(estimate)(estimate.trajectories, estimate.kind, b, estimate.wrt)._samples
        for b in (None, S.One)
    )
    above, below = [], []
    for (p, xs), (_, ys) in zip(without, less, strict=True):
        for x, y in zip(xs, ys, strict=True):
            above.append(p * x * (x - y))
            below.append(p * (x - y) ** 2)
    return short(Add(*above) / Add(*below))


def weights_of(kind: str, rewards: Any, values: list[Any], gamma: Any, lam: Any) -> list[Any]:
    """The weight of each step of an episode; ``values`` has one more, where the episode is cut.

    `G - b` of the whole return G, `Σ_{k≥t} γᵏ r_k - γᵗ b_t` of rewards to go, and of advantage
    estimates `γᵗ Σ_k (γλ)ᵏ δ_{t+k}` with `δ_t = r_t + γ v_{t+1} - v_t`.
    """
    steps = range(len(rewards))
    if kind == "gae":
        found, later = [], S.Zero
        for t in reversed(steps):
            later = rewards[t] + gamma * values[t + 1] - values[t] + gamma * lam * later
            found.append(gamma**t * later)
        return found[::-1]
    paid = [gamma**t * r for t, r in enumerate(rewards)]
    if kind == "return":
        return [Add(*paid) - values[t] for t in steps]
    return [Add(*paid[t:]) - gamma**t * values[t] for t in steps]


def mean_along(trajectories: Any, value: Any, lam: Any, slope: Callable[[Any], Any]) -> Any:
    """Σ W(s, a) ∂π(a|s), with the mean weights W of advantage estimates."""
    pairs = zip(_mean_weights(trajectories, value, lam), trajectories.policy.rows, strict=True)
    moving = [(w, p) for ws, ps in pairs for w, p in zip(ws, ps, strict=True) if p.free_symbols]
    return Add(*(w * slope(p) for w, p in moving))


def slope_by(variable: Any) -> Callable[[Any], Any]:
    """∂π/∂v, not carried out."""
    return lambda p: Derivative(p, variable)


def _mean_weights(trajectories: Any, value: Any, lam: Any) -> list[list[Any]]:
    """`Σ_t γᵗ P(S_t = s) A_t(s, a)` of advantage estimates A, by recursion in time: no courses."""
    T, mdp = trajectories, trajectories.mdp
    gamma, rows, terminal = mdp.gamma, trajectories.policy.rows, mdp._shape.terminal
    places = range(len(mdp.states))
    none = [[S.Zero] * len(row) for row in rows]
    ahead = [none]  # by the steps that are left
    for left in range(1, T.horizon + 1):
        now = [list(row) for row in none]
        for s in places:
            for a, _ in enumerate(rows[s] if s not in terminal else ()):
                for q, t, r in T.outcomes(s, a):
                    following = S.Zero
                    if t is not None and t not in terminal:
                        later = Add(*(p * x for p, x in zip(rows[t], ahead[-1][t], strict=True)))
                        following = gamma * (value(t, left - 1) + lam * later)
                    now[s][a] += q * (r + following - value(s, left))
        ahead.append(now)
    found, here = [list(row) for row in none], list(mdp.rho)
    for step in range(T.horizon):
        after = [S.Zero] * len(here)
        for s in places:
            for a, p in enumerate(rows[s] if s not in terminal else ()):
                found[s][a] += gamma**step * here[s] * ahead[T.horizon - step][s][a]
                for q, t, _ in T.outcomes(s, a) if p != 0 else ():
                    if t is not None:
                        after[t] += here[s] * p * q
        here = after
    return found
