"""The bridge from covariances over populations to NTCov, against Gauss–Hermite quadrature."""

from __future__ import annotations

import pickle

import mpmath
import numpy as np
import pytest
from numpy.polynomial.hermite_e import hermegauss
from sympy import (
    Matrix,
    MatrixSymbol,
    Rational,
    Symbol,
    cos,
    exp,
    expand,
    lambdify,
    sin,
    sqrt,
    symbols,
    tanh,
    trace,
)

from symprice import MatrixMetric, NoRuleError, NTCov, Parameter, ShapeError, check, observables
from symprice.derivation import Derivation, Step
from symprice.populations.gaussian import GaussianCov, GaussianMean
from symprice.populations.gaussian_series import DerivativePairing, MetricLaplacian, bridge
from symprice.populations.quadrature import gaussian_mean
from symprice.populations.response import evolution_strategy, lande
from symprice.populations.spreading import degree_of

g, h = symbols("g h", cls=Parameter, real=True)
v, s = symbols("v s", positive=True)
P, L = observables("P L")
G = MatrixSymbol("G", 1, 1)
SIGMA = Matrix([[Rational(1, 2), Rational(1, 5)], [Rational(1, 5), Rational(1, 3)]])
CENTRE = {g: Rational(2, 5), h: Rational(-3, 10)}


def quadrature(expr, sigma, centre=CENTRE, nodes=60):
    """The mean of an expression over N(centre, sigma), by NumPy's Gauss–Hermite rule."""
    places = list(centre)
    root = np.linalg.cholesky(np.array(sigma, dtype=float))
    points, weights = hermegauss(nodes)
    grid = np.stack(np.meshgrid(*[points] * len(places), indexing="ij"))
    weight = np.prod(np.stack(np.meshgrid(*[weights] * len(places), indexing="ij")), axis=0)
    moved = np.tensordot(root, grid, axes=1)
    values = [float(centre[p]) + m for p, m in zip(places, moved, strict=True)]
    function = lambdify(places, expr, "numpy")
    return float((weight * function(*values)).sum() / weight.sum())


def spread(a, b, sigma, centre=CENTRE):
    both = quadrature(a * b, sigma, centre)
    return both - quadrature(a, sigma, centre) * quadrature(b, sigma, centre)


CLOSED = [
    g**2,
    g**3 * h - h**4 + 2,
    exp(g / 2 - h),
    (g + h) * exp(-(g**2) / 3 + h / 2),
    h**2 * exp(-((g - h) ** 2) / 2 - (h + 1) ** 2 / 5),
]


@pytest.mark.parametrize("expr", CLOSED, ids=str)
def test_gaussian_integrals_against_quadrature(expr):
    closed = GaussianMean(expr, MatrixMetric(SIGMA, (g, h))).doit()
    assert not closed.has(GaussianMean)
    assert float(closed.subs(CENTRE)) == pytest.approx(quadrature(expr, SIGMA), rel=1e-10)


def test_what_has_no_closed_form_stays():
    metric = MatrixMetric([[v]], (g,))
    for expr in (tanh(g), P, NTCov(P, L)):
        assert GaussianMean(expr, metric).doit() == GaussianMean(expr, metric)
    assert degree_of(P, [g]) is None and degree_of(h * g**2, [g]) == 2
    assert GaussianMean(h, metric).doit() == h


@pytest.mark.parametrize(
    ("a", "b"),
    [(g**2 * h, g + h**2), (g**3, h**2 + g * h), (g * h, g**4 - h**3), (g, exp(h))],
    ids=str,
)
def test_the_whole_series_is_exact(a, b):
    found = bridge(a, b, SIGMA, (g, h))
    assert float(found.doit().subs(CENTRE)) == pytest.approx(spread(a, b, SIGMA), rel=1e-10)
    total = found.selection + found.curvature
    assert expand((total - found.change).doit()) == 0


def test_quadratics_by_hessians():
    """∇aᵀ Σ ∇b + ½ tr(H_a Σ H_b Σ), the textbook's covariance of quadratic forms."""
    a, b = g**2 - 3 * g * h + h, 2 * h**2 + g
    place = Matrix([g, h])
    gradients = [Matrix([e.diff(p) for p in place]) for e in (a, b)]
    hessians = [Matrix(2, 2, lambda i, j, e=e: e.diff(place[i], place[j])) for e in (a, b)]
    first = (gradients[0].T * SIGMA * gradients[1])[0]
    second = trace(hessians[0] * SIGMA * hessians[1] * SIGMA) / 2
    exact = bridge(a, b, SIGMA, (g, h))
    assert expand(exact.doit() - first - second) == 0
    to_second = bridge(a, b, SIGMA, (g, h), order=2, scale=s)
    rest = to_second.doit().removeO()
    assert expand(rest - s * first - s**2 * second) == 0
    assert to_second.selection == s * NTCov(a, b, MatrixMetric(SIGMA, (g, h)))


@pytest.mark.parametrize("order", [1, 2])
def test_the_remainder_is_of_the_order_that_is_claimed(order):
    a, b = sin(g + h) * exp(h / 2), tanh(g) + cos(h)
    found = bridge(a, b, SIGMA, (g, h), order=order, scale=s)
    claim = found.doit().removeO().subs(CENTRE)
    sizes = np.array([0.08, 0.04, 0.02])
    errors = [
        abs(spread(a, b, float(scale) * SIGMA) - float(claim.subs(s, Rational(str(scale)))))
        for scale in sizes
    ]
    slopes = np.diff(np.log(errors)) / np.diff(np.log(sizes))
    assert slopes == pytest.approx(order + 1, abs=0.25)


def test_abstract_properties():
    found = bridge(P, L, G, [g], order=1)
    metric = MatrixMetric(G, (g,))
    scale = next(iter(found.remainder.variables))
    assert found.selection == scale * NTCov(P, L, metric)
    assert found.check()
    second = bridge(P, L, G, [g], order=2)
    pieces = second.curvature.atoms(DerivativePairing, MetricLaplacian)
    assert pieces == {
        DerivativePairing(P, L, metric, 2), MetricLaplacian(P, metric), MetricLaplacian(L, metric),
    }  # fmt: skip
    assert pickle.loads(pickle.dumps(second)) == second
    assert second.func(*second.args) == second


@pytest.mark.parametrize("scale", [s, Rational(1, 2)])
def test_every_step_of_the_series_holds(scale):
    assert bridge(g**2, g**3 + g, [[v]], [g], scale=scale).check()


def test_a_wrong_term_is_found():
    found = bridge(g**2, g**2, [[v]], [g])
    step = found.derivation.steps[-1]
    wrong = Step(step.rule, step.before, found.selection)
    assert not check(Derivation([wrong]), points=1, digits=15, code=False)
    with_order = bridge(P, L, G, [g], order=1).derivation.steps[-1]
    left, right = with_order.args[1:3]
    doubled = Step(step.rule, left, right + right.removeO())
    assert not check(Derivation([doubled]), points=1, digits=10, code=False)


def test_quadrature_is_right():
    """Moments of the normal distribution, and E exp(x) and E cos(x) in closed form."""
    with mpmath.workdps(40):
        variance = mpmath.matrix([[mpmath.mpf(3) / 2]])
        for degree, moment in ((4, 3 * 1.5**2), (6, 15 * 1.5**3)):
            found = gaussian_mean(lambda x, d=degree: x[0] ** d, variance, degree)
            assert abs(found - moment) < 1e-35
        for function, value in (
            (mpmath.exp, mpmath.exp(mpmath.mpf(3) / 4)),
            (mpmath.cos, mpmath.exp(-mpmath.mpf(3) / 4)),
        ):
            assert abs(gaussian_mean(lambda x, f=function: f(x[0]), variance) - value) < 1e-30


@pytest.mark.parametrize(
    ("make", "error", "remedy"),
    [
        (lambda: bridge(P, L, G, [g], order=3), NoRuleError, "1 and 2"),
        (lambda: bridge(P, L, G, [g]), NoRuleError, "order=1"),
        (lambda: bridge(P, L, G), ShapeError, "name the parameters"),
        (lambda: bridge(g, h, Matrix([[1, 2], [3, 4]]), [g, h]), ShapeError, "symmetric"),
        (lambda: bridge(g, h, Matrix([[-1, 0], [0, 1]]), [g, h]), ShapeError, "not negative"),
        (lambda: bridge(g, g, [[1]], [g], order=1, scale=2), ShapeError, "symbol"),
        (lambda: GaussianCov(g, h), ShapeError, "MatrixMetric(Sigma, parameters)"),
        (lambda: bridge(g, h, [[1, 2], [2, 1]], [g, h]), ShapeError, "negative eigenvalue"),
        (lambda: bridge(g**2, g, [[g**2 + 1]], [g]), ShapeError, "depends on what varies"),
        (lambda: bridge(P, L, G, [g], order=1, scale=Symbol("u") + 1), ShapeError, "symbol"),
        (lambda: evolution_strategy(g**2, g, g), ShapeError, "does not depend on what varies"),
    ],
)
def test_bad_input(make, error, remedy):
    with pytest.raises(error) as caught:
        make()
    assert remedy in str(caught.value)


@pytest.mark.parametrize("variance", [Rational(1, 2), 2])
def test_a_mean_that_is_infinite_is_refused(variance):
    """E exp(z²) over N(z, v) is exp(z²/(1 - 2v))/√(1 - 2v) for v < ½, and infinite for others."""
    with pytest.raises(NoRuleError, match="infinite"):
        GaussianMean(exp(g**2), MatrixMetric([[variance]], [g])).doit()
    with pytest.raises(NoRuleError, match="infinite"):
        lande(exp(g**2), g, variance, variance)
    two = MatrixMetric([[2, 0], [0, Rational(1, 100)]], [g, h])
    with pytest.raises(NoRuleError, match="infinite"):
        GaussianMean(exp(g**2 + h**2), two).doit()
    finite = GaussianMean(exp(g**2), MatrixMetric([[Rational(1, 4)]], [g])).doit()
    assert finite.subs(g, 0) == sqrt(2)


def test_the_scale_has_a_name_of_its_own():
    """The variance is called s: the powers of the scale are those of another symbol."""
    found = bridge(sin(g), exp(g), [[s]], [g], order=2)
    (scale,) = found.remainder.free_symbols - {s}
    with pytest.raises(ShapeError, match="occurs nowhere"):
        bridge(sin(g), exp(g), [[s]], [g], order=2, scale=s)
    # Cov(sin x, e^x) over N(g, v) is e^{g + v/2} (e^{-v/2} sin(g + v) - e^{-v/2} sin g).
    v = s * scale
    whole = exp(g + v / 2) * exp(-v / 2) * (sin(g + v) - sin(g))
    rest = whole - found.doit().removeO()
    assert [rest.diff(scale, k).subs(scale, 0).simplify() for k in range(3)] == [0, 0, 0]


def test_quadrature_with_a_weight_and_kept_values():
    """Stein: E ξ₁e^{θ₁+θ₂} = (Σ₁₁ + Σ₁₂) e^{m₁+m₂+½𝟏ᵀΣ𝟏}; near by nothing is evaluated anew."""
    with mpmath.workdps(20):
        for scale in (mpmath.mpf(1), mpmath.mpf(1) / 10000):
            sigma = scale * mpmath.matrix([[0.5, 0.25], [0.25, 0.75]])
            kept, asked, count = [], [], 0

            def value(x, asked=asked):
                asked.append(x)
                return mpmath.exp(x[0] + x[1])

            step = mpmath.sqrt(scale) / (256 if scale == 1 else 2048)
            for m in ([mpmath.mpf(0), mpmath.mpf(0)], [2 * step, -step]):
                found = gaussian_mean(value, sigma, None, m, lambda xi: xi[0], kept)
                exact = 0.75 * scale * mpmath.exp(sum(m) + 0.875 * scale)
                assert abs(found / exact - 1) < mpmath.mpf(10) ** -11
                assert len(set(map(tuple, asked))) == len(asked) or scale < 1
                count = count or len(asked)
            assert len(asked) == count


def test_small_variances_need_few_nodes():
    with mpmath.workdps(40):
        for power in (4, 6, 12):
            v = mpmath.mpf(10) ** -power
            found = gaussian_mean(lambda x: mpmath.exp(x[0]), mpmath.matrix([[v]]))
            assert abs(found - mpmath.exp(v / 2)) < mpmath.mpf(10) ** -23
