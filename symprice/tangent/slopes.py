"""The gradient of a property by every trainable array, and its Hessian along a vector, as closed
forms.
"""

from __future__ import annotations

from typing import Any

from sympy import Expr

from ..closedform import ClosedForm, ClosedFormMatrix, Definitions, hoist
from ..errors import NoRuleError
from ..indexed.entries import Index
from ..indexed.families import ParameterFamily
from ..indexed.lowering import scalar
from ..indexed.naming import prepared
from ..indexed.raising import raised
from ..symbols import Observable, ObservableVector, Parameter, ParameterMatrix
from .closing import closed_form
from .covariance import NTCov
from .gradient import Inner
from .index_pullback import index_gradient
from .matrix_closing import is_matrix_level
from .metric import DiagonalMetric
from .properties import TangentCovariance, as_property, require_parameters
from .second import HessianForm
from .vectors import Preconditioned

__all__ = ["gradients", "hessian_along", "is_hard", "needs_vectors", "trained_in"]


def gradients(prop: Any) -> dict[Any, Any]:
    """The gradient of a scalar property by everything that is trained in it: {parameter: formula}.

    Parameters
    ==========

    prop : a loss, or any scalar property; its parameters are matrices or scalars.

    Returns closed forms, each of the shape of its parameter.

    Raises
    ======

    NoRuleError : for unspecified properties, and kernels of convolutions (families of matrices).

    Examples
    ========

    >>> from sympy import symbols
    >>> from symprice import Dense, Network, inputs, squared_loss
    >>> from symprice.tangent.slopes import gradients
    >>> d, k = symbols('d k', integer=True, positive=True)
    >>> loss = squared_loss(Network(Dense(d, k))(inputs('x', d)), inputs('y', k))
    >>> for parameter, gradient in gradients(loss).items():
    ...     print(parameter, '|', gradient.expr)
    W1 | v1*x.T
    b1 | v1
    """
    prop = as_property(prop)
    require_parameters("gradients", prop)
    if not is_matrix_level(prop):
        return {symbol: prop.diff(symbol) for symbol in sorted(trained_in(prop), key=str)}
    definitions = Definitions(prop.free_symbols)
    body = scalar(hoist(prepared(prop), definitions))
    found = index_gradient(body, definitions, _is_trained, None)
    return {
        symbol: _closed(symbol, *found[symbol], definitions)
        for symbol in sorted(found, key=lambda s: (s.name.lstrip("Wb"), s.name))
    }


def hessian_along(prop: Any, state: Any) -> dict[Any, Any]:
    """`∇²P v` for a state v, array by array: the gradient of `∇P · v`; no Hessian is formed.

    Parameters
    ==========

    prop : a scalar property.
    state : v, a StateVector; of a parameter on which the product does not depend nothing is said.

    Examples
    ========

    >>> from symprice import parameters
    >>> from symprice.tangent.slopes import hessian_along
    >>> from symprice.tangent.vectors import StateVector
    >>> w, b = parameters('w b')
    >>> {p: found.expand() for p, found in hessian_along(w**2*b, StateVector('v')).items()}
    {b: 2*w*v_w, w: 2*b*v_w + 2*w*v_b}
    """
    prop = as_property(prop)
    slope = closed_form(NTCov(prop, state.potential(trained_in(prop))))
    if not trained_in(slope):
        return {}
    return gradients(slope if is_matrix_level(slope) else slope.doit())


def trained_in(prop: Any) -> list[Any]:
    """The trained scalars and matrices in a formula, in the order of vectors over them."""
    found = (s for s in prop.free_symbols if isinstance(s, (Parameter, ParameterMatrix)))
    return sorted(found, key=lambda s: s.sort_key())


def needs_vectors(formula: Any) -> bool:
    """Whether a formula of trained matrices has products that only vectors of numbers have."""
    return (
        isinstance(formula, Expr)
        and not isinstance(formula, ClosedForm)
        and is_matrix_level(formula)
        and not formula.atoms(Observable, ObservableVector)
        and any(map(is_hard, formula.atoms(TangentCovariance, HessianForm, Inner)))
    )


def is_hard(node: Any) -> bool:
    """Whether a covariance or a product of vectors is known in arrays of numbers only."""
    if isinstance(node, HessianForm):
        return any(isinstance(p, ParameterMatrix) for p in node.free_symbols)
    if isinstance(node, Inner):
        return any(map(_is_hard_metric, (v.metric for v in node.atoms(Preconditioned))))
    return _is_hard_metric(node.metric)


def _is_hard_metric(metric: Any) -> bool:
    """Whether a metric multiplies arrays of numbers, and no formula of entries."""
    known = hasattr(metric, "applied") or isinstance(metric, DiagonalMetric)
    return hasattr(metric, "on_arrays") and not known


def _closed(symbol: Any, places: Any, gradient: Any, definitions: Definitions) -> Any:
    if isinstance(symbol, ParameterFamily):
        raise NoRuleError(
            f"asked for the gradient by {symbol}, a family of matrices: gradients are written by "
            "scalars, columns and matrices"
        )
    row, column = (p if isinstance(p, Index) else None for p in (places.row, places.column))
    closed = definitions.closing(raised(gradient, row, column))
    if isinstance(closed, (ClosedForm, ClosedFormMatrix)):
        return closed
    return (ClosedFormMatrix if getattr(closed, "is_Matrix", False) else ClosedForm)(closed, ())


def _is_trained(symbol: Any) -> bool:
    return isinstance(symbol, (Parameter, ParameterMatrix))
