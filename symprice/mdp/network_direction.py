"""Directions in which the matrices of a network move a policy: sums of gradients of its logits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any

from sympy import Add, Derivative, Eq, Function, S, Symbol, Tuple, ZeroMatrix

from ..closedform import ClosedForm, ClosedFormMatrix
from ..errors import NoRuleError
from ..outputs import Outputs
from ..symbols import Name
from .naming import applied, names_of
from .network_gradient import LogitSlope, by_matrices, claims, paired

__all__ = ["NetworkDirection", "in_logits"]


class NetworkDirection(Outputs):
    """`Σ u ∇z`, over the logits z of all states: a gradient by the matrices of a network.

    Every gradient of a policy whose logits come out of a network has this form; the numbers u say
    of what it is the gradient. They are the same for all networks, and the network enters through
    ∇z alone, in what is asked of properties through the covariances of its outputs.

    Made by ``mdp.gradient(policy).direction``, ``mdp.average_reward(policy).gradient()``,
    ``mdp.gae(policy, lam).gradient()``, ``mdp.trajectories(policy, T).gradient().mean`` and
    ``mdp.natural_gradient(policy).direction``.

    Attributes
    ==========

    slopes : (label, logit, u) of every logit. wrt : the parameters.

    Examples
    ========

    >>> from sympy import Rational, symbols
    >>> from symprice import MLP, CategoricalPolicy, Observable, inputs
    >>> from symprice.mdp.process import MDP
    >>> d, m = symbols('d m', integer=True, positive=True)
    >>> net, x = MLP(d, m, 2), inputs('x', d)
    >>> bandit = MDP([[[1], [1]]], [[3, 1]], gamma=Rational(1, 2))
    >>> found = bandit.gae(CategoricalPolicy(net(x)), 1, [0]).gradient()
    >>> [label for label, _, _ in found.slopes]
    ['1_1', '1_2']
    >>> found.by_parameter()[net.parameters[0]].expr
    delta1*x.T
    """

    exact = True

    def __init__(
        self,
        shape: Any,
        pi: Any,
        slopes: list[LogitSlope],
        wrt: Any,
        target: Any,
        *,
        name: Any = "J",
        letter: str = "u",
        covariances: Mapping[Any, Any] | None = None,
    ) -> None:
        self._shape, self._pi, self.slopes, self.wrt = shape, pi, slopes, tuple(wrt)
        self.target, self.name, self.letter = target, name, letter
        self.covariances = dict(covariances or {})

    @cached_property
    def _found(self) -> dict[Any, Any]:
        return by_matrices(self._shape, self._pi, self.slopes, self.letter, self.covariances)

    def by_parameter(self) -> dict[Any, Any]:
        """{parameter: its part}, closed forms of the parameter's shape."""
        return {v: self._found[v] if v in self._found else _zero(v) for v in self.wrt}

    def doit(self, **hints: Any) -> Any:
        """The parts, in the order of ``wrt``; the part alone of one parameter."""
        found = list(self.by_parameter().values())
        return found[0] if len(found) == 1 else Tuple(*found)

    def covariance(self, prop: Any) -> Any:
        """`Σ u NTCov(z, P)`: how fast a property moves in this direction."""
        return self._closing(u * paired(z, prop) for u, z in self._named)

    def squared(self) -> Any:
        """`Σ u u' NTCov(z, z')`, the square of its length."""
        return self._closing(u * v * paired(z, y) for u, z in self._named for v, y in self._named)

    @cached_property
    def _named(self) -> list[tuple[Any, Any]]:
        """The slopes by name, and their logits."""
        self._require_all()
        return [(Name(f"{self.letter}_{label}") if u != 0 else u, z) for label, z, u in self.slopes]

    def _closing(self, terms: Iterable[Any]) -> ClosedForm:
        """A sum of slopes times covariances, where slopes and probabilities are defined."""
        slopes = {Name(f"{self.letter}_{label}"): u for label, _, u in self.slopes}
        return in_logits(self._shape, self._pi, Add(*terms), {**self.covariances, **slopes})

    def _require_all(self) -> None:
        if missing := [str(v) for v in self._found if v not in self.wrt]:
            raise NoRuleError(
                f"asked for a covariance of the gradient by {', '.join(map(str, self.wrt))} alone: "
                f"it is over all parameters, and the network has {', '.join(missing)} too; leave "
                "wrt out"
            )

    def _formula(self) -> Any:
        return self.doit()

    @property
    def _equations(self) -> list[Any]:
        """A line for each parameter."""
        found = self.by_parameter()
        labels = [Symbol(str(v)) for v in found]
        if self.name == "w":
            left = [applied("w", v) for v in labels]
        else:
            J = Symbol(self.name) if len(labels) == 1 else Function(self.name)(*labels)
            left = [Derivative(J, v, evaluate=False) for v in labels]
        return [Eq(d, x, evaluate=False) for d, x in zip(left, found.values(), strict=True)]

    def _check_items(self) -> list[tuple[str, Any, Any]]:
        """Along the gradient of every entry, by the covariance of what it is the gradient of."""
        target = self.target
        moved: Callable[[Any], Any] = (
            target if callable(target) else lambda prop: paired(target, prop)
        )
        held = self.free_symbols
        what = "w of " if self.name == "w" else f"∂{self.name}/∂"
        return claims(self.by_parameter(), moved, held, what)

    def __repr__(self) -> str:
        what = "natural gradient of J" if self.name == "w" else f"gradient of {self.name}"
        return f"{what} by {', '.join(map(str, self.wrt))}, through the logits"

    @property
    def free_symbols(self) -> set[Any]:
        """The symbols of logits and slopes."""
        return set().union(*(z.free_symbols | u.free_symbols for _, z, u in self.slopes))


def _zero(parameter: Any) -> Any:
    """The part of a parameter that does not move what is asked for."""
    if not hasattr(parameter, "shape"):
        return ClosedForm(S.Zero, ())
    return ClosedFormMatrix(ZeroMatrix(*parameter.shape), ())


def in_logits(shape: Any, pi: Any, body: Any, named: Mapping[Any, Any]) -> ClosedForm:
    """A formula in names, and these in the names of the probabilities."""
    names = names_of(shape, pi)
    definitions = {name: p for p, name in names.items()}
    definitions.update((name, value.xreplace(names)) for name, value in named.items())
    used = set(body.free_symbols)
    for name in reversed(list(definitions)):
        if name in used:
            used |= definitions[name].free_symbols
        else:
            del definitions[name]
    return ClosedForm(body, definitions)
