"""The natural gradient of a policy whose logits are outputs of a network of matrices.

It lives in the space of logits, where its metric is the covariance of outputs, and not in that of
the parameters, which may be any number of them.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, NamedTuple

from sympy import Add, ImmutableDenseMatrix, Mul, S, log

from ..closedform import ClosedForm
from ..errors import NoRuleError, PolicyError
from ..symbols import Name
from .linear import short, solve_exactly
from .naming import names_of
from .network_direction import NetworkDirection, in_logits
from .network_gradient import LogitSlope, paired, scores_of, slopes_of_logits
from .results import Numeric

__all__ = ["NetworkNaturalGradient"]

# How many coordinates of a policy a system is solved for in symbols.
MOST = 3


class _Use(NamedTuple):
    """A coordinate in a state."""

    #: ∂log π(a|s) by it, by action, and ∂J by it through this state.
    scores: list[Any]
    slope: Any
    #: (place among the logits, sign) of the logits that move with it.
    parts: tuple[tuple[int, int], ...]


class _Coordinate(NamedTuple):
    """A direction in which the policy can move: a logit, or one less the last of its state; one
    for all states that share it.
    """

    label: str
    value: Any
    uses: dict[int, _Use]

    @property
    def slope(self) -> Any:
        """∂J by it."""
        return Add(*(use.slope for use in self.uses.values()))


class NetworkNaturalGradient(Numeric):
    """`w = (F + λ)⁻¹∇J` by the matrices of a network, without a matrix of the parameters' size.

    F is `Gᵀ D G`, with G the gradients of the logits and D the Fisher matrix of the logits under
    the occupancy, so `w = Gᵀβ = Σ β ∇ζ` with `(λ + DΘ)β = ∂J/∂ζ`, where `Θ = NTCov(ζ, ζ')`, and ζ
    are the logits less the last one of their state. Without damping that is `Θβ = D⁻¹ ∂J/∂ζ`, the
    differences of advantages, `(A(s, a) - A(s, b))/(1 - γ)`: logits then move as those of a table,
    `dζ/dt = Θβ`, and compatible features fit the advantages exactly, whatever the network is.
    That needs a Θ that is regular: features of states that the network can tell apart. Otherwise
    write ``damping``.

    Made by ``mdp.natural_gradient(policy, damping=λ)``.

    Attributes
    ==========

    kernel : Θ, with ``NTCov``; fisher : D; right : ∂J/∂ζ, or D⁻¹ of it without damping.
    direction : the gradient `Σ β ∇ζ`, with ``by_parameter()`` and ``covariance(P)``.

    Examples
    ========

    >>> from sympy import Rational, symbols
    >>> from symprice import MLP, CategoricalPolicy, inputs
    >>> from symprice.mdp.process import MDP
    >>> d, m = symbols('d m', integer=True, positive=True)
    >>> net, x = MLP(d, m, 2), inputs('x', d)
    >>> bandit = MDP([[[1], [1]]], [[3, 1]], gamma=Rational(1, 2))
    >>> w = bandit.natural_gradient(CategoricalPolicy(net(x)))
    >>> w.right, w.slopes[0].slope
    (Matrix([[4]]), 4/K_1_1_1_1)
    >>> bool(w.check(points=1))
    True

    References
    ==========

    S. Kakade, A natural policy gradient (2002).
    """

    exact = True

    def __init__(self, mdp: Any, evaluation: Any, wrt: Any = None, damping: Any = S.Zero) -> None:
        self.mdp, self.evaluation, self.damping = mdp, evaluation, damping
        self.wrt = evaluation.policy.by(wrt, "the natural gradient")
        if set(self.wrt) != set(evaluation.policy.variables):
            raise NoRuleError(
                "asked for the natural gradient by some of the parameters of a network: its metric "
                "is that of all of them; leave wrt out"
            )

    @cached_property
    def coordinates(self) -> list[_Coordinate]:
        """In which the policy moves, of states that are visited."""
        e = self.evaluation
        slopes = slopes_of_logits(e.shape, e.policy, e.pi, e.visits, e.A)
        scores = scores_of(e.shape, e.policy, e.pi)
        found: dict[Any, _Coordinate] = {}
        for s in sorted(e.policy.heads):
            mine = [k for k, (_, _, state, _) in enumerate(scores) if state == s]
            if e.visits[s] == 0:
                continue
            columns = [scores[k][3] for k in mine]
            # A constant on all logits of a softmax changes nothing: the last one is what others
            # are measured from.
            free = len(mine) > 1 and all(_is_zero(Add(*row)) for row in zip(*columns, strict=True))
            last = mine[-1]
            for k, column in zip(mine[: -1 if free else None], columns, strict=False):
                label, z, slope = slopes[k]
                value = z - slopes[last].logit if free else z
                parts = ((k, 1), (last, -1)) if free else ((k, 1),)
                use = _Use(column, slope, parts)
                if -value in found:
                    turned = tuple((k, -sign) for k, sign in parts)
                    use, value = _Use([-x for x in column], -slope, turned), -value
                found.setdefault(value, _Coordinate(label, value, {})).uses[s] = use
        return list(found.values())

    @cached_property
    def kernel(self) -> Any:
        """Θ: the covariance of every two coordinates."""
        values = [c.value for c in self.coordinates]
        return ImmutableDenseMatrix([[paired(v, w) for w in values] for v in values])

    @cached_property
    def fisher(self) -> Any:
        """D: `d(s) Σ_a π(a|s) ∂log π ∂log π'`, 0 between states."""
        e = self.evaluation

        def entry(c: _Coordinate, d: _Coordinate) -> Any:
            return Add(
                *(
                    Mul(e.occupancy[s], self._information(s, use, d.uses[s]))
                    for s, use in c.uses.items()
                    if s in d.uses
                )
            )

        every = self.coordinates
        return ImmutableDenseMatrix([[entry(c, d) for d in every] for c in every])

    def _information(self, s: int, one: _Use, other: _Use) -> Any:
        """Σ_a π(a|s) ∂log π ∂log π'."""
        rows = zip(self.evaluation.pi[s], one.scores, other.scores, strict=True)
        return short(Add(*(p * x * y for p, x, y in rows)))

    @cached_property
    def right(self) -> Any:
        """∂J by the coordinates; without damping D⁻¹ times that: differences of advantages."""
        e, found = self.evaluation, self.coordinates
        if self.damping != 0:
            return ImmutableDenseMatrix([[c.slope] for c in found])
        if any(len(c.uses) > 1 for c in found):
            rows = solve_exactly(self.fisher.tolist(), [[c.slope] for c in found])
            return ImmutableDenseMatrix([[short(x)] for (x,) in rows])
        solved: list[Any] = []
        for s in dict.fromkeys(s for c in found for s in c.uses):
            mine = [c.uses[s] for c in found if s in c.uses]
            # Visits stand on both sides.
            inner = [[self._information(s, one, other) for other in mine] for one in mine]
            outer = [[short(one.slope / e.occupancy[s])] for one in mine]
            solved += [[short(x)] for (x,) in solve_exactly(inner, outer)]
        return ImmutableDenseMatrix(solved)

    @cached_property
    def _solved(self) -> tuple[list[Any], dict[Any, Any]]:
        """β in names, and what these are: entries of Θ, of the system, its determinant."""
        found = self.coordinates
        size = range(len(found))
        if len(found) > MOST:
            raise NoRuleError(
                f"asked for the natural gradient of a network by {len(found)} differences of "
                f"logits, which are solved for in symbols up to {MOST}: the system is .kernel and "
                ".right; write NetworkSoftmax(net(x), features, params) for numbers"
            )
        named: dict[Any, Any] = {}
        K = {}
        for i in size:
            for j in range(i + 1):
                value = self.kernel[j, i]
                K[i, j] = K[j, i] = self._entry(j, i) if value != 0 else value
                if value != 0:
                    named[K[i, j]] = value
        if self.damping == 0:
            system = [[K[i, j] for j in size] for i in size]
        else:
            system = []
            for i in size:
                row = []
                for j in size:
                    name = Name(f"M_{found[i].label}_{found[j].label}")
                    named[name] = Add(
                        self.damping if i == j else S.Zero,
                        *(self.fisher[i, k] * K[k, j] for k in size),
                    )
                    row.append(name)
                system.append(row)
        right = []
        for c, x in zip(found, self.right, strict=True):
            name = Name(f"r_{c.label}")
            named.update({} if x.is_number else {name: x})
            right.append([x if x.is_number else name])
        matrix = ImmutableDenseMatrix(system)
        below = matrix.det()
        above = matrix.adjugate() * ImmutableDenseMatrix(right)
        if len(found) > 1:
            named[Name("D")] = below
            below = Name("D")
        return [x / below for x in above], named

    @property
    def slopes(self) -> list[LogitSlope]:
        """(label, coordinate, β) of every coordinate."""
        beta, _ = self._solved
        return [
            LogitSlope(c.label, c.value, b) for c, b in zip(self.coordinates, beta, strict=True)
        ]

    @cached_property
    def direction(self) -> NetworkDirection:
        """`w = Σ β ∇ζ`, by the matrices."""
        e = self.evaluation
        _, named = self._solved
        slopes = slopes_of_logits(e.shape, e.policy, e.pi, e.visits, e.A)
        weights = [S.Zero] * len(slopes)
        for c, (_, _, b) in zip(self.coordinates, self.slopes, strict=True):
            # Θβ counts a shared coordinate once.
            for place, sign in next(iter(c.uses.values())).parts:
                weights[place] += sign * b
        moving = [LogitSlope(label, z, w) for (label, z, _), w in zip(slopes, weights, strict=True)]
        return NetworkDirection(
            e.shape, e.pi, moving, self.wrt, self._moved, name="w", letter="beta", covariances=named
        )

    def _moved(self, prop: Any) -> Any:
        """Σ β NTCov(ζ, P), with nothing named."""
        _, named = self._solved
        rule: dict[Any, Any] = {}
        for name, value in named.items():
            rule[name] = value.xreplace(rule)
        return Add(*(b.xreplace(rule) * paired(z, prop) for _, z, b in self.slopes))

    def by_parameter(self) -> dict[Any, Any]:
        """{parameter: its part of w}, closed forms."""
        return self.direction.by_parameter()

    def covariance(self, prop: Any) -> ClosedForm:
        """`Σ β NTCov(ζ, P)`: how fast a property moves under the natural gradient."""
        return self.direction.covariance(prop)

    def fit(self, state: Any, action: Any) -> Any:
        """`(1 - γ) ∇log π(a|s)ᵀ w`, what the compatible features make of the advantage."""
        shape = self.mdp._shape
        if state not in shape.states or action not in shape.actions:
            raise PolicyError(f"asked for the fit at {state}, {action}, which is no name here")
        s, a = shape.states.index(state), shape.actions.index(action)
        scale = 1 / self.mdp.horizon_factor
        found = [(i, c.uses[s]) for i, c in enumerate(self.coordinates) if s in c.uses]
        if self.damping == 0:
            return short(scale * Add(*(use.scores[a] * self.right[i] for i, use in found)))
        beta, named = self._solved
        terms = [
            use.scores[a] * self._entry(i, j) * b
            for i, use in found
            for j, b in enumerate(beta)
            if self.kernel[i, j] != 0
        ]
        e = self.evaluation
        body = (scale * Add(*terms)).xreplace(names_of(e.shape, e.pi))
        return in_logits(e.shape, e.pi, body, named)

    def _entry(self, i: int, j: int) -> Any:
        """The name of an entry of Θ."""
        low, high = sorted((i, j))
        return Name(f"K_{self.coordinates[low].label}_{self.coordinates[high].label}")

    def doit(self, **hints: Any) -> Any:
        """The parts of w, in the order of the parameters."""
        return self.direction.doit()

    def _formula(self) -> Any:
        return self.doit()

    @property
    def _equations(self) -> list[Any]:
        return self.direction._equations

    def __repr__(self) -> str:
        return f"natural gradient of J by {', '.join(map(str, self.wrt))}, through the logits"

    def _check_items(self) -> list[tuple[str, Any, Any]]:
        """w against the covariances of logits, and `F w + λ w = ∇J` with F from the policy."""
        e = self.evaluation
        logs = [
            (Mul(e.occupancy[s], p), log(p))
            for s in sorted(e.policy.heads)
            for p in e.pi[s]
            if p.free_symbols
        ]
        # (∇log π)ᵀ w by log-probabilities: no score and no Θ is used again.
        along = [(weight, each, self._moved(each)) for weight, each in logs]

        def applied_metric(prop: Any) -> Any:
            held = Add(*(weight * paired(each, prop) * w for weight, each, w in along))
            return held + self.damping * self._moved(prop)

        items = self.direction._check_items()
        shape = e.shape
        tested = [("J", e.J)]
        for s in sorted(e.policy.heads):
            a = shape.choices(s)[0]
            tested.append((f"π({shape.actions[a]}|{shape.states[s]})", e.pi[s][a]))
        return items + [
            (f"F w + λ w = ∇J along {name}", applied_metric(v), paired(e.J, v))
            for name, v in tested[:3]
        ]


def _is_zero(total: Any) -> bool:
    return total == 0 or short(total) == 0
