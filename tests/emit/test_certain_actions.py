"""Code of policies whose action is nearly certain, and of log-odds: no digits are lost."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pytest
from sympy import Matrix, Rational, diff, exp, log, symbols

from symprice import (
    CategoricalPolicy,
    ClosedForm,
    Name,
    NTCov,
    NTVar,
    lambdify,
    parameters,
    policy_gradient,
    sigmoid,
    softmax,
    source,
)
from symprice.emit.describing import describe

z = parameters("z1:4", real=True)
b = parameters("b", real=True)
LOGITS = [(40.0, 0.0, 0.0), (0.0, 1000.0, -1000.0), (745.0, -745.0, 0.0), (0.3, -0.2, 1.0)]


def worst(values: Any, wanted: Any) -> float:
    """The largest relative error; below the smallest normal number there are no digits."""
    errors = [
        abs(value - right) / abs(right) if abs(right) > 1e-300 else float(abs(value) > 1e-300)
        for value, right in zip(np.ravel(values), wanted, strict=True)
    ]
    return float(max(errors))


@pytest.mark.parametrize("point", LOGITS)
@pytest.mark.parametrize("rewards", [[1, 2, -1], [1, 1, -1], [Rational(1, 3), 7, 7]])
def test_the_gradient_of_a_nearly_certain_policy(rewards: list[Any], point: Any) -> None:
    gradient = policy_gradient(CategoricalPolicy(z), rewards)
    with np.errstate(all="raise", under="ignore"):
        found = gradient.lambdify(z)(*point)
    with mpmath.workdps(2000):
        weights = [mpmath.exp(logit) for logit in point]
        pi = [weight / mpmath.fsum(weights) for weight in weights]
        r = [mpmath.mpf(int(v.p)) / int(v.q) for v in map(Rational, rewards)]
        mean = mpmath.fsum(p * v for p, v in zip(pi, r, strict=True))
        wanted = [p * (v - mean) for p, v in zip(pi, r, strict=True)]
        assert worst(found, wanted) < 1e-12


def test_a_mean_that_does_not_cancel_keeps_its_name() -> None:
    x, mean = symbols("x"), Name("J")
    pi = softmax(*z)
    expr = ClosedForm(x + mean, {mean: 2 * pi[0] + 3 * pi[1] + 5 * pi[2]})
    assert "J = " in source([x, z], expr)


@pytest.mark.parametrize("value", [1e-10, -1e-10, 0.25, -40.0, 700.0])
def test_log_odds_are_the_logit(value: float) -> None:
    s = sigmoid(b)
    assert lambdify([b], 3 * log(s) - 3 * log(1 - s))(value) == 3 * value
    entropy = -s * log(s) - (1 - s) * log(1 - s)
    with mpmath.workdps(700):
        e = mpmath.exp(-abs(mpmath.mpf(value)))
        wanted = -mpmath.mpf(value) * e / (1 + e) ** 2  # the derivative in the logit
        found = lambdify([b], diff(entropy, b))(value)
        assert worst(found, [wanted]) < 1e-12


def test_ratios_of_probabilities_are_differences_of_logits() -> None:
    pi = softmax(*z)
    ratio = lambdify(z, log(pi[0]) - log(pi[1]))
    assert ratio(1e-10, 0.0, 5.0) == 1e-10
    assert ratio(1000.0, -1000.0, 0.0) == 2000.0
    several = lambdify([*z, b], b * log(pi[2]) - b * log(pi[0]) + log(pi[1]))
    right = 2.0 * (1.0 - 0.5) + (0.25 - np.log(np.exp([0.5, 0.25, 1.0]).sum()))
    assert several(0.5, 0.25, 1.0, 2.0) == pytest.approx(right, rel=1e-15)


def test_only_what_is_used_is_imported() -> None:
    assert source([b], b**2).startswith("def f(b):")
    assert source([b], sigmoid(b)).startswith("from scipy.special import expit\n\n\ndef")
    assert source([b], exp(b)).startswith("import numpy as np\n\n\ndef")


def test_a_docstring_is_a_sentence_on_the_formula() -> None:
    w, x = parameters("w"), symbols("x")
    network = ClosedForm(w * Name("a"), {Name("a"): exp(x)})
    assert describe(NTVar(sigmoid(network))) == "NTVar(sigmoid(a*w))"
    pair = NTCov(Matrix([w, b]), Matrix([w * x, b]))
    assert describe(pair) == "NTCov(a 2 × 1 matrix, a 2 × 1 matrix)"
