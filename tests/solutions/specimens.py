"""One of each class of the room, for the tests that hold of every class."""

from __future__ import annotations

from sympy import symbols

from symprice import parameters
from symprice.solutions.homogeneous import homogeneity
from symprice.solutions.invariants import conserved

a, b = parameters("a b")
SPECIMENS = [conserved(a**2 - b**2, (symbols("y") - a * b) ** 2), homogeneity(a**2 * b)]
WITHOUT = {"DecidedClaim"}
