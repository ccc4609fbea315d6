"""Price's equation of a population, against enumeration in exact rationals and a simulation."""

from __future__ import annotations

import pickle
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from sympy import Eq, Matrix, Rational, Symbol, symbols

from symprice import ShapeError, check
from symprice.derivation import Derivation, Step
from symprice.populations.changes import MeanChange
from symprice.populations.moments import Cov, Mean, TraitChange, Var, traits
from symprice.populations.population import Population
from symprice.populations.rules import CovarianceFromMeans
from tests.populations.enumeration import covariance, exact, mean, offspring, parts, populations

w, z, f = traits("w z f")
ABSTRACT = Population()


def specified(p, **more):
    columns = {name: list(map(exact, p[name])) for name in ("x", "w", "z", "y", "after")}
    return Population(
        None,
        columns["x"],
        columns["w"],
        {"z": columns["z"], "y": columns["y"]},
        {"z": columns["after"]},
        **more,
    )


@settings(max_examples=12)
@given(populations())
def test_price_by_enumeration(p):
    found = specified(p).price("z")
    new = offspring(p["x"], p["w"])
    change = mean(new, p["after"]) - mean(p["x"], p["z"])
    transmission = mean(
        p["x"], [a * (c - b) for a, b, c in zip(p["w"], p["z"], p["after"], strict=True)]
    )
    assert found.selection.doit() == exact(covariance(p["x"], p["w"], p["z"]))
    assert found.transmission.doit() == exact(transmission)
    left, right = found.both_sides().args
    assert left == right == exact(mean(p["x"], p["w"]) * change)


@settings(max_examples=12)
@given(populations())
def test_variance_by_enumeration(p):
    new = offspring(p["x"], p["w"])
    change = covariance(new, p["z"], p["z"]) - covariance(p["x"], p["z"], p["z"])
    found = specified(p).variance_change("z")
    assert found.doit() == exact(change)
    assert (found.selection + found.curvature - found.change).doit() == 0


@settings(max_examples=12)
@given(populations())
def test_bayes_by_enumeration(p):
    new = offspring(p["x"], p["w"])
    change = mean(new, p["z"]) - mean(p["x"], p["z"])
    found = specified(p).bayes("z")
    assert found.doit() == exact(change)
    assert found.quantities["posterior mean"].doit() == exact(mean(new, p["z"]))
    assert found.quantities["evidence"].doit() == exact(mean(p["x"], p["w"]))


@settings(max_examples=12)
@given(populations(smallest=3))
def test_groups_by_enumeration(p):
    """Between and within groups, the groups' means and shares counted by hand."""
    groups = parts(p["outer"])
    shares = [sum(p["x"][i] for i in group) for group in groups]
    inside = [[p["x"][i] / s for i in group] for group, s in zip(groups, shares, strict=True)]

    def of(name, k):
        return [p[name][i] for i in groups[k]]

    means = {n: [mean(inside[k], of(n, k)) for k in range(len(groups))] for n in ("w", "z")}
    within = mean(
        shares, [covariance(inside[k], of("w", k), of("z", k)) for k in range(len(groups))]
    )
    found = specified(p).multilevel("z", groups=p["outer"])
    assert found.parts["within groups"].doit() == exact(within)
    between = exact(covariance(shares, means["w"], means["z"]))
    # Of a single group, nothing is between.
    assert found.parts["between g"].doit() == between
    assert found.selection.doit() == exact(covariance(p["x"], p["w"], p["z"]))
    left, right = found.both_sides().args
    assert left == right


@settings(max_examples=12)
@given(populations(smallest=3))
def test_groups_in_groups_add_up(p):
    found = specified(p).multilevel("z", groups=[p["outer"], p["inner"]])
    assert set(found.parts) == {
        "between g", "between h", "within groups", "selection", "transmission",
    }  # fmt: skip
    selection = sum(found.parts[k] for k in ("between g", "between h", "within groups")).doit()
    assert selection == exact(covariance(p["x"], p["w"], p["z"]))
    # The innermost groups by themselves: what is within them is the same as with one level.
    both = [f"{a}{b}" for a, b in zip(p["outer"], p["inner"], strict=True)]
    one = specified(p).multilevel("z", groups=both)
    assert found.parts["within groups"].doit() == one.parts["within groups"].doit()


@settings(max_examples=12)
@given(populations())
def test_continuous_time_is_the_limit_of_growth(p):
    """By a difference quotient of Σ n z/Σ n with n = x (1 + h f)."""
    growth = [a - b for a, b in zip(p["w"], p["y"], strict=True)]
    rates = p["after"]
    columns = {k: list(map(exact, v)) for k, v in (("x", p["x"]), ("f", growth), ("r", rates))}
    pop = Population(
        None, columns["x"], growth=columns["f"], traits={"z": list(map(exact, p["z"]))},
        rates={"z": columns["r"]},
    )  # fmt: skip
    slope = covariance(p["x"], growth, p["z"]) + mean(p["x"], rates)
    for h in (Fraction(1, 10**6), Fraction(1, 10**9)):
        numbers = [x * (1 + h * g) for x, g in zip(p["x"], growth, strict=True)]
        assume(sum(numbers) != 0)
        moved = [a + h * r for a, r in zip(p["z"], rates, strict=True)]
        ahead = mean([n / sum(numbers) for n in numbers], moved)
        quotient = (ahead - mean(p["x"], p["z"])) / h
        assert abs(quotient - slope) < 1000 * h
    assert pop.continuous("z").doit() == exact(slope)


def test_both_sides_in_continuous_time():
    pop = Population(growth=[1, -2], traits={"z": [0, 3]}, rates={"z": [1, 1]})
    assert pop.continuous("z").both_sides() == Eq(Rational(-5, 4), Rational(-5, 4), evaluate=False)


RESULTS = {
    "price": ABSTRACT.price("z"),
    "price of a square": ABSTRACT.price(z**2),
    "without transmission": ABSTRACT.price("z", transmission=False),
    "continuous": ABSTRACT.continuous("z"),
    "variance": ABSTRACT.variance_change("z"),
    "groups": ABSTRACT.multilevel("z"),
    "groups in groups": ABSTRACT.multilevel("z", 2),
    "bayes": ABSTRACT.bayes("theta"),
    "fisher": ABSTRACT.fisher("x"),
    "fisher, two genes": ABSTRACT.fisher("x", "y"),
    "breeder": ABSTRACT.breeder("z"),
    "hamilton": ABSTRACT.hamilton("z", "y"),
}


@pytest.mark.parametrize("name", RESULTS)
def test_every_step_holds_and_results_are_objects(name):
    found = RESULTS[name]
    assert check(found, points=6)
    assert found.derivation.start == found.args[0]
    total = sum(
        v for k, v in found.parts.items() if k in ("selection", "transmission", "curvature")
    )
    assert (total - found.change).expand() == 0
    assert found.func(*found.args) == found
    assert pickle.loads(pickle.dumps(found)) == found
    assert found.latex().count("{") == found.latex().count("}")
    assert all(found.derivation.continues(i) for i in range(1, len(found.derivation)))


def test_a_wrong_step_is_found():
    step = RESULTS["price"].derivation.steps[-1]
    wrong = Step(CovarianceFromMeans(), step.before, step.after + Cov(w, z))
    assert not check(Derivation([wrong]), points=3)
    assert not check(Eq(Mean(w * z), Mean(w) * Mean(z)), points=3)
    assert not check(Eq(MeanChange(z, z, w), Cov(w, z)), points=3)


def test_the_form_of_the_equation():
    found = ABSTRACT.price("z")
    w = ABSTRACT.fitness
    assert found.equation.rhs == Cov(w, z) + Mean(w * TraitChange(z))
    assert found.text() == "w̄ Δz̄ = Cov(w, z) + E(w Δz)"
    assert found.noise == found.curvature == found.remainder == 0


def test_symbols_of_frequencies_sum_to_one():
    x1, x2, x3, s = symbols("x1 x2 x3 s", positive=True)
    pop = Population(None, [x1, x2, x3], [1, 1 + s * x3, 2], {"z": [0, 1, x3]})
    assert pop.frequencies == (x1, x2, 1 - x1 - x2)
    assert x3 not in pop.free_symbols
    assert check(pop.price("z"), points=4)


def test_arrays():
    rng = np.random.default_rng(1)
    w, z, d = rng.gamma(2, size=400), rng.normal(size=400), rng.normal(size=400)
    pop = Population(fitness=w, traits={"z": z}, offspring={"z": z + d})
    found = pop.price("z")
    expected = np.cov(w, z, bias=True)[0, 1]
    assert float(found.selection.doit()) == pytest.approx(expected, rel=1e-12)
    named = ABSTRACT.price("z").lambdify()(w=w, z=z, Delta_z=d)
    assert named["selection"] == pytest.approx(expected, rel=1e-12)
    assert named["transmission"] == pytest.approx(np.mean(w * d), rel=1e-12)
    assert named["left"] == pytest.approx(named["selection"] + named["transmission"], rel=1e-12)
    variance = ABSTRACT.variance_change("z").lambdify()(w=w, z=z)
    share = w / w.sum()
    after = share @ (z - share @ z) ** 2
    assert variance["left"] == pytest.approx(after - z.var(), rel=1e-12)
    assert sum(v for k, v in variance.items() if k != "left") == pytest.approx(variance["left"])


def test_a_simulation_of_individuals():
    """Exact for the children that were born; within the standard error for expected numbers."""
    rng = np.random.default_rng(7)
    count = 4000
    z = rng.normal(size=count)
    expected = np.exp(0.4 * z)
    children = rng.poisson(expected)
    births = np.repeat(z, children) + rng.normal(scale=0.3, size=children.sum()) - 0.1
    ends = np.cumsum(children)
    average = np.array(
        [births[e - n : e].mean() if n else 0.0 for e, n in zip(ends, children, strict=True)]
    )
    delta = np.where(children > 0, average - z, 0.0)
    parts = ABSTRACT.price("z").lambdify()(w=children, z=z, Delta_z=delta)
    change = births.mean() - z.mean()
    right = parts["selection"] + parts["transmission"]
    assert right == pytest.approx(children.mean() * change, rel=1e-10)
    ideal = ABSTRACT.price("z").lambdify()(w=expected, z=z, Delta_z=np.full(count, -0.1))
    predicted = (ideal["selection"] + ideal["transmission"]) / expected.mean()
    error = np.sqrt((z.var() + 0.09) / len(births)) + 1 / np.sqrt(count)
    assert abs(change - predicted) < 4 * error
    assert abs(change - predicted - 0.1) > 4 * error / 5  # without transmission it does not fit


@pytest.mark.parametrize(
    ("make", "remedy"),
    [
        (lambda: Population(frequencies=[Rational(1, 2), Rational(1, 3)]), "sum to 1"),
        (lambda: Population(frequencies=[0.5, 0.6]), "sum to 1"),
        (lambda: Population(frequencies=[Rational(3, 2), -Rational(1, 2)]), "not negative"),
        (lambda: Population(frequencies=[Symbol("p"), Symbol("p")]), "write 1 - p"),
        (lambda: Population(fitness=[1, -1]), "growth=..."),
        (lambda: Population(fitness=[1, 2], traits={"z": [1]}), "one for each type"),
        (lambda: Population(fitness=[1, 2]).price("z"), "traits={'z': [...]}"),
        (lambda: Population(traits={"z": [1, 2]}).price("z"), "fitness=[...]"),
        (lambda: Population(traits={"z": [1, 2]}).replicator(), "growth=[...]"),
        (lambda: Population(fitness=[1, 2], offspring={"z": [1, 2]}), "add z to traits"),
        (lambda: Population(fitness="ab"), "a list or an array"),
        (lambda: Population(fitness=[1, float("nan")]), "nan"),
        (lambda: Population(["A", "A"], fitness=[1, 2]), "distinct"),
        (lambda: Population(["A"], fitness=[1, 2]), "in their order"),
        (lambda: Population(fitness=[1, 2], traits={"z": [1, 2]}).multilevel("z"), "groups=[...]"),
        (lambda: Population(fitness=[0, 0], traits={"z": [1, 2]}).price("z"), "zero"),
        (lambda: Population(frequencies=[1, 0], fitness=[0, 1]), "no next generation"),
        (lambda: Population(fitness=[Symbol("a"), -Symbol("a")]), "no next generation"),
        (lambda: Population(fitness=[1, 2], traits={"w": [1, 2]}), "is the fitness"),
        (lambda: Population(fitness=[1, 2], traits={"f": [1, 2]}), "is the growth rate"),
        (lambda: Population(fitness=[1, 2], traits={"ell": [1, 2]}), "is the likelihood"),
        (lambda: Population(fitness=[1, 2], traits={"z": [1, 1]}).breeder("z"), "does not vary"),
        (lambda: Population(fitness=[1, 2], traits={"z": [1, 1], "y": [0, 1]}).hamilton("z", "y"),
         "does not vary"),
        (lambda: ABSTRACT.replicator(), "growth=[...]"),
        (lambda: ABSTRACT.price("z").lambdify()(w=[1, 2]), "Delta_z, w, z"),
        (lambda: ABSTRACT.price("z").lambdify()([0.5, 0.6], w=[1, 2], z=[1, 2], Delta_z=[0, 0]),
         "sum 1"),
        (lambda: Var(Matrix([1, 2])), "scalar"),
    ],
)  # fmt: skip
def test_bad_input_says_what_to_write(make, remedy):
    with pytest.raises(ShapeError) as caught:
        make()
    assert remedy in str(caught.value)


def test_a_group_without_members_counts_for_nothing():
    """The same change with it and without it, in groups and in types."""
    half = Rational(1, 2)
    empty = Population(frequencies=[half, half, 0], fitness=[1, 2, 3], traits={"z": [0, 1, 5]})
    full = Population(frequencies=[half, half], fitness=[1, 2], traits={"z": [0, 1]})
    assert empty.multilevel("z", groups=["a", "a", "b"]).both_sides() == Eq(
        half / 2, half / 2, evaluate=False
    )
    assert full.price("z").doit() == empty.price("z").doit() == half / 2
