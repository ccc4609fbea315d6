"""Second and third derivatives of a property along vectors, without a Hessian.

`∇²P[∇A, ∇B]` is made of covariances of covariances: by the product rule
`NTCov(NTCov(P, A), B) = ∇²P[∇A, ∇B] + ∇²A[∇P, ∇B]`, and the sum of three of these leaves one.
"""

from __future__ import annotations

from typing import Any

from sympy import Add, Expr, Rational, S, expand_mul
from sympy.core.sympify import _sympify
from sympy.printing.precedence import PRECEDENCE

from ..derivation import Rule, evaluate
from ..errors import NoRuleError
from ..indexed.entries import Entry, Index
from ..indexed.sums import SumOver
from ..symbols import TRAINED, Observable, Parameter, ParameterMatrix, depends_on_parameters
from .covariance import covariance
from .differences import along, crossed, numeric_metric, units
from .gradient import Inner, Nabla, has_formula, source_of
from .metric import Metric, metric_tex
from .properties import OfParameters, ScalarOfParameters
from .vectors import (
    ParameterPosition,
    VectorOfParameters,
    is_state,
    numeric_vector,
    terms,
)

__all__ = ["HessianForm", "HessianTrace", "HessianVector", "ThirdForm", "along"]


def derivative_along(prop: Any, vector: Any) -> Any:
    """∇P · v, as a covariance where v is a gradient."""
    if not depends_on_parameters(prop):
        return S.Zero
    source = source_of(vector)
    if source is None:
        return Inner(Nabla(prop), vector)
    return covariance(prop, source[0], metric=source[1])


class BilinearForm(Rule):
    """∇²P[c u + v, w] = c ∇²P[u, w] + ∇²P[v, w], and the same in the second vector."""

    @property
    def name(self) -> str:
        """'bilinearity'."""
        return "bilinearity"

    def apply(self, node: Any) -> Any:
        """The terms of both vectors, equal pairs written once."""
        if not isinstance(node, HessianForm):
            return None
        prop, left, right = node.prop, *(terms(v) for v in node.vectors)
        if [(S.One, v) for v in node.vectors] == left + right:
            return None
        return Add(*(c * d * HessianForm(prop, u, v) for c, u in left for d, v in right))


class IteratedCovariance(Rule):
    """∇²P[∇A, ∇B] = ½ (NTCov(NTCov(P, A), B) + NTCov(NTCov(P, B), A) - NTCov(P, NTCov(A, B))).

    Along a v that does not depend on θ, `∇²P[u, v] = ∇(∇P · v) · u`; along θ itself
    `∇²P[u, θ] = ∇(∇P · θ) · u - ∇P · u`. A metric in it is to be the same throughout, and constant.
    """

    def apply(self, node: Any) -> Any:
        """Derivatives of derivatives in place of second derivatives."""
        if not isinstance(node, HessianForm):
            return None
        prop, (u, v) = node.prop, node.vectors
        for first, last in ((u, v), (v, u)):
            if is_state(last):
                return derivative_along(derivative_along(prop, last), first)
            if isinstance(last, ParameterPosition):
                twice = derivative_along(derivative_along(prop, last), first)
                return twice - derivative_along(prop, first)
        return _between_gradients(prop, source_of(u), source_of(v))


def _between_gradients(prop: Any, first: Any, last: Any) -> Any:
    if first is None or last is None or first[1] != last[1] or not constant(first[1]):
        return None
    (a, metric), (b, _) = first, last

    def cov(f: Any, g: Any) -> Any:
        return covariance(f, g, metric=metric)

    half = Rational(1, 2)
    if a == b:
        return cov(cov(prop, a), a) - half * cov(prop, cov(a, a))
    return half * (cov(cov(prop, a), b) + cov(cov(prop, b), a) - cov(prop, cov(a, b)))


def constant(metric: Metric | None) -> bool:
    """Whether a metric is the same everywhere in parameter space."""
    return metric is None or metric.is_constant


class SecondDerivatives(Rule):
    """∇²P[u, v] = Σᵢⱼ ∂²P/∂θᵢ∂θⱼ uᵢ vⱼ."""

    def apply(self, node: Any) -> Any:
        """The sum over the parameters of a formula."""
        if not isinstance(node, HessianForm):
            return None
        prop, (u, v) = node.prop, node.vectors
        symbols = _parameters_of(prop)
        if symbols is None:
            _refuse_arrays(prop, u, v)
            return None
        entries = [[derivative_along(p, w) for p in symbols] for w in (u, v)]
        return Add(
            *(
                prop.diff(p, q) * entries[0][i] * entries[1][j]
                for i, p in enumerate(symbols)
                for j, q in enumerate(symbols)
            )
        )


def _refuse_arrays(prop: Any, *vectors: Any) -> None:
    """Raise where a network of matrices would need its Hessian itself."""
    if has_formula(prop) and any(isinstance(s, ParameterMatrix) for s in prop.free_symbols):
        along = " and ".join(sorted({type(v).__name__ for v in vectors}))
        raise NoRuleError(
            f"asked for the second derivative of a network of matrices along {along}: it is known "
            "along gradients in a constant metric, states and θ; take order=1"
        )


def _parameters_of(prop: Any) -> list[Parameter] | None:
    """The scalar parameters of a formula; None where something else is trained in it."""
    trained = [s for s in prop.free_symbols if isinstance(s, TRAINED)]
    if not all(isinstance(s, Parameter) for s in trained) or not has_formula(prop):
        return None
    return sorted(trained, key=lambda s: s.sort_key())


class HessianForm(ScalarOfParameters):
    """∇²P[u, v] = uᵀ ∇²P v: the second derivative of P along two vectors.

    Examples
    ========

    >>> from symprice import observables
    >>> from symprice.tangent.gradient import Nabla
    >>> from symprice.tangent.second import HessianForm
    >>> P, L = observables('P L')
    >>> HessianForm(P, Nabla(L)).doit()
    -NTCov(P, NTVar(L))/2 + NTCov(NTCov(P, L), L)
    """

    def __new__(cls, prop: Any, u: Any, v: Any = None) -> HessianForm:
        u, v = _sympify(u), _sympify(u if v is None else v)
        return Expr.__new__(cls, _sympify(prop), *sorted((u, v), key=lambda w: w.sort_key()))

    @property
    def prop(self) -> Any:
        """The property P."""
        return self.args[0]

    @property
    def vectors(self) -> tuple[Any, Any]:
        """The two vectors."""
        return self.args[1:]

    @classmethod
    def laws(cls) -> tuple[Rule, ...]:
        """By iterated covariances; else by the second derivatives of a formula."""
        return (BilinearForm(), IteratedCovariance(), SecondDerivatives())

    def _numeric(self, evaluate: Any, point: Any) -> Any:
        u, v = (numeric_vector(w, evaluate, point) for w in self.vectors)
        return crossed(self.prop, u, v, evaluate, point)

    def _tex(self, printer: Any) -> str:
        u, v = self.vectors
        prop = printer.parenthesize(self.prop, PRECEDENCE["Mul"])
        left = printer.parenthesize(u, PRECEDENCE["Mul" if isinstance(u, Nabla) else "Atom"])
        right = printer.parenthesize(v, PRECEDENCE["Mul"])
        return rf"{left}^{{\top}}\, \nabla^{{2}} {prop}\, {right}"


class ThirdDerivative(Rule):
    """∇³P[g, g, g] = D³P - 3 ∇²P[∇A, ∇L] - ∇²A[∇P, ∇L] where g = ∇L, DP = NTCov(P, L) and
    A = ½ NTVar(L).
    """

    def apply(self, node: Any) -> Any:
        """Iterated covariances, in a constant metric."""
        source = source_of(node.args[1]) if isinstance(node, ThirdForm) else None
        if source is None or not constant(source[1]):
            return None
        prop, (loss, metric) = node.args[0], source

        def cov(f: Any, g: Any) -> Any:
            return covariance(f, g, metric=metric)

        def second(f: Any, a: Any, b: Any) -> Any:
            return _between_gradients(f, (a, metric), (b, metric))

        thrice, slope = cov(cov(cov(prop, loss), loss), loss), cov(loss, loss)
        parts = (3 * second(prop, slope, loss), second(slope, prop, loss))
        # Term by term: SymPy's expand would unfold every covariance on the way.
        return thrice - Add(*(expand_mul(part / 2, deep=False) for part in parts))


class ThirdForm(ScalarOfParameters):
    """∇³P[v, v, v]: the third derivative of P along a vector."""

    def __new__(cls, prop: Any, vector: Any) -> ThirdForm:
        return Expr.__new__(cls, _sympify(prop), _sympify(vector))

    @classmethod
    def laws(cls) -> tuple[Rule, ...]:
        """By iterated covariances."""
        return (ThirdDerivative(),)

    def _numeric(self, evaluate: Any, point: Any) -> Any:
        prop, vector = self.args
        direction = numeric_vector(vector, evaluate, point)
        return along(prop, direction, evaluate, point, order=3)

    def _tex(self, printer: Any) -> str:
        prop, vector = (printer.parenthesize(arg, PRECEDENCE["Mul"]) for arg in self.args)
        return rf"\nabla^{{3}} {prop}\left[{vector}, {vector}, {vector}\right]"


class HessianAlongNoise(Rule):
    """tr(M ∇²f(P, Q)) = Σ ∂f/∂P tr(M ∇²P) + Σ ∂²f/∂P∂Q NTCov_M(P, Q): Itô's formula."""

    @property
    def name(self) -> str:
        """'Itô’s formula'."""
        return "Itô's formula"

    def apply(self, node: Any) -> Any:
        """The trace of a function of other properties; of a formula, by its parameters."""
        if not isinstance(node, HessianTrace):
            return None
        prop, metric = node.prop, node.metric
        inner = sorted(
            (s for s in prop.free_symbols if isinstance(s, TRAINED)), key=lambda s: s.sort_key()
        )
        if not inner or isinstance(prop, Parameter):
            return S.Zero
        scalars = all(isinstance(s, (Parameter, Observable)) for s in inner)
        if not scalars or prop in inner or prop.atoms(OfParameters):
            return None
        first = [prop.diff(s) * HessianTrace(s, metric) for s in inner if isinstance(s, Observable)]
        second = [prop.diff(s, r) * covariance(s, r, metric=metric) for s in inner for r in inner]
        return Add(*first, *second)


class LaplacianOverArrays(Rule):
    """∇²P = Σ_W Σ_jk NTCov(NTCov(P, W_jk), W_jk), over the trained matrices and scalars in P."""

    def apply(self, node: Any) -> Any:
        """The sum over the entries, of a formula with trained matrices in it."""
        if not isinstance(node, HessianTrace) or node.metric is not None:
            return None
        prop, found = node.prop, []
        trained = sorted((s for s in prop.free_symbols if isinstance(s, TRAINED)), key=str)
        if not has_formula(prop) or not any(isinstance(s, ParameterMatrix) for s in trained):
            return None
        if getattr(prop, "is_Matrix", False):
            raise NoRuleError(
                f"asked for the Laplacian of a property of shape {prop.shape}: write an entry of "
                "it, as net(x)[0, 0]"
            )
        for number, symbol in enumerate(trained):
            sizes = zip("jk", getattr(symbol, "shape", ()), strict=False)
            places = [Index(f"{name}_{number + 1}", size) for name, size in sizes if size != 1]
            one = Entry(symbol, *places) if isinstance(symbol, ParameterMatrix) else symbol
            once = evaluate(covariance(prop, one))
            if symbol in once.free_symbols:
                found.append(SumOver(covariance(once, one), *places))
        return Add(*found)


class RankOneSum(Rule):
    """tr(M ∇²P) = Σᵢ cᵢ ∇²P[gᵢ, gᵢ] for M = Σᵢ cᵢ gᵢ gᵢᵀ."""

    def apply(self, node: Any) -> Any:
        """By what the metric says it is a sum of."""
        if not isinstance(node, HessianTrace) or node.metric is None:
            return None
        return node.metric.trace_with(node.prop)


class HessianTrace(ScalarOfParameters):
    """tr(M ∇²P): what noise of covariance M adds to P, twice over. Without M the Laplacian of P.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import parameters
    >>> from symprice.tangent.second import HessianTrace
    >>> w, b = parameters('w b')
    >>> HessianTrace(w**2*b + b**3).doit()
    8*b
    """

    def __new__(cls, prop: Any, metric: Metric | None = None) -> HessianTrace:
        return Expr.__new__(cls, _sympify(prop), *(() if metric is None else (metric,)))

    @property
    def prop(self) -> Any:
        """The property P."""
        return self.args[0]

    @property
    def metric(self) -> Metric | None:
        """The covariance M of the noise; None is the identity."""
        return self.args[1] if len(self.args) > 1 else None

    @classmethod
    def laws(cls) -> tuple[Rule, ...]:
        """By the vectors that M is made of; Itô's formula."""
        return (RankOneSum(), LaplacianOverArrays(), HessianAlongNoise())

    def _numeric(self, evaluate: Any, point: Any) -> Any:
        if self.metric is None or hasattr(self.metric, "root"):
            columns = units(point)
            if self.metric is not None:
                columns = self.metric.root(evaluate, point).T.tolist()
            return sum(along(self.prop, c, evaluate, point, order=2) for c in columns)
        matrix, basis = numeric_metric(self.metric, evaluate, point), units(point)
        return sum(
            matrix[i, j] * crossed(self.prop, u, v, evaluate, point)
            for i, u in enumerate(basis)
            for j, v in enumerate(basis)
            if matrix[i, j]
        )

    def _tex(self, printer: Any) -> str:
        prop = printer.parenthesize(self.prop, PRECEDENCE["Mul"])
        if self.metric is None:
            return rf"\nabla^{{2}} {prop}"
        metric = metric_tex(self.metric, printer)
        return rf"\operatorname{{tr}}\left({metric}\, \nabla^{{2}} {prop}\right)"


class KnownHessian(Rule):
    """u · ∇²L v = ∇²L[u, v]."""

    def apply(self, node: Any) -> Any:
        """The second derivative along the two vectors."""
        if isinstance(node, Inner) and isinstance(node.args[1], HessianVector):
            prop, vector = node.args[1].args
            return HessianForm(prop, node.args[0], vector)
        return None


class HessianVector(OfParameters, VectorOfParameters):
    """∇²L v: how the gradient of L changes along v."""

    known = KnownHessian

    def __new__(cls, prop: Any, vector: Any) -> HessianVector:
        return super().__new__(cls, _sympify(prop), _sympify(vector))

    def _numeric(self, evaluate: Any, point: Any) -> Any:
        prop, vector = self.args
        direction = numeric_vector(vector, evaluate, point)
        return [crossed(prop, direction, unit, evaluate, point) for unit in units(point)]

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        prop, vector = (printer.parenthesize(arg, PRECEDENCE["Mul"]) for arg in self.args)
        return rf"\nabla^{{2}} {prop}\, {vector}"
