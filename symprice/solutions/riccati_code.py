"""The code of the flow of two balanced layers: one function of numbers, run or written out."""

from __future__ import annotations

import inspect
from typing import Any

from sympy import MatrixSymbol, Symbol
from sympy.matrices.matrixbase import MatrixBase

from ..errors import NoRuleError
from ..outputs import Result

__all__ = ["CodeOfTheFlow"]

_SIGNATURE = "Sigma, W1, W2, tau=1.0, excess=0.0"
_NAMES = ("Sigma", "W1", "W2", "tau", "excess")


class CodeOfTheFlow(Result):
    """NumPy code of a flow with the arguments Σ, W₁, W₂, τ, t, λ."""

    __slots__ = ()

    args: Any

    def lambdify(self, args: Any = None, **settings: Any) -> Any:
        """A NumPy function of time, and of those of Σ, W₁, W₂, τ, λ that are symbols, in order.

        It returns W₂W₁, W₁ᵀW₁ and W₂W₂ᵀ; for a list of times, each of them stacked.

        Examples
        ========

        >>> from sympy import MatrixSymbol, symbols
        >>> from symprice.solutions.riccati import two_layer_flow
        >>> S, A, B = MatrixSymbol('S', 2, 2), MatrixSymbol('A', 1, 2), MatrixSymbol('B', 2, 1)
        >>> flow = two_layer_flow(S, A, B).lambdify()
        >>> product, _, _ = flow(20.0, [[2, 0], [0, 1]], [[0.6, 0.8]], [[1], [0]])
        >>> product.round(3)
        array([[2., 0.],
               [0., 0.]])
        """
        self._require_default(args, settings)
        from .riccati_numeric import two_layers_at

        given = self._numbers()
        return _OfSymbols(two_layers_at, given) if given else two_layers_at

    def source(self, args: Any = None, **settings: Any) -> str:
        """NumPy source of what ``lambdify`` gives."""
        self._require_default(args, settings)
        from . import riccati_numeric

        _, _, body = inspect.getsource(riccati_numeric.two_layers_at).partition('    """')
        lines = ["import numpy as np", "", "", f"def two_layers_at(t, {_SIGNATURE}):"]
        lines.append('    """' + body.rstrip())
        given = self._numbers()
        if given:
            names = [name for name in _NAMES if name not in given]
            passed = ", ".join(
                f"{name}={given[name]!r}" if name in given else f"{name}={name}" for name in _NAMES
            )
            head = ", ".join(["t", *names])
            lines += [
                "",
                "",
                f"def two_layer_flow({head}):",
                f"    return two_layers_at(t, {passed})",
            ]
        return "\n".join(lines) + "\n"

    def _require_default(self, args: Any, settings: Any) -> None:
        if args is not None or settings:
            raise NoRuleError(
                "asked for code of the flow of two layers with settings of its own: it is a "
                "function of t and of the symbols among Sigma, W1, W2, tau, excess; write no "
                "arguments"
            )

    def _numbers(self) -> dict[str, Any]:
        """What is known of Σ, W₁, W₂, τ, λ, as plain numbers."""
        Sigma, W1, W2, tau, _, excess = self.args
        found: dict[str, Any] = {}
        for name, value in zip(_NAMES, (Sigma, W1, W2, tau, excess), strict=True):
            if isinstance(value, (MatrixSymbol, Symbol)):
                continue
            if value.free_symbols or (value.is_Matrix and not isinstance(value, MatrixBase)):
                raise NoRuleError(
                    f"asked for code of the flow of two layers with {name} = {value}: write "
                    "numbers, or one symbol for it"
                )
            if isinstance(value, MatrixBase):
                found[name] = [[float(entry) for entry in row] for row in value.tolist()]
            else:
                found[name] = float(value)
        # Then it is the function as it stands, whose last arguments are these where not given.
        return {} if found == {"tau": 1.0, "excess": 0.0} else found


class _OfSymbols:
    """A function of time and of what is not given."""

    def __init__(self, function: Any, given: dict[str, Any]) -> None:
        self.function, self.given = function, given
        self.names = [name for name in _NAMES if name not in given]

    def __call__(self, t: Any, *values: Any) -> Any:
        """The three products at a time, or at a list of times."""
        if len(values) != len(self.names):
            wanted = ", ".join(["t", *self.names])
            raise TypeError(f"this flow is a function of {wanted}, but received {values}")
        return self.function(t, **self.given, **dict(zip(self.names, values, strict=True)))
