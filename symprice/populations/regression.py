"""Theorems that come from a least-squares regression: Fisher's, the breeder's, Hamilton's.

What is left over by a regression is uncorrelated with what it is on: the normal equations. Nothing
else is assumed, so each is an identity of every population.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sympy import Add, Eq, Matrix, S, Symbol

from ..errors import ShapeError
from .chain import Chain
from .changes import MeanChange, changed
from .equation import PopulationEquation
from .moments import Cov, Mean, Var
from .rules import BilinearCovariance, PopulationRule
from .selection import PriceForDeviations, discrete
from .short import cancelled

__all__ = ["breeder", "coefficients", "fisher", "hamilton"]


class NormalEquations(PopulationRule):
    """Cov(w, x_j) = Σ_k β_k Cov(x_k, x_j): what w is regressed on explains all its covariance."""

    title = "normal equations"


class ResponseInMean(PopulationRule):
    """E'(u) - E(u) = Cov(w, u)/w̄, Price's equation without transmission."""

    title = "Price's equation"


class SelectionDifferential(PopulationRule):
    """S = E'(z) - z̄ = Cov(w, z)/w̄, Price's equation for the parents."""

    title = "selection differential"


class Regression(PopulationRule):
    """z' = h² z + e, where h² = Cov(z', z)/Var(z) is the slope and e the rest."""

    title = "regression"


class LinearRegression(PopulationRule):
    """Cov(w, e) = 0, where the regression of offspring on parents is linear and fitness depends on
    the parental trait alone.
    """

    title = "linear regression"


class Relatedness(PopulationRule):
    """Cov(y, z) = r Var(z), the coefficient of relatedness r as a regression of partners."""

    title = "relatedness"


def coefficients(y: Any, xs: Sequence[Any], over: tuple[Any, ...]) -> list[Any]:
    """The coefficients of the least-squares regression of y on all x together, by Cramer's rule.

    Of x that are linear functions of the others the coefficient is 0.

    Examples
    ========

    >>> from symprice.populations.moments import traits
    >>> from symprice.populations.regression import coefficients
    >>> w, x = traits('w x')
    >>> coefficients(w, [x], ())
    [Cov(w, x)/Var(x)]
    """
    chosen = _independent(xs, over) if over else list(range(len(xs)))
    used = [xs[i] for i in chosen]
    gram = Matrix(len(used), len(used), lambda i, j: Cov(used[i], used[j], *over))
    right = Matrix([Cov(y, x, *over) for x in used])
    whole = gram.det(method="berkowitz")
    found = [S.Zero] * len(xs)
    for place, i in enumerate(chosen):
        column = gram.copy()
        column[:, place] = right
        found[i] = column.det(method="berkowitz") / whole
    return found


def _independent(xs: Sequence[Any], over: tuple[Any, ...]) -> list[int]:
    """Which of the quantities are no linear functions of the ones before."""
    chosen: list[int] = []
    for i, _ in enumerate(xs):
        tried = [*chosen, i]
        gram = Matrix([[Cov(xs[j], xs[k], *over).doit() for k in tried] for j in tried])
        whole = gram.det(method="berkowitz")
        if cancelled(whole) != 0:
            chosen = tried
    if not chosen:
        raise ShapeError(
            f"asked for a regression on {', '.join(map(str, xs))}, which do not vary in the "
            "population"
        )
    return chosen


def _require_variance(population: Any, z: Any, what: str) -> None:
    """Raise where a trait is the same in all types: there is no regression on it."""
    if population.over and cancelled(Var(z, *population.over).doit()) == 0:
        raise ShapeError(f"asked for {what} of {z}, which does not vary in the population")


def fisher(population: Any, genes: Sequence[Any]) -> PopulationEquation:
    """Δ_NS w̄ = V_A/w̄, with the average effects of the genes as they are before selection."""
    over, w = population.over, population.trait(population.fitness)
    xs = [population.trait(gene) for gene in genes]
    names = ["alpha"] if len(xs) == 1 else [f"alpha_{i + 1}" for i in range(len(xs))]
    alphas = [Symbol(name, real=True) for name in names]
    values = coefficients(w, xs, over)
    if not over and len(xs) > 1:  # the last by its own normal equation, which is shorter
        known = Add(*(a * Cov(x, xs[-1]) for a, x in zip(alphas[:-1], xs[:-1], strict=True)))
        values[-1] = (Cov(w, xs[-1]) - known) / Var(xs[-1])
    given = [Eq(a, v, evaluate=False) for a, v in zip(alphas, values, strict=True)]
    breeding = Add(*(a * x for a, x in zip(alphas, xs, strict=True)))
    mean = Mean(w, *over)
    chain = Chain(MeanChange(breeding, breeding, w, *over))
    chain.to(ResponseInMean(), Cov(w, breeding, *over) / mean)
    chain.by(BilinearCovariance())
    pairs = [
        (a, x, b, y)
        for a, x in zip(alphas, xs, strict=True)
        for b, y in zip(alphas, xs, strict=True)
    ]
    explained = Add(*(a * b * Cov(x, y, *over) for a, x, b, y in pairs))
    chain.to(NormalEquations(), (explained / mean).expand(), given)
    additive = Var(breeding, *over)
    chain.to(BilinearCovariance(), additive / mean)
    quantities = {"additive variance": additive, "breeding value": breeding}
    parts = {"selection": additive / mean}
    return PopulationEquation(chain.start, parts, chain.derivation, given, quantities)


def breeder(population: Any, z: Any) -> PopulationEquation:
    """R = h² S, and Cov(w, e)/w̄ where the rest e of the regression covaries with fitness."""
    _require_variance(population, z, "the heritability")
    over, w = population.over, population.trait(population.fitness)
    child, mean = changed(z), Mean(w, *over)
    h2 = Symbol("h__2", real=True)
    slope = Cov(child, z, *over) / Var(z, *over)
    given = [Eq(h2, slope, evaluate=False)]
    rest = child - h2 * z
    chain = Chain(MeanChange(child, child, w, *over))
    chain.to(ResponseInMean(), Cov(w, child, *over) / mean)
    residual = Cov(w, rest, *over) / mean
    chain.to(Regression(), h2 * Cov(w, z, *over) / mean + residual)
    differential = MeanChange(z, z, w, *over)
    chain.to(SelectionDifferential(), h2 * differential + residual)
    parts = {"selection": h2 * differential}
    value = residual.doit().xreplace({h2: slope.doit()}) if over else S.Zero
    if cancelled(value) == 0:
        assumed = Eq(Cov(w, rest, *over), 0, evaluate=False)
        chain.to(LinearRegression(), h2 * differential, given if over else [assumed])
    else:
        parts["transmission"] = residual
    quantities = {"heritability": slope, "selection differential": differential, "rest": rest}
    return PopulationEquation(chain.start, parts, chain.derivation, given, quantities)


def hamilton(population: Any, z: Any, partner: Any) -> PopulationEquation:
    """w̄ Δz̄ = (r B - C) Var(z), from fitness regressed on the own trait and the partner's."""
    _require_variance(population, z, "the relatedness of partners by a regression")
    over, w = population.over, population.trait(population.fitness)
    benefit, cost, related = (Symbol(name, real=True) for name in "BCr")
    own, social = coefficients(w, [z, partner], over)
    if not over:  # by its own normal equation, which is shorter
        social = (Cov(w, partner) + cost * Cov(partner, z)) / Var(partner)
    regression = [Eq(cost, -own, evaluate=False), Eq(benefit, social, evaluate=False)]
    relatedness = Eq(related, Cov(partner, z, *over) / Var(z, *over), evaluate=False)
    one = discrete(population, z, transmission=False)
    chain = Chain(one.args[0])
    chain.to(PriceForDeviations(), one.change)
    chain.to(NormalEquations(), benefit * Cov(partner, z, *over) - cost * Var(z, *over), regression)
    chain.to(Relatedness(), (related * benefit - cost) * Var(z, *over), [relatedness])
    quantities = {"benefit": benefit, "cost": cost, "relatedness": related}
    parts = {"selection": chain.current}
    return PopulationEquation(
        chain.start, parts, chain.derivation, [*regression, relatedness], quantities
    )
