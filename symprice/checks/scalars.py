"""How scalars are evaluated: arithmetic, elementary functions, conditions, and closed forms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
from sympy import Expr, Float, Integer, S

from ..indexed.families import Family
from ..policy.quadrature import exponential
from .elementary import DEFINITIONS
from .graph import Cell, Graph, Members, Scope, builds, no_evaluation
from .indices import vanishes

__all__: list[str] = []

# SymPy's functions that mpmath computes under a name of its own or the same.
_MPMATH: dict[str, Callable[..., Any]] = {
    "exp": exponential,
    "log": mpmath.log,
    "sin": mpmath.sin,
    "cos": mpmath.cos,
    "tan": mpmath.tan,
    "asin": mpmath.asin,
    "acos": mpmath.acos,
    "atan": mpmath.atan,
    "sinh": mpmath.sinh,
    "cosh": mpmath.cosh,
    "tanh": mpmath.tanh,
    "atanh": mpmath.atanh,
    "asinh": mpmath.asinh,
    "erf": mpmath.erf,
    "erfc": mpmath.erfc,
    "gamma": mpmath.gamma,
    "loggamma": mpmath.loggamma,
    "digamma": mpmath.digamma,
    "factorial": mpmath.factorial,
    "binomial": mpmath.binomial,
    "polygamma": lambda n, x: mpmath.polygamma(int(n), x),
    "LargeGamma": mpmath.gamma,
    "LargeFactorial": mpmath.factorial,
    "LargeBinomial": mpmath.binomial,
    "LargePolygamma": lambda n, x: mpmath.polygamma(int(n), x),
    "Abs": abs,
    "re": mpmath.re,
    "im": mpmath.im,
    "conjugate": mpmath.conj,
}
_CONSTANTS: dict[str, Callable[[], Any]] = {
    "Pi": lambda: +mpmath.pi,
    "Exp1": lambda: +mpmath.e,
    "EulerGamma": lambda: +mpmath.euler,
    "Catalan": lambda: +mpmath.catalan,
    "GoldenRatio": lambda: +mpmath.phi,
    "ImaginaryUnit": lambda: mpmath.mpc(0, 1),
    "Infinity": lambda: mpmath.inf,
    "NegativeInfinity": lambda: -mpmath.inf,
}


@builds(
    "Number",
    "NumberSymbol",
    "ImaginaryUnit",
    "Infinity",
    "NegativeInfinity",
    "NaN",
    "ComplexInfinity",
)
def number(graph: Graph, expr: Any, scope: Scope) -> Cell:
    """A constant."""
    constant = _CONSTANTS.get(type(expr).__name__)
    if constant is not None:
        return graph.shared(("number", expr), (), lambda state: constant())
    if isinstance(expr, Float):
        return graph.shared(("number", expr), (), lambda state: mpmath.mpf(expr._mpf_))
    if not expr.is_Rational:
        return graph.shared(("number", expr), (), lambda state: mpmath.nan)
    return graph.shared(("number", expr), (), lambda state: mpmath.mpf(expr.p) / expr.q)


@builds("BooleanTrue", "BooleanFalse")
def truth(graph: Graph, expr: Any, scope: Scope) -> Cell:
    """True or false."""
    return graph.shared(("truth", bool(expr)), (), lambda state: bool(expr))


@builds("Add")
def add(graph: Graph, expr: Any, scope: Scope) -> Cell:
    """A sum."""
    children = graph.cells(expr.args, scope)

    def run(state: Any) -> Any:
        total = state.value(children[0])
        for child in children[1:]:
            total = total + state.value(child)
        return total

    return graph.shared("sum", children, run)


@builds("Mul")
def mul(graph: Graph, expr: Any, scope: Scope) -> Cell:
    """A product."""
    if vanishes(graph, expr.args, scope):
        return graph.cell(S.Zero)
    children = graph.cells(expr.args, scope)

    def run(state: Any) -> Any:
        total = state.value(children[0])
        for child in children[1:]:
            total = total * state.value(child)
        return total

    return graph.shared("product", children, run)


@builds("Pow")
def power(graph: Graph, expr: Any, scope: Scope) -> Cell:
    """A power."""
    base, exponent = graph.cells(expr.args, scope)
    if expr.args[1].is_Integer:
        n = int(expr.args[1])
        return graph.shared(
            ("integer power", n), (base,), lambda state: state.value(base) ** n, symbol=n
        )
    if expr.args[1] == S.Half:
        return graph.shared("square root", (base,), lambda state: mpmath.sqrt(state.value(base)))
    return graph.shared(
        "power",
        (base, exponent),
        lambda state: mpmath.power(state.value(base), state.value(exponent)),
    )


@builds("Function")
def function(graph: Graph, expr: Any, scope: Scope) -> Cell:
    """A function of numbers: by an elementary definition, by mpmath, or by its own evalf."""
    children = graph.cells(expr.args, scope)
    name = type(expr).__name__
    known = DEFINITIONS.get(name) or _MPMATH.get(name)
    # A function of the same name from elsewhere is another function.
    if known is not None and type(expr).__module__.startswith(("symprice.", "sympy.")):
        return graph.shared(
            name, children, lambda state: known(*(state.value(child) for child in children))
        )

    def run(state: Any) -> Any:
        return _by_evalf(expr, [state.value(child) for child in children])

    return graph.shared(("function", expr.func), children, run)


def _by_evalf(expr: Any, values: list[Any]) -> Any:
    precision = mpmath.mp.prec
    args = []
    for arg, value in zip(expr.args, values, strict=True):
        if isinstance(value, mpmath.matrix):
            raise no_evaluation(expr)
        exact = (
            Integer(int(value))
            if arg.is_integer
            else Expr._from_mpmath(mpmath.mpmathify(value), precision)
        )
        args.append(exact)
    found = expr.func(*args)._evalf(precision)
    try:
        return mpmath.mpmathify(found._to_mpmath(precision))
    except (TypeError, ValueError, AttributeError) as error:
        raise no_evaluation(expr) from error


@builds("Max", "Min")
def extremum(graph: Graph, expr: Any, scope: Scope) -> Cell:
    """The largest or the smallest of several numbers."""
    children = graph.cells(expr.args, scope)
    choose = max if type(expr).__name__ == "Max" else min
    return graph.shared(
        type(expr).__name__,
        children,
        lambda state: choose(state.value(child) for child in children),
    )


@builds("Piecewise")
def piecewise(graph: Graph, expr: Any, scope: Scope) -> Cell:
    """The value of the first branch whose condition holds."""
    branches = tuple(graph.cells(branch.args, scope) for branch in expr.args)

    def run(state: Any) -> Any:
        for value, condition in branches:
            if state.value(condition):
                return state.value(value)
        return mpmath.nan

    return graph.shared("piecewise", tuple(cell for branch in branches for cell in branch), run)


@builds("StrictLessThan", "LessThan", "StrictGreaterThan", "GreaterThan", "Unequality")
def relation(graph: Graph, expr: Any, scope: Scope) -> Cell:
    """Whether an inequality holds."""
    left, right = graph.cells(expr.args, scope)
    compare = {
        "StrictLessThan": lambda a, b: a < b,
        "LessThan": lambda a, b: a <= b,
        "StrictGreaterThan": lambda a, b: a > b,
        "GreaterThan": lambda a, b: a >= b,
        "Unequality": lambda a, b: a != b,
    }[type(expr).__name__]
    return graph.shared(
        type(expr).__name__,
        (left, right),
        lambda state: compare(state.value(left), state.value(right)),
    )


@builds("And", "Or", "Not")
def logic(graph: Graph, expr: Any, scope: Scope) -> Cell:
    """Conditions joined."""
    children = graph.cells(expr.args, scope)
    kind = type(expr).__name__

    def run(state: Any) -> bool:
        values = (bool(state.value(child)) for child in children)
        return all(values) if kind == "And" else any(values) if kind == "Or" else not next(values)

    return graph.shared(kind, children, run)


@builds("ClosedForm", "ClosedFormMatrix")
def closed_form(graph: Graph, expr: Any, scope: Scope) -> Cell:
    """Definitions one after another, then the formula; its origin is not looked at."""
    names: dict[Any, Cell | Members] = {}
    defined: list[Cell] = []
    for name, value in expr.args[1]:
        inner = scope.inside(names)
        if isinstance(value, Family):
            family = names[name] = Members(graph, name, value, inner)
            defined += family.all()
        else:
            cell = names[name] = graph.define(name, graph.cell(value, inner))
            defined.append(cell)
    body = graph.cell(expr.args[0], scope.inside(names))
    children = (*defined, body)

    def run(state: Any) -> Any:
        for child in children[:-1]:
            state.value(child)
        return state.value(body)

    return graph.shared("where", children, run)


@builds("Tuple", "Equality")
def several(graph: Graph, expr: Any, scope: Scope) -> Cell:
    """The values of all members: of an equation, its two sides."""
    children = graph.cells(expr.args, scope)
    return graph.shared(
        "several", children, lambda state: [state.value(child) for child in children]
    )
