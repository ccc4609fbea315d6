"""Writing a result wholly in named quantities: ``express(NTVar(sigmoid(b)), p=sigmoid(b))`` is
`p²(1-p)²`.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from sympy import Dummy, Expr, Symbol, exp, factor_terms, solve, together
from sympy.core.function import AppliedUndef
from sympy.core.sympify import _sympify

from ..closedform import ClosedForm
from ..derivation import evaluate
from ..errors import EliminationError, NameClashError
from ..nodes import Node
from ..symbols import Parameter, expression
from ..timelimit import within
from .properties import MATRIX

__all__ = ["express"]


def express(
    expr: Any, named: Mapping[Any, Any] | None = None, /, *, timeout: float = 10, **names: Any
) -> Any:
    """``expr`` in terms of named quantities: the parameters in their definitions are eliminated.

    Parameters
    ==========

    expr : an expression, evaluated first.
    named : a dict {symbol: quantity}; or by keyword, ``p=sigmoid(b)``.
    timeout : seconds for the elimination.

    Raises
    ======

    EliminationError : if something of the eliminated symbols, or another Parameter, is left over;
    it says what.

    Examples
    ========

    >>> from symprice import NTVar, Parameter, express, observables, sigmoid
    >>> b = Parameter('b')
    >>> express(NTVar(sigmoid(b)), p=sigmoid(b))
    p**2*(1 - p)**2
    >>> z = observables('z')
    >>> express(NTVar(sigmoid(z)), p=sigmoid(z), V=NTVar(z))
    V*p**2*(1 - p)**2
    """
    expr = expression(expr, "a result in named quantities")
    quantities = _quantities(expr, {**(named or {}), **names})
    value = evaluate(expr)
    if not isinstance(value, Node):
        value = value.doit()
    if isinstance(value, MATRIX):
        return value.applyfunc(lambda entry: _eliminate(entry, quantities, timeout))
    return _eliminate(value, quantities, timeout)


def _quantities(expr: Any, named: Mapping[Any, Any]) -> dict[Symbol, Expr]:
    if not named:
        raise EliminationError(
            "express needs at least one named quantity: express(expr, p=sigmoid(b))"
        )
    quantities: dict[Symbol, Expr] = {}
    for name, quantity in named.items():
        symbol = Symbol(name) if isinstance(name, str) else name
        quantity = expression(quantity, f"the quantity {name}")
        if not isinstance(symbol, Symbol):
            raise NameClashError(f"a quantity is named by a symbol, but received {symbol}")
        clashes = {
            s for s in _sympify(expr).free_symbols | quantity.free_symbols if str(s) == str(symbol)
        }
        if clashes and quantity not in clashes:
            raise NameClashError(
                f"the name {symbol} is already in use in the expression: choose another, as "
                f"{symbol}_1=..."
            )
        if isinstance(quantity, Node):
            quantity = quantity if quantity.has(AppliedUndef) else evaluate(quantity)
        if quantity.has(ClosedForm) and not isinstance(quantity, Node):
            quantity = quantity.doit()  # the value that it is sought in is inlined too
        quantities[symbol] = quantity
    return quantities


def _eliminate(value: Expr, quantities: Mapping[Symbol, Expr], timeout: float) -> Expr:
    # Covariances that have no closed form are quantities like any other, to be named or left.
    masks = {
        node: Dummy(str(node)) for node in sorted(value.atoms(Node), key=lambda n: n.sort_key())
    }
    named_nodes = {q: s for s, q in quantities.items() if isinstance(q, Node)}
    plain = {s: q for s, q in quantities.items() if not isinstance(q, Node)}
    gone = set().union(*(q.free_symbols for q in plain.values())) if plain else set()

    result = value.xreplace({**masks, **named_nodes})
    result = result.xreplace({q: s for s, q in plain.items() if not q.is_Symbol or q in gone})
    if _left(result, gone):
        found = within(timeout, lambda: _by_inversion(result, plain, gone))
        result = result if found is None else found
    left = _left(result, gone)
    if (
        not left
        and result != value
        and not _agrees(result, value.xreplace(masks), plain, named_nodes, masks)
    ):
        raise EliminationError(
            f"eliminating {_listed(gone)} from {value} led to {result}, which is not equal to it "
            "on all of the domain: "
            "name a quantity that determines the parameters"
        )
    unmasked = result.xreplace({mask: node for node, mask in masks.items()})
    over = {s for s in left if s not in masks.values()} | {
        node
        for node, mask in masks.items()
        if mask in result.free_symbols and node.free_symbols & gone
    }
    if over:
        hints = ", ".join(
            f"V=NTVar({n.args[0]})" if n.func.__name__ == "NTVar" else f"C={n}"
            for n in over
            if n.args
        )
        raise EliminationError(
            f"asked for {value} in terms of {_listed(quantities)}, but {_listed(over)} is left "
            f"over in {unmasked}. "
            f"Name a quantity for it{', as ' + hints if hints else ''}"
        )
    return unmasked


def _left(expr: Expr, gone: set[Any]) -> set[Any]:
    """What of the eliminated symbols, or of the parameters, is still there."""
    return {s for s in expr.free_symbols if s in gone or isinstance(s, Parameter)}


def _by_inversion(expr: Expr, plain: Mapping[Symbol, Expr], gone: set[Any]) -> Expr | None:
    """Solve each definition for one of the symbols to go, insert it, and cancel exponentials of
    logarithms.
    """
    result = expr.rewrite(exp)
    for symbol, quantity in plain.items():
        candidates = sorted(
            quantity.free_symbols & gone & result.free_symbols, key=lambda s: s.sort_key()
        )
        if not candidates:
            continue
        variable = candidates[0]
        stand_in = Dummy("t", positive=True)
        # An equation in exp(b) alone is rational: it has one solution, where one in b may have
        # branches.
        rational = (
            (quantity.rewrite(exp) - symbol)
            .subs(exp(-variable), 1 / stand_in)
            .subs(exp(variable), stand_in)
        )
        if variable not in rational.free_symbols:
            roots = solve(together(rational), stand_in)
            if len(roots) == 1:
                changed = result.subs(exp(-variable), 1 / stand_in).subs(exp(variable), stand_in)
                if variable not in changed.free_symbols:
                    result = changed.subs(stand_in, roots[0])
                    continue
        roots = solve(quantity.rewrite(exp) - symbol, variable)
        if len(roots) != 1:
            return None
        result = result.subs(variable, roots[0])
    return tidy(result)


def tidy(expr: Expr) -> Expr:
    """A rational expression in factored form, with (1 - p) rather than (p - 1)."""
    return upright(factor_terms(together(expr).factor(deep=False)))


def upright(expr: Expr) -> Expr:
    """The same product with every factor `(p - 1)` turned to `-(1 - p)`, so that 1 leads."""
    if not (expr.is_Mul or expr.is_Pow):
        return expr
    sign, factors = 1, []
    for factor in expr.args if expr.is_Mul else (expr,):
        base, power = factor.as_base_exp()
        if base.is_Add and power.is_Integer and base.as_coeff_Add()[0].is_negative:
            sign *= (-1) ** int(power)
            base = -base
        factors.append(base**power)
    return expr.func(sign, *factors) if expr.is_Mul else sign * factors[0]


def _agrees(
    result: Expr,
    value: Expr,
    plain: Mapping[Symbol, Expr],
    named: Mapping[Any, Symbol],
    masks: Mapping[Any, Any],
) -> bool:
    """Whether the result is the value, at random points of the eliminated symbols."""
    back = result.xreplace(plain).xreplace(
        {symbol: masks[node] for node, symbol in named.items() if node in masks}
    )
    difference = back - value
    symbols = sorted(difference.free_symbols, key=lambda s: (s.name, str(s)))
    generator = random.Random(0)
    compared = 0
    for _ in range(40):
        point = {s: _draw(s, generator) for s in symbols}
        at, scale = difference.evalf(30, subs=point), abs(value.evalf(30, subs=point))
        if not (at.is_number and scale.is_number and at.is_finite):
            continue
        if not at.is_comparable and at.atoms(AppliedUndef):
            return True
        if abs(at) > 1e-20 * max(1, scale):
            return False
        compared += 1
        if compared == 12:
            return True
    return compared > 0 or not symbols


def _draw(symbol: Any, generator: random.Random) -> Any:
    size = _sympify(generator.randint(1, 3000)) / 1000
    negative = symbol.is_negative or (not symbol.is_nonnegative and generator.random() < 0.5)
    return -size if negative else size


def _listed(things: Any) -> str:
    return ", ".join(sorted(str(thing) for thing in things)) or "nothing"
