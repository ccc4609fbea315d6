"""Random architectures, as lists of instructions that two interpreters read.

One makes the expression of symprice, the other computes with NumPy. They share nothing but the
list, so the second is an oracle for everything that is derived from the first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st
from sympy import HadamardProduct, MatMul, Symbol, Transpose, sin, tanh

from symprice import (
    Elementwise,
    NameMatrix,
    ParameterMatrix,
    ScalarProduct,
    inputs,
    sigmoid,
    softmax,
    softplus,
)
from symprice.closedform import Definitions, hoist

# Distinct sizes, so that a transposed matrix does not fit by accident.
SIZES = {
    Symbol(name, integer=True, positive=True): n
    for name, n in zip("dmnk", (3, 4, 2, 5), strict=True)
}
WIDTHS = list(SIZES)
ACTIVATIONS: dict[str, tuple[Any, Callable[[Any], Any]]] = {
    "tanh": (tanh, np.tanh),
    "sigmoid": (sigmoid, lambda h: 1 / (1 + np.exp(-h))),
    "sin": (sin, np.sin),
    "softplus": (softplus, lambda h: np.log(1 + np.exp(h))),
    "square": (lambda h: h**2 / 2, lambda h: h**2 / 2),
}


class Instruction(NamedTuple):
    """One value from earlier ones: what is done, to which, with which parameter or function."""

    kind: str
    sources: tuple[int, ...]
    detail: Any = None


class Architecture(NamedTuple):
    """A network: instructions, the width of every value (the input is value 0), named or not."""

    instructions: tuple[Instruction, ...]
    widths: tuple[Any, ...]
    named: bool

    @property
    def shapes(self) -> dict[str, tuple[Any, Any]]:
        """The shape of every parameter."""
        found: dict[str, tuple[Any, Any]] = {}
        for place, step in enumerate(self.instructions, start=1):
            if step.kind in ("dense", "transposed"):
                rows, columns = self.widths[place], self.widths[step.sources[0]]
                name, bias = step.detail
                found.setdefault(name, (rows, columns) if step.kind == "dense" else (columns, rows))
                if bias:
                    found.setdefault(bias, (rows, 1))
        return found

    # --- as an expression -------------------------------------------------------------------------
    def expression(self, letter: str) -> Any:
        """The network at the input called ``letter``."""
        definitions = Definitions()
        values: list[Any] = [inputs(letter, self.widths[0])]
        for place, step in enumerate(self.instructions, start=1):
            value = self._symbolic(step, [values[s] for s in step.sources])
            if self.named:
                name = NameMatrix(f"v{place}", self.widths[place], 1)
                value = definitions.define(name, hoist(value, definitions))
            values.append(value)
        return definitions.closing(values[-1])

    def _symbolic(self, step: Instruction, given: list[Any]) -> Any:
        if step.kind in ("dense", "transposed"):
            name, bias = step.detail
            W = ParameterMatrix(name, *self.shapes[name])
            product = MatMul(W if step.kind == "dense" else Transpose(W), given[0]).doit(deep=False)
            return product + ParameterMatrix(bias, *self.shapes[bias]) if bias else product
        if step.kind == "activation":
            return Elementwise(ACTIVATIONS[step.detail][0], given[0])
        if step.kind == "add":
            return given[0] + given[1]
        if step.kind == "multiply":
            return HadamardProduct(*given)
        if step.kind == "softmax":
            return softmax(given[0])
        return MatMul(ScalarProduct(*given), given[0])  # "scale"

    # --- as numbers -------------------------------------------------------------------------------
    def compute(self, params: dict[str, Any], x: Any) -> Any:
        """The output for an input, by NumPy."""
        values = [x]
        for step in self.instructions:
            given = [values[s] for s in step.sources]
            if step.kind in ("dense", "transposed"):
                name, bias = step.detail
                W = params[name] if step.kind == "dense" else params[name].T
                values.append(W @ given[0] + (params[bias] if bias else 0))
            elif step.kind == "activation":
                values.append(ACTIVATIONS[step.detail][1](given[0]))
            elif step.kind == "add":
                values.append(given[0] + given[1])
            elif step.kind == "multiply":
                values.append(given[0] * given[1])
            elif step.kind == "softmax":
                weights = np.exp(given[0])
                values.append(weights / weights.sum())
            else:
                values.append((given[0] @ given[1]) * given[0])
        return values[-1]

    def arrays(self, seed: int) -> tuple[dict[str, Any], Any, Any]:
        """Parameters and two inputs, moderate so that no function saturates."""
        generator = np.random.default_rng(seed)

        def draw(*shape: Any) -> Any:
            return generator.uniform(-0.8, 0.8, [SIZES[s] for s in shape if s != 1])

        params = {name: draw(*shape) for name, shape in self.shapes.items()}
        return params, draw(self.widths[0]), draw(self.widths[0])

    def jacobian(self, params: dict[str, Any], x: Any) -> dict[str, Any]:
        """The derivative of the outputs by every parameter, by complex steps: exact to rounding."""
        result = {}
        for name, value in params.items():
            columns = []
            for index in np.ndindex(value.shape):
                moved = {k: v.astype(complex) for k, v in params.items()}
                moved[name][index] += 1e-30j
                columns.append(self.compute(moved, x.astype(complex)).imag / 1e-30)
            result[name] = np.array(columns).T
        return result


@st.composite
def architectures(draw: Any) -> Architecture:
    """Depth 1 to 6, with skips, products, gates, shared and transposed weights, mixed functions."""
    widths = [draw(st.sampled_from(WIDTHS))]
    steps: list[Instruction] = []
    weights: list[tuple[str, Any, Any]] = []

    def add(step: Instruction, width: Any) -> int:
        steps.append(step)
        widths.append(width)
        return len(widths) - 1

    def dense(source: int) -> int:
        fitting = [w for w in weights if widths[source] in (w[1], w[2])]
        if fitting and draw(st.booleans()):
            name, rows, columns = draw(st.sampled_from(fitting))
            kind = "dense" if columns == widths[source] else "transposed"
            rows = rows if kind == "dense" else columns
        else:
            kind, rows = "dense", draw(st.sampled_from(WIDTHS))
            name = f"W{len(weights) + 1}"
            weights.append((name, rows, widths[source]))
        bias = f"b{len(steps) + 1}" if draw(st.booleans()) else None
        return add(Instruction(kind, (source,), (name, bias)), rows)

    last = 0
    for _ in range(draw(st.integers(1, 6))):
        last = dense(last)
        if draw(st.booleans()):
            kind = draw(st.sampled_from(["activation", "activation", "activation", "softmax"]))
            name = draw(st.sampled_from(sorted(ACTIVATIONS))) if kind == "activation" else None
            last = add(Instruction(kind, (last,), name), widths[last])
        partners = [i for i, w in enumerate(widths) if w == widths[last]]
        kind = draw(st.sampled_from(["none", "none", "add", "multiply", "scale"]))
        if kind != "none":
            other = draw(st.sampled_from(partners))
            last = add(Instruction(kind, (last, other)), widths[last])
    return Architecture(tuple(steps), tuple(widths), draw(st.booleans()))
