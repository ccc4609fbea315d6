"""``explore``: a formula and its graph side by side, its symbols on sliders."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import Any

from sympy import Basic, Expr

from ..errors import NoParameterError, ShapeError
from .style import axes, mathtext, pyplot, style

__all__ = ["explore"]

_POINTS = 300
_BESIDE = (4.4, 3.2)  # of a picture beside its sliders, in inches


def explore(result: Any, *, samples: int = _POINTS, ax: Any = None, **ranges: Any) -> Any:
    """In a notebook a formula and its graph over one symbol, with a slider for every symbol.

    The first slider moves a point along the graph, the others change the graph; below the formula
    stands its value at the point. Without a kernel, or without ipywidgets, it is the picture with
    every slider in the middle.

    Parameters
    ==========

    result : a scalar expression, or a result with one, as NTVar(p), a closed form, ``G.doit()``.
    samples : at how many places it is evaluated.
    ax : Axes to draw into; the picture is static then.
    ranges : for every symbol of it a range, `b=(-5, 5)`, or a number. The first range is the
        horizontal axis.

    Returns a widget, or matplotlib's Axes. Needs matplotlib; sliders need ipywidgets.

    Raises
    ======

    NoParameterError : for a symbol without a range, and a range without a symbol.
    ShapeError : for a range that is empty, and for what is no scalar.

    Examples
    ========

    >>> from symprice import NTVar, explore, parameters, sigmoid
    >>> w, b = parameters('w b', real=True)
    >>> ax = explore(NTVar(sigmoid(3*w + b)), b=(-5, 5), w=(0, 2))
    >>> print(ax.get_xlabel(), ax.get_title())
    $b$ $w = 1$
    """
    expr = _scalar(result)
    given = {str(symbol): symbol for symbol in expr.free_symbols}
    _complete(given, ranges)
    spans = {name: _span(name, value) for name, value in ranges.items() if _is_span(value)}
    fixed = {name: float(value) for name, value in ranges.items() if name not in spans}
    if not spans:
        raise ShapeError(
            "asked to explore a formula whose symbols are all numbers: give one of them a range, "
            f"as {next(iter(given), 'b')}=(-5, 5)"
        )
    horizontal = next(iter(spans))
    graph = _Graph(expr, given, horizontal, spans[horizontal], samples)
    middle = {name: (low + high) / 2 for name, (low, high) in spans.items()}
    if ax is None and _has_kernel():
        widget = _sliders(graph, spans, fixed)
        if widget is not None:
            return widget
    return graph.draw({**fixed, **middle}, ax)


class _Graph:
    """The values of an expression over one of its symbols."""

    def __init__(self, expr: Any, given: Any, horizontal: str, span: Any, samples: int) -> None:
        from ..emit.numpy import lambdify

        self.expr, self.horizontal, self.span, self.samples = expr, horizontal, span, samples
        self.symbol = given[horizontal]
        self.others = [symbol for name, symbol in sorted(given.items()) if name != horizontal]
        self.function: Any = lambdify([self.symbol, *self.others], expr)

    def value(self, values: Mapping[str, float]) -> float:
        """The value of the formula at one point."""
        return float(self.function(*(values[str(s)] for s in (self.symbol, *self.others))))

    def draw(self, values: Mapping[str, float], ax: Any = None) -> Any:
        """The picture, the other symbols having these values."""
        import numpy as np

        low, high = self.span
        at = np.linspace(low, high, self.samples)
        numbers = [values[str(symbol)] for symbol in self.others]
        found = np.broadcast_to(self.function(at, *numbers), at.shape)
        ax = axes(ax)
        ax.plot(at, found, **style(0))
        ax.set_xlabel(mathtext(self.symbol))
        ax.set_ylabel(mathtext(self.expr, "value"))
        pairs = zip(self.others, numbers, strict=True)
        ax.set_title(", ".join(f"{mathtext(s)[:-1]} = {value:.3g}$" for s, value in pairs))
        return ax


def _sliders(graph: _Graph, spans: Mapping[str, Any], fixed: Mapping[str, float]) -> Any:
    """Formula, value, sliders and picture as one widget; None where ipywidgets is missing."""
    try:
        import ipywidgets
    except ImportError:
        return None
    from ..emit.latex import on_screen, to_latex
    from ..emit.notation import in_use

    symbols = {str(symbol): symbol for symbol in (graph.symbol, *graph.others)}
    controls = {
        name: ipywidgets.FloatSlider(
            value=(low + high) / 2,
            min=low,
            max=high,
            step=(high - low) / 100,
            description=mathtext(symbols[name], name),
        )
        for name, (low, high) in spans.items()
    }
    value = ipywidgets.HTMLMath()

    def show(**values: float) -> None:
        everywhere = {**fixed, **values}
        number = graph.value(everywhere)
        ax = graph.draw(everywhere, axes(size=_BESIDE))
        ax.plot(values[graph.horizontal], number, **{**style(0, marker=True), "linestyle": ""})
        place = ", ".join(
            f"{mathtext(symbols[name], name)[:-1]} = {at:.4g}$" for name, at in everywhere.items()
        )
        value.value = f"$= {number:.6g}$ at {place}"
        pyplot().show()

    picture = ipywidgets.interactive_output(show, controls)
    plain = in_use().but(macros=False)  # which MathJax does not know
    tex = on_screen(to_latex(graph.expr, width="column", notation=plain))
    formula = ipywidgets.HTMLMath(f"$${tex}$$")
    left = ipywidgets.VBox([formula, value, *controls.values()])
    return ipywidgets.HBox([left, picture], layout={"flex_flow": "row wrap"})


def _has_kernel() -> bool:
    """Whether a notebook's kernel runs this."""
    import sys

    shell = sys.modules.get("IPython")
    found = shell.get_ipython() if shell is not None else None
    return getattr(found, "kernel", None) is not None


def _scalar(result: Any) -> Expr:
    expr = result.change if hasattr(result, "change") else result
    if isinstance(expr, Basic):
        expr = expr.doit()
    if not isinstance(expr, Expr):
        raise ShapeError(
            f"asked to explore {result}: a scalar expression is needed, as NTVar(sigmoid(b))"
        )
    return expr


def _complete(given: Mapping[str, Any], ranges: Mapping[str, Any]) -> None:
    missing, unknown = sorted(given.keys() - ranges), sorted(ranges.keys() - given)
    if missing:
        raise NoParameterError(
            f"asked to explore a formula of {', '.join(sorted(given))}: there is no range of "
            f"{', '.join(missing)}, add {missing[0]}=(-5, 5), or a number"
        )
    if unknown:
        raise NoParameterError(
            f"received a range of {', '.join(unknown)}, which the formula does not have: its "
            f"symbols are {', '.join(sorted(given)) or 'none'}"
        )


def _is_span(value: Any) -> bool:
    return isinstance(value, (tuple, list))


def _span(name: str, value: Any) -> tuple[float, float]:
    if len(value) != 2 or not all(isinstance(end, Real) for end in value) or value[0] >= value[1]:
        raise ShapeError(f"received {name}={value}: write a range as {name}=(-5, 5)")
    return float(value[0]), float(value[1])
