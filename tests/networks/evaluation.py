"""Closed forms of networks at arrays of numbers, by a small interpreter of their nodes in NumPy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import sympy
from sympy import (
    Add,
    HadamardProduct,
    Lambda,
    MatAdd,
    MatMul,
    Mul,
    OneMatrix,
    Pow,
    Symbol,
    Transpose,
)

from symprice import ClosedForm, ClosedFormMatrix, Family, Member, ParameterFamily, SumOver
from symprice.array_nodes import RMSNormalized, RMSNormalizedRows, Standardized, StandardizedRows
from symprice.arrays import LogSumExp, SoftmaxRows, SoftmaxVector
from symprice.elementwise import Elementwise, ScalarProduct, ScaledRows
from symprice.indexed.shifts import Shift, UnitVector

# The sizes are all different, so that a transposed matrix does not fit by accident.
T, L, d, m, k, K, c, V = sizes = sympy.symbols("T L d m k K c V", integer=True, positive=True)
SIZES = dict(zip(sizes, (3, 6, 4, 5, 2, 7, 8, 9), strict=True))


def value(expr: Any, given: Mapping[Any, Any]) -> Any:
    """An expression at arrays: columns (n, 1), families with the label last."""
    return _value(expr, {**SIZES, **given})


def _value(expr: Any, env: dict[Any, Any]) -> Any:
    if isinstance(expr, (ClosedForm, ClosedFormMatrix)):
        env = dict(env)
        for name, definition in expr.definitions.items():
            env[name] = definition if isinstance(definition, Family) else _value(definition, env)
        return _value(expr.expr, env)
    if expr in env:
        found = env[expr]
        return found if isinstance(found, np.ndarray) else float(found)
    if expr.is_number:
        return float(expr)

    def sub(node: Any) -> Any:
        return _value(node, env)

    match expr:
        case Symbol():
            raise KeyError(expr)
        case Member():
            labels = [int(sub(label)) for label in expr.labels]
            family = env[expr.array]
            if isinstance(family, Family):
                return _value(family.expr, {**env, **dict(zip(family.labels, labels, strict=True))})
            return family[(..., *labels)]
        case SumOver():
            index, *rest = expr.indices
            body = SumOver(expr.expr, *rest)
            return sum(_value(body, {**env, index: n}) for n in range(int(sub(index.size))))
        case Add() | MatAdd():
            return sum(sub(arg) for arg in expr.args)
        case Mul() | MatMul():
            total: Any = 1.0
            for arg in expr.args:
                factor = sub(arg)
                matrices = np.ndim(total) == 2 and np.ndim(factor) == 2
                total = total @ factor if matrices else total * factor
            return total
        case Pow():
            return sub(expr.base) ** sub(expr.exp)
        case sympy.exp():
            return np.exp(sub(expr.args[0]))
        case Transpose():
            return sub(expr.arg).T
        case HadamardProduct():
            return np.prod([sub(arg) for arg in expr.args], axis=0)
        case OneMatrix():
            return np.ones([int(sub(size)) for size in expr.shape])
        case UnitVector():
            return np.eye(int(sub(expr.args[0])))[:, [int(sub(expr.args[1]))]]
        case Shift():
            return _shifted(sub(expr.matrix), int(sub(expr.args[1])), int(sub(expr.args[2])), expr)
        case Elementwise():
            return _applied(expr.function, sub(expr.argument), env)
        case ScaledRows():
            return sub(expr.args[0]) * sub(expr.args[1])
        case ScalarProduct():
            return float(np.sum(sub(expr.args[0]) * sub(expr.args[1])))
        case SoftmaxVector():
            return softmax(sub(expr.argument), axis=0)
        case SoftmaxRows():
            scores = sub(expr.argument)
            if expr.causal:
                rows, columns = np.indices(scores.shape)
                scores = np.where(columns > rows, -np.inf, scores)
            return softmax(scores, axis=1)
        case LogSumExp():
            return float(np.log(np.sum(np.exp(sub(expr.argument)))))
        case Standardized() | StandardizedRows() | RMSNormalized() | RMSNormalizedRows():
            x, axis = sub(expr.argument), 1 if type(expr).__name__.endswith("Rows") else 0
            if "Standardized" in type(expr).__name__:
                x = x - x.mean(axis=axis, keepdims=True)
            return x / np.sqrt((x**2).mean(axis=axis, keepdims=True) + sub(expr.eps))
    raise NotImplementedError(type(expr))


def softmax(z: np.ndarray, axis: int) -> np.ndarray:
    """Probabilities along an axis."""
    weights = np.exp(z)
    return weights / weights.sum(axis=axis, keepdims=True)


def _applied(function: Lambda, values: np.ndarray, env: dict[Any, Any]) -> np.ndarray:
    others = sorted(function.free_symbols, key=str)
    numbers = [float(env[s]) for s in others]
    return sympy.lambdify((*others, *function.variables), function.expr)(*numbers, values)


def _shifted(matrix: np.ndarray, offset: int, length: int, node: Shift) -> np.ndarray:
    circular = node.args[3].name == "circular"
    result = np.zeros((matrix.shape[0], length))
    for t in range(length):
        place = t + offset
        if circular or 0 <= place < matrix.shape[1]:
            result[:, t] = matrix[:, place % matrix.shape[1] if circular else place]
    return result


# --- numbers to evaluate at -----------------------------------------------------------------------
def size(expr: Any) -> int:
    """A size as a number."""
    return int(sympy.sympify(expr).subs(SIZES))


def random_array(symbol: Any, rng: np.random.Generator) -> np.ndarray:
    """An array for a symbol: a matrix, or one for each label."""
    shape = [size(s) for s in symbol.shape]
    if isinstance(symbol, ParameterFamily):
        shape.append(size(symbol.size))
    return rng.standard_normal(shape)


def random_point(symbols: Any, seed: int = 0) -> dict[Any, np.ndarray]:
    """Arrays for symbols, and the same numbers for the same symbols."""
    rng = np.random.default_rng(seed)
    return {symbol: random_array(symbol, rng) for symbol in symbols}
