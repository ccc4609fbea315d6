"""One of each class of the room, for the tests that hold of every class."""

from __future__ import annotations

from sympy import Matrix, MatrixSymbol, Symbol, symbols

from symprice import Parameter, parameters, sigmoid
from symprice.solutions.flows import solve_flow
from symprice.solutions.homogeneous import homogeneity
from symprice.solutions.invariants import conserved
from symprice.solutions.lazy import LazyTraining
from symprice.solutions.matrix_nodes import MatrixExponential, StepPower
from symprice.solutions.momentum_flows import nesterov_flow
from symprice.solutions.riccati import two_layer_flow
from symprice.solutions.riccati_nodes import ExponentialIntegral, RiccatiFlow
from symprice.solutions.slope import SlopeInTime
from symprice.solutions.stationary import stationary_covariance
from symprice.solutions.thresholds import stability_of
from symprice.solutions.trajectory import FlowSystem, Trajectory

a, b = parameters("a b")
w, x = Parameter("w", real=True), Symbol("x", real=True)
eta = Symbol("eta", positive=True)
K = Symbol("K", integer=True, positive=True)
Z = MatrixSymbol("Z", K, K)
system = FlowSystem({w: -w}, {w: x}, eta)
SPECIMENS = [
    conserved(a**2 - b**2, (symbols("y") - a * b) ** 2),
    homogeneity(a**2 * b),
    system,
    Trajectory(w, system),
    solve_flow(1 - 2 * sigmoid(w), {w: x}, t=eta),
    nesterov_flow(1, x, eta),
    stationary_covariance(eta, 1, eta),
    stability_of(x - 1 + eta * 2, x, eta),
    LazyTraining(Matrix([[2, 1], [1, 2]]), [1, 3], [0, 0], eta, eta),
    MatrixExponential(eta * Z),
    StepPower(eta * Z, K),
    SlopeInTime(eta * Z, eta),
    ExponentialIntegral(eta * Z, eta),
    RiccatiFlow(Z, Z, eta),
    two_layer_flow(Matrix([[2]]), [[1]], [[1]], t=eta),
]
WITHOUT = {"DecidedClaim"}
