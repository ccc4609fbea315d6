"""Causal models against direct substitution, and against difference quotients of networks."""

from __future__ import annotations

import pickle
import random
from itertools import combinations, pairwise
from xml.etree import ElementTree

import mpmath
import pytest
from sympy import (
    Abs,
    Eq,
    Function,
    Rational,
    Symbol,
    exp,
    expand,
    log,
    sign,
    sin,
    sqrt,
    symbols,
    tanh,
)

from symprice import (
    MLP,
    GradientDescent,
    HeavyBall,
    Langevin,
    NTCov,
    NTVar,
    SympriceError,
    WeightDecay,
    check,
    observables,
    parameters,
    price,
    sigmoid,
)
from symprice.causal.model import CausalModel
from symprice.causal.rules import StructuralEquation
from symprice.causal.tracing import MANY_PATHS
from tests.differences import agree, covariance, number, random_point

P, Q, R, L, U = observables("P Q R L U")
W, B = parameters("W B")
a, b, c, j, s = symbols("a b c j s")
JUICE = CausalModel({L: -R, R: j * s * P})
TRIANGLE = CausalModel({L: (R - 1) ** 2 / 2, R: a * P + b * Q + U, Q: c * P})


def test_the_juice_agent():
    """What the post says of it: the probability that brings reward grows as j s NTVar(P)."""
    assert JUICE.rate(P, L).expr == j * s * NTVar(P)
    assert JUICE.rate(R, L).expr == (j * s) ** 2 * NTVar(P)
    assert JUICE.rate(L, L).expr == -((j * s) ** 2) * NTVar(P)
    (path,) = JUICE.rate(R, L).paths
    assert str(path) == "R ← P ↔ P → R → L"
    assert path.arrows_latex() == (r"R \leftarrow P \leftrightarrow P \rightarrow R \rightarrow L")


def test_wrights_rules_by_hand():
    """Var(R) = (a + bc)² Var(P) + 2 (a + bc) Cov(P, U) + Var(U), path by path."""
    found = TRIANGLE.covariance(R)
    by_hand = {
        "R ← P ↔ P → R": a**2 * NTVar(P),
        "R ← P ↔ P → Q → R": a * b * c * NTVar(P),
        "R ← Q ← P ↔ P → R": a * b * c * NTVar(P),
        "R ← Q ← P ↔ P → Q → R": (b * c) ** 2 * NTVar(P),
        "R ← P ↔ U → R": a * NTCov(P, U),
        "R ← Q ← P ↔ U → R": b * c * NTCov(P, U),
        "R ← U ↔ P → R": a * NTCov(P, U),
        "R ← U ↔ P → Q → R": b * c * NTCov(P, U),
        "R ← U ↔ U → R": NTVar(U),
    }
    assert {str(path): path.contribution for path in found.paths} == by_hand
    assert expand(found.expr) == sum(by_hand.values())
    assert found.count_paths() == 9
    assert TRIANGLE.total_effect(P, R) == a + b * c
    assert TRIANGLE.total_effect(R, P) == 0
    assert TRIANGLE.directed_paths(P, R) == ((P, R), (P, Q, R))


@pytest.mark.parametrize("model", [JUICE, TRIANGLE], ids=["juice", "triangle"])
def test_every_rate_is_prices_equation_after_substitution(model):
    for node, rate in model.rates(L).items():
        direct = price(model.formula(node), model.formula(L)).doit()
        assert expand(rate.doit() - direct.expand()) == 0
        assert expand(sum(p.contribution for p in rate.paths) - rate.expr) == 0


@pytest.mark.parametrize("model", [JUICE, TRIANGLE], ids=["juice", "triangle"])
def test_checks(model):
    assert check(model)
    for rate in model.rates(L).values():
        assert rate.check(points=3)
    assert model.covariance(R, L).check(points=3)


def test_a_check_can_fail(monkeypatch):
    """With the sign of a path coefficient wrong, the steps no longer hold."""
    honest = CausalModel.path_coefficients.fget
    wrong = property(lambda model: {arrow: -x for arrow, x in honest(model).items()})
    monkeypatch.setattr(CausalModel, "path_coefficients", wrong)
    assert not JUICE.rate(P, L).check(points=3)


def random_model(seed):
    """Roots that share three parameters, four variables of linear and nonlinear equations."""
    draw = random.Random(seed)
    w = parameters("w1:4", real=True)
    x = Symbol("x", real=True)
    nets = [sigmoid(w[0] * x + w[1]), tanh(w[1] * x) * w[2], w[0] * w[2] + sin(w[1])]
    roots = dict(zip(observables("A B C"), draw.sample(nets, 3), strict=True))
    equations = {}
    nodes = list(roots)
    for variable in observables("D E F G"):
        causes = draw.sample(nodes, draw.randint(1, min(3, len(nodes))))
        expr = sum(Rational(draw.randint(-3, 3) or 1, 2) * cause for cause in causes)
        if draw.random() < 0.6:
            curved = [lambda u: u**2 / 2, tanh, lambda u: exp(u / 3), lambda u: u * nodes[0]]
            expr += draw.choice(curved)(draw.choice(causes))
        if draw.random() < 0.3:
            expr += w[2] * draw.choice(causes)  # a parameter of its own
        equations[variable] = expr
        nodes.append(variable)
    items = list(equations.items())
    draw.shuffle(items)
    return CausalModel(dict(items), {**roots, w[2]: None})


@pytest.mark.parametrize("seed", range(8))
def test_random_models_against_difference_quotients(seed):
    model = random_model(seed)
    point = random_point(
        {symbol for node in model.nodes for symbol in model.formula(node).free_symbols}, seed
    )
    loss = model.variables[-1]
    for node in (model.roots[0], model.variables[len(model.variables) // 2], loss):
        rate = model.rate(node, loss)
        values = {n: model.formula(n) for n in model.nodes if model.formula(n) != n}
        with mpmath.workdps(60):
            expected = -covariance(model.formula(node), model.formula(loss), point)
            assert agree(number(rate.doit(), point), expected)
            by_paths = sum(
                number(path.contribution.xreplace(values).doit(), point) for path in rate.paths
            )
            assert agree(by_paths, expected)


def test_a_network_as_a_root():
    net = MLP(1, 2, 1).explicit()
    model = CausalModel({R: j * sigmoid(P), L: -log(R)}, roots={P: net})
    rate = model.rate(R, L)
    point = random_point(rate.doit().free_symbols, 5, 0.2, 1.4)
    with mpmath.workdps(60):
        expected = -covariance(model.formula(R), model.formula(L), point)
        assert agree(number(rate.doit(), point), expected)
    arguments = sorted(point, key=lambda symbol: symbol.name)
    computed = rate.lambdify(arguments)(*(float(point[symbol]) for symbol in arguments))
    assert abs(computed - float(expected)) <= 1e-12 * max(1, abs(float(expected)))


def test_unspecified_functions_keep_their_derivatives():
    f = Function("f")
    model = CausalModel({R: f(2 * P, U), L: -R})
    assert model.rate(R, L).check(points=3)
    assert model.path_coefficients[R, U].has(f)


def test_parameters_among_the_causes():
    """Two parameters do not covary, so no path leads from one to the other."""
    w, v = parameters("w v")
    model = CausalModel({R: w * v, L: -R})
    assert model.rate(R, L).expr == w**2 + v**2
    assert [str(path) for path in model.rate(R, L).paths] == [
        "R ← v ↔ v → R → L",
        "R ← w ↔ w → R → L",
    ]


def test_other_dynamics():
    """The paths carry the covariance; the other parts of the law stay."""
    eta = Symbol("eta", positive=True)
    first = JUICE.rate(R, L, GradientDescent(eta))
    assert first.expr.removeO() == eta * (j * s) ** 2 * NTVar(P)
    assert first.remainder.expr == eta**2
    assert first.check(points=2)


def test_other_dynamics_with_more_in_them():
    """A factor that holds a covariance, a force that is no gradient, a metric."""
    from symprice.dynamics.momentum import HeavyBallFlow
    from symprice.dynamics.natural import Newton
    from symprice.dynamics.normalized import NormalizedGradient

    scaled = JUICE.rate(R, L, NormalizedGradient())
    assert scaled.expr == (j * s) ** 2 * NTVar(P) / sqrt(NTVar(L))
    assert scaled.check(points=2)
    assert JUICE.rate(R, L, Newton(0)).check(points=2)
    with pytest.raises(SympriceError, match="no multiple of its covariance"):
        _ = JUICE.rate(R, L, HeavyBallFlow(Symbol("gamma", positive=True))).expr


def test_a_metric():
    w, v = parameters("w v")
    model = CausalModel({R: P**2, L: -R}, roots={P: w * v})
    found = model.covariance(R, L, metric={w: a, v: b})
    direct = NTCov(model.formula(R), model.formula(L), {w: a, v: b}).doit()
    assert expand(found.doit() - direct) == 0


def test_many_paths_are_counted_and_not_listed():
    chain = {}
    nodes = list(observables("X0:14"))
    for child, (one, other) in zip(nodes[2:], pairwise(nodes), strict=False):
        chain[child] = one + 2 * other
    model = CausalModel(chain)
    rate = model.rate(nodes[-1], nodes[-1])
    assert rate.count_paths() > MANY_PATHS
    with pytest.raises(SympriceError, match="nobody reads"):
        _ = rate.paths
    direct = price(model.formula(nodes[-1]), model.formula(nodes[-1])).doit()
    assert expand(rate.expr - direct) == 0
    assert "X13" in str(rate)


def test_it_is_an_object_of_sympy():
    for thing in (JUICE, TRIANGLE, TRIANGLE.rate(R, L), *TRIANGLE.rate(R, L).paths):
        assert thing.func(*thing.args) == thing
        assert pickle.loads(pickle.dumps(thing)) == thing
        assert thing.latex().count("{") == thing.latex().count("}")
        assert "object at 0x" not in repr(thing)
    assert StructuralEquation().law.startswith("∇X")
    rate = JUICE.rate(P, L)
    assert rate.subs(j, 2).expr == 2 * s * NTVar(P)
    assert rate.subs(P, U).expr == j * s * NTVar(U)
    w = parameters("w")
    assert rate.subs(P, w**2).doit() == 4 * j * s * w**2
    assert CausalModel([Eq(L, -R), Eq(R, j * s * P)]) == JUICE
    assert "| path |" in rate._repr_markdown_()


@pytest.mark.parametrize(
    "dynamics", [Langevin(a), WeightDecay(a), HeavyBall(a, b)], ids=lambda d: type(d).__name__
)
def test_what_other_dynamics_add_is_written_by_the_roots(dynamics):
    """The whole law of X = P² Q, with nothing of X left, is that of its formula."""
    model = CausalModel({R: P**2 * Q, L: -R})
    rate = model.rate(R, L, dynamics)
    assert R not in rate.expr.free_symbols
    direct = price(P**2 * Q, -(P**2) * Q, dynamics).doit()
    difference = rate.expr.doit() - (direct.rhs if isinstance(direct, Eq) else direct)
    assert difference.removeO().expand() == 0
    assert check(rate, points=4)


def test_a_loss_that_is_an_expression_of_nodes():
    model = CausalModel({R: P * Q}, roots={P: sigmoid(W + B), Q: tanh(W)})
    rate = model.rate(P, loss=-(R**2) * P)
    assert rate.model.formula(rate.loss) == -(sigmoid(W + B) ** 3) * tanh(W) ** 2
    direct = price(sigmoid(W + B), -(sigmoid(W + B) ** 3) * tanh(W) ** 2).doit()
    assert (rate.doit() - direct).expand() == 0
    taken = CausalModel({L: P * Q}).rate(P, loss=-L)
    assert str(taken.loss) == "L_0" and check(taken, points=3)


def test_a_kink_in_an_equation():
    """∂|P|/∂P is a sign: properties are real."""
    rate = CausalModel({R: Abs(P), L: -R}).rate(R, L)
    assert rate.expr == sign(P) ** 2 * NTVar(P)


def test_the_drawing():
    root = ElementTree.fromstring(TRIANGLE._repr_svg_())
    space = "{http://www.w3.org/2000/svg}"
    circles = root.findall(f"{space}circle")
    assert len(circles) == 5
    places = [(float(c.get("cx")), float(c.get("cy"))) for c in circles]
    assert all(abs(x - u) + abs(y - v) > 40 for (x, y), (u, v) in combinations(places, 2))
    # 5 arrows with a head each, a double arrow between the two roots
    assert len(root.findall(f".//{space}path")) == 5 + 1
    assert len(root.findall(f".//{space}polygon")) == 5 + 2


P_TIME = parameters("w") * Function("f")(Symbol("t", real=True))


def test_time_in_an_equation_is_refused_where_it_would_be_left_out():
    """d(t P)/dt = P + NTVar(t P), which is not what the paths from root to root add up to."""
    t = Symbol("t")
    model = CausalModel({R: t * P, Q: t * U, L: -R})
    with pytest.raises(SympriceError, match="time=t"):
        model.rate(R, L)
    by_price = price(model.formula(R), model.formula(L), time=t).change
    assert expand(by_price.expand() - P - t**2 * NTVar(P)) == 0
    step = model.rate(R, L, GradientDescent(Symbol("eta", positive=True)))
    assert step.count_paths() == 1  # a step takes no time
    with pytest.raises(SympriceError, match="time=t"):
        model.rate(P, L)  # through the loss
    assert CausalModel({R: P, Q: t * U, L: -R}).rate(R, L).expr == NTVar(P)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CausalModel({R: L + P, L: Q, Q: R**2}), "L → R → Q → L"),
        (lambda: CausalModel({R: R + P}), "R → R is a circle"),
        (lambda: CausalModel([Eq(R, P), Eq(R, Q)]), "two equations for R"),
        (lambda: CausalModel({R: j * P + U}, roots=[P]), "U has no equation"),
        (lambda: CausalModel({Symbol("R"): P}), "a Symbol"),
        (lambda: CausalModel("R = j*P"), "write a dict"),
        (lambda: CausalModel({R: "j*P"}), "write a SymPy expression"),
        (lambda: CausalModel({R: Symbol("P") * P}), "both called P"),
        (lambda: CausalModel({R: Symbol("P") * Q}, roots=[P, Q]), "both called P"),
        (lambda: CausalModel({R: NTVar(P)}), "make it a root"),
        (lambda: CausalModel({R: j}), "no cause in it that is trained"),
        (lambda: CausalModel({R: P}, roots=[R]), "among the roots"),
        (lambda: CausalModel({R: P}, roots=[j]), "the root j"),
        (lambda: CausalModel({R: P}, roots={P: R**2}), "without the variables"),
        (lambda: CausalModel({}), "without equations"),
        (lambda: CausalModel(["R", "P"]), "write Eq"),
        (lambda: CausalModel({R: P * Symbol("t")}).rate(R, -R), "time=t"),
        (lambda: CausalModel({R: P}, roots={P: sin(P_TIME)}).rate(P, R), "the symbol of time"),
        (lambda: JUICE.rate(Q, L), "the causal model is of P, R, L"),
        (lambda: JUICE.rate(P, "L"), "write a SymPy expression"),
        (lambda: JUICE.subs(R, 3), "has an equation"),
    ],
)
def test_errors_say_what_to_write(make, message):
    with pytest.raises(SympriceError, match=message):
        make()
