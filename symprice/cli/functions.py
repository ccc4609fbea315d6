"""The functions that a formula of the command line may call, and what each of them takes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import cache
from math import inf
from typing import Any, NamedTuple

import sympy
from sympy.core.function import FunctionClass

from .differentials import derivative, gradient
from .matrices import diag, dot, frobenius, hadamard, inner, norm, norm1, trace, transpose

__all__ = ["Functions", "Signature", "default_functions"]

Functions = Mapping[str, Callable[..., Any]]


@cache
def default_functions() -> Functions:
    """The table used when none is given: cheap to build, at whatever arguments.

    Examples
    ========

    >>> from symprice.cli.functions import default_functions
    >>> 'sigmoid' in default_functions(), 'factorial' in default_functions()
    (True, False)
    """
    from symprice import (
        NTCov,
        NTVar,
        elu,
        gelu,
        identity,
        leaky_relu,
        log_sigmoid,
        log_softmax,
        relu,
        sigmoid,
        silu,
        softmax,
        softplus,
        square,
    )

    functions = [sympy.exp, sympy.log, sympy.sin, sympy.cos, sympy.tan, sympy.atan, sympy.asin]
    functions += [sympy.acos, sympy.tanh, sympy.sinh, sympy.cosh, sympy.erf, sympy.Abs, sympy.sqrt]
    functions += [sigmoid, softplus, relu, silu, gelu, log_sigmoid, leaky_relu, elu, identity]
    functions += [square, softmax, log_softmax, NTCov, NTVar, transpose, hadamard]
    functions += [diag, dot, inner, norm, norm1, frobenius, trace, derivative, gradient]
    return {function.__name__: function for function in functions}


class Signature(NamedTuple):
    """What a function takes: how many arguments, vectors or not, ``metric=`` or not."""

    least: float
    most: float
    vectors: bool = False
    metric: bool = False

    @classmethod
    def of(cls, function: Callable[..., Any]) -> Signature:
        """SymPy's functions take scalars; other callables say in their signature what they take.

        Examples
        ========

        >>> from symprice import NTCov
        >>> from symprice.cli.functions import Signature
        >>> Signature.of(NTCov)
        Signature(least=2, most=2, vectors=True, metric=True)
        """
        if isinstance(function, FunctionClass):
            counts = function.nargs
            return cls(int(min(counts)), int(max(counts))) if counts.is_FiniteSet else cls(0, inf)
        if function is sympy.sqrt:  # its second parameter is an option
            return cls(1, 1)
        try:
            slots = dict(inspect.signature(function).parameters)
        except (TypeError, ValueError):  # no signature to be had: it counts for itself
            return cls(0, inf, vectors=True)
        metric = slots.pop("metric", None) is not None
        named = [slot for slot in slots.values() if slot.kind <= slot.POSITIONAL_OR_KEYWORD]
        least = sum(slot.default is slot.empty for slot in named)
        any_number = any(slot.kind is slot.VAR_POSITIONAL for slot in slots.values())
        return cls(least, inf if any_number else len(named), True, metric)

    def counts(self) -> str:
        """The numbers of arguments in words: "2 arguments", "1 to 2 arguments"."""
        if self.most == inf:
            return f"at least {self.least} arguments"
        span = f"{self.least} to {self.most}" if self.least < self.most else f"{self.most}"
        return f"{span} argument{'s' * (self.most != 1)}"
