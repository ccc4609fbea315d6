"""What array programs are written in: the array API standard, for NumPy, PyTorch, JAX and others.

Only what the standard defines is called, so nothing of SciPy: a function without a formula in
elementary functions has no code here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sympy import S, exp, log

from ..errors import NoRuleError
from ..networks.named_function import NamedFunction
from .array_graph import Node
from .array_language import NumpyLanguage, slot
from .others_code import OTHERS, others_code

__all__ = ["ArrayApiLanguage"]

_CALLS = {
    "Abs": "abs", "acos": "acos", "acosh": "acosh", "asin": "asin", "asinh": "asinh",
    "atan": "atan", "atanh": "atanh", "ceiling": "ceil", "cos": "cos", "cosh": "cosh", "exp": "exp",
    "floor": "floor", "log": "log", "sign": "sign", "sin": "sin", "sinh": "sinh", "tan": "tan",
    "tanh": "tanh",
}  # fmt: skip
# Right in the tails: (x - |x|)/2 and (x + |x|)/2 are min(x, 0) and max(x, 0), without rounding.
_FORMULAS = {
    "sigmoid": "(xp.exp(({x} - xp.abs({x}))/2)/(1 + xp.exp(-xp.abs({x}))))",
    "log_sigmoid": "(({x} - xp.abs({x}))/2 - xp.log1p(xp.exp(-xp.abs({x}))))",
    "softplus": "(({x} + xp.abs({x}))/2 + xp.log1p(xp.exp(-xp.abs({x}))))",
    "step": "xp.astype({x} > 0, {x}.dtype)",
    "relu": "xp.where({x} > 0, {x}, xp.zeros_like({x}))",
}


class ArrayApiLanguage(NumpyLanguage):
    """The operations of an array program in functions of a namespace ``xp``."""

    module = "xp"
    is_careful = False
    #: Whether arrays are made, which lie on the device of those that are given.
    _makes = False

    # --- views and copies -------------------------------------------------------------------------
    def _swapped(self, node: Node) -> Node:
        return self.graph.view("xp.matrix_transpose({a0})", node)

    def _permuted(self, node: Node, order: tuple[int, ...]) -> Node:
        return self.graph.view(f"xp.permute_dims({{a0}}, {order})", node)

    def diagonal(self, node: Node, letters: str, kept: str) -> Node | None:
        """None: the standard has no view of a diagonal."""
        return None

    def taken(self, node: Node, axis: int, ndim: int, places: Node, deep: int) -> Node:
        """The entries at places of an axis: the standard takes along lists of places only."""
        if deep == 1:
            return self.graph.text(f"xp.take({{a0}}, {{a1}}, axis={axis})", node, places)
        flat = self.graph.text("xp.reshape({a0}, (-1,))", places)
        taken = self.graph.text(f"xp.take({{a0}}, {{a1}}, axis={axis})", node, flat)
        before = [f"{{a1}}.shape[{i}]" for i in range(axis)]
        within = [f"{{a2}}.shape[{i}]" for i in range(deep)]
        after = [f"{{a1}}.shape[{i}]" for i in range(axis + 1, ndim)]
        shape = ", ".join([*before, *within, *after])
        return self.graph.text(f"xp.reshape({{a0}}, ({shape}))", taken, node, places)

    # --- sums and products ------------------------------------------------------------------------
    def contracted(
        self, left: tuple[Node, str], right: tuple[Node, str], result: str, summed: str
    ) -> Node:
        """A tensor product, its axes in the order that is asked for."""
        axes = [tuple(letters.index(s) for s in summed) for _, letters in (left, right)]
        node = self.graph.text(
            f"xp.tensordot({{a0}}, {{a1}}, axes=({axes[0]}, {axes[1]}))", left[0], right[0]
        )
        made = [letter for letter in left[1] + right[1] if letter not in summed]
        return self.transposed(node, [made.index(letter) for letter in result])

    def _made(self, call: str) -> Node:
        self._makes = True
        return self.graph.text(f"xp.{call}, device=device({self.like}))")

    # --- arrays of places -------------------------------------------------------------------------
    def indicator(self, condition: Node) -> Node:
        """1 where a condition holds, else 0."""
        return self.graph.text(f"xp.astype({{a0}}, {self.like}.dtype)", condition)

    def masked(self, condition: Node, node: Node) -> Node:
        """The array where a condition holds, else -∞."""
        return self.graph.text("xp.where({a0}, {a1}, xp.full_like({a1}, -xp.inf))", condition, node)

    # --- functions along an axis ------------------------------------------------------------------
    def softmax(self, node: Node, axis: int) -> Node:
        """exp(z - max z)/Σ exp(z - max z) along an axis."""
        power = self.graph.call(exp(slot(0)), self._from_maximum(node, axis)[1])
        total = self._reduced("sum", power, axis)
        return self.graph.mul([power, self.graph.power(total, S.NegativeOne)])

    def log_softmax(self, node: Node, axis: int) -> Node:
        """z - max z - log Σ exp(z - max z) along an axis."""
        _, shifted = self._from_maximum(node, axis)
        return self.graph.add([shifted, self._opposite(self._log_total(shifted, axis))])

    def log_sum_exp(self, node: Node, axis: int) -> Node:
        """max z + log Σ exp(z - max z) over an axis."""
        highest, shifted = self._from_maximum(node, axis)
        total = self.graph.add([highest, self._log_total(shifted, axis)])
        return self.picked_last(total, -1 - axis, "0")

    def at_likeliest(self, weights: Node, values: Node) -> Node | None:
        """The largest of the values where the weight is largest along the last axis."""
        highest = self._reduced("max", weights, -1)
        likely = self.graph.text(
            "xp.where({a0} == {a1}, {a2}, xp.full_like({a2}, -xp.inf))", weights, highest, values
        )
        return self._reduced("max", likely, -1)

    def of_others(self, name: str, nodes: Sequence[Node]) -> Node:
        """A function of ``others_code`` along the last axis of some arrays."""
        self._makes = True
        return super().of_others(name, nodes)

    def _from_maximum(self, node: Node, axis: int) -> tuple[Node, Node]:
        highest = self._reduced("max", node, axis)
        return highest, self.graph.add([node, self._opposite(highest)])

    def _log_total(self, shifted: Node, axis: int) -> Node:
        power = self.graph.call(exp(slot(0)), shifted)
        return self.graph.call(log(slot(0)), self._reduced("sum", power, axis))

    def _reduced(self, name: str, node: Node, axis: int) -> Node:
        return self.graph.text(f"xp.{name}({{a0}}, axis={axis}, keepdims=True)", node)

    def _opposite(self, node: Node) -> Node:
        return self.graph.mul([self.graph.number(S.NegativeOne), node])

    # --- functions of entries ---------------------------------------------------------------------
    def rewritten(self, expr: Any) -> Any:
        """A named function without code of its own, by its definition."""
        if isinstance(expr, NamedFunction) and type(expr).__name__ not in _FORMULAS:
            return expr.definition(*expr.args)
        return None

    def repeats(self, expr: Any) -> bool:
        """Whether the code of a function holds its argument more than once."""
        return type(expr).__name__ in (*_FORMULAS, "Max", "Min", "Heaviside")

    def function(self, expr: Any, texts: list[tuple[str, bool]]) -> str:
        """The text of a SymPy function of slots, given the texts of these."""
        name = type(expr).__name__
        if name in _CALLS and len(expr.args) == 1:
            return f"xp.{_CALLS[name]}({texts[0][0]})"
        if name in _FORMULAS and len(texts) == 1:
            return _FORMULAS[name].format(x=texts[0][0])
        if name in ("Max", "Min") and texts:
            return self._extremum("maximum" if name == "Max" else "minimum", expr, texts)
        if name == "Heaviside" and expr.args[1] == S.Zero:
            return _FORMULAS["step"].format(x=texts[0][0])
        raise NoRuleError(
            f"asked for code of {name} with backend='array_api': the array API has no such "
            "function. Write it with exp, log, tanh and the like, or use backend='numpy', where "
            "SciPy has it"
        )

    def _extremum(self, name: str, expr: Any, texts: list[tuple[str, bool]]) -> str:
        """The greatest or least of some arrays, and of numbers."""
        total = texts[0][0]
        for text, _ in texts[1:]:
            total = f"xp.{name}({total}, {text})"
        for number in expr.args:
            if number.is_number:
                like = texts[0][0]
                total = f"xp.{name}({total}, xp.full_like({like}, {float(number)!r}))"
        return total

    # --- what stands above the function -----------------------------------------------------------
    def imports(self) -> list[str]:
        """The line that imports what finds the namespace of an array."""
        return [f"from array_api_compat import array_namespace{', device' * self._makes}"]

    def helpers(self) -> list[str]:
        """The functions of a few lines that the code calls."""
        return others_code(self.others, "xp")

    def called(self) -> set[str]:
        """The names of functions that no symbol may have."""
        return {"array_namespace", "device", "xp", *(OTHERS if self.others else ())}

    def opening(self, arrays: Sequence[str]) -> list[str]:
        """The namespace of the arrays that are given."""
        return [f"xp = array_namespace({', '.join(arrays)})"]
