"""The steps to the flow of two layers: covariances with the loss, and Radon's linearisation."""

from __future__ import annotations

from typing import Any

from sympy import Eq, Identity, MatMul, MatrixSymbol, Rational, ZeroMatrix, symbols

from ..derivation import Rule, Step, derive
from ..elementwise import ScalarProduct
from ..tangent.covariance import NTCov
from .matrix_nodes import MatrixExponential
from .riccati_nodes import ExponentialIntegral
from .slope import SlopeInTime

__all__ = ["RiccatiEquation", "StartOfTheFlow", "covariances", "linearised", "riccati_side"]


class BlocksOfTheFlow(Rule):
    """With Q = [W₁ᵀ; W₂], M = QQᵀ, C = W₂ᵀW₂ - W₁W₁ᵀ, J = diag(-I, I) and F₀ = [0, Σᵀ; Σ, 0]:
    dM/dt = F₀M + MF₀ - M² + ½(JQCQᵀ + QCQᵀJ), a block at a time.
    """


class ConservedDifference(Rule):
    """C = W₂ᵀW₂ - W₁W₁ᵀ does not move."""


class BalancedStart(Rule):
    """C is what it is at the start, λI; then F₀ + ½λJ = F and dM/dt = FM + MF - M²."""


class RadonsLemma(Rule):
    """The quotient M = YX⁻¹ of a linear flow, dY/dt = FY and dX/dt = Y - FX, moves by
    dM/dt = FM + MF - M².
    """

    @property
    def name(self) -> str:
        """'Radon's lemma'."""
        return "Radon's lemma"


class LinearPart(Rule):
    """Y = e^{tF}QQᵀ and X = e^{-tF}(I + N QQᵀ), N = ∫₀ᵗe^{2uF}du, solve the linear flow."""


class PushThrough(Rule):
    """In the quotient YX⁻¹ = e^{tF} QQᵀ(I + N QQᵀ)⁻¹ e^{tF} a factor Q goes to the other side."""


class RiccatiEquation(Rule):
    """dM/dt = FM + MF - M² with the solution put in."""

    @property
    def name(self) -> str:
        """'Riccati equation'."""
        return "Riccati equation"


class StartOfTheFlow(Rule):
    """At time 0 it is QQᵀ."""


def riccati_side(F: Any, M: Any) -> Any:
    """FM + MF - M²."""
    return F * M + M * F - M * M


def covariances(W1: Any, W2: Any, Sigma: Any, excess: Any) -> list[Step]:
    """How the blocks of M move: by rules, as a quadratic form, and of a balanced start."""
    Sigma = Sigma if isinstance(Sigma, MatrixSymbol) else MatrixSymbol("Sigma", *Sigma.shape)
    (k, d), h = Sigma.shape, W1.shape[0]
    error = Sigma - W2 * W1
    loss = ScalarProduct(error, error) / 2
    taken = {symbol.name for symbol in (W1, W2, Sigma)}
    free = [name for name in ("u", "v", "a", "b", "p") if name not in taken]
    C = W2.T * W2 - W1 * W1.T
    i, j = (MatrixSymbol(name, h, 1) for name in free[:2])
    conserved = NTCov(i.T * C * j, -loss)
    steps = [Step(ConservedDifference(), conserved, ZeroMatrix(1, 1))]
    layers, sides = (W1.T, W2), (d, k)
    for row, column in ((0, 0), (1, 0), (1, 1)):
        u, v = (
            MatrixSymbol(name, sides[n], 1) for name, n in zip(free[:2], (row, column), strict=True)
        )
        moves = derive(NTCov(u.T * layers[row] * layers[column].T * v, -loss))
        steps += moves.steps
        plain, balanced = (
            u.T * _block(layers, Sigma, difference, row, column) * v
            for difference in (C, excess * Identity(h))
        )
        steps.append(Step(BlocksOfTheFlow(), moves.result, plain))
        if plain != balanced:
            given = Eq(C, excess * Identity(h), evaluate=False)
            steps.append(Step(BalancedStart(), plain, balanced, [given]))
    return steps


def linearised(tau: Any, time: Any) -> list[Step]:
    """Radon's lemma, with A for F and B for Q."""
    size, width = symbols("p q", integer=True, positive=True)
    X, Y, A, N = (MatrixSymbol(name, size, size) for name in "XYAN")
    B, clock = MatrixSymbol("B", size, width), time / tau
    quotient = Y * X.inv()
    moving = MatMul(A, Y, X.inv()) - MatMul(Y, X.inv(), Y - A * X, X.inv())
    upper = MatMul(MatrixExponential(clock * A), B, B.T)
    spent = Identity(size) + MatMul(ExponentialIntegral(2 * A, clock), B, B.T)
    lower = MatMul(MatrixExponential(-clock * A), spent)
    outside = MatMul(B, B.T, (Identity(size) + N * B * B.T).inv())
    inside = MatMul(B, (Identity(width) + B.T * N * B).inv(), B.T)
    return [
        Step(RadonsLemma(), moving, riccati_side(A, quotient)),
        Step(LinearPart(), SlopeInTime(upper, time), A * upper / tau),
        Step(LinearPart(), SlopeInTime(lower, time), (upper - A * lower) / tau),
        Step(PushThrough(), outside, inside),
    ]


def _block(layers: Any, Sigma: Any, C: Any, row: int, column: int) -> Any:
    """A block of `F₀M + MF₀ - M² + ½(JQCQᵀ + QCQᵀJ)`, whose M has the blocks QᵢQⱼᵀ."""

    def M(i: int, j: int) -> Any:
        return MatMul(layers[i], layers[j].T)

    def F(i: int) -> Any:
        return Sigma if i else Sigma.T

    total = F(row) * M(1 - row, column) + M(row, 1 - column) * F(1 - column)
    total -= M(row, 0) * M(0, column) + M(row, 1) * M(1, column)
    sign = Rational((row or -1) + (column or -1), 2)
    return total + sign * MatMul(layers[row], C, layers[column].T)
