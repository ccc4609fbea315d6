"""Through the logits: results in z, put into the network that makes z or pulled back through it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sympy import Add, ImmutableDenseMatrix

from ..closedform import Definitions, hoist
from ..symbols import Name
from ..tangent.pullback import gradient_groups
from .setting import Names, Setting

if TYPE_CHECKING:
    from .finite import FinitePolicy

__all__ = ["Logits"]

Values = dict[Any, Any]


class Logits:
    """The logits of a policy under names `z_1, …` (`z`, if there is one), and what defines them.

    ``setting`` is the policy whose logits are these names.
    """

    def __init__(self, policy: FinitePolicy, names: Names) -> None:
        one = len(policy.logits) == 1
        self.names = names
        self.symbols = [names.fresh("z")] if one else names.numbered("z", policy.actions)
        self.adjoints = [names.fresh("delta")] if one else names.numbered("delta", policy.actions)
        self.setting = Setting(policy.with_logits(self.symbols), tuple(self.symbols), names)
        self._forward = Definitions()
        self._bodies = [hoist(logit, self._forward) for logit in policy.logits]

    def inserted(self, entries: list[Any]) -> tuple[list[Any], Definitions]:
        """Entries in the names of the setting, and all the definitions that they need."""
        found, _, values = self._definitions()
        return [entry.xreplace(values) for entry in entries], found

    def pulled_back(
        self, weights: list[Any], variables: tuple[Any, ...], offsets: list[Any] | None = None
    ) -> tuple[list[Any], Definitions]:
        """Σ_k weight_k ∂z_k/∂θ + offset for each variable θ, in one sweep from the logits back."""
        body = Add(*(seed * z for seed, z in zip(self.adjoints, self._bodies, strict=True)))
        [row], sweep = self._swept([body], variables)
        found, forward, inner = self._definitions()
        for seed, weight in zip(self.adjoints, weights, strict=True):
            forward[seed] = found.define(seed, hoist(weight.xreplace(inner), found))
        self._add(sweep, found, forward)
        entries = [entry.xreplace(forward) for entry in row]
        if offsets is not None:
            entries = [
                e + offset.xreplace(inner) for e, offset in zip(entries, offsets, strict=True)
            ]
        return entries, found

    def pulled_back_twice(
        self, information: Any, variables: tuple[Any, ...]
    ) -> tuple[Any, Definitions]:
        """Σ_kl ∂z_k/∂θ information_kl ∂z_l/∂θ' for each pair of variables."""
        rows, sweep = self._swept(self._bodies, variables)
        found, forward, inner = self._definitions()
        places = range(information.rows)
        named = [
            [
                found.define(self._information_name(k, m), information[k, m].xreplace(inner))
                for m in places
            ]
            for k in places
        ]
        self._add(sweep, found, forward)
        jacobian = ImmutableDenseMatrix(rows).xreplace(forward)
        return jacobian.T * ImmutableDenseMatrix(named) * jacobian, found

    def _information_name(self, k: int, m: int) -> Name:
        if len(self.symbols) == 1:
            return self.names.fresh("F")
        return self.names.fresh(f"F_{min(k, m) + 1}_{max(k, m) + 1}")

    def _swept(
        self, bodies: list[Any], variables: tuple[Any, ...]
    ) -> tuple[list[list[Any]], list[tuple[Name, Any]]]:
        """The gradients of some sums over the network, and the adjoints that they are made of."""
        inner = {name for name, _ in self.setting.definitions.items()}
        sweep = Definitions(
            {*self.adjoints, *self.symbols, *inner} - set(self._forward.named().values())
        )
        for name, value in self._forward.items():
            sweep.define(name, value)
        known = len(list(sweep.items()))
        rows = []
        for body in bodies:
            groups = gradient_groups(body, sweep, lambda symbol: symbol in variables)
            rows.append(
                [Add(*(g.adjoint * g.coefficients.get(v, 0) for g in groups)) for v in variables]
            )
        return rows, list(sweep.items())[known:]

    def _definitions(self) -> tuple[Definitions, Values, Values]:
        """All definitions in one list; what the names of the network, and what all names became."""
        found = Definitions()
        forward: Values = {}
        self._add(self._forward.items(), found, forward)
        inner = dict(forward)
        self._add(zip(self.symbols, self._bodies, strict=True), found, inner)
        self._add(self.setting.definitions.items(), found, inner)
        return found, forward, inner

    def _add(self, pairs: Any, found: Definitions, values: Values) -> None:
        for name, value in pairs:
            values[name] = found.define(name, value.xreplace(values))
