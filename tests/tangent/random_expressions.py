"""Random matrix expressions with the NumPy function that each of them is, for use as properties.

Odd constructions on purpose: products with transposes, entries, slices, traces, functions of
scalars, sums over families. An expression and its function are made side by side.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from sympy import (
    DiagMatrix,
    HadamardPower,
    HadamardProduct,
    Identity,
    Mul,
    OneMatrix,
    Trace,
    exp,
    sin,
    tanh,
)

from symprice import (
    Elementwise,
    Index,
    Member,
    Parameter,
    ParameterFamily,
    ParameterMatrix,
    ScalarProduct,
    Shift,
    SumOver,
    UnitVector,
    inputs,
    softmax,
)
from symprice.arrays import LogSumExp
from symprice.elementwise import ScaledRows
from tests.tangent.steps import SIZES, d, m

WIDTHS = (d, m)
COUNT = 2  # how many matrices a family has
FUNCTIONS = ((tanh, np.tanh), (sin, np.sin), (lambda h: h**2 - h, lambda h: h**2 - h))


class Made(NamedTuple):
    """An expression, and the function of the arrays that it is; matrices have two axes."""

    expr: Any
    hand: Callable[[Any], Any]

    @property
    def shape(self) -> Any:
        """Rows and columns; of a scalar none."""
        return getattr(self.expr, "shape", None)


class Maker:
    """One source of random expressions, all of the same parameters."""

    def __init__(self, seed: int, letter: str = "x") -> None:
        self.random = random.Random(seed)
        self.letter = letter

    # --- leaves -----------------------------------------------------------------------------------
    def parameter(self, rows: Any, columns: Any) -> Made:
        """A trained matrix; there are two of every shape."""
        name = f"{self.random.choice('VVVW')}{rows}{columns}"
        symbol = ParameterMatrix(name, rows, columns)
        return Made(symbol, (lambda p: p[name][:, None]) if columns == 1 else (lambda p: p[name]))

    def member(self, rows: Any, columns: Any) -> Made:
        """A sum over the members of a family of trained matrices, or one of them."""
        name = f"F{rows}{columns}"
        family = ParameterFamily(name, rows, columns, COUNT)
        if self.random.random() < 0.5:
            return Made(Member(family, 1), lambda p: p[name][:, :, 1])
        s = Index("s", COUNT)
        body = HadamardProduct(Member(family, s), Member(family, s))
        return Made(SumOver(body, s), lambda p: (p[name] ** 2).sum(2))

    def leaf(self, rows: Any, columns: Any) -> Made:
        """A parameter, or an input."""
        if columns == 1 and self.random.random() < 0.3:
            name = f"{self.letter}{rows}"
            return Made(inputs(name, rows), lambda p: p[name][:, None])
        if columns != 1 and self.random.random() < 0.15:
            return self.member(rows, columns)
        if rows == columns != 1 and self.random.random() < 0.1:
            return Made(Identity(rows), lambda p: np.eye(SIZES[rows]))
        return self.parameter(rows, columns)

    # --- scalars ----------------------------------------------------------------------------------
    def scalar(self, depth: int) -> Made:
        """A scalar expression."""
        kind = self.random.choice(
            ["parameter", "dot", "dot", "trace", "entry", "norm", "function", "sum", "lse"]
        )
        rows, columns = (self.random.choice(WIDTHS) for _ in range(2))
        if kind == "parameter" or depth <= 0:
            return Made(Parameter("s"), lambda p: p["s"])
        if kind == "dot":
            u, v = self.matrix(rows, 1, depth - 1), self.matrix(rows, 1, depth - 1)
            return Made(ScalarProduct(u.expr, v.expr), lambda p: (u.hand(p) * v.hand(p)).sum())
        if kind == "trace":
            A = self.matrix(rows, rows, depth - 1)
            return Made(Trace(A.expr), lambda p: np.trace(A.hand(p)))
        if kind == "entry":
            A = self.matrix(rows, columns, depth - 1)
            i, j = self.random.randrange(SIZES[rows]), self.random.randrange(SIZES[columns])
            return Made(A.expr[i, j], lambda p: A.hand(p)[i, j])
        if kind == "norm":
            A = self.matrix(rows, columns, depth - 1)
            B = self.matrix(rows, columns, depth - 1)
            return Made(ScalarProduct(A.expr, B.expr), lambda p: (A.hand(p) * B.hand(p)).sum())
        if kind == "lse":
            v = self.matrix(rows, 1, depth - 1)
            return Made(LogSumExp(v.expr), lambda p: np.log(np.exp(v.hand(p)).sum()))
        u, v = self.scalar(depth - 1), self.scalar(depth - 1)
        if kind == "sum":
            return Made(u.expr * v.expr - u.expr, lambda p: u.hand(p) * v.hand(p) - u.hand(p))
        return Made(exp(-(u.expr**2)) * v.expr, lambda p: np.exp(-(u.hand(p) ** 2)) * v.hand(p))

    # --- matrices ---------------------------------------------------------------------------------
    def matrix(self, rows: Any, columns: Any, depth: int) -> Made:
        """A matrix expression of a given shape."""
        if depth <= 0:
            return self.leaf(rows, columns)
        kinds = [self.product, self.product, self.product, self.sum, self.hadamard]
        kinds += [self.function, self.transpose, self.scaled, self.multiple, self.moved]
        if columns == 1:
            kinds += [self.softmax, self.sums, self.column]
        return self.random.choice(kinds)(rows, columns, depth - 1)

    def product(self, rows: Any, columns: Any, depth: int) -> Made:
        """A B."""
        inner = self.random.choice([*WIDTHS, 1])
        A, B = self.matrix(rows, inner, depth), self.matrix(inner, columns, depth)
        if inner == 1 == columns and A.shape == (rows, 1):
            return Made(ScaledRows(A.expr, A.expr), lambda p: A.hand(p) ** 2)
        return Made(A.expr * B.expr, lambda p: A.hand(p) @ B.hand(p))

    def sum(self, rows: Any, columns: Any, depth: int) -> Made:
        """A - 2 B."""
        A, B = self.matrix(rows, columns, depth), self.matrix(rows, columns, depth)
        return Made(A.expr - 2 * B.expr, lambda p: A.hand(p) - 2 * B.hand(p))

    def hadamard(self, rows: Any, columns: Any, depth: int) -> Made:
        """A ∘ B, or A ∘ A ∘ A."""
        A = self.matrix(rows, columns, depth)
        if self.random.random() < 0.3:
            return Made(HadamardPower(A.expr, 3), lambda p: A.hand(p) ** 3)
        B = self.matrix(rows, columns, depth)
        return Made(HadamardProduct(A.expr, B.expr), lambda p: A.hand(p) * B.hand(p))

    def function(self, rows: Any, columns: Any, depth: int) -> Made:
        """φ(A)."""
        symbolic, numeric = self.random.choice(FUNCTIONS)
        A = self.matrix(rows, columns, depth)
        return Made(Elementwise(symbolic, A.expr), lambda p: numeric(A.hand(p)))

    def transpose(self, rows: Any, columns: Any, depth: int) -> Made:
        """Aᵀ."""
        A = self.matrix(columns, rows, depth)
        return Made(A.expr.T, lambda p: A.hand(p).T)

    def scaled(self, rows: Any, columns: Any, depth: int) -> Made:
        """diag(v) A."""
        v, A = self.matrix(rows, 1, depth), self.matrix(rows, columns, depth)
        if self.random.random() < 0.5:
            return Made(ScaledRows(v.expr, A.expr), lambda p: v.hand(p) * A.hand(p))
        return Made(DiagMatrix(v.expr) * A.expr, lambda p: v.hand(p) * A.hand(p))

    def multiple(self, rows: Any, columns: Any, depth: int) -> Made:
        """c A."""
        c, A = self.scalar(depth), self.matrix(rows, columns, depth)
        return Made(Mul(c.expr, A.expr), lambda p: c.hand(p) * A.hand(p))

    def moved(self, rows: Any, columns: Any, depth: int) -> Made:
        """The columns of A on a circle."""
        A = self.matrix(rows, columns, depth)
        if columns == 1:
            return A
        moved = Shift(A.expr, 1, columns, "circular")
        return Made(moved, lambda p: np.roll(A.hand(p), -1, 1))

    # --- columns ----------------------------------------------------------------------------------
    def softmax(self, rows: Any, columns: Any, depth: int) -> Made:
        """softmax(v)."""
        v = self.matrix(rows, 1, depth)

        def hand(p: Any) -> Any:
            weights = np.exp(v.hand(p))
            return weights / weights.sum()

        return Made(softmax(v.expr), hand)

    def sums(self, rows: Any, columns: Any, depth: int) -> Made:
        """A 1."""
        other = self.random.choice(WIDTHS)
        A = self.matrix(rows, other, depth)
        return Made(A.expr * OneMatrix(other, 1), lambda p: A.hand(p).sum(1, keepdims=True))

    def column(self, rows: Any, columns: Any, depth: int) -> Made:
        """A column of A, as a slice or with a unit vector."""
        other = self.random.choice(WIDTHS)
        A, j = self.matrix(rows, other, depth), self.random.randrange(SIZES[other])
        if self.random.random() < 0.5:
            return Made(A.expr[:, j], lambda p: A.hand(p)[:, j : j + 1])
        return Made(A.expr * UnitVector(other, j), lambda p: A.hand(p)[:, j : j + 1])

    # --- properties -------------------------------------------------------------------------------
    def property(self, depth: int) -> Made:
        """A scalar, or a column."""
        if self.random.random() < 0.4:
            return self.scalar(depth)
        made = self.matrix(self.random.choice(WIDTHS), 1, depth)
        return Made(made.expr, lambda p: made.hand(p)[:, 0])
