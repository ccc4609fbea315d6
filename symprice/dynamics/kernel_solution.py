"""What a step of Gauss–Newton does, by the kernel of the examples: the push-through identity."""

from __future__ import annotations

from typing import Any

import mpmath
from sympy import Add, Expr, Integer, Order, Tuple
from sympy.printing.precedence import PRECEDENCE

from ..derivation import Rule, rewrite
from ..indexed.entries import Index
from ..indexed.scopes import IndexBinder
from ..nodes import Node
from ..symbols import expression
from ..tangent.covariance import NTCov, NTVar, covariance
from ..tangent.gradient import Nabla
from ..tangent.properties import MATRIX
from .kernel_form import Fit, fit_of
from .taylor import with_remainder

__all__ = [
    "KernelSolution",
    "OneOutput",
    "PushThrough",
    "as_matrix",
    "jacobian",
    "other_index",
    "pushed_through",
]


class KernelSolution(IndexBinder, Node, Expr):
    """`Σᵢⱼ aᵢᵀ [(SK + μI)⁻¹]ᵢⱼ gⱼ`, the inverse of a system of blocks `SᵢKᵢⱼ + μδᵢⱼI`.

    Parameters
    ==========

    blocks : aᵢ, Sᵢ, Kᵢⱼ, gⱼ: columns and matrices of k rows, or scalars.
    shift : μ.
    i, j : the indices of the examples; none for a single one.

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice.dynamics.kernel_solution import KernelSolution
    >>> a, S, K, g, mu = symbols('a S K g mu')
    >>> KernelSolution((a, S, K, g), mu).doit()
    a*g/(K*S + mu)
    """

    is_commutative = True
    precedence = PRECEDENCE["Mul"]

    def __new__(cls, blocks: Any, shift: Any, *indices: Any) -> KernelSolution:
        return Expr.__new__(cls, Tuple(*blocks), expression(shift, "the shift"), *indices)

    @classmethod
    def laws(cls) -> tuple[Rule, ...]:
        """A quotient for one output; else its value is that of a linear system."""
        return (OneOutput(),)

    @property
    def shift(self) -> Any:
        """μ."""
        return self.args[1]

    def _eval_derivative(self, symbol: Any) -> Any:
        value = self.doit()
        return super()._eval_derivative(symbol) if value == self else value.diff(symbol)

    def _numeric(self, evaluate: Any, point: Any) -> Any:
        (left, curvature, kernel, right), shift, *indices = self.args
        count = int(evaluate(indices[0].size, point)) if indices else 1

        def at(block: Any, *places: int | None) -> Any:
            pairs = zip(indices, places, strict=False)
            numbers = {index: Integer(n) for index, n in pairs if n is not None}
            return as_matrix(evaluate(block.xreplace(numbers), point))

        rows, columns = [], []
        for n in range(count):
            rows += list(at(left, n))
            columns += list(at(right, None, n))
        size = len(rows) // count
        system = evaluate(shift, point) * mpmath.eye(len(rows))
        for n in range(count):
            curved = at(curvature, n)
            for m in range(count):
                block = curved * at(kernel, n, m)
                for a in range(size):
                    for b in range(size):
                        system[n * size + a, m * size + b] += block[a, b]
        found = mpmath.lu_solve(system, mpmath.matrix(columns))
        return mpmath.fsum(a * c for a, c in zip(rows, found, strict=True))

    def _tex(self, printer: Any) -> str:
        left, curvature, kernel, right = self.args[0]
        shown = [printer.parenthesize(block, PRECEDENCE["Mul"]) for block in (left, right)]
        indices, is_column = self.bound_indices, isinstance(left, MATRIX)
        names = ",".join(printer._print(index) for index in indices)
        parts = [p for p in (curvature, kernel) if p != 1 and not getattr(p, "is_Identity", False)]
        system = " ".join(printer.parenthesize(p, PRECEDENCE["Mul"]) for p in parts)
        if indices:
            system = rf"\left[{system}\right]_{{{names}}}" if self.shift != 0 else system
        if self.shift != 0:
            unit = "I" if indices or is_column else ""
            one = self.shift == 1 and unit
            shift = "" if one else printer.parenthesize(self.shift, PRECEDENCE["Mul"], strict=True)
            system = f"{system} + {shift} {unit}".replace("  ", " ").rstrip()
        inverse = rf"\left({system}\right)^{{-1}}"
        if indices:
            top = printer._print(indices[0].size)
            inverse = rf"\left[{inverse}\right]_{{{names}}}"
            shown[0] = rf"\sum_{{{names}=1}}^{{{top}}} {shown[0]}"
        transposed = r"^{\top}" if is_column else ""
        return f"{shown[0]}{transposed} {inverse} {shown[1]}"

    def _sympystr(self, printer: Any) -> str:
        return f"KernelSolution({', '.join(map(printer._print, self.args))})"


class OneOutput(Rule):
    """a (SK + μ)⁻¹ g of one example with one output is a quotient."""

    def apply(self, node: Any) -> Any:
        """The quotient."""
        if not isinstance(node, KernelSolution) or node.bound_indices:
            return None
        a, curvature, kernel, g = node.args[0]
        if any(isinstance(block, MATRIX) for block in node.args[0]):
            return None
        return a * g / (curvature * kernel + node.shift)


class PushThrough(Rule):
    """∇Pᵀ(w JᵀSJ + λI)⁻¹∇L = ∇PᵀJᵀ (S JJᵀ + (λ/w) I)⁻¹ ℓ', with the kernel JJᵀ = NTCov(f, f)."""

    @property
    def name(self) -> str:
        """'push-through identity'."""
        return "push-through identity"

    def apply(self, node: Any) -> Any:
        """The solution of a system with the kernel, for a covariance with the loss."""
        metric: Any = getattr(node, "metric", None)
        if not isinstance(node, (NTCov, NTVar)) or not hasattr(metric, "fit"):
            return None
        first, last = node.properties[0], node.properties[-1]
        signs = {metric.loss: 1, -metric.loss: -1}
        if last not in signs:
            first, last = last, first
        if last not in signs or fit_of(metric.loss) is None:
            return None
        fit: Fit = metric.fit
        indices: tuple[Any, ...] = ()
        other, slope = fit.output, fit.slope
        if fit.index is not None:
            second = other_index(fit.index, metric.loss)
            indices = (fit.index, second)
            other, slope = (v.xreplace({fit.index: second}) for v in (other, slope))
        blocks = (
            covariance(fit.output, first),
            fit.curvature,
            covariance(fit.output, other),
            slope,
        )
        return signs[last] * KernelSolution(blocks, metric.damping / fit.weight, *indices)


def pushed_through(expr: Any) -> Any:
    """A law in the metric of Gauss–Newton by the kernel of the examples; other laws as they are."""
    terms = Add.make_args(expr)
    rest = [term for term in terms if isinstance(term, Order)]
    if not rest:
        return rewrite(expr, PushThrough())
    found = [rewrite(term, PushThrough()) for term in terms if term not in rest]
    return with_remainder(Add(*found), rest[0])


def other_index(index: Index, loss: Any) -> Index:
    """A second index of the same examples."""
    used = {index.name, *(symbol.name for symbol in loss.free_symbols)}
    name = next(n for n in ("j", "k", "l", "m", f"{index.name}_other") if n not in used)
    return Index(name, index.size)


def jacobian(output: Any, evaluate: Any, point: Any) -> Any:
    """The gradients of outputs at a point, a row each."""
    entries = [output]
    if isinstance(output, MATRIX):
        entries = [output[row, 0] for row in range(int(evaluate(output.shape[0], point)))]
    return mpmath.matrix([evaluate(Nabla(entry), point) for entry in entries])


def as_matrix(value: Any) -> Any:
    """A number as a matrix of one entry."""
    return value if isinstance(value, mpmath.matrix) else mpmath.matrix([[value]])
