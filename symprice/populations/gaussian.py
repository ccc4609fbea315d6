"""Means and covariances over parameters that vary as θ + ξ, with ξ normally distributed.

`E a(θ + ξ)`, ξ ~ N(0, sΣ), is again a property of θ. Polynomials times exponentials of quadratics
have closed forms, by completing the square.
"""

from __future__ import annotations

from typing import Any

import mpmath
from sympy import (
    Add,
    Expr,
    Integer,
    Matrix,
    Mul,
    Poly,
    PolynomialError,
    S,
    diag,
    exp,
    eye,
    sqrt,
)
from sympy.core.function import AppliedUndef
from sympy.core.sympify import _sympify
from sympy.matrices.matrixbase import MatrixBase

from ..closedform import ClosedForm
from ..derivation import Rule
from ..errors import NoRuleError, ShapeError
from ..nodes import Node
from ..symbols import Parameter, depends_on_parameters, expression
from ..tangent.metric import DiagonalMetric, MatrixMetric
from ..tangent.properties import OfParameters
from .quadrature import gaussian_mean
from .rules import PopulationRule
from .short import shortened

__all__ = ["GaussianCov", "GaussianMean", "OverGaussian", "degree_of", "spread"]


# θ is rounded to so many parts of 1 where nodes are placed.
_GRID = 64


def spread(covariance: Any, parameters: Any = None) -> MatrixMetric:
    """Σ over an ordered list of parameters, as a metric; independent ones by a DiagonalMetric.

    Examples
    ========

    >>> from symprice import Parameter
    >>> from symprice.populations.gaussian import spread
    >>> spread([[2]], [Parameter('z')])
    MatrixMetric(Matrix([[2]]), (z,))
    >>> spread(DiagonalMetric({Parameter('z'): 2}))
    MatrixMetric(Matrix([[2]]), (z,))
    """
    if isinstance(covariance, MatrixMetric):
        found = covariance
    elif isinstance(covariance, DiagonalMetric) and covariance.uniform_rate is None:
        variances = dict(covariance.args[0])
        found = MatrixMetric(diag(*variances.values()), list(variances))
    else:
        listed = [parameters] if isinstance(parameters, Parameter) else list(parameters or ())
        found = MatrixMetric(covariance, listed)
    if not found.parameters:
        raise ShapeError(
            f"asked for a normal distribution with the covariance {found.matrix}: name the "
            "parameters that vary, in the order of its rows"
        )
    if not found.is_constant:
        raise ShapeError(
            f"asked for a normal distribution with the covariance {found.matrix}: it depends on "
            "what varies; write Symbols for numbers that are fixed"
        )
    for i in range(len(found.parameters)):
        if found.matrix[i, i].is_negative:
            raise ShapeError(
                f"asked for a normal distribution in which {found.parameters[i]} has the variance "
                f"{found.matrix[i, i]}: a variance is not negative"
            )
    if _is_indefinite(found.matrix):
        raise ShapeError(
            f"asked for a normal distribution with the covariance {found.matrix}: it has a "
            "negative eigenvalue, and a covariance has none"
        )
    return found


def _is_indefinite(matrix: Any) -> bool:
    """Whether a matrix of numbers has a negative eigenvalue, beyond rounding."""
    if not isinstance(matrix, MatrixBase) or matrix.free_symbols or matrix.rows == 1:
        return False
    import numpy as np

    numbers = np.array(matrix.evalf().tolist(), dtype=float)
    return bool(np.linalg.eigvalsh(numbers)[0] < -1e-9 * np.abs(numbers).max())


def degree_of(expr: Any, parameters: Any) -> int | None:
    """The degree of a polynomial in the parameters; None for what is none, or is unspecified."""
    unspecified = any(
        not isinstance(s, Parameter) and depends_on_parameters(s) for s in expr.free_symbols
    )
    if unspecified or expr.has(OfParameters, AppliedUndef):
        return None
    try:
        return int(Poly(expr, *parameters).total_degree())
    except PolynomialError:
        return None


class LinearGaussianMean(PopulationRule):
    """E(c a + d b) = c E(a) + d E(b), where c and d do not depend on θ."""

    title = "linearity"

    def apply(self, node: Any) -> Any:
        """The terms with their constant factors in front."""
        if not isinstance(node, GaussianMean):
            return None
        found = []
        for term in Add.make_args(node.prop):
            factors = Mul.make_args(term)
            constant = Mul(*(f for f in factors if not depends_on_parameters(f)))
            rest = Mul(*(f for f in factors if depends_on_parameters(f)))
            found.append((constant, rest))
        if found == [(S.One, node.prop)]:
            return None
        return Add(*(c * (S.One if u == 1 else node.of(u)) for c, u in found))


class GaussianIntegral(PopulationRule):
    """E(p exp(q)) = exp(q + gᵀΣ'g/2)/√det(1 - ΣH) · p averaged over N(θ + Σ'g, Σ'), where q is
    quadratic, g = ∇q, H = ∇²q and Σ' = (1 - ΣH)⁻¹Σ: the square is completed.

    Of a polynomial the average over N(θ, Σ) is exp(½ Σᵢⱼ ∂ᵢ∂ⱼ) p. It needs 1 - ΣH to be positive.
    """

    title = "Gaussian integral"

    def apply(self, node: Any) -> Any:
        """The closed form, of a polynomial times the exponential of a quadratic."""
        if not isinstance(node, GaussianMean):
            return None
        parameters = node.metric.parameters
        if node.prop.has(ClosedForm):
            return node.of(node.prop.doit())
        exponent = Add(*(f.args[0] for f in Mul.make_args(node.prop) if isinstance(f, exp)))
        rest = Mul(*(f for f in Mul.make_args(node.prop) if not isinstance(f, exp)))
        if degree_of(rest, parameters) is None or (degree_of(exponent, parameters) or 0) > 2:
            return None
        if degree_of(exponent, parameters) is None:
            return None
        size = len(parameters)
        sigma = Matrix(
            size, size, lambda i, j: node.scale * node.metric.entry(parameters[i], parameters[j])
        )
        if exponent == 0:
            return _averaged(rest, parameters, sigma)
        gradient = Matrix([exponent.diff(p) for p in parameters])
        hessian = Matrix(size, size, lambda i, j: exponent.diff(parameters[i], parameters[j]))
        opening = eye(size) - sigma * hessian
        determinant = opening.det(method="berkowitz")
        if _diverges(opening, determinant):
            raise NoRuleError(
                f"asked for the mean of {node.prop} over a normal distribution with the covariance "
                f"{sigma.tolist()}: it is infinite, as the exponential grows faster than the "
                "density falls"
            )
        narrower = (opening.adjugate() * sigma / determinant).applyfunc(shortened)
        shift = narrower * gradient
        average = _averaged(rest, parameters, narrower)
        moved = {p: p + step for p, step in zip(parameters, shift, strict=True)}
        average = average.subs(moved, simultaneous=True)
        total = exponent + (gradient.T * shift)[0, 0] / 2
        return average * exp(shortened(total)) / sqrt(shortened(determinant))


def _diverges(opening: Any, determinant: Any) -> bool:
    """Whether 1 - ΣH, as far as numbers or signs say, is not positive."""
    if opening.free_symbols:
        return bool(shortened(determinant).is_nonpositive)
    import numpy as np

    values = np.linalg.eigvals(np.array(opening.evalf().tolist(), dtype=float))
    return bool(values.real.min() <= 1e-12)


def _hashable(value: Any) -> Any:
    return tuple(value) if isinstance(value, mpmath.matrix) else value


def _averaged(polynomial: Any, parameters: Any, sigma: Any) -> Any:
    """exp(½ Σᵢⱼ ∂ᵢ∂ⱼ) of a polynomial: a finite sum."""
    total, term, order = polynomial, polynomial, 1
    size = range(len(parameters))
    while (degree_of(term, parameters) or 0) >= 2:
        term = Add(
            *(sigma[i, j] * term.diff(parameters[i], parameters[j]) for i in size for j in size)
        ) / (2 * Integer(order))
        total, order = total + term, order + 1
    return total


class OverGaussian(Node, OfParameters, Expr):
    """What is averaged over a normal distribution around θ; the last arguments are Σ and s."""

    is_commutative = True
    _count = 1

    def __new__(cls, *args: Any) -> Any:
        properties = [
            expression(a, f"the {cls.__name__} of a property") for a in args[: cls._count]
        ]
        scale = _sympify(args[cls._count + 1] if len(args) > cls._count + 1 else 1)
        if depends_on_parameters(scale) or scale.is_negative:
            raise ShapeError(
                f"asked for {cls.__name__} at the scale {scale}: it is not negative, and does not "
                "depend on what varies"
            )
        if len(args) < cls._count + 1 or not isinstance(args[cls._count], MatrixMetric):
            raise ShapeError(
                f"asked for {cls.__name__} without a covariance matrix: write "
                f"MatrixMetric(Sigma, parameters) as its argument {cls._count + 1}"
            )
        return Expr.__new__(cls, *properties, spread(args[cls._count]), scale)

    @property
    def metric(self) -> MatrixMetric:
        """The covariance matrix Σ, over its parameters."""
        return self.args[self._count]

    @property
    def scale(self) -> Any:
        """The factor s of it."""
        return self.args[self._count + 1]

    @property
    def costly(self) -> bool:
        """Whether numbers for it take a quadrature in several dimensions."""
        properties = self.args[: self._count]
        return len(self.metric.parameters) > 1 and self._degree(*properties) is None

    def _values(
        self, evaluate: Any, point: Any, exprs: Any, degree: int | None, weight: Any = None
    ) -> Any:
        """The mean of a product of expressions at θ + ξ, times a weight of ξ."""
        covariance = evaluate(self.metric.matrix, point)
        covariance = evaluate(self.scale, point) * covariance
        parameters = list(self.metric.parameters)
        start = [point[p] for p in parameters]
        # Nodes that stay where they are when θ is moved a little: what is there is kept.
        centre = [mpmath.nint(x * _GRID) / _GRID for x in start]
        shift = [x - c for x, c in zip(start, centre, strict=True)]
        rest = (mpmath.mp.prec, *((s, _hashable(point[s])) for s in point if s not in parameters))

        def at(steps: list[Any]) -> Any:
            # What is not moved has the values of the point.
            there = {p: x + d for p, x, d in zip(parameters, centre, steps, strict=True)}
            place = (*there.values(), rest)
            factors = [
                evaluate.once((expr, place), lambda e=expr: evaluate(e, there)) for expr in exprs
            ]
            return mpmath.fprod(factors)

        nodes = (tuple(exprs), self.metric, self.scale, tuple(centre), rest)
        return gaussian_mean(at, covariance, degree, shift, weight, evaluate.once(nodes, dict))

    def _degree(self, *exprs: Any) -> int | None:
        return degree_of(Mul(*exprs), self.metric.parameters)

    def _eval_derivative(self, symbol: Any) -> Any:
        done = self.doit()
        return None if done.has(OverGaussian) else done.diff(symbol)

    def _subscript(self, printer: Any) -> str:
        if self.scale == 1:
            return ""
        return f"_{{{printer._print(self.scale)}}}"

    def _sympystr(self, printer: Any) -> str:
        return f"{type(self).__name__}({', '.join(printer._print(arg) for arg in self.args)})"


class GaussianMean(OverGaussian):
    """`E a(θ + ξ)` over ξ ~ N(0, sΣ): a property of θ.

    Parameters
    ==========

    a : a property of θ.
    metric : ``MatrixMetric(Sigma, parameters)``, the covariance matrix and what varies.
    scale : s, 1 where not given.

    Examples
    ========

    >>> from sympy import exp, symbols
    >>> from symprice import MatrixMetric, Parameter
    >>> from symprice.populations.gaussian import GaussianMean
    >>> z, v = Parameter('z'), symbols('v', positive=True)
    >>> GaussianMean(z**2, MatrixMetric([[v]], [z])).doit()
    z**2 + v
    >>> GaussianMean(exp(z), MatrixMetric([[v]], [z])).doit()
    exp(z + v/2)
    """

    @property
    def prop(self) -> Any:
        """The property."""
        return self.args[0]

    def of(self, prop: Any) -> GaussianMean:
        """The same of another property."""
        return self.func(prop, *self.args[1:])

    @classmethod
    def laws(cls) -> tuple[Rule, ...]:
        """Linearity and the Gaussian integral."""
        return (LinearGaussianMean(), GaussianIntegral())

    def _numeric(self, evaluate: Any, point: Any) -> Any:
        return self._values(evaluate, point, [self.prop], self._degree(self.prop))

    def _tex(self, printer: Any) -> str:
        subscript = self._subscript(printer)
        return rf"\operatorname{{E}}{subscript}\left({printer._print(self.prop)}\right)"


class CovarianceOfGaussian(PopulationRule):
    """Cov(a, b) = E(a b) - E(a) E(b)."""

    title = "definition of the covariance"

    def apply(self, node: Any) -> Any:
        """The mean of the product and the product of the means."""
        if not isinstance(node, GaussianCov):
            return None
        a, b, metric, scale = node.args
        first, last, both = (GaussianMean(e, metric, scale) for e in (a, b, a * b))
        return both - first * last


class GaussianCov(OverGaussian):
    """`Cov(a, b)` over θ + ξ with ξ ~ N(0, sΣ): the genetic covariance of two properties.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import MatrixMetric, Parameter
    >>> from symprice.populations.gaussian import GaussianCov
    >>> z, v = Parameter('z'), symbols('v', positive=True)
    >>> GaussianCov(z, z**2, MatrixMetric([[v]], [z])).doit().expand()
    2*z*v
    """

    _count = 2

    @classmethod
    def laws(cls) -> tuple[Rule, ...]:
        """The definition."""
        return (CovarianceOfGaussian(),)

    def _numeric(self, evaluate: Any, point: Any) -> Any:
        a, b = self.args[:2]
        both = self._values(evaluate, point, [a, b], self._degree(a, b))
        first, last = (self._values(evaluate, point, [e], self._degree(e)) for e in (a, b))
        return both - first * last

    def _tex(self, printer: Any) -> str:
        inner = ", ".join(printer._print(e) for e in self.args[:2])
        return rf"\operatorname{{Cov}}{self._subscript(printer)}\left({inner}\right)"
