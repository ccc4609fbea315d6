"""The laws of the scalar covariance, one class each; the docstring is the law.

Every law is read on a pair (a, b); NTVar(a) is the pair (a, a). A law that answers rewrites one
node into covariances of smaller properties, so that the laws always come to an end.
"""

from __future__ import annotations

from typing import Any

from sympy import Add, Mul, S
from sympy.matrices.expressions.matexpr import MatrixElement

from ..closedform import ClosedForm
from ..derivation import Rule
from ..indexed.entries import Index, indices_of
from ..indexed.sums import SumOver
from ..symbols import Name, Observable, ObservableVector, Parameter, depends_on_parameters
from .covariance import NTCov, NTVar, covariance
from .matrix_closing import MatrixReverseAccumulation, NothingShared, is_matrix_level
from .metric import DiagonalMetric
from .partials import partials
from .properties import OfParameters

__all__ = ["COVARIANCE", "EXPANSION"]

# Below this many pairs of terms a derivation shows each of them.
MANY_PAIRS = 200

# A property as a combination Σ cᵢ uᵢ of smaller ones; the gradient of the property is Σ cᵢ ∇uᵢ.
Combination = list[tuple[Any, Any]]


class Law(Rule):
    """A law of the covariance: how a property's gradient is a combination of others."""

    def combination(self, prop: Any) -> Combination | None:
        """``prop`` as pairs (coefficient, smaller property), or None where the law is silent."""
        return None

    def apply(self, node: Any) -> Any:
        """The covariance of the two combinations."""
        if not isinstance(node, (NTCov, NTVar)):
            return None
        a, b = node.properties[0], node.properties[-1]
        left = self.combination(a)
        right = left if a == b else self.combination(b)
        if left is None and right is None:
            return None
        return combine(left or [(S.One, a)], right or [(S.One, b)], node.metric)


def combine(left: Combination, right: Combination, metric: Any) -> Any:
    """Σᵢⱼ cᵢ dⱼ NTCov(uᵢ, vⱼ), with equal sides written once."""
    if left == right:
        diagonal = [c**2 * covariance(u, metric=metric) for c, u in left]
        crossed = [
            2 * c * d * covariance(u, v, metric=metric)
            for i, (c, u) in enumerate(left)
            for d, v in left[:i]
        ]
        return Add(*diagonal, *crossed)
    return Add(*(c * d * covariance(u, v, metric=metric) for c, u in left for d, v in right))


class Constants(Law):
    """NTCov(c, b) = 0 where c does not depend on θ."""

    def apply(self, node: Any) -> Any:
        """Zero where one of the properties is constant."""
        if isinstance(node, (NTCov, NTVar)) and not all(
            map(depends_on_parameters, node.properties)
        ):
            return S.Zero
        return None


class EqualArguments(Rule):
    """NTCov(a, a) = NTVar(a)."""

    def apply(self, node: Any) -> Any:
        """NTVar, where the two properties are one."""
        if isinstance(node, NTCov) and node.properties[0] == node.properties[1]:
            return NTVar(node.properties[0], node.metric)
        return None


class Bilinearity(Law):
    """NTCov(c a + d b, g) = c NTCov(a, g) + d NTCov(b, g), and the same in the second argument."""

    def combination(self, prop: Any) -> Combination | None:
        """The terms of a sum, each with its constant coefficient; constant terms drop out."""
        if not isinstance(prop, (Add, Mul)):
            return None
        terms: Combination = []
        for term in Add.make_args(prop):
            if not depends_on_parameters(term):
                continue
            factors = Mul.make_args(term)
            constant = [f for f in factors if not depends_on_parameters(f)]
            trained = [f for f in factors if depends_on_parameters(f)]
            terms.append((Mul(*constant), Mul(*trained)))
        return None if terms == [(S.One, prop)] else terms


class Polarisation(Rule):
    """NTCov(a, b) = ½ [NTVar(a + b) - NTVar(a) - NTVar(b)]."""

    def apply(self, node: Any) -> Any:
        """The covariance in variances: what ``rewrite(NTVar)`` gives."""
        if not isinstance(node, NTCov):
            return None
        a, b = node.properties
        whole, first, last = (covariance(s, metric=node.metric) for s in (a + b, a, b))
        return (whole - first - last) / 2


class SumRule(Rule):
    """NTCov(Σᵢ aᵢ, g) = Σᵢ NTCov(aᵢ, g), and the same in the second argument."""

    def apply(self, node: Any) -> Any:
        """The sum of the covariances, of sums over data with scalar parameters."""
        if not isinstance(node, (NTCov, NTVar)) or is_matrix_level(node):
            return None
        a, b = node.properties[0], node.properties[-1]
        used, bodies = indices_of(a) | indices_of(b), []
        indices: list[Any] = []
        for prop in (a, b):
            names: dict[Any, Any] = {}
            for index in prop.indices if isinstance(prop, SumOver) else ():
                names[index] = _unused(index, used)
                used = used | {names[index]}
            bodies.append(prop.expr.xreplace(names) if names else prop)
            indices += names.values()
        return SumOver(covariance(*bodies, metric=node.metric), *indices) if indices else None


def _unused(index: Any, used: set[Any]) -> Any:
    """An index of the same range, with a number where its name is taken."""
    names, count, name = {i.name for i in used}, 1, index.name
    while name in names:
        count += 1
        name = f"{index.name}_{count}"
    return Index(name, index.size)


class ProductRule(Law):
    """NTCov(a b, g) = a NTCov(b, g) + b NTCov(a, g)."""

    def combination(self, prop: Any) -> Combination | None:
        """Each factor with the product of the others."""
        if not isinstance(prop, Mul):
            return None
        return partials(prop, depends_on_parameters)


class ChainRule(Law):
    """NTCov(f(a), g) = f'(a) NTCov(a, g), summed over the arguments of f."""

    def combination(self, prop: Any) -> Combination | None:
        """Each argument that depends on θ, with the partial derivative by it."""
        if isinstance(prop, _ATOMS) or is_entry(prop):
            return None
        return partials(prop, depends_on_parameters)


def is_entry(prop: Any) -> bool:
    """Whether ``prop`` is an entry of an unspecified vector: it covaries as an Observable does."""
    return isinstance(prop, MatrixElement) and isinstance(prop.parent, ObservableVector)


class UniformRate(Rule):
    """NTCov_M(a, b) = η NTCov(a, b) in the metric M = η I."""

    def apply(self, node: Any) -> Any:
        """The rate times the Euclidean covariance."""
        if not isinstance(node.metric, DiagonalMetric):
            return None
        rate = node.metric.uniform_rate
        return None if rate is None else rate * covariance(node.properties[0], node.properties[-1])


class OwnMetric(Rule):
    """NTCov_M(a, L) in a metric that is made of L, by what the metric says of it."""

    def apply(self, node: Any) -> Any:
        """What the metric knows."""
        if not isinstance(node, (NTCov, NTVar)) or node.metric is None:
            return None
        return node.metric.of(node.properties[0], node.properties[-1])


class ReverseAccumulation(Rule):
    """NTCov(f, g) of closed forms: Σ over the parameters of adjoint × adjoint × input × input."""

    def apply(self, node: Any) -> Any:
        """The closed form of the covariance, by reverse accumulation over the definitions."""
        if isinstance(node, (NTCov, NTVar)) and any(
            isinstance(p, ClosedForm) for p in node.properties
        ):
            from .closing import close_covariance

            return close_covariance(node)
        return None


class LongSums(Rule):
    """NTCov(f, g) = Σᵢⱼ ∂f/∂θᵢ ∂g/∂θⱼ NTCov(θᵢ, θⱼ), where f and g have many terms."""

    def apply(self, node: Any) -> Any:
        """The gradients first: the pairs of terms grow faster than the pairs of parameters."""
        if not isinstance(node, (NTCov, NTVar)):
            return None
        a, b = node.properties[0], node.properties[-1]
        if len(Add.make_args(a)) * len(Add.make_args(b)) < MANY_PAIRS:
            return None
        trained = (s for s in a.free_symbols | b.free_symbols if depends_on_parameters(s))
        if not all(isinstance(s, (Parameter, Observable)) for s in trained):
            return None
        from .closing import close_covariance

        return close_covariance(node)


class Coordinates(Rule):
    """NTCov(θᵢ, θⱼ) = δᵢⱼ, in a metric M the entry Mᵢⱼ."""

    def apply(self, node: Any) -> Any:
        """The value on two parameters."""
        if not isinstance(node, (NTCov, NTVar)):
            return None
        a, b = node.properties[0], node.properties[-1]
        if not (isinstance(a, Parameter) and isinstance(b, Parameter)):
            return None
        if node.metric is None:
            return S.One if a == b else S.Zero
        return node.metric.entry(a, b)


_ATOMS = (Add, Mul, Name, Parameter, Observable, OfParameters, ClosedForm)

EXPANSION = (
    Constants(),
    UniformRate(),
    EqualArguments(),
    Bilinearity(),
    SumRule(),
    ProductRule(),
    ChainRule(),
)
COVARIANCE = (
    EXPANSION[0],
    OwnMetric(),
    NothingShared(),
    MatrixReverseAccumulation(),
    *EXPANSION[1:3],
    LongSums(),
    *EXPANSION[3:],
    ReverseAccumulation(),
    Coordinates(),
)
