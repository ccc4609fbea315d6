"""Response to selection on normally distributed traits: Lande's equation, and what is like it.

`Δz̄ = G β`, `β = ∇ log W̄`: with Gaussian fitness the pull to an optimum, with a likelihood as
fitness the Kalman filter, with an isotropic search distribution evolution strategies.
"""

from __future__ import annotations

from typing import Any

from sympy import (
    Add,
    Eq,
    Expr,
    ImmutableDenseMatrix,
    Matrix,
    MatrixExpr,
    Rational,
    exp,
    eye,
    log,
)
from sympy.matrices.matrixbase import MatrixBase
from sympy.printing.precedence import PRECEDENCE

from ..derivation import Rule
from ..errors import ShapeError
from ..symbols import Observable, Parameter, expression
from ..tangent.covariance import covariance
from ..tangent.metric import MatrixMetric
from .chain import Chain
from .equation import PopulationEquation
from .gaussian import GaussianCov, GaussianMean, OverGaussian
from .rules import PopulationRule
from .short import shortened
from .spreading import spread

__all__ = ["SearchGradient", "evolution_strategy", "gaussian_fitness", "kalman", "lande"]


class SteinsLemma(PopulationRule):
    """Cov(z, W) = P ∇E W for z ~ N(z̄, P): of a linear property only the first term is there."""

    title = "Stein's lemma"


class ChainRuleOfLogarithm(PopulationRule):
    """∇W̄/W̄ = ∇ log W̄ = β, the selection gradient."""

    title = "chain rule"


class GaussianFitness(PopulationRule):
    """β = ∇ log E W(z), by the Gaussian integral."""

    title = "Gaussian integral"


class IndependentNoise(PopulationRule):
    """E[F(θ + σε) ε]/σ = Cov(F, θ)/σ², because E ε = 0."""

    title = "definition of the covariance"


def gaussian_fitness(z: Any, optimum: Any, Omega: Any) -> Any:
    """Gaussian stabilising selection, `W(z) = exp(-½ (z - opt)ᵀ Ω⁻¹ (z - opt))`.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import Parameter
    >>> from symprice.populations.response import gaussian_fitness
    >>> opt, omega = symbols('opt omega')
    >>> gaussian_fitness(Parameter('z'), opt, omega)
    exp(-(z - opt)**2/(2*omega))
    """
    zs, omega = _listed(z), _square(Omega, "the width of the fitness function")
    away = Matrix([a - b for a, b in zip(zs, _listed(optimum), strict=True)])
    if omega.rows != len(zs):
        raise ShapeError(
            f"asked for selection on {len(zs)} traits with a width of {omega.rows} × {omega.cols}: "
            "write a matrix with a row for every trait"
        )
    return exp(-Rational(1, 2) * (away.T * omega.inv(method="ADJ") * away)[0, 0])


def lande(fitness: Any, traits: Any, G: Any, P: Any) -> PopulationEquation:
    """Lande's equation, `Δz̄ = G β` with `β = ∇ log W̄`.

    The phenotype z is normal with the covariance P around the means. The breeding value, which is
    what parents pass on, has the covariance G with it, so that `Δz̄ = G P⁻¹ S` of the selection
    differential `S = Cov(z, W)/W̄`.

    Parameters
    ==========

    fitness : W(z), in the traits; an Observable or unspecified function stays.
    traits : Parameters, that stand for z in the fitness and for the means z̄ in the result.
    G, P : the genetic and the phenotypic covariance matrix; numbers for one trait.

    Returns a PopulationEquation; ``quantities`` has the selection gradient β, the mean fitness W̄
    and the selection differential `S = P β`.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import Parameter
    >>> from symprice.populations.response import gaussian_fitness, lande
    >>> z = Parameter('z')
    >>> opt, omega, G, P = symbols('opt omega G P', positive=True)
    >>> found = lande(gaussian_fitness(z, opt, omega), z, G, P)
    >>> found.doit()
    -G*(z - opt)/(P + omega)

    References
    ==========

    R. Lande, Quantitative genetic analysis of multivariate evolution, Evolution 33 (1979).
    """
    zs = _parameters(traits)
    genetic, phenotypic = (
        _square(m, name) for m, name in ((G, "the genetic covariance"), (P, "P"))
    )
    for matrix in (genetic, phenotypic):
        if matrix.rows != len(zs):
            raise ShapeError(
                f"asked for a response of {len(zs)} traits with a covariance of {matrix.rows} × "
                f"{matrix.cols}: write a row for every trait"
            )
    _require_covariances(genetic, phenotypic, zs)
    given = expression(fitness, "Lande's equation of a fitness")
    if given.is_zero:
        raise ShapeError("asked for a response to selection where nobody has offspring: W = 0")
    # By a name of its own where it has a formula, which is inserted in the end.
    w, definitions = given, []
    if not isinstance(given, Observable):
        taken = {s.name for s in given.free_symbols}
        w = Observable("W" if "W" not in taken else "W_fitness", positive=True)
        definitions = [Eq(w, given, evaluate=False)]
    alone = spread(phenotypic, zs)
    mean = GaussianMean(w, alone)
    # The breeding value regressed on the phenotype, both normal: the heritability as a matrix.
    heritability = (genetic * phenotypic.inv(method="ADJ")).applyfunc(shortened)
    chain = Chain(_combined(heritability, [GaussianCov(z, w, alone) / mean for z in zs]))
    slopes = [covariance(mean, z) / mean for z in zs]
    chain.to(SteinsLemma(), _combined(genetic, slopes))
    gradient = [covariance(log(mean), z) for z in zs]
    chain.to(ChainRuleOfLogarithm(), _combined(genetic, gradient))
    response = chain.current
    closed = shortened(_column([beta.xreplace({w: given}).doit() for beta in gradient]))
    if not closed.has(OverGaussian):
        after = shortened(_combined(genetic, _entries(closed)))
        chain.to(GaussianFitness(), after, definitions)
    differential = _combined(phenotypic, gradient)
    quantities = {
        "mean fitness": mean,
        "selection differential": differential,
        "selection gradient": _column(gradient),
    }
    return PopulationEquation(
        chain.start, {"selection": response}, chain.derivation, definitions, quantities
    )


def kalman(theta: Any, Sigma: Any, y: Any, H: Any, R: Any) -> PopulationEquation:
    """The measurement update of the Kalman filter as a response to selection.

    The prior N(m, Σ) is the population, all of its variance is heritable, and the likelihood of
    `y = H θ + noise`, noise ~ N(0, R), is the fitness: `Δm = Σ Hᵀ (H Σ Hᵀ + R)⁻¹ (y - H m)`.

    Parameters
    ==========

    theta : Parameters, that stand for θ in the likelihood and for its mean m in the result.
    Sigma, H, R : matrices, or numbers where one quantity is measured by one.
    y : the measurement.

    Returns a PopulationEquation; ``quantities['gain']`` is the Kalman gain.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import Parameter
    >>> from symprice.populations.response import kalman
    >>> v, r, y = symbols('v r y', positive=True)
    >>> kalman(Parameter('m'), v, y, 1, r).quantities['gain']
    v/(r + v)

    References
    ==========

    R. E. Kalman, Journal of Basic Engineering 82 (1960).
    """
    ms, ys = _parameters(theta), _listed(y)
    design, noise = _matrix(H), _square(R, "the covariance of the noise")
    if design.shape != (len(ys), len(ms)) or noise.rows != len(ys):
        raise ShapeError(
            f"asked for {len(ys)} measurements of {len(ms)} quantities with an H of {design.rows} "
            f"× {design.cols} and an R of {noise.rows} × {noise.cols}: H has a row for every "
            "measurement and a column for every quantity, R is square"
        )
    if noise.det(method="berkowitz") == 0:
        raise ShapeError(
            f"asked for measurements with the noise {R}, of which a combination is measured "
            "exactly: its likelihood is no function; write a symbol for its variance, and let it "
            "go to 0 in the result"
        )
    missed = Matrix(ys) - design * Matrix(ms)
    likelihood = exp(-Rational(1, 2) * (missed.T * noise.inv(method="ADJ") * missed)[0, 0])
    found = lande(likelihood, ms, Sigma, Sigma)
    change = found.doit()
    column = Matrix(_entries(change))
    symbols = [value for value in ys if value.is_Symbol]
    quantities = dict(found.quantities)
    if len(symbols) == len(ys):
        gain = shortened(ImmutableDenseMatrix(column.jacobian(Matrix(ys))))
        quantities["gain"] = gain if len(gain) > 1 else gain[0]
    return PopulationEquation(
        found.args[0], found.parts, found.derivation, found.args[3], quantities
    )


class SearchGradient(OverGaussian):
    """`E[F(θ + ξ) ξ_j]/s` over ξ ~ N(0, sΣ), Σ = 1: what an evolution strategy estimates.

    Examples
    ========

    >>> from sympy import eye, symbols
    >>> from symprice import MatrixMetric, Parameter
    >>> from symprice.populations.response import SearchGradient
    >>> z, s = Parameter('z'), symbols('s', positive=True)
    >>> SearchGradient(z**3, z, MatrixMetric(eye(1), [z]), s).doit().expand()
    3*z**2 + 3*s
    """

    _count = 2
    precedence = PRECEDENCE["Pow"]  # brackets in a power, none in a product

    @classmethod
    def laws(cls) -> tuple[Rule, ...]:
        """The covariance with the parameter."""
        return (SearchByCovariance(),)

    def _numeric(self, evaluate: Any, point: Any) -> Any:
        F, parameter = self.args[:2]
        place = self.metric.parameters.index(parameter)
        return self._values(evaluate, point, [F], place) / evaluate(self.scale, point)

    def _tex(self, printer: Any) -> str:
        F = printer.parenthesize(self.args[0], PRECEDENCE["Mul"])
        parameter = printer._print(self.args[1])
        sigma = printer._print(self.scale ** Rational(1, 2))
        return (
            rf"\frac{{\operatorname{{E}}\left({F} \varepsilon_{{{parameter}}}\right)}}{{{sigma}}}"
        )


class SearchByCovariance(IndependentNoise):
    """E[F(θ + σε) ε]/σ = Cov(F, θ)/σ², because E ε = 0."""

    def apply(self, node: Any) -> Any:
        """The covariance of F with the parameter."""
        if not isinstance(node, SearchGradient):
            return None
        F, parameter, metric, scale = node.args
        return GaussianCov(F, parameter, metric, scale) / scale


def evolution_strategy(F: Any, parameters: Any, sigma: Any) -> PopulationEquation:
    """Evolution strategies as Price's equation: `E[F(θ + σε) ε]/σ = Cov(F, θ)/σ² = ∇E F`.

    Parameters
    ==========

    F : the fitness of θ: an Observable, or an expression of the parameters.
    parameters : what is searched over.
    sigma : the width of the search, ε ~ N(0, 1).

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import Parameter
    >>> from symprice.populations.response import evolution_strategy
    >>> w, sigma = Parameter('w'), symbols('sigma', positive=True)
    >>> evolution_strategy(w**3, w, sigma).doit()
    3*w**2 + 3*sigma**2

    References
    ==========

    T. Salimans, J. Ho, X. Chen, S. Sidor, I. Sutskever, Evolution strategies as a scalable
    alternative to reinforcement learning (2017).
    """
    thetas = _parameters(parameters)
    F, sigma = (expression(e, "an evolution strategy") for e in (F, sigma))
    if sigma.is_nonpositive:
        raise ShapeError(f"asked for a search of the width {sigma}: it is positive")
    metric = MatrixMetric(eye(len(thetas)), thetas)
    chain = Chain(_column([SearchGradient(F, p, metric, sigma**2) for p in thetas]))
    cov = _column([GaussianCov(F, p, metric, sigma**2) / sigma**2 for p in thetas])
    chain.to(SearchByCovariance(), cov)
    mean = GaussianMean(F, metric, sigma**2)
    chain.to(SteinsLemma(), _column([covariance(mean, p) for p in thetas]))
    return PopulationEquation(
        chain.start, {"selection": cov}, chain.derivation, (), {"mean fitness": mean}
    )


def _require_covariances(genetic: Matrix, phenotypic: Matrix, zs: list[Any]) -> None:
    """Raise for what is known to be no covariance of a breeding value and its phenotype."""
    spread(genetic, zs), spread(phenotypic, zs)
    if phenotypic.det(method="berkowitz") == 0:
        raise ShapeError(
            f"asked for a response of traits with the phenotypic covariance {phenotypic.tolist()}, "
            "which has no inverse: leave out what does not vary, or is a combination of others"
        )
    try:
        spread(phenotypic - genetic, zs)
    except ShapeError:
        raise ShapeError(
            f"asked for a response with the genetic covariance {genetic.tolist()} and the "
            f"phenotypic covariance {phenotypic.tolist()}: a phenotype is a breeding value and the "
            "rest, whose covariance P - G has no negative eigenvalue"
        ) from None


def _listed(given: Any) -> list[Any]:
    if isinstance(given, (Expr, int, float)) and not isinstance(given, MatrixExpr):
        return [expression(given, "a trait")]
    return [expression(one, "a trait") for one in given]


def _parameters(given: Any) -> list[Parameter]:
    found = _listed(given)
    for one in found:
        if not isinstance(one, Parameter):
            raise ShapeError(
                f"asked for the mean {one}, a {type(one).__name__}: write Parameter('{one}') for "
                "what the mean fitness is differentiated by"
            )
    return found


def _matrix(given: Any) -> Matrix:
    if hasattr(given, "as_explicit"):
        return Matrix(given.as_explicit())
    if hasattr(given, "tolist"):
        given = given.tolist()
    return Matrix(given) if isinstance(given, (list, tuple)) else Matrix([[given]])


def _square(given: Any, what: str) -> Matrix:
    found = _matrix(given)
    if found.rows != found.cols or found != found.T:
        raise ShapeError(f"asked for {what} {given}: it is a symmetric matrix")
    return found


def _combined(matrix: Any, entries: list[Any]) -> Any:
    """A matrix times a column; of one entry the product."""
    size = range(len(entries))
    return _column([Add(*(matrix[i, k] * entries[k] for k in size)) for i in size])


def _entries(column: Any) -> list[Any]:
    return list(column) if isinstance(column, MatrixBase) else [column]


def _column(entries: list[Any]) -> Any:
    return entries[0] if len(entries) == 1 else ImmutableDenseMatrix(len(entries), 1, entries)
