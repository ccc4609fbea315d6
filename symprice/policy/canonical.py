"""Gradients of a family in the parameters of its formulas: σ where log σ was given, p for a logit.

The estimator by another form is that by the parameter itself times a slope, `s_z = s_p ∂p/∂z`, and
so are its moments. Derived in p they are polynomials and quotients of it; in `Φ(z)` or `exp(z)`
they would be multiplied out into terms that cancel.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from sympy import Add, Symbol, exp, polygamma

from .chain import jacobian
from .cosine_moments import CosineMoment
from .family import FamilyPolicy
from .gamma_differences import GammaQuotient, PolygammaDifference
from .integrals import ActionIntegral, ActionSum
from .large_numbers import with_values
from .positivity import positive_form
from .short import short
from .trigamma_gaps import TrigammaFall

__all__ = ["Component", "by_variable", "components", "in_positive_terms", "together"]

# A formula that holds one of these stays as it is written: multiplied out, its terms cancel.
_STANDING = (
    *(ActionIntegral, ActionSum),
    *(CosineMoment, GammaQuotient, PolygammaDifference, TrigammaFall, polygamma),
)


def _is_excess(total: Any) -> bool:
    """Whether a sum is exp(x) - 1."""
    return total.args[0] == -1 and len(total.args) == 2 and isinstance(total.args[1], exp)


class Component(NamedTuple):
    """One component: the gradient by the parameter of the formulas, and what makes it that one."""

    gradient: Any
    slope: Any  # ∂p/∂z in terms of p, as far as it goes
    values: dict[Any, Any]
    further: Any  # ∂z/∂θ

    def inserted(self, expr: Any, power: int) -> Any:
        """A formula in the parameters, times this power of the slope, for the given values."""
        found = expr * self.slope**power
        if not (expr.has(*_STANDING) or any(map(_is_excess, expr.atoms(Add)))):
            found = in_positive_terms(self.gradient.policy, short(found))
        return with_values(found, self.values) * self.further**power


def components(gradient: Any) -> list[Component] | None:
    """The components of the gradient of a family; None where rewards depend on the variables, where
    a variable moves several parameters, or where the parameters are those of the formulas.

    Examples
    ========

    >>> from symprice import Parameter, PoissonPolicy, policy_gradient
    >>> from symprice.policy.canonical import components
    >>> G = policy_gradient(PoissonPolicy(log_rate=Parameter('z')), lambda a: a)
    >>> [part] = components(G)
    >>> part.gradient.doit(), part.slope, list(part.values.values())
    (1, _rate, [exp(z)])
    """
    policy = gradient.policy
    if not isinstance(policy, FamilyPolicy) or any(gradient._moves(v) for v in gradient.wrt):
        return None
    plain, forms = policy.plainly()
    if all(
        form.slope == 1 and (head.is_number or isinstance(head, Symbol))
        for form, head in zip(forms, policy.heads, strict=True)
    ):
        return None
    values = {form.symbol: form.value for form in forms if isinstance(form.symbol, Symbol)}
    found = []
    for column in zip(*jacobian(policy, gradient.wrt), strict=True):
        moved = [(form, d) for form, d in zip(forms, column, strict=True) if d != 0]
        if len(moved) != 1:
            return None
        (form, further), own = moved[0], type(gradient)
        found.append(
            Component(own(plain, gradient.reward, (form.symbol,)), form.slope, values, further)
        )
    return found


def together(parts: list[Component]) -> Any:
    """The gradient by the parameters of all components; None where two share one."""
    first, symbols = parts[0].gradient, [part.gradient.wrt[0] for part in parts]
    if len(set(symbols)) < len(symbols):
        return None
    return type(first)(first.policy, first.reward, tuple(symbols))


def by_variable(gradient: Any, i: int) -> Any:
    """The gradient of a density by one of its variables alone."""
    return type(gradient)(gradient.policy, gradient.reward, (gradient.wrt[i],))


def in_positive_terms(policy: Any, expr: Any) -> Any:
    """A formula in which no terms cancel, where it is one in probabilities and numbers of tries."""
    if not isinstance(policy, FamilyPolicy):
        return expr
    of = {domain: policy.symbols_in(domain) for domain in ("unit", "count")}
    return positive_form(expr, of["unit"], of["count"]) if of["unit"] else expr
