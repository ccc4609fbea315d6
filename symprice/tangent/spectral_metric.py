"""The metric of spectral descent: `(GGᵀ)^(-1/2)` for the gradient G of every trained matrix."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import mpmath
from sympy import Add, Expr, ImmutableDenseMatrix, Matrix, Tuple, eye, sqrt
from sympy.core.sympify import _sympify
from sympy.printing.precedence import PRECEDENCE

from ..errors import NoRuleError, ShapeError
from ..symbols import Observable, ObservableVector, Parameter, ParameterMatrix
from .covariance import covariance
from .differences import Place, parameter_vector
from .metric import Metric

__all__ = ["SpectralMetric"]

# Eigenvalues of GGᵀ below this part of the largest count as 0: there G has no direction.
RANK = mpmath.mpf(10) ** -20
# Its square root, for singular values in floating-point numbers.
RATIO = "1e-10"


class SpectralMetric(Metric):
    """M = (GGᵀ)^(-1/2) with the gradient G of L by a trained matrix: `M G = U Vᵀ`, where
    `G = U S Vᵀ`.

    A parameter outside of all matrices is a 1 × 1 matrix: of it the metric is 1/|∂L/∂w|.

    Parameters
    ==========

    loss : the property L.
    matrices : matrices of Parameters; a ParameterMatrix is known to be one.

    Examples
    ========

    >>> from sympy import Matrix
    >>> from symprice import NTVar, parameters
    >>> from symprice.tangent.spectral_metric import SpectralMetric
    >>> W = Matrix(2, 2, parameters('w1:5', real=True))
    >>> L = 3*W[0, 0] + 4*W[1, 1]
    >>> NTVar(L, SpectralMetric(L, [W])).doit()
    7
    """

    def __new__(cls, loss: Any, matrices: Any = ()) -> SpectralMetric:
        return super().__new__(cls, _sympify(loss), parameter_matrices(matrices))

    @property
    def loss(self) -> Any:
        """The property whose gradient it is made of."""
        return self.args[0]

    @property
    def matrices(self) -> tuple[Any, ...]:
        """The matrices of Parameters."""
        return self.args[1]

    @property
    def only_along(self) -> Any:
        """L."""
        return self.loss

    def entry(self, u: Parameter, v: Parameter) -> Expr:
        """Not known: what is known is the product with ∇L."""
        raise NoRuleError(
            f"asked for the entry of {u} and {v} in (GGᵀ)^(-1/2) for the gradient G of {self.loss}:"
            " it is known along that gradient only, as NTCov(P, L, M)"
        )

    def row(self, u: Parameter) -> Iterable[tuple[Parameter, Expr]]:
        """Not known."""
        return [(u, self.entry(u, u))]

    def on_arrays(self, code: Any, vector: Any) -> Any:
        """`U S⁻¹Uᵀ v` in NumPy code for `G = U S Vᵀ`, `U Vᵀ` for G itself; a column is a matrix of
        one column, of a number it is the sign. Directions that G does not have are left out.
        """
        from .gradient import Nabla

        if self.matrices:
            raise NoRuleError(
                f"asked for NumPy code of {self}, with matrices of scalars beside trained ones"
            )
        found = []
        along = vector in (Nabla(self.loss), Nabla(-self.loss))
        sign = "-" if vector == Nabla(-self.loss) else ""
        moved = code.vector(vector)
        for symbol, slope, v in zip(
            code.parameters, code.vector(Nabla(self.loss)), moved, strict=True
        ):
            if not isinstance(symbol, ParameterMatrix):
                found.append(f"{sign}np.sign({slope})" if along else f"{v} / np.abs({slope})")
                continue
            rows = f"({code.codes[symbol]}.shape[0], -1)"
            left, sizes, right = (code.names.fresh(f"{n}_{symbol.name}") for n in "USV")
            code.lines.append(
                f"    {left}, {sizes}, {right} = "
                f"np.linalg.svd(np.reshape({slope}, {rows}), full_matrices=False)"
            )
            kept = code.assigned(f"kept_{symbol.name}", f"{sizes} > {RATIO} * np.max({sizes})")
            if along:
                value = f"{sign}(({left} * {kept}) @ {right})"
            else:
                inverse = f"np.where({kept}, 1 / np.where({kept}, {sizes}, 1.0), 0.0)"
                value = f"({left} * {inverse}) @ ({left}.T @ np.reshape({v}, {rows}))"
            found.append(f"np.reshape({value}, {code.shape(symbol)})")
        return found

    def of(self, a: Any, b: Any) -> Any:
        """Σ ⟨∂a/∂W, U Vᵀ⟩ over the matrices, where b is L or -L and both are formulas."""
        signs = {self.loss: 1, -self.loss: -1}
        if b not in signs:
            a, b = b, a
        every = a.free_symbols | self.loss.free_symbols
        unknown = (Observable, ObservableVector, ParameterMatrix)
        if b not in signs or any(isinstance(s, unknown) for s in every):
            return None
        found = []
        for block in self._blocks():
            slope = block.applyfunc(lambda w: covariance(self.loss, w))
            if slope.is_zero_matrix:
                continue
            toward = polar(slope)
            found += [covariance(a, w) * t for w, t in zip(block, toward, strict=True)]
        return signs[b] * Add(*found)

    def _blocks(self) -> Iterator[Any]:
        yield from self.matrices
        listed = {w for block in self.matrices for w in block}
        rest = {s for s in self.loss.free_symbols if isinstance(s, Parameter)} - listed
        for w in sorted(rest, key=lambda s: s.sort_key()):
            yield ImmutableDenseMatrix([[w]])

    # --- numbers ----------------------------------------------------------------------------------
    def numeric(self, evaluate: Any, point: Any) -> Any:
        """(GGᵀ)^(-1/2) ⊗ I for the coordinates of each matrix, with G by difference quotients."""
        from .gradient import Nabla

        coordinates = parameter_vector(point)
        slopes = evaluate(Nabla(self.loss), point)
        found = mpmath.zeros(len(coordinates))
        for rows in self._places(coordinates):
            slope = mpmath.matrix([[slopes[k] for k in row] for row in rows])
            root = _inverse_root(slope * slope.T)
            for i, row in enumerate(rows):
                for j, other in enumerate(rows):
                    for k, m in zip(row, other, strict=True):
                        found[k, m] = root[i, j]
        return found

    def _places(self, coordinates: list[Any]) -> Iterator[list[list[int]]]:
        """The positions of the coordinates of each matrix, row by row."""
        index = {p: k for k, p in enumerate(coordinates)}
        listed: dict[Any, list[list[int]]] = {}
        known = {w for block in self.matrices for w in block}
        for k, p in enumerate(coordinates):
            if isinstance(p, Place):
                rows = listed.setdefault(p.symbol, [])
                rows += [[] for _ in range(p.row + 1 - len(rows))]
                rows[p.row].append(k)
            elif p not in known:
                yield [[k]]
        yield from listed.values()
        for block in self.matrices:
            if all(w in index for w in block):
                yield [[index[w] for w in block.row(i)] for i in range(block.rows)]

    # --- LaTeX ------------------------------------------------------------------------------------
    def tex(self, printer: Any) -> str:
        """(GGᵀ)^(-1/2)."""
        return r"(G G^{\top})^{-1/2}"

    def applied_tex(self, vector: Any, printer: Any) -> str:
        """(GGᵀ)^(-1/2) v."""
        return rf"{self.tex(printer)}\, {printer.parenthesize(vector, PRECEDENCE['Mul'])}"


def parameter_matrices(given: Any) -> Tuple:
    """Matrices of distinct Parameters."""
    if not isinstance(given, (list, tuple, Tuple)):
        raise ShapeError(
            f"asked for spectral descent of the matrices {given}: write a list of matrices of "
            "Parameters, and the learning rate as SpectralDescent(eta=...)"
        )
    found = [ImmutableDenseMatrix(block) for block in given]
    entries = [w for block in found for w in block]
    if not all(isinstance(w, Parameter) for w in entries) or len(set(entries)) != len(entries):
        raise ShapeError(
            f"asked for matrices of parameters, but received {given}: each entry is a Parameter of "
            "its own, as Matrix(2, 2, parameters('w1:5'))"
        )
    return Tuple(*found)


def polar(slope: Any) -> Any:
    """U Vᵀ of `G = U S Vᵀ`, for G with at most two rows or two columns.

    By Cayley and Hamilton, the root of a 2 × 2 matrix A is `(A + s I)/t` with `s² = det A`,
    `t² = tr A + 2s`, so that `A^(-1/2) = (adj A + s I)/(s t)`.
    """
    if slope.rows > slope.cols:
        return polar(slope.T).T
    gram = Matrix(slope * slope.T)
    if slope.rows == 1:
        return slope / sqrt(gram[0, 0])
    if slope.rows > 2:
        raise NoRuleError(
            f"asked for the square root of a {slope.rows} × {slope.rows} matrix of formulas: there "
            "is a short one for two rows or columns; take numbers, as in .run(params, gradients)"
        )
    size = sqrt(gram.det())
    trace = sqrt(gram.trace() + 2 * size)
    return (gram.adjugate() + size * eye(2)) * slope / (size * trace)


def _inverse_root(gram: Any) -> Any:
    """A^(-1/2) of a symmetric matrix of numbers, 0 where A is."""
    values, vectors = mpmath.eigsy(gram)
    largest = max(abs(v) for v in values)
    roots = [1 / mpmath.sqrt(v) if v > RANK * largest else mpmath.mpf(0) for v in values]
    return vectors * mpmath.diag(roots) * vectors.T
