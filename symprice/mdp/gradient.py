"""The gradient of the objective by the policy-gradient theorem: its closed form and derivation."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from sympy import Add, Derivative, Eq, Function, ImmutableDenseMatrix, Mul, Symbol, Tuple

from ..derivation import Derivation
from ..errors import NoRuleError, PolicyError
from ..policy.arguments import listed
from ..symbols import Observable, ParameterMatrix
from ..tangent.gradient import Nabla
from .linear import product, short
from .naming import named_probabilities, with_names
from .results import LONGEST, Numeric, summary

__all__ = ["MDPGradient"]


class MDPGradient(Numeric):
    """`∂J/∂θ = Σ_s η(s) Σ_a Q(s, a) ∂π(a|s)/∂θ` with `η = d/(1 - γ)`; of a tabular softmax policy
    `∂J/∂θ_sa = d(s) π(a|s) A(s, a)/(1 - γ)`.

    Made by ``mdp.gradient(policy)``. ``doit()`` is a scalar by one variable and a column by
    several; ``table`` is S × A, for a tabular softmax policy.

    Examples
    ========

    >>> from sympy import Rational
    >>> from symprice import BernoulliPolicy, Parameter
    >>> from symprice.mdp.process import MDP
    >>> bandit = MDP([[[1], [1]]], [[3, 1]], gamma=Rational(1, 2), actions=[1, 0])
    >>> G = bandit.gradient(BernoulliPolicy(logit=Parameter('theta')))
    >>> G.doit()
    4*(1 - sigmoid(theta))*sigmoid(theta)
    >>> print([rule.name for rule in G.derivation.rules][1:4])
    ['derivative of the Bellman equation', 'slope of the actions', 'unrolled once']

    References
    ==========

    R. S. Sutton, D. McAllester, S. Singh and Y. Mansour, Policy gradient methods for reinforcement
    learning with function approximation (2000).
    """

    def __init__(self, mdp: Any, evaluation: Any, wrt: Any = None) -> None:
        self.mdp, self.evaluation, self.exact = mdp, evaluation, evaluation.exact
        policy = evaluation.policy
        if wrt is None:
            self.wrt = tuple(policy.variables)
        else:
            entries = None if isinstance(wrt, ParameterMatrix) else listed(wrt, "variables")
            self.wrt = (wrt,) if entries is None else tuple(entries)
        for v in self.wrt:
            if v not in policy.free_symbols() and not (policy.numeric and v in policy.variables):
                raise PolicyError(f"asked for the gradient by {v}, which the policy does not hold")
            if v in mdp.free_symbols:
                raise PolicyError(
                    f"asked for the gradient by {v}, which the tables of the process depend on as "
                    "well: the theorem holds for tables that do not; use another symbol"
                )
        if self.exact and not self.wrt:
            raise PolicyError(
                "asked for the gradient of a policy in which nothing is trained: write "
                "mdp.softmax_policy(), or probabilities with Parameters in them"
            )

    @cached_property
    def table(self) -> Any:
        """d(s) π(a|s) A(s, a)/(1 - γ), S × A: the gradient by the logits in every state."""
        e = self.evaluation
        if not self.exact:
            return e.visits[:, None] * e.pi * e.A
        return ImmutableDenseMatrix(
            [
                [product(n, p, a) for p, a in zip(ps, advantages, strict=True)]
                for n, ps, advantages in zip(e.visits, e.pi, e.A, strict=True)
            ]
        )

    def entry(self, variable: Any) -> Any:
        """∂J/∂θ for one variable, exactly."""
        e, terms = self.evaluation, []
        place = self._place(variable)
        if place is not None:
            return self.table[place]
        for s in e.alive:
            moved = [p.diff(variable) for p in e.pi[s]]
            terms += [Mul(e.visits[s], q, m) for q, m in zip(e.Q[s], moved, strict=True) if m != 0]
        return short(Add(*terms))

    def _place(self, variable: Any) -> tuple[int, int] | None:
        """The state and action whose logit is a variable of a tabular softmax policy."""
        if not self.evaluation.policy.is_softmax or self.evaluation.policy.numeric:
            return None
        for s, row in enumerate(self.evaluation.policy.given.logits):
            if variable in row:
                return s, row.index(variable)
        return None

    @cached_property
    def is_of_matrices(self) -> bool:
        """Whether the logits are outputs of a network of matrices."""
        return bool(self.evaluation.policy.heads)

    @cached_property
    def direction(self) -> Any:
        """`Σ u ∇z` over the logits z of a network of matrices, with `u = ∂J/∂z`."""
        from .network_direction import NetworkDirection
        from .network_gradient import slopes_of_logits

        e = self.evaluation
        slopes = slopes_of_logits(e.shape, e.policy, e.pi, e.visits, e.A)
        return NetworkDirection(e.shape, e.pi, slopes, self.wrt, e.J)

    def by_parameter(self) -> dict[Any, Any]:
        """{parameter: ∂J/∂parameter}; of a network of matrices closed forms of their shapes, in
        float64 {name: array}.
        """
        if not self.exact:
            if isinstance(found := self.doit(), dict):
                return found
            raise NoRuleError(
                "asked for the gradient by parameters of logits in float64, which have no names: "
                "read .table, S × A"
            )
        if not self.is_of_matrices:
            return dict(zip(self.wrt, self._entries, strict=True))
        return self.direction.by_parameter()

    @cached_property
    def _entries(self) -> list[Any]:
        if self.is_of_matrices:
            return list(self.by_parameter().values())
        return [self.entry(v) for v in self.wrt]

    def doit(self, **hints: Any) -> Any:
        """The gradient: a scalar, a column, or an array of float64."""
        if not self.exact:
            pulled = getattr(self.evaluation.policy.given, "pulled_back", None)
            if pulled is not None:
                return pulled(self.table)
            if not self.evaluation.policy.is_softmax:
                raise PolicyError(
                    "asked for the gradient by numbers: probabilities have no direction to move "
                    "in; write mdp.softmax_policy(logits), or read .table, the gradient by logits"
                )
            return self.table
        found = self._entries
        if self.is_of_matrices:
            return found[0] if len(found) == 1 else Tuple(*found)
        return found[0] if len(found) == 1 else ImmutableDenseMatrix(len(found), 1, found)

    def covariance(self, prop: Any) -> Any:
        """`NTCov(J, P) = Σ_i ∂J/∂z_i NTCov(z_i, P)`: how fast a property moves under the gradient.

        For logits that are Observables: put the outputs of any network in for them, and their
        covariances are those of the network.

        Examples
        ========

        >>> from sympy import Rational
        >>> from symprice import BernoulliPolicy, observables
        >>> from symprice.mdp.process import MDP
        >>> z, P = observables('z P')
        >>> bandit = MDP([[[1], [1]]], [[3, 1]], gamma=Rational(1, 2), actions=[1, 0])
        >>> bandit.gradient(BernoulliPolicy(logit=z)).covariance(P)
        4*(1 - sigmoid(z))*sigmoid(z)*NTCov(P, z)
        """
        from ..tangent.covariance import NTCov

        if not self.exact:
            raise NoRuleError("asked for a covariance of a gradient in float64: write symbols")
        if self.is_of_matrices:
            return self.direction.covariance(prop)
        return Add(*(x * NTCov(v, prop) for v, x in zip(self.wrt, self._entries, strict=True)))

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        import numpy as np

        return np.array(self.doit() if not self.exact else self._entries, dtype=dtype)

    def _formula(self) -> Any:
        if not self.exact:
            if self.table.size > LONGEST:
                raise NoRuleError(
                    f"asked to write out the gradient of {self.table.size} entries: read .table"
                )
            return ImmutableDenseMatrix(self.table)
        if len(self.wrt) > LONGEST:
            raise NoRuleError(
                f"asked to write out the gradient by {len(self.wrt)} variables: name some, wrt=..."
            )
        if self.is_of_matrices:
            return self.doit()
        return with_names(self.doit(), named_probabilities(self.evaluation))

    @property
    def _equations(self) -> Any:
        """A line for each variable."""
        if not self.exact or self.is_of_matrices or len(self.wrt) == 1:
            return None
        self._formula()
        names = named_probabilities(self.evaluation)
        J = Function("J")(*self.wrt)
        return [
            Eq(Derivative(J, v, evaluate=False), with_names(x, names), evaluate=False)
            for v, x in zip(self.wrt, self._entries, strict=True)
        ]

    @property
    def equation(self) -> Any:
        """∂J/∂θ and its closed form, in the names of the probabilities; a list of equations for the
        matrices of a network.
        """
        if not self.exact:
            return Eq(Nabla(Observable("J")), self._formula(), evaluate=False)
        labels = [Symbol(str(v)) for v in self.wrt] if self.is_of_matrices else self.wrt
        J = Symbol("J") if len(labels) == 1 else Function("J")(*labels)
        left = [Derivative(J, v, evaluate=False) for v in labels]
        if self.is_of_matrices:
            return [Eq(d, x, evaluate=False) for d, x in zip(left, self._entries, strict=True)]
        before = left[0] if len(left) == 1 else ImmutableDenseMatrix(len(left), 1, left)
        return Eq(before, self._formula(), evaluate=False)

    @property
    def free_symbols(self) -> set[Any]:
        """The symbols in the gradient."""
        return set().union(*(x.free_symbols for x in self._entries)) if self.exact else set()

    @cached_property
    def derivation(self) -> Derivation:
        """The theorem, derived for the first variable."""
        return self.derivation_by(self.wrt[0] if self.wrt else None)

    def derivation_by(self, variable: Any) -> Derivation:
        """The Bellman equation differentiated by a variable, unrolled, averaged and collected."""
        if not self.exact:
            raise NoRuleError(
                "asked for the derivation of a gradient in float64: write mdp.rational(), and a "
                "policy in symbols"
            )
        if self.is_of_matrices:
            raise NoRuleError(
                "asked for the derivation by the matrices of a network: write it for the logits, "
                "mdp.gradient(mdp.softmax_policy()).derivation; .by_parameter() goes on from there"
            )
        from .theorem import derived

        return derived(self, variable)

    def _check_items(self) -> list[tuple[str, Any, Any]]:
        """∂J/∂θ against difference quotients of J, and J against what characterises it."""
        from .balances import balances
        from .results import ValueTable

        values = balances(ValueTable(self.mdp, self.evaluation, "V"))
        if self.is_of_matrices:
            return values + self.direction._check_items()
        if not self.exact:
            from .directions import along_arrays, along_directions

            if hasattr(self.evaluation.policy.given, "pulled_back"):
                values = values + along_arrays(self)
            return values + along_directions(self)
        return values + [
            (f"∂J/∂{v}", Derivative(self.evaluation.J, v, evaluate=False), entry)
            for v, entry in zip(self.wrt, self._entries, strict=True)
        ]

    def __repr__(self) -> str:
        if self.exact:
            more = f" and {len(self.wrt) - 6} more" if len(self.wrt) > 6 else ""
            return f"gradient of J by {', '.join(map(str, self.wrt[:6]))}{more}"
        return f"gradient of J{summary(self.table)}"
