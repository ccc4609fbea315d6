"""Natural gradients and Hessians of the expected reward."""

from __future__ import annotations

from typing import Any

from sympy import Add, Matrix, Rational

from ..errors import NoRuleError
from ..symbols import Name
from .canonical import components, together
from .chain import jacobian, shaped
from .collecting import tidied
from .distribution import DistributionPolicy
from .head_names import named_heads, within_domain
from .integrals import ActionIntegral, ActionSum
from .large_numbers import with_values
from .outcomes import Outcomes, entries_of
from .pairs import are_uneven, third_cumulant
from .setting import Names
from .short import short
from .solving import concentrations, solved

__all__ = ["compatible", "hessian", "natural"]

_NOTHING = 1e-20


def natural(gradient: Any) -> Any:
    """The natural gradient F⁻¹ ∇J; of a softmax, whose F is singular, F⁺ ∇J = r - mean of r.

    If `r(a) - J = s(a)ᵀ x` at every action, F x = E[s sᵀ] x = E[s (r - J)] = ∇J: this x is found
    first, because it needs no inverse of F. Where more variables move a density than it has heads
    z, it is the shortest vector that moves z by their natural gradient, `Jᵀ (J Jᵀ)⁻¹ F_z⁻¹ ∂J/∂z`
    with J = ∂z/∂θ.

    Raises
    ======

    NoRuleError : where F is singular and no such x exists.
    """
    if (named := named_heads(gradient)) is not None:
        return named.inserted(natural(named.gradient))
    if (parts := components(gradient)) is not None and (plain := together(parts)) is not None:
        pairs = zip(parts, entries_of(natural(plain)), strict=True)
        return shaped([part.inserted(e, -1) for part, e in pairs], 1)
    found = Outcomes(gradient)
    if (x := compatible(found)) is not None:
        return shaped([found.plain(e) for e in x], 1)
    if (x := _of_least_norm(gradient)) is not None:
        return shaped(x, 1)
    slope = entries_of(gradient.doit())
    information = _inlined(gradient.policy.fisher(wrt=gradient.wrt))
    matrix = Matrix(len(slope), len(slope), entries_of(information))
    if _is_singular(matrix):
        raise NoRuleError(
            f"the Fisher information of {gradient.policy} by {', '.join(map(str, gradient.wrt))} "
            "is singular, so that ∇J has no unique natural gradient: fix one parameter, as a logit "
            "to 0"
        )
    return shaped(solved(matrix, slope), 1)


def _of_least_norm(gradient: Any) -> list[Any] | None:
    """The natural gradient through fewer heads than variables; None of any other."""
    policy, wrt = gradient.policy, gradient.wrt
    if not isinstance(policy, DistributionPolicy) or any(gradient._moves(v) for v in wrt):
        return None
    rows = jacobian(policy, wrt)
    places = [k for k, row in enumerate(rows) if any(d != 0 for d in row)]
    if len(places) >= len(wrt):
        return None
    names, heads = Names(gradient), list(policy.heads)
    for k, domain in enumerate(policy.stand_ins()):
        if k in places:
            heads[k] = within_domain(names.fresh(f"z_{k + 1}"), domain)
    fresh = tuple(heads[k] for k in places)
    direct = type(gradient)(policy.with_heads(heads), gradient.reward, fresh)
    values = {heads[k]: _inlined(policy.heads[k]) for k in places}
    wanted = Matrix([with_values(e, values) for e in entries_of(natural(direct))])
    moved = Matrix([[_inlined(d) for d in rows[k]] for k in places])
    kernel = moved * moved.T
    if _is_singular(kernel):
        return None
    return [short(e) for e in moved.T * kernel.LUsolve(wanted)]


def _inlined(expr: Any) -> Any:
    return expr.doit() if hasattr(expr, "definitions") else expr


def _is_singular(matrix: Any) -> bool:
    """Whether a matrix of formulas is singular, by algebra or by its numbers at some points."""
    if concentrations(matrix) is not None:
        return False
    found = matrix.det(method="berkowitz")
    if short(found) == 0:
        return True
    if found.has(ActionIntegral, ActionSum):
        return False
    symbols = sorted(found.free_symbols, key=str)
    for shift in range(3):
        point = {s: Rational(5 + 3 * k + 7 * shift, 11 + 4 * k) for k, s in enumerate(symbols)}
        if not _vanishes(found.subs(point).evalf(30)):
            return False
    return True


def _vanishes(value: Any) -> bool:
    return value.is_number and abs(complex(value)) < _NOTHING


def compatible(found: Outcomes) -> list[Any] | None:
    """The x of least norm with r(a) - J = s(a)ᵀ x at every one of finitely many actions; None where
    there is none, or where rewards move with θ, because ∇J is more than E[s r] then.

    In differences of two actions J falls out, and of a softmax all but the logits.
    """
    if not found.is_finite or found.setting is None or found.moves:
        return None
    *others, last = range(len(found.actions))
    rows = [
        [short(s - t) for s, t in zip(found.scores[k], found.scores[last], strict=True)]
        for k in others
    ]
    known, gaps = Matrix(rows), Matrix([found.rewards[k] - found.rewards[last] for k in others])
    if known.rows > known.cols:
        return None
    square = known if known.rows == known.cols else known * known.T
    if _is_singular(square.applyfunc(found.plain)):
        return None
    solved = square.LUsolve(gaps)
    return [short(e) for e in (solved if known.rows == known.cols else known.T * solved)]


def hessian(gradient: Any) -> Any:
    """∇²J = E[r (s sᵀ + ∇s)] (and what θ does in the rewards): the derivative of the closed form.

    Differentiating the surrogate r log π twice gives E[r ∇s] alone, which is wrong. Probabilities
    of a softmax stay names: `∂π(a) = π(a) s(a)`, `∂J = ∇J`. Where its logits are linear in the
    variables with numbers as slopes, it is a third cumulant, over pairs and triples of actions.
    """
    if (named := named_heads(gradient)) is not None:
        return named.inserted(hessian(named.gradient))
    found = Outcomes(gradient)
    if found.logits is None and not all(v.is_Symbol for v in gradient.wrt):
        raise NoRuleError("asked for the Hessian by parameters that are no symbols")
    n = len(found.variables)
    if not found.named:
        entries = found.slope if found.logits else entries_of(gradient.doit())
        tidy = tidied if found.is_finite else short
        return found.closed([tidy(e.diff(v)) for e in entries for v in found.variables], n)
    columns = [list(column) for column in zip(*found.scores, strict=True)]
    if not found.moves and are_uneven(*columns):
        pi, r = found.probabilities, found.rewards
        return found.closed([third_cumulant(pi, u, v, r) for u in columns for v in columns], n)
    if not found.moves and any(found.centred):
        return found.closed(_central_moments(found), n)
    slope = found.slope
    moving = _rates(found, slope)

    def along(e: Any, i: int) -> Any:
        return tidied(Add(*(e.diff(name) * rate[i] for name, rate in moving.items())))

    entries = [e.diff(v) + along(e, i) for e in slope for i, v in enumerate(found.variables)]
    return found.closed(entries, n)


def _central_moments(found: Outcomes) -> list[Any]:
    """E[(r - J) s_i s_j] and, where slopes u of logits depend on θ, E[(r - J) ∂_j u_i]."""
    J, entries, n = found.objective, [], range(len(found.variables))
    for i in n:
        for j, v in enumerate(found.variables):
            centred = found.centred[i]
            terms = []
            for k, (p, r) in enumerate(zip(found.probabilities, found.rewards, strict=True)):
                moved = centred[0][k].diff(v) if centred is not None else 0
                terms.append(p * (r - J) * (found.scores[k][i] * found.scores[k][j] + moved))
            entries.append(Add(*terms))
    return entries


def _rates(found: Outcomes, slope: list[Any]) -> dict[Any, list[Any]]:
    """The derivatives of the names by each variable: of π(a) by its score, of J the gradient."""
    pairs = zip(found.probabilities, found.scores, strict=True)
    rates = {p: [p * s for s in row] for p, row in pairs}
    J = found.objective
    return {J: slope, **rates} if isinstance(J, Name) else rates
