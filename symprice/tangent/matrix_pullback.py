"""Reverse accumulation at matrix level: adjoints for all directions of the output at once.

A property is a column f of any size. The adjoint of a vector h is the matrix `Δ = (∂f/∂h)ᵀ`, one
column a direction; so a weight's gradient in direction j is the outer product `Δ_j aᵀ`, kept as its
two factors, and no third-order tensor appears.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from sympy import HadamardProduct, Identity, MatAdd, MatMul, Mul, Transpose

from ..arrays import ArrayNode
from ..closedform import Definitions
from ..elementwise import Elementwise, ScaledRows
from ..errors import NoRuleError
from ..symbols import TRAINED, Name, NameMatrix, ParameterMatrix
from .pullback import adjoint_name, backwards

__all__ = ["OuterProduct", "outer_gradient"]


class OuterProduct(NamedTuple):
    """A part of the gradient by a matrix: `left rightᵀ`; ``directed`` has the directions."""

    parameter: Any
    left: Any
    right: Any
    directed: str = "left"


def outer_gradient(body: Any, definitions: Definitions) -> list[OuterProduct]:
    """The gradient of a column over the definitions, as outer products for trainable matrices."""
    forward = list(definitions.items())
    active = _active(forward)
    arriving: dict[Any, list[Any]] = {}
    found: list[OuterProduct] = []

    def send(expr: Any, adjoint: Any) -> None:
        for child, cotangent in _pull(expr, adjoint, active, found):
            arriving.setdefault(child, []).append(cotangent)

    send(body, Identity(body.shape[0]))
    for name, value in backwards(forward):
        if name not in arriving:
            continue
        parts = arriving[name]
        adjoint = parts[0] if len(parts) == 1 else MatAdd(*parts).doit(deep=False)
        if str(name).startswith("h") and not isinstance(adjoint, (NameMatrix, Identity)):
            label = NameMatrix(adjoint_name(Name(name.name)).name, *adjoint.shape)
            adjoint = definitions.define(label, adjoint)
        send(value, adjoint)
    return found


def _active(forward: list[tuple[Any, Any]]) -> set[Any]:
    """The names whose values depend on what is trained."""
    active: set[Any] = set()
    for name, value in forward:
        if _is_active(value, active):
            active.add(name)
    return active


def _is_active(expr: Any, active: set[Any]) -> bool:
    """Whether something trained, or a name that depends on it, occurs in an expression."""
    return any(isinstance(s, TRAINED) or s in active for s in expr.free_symbols)


def _pull(
    expr: Any, adjoint: Any, active: set[Any], found: list[OuterProduct]
) -> list[tuple[Any, Any]]:
    """What reaches the names in ``expr``; parts that reach parameters are added to ``found``."""
    reached: list[tuple[Any, Any]] = []
    stack = [(expr, adjoint)]
    while stack:
        node, cotangent = stack.pop()
        if not _is_active(node, active):
            continue
        if isinstance(node, NameMatrix):
            reached.append((node, cotangent))
        elif isinstance(node, ParameterMatrix):
            found.append(OuterProduct(node, cotangent, Identity(1)))
        elif isinstance(node, MatAdd):
            stack.extend((term, cotangent) for term in node.args)
        elif isinstance(node, MatMul):
            stack.append(_through_product(node, cotangent, active, found))
        elif isinstance(node, Elementwise):
            if _is_active(node.function, active):
                raise NoRuleError(
                    f"asked for the gradient of {node}, whose function {node.function} is trained "
                    "too: at matrix level only its argument may be; write it with explicit()"
                )
            stack.append((node.argument, ScaledRows(node.derivative(), cotangent)))
        elif isinstance(node, HadamardProduct) and len(node.args) == 2:
            u, v = node.args
            stack.extend([(u, ScaledRows(v, cotangent)), (v, ScaledRows(u, cotangent))])
        elif isinstance(node, ArrayNode):
            stack.extend(
                (argument, _times(Transpose(jacobian), cotangent))
                for jacobian, argument in node.jacobians()
            )
        else:
            raise NoRuleError(
                f"asked for the gradient of {node}, but no rule differentiates a "
                f"{type(node).__name__} at matrix level: write it with sums, products, Elementwise "
                "and Hadamard products"
            )
    return reached


def _through_product(
    node: Any, cotangent: Any, active: set[Any], found: list[OuterProduct]
) -> tuple[Any, Any]:
    """Past the matrices of `s A B … v`, an outer product for each trainable one, to the column."""
    scalar, matrices = node.as_coeff_matrices()
    if _is_active(scalar, active):
        raise NoRuleError(
            f"asked for the gradient of {node}, whose scalar factor {scalar} is trained too"
        )
    adjoint = cotangent if scalar == 1 else _times(scalar, cotangent)
    for place, matrix in enumerate(matrices[:-1]):
        rest = matrices[place + 1] if place + 2 == len(matrices) else MatMul(*matrices[place + 1 :])
        transposed = isinstance(matrix, Transpose)
        inner = matrix.arg if transposed else matrix
        if isinstance(inner, ParameterMatrix):
            factors = (rest, adjoint, "right") if transposed else (adjoint, rest, "left")
            found.append(OuterProduct(inner, *factors))
        elif _is_active(matrix, active):
            raise NoRuleError(
                f"asked for the gradient of {node} by the matrix {matrix}, which is no parameter"
            )
        adjoint = _times(inner if transposed else Transpose(inner), adjoint)
    return matrices[-1], adjoint


def _times(*factors: Any) -> Any:
    scalars = [f for f in factors if not getattr(f, "is_Matrix", False)]
    matrices = [f for f in factors if getattr(f, "is_Matrix", False)]
    return MatMul(Mul(*scalars), *matrices).doit(deep=False)
