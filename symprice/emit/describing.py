"""What a formula is, in one line: for the docstrings of generated functions."""

from __future__ import annotations

from itertools import islice
from typing import Any

from sympy import Basic, Eq, sstr
from sympy.matrices.matrixbase import MatrixBase

from ..closedform import ClosedForm, ClosedFormMatrix
from ..derivation import Derivation
from ..symbols import TRAINED
from ..tangent.backward import NeuronDerivative
from ..tangent.covariance import NTCov, NTCovMatrix, NTVar, NTVarMatrix
from .code_names import natural
from .unfolding import walk

__all__ = ["describe"]

_NODES, _CHARACTERS = 60, 160


def describe(expr: Any) -> str:
    """A formula in words or symbols, as short as a sentence.

    Examples
    ========

    >>> from symprice import MLP, NTVar, closed_form
    >>> describe(closed_form(NTVar(MLP(1, 1, 1).explicit())))
    'NTVar(a1_1*w2_11 + b2_1)'
    """
    if isinstance(expr, Derivation):
        return describe(expr.result)
    if isinstance(expr, Eq):
        return f"{describe(expr.lhs)} = {describe(expr.rhs)}"
    if isinstance(expr, (ClosedForm, ClosedFormMatrix)):
        return describe(expr.expr if expr.origin is None else expr.origin)
    if isinstance(expr, (NTCov, NTVar, NTCovMatrix, NTVarMatrix)):
        metric = "" if expr.metric is None else ", in a metric"
        name = type(expr).__name__.removesuffix("Matrix")
        texts = [_inside(describe(prop)) for prop in expr.properties]
        if len(texts) == 2 and texts[0] == texts[1] and not texts[0].startswith("a "):
            # One network at two inputs: named, so that the inputs can be told apart.
            texts = [f"f({_inputs(prop)})" for prop in expr.properties]
            metric += f", where f = {describe(expr.properties[0])}"
        return f"{name}({', '.join(texts)}){metric}"
    if isinstance(expr, MatrixBase):
        return f"A {expr.shape[0]} × {expr.shape[1]} matrix."
    if isinstance(expr, (tuple, list, dict)):
        items = expr.values() if isinstance(expr, dict) else expr
        text = ", ".join(map(describe, items))
        return text if len(text) <= _CHARACTERS else f"{len(expr)} results."
    if isinstance(expr, NeuronDerivative):
        return f"∂{expr.args[2]}/∂{expr.neuron}, where {expr.args[2]} = {describe(expr.network)}"
    if isinstance(expr, Basic) and not expr.has(NeuronDerivative):
        expr = expr.xreplace({closed: closed.expr for closed in expr.atoms(ClosedForm)})
    text = sstr(expr) if not isinstance(expr, Basic) or _is_short(expr) else ""
    return text if 0 < len(text) <= _CHARACTERS else f"A formula ({type(expr).__name__})."


def _inside(text: str) -> str:
    """A description as a part of another one."""
    return f"a {text[2:].removesuffix('.')}" if text.startswith("A ") else text


def _inputs(prop: Basic) -> str:
    names = (s.name for s in prop.free_symbols if not isinstance(s, TRAINED))
    return ", ".join(sorted(names, key=natural))


def _is_short(expr: Basic) -> bool:
    return len(list(islice(walk(expr), _NODES))) < _NODES
