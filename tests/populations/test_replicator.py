"""Replicator and quasispecies, against numerical integration and matrix exponentials."""

from __future__ import annotations

import pickle

import mpmath
import numpy as np
import pytest
from scipy.linalg import expm
from sympy import Matrix, Rational, cancel, lambdify, symbols

from symprice import NoRuleError, ShapeError, check
from symprice.populations.population import Population

x, y, t = symbols("x y t", positive=True)
a, b, c, d = symbols("a b c d", real=True)


def test_the_solution_against_numerical_integration():
    growth = [Rational(1, 2), -1, 2]
    start = [Rational(1, 2), Rational(1, 3), Rational(1, 6)]
    motion = Population(["A", "B", "C"], start, growth=growth).replicator()
    f = [mpmath.mpf(g.p) / g.q if hasattr(g, "p") else mpmath.mpf(g) for g in growth]

    def rate(time, state):
        middle = mpmath.fdot(state, f)
        return [s * (g - middle) for s, g in zip(state, f, strict=True)]

    with mpmath.workdps(25):
        path = mpmath.odefun(rate, 0, [mpmath.mpf(s.p) / s.q for s in start])(mpmath.mpf(3) / 2)
        for value, formula in zip(path, motion.solution(Rational(3, 2)), strict=True):
            assert abs(value - mpmath.mpf(str(formula.evalf(25)))) < mpmath.mpf(10) ** -20
    assert check(motion)
    assert pickle.loads(pickle.dumps(motion)) == motion


@pytest.mark.parametrize("growth", [[a, b], [a * x + b * (1 - x), c * x + d * (1 - x)]])
def test_mean_growth_rises_by_its_variance(growth):
    """df̄/dt by the chain rule along the motion, against Var(f) + E(ḟ)."""
    motion = Population(["A", "B"], [x, 1 - x], growth=growth).replicator()
    mean = x * growth[0] + (1 - x) * growth[1]
    slope = mean.diff(x) * x * (growth[0] - mean)
    found = motion.fitness_change
    assert cancel(found.doit() - slope) == 0
    assert cancel(found.selection.doit() - x * (1 - x) * (growth[0] - growth[1]) ** 2) == 0
    assert check(found, points=5) and check(motion, points=5)
    assert sum(motion.rates).expand() == 0


def test_a_game_against_numerical_integration():
    """Hawks and doves: the equations as functions of time are those that are integrated."""
    growth = [-x + 2 * (1 - x), (1 - x)]
    motion = Population(["hawk", "dove"], [x, 1 - x], growth=growth).replicator()
    right = lambdify(motion.functions, motion.equations[0].rhs, "math")
    share = 0.1
    for _ in range(20000):
        share += 0.001 * right(share, 1 - share)
    assert share == pytest.approx(0.5, abs=1e-4)  # the mixed equilibrium of V = 4, C = 8, scaled
    with pytest.raises(NoRuleError, match="solve_ivp"):
        motion.solution()


def test_quasispecies_is_where_growth_leads():
    rng = np.random.default_rng(5)
    mutation = rng.dirichlet([8, 1, 1, 1], size=4)
    mutation = np.array([np.roll(row, i) for i, row in enumerate(mutation)]).T
    fitness = np.array([4.0, 1.0, 2.5, 0.5])
    found = Population(fitness=fitness).quasispecies(mutation)
    numbers = expm(mutation * fitness * 60) @ np.full(4, 0.25)
    assert np.array(found.equilibrium, dtype=float).ravel() == pytest.approx(
        numbers / numbers.sum(), rel=1e-9
    )
    growth = np.linalg.eigvals(mutation * fitness).real.max()
    assert float(found.mean_growth) == pytest.approx(growth, rel=1e-12)
    assert check(found, points=3)


def test_quasispecies_in_symbols():
    u, s = symbols("u s", positive=True)
    pop = Population(["wild", "mutant"], [x, 1 - x], fitness=[1 + s, 1])
    both = pop.quasispecies(Matrix([[1 - u, u], [u, 1 - u]]))
    one_way = pop.quasispecies(Matrix([[1 - u, 0], [u, 1]]))
    assert cancel(one_way.equilibrium[1] - u * (1 + s) / s) == 0
    for found in (both, one_way):
        values = {u: Rational(1, 50), s: Rational(1, 2)}
        at_rest = found.rates.subs(x, found.equilibrium[0]).subs(values)
        assert all(abs(rate.evalf(30)) < 1e-25 for rate in at_rest)
        # Stable: between, it is approached.
        below = found.rates[0].subs(x, Rational(1, 2)).subs(values)
        assert below > 0
        assert check(found, points=5)


def test_without_mutation_it_is_the_replicator():
    pop = Population(["A", "B"], [x, 1 - x], growth=[a, b])
    rates = pop.quasispecies([[1, 0], [0, 1]]).rates
    assert all(cancel(p - q) == 0 for p, q in zip(rates, pop.replicator().rates, strict=True))


@pytest.mark.parametrize(
    ("mutation", "remedy"),
    [
        ([[1, 0]], "a row and a column for every type"),
        ([[Rational(9, 10), Rational(1, 5)], [Rational(1, 5), Rational(4, 5)]], "sum to 1"),
        ([[2, 0], [-1, 1]], "not negative"),
    ],
)
def test_bad_mutation(mutation, remedy):
    with pytest.raises(ShapeError, match=remedy):
        Population(fitness=[1, 2]).quasispecies(mutation)


def test_no_formula_for_three_types_in_symbols():
    u = symbols("u", positive=True)
    mutation = Matrix(3, 3, lambda i, j: 1 - 2 * u if i == j else u)
    with pytest.raises(NoRuleError, match="substitute numbers"):
        _ = Population(fitness=[1, 2, 3]).quasispecies(mutation).equilibrium


def test_frequencies_that_are_made_of_others_move_as_these():
    """Growth that depends on p of `p²` is refused: how p moves is not said by the types."""
    genotypes = [x**2, 2 * x * (1 - x), (1 - x) ** 2]
    motion = Population(frequencies=genotypes, growth=[x, 1, 0]).replicator()
    for ask in (motion.solution, lambda: motion.equations, motion.fitness_change.doit):
        with pytest.raises(NoRuleError, match="frequencies are made"):
            ask()
    assert Population(frequencies=genotypes, growth=[2, 1, 0]).replicator().solution()[2].has(x)


@pytest.mark.parametrize(
    ("Q", "fitness"),
    [
        ([[Rational(9, 10), 0], [Rational(1, 10), 1]], [Rational(10, 9), 1]),
        ([[Rational(1, 2), 0, 0], [Rational(1, 2), 1, 0], [0, 0, 1]], [4, 2, 1]),
        ([[1, Rational(1, 2)], [0, Rational(1, 2)]], [1, 2]),
    ],
)
def test_types_of_equal_growth(Q, fitness):
    """What leads mutates to what grows as fast: the equilibrium is where the motion comes to."""
    found = Population(fitness=fitness).quasispecies(Matrix(Q))
    grown = np.array((Matrix(Q) * Matrix.diag(*fitness)).tolist(), dtype=float)
    numbers = np.linalg.matrix_power(grown / np.abs(grown).max(), 20_000) @ np.ones(len(fitness))
    shares = numbers / numbers.sum()
    assert np.allclose(np.array(found.equilibrium.T.tolist(), dtype=float), shares, atol=1e-3)


@pytest.mark.parametrize(
    "Q", [Matrix.eye(2), Matrix([[2, 0, 0], [0, 1, 1], [0, 1, 1]]) / 2], ids=str
)
def test_an_equilibrium_that_depends_on_the_start_is_refused(Q):
    with pytest.raises(NoRuleError, match="where one starts"):
        Population(fitness=[1] * Q.rows).quasispecies(Q).equilibrium  # noqa: B018


def test_the_error_threshold():
    u, s = symbols("u s", positive=True)
    wild = Population(fitness=[1 + s, 1]).quasispecies(Matrix([[1 - u, 0], [u, 1]]))
    assert wild.condition == ((1 - u) * (1 + s) > 1)
    lost = wild.equilibrium.subs({s: Rational(1, 10), u: Rational(1, 2)})
    assert lost[0] < 0  # beyond the threshold it is no equilibrium of a population
    assert wild.condition.subs({s: Rational(1, 10), u: Rational(1, 2)}) == False  # noqa: E712


def test_births_are_not_negative():
    """Of negative rates times Q the leading eigenvector has a negative entry."""
    Q = Matrix([[9, 1], [1, 9]]) / 10
    with pytest.raises(ShapeError, match="births"):
        Population(growth=[-1, -2]).quasispecies(Q)
    assert Population(growth=[0, 2]).quasispecies(Q).equilibrium.T == Matrix([[1, 9]]) / 10
