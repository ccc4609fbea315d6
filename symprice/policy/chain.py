"""Through the heads: scores and informations in the parameters of a family, then in what makes
them.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sympy import (
    Abs,
    Add,
    Derivative,
    Dummy,
    Heaviside,
    ImmutableDenseMatrix,
    Integral,
    Max,
    Min,
    Piecewise,
    S,
    Sum,
    Symbol,
    expand,
    sign,
)

from ..closedform import ClosedForm, Definitions, hoist
from ..errors import PolicyError
from ..symbols import ParameterMatrix, depends_on_parameters
from .arguments import listed
from .short import short

if TYPE_CHECKING:
    from .distribution import DistributionPolicy

__all__ = ["by_heads", "fisher", "jacobian", "score", "score_entries", "shaped", "variables_of"]

# What makes log π a function with kinks, whose second derivative misses them.
_KINKS = (Abs, Heaviside, Max, Min, Piecewise, sign)


def variables_of(policy: DistributionPolicy, wrt: Any = None) -> tuple[Any, ...]:
    """The variables of a gradient: those given, else the observed heads, else the Parameters.

    Heads that hold trained matrices are taken by place: `∂J/∂z`, then `∇J = Σ ∂J/∂z ∇z`.
    """
    if wrt is not None:
        entries = listed(wrt, "variables")
        variables = (wrt,) if entries is None else tuple(entries)
        if not by_heads(policy, variables):
            for v in variables:
                _require_symbol(policy, v)
        if not variables or len(set(variables)) < len(variables):
            raise PolicyError(
                f"asked for a gradient of {policy} by {variables}: name each variable once"
            )
        return variables
    if policy.observables or any(head.atoms(ParameterMatrix) for head in policy.heads):
        moving = tuple(h for h in policy.heads if trained_in(h))
        heads = tuple(dict.fromkeys(moving))
        alike = len(heads) < len(moving) and not all(isinstance(h, Symbol) for h in heads)
        return policy.heads if alike else heads
    if policy.parameters:
        return policy.parameters
    free = sorted(map(str, policy.free_symbols))
    example = free[0] if free else "theta"
    raise PolicyError(
        f"asked for the gradient of {policy}, in which nothing is trained: declare {example} = "
        f"Parameter('{example}') (a plain Symbol is a constant), or name the variable, as wrt=..."
    )


def trained_in(head: Any) -> bool:
    """Whether θ occurs in a head."""
    return depends_on_parameters(head)


def _require_symbol(policy: Any, v: Any) -> None:
    if not isinstance(v, Symbol) and type(v).__name__ != "MatrixElement":
        raise PolicyError(
            f"asked for the gradient of {policy} by {v!r}: write wrt=theta for a symbol theta, a "
            "list of symbols, or wrt=policy.heads for all parameters of the distribution"
        )
    for s in policy.free_symbols:
        if str(s) == str(v) and s != v:
            raise PolicyError(
                f"asked for the gradient of {policy} by the {type(v).__name__} {v}, but in it "
                f"stands the {type(s).__name__} {s}, a different object: write the same one twice"
            )
    if v not in policy.heads and policy.observables:
        raise PolicyError(
            f"asked for the gradient of {policy} by {v}, but how the observable "
            f"{policy.observables[0]} depends on it is unspecified: write wrt=policy.heads, or "
            "NTCov of policy.expected(reward) for what the gradient does"
        )


def by_heads(policy: DistributionPolicy, variables: tuple[Any, ...]) -> bool:
    """Whether the variables are the heads by place, some of which are no symbols."""
    if all(isinstance(h, Symbol) for h in variables):
        return False
    return variables == policy.heads or (
        all(v in policy.heads for v in variables) and not any(v.is_number for v in variables)
    )


@lru_cache(maxsize=256)
def score_entries(pure: Any, a: Any) -> tuple[Any, ...]:
    """∂log π(a) by each head, of a policy whose heads are symbols."""
    return tuple(pure.scores(a))


@lru_cache(maxsize=1024)
def information(pure: Any, a: Any, i: int, j: int) -> Any:
    """E[s_i s_j] by the heads, of a policy whose heads are symbols."""
    known = pure.information(i, j)
    if known is not None:
        return known
    s = score_entries(pure, a)
    found = pure.mean_in_heads(s[i] * s[j], a, lambda bound: bound)
    if found.has(Integral, Sum) and not pure.log_density(a).has(*_KINKS):
        # Where log π is smooth, E[s_i s_j] = -E[∂_j s_i]; the Laplace law is why it must be.
        curved = pure.mean_in_heads(short(-s[i].diff(pure.heads[j])), a, lambda bound: bound)
        found = min(found, curved, key=_openness)
    return found


def _openness(expr: Any) -> tuple[int, int]:
    """How many integrals stand in an expression, and how long it is."""
    return sum(node.has(Integral, Sum) for node in expr.atoms(Integral, Sum)), expr.count_ops()


def jacobian(policy: DistributionPolicy, variables: tuple[Any, ...]) -> list[list[Any]]:
    """∂z/∂θ: for each head its derivative by each variable."""
    if by_heads(policy, variables):
        n = len(variables)
        if variables == policy.heads:
            return [[S.One if i == j else S.Zero for j in range(n)] for i in range(n)]
        return [[S.One if head == v else S.Zero for v in variables] for head in policy.heads]
    found = []
    for head in policy.heads:
        row = []
        for v in variables:
            slope = S.One if head == v else head.diff(v)
            if slope.has(Derivative) and not head.has(Derivative):
                slope = slope.doit()
            row.append(slope)
        found.append(row)
    return found


def _moving_support(policy: DistributionPolicy, variables: tuple[Any, ...]) -> list[Any]:
    """The variables that the support depends on."""
    # The set of a count with an unspecified end says nothing of its end.
    ends = policy.bounds if isinstance(policy.action, Symbol) else ()
    return [v for v in variables if policy.support.has(v) or has_end(ends, v)]


def has_end(ends: tuple[Any, ...], v: Any) -> bool:
    """Whether one of the ends of a support depends on a variable."""
    return any(end.has(v) for end in ends)


def require_fixed_support(policy: DistributionPolicy, variables: tuple[Any, ...]) -> None:
    """Raise where the support depends on θ: there ∇∫ π r is more than E[r ∇log π], unless the
    density is 0 at the ends that move.
    """
    for v in _moving_support(policy, variables):
        low, high = policy.bounds
        a = policy.action
        parts, lost = [], policy.is_countable or not has_end((low, high), v)
        for way, end in ((1, high), (-1, low)):
            if end.has(v):
                weight = policy.prob().xreplace({a: end})
                shown = "∞" if weight.is_infinite else weight
                parts.append(f"{'-' if way < 0 else ''}r({end})*({shown})*({end.diff(v)})")
                lost = lost or expand(weight) != 0
        if lost:
            raise PolicyError(
                f"asked for the gradient of {policy} by {v}, on which the support {policy.support} "
                "depends: the log-likelihood trick E[r ∇log π] misses the boundary term "
                f"{' '.join(parts) or 'r π ∂(end)'} of Leibniz' rule. Write the action as a "
                f"function of noise with a fixed support, as a = {v}*u with u uniform on (0, 1), "
                "and differentiate the expected reward by it"
            )


def score(policy: DistributionPolicy, wrt: Any = None) -> Any:
    """∇log π(a) at the symbol of the action: a scalar or a column, of a network a closed form."""
    variables = variables_of(policy, wrt)
    return closed(shaped(score_list(policy, variables), 1))


def score_list(policy: DistributionPolicy, variables: tuple[Any, ...]) -> list[Any]:
    """The entries of the score by some variables."""
    require_fixed_support(policy, variables)
    entries = [policy.inserted(s) for s in score_entries(policy.pure, policy._bound)]
    return _pulled(entries, jacobian(policy, variables))


def _pulled(entries: list[Any], rows: list[list[Any]]) -> list[Any]:
    """Σ_k s_k ∂z_k/∂θ, term by term where factors cancel so."""
    found = []
    for column in zip(*rows, strict=True):
        terms = [_times(s, d) for s, d in zip(entries, column, strict=True)]
        found.append(Add(*terms))
    return found


def _times(entry: Any, slope: Any) -> Any:
    whole = entry * slope
    if slope.is_number or not isinstance(entry, Add):
        return whole
    parts = Add(*(term * slope for term in entry.args))
    return parts if parts.count_ops() < whole.count_ops() else whole


def fisher(policy: DistributionPolicy, wrt: Any = None) -> Any:
    """E[s sᵀ]: a scalar or a symmetric matrix, of a network a closed form."""
    variables = variables_of(policy, wrt)
    require_fixed_support(policy, variables)
    rows = jacobian(policy, variables)
    n = len(variables)
    reached = [k for k, row in enumerate(rows) if any(d != 0 for d in row)]
    pure, a = policy.pure, policy._bound
    inner = {
        (k, m): policy.inserted(information(pure, a, min(k, m), max(k, m)))
        for k in reached
        for m in reached
    }
    entries = []
    for i in range(n):
        for j in range(n):
            total = Add(*(inner[k, m] * rows[k][i] * rows[m][j] for k in reached for m in reached))
            entries.append(total)
    return closed(shaped([e if e.has(ClosedForm) else short(e) for e in entries], n))


def shaped(entries: list[Any], columns: int) -> Any:
    """The one entry, or a matrix with so many columns."""
    if len(entries) == 1:
        return entries[0]
    return ImmutableDenseMatrix(len(entries) // columns, columns, entries)


def closed(expr: Any) -> Any:
    """Closed forms inside an expression as one, with one list of definitions."""
    if not expr.has(ClosedForm):
        return expr
    definitions = Definitions(s for s in expr.free_symbols if isinstance(s, (Symbol, Dummy)))
    return definitions.closing(hoist(expr, definitions))
