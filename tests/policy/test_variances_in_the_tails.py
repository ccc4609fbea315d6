"""Variances of the score estimator where a policy is nearly certain, or its shape large or small.

The numbers are those of the definition `E[(r - b)² s²] - E[r s]²`, by enumeration, by quadrature or
by textbook moments in mpmath, with so many digits that the difference keeps 17.
"""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from sympy import Rational, Symbol, cos, expand, symbols
from sympy.functions.combinatorial.numbers import stirling

from symprice import (
    BetaPolicy,
    BinomialPolicy,
    GammaPolicy,
    GeometricPolicy,
    LogisticPolicy,
    NegativeBinomialPolicy,
    Parameter,
    VonMisesPolicy,
    WeibullPolicy,
    lambdify,
    policy_gradient,
)
from symprice.policy.positivity import positive_form

DIGITS, TIGHT = 800, 1e-11
z, m = Parameter("z", real=True), Parameter("m", real=True)
p = Parameter("p", positive=True)
r, alpha, beta = (Parameter(name, positive=True) for name in ("r", "alpha", "beta"))
n = Symbol("n", integer=True, positive=True)
BASELINES = ("none", "mean", "optimal")
POWERS = (1, 2)


def value_of(mean, square, slope, baseline):
    """The variance from E[r], E[r^j s²] for j = 0, 1, 2, and E[r s]."""
    b = {"none": 0, "mean": mean, "optimal": square[1] / square[0]}[baseline]
    return square[2] - 2 * b * square[1] + b**2 * square[0] - slope**2


def require(function, point, expected):
    with np.errstate(all="raise", under="ignore"):
        found = float(function(*point))
    assert abs(found - expected) <= TIGHT * abs(expected), (point, found, mpmath.nstr(expected, 17))


def sigmoid(x):
    return 1 / (1 + mpmath.exp(-x))


LINKS = {
    "probability": (lambda x: (x, 1 - x, 1), (1e-12, 0.3, 0.999)),
    "logit": (lambda x: (sigmoid(x), sigmoid(-x), sigmoid(x) * sigmoid(-x)), (-300.0, 0.3, 40.0)),
    "probit": (
        lambda x: (mpmath.ncdf(x), mpmath.ncdf(-x), mpmath.npdf(x)),
        (-30.0, 0.1, 5.0, 30.0),
    ),
}
# How many there are, the mean in p and 1 - p, factorial moments, and how the score is in a.
COUNTS = {
    "geometric": (
        lambda form: GeometricPolicy(**form),
        (1.0,),
        lambda k, size, p, q: mpmath.factorial(k) * (q / p) ** k,
        lambda size, p, q: (-1 / q, 1 / p),
    ),
    "binomial": (
        lambda form: BinomialPolicy(n, **form),
        (1.0, 2.0, 1e3, 1e6),
        lambda k, size, p, q: mpmath.fprod(size - j for j in range(k)) * p**k,
        lambda size, p, q: (1 / (p * q), -size / q),
    ),
    "negative binomial": (
        lambda form: NegativeBinomialPolicy(r, **form),
        (1e-3, 0.1, 1e6),
        lambda k, size, p, q: mpmath.fprod(size + j for j in range(k)) * (p / q) ** k,
        lambda size, p, q: (1 / p, -size / q),
    ),
}


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("name", COUNTS)
def test_counts_by_their_factorial_moments(name, link):
    """The score is c a + d: moments of a are all there is."""
    make, sizes, factorial_moment, coefficients = COUNTS[name]
    read, places = LINKS[link]
    head = p if link == "probability" else z
    policy = make({link: head})
    arguments = [head] if name == "geometric" else [policy.heads[0], head]
    for power in POWERS if link == "logit" else POWERS[:1]:
        gradient = policy_gradient(policy, policy.action**power, wrt=[head])
        codes = {b: lambdify(arguments, gradient.variance(b)) for b in BASELINES}
        with mpmath.workdps(DIGITS):
            for x in places:
                prob, rest, slope = read(mpmath.mpf(x))
                for size in sizes:
                    c, d = coefficients(size, prob, rest)
                    raw = [
                        mpmath.fsum(
                            int(stirling(j, k)) * factorial_moment(k, size, prob, rest)
                            for k in range(j + 1)
                        )
                        for j in range(2 * power + 3)
                    ]
                    square = [
                        slope**2 * (c * c * raw[j + 2] + 2 * c * d * raw[j + 1] + d * d * raw[j])
                        for j in (0, power, 2 * power)
                    ]
                    first = slope * (c * raw[power + 1] + d * raw[power])
                    point = (x,) if name == "geometric" else (size, x)
                    for b, code in codes.items():
                        expected = value_of(raw[power], square, first, b)
                        if 1e-280 < abs(expected) < 1e280:
                            require(code, point, expected)


def test_counts_by_enumeration():
    """Without any moments: a thousand tries that nearly all succeed."""
    size, x = 1000, 5.0
    code = lambdify([n, z], policy_gradient(BinomialPolicy(n, probit=z), Symbol("a")).variance())
    with mpmath.workdps(60):
        prob, rest, slope = (
            f(mpmath.mpf(x)) for f in (mpmath.ncdf, lambda t: mpmath.ncdf(-t), mpmath.npdf)
        )
        weights = [mpmath.binomial(size, a) * prob**a * rest ** (size - a) for a in range(size + 1)]
        values = [a * slope * (a / prob - (size - a) / rest) for a in range(size + 1)]
        mean = mpmath.fdot(weights, values)
        expected = mpmath.fdot(weights, [(v - mean) ** 2 for v in values])
        require(code, (size, x), expected)


@pytest.mark.parametrize("form", ["scale", "log_scale"])
def test_logistic_by_quadrature(form):
    """a = μ + s x with x standard: the moments of x are integrated, those of a are sums of them."""
    scale = Parameter("s", positive=True) if form == "scale" else z
    policy = LogisticPolicy(m, **{form: scale})
    ends = [-120, -40, -12, -4, 0, 4, 12, 40, 120]
    with mpmath.workdps(40):

        def standard(j, tilt):
            """E[x^j s^k] of the score by μ (tanh(x/2)) and by log s (x tanh(x/2) - 1)."""
            return mpmath.quad(
                lambda x: x**j * tilt(x) * mpmath.sech(x / 2) ** 2 / 4, ends, maxdegree=7
            )

        def tanh(x):
            return mpmath.tanh(x / 2)

        scores = (tanh, lambda x: x * tanh(x) - 1)
        first = [[standard(j, f) for j in range(3)] for f in scores]
        second = [[standard(j, lambda x, f=f: f(x) ** 2) for j in range(5)] for f in scores]
    for power in POWERS:
        gradient = policy_gradient(policy, policy.action**power)
        code = lambdify([m, scale], gradient.variance())
        for loc, given in ((-1000.0, -20.0), (0.3, 1.0), (1000.0, -5.0)):
            given = given if form == "log_scale" else float(np.exp(given))
            found = np.ravel(code(loc, given))
            with mpmath.workdps(40):
                s = mpmath.exp(mpmath.mpf(given)) if form == "log_scale" else mpmath.mpf(given)
                for k in range(2):
                    slope = 1 / s if k == 0 or form == "scale" else 1

                    def mean(of, degree, s=s, loc=loc):
                        return mpmath.fsum(
                            mpmath.binomial(degree, j) * mpmath.mpf(loc) ** (degree - j) * s**j * x
                            for j, x in enumerate(of[: degree + 1])
                        )

                    expected = mean(second[k], 2 * power) - mean(first[k], power) ** 2
                    expected *= slope**2
                    assert abs(found[k] - expected) <= TIGHT * abs(expected), (loc, given, k)


def log_moments(shapes, power, which):
    """Of a Beta law (shapes α and β) or a Gamma law with rate 1 (shape α), with s the centred log a
    or log(1 - a): E[r], E[r^j s²], E[r s].
    """
    total = mpmath.fsum(shapes)
    own = shapes[which]

    def tilted(j):
        """E[a^j], and the mean and variance of the logarithm under the tilted law."""
        weight, more = mpmath.rf(shapes[0], j), j if which == 0 else 0
        mean, spread = mpmath.psi(0, own + more), mpmath.psi(1, own + more)
        if len(shapes) == 2:
            weight /= mpmath.rf(total, j)
            mean, spread = mean - mpmath.psi(0, total + j), spread - mpmath.psi(1, total + j)
        return weight, mean, spread

    centre = tilted(0)[1]
    square = []
    for j in (0, power, 2 * power):
        weight, mean, spread = tilted(j)
        square.append(weight * (spread + (mean - centre) ** 2))
    weight, mean, _ = tilted(power)
    return weight, square, weight * (mean - centre)


SHAPES = (1e-3, 0.1, 1.0, 30.0, 1e6)


@pytest.mark.parametrize("power", POWERS)
def test_shapes_from_a_thousandth_to_a_million(power):
    policies = {
        (alpha, beta): BetaPolicy(alpha, beta),
        (alpha,): GammaPolicy(alpha, 1),
    }
    for shapes, policy in policies.items():
        for which, shape in enumerate(shapes):
            gradient = policy_gradient(policy, policy.action**power, wrt=[shape])
            codes = {b: lambdify(shapes, gradient.variance(b)) for b in BASELINES}
            best = lambdify(shapes, gradient.optimal_baseline())
            for a in SHAPES:
                for point in [(a,)] if len(shapes) == 1 else [(a, b) for b in SHAPES]:
                    with mpmath.workdps(80):
                        moments = log_moments(tuple(map(mpmath.mpf, point)), power, which)
                        for b, code in codes.items():
                            # Of a Beta law the best baseline leaves a difference of 10⁴ times less.
                            require(code, point, value_of(*moments, b))
                        if len(shapes) == 1:
                            require(best, point, moments[1][1] / moments[1][0])


def weibull_moments(shape, scale, power, which):
    """With u standard exponential: E[r], E[r^j s²], E[r s] by derivatives of its Γ(1 + x)."""

    def moment(x, i, j):
        """E[u^(x+i) (log u)^j]."""
        t = 1 + x + i
        mean, spread = mpmath.psi(0, t), mpmath.psi(1, t)
        return mpmath.gamma(t) * (1, mean, spread + mean**2)[j]

    # The score times k is 1 + log u - u log u, that times λ/k is u - 1.
    score, factor = (
        ({(0, 0): 1, (0, 1): 1, (1, 1): -1}, 1 / shape),
        ({(1, 0): 1, (0, 0): -1}, shape / scale),
    )[which]

    def square(x):
        return factor**2 * mpmath.fsum(
            c * d * moment(x, i + k, j + m)
            for (i, j), c in score.items()
            for (k, m), d in score.items()
        )

    x = power / shape
    squares = [scale ** (j * power) * square(j * x) for j in range(3)]
    slope = mpmath.fsum(c * moment(x, *place) for place, c in score.items())
    return scale**power * moment(x, 0, 0), squares, scale**power * factor * slope


@pytest.mark.parametrize("power", POWERS)
def test_powers_of_an_exponential(power):
    """The variance with a mean as baseline is of the order of 1/k² less than without."""
    k, scale = (Parameter(name, positive=True) for name in ("k", "lam"))
    policy = WeibullPolicy(k, scale)
    for which, head in enumerate((k, scale)):
        gradient = policy_gradient(policy, policy.action**power, wrt=[head])
        codes = {b: lambdify([k, scale], gradient.variance(b)) for b in BASELINES}
        codes["given"] = lambdify([k, scale], gradient.variance(3))
        best = lambdify([k, scale], gradient.optimal_baseline())
        slope = lambdify([k, scale], gradient.doit())
        for point in ((0.1, 2.0), (1.9, 0.5), (2.1, 3.0), (30.0, 1e-3), (1e4, 1e6), (1e6, 1.0)):
            with mpmath.workdps(60):
                mean, square, first = weibull_moments(*map(mpmath.mpf, point), power, which)
                for b in BASELINES:
                    require(codes[b], point, value_of(mean, square, first, b))
                require(codes["given"], point, square[2] - 6 * square[1] + 9 * square[0] - first**2)
                require(best, point, square[1] / square[0])
                require(slope, point, first)


def test_powers_of_an_exponential_by_quadrature():
    k, scale = (Parameter(name, positive=True) for name in ("k", "lam"))
    gradient = policy_gradient(WeibullPolicy(k, scale), Symbol("a"))
    code = lambdify([k, scale], gradient.variance("mean"))
    shape, width = 1000, mpmath.mpf(2)
    with mpmath.workdps(30):
        ends = [0, 0.01, 0.1, 0.5, 1, 2, 5, 10, 30, 80]

        def mean(f):
            return mpmath.quad(lambda u: f(u) * mpmath.exp(-u), ends, maxdegree=8)

        def action(u):
            return width * u ** (mpmath.mpf(1) / shape)

        centre = mean(action)
        scores = (
            lambda u: (1 + mpmath.log(u) - u * mpmath.log(u)) / shape,
            lambda u: (u - 1) * shape / width,
        )
        for j, score in enumerate(scores):
            values = [
                mean(lambda u, i=i, f=score: ((action(u) - centre) * f(u)) ** i) for i in (1, 2)
            ]
            expected = values[1] - values[0] ** 2
            assert abs(np.ravel(code(shape, 2.0))[j] - expected) <= TIGHT * expected


def test_a_beta_law_by_quadrature():
    code = lambdify([alpha, beta], policy_gradient(BetaPolicy(alpha, beta), Symbol("a")).variance())
    a, b = mpmath.mpf("2.5"), mpmath.mpf("1.75")
    with mpmath.workdps(30):
        psi = [mpmath.psi(0, x) for x in (a, b, a + b)]
        scores = (
            lambda x: mpmath.log(x) - psi[0] + psi[2],
            lambda x: mpmath.log1p(-x) - psi[1] + psi[2],
        )
        for k, score in enumerate(scores):

            def mean(j, f=score):
                return mpmath.quad(
                    lambda x: (x * f(x)) ** j * x ** (a - 1) * (1 - x) ** (b - 1), [0, 0.5, 1]
                )

            first, second = mean(1), mean(2)
            norm = mpmath.beta(a, b)
            expected = second / norm - (first / norm) ** 2
            assert abs(np.ravel(code(float(a), float(b)))[k] - expected) < 1e-12 * expected


def test_the_information_of_a_beta_law_is_a_difference_of_trigammas():
    code = lambdify([alpha, beta], BetaPolicy(alpha, beta).fisher())
    for a in SHAPES:
        for b in SHAPES:
            with mpmath.workdps(60):
                expected = mpmath.psi(1, mpmath.mpf(a)) - mpmath.psi(1, mpmath.mpf(a) + b)
                with np.errstate(all="raise", under="ignore"):
                    found = float(code(a, b)[0, 0])
                assert abs(found - expected) <= 1e-14 * expected
    found = code(np.array([1e6, 0.1]), np.array([[1e-3], [3.0], [1e6]]))
    assert found.shape == (3, 2, 2, 2) and found[2, 1, 0, 0] == code(0.1, 1e6)[0, 0]


@pytest.mark.parametrize("form", ["concentration", "log_concentration"])
def test_directions_that_are_nearly_sure(form):
    """The information 1 - A² - A/κ is 1/(2κ²) where κ is large; so is the slope of E[cos a]."""
    head = p if form == "concentration" else z
    policy = VonMisesPolicy(0, **{form: head})
    slope = policy_gradient(policy, cos(Symbol("a"))).doit()
    for x in (1e-3, 0.7, 25.0, 59.0, 61.0, 1e3, 1e6):
        given = x if form == "concentration" else float(np.log(x))
        with mpmath.workdps(60):
            k = mpmath.mpf(x) if form == "concentration" else mpmath.exp(mpmath.mpf(given))
            mean = mpmath.besseli(1, k) / mpmath.besseli(0, k)
            expected, chain = 1 - mean**2 - mean / k, 1 if form == "concentration" else k
            require(lambdify([head], policy.fisher()), (given,), expected * chain**2)
            require(lambdify([head], slope), (given,), expected * chain)


def test_gradients_where_success_is_nearly_sure():
    """(1 - p)/p by a logit is -(1 - p)/p; what is natural divides it by 1 - p."""
    gradient = policy_gradient(GeometricPolicy(logit=z), Symbol("a"))
    square = policy_gradient(GeometricPolicy(probit=z), Symbol("a") ** 2)
    with mpmath.workdps(800):
        for x in (-300.0, 0.3, 40.0, 300.0):
            require(lambdify([z], gradient.doit()), (x,), -sigmoid(-mpmath.mpf(x)) / sigmoid(x))
        for x in (-5.0, 0.1, 5.0, 30.0):
            prob, rest, slope = LINKS["probit"][0](mpmath.mpf(x))
            # E[a²] = q/p + 2 q²/p², and the information is slope²/(p² q).
            rate = -(1 + 4 * rest / prob) / prob**2
            require(lambdify([z], square.natural()), (x,), rate / slope * prob**2 * rest)


@pytest.mark.parametrize(
    "expr",
    ["p*n**2 - 6*p*n + 6*p + 4*n - 6 + 1/p", "p**2 - 2*p + 1 + n*p", "p*(n - 1) - p + 1"],
)
def test_positive_forms_keep_the_value(expr):
    x, k = symbols("p n", positive=True)
    made = {
        "p*n**2 - 6*p*n + 6*p + 4*n - 6 + 1/p": x * k**2 - 6 * x * k + 6 * x + 4 * k - 6 + 1 / x,
        "p**2 - 2*p + 1 + n*p": x**2 - 2 * x + 1 + k * x,
        "p*(n - 1) - p + 1": x * (k - 1) - x + 1,
    }[expr]
    found = positive_form(made, [x], [k])
    assert expand(found - made) == 0
    # At n = 1 and p close to 1 no digit is lost.
    close = 1 - 2.0**-40
    exact = made.subs({x: 1 - Rational(1, 2**40), k: 1})
    assert abs(lambdify([x, k], found)(close, 1.0) - float(exact)) <= 1e-14 * float(exact)
