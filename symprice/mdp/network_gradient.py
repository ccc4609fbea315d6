"""The gradient of an objective by the matrices of a network, whose outputs are the logits.

The theorem gives `u = ∂J/∂z`, the gradient by the outputs `z_s = f(x_s)` in every state; one sweep
back through the network makes `∂J/∂W = Σ_s Σ_k u_sk ∂z_sk/∂W` of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from sympy import Add, Dummy, S

from ..closedform import ClosedForm, ClosedFormMatrix, Definitions, hoist
from ..elementwise import ScalarProduct
from ..errors import NoRuleError
from ..indexed.entries import Index
from ..indexed.families import ParameterFamily
from ..indexed.lowering import scalar
from ..indexed.naming import prepared
from ..indexed.raising import raised
from ..networks.logits import SoftmaxEntry
from ..symbols import Name, Observable, Parameter, ParameterMatrix, inputs
from ..tangent.closing import closed_form
from ..tangent.covariance import NTCov
from ..tangent.index_pullback import index_gradient
from .linear import product, short
from .naming import names_of

__all__ = [
    "LogitSlope",
    "by_matrices",
    "claims",
    "paired",
    "scores_of",
    "slopes_of_logits",
    "swept",
]


class LogitSlope(NamedTuple):
    """A logit, how it is called, and the number that its gradient is taken times."""

    label: str
    logit: Any
    slope: Any


class _Head(NamedTuple):
    """The logits of a state, and how the probabilities of the process's actions answer to them."""

    labels: list[str]
    logits: list[Any]
    #: ∂log π(a|s)/∂z_k, by action and logit; None for a softmax, where it is [a = k] - π(k|s).
    scores: list[list[Any]] | None
    #: The place of the action that each logit belongs to.
    own: list[int]


def _head_of(shape: Any, policy: Any, s: int) -> _Head:
    found = policy.heads[s]
    dummies = [Dummy(f"z{k}") for k in range(len(found.logits))]
    values = dict(zip(dummies, found.logits, strict=True))
    free = found.with_logits(dummies)
    places = {a: k for k, a in enumerate(free.actions)}
    have = shape.choices(s)
    names = [shape.actions[a] for a in have]
    order = [places.get(a, k) for k, a in enumerate(names)]
    ps = [free.probabilities[k] for k in order]
    state = shape.states[s]
    each = len(dummies) == len(have)
    own = [have[order.index(k)] for k in range(len(dummies))] if each else []
    labels = [f"{state}_{shape.actions[a]}" for a in own]
    if not each:
        several = len(dummies) > 1
        labels = [f"{state}_{k + 1}" if several else f"{state}" for k in range(len(dummies))]
    if all(p == SoftmaxEntry(k + 1, *dummies) for k, p in zip(order, ps, strict=True)):
        return _Head(labels, list(found.logits), None, own)
    scores: list[list[Any]] = [[S.Zero] * len(dummies) for _ in shape.actions]
    for a, p in zip(have, ps, strict=True):
        scores[a] = [short(p.diff(z) / p).xreplace(values) if p.has(z) else S.Zero for z in dummies]
    return _Head(labels, list(found.logits), scores, own)


def slopes_of_logits(
    shape: Any, policy: Any, pi: Any, visits: Any, weights: Any
) -> list[LogitSlope]:
    """`u = η(s) Σ_a π(a|s) X(s, a) ∂log π(a|s)/∂z` of every logit; of a softmax `η π X`.

    The mean of the weights X over the actions must be zero in every state, as that of advantages.
    """
    found = []
    for s in sorted(policy.heads):
        head = _head_of(shape, policy, s)
        for k, (label, z) in enumerate(zip(head.labels, head.logits, strict=True)):
            if head.scores is None:
                a = head.own[k]
                slope = product(visits[s], pi[s][a], weights[s][a])
            else:
                terms = [
                    p * x * c[k]
                    for p, x, c in zip(pi[s], weights[s], head.scores, strict=True)
                    if c[k] != 0
                ]
                slope = product(visits[s], short(Add(*terms)))
            found.append(LogitSlope(label, z, slope))
    return found


def scores_of(shape: Any, policy: Any, pi: Any) -> list[tuple[str, Any, int, list[Any]]]:
    """(label, logit, state, ∂log π(a|s)/∂z by action) of every logit."""
    found = []
    for s in sorted(policy.heads):
        head = _head_of(shape, policy, s)
        for k, (label, z) in enumerate(zip(head.labels, head.logits, strict=True)):
            if head.scores is None:
                own = head.own[k]
                column = [
                    (S.One if a == own else S.Zero) - pi[s][own] if a in head.own else S.Zero
                    for a in range(len(shape.actions))
                ]
            else:
                column = [row[k] for row in head.scores]
            found.append((label, z, s, column))
    return found


def paired(z: Any, prop: Any) -> Any:
    """NTCov(z, P), 0 where no parameter trains both."""
    held = [{s for s in e.free_symbols if _is_trained(s)} for e in (z, prop)]
    unknown = any(isinstance(s, Observable) for e in (z, prop) for s in e.free_symbols)
    if not unknown and not (held[0] & held[1]):
        return S.Zero
    return NTCov(z, prop)


def by_matrices(
    shape: Any,
    pi: Any,
    slopes: Iterable[LogitSlope],
    letter: str = "u",
    covariances: Mapping[Any, Any] | None = None,
) -> dict[Any, Any]:
    """{parameter: Σ u ∂z/∂parameter}, closed forms: what comes forward, the slopes u, what goes
    back. Slopes may hold names, of covariances of logits and what is made of them.
    """
    slopes = [each for each in slopes if each.slope != 0]
    if not slopes:
        return {}
    forward = Definitions(set().union(*(z.free_symbols for _, z, _ in slopes)))
    bodies = [hoist(prepared(z), forward) for _, z, _ in slopes]
    seeds = [Name(f"{letter}_{label}") for label, _, _ in slopes]
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
    named = {p: full.define(name, p.xreplace(heads)) for p, name in names_of(shape, pi).items()}
    for name, value in (covariances or {}).items():
        inside = hoist(closed_form(value), full) if value.has(NTCov) else value.xreplace(named)
        named[name] = full.define(name, inside.xreplace(heads))
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


def claims(
    formulas: Mapping[Any, Any], moved: Callable[[Any], Any], held: Any, label: str = "∂J/∂"
) -> list[tuple[str, Any, Any]]:
    """`cᵀ G e`, for columns c and e, is what the gradient G does along `∇(cᵀWe)`: ``moved``."""
    items = []
    taken = {str(s) for s in held}
    for symbol, formula in formulas.items():
        rows, columns = getattr(symbol, "shape", (1, 1))
        if not hasattr(symbol, "shape"):
            items.append((f"{label}{symbol}", moved(symbol), formula))
            continue
        if rows == columns == 1:
            single = formula[0, 0] if getattr(formula, "is_Matrix", False) else formula
            items.append((f"{label}{symbol}", moved(symbol[0, 0]), single))
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
        items.append((f"{label}{symbol} between two columns", moved(pair[0]), pair[1]))
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
