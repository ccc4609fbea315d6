"""Properties written in unusual ways: every one against complex steps, none may lose a term."""

from __future__ import annotations

import numpy as np
import pytest
from sympy import (
    Abs,
    DiagMatrix,
    HadamardPower,
    HadamardProduct,
    Identity,
    Lambda,
    MatPow,
    Matrix,
    MatrixSymbol,
    Max,
    Mod,
    OneMatrix,
    Piecewise,
    Sum,
    Symbol,
    Trace,
    atan2,
    exp,
    log,
    sqrt,
    tanh,
)

from symprice import (
    Elementwise,
    EntriesOf,
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
    relu,
    softmax,
)
from symprice.arrays import LogSumExp
from symprice.elementwise import ScaledRows
from symprice.indexed.entries import Entry
from tests.tangent.steps import Case, T, computes, d, holds, m, norms, softmax_by_hand

x = inputs("x", d)
W, S = ParameterMatrix("W", m, d), ParameterMatrix("S", d, d)
b, R, u = (
    ParameterMatrix(name, *shape) for name, *shape in (("b", d, 1), ("R", 1, d), ("u", 1, 1))
)
s = Parameter("s", real=True)
A, v, z = MatrixSymbol("A", d, d), MatrixSymbol("v", m, 1), MatrixSymbol("z", 2, 1)
E, x3 = ParameterMatrix("E", 3, 3), inputs("x", 3)
F = ParameterFamily("F", m, d, T)
w = ParameterMatrix("w", 2 * d, 1)
h, i, j = Symbol("h", real=True), Symbol("i", integer=True), Symbol("j", integer=True)
t, r, two = Index("t", d), Index("r", d), Index("two", 2)
f, g = Index("f", T), Index("g", T)
bx = ScalarProduct(b, x)


def max0(a):
    return np.where(np.real(a) > 0, a, 0)


def lse(a):
    return np.log(np.exp(a).sum())


PRODUCTS = {
    "W Wᵀ v": (W * W.T * v, lambda p: p["W"] @ p["W"].T @ p["v"]),
    "Wᵀ W x": (W.T * W * x, lambda p: p["W"].T @ p["W"] @ p["x"]),
    "S + Sᵀ": ((S + S.T) * x, lambda p: (p["S"] + p["S"].T) @ p["x"]),
    "S ∘ Sᵀ": (HadamardProduct(S, S.T) * x, lambda p: (p["S"] * p["S"].T) @ p["x"]),
    "S ∘ S": (HadamardProduct(S, S) * x, lambda p: (p["S"] * p["S"]) @ p["x"]),
    "(S + A) ∘ Sᵀ": (
        HadamardProduct(S + A, S.T) * x,
        lambda p: ((p["S"] + p["A"]) * p["S"].T) @ p["x"],
    ),
    "S cubed entrywise": (HadamardPower(S, 3) * x, lambda p: p["S"] ** 3 @ p["x"]),
    "S cubed": (MatPow(S, 3) * x, lambda p: np.linalg.matrix_power(p["S"], 3) @ p["x"]),
    "(I - S)(I + 2S)": (
        (Identity(d) - S) * (Identity(d) + 2 * S) * x,
        lambda p: (np.eye(3) - p["S"]) @ (np.eye(3) + 2 * p["S"]) @ p["x"],
    ),
    "xᵀ S b": (x.T * S * b, lambda p: p["x"] @ p["S"] @ p["b"]),
    "(xᵀ S)ᵀ": ((x.T * S).T, lambda p: p["x"] @ p["S"]),
    "b bᵀ x": (b * b.T * x, lambda p: p["b"] * (p["b"] @ p["x"])),
    "a row": (R * x, lambda p: p["R"] @ p["x"]),
    "Rᵀ R x": (R.T * R * x, lambda p: p["R"].T @ p["R"] @ p["x"]),
    "a matrix of one entry": (u * u * bx, lambda p: p["u"] ** 2 * (p["b"] @ p["x"])),
    "u_00 S x": (u[0, 0] * S * x, lambda p: p["u"] * (p["S"] @ p["x"])),
    "1ᵀ W x": (OneMatrix(1, m) * W * x, lambda p: (p["W"] @ p["x"]).sum()),
    "S 1": (S * OneMatrix(d, 1), lambda p: p["S"].sum(1)),
    "diag(b) x": (DiagMatrix(b) * x, lambda p: p["b"] * p["x"]),
    "diag of a row": (DiagMatrix(ScaledRows(u, R)) * x, lambda p: p["u"] * p["R"][0] * p["x"]),
    "diag of a product": (
        DiagMatrix(DiagMatrix(b) * x) * b,
        lambda p: p["b"] * p["x"] * p["b"],
    ),
    "b ∘ S Sᵀ b": (
        ScaledRows(b, S * S.T) * b,
        lambda p: p["b"] * (p["S"] @ p["S"].T @ p["b"]),
    ),
    "explicit numbers": (
        Matrix([[1, 2, 3], [0, 1, 5]]) * E * x3,
        lambda p: np.array([[1, 2, 3], [0, 1, 5]]) @ p["E"] @ p["x"],
    ),
    "explicit parameters": (
        Matrix([[s, 1, 0], [E[0, 0], s, 2]]) * E * x3,
        lambda p: np.array([[p["s"], 1, 0], [p["E"][0, 0], p["s"], 2]]) @ p["E"] @ p["x"],
    ),
    "entries in a column": (
        Matrix([E[0, 0] * s, E[0, 1] * x3[0, 0]]),
        lambda p: np.array([p["E"][0, 0] * p["s"], p["E"][0, 1] * p["x"][0]]),
    ),
}
SCALARS = {
    "tr S": (Trace(S), lambda p: np.trace(p["S"])),
    "tr S²": (Trace(S * S), lambda p: np.trace(p["S"] @ p["S"])),
    "tr Aᵀ S Sᵀ": (Trace(A.T * S * S.T), lambda p: np.trace(p["A"].T @ p["S"] @ p["S"].T)),
    "tr Wᵀ W": (Trace(W.T * W), lambda p: (p["W"] ** 2).sum()),
    "⟨W, W⟩": (ScalarProduct(W, W), lambda p: (p["W"] ** 2).sum()),
    "entries": (
        W[0, 1] * W[1, 0] + W[0, 1] ** 2,
        lambda p: p["W"][0, 1] * p["W"][1, 0] + p["W"][0, 1] ** 2,
    ),
    "an entry of a function": (
        Elementwise(tanh, S)[0, 1] * S[2, 0],
        lambda p: np.tanh(p["S"][0, 1]) * p["S"][2, 0],
    ),
    "an entry of a product": ((S * x)[1, 0] * s, lambda p: (p["S"] @ p["x"])[1] * p["s"]),
    "cubed": (bx**3, lambda p: (p["b"] @ p["x"]) ** 3),
    "log": (
        log(1 + ScalarProduct(S * x, S * x)),
        lambda p: np.log(1 + ((p["S"] @ p["x"]) ** 2).sum()),
    ),
    "a trained exponent": (
        (1 + ScalarProduct(b, b)) ** s,
        lambda p: (1 + p["b"] @ p["b"]) ** p["s"],
    ),
    "a function of two": (
        atan2(bx, 2 + s**2),
        lambda p: np.arctan(p["b"] @ p["x"] / (2 + p["s"] ** 2)),
    ),
    "|bᵀx|": (
        Abs(bx) * s,
        lambda p: np.sign(np.real(p["b"] @ p["x"])) * (p["b"] @ p["x"]) * p["s"],
    ),
    "normalisers": (
        LogSumExp(S * x) * LogSumExp(b) + s,
        lambda p: lse(p["S"] @ p["x"]) * lse(p["b"]) + p["s"],
    ),
    "a probability": (softmax(S * x)[1, 0], lambda p: softmax_by_hand(p["S"] @ p["x"])[1]),
    "a Gram matrix": (
        ScalarProduct(Elementwise(exp, W * W.T), OneMatrix(m, m)),
        lambda p: np.exp(p["W"] @ p["W"].T).sum(),
    ),
    "SymPy's sum": (Sum(S[i, 0] * x[i, 0], (i, 0, d - 1)), lambda p: p["S"][:, 0] @ p["x"]),
    "a double sum": (
        Sum(S[i, j] * S[j, i], (i, 0, d - 1), (j, 0, d - 1)),
        lambda p: np.trace(p["S"] @ p["S"]),
    ),
    "a sum from 1": (
        Sum(s**i * bx, (i, 1, 3)),
        lambda p: sum(p["s"] ** np.arange(1, 4)) * (p["b"] @ p["x"]),
    ),
}
FUNCTIONS = {
    "exp(s) S x": (exp(s) * S * x, lambda p: np.exp(p["s"]) * p["S"] @ p["x"]),
    "b / √(1 + ‖b‖²)": (
        b / sqrt(1 + ScalarProduct(b, b)),
        lambda p: p["b"] / np.sqrt(1 + (p["b"] ** 2).sum()),
    ),
    "‖S x‖² S x": (
        ScalarProduct(S * x, S * x) * S * x,
        lambda p: ((p["S"] @ p["x"]) ** 2).sum() * (p["S"] @ p["x"]),
    ),
    "tanh(S) x": (Elementwise(tanh, S) * x, lambda p: np.tanh(p["S"]) @ p["x"]),
    "tanh(tanh(S) x) + b": (
        Elementwise(tanh, Elementwise(tanh, S) * x) + b,
        lambda p: np.tanh(np.tanh(p["S"]) @ p["x"]) + p["b"],
    ),
    "a trained slope": (
        Elementwise(Lambda(h, tanh(s * h)), S * x),
        lambda p: np.tanh(p["s"] * (p["S"] @ p["x"])),
    ),
    "a scalar product in a function": (
        Elementwise(Lambda(h, h * bx), b),
        lambda p: p["b"] * (p["b"] @ p["x"]),
    ),
    "an entry in a function": (
        Elementwise(Lambda(h, h**2 * b[0, 0]), b),
        lambda p: p["b"] ** 2 * p["b"][0],
    ),
    "relu": (Elementwise(relu, S * x), lambda p: max0(p["S"] @ p["x"])),
    "abs": (Elementwise(Abs, S * x), lambda p: (lambda a: np.sign(a.real) * a)(p["S"] @ p["x"])),
    "softmax of softmax": (
        softmax(S * softmax(S * x)),
        lambda p: softmax_by_hand(p["S"] @ softmax_by_hand(p["S"] @ p["x"])),
    ),
    "softmax of a scaled bias": (softmax(s * b), lambda p: softmax_by_hand(p["s"] * p["b"])),
    "exp(S x xᵀ Sᵀ) x": (
        Elementwise(exp, S * x * x.T * S.T) * x,
        lambda p: np.exp(np.outer(p["S"] @ p["x"], p["S"] @ p["x"])) @ p["x"],
    ),
    "a scalar through two layers": (
        tanh(ScalarProduct(b, Elementwise(tanh, S * x))) * Elementwise(tanh, S * b),
        lambda p: np.tanh(p["b"] @ np.tanh(p["S"] @ p["x"])) * np.tanh(p["S"] @ p["b"]),
    ),
}
PLACES = {
    "a slice in a product": (z.T * W[0:2, :] * x, lambda p: p["z"] @ p["W"][:2] @ p["x"]),
    "a column": (W[:, 0], lambda p: p["W"][:, 0]),
    "one row": (W[1, :].T, lambda p: p["W"][1]),
    "columns of the last entries": (E[:, 1:] * x3[1:, :], lambda p: p["E"][:, 1:] @ p["x"][1:]),
    "e₁ᵀ S x": (UnitVector(d, 1).T * S * x, lambda p: (p["S"] @ p["x"])[1]),
    "on a circle": (Shift(S, 1, d, "circular") * x, lambda p: np.roll(p["S"], -1, 1) @ p["x"]),
    "moved": (Shift(S, 1, d) * x, lambda p: np.c_[p["S"][:, 1:], np.zeros(3)] @ p["x"]),
    "the diagonal": (
        EntriesOf(Entry(S, t, t) * Entry(x, t), t, 0),
        lambda p: np.diag(p["S"]) * p["x"],
    ),
    "by their entries": (
        EntriesOf(tanh(Entry(S, t, r) * Entry(b, r)), t, r) * x,
        lambda p: np.tanh(p["S"] * p["b"]) @ p["x"],
    ),
    "a circulant matrix": (
        SumOver(Entry(b, Mod(t + r, d)) * Entry(x, t) * Entry(x, r) ** 2, t, r),
        lambda p: sum(
            p["b"][(a + c) % 3] * p["x"][a] * p["x"][c] ** 2 for a in range(3) for c in range(3)
        ),
    ),
    "a Hankel matrix": (
        SumOver(Entry(w, t + r) * Entry(x, t) * Entry(x, r) ** 2, t, r),
        lambda p: sum(
            p["w"][a + c] * p["x"][a] * p["x"][c] ** 2 for a in range(3) for c in range(3)
        ),
    ),
    "every other entry": (
        SumOver(Entry(w, 2 * t) * Entry(x, t), t),
        lambda p: p["w"][::2] @ p["x"],
    ),
    "a part of an axis": (
        SumOver(Entry(S, two, 0) * Entry(x, two), two),
        lambda p: p["S"][:2, 0] @ p["x"][:2],
    ),
    "SymPy's sum over a part": (
        Sum(S[i, 0] * x[i, 0], (i, 1, 2)),
        lambda p: p["S"][1:, 0] @ p["x"][1:],
    ),
    "products of slices": (
        E[0:2, :].T * E[1:3, :] * x3,
        lambda p: p["E"][:2].T @ p["E"][1:] @ p["x"],
    ),
    "the last entry": (S[d - 1, 0] * S * x, lambda p: p["S"][2, 0] * (p["S"] @ p["x"])),
    "the last row": (S.T * UnitVector(d, d - 1), lambda p: p["S"][2]),
    "beside the diagonal": (
        SumOver(Entry(S, Index("c", d - 1), Index("c", d - 1) + 1), Index("c", d - 1)),
        lambda p: np.trace(p["S"], 1),
    ),
    "backwards": (SumOver(Entry(b, d - 1 - t) * Entry(x, t), t), lambda p: p["b"][::-1] @ p["x"]),
}
FAMILIES = {
    "a sum": (SumOver(Member(F, f) * x, f), lambda p: p["F"].sum(2) @ p["x"]),
    "paired": (
        SumOver(Member(F, f).T * Member(F, f) * x, f),
        lambda p: np.einsum("ijs,iks,k->j", p["F"], p["F"], p["x"]),
    ),
    "all pairs": (
        SumOver(Member(F, f).T * Member(F, g) * x, f, g),
        lambda p: np.einsum("ijs,ikt,k->j", p["F"], p["F"], p["x"]),
    ),
    "two members": (
        Member(F, 0).T * Member(F, 1) * x,
        lambda p: p["F"][:, :, 0].T @ p["F"][:, :, 1] @ p["x"],
    ),
    "a function of each": (
        SumOver(Elementwise(tanh, Member(F, f) * x), f),
        lambda p: np.tanh(np.einsum("ijs,j->si", p["F"], p["x"])).sum(0),
    ),
    "norms": (
        SumOver(Trace(Member(F, f).T * Member(F, f)) * bx, f),
        lambda p: (p["F"] ** 2).sum() * (p["b"] @ p["x"]),
    ),
}
TABLES = (PRODUCTS, SCALARS, FUNCTIONS, PLACES, FAMILIES)
CASES = {name: Case(*pair) for table in TABLES for name, pair in table.items()}
assert len(CASES) == sum(map(len, TABLES))


@pytest.mark.parametrize("name", CASES)
def test_the_formula(name):
    case = CASES[name]
    assert holds(case, case.moved)
    if name not in FAMILIES:
        assert holds(case, norms(case.expr))
        assert holds(norms(case.expr), case)


@pytest.mark.parametrize("name", CASES)
def test_the_code(name):
    case = CASES[name]
    assert computes(case, case.moved if name in FAMILIES else norms(case.expr))


@pytest.mark.parametrize(
    ("function", "hand"),
    [
        (
            lambda a: Piecewise((a**2, a > 0), (a / 10, True)),
            lambda a: np.where(np.real(a) > 0, a**2, a / 10),
        ),
        (lambda a: Max(0, a), max0),
    ],
    ids=["Piecewise", "Max"],
)
def test_functions_by_cases(function, hand):
    c = Symbol("c", real=True)
    case = Case(Elementwise(Lambda(c, function(c)), S * x), lambda p: hand(p["S"] @ p["x"]))
    assert holds(case, case.moved)
    case = Case(function(bx) * s, lambda p: hand(p["b"] @ p["x"]) * p["s"])
    assert holds(case, case.moved)


def test_code_without_parameters_in_it():
    column = Case(W[:, 0], lambda p: p["W"][:, 0])
    assert computes(column, column)
    trace = Case(Trace(S), lambda p: np.trace(p["S"]))
    assert computes(trace, trace)
