"""Finite horizons by enumeration: every course of an episode with its probability.

Means and variances of gradient estimators come out exactly, with nothing sampled.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, NamedTuple

from sympy import Add, Derivative, Eq, Function, ImmutableDenseMatrix, S, Symbol

from ..counts import is_count
from ..errors import NoRuleError, PolicyError
from ..symbols import Name
from .estimates import mean_along, read_baseline, read_kind, slope_by, weights_of
from .linear import short
from .naming import applied, names_of, with_names
from .network_gradient import LogitSlope, paired, scores_of
from .policies import read_policy
from .results import Numeric

__all__ = ["Course", "HorizonGradient", "Trajectories"]

# Courses of an episode; beyond, sampling is the tool.
MOST = 20_000


class Course(NamedTuple):
    """What happens in an episode: its probability, and places of states and actions, rewards."""

    probability: Any
    states: tuple[int, ...]
    actions: tuple[int, ...]
    rewards: tuple[Any, ...]


class Trajectories:
    """All courses of the first T steps under a policy; episodes that end are shorter.

    Made by ``mdp.trajectories(policy, T)``. Where rewards were given by the next state as well, or
    read from an environment, they are those of the transition, else r(s, a).

    Examples
    ========

    >>> from sympy import Rational
    >>> from symprice import BernoulliPolicy, Parameter
    >>> from symprice.mdp.process import MDP
    >>> bandit = MDP([[[1], [1]]], [[3, 1]], gamma=1, actions=[1, 0])
    >>> T = bandit.trajectories(BernoulliPolicy(logit=Parameter('theta')), 2)
    >>> len(T), T.objective
    (4, 2*(2*sigmoid(theta) + 1))
    >>> T.gradient('to_go').mean
    4*(1 - sigmoid(theta))*sigmoid(theta)
    """

    def __init__(self, mdp: Any, policy: Any, horizon: int) -> None:
        if not is_count(horizon):
            raise PolicyError(f"asked for a horizon of {horizon!r} steps: write 1, 2, …")
        read = read_policy(policy, mdp._shape)
        if read.numeric or mdp.is_float or mdp.temperature != 0:
            raise NoRuleError(
                "asked to enumerate in float64, or with an entropy bonus: write mdp.rational() and "
                "a policy in fractions or symbols"
            )
        self.mdp, self.policy, self.horizon = mdp, read, horizon
        self.courses = self._enumerated()

    def __len__(self) -> int:
        return len(self.courses)

    def __repr__(self) -> str:
        return f"Trajectories(<{len(self.courses)} courses of up to {self.horizon} steps>)"

    def outcomes(self, s: int, a: int) -> list[tuple[Any, int | None, Any]]:
        """(probability, next state or None for the end, reward) after an action."""
        mdp = self.mdp
        if mdp._outcomes is not None:
            return mdp._outcomes[s, a]
        tables, by_next = mdp.tables, mdp.by_next or {}
        given = by_next.get((s, a))
        found: list[tuple[Any, int | None, Any]] = [
            (p, t, tables.rewards[s][a] if given is None else given.get(t, S.Zero))
            for t, p in tables.moves[s][a].items()
        ]
        if tables.ends[s][a] != 0:
            found.append(
                (tables.ends[s][a], None, tables.rewards[s][a] if given is None else S.Zero)
            )
        return found

    def _enumerated(self) -> list[Course]:
        over: list[Course] = []
        running = [Course(p, (s,), (), ()) for s, p in enumerate(self.mdp.rho) if p != 0]
        for _ in range(self.horizon):
            longer: list[Course] = []
            for course in running:
                s = course.states[-1]
                if s in self.mdp._shape.terminal:
                    over.append(course)
                    continue
                for a, p in enumerate(self.policy.rows[s]):
                    if p == 0:
                        continue
                    for q, t, r in self.outcomes(s, a):
                        states = course.states if t is None else (*course.states, t)
                        new = Course(
                            course.probability * p * q,
                            states,
                            (*course.actions, a),
                            (*course.rewards, r),
                        )
                        (over if t is None else longer).append(new)
            if len(longer) + len(over) > MOST:
                raise NoRuleError(
                    f"asked for more than {MOST} courses of an episode: shorten the horizon, or "
                    "run episodes and average"
                )
            running = longer
        return over + running

    @cached_property
    def objective(self) -> Any:
        """E Σ_{t<T} γᵗ r_t."""
        return short(Add(*(c.probability * Add(*self._discounted(c)) for c in self.courses)))

    def _discounted(self, course: Course) -> list[Any]:
        return [self.mdp.gamma**t * r for t, r in enumerate(course.rewards)]

    def value(self, steps: int | None = None) -> list[Any]:
        """V_T(s) by going backwards: `V_0 = 0`, `V_k = r_π + γ P_π V_{k-1}`; no enumeration."""
        count = len(self.mdp.states)
        V: list[Any] = [S.Zero] * count
        for _ in range(self.horizon if steps is None else steps):
            V = [
                S.Zero
                if s in self.mdp._shape.terminal
                else Add(
                    *(
                        p
                        * (
                            self.mdp.tables.rewards[s][a]
                            + self.mdp.gamma
                            * Add(*(q * V[t] for t, q in self.mdp.tables.moves[s][a].items()))
                        )
                        for a, p in enumerate(self.policy.rows[s])
                    )
                )
                for s in range(count)
            ]
        return V

    def gradient(
        self, kind: str = "to_go", baseline: Any = None, wrt: Any = None, lam: Any = None
    ) -> Any:
        """The estimator of an episode, its mean and its variance; see ``HorizonGradient``."""
        return HorizonGradient(self, kind, baseline, wrt, lam)


class HorizonGradient(Numeric):
    """The estimate of ∇J from one episode, `Σ_t ∇log π(a_t|s_t) w_t`, with exact mean and variance.

    Parameters
    ==========

    kind : the weights w_t of the steps.
        'return': `G - b(s_t, T-t)`, with the return of the whole episode `G = Σ_k γᵏ r_k` (Williams
        1992); b is subtracted as it is, because every step is weighed by the return of the start.
        'to_go': `γᵗ (G_t - b(s_t, T-t))`, with the return from there, `G_t = Σ_{k≥t} γᵏ⁻ᵗ r_k`
        (Sutton and Barto 2018, 13.4, whose γᵗ many programs drop: then the mean is no gradient).
        'gae': `γᵗ Σ_{k≥t} (γλ)ᵏ⁻ᵗ δ_k`, `δ_k = r_k + γ v(s_{k+1}) - v(s_k)`, with ``lam=λ`` and the
        baseline as v, also where the horizon cuts the episode (0 steps left); where it ends v is 0
        (Schulman et al. 2016). With λ = 1 and v = 0 at the horizon it is 'to_go' with b = v.
    baseline : None; a number; {state: b}; a function of (state, steps left); 'value', the true
        values `V_{T-t}(s)`; or 'optimal', the number of least total variance.

    ``mean`` and ``variance`` are exact (of 'gae' the mean is ∇J only with the true values, or with
    λ = 1 and v = 0 at the horizon): a scalar by one variable, columns by several. Through a
    network of matrices the estimator is `Σ X ∇z` over the logits z of all states, with random X:
    ``mean`` is a ``NetworkDirection``, ``variance`` the whole one, `Σ Cov(X, X') NTCov(z, z')`, and
    ``variance_along(P)`` that of the speed which the estimate gives to a property.

    Examples
    ========

    >>> from symprice import BernoulliPolicy, Parameter
    >>> from symprice.mdp.process import MDP
    >>> theta = Parameter('theta')
    >>> bandit = MDP([[[1], [1]]], [[3, 1]], gamma=1, actions=[1, 0])
    >>> T = bandit.trajectories(BernoulliPolicy(logit=theta), 1)
    >>> T.gradient().variance.subs(theta, 0), T.gradient(baseline=2).variance.subs(theta, 0)
    (1, 0)
    """

    def __init__(
        self, trajectories: Trajectories, kind: str, baseline: Any, wrt: Any, lam: Any = None
    ) -> None:
        self.trajectories, self.kind, self.lam = trajectories, kind, read_kind(kind, lam)
        self.wrt = trajectories.policy.by(wrt, "an estimate of the gradient")
        self.given_baseline = baseline
        _ = self.baseline

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k != "baseline"}

    @cached_property
    def baseline(self) -> Callable[[int, int], Any]:
        """b(s, steps left), from the place of a state."""
        return read_baseline(self)

    @cached_property
    def _logits(self) -> list[Any]:
        """(label, logit, state, scores by action), of a network of matrices; else nothing."""
        T = self.trajectories
        if not T.policy.heads:
            return []
        return scores_of(T.mdp._shape, T.policy, T.policy.rows)

    @cached_property
    def _scores(self) -> list[dict[tuple[int, int], Any]]:
        """{(s, a): ∂log π(a|s)} by each variable or logit."""
        if self._logits:
            return [
                {(s, a): x for a, x in enumerate(column) if x != 0}
                for _, _, s, column in self._logits
            ]
        return [
            {
                (s, a): short(p.diff(v) / p)
                for s, row in enumerate(self.trajectories.policy.rows)
                for a, p in enumerate(row)
                if p.has(v)
            }
            for v in self.wrt
        ]

    @cached_property
    def _samples(self) -> list[tuple[Any, list[Any]]]:
        """(probability, the estimate by each variable or logit) of every course."""
        T, gamma = self.trajectories, self.trajectories.mdp.gamma
        scores = self._scores
        found = []
        for course in T.courses:
            values = self._values(course)
            weights = weights_of(self.kind, course.rewards, values, gamma, self.lam)
            estimates = [
                Add(
                    *(
                        column.get((s, a), S.Zero) * w
                        for s, a, w in zip(course.states, course.actions, weights, strict=False)
                    )
                )
                for column in scores
            ]
            found.append((course.probability, estimates))
        return found

    def _values(self, course: Course) -> list[Any]:
        """The baseline at each step; of advantage estimates also where the episode is cut."""
        T, taken = self.trajectories, len(course.actions)
        found = [self.baseline(s, T.horizon - t) for t, s in enumerate(course.states[:taken])]
        if self.kind == "gae":
            last = course.states[taken] if len(course.states) > taken else None
            cut = last is not None and last not in T.mdp._shape.terminal
            found.append(self.baseline(last or 0, T.horizon - taken) if cut else S.Zero)
        return found

    def _along(self, slope: Callable[[Any], Any]) -> Any:
        return mean_along(self.trajectories, self.baseline, self.lam, slope)

    def _moved(self, prop: Any) -> Any:
        return self._along(lambda p: paired(p, prop))

    def _stacked(self, entries: list[Any]) -> Any:
        return entries[0] if len(entries) == 1 else ImmutableDenseMatrix(len(entries), 1, entries)

    @cached_property
    def _means(self) -> list[Any]:
        return [
            short(Add(*(p * xs[i] for p, xs in self._samples))) for i in range(len(self._scores))
        ]

    @property
    def mean(self) -> Any:
        """The expectation: ∇J_T for either kind, and every baseline."""
        if self._logits:
            from .network_direction import NetworkDirection

            T = self.trajectories
            slopes = [
                LogitSlope(label, z, x)
                for (label, z, *_), x in zip(self._logits, self._means, strict=True)
            ]
            J = Add(*(p * v for p, v in zip(T.mdp.rho, T.value(), strict=True)))
            moved = self._moved if self.kind == "gae" else J
            return NetworkDirection(T.mdp._shape, T.policy.rows, slopes, self.wrt, moved)
        return self._stacked(self._means)

    @cached_property
    def variance(self) -> Any:
        """The variance of the estimate of one episode, by each variable; the sum over all
        parameters, of a network of matrices.
        """
        if self._logits:
            return self._spread(paired)
        return self._stacked([self._joint(i, i) for i in range(len(self.wrt))])

    def variance_along(self, prop: Any) -> Any:
        """The variance of `⟨∇P, estimate⟩`: how much chance there is in how a property moves.

        Raises
        ======

        NoRuleError : for a policy of scalar variables, whose ``variance`` is by each of them.
        """
        if not self._logits:
            raise NoRuleError(
                "asked for the variance along a property of a policy of scalar variables: write "
                ".variance, or put the logits of a network of matrices into the policy"
            )
        return self._spread(lambda z, y: paired(z, prop) * paired(y, prop))

    def _joint(self, i: int, j: int) -> Any:
        """The covariance of two entries of the estimate."""
        mean = Add(*(p * xs[i] * xs[j] for p, xs in self._samples))
        return short(mean - self._means[i] * self._means[j])

    def _spread(self, pair: Callable[[Any, Any], Any]) -> Any:
        """Σ Cov(X, X') pair(z, z') over pairs of logits, where the covariances are defined."""
        from .network_direction import in_logits

        T, terms, named = self.trajectories, [], {}
        for i, (label, z, *_) in enumerate(self._logits):
            for j, (other, y, *_) in enumerate(self._logits[: i + 1]):
                if (both := pair(y, z)) == 0 or (value := self._joint(i, j)) == 0:
                    continue
                name = Name(f"C_{other}_{label}")
                named[name] = value
                terms.append((1 if i == j else 2) * name * both)
        return in_logits(T.mdp._shape, T.policy.rows, Add(*terms), named)

    def doit(self, **hints: Any) -> Any:
        """The mean."""
        return self._formula()

    def __repr__(self) -> str:
        return repr(self.mean) if self._logits else super().__repr__()

    _title = "mean gradient of finitely many steps"

    @property
    def _equations(self) -> Any:
        """A line for each variable."""
        if self._logits:
            return self.mean._equations
        names = names_of(self.trajectories.mdp._shape, self.trajectories.policy.rows)
        J = Symbol("J") if len(self.wrt) == 1 else Function("J")(*self.wrt)
        return [
            Eq(
                applied("g", v) if self.kind == "gae" else Derivative(J, v, evaluate=False),
                with_names(x, names),
                evaluate=False,
            )
            for v, x in zip(self.wrt, self._means, strict=True)
        ]

    def _formula(self) -> Any:
        return self.mean.doit() if self._logits else self.mean

    def _check_items(self) -> list[tuple[str, Any, Any]]:
        """The mean is the derivative of J_T, which goes backwards in time without courses."""
        T = self.trajectories
        J = Add(*(p * v for p, v in zip(T.mdp.rho, T.value(), strict=True)))
        items: list[tuple[str, Any, Any]] = [
            ("probabilities sum to one", Add(*(c.probability for c in T.courses)), S.One),
            ("J_T", J, T.objective),
        ]
        if self._logits:
            return items + self.mean._check_items()
        for v, mean in zip(self.wrt, self._means, strict=True):
            if self.kind == "gae":
                items.append((f"mean by {v}", self._along(slope_by(v)), mean))
            else:
                items.append((f"∂J_T/∂{v}", Derivative(J, v, evaluate=False), mean))
        return items
