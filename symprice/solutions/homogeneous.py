"""The degree in which a network is homogeneous in its parameters, by Euler's identity."""

from __future__ import annotations

from typing import Any

from sympy import Add, Basic, Eq, Rational, S, Tuple, cancel, together
from sympy.core.symbol import Str

from ..elementwise import ScalarProduct
from ..errors import NoParameterError, ShapeError
from ..indexed.entries import Entry
from ..symbols import TRAINED, Parameter, ParameterMatrix
from ..tangent.covariance import covariance
from ..tangent.properties import MATRIX, as_property, require_parameters
from ..timelimit import within
from .deciding import NEAR, REFUTED, SECONDS, DecidedClaim, decided, inline, with_formula
from .simple_points import simple_values

__all__ = ["Homogeneity", "homogeneity"]

# To which the quotient at a point is computed.
_DIGITS = 40


class Homogeneity(DecidedClaim):
    """Whether a network is homogeneous in its parameters. Made by ``homogeneity``.

    Examples
    ========

    >>> from symprice import parameters
    >>> from symprice.solutions.homogeneous import homogeneity
    >>> a, b = parameters('a b')
    >>> homogeneity(a**2*b).equation
    Eq(NTCov(a**2*b, a**2/2 + b**2/2), 3*a**2*b)
    """

    @property
    def function(self) -> Any:
        """The function f."""
        return self.args[0].args[0]

    @property
    def degree(self) -> Any:
        """The degree of homogeneity; None where there is none."""
        return self.args[0].args[1] if self else None

    @property
    def equation(self) -> Any:
        """NTCov(½|θ|², f) = degree · f, Euler's identity; without a degree what it is instead."""
        left, right = self._sides()
        return Eq(left, right if self else self._other_side(), evaluate=False)

    def _sides(self) -> tuple[Any, Any]:
        node, degree, f = self.args[1], self.args[0].args[1], self.function
        f = f.T if isinstance(f, MATRIX) and node.shape != f.shape else f
        return node, degree * f

    def __str__(self) -> str:
        if not self:
            return f"{inline(self.function)} is not homogeneous in its parameters"
        how = "proved" if self.proved else "not proved: at random points, to thirty digits"
        return f"{inline(self.function)} is homogeneous of degree {self.degree} ({how})"

    __repr__ = __str__


def homogeneity(f: Any, parameters: Any = None, *, seconds: float = SECONDS) -> Homogeneity:
    """The degree k with `f(cθ) = c^k f(θ)` for c > 0: by Euler, NTCov(½|θ|², f) = k f.

    Parameters
    ==========

    f : a property, or the output of a network.
    parameters : those that are scaled, Parameters and ParameterMatrices; all where not given.
    seconds : how long an attempt at a proof may take.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import MLP, inputs, relu
    >>> from symprice.solutions.homogeneous import homogeneity
    >>> d, m, k = symbols('d m k', integer=True, positive=True)
    >>> homogeneity(MLP(d, m, m, k, activation=relu, bias=False)(inputs('x', d))).degree
    3
    >>> bool(homogeneity(MLP(d, m, k, activation=relu)(inputs('x', d))))
    False
    """
    asked = "the degree of homogeneity"
    f = as_property(with_formula(f, asked))
    require_parameters("homogeneity", f)
    chosen = [s for s in f.free_symbols if isinstance(s, (Parameter, ParameterMatrix))]
    if parameters is not None:
        listed = [parameters] if isinstance(parameters, Basic) else list(parameters)
        if stray := [p for p in listed if p not in chosen]:
            raise NoParameterError(
                f"asked for the degree of {f} in {stray[0]}, which is no parameter of it: write "
                f"one of {', '.join(sorted(map(str, chosen)))}"
            )
        chosen = listed
    half = Rational(1, 2) * Add(*(_square(p) for p in sorted(chosen, key=lambda p: p.sort_key())))
    node = covariance(half, f)
    degree = _degree(node, f)
    if degree is None:
        return Homogeneity(Tuple(f, S.NaN), node, Str(REFUTED), Tuple())
    right = degree * (f.T if isinstance(f, MATRIX) and node.shape != f.shape else f)
    return Homogeneity(Tuple(f, degree), node, *decided(node, right, seconds))


def _degree(node: Any, f: Any) -> Any:
    """What the degree can only be: the quotient of the two, as it is or at a few points."""
    if not isinstance(f, MATRIX):
        quotient = within(SECONDS, lambda: cancel(together(node.doit() / f.doit())))
        if quotient is not None and not quotient.has(*TRAINED) and not quotient.has(Entry):
            return quotient
    found = []
    turned = f.T if isinstance(f, MATRIX) and node.shape != f.shape else f
    for _, (above, below) in simple_values(node, turned):
        for n, d in zip(above, below, strict=True):
            if n.is_number and d.is_number and d != 0:
                found.append(n.evalf(_DIGITS) / d.evalf(_DIGITS))
    if not found or max(found) - min(found) > NEAR:
        return None
    nearest = Rational(found[0]).limit_denominator(1000)
    return nearest if abs(nearest - found[0]) < NEAR else None


def _square(parameter: Any) -> Any:
    """|θ|² of a parameter."""
    if isinstance(parameter, ParameterMatrix):
        return ScalarProduct(parameter, parameter)
    if isinstance(parameter, Parameter):
        return parameter**2
    raise ShapeError(f"asked to scale {parameter}: write a Parameter or a ParameterMatrix")
