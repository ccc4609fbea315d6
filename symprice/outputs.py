"""What every result can do: print, become code, be checked.

The one place where an import points up: each method loads the room that it needs when it is called.
"""

from __future__ import annotations

from typing import Any

from .errors import NoRuleError, SympriceError

__all__ = [
    "DescribedFields",
    "DescribedLogits",
    "DescribedMotion",
    "DescribedPolicy",
    "DescribedPopulation",
    "DescribedProcess",
    "Drawn",
    "Outputs",
    "Result",
    "Shown",
]


# In characters of TeX.
LONGEST_DISPLAY = 6000


class Shown:
    """What can be shown as a picture."""

    __slots__ = ()

    def plot(self, *args: Any, **settings: Any) -> Any:
        """A picture of it, as matplotlib's Axes; see ``plot``."""
        from .plots.drawing import plot

        return plot(self, *args, **settings)


class DescribedFields:
    """A named tuple of formulas that notebooks show as a table."""

    __slots__ = ()

    def _repr_html_(self) -> str | None:
        from .emit.notebook_cards import fields_html

        return fields_html(self)


class DescribedPolicy:
    """A policy that notebooks show as a small table."""

    __slots__ = ()

    def _repr_html_(self) -> str | None:
        from .emit.notebook_cards import policy_html

        return policy_html(self)


class DescribedProcess:
    """A decision process that notebooks show by the first of its transitions."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        from .emit.notebook_cards import process_html

        return process_html(self)


class DescribedLogits:
    """A softmax policy of a decision process that notebooks show by its logits."""

    __slots__ = ()

    def _repr_html_(self) -> str | None:
        from .emit.notebook_cards import softmax_html

        return softmax_html(self)


class DescribedPopulation:
    """A population that notebooks show as a table of its types."""

    __slots__ = ()

    def _repr_html_(self) -> str | None:
        from .emit.notebook_cards import population_html

        return population_html(self)


class DescribedMotion:
    """A way of moving θ that notebooks show by what it does."""

    __slots__ = ()

    def _repr_latex_(self) -> str | None:
        from .emit.notebook_cards import motion_latex

        return motion_latex(self)


class Drawn:
    """What can be drawn as a diagram."""

    __slots__ = ()

    def draw(self, *, backward: bool = False, neurons: bool | None = None, **settings: Any) -> Any:
        """A diagram labelled with the symbols of the formulas: SVG in notebooks, ``.tikz()`` for
        papers; ``backward`` highlights the backward pass. See ``symprice.emit.diagrams.draw``.
        """
        from .emit.diagrams import draw

        return draw(self, backward=backward, neurons=neurons, **settings)

    def _repr_html_(self) -> str | None:
        try:
            return str(self.draw().svg())
        except SympriceError:  # what cannot be called on an input is shown as text
            return None


class Outputs(Shown):
    """The outputs of a formula: LaTeX, NumPy source, a NumPy function, a check, a picture."""

    __slots__ = ()

    def latex(self, **settings: Any) -> str:
        """LaTeX of the formula, ready for a paper; ``environment='align'`` wraps it."""
        from .emit.latex import to_latex

        return to_latex(self, **settings)

    def mathml(self, **settings: Any) -> str:
        """MathML of the formula, for web pages and word processors; settings as for ``latex``."""
        from .emit.exports import to_mathml

        return to_mathml(self, **settings)

    def markdown(self, **settings: Any) -> str:
        """Markdown of the formula or derivation, as GitHub and Jupyter show it, or for Word by way
        of Pandoc: ``reader='pandoc'``.
        """
        from .emit.exports import to_markdown

        return to_markdown(self, **settings)

    def text(self) -> str:
        """The formula in Unicode, for a terminal: a line for every step, its rule at the right."""
        from .emit.terminal import as_text

        return as_text(self)

    def _repr_html_(self) -> str | None:
        """Definitions folded, steps with what they change in colour; else LaTeX is shown."""
        from .emit.notebook_html import formula_html

        return formula_html(self)

    def _repr_latex_(self) -> str | None:
        # Notebooks slow down over very long formulas: beyond a page the main formula stands
        # without its definitions, or the plain text is shown instead.
        from .emit.latex import on_screen
        from .emit.notation import in_use

        with in_use().but(macros=False).use():  # which MathJax does not know
            for settings in ({}, {"where": False}):
                tex = on_screen(self.latex(**settings))
                if len(tex) <= LONGEST_DISPLAY:
                    return f"$$\n{tex}\n$$"
        return None

    def source(self, args: Any = None, **settings: Any) -> str:
        """Readable NumPy source of a function ``name(args)`` that computes the formula."""
        from .emit.numpy import source

        return source(args, self, **settings)

    def lambdify(self, args: Any = None, **settings: Any) -> Any:
        """A NumPy function of ``args`` (default: free symbols, parameters first), vectorised."""
        from .emit.numpy import lambdify

        return lambdify(args, self, **settings)

    def by_parameter(self) -> dict[Any, Any]:
        """Of a covariance at matrix level, what each trainable array contributes to it."""
        from .tangent.matrix_closing import contributions

        return contributions(self)

    def check(self, **settings: Any) -> Any:
        """A Report of the formula against an evaluation that shares no code with its derivation."""
        from .checks import check

        return check(self, **settings)

    def _inlined_code(self, printer: Any) -> str:
        """What SymPy's own code printers write: the closed form, inlined, in parentheses."""
        value = self.doit()  # type: ignore[attr-defined]
        if isinstance(value, Outputs):
            raise NoRuleError(
                f"asked for code of {value}, which has no closed form: substitute properties of "
                "Parameters for its Observables first"
            )
        return f"({printer._print(value)})"

    _numpycode = _pythoncode = _mpmathcode = _jaxcode = _cupycode = _torchcode = _inlined_code

    def _accumulated_derivative(self, symbol: Any) -> Any:
        """The derivative of a closed form by a symbol, by reverse accumulation over its
        definitions.
        """
        from .tangent.closing import derivative

        return derivative(self, symbol)


class Result(Outputs):
    """What is no expression itself but says one: by an equation, a formula or a derivation."""

    __slots__ = ()

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        """As it is displayed, for SymPy's own printers, which notebooks use for lists."""
        return self.latex()
