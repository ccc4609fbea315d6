"""Letters for the formulas that a law is about: P for a property, L for a loss.

A law says a formula at many places, `P(θ - η∇L) - P = -η NTCov(P, L) + …`, and is read by its
letters, with `P = …` and `L = …` below.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sympy import Add, Basic, Expr, MatrixSymbol, Tuple

from ..closedform import ClosedForm
from ..nodes import Node
from ..symbols import Name, Observable, Parameter
from ..tangent.gradient_noise import mean_loss

__all__ = ["letters_of"]

# Up to so many operations a formula reads as well as a letter: w²/2, σ(b).
_SHORT = 2


def letters_of(laws: Iterable[Any], taken: Iterable[str]) -> dict[Basic, Basic]:
    """What stands for the formulas that nodes are about, by these and their negatives.

    A node says what it is about by ``called()``: {letter: formula}, a Tuple of the losses of
    examples for their mean. What stands for a formula is its name, as a closed form.

    Examples
    ========

    >>> from sympy import Symbol
    >>> from symprice import GradientDescent, Parameter
    >>> from symprice.dynamics.taylor import AfterStep
    >>> w, x = Parameter('w'), Symbol('x')
    >>> law = AfterStep(w, (w*x - 1)**2, GradientDescent(Symbol('eta')))
    >>> letters_of([law], ['w', 'x'])[(w*x - 1)**2]
    ClosedForm(L, ((L, (w*x - 1)**2),))
    """
    used = set(taken)
    names: dict[Expr, Name] = {}
    means: dict[Expr, Tuple] = {}
    moved: dict[Expr, Expr] = {}
    for law in laws:
        if law.is_of_the_moved and (prop := law.called()["P"]).is_Add:
            moved[law - prop] = prop
        for formula, letter in _letters(law, means).items():
            at_once = letter == "P" and law.is_of_the_moved
            if formula not in names and _is_long(formula, 0 if at_once else _SHORT):
                names[formula] = Name(_free(letter, used))
    values: dict[Name, Basic] = {}
    found: dict[Basic, Basic] = {}
    while waiting := [formula for formula in names if formula not in found]:
        # What holds others comes after them: a loss is written with the letter of the property.
        formula = next(f for f in waiting if not any(f.has(g) for g in waiting if g != f))
        known = {f: name for f, name in names.items() if name in values}
        parts = means.get(formula)
        values[names[formula]] = (
            formula.xreplace(known) if parts is None else mean_loss(parts.xreplace(known))
        )
        closed = ClosedForm(names[formula], values)
        found |= {formula: closed, -formula: -closed}
    # P(θ + Δθ) - P, where P is a sum that has been merged with the rest.
    for difference, formula in moved.items():
        if formula in found:
            law = (difference + formula).xreplace(found)
            found[difference] = Add(law, -found[formula])
    return found


def _letters(law: Any, means: dict[Expr, Tuple]) -> dict[Expr, str]:
    """The letters of what a law is about; the loss keeps its own where it is the property too."""
    found: dict[Expr, str] = {}
    for letter, formula in law.called().items():
        if isinstance(formula, Tuple):
            found |= {one: f"ell_{i}" for i, one in enumerate(formula, start=1)}
            formula, means[mean_loss(formula)] = mean_loss(formula), formula
        found[formula] = letter
    return found


def _is_long(formula: Any, short: int) -> bool:
    return (
        isinstance(formula, Expr)
        and not isinstance(formula, ClosedForm)
        and not formula.has(Node, MatrixSymbol, ClosedForm, Observable)
        and formula.has(Parameter)
        and formula.count_ops() > short
    )


def _free(letter: str, used: set[str]) -> str:
    text, count = letter, 0
    while text in used:
        count += 1
        text = f"{letter}_{count}"
    used.add(text)
    return text
