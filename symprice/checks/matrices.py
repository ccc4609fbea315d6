"""How matrix expressions are evaluated: with mpmath matrices, entry by entry."""

from __future__ import annotations

from functools import reduce
from typing import Any

import mpmath
from sympy import ZeroMatrix
from sympy.matrices.matrixbase import MatrixBase

from .graph import Cell, Graph, Scope, builds, entries, no_evaluation
from .indices import vanishes

__all__ = ["as_matrix"]


def as_matrix(value: Any) -> Any:
    """A number as a 1×1 matrix; a matrix as it is."""
    return value if isinstance(value, mpmath.matrix) else mpmath.matrix([[value]])


def _filled(rows: int, columns: int, entry: Any) -> Any:
    return mpmath.matrix([[entry(i, j) for j in range(columns)] for i in range(rows)])


@builds("MatrixBase", "DenseMatrix", "ImmutableDenseMatrix", "ImmutableSparseMatrix")
def explicit(graph: Graph, expr: Any, scope: Scope) -> Cell:
    """A matrix of expressions."""
    rows, columns = expr.shape
    children = graph.cells((expr[i, j] for i in range(rows) for j in range(columns)), scope)

    def run(state: Any) -> Any:
        values = [state.value(child) for child in children]
        return _filled(rows, columns, lambda i, j: values[i * columns + j])

    return graph.shared(("matrix", rows, columns), children, run)


@builds("BlockMatrix")
def blocks(graph: Graph, expr: Any, scope: Scope) -> Cell:
    """A matrix of matrices."""
    down, across = expr.blockshape
    children = graph.cells((expr.blocks[i, j] for i in range(down) for j in range(across)), scope)

    def run(state: Any) -> Any:
        values = [as_matrix(state.value(child)) for child in children]
        rows = []
        for i in range(down):
            row = values[i * across : (i + 1) * across]
            rows += [[b[k, j] for b in row for j in range(b.cols)] for k in range(row[0].rows)]
        return mpmath.matrix(rows)

    return graph.shared(("blocks", down, across), children, run)


@builds("MatAdd")
def matrix_sum(graph: Graph, expr: Any, scope: Scope) -> Cell:
    """A sum of matrices."""
    children = graph.cells(expr.args, scope)

    def run(state: Any) -> Any:
        total = as_matrix(state.value(children[0]))
        for child in children[1:]:
            total = total + as_matrix(state.value(child))
        return total

    return graph.shared("sum of matrices", children, run)


@builds("MatMul")
def matrix_product(graph: Graph, expr: Any, scope: Scope) -> Cell:
    """A product of scalars and matrices."""
    if vanishes(graph, expr.args, scope):
        return graph.cell(ZeroMatrix(*expr.shape), scope)
    scalars = graph.cells((a for a in expr.args if not getattr(a, "is_Matrix", False)), scope)
    matrices = graph.cells((a for a in expr.args if getattr(a, "is_Matrix", False)), scope)

    def run(state: Any) -> Any:
        total = as_matrix(state.value(matrices[0]))
        for child in matrices[1:]:
            total = total * as_matrix(state.value(child))
        for child in scalars:
            total = total * state.value(child)
        return total

    return graph.shared("product of matrices", (*scalars, *matrices), run)


@builds("Transpose")
def transpose(graph: Graph, expr: Any, scope: Scope) -> Cell:
    """The transposed matrix."""
    inner = graph.cell(expr.args[0], scope)
    return graph.shared("transpose", (inner,), lambda state: state.value(inner).T)


@builds("Inverse", "MatPow")
def matrix_power(graph: Graph, expr: Any, scope: Scope) -> Cell:
    """An integer power of a square matrix, the inverse among them."""
    if not expr.args[1].is_Integer:
        raise no_evaluation(expr)
    inner, n = graph.cell(expr.args[0], scope), int(expr.args[1])
    return graph.shared(("matrix power", n), (inner,), lambda state: state.value(inner) ** n)


@builds("HadamardProduct")
def hadamard_product(graph: Graph, expr: Any, scope: Scope) -> Cell:
    """A product entry by entry."""
    children = graph.cells(expr.args, scope)

    def run(state: Any) -> Any:
        total = state.value(children[0])
        for child in children[1:]:
            factor = state.value(child)
            total = _filled(
                total.rows, total.cols, lambda i, j, a=total, b=factor: a[i, j] * b[i, j]
            )
        return total

    return graph.shared("Hadamard product", children, run)


@builds("KroneckerProduct")
def kronecker_product(graph: Graph, expr: Any, scope: Scope) -> Cell:
    """Every entry of the first matrix times the whole second one."""
    children = graph.cells(expr.args, scope)

    def times(a: Any, b: Any) -> Any:
        return _filled(
            a.rows * b.rows,
            a.cols * b.cols,
            lambda i, j: a[i // b.rows, j // b.cols] * b[i % b.rows, j % b.cols],
        )

    def run(state: Any) -> Any:
        return reduce(times, (state.value(child) for child in children))

    return graph.shared("Kronecker product", children, run)


@builds("HadamardPower")
def hadamard_power(graph: Graph, expr: Any, scope: Scope) -> Cell:
    """A power entry by entry."""
    base, exponent = graph.cells(expr.args, scope)

    def run(state: Any) -> Any:
        return state.value(base).apply(lambda entry: mpmath.power(entry, state.value(exponent)))

    return graph.shared("Hadamard power", (base, exponent), run)


@builds("ZeroMatrix", "OneMatrix", "Identity")
def constant_matrix(graph: Graph, expr: Any, scope: Scope) -> Cell:
    """A matrix of zeros, of ones, or the identity."""
    children = graph.cells(expr.shape, scope)
    kind = type(expr).__name__

    def run(state: Any) -> Any:
        rows, columns = (int(state.value(child)) for child in children)
        if kind == "Identity":
            return mpmath.eye(rows)
        return mpmath.zeros(rows, columns) if kind == "ZeroMatrix" else mpmath.ones(rows, columns)

    return graph.shared(kind, children, run)


@builds("DiagMatrix")
def diagonal(graph: Graph, expr: Any, scope: Scope) -> Cell:
    """The diagonal matrix of a vector."""
    inner = graph.cell(expr.args[0], scope)
    return graph.shared(
        "diagonal", (inner,), lambda state: mpmath.diag(entries([state.value(inner)]))
    )


@builds("MatrixElement")
def element(graph: Graph, expr: Any, scope: Scope) -> Cell:
    """One entry of a matrix."""
    inner, i, j = graph.cells(expr.args, scope)

    def run(state: Any) -> Any:
        return state.value(inner)[int(state.value(i)), int(state.value(j))]

    return graph.shared("element", (inner, i, j), run)


@builds("Trace")
def trace(graph: Graph, expr: Any, scope: Scope) -> Cell:
    """The sum of the diagonal."""
    inner = graph.cell(expr.args[0], scope)

    def run(state: Any) -> Any:
        value = state.value(inner)
        return mpmath.fsum(value[i, i] for i in range(value.rows))

    return graph.shared("trace", (inner,), run)


@builds("Determinant")
def determinant(graph: Graph, expr: Any, scope: Scope) -> Cell:
    """The determinant."""
    inner = graph.cell(expr.args[0], scope)
    return graph.shared("determinant", (inner,), lambda state: mpmath.det(state.value(inner)))


@builds("ElementwiseApplyFunction", "Elementwise")
def elementwise(graph: Graph, expr: Any, scope: Scope) -> Cell:
    """A scalar function of every entry."""
    function, argument = expr.args
    (slot,) = function.variables
    variable = graph.variable(slot)
    # Whatever the slot is called, here it is the slot.
    body = graph.cell(function.expr, scope.inside({slot: variable}))
    inner = graph.cell(argument, scope)

    def run(state: Any) -> Any:
        return state.value(inner).apply(lambda entry: state.moving({variable: entry}).value(body))

    return graph.shared("elementwise", (inner, body), run, symbol=variable)


@builds("ScaledRows")
def scaled_rows(graph: Graph, expr: Any, scope: Scope) -> Cell:
    """Every row multiplied by an entry of a column."""
    column, matrix = graph.cells(expr.args, scope)

    def run(state: Any) -> Any:
        factors, value = state.value(column), as_matrix(state.value(matrix))
        return _filled(value.rows, value.cols, lambda i, j: factors[i] * value[i, j])

    return graph.shared("scaled rows", (column, matrix), run)


@builds("ScalarProduct")
def scalar_product(graph: Graph, expr: Any, scope: Scope) -> Cell:
    """The sum of the products of the entries of two matrices of the same shape."""
    left, right = graph.cells(expr.args, scope)

    def run(state: Any) -> Any:
        a, b = as_matrix(state.value(left)), as_matrix(state.value(right))
        return mpmath.fsum(a[i, j] * b[i, j] for i in range(a.rows) for j in range(a.cols))

    return graph.shared("scalar product", (left, right), run)


@builds("MatrixSlice")
def part(graph: Graph, expr: Any, scope: Scope) -> Cell:
    """Some rows and columns of a matrix."""
    inner = graph.cell(expr.args[0], scope)
    sides = [tuple(graph.integer(bound, scope) for bound in side) for side in expr.args[1:]]
    rows, columns = (range(*side) for side in sides)

    def run(state: Any) -> Any:
        value = state.value(inner)
        return _filled(len(rows), len(columns), lambda i, j: value[rows[i], columns[j]])

    return graph.shared(("part", *sides), (inner,), run)


@builds("AppliedVectorFunction")
def vector_function(graph: Graph, expr: Any, scope: Scope) -> Cell:
    """An unspecified vector function: a smooth one for every entry."""
    if graph.realisation is None:
        raise no_evaluation(expr)
    size, inner = graph.cells(expr.args[1:], scope)
    head = expr.args[0]

    def run(state: Any) -> Any:
        values = entries([state.value(inner)])
        rows = range(int(state.value(size)))
        return mpmath.matrix([graph.realisation.smooth(head, values, i) for i in rows])

    return graph.shared(("vector function", head), (size, inner), run)


@builds("JacobianOf")
def jacobian(graph: Graph, expr: Any, scope: Scope) -> Cell:
    """The derivatives of a vector function by its argument, by difference quotients."""
    if graph.realisation is None:
        raise no_evaluation(expr)
    size, inner = graph.cells(expr.args[0].args[1:], scope)
    head = expr.args[0].args[0]

    def run(state: Any) -> Any:
        state.deeper()
        values, h = entries([state.value(inner)]), state.step
        rows = range(int(state.value(size)))

        def at(i: int, j: int, sign: int) -> Any:
            moved = [v + sign * h if k == j else v for k, v in enumerate(values)]
            return graph.realisation.smooth(head, moved, i)

        return mpmath.matrix(
            [[(at(i, j, 1) - at(i, j, -1)) / (2 * h) for j in range(len(values))] for i in rows]
        )

    return graph.shared(("jacobian", head), (size, inner), run)


def is_matrix(expr: Any) -> bool:
    """Whether an expression is a matrix, explicit or not."""
    return isinstance(expr, MatrixBase) or bool(getattr(expr, "is_Matrix", False))
