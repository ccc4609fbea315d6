"""Means and covariances over a population, as nodes that unfold.

``Mean(z)`` is `Σᵢ xᵢ zᵢ` over the individuals (or types) of a population with the frequencies xᵢ,
``Cov(w, z)`` is `E((w - w̄)(z - z̄))`: with weights 1/N for N individuals, never 1/(N - 1).
"""

from __future__ import annotations

from typing import Any

from sympy import Expr, Mul, Symbol, default_sort_key, symbols
from sympy.core.sympify import _sympify
from sympy.printing.precedence import PRECEDENCE

from ..derivation import Rule
from ..errors import NoRuleError, ShapeError
from ..nodes import Node
from ..symbols import expression
from .levels import Level

__all__ = [
    "Cov",
    "Mean",
    "Moment",
    "OffspringMean",
    "PerIndividual",
    "Trait",
    "TraitChange",
    "TraitRate",
    "Var",
    "traits",
]


class Trait(Symbol):
    """A quantity of each individual of a population: a trait, a fitness, the dose of a gene.

    Real, unless it is declared otherwise. A plain Symbol is the same for all individuals.

    Examples
    ========

    >>> from sympy import Symbol
    >>> from symprice.populations.moments import Mean, Trait
    >>> Mean(Symbol('c')*Trait('z')).doit()
    c*Mean(z)
    """

    __slots__ = ()

    def __new__(cls, name: str, **assumptions: Any) -> Trait:
        return super().__new__(cls, name, **{"real": True, **assumptions})


def traits(names: str, **assumptions: Any) -> Any:
    """Traits by name, as ``sympy.symbols`` makes symbols.

    Examples
    ========

    >>> from symprice.populations.moments import traits
    >>> traits('w z')
    (w, z)
    """
    return symbols(names, cls=Trait, **assumptions)


class PerIndividual(Node, Expr):
    """What is made of a trait of each individual; the base of its change and of its rate."""

    is_commutative = True
    is_real = True
    # Brackets in a power, none in a product.
    precedence = PRECEDENCE["Pow"]
    _sign = ""

    def __new__(cls, trait: Any) -> Any:
        trait = _sympify(trait)
        if not isinstance(trait, Trait):
            raise ShapeError(
                f"asked for {cls.__name__}({trait}): it is of a trait, as of Trait('z')"
            )
        return Expr.__new__(cls, trait)

    @classmethod
    def laws(cls) -> tuple[Rule, ...]:
        """None: it is as unspecified as the trait."""
        return ()

    def _eval_derivative(self, symbol: Any) -> Any:
        raise _no_derivative(self, symbol)

    def _tex(self, printer: Any) -> str:
        return rf"{self._sign}{{{printer._print(self.args[0])}}}"


class TraitChange(PerIndividual):
    """Δz, by how much the offspring of an individual differ from it in a trait, on average.

    Examples
    ========

    >>> from symprice.populations.moments import Trait, TraitChange
    >>> print(TraitChange(Trait('z')).text())
    Δz
    """

    _sign = r"\Delta"


class TraitRate(PerIndividual):
    """ż, how fast a trait of an individual changes by itself.

    Examples
    ========

    >>> from sympy import latex
    >>> from symprice.populations.moments import Trait, TraitRate
    >>> print(latex(TraitRate(Trait('z'))))
    \\dot{z}
    """

    precedence = PRECEDENCE["Atom"]

    def _tex(self, printer: Any) -> str:
        return rf"\dot{{{printer._print(self.args[0])}}}"


class Moment(Node, Expr):
    """A number of a population, or of a part of it; the base of means and covariances.

    The last argument, where there is one, says over what: a Population with types, or a Level.
    """

    is_commutative = True
    _count = 1

    def __new__(cls, *args: Any) -> Any:
        values = [expression(arg, f"the {cls.__name__} of a trait") for arg in args[: cls._count]]
        over = args[cls._count] if len(args) > cls._count else None
        if len(values) != cls._count or len(args) > cls._count + 1:
            raise ShapeError(
                f"asked for {cls.__name__} of {len(args)} arguments: it has {cls._count}, and may "
                "be over a population"
            )
        for value in values:
            if not isinstance(value, Expr) or getattr(value, "is_Matrix", False):
                raise ShapeError(f"asked for {cls.__name__}({value}): it is of a scalar expression")
        values = cls._ordered(values)
        return Expr.__new__(cls, *values, *(() if over is None else (over,)))

    @classmethod
    def _ordered(cls, values: list[Any]) -> list[Any]:
        return values

    @property
    def values(self) -> tuple[Any, ...]:
        """The quantities that it is of."""
        return self.args[: self._count]

    @property
    def over(self) -> Any:
        """What it is over: None (unspecified), a Population, or a Level."""
        return self.args[self._count] if len(self.args) > self._count else None

    def on(self, *values: Any) -> Any:
        """The same of other quantities."""
        tail = () if self.over is None else (self.over,)
        return self.func(*values, *tail)

    @classmethod
    def laws(cls) -> tuple[Rule, ...]:
        """The types of a population inserted; else linearity and bilinearity."""
        from .rules import MOMENTS

        return MOMENTS

    def explicit(self, table: Any, individual: int) -> Any:
        """Its value by definition, as a sum over the individuals of a table."""
        raise NotImplementedError

    def _numeric(self, evaluate: Any, point: Any) -> Any:
        from .table import table_of

        return evaluate(table_of(self).expression(self), point)

    def _eval_derivative(self, symbol: Any) -> Any:
        if isinstance(symbol, Trait):
            raise _no_derivative(self, symbol)
        done = self.doit()
        if done != self:
            return done.diff(symbol)
        return None if self.has(symbol) else _sympify(0)

    def _eval_is_real(self) -> bool | None:
        return True if all(value.is_real for value in self.values) else None

    def _subscript(self, printer: Any) -> str:
        over = self.over
        if not isinstance(over, Level):
            return ""
        return f"_{{{printer._print(Symbol(over.name))}}}"

    def _tex(self, printer: Any) -> str:
        inner = ", ".join(printer._print(value) for value in self.values)
        return rf"{self._letter()}{self._subscript(printer)}\left({inner}\right)"

    def _letter(self) -> str:
        return rf"\operatorname{{{type(self).__name__}}}"

    def _sympystr(self, printer: Any) -> str:
        return f"{type(self).__name__}({', '.join(printer._print(arg) for arg in self.args)})"


class Mean(Moment):
    """The mean over a population, `E(z) = Σᵢ xᵢ zᵢ`; of a single trait it is written z̄.

    Parameters
    ==========

    z : an expression in traits.
    over : a Population with types, or a Level; without it a population that is left unspecified.

    Examples
    ========

    >>> from symprice.populations.moments import Mean, traits
    >>> w, z = traits('w z')
    >>> Mean(2*z + w + 1).expand()
    Mean(w) + 2*Mean(z) + 1
    >>> print(Mean(z).text(), Mean(w*z).text())
    z̄ E(w z)
    """

    def explicit(self, table: Any, individual: int) -> Any:
        """Σ over the parts, each with its share."""
        (z,) = self.values
        return table.average(self.over, individual, lambda i: table.at(z, i))

    def _letter(self) -> str:
        return r"\operatorname{E}"

    def _tex(self, printer: Any) -> str:
        (z,) = self.values
        if isinstance(z, Trait) and not isinstance(self.over, Level):
            return rf"\bar{{{printer._print(z)}}}"
        return super()._tex(printer)

    def _eval_is_positive(self) -> bool | None:
        return True if self.values[0].is_positive else None

    def _eval_is_nonnegative(self) -> bool | None:
        return True if self.values[0].is_nonnegative else None


class Cov(Moment):
    """The covariance over a population, `Cov(w, z) = E((w - w̄)(z - z̄))`, with weights 1/N.

    Parameters
    ==========

    w, z : expressions in traits.
    over : as for ``Mean``.

    Examples
    ========

    >>> from symprice.populations.moments import Cov, traits
    >>> w, z = traits('w z')
    >>> Cov(w, 2*z + 1).expand()
    2*Cov(w, z)
    >>> Cov(z, z)
    Var(z)
    """

    _count = 2

    def __new__(cls, *args: Any) -> Any:
        found = super().__new__(cls, *args)
        if found.args[0] == found.args[1]:
            return Var(found.args[0], *found.args[2:])
        return found

    @classmethod
    def _ordered(cls, values: list[Any]) -> list[Any]:
        return sorted(values, key=default_sort_key)

    def explicit(self, table: Any, individual: int) -> Any:
        """E((w - w̄)(z - z̄)), both means written out."""
        return _deviations(table, self.over, individual, *self.values)


class Var(Moment):
    """The variance over a population, `Var(z) = E((z - z̄)²)`, with weights 1/N.

    Examples
    ========

    >>> from symprice.populations.moments import Var, traits
    >>> w, z = traits('w z')
    >>> Var(w + 2*z).expand()
    4*Cov(w, z) + Var(w) + 4*Var(z)
    """

    def explicit(self, table: Any, individual: int) -> Any:
        """E((z - z̄)²), the mean written out."""
        return _deviations(table, self.over, individual, *self.values, *self.values)

    def _eval_is_nonnegative(self) -> bool | None:
        return True


class OffspringMean(Moment):
    """The mean over the next generation, in which type i has the frequency `xᵢ wᵢ/w̄`.

    Parameters
    ==========

    z : a quantity of the parents, or of their offspring where it says so (`z + Δz`).
    w : the fitness.
    over : as for ``Mean``.

    Examples
    ========

    >>> from symprice.populations.moments import OffspringMean, traits
    >>> w, z = traits('w z')
    >>> OffspringMean(z, w).doit()
    Mean(w*z)/Mean(w)
    """

    _count = 2

    def explicit(self, table: Any, individual: int) -> Any:
        """Σᵢ xᵢ' zᵢ with the new frequencies."""
        z, w = self.values
        total = table.average(self.over, individual, lambda i: table.at(w, i))
        return table.average(
            self.over, individual, lambda i: table.at(w, i) / total * table.at(z, i)
        )

    def _tex(self, printer: Any) -> str:
        inner = printer._print(self.values[0])
        return rf"\operatorname{{E}}'{self._subscript(printer)}\left({inner}\right)"


def _no_derivative(node: Any, symbol: Any) -> NoRuleError:
    return NoRuleError(
        f"asked for the derivative of {node} by {symbol}, which differs between individuals: write "
        "a plain Symbol for what is the same for all"
    )


def _deviations(table: Any, over: Any, individual: int, a: Any, b: Any) -> Any:
    """The mean product of two deviations from the mean."""
    first, last = (table.average(over, individual, lambda i, v=v: table.at(v, i)) for v in (a, b))
    return table.average(
        over, individual, lambda i: Mul(table.at(a, i) - first, table.at(b, i) - last)
    )
