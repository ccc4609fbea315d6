"""Deriving Price's equation, of unspecified properties and of networks: seconds for all its steps.

The dynamics are those of the package that have an order; networks are of symbolic widths.
"""

from __future__ import annotations

import time
from typing import Any

from sympy import MatrixSymbol, log, symbols, tanh
from sympy.core.cache import clear_cache

from symprice import (
    MLP,
    GradientDescent,
    GradientFlow,
    Index,
    average,
    inputs,
    observables,
    price,
    squared_loss,
)
from symprice.dynamics.adaptive import Adam, AdamW, RMSProp
from symprice.dynamics.decay import WeightDecay
from symprice.dynamics.langevin import Langevin, LangevinDescent
from symprice.dynamics.mirror import MirrorDescent
from symprice.dynamics.momentum import HeavyBall, HeavyBallFlow, Nesterov, NesterovFlow
from symprice.dynamics.natural import NaturalGradient, Newton
from symprice.dynamics.normalized import NormalizedGradient
from symprice.dynamics.sgd import SGD
from symprice.dynamics.sharpness_aware import SAM
from symprice.dynamics.sign import SignDescent
from symprice.dynamics.spectral import SpectralDescent

# Seconds wanted for one law, of observables and of a network.
ABSTRACT, NETWORK = 0.2, 1.0

eta, rho, temperature = symbols("eta rho T", positive=True)
beta = symbols("beta", positive=True)
WAYS = (
    GradientFlow(),
    GradientDescent(eta),
    HeavyBall(eta, beta),
    SGD(eta, 32),
    SGD(eta, 32, 1000, replacement=False),
    SGD(eta, 32).ito(),
    Nesterov(eta, beta),
    HeavyBallFlow(beta),
    NesterovFlow(symbols("t", positive=True)),
    WeightDecay(rho, GradientDescent(eta)),
    Langevin(temperature),
    LangevinDescent(eta, temperature),
    GradientDescent(eta).modified_flow(),
    SignDescent(eta),
    SpectralDescent(eta=eta),
    NormalizedGradient(eta),
    RMSProp(eta),
    Adam(eta),
    AdamW(eta),
    NaturalGradient(MatrixSymbol("F", 2, 2)),
    Newton(),
    SAM(rho, eta),
    MirrorDescent(lambda u: u * log(u), eta),
)
ON_NETWORKS = (
    GradientFlow(),
    GradientDescent(eta),
    SGD(eta, 32),
    HeavyBall(eta, beta),
    Nesterov(eta, beta),
    WeightDecay(rho, GradientDescent(eta)),
    Langevin(temperature),
    SignDescent(eta),
    NormalizedGradient(eta),
    Adam(eta),
    SAM(rho, eta),
)


def network(layers: int) -> tuple[Any, Any]:
    """The output of a tanh network at an input, and a squared loss over a data set."""
    d, m, n = symbols("d m N", integer=True, positive=True)
    i = Index("i", n)
    x, (x_i, y_i) = inputs("z", d), (inputs("x", d, each=i), inputs("y", 1, each=i))
    net = MLP(d, *[m] * (layers - 1), 1, activation=tanh)
    return net(x)[0], average(squared_loss(net(x_i), y_i), i)


def seconds(prop: Any, loss: Any, dynamics: Any, order: int) -> float:
    """The time from nothing to the last step of the derivation, the best of three."""
    tries = []
    for _ in range(3):
        clear_cache()
        started = time.perf_counter()
        _ = price(prop, loss, dynamics, order=order).derivation
        tries.append(time.perf_counter() - started)
    return min(tries)


def run(quick: bool = False, environments: Any = None) -> list[dict[str, Any]]:
    """The rows: every way of moving θ at every order of observables, then of networks."""
    P, L = observables("P L")
    found = []
    for way in WAYS[:3] if quick else WAYS:
        for order in way.orders:
            found.append(_row("P, L", way, order, seconds(P, L, way, order), ABSTRACT))
    prop, loss = network(3)
    for way in ON_NETWORKS[:2] if quick else ON_NETWORKS:
        for order in way.orders:
            taken = seconds(prop, loss, way, order)
            found.append(_row("a network of 3 layers", way, order, taken, NETWORK))
    return found


def _row(what: str, way: Any, order: int, taken: float, wanted: float) -> dict[str, Any]:
    return {
        "what": what,
        "dynamics": str(way),
        "order": order,
        "derive": taken,
        "wanted": f"< {wanted:g} s",
        "met": "yes" if taken < wanted else "no",
    }
