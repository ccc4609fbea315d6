"""Results about populations: an equation, its parts by name, and how it is derived."""

from __future__ import annotations

from typing import Any

from sympy import Add, Basic, Eq, S, Tuple
from sympy.core.symbol import Str

from ..derivation import Derivation
from ..outputs import Result
from .moments import Moment
from .short import shortened

__all__ = ["PopulationEquation", "named"]


def named(values: dict[str, Any]) -> Tuple:
    """Values by name, as an argument of an expression."""
    return Tuple(*(Tuple(Str(name), value) for name, value in values.items()))


class PopulationEquation(Result, Basic):
    """How a number of a population changes: the equation, its parts by name, and its derivation.

    Made by the methods of ``Population``. The parts have the names of those of a ``PriceEquation``:
    ``selection``, ``transmission`` (bias), ``noise``, ``curvature``, ``remainder``; others are in
    ``parts``, and what was computed on the way is in ``quantities``.

    Examples
    ========

    >>> from symprice.populations.population import Population
    >>> found = Population().price('z')
    >>> found.equation.rhs
    Cov(w, z) + Mean(w*TraitChange(z))
    >>> found.selection, found.transmission
    (Cov(w, z), Mean(w*TraitChange(z)))
    >>> print(found.text())
    w̄ Δz̄ = Cov(w, z) + E(w Δz)
    """

    def __new__(
        cls,
        left: Any,
        parts: Any,
        derivation: Derivation,
        definitions: Any = (),
        quantities: Any = (),
    ) -> Any:
        parts, definitions, quantities = (
            named(given) if isinstance(given, dict) else Tuple(*given)
            for given in (parts, definitions, quantities)
        )
        return super().__new__(cls, left, parts, derivation, definitions, quantities)

    @property
    def derivation(self) -> Derivation:
        """The steps from the definition to the equation."""
        return self.args[2]

    @property
    def parts(self) -> dict[str, Any]:
        """The terms of the right-hand side by name."""
        return {name.name: value for name, value in self.args[1]}

    @property
    def definitions(self) -> dict[Any, Any]:
        """What the symbols that were introduced stand for, as the average effect of a gene."""
        return {equation.lhs: equation.rhs for equation in self.args[3]}

    @property
    def quantities(self) -> dict[str, Any]:
        """What was computed on the way, by name: a heritability, average effects, a gradient."""
        return {name.name: value for name, value in self.args[4]}

    @property
    def change(self) -> Any:
        """The right-hand side."""
        return self.derivation.result

    @property
    def equation(self) -> Any:
        """The equation, unevaluated."""
        return Eq(self.args[0], self.change, evaluate=False)

    def _part(self, name: str) -> Any:
        return self.parts.get(name, S.Zero)

    @property
    def selection(self) -> Any:
        """What differences in fitness do: a covariance with fitness."""
        return self._part("selection")

    @property
    def transmission(self) -> Any:
        """What differences between parents and offspring do."""
        return self._part("transmission")

    bias = transmission

    @property
    def noise(self) -> Any:
        """What chance adds in expectation: 0, frequencies being exact."""
        return self._part("noise")

    @property
    def curvature(self) -> Any:
        """The term of second order."""
        return self._part("curvature")

    @property
    def remainder(self) -> Any:
        """What is left out, as an O-term; 0 for what is exact."""
        return self._part("remainder")

    def doit(self, **hints: Any) -> Any:
        """The right-hand side with the types of the population inserted."""
        return self.inserted(self.change)

    def inserted(self, expr: Any) -> Any:
        """An expression with the definitions and the types of the population inserted.

        Examples
        ========

        >>> from symprice.populations.population import Population
        >>> found = Population(fitness=[1, 3], traits={'x': [0, 1]}).fisher('x')
        >>> found.inserted(found.quantities['additive variance'])
        1
        """
        for _ in self.definitions:  # one may stand in another
            expr = expr.xreplace(self.definitions)
        return shortened(expr.doit())

    def both_sides(self) -> Any:
        """The equation with the types of the population inserted on both sides.

        Examples
        ========

        >>> from symprice.populations.population import Population
        >>> Population(fitness=[1, 3], traits={'z': [0, 1]}).price('z').both_sides()
        Eq(1/2, 1/2)
        """
        left, right = (self.inserted(side) for side in self.equation.args)
        return Eq(left, right, evaluate=False)

    def lambdify(self, args: Any = None, **settings: Any) -> Any:
        """A NumPy function of arrays, one entry for each individual; it returns the parts by name.

        Where nothing is unspecified: the NumPy function of the right-hand side.

        Examples
        ========

        >>> from symprice.populations.population import Population
        >>> parts = Population().price('z').lambdify()
        >>> parts(w=[1, 2, 3], z=[0, 1, 5], Delta_z=[0, 0, -1])
        {'left': 0.666..., 'selection': 1.666..., 'transmission': -1.0}
        """
        if not self.change.has(Moment) or args is not None:
            return super().lambdify(args, **settings)
        from .numeric import PartsOfArrays

        parts = {"left": self.args[0], **self.parts}
        for _ in self.definitions:
            parts = {name: part.xreplace(self.definitions) for name, part in parts.items()}
        return PartsOfArrays(parts)

    def check(self, **settings: Any) -> Any:
        """A Report of every step; with Gaussian means at fewer points, as quadrature takes time."""
        from .gaussian import OverGaussian

        means = self.derivation.atoms(OverGaussian)
        most = max((len(mean.metric.parameters) for mean in means), default=0)
        slow: dict[str, Any] = {"points": 3, "digits": 15}
        if most > 1:
            slow = {"points": 1, "digits": 10, "tolerance": 1e-6 if most == 2 else 1e-5}
        slow = slow if means else {}
        return super().check(**{**slow, **settings})

    def _formula(self) -> Any:
        value = self.doit()
        return value.removeO() if isinstance(value, Add) else value
