"""Metrics that training itself makes: of a gradient, of its moving averages, of a Hessian."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import mpmath
from sympy import (
    Abs,
    Add,
    Dummy,
    Expr,
    HadamardProduct,
    ImmutableDenseMatrix,
    Lambda,
    S,
    Symbol,
    sign,
    sqrt,
)
from sympy.core.sympify import _sympify
from sympy.printing.precedence import PRECEDENCE

from ..elementwise import Elementwise
from ..errors import NoRuleError, ShapeError
from ..indexed.lowering import entry as entry_of
from ..symbols import Observable, ObservableVector, Parameter, ParameterMatrix
from ..timelimit import within
from .covariance import covariance
from .damped_metric import DampedMetric
from .differences import Place, hessian, parameter_vector
from .metric import SECONDS, Metric

__all__ = ["AdaptiveMetric", "CoordinateMetric", "InverseHessian", "SignMetric"]


class SignMetric(Metric):
    """M = diag(1/|∂L/∂θᵢ|): a gradient of L in it is the vector of signs.

    Examples
    ========

    >>> from symprice import NTVar, parameters
    >>> from symprice.tangent.training_metrics import SignMetric
    >>> w, b = parameters('w b', real=True)
    >>> NTVar(w**2 - 3*b, SignMetric(w**2 - 3*b)).doit()
    2*w*sign(w) + 3
    """

    def __new__(cls, loss: Any) -> SignMetric:
        return super().__new__(cls, _sympify(loss))

    @property
    def loss(self) -> Any:
        """The property whose gradient it is made of."""
        return self.args[0]

    def entry(self, u: Parameter, v: Parameter) -> Expr:
        """1/|∂L/∂u| on the diagonal."""
        return 1 / Abs(covariance(self.loss, u)) if u == v else S.Zero

    @property
    def only_along(self) -> Any:
        """L: along it a gradient becomes signs."""
        return self.loss

    def applied(self, symbol: Any, places: Any, gradient: Any) -> Any:
        """The signs of the gradient of L by an array, an index expression at its places."""
        return sign(gradient)

    def on_arrays(self, code: Any, vector: Any) -> Any:
        """`v/|∇L|` in NumPy code; of ∇L itself the signs, which are 0 where a slope is."""
        from .gradient import Nabla

        signs = [f"np.sign({slope})" for slope in code.vector(Nabla(self.loss))]
        if vector == Nabla(self.loss):
            return signs
        if vector == Nabla(-self.loss):
            return [f"-{sign}" for sign in signs]
        slopes = code.vector(Nabla(self.loss))
        return [f"{v} / np.abs({g})" for v, g in zip(code.vector(vector), slopes, strict=True)]

    def row(self, u: Parameter) -> Iterable[tuple[Parameter, Expr]]:
        """``u`` itself."""
        return [(u, self.entry(u, u))]

    def of(self, a: Any, b: Any) -> Any:
        """Σ ∂a/∂θᵢ sign(∂L/∂θᵢ) where b is L or -L and both are formulas."""
        signs = {self.loss: 1, -self.loss: -1}
        if b not in signs:
            a, b = b, a
        known = _parameters_of(self.loss)
        if b not in signs or known is None or a.atoms(Observable, ObservableVector):
            return None
        factor = signs[b]
        return factor * Add(*(covariance(a, u) * sign(covariance(self.loss, u)) for u in known))

    def numeric(self, evaluate: Any, point: Any) -> Any:
        """1/|g| on the diagonal, with g by difference quotients."""
        from .gradient import Nabla

        return mpmath.diag([1 / abs(g) if g else 0 for g in evaluate(Nabla(self.loss), point)])

    def tex(self, printer: Any) -> str:
        """1/|∇L|."""
        return rf"1/\left|\nabla {printer.parenthesize(self.loss, PRECEDENCE['Mul'])}\right|"

    def applied_tex(self, vector: Any, printer: Any) -> str:
        """sign(∇L), of the gradient of L itself; else v/|∇L|."""
        from .gradient import Nabla

        if vector in (Nabla(self.loss), Nabla(-self.loss)):
            return rf"\operatorname{{sign}}\left({printer._print(vector)}\right)"
        gradient = printer._print(Nabla(self.loss))
        return rf"\frac{{{printer._print(vector)}}}{{\left|{gradient}\right|}}"


class AdaptiveMetric(Metric):
    """M = diag(1/(√v̂ᵢ + ε)), with a state v̂ of positive entries, the mean square of gradients.

    Parameters
    ==========

    state : the StateVector v̂.
    eps : ε.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import NTCov, parameters
    >>> from symprice.tangent.training_metrics import AdaptiveMetric
    >>> from symprice.tangent.vectors import PositiveState
    >>> w, b = parameters('w b')
    >>> NTCov(w + b, w, AdaptiveMetric(PositiveState('v'), symbols('epsilon'))).doit()
    1/(epsilon + sqrt(v_w))
    """

    def __new__(cls, state: Any, eps: Any) -> AdaptiveMetric:
        return super().__new__(cls, state, _sympify(eps))

    @property
    def state(self) -> Any:
        """v̂."""
        return self.args[0]

    @property
    def eps(self) -> Any:
        """ε."""
        return self.args[1]

    def _rate(self, v: Any) -> Any:
        return 1 / (sqrt(v) + self.eps)

    def entry(self, u: Parameter, v: Parameter) -> Expr:
        """1/(√v̂ + ε) on the diagonal."""
        return self._rate(self.state.coordinate(u)) if u == v else S.Zero

    def row(self, u: Parameter) -> Iterable[tuple[Parameter, Expr]]:
        """``u`` itself."""
        return [(u, self.entry(u, u))]

    def applied(self, symbol: Any, places: Any, gradient: Any) -> Any:
        """`M g` for the gradient g by an array, an index expression at its places."""
        v = self.state.coordinate(symbol)
        entry = entry_of(v, places.row, places.column) if isinstance(symbol, ParameterMatrix) else v
        return self._rate(entry) * gradient

    def on_block(self, symbol: Any, block: Any) -> Any:
        """`M m` for what of a state belongs to a parameter."""
        v = self.state.coordinate(symbol)
        if not isinstance(symbol, ParameterMatrix):
            return self._rate(v) * block
        slot = Symbol("v", positive=True)
        return HadamardProduct(Elementwise(Lambda(slot, self._rate(slot)), v), block)

    def depends_on(self) -> set[Any]:
        """The symbols in ε: the state does not depend on θ."""
        return self.eps.free_symbols

    def numeric(self, evaluate: Any, point: Any) -> Any:
        """1/(√v̂ + ε) on the diagonal."""
        eps = evaluate(self.eps, point)
        return mpmath.diag([1 / (mpmath.sqrt(v) + eps) for v in evaluate(self.state, point)])

    def tex(self, printer: Any) -> str:
        """1/(√v̂ + ε)."""
        eps = "" if self.eps == 0 else f" + {printer._print(self.eps)}"
        state = rf"\sqrt{{{printer._print(self.state)}}}"
        return f"1/({state}{eps})" if eps else f"1/{state}"

    def applied_tex(self, vector: Any, printer: Any) -> str:
        """v/(√v̂ + ε)."""
        eps = "" if self.eps == 0 else f" + {printer._print(self.eps)}"
        return rf"\frac{{{printer._print(vector)}}}{{\sqrt{{{printer._print(self.state)}}}{eps}}}"


class CoordinateMetric(Metric):
    """M = diag(g(θᵢ)): of every coordinate a function of itself.

    Examples
    ========

    >>> from sympy import Lambda, Symbol
    >>> from symprice import NTVar, parameters
    >>> from symprice.tangent.training_metrics import CoordinateMetric
    >>> w, b = parameters('w b')
    >>> u = Symbol('u')
    >>> NTVar(3*w + b, CoordinateMetric(Lambda(u, u))).doit()
    b + 9*w
    """

    def __new__(cls, function: Lambda) -> CoordinateMetric:
        return super().__new__(cls, function)

    def entry(self, u: Parameter, v: Parameter) -> Expr:
        """The function of the coordinate on the diagonal."""
        return self.args[0](u) if u == v else S.Zero

    def row(self, u: Parameter) -> Iterable[tuple[Parameter, Expr]]:
        """``u`` itself."""
        return [(u, self.entry(u, u))]

    def applied(self, symbol: Any, places: Any, gradient: Any) -> Any:
        """`M g` for the gradient g by an array, an index expression at its places."""
        is_matrix = isinstance(symbol, ParameterMatrix)
        entry = entry_of(symbol, places.row, places.column) if is_matrix else symbol
        return self.args[0](entry) * gradient

    def depends_on(self) -> set[Any]:
        """θ, which stands for all of its coordinates; nothing where the function is constant."""
        variable = self.args[0].variables[0]
        if variable not in self.args[0].expr.free_symbols:
            return self.free_symbols
        return self.free_symbols | {Parameter("theta")}

    def tex(self, printer: Any) -> str:
        """diag g(θ)."""
        value = printer._print(self.args[0](Symbol("theta")))
        return rf"\operatorname{{diag}}\left({value}\right)"

    def numeric(self, evaluate: Any, point: Any) -> Any:
        """The function of every coordinate on the diagonal."""
        slot = Symbol("u")
        values = []
        for p in parameter_vector(point):
            number = point[p.symbol][p.row, p.column] if isinstance(p, Place) else point[p]
            values.append(evaluate(self.args[0](slot), {**point, slot: number}))
        return mpmath.diag(values)


class InverseHessian(DampedMetric):
    """M = (∇²L + λI)⁻¹, the metric of Newton's method, over the parameters of L.

    Parameters
    ==========

    loss : the property L.
    damping : λ.

    Examples
    ========

    >>> from symprice import NTVar, parameters
    >>> from symprice.tangent.training_metrics import InverseHessian
    >>> w, b = parameters('w b')
    >>> NTVar(w**2 + 2*b**2, InverseHessian(w**2 + 2*b**2)).doit()
    4*b**2 + 2*w**2
    """

    _letter = "H"

    def inverse(self) -> tuple[list[Parameter], Any]:
        """The parameters of a formula and the inverse of its Hessian, written out."""
        store = self.__dict__
        if "_inverse_" not in store:
            known = _parameters_of(self.loss)
            if known is None:
                raise NoRuleError(
                    f"asked for the entries of the inverse Hessian of {self.loss}: they are known "
                    "of formulas in Parameters"
                )
            formula = self.loss.doit()
            rows = [
                [formula.diff(u, v) + (self.damping if u == v else 0) for v in known] for u in known
            ]
            store["_inverse_"] = known, _inverted(ImmutableDenseMatrix(rows), self)
        return store["_inverse_"]

    def entry(self, u: Parameter, v: Parameter) -> Expr:
        """The entry of the inverse; 0 outside of the parameters of L, where its gradient is 0."""
        known, matrix = self.inverse()
        if u not in known or v not in known:
            return S.Zero
        return matrix[known.index(u), known.index(v)]

    def row(self, u: Parameter) -> Iterable[tuple[Parameter, Expr]]:
        """The row of the inverse."""
        pairs = [(v, self.entry(u, v)) for v in self.inverse()[0]]
        return [(v, value) for v, value in pairs if value != 0]

    def on_arrays(self, code: Any, vector: Any) -> Any:
        """`(H + λI)⁻¹v` in NumPy code. The Hessian is formed, n × n for n parameters, from n
        products in one call.
        """
        hessian = code.hessian(self.loss)
        if self.damping != 0:
            hessian = f"{hessian} + {code.number(self.damping)} * {code.eye()}"
        return code.solved(hessian, vector)

    def numeric(self, evaluate: Any, point: Any) -> Any:
        """The inverse of second difference quotients; of networks kept for some points, where it
        takes seconds.
        """
        if not any(isinstance(s, ParameterMatrix) for s in self.loss.free_symbols):
            return self._numeric_inverse(evaluate, point)
        return self._kept(evaluate, point)

    def _numeric_inverse(self, evaluate: Any, point: Any) -> Any:
        coordinates = parameter_vector(point)
        known = _parameters_of(self.loss)
        own = [i for i, p in enumerate(coordinates) if known is None or p in known]
        damped = evaluate(self.damping, point) * mpmath.eye(len(own))
        inverse = (hessian(self.loss, own, evaluate, point) + damped) ** -1
        found = mpmath.zeros(len(coordinates))
        for a, i in enumerate(own):
            for b, j in enumerate(own):
                found[i, j] = inverse[a, b]
        return found


def _inverted(matrix: Any, metric: Any) -> Any:
    """The inverse by cofactors of letters that stand for the entries."""
    letters = {e: Dummy() for e in matrix if not e.is_number}
    drawn = matrix.xreplace(letters)
    found = within(SECONDS, lambda: drawn.inv(method="ADJ") if drawn.det() != 0 else S.Zero)
    if found is None:
        raise NoRuleError(
            f"the inverse of the Hessian in {metric} was not found in {SECONDS} s: take a loss of "
            "fewer parameters, or its numbers"
        )
    if found == 0:
        raise ShapeError(
            f"the Hessian of {metric.loss} is singular: write Newton(damping=lamda), which inverts "
            "H + λI"
        )
    return found.xreplace({letter: e for e, letter in letters.items()})


def _parameters_of(prop: Any) -> list[Parameter] | None:
    """The scalar parameters of a formula; None where something else is trained in it."""
    unspecified = (Observable, ObservableVector, ParameterMatrix)
    if any(isinstance(s, unspecified) for s in prop.free_symbols):
        return None
    found = (s for s in prop.free_symbols if isinstance(s, Parameter))
    return sorted(found, key=lambda s: s.sort_key())
