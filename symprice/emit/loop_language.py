"""What loops over the entries of one row are written in: Python that Numba compiles.

Rows are for themselves, so the axis of the batch is nowhere in the text: an array is a number, or
the entries of one row, and what is summed over a row is a number again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sympy import S, exp, log

from ..errors import NoRuleError
from ..networks.named_function import NamedFunction
from .array_arguments import Argument
from .array_graph import Graph, Node
from .array_language import NumpyLanguage, slot
from .loop_functions import LOOP_FUNCTIONS

__all__ = ["REDUCTIONS", "LoopLanguage"]

#: What makes one number of a row.
REDUCTIONS = ("total({a0})", "highest({a0})")
_CALLS = {
    "Abs": "abs", "acos": "np.arccos", "acosh": "np.arccosh", "asin": "np.arcsin",
    "asinh": "np.arcsinh", "atan": "np.arctan", "atanh": "np.arctanh", "ceiling": "np.ceil",
    "cos": "np.cos", "cosh": "np.cosh", "exp": "exp", "floor": "np.floor", "log": "np.log",
    "sign": "np.sign", "sin": "np.sin", "sinh": "np.sinh", "tan": "np.tan", "tanh": "np.tanh",
}  # fmt: skip
# Right in the tails, and without branches.
_FORMULAS = {
    "sigmoid": "exp(min({x}, real(0)))/(real(1) + exp(-abs({x})))",
    "log_sigmoid": "(min({x}, real(0)) - np.log1p(exp(-abs({x}))))",
    "softplus": "(max({x}, real(0)) + np.log1p(exp(-abs({x}))))",
    "relu": "max({x}, real(0))",
}


class LoopLanguage(NumpyLanguage):
    """The operations of an array program, for the entries of one row."""

    is_careful = False
    has_others = False

    def __init__(self, graph: Graph) -> None:
        super().__init__(graph)
        #: The arguments that have an entry at every place of a row, and how wide a row is.
        self.rows: set[Node] = set()
        self.width: Any = None
        # The logits of probabilities.
        self._logits: dict[Node, Node] = {}
        #: What the loops call of ``LOOP_FUNCTIONS``.
        self.functions: set[str] = set()

    def declare(self, argument: Argument, node: Node) -> None:
        """An argument: a number, or a row of the one width that all rows have.

        Raises
        ======

        NoRuleError : for a matrix, or a second width.
        """
        widths = [size for size in argument.axes if not isinstance(size, str)]
        if not widths:
            return
        if len(widths) > 1 or argument.is_trained or self.width not in (None, widths[0]):
            raise NoRuleError(
                f"asked for code with backend='numba' of a formula in {argument.symbol}, an array "
                f"{argument.shown}: its loops are for rows of one width. Use backend='numpy', "
                "where products of matrices are fast"
            )
        self.width = widths[0]
        self.rows.add(node)

    # --- alignment: there is one axis, or none ----------------------------------------------------
    def expanded(self, node: Node, present: Sequence[bool]) -> Node:
        """The same: a number stands beside every entry."""
        return node

    def with_units(self, node: Node, present: Sequence[bool]) -> Node:
        """The same."""
        return node

    def transposed(self, node: Node, order: Sequence[int]) -> Node:
        """The same."""
        return node

    def spread(self, node: Node, lengths: Sequence[str]) -> Node:
        """The same: a number stands at every place."""
        return node

    # --- what a loop over one row has no axes for ----------------------------------------------
    def _none(self, *args: Any, **kwargs: Any) -> Any:
        raise self._refused("places, parts or products of matrices")

    without_unit = picked = picked_last = at_place = reshaped = _none
    diagonal = taken = places = identity = _made = _none
    compared = both = indicator = masked = stacked = _none

    # --- sums -------------------------------------------------------------------------------------
    def summed(self, node: Node, axes: Sequence[int], ndim: int) -> Node:
        """The sum over a row."""
        return self._reduced("total", node)

    def product(self, left: Node, right: Node) -> Node:
        """The scalar product of two rows, the only product there is."""
        return self.summed(self.graph.mul([left, right]), (0,), 1)

    def contracted(
        self, left: tuple[Node, str], right: tuple[Node, str], result: str, summed: str
    ) -> Node:
        """The scalar product of two rows."""
        return self.product(left[0], right[0])

    def _reduced(self, name: str, node: Node) -> Node:
        self.functions.add(name)
        return self.graph.text(f"{name}({{a0}})", node)

    # --- functions along a row --------------------------------------------------------------------
    def softmax(self, node: Node, axis: int) -> Node:
        """exp(z - max z)/Σ exp(z - max z)."""
        power = self.graph.call(exp(slot(0)), self._from_highest(node)[1])
        total = self._reduced("total", power)
        shares = self.graph.mul([power, self.graph.power(total, S.NegativeOne)])
        self._logits[shares] = node
        return shares

    def log_softmax(self, node: Node, axis: int) -> Node:
        """z - max z - log Σ exp(z - max z)."""
        _, shifted = self._from_highest(node)
        return self.graph.add([shifted, self._opposite(self._log_total(shifted))])

    def log_sum_exp(self, node: Node, axis: int) -> Node:
        """max z + log Σ exp(z - max z)."""
        highest, shifted = self._from_highest(node)
        return self.graph.add([highest, self._log_total(shifted)])

    def at_likeliest(self, weights: Node, values: Node) -> Node | None:
        """The largest of the values where the weight is largest."""
        logits = self._logits.get(weights, weights)
        highest = self._reduced("highest", logits)
        self.functions.add("where_equal")
        call = "where_equal({a0}, {a1}, {a2}, -real(np.inf))"
        likely = self.graph.text(call, logits, highest, values)
        return self._reduced("highest", likely)

    def _from_highest(self, node: Node) -> tuple[Node, Node]:
        highest = self._reduced("highest", node)
        return highest, self.graph.add([node, self._opposite(highest)])

    def _log_total(self, shifted: Node) -> Node:
        power = self.graph.call(exp(slot(0)), shifted)
        return self.graph.call(log(slot(0)), self._reduced("total", power))

    def _opposite(self, node: Node) -> Node:
        return self.graph.mul([self.graph.number(S.NegativeOne), node])

    def of_others(self, name: str, nodes: Sequence[Node]) -> Node:
        """Refused."""
        raise self._refused("what a softmax says of the other actions")

    # --- functions of entries ---------------------------------------------------------------------
    def rewritten(self, expr: Any) -> Any:
        """A named function without code of its own, by its definition."""
        if isinstance(expr, NamedFunction) and type(expr).__name__ not in _FORMULAS:
            return expr.definition(*expr.args)
        return None

    def repeats(self, expr: Any) -> bool:
        """Whether the code of a function holds its argument more than once."""
        return type(expr).__name__ in _FORMULAS

    def function(self, expr: Any, texts: list[tuple[str, bool]]) -> str:
        """The text of a SymPy function of slots, given the texts of these."""
        name = type(expr).__name__
        if name in _CALLS and len(expr.args) == 1:
            return self._calling(f"{_CALLS[name]}({texts[0][0]})")
        if name in _FORMULAS and len(texts) == 1:
            return self._calling(_FORMULAS[name].format(x=texts[0][0]))
        if name in ("Max", "Min") and len(texts) == len(expr.args):
            return f"{name.lower()}({', '.join(text for text, _ in texts)})"
        raise self._refused(name)

    # --- what stands above the function -----------------------------------------------------------
    def imports(self) -> list[str]:
        """The lines that import what compiles the loops."""
        return ["import numpy as np", "from numba import njit, prange"]

    def helpers(self) -> list[str]:
        """The functions of a few lines that the loops call."""
        return [text for name, text in LOOP_FUNCTIONS.items() if name in self.functions]

    def called(self) -> set[str]:
        """The names of functions that no symbol may have."""
        return {"exp", "njit", "prange", "real", *LOOP_FUNCTIONS}

    def _calling(self, text: str) -> str:
        if "exp(" in text:
            self.functions |= {"exp32", "exp64"}
        return text

    def _refused(self, what: str) -> NoRuleError:
        return NoRuleError(
            f"asked for code of {what} with backend='numba': its loops are written for sums, "
            "products, softmax and elementary functions of the entries of a row. Use "
            "backend='numpy', which has the others"
        )
