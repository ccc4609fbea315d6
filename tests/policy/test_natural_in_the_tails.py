"""Natural gradients of every family with several parameters, in the tails: F x = ∇J with mpmath."""

import itertools
import warnings

import mpmath
import numpy as np
import pytest
import sympy
from sympy import Integral, Matrix, Rational, Sum
from sympy.abc import x, y

from symprice import (
    DirichletPolicy,
    GammaPolicy,
    GaussianPolicy,
    PoissonPolicy,
    lambdify,
    parameters,
    policy_gradient,
)
from symprice.errors import NoRuleError
from symprice.policy.trigamma_gaps import TrigammaFall
from tests.policy.test_family_numbers import POLICIES, is_right, points

SEVERAL = [policy for policy in POLICIES if len([h for h in policy.heads if h.name != "n"]) > 1]


def solution(policy, gradient, heads):
    """F⁻¹ ∇J as a function of mpmath numbers, by its own elimination."""
    parts = [
        sympy.lambdify(heads, Matrix(part), modules="mpmath")
        for part in (policy.fisher(wrt=gradient.wrt), gradient.doit())
    ]
    return lambda *at: mpmath.lu_solve(*(mpmath.matrix(part(*at)) for part in parts))


def require_right(policy, gradient, heads, places):
    exact, checked = solution(policy, gradient, heads), 0
    function = lambdify(heads, gradient.natural())
    for at in places:
        with mpmath.workdps(60):
            values = [mpmath.re(v) for v in exact(*map(mpmath.mpf, at))]
        if any(not mpmath.isfinite(v) or abs(v) > mpmath.mpf(10) ** 290 for v in values):
            continue
        with np.errstate(all="raise", under="ignore"), warnings.catch_warnings():
            warnings.simplefilter("error")
            found = np.ravel(function(*at))
        for k, number in enumerate(found):
            if abs(number - values[k]) > 1e-12 * abs(values[k]):
                one = lambda *at, k=k: exact(*at)[k]  # noqa: E731
                assert is_right(float(number), one, at, 1e-290), (at, k, number, values[k])
            checked += 1
    assert checked >= 8


@pytest.mark.parametrize("policy", SEVERAL, ids=str)
def test_natural_gradients_solve_the_normal_equations(policy):
    variables = tuple(h for h in policy.heads if h.name != "n")
    gradient = policy_gradient(policy, lambda a: a**2 + a, wrt=variables)
    if any(e.has(Integral, Sum) for e in (*gradient.doit(), *policy.fisher(wrt=variables))):
        pytest.skip("no closed form")
    places = [list(p.values()) for p in points(policy.heads, f"{policy} natural")]
    require_right(policy, gradient, list(policy.heads), places)


def test_a_dirichlet_law():
    alphas = parameters("alpha1:4")
    policy = DirichletPolicy(alphas)
    gradient = policy_gradient(policy, lambda a, b, c: a * b)
    places = itertools.product([1e-3, 1.5, 1e3], [0.1, 30.0], [1e-3, 1e6])
    require_right(policy, gradient, list(alphas), list(places))


def test_rewards_that_the_scores_span():
    """r - J = sᵀ x at every action: by log a of one concentration it is (1, 0, …), exactly."""
    gradient = policy_gradient(
        DirichletPolicy(parameters("alpha1:4")), lambda a, b, c: sympy.log(b)
    )
    assert list(gradient.natural()) == [0, 1, 0]
    k, m = parameters("k m")
    assert list(policy_gradient(GammaPolicy(k, m), lambda a: a).natural()) == [0, -1]


@pytest.mark.parametrize("size", [1e-3, 0.4, 5, 16, 1e3, 1e6])
@pytest.mark.parametrize("step", [1e-9, 0.3, 7, 1e4, 1e8])
def test_falls_of_scaled_trigammas(size, step):
    """x ψ'(x) - (x+d) ψ'(x+d) keeps all digits, of small steps, too."""
    with mpmath.workdps(60):
        start, end = (t * mpmath.psi(1, t) for t in (mpmath.mpf(size), mpmath.mpf(size) + step))
        falls = [start - end, start - 1]
    fall, rest = TrigammaFall(x, y), TrigammaFall(x)
    assert abs(float(lambdify([x, y], fall)(size, step)) / falls[0] - 1) < 2e-15
    assert abs(float(lambdify([x], rest)(size)) / falls[1] - 1) < 2e-15
    at = {x: Rational(size), y: Rational(step)}
    assert abs(mpmath.mpmathify(fall.subs(at).evalf(20)) / falls[0] - 1) < 1e-16


def test_a_fall_is_printed_as_what_it_is():
    fall = TrigammaFall(x, y)
    assert str(2 * fall) == "2*TrigammaFall(x, y)"
    assert sympy.pretty(2 * fall, use_unicode=False).startswith("2*(x*polygamma(1, x) - ")
    assert sympy.latex(fall**2).endswith(r"\right)^{2}") and TrigammaFall(x, 0) == 0
    slope = fall.diff(y).subs({x: 2, y: 3}) - fall.definition(x, y).diff(y).subs({x: 2, y: 3})
    assert abs(slope.evalf(20)) < 1e-18


@pytest.mark.parametrize("scale", ["fixed", "trained"])
def test_more_variables_than_heads(scale):
    """F is singular: the answer is the shortest one, F⁺ ∇J, here by NumPy's pseudoinverse."""
    w, v, b = parameters("w v b")
    s = sympy.Symbol("s", positive=True)
    policies = {
        GaussianPolicy(w * x + v * y + b, s): (w, v, b),
        PoissonPolicy(log_rate=w * x + v): (w, v),
    }
    if scale == "trained":
        policies = {GaussianPolicy(w * x + v * y + b, s): (w, s, b, v)}
    at = {w: 0.3, v: -0.2, b: 0.5, s: 0.8, x: 1.3, y: -0.4}
    for policy, wrt in policies.items():
        gradient = policy_gradient(policy, lambda a: a**2, wrt=wrt)
        fisher, slope, found = (
            np.array(Matrix(e).subs(at).evalf(), float)
            for e in (policy.fisher(wrt=wrt), gradient.doit(), gradient.natural())
        )
        expected = np.linalg.pinv(fisher, rcond=1e-10) @ slope
        assert np.allclose(found, expected, rtol=1e-12, atol=1e-14)
    # Two equal columns of ∂z/∂θ are no reason to refuse; a reward that moves with θ is.
    both = policy_gradient(GaussianPolicy(w + v, s), lambda a: a, wrt=(w, v))
    assert list(both.natural()) == [s**2 / 2, s**2 / 2]
    with pytest.raises(NoRuleError, match="singular"):
        policy_gradient(GaussianPolicy(w + v, s), lambda a: w * a, wrt=(w, v)).natural()
