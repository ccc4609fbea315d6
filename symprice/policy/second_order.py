"""Natural gradients, Hessians and the motion of a policy under its own gradient."""

from __future__ import annotations

from typing import Any

from sympy import Derivative, Eq, Function, Matrix, S, Symbol

from ..errors import NoRuleError
from .chain import shaped
from .outcomes import Outcomes
from .short import short

__all__ = ["dynamics", "hessian", "natural"]


def _listed(entries: Any) -> list[Any]:
    return list(entries) if hasattr(entries, "tolist") else [entries]


def natural(gradient: Any) -> Any:
    """The natural gradient F⁻¹ ∇J; of a softmax, whose F is singular, F⁺ ∇J = r - mean of r.

    If `r(a) - J = s(a)ᵀ x` at every action, F x = E[s sᵀ] x = E[s (r - J)] = ∇J: this x is found
    first, because it needs no inverse.
    """
    found = Outcomes(gradient)
    if found.is_finite and (x := _compatible(found)) is not None:
        return shaped(x, 1)
    slope = _listed(gradient.doit())
    information = gradient.policy.fisher(wrt=gradient.wrt)
    if len(slope) == 1:
        return short(slope[0] / information)
    matrix = Matrix(information)
    if short(matrix.det(method="berkowitz")) == 0:
        raise NoRuleError(
            f"the Fisher information of {gradient.policy} is singular, so that ∇J has no unique "
            "natural gradient: fix one parameter, as a logit to 0"
        )
    return shaped([short(e) for e in matrix.LUsolve(Matrix(slope))], 1)


def _compatible(found: Outcomes) -> list[Any] | None:
    """Of a softmax by all its logits, the x of least norm with r - J = sᵀ x."""
    logits = tuple(found.policy.logits)
    if len(logits) < 2 or tuple(found.variables) != logits:
        return None
    mean = sum(found.rewards, S.Zero) / len(logits)
    return [short(r - mean) for r in found.rewards]


def hessian(gradient: Any) -> Any:
    """∇²J = E[r (s sᵀ + ∇s)] (and what θ does in the rewards): the derivative of the closed form.

    Differentiating the surrogate r log π twice gives E[r ∇s] alone, which is wrong.
    """
    entries = _listed(gradient.doit())
    if not all(v.is_Symbol for v in gradient.wrt):
        raise NoRuleError("asked for the Hessian by parameters that are no symbols")
    n = len(entries)
    return shaped([short(e.diff(v)) for e in entries for v in gradient.wrt], n)


def dynamics(gradient: Any, metric: str = "euclidean") -> Any:
    """How probabilities move when θ follows the gradient: `d log π(a)/dt = s(a)ᵀ dθ/dt`.

    ``metric``: 'euclidean' for dθ/dt = ∇J, 'natural' for dθ/dt = F⁻¹∇J. Of finitely many actions a
    list of Eq for dπ(a)/dt, the replicator equation under the natural gradient; of a density the
    Eq for d log π(a)/dt.
    """
    found = Outcomes(gradient)
    rate = _listed(natural(gradient) if metric == "natural" else gradient.doit())
    time = Symbol("t", real=True)

    def along(s: list[Any], r: Any, g: list[Any]) -> Any:
        return sum((x * y for x, y in zip(s, rate, strict=True)), S.Zero)

    values = found.values(along)
    if not found.is_finite:
        name = Function("log_pi")(found.actions[0], time)
        return Eq(Derivative(name, time), short(values[0]), evaluate=False)
    name = Function("pi")
    return [
        Eq(Derivative(name(a, time), time), short(p * v), evaluate=False)
        for a, p, v in zip(found.actions, found.policy.probabilities, values, strict=True)
    ]
