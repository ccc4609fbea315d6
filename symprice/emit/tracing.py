"""Running a Python function on symbols: what it computes, as an expression.

The function runs as it is, with SymPy's functions in the place of those of math, NumPy and SciPy;
its source is not read.
"""

from __future__ import annotations

import math
import types
from collections.abc import Callable, Iterator
from typing import Any

import sympy
from sympy import Expr, ImmutableDenseMatrix, Integer, Piecewise
from sympy.core.sympify import SympifyError, _sympify
from sympy.matrices.matrixbase import MatrixBase

from ..errors import NoRuleError, ShapeError
from ..networks import activations

__all__ = ["traced"]


def _where(condition: Any, then: Any, otherwise: Any) -> Any:
    return Piecewise((then, condition), (otherwise, True))


def _extremum(cls: Any) -> Callable[..., Any]:
    return lambda *values: cls(*(values[0] if len(values) == 1 else values))


def _softplus_or_log(a: Any, b: Any) -> Any:
    if a == 0 or b == 0:
        return activations.softplus(b if a == 0 else a)
    return sympy.log(sympy.exp(a) + sympy.exp(b))


def _table() -> dict[str, Any]:
    """SymPy's functions by the names they have in math, NumPy and SciPy."""
    same = (
        "exp log sqrt cbrt sin cos tan sinh cosh tanh asin acos atan asinh acosh atanh atan2 erf "
        "erfc "
        "gamma loggamma digamma factorial sign floor re im conjugate"
    )
    table = {name: getattr(sympy, name) for name in same.split()}
    for name in "sin cos tan sinh cosh tanh".split():
        table[f"arc{name}"] = getattr(sympy, f"a{name}")
    names = "sigmoid log_sigmoid softplus silu normal_cdf gelu relu leaky_relu elu square"
    table |= {name: getattr(activations, name) for name in names.split()}
    table |= {
        "abs": sympy.Abs, "fabs": sympy.Abs, "absolute": sympy.Abs, "arctan2": sympy.atan2,
        "ceil": sympy.ceiling, "lgamma": sympy.loggamma, "gammaln": sympy.loggamma,
        "psi": sympy.digamma, "lambertw": sympy.LambertW, "comb": sympy.binomial,
        "real": sympy.re, "imag": sympy.im, "conj": sympy.conjugate,
        "log2": lambda x: sympy.log(x) / sympy.log(2),
        "log10": lambda x: sympy.log(x) / sympy.log(10),
        "log1p": lambda x: sympy.log(1 + x), "expm1": lambda x: sympy.exp(x) - 1,
        "exp2": lambda x: 2**x, "reciprocal": lambda x: 1 / x, "negative": lambda x: -x,
        "power": lambda x, y: x**y, "pow": lambda x, y: x**y,
        "hypot": lambda x, y: sympy.sqrt(x**2 + y**2), "xlogy": lambda x, y: x * sympy.log(y),
        "logaddexp": _softplus_or_log, "where": _where,
        "heaviside": lambda x, at_zero=sympy.S.Half: sympy.Heaviside(x, at_zero),
        "expit": activations.sigmoid, "log_expit": activations.log_sigmoid,
        "ndtr": activations.normal_cdf, "radians": lambda x: x * sympy.pi / 180,
        "sum": sum, "fsum": sum, "prod": lambda values: math.prod(values),
        "max": _extremum(sympy.Max), "min": _extremum(sympy.Min),
        **dict.fromkeys(("maximum", "fmax"), sympy.Max),
        **dict.fromkeys(("minimum", "fmin"), sympy.Min),
        "pi": sympy.pi, "e": sympy.E, "tau": 2 * sympy.pi, "inf": sympy.oo, "nan": sympy.nan,
    }  # fmt: skip
    return table


_LIBRARIES = ("math", "cmath", "numpy", "scipy", "jax", "mpmath", "torch")
_CONSTANTS = {math.pi: sympy.pi, math.e: sympy.E, math.tau: 2 * sympy.pi}


class _Library:
    """A module in which every function is SymPy's."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        if name in ("special", "numpy", "scipy", "nn", "functional"):
            return _Library(f"{self._name}.{name}")
        found = _table().get(name)
        if found is None:
            raise NoRuleError(
                f"asked to trace {self._name}.{name}, which has no counterpart in SymPy here: "
                "write it with "
                "arithmetic, elementary functions, np.where, or SymPy's functions"
            )
        return found


def traced(function: Callable[..., Any], arguments: list[Any], keywords: dict[str, Any]) -> Any:
    """What ``function`` computes of symbols: an expression, or a column Matrix of several.

    Raises
    ======

    NoRuleError : where it branches on a symbol, or calls what has no symbolic counterpart.
    ShapeError : where it returns something else than expressions.

    Examples
    ========

    >>> import math
    >>> from sympy.abc import x
    >>> traced(lambda x: math.exp(-x)/math.pi, [x], {})
    exp(-x)/pi
    """
    symbolic = _rebuilt(function, {})
    try:
        value = symbolic(*arguments, **keywords)
    except TypeError as error:
        raise NoRuleError(_reason(function, error)) from error
    return _expression(value, function)


def _reason(function: Callable[..., Any], error: TypeError) -> str:
    asked = f"asked to trace {function.__name__} on symbols, but "
    if "truth value" in str(error):
        return asked + (
            "it branches on the value of one: write np.where(condition, a, b) or sympy.Piecewise "
            "for the branch"
        )
    if "Cannot convert expression" in str(error) or "must be real number" in str(error):
        return asked + (
            "it calls a function that needs a number: import math or numpy at the top of the "
            "module, not inside "
            "the function, and leave out float() and int()"
        )
    return asked + f"it raised TypeError: {error}"


def _expression(value: Any, function: Callable[..., Any]) -> Any:
    if isinstance(value, (list, tuple)):
        entries = [_expression(entry, function) for entry in value]
        if entries and all(isinstance(entry, Expr) for entry in entries):
            return ImmutableDenseMatrix(len(entries), 1, entries)
    if isinstance(value, MatrixBase):
        return value.as_immutable()
    if isinstance(value, float) and value.is_integer():
        value = Integer(int(value))
    try:
        expr = _sympify(value)
    except SympifyError:
        expr = None
    if not isinstance(expr, Expr) and not getattr(expr, "is_Matrix", False):
        raise ShapeError(
            f"asked to trace {function.__name__}, which returned {value!r}: a definition returns "
            "an expression, or "
            "a tuple of them"
        )
    return expr


def _rebuilt(function: Any, memo: dict[int, Any]) -> Any:
    """The function with SymPy's functions for those of the libraries, in what it calls as well."""
    if not isinstance(function, types.FunctionType):
        return function
    if id(function) in memo:
        return memo[id(function)]
    names = dict(function.__globals__)
    cells = tuple(types.CellType() for _ in function.__closure__ or ())
    symbolic = types.FunctionType(
        function.__code__, names, function.__name__, function.__defaults__, cells or None
    )
    symbolic.__kwdefaults__ = function.__kwdefaults__
    memo[id(function)] = symbolic
    for name in _global_names(function.__code__):
        if name in names:
            names[name] = _counterpart(names[name], memo)
        elif name in ("max", "min", "abs", "pow", "sum"):
            names[name] = _table()[name]
    for cell, original in zip(cells, function.__closure__ or (), strict=True):
        try:
            cell.cell_contents = _counterpart(original.cell_contents, memo)
        except ValueError:  # a variable that has no value yet
            pass
    return symbolic


def _global_names(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _global_names(constant)


def _counterpart(value: Any, memo: dict[int, Any]) -> Any:
    """What stands for a global value while the function runs on symbols."""
    if isinstance(value, types.ModuleType):
        root = value.__name__.split(".")[0]
        return _Library(value.__name__) if root in _LIBRARIES else value
    if isinstance(value, float):
        return _CONSTANTS.get(value, value)
    home = str(getattr(value, "__module__", "") or "").split(".")[0]
    if isinstance(value, types.FunctionType) and home not in (*_LIBRARIES, "sympy", "symprice"):
        return _rebuilt(value, memo)
    # NumPy's functions are of a class of their own, without a module.
    if home in _LIBRARIES or type(value).__name__ == "ufunc":
        return _table().get(getattr(value, "__name__", ""), value)
    return value
