"""What a softmax says of the actions other than the k-th, for every k: columns of any size.

Where one action is nearly certain, `1 - π_k` and what is made of it by subtraction have no digits
left; these columns are defined, and computed, by sums over the other actions alone.
"""

from __future__ import annotations

from typing import Any, ClassVar

from ..arrays import ArrayNode, column
from ..errors import ShapeError

__all__ = ["GapToOthers", "LogOdds", "MeanOfOthers", "VarianceOfOthers"]


class LogOdds(ArrayNode):
    """`log π_k/(1 - π_k) = z_k - log Σ_{j≠k} exp z_j` of a softmax with the logits z, a column.

    Then π = σ(u), 1 - π = σ(-u) and 2 π - 1 = tanh(u/2).

    Examples
    ========

    >>> from sympy import MatrixSymbol, Symbol
    >>> from symprice import closed_form
    >>> from symprice.policy.other_columns import LogOdds
    >>> z = MatrixSymbol('z', Symbol('K', integer=True, positive=True), 1)
    >>> closed_form(LogOdds(z)).lambdify()({}, [1000.0, 0.0, -1000.0])
    array([ 1000., -1000., -2000.])
    """

    letter = "u"

    def __new__(cls, logits: Any) -> LogOdds:
        return super().__new__(cls, column(logits))

    @property
    def shape(self) -> tuple[Any, Any]:
        """That of the logits."""
        return self.args[0].shape

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return rf"\operatorname{{logodds}}\left({printer._print(self.args[0])}\right)"


class _OfOthers(ArrayNode):
    """A moment of a column x over the actions a ≠ k of a softmax, for every k."""

    moment: ClassVar[str]

    def __new__(cls, logits: Any, values: Any) -> Any:
        logits, values = column(logits), column(values)
        if logits.shape != values.shape:
            raise ShapeError(
                f"asked for a moment of {values} with logits {logits}: write two columns of one "
                f"size, but their shapes are {values.shape} and {logits.shape}"
            )
        return super().__new__(cls, logits, values)

    @property
    def shape(self) -> tuple[Any, Any]:
        """That of the logits."""
        return self.args[0].shape

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return rf"{self.moment}\left[{printer._print(self.args[1])}\right]"


class MeanOfOthers(_OfOthers):
    """`E[x | a ≠ k] = Σ_{j≠k} π_j x_j / Σ_{j≠k} π_j` for every action k.

    Parameters
    ==========

    logits : the column z of K logits, π = softmax(z).
    values : the column x, an entry for each action.

    Examples
    ========

    >>> from sympy import MatrixSymbol, Symbol
    >>> from symprice import closed_form
    >>> from symprice.policy.other_columns import MeanOfOthers
    >>> K = Symbol('K', integer=True, positive=True)
    >>> z, x = MatrixSymbol('z', K, 1), MatrixSymbol('x', K, 1)
    >>> closed_form(MeanOfOthers(z, x)).lambdify()({}, x=[3.0, 1.0, 2.0], z=[1000.0, 0.0, 0.0])
    array([1.5, 3. , 3. ])
    """

    moment = r"\operatorname{E}_{\neq}"


class GapToOthers(_OfOthers):
    """`x_k - E[x | a ≠ k] = Σ_{j≠k} π_j (x_k - x_j) / Σ_{j≠k} π_j` for every action k.

    Parameters
    ==========

    logits, values : as of ``MeanOfOthers``.

    Examples
    ========

    >>> from sympy import MatrixSymbol, Symbol
    >>> from symprice import closed_form
    >>> from symprice.policy.other_columns import GapToOthers
    >>> K = Symbol('K', integer=True, positive=True)
    >>> z, x = MatrixSymbol('z', K, 1), MatrixSymbol('x', K, 1)
    >>> closed_form(GapToOthers(z, x)).lambdify()({}, x=[3.0, 1.0, 2.0], z=[1000.0, 0.0, 0.0])
    array([ 1.5, -2. , -1. ])
    """

    moment = MeanOfOthers.moment

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        # In brackets everywhere: transposes, powers and scalar products ask for no precedence.
        difference = f"{printer._print(self.args[1])} - {super()._latex(printer)}"
        return rf"\left({difference}\right)"


class VarianceOfOthers(_OfOthers):
    """`Var[x | a ≠ k]` for every action k.

    Parameters
    ==========

    logits, values : as of ``MeanOfOthers``.

    Examples
    ========

    >>> from sympy import MatrixSymbol, Symbol
    >>> from symprice import closed_form
    >>> from symprice.policy.other_columns import VarianceOfOthers
    >>> K = Symbol('K', integer=True, positive=True)
    >>> z, x = MatrixSymbol('z', K, 1), MatrixSymbol('x', K, 1)
    >>> closed_form(VarianceOfOthers(z, x)).lambdify()({}, x=[3.0, 1.0, 2.0], z=[1000.0, 0.0, 0.0])
    array([0.25, 0.  , 0.  ])
    """

    moment = r"\operatorname{Var}_{\neq}"
