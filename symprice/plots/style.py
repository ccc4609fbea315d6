"""How pictures look: lines told apart without colour, labels in the LaTeX of the formulas."""

from __future__ import annotations

from typing import Any

from ..errors import NoRuleError

__all__ = ["HATCHES", "LINES", "MARKERS", "axes", "mathtext", "pyplot"]

#: Styles by rank: of lines, of markers, and of areas (the shade, the hatch).
LINES = ("-", "--", ":", "-.", (0, (5, 1, 1, 1, 1, 1)))
MARKERS = ("o", "s", "^", "D", "v")
SHADES = ("black", "0.35", "0.55", "0.2", "0.65")
HATCHES = (("0.85", ""), ("0.65", "///"), ("1.0", "..."), ("0.45", "xx"), ("0.95", "---"))

_SIZE = (5.2, 3.6)
# Labels longer than that, in characters of TeX, are replaced by words.
_LONGEST_LABEL = 120


def pyplot() -> Any:
    """matplotlib.pyplot, or an error that says how to install it."""
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        raise NoRuleError(
            "asked for a picture, which needs the package matplotlib: pip install 'symprice[plot]'"
        ) from None
    return plt


def axes(given: Any = None, size: tuple[float, float] = _SIZE) -> Any:
    """The Axes that were given, or new ones without the frame's upper and right side."""
    if given is not None:
        return given
    _, made = pyplot().subplots(figsize=size, layout="constrained")
    made.spines[["top", "right"]].set_visible(False)
    return made


def style(rank: int, marker: bool = False) -> dict[str, Any]:
    """How the line of a rank is drawn."""
    found: dict[str, Any] = {
        "color": SHADES[rank % len(SHADES)],
        "linestyle": LINES[rank % len(LINES)],
        "linewidth": 1.5,
    }
    if marker:
        found |= {"marker": MARKERS[rank % len(MARKERS)], "markersize": 4.5}
        found["markerfacecolor"] = "white" if rank % 2 else found["color"]
    return found


def mathtext(expr: Any, otherwise: str = "") -> str:
    """The LaTeX of an expression between dollars, as far as matplotlib can set it.

    Parameters
    ==========

    expr : an expression, or the LaTeX itself.
    otherwise : what is written where the LaTeX is too long, or uses what matplotlib does not know.

    Examples
    ========

    >>> from symprice import NTVar, Parameter, sigmoid
    >>> from symprice.plots.style import mathtext
    >>> print(mathtext(NTVar(sigmoid(Parameter('b')))))
    $\\operatorname{NTVar}(\\sigma(b))$
    """
    if isinstance(expr, str):
        tex = expr
    else:
        from ..emit.latex import to_latex
        from ..emit.notation import in_use

        plain = in_use().but(macros=False)  # which matplotlib does not know
        tex = to_latex(expr, where=False, width=1000.0, notation=plain)
    tex = tex.replace(r"\tfrac", r"\frac")
    return f"${tex}$" if len(tex) <= _LONGEST_LABEL and _known(tex) else otherwise


def _known(tex: str) -> bool:
    """Whether matplotlib sets it."""
    pyplot()
    from matplotlib.mathtext import MathTextParser

    try:
        MathTextParser("path").parse(f"${tex}$")
    except ValueError:
        return False
    return True
