"""Policies: probabilities, scores, Fisher information, entropy, and what they refuse."""

from __future__ import annotations

import pickle
import random

import pytest
from sympy import Function, Matrix, Rational, Symbol, latex, log, oo, pretty, symbols, sympify

from symprice import MLP, NTVar, Parameter, express, observables, parameters, sigmoid, softmax
from symprice.errors import NoRuleError, PolicyError
from symprice.networks.logits import SoftmaxEntry
from symprice.policy.base import Policy
from symprice.policy.finite import BernoulliPolicy, CategoricalPolicy
from tests.policy.evaluation import gap, slope, value

theta, p, q, w, b = parameters("theta p q w b", real=True)
x = Symbol("x", real=True)
z = parameters("z1:6", real=True)


def draw(variables, seed):
    generator = random.Random(seed)
    return {v: Rational(generator.randint(-200, 200), 101) for v in variables}


def policies():
    u = observables("u1:4")
    return [
        BernoulliPolicy(theta),
        BernoulliPolicy(2 * w * x + b),
        BernoulliPolicy(MLP(1, 2, 1).explicit()),
        CategoricalPolicy(z[:3]),
        CategoricalPolicy(u, actions=["left", "stay", "right"]),
        CategoricalPolicy([w * x, b, 0]),
        CategoricalPolicy(probabilities=[p, 1 - p]),
        CategoricalPolicy(MLP(1, 1, 2).explicit(), actions=[-1, 1]),
    ]


# -- what they are --------------------------------------------------------------------------------


def test_two_actions():
    pi = BernoulliPolicy(logit=theta)
    assert pi.actions == (1, 0)
    assert pi.prob(1) == sigmoid(theta) and pi.prob(0) == 1 - sigmoid(theta)
    assert pi.log_prob(1) == log(sigmoid(theta)) and pi.log_prob(0) == log(1 - sigmoid(theta))
    assert pi.parameters == (theta,) and pi.logits == (theta,)


def test_softmax_entries_stay_atoms():
    pi = CategoricalPolicy(z[:3])
    assert pi.actions == (1, 2, 3)
    assert pi.prob(2) == SoftmaxEntry(2, *z[:3])
    assert pi.log_prob(2) == log(SoftmaxEntry(2, *z[:3]))


@pytest.mark.parametrize(
    "given",
    [z[:3], list(z[:3]), Matrix(z[:3]), softmax],
    ids=["tuple", "list", "column", "softmax"],
)
def test_logits_come_as_a_tuple_a_list_or_a_column(given):
    if given is softmax:
        vector = observables("y", 3)
        assert CategoricalPolicy(vector).logits == tuple(vector[k, 0] for k in range(3))
    else:
        assert CategoricalPolicy(given).logits == z[:3]


def test_a_network_with_several_outputs_gives_logits():
    net = MLP(1, 2, 3).explicit()
    pi = CategoricalPolicy(net)
    assert len(pi.logits) == 3
    assert set(pi.parameters) == {s for s in net.free_symbols if isinstance(s, Parameter)}


def test_labels():
    pi = CategoricalPolicy(z[:3], actions=["left", 7, Symbol("s")])
    assert pi.actions == (Symbol("left"), 7, Symbol("s"))
    assert pi.prob("left") == pi.prob(Symbol("left")) == SoftmaxEntry(1, *z[:3])
    assert Symbol("left") not in pi.free_symbols


def test_parameters_come_in_order_of_appearance():
    w2, w10 = parameters("w2 w10")
    assert CategoricalPolicy([w10 + w2, theta, b * w2]).parameters == (w2, w10, theta, b)
    net = MLP(2, 2, 1).explicit()
    assert BernoulliPolicy(net).parameters == net.parameters


@pytest.mark.parametrize("policy", policies(), ids=str)
def test_rebuilding_pickling_printing(policy):
    assert policy.func(*policy.args) == policy
    assert pickle.loads(pickle.dumps(policy)) == policy
    assert hash(pickle.loads(pickle.dumps(policy))) == hash(policy)
    assert "operatorname" in latex(policy) and pretty(policy)
    assert isinstance(policy, Policy)


@pytest.mark.parametrize("policy", [policies()[k] for k in (0, 1, 3, 4, 5, 6)], ids=str)
def test_text_can_be_read_back(policy):
    names = {s.name: s for s in (*policy.free_symbols, *policy.actions) if s.is_Symbol}
    names |= {"BernoulliPolicy": BernoulliPolicy, "CategoricalPolicy": CategoricalPolicy}
    assert sympify(str(policy), locals=names) == policy


def test_latex_shows_the_probability():
    assert latex(BernoulliPolicy(theta)) == (
        r"\operatorname{Bernoulli}{\left(\sigma{\left(\theta \right)} \right)}"
    )


def test_substitution_reaches_the_logits():
    assert BernoulliPolicy(theta).subs(theta, 0).prob(1) == Rational(1, 2)


# -- expectations ---------------------------------------------------------------------------------


def test_expected_reward_of_plus_and_minus_one():
    J = BernoulliPolicy(b).expected({1: 1, 0: -1})
    assert J == 2 * sigmoid(b) - 1
    s = Symbol("s", positive=True)
    assert express(NTVar(J), {s: sigmoid(b)}).equals(4 * s**2 * (1 - s) ** 2)


@pytest.mark.parametrize(
    "reward",
    [
        {1: 10, 0: 5},
        [10, 5],
        (10, 5),
        Matrix([10, 5]),
        lambda a: 5 + 5 * a,
    ],
)
def test_rewards_come_in_many_forms(reward):
    assert BernoulliPolicy(b).expected(reward) == 5 * sigmoid(b) + 5


def test_rewards_of_words_and_of_a_function():
    pi, r = CategoricalPolicy(z[:2], actions=["l", "r"]), Function("f")
    assert pi.expected({"r": 3, "l": 0}) == 3 * SoftmaxEntry(2, *z[:2])
    s1, s2 = pi.probabilities
    assert pi.expected(r) == s1 * r(Symbol("l")) + s2 * r(Symbol("r"))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("count", [2, 3, 5])
def test_entropy_is_that_of_the_probabilities(count, seed):
    point = draw(z[:count], seed)
    pi = CategoricalPolicy(z[:count])
    probabilities = [value(pr, point) for pr in pi.probabilities]
    assert gap(sum(probabilities), 1) < 1e-50
    shannon = -sum(v * value(log(Symbol("v")), {Symbol("v"): v}) for v in probabilities)
    assert gap(value(pi.entropy(), point), shannon) < 1e-50


def test_entropy_of_two_equal_actions_is_one_bit():
    assert BernoulliPolicy(theta).entropy().subs(theta, 0) == log(2)


# -- scores and Fisher information ----------------------------------------------------------------


def test_scores_in_short():
    pi = BernoulliPolicy(theta)
    assert (pi.score(1), pi.score(0)) == (1 - sigmoid(theta), -sigmoid(theta))
    pi = CategoricalPolicy(z[:3])
    s1, s2, s3 = pi.probabilities
    assert pi.score(2) == Matrix([-s1, 1 - s2, -s3])
    pi = CategoricalPolicy(probabilities=[p * q, p * (1 - q), 1 - p])
    assert pi.score(2) == Matrix([1 / p, -1 / (1 - q)])


def test_fisher_information_in_short():
    assert BernoulliPolicy(theta).fisher() == sigmoid(theta) * (1 - sigmoid(theta))
    assert CategoricalPolicy(probabilities=[p, 1 - p]).fisher() == 1 / (p * (1 - p))
    pi = CategoricalPolicy(z[:4])
    s = pi.probabilities
    expected = Matrix(4, 4, lambda i, j: s[i] * (1 - s[i]) if i == j else -s[i] * s[j])
    assert pi.fisher() == expected


def test_logits_by_place_where_they_are_no_symbols():
    pi = CategoricalPolicy([theta, theta, 0])
    information = pi.fisher(wrt=pi.logits).doit()
    s1, s2, s3 = pi.probabilities
    assert information[0, 0] == s1 * (1 - s1) and information[1, 2] == -s2 * s3


@pytest.mark.parametrize("policy", policies(), ids=str)
def test_fisher_information_is_the_mean_of_squares_and_of_curvature(policy):
    """F = E[s sᵀ] = -E[∂s], with the scores as difference quotients of log-likelihoods."""
    variables = policy.parameters or policy.logits
    point = draw((*policy.free_symbols, x), 4)
    point[p] = Rational(2, 7)
    probabilities = [value(pr, point) for pr in policy.probabilities]
    quotients = [[slope(log(pr), v, point)[0] for v in variables] for pr in policy.probabilities]
    for action, quotient in zip(policy.actions, quotients, strict=True):
        score = policy.score(action)
        assert gap(value(score, point), quotient if len(variables) > 1 else quotient[0]) < 1e-36
    found = value(policy.fisher(), point)
    n = len(variables)
    squares = [
        sum(pr * s[i] * s[j] for pr, s in zip(probabilities, quotients, strict=True))
        for i in range(n)
        for j in range(n)
    ]
    assert gap(found, squares if n > 1 else squares[0]) < 1e-36
    curvature = [
        -sum(
            pr * slope(policy.score(a), v, point)[i]
            for pr, a in zip(probabilities, policy.actions, strict=True)
        )
        for i in range(n)
        for v in variables
    ]
    assert gap(found, curvature if n > 1 else curvature[0]) < 1e-36


@pytest.mark.parametrize("policy", policies(), ids=str)
def test_scores_average_to_zero(policy):
    point = draw((*policy.free_symbols, x), 11)
    point[p] = Rational(3, 7)
    scores = [value(policy.score(a), point) for a in policy.actions]
    probabilities = [value(pr, point) for pr in policy.probabilities]
    columns = zip(*(s if isinstance(s, list) else [s] for s in scores), strict=True)
    for column in columns:
        assert abs(sum(pr * s for pr, s in zip(probabilities, column, strict=True))) < 1e-50


# -- what they refuse -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CategoricalPolicy(probabilities=[p, p]), r"sum to 2\*p, not to 1.*write 1 - p"),
        (lambda: CategoricalPolicy(probabilities=[0.5, 0.4]), r"sum to 0\.9"),
        (lambda: CategoricalPolicy(probabilities=[2, -1]), "action 1 is 2"),
        (lambda: CategoricalPolicy(probabilities=[1, 0]), "action 2 is 0: leave the action out"),
        (lambda: CategoricalPolicy(z[:2], [p, 1 - p]), "2 logits and 2 probabilities"),
        (lambda: CategoricalPolicy([theta]), "two or more actions"),
        (lambda: CategoricalPolicy(), "0 logits and 0 probabilities"),
        (lambda: CategoricalPolicy(theta), "takes a list of logits"),
        (lambda: CategoricalPolicy(Matrix([[1, 2]])), "1 × 2"),
        (lambda: CategoricalPolicy(z[:2], actions=["a"]), "actions a for 2 logits"),
        (lambda: CategoricalPolicy(z[:2], actions=["a", "a"]), "2 different labels"),
        (lambda: CategoricalPolicy(z[:2], actions=["a b", "c"]), "'a b'"),
        (lambda: CategoricalPolicy(z[:2], actions=[True, False]), "write 1 for True"),
        (lambda: CategoricalPolicy(["z1", "z2"]), r"Symbol\('z1'\)"),
        (lambda: BernoulliPolicy("theta"), r"Symbol\('theta'\)"),
        (lambda: BernoulliPolicy([theta, b]), "takes one logit"),
        (lambda: BernoulliPolicy(oo), "leave the action out"),
        (lambda: BernoulliPolicy(True), "BooleanTrue|bool"),
        (lambda: BernoulliPolicy(theta).prob(2), "action 2 .* whose actions are 1, 0"),
        (
            lambda: BernoulliPolicy(theta).expected({1: 10}),
            r"no reward for action 0.*\{1: 10, 0: 0\}",
        ),
        (lambda: BernoulliPolicy(theta).expected({1: 1, 0: 2, 3: 4}), "reward for 3"),
        (lambda: BernoulliPolicy(theta).expected([1, 2, 3]), "3 rewards for the 2 actions 1, 0"),
        (lambda: BernoulliPolicy(theta).expected(Symbol("c")), r"\{1: r_1, 0: r_0\}"),
        (lambda: BernoulliPolicy(theta).expected({1: "10", 0: 5}), "reward of action 1"),
        (lambda: BernoulliPolicy(theta).expected({1: oo, 0: 5}), "rewards are finite"),
        (lambda: BernoulliPolicy(Symbol("t")).fisher(), r"t = Parameter\('t'\)"),
        (
            lambda: BernoulliPolicy(theta).score(1, wrt=Symbol("theta", real=True)),
            "different object",
        ),
        (lambda: BernoulliPolicy(theta).score(1, wrt="theta"), "wrt=theta for a symbol"),
        (lambda: BernoulliPolicy(theta).score(1, wrt=(theta, theta)), "name each of them once"),
        (lambda: BernoulliPolicy(theta).score(1, wrt=()), "by no variable"),
        (lambda: BernoulliPolicy(observables("P")).score(1, wrt=theta), "wrt=policy.logits"),
    ],
)
def test_what_is_wrong_and_what_to_write(make, message):
    with pytest.raises(PolicyError, match=message):
        make()


@pytest.mark.parametrize(
    "probabilities",
    [
        [p, 1 - p],
        [p**2, 2 * p * (1 - p), (1 - p) ** 2],
        [0.1, 0.2, 0.7],
        [Rational(1, 3)] * 3,
        list(softmax(*z[:3])),
        [Function("f")(x), 1 - Function("f")(x)],
        [1 / (1 + 2**x), 2**x / (1 + 2**x)],
    ],
    ids=str,
)
def test_probabilities_that_sum_to_one(probabilities):
    assert CategoricalPolicy(probabilities=probabilities).probabilities == tuple(
        map(sympify, probabilities)
    )


def test_the_base_says_what_a_policy_must_state():
    for ask in (lambda: Policy().prob(1), lambda: Policy().actions, lambda: Policy().entropy()):
        with pytest.raises(NoRuleError, match="BernoulliPolicy"):
            ask()


def test_symbols_that_are_rewards():
    r1, r0 = symbols("r_1 r_0")
    s = sigmoid(theta)
    assert BernoulliPolicy(theta).expected([r1, r0]) == r1 * s + r0 * (1 - s)
