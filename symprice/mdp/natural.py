"""Natural gradient and compatible features: what the Fisher metric makes of the theorem."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from sympy import Add, Eq, ImmutableDenseMatrix, Mul, S

from ..errors import NoRuleError, PolicyError
from .linear import short, solve_by_minors, solve_exactly, with_values_named
from .naming import applied, named_probabilities, with_names
from .results import Numeric, written_out
from .tables import number

__all__ = ["NaturalGradient", "natural_gradient"]

# So many variables may be solved for by Cramer's rule, where elimination takes longer than this.
_FEW, _PATIENCE = 3, 5.0


def natural_gradient(mdp: Any, evaluation: Any, wrt: Any, damping: Any) -> Any:
    """The natural gradient of a policy: of a table, of scalar variables, or through a network."""
    lam = number(damping, "the damping")
    if lam.is_negative:
        raise PolicyError(f"asked for the damping {damping}: it is positive, or 0")
    if lam.free_symbols and not evaluation.exact:
        raise PolicyError(
            f"asked for the damping {damping} of a gradient in float64: write a number"
        )
    policy = evaluation.policy
    if policy.heads:
        from .network_natural import NetworkNaturalGradient

        return NetworkNaturalGradient(mdp, evaluation, wrt, lam)
    if getattr(policy.given, "pulled_back", None) is not None:
        from .network_natural_arrays import NetworkNaturalArrays

        return NetworkNaturalArrays(mdp, evaluation, lam)
    return NaturalGradient(mdp, evaluation, wrt, lam)


class NaturalGradient(Numeric):
    """`w = F⁻¹∇J` with `F = Σ_s d(s) Σ_a π(a|s) ψ ψᵀ`, ψ = ∇log π(a|s): the weights of the
    compatible features that fit the advantages best, `A(s, a) ≈ (1 - γ) ψᵀ w`.

    Made by ``mdp.natural_gradient(policy)``. The Fisher matrix of a tabular softmax is singular:
    with ``doit()`` every state's weights are those of mean zero, `w_sa = A(s, a)/(1 - γ)` less its
    plain mean over the actions; adding a constant to all logits of a state changes nothing.

    With a damping λ it is `(F + λ)⁻¹∇J`, which exists for every policy.

    ``fisher`` and ``doit()`` are by the variables in order; of numeric logits w is S × A.

    Examples
    ========

    >>> from sympy import Rational
    >>> from symprice import BernoulliPolicy, Parameter
    >>> from symprice.mdp.process import MDP
    >>> bandit = MDP([[[1], [1]]], [[3, 1]], gamma=Rational(1, 2), actions=[1, 0])
    >>> bandit.natural_gradient(BernoulliPolicy(logit=Parameter('theta'))).doit()
    4

    References
    ==========

    S. Kakade, A natural policy gradient (2002).
    """

    def __init__(self, mdp: Any, evaluation: Any, wrt: Any = None, damping: Any = S.Zero) -> None:
        from .gradient import MDPGradient

        self.mdp, self.evaluation, self.exact = mdp, evaluation, evaluation.exact
        self.gradient = MDPGradient(mdp, evaluation, wrt)
        self.wrt = self.gradient.wrt
        if self.exact:
            evaluation.policy.by(self.wrt, "the natural gradient")
        self.damping = damping

    @property
    def is_tabular(self) -> bool:
        """Whether there is one logit for every state and action."""
        return self.evaluation.policy.is_softmax

    @cached_property
    def features(self) -> list[list[list[Any]]]:
        """ψ(s, a) = ∇log π(a|s), by state, action and variable."""
        if not self.exact:
            raise NoRuleError(
                "asked for the features of logits in float64: they are [a = b] - π(b)"
            )
        return [
            [[short(p.diff(v) / p) if p.has(v) else S.Zero for v in self.wrt] for p in row]
            for row in self.evaluation.pi
        ]

    @cached_property
    def fisher(self) -> Any:
        """Σ_s d(s) Σ_a π(a|s) ψ ψᵀ."""
        return self._fisher(self.evaluation.occupancy)

    def _fisher(self, occupancy: Any) -> Any:
        e, psi = self.evaluation, self.features
        size = range(len(self.wrt))
        return ImmutableDenseMatrix(
            [
                [
                    short(
                        Add(
                            *(
                                Mul(occupancy[s], p, f[i], f[j])
                                for s in e.alive
                                for p, f in zip(e.pi[s], psi[s], strict=True)
                            )
                        )
                    )
                    for j in size
                ]
                for i in size
            ]
        )

    @cached_property
    def table(self) -> Any:
        """Of a tabular softmax: (A(s, a) - mean over the actions)/(1 - γ), S × A; in float64 with
        a damping the same of (F + λ)⁻¹∇J.
        """
        e = self.evaluation
        if not self.exact:
            import numpy as np

            if self.damping != 0:
                blocks = e.pi[:, :, None] * (np.eye(e.pi.shape[1]) - e.pi[:, None, :])
                blocks = e.occupancy[:, None, None] * blocks
                blocks = blocks + float(self.damping) * np.eye(e.pi.shape[1])
                return np.linalg.solve(blocks, self.gradient.table[:, :, None])[:, :, 0]
            have = np.ones(e.A.shape)
            for s, a in e.shape.absent:
                have[s, a] = 0
            mean = (e.A * have).sum(axis=1, keepdims=True) / have.sum(axis=1, keepdims=True)
            centred = (e.A - mean) * have
            scale = 1.0 if e.gamma == 1 else 1 / (1 - e.gamma)
            return np.where((e.visits > 0)[:, None], scale * centred, 0.0)
        rows = []
        for s, (row, n) in enumerate(zip(e.A, e.visits, strict=True)):
            have = e.shape.choices(s)
            mean = Add(*(row[a] for a in have)) / len(have)
            rows.append(
                [
                    S.Zero
                    if n == 0 or a not in have
                    else short(self.mdp.horizon_factor * (x - mean))
                    for a, x in enumerate(row)
                ]
            )
        return ImmutableDenseMatrix(rows)

    @property
    def _damped(self) -> Any:
        """F + λ."""
        size = len(self.wrt)
        return self.fisher + self.damping * ImmutableDenseMatrix.eye(size)

    @cached_property
    def _weights(self) -> list[Any]:
        if self.is_tabular and self.damping == 0:
            flat = self.table
            return [flat[self.gradient._place(v)] for v in self.wrt]
        # Occupancies and slopes go by names: as fractions they would make the elimination long.
        d, named = with_values_named(self.evaluation.occupancy, "d")
        g, slopes = with_values_named(self.gradient._entries, "g")
        size = len(self.wrt)
        left = self._fisher(d) + self.damping * ImmutableDenseMatrix.eye(size)
        few = size <= _FEW
        try:
            found = solve_exactly(left.tolist(), [[x] for x in g], *([_PATIENCE] if few else []))
        except NoRuleError:
            solved = solve_by_minors(left, g) if few else None
            if solved is None:
                raise
            return [x.xreplace({**named, **slopes}) for x in solved]
        except Exception as error:
            if "invert" not in type(error).__name__.lower():
                raise
            raise NoRuleError(
                "asked for the natural gradient of a policy whose Fisher matrix is singular: some "
                "direction of the parameters does not move the policy; name fewer, wrt=[...], or "
                "write damping="
            ) from error
        return [short(x.xreplace({**named, **slopes})) for (x,) in found]

    def doit(self, **hints: Any) -> Any:
        """w: a scalar, a column by the variables, or S × A in float64."""
        if not self.exact:
            return self.table
        found = self._weights
        return found[0] if len(found) == 1 else ImmutableDenseMatrix(len(found), 1, found)

    def fit(self, state: Any, action: Any) -> Any:
        """(1 - γ) ψ(s, a)ᵀ w, what the compatible features make of the advantage."""
        s, a = self.mdp.states.index(state), self.mdp.actions.index(action)
        scale = S.One if self.mdp.gamma == 1 else 1 - self.mdp.gamma
        psi = self.features[s][a]
        return short(scale * Add(*(f * w for f, w in zip(psi, self._weights, strict=True))))

    _title = "natural gradient of J"

    @property
    def _equations(self) -> Any:
        """A line for the weight of each variable."""
        if not self.exact or len(self.wrt) == 1:
            return None
        names = named_probabilities(self.evaluation)
        return [
            Eq(applied("w", v), with_names(x, names), evaluate=False)
            for v, x in zip(self.wrt, self._weights, strict=True)
        ]

    def _formula(self) -> Any:
        if not self.exact:
            written_out(self.table)
            return ImmutableDenseMatrix(self.table)
        return with_names(self.doit(), named_probabilities(self.evaluation))

    def _check_items(self) -> list[tuple[str, Any, Any]]:
        """F w = ∇J, where F is not that of the formula but the sum of outer products."""
        if not self.exact:
            from .balances import worst

            e = self.evaluation
            w, pi = self.table, e.pi
            # F w, state by state: d π ∘ (w - πᵀw).
            moved = e.occupancy[:, None] * pi * (w - (pi * w).sum(axis=1, keepdims=True))
            moved = moved + float(self.damping) * w
            return [worst("F w = ∇J", self.gradient.table, moved)]
        product = self._damped * ImmutableDenseMatrix(len(self.wrt), 1, self._weights)
        return [
            (f"(F w) of {v} = ∂J/∂{v}", g, x)
            for v, g, x in zip(self.wrt, self.gradient._entries, product, strict=True)
        ]
