"""Means and covariances over parameters that vary as θ + ξ, with ξ normally distributed.

`E a(θ + ξ)`, ξ ~ N(0, sΣ), is again a property of θ. Polynomials times exponentials of quadratics
have closed forms, by completing the square.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import mpmath
from sympy import (
    Add,
    Expr,
    Integer,
    Matrix,
    Mul,
    Poly,
    S,
    exp,
    eye,
    sqrt,
)
from sympy.core.sympify import _sympify

from ..closedform import ClosedForm
from ..derivation import Rule
from ..errors import NoRuleError, ShapeError
from ..nodes import Node
from ..symbols import Parameter, depends_on_parameters, expression
from ..tangent.metric import MatrixMetric
from ..tangent.properties import OfParameters
from .quadrature import gaussian_mean
from .rules import PopulationRule
from .short import shortened
from .spreading import degree_of, spread

__all__ = ["GaussianCov", "GaussianMean", "OverGaussian"]


# A product of sums is integrated term by term where it has no more terms than that.
_MOST_TERMS = 16


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
        of_exponent = degree_of(exponent, parameters)
        if degree_of(rest, parameters) is None or of_exponent is None:
            return None
        if of_exponent > 2:
            if any(_grows(exponent, p) for p in parameters):
                raise _infinite(node, node.scale * node.metric.matrix)
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
            raise _infinite(node, sigma.tolist())
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


def _grows(exponent: Any, parameter: Any) -> bool:
    """Whether it is of a degree beyond 2 in a parameter and unbounded above."""
    polynomial = Poly(exponent, parameter)
    if polynomial.degree() <= 2:
        return False
    highest = polynomial.LC()
    return bool(highest.is_positive or (polynomial.degree() % 2 and highest.is_nonzero))


def _infinite(node: Any, sigma: Any) -> NoRuleError:
    return NoRuleError(
        f"asked for the mean of {node.prop} over a normal distribution with the covariance "
        f"{sigma}: it is infinite, as the exponential grows faster than the density falls"
    )


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

    def _values(self, evaluate: Any, point: Any, exprs: Any, axis: int | None = None) -> Any:
        """The mean of a product of expressions at θ + ξ; times ξ of a parameter by its place."""
        degree, chosen = self._degree(*exprs), self._moving(exprs, axis)
        if degree is None:  # term by term, where one of them depends on fewer parameters
            terms = list(product(*map(Add.make_args, exprs)))
            fewer = max(len(self._moving(term, axis)) for term in terms) < len(chosen)
            if fewer and len(terms) <= _MOST_TERMS:
                return mpmath.fsum(self._values(evaluate, point, term, axis) for term in terms)
        weight = None
        if axis is not None:
            degree, place = None if degree is None else degree + 1, chosen.index(axis)

            def weight(xi: list[Any]) -> Any:
                return xi[place]

        if not chosen:
            return mpmath.fprod(evaluate(expr, point) for expr in exprs)
        whole = evaluate(self.scale, point) * evaluate(self.metric.matrix, point)
        covariance = mpmath.matrix([[whole[i, j] for j in chosen] for i in chosen])
        parameters = [self.metric.parameters[i] for i in chosen]
        rest = (mpmath.mp.prec, *((s, _hashable(point[s])) for s in point if s not in parameters))

        def at(place: list[Any]) -> Any:
            # What is not moved has the values of the point.
            there = dict(zip(parameters, place, strict=True))
            factors = [
                evaluate.once((expr, *place, rest), lambda e=expr: evaluate(e, there))
                for expr in exprs
            ]
            return mpmath.fprod(factors)

        start = [point[p] for p in parameters]
        kept = evaluate.once((tuple(exprs), self.metric, self.scale, *chosen, rest), list)
        return gaussian_mean(at, covariance, degree, start, weight, kept, evaluate.digits)

    def _moving(self, exprs: Any, axis: int | None) -> list[int]:
        """Which of the parameters make a difference: over the others the mean is 1."""
        count = range(len(self.metric.parameters))
        free = set().union(*(expr.free_symbols for expr in exprs))
        if any(depends_on_parameters(s) and not isinstance(s, Parameter) for s in free):
            return list(count)
        return [i for i in count if i == axis or self.metric.parameters[i] in free]

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
        return self._values(evaluate, point, [self.prop])

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
        both = self._values(evaluate, point, [a, b])
        first, last = (self._values(evaluate, point, [e]) for e in (a, b))
        return both - first * last

    def _tex(self, printer: Any) -> str:
        inner = ", ".join(printer._print(e) for e in self.args[:2])
        return rf"\operatorname{{Cov}}{self._subscript(printer)}\left({inner}\right)"
