"""One of each class that moves θ by a metric, for the contract that all classes keep to."""

from __future__ import annotations

from sympy import Lambda, Matrix, Symbol, log, tanh

from symprice import (
    Dense,
    GradientDescent,
    GradientFlow,
    Network,
    ParameterMatrix,
    inputs,
    observables,
    parameters,
    squared_loss,
)
from symprice.dynamics.adaptive import Adam, AdamW, RMSProp
from symprice.dynamics.decay import WeightDecay
from symprice.dynamics.gauss_newton import GaussNewton, InverseGaussNewton
from symprice.dynamics.kernel_solution import KernelSolution
from symprice.dynamics.langevin import Langevin, LangevinDescent
from symprice.dynamics.mirror import MirrorDescent, MirrorStep
from symprice.dynamics.modified import AfterFlow, ModifiedFlow, StepOnFlow
from symprice.dynamics.momentum import HeavyBall, HeavyBallFlow, Nesterov, NesterovFlow
from symprice.dynamics.natural import NaturalGradient, Newton
from symprice.dynamics.normalized import NormalizedGradient
from symprice.dynamics.reshuffling import RandomReshuffling
from symprice.dynamics.sgd import SGD
from symprice.dynamics.sharpness_aware import SAM
from symprice.dynamics.sign import SignDescent
from symprice.dynamics.spectral import SpectralDescent
from symprice.dynamics.wrapped import InTime, WithNoise
from symprice.tangent.gradient_noise import GradientNoise
from symprice.tangent.shifted import GradientAt
from symprice.tangent.spectral_metric import SpectralMetric
from symprice.tangent.training_metrics import (
    AdaptiveMetric,
    CoordinateMetric,
    InverseHessian,
    SignMetric,
)
from symprice.tangent.vectors import PositiveMatrix, PositiveState, StepSized, Velocity

w, b = parameters("w b", real=True)
P, L = observables("P L")
eta, rho, u, beta, t = (Symbol(name, positive=True) for name in ("eta", "rho", "u", "beta", "t"))
ENTROPY = Lambda(u, u * log(u))
VELOCITY = Velocity("v")
OUTPUT = Network(Dense(2, 1))(inputs("x", 2))

SPECIMENS = [
    WeightDecay(rho, GradientDescent(eta)),
    Langevin(rho),
    LangevinDescent(eta, rho),
    HeavyBall(eta, beta),
    Nesterov(eta, beta),
    HeavyBallFlow(rho),
    NesterovFlow(t),
    SGD(eta, 4, 10, False),
    SGD(eta, rho).ito(),
    RandomReshuffling(eta),
    RandomReshuffling(eta, 2),
    InTime(t, GradientFlow()),
    GradientDescent(eta).modified_flow(),
    AfterFlow(P, L, GradientFlow(), t),
    StepOnFlow(P, L, ModifiedFlow(GradientDescent(eta), 2)),
    GradientNoise([w**2, b * w]),
    SignDescent(),
    SignDescent(eta),
    NormalizedGradient(eta),
    RMSProp(eta),
    Adam(eta),
    AdamW(eta),
    NaturalGradient(Matrix([[2, 1], [1, 3]]), (w, b)),
    NaturalGradient(Matrix([[2, 1], [1, 3]]), (w, b), eta),
    Newton(),
    Newton(2, eta),
    GaussNewton(2),
    GaussNewton(2, eta),
    InverseGaussNewton(squared_loss(OUTPUT, inputs("y", 1)), 1),
    KernelSolution((w, 1, w**2, b), rho),
    SAM(rho, eta),
    WithNoise(SGD(eta, 2), HeavyBall(eta, rho)),
    SpectralDescent([[[w, b]]]),
    SpectralDescent(eta=eta),
    MirrorDescent(ENTROPY, eta),
    MirrorStep(L, ENTROPY, eta),
    GradientAt(L, VELOCITY),
    SignMetric(w**2 + tanh(b)),
    AdaptiveMetric(PositiveState("v"), eta),
    CoordinateMetric(Lambda(u, 1 / u)),
    InverseHessian(w**2 + b**2, 1),
    SpectralMetric(w**2 + b**2, [[[w, b]]]),
    PositiveState("v"),
    StepSized("v_w"),
    VELOCITY.coordinate(ParameterMatrix("W", 2, 3)),
    PositiveMatrix("v", 2, 3),
]

# Bases.
WITHOUT = {
    "Dynamics",
    "FollowsAFlow",
    "Minibatches",
    "ScalarOfParameters",
    "SecondOrder",
    "StepOrFlow",
    "VectorOfParameters",
    "Wrapped",
}
