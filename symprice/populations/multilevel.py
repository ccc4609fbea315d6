"""Price's equation for groups within groups: selection between groups and within them.

`w̄ Δz̄ = Cov_g(E_i(w), E_i(z)) + E_g(Cov_i(w, z)) + E_g(E_i(w Δz))`, and the same again inside of
every group.
"""

from __future__ import annotations

from typing import Any

from sympy import Add

from ..errors import ShapeError
from .chain import Chain
from .changes import MeanChange, changed
from .equation import PopulationEquation
from .levels import Level, depth_of
from .moments import Cov, Mean, Moment
from .rules import TotalCovariance, TotalExpectation
from .selection import PriceForDeviations, discrete

__all__ = ["multilevel"]

_LETTERS = "ghkm"


def multilevel(population: Any, z: Any, groups: Any, names: Any) -> PopulationEquation:
    """The selection between groups, within them, and the transmission, one level after another."""
    if population.is_specified:
        if groups is not None:
            population = population.divided(groups)
        depths = len(population.args[7][0]) + 1 if population.args[7] else 0
        if not depths:
            raise ShapeError(
                "asked for selection between groups of a population without groups: write "
                "multilevel(z, groups=[...]) with the group of every type"
            )
    else:
        depths = 2 if groups is None else groups + 1 if isinstance(groups, int) else 0
        if depths < 2:
            raise ShapeError(
                f"asked for the groups {groups!r} of a population without types: write the number "
                "of levels above the individuals, 1 or more"
            )
    letters = [*(_LETTERS[: depths - 1] if names is None else names)]
    letters += ["i"] if names is None or len(letters) < depths else []
    if len(letters) != depths or len(set(letters)) < depths:
        raise ShapeError(
            f"asked for {depths - 1} levels of groups with the letters {', '.join(letters)}: write "
            "a letter for each level, and one for the individuals"
        )
    return _derived(population, z, letters)


def _derived(population: Any, z: Any, letters: list[str]) -> PopulationEquation:
    depths, tail = len(letters), population.over
    one = discrete(population, z)
    w = population.trait(population.fitness)
    chain = Chain(Mean(w, *tail) * MeanChange(z, changed(z), w, *tail))
    chain.to(PriceForDeviations(), one.change)
    for depth in range(1, depths):
        outer = Level(letters[depth - 1], depth - 1, depth, depths, *tail)
        inner = Level(letters[-1], depth, depths, depths, *tail)
        for rule, kind in ((TotalCovariance(), Cov), (TotalExpectation(), Mean)):
            chain.to(rule, _split(chain.current, rule, kind, outer, inner))
    parts = {}
    for term in Add.make_args(chain.current):
        parts[_part_name(term, letters)] = term
    parts["selection"] = Add(*(v for k, v in parts.items() if k != "transmission"))
    found = PopulationEquation(chain.start, _in_order(parts, letters), chain.derivation)
    return found


def _split(expr: Any, rule: Any, kind: type, outer: Level, inner: Level) -> Any:
    """Every moment over the individuals below a depth, split into groups and their members."""
    replaced = {}
    for node in expr.atoms(Moment):
        over = node.over
        individual = depth_of(node.values[0]) > inner.depths
        spans = (over.top, over.bottom) if isinstance(over, Level) else (0, inner.depths)
        if type(node) is kind and individual and spans == (outer.top, inner.bottom):
            replaced[node] = rule.split(node, outer, inner)
    found = expr.xreplace(replaced)
    return found.replace(
        lambda e: isinstance(e, Mean) and isinstance(e.values[0], Add),
        lambda e: Add(*(e.on(term) for term in e.values[0].args)),
    )


def _part_name(term: Any, letters: list[str]) -> str:
    covariances = [c for c in term.atoms(Cov) if depth_of(c) == _outermost(term)]
    if not covariances:
        return "transmission"
    cov = min(covariances, key=lambda c: c.over.top)
    return "within groups" if cov.over.bottom == len(letters) else f"between {cov.over.name}"


def _outermost(term: Any) -> int:
    return min((depth_of(c) for c in term.atoms(Cov)), default=0)


def _in_order(parts: dict[str, Any], letters: list[str]) -> dict[str, Any]:
    order = [*(f"between {name}" for name in letters), "within groups", "selection", "transmission"]
    return {name: parts[name] for name in order if name in parts}
