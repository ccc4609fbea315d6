"""Means and covariances of NumPy arrays, one entry for each individual."""

from __future__ import annotations

from typing import Any

from sympy import Add, Basic, Mul, Pow

from ..errors import NoRuleError, ShapeError
from .levels import Level
from .moments import (
    Cov,
    Mean,
    Moment,
    OffspringMean,
    PerIndividual,
    Trait,
    TraitChange,
    Var,
)

__all__ = ["Arrays", "PartsOfArrays", "array_name"]


def array_name(trait: Any) -> str:
    """The keyword under which a trait is given: ``z``, ``Delta_z`` for Δz, ``rate_z`` for ż."""
    if isinstance(trait, PerIndividual):
        prefix = "Delta" if isinstance(trait, TraitChange) else "rate"
        return f"{prefix}_{trait.args[0].name}"
    return str(trait.name)


class PartsOfArrays:
    """Formulas of moments as functions of arrays.

    Examples
    ========

    >>> from symprice.populations.moments import Cov, traits
    >>> from symprice.populations.numeric import PartsOfArrays
    >>> w, z = traits('w z')
    >>> PartsOfArrays({'selection': Cov(w, z)})(w=[1, 2, 3], z=[0, 1, 5])
    {'selection': 1.666...}
    """

    def __init__(self, parts: dict[str, Any]) -> None:
        self.parts = parts
        found = {leaf for part in parts.values() for leaf in part.atoms(Trait, PerIndividual)}
        inner = {leaf.args[0] for leaf in found if isinstance(leaf, PerIndividual)}
        bare = {
            leaf
            for leaf in found - inner
            | {z for z in inner if any(_stands_alone(p, z) for p in parts.values())}
        }
        free = set().union(*(part.free_symbols for part in parts.values()))
        self.constants = sorted(s.name for s in free if not isinstance(s, Trait))
        self.arguments = [*sorted(map(array_name, bare)), *self.constants]

    def __call__(self, frequencies: Any = None, **arrays: Any) -> dict[str, float]:
        """The parts by name; ``frequencies`` are 1/N where not given. Constants are numbers."""
        unknown = sorted(set(arrays) - set(self.arguments))
        missing = sorted(set(self.arguments) - set(arrays))
        if unknown or missing:
            raise ShapeError(
                f"asked with the arrays {', '.join(arrays) or 'none'}: the arrays are "
                f"{', '.join(self.arguments)}, and frequencies"
            )
        constants = {name: float(arrays.pop(name)) for name in self.constants}
        table = Arrays(arrays, frequencies, constants)
        return {name: float(table.at(part)) for name, part in self.parts.items()}

    def __repr__(self) -> str:
        return f"<function of the arrays {', '.join(self.arguments)} and frequencies>"


def _stands_alone(expr: Basic, trait: Trait) -> bool:
    if isinstance(expr, PerIndividual):
        return False
    return expr == trait or any(_stands_alone(arg, trait) for arg in expr.args)


class Arrays:
    """Arrays by name, with weights; expressions in traits have values on them."""

    def __init__(
        self,
        arrays: dict[str, Any],
        frequencies: Any = None,
        constants: dict[str, float] | None = None,
    ) -> None:
        import numpy as np

        self.constants = constants or {}
        self.arrays = {name: np.asarray(array, dtype=float) for name, array in arrays.items()}
        shapes = {array.shape for array in self.arrays.values()}
        if len(shapes) != 1 or len(next(iter(shapes))) != 1:
            raise ShapeError(
                f"asked with arrays of the shapes {sorted(shapes)}: each has one entry for each "
                "individual"
            )
        (count,) = next(iter(shapes))
        self.weights = np.full(count, 1 / count)
        if frequencies is not None:
            self.weights = np.asarray(frequencies, dtype=float)
            total = self.weights.sum()
            if self.weights.shape != (count,) or abs(total - 1) > 1e-9 or (self.weights < 0).any():
                raise ShapeError(
                    f"asked with {self.weights.size} frequencies whose sum is {total}: write one "
                    f"for each of {count} individuals, not negative, with the sum 1"
                )

    def mean(self, values: Any) -> Any:
        """The weighted mean; of what is the same for all, itself."""
        import numpy as np

        return np.dot(self.weights, np.broadcast_to(values, self.weights.shape))

    def at(self, expr: Any) -> Any:
        """The value of an expression: an array, or a number where it is the same for all."""
        import numpy as np

        if isinstance(expr, Moment):
            return self._moment(expr)
        if isinstance(expr, (Trait, PerIndividual)):
            if isinstance(expr, Trait):
                return self.arrays[expr.name]
            # Offspring are like their parents where nothing else is said.
            return self.arrays.get(array_name(expr), 0.0)
        if expr.is_number:
            return float(expr)
        if expr.is_Symbol:
            return self.constants[expr.name]
        values = [self.at(arg) for arg in expr.args]
        if isinstance(expr, Add):
            return sum(values[1:], start=values[0])
        if isinstance(expr, Mul):
            return np.prod(np.broadcast_arrays(*values), axis=0)
        if isinstance(expr, Pow):
            return values[0] ** values[1]
        function = getattr(np, type(expr).__name__, None)
        if not values or function is None:
            raise NoRuleError(
                f"asked for {expr} of arrays: write sums, products, powers and functions that "
                "NumPy knows, of traits"
            )
        return function(*values)

    def _moment(self, moment: Any) -> Any:
        from .changes import MeanChange, VarianceChange

        if isinstance(moment.over, Level):
            raise NoRuleError(f"asked for {moment} of arrays: groups are given to a Population")
        values = [self.at(value) for value in moment.values]
        if isinstance(moment, Mean):
            return self.mean(values[0])
        if isinstance(moment, (Cov, Var)):
            first, last = (v - self.mean(v) for v in (values[0], values[-1]))
            return self.mean(first * last)
        if isinstance(moment, OffspringMean):
            return self.mean(values[1] * values[0]) / self.mean(values[1])
        if isinstance(moment, MeanChange):
            z, after, w = values
            return self.mean(w * after) / self.mean(w) - self.mean(z)
        if isinstance(moment, VarianceChange):
            z, w = values
            share = w / self.mean(w)
            centred = z - self.mean(share * z)
            return self.mean(share * centred**2) - self.mean((z - self.mean(z)) ** 2)
        f, z, rate = values[2], values[0], values[1]
        return self.mean((f - self.mean(f)) * z) + self.mean(rate)
