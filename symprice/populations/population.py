"""A population of types with frequencies, fitness and traits; what is asked of it, by name."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from sympy import Add, Basic, Float, S, Tuple

from ..errors import NoRuleError, ShapeError
from ..outputs import DescribedPopulation
from ..symbols import expression
from . import data
from .levels import Level
from .moments import Cov, Mean, PerIndividual, Trait, TraitChange, Var
from .table import Table
from .verbs import Verbs

__all__ = ["Population"]


class Population(DescribedPopulation, Verbs, Basic):
    """Types (or individuals) with frequencies, fitness and traits.

    Without arguments it is a population that is left unspecified, of which the same equations are
    derived with the traits ``w`` (fitness), ``f`` (growth rate) and any others as symbols.

    Parameters
    ==========

    types : names; 1, 2, … where not given.
    frequencies : one for each type, 1/N where not given. They sum to one; of symbols whose sum is
        not known the last is eliminated: `x₃ = 1 - x₁ - x₂`.
    fitness : the number of offspring of each type, `wᵢ`; not negative.
    traits : {name: values}, the trait `zᵢ` of each type; the values of one trait alone are of z.
    offspring : {name: values}, the mean trait of the offspring of each type, `zᵢ' = zᵢ + Δzᵢ`;
        equal to that of the parent where not given.
    growth : the growth rate of each type, `fᵢ`, where time is continuous; may be negative. The
        fitness where not given.
    rates : {name: values}, how fast the trait of each type changes by itself, `żᵢ`; 0 where not
        given.
    groups : the group of each type in a list, or several such lists, the outermost first.

    Values are numbers, symbols, a Matrix or a NumPy array; exact numbers stay exact.

    Raises
    ======

    ShapeError : for frequencies that do not sum to one, negative fitness, columns of another length
        or that are missing.

    Examples
    ========

    >>> from sympy import Rational, symbols
    >>> from symprice.populations.population import Population
    >>> thirds = [Rational(1, 3)]*3
    >>> flock = Population(frequencies=thirds, fitness=[1, 2, 3], traits={'z': [0, 1, 5]},
    ...                    offspring={'z': [0, 1, 4]})
    >>> found = flock.price('z')
    >>> found.selection.doit(), found.transmission.doit()
    (5/3, -1)
    >>> bool(found.check())
    True

    Symbols stay symbols:

    >>> p, s = symbols('p s', positive=True)
    >>> alleles = Population(['A', 'a'], [p, 1 - p], [1, 1 - s], {'z': [1, 0]})
    >>> alleles.price('z').selection.doit()
    p*s*(1 - p)

    References
    ==========

    G. R. Price, Selection and covariance, Nature 227 (1970); Extension of covariance selection
    mathematics, Annals of Human Genetics 35 (1972).
    """

    def __new__(
        cls,
        types: Any = None,
        frequencies: Any = None,
        fitness: Any = None,
        traits: Any = (),
        offspring: Any = (),
        growth: Any = None,
        rates: Any = (),
        groups: Any = (),
    ) -> Population:
        traits, offspring, rates = map(data.by_name, (traits, offspring, rates))
        given = [frequencies, fitness, growth]
        given = [None if one is None or one == () else one for one in _plain(given)]
        frequencies, fitness, growth = given
        count = _count(types, frequencies, fitness, growth, traits)
        if not count:
            for name, one in (("offspring", offspring), ("rates", rates), ("groups", groups)):
                if len(one):
                    raise ShapeError(
                        f"asked for the {name} of a population without types: give its traits too"
                    )
            return super().__new__(cls, *(Tuple() for _ in range(8)))
        shares, replaced = data.frequencies(frequencies, count)
        w = () if fitness is None else data.column(fitness, "the fitness", count)
        f = () if growth is None else data.column(growth, "the growth rate", count)
        data.nonnegative(
            Tuple(*w), "the fitness", " (growth rates, which may be, are given as growth=...)"
        )
        data.growing(shares, w)
        found = [
            data.columns(one, what, count)
            for one, what in (
                (traits, "the trait"),
                (offspring, "the offspring's trait"),
                (rates, "the rate of"),
            )
        ]
        data.own_names(found[0])
        known = {pair[0] for pair in found[0]}
        for pair in (*found[1], *found[2]):
            if pair[0] not in known:
                raise ShapeError(
                    f"asked for offspring or rates of {pair[0]}, but the traits are "
                    f"{', '.join(map(str, known)) or 'none'}: add {pair[0]} to traits"
                )
        columns = [
            Tuple(*one).xreplace(replaced) if replaced else Tuple(*one)
            for one in (w, found[0], found[1], f, found[2])
        ]
        tree = groups if isinstance(groups, Tuple) or not len(groups) else data.paths(groups, count)
        return super().__new__(cls, data.labels(types, count), shares, *columns, Tuple(*tree))

    @property
    def types(self) -> tuple[Any, ...]:
        """The names of the types."""
        return tuple(self.args[0])

    @property
    def frequencies(self) -> tuple[Any, ...]:
        """The frequencies of the types."""
        return tuple(self.args[1])

    @property
    def is_specified(self) -> bool:
        """Whether it has types."""
        return bool(self.args[0])

    @property
    def fitness(self) -> Trait:
        """The fitness as a trait, w."""
        return Trait("w", positive=True)

    @property
    def growth(self) -> Trait:
        """The growth rate as a trait, f."""
        return Trait("f")

    @property
    def likelihood(self) -> Trait:
        """The fitness by the name that it has where types are hypotheses, ℓ."""
        return Trait("ell", positive=True)

    @property
    def traits(self) -> tuple[Trait, ...]:
        """The traits that there are columns of."""
        return tuple(pair[0] for pair in self.args[3])

    def trait(self, name: Any) -> Any:
        """A trait by its name; an expression in traits is itself.

        Examples
        ========

        >>> from symprice.populations.population import Population
        >>> Population(traits={'z': [1, 2]}).trait('z')
        z
        """
        if isinstance(name, str):
            for trait in (*self.traits, self.fitness, self.growth):
                if trait.name == name:
                    self._require(trait)
                    return trait
            if not self.is_specified:
                return Trait(name)
            raise self._missing(name)
        expr = expression(name, "a trait")
        for trait in expr.atoms(Trait):
            self._require(trait)
        return expr

    def _require(self, trait: Trait) -> None:
        if self.is_specified and trait not in self._columns:
            raise self._missing(trait)

    def _missing(self, trait: Any) -> ShapeError:
        remedy = {"w": "fitness=[...]", "f": "growth=[...]"}.get(
            str(trait), f"traits={{'{trait}': [...]}}"
        )
        aliases = {self.likelihood, *(() if self.args[5] else (self.growth,))}
        have = ", ".join(str(t) for t in self._columns if t not in aliases) or "none"
        return ShapeError(
            f"asked for the column {trait} of a population with the columns {have}: add it, as "
            f"{remedy}"
        )

    @cached_property
    def _columns(self) -> dict[Any, Any]:
        found = {pair[0]: pair[1] for pair in self.args[3]}
        if self.args[2]:
            found[self.fitness] = found[self.likelihood] = self.args[2]
        if self.args[5] or self.args[2]:
            found[self.growth] = self.args[5] or self.args[2]
        return found

    @cached_property
    def table(self) -> Table:
        """The population written out."""
        own = self._columns
        offspring = {pair[0]: pair[1] for pair in self.args[4]}
        rates = {pair[0]: pair[1] for pair in self.args[6]}

        def entry(trait: Any, i: int) -> Any:
            if isinstance(trait, PerIndividual):
                (z,) = trait.args
                if isinstance(trait, TraitChange):
                    return offspring[z][i] - own[z][i] if z in offspring else S.Zero
                if z == self.growth:
                    return self._growth_rate(i)
                return rates[z][i] if z in rates else S.Zero
            self._require(trait)
            return own[trait][i]

        paths = [tuple(path) for path in self.args[7]] or [()] * len(self.types)
        return Table(self.frequencies, entry, paths)

    def _growth_rate(self, i: int) -> Any:
        """ḟᵢ = Σ_j ∂fᵢ/∂x_j ẋ_j, where growth depends on the frequencies."""
        f, shares = self._columns[self.growth], self.frequencies
        self.moving_symbols()
        mean = Add(*(x * g for x, g in zip(shares, f, strict=True)))
        return Add(
            *(f[i].diff(x) * x * (g - mean) for x, g in zip(shares, f, strict=True) if x.is_Symbol)
        )

    def moving_symbols(self) -> set[Any]:
        """The symbols of frequencies that growth depends on; each is the frequency of a type.

        Raises
        ======

        NoRuleError : where growth depends on what frequencies are made of, as on p of `p²`.
        """
        f = Tuple(*self._columns[self.growth]).free_symbols
        found = f & Tuple(*self.frequencies).free_symbols
        unknown = found - set(self.frequencies)
        if unknown:
            raise NoRuleError(
                f"asked for the motion of a population whose growth depends on "
                f"{', '.join(sorted(map(str, unknown)))}, of which frequencies are made without "
                "being one: write frequencies and growth in symbols x1, x2, … for the frequencies"
            )
        return found

    @cached_property
    def _arrays(self) -> Any:
        """The columns as NumPy arrays, where all values are numbers and some are Floats."""
        from .numeric import Arrays, array_name

        columns = {array_name(t): values for t, values in self._columns.items()}
        for t, values in (*self.args[4], *self.args[6]):
            own = self._columns[t]
            changes = {"Delta": [a - b for a, b in zip(values, own, strict=True)], "rate": values}
            kind = "Delta" if Tuple(t, values) in self.args[4] else "rate"
            columns[f"{kind}_{t.name}"] = changes[kind]
        listed = [*self.frequencies, *(v for column in columns.values() for v in column)]
        if not all(v.is_number for v in listed) or not any(v.is_Float for v in listed):
            return None
        return Arrays(columns, self.frequencies)

    def value(self, expr: Any) -> Any:
        """An expression in traits and moments, written out over the types."""
        expr = expression(expr, "the value of an expression of traits")
        for trait in expr.atoms(Trait):
            self._require(trait)
        if self._arrays is not None and not expr.has(Level):
            return Float(float(self._arrays.at(expr)))
        return self.table.expression(expr)

    @property
    def over(self) -> tuple[Any, ...]:
        """What moments of this population have as their last argument."""
        return (self,) if self.is_specified else ()

    def mean(self, z: Any) -> Any:
        """The mean of a trait, or of an expression in traits.

        Examples
        ========

        >>> from symprice.populations.population import Population
        >>> Population(traits={'z': [1, 2]}).mean('z').doit()
        3/2
        """
        return Mean(self.trait(z), *self.over)

    def covariance(self, y: Any, z: Any) -> Any:
        """The covariance of two traits, with weights 1/N."""
        return Cov(self.trait(y), self.trait(z), *self.over)

    def variance(self, z: Any) -> Any:
        """The variance of a trait, with weights 1/N."""
        return Var(self.trait(z), *self.over)

    def divided(self, groups: Any) -> Population:
        """The population with its types in groups: one list of names, or several, outermost first.

        Examples
        ========

        >>> from symprice.populations.population import Population
        >>> flock = Population(fitness=[1, 2, 3], traits={'z': [0, 1, 5]})
        >>> len(flock.divided(['a', 'a', 'b']).args[7])
        3
        """
        if not self.is_specified:
            raise ShapeError(
                "asked to divide a population without types into groups: give its types, or ask "
                "for multilevel() with the number of levels"
            )
        return self.func(*self.args[:7], data.paths(groups, len(self.types)))

    def _latex(self, printer: Any) -> str:
        names = ", ".join(rf"\text{{{name}}}" for name in self.types) or "w, z, \\ldots"
        return rf"\text{{population}}\left({names}\right)"


def _plain(given: list[Any]) -> list[Any]:
    """NumPy arrays as lists, so that they can be compared with an empty tuple."""
    return [one.tolist() if hasattr(one, "tolist") else one for one in given]


def _count(types: Any, *given: Any) -> int:
    """How many types there are; 0 for an unspecified population."""
    for one in (types, *given[:3]):
        if one is not None and hasattr(one, "__len__") and len(one):
            return len(one)
    traits = given[3]
    pairs = traits.items() if hasattr(traits, "items") else traits
    for _, values in pairs:
        return len(values)
    return 0
