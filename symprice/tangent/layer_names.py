"""Which layer a name belongs to, `h3`, `W3` and `delta3_prime` to the third; the same network with
another number of layers.
"""

from __future__ import annotations

import re
from typing import Any

from ..closedform import ClosedFormMatrix
from ..errors import NoRuleError, ShapeError
from ..indexed.families import Family
from ..symbols import NameMatrix, ParameterMatrix, expression
from .matrix_closing import is_matrix_level
from .properties import TangentCovariance

__all__ = ["REFERENCE", "Pairs", "by_layer", "covariance_at", "depth_of", "highest", "place"]

# The layer that the others are held to: the first one that has a hidden layer on either side.
REFERENCE = 2
# With four hidden layers two of them have others of their width on either side.
FEWEST = 5

_NUMBERED = re.compile(r"(?P<stem>[A-Za-z_]*[A-Za-z])(?P<number>\d+)(?P<rest>(?:_\w+)?)")

Pairs = list[tuple[Any, Any]]


def place(symbol: Any) -> tuple[str, int] | None:
    """Family and number of the name of a layer: `h3_prime` is ('h{}_prime', 3)."""
    if type(symbol) not in (NameMatrix, ParameterMatrix):
        return None
    found = _NUMBERED.fullmatch(symbol.name)
    return None if found is None else (f"{found['stem']}{{}}{found['rest']}", int(found["number"]))


def highest(expr: Any) -> int:
    """The highest number of a layer in an expression."""
    return max((found[1] for s in expr.free_symbols if (found := place(s))), default=0)


def by_layer(closed: Any) -> dict[int, Pairs]:
    """The definitions of a closed form by the number of their layer."""
    layers: dict[int, Pairs] = {}
    for name, value in closed.definitions.items():
        found = place(name)
        if found is None or isinstance(value, Family):
            kind = "depends on an index" if found else "is no matrix with the number of a layer"
            raise NoRuleError(
                f"asked for a formula for every depth, but the definition {name} {kind}: write a "
                "plain multilayer perceptron, as MLP(d, m, m, m, m, 1), at two inputs"
            )
        layers.setdefault(found[1], []).append((name, value))
    return layers


def _at_depth(prop: Any, old: int, new: int) -> Any:
    """A network of ``old`` layers with ``new`` of them: its second one is repeated, and the last
    ones are renumbered.
    """
    layers = by_layer(prop)
    pairs = [pair for n in (0, 1) for pair in layers.get(n, ())]
    middle = [(n, layers.get(REFERENCE, []), n - REFERENCE) for n in range(REFERENCE, new)]
    for _, layer, shift in (*middle, (new, layers.get(old, []), new - old)):
        pairs += [(_renumbered(name, shift), _renumbered(value, shift)) for name, value in layer]
    return prop.func(_renumbered(prop.expr, new - old), pairs)


def _renumbered(expr: Any, shift: int) -> Any:
    rule = {}
    for symbol in expr.free_symbols:
        if (found := place(symbol)) is not None:
            text = found[0].format(found[1] + shift)
            rule[symbol] = type(symbol)(text, *symbol.shape)
    return expr.xreplace(rule)


def depth_of(covariance: Any) -> int:
    """How many layers the properties have."""
    if not isinstance(covariance, TangentCovariance) or covariance.metric is not None:
        raise ShapeError(
            f"asked for a formula for every depth of {covariance}: write an NTCov or NTVar of a "
            "network, with no metric, which has its parameters one by one"
        )
    for prop in covariance.properties:
        if not (isinstance(prop, ClosedFormMatrix) and is_matrix_level(prop)):
            raise ShapeError(
                f"asked for a formula for every depth of a covariance of {prop}: write one of the "
                "outputs of a network at matrix level, as MLP(d, m, m, m, m, 1)(inputs('x', d))"
            )
    depths = [highest(prop) for prop in covariance.properties]
    if min(depths) < FEWEST or max(depths) != min(depths):
        raise NoRuleError(
            "asked for a formula for every depth, derived from networks of "
            f"{' and '.join(map(str, depths))} layers: the pattern is seen in one network of at "
            f"least {FEWEST}, as MLP(d, m, m, m, m, 1)"
        )
    return depths[0]


def covariance_at(covariance: Any, depth: Any) -> Any:
    """The same covariance of a network with another number of layers."""
    depth = expression(depth, "a closed form at a depth")
    if not (depth.is_Integer and depth >= 2):
        raise ShapeError(
            f"asked for a closed form at the depth {depth}: write the number of layers, 2 or more"
        )
    props = covariance.properties
    return covariance.func(*(_at_depth(prop, highest(prop), int(depth)) for prop in props))
