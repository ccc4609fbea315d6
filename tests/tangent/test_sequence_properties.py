"""Properties of matrices of tokens and of channels: one token, one position, sums over them."""

from __future__ import annotations

import numpy as np
import pytest
from sympy import MatrixSymbol, OneMatrix, Symbol, Trace, tanh

from symprice import (
    Activation,
    Conv1D,
    GlobalAveragePool,
    Index,
    Member,
    Network,
    NTCov,
    ScalarProduct,
    SelfAttention,
    SumOver,
    UnitVector,
    average,
    closed_form,
    cross_entropy,
    squared_loss,
)
from tests.tangent.steps import SIZES, Case, N, T, computes, d, holds, k

L, width = (Symbol(name, integer=True, positive=True) for name in ("L", "w"))
LENGTHS = {**SIZES, L: 6, width: 2}
X, Y, A = (MatrixSymbol(name, T, d) for name in "XYA")
t, early = Index("t", T), Index("t", T - 1)
net = Network(SelfAttention(d, k))
causal = Network(SelfAttention(d, k, causal=True))


def attention(p, x, mask=False):
    """softmax(X W_Q (X W_K)ᵀ / √d_k) X W_V W_O."""
    q, key, v = (x @ p[name] for name in ("WQ1", "WK1", "WV1"))
    weights = np.exp(q @ key.T / np.sqrt(key.shape[1]))
    weights = weights * np.tril(np.ones(weights.shape)) if mask else weights
    return weights / weights.sum(-1, keepdims=True) @ v @ p["WO1"]


def of(hand, letter="X", mask=False):
    return lambda p: hand(attention(p, p[letter], mask))


def token(value, place):
    return value.T * UnitVector(T, place)


def crossed(F, y):
    return (np.log(np.exp(F).sum(1)) - (y * F).sum(1)).mean()


def next_token(p):
    return ((attention(p, p["X"])[:-1] - p["X"][1:]) ** 2).sum() / 2


def last_token(p):
    return ((attention(p, p["X"])[1:] - p["X"][:-1]) ** 2).sum() / 2


OTHER = Case(token(net(Y), 1), of(lambda F: F[1], "Y"))
CASES = {
    "one token": Case(token(net(X), 0), of(lambda F: F[0])),
    "one token, causal": Case(token(causal(X), 1), of(lambda F: F[1], mask=True)),
    "the last token": Case(token(net(X), T - 1), of(lambda F: F[-1])),
    "the last token, causal": Case(token(causal(X), T - 1), of(lambda F: F[-1], mask=True)),
    "tr AᵀF": Case(Trace(A.T * net(X)), lambda p: (p["A"] * attention(p, p["X"])).sum()),
    "⟨F, F'⟩": Case(
        ScalarProduct(net(X), net(Y)),
        lambda p: (attention(p, p["X"]) * attention(p, p["Y"])).sum(),
    ),
    "an entry": Case(net(X)[0, 1], of(lambda F: F[0, 1])),
    "the last entry": Case(net(X)[T - 1, 1], of(lambda F: F[-1, 1])),
    "a slice": Case(net(X)[0, :].T, of(lambda F: F[0])),
    "the same sequence": Case(token(net(Y), 2), of(lambda F: F[2], "Y")),
    "a loss of every token": Case(
        average(squared_loss(token(net(X), t), token(A, t)), t),
        lambda p: ((attention(p, p["X"]) - p["A"]) ** 2).sum(1).mean() / 2,
    ),
    "a language model": Case(
        average(cross_entropy(token(net(X), t), token(A, t)), t),
        lambda p: crossed(attention(p, p["X"]), p["A"]),
    ),
    "the next token": Case(
        SumOver(squared_loss(token(net(X), early), token(X, early + 1)), early), next_token
    ),
    "the token before": Case(
        SumOver(squared_loss(token(net(X), early + 1), token(X, early)), early), last_token
    ),
    "a data set": Case(
        average(
            squared_loss(
                token(net(Member(MatrixSymbol("Z", T, d), Index("i", N))), 0),
                Member(MatrixSymbol("t", d, 1), Index("i", N)),
            ),
            Index("i", N),
        ),
        lambda p: np.mean(
            [
                ((attention(p, z)[0] - target) ** 2).sum() / 2
                for z, target in zip(p["Z"], p["t"], strict=True)
            ]
        ),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_attention(name):
    assert holds(CASES[name], OTHER)
    assert holds(CASES[name], CASES["tr AᵀF"])


@pytest.mark.parametrize("name", CASES)
def test_the_code_of_attention(name):
    assert computes(CASES[name], OTHER)


def attended(p, x, t):
    """The distribution of the attention of token t, and its covariance of two properties."""
    q, keys = x @ p["WQ1"], x @ p["WK1"]
    weights = np.exp(keys @ q[t] / np.sqrt(keys.shape[1]))
    weights = weights / weights.sum()

    def covariance(a, b):
        return (a * weights[:, None]).T @ b - np.outer(weights @ a, weights @ b)

    return weights, q[t], keys, covariance


def test_queries_and_keys_contribute_covariances_over_the_attention():
    """With u_s = W_Oᵀ v_s, G_t = Cov_{A_t}(u, k) and R_t = Cov_{A_t}(u, x), the four parts of the
    kernel of tokens t and s are (x_tᵀx'_s) G_tG'_sᵀ / k, (q_tᵀq'_s) R_tR'_sᵀ / k,
    (m_tᵀm'_s) W_OᵀW_O for the mean token, and (h_tᵀh'_s) I for the mean value.
    """
    kernel = closed_form(NTCov(token(net(X), 1), token(net(Y), 2)))
    generator = np.random.default_rng(2)
    shapes = {"WQ1": (3, 2), "WK1": (3, 2), "WV1": (3, 2), "WO1": (2, 3)}
    p = {name: generator.normal(size=shape) for name, shape in shapes.items()}
    x, y = generator.normal(size=(2, 5, 3))
    sides = []
    for tokens, t in ((x, 1), (y, 2)):
        weights, query, keys, covariance = attended(p, tokens, t)
        values = tokens @ p["WV1"]
        u = values @ p["WO1"]
        parts = covariance(u, keys), query, covariance(u, tokens), weights @ tokens
        sides.append((*parts, weights @ values))
    (G, q, R, mean, value), (G2, q2, R2, mean2, value2) = sides
    wanted = {
        "WQ1": x[1] @ y[2] * G @ G2.T / 2,
        "WK1": q @ q2 * R @ R2.T / 2,
        "WV1": mean @ mean2 * p["WO1"].T @ p["WO1"],
        "WO1": value @ value2 * np.eye(3),
    }
    for parameter, part in kernel.by_parameter().items():
        function = part.lambdify()
        given = {s.name: p[s.name] for s in function.parameters}
        arrays = {"X": x, "Y": y}
        found = function(given, **{s.name: arrays[s.name] for s in function.inputs})
        assert np.abs(found - wanted[parameter.name]).max() < 1e-12


# --- channels × length ----------------------------------------------------------------------------
C, D = MatrixSymbol("X", d, L), MatrixSymbol("Y", d, L)


def convolution(p, x, padding):
    """tanh of `y[o,t] = Σ W[o,c,s] x[c,t+s] + b[o]`."""
    kernel = p["W1"].reshape(2, 3, -1)
    size, length = kernel.shape[-1], x.shape[-1]
    columns = [
        (kernel * x[None][:, :, [(t + s) % length for s in range(size)]]).sum((1, 2)) + p["b1"]
        for t in range(length if padding == "circular" else length - size + 1)
    ]
    return np.tanh(np.stack(columns, -1))


@pytest.mark.parametrize("padding", ["circular", "valid"])
def test_positions_of_a_convolution(padding):
    conv = Network(Conv1D(d, k, 3, padding), Activation(tanh))
    length = L if padding == "circular" else L - 2

    def of(hand, letter="X"):
        return lambda p: hand(convolution(p, p[letter], padding))

    other = Case(conv(D) * UnitVector(length, 0), of(lambda F: F[:, 0], "Y"))
    for case in (
        Case(conv(C) * UnitVector(length, 1), of(lambda F: F[:, 1])),
        Case(conv(C)[:, 1], of(lambda F: F[:, 1])),
        Case(conv(C)[1, :] * OneMatrix(length, 1), of(lambda F: F[1].sum())),
        Case(
            ScalarProduct(conv(C), conv(D)),
            lambda p: (convolution(p, p["X"], padding) * convolution(p, p["Y"], padding)).sum(),
        ),
    ):
        assert holds(case, other, LENGTHS)
        assert computes(case, other, LENGTHS)


@pytest.mark.parametrize("padding", ["circular", "valid"])
def test_the_last_position_of_a_convolution(padding):
    conv = Network(Conv1D(d, k, 3, padding), Activation(tanh))
    length = L if padding == "circular" else L - 2
    last = Case(
        conv(C) * UnitVector(length, length - 1),
        lambda p: convolution(p, p["X"], padding)[:, -1],
    )
    assert holds(last, last, LENGTHS)


@pytest.mark.parametrize("padding", ["circular", "valid"])
@pytest.mark.parametrize("size", [1, width], ids=["1", "symbolic"])
def test_kernel_sizes(size, padding):
    pooled = Network(Conv1D(d, k, size, padding), Activation(tanh), GlobalAveragePool())
    case = Case(pooled(C), lambda p: convolution(p, p["X"], padding).mean(-1))
    other = Case(pooled(D), lambda p: convolution(p, p["Y"], padding).mean(-1))
    assert holds(case, other, LENGTHS)
