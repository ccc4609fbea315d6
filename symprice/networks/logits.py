"""Softmax of scalar logits: probabilities, their logarithms and the normaliser stay atoms.

Each entry knows all logits, so that its derivative is closed: `∂π_i/∂z_j = π_i (δ_ij - π_j)`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
from sympy import (
    Expr,
    ImmutableDenseMatrix,
    Integer,
    MatAdd,
    MatMul,
    MatrixExpr,
    OneMatrix,
    S,
    Tuple,
    exp,
    log,
)
from sympy.core.function import ArgumentIndexError
from sympy.core.sympify import _sympify
from sympy.matrices.matrixbase import MatrixBase

from ..arrays import LogSumExp, SoftmaxVector
from ..closedform import Definitions, hoist
from ..errors import ShapeError
from ..symbols import NameMatrix
from .activations import log_sigmoid, sigmoid
from .named_function import NamedFunction, write

__all__ = [
    "softmax",
    "SoftmaxEntry",
    "log_softmax",
    "LogSoftmaxEntry",
    "logsumexp",
]


def softmax(*logits: Any) -> ImmutableDenseMatrix | MatrixExpr:
    """Probabilities of logits: `π_i = exp(z_i) / Σ_j exp(z_j)`, a column.

    Shapes: K scalars, a list of K scalars or an explicit K×1 matrix give an explicit K×1 matrix of
    ``SoftmaxEntry``; any other column matrix expression gives the array node ``SoftmaxVector``.
    A row, or no logit at all, is a ShapeError.

    Examples
    ========

    >>> from symprice import softmax
    >>> from sympy import symbols
    >>> z = symbols('z1:4')
    >>> softmax(*z)[0].diff(z[1])
    -SoftmaxEntry(1, z1, z2, z3)*SoftmaxEntry(2, z1, z2, z3)
    >>> softmax(0, 0).T
    Matrix([[1/2, 1/2]])
    """
    scalars = _scalars("softmax", logits)
    if isinstance(scalars, MatrixExpr):
        return SoftmaxVector(scalars)
    return _column(SoftmaxEntry, scalars)


def log_softmax(*logits: Any) -> ImmutableDenseMatrix | MatrixExpr:
    """Log-probabilities of logits: `log π_i = z_i - log Σ_j exp(z_j)`, a column.

    Shapes: as for ``softmax``; of a column of any size it is `z - log(Σ_j exp(z_j)) 1`.

    Examples
    ========

    >>> from symprice import log_softmax
    >>> from sympy import symbols
    >>> z = symbols('z1:4')
    >>> log_softmax(*z)[0].diff(z[0])
    1 - SoftmaxEntry(1, z1, z2, z3)
    """
    scalars = _scalars("log_softmax", logits)
    if isinstance(scalars, MatrixExpr):
        return _of_column(lambda z: MatAdd(z, MatMul(-LogSumExp(z), OneMatrix(*z.shape))), scalars)
    return _column(LogSoftmaxEntry, scalars)


class _FunctionOfLogits(NamedFunction):
    """An entry of a vector function of logits; its arguments are (index from 1, z_1, ..., z_K)."""

    @property
    def index(self) -> Integer:
        """Which entry, counted from 1."""
        return self.args[0]

    @property
    def logits(self) -> tuple[Expr, ...]:
        """All logits, in order."""
        return self.args[1:]

    @property
    def logit(self) -> Expr:
        """The logit of this entry."""
        return self.args[self.index]

    @property
    def others(self) -> tuple[Expr, ...]:
        """The logits of all other entries."""
        return self.args[1 : self.index] + self.args[self.index + 1 :]

    @classmethod
    def _of_probability(cls, p: Expr) -> Expr:
        """The value of this function where the probability is ``p``."""
        raise NotImplementedError

    @classmethod
    def eval(cls, index: Expr, *logits: Expr) -> Expr | None:
        """Exact values: one logit, equal logits, infinite logits; Floats evaluate."""
        if not (index.is_Integer and 1 <= index <= len(logits)):
            raise ShapeError(
                f"{cls.__name__} takes the index of an entry, from 1 to the number of logits, and "
                f"the logits; received index {index} and {len(logits)} logits. "
                f"The first entry for logits z1, z2 is {cls.__name__}(1, z1, z2)."
            )
        logit = logits[index - 1]
        if S.NaN in logits or S.ComplexInfinity in logits:
            return S.NaN
        kept = [z for z in logits if z is not S.NegativeInfinity]
        certain = [z for z in logits if z is S.Infinity]
        if not kept or len(certain) > 1:
            return S.NaN
        if logit is S.NegativeInfinity:
            return cls._of_probability(S.Zero)
        if len(kept) < len(logits):
            before = [z for z in logits[: index - 1] if z is not S.NegativeInfinity]
            return cls(len(before) + 1, *kept)
        if certain and all(z.is_finite for z in logits if z is not S.Infinity):
            return cls._of_probability(S.One if logit is S.Infinity else S.Zero)
        if (value := cls._floats(index, *logits)) is not None:
            return value
        return cls._of_probability(S.One / len(logits)) if len(set(logits)) == 1 else None

    def _gradient(self, j: int) -> Expr:
        """The derivative in the j-th logit, counted from 1."""
        raise NotImplementedError

    def fdiff(self, argindex: int = 1) -> Expr:
        """The derivative in a logit; there is none in the index, which is argument 1."""
        if not 2 <= argindex <= len(self.args):
            raise ArgumentIndexError(self, argindex)
        return self._gradient(argindex - 1)


class SoftmaxEntry(_FunctionOfLogits):
    r"""A probability of a softmax: `π_i = exp(z_i) / Σ_j exp(z_j)`, `∂π_i/∂z_j = π_i(δ_ij - π_j)`.

    The arguments are the index of the entry, counted from 1, and all logits in order. Generated
    code is `σ(z_i - logsumexp of the other logits)`, right in both tails and vectorised; where one
    piece of code holds several entries, ``rewrite(logsumexp)`` gives `exp(z_i - logsumexp(z))`,
    in which they share the normaliser.

    Examples
    ========

    >>> from symprice import SoftmaxEntry, logsumexp
    >>> from sympy.abc import x, y
    >>> p = SoftmaxEntry(1, x, y)
    >>> p.diff(x), p.rewrite(logsumexp)
    ((1 - SoftmaxEntry(1, x, y))*SoftmaxEntry(1, x, y), exp(x - logsumexp(x, y)))
    """

    @classmethod
    def definition(cls, index: Expr, *logits: Expr) -> Expr:
        return exp(logits[index - 1]) / sum(map(exp, logits))

    @classmethod
    def _of_probability(cls, p: Expr) -> Expr:
        return p

    @staticmethod
    def _mpmath(index: int, *logits: Any) -> Any:
        return 1 / mpmath.fsum(mpmath.exp(z - logits[index - 1]) for z in logits)

    def _gradient(self, j: int) -> Expr:
        return self * (int(self.index == j) - SoftmaxEntry(j, *self.logits))

    def as_log(self) -> Expr:
        """The logarithm of this probability as an atom, where SymPy's ``log`` leaves a log."""
        return LogSoftmaxEntry(*self.args)

    def _eval_is_positive(self) -> bool | None:
        return all(z.is_real for z in self.logits) or None

    def _eval_rewrite_as_logsumexp(self, index: Expr, *logits: Expr, **hints: Any) -> Expr:
        return exp(logits[index - 1] - logsumexp(*logits))

    def _eval_rewrite_as_LogSoftmaxEntry(self, *args: Expr, **hints: Any) -> Expr:
        return exp(LogSoftmaxEntry(*args))

    def _eval_rewrite_as_sigmoid(self, index: Expr, *logits: Expr, **hints: Any) -> Expr:
        return sigmoid(logits[index - 1] - logsumexp(*logits[: index - 1], *logits[index:]))

    def _tex(self, printer: Any) -> str:
        inner = ", ".join(printer._print(z) for z in self.logits)
        return rf"\operatorname{{softmax}}_{{{self.index}}}{{\left({inner} \right)}}"

    def _write(self, printer: Any, language: str) -> str:
        return write(printer, sigmoid(self.logit - logsumexp(*self.others)))


class LogSoftmaxEntry(_FunctionOfLogits):
    r"""One log-probability of a softmax: `log π_i = z_i - log Σ_j exp(z_j)`, `∂/∂z_j = δ_ij - π_j`.

    Arguments and generated code are as for ``SoftmaxEntry``; ``rewrite(logsumexp)`` shares the
    normaliser at the price of digits where the probability is close to 1.

    Examples
    ========

    >>> from symprice import LogSoftmaxEntry, SoftmaxEntry
    >>> from sympy.abc import x, y
    >>> SoftmaxEntry(1, x, y).as_log().diff(y)
    -SoftmaxEntry(2, x, y)
    >>> LogSoftmaxEntry(1, 0, -1000).evalf(5)
    -5.0760e-435
    """

    @classmethod
    def definition(cls, index: Expr, *logits: Expr) -> Expr:
        return logits[index - 1] - log(sum(map(exp, logits)))

    @classmethod
    def _of_probability(cls, p: Expr) -> Expr:
        return S.NegativeInfinity if p.is_zero else log(p)

    @staticmethod
    def _mpmath(index: int, *logits: Any) -> Any:
        others = logits[: index - 1] + logits[index:]
        return -mpmath.log1p(mpmath.fsum(mpmath.exp(z - logits[index - 1]) for z in others))

    def _gradient(self, j: int) -> Expr:
        return int(self.index == j) - SoftmaxEntry(j, *self.logits)

    def _eval_is_negative(self) -> bool | None:
        return all(z.is_real for z in self.logits) or None

    def _eval_rewrite_as_logsumexp(self, index: Expr, *logits: Expr, **hints: Any) -> Expr:
        return logits[index - 1] - logsumexp(*logits)

    def _eval_rewrite_as_SoftmaxEntry(self, *args: Expr, **hints: Any) -> Expr:
        return log(SoftmaxEntry(*args))

    def _tex(self, printer: Any) -> str:
        return rf"\log{{\left({printer._print(SoftmaxEntry(*self.args))} \right)}}"

    def _write(self, printer: Any, language: str) -> str:
        return write(printer, log_sigmoid(self.logit - logsumexp(*self.others)))


class logsumexp(NamedFunction):
    r"""Normaliser of a softmax: `log Σ_j exp(z_j)`, whose derivative in `z_j` is `π_j`.

    Shapes: K scalars, a list of them or an explicit column matrix; of any other column it is the
    array node ``LogSumExp``, with a name for a column that is computed.

    Examples
    ========

    >>> from symprice import logsumexp
    >>> from sympy.abc import x, y
    >>> logsumexp(x, y).diff(y)
    SoftmaxEntry(2, x, y)
    >>> logsumexp(0, 0)
    log(2)
    >>> from symprice import MLP, inputs
    >>> logsumexp(MLP(2, 3)(inputs('x', 2)))
    ClosedForm(LogSumExp(z), ((z, W1*x + b1),))
    """

    def __new__(cls, *logits: Any, **options: Any) -> Expr:
        scalars = _scalars("logsumexp", logits)
        if isinstance(scalars, MatrixExpr):
            return _of_column(LogSumExp, scalars)
        return super().__new__(cls, *scalars, **options)

    @classmethod
    def eval(cls, *logits: Expr) -> Expr | None:
        """Exact values: one logit, equal logits, infinite logits; Floats evaluate."""
        if S.NaN in logits or S.ComplexInfinity in logits:
            return S.NaN
        kept = [z for z in logits if z is not S.NegativeInfinity]
        if not kept:
            return S.NegativeInfinity
        if len(kept) < len(logits):
            return cls(*kept)
        if S.Infinity in kept and all(z.is_extended_real for z in kept):
            return S.Infinity
        if (value := cls._floats(*kept)) is not None:
            return value
        return kept[0] + log(len(kept)) if len(set(kept)) == 1 else None

    @classmethod
    def definition(cls, *logits: Expr) -> Expr:
        return log(sum(map(exp, logits)))

    @staticmethod
    def _mpmath(*logits: Any) -> Any:
        largest, *others = sorted(logits, key=mpmath.re, reverse=True)
        return largest + mpmath.log1p(mpmath.fsum(mpmath.exp(z - largest) for z in others))

    def partials(self) -> tuple[Expr, ...]:
        return tuple(SoftmaxEntry(j, *self.args) for j in range(1, len(self.args) + 1))

    def _write(self, printer: Any, language: str) -> str:
        logits = [printer._print(z) for z in self.args]
        if language in ("math", "mpmath"):
            reduce = printer._module_format("functools.reduce")
            names = [printer._module_format(f"{language}.{name}") for name in ("log1p", "exp")]
            pair = "lambda a, b: max(a, b) + {}({}(-abs(a - b)))".format(*names)
            return f"{reduce}({pair}, [{', '.join(logits)}])"
        library = {"scipy": "numpy", "jax": "jax.numpy"}.get(language, language)
        pair = printer._module_format(f"{library}.logaddexp")
        while len(logits) > 1:  # a balanced tree: parsers do not nest deeply
            ends = logits[2 * (len(logits) // 2) :]
            pairs = zip(logits[::2], logits[1::2], strict=False)
            logits = [*(f"{pair}({a}, {b})" for a, b in pairs), *ends]
        return logits[0]


def _scalars(name: str, logits: tuple[Any, ...]) -> tuple[Expr, ...] | MatrixExpr:
    """The logits as scalars, or the column matrix expression that stands for them."""
    argument = logits[0] if len(logits) == 1 else logits
    if not isinstance(argument, list | tuple):
        argument = _sympify(argument)
    if isinstance(argument, MatrixBase):
        if argument.shape[1] != 1:
            raise ShapeError(
                f"{name} takes a column of logits, received a matrix of shape {argument.shape}. "
                f"Write {name}(z.T) for a row z."
            )
        argument = argument.flat()
    elif isinstance(argument, MatrixExpr):
        return argument
    elif isinstance(argument, Expr):
        argument = (argument,)
    if not isinstance(argument, list | tuple | Tuple) or not len(argument):
        raise ShapeError(
            f"{name} takes one or more logits, received {logits}. "
            f"Write {name}(z1, z2), {name}([z1, z2]) or {name}(Matrix([z1, z2]))."
        )
    return tuple(map(_sympify, argument))


def _of_column(function: Callable[[Any], Any], logits: MatrixExpr) -> Any:
    """A function of a column of any size; one that is computed has a name there."""
    definitions = Definitions()
    z = hoist(logits, definitions)
    if not z.is_symbol:
        z = definitions.define(NameMatrix("z", *z.shape), z)
    return definitions.closing(function(z))


def _column(entry: type[_FunctionOfLogits], logits: tuple[Expr, ...]) -> ImmutableDenseMatrix:
    """The column of all entries."""
    return ImmutableDenseMatrix([entry(i, *logits) for i in range(1, len(logits) + 1)])
