"""From the genetic covariance to the tangent covariance: `Cov(a, b) = NTCov_Σ(a, b) + O(|Σ|²)`.

Over θ + ξ with ξ ~ N(0, sΣ) the covariance of two properties is the sum over n of
`sⁿ/n! ⟨E∇ⁿa, E∇ⁿb⟩` in the metric Σ. Its first term is the tangent covariance in that metric.
"""

from __future__ import annotations

from itertools import product
from typing import Any

from sympy import Add, Derivative, Eq, Expr, Integer, Mul, O, Symbol, factorial
from sympy.core.sympify import _sympify

from ..derivation import Rule
from ..errors import NoRuleError, ShapeError
from ..nodes import Node
from ..symbols import Parameter
from ..tangent.covariance import covariance
from ..tangent.metric import MatrixMetric, metric_tex
from ..tangent.properties import OfParameters, as_property, require_parameters
from .chain import Chain
from .correlated import CorrelatedMean, unspecified
from .equation import PopulationEquation
from .gaussian import GaussianCov, GaussianMean
from .rules import PopulationRule
from .spreading import degree_of, spread

__all__ = ["DerivativePairing", "MetricLaplacian", "OfMetric", "bridge"]


class OfMetric(Node, OfParameters, Expr):
    """Derivatives of properties, contracted with a metric; the base of the two here."""

    is_commutative = True
    #: How often properties are differentiated.
    order: Any = 2

    def _entries(self, evaluate: Any, point: Any) -> Any:
        return evaluate(self._metric().matrix, point)

    def _metric(self) -> MatrixMetric:
        return next(arg for arg in self.args if isinstance(arg, MatrixMetric))

    def _eval_derivative(self, symbol: Any) -> Any:
        done = self.doit()
        return None if done == self else done.diff(symbol)

    def _sympystr(self, printer: Any) -> str:
        return f"{type(self).__name__}({', '.join(printer._print(arg) for arg in self.args)})"


class Contraction(PopulationRule):
    """⟨∇ⁿa, ∇ⁿb⟩ = Σ ∂ᵢ…∂ⱼ a Σᵢₖ…Σⱼₗ ∂ₖ…∂ₗ b, over n pairs of indices."""

    title = "contraction"

    def apply(self, node: Any) -> Any:
        """The derivatives, of properties that have a formula."""
        if isinstance(node, DerivativePairing) and node.order == 1:
            return covariance(*node.args[:2], metric=node.args[2])
        if not isinstance(node, (DerivativePairing, MetricLaplacian)) or unspecified(node):
            return None
        metric = node._metric()
        parameters = list(metric.parameters)
        if isinstance(node, MetricLaplacian):
            (a,) = node.args[:1]
            return Add(*(metric.entry(p, q) * a.diff(p, q) for p in parameters for q in parameters))
        a, b = node.args[:2]
        total = []
        for left in product(parameters, repeat=node.order):
            first = a.diff(*left)
            for right in product(parameters, repeat=node.order) if first != 0 else ():
                weight = Mul(*(metric.entry(p, q) for p, q in zip(left, right, strict=True)))
                total.append(weight * first * b.diff(*right))
        return Add(*total)


class DerivativePairing(OfMetric):
    """⟨∇ⁿa, ∇ⁿb⟩ in a metric Σ: for n = 1 the tangent covariance, for n = 2 `tr(H_a Σ H_b Σ)`.

    Examples
    ========

    >>> from symprice import MatrixMetric, Parameter
    >>> from symprice.populations.gaussian_series import DerivativePairing
    >>> z = Parameter('z')
    >>> DerivativePairing(z**3, z**2, MatrixMetric([[2]], [z]), 2).doit()
    48*z
    """

    def __new__(cls, a: Any, b: Any, metric: MatrixMetric, order: Any) -> DerivativePairing:
        order = Integer(order)
        if order < 1:
            raise ShapeError(f"asked for derivatives of order {order}: write 1 or more")
        return Expr.__new__(cls, _sympify(a), _sympify(b), spread(metric), order)

    @property
    def order(self) -> int:
        """n, how often each is differentiated."""
        return int(self.args[3])

    @classmethod
    def laws(cls) -> tuple[Rule, ...]:
        """The derivatives, where there are formulas."""
        return (Contraction(),)

    def _numeric(self, evaluate: Any, point: Any) -> Any:
        a, b, metric, _ = self.args
        matrix, parameters = self._entries(evaluate, point), list(metric.parameters)
        places = list(product(range(len(parameters)), repeat=self.order))
        first, last = (
            [_partial(evaluate, e, [parameters[i] for i in place], point) for place in places]
            for e in (a, b)
        )
        total = 0
        for left, x in zip(places, first, strict=True):
            for right, y in zip(places, last, strict=True):
                weight = x * y
                for i, j in zip(left, right, strict=True):
                    weight = weight * matrix[i, j]
                total = total + weight
        return total

    def _tex(self, printer: Any) -> str:
        a, b = (printer._print(e) for e in self.args[:2])
        if self.order == 2:
            sigma = metric_tex(self._metric(), printer)
            return rf"\operatorname{{tr}}\left(H_{{{a}}} {sigma} H_{{{b}}} {sigma}\right)"
        nabla = r"\nabla" if self.order == 1 else rf"\nabla^{{{self.order}}}"
        return rf"\left\langle {nabla} {a}, {nabla} {b} \right\rangle"


class MetricLaplacian(OfMetric):
    """`tr(Σ H_a) = Σᵢⱼ Σᵢⱼ ∂ᵢ∂ⱼ a`: how averaging over N(θ, sΣ) changes a property, times 2/s.

    Examples
    ========

    >>> from symprice import MatrixMetric, Parameter
    >>> from symprice.populations.gaussian_series import MetricLaplacian
    >>> z = Parameter('z')
    >>> MetricLaplacian(z**3, MatrixMetric([[2]], [z])).doit()
    12*z
    """

    def __new__(cls, a: Any, metric: MatrixMetric) -> MetricLaplacian:
        return Expr.__new__(cls, _sympify(a), spread(metric))

    @classmethod
    def laws(cls) -> tuple[Rule, ...]:
        """The derivatives, where there is a formula."""
        return (Contraction(),)

    def _numeric(self, evaluate: Any, point: Any) -> Any:
        a, metric = self.args
        matrix, parameters = self._entries(evaluate, point), list(metric.parameters)
        places = product(range(len(parameters)), repeat=2)
        return sum(
            matrix[i, j] * _partial(evaluate, a, [parameters[i], parameters[j]], point)
            for i, j in places
        )

    def _tex(self, printer: Any) -> str:
        sigma = metric_tex(self._metric(), printer)
        return rf"\operatorname{{tr}}\left({sigma} H_{{{printer._print(self.args[0])}}}\right)"


class Interpolation(PopulationRule):
    """Cov(a, b) = φ(1) - φ(0), where φ(ρ) = E(a b) with a and b at points of correlation ρ."""

    title = "interpolation"


class PricesTheorem(PopulationRule):
    """φ⁽ⁿ⁾(ρ) = sⁿ E⟨∇ⁿa, ∇ⁿb⟩ (R. Price 1958), at ρ = 0 of independent points: Taylor's series of
    φ from 0 to 1.
    """

    title = "Price's theorem for Gaussians"


class HeatExpansion(PopulationRule):
    """E a(θ + ξ) = a + ½ s tr(ΣH_a) + O(s²)."""

    title = "expansion of the means"


def bridge(
    a: Any,
    b: Any,
    Sigma: Any,
    parameters: Any = None,
    *,
    order: int | None = None,
    scale: Any = None,
) -> PopulationEquation:
    """The covariance of two properties over a population of normally distributed θ, by NTCov.

    `Cov(a, b) = s NTCov_Σ(a, b) + s²/2 [tr(H_aΣH_bΣ) + NTCov_Σ(tr(ΣH_a), b) + NTCov_Σ(a, tr(ΣH_b))]
    + O(s³)`, and in full `Σₙ sⁿ/n! ⟨E∇ⁿa, E∇ⁿb⟩`, which ends for polynomials.

    Parameters
    ==========

    a, b : properties of θ: Observables, or expressions of the parameters.
    Sigma : the covariance matrix of θ, or a MatrixMetric.
    parameters : what varies, in the order of its rows.
    order : 1 or 2, up to which power of the scale; without it the series in full, which is exact
        where one of the two is a polynomial.
    scale : the symbol s in front of Σ, for the order of the remainder.

    Raises
    ======

    NoRuleError : for an order that there is no formula of.

    Examples
    ========

    >>> from sympy import MatrixSymbol
    >>> from symprice import Parameter, observables
    >>> from symprice.populations.gaussian_series import bridge
    >>> z, w = observables('z w')
    >>> g = Parameter('g')
    >>> G = MatrixSymbol('G', 1, 1)
    >>> print(bridge(z, w, G, [g], order=1).text())
    Covₛ(z, w) = s NTCov_G(w, z) + O(s²)

    Of polynomials the series ends:

    >>> exact = bridge(g**2, g**2 + g, [[2]], [g])
    >>> exact.selection.doit(), exact.curvature.doit()
    (8*g**2 + 4*g, 8)

    References
    ==========

    R. Price, A useful theorem for nonlinear devices having Gaussian inputs, IRE Transactions on
    Information Theory 4 (1958). R. Lande, S. J. Arnold, Evolution 37 (1983).
    """
    metric = spread(Sigma, parameters)
    a, b = as_property(a), as_property(b)
    require_parameters("bridge", a, b)
    if order is None:
        return _in_full(a, b, metric, _sympify(1 if scale is None else scale))
    if order not in (1, 2):
        raise NoRuleError(
            f"asked for the covariance to the order {order} of the scale: the orders that exist "
            "are 1 and 2; without an order the series in full is given"
        )
    taken = a.free_symbols | b.free_symbols | metric.free_symbols
    s = _unused("s", taken) if scale is None else _sympify(scale)
    if not s.is_Symbol or s in taken:
        raise ShapeError(
            f"asked for an expansion in the scale {s}: write a symbol for it that occurs nowhere "
            "else"
        )
    return _expanded(a, b, metric, s, order)


def _expanded(a: Any, b: Any, metric: MatrixMetric, s: Any, order: int) -> PopulationEquation:
    """To an order in the scale, with derivatives at θ."""
    remainder = O(s ** (order + 1))
    # SymPy looks for s in what stands beside an O-term, so the means have it by another name.
    t = _unused("t", a.free_symbols | b.free_symbols | metric.free_symbols | {s})
    means = [GaussianMean(e, metric, t) for e in (a, b)]
    chain = Chain(GaussianCov(a, b, metric, s))
    series = Add(*(s**n / factorial(n) * _paired(n, metric, *means) for n in range(1, order + 1)))
    chain.to(PricesTheorem(), series + remainder, [Eq(t, s, evaluate=False)])
    parts = {"selection": s * covariance(a, b, metric=metric)}
    if order == 2:
        # The generator may give constants, whose covariance is 0 without a node.
        bent = [_laplacian(e, metric) for e in (a, b)]
        crossed = _covaried(bent[0], b, metric) + _covaried(a, bent[1], metric)
        parts["curvature"] = s**2 / 2 * (DerivativePairing(a, b, metric, 2) + crossed)
    parts["remainder"] = remainder
    chain.to(HeatExpansion(), Add(*parts.values()), [Eq(t, s, evaluate=False)])
    return PopulationEquation(chain.start, parts, chain.derivation)


def _in_full(a: Any, b: Any, metric: MatrixMetric, s: Any) -> PopulationEquation:
    """The series with derivatives averaged, to the degree of the polynomial of lower degree."""
    degrees = [
        d
        for e in (a, b)
        if not unspecified(e) and (d := degree_of(e, metric.parameters)) is not None
    ]
    if not degrees:
        raise NoRuleError(
            f"asked for the whole series of Cov({a}, {b}): it ends where one of them is a "
            "polynomial in the parameters. Write order=1 or order=2 for an expansion in the scale"
        )
    means = [GaussianMean(e, metric, s) for e in (a, b)]
    chain = Chain(GaussianCov(a, b, metric, s))
    if len(degrees) == 2:  # in twice as many dimensions only polynomials can be checked
        one, none = (CorrelatedMean(a, b, metric, s, rho) for rho in (1, 0))
        chain.to(Interpolation(), one - none)
    terms = [s**n / factorial(n) * _paired(n, metric, *means) for n in range(1, min(degrees) + 1)]
    chain.to(PricesTheorem(), Add(*terms))  # no term where one of them does not vary
    parts = {"selection": Add(*terms[:1])} | ({"curvature": Add(*terms[1:])} if terms[1:] else {})
    return PopulationEquation(chain.start, parts, chain.derivation)


def _unused(letter: str, taken: Any) -> Symbol:
    """A positive symbol with a name that none of the others has."""
    names = {symbol.name for symbol in taken if hasattr(symbol, "name")}
    number, name = 0, letter
    while name in names:
        number += 1
        name = f"{letter}_{number}"
    return Symbol(name, positive=True)


def _paired(n: int, metric: MatrixMetric, a: Any, b: Any) -> Any:
    return covariance(a, b, metric=metric) if n == 1 else DerivativePairing(a, b, metric, n)


def _laplacian(a: Any, metric: MatrixMetric) -> Any:
    found = MetricLaplacian(a, metric)
    return found if unspecified(a) else found.doit()


def _covaried(a: Any, b: Any, metric: MatrixMetric) -> Any:
    return covariance(a, b, metric=metric)


def _partial(evaluate: Any, expr: Any, along: list[Parameter], point: Any) -> Any:
    return evaluate(Derivative(expr, *along, evaluate=False), point)
