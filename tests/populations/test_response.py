"""Lande's equation, the Kalman gain and evolution strategies, against textbooks and sampling."""

from __future__ import annotations

import numpy as np
import pytest
from sympy import Integer, Matrix, Rational, cancel, diag, exp, log, symbols

from symprice import Parameter, ShapeError, observables
from symprice.populations.response import evolution_strategy, gaussian_fitness, kalman, lande

z, y = symbols("z y", cls=Parameter, real=True)
opt, omega, G, P, r, sigma = symbols("opt omega G P r sigma", positive=True)
W = observables("W")


def test_stabilising_selection_of_one_trait():
    found = lande(gaussian_fitness(z, opt, omega), z, G, P)
    assert cancel(found.doit() - G * (opt - z) / (P + omega)) == 0
    beta = found.inserted(found.quantities["selection gradient"])
    assert cancel(beta - (opt - z) / (P + omega)) == 0
    assert cancel(found.inserted(found.quantities["selection differential"]) - P * beta) == 0
    fitness = (omega / (omega + P)) ** Rational(1, 2) * exp(-((z - opt) ** 2) / (2 * (omega + P)))
    assert (
        (log(found.inserted(found.quantities["mean fitness"])) - log(fitness))
        .expand(force=True)
        .equals(0)
    )
    assert found.check()


def test_stabilising_selection_of_two_traits():
    """β = (P + Ω)⁻¹ (opt - z̄) (Lande 1979), with correlated traits."""
    genetic, phenotypic = Matrix([[2, 1], [1, 3]]), Matrix([[3, 1], [1, 5]])
    width = Matrix([[4, -1], [-1, 2]])
    found = lande(gaussian_fitness([z, y], [opt, 1], width), [z, y], genetic, phenotypic)
    beta = (phenotypic + width).inv() * Matrix([opt - z, 1 - y])
    assert (found.doit() - genetic * beta).expand() == Matrix([0, 0])


def test_directional_selection_of_two_traits_in_symbols():
    """W = exp(b·z): β = b, whatever the variances."""
    a, b, c = symbols("a b c", positive=True)
    found = lande(exp(a * z - b * y), [z, y], diag(c, 2), diag(3 * c, 4))
    assert (found.doit() - Matrix([c * a, -2 * b])).expand() == Matrix([0, 0])


def test_unspecified_fitness():
    found = lande(W, z, G, P)
    assert found.text() == "G Cov(z, W)/(P E(W)) = G NTCov(z, log(E(W)))"
    assert found.check()


def test_against_a_population_of_breeding_values():
    """Genes and environments drawn, fitness by the phenotype, the mean gene of the parents."""
    rng = np.random.default_rng(11)
    count, values = 400_000, {z: 0.2, opt: 1.5, omega: 2.0, G: 0.7, P: 1.2}
    genes = rng.normal(scale=values[G] ** 0.5, size=count)
    seen = values[z] + genes + rng.normal(scale=(values[P] - values[G]) ** 0.5, size=count)
    fitness = np.exp(-((seen - values[opt]) ** 2) / (2 * values[omega]))
    response = (fitness * genes).mean() / fitness.mean()
    found = lande(gaussian_fitness(z, opt, omega), z, G, P)
    expected = float(found.doit().subs(values))
    error = (fitness * (genes - response)).std() / fitness.mean() / count**0.5
    assert abs(response - expected) < 4 * error
    assert abs(response - expected * values[P] / values[G]) > 40 * error


def test_the_kalman_gain():
    """K = Σ Hᵀ (H Σ Hᵀ + R)⁻¹, and the posterior mean by completing the square in θ."""
    q, w = symbols("q w", real=True)
    prior, design = Matrix([[2, 1], [1, 3]]), Matrix([[1, 0], [2, 1]])
    noise = Matrix([[1, Rational(1, 2)], [Rational(1, 2), 2]])
    found = kalman([z, y], prior, [q, w], design, noise)
    gain = prior * design.T * (design * prior * design.T + noise).inv()
    assert found.quantities["gain"] == gain
    missed = Matrix([q, w]) - design * Matrix([z, y])
    assert (found.doit() - gain * missed).expand() == Matrix([0, 0])
    information = prior.inv() + design.T * noise.inv() * design
    posterior = information.inv() * (
        prior.inv() * Matrix([z, y]) + design.T * noise.inv() * Matrix([q, w])
    )
    assert (found.doit() + Matrix([z, y]) - posterior).expand() == Matrix([0, 0])


def test_one_measurement_of_two_quantities_in_symbols():
    q, v = symbols("q v", positive=True)
    gain = kalman([z, y], diag(v, 1), [q], [[1, 2]], r).quantities["gain"]
    assert (gain - Matrix([v, 2]) / (v + 4 + r)).applyfunc(cancel) == Matrix([0, 0])


def test_evolution_strategies_by_sampling():
    rng = np.random.default_rng(2)
    F = z**3 - 2 * z * y + y**2
    found = evolution_strategy(F, [z, y], sigma)
    values = {z: 0.7, y: -0.4, sigma: 0.5}
    noise = rng.normal(size=(2, 500_000))
    moved = [values[p] + 0.5 * e for p, e in zip((z, y), noise, strict=True)]
    fitness = moved[0] ** 3 - 2 * moved[0] * moved[1] + moved[1] ** 2
    samples = fitness * noise / 0.5
    expected = np.array(found.doit().subs(values), dtype=float).ravel()
    error = samples.std(axis=1) / 500_000**0.5
    assert (abs(samples.mean(axis=1) - expected) < 4 * error).all()
    # ∇E F by hand: E F = z³ + 3 σ² z - 2 z y + y² + σ².
    gradient = Matrix([3 * z**2 + 3 * sigma**2 - 2 * y, -2 * z + 2 * y])
    assert (found.doit() - gradient).expand() == Matrix([0, 0])
    assert found.check()


def test_evolution_strategies_of_an_unspecified_fitness():
    assert evolution_strategy(W, z, sigma).check()


@pytest.mark.parametrize(
    ("make", "remedy"),
    [
        (lambda: lande(W, symbols("x"), G, P), "Parameter('x')"),
        (lambda: lande(W, [z, y], G, P), "a row for every trait"),
        (lambda: lande(W, [z, y], Matrix([[1, 2], [0, 1]]), diag(1, 1)), "symmetric"),
        (lambda: gaussian_fitness([z, y], [0, 0], [[1]]), "a row for every trait"),
        (lambda: kalman(z, 1, [1, 2], 1, 1), "a row for every measurement"),
        (lambda: kalman(z, 1, symbols("x"), 1, 0), "measured exactly"),
        (lambda: lande(W, z, -1, 1), "a variance is not negative"),
        (lambda: lande(W, z, 2, 1), "P - G has no negative eigenvalue"),
        (lambda: lande(W, [z, y], [[1, 0.9], [0.9, 1]], diag(1, 1)), "P - G"),
        (lambda: lande(W, [z, y], diag(1, 0), diag(1, 0)), "no inverse"),
        (lambda: lande(Integer(0), z, 1, 1), "W = 0"),
        (lambda: evolution_strategy(W, z, -1), "positive"),
    ],
)
def test_bad_input(make, remedy):
    with pytest.raises(ShapeError) as caught:
        make()
    assert remedy in str(caught.value)
