"""Fisher's theorem, the breeder's equation and Hamilton's rule, against counting and simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from sympy import Eq, Rational, cancel, symbols

from symprice import ShapeError, check
from symprice.populations.moments import Cov, traits
from symprice.populations.population import Population
from tests.populations.enumeration import covariance, exact, mean, offspring, populations
from tests.populations.test_price import ABSTRACT, specified


def additive_variance(shares, fitness, genes):
    """V_A by solving the normal equations in fractions, dependent genes left out."""
    rows = [[covariance(shares, a, b) for b in genes] for a in genes]
    right = [covariance(shares, a, fitness) for a in genes]
    size = len(genes)
    table = [[*row, value] for row, value in zip(rows, right, strict=True)]
    for i in range(size):
        pivot = next((r for r in range(i, size) if table[r][i] != 0), None)
        if pivot is None:
            return None
        table[i], table[pivot] = table[pivot], table[i]
        table[i] = [value / table[i][i] for value in table[i]]
        for r in range(size):
            if r != i:
                table[r] = [a - table[r][i] * b for a, b in zip(table[r], table[i], strict=True)]
    alphas = [row[-1] for row in table]
    breeding = [
        sum(a * gene[i] for a, gene in zip(alphas, genes, strict=True)) for i in range(len(shares))
    ]
    return covariance(shares, breeding, breeding)


@settings(max_examples=12)
@given(populations(smallest=4))
def test_fisher_by_enumeration(p):
    expected = additive_variance(p["x"], p["w"], [p["z"], p["y"]])
    assume(expected is not None)
    found = specified(p).fisher("z", "y")
    assert found.inserted(found.quantities["additive variance"]) == exact(expected)
    left, right = found.both_sides().args
    assert left == right == exact(expected / mean(p["x"], p["w"]))


def test_fisher_at_a_locus_in_hardy_weinberg_proportions():
    """V_A = 2 p q α² with the average effect α = a + d (q - p) (Falconer & Mackay 1996, ch. 8)."""
    p, a, d, m = symbols("p a d m", positive=True)
    q = 1 - p
    pop = Population(
        ["AA", "Aa", "aa"], [p**2, 2 * p * q, q**2], [m + a, m + d, m - a], {"x": [2, 1, 0]}
    )
    found = pop.fisher("x")
    textbook = 2 * p * q * (a + d * (q - p)) ** 2
    assert cancel(found.inserted(found.quantities["additive variance"]) - textbook) == 0
    fitness = p**2 * (m + a) + 2 * p * q * (m + d) + q**2 * (m - a)
    assert cancel(found.doit() - textbook / fitness) == 0
    # The change of the frequency of A by counting, times 2α, is the change of the breeding values.
    after = (p**2 * (m + a) + p * q * (m + d)) / fitness
    assert cancel(found.doit() - 2 * (a + d * (q - p)) * (after - p)) == 0


def test_genes_that_determine_each_other():
    pop = Population(fitness=[1, 2, 4], traits={"A": [2, 1, 0], "a": [0, 1, 2]})
    one, both = pop.fisher("A"), pop.fisher("A", "a")
    assert one.doit() == both.doit() == Rational(2, 3) * Rational(9, 4) / Rational(7, 3)
    with pytest.raises(ShapeError, match="do not vary"):
        Population(fitness=[1, 2], traits={"x": [1, 1]}).fisher("x")


@settings(max_examples=12)
@given(populations(smallest=3))
def test_breeder_by_enumeration(p):
    variance = covariance(p["x"], p["z"], p["z"])
    assume(variance != 0)
    new = offspring(p["x"], p["w"])
    response = mean(new, p["after"]) - mean(p["x"], p["after"])
    found = specified(p).breeder("z")
    assert found.inserted(found.change) == exact(response)
    h2 = covariance(p["x"], p["z"], p["after"]) / variance
    assert found.quantities["heritability"].doit() == exact(h2)
    differential = mean(new, p["z"]) - mean(p["x"], p["z"])
    assert found.inserted(found.selection) == exact(h2 * differential)
    assert found.inserted(found.transmission) == exact(response - h2 * differential)


def test_breeder_where_offspring_regress_on_their_parents():
    half = [Rational(k, 2) for k in range(4)]
    pop = Population(
        fitness=[1, 2, 2, 5], traits={"z": [0, 1, 2, 3]}, offspring={"z": [1 + h for h in half]}
    )
    found = pop.breeder("z")
    assert found.transmission == 0
    assert found.text() == "ΔE(z + Δz) = h² Δz̄"
    assert found.doit() == Rational(1, 2) * (Rational(21, 10) - Rational(3, 2))


def test_breeder_in_a_simulation():
    """Phenotype = breeding value + environment; truncation selection; R = h² S in the offspring."""
    rng = np.random.default_rng(3)
    count, additive, environment = 200_000, 0.6, 0.4
    g = rng.normal(scale=additive**0.5, size=count)
    z = g + rng.normal(scale=environment**0.5, size=count)
    w = (z > 0.5).astype(float)
    children = g + rng.normal(scale=environment**0.5, size=count)
    named = ABSTRACT.breeder("z")
    h2 = np.cov(z, children, bias=True)[0, 1] / z.var()
    selected = z > 0.5
    S, R = z[selected].mean() - z.mean(), children[selected].mean() - children.mean()
    assert h2 == pytest.approx(additive, abs=4 / count**0.5)
    assert abs(R - h2 * S) < 4 / selected.sum() ** 0.5
    assert abs(R - S) > 40 / selected.sum() ** 0.5
    parts = named.lambdify(None)
    assert parts(w=w, z=z, Delta_z=children - z)["selection"] == pytest.approx(h2 * S)


@settings(max_examples=12)
@given(populations(smallest=3))
def test_hamilton_by_enumeration(p):
    x = p["x"]
    zz, yy, zy = (covariance(x, a, b) for a, b in (
        (p["z"], p["z"]), (p["y"], p["y"]), (p["z"], p["y"])))  # fmt: skip
    assume(zz * yy != zy * zy)
    wz, wy = covariance(x, p["w"], p["z"]), covariance(x, p["w"], p["y"])
    cost = -(wz * yy - wy * zy) / (zz * yy - zy**2)
    benefit = (wy * zz - wz * zy) / (zz * yy - zy**2)
    found = specified(p).hamilton("z", "y")
    assert [found.inserted(found.quantities[k]) for k in ("benefit", "cost", "relatedness")] == [
        exact(benefit), exact(cost), exact(zy / zz),
    ]  # fmt: skip
    change = mean(offspring(x, p["w"]), p["z"]) - mean(x, p["z"])
    left, right = found.both_sides().args
    assert left == right == exact(mean(x, p["w"]) * change)


def test_hamilton_of_a_known_game():
    """Fitness 1 - c z + b y: the coefficients are those, whatever the frequencies of pairs."""
    p, r, b, c = symbols("p r b c", positive=True)
    q = 1 - p
    shares = [p * (p + r * q), p * q * (1 - r), p * q * (1 - r), q * (q + r * p)]
    z, y = [1, 1, 0, 0], [1, 0, 1, 0]
    fitness = [1 - c * i + b * j for i, j in zip(z, y, strict=True)]
    pop = Population(None, [s.expand() for s in shares], fitness, {"z": z, "y": y})
    found = pop.hamilton("z", "y")
    values = [found.inserted(found.quantities[k]) for k in ("benefit", "cost", "relatedness")]
    assert [cancel(v - e) for v, e in zip(values, (b, c, r), strict=True)] == [0, 0, 0]
    assert cancel(found.doit() - (r * b - c) * p * q) == 0


def test_a_false_rule_is_found():
    found = ABSTRACT.hamilton("z", "y")
    r = found.quantities["relatedness"]
    step = found.derivation.steps[-1]
    assert not check(step.func(step.rule, step.before, step.after * r, step.given), points=3)
    w, x = traits("w x")
    assert not check(Eq(Cov(w, x), 2 * Cov(w, x)), points=3)
