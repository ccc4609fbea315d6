"""Families with scalar actions: one class each, from its parameters to how it is drawn."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, ClassVar, NamedTuple

from sympy import Dummy, Expr, S, Symbol, Tuple

from ..errors import NoRuleError
from .distribution import DistributionPolicy
from .expecting import mean_of_powers
from .given import Groups, read, signature_of, stand_in
from .large_numbers import with_values
from .short import short

__all__ = ["FAMILIES", "FamilyPolicy"]

#: Every family, in the order in which they were loaded.
FAMILIES: list[type[FamilyPolicy]] = []


class Meant(NamedTuple):
    """A parameter of the formulas, its value, and how it moves with the form that was given."""

    symbol: Any
    value: Any
    slope: Any  # in terms of the symbol, as far as it goes


class FamilyPolicy(DistributionPolicy):
    """A family with scalar actions whose parameters may be written in several forms.

    A family is one class: its ``groups`` of parameters, ``law`` (log π), ``support``, ``tilt``
    (`E[a^s (1-a)^q exp(t a)]` as far as it closes) and ``drawn``.
    """

    groups: ClassVar[Groups] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "groups" in vars(cls) and cls.groups:
            cls.__signature__ = signature_of(cls.groups)
            FAMILIES.append(cls)

    def __new__(cls, *args: Any, **named: Any) -> Any:
        return super().__new__(cls, *read(cls, cls.groups, args, named))

    # --- what a family states ---------------------------------------------------------------------
    def law(self, a: Any, c: SimpleNamespace) -> Any:
        """log π(a) in the parameters c."""
        raise self._unstated("law")

    def tilt(self, s: Any, q: Any, t: Any, c: SimpleNamespace) -> Any:
        """E[a^s (1-a)^q exp(t a)]; None where it has no closed form."""
        return None

    def exists(self, s: Any, q: Any, t: Any, c: SimpleNamespace) -> list[Any]:
        """What must be positive for that expectation to be finite."""
        return []

    def moment(self, n: int, c: SimpleNamespace) -> Any:
        """E[aⁿ], where it is shorter than the derivative of the generating function."""
        return None

    def weak_derivative(self, meaning: str, c: SimpleNamespace) -> Any:
        """∂π/∂z = c (π₊ - π₋) by a parameter of the formulas, a ``WeakDerivative``; or None."""
        return None

    def drawn(self, rng: Any, n: int, c: SimpleNamespace) -> Any:
        """n actions by a generator of NumPy, the parameters c being numbers."""
        raise self._unstated("drawn")

    # --- what follows -----------------------------------------------------------------------------
    @property
    def _fields(self) -> list[tuple[str, str, Any, Any]]:
        """Of each parameter its name in formulas, the form it is given in, that form, the value."""
        values, found = iter(self.args), []
        for meaning, forms in self.groups.items():
            for name, form in forms.items():
                value = next(values)
                if not isinstance(value, Tuple):
                    found.append((meaning, name, form, value))
        return found

    @property
    def heads(self) -> tuple[Any, ...]:
        """The parameters in the forms that were given."""
        return tuple(value for *_, value in self._fields)

    def with_heads(self, heads: Any) -> Any:
        """The same family, in the same forms, with other values."""
        names = [name for _, name, _, _ in self._fields]
        return type(self)(**dict(zip(names, heads, strict=True)))

    def stand_ins(self) -> tuple[Any, ...]:
        """A symbol for each parameter, positive or real as its form is."""
        return tuple(stand_in(name, form.domain) for _, name, form, _ in self._fields)

    @property
    def canonical(self) -> SimpleNamespace:
        """The parameters of the formulas: σ, whichever form it was given in."""
        return SimpleNamespace(
            **{meaning: form.meaning(value) for meaning, _, form, value in self._fields}
        )

    def symbols_in(self, domain: str) -> list[Any]:
        """The symbols among the parameters that lie in a domain, such as 'unit'."""
        fields = self._fields
        return [x for *_, form, x in fields if form.domain == domain and isinstance(x, Symbol)]

    def plainly(self) -> tuple[FamilyPolicy, list[Meant]]:
        """The family in the parameters of the formulas, symbols where they are no numbers, and what
        each of them is.
        """
        names, found = [], []
        for meaning, _, form, value in self._fields:
            name = next(iter(self.groups[meaning]))
            names.append(name)
            if value.is_number:
                found.append(Meant(form.meaning(value), form.meaning(value), S.One))
                continue
            symbol = stand_in(name, self.groups[meaning][name].domain)
            given = stand_in("x", form.domain)
            slope = form.meaning(given).diff(given).subs(form.meaning(given), symbol)
            found.append(Meant(symbol, form.meaning(value), with_values(slope, {given: value})))
        plain = type(self)(**{n: m.symbol for n, m in zip(names, found, strict=True)})
        return plain, found

    def information(self, i: int, j: int) -> Any:
        """E[s_i s_j] in the parameters of the formulas, times what makes them from those given."""
        from .chain import information

        if all(next(iter(self.groups[meaning])) == name for meaning, name, _, _ in self._fields):
            return None
        plain, forms = self.plainly()
        found = short(information(plain, plain._bound, i, j) * forms[i].slope * forms[j].slope)
        return with_values(found, {form.symbol: form.value for form in forms})

    def log_density(self, a: Any) -> Any:
        """log π(a)."""
        return self.law(a, self.canonical)

    def mean_of(self, term: Any, a: Any, check: Callable[[Any], Any]) -> Any:
        """E of a product of powers, exponentials, logarithms and waves of the action."""
        c = self.canonical

        def tilt(s: Any, q: Any, t: Any) -> Any:
            if q == 0 and t == 0 and s.is_Integer and s >= 0:
                value = self.moment(int(s), c)
                if value is not None:
                    return value
            value = self.tilt(s, q, t, c)
            if value is None and s.is_Integer and s > 0:
                bend = Dummy("t", real=True)
                generating = self.tilt(S.Zero, q, bend, c)
                value = None if generating is None else generating.diff(bend, s).subs(bend, t)
            return value

        return mean_of_powers(term, a, tilt, lambda s, q, t: self.exists(s, q, t, c), check)

    def draw(self, rng: Any, n: int) -> Any:
        """n actions as an array of float64, or of integers."""
        numbers = {k: _number(v) for k, v in vars(self.canonical).items()}
        return self.drawn(rng, n, SimpleNamespace(**numbers))

    # --- printing ---------------------------------------------------------------------------------
    def _sympystr(self, printer: Any) -> str:
        shown: list[str] = []
        for meaning, name, _, value in self._fields:
            first = name == meaning and next(iter(self.groups[meaning])) == name
            plain = first and all("=" not in text for text in shown)
            shown.append(printer._print(value) if plain else f"{name}={printer._print(value)}")
        return f"{type(self).__name__}({', '.join(shown)})"

    def _latex(self, printer: Any) -> str:
        inner = ", ".join(printer._print(v) for v in vars(self.canonical).values())
        name = type(self).__name__.removesuffix("Policy")
        return rf"\operatorname{{{name}}}{{\left({inner} \right)}}"


def _number(value: Any) -> Any:
    found = value.evalf()
    if not isinstance(found, Expr) or not found.is_number:
        raise NoRuleError(f"asked for samples with the parameter {value}, which is no number")
    return int(found) if value.is_Integer else float(found)
