"""Two linear layers from any balanced start: a matrix Riccati equation, solved by Radon's lemma."""

from __future__ import annotations

from typing import Any

from sympy import (
    Basic,
    BlockMatrix,
    Eq,
    Float,
    Identity,
    ImmutableDenseMatrix,
    Integer,
    MatMul,
    S,
    Symbol,
    ZeroMatrix,
    eye,
)
from sympy.core.sympify import _sympify
from sympy.matrices.matrixbase import MatrixBase

from ..closedform import ClosedFormMatrix
from ..derivation import Derivation, Step
from ..errors import ShapeError
from ..symbols import NameMatrix, ParameterMatrix
from .riccati_code import CodeOfTheFlow
from .riccati_nodes import RiccatiFlow
from .riccati_steps import (
    RiccatiEquation,
    StartOfTheFlow,
    covariances,
    linearised,
    riccati_side,
)
from .signs import tidied
from .slope import SlopeInTime

__all__ = ["TwoLayerFlow", "two_layer_flow"]

# Of floats, relative to the sizes of both sides.
_ROUNDING = 1e-9


class TwoLayerFlow(CodeOfTheFlow, Basic):
    """Gradient flow of `½|Σ - W₂W₁|²` from a balanced start; made by ``two_layer_flow``.

    Attributes
    ==========

    equation : the Riccati equation of `M = [W₁ᵀW₁, W₁ᵀW₂ᵀ; W₂W₁, W₂W₂ᵀ]`.
    whole : M(t), as a formula.
    product : its block W₂W₁ at time t.
    derivation : from the covariances of the blocks with the loss to the solution.

    Examples
    ========

    >>> from sympy import Matrix
    >>> from symprice import two_layer_flow
    >>> flow = two_layer_flow(Matrix([[2]]), Matrix([[1]]), Matrix([[1]]))
    >>> type(flow).__name__, flow.product.subs(flow.time, 0).doit()
    ('TwoLayerFlow', Matrix([[1]]))
    """

    @property
    def time(self) -> Any:
        """The symbol of time."""
        return self.args[4]

    @property
    def excess(self) -> Any:
        """λ, where `W₂ᵀW₂ - W₁W₁ᵀ = λI`: 0 for balanced layers."""
        return self.args[5]

    @property
    def F(self) -> Any:
        """`[-½λI, Σᵀ; Σ, ½λI]`."""
        Sigma, excess = self.args[0], self.excess
        k, d = Sigma.shape
        above, below = (_diagonal(sign * excess / 2, size) for sign, size in ((-1, d), (1, k)))
        return _stacked([[above, Sigma.T], [Sigma, below]])

    @property
    def Q(self) -> Any:
        """`[W₁ᵀ; W₂]` at time 0."""
        return _stacked([[self.args[1].T], [self.args[2]]])

    @property
    def whole(self) -> Any:
        """M(t): a ``RiccatiFlow``, whose ``formula`` is in exponentials of F."""
        return RiccatiFlow(self.F, self.Q, self.time / self.args[3])

    @property
    def product(self) -> Any:
        """W₂W₁ at time t: the block of M below the diagonal."""
        k, d = self.args[0].shape
        below = _stacked([[ZeroMatrix(k, d), Identity(k)]])
        left = _stacked([[Identity(d)], [ZeroMatrix(k, d)]])
        return MatMul(below, self.whole, left)

    @property
    def equation(self) -> Any:
        """`τ dM/dt = FM + MF - M²`."""
        return self._equations[0]

    @property
    def _equations(self) -> list[Any]:
        Sigma, W1, _, tau, time, _ = self.args
        size = sum(Sigma.shape)
        F, Q = NameMatrix("F", size, size), NameMatrix("Q_0", size, W1.shape[0])
        M = NameMatrix("M", size, size)
        known = {F: self.F, Q: self.Q}
        solution = ClosedFormMatrix(RiccatiFlow(F, Q, time / tau).formula, known)
        return [
            Eq(SlopeInTime(M, time), riccati_side(F, M) / tau, evaluate=False),
            Eq(M, solution, evaluate=False),
        ]

    @property
    def derivation(self) -> Derivation:
        """The blocks of M move by their covariances with the loss; that is a Riccati equation."""
        Sigma, W1, _, tau, time, excess = self.args
        size, clock = sum(Sigma.shape), time / tau
        F, Q = NameMatrix("F", size, size), NameMatrix("Q_0", size, W1.shape[0])
        given = [Eq(F, self.F, evaluate=False), Eq(Q, self.Q, evaluate=False)]
        M = NameMatrix("M", size, size)
        solved = Eq(M, RiccatiFlow(F, Q, clock), evaluate=False)
        steps = [
            *covariances(*self._weights(), Sigma, excess),
            *linearised(tau, time),
            Step(
                RiccatiEquation(), SlopeInTime(M, time), riccati_side(F, M) / tau, [solved, *given]
            ),
            Step(StartOfTheFlow(), RiccatiFlow(F, Q, 0), Q * Q.T),
        ]
        return Derivation(steps)

    def _weights(self) -> tuple[Any, Any]:
        """The layers as they move: as they are called at the start, else W₁ and W₂."""
        Sigma, *layers = self.args[:3]
        names = [getattr(given, "name", None) for given in (Sigma, *layers)]
        if None in names[1:] or len(set(names)) < 3:
            names[1:] = ["W1", "W2"] if names[0] not in ("W1", "W2") else ["A1", "A2"]
        first, last = (
            ParameterMatrix(name, *given.shape)
            for name, given in zip(names[1:], layers, strict=True)
        )
        return first, last

    def doit(self, **hints: Any) -> Any:
        """W₂W₁ at time t with its entries, where all is explicit and the eigenvalues are found."""
        whole = self.whole.doit(**hints)
        if not isinstance(whole, MatrixBase):
            return self.product
        inputs = self.args[0].shape[1]
        return ImmutableDenseMatrix(whole[inputs:, :inputs])

    def check(self, *, points: int = 6, **settings: Any) -> Any:
        """A Report of every step; at fewer points, as exponentials of matrices take time."""
        return super().check(points=points, **settings)

    def __str__(self) -> str:
        return self.text()

    __repr__ = __str__


def two_layer_flow(
    Sigma: Any, W1: Any, W2: Any, *, tau: Any = 1, t: Any = None, excess: Any = None
) -> TwoLayerFlow:
    """Gradient flow of a linear network `W₂W₁` on whitened inputs, from any balanced start.

    The loss is `½|Σ - W₂W₁|²`: of inputs with `E xxᵀ = I` that is `½E|y - W₂W₁x|²` with
    `Σ = E yxᵀ`, but for a constant. Layers with `W₂ᵀW₂ = W₁W₁ᵀ` stay so, and with
    `Q = [W₁ᵀ; W₂]`, `F = [0, Σᵀ; Σ, 0]` the matrix `M = QQᵀ`, that holds `W₂W₁`, moves by
    `τ dM/dt = FM + MF - M²`, which is solved by
    `M = e^{sF} Q₀ [I + Q₀ᵀ ∫₀ˢ e^{2uF} du Q₀]⁻¹ Q₀ᵀ e^{sF}` at `s = t/τ`. The same with
    `F = [-½λI, Σᵀ; Σ, ½λI]` where `W₂ᵀW₂ - W₁W₁ᵀ = λI`.

    Parameters
    ==========

    Sigma : Σ, k × d.
    W1, W2 : the layers at time 0, h × d and k × h: explicit matrices, or matrix symbols.
    tau : the time constant, one over the learning rate.
    t : the symbol of time.
    excess : λ; found from explicit layers. Of symbols it is 0 where not given: that they are
        balanced is then an assumption, and code made of it looks whether the numbers are.

    Raises
    ======

    ShapeError : for shapes that do not fit, and for layers whose conserved difference
        `W₂ᵀW₂ - W₁W₁ᵀ` is no multiple of the identity.

    Examples
    ========

    >>> from sympy import Matrix, MatrixSymbol, symbols
    >>> from symprice.solutions.riccati import two_layer_flow
    >>> d, h, k = symbols('d h k', integer=True, positive=True)
    >>> t, s, a0 = symbols('t s a0', positive=True)
    >>> Sigma = MatrixSymbol('Sigma', k, d)
    >>> print(two_layer_flow(Sigma, MatrixSymbol('W1', h, d), MatrixSymbol('W2', k, h), t=t))
    d/dt M = F M + M F - M²
    M      = e^(t F) Q₀ (Q₀ᵀ (∫^t₀ e^(2u F) du) Q₀ + I)⁻¹ Q₀ᵀ e^(t F)
    where  F = [0  Σᵀ; Σ  0]
           Q₀ = [W₁ᵀ; W₂]
    >>> two_layer_flow(Matrix([[s]]), Matrix([[a0]]), Matrix([[a0]]), t=t).doit()
    Matrix([[a0**2*s*exp(2*s*t)/(a0**2*exp(2*s*t) - a0**2 + s)]])
    >>> two_layer_flow(Matrix([[1]]), Matrix([[1], [0]]), Matrix([[1, 1]]))
    Traceback (most recent call last):
        ...
    symprice.errors.ShapeError: asked for the flow of two layers whose conserved difference \
W2.T*W2 - W1*W1.T is [[0, 1], [1, 1]]: ...

    References
    ==========

    K. Fukumizu, Effect of batch learning in multilayer neural networks, ICONIP 1998. L. Braun,
    C. Dominé, J. Fitzgerald, A. Saxe, Exact learning dynamics of deep linear networks with prior
    knowledge, NeurIPS 2022. With λ: C. Dominé et al., From lazy to rich, ICLR 2025.
    """
    Sigma, W1, W2 = (
        _matrix(given, name) for given, name in ((Sigma, "Sigma"), (W1, "W1"), (W2, "W2"))
    )
    (k, d), (h, inputs), (outputs, hidden) = Sigma.shape, W1.shape, W2.shape
    if any(
        (S.One * a - b).is_zero is not True for a, b in ((d, inputs), (k, outputs), (h, hidden))
    ):
        raise ShapeError(
            f"asked for the flow of two layers with Sigma of {k} × {d}, W1 of {h} × {inputs} and "
            f"W2 of {outputs} × {hidden}: write k × d, h × d and k × h"
        )
    tau = _sympify(tau)
    if tau.is_nonpositive:
        raise ShapeError(f"asked for a flow with the time constant {tau}: it is positive")
    if isinstance(W1, MatrixBase) and isinstance(W2, MatrixBase):
        found = _excess(W1, W2)
        if excess is not None and tidied(found - _sympify(excess)) != 0:
            raise ShapeError(
                f"asked for the flow of two layers with the excess {excess}, but "
                f"W2.T*W2 - W1*W1.T is {found} times the identity: leave it out"
            )
        excess = found
    time = Symbol("t", positive=True) if t is None else _sympify(t)
    excess = S.Zero if excess is None else _sympify(excess)
    return TwoLayerFlow(Sigma, W1, W2, tau, time, excess)


def _excess(W1: Any, W2: Any) -> Any:
    """λ of `W₂ᵀW₂ - W₁W₁ᵀ = λI`; an error where the difference is something else."""
    ours, theirs = W2.T * W2, W1 * W1.T
    difference = (ours - theirs).applyfunc(tidied)
    scale = sum(abs(entry) for entry in (*ours.diagonal(), *theirs.diagonal()))

    def vanishes(entry: Any) -> bool:
        if entry.has(Float) and entry.is_number:
            return bool(abs(entry) <= _ROUNDING * scale)
        return bool(entry == 0)

    size = difference.rows
    if all(map(vanishes, difference)):
        return S.Zero
    first = difference[0, 0]
    if all(map(vanishes, difference - first * eye(size))):
        return first
    raise ShapeError(
        "asked for the flow of two layers whose conserved difference W2.T*W2 - W1*W1.T is "
        f"{difference.tolist()}: the Riccati equation is that of layers in which it is 0 "
        "(balanced), or a multiple of the identity; others are integrated numerically, by "
        "solve_flow"
    )


def _diagonal(value: Any, size: Any) -> Any:
    return ZeroMatrix(size, size) if value == 0 else value * Identity(size)


def _stacked(blocks: list[list[Any]]) -> Any:
    """A matrix of blocks; explicit where all of them are."""
    whole = BlockMatrix(blocks)
    plain = (MatrixBase, ZeroMatrix, Identity)
    terms = [block.args[-1] if block.is_MatMul else block for row in blocks for block in row]
    if all(isinstance(block, plain) and _counted(block) for block in terms):
        return whole.as_explicit().as_immutable()
    return whole


def _counted(block: Any) -> bool:
    return all(isinstance(side, (int, Integer)) for side in block.shape)


def _matrix(given: Any, name: str) -> Any:
    if isinstance(given, (list, tuple)) or type(given).__module__ == "numpy":
        given = ImmutableDenseMatrix(given)
    matrix = given.as_immutable() if isinstance(given, MatrixBase) else _sympify(given)
    if not getattr(matrix, "is_Matrix", False):
        raise ShapeError(
            f"asked for the flow of two layers with {name} = {given}, which is no matrix: write a "
            "Matrix or a MatrixSymbol"
        )
    return matrix
