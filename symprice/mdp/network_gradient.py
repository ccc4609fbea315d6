"""The gradient of an objective by the matrices of a network, whose outputs are the logits.

The theorem gives `u = ∂J/∂z`, the gradient by the outputs `z_s = f(x_s)` in every state; one sweep
back through the network makes `∂J/∂W = Σ_s Σ_k u_sk ∂z_sk/∂W` of it.
"""

from __future__ import annotations

from typing import Any

from sympy import Add, Dummy

from ..closedform import ClosedForm, ClosedFormMatrix, Definitions, hoist
from ..elementwise import ScalarProduct
from ..errors import NoRuleError
from ..indexed.entries import Index
from ..indexed.families import ParameterFamily
from ..indexed.lowering import scalar
from ..indexed.naming import prepared
from ..indexed.raising import raised
from ..networks.logits import SoftmaxEntry
from ..symbols import Name, Parameter, ParameterMatrix, inputs
from ..tangent.covariance import NTCov
from ..tangent.index_pullback import index_gradient
from .linear import product, short
from .naming import named_probabilities

__all__ = ["by_matrices", "claims", "slopes_of_logits", "swept"]


def slopes_of_logits(evaluation: Any) -> list[tuple[str, Any, Any]]:
    """(name, z, ∂J/∂z) of every logit: `d(s) π(a|s) A(s, a)/(1 - γ)` for a softmax."""
    e, found = evaluation, []
    for s, policy in sorted(e.policy.heads.items()):
        dummies = [Dummy(f"z{k}") for k in range(len(policy.logits))]
        values = dict(zip(dummies, policy.logits, strict=True))
        own = policy.with_logits(dummies)
        places = {a: k for k, a in enumerate(own.actions)}
        actions = e.shape.actions
        order = [places[a] if a in places else k for k, a in enumerate(actions)]
        ps = [own.probabilities[k] for k in order]
        for k, z in enumerate(dummies):
            mine = order.index(k) if len(dummies) == len(ps) else 0
            if ps[mine] == SoftmaxEntry(k + 1, *dummies):
                slope = product(e.visits[s], e.pi[s][mine], e.A[s][mine])
            else:
                moved = [p.diff(z).xreplace(values) for p in ps]
                terms = [x * m for x, m in zip(e.A[s], moved, strict=True)]
                slope = product(e.visits[s], short(Add(*terms)))
            state = e.shape.states[s]
            label = f"{state}" if len(dummies) == 1 else f"{state}_{actions[order.index(k)]}"
            found.append((label, values[z], slope))
    return found


def by_matrices(evaluation: Any) -> dict[Any, Any]:
    """{parameter: ∂J/∂parameter}, closed forms: what comes forward, u = ∂J/∂z, what goes back."""
    slopes = slopes_of_logits(evaluation)
    forward = Definitions(set().union(*(z.free_symbols for _, z, _ in slopes)))
    bodies = [hoist(prepared(z), forward) for _, z, _ in slopes]
    seeds = [Name(f"u_{label}") for label, _, _ in slopes]
    body = Add(*(u * scalar(z) for u, z in zip(seeds, bodies, strict=True)))
    known = len(list(forward.items()))
    found = index_gradient(body, forward, _is_trained, None)
    full = Definitions(forward.taken)
    values: dict[Any, Any] = {}
    items = list(forward.items())
    for name, value in items[:known]:
        values[name] = full.define(name, value.xreplace(values))
    heads = {
        z: full.define(Name(f"z_{label}"), raised(scalar(b)).xreplace(values))
        for (label, z, _), b in zip(slopes, bodies, strict=True)
    }
    named = {
        p: full.define(name, p.xreplace(heads))
        for p, name in named_probabilities(evaluation).items()
    }
    for u, (_, _, slope) in zip(seeds, slopes, strict=True):
        values[u] = full.define(u, slope.xreplace(named).xreplace(heads))
    for name, value in items[known:]:
        values[name] = full.define(name, value.xreplace(values))
    return _all_closed(found, values, full)


def swept(body: Any, definitions: Definitions) -> dict[Any, Any]:
    """{parameter: gradient} of a scalar over some definitions, closed forms."""
    return _all_closed(index_gradient(body, definitions, _is_trained, None), {}, definitions)


def _all_closed(found: Any, values: Any, definitions: Definitions) -> dict[Any, Any]:
    return {
        symbol: _closed(symbol, found[symbol], values, definitions)
        for symbol in sorted(found, key=lambda s: (s.name.lstrip("Wb"), s.name))
    }


def claims(gradient: Any) -> list[tuple[str, Any, Any]]:
    """`cᵀ (∂J/∂W) e`, for columns c and e, is how J moves along `∇(cᵀWe)`."""
    J, items = gradient.evaluation.J, []
    taken = {str(s) for s in J.free_symbols}
    for symbol, formula in gradient.by_parameter().items():
        rows, columns = getattr(symbol, "shape", (1, 1))
        if not hasattr(symbol, "shape"):
            items.append((f"∂J/∂{symbol}", NTCov(J, symbol), formula))
            continue
        names = [f"{letter}_{symbol}" for letter in "ce"]
        left, right = (
            inputs(name + "_prime" * (name in taken), size)
            for name, size in zip(names, (rows, columns), strict=True)
        )
        if columns == 1:
            pair = ScalarProduct(left, symbol), ScalarProduct(left, formula)
        else:
            pair = ScalarProduct(left, symbol * right), ScalarProduct(left, formula * right)
        items.append((f"∂J/∂{symbol} between two columns", NTCov(J, pair[0]), pair[1]))
    return items


def _closed(symbol: Any, found: Any, values: Any, definitions: Definitions) -> Any:
    places, gradient = found
    if isinstance(symbol, ParameterFamily):
        raise NoRuleError(
            f"asked for the gradient by {symbol}, a family of matrices: gradients are written by "
            "scalars, columns and matrices"
        )
    row, column = (p if isinstance(p, Index) else None for p in (places.row, places.column))
    closed = definitions.closing(raised(gradient.xreplace(values), row, column))
    if isinstance(closed, (ClosedForm, ClosedFormMatrix)):
        return closed
    return (ClosedFormMatrix if getattr(closed, "is_Matrix", False) else ClosedForm)(closed, ())


def _is_trained(symbol: Any) -> bool:
    return isinstance(symbol, (Parameter, ParameterMatrix))
