"""Reverse accumulation over named definitions: adjoints, node by node, from the output back to the
parameters.

A gradient comes out as *groups*: for every definition the adjoint δ that reaches it and the local
derivative by each coordinate in it, `∂f/∂θ = Σ_k δ_k c_kθ`. Nothing is multiplied out, so a
covariance of two gradients factors by itself: `Σ_kk' δ_k δ'_k' Σ_θ c_kθ c'_k'θ`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from sympy import Add, S

from ..closedform import Definitions
from ..nodes import Node
from ..symbols import Name
from .partials import partials

__all__ = ["Group", "adjoint_name", "backwards", "gradient_groups", "local_derivatives"]


class Group(NamedTuple):
    """The part of a gradient that comes through one definition."""

    adjoint: Any
    coefficients: dict[Any, Any]


def adjoint_name(name: Name) -> Name:
    """The name of the adjoint of a definition: ``delta1_2`` for ``h1_2``, ``epsilon1_2`` for that,
    else ``delta_`` before the name.
    """
    if re.fullmatch(r"h\d.*", name.name):
        return Name("delta" + name.name[1:])
    if re.fullmatch(r"delta\d.*", name.name):
        return Name("epsilon" + name.name[5:])
    return Name(f"delta_{name.name}")


def local_derivatives(expr: Any, leaves: set[Any]) -> dict[Any, Any]:
    """The partial derivatives of a shallow expression by its leaves: the symbols in ``leaves``, and
    covariances.

    One sweep from the root, so that an affine sum of n terms costs n, not n².
    """
    found: dict[Any, list[Any]] = {}

    def active(node: Any) -> bool:
        return not leaves.isdisjoint(node.free_symbols)

    stack: list[tuple[Any, Any]] = [(expr, S.One)] if active(expr) else []
    while stack:
        node, cotangent = stack.pop()
        if node in leaves or isinstance(node, Node):
            found.setdefault(node, []).append(cotangent)
            continue
        for partial, argument in partials(node, active):
            stack.append((argument, partial if cotangent is S.One else cotangent * partial))
    return {leaf: Add(*parts) for leaf, parts in found.items()}


def gradient_groups(
    body: Any, definitions: Definitions, is_coordinate: Callable[[Any], bool]
) -> list[Group]:
    """The gradient of ``body`` over the definitions, by the symbols that ``is_coordinate`` accepts.

    Adjoints that several definitions need are added to ``definitions`` under names of their own.
    """
    forward = list(definitions.items())
    leaves = _active_symbols(body, forward, is_coordinate)
    names = {name for name, _ in forward}
    values = definitions.named()
    arriving: dict[Any, list[Any]] = {}
    result: list[Group] = []

    def send(expr: Any, adjoint: Any) -> None:
        locals_ = {
            leaf: value.xreplace(values) for leaf, value in local_derivatives(expr, leaves).items()
        }
        for leaf, value in locals_.items():
            if leaf in names:
                arriving.setdefault(leaf, []).append(adjoint * value)
        own = {leaf: value for leaf, value in locals_.items() if leaf not in names and value != 0}
        if own:
            result.append(Group(adjoint, own))

    send(body, S.One)
    for name, value in backwards(forward):
        if name not in arriving:
            continue
        adjoint = Add(*arriving[name])
        if adjoint == 0:
            continue
        uses = sum(1 for symbol in value.free_symbols if symbol in leaves)
        if uses > 1 and adjoint.args:
            adjoint = definitions.define(adjoint_name(name), adjoint)
        send(value, adjoint)
    return result


def backwards(forward: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """The definitions from the output back, neurons of one depth in their own order."""
    depth: dict[Any, int] = {}
    for name, value in forward:
        depth[name] = 1 + max((depth.get(symbol, 0) for symbol in value.free_symbols), default=0)
    return sorted(forward, key=lambda pair: -depth[pair[0]])


def _active_symbols(
    body: Any, forward: list[tuple[Any, Any]], is_coordinate: Callable[[Any], bool]
) -> set[Any]:
    """The coordinates, and the names whose values depend on them."""
    leaves: set[Any] = set()
    for name, value in (*forward, (None, body)):
        before = len(leaves)
        free = value.free_symbols
        leaves.update(symbol for symbol in free if is_coordinate(symbol))
        if name is not None and (len(leaves) > before or not leaves.isdisjoint(free)):
            leaves.add(name)
    return leaves
