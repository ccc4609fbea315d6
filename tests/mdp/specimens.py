"""One of each class of the room, for the tests that hold of every class."""

from __future__ import annotations

from sympy import Symbol

from symprice import Parameter
from symprice.mdp.quantities import ProcessQuantity

w, b = Parameter("w", real=True), Parameter("b", real=True)
SPECIMENS = [ProcessQuantity(Symbol("pi"), (Symbol("go"),), (Symbol("home"),), w**2 * b)]
WITHOUT = {"ProcessRule"}
