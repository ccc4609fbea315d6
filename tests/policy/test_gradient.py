"""Policy gradients: the closed form, each step on the way to it, and what they refuse."""

from __future__ import annotations

import itertools
import pickle
import random

import numpy as np
import pytest
from sympy import (
    Add,
    Derivative,
    Eq,
    Function,
    Matrix,
    Rational,
    Symbol,
    exp,
    latex,
    log,
    symbols,
    sympify,
    tanh,
)

from symprice import (
    MLP,
    ClosedForm,
    ClosedFormMatrix,
    Name,
    NTVar,
    Parameter,
    express,
    observables,
    parameters,
    sigmoid,
)
from symprice.errors import PolicyError
from symprice.networks.logits import SoftmaxEntry
from symprice.policy.finite import BernoulliPolicy, CategoricalPolicy
from symprice.policy.gradient import PolicyGradient, policy_gradient
from tests.policy.evaluation import gap, slope, step_gap, value

theta, p, q, w, b = parameters("theta p q w b", real=True)
x = Symbol("x", real=True)
z = parameters("z1:6", real=True)
u = observables("u1:4")
r1, r2, r3 = symbols("r_1:4", real=True)
f = Function("f")
net = MLP(1, 2, 1).explicit()
wide = MLP(1, 1, 3, activation=tanh).explicit()

TRICK = ["log-likelihood trick", "log-likelihood", "score", "expectation"]
REWARDS = "substitution of the rewards"


def draw(variables, seed):
    generator = random.Random(seed)
    point = {
        v: Rational(generator.randint(-200, 200), 101)
        for v in sorted(variables, key=lambda v: str(v))
    }
    point.update({v: Rational(generator.randint(10, 90), 101) for v in (p, q)})
    return point


def rules(gradient):
    return [step.rule.name for step in gradient.derivation.steps]


GRADIENTS = {
    "two rewards": policy_gradient(BernoulliPolicy(theta), {1: 10, 0: 5}),
    "plus and minus one": policy_gradient(BernoulliPolicy(b), {1: 1, 0: -1}),
    "one reward is zero": policy_gradient(BernoulliPolicy(b), {1: 3, 0: 0}),
    "equal rewards": policy_gradient(BernoulliPolicy(b), {1: 3, 0: 3}),
    "negative rewards": policy_gradient(BernoulliPolicy(-2 * b), {1: -3, 0: Rational(-1, 2)}),
    "symbols": policy_gradient(BernoulliPolicy(w * x + b), [r1, r2]),
    "floats": policy_gradient(BernoulliPolicy(0.5 * b), [0.25, 2]),
    "a scaled logit": policy_gradient(BernoulliPolicy(2 * theta), [r1, 3]),
    "a curved logit": policy_gradient(BernoulliPolicy(theta**2 - exp(w)), [1, r1]),
    "an observed logit": policy_gradient(BernoulliPolicy(u[0]), [1, 4]),
    "a scaled observed logit": policy_gradient(BernoulliPolicy(2 * u[0]), [1, 4]),
    "a function": policy_gradient(BernoulliPolicy(theta), f),
    "softmax": policy_gradient(CategoricalPolicy(z[:3]), [r1, r2, r3]),
    "softmax of observables": policy_gradient(CategoricalPolicy(u), [3, 1, 0]),
    "softmax with a zero": policy_gradient(CategoricalPolicy([u[0], u[1], 0]), [3, 1, r1]),
    "softmax, equal symbols": policy_gradient(CategoricalPolicy([u[0], u[0], 0]), [3, 1, 2]),
    "softmax of formulas": policy_gradient(
        CategoricalPolicy([w * x, b * x, w + b, 0], actions=["a", "b", "c", "d"]), [1, 2, 3, 4]
    ),
    "one parameter everywhere": policy_gradient(CategoricalPolicy([w, 2 * w, w * x**2]), [1, 2, 3]),
    "probabilities": policy_gradient(CategoricalPolicy(probabilities=[p, 1 - p]), [10, 5]),
    "a tree": policy_gradient(
        CategoricalPolicy(probabilities=[p * q, p * (1 - q), 1 - p]), [10, 5, r1]
    ),
    "fixed and free": policy_gradient(
        CategoricalPolicy(probabilities=[p / 2, (1 - p) / 2, Rational(1, 2)]), [1, 2, 5]
    ),
    "three genotypes": policy_gradient(
        CategoricalPolicy(probabilities=[p**2, 2 * p * (1 - p), (1 - p) ** 2]), [r1, r2, r3]
    ),
    "rewards that move": policy_gradient(BernoulliPolicy(2 * b), {1: b**2, 0: 3 * b}),
    "one reward moves": policy_gradient(BernoulliPolicy(w * x + b), {1: f(1, w), 0: w}),
    "softmax, rewards that move": policy_gradient(CategoricalPolicy(z[:3]), [z[0] * z[1], 2, z[0]]),
    "a network": policy_gradient(BernoulliPolicy(net), {1: 10, 0: 5}),
    "a network, scaled": policy_gradient(BernoulliPolicy(2 * net + theta), {1: r1, 0: 5}),
    "a network of logits": policy_gradient(CategoricalPolicy(wide), [1, 5, 2]),
    "a network by its logits": policy_gradient(
        CategoricalPolicy(wide), [1, 5, 2], wrt=CategoricalPolicy(wide).logits
    ),
    "a network with a critic": policy_gradient(BernoulliPolicy(net), {1: net**2, 0: b}),
    "names that are taken": policy_gradient(
        CategoricalPolicy([Parameter("pi_1"), Parameter("J"), Parameter("delta")]),
        [Symbol("pi_2"), Symbol("z_1"), 3],
    ),
    "a network whose names are taken": policy_gradient(
        BernoulliPolicy(
            ClosedForm(Name("z") * w + Name("delta"), {Name("z"): w**2 * x, Name("delta"): b})
        ),
        {1: Symbol("J"), 0: 1},
    ),
}
ALL = pytest.mark.parametrize("gradient", GRADIENTS.values(), ids=GRADIENTS.keys())


# -- what comes out -------------------------------------------------------------------------------


def test_the_textbook_example_step_by_step():
    """π(1) = σ(θ), r(1) = 10, r(0) = 5: 5 σ(1 - σ)."""
    gradient = GRADIENTS["two rewards"]
    s, r, pi = sigmoid(theta), Function("r"), Function("pi")
    steps = gradient.derivation.steps
    assert rules(gradient) == [*TRICK, REWARDS, "collection", "arithmetic"]
    trick, likelihood, score, expectation, rewards, collection, arithmetic = steps
    assert trick.before == Derivative(r(1) * s + r(0) * (1 - s), theta)
    assert trick.after == (
        s * r(1) * Derivative(log(s), theta) + (1 - s) * r(0) * Derivative(log(1 - s), theta)
    )
    assert likelihood.before == Matrix([log(pi(1)), log(pi(0))])
    assert likelihood.after == Matrix([log(s), log(1 - s)])
    assert tuple(likelihood.given) == (Eq(pi(1), s), Eq(pi(0), 1 - s))
    assert score.before == Matrix([Derivative(log(s), theta), Derivative(log(1 - s), theta)])
    assert score.after == Matrix([1 - s, -s])
    assert expectation.before == trick.after
    assert expectation.after == s * (1 - s) * r(1) - s * (1 - s) * r(0)
    assert tuple(rewards.given) == (Eq(r(1), 10), Eq(r(0), 5))
    assert str(rewards.after) == (
        "10*(1 - sigmoid(theta))*sigmoid(theta) - 5*(1 - sigmoid(theta))*sigmoid(theta)"
    )
    assert str(collection.after) == "(1 - sigmoid(theta))*(10 - 5)*sigmoid(theta)"
    assert arithmetic.after == gradient.doit() == 5 * s * (1 - s)
    assert [gradient.derivation.continues(k) for k in range(4, 7)] == [True] * 3


def test_plus_and_minus_one():
    gradient, s = GRADIENTS["plus and minus one"], Symbol("s")
    assert gradient.doit() == 2 * sigmoid(b) * (1 - sigmoid(b)) == 2 * sigmoid(b).diff(b)
    assert express(gradient.doit(), {s: sigmoid(b)}) == 2 * s * (1 - s)
    closed = 2 / ((1 + exp(-b)) * (1 + exp(b)))
    point = {b: Rational(7, 5)}
    assert gap(value(gradient.doit(), point), value(closed, point)) < 1e-50


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("one reward is zero", 3 * sigmoid(b) * (1 - sigmoid(b))),
        ("equal rewards", 0),
        ("a scaled logit", 2 * (r1 - 3) * sigmoid(2 * theta) * (1 - sigmoid(2 * theta))),
        ("an observed logit", -3 * sigmoid(u[0]) * (1 - sigmoid(u[0]))),
        ("a scaled observed logit", -3 * sigmoid(2 * u[0]) * (1 - sigmoid(2 * u[0]))),
        ("a function", (f(1) - f(0)) * sigmoid(theta) * (1 - sigmoid(theta))),
        ("probabilities", 5),
        ("fixed and free", Rational(-1, 2)),
        ("three genotypes", 2 * (p * r1 + (1 - 2 * p) * r2 - (1 - p) * r3)),
    ],
)
def test_closed_forms(name, expected):
    found = GRADIENTS[name].doit()
    assert found == expected or (found - expected).expand() == 0


def test_several_parameters_give_a_column():
    s = sigmoid(w * x + b)
    found = GRADIENTS["symbols"]
    assert found.wrt == (b, w)
    assert found.doit() == Matrix([(r1 - r2) * s * (1 - s), x * (r1 - r2) * s * (1 - s)])


def test_softmax_is_probability_times_advantage():
    """∂J/∂z = π ∘ (r - J)."""
    gradient = GRADIENTS["softmax"]
    assert rules(gradient) == [*TRICK, "common part", "collection"]
    closed = gradient.derivation.result
    p1, p2, p3, J = map(Name, ("pi_1", "pi_2", "pi_3", "J"))
    assert isinstance(closed, ClosedFormMatrix)
    assert closed.expr == Matrix([p1 * (r1 - J), p2 * (r2 - J), p3 * (r3 - J)])
    assert closed.definitions[J] == p1 * r1 + p2 * r2 + p3 * r3
    assert closed.definitions[p2] == SoftmaxEntry(2, *z[:3])
    s = gradient.policy.probabilities
    mean = sum(a * r for a, r in zip(s, (r1, r2, r3), strict=True))
    assert gradient.doit() == Matrix([a * (r - mean) for a, r in zip(s, (r1, r2, r3), strict=True)])


def test_softmax_with_numbers():
    gradient = GRADIENTS["softmax of observables"]
    assert gradient.wrt == u
    assert rules(gradient) == [*TRICK, REWARDS, "common part", "collection"]
    assert (
        str(gradient.derivation.result.expr)
        == "Matrix([[pi_1*(3 - J)], [pi_2*(1 - J)], [-J*pi_3]])"
    )


def test_softmax_of_formulas_goes_through_the_logits():
    gradient = GRADIENTS["softmax of formulas"]
    pi, J = [Name(f"pi_{k}") for k in "abcd"], Name("J")
    assert gradient.wrt == (w, b)
    entries = []
    for v, slopes in ((w, (x, 0, 1, 0)), (b, (0, x, 1, 0))):
        mean = Name(f"zbar_{v}")
        terms = zip(pi, slopes, (1, 2, 3, 4), strict=True)
        entries.append(Add(*(p * (u - mean) * (r - J) for p, u, r in terms)))
    assert gradient.derivation.result.expr == Matrix(entries)
    assert gradient.derivation.steps[-1].rule.name == "centred slopes"


def test_observables_among_constants_are_the_variables():
    assert GRADIENTS["softmax with a zero"].wrt == u[:2]
    assert GRADIENTS["softmax, equal symbols"].wrt == (u[0], u[0], 0)


def test_a_network_is_swept_once():
    """The error at the logit is named, and each weight gets error times input."""
    closed = GRADIENTS["a network"].derivation.result
    names = {str(name): definition for name, definition in closed.definitions.items()}
    s = sigmoid(Name("z"))
    delta, a1 = Name("delta"), Name("a1_1")
    assert names["delta"] == 5 * s * (1 - s)
    assert names["delta1_1"] == delta * net.parameters[5] * (1 - a1**2)
    by_weight = dict(zip(GRADIENTS["a network"].wrt, closed.expr, strict=True))
    assert by_weight[net.parameters[4]] == delta and by_weight[net.parameters[5]] == delta * a1
    assert rules(GRADIENTS["a network"])[-2:] == ["arithmetic", "chain rule"]


def test_a_network_by_its_logits():
    gradient = GRADIENTS["a network by its logits"]
    assert rules(gradient)[-1] == "insertion of the logits"
    assert (
        str(gradient.derivation.result.expr.T)
        == "Matrix([[pi_1*(1 - J), pi_2*(5 - J), pi_3*(2 - J)]])"
    )
    assert gradient.doit().free_symbols == wide.free_symbols


def test_rewards_that_move_add_their_own_gradient():
    gradient = GRADIENTS["rewards that move"]
    assert rules(gradient)[0] == "pathwise term"
    assert rules(gradient)[1:5] == TRICK
    s, J = sigmoid(2 * b), sigmoid(2 * b) * b**2 + (1 - sigmoid(2 * b)) * 3 * b
    assert (gradient.doit() - J.diff(b)).expand() == 0
    assert (
        gradient.doit() - 2 * s * (1 - s) * (b**2 - 3 * b) - s * 2 * b - (1 - s) * 3
    ).expand() == 0


# -- against numbers ------------------------------------------------------------------------------


@ALL
def test_every_step_holds(gradient):
    derivation = gradient.derivation
    symbols_in = set().union(*(side.free_symbols for s in derivation for side in s.args[1:3]))
    symbols_in |= set().union(*(e.free_symbols for s in derivation for e in s.given))
    for seed in range(2):
        point = draw(symbols_in, seed)
        for step in derivation:
            assert step_gap(step, point) < 1e-36, f"{step.rule.name} at {point}"


@ALL
def test_the_result_is_the_slope_of_the_expected_reward(gradient):
    point = draw(gradient.free_symbols, 5)
    if set(gradient.wrt) <= gradient.policy.free_symbols:
        quotients = [slope(gradient.expected, v, point)[0] for v in gradient.wrt]
    else:  # by logits that are no symbols: each moved by itself
        places = symbols(f"t1:{len(gradient.wrt) + 1}")
        moved = gradient.policy.with_logits(places).expected(gradient.rewards)
        there = point | {t: value(z, point) for t, z in zip(places, gradient.wrt, strict=True)}
        quotients = [slope(moved, t, there)[0] for t in places]
    expected = quotients if len(quotients) > 1 else quotients[0]
    assert gap(value(gradient.doit(), point), expected) < 1e-36
    assert gap(value(gradient.derivation.result, point), expected) < 1e-36


@pytest.mark.parametrize("count", [2, 3, 4, 5])
@pytest.mark.parametrize("seed", range(3))
def test_random_rewards_and_logits(count, seed):
    generator = random.Random(100 * count + seed)
    rewards = [Rational(generator.randint(-50, 50), 7) for _ in range(count)]
    policy = CategoricalPolicy(z[:count])
    gradient = policy_gradient(policy, dict(zip(policy.actions, rewards, strict=True)))
    point = draw(z, seed)
    expected = [slope(policy.expected(rewards), v, point)[0] for v in z[:count]]
    found = value(gradient.doit(), point)
    assert gap(found, expected) < 1e-36
    assert abs(sum(found)) < 1e-50  # softmax does not see a shift of all logits


@ALL
def test_the_order_of_rewards_does_not_matter(gradient):
    """As a dict in any order, as a list: one object."""
    pairs = list(zip(gradient.policy.actions, gradient.rewards, strict=True))
    for shuffled in itertools.islice(itertools.permutations(pairs), 3):
        assert policy_gradient(gradient.policy, dict(shuffled), gradient.wrt) == gradient


# -- the object -----------------------------------------------------------------------------------


@ALL
def test_rebuilding_and_pickling(gradient):
    assert gradient.func(*gradient.args) == gradient
    back = pickle.loads(pickle.dumps(gradient))
    assert back == gradient and back.derivation == gradient.derivation
    assert pickle.loads(pickle.dumps(gradient.derivation)) == gradient.derivation


@ALL
def test_the_derivation_ends_in_the_formula(gradient):
    assert gradient.derivation.result == gradient._formula()
    assert gradient.derivation.result.doit() == gradient.doit()
    assert all(step.rule.law for step in gradient.derivation)


def test_text_and_latex():
    gradient = GRADIENTS["two rewards"]
    names = {"theta": theta, "PolicyGradient": PolicyGradient, "BernoulliPolicy": BernoulliPolicy}
    assert sympify(str(gradient), locals=names) == gradient
    assert latex(gradient) == (r"\nabla_{\theta} \left(5 \sigma{\left(\theta \right)} + 5\right)")


def test_substitution_differentiates_first():
    gradient = GRADIENTS["two rewards"]
    assert gradient.subs(theta, 0) == Rational(5, 4)
    assert gradient.subs(theta, b) == policy_gradient(BernoulliPolicy(b), {1: 10, 0: 5})
    assert GRADIENTS["symbols"].subs(r1, 3).doit() == GRADIENTS["symbols"].doit().subs(r1, 3)


def test_the_variance_of_expected_reward_is_the_squared_gradient():
    """NTVar(J) = |∇J|²."""
    for name in ("plus and minus one", "symbols", "softmax of formulas", "a network"):
        gradient = GRADIENTS[name]
        point = draw(gradient.free_symbols, 9)
        slopes = value(gradient.doit(), point)
        squared = sum(s**2 for s in (slopes if isinstance(slopes, list) else [slopes]))
        assert gap(value(NTVar(gradient.expected).doit(), point), squared) < 1e-40


def test_names_that_are_taken_get_a_prime():
    closed = GRADIENTS["names that are taken"].derivation.result
    names = [name.name for name in closed.definitions]
    assert names == ["pi_1_prime", "pi_2_prime", "pi_3", "J_prime"]


# -- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: policy_gradient(theta, [1, 2]), r"write BernoulliPolicy\(logit\)"),
        (lambda: policy_gradient(BernoulliPolicy(theta), {1: 10}), "no reward for action 0"),
        (lambda: policy_gradient(BernoulliPolicy(theta), {1: 10, 0: 5, 2: 1}), "reward for 2"),
        (lambda: policy_gradient(BernoulliPolicy(theta), [1]), "1 rewards for the 2 actions"),
        (lambda: policy_gradient(BernoulliPolicy(Symbol("t")), [1, 2]), r"Parameter\('t'\)"),
        (lambda: policy_gradient(BernoulliPolicy(0), [1, 2]), "nothing is trained"),
        (
            lambda: policy_gradient(CategoricalPolicy(u), [1, 2, theta]),
            r"reward theta of action 3 depends on theta.*Symbol\('theta'\)",
        ),
        (
            lambda: policy_gradient(BernoulliPolicy(theta), [1, u[0]]),
            "reward u1 of action 0 depends on u1",
        ),
        (
            lambda: policy_gradient(CategoricalPolicy([w, 2 * b]), [1, b], wrt=(w, 2 * b)),
            "reward b of action 2 depends on b",
        ),
        (lambda: policy_gradient(BernoulliPolicy(u[0] + b), [1, 2], wrt=b), "observable u1"),
        (lambda: policy_gradient(BernoulliPolicy(theta), [1, 2], wrt=2 * b), "for a symbol"),
    ],
)
def test_what_is_wrong_and_what_to_write(make, message):
    with pytest.raises(PolicyError, match=message):
        make()


def test_a_plain_symbol_can_be_named():
    t = Symbol("t")
    found = policy_gradient(BernoulliPolicy(t), [r1, r2], wrt=t).doit()
    assert found == (r1 - r2) * sigmoid(t) * (1 - sigmoid(t))


def test_rewards_may_be_an_array() -> None:
    policy = CategoricalPolicy(parameters("z1:4"))
    assert policy_gradient(policy, np.array([3, 2, 0])) == policy_gradient(policy, [3, 2, 0])
    with pytest.raises(PolicyError, match="2 rewards for the 3 actions"):
        policy_gradient(policy, np.array([3.0, 2.0]))
