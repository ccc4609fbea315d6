"""The limit definition of a derivative, `lim_{h→0} (f(n + h) - f(n))/h`, beside the rules."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import mpmath
from sympy import Eq, Expr, Limit, Symbol, expand
from sympy.core.function import AppliedUndef
from sympy.core.sympify import _sympify

from ..errors import NoRuleError
from ..outputs import Outputs
from ..timelimit import within
from .backward import NeuronDerivative
from .elimination import tidy

__all__ = ["LimitDefinition", "limit_definition"]


@dataclass(frozen=True)
class LimitDefinition(Outputs):
    """The limit definition of ∂f/∂n: its quotient, its limit, and the number that it goes to at a
    point.

    ``symbolic`` is None where SymPy does not find the limit in time; ``numeric`` is there always,
    by Richardson extrapolation of the quotient, and ``by_rules`` is the derivative of the backward
    pass at the same point.

    Examples
    ========

    >>> from symprice import MLP, limit_definition
    >>> limit_definition(MLP(1, 1).explicit(), 'w1_11').quotient
    (-w1_11*x1 + x1*(w1_11 + h))/h
    """

    neuron: Any
    quotient: Expr
    step: Symbol
    symbolic: Expr | None
    point: Mapping[Any, Any]
    numeric: Any
    by_rules: Any

    @property
    def limit(self) -> Limit:
        """The limit itself, unevaluated."""
        return Limit(self.quotient, self.step, 0)

    @property
    def equation(self) -> Eq:
        """The limit and what it is, where SymPy finds it; else the number that it goes to."""
        value = self.by_rules if self.symbolic is None else self.symbolic
        return Eq(self.limit, value, evaluate=False)

    def _formula(self) -> Expr:
        return self.limit if self.symbolic is None else self.symbolic

    @property
    def error(self) -> float:
        """The relative difference of the extrapolated quotient and the derivative by rules."""
        return float(
            abs(self.numeric - self.by_rules) / max(abs(self.by_rules), mpmath.mpf(10) ** -20)
        )


def limit_definition(
    output: Any,
    neuron: Any,
    point: Mapping[Any, Any] | None = None,
    *,
    digits: int = 30,
    timeout: float = 2,
) -> LimitDefinition:
    """`lim_{h→0} (f(n + h) - f(n))/h` for one neuron or parameter of a network, symbolically and
    numerically.

    Parameters
    ==========

    output : a ClosedForm with named neurons.
    neuron : one of its names, or a Parameter.
    point : values of the network's symbols; drawn at random where not given.
    digits : decimal digits of the numeric limit.
    timeout : seconds for SymPy's limit.

    Examples
    ========

    >>> from symprice import MLP, limit_definition
    >>> found = limit_definition(MLP(1, 1, 1).explicit(), 'a1_1')
    >>> found.symbolic
    w2_11
    >>> found.error < 1e-25
    True
    """
    node = NeuronDerivative(output, neuron)
    variable = node.neuron
    step = Symbol("h")
    along = _inlined_after(node)
    quotient = (along.xreplace({variable: variable + step}) - along) / step
    inlined = {value: name for name, value in node.network.args[1]}
    symbolic = within(timeout, lambda: _limit(quotient, step, inlined))
    free = sorted(node.free_symbols, key=lambda s: s.name)
    unknown = quotient.atoms(AppliedUndef)
    if unknown:
        raise NoRuleError(
            f"asked for the limit at a point, but {min(map(str, unknown))} has no formula: "
            "substitute one first, as in f.subs(phi, tanh)"
        )
    generator = random.Random(1)
    drawn = {s: _sympify(generator.randint(-1500, 1500)) / 1000 for s in free}
    point = {**drawn, **(point or {})}
    with mpmath.workdps(2 * digits + 10):
        values = _name_values(node, point, 2 * digits + 10)
        start = values[variable]

        def at(shift: Any) -> Any:
            return _number(along, {**values, variable: start + shift}, 2 * digits + 10)

        numeric = richardson(lambda h: (at(h) - at(0)) / h, digits)
        by_rules = _number(node.value().doit(), values, digits + 10)
    return LimitDefinition(variable, quotient, step, symbolic, point, numeric, by_rules)


def richardson(quotient: Any, digits: int, levels: int = 40) -> Any:
    """The limit of ``quotient(h)`` as h → 0, by Richardson extrapolation over h = 1/8, 1/16, …."""
    row: list[Any] = []
    for level in range(levels):
        new = [quotient(mpmath.mpf(1) / 2 ** (level + 3))]
        for order, old in enumerate(row, start=1):
            new.append((2**order * new[-1] - old) / (2**order - 1))
        if row and abs(new[-1] - row[-1]) <= mpmath.mpf(10) ** -(digits) * max(1, abs(new[-1])):
            return new[-1]
        row = new
    return row[-1]


def _inlined_after(node: NeuronDerivative) -> Expr:
    """The output with everything that depends on the neuron inlined, and the other neurons as
    names.
    """
    values: dict[Any, Any] = {}
    moved = {node.neuron}
    for name, value in node.network.args[1]:
        if name != node.neuron and not moved.isdisjoint(value.free_symbols):
            values[name] = value.xreplace(values)
            moved.add(name)
    return node.network.expr.xreplace(values)


def _limit(quotient: Expr, step: Symbol, inlined: Mapping[Any, Any]) -> Expr | None:
    try:
        value = expand(quotient, deep=False).limit(step, 0)
    except (NotImplementedError, ValueError, TypeError, RecursionError):
        return None
    if value.has(Limit, step) or value.is_finite is False:
        return None
    return tidy(value.xreplace(inlined).xreplace(inlined))


def _name_values(node: NeuronDerivative, point: Mapping[Any, Any], digits: int) -> dict[Any, Any]:
    values: dict[Any, Any] = {
        symbol: mpmath.mpmathify(_number(_sympify(v), {}, digits)) for symbol, v in point.items()
    }
    for name, value in node.network.args[1]:
        values[name] = _number(value, values, digits)
    return values


def _number(expr: Expr, values: Mapping[Any, Any], digits: int) -> Any:
    numbers = {symbol: values[symbol] for symbol in expr.free_symbols if symbol in values}
    found = expr.evalf(digits, subs=numbers)
    return found._to_mpmath(mpmath.mp.prec)
