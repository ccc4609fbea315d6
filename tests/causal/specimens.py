"""One of each class of the room, for the tests that hold of every class."""

from __future__ import annotations

from sympy import symbols

from symprice import observables
from symprice.causal.model import CausalModel

P, R, L = observables("P R L")
j, s = symbols("j s")
model = CausalModel({R: j * s * P, L: -R})
rate = model.rate(R, L)
SPECIMENS = [model, rate, rate.paths[0], model.covariance(R, P)]
WITHOUT: set[str] = set()
