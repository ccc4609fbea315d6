r"""Algorithm boxes of ways of moving θ: the ``advance`` that the package runs, run with symbols."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from typing import Any

from sympy import Mul, Pow, Symbol

from ..dynamics.equation import PriceEquation
from ..dynamics.update import Dynamics
from ..errors import NoRuleError
from ..symbols import Observable
from ..tangent.gradient import Nabla
from ..tangent.vectors import StateVector
from .documents.algorithmic import Algorithm, Instruction
from .latex_printer import PaperPrinter
from .lines import Lines, lines_of
from .notation import Notation

__all__ = ["Training", "in_order", "traced"]

_THETA, _GRADIENT, _STEP = Symbol("theta"), Symbol("g"), Symbol("t", positive=True, integer=True)


class Training:
    """The box of a way of moving θ, in a notation."""

    def __init__(self, dynamics: Dynamics, loss: Any, spelling: Notation) -> None:
        if dynamics.continuous:
            raise NoRuleError(
                f"asked for the algorithm of {dynamics.title}, which takes no steps: write it "
                "with a learning rate, or one that has steps, as GradientDescent(eta)"
            )
        if dynamics.noise(loss) is not None:
            raise NoRuleError(
                f"asked for the algorithm of {dynamics.title}, whose steps are random: write "
                "GradientDescent(eta) with the loss of a batch"
            )
        self.dynamics, self.loss, self.theta = dynamics, loss, spelling.theta
        self.show = PaperPrinter({}, spelling).doprint
        self.bold = partial(spelling.name, bold=bool(spelling.bold))
        self.spelling = spelling
        self.letter = "g"

    @property
    def gradient(self) -> str:
        """The name of the gradient: a letter that no definition has."""
        return self.bold(self.letter)

    def algorithm(self, equation: PriceEquation | None) -> Algorithm:
        """The lines, with the terms of an equation where there is one."""
        named, predicted = ("P", []) if equation is None else self.predicted(equation)
        states, moves, moved = self.written()
        lines = [Instruction(0, "assign", state, "0") for state in states]
        lines.append(Instruction(0, "for", r"t = 1, 2, \dots"))
        title = self.dynamics.title[:1].upper() + self.dynamics.title[1:]
        prop = "P"
        if equation is None:
            lines.append(Instruction(1, "assign", self.gradient, self.slope()))
        else:
            title += ", with the terms of Price's equation"
            if isinstance(equation.prop, Observable):
                prop = named
            else:
                title += f" of $P = {named}$"
            lines += predicted
            lines.append(Instruction(1, "assign", f"{prop}_{{0}}", f"{prop}({self.theta})"))
        lines += [Instruction(1, "assign", state, value) for state, value in moves]
        lines.append(Instruction(1, "assign", self.theta, moved))
        if equation is not None:
            actual = f"{prop}({self.theta}) - {prop}_{{0}}"
            lines.append(Instruction(1, "assign", rf"\Delta {prop}", actual, "the change made"))
        lines.append(Instruction(0, "return", self.theta))
        name = type(self.dynamics).__name__
        return Algorithm(title, name, (self.theta,), tuple(lines))

    def slope(self) -> str:
        """Where and of what the gradient is taken."""
        slope = self.dynamics.gradient(self.loss)
        return self.at_theta(slope, self.show(slope))

    def at_theta(self, slope: Any, tex: str) -> str:
        """The gradient of a loss without a formula says where it is taken."""
        plain = isinstance(slope, Nabla) and isinstance(slope.args[0], Observable)
        return f"{tex}({self.theta})" if plain else tex

    def predicted(self, equation: PriceEquation) -> tuple[str, list[Instruction]]:
        """The name of the property; the gradient, and the terms of the equation with their sum, at
        the place where the step starts.
        """
        parts = equation.dynamics.parts(equation.prop, equation.args[1], equation.order)
        terms = {name: value for name, value in parts.items() if name != "remainder" and value != 0}
        slope = self.dynamics.gradient(self.loss)
        shown: Lines = lines_of([Nabla(equation.prop), slope, *terms.values()], self.show, True)
        prop, gradient, *values = (line.right for line in shown.lines)
        prop = prop.removeprefix(r"\nabla").strip()
        prop = re.sub(r"^\\left\((.*)\\right\)$", r"\1", prop)
        taken = {name for name, _ in shown.where}
        self.letter = next(letter for letter in "gqu" if self.bold(letter) not in taken)
        found = [Instruction(1, "assign", name, value) for name, value in in_order(shown.where)]
        found.append(Instruction(1, "assign", self.gradient, self.at_theta(slope, gradient)))
        names = [rf"\Delta_{{\mathrm{{{name}}}}}" for name in terms]
        found += [
            Instruction(1, "assign", name, value) for name, value in zip(names, values, strict=True)
        ]
        letter = prop if isinstance(equation.prop, Observable) else "P"
        total = Instruction(
            1, "assign", rf"\widehat{{\Delta {letter}}}", " + ".join(names), "the change predicted"
        )
        return prop, [*found, total]

    def written(self) -> tuple[list[str], list[tuple[str, str]], str]:
        """The states, what each becomes, and θ after the step, as LaTeX."""
        dynamics = self.dynamics
        if not dynamics.has_algorithm or not _by_entry(dynamics):
            slope = {dynamics.gradient(self.loss): StateVector(self.letter)}
            update = self.show(dynamics.update(self.loss).xreplace(slope))
            return [], [], self.theta + (" " if update.startswith("-") else " + ") + update
        values, moved, new = traced(dynamics)
        moved, corrected = _corrected(moved, new)
        names = {_THETA: self.theta, _GRADIENT: self.gradient}
        names |= {symbol: self.bold(symbol.name) for symbol in values}
        names |= {new[symbol]: self.bold(symbol.name) for symbol in values}
        names |= {symbol: self.bold(symbol.name) for symbol in corrected}
        show = PaperPrinter({"symbol_names": names}, self.spelling).doprint
        moves = [(show(symbol), show(value)) for symbol, value in values.items()]
        moves += [(show(symbol), show(value)) for symbol, value in corrected.items()]
        return [show(symbol) for symbol in values], moves, show(moved)


def in_order(pairs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Definitions, each behind those that its value uses.

    >>> in_order([('f', 'v a'), ('a', 'h^{2}'), ('h', 'x')])
    [('h', 'x'), ('a', 'h^{2}'), ('f', 'v a')]
    """
    left, found = list(pairs), []
    while left:
        names = [name for name, _ in left]
        free = [pair for pair in left if not any(n != pair[0] and _uses(pair[1], n) for n in names)]
        found += free or left
        left = [pair for pair in left if pair not in found]
    return found


def _uses(tex: str, name: str) -> bool:
    """Whether a name stands in LaTeX: not as a part of a longer one."""
    longer = r"[A-Za-z_']|\^\{\("
    return re.search(rf"(?<![A-Za-z\\]){re.escape(name)}(?!{longer})", tex) is not None


def traced(dynamics: Dynamics) -> tuple[dict[Symbol, Any], Any, dict[Symbol, Symbol]]:
    """What each state becomes, θ after the step, and the new states that θ is written in.

    It is ``advance`` that says so, run with symbols for θ, its gradient g and the states.
    """
    _, first = _step(dynamics, {}, (_THETA,))
    states = {name: Symbol(name) for name in first}
    given = {name: {_THETA: symbol} for name, symbol in states.items()}
    after, now = _step(dynamics, given, (_THETA,))
    values = {symbol: now[name][_THETA] for name, symbol in states.items()}
    new = {symbol: Symbol(f"{symbol.name}_new") for symbol in values}
    moved = after[_THETA]
    for symbol, value in values.items():
        moved = moved.subs(value, new[symbol])
    if any(moved.has(symbol) or value.has(*values.keys() - {symbol})
           for symbol, value in values.items()):  # fmt: skip
        raise NoRuleError(
            f"asked for the algorithm of {dynamics.title}, whose step needs states as they were "
            "before it: write its update as a Python function"
        )
    return values, moved, new


def _corrected(moved: Any, new: dict[Symbol, Symbol]) -> tuple[Any, dict[Symbol, Any]]:
    """θ after the step with averages that are divided by `1 - βᵗ` under names with a hat."""
    found: dict[Symbol, Any] = {}
    for symbol, fresh in new.items():
        factors = {
            power
            for product in moved.atoms(Mul)
            if fresh in product.args
            for power in product.args
            if isinstance(power, Pow) and power.exp == -1 and power.has(_STEP)
            if not power.free_symbols & set(new.values())
        }
        if len(factors) == 1:
            (factor,) = factors
            hat = Symbol(rf"{symbol.name}hat")
            found[hat] = fresh * factor
            moved = moved.subs(fresh, hat / factor)
    return moved, found


def _step(dynamics: Dynamics, state: Any, parameters: Any) -> tuple[Any, Any]:
    """A step of symbols; of one parameter the gradient is g."""
    many = len(parameters) > 1
    slopes = {p: Symbol(f"g_{p}") if many else _GRADIENT for p in parameters}
    return dynamics.advance({p: p for p in parameters}, slopes, state, _STEP, lambda value: value)


def _by_entry(dynamics: Dynamics) -> bool:
    """Whether a step moves each entry of θ by its own gradient: then one symbol says it all."""
    two = Symbol("theta1"), Symbol("theta2")
    after, _ = _step(dynamics, {}, two)
    return not any(after[p].has(q) or after[p].has(Symbol(f"g_{q}")) for p, q in (two, two[::-1]))
