"""NumPy source at matrix level: columns as last axes, batches as labelled axes before them.

A column `h` of width m at a batch of inputs labelled n is an array (n, m); a weight acts on it as
``h @ W.T``. Scalar products of columns with different labels give all pairs, with equal labels one
number a pair.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from sympy import Add, HadamardProduct, Identity, MatAdd, MatMul, MatrixSymbol, Mul, Pow, Transpose
from sympy.matrices.matrixbase import MatrixBase
from sympy.printing.numpy import SciPyPrinter

from ..arrays import SoftmaxVector
from ..closedform import Definitions, hoist
from ..elementwise import Elementwise, ScalarProduct, ScaledRows
from ..errors import NoRuleError, ShapeError
from ..symbols import NameMatrix, ParameterMatrix
from .code_layout import assignment
from .code_names import check_identifier, identifier, natural

__all__ = ["MatrixSource", "is_matrix_level", "write_matrix_source"]


class MatrixSource(NamedTuple):
    """A generated function: its text, its trainable matrices and its inputs, in order."""

    text: str
    parameters: tuple[Any, ...]
    inputs: tuple[Any, ...]


class Coded(NamedTuple):
    """Code of an array: the labels of its batch axes, and whether it is one name or call."""

    text: str
    labels: tuple[str, ...] = ()
    atom: bool = True

    @property
    def factor(self) -> str:
        """The code as a factor."""
        return self.text if self.atom else f"({self.text})"


def is_matrix_level(expr: Any) -> bool:
    """Whether a formula is made of trainable matrices, so that this room writes its code."""
    return bool(getattr(expr, "free_symbols", None)) and any(
        isinstance(s, ParameterMatrix) for s in expr.free_symbols
    )


def write_matrix_source(closed: Any, batch: Mapping[Any, str] | None, name: str) -> MatrixSource:
    """The source of ``name(params, x, …)`` that computes a closed form of trainable matrices.

    Parameters
    ==========

    closed : a closed form in parameter matrices and input columns.
    batch : {input: label}; inputs with different labels give all pairs, with equal labels pairs.
    name : what the function is called.
    """
    check_identifier(name)
    definitions = Definitions()
    body = hoist(closed, definitions)
    symbols = sorted(closed.free_symbols, key=lambda s: natural(str(s)))
    trained = tuple(s for s in symbols if isinstance(s, ParameterMatrix))
    given = tuple(s for s in symbols if isinstance(s, MatrixSymbol) and s not in trained)
    writer = _Writer(trained, given, dict(batch or {}))
    for label, value in definitions.items():
        writer.define(label, value)
    result = writer.result(body)
    unpacked = ", ".join(map(writer.name, trained))
    looked_up = ", ".join(f'params["{s.name}"]' for s in trained)
    lines = [
        f"def {name}({', '.join(['params', *map(writer.name, given)])}):",
        f'    """{writer.summary(trained, given)}',
        '    """',
        *assignment(unpacked, looked_up),
        *(line for code in writer.lines for line in code),
        *_returned(result),
    ]
    imports = ["import numpy as np"]
    imports += (
        [f"from scipy.special import {', '.join(sorted(writer.special))}"] if writer.special else []
    )
    return MatrixSource("\n".join([*imports, "", "", *lines]) + "\n", trained, given)


def _returned(result: str) -> list[str]:
    if len(result) < 88:
        return [f"    return {result}"]
    return [*assignment("result", result), "    return result"]


class _Writer:
    """One function while it is written."""

    def __init__(
        self, trained: tuple[Any, ...], given: tuple[Any, ...], batch: dict[Any, str]
    ) -> None:
        for symbol in batch:
            if symbol not in given:
                kind = "trainable" if symbol in trained else "no input of the formula"
                raise ShapeError(
                    f"asked for a batch of {symbol}, which is {kind}: label the inputs "
                    f"{', '.join(map(str, given))}, as batch={{{given[0] if given else 'x'}: 'n'}}"
                )
        for symbol in given:
            if symbol.shape[1] != 1:
                raise ShapeError(f"the input {symbol} is no column: its shape is {symbol.shape}")
        self.order = list(dict.fromkeys(batch.values()))
        self.batch = batch
        self.lines: list[list[str]] = []
        self.special: set[str] = set()
        self.known: dict[Any, Coded] = {
            s: Coded(self.name(s), (batch[s],) if s in batch else ()) for s in (*trained, *given)
        }
        self.sizes: dict[Any, str] = {}
        for s in given:
            self.sizes.setdefault(s.shape[0], f"{self.name(s)}.shape[-1]")
        for s in trained:
            for axis in range(1 if s.shape[1] == 1 else 2):
                self.sizes.setdefault(s.shape[axis], f"{self.name(s)}.shape[{axis}]")
        self.values: dict[Any, dict[Any, Coded]] = {}

    def name(self, symbol: Any) -> str:
        """The code name of a symbol."""
        return identifier(symbol.name)

    def summary(self, trained: tuple[Any, ...], given: tuple[Any, ...]) -> str:
        """The docstring: what the arguments are."""
        shapes = [f"    params: {', '.join(f'{s.name} {_shape(s)}' for s in trained)}."]
        for s in given:
            axes = ", ".join([*((self.batch[s],) if s in self.batch else ()), str(s.shape[0])])
            shapes.append(f"    {self.name(s)}: an input, an array ({axes}).")
        return "A closed form at matrix level.\n\n" + "\n".join(shapes)

    def define(self, label: Any, value: Any) -> None:
        """A line for a definition."""
        code = self.array(value)
        text = self.name(label)
        self.lines.append(assignment(text, code.text))
        self.known[label] = Coded(text, code.labels)
        if isinstance(value, Elementwise):
            self.values.setdefault(value.argument, {})[value.function] = self.known[label]

    def result(self, body: Any) -> str:
        """The code of the main formula: a scalar, or a matrix of directions on the last axes."""
        if isinstance(body, MatrixBase) and body.shape == (1, 1):
            body = body[0, 0]
        if not getattr(body, "is_Matrix", False):
            return self.scalar(body).text
        if body.shape[1] == 1:
            return self.array(body).text
        return self.directions(body).text

    # --- arrays -----------------------------------------------------------------------------------
    def array(self, node: Any) -> Coded:
        """A column as (…, s), or a matrix of directions as (…, s, k)."""
        if node in self.known:
            return self.known[node]
        if isinstance(node, Transpose) and _is_weight(node.arg):
            text = self.known[node.arg].text
            return Coded(f"{text}[0]" if node.shape[1] == 1 else f"{text}.T")
        if isinstance(node, MatAdd):
            return self.joined(" + ", [self.array(term) for term in node.args])
        if isinstance(node, MatMul):
            return self.product(node)
        if isinstance(node, Elementwise):
            return self.elementwise(node)
        if isinstance(node, ScaledRows):
            vector, matrix = (self.array(arg) for arg in node.args)
            if node.shape[1] != 1:
                vector = Coded(f"{vector.factor}[..., None]", vector.labels)
            return self.joined("*", [vector, matrix])
        if isinstance(node, HadamardProduct):
            return self.joined("*", [self.array(factor) for factor in node.args])
        if isinstance(node, SoftmaxVector):
            self.special.add("softmax")
            inner = self.array(node.argument)
            return Coded(f"softmax({inner.text}, axis=-1)", inner.labels)
        if isinstance(node, Identity):
            like = next((c.text for c in self.known.values() if c.text.isidentifier()), None)
            kind = f", dtype={like}.dtype" if like else ""
            return Coded(f"np.eye({self.size(node.shape[0])}{kind})")
        raise NoRuleError(
            f"asked for NumPy code of {node}, a {type(node).__name__}, at matrix level: write it "
            "with sums, products, Elementwise and Hadamard products"
        )

    def product(self, node: Any) -> Coded:
        """`s A B v`: weights from the right onto a column, or onto directions."""
        scalar, matrices = node.as_coeff_matrices()
        code = self.array(matrices[-1])
        for matrix in reversed(matrices[:-1]):
            inner = matrix.arg if isinstance(matrix, Transpose) else matrix
            if not _is_weight(inner):
                raise NoRuleError(
                    f"asked for NumPy code of the product {node} with {matrix} inside"
                )
            text = self.known[inner].text
            if node.shape[1] != 1:
                text = f"{text}.T" if isinstance(matrix, Transpose) else text
                code = Coded(f"{text} @ {code.factor}", code.labels, False)
            else:
                text = text if isinstance(matrix, Transpose) else f"{text}.T"
                code = Coded(f"{code.factor} @ {text}", code.labels, False)
        return code if scalar == 1 else self.joined("*", [self.scalar(scalar), code])

    def elementwise(self, node: Any) -> Coded:
        """The function of an array, in terms of values of it that have a name already."""
        (entry,) = node.function.variables
        argument = self.array(node.argument)
        if not argument.text.isidentifier():
            text = f"t{len(self.lines)}"
            self.lines.append(assignment(text, argument.text))
            argument = self.known[node.argument] = Coded(text, argument.labels)
        names = {entry: argument.text}
        for function, code in self.values.get(node.argument, {}).items():
            names[function(entry)] = code.text
        return Coded(
            _ScalarCode(names, self.special).doprint(node.function.expr), argument.labels, False
        )

    # --- scalars and directions -------------------------------------------------------------------
    def scalar(self, expr: Any) -> Coded:
        """A scalar expression of scalar products, aligned over its labels."""
        if isinstance(expr, ScalarProduct) and not expr.has(Identity):
            return self.scalar_product(expr)
        if isinstance(expr, Add):
            terms = sorted(expr.args, key=lambda term: bool(term.is_number))
            return self.joined(" + ", [self.scalar(term) for term in terms])
        if isinstance(expr, Mul):
            return self.joined("*", [self.scalar(factor) for factor in expr.args])
        if isinstance(expr, Pow) and expr.exp.is_Integer:
            base = self.scalar(expr.base)
            return Coded(f"{base.factor}**{expr.exp}", base.labels)
        if expr.is_number:
            return Coded(repr(int(expr)) if expr.is_Integer else repr(float(expr)))
        raise NoRuleError(f"asked for NumPy code of the scalar {expr} at matrix level")

    def scalar_product(self, expr: Any) -> Coded:
        """`uᵀ v`: a number a pair, or all pairs."""
        u, v = sorted((self.array(arg) for arg in expr.args), key=lambda c: self.places(c.labels))
        if u.labels == v.labels:
            text = (
                f"np.sum({u.factor}*{v.factor}, axis=-1)"
                if u.labels
                else f"{u.factor} @ {v.factor}"
            )
            return Coded(text, u.labels, bool(u.labels))
        if not u.labels or not v.labels:
            one, other = (v, u) if not u.labels else (u, v)
            return Coded(f"{one.factor} @ {other.factor}", one.labels, False)
        if len(u.labels) == len(v.labels) == 1:
            return Coded(f"{u.factor} @ {v.factor}.T", (*u.labels, *v.labels), False)
        return self.contracted(u, v, "s", "s")

    def directions(self, node: Any) -> Coded:
        """A matrix of pairs of directions, on the last two axes."""
        if isinstance(node, MatAdd):
            return self.joined(" + ", [self.directions(term) for term in node.args])
        if isinstance(node, Identity):
            return self.array(node)
        scalar, matrices = node.as_coeff_matrices() if isinstance(node, MatMul) else (1, [node])
        if len(matrices) == 2 and isinstance(matrices[0], Transpose):
            code = self.transposed_product(self.array(matrices[0].arg), self.array(matrices[1]))
        elif len(matrices) == 1 and isinstance(matrices[0], MatMul):
            code = self.directions(matrices[0])
        elif len(matrices) == 1 and isinstance(matrices[0], (Identity, NameMatrix)):
            code = self.array(matrices[0])
        else:
            raise NoRuleError(f"asked for NumPy code of the directions {node}")
        if scalar == 1:
            return code
        front = self.scalar(scalar)
        spread = f"{front.factor}[..., None, None]" if front.labels else front.factor
        return self.joined("*", [Coded(spread, front.labels), code])

    def transposed_product(self, a: Coded, b: Coded) -> Coded:
        """`Aᵀ B` of directions, over all labels."""
        if not a.labels and not b.labels:
            return Coded(f"{a.factor}.T @ {b.factor}", (), False)
        return self.contracted(a, b, "si", "sj")

    def contracted(self, a: Coded, b: Coded, left: str, right: str) -> Coded:
        """The sum over the axis s of two arrays, for all their labels."""
        labels = self.union([a, b])
        letters = {label: "nmpqr"[i] for i, label in enumerate(self.order)}
        one, other, both = ("".join(letters[x] for x in c) for c in (a.labels, b.labels, labels))
        axes = f'"{one}{left},{other}{right}->{both}{left[1:]}{right[1:]}"'
        return Coded(f"np.einsum({axes}, {a.text}, {b.text}, optimize=True)", labels)

    # --- labels -----------------------------------------------------------------------------------
    def places(self, labels: tuple[str, ...]) -> tuple[int, ...]:
        """The places of labels in the order of the result."""
        return tuple(self.order.index(label) for label in labels)

    def union(self, codes: list[Coded]) -> tuple[str, ...]:
        """All labels of some arrays, in order."""
        return tuple(label for label in self.order if any(label in c.labels for c in codes))

    def joined(self, sign: str, codes: list[Coded]) -> Coded:
        """Arrays joined by a sign, each with axes for the labels that it lacks."""
        labels = self.union(codes)
        product = sign == "*"
        texts = [self.aligned(c, labels, product) for c in codes]
        return Coded(sign.join(texts).replace("+ -", "- "), labels, len(codes) == 1)

    def aligned(self, code: Coded, labels: tuple[str, ...], product: bool) -> str:
        """The code with an axis of length 1 for every later label that it lacks."""
        present = [label in code.labels for label in labels]
        if not code.labels or all(present[present.index(True) :]):
            return code.factor if product else code.text
        index = ", ".join(":" if here else "None" for here in present[present.index(True) :])
        return f"{code.factor}[{index}]"

    def size(self, size: Any) -> str:
        """The code of a width."""
        if size.is_Integer:
            return str(size)
        if size not in self.sizes:
            raise ShapeError(f"the width {size} cannot be read off any argument of the function")
        return self.sizes[size]


class _ScalarCode(SciPyPrinter):
    """The function of one entry, written for arrays, with names for what has one."""

    def __init__(self, names: Mapping[Any, str], special: set[str]) -> None:
        super().__init__({"fully_qualified_modules": False})
        self._names, self._special = names, special

    def _print(self, expr: Any, **kwargs: Any) -> str:
        return self._names[expr] if expr in self._names else str(super()._print(expr, **kwargs))

    def _module_format(self, fqn: str, register: bool = True) -> str:
        library, _, name = fqn.rpartition(".")
        if library == "scipy.special":
            self._special.add(name)
            return name
        return f"np.{name}"


def _is_weight(matrix: Any) -> bool:
    """Whether a matrix is an argument with two axes; a column is an array with one."""
    return isinstance(matrix, ParameterMatrix) and matrix.shape[1] != 1


def _shape(symbol: Any) -> str:
    rows, columns = symbol.shape
    return f"({rows},)" if columns == 1 else f"({rows}, {columns})"
