"""The rows on the calculus itself: genetics, flow, laws, the juice agent, one finite step."""

from __future__ import annotations

from sympy import Function, MatrixSymbol, O, Rational, Symbol, symbols

from ... import (
    GradientDescent,
    MatrixMetric,
    NTCov,
    NTVar,
    VectorFunction,
    derive,
    observables,
    parameters,
    price,
)
from ...arrays import JacobianOf
from .row import Claim, Row

__all__ = ["rows"]


def genetics() -> Row:
    """S1."""
    g1, g2 = parameters("g1 g2", real=True)
    z, w = Function("z")(g1, g2), Function("w")(g1, g2)
    c11, c12, c22 = symbols("c_11 c_12 c_22", real=True)
    metric = MatrixMetric([[c11, c12], [c12, c22]], (g1, g2))
    covariance = NTCov(z, w, metric)
    expected = (
        c11 * z.diff(g1) * w.diff(g1)
        + c12 * (z.diff(g1) * w.diff(g2) + z.diff(g2) * w.diff(g1))
        + c22 * z.diff(g2) * w.diff(g2)
    )
    return Row(
        "S1",
        "Genetics: Price's equation as a tangent covariance",
        "A trait $z$ under selection changes as $dz/dt = \\operatorname{cov}_g(z, w)$, its "
        "genetic covariance with fitness $w$. With both predicted from two genes, $z = "
        "E[z|g]$ and $w = E[w|g]$, it is the tangent covariance in the metric $M = "
        "\\operatorname{cov}(g, g)$ with entries $c_{ij}$, that is $∇E[z|g]^⊤ "
        "\\operatorname{cov}(g, g) ∇E[w|g]$.",
        (derive(covariance),),
        (Claim("in coordinates", covariance, expected),),
    )


def gradient_flow() -> Row:
    """S2."""
    P, L = observables("P L")
    return Row(
        "S2",
        "Gradient flow and the chain rule",
        "Training by gradient flow moves the parameters as $dθ/dt = -∇L$. Any property $P$ of "
        "the network is carried along, by the chain rule.",
        (price(P, L).derivation,),
    )


def price_equation() -> Row:
    """S3."""
    P, L, U = observables("P L U")
    of_loss = price(L, L).derivation + derive(NTCov(L, -L))
    return Row(
        "S3",
        "Price's equation of training",
        "A property moves by its covariance with what is selected for: $dP/dt = "
        "\\operatorname{NTCov}(P, -L)$, or with "
        "a utility $U = -L$, $dP/dt = \\operatorname{NTCov}(P, U)$. The loss itself never rises: "
        "$dL/dt = -\\operatorname{NTVar}(L)$.",
        (price(P, L).derivation, price(P, -U).derivation, of_loss),
        (
            Claim("with a utility", price(P, -U).change, NTCov(P, U)),
            Claim("of the loss itself", price(L, L).doit(), -NTVar(L)),
        ),
    )


def linear_maps() -> Row:
    """S4."""
    n, m, k, j = symbols("n m k j", integer=True, positive=True)
    X, Y = observables("X", n), observables("Y", m)
    A, B = MatrixSymbol("A", k, n), MatrixSymbol("B", j, m)
    covariance = NTCov(A * X, B * Y)
    return Row(
        "S4",
        "Linear maps",
        "Constant matrices come out of the covariance on their own sides.",
        (derive(covariance),),
        (Claim("linear maps", covariance, A * NTCov(X, Y) * B.T),),
    )


def arbitrary_functions() -> Row:
    """S5."""
    n, m, k, j = symbols("n m k j", integer=True, positive=True)
    X, Y = observables("X", n), observables("Y", m)
    f, g = VectorFunction("f", k)(X), VectorFunction("g", j)(Y)
    covariance = NTCov(f, g)
    return Row(
        "S5",
        "Arbitrary functions",
        "Functions come out with their Jacobians: all other laws are cases of this one.",
        (derive(covariance),),
        (Claim("arbitrary functions", covariance, JacobianOf(f) * NTCov(X, Y) * JacobianOf(g).T),),
    )


def juice_agent() -> Row:
    """S6."""
    j, s = symbols("j s", positive=True)
    P = observables("P")
    R = j * s * P
    return Row(
        "S6",
        "The juice agent",
        "An agent gets $j$ reward for each juice, sees one with frequency $s$, and approaches it "
        "with probability $P$: "
        "its reward is $R = j s P$. What it learns is its own variance: where "
        "$\\operatorname{NTVar}(P)$ is small, as it "
        "is when $P$ is small, learning is slow.",
        (derive(NTCov(P, R)),),
        (Claim("rate of learning", NTCov(P, R), j * s * NTVar(P)),),
    )


def finite_step() -> Row:
    """S13."""
    P, L = observables("P L")
    eta = Symbol("eta", positive=True)
    equation = price(P, L, GradientDescent(eta), order=2)
    stated = (
        -eta * NTCov(P, L)
        + eta**2 / 2 * (NTCov(NTCov(P, L), L) - Rational(1, 2) * NTCov(P, NTVar(L)))
        + O(eta**3)
    )
    return Row(
        "S13",
        "Relaxing the ideal: one finite step",
        "A step of gradient descent, $θ → θ - η∇L$, is not infinitesimal. To second order in "
        "$η$ the change of a property is again made of covariances, now of covariances.",
        (equation.derivation,),
        (Claim("to second order", equation.change, stated),),
    )


def rows() -> dict[str, object]:
    """The rows of this file by name; each is built when called."""
    return {
        "S1": genetics,
        "S2": gradient_flow,
        "S3": price_equation,
        "S4": linear_maps,
        "S5": arbitrary_functions,
        "S6": juice_agent,
        "S13": finite_step,
    }
