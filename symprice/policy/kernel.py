"""The tangent covariances of what a network gives to a policy: how logits and heads really move."""

from __future__ import annotations

from typing import Any

from sympy import Add, Dummy, Integral, S, Sum, Symbol
from sympy.matrices.expressions.matexpr import MatrixElement

from ..closedform import ClosedForm
from ..symbols import Observable, depends_on_parameters
from ..tangent.closing import closed_form
from ..tangent.covariance import NTCov
from .chain import closed, shaped
from .distribution import DistributionPolicy

__all__ = ["Kernel"]


class Kernel:
    """`NTCov(z_i, z_j)` of the variables z of a gradient, each by a symbol until it is inserted."""

    def __init__(self, variables: tuple[Any, ...]) -> None:
        n = len(variables)
        self._entries: dict[Any, Any] = {}
        self._rows: list[list[Any]] = [[S.Zero] * n for _ in range(n)]
        for i, z in enumerate(variables):
            for j, y in enumerate(variables[: i + 1]):
                if depends_on_parameters(z) and depends_on_parameters(y):
                    name = Dummy(f"Theta_{i}_{j}", real=True)
                    self._entries[name] = _covariance(z, y)
                    self._rows[i][j] = self._rows[j][i] = name

    @classmethod
    def of(cls, gradient: Any) -> Kernel | None:
        """The kernel of what a gradient is by; None where that is trained itself."""
        variables = tuple(gradient.wrt)
        if all(map(_is_coordinate, variables)) or not any(map(depends_on_parameters, variables)):
            return None
        return cls(variables)

    def along(self, rate: list[Any]) -> list[Any]:
        """Σ_j NTCov(z_i, z_j) rate_j, in the symbols of the covariances."""
        return [Add(*(k * r for k, r in zip(row, rate, strict=True))) for row in self._rows]

    def inserted(self, expr: Any) -> Any:
        """A formula with the covariances in it."""
        return expr.xreplace(self._entries)

    def carried_out(self, expr: Any) -> Any:
        """A formula with the closed forms of the covariances in it, as one closed form."""
        found = {
            name: closed_form(value).without_origin() if value.has(ClosedForm) else value
            for name, value in self._entries.items()
        }
        return closed(expr.xreplace(found))

    @staticmethod
    def motion(gradient: Any) -> Any:
        """NTCov(π(a), J) at each action, of a density NTCov(log π(a), J): by the laws alone."""
        policy, J = gradient.policy, gradient.expected
        dense = isinstance(policy, DistributionPolicy)
        moved = [policy.log_prob()] if dense else [policy.prob(a) for a in policy.actions]
        if not J.has(Integral, Sum):
            return shaped([NTCov(p, J) for p in moved], 1)
        slope = gradient.doit()
        slopes = list(slope) if hasattr(slope, "tolist") else [slope]
        pairs = [(z, d) for z, d in zip(gradient.wrt, slopes, strict=True)]
        return shaped([Add(*(NTCov(p, z) * d for z, d in pairs)) for p in moved], 1)


def _is_coordinate(variable: Any) -> bool:
    symbol = isinstance(variable, (Symbol, MatrixElement))
    return symbol and not isinstance(variable, Observable)


def _covariance(z: Any, y: Any) -> Any:
    found = NTCov(z, y)
    return found if z.has(ClosedForm) or y.has(ClosedForm) else found.expand()
