"""NumPy source at matrix level: columns as last axes, batches as labelled axes before them.

A column `h` of width m at a batch of inputs labelled n is an array (n, m); a weight acts on it as
``h @ W.T``. Scalar products of columns with different labels give all pairs, with equal labels one
number a pair. The closed form is read entry by entry, and every sum over an index is planned as a
contraction of arrays; so sequences, convolutions and sums over data are written by the same rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from sympy import MatrixSymbol, Symbol, Tuple

from ..closedform import Definitions, hoist
from ..errors import NameClashError, NoRuleError, ShapeError
from ..indexed.entries import Entry, Index
from ..indexed.families import Member
from ..indexed.sums import SumOver
from ..symbols import Observable, ObservableVector, Parameter, ParameterMatrix
from .array_arguments import Argument, arguments_of
from .array_graph import Array, Graph, Node
from .array_language import NumpyLanguage
from .array_sizes import DIRECTIONS, KERNEL, WIDTH, Sizes, checked_guesses, derived
from .array_text import Line, freed, program
from .array_writer import ArrayWriter
from .code_layout import assignment, signature_lines
from .code_names import CodeNames, check_identifier, natural

__all__ = ["FunctionText", "MatrixSource", "is_matrix_level", "write_matrix_source"]

_LONGEST = 88


class MatrixSource(NamedTuple):
    """A generated function: its text, its trained symbols, its inputs in order, what its arguments
    look like, the sizes that are computed from them, the labels of its result, and whether other
    sizes might have been planned for otherwise.
    """

    text: str
    parameters: tuple[Any, ...]
    inputs: tuple[Any, ...]
    arguments: tuple[Argument, ...]
    sizes: tuple[Any, ...]
    labels: tuple[str, ...]
    has_chosen: bool


def is_matrix_level(expr: Any) -> bool:
    """Whether a formula is made of trainable matrices, or is a scalar or closed form in columns of
    any width or in sums over data, so that this room writes its code.
    """
    symbols = [s for s in getattr(expr, "free_symbols", ()) if isinstance(s, MatrixSymbol)]
    if any(isinstance(s, ParameterMatrix) for s in symbols):
        return True
    if getattr(expr, "is_Matrix", False) and not hasattr(expr, "definitions"):
        return False
    given = [s for s in symbols if not isinstance(s, ObservableVector)]
    if any(not size.is_Integer for s in given for size in s.shape):
        return True
    return bool(given) and expr.has(SumOver, Member)


def write_matrix_source(
    closed: Any,
    batch: Mapping[Any, str] | None,
    name: str,
    *,
    backend: str = "numpy",
    sizes: Mapping[Any, int] | None = None,
) -> MatrixSource:
    """The source of ``name(params, x, …)`` that computes a closed form of trainable matrices.

    Parameters
    ==========

    closed : a closed form in trained matrices, families and scalars, inputs and symbols; or a Tuple
        of these, whose common definitions are computed once.
    batch : {input: label}; inputs with different labels give all pairs, with equal labels pairs.
    name : what the function is called.
    backend : 'numpy'; 'array_api' for the arrays of any library that follows the array API; or
        'numba' for loops over rows that are for themselves, compiled for all processors.
    sizes : {symbol: about how large}, by which contractions are planned. Without them widths are
        taken to be large and sequences short, and nothing of width × width is made for a sample.

    Raises
    ======

    ShapeError : for a label of what is no input, a width that no argument has, a size of nothing.
    NoRuleError : for a node or a function that no code is known for.
    NameClashError : for a name that code cannot hold, or that means two things.
    """
    check_identifier(name)
    definitions = Definitions()
    body = hoist(closed, definitions)
    kind = FunctionText
    if backend == "numba":
        from .loop_source import LoopFunctionText as kind
    text = kind(closed, body, definitions, dict(batch or {}), backend, dict(sizes or {}))
    return text.source(name)


class FunctionText:
    """One function while it is written."""

    def __init__(
        self,
        closed: Any,
        body: Any,
        definitions: Definitions,
        batch: dict[Any, Any],
        backend: str,
        guesses: dict[Any, int],
    ) -> None:
        self.body, self.items, self.batch = body, list(definitions.items()), batch
        symbols = sorted(closed.free_symbols, key=lambda s: natural(str(s)))
        _check_known(symbols)
        shaped = [s for s in symbols if isinstance(s, MatrixSymbol)]
        self.trained = [s for s in symbols if isinstance(s, (Parameter, ParameterMatrix))]
        for weight in _for_widths(closed, shaped):
            self.trained.append(weight)
            shaped.append(weight)
        trained = set(self.trained)
        values = (body, *(value for _, value in self.items))
        self.nodes = set().union(*(value.atoms(Entry, Index, Member) for value in values))
        self.families = _families(self.nodes, set(dict(self.items)), self.trained)
        self.given = [s for s in shaped if s not in trained]
        _check_plain(values, {s for s in self.given if s in self.families})
        sizes = _size_symbols(shaped, self.families)
        self.scalars = [
            s for s in symbols if isinstance(s, Symbol) and s not in trained and s not in sizes
        ]
        self._check_batch()
        self.names = CodeNames([*self.trained, *self.given, *self.scalars])
        self.arguments = arguments_of(
            self.trained, [*self.given, *self.scalars], self.batch, self.families, self.names.of
        )
        self.order = list(dict.fromkeys(batch.values()))
        self.graph = Graph()
        self.language = _language(backend, self.graph)
        guesses = checked_guesses(guesses, sizes)
        self.writer = ArrayWriter(self.graph, self.language, self._sizes(guesses), self.order)
        self._keep_arguments()

    def _check_batch(self) -> None:
        inputs = [*self.given, *self.scalars]
        for symbol, label in self.batch.items():
            if not (isinstance(label, str) and label.isidentifier()):
                raise ShapeError(
                    f"asked for the batch label {label!r} of {symbol}: write a name, as 'n'"
                )
            if symbol not in inputs:
                kind = "trainable" if symbol in self.trained else "no input of the formula"
                first = inputs[0] if inputs else "x"
                raise ShapeError(
                    f"asked for a batch of {symbol}, which is {kind}: label the inputs "
                    f"{', '.join(map(str, inputs))}, as batch={{{first}: 'n'}}"
                )

    def _sizes(self, guesses: dict[Any, int]) -> Sizes:
        """What can be read off the arguments; the inputs first."""
        sizes = Sizes(guesses)
        given = [a for a in self.arguments if not a.is_trained]
        for argument in (*given, *(a for a in self.arguments if a.is_trained)):
            for axis, size in enumerate(argument.axes):
                if isinstance(size, str):
                    sizes.read_label(size, f"{argument.code}.shape[{axis}]")
                elif size is not None:
                    place = axis if argument.is_trained else axis - len(argument.axes)
                    sizes.read(size, f"{argument.code}.shape[{place}]")
        shape = getattr(self.body, "shape", ())
        for size in shape:
            sizes.guess(size, DIRECTIONS)
            sizes.directions.add(size)
        for symbol in self.trained:
            for size in getattr(symbol, "shape", ()):
                sizes.guess(size, WIDTH)
                if size != 1:
                    sizes.widths.add(size)
            sizes.guess(getattr(symbol, "size", None), KERNEL)
        return sizes

    def _keep_arguments(self) -> None:
        writer, first = self.writer, self.arguments[0].code if self.arguments else ""
        self.language.like = first
        for argument in self.arguments:
            node = self.graph.leaf(argument.code, argument.is_trained)
            self.language.declare(argument, node)
            symbol, axes = argument.symbol, list(argument.positions)
            for axis in [i for i, position in enumerate(axes) if position is None][::-1]:
                node = (
                    self.language.picked(node, axis, "0")
                    if axis == 0
                    else self.language.picked_last(node, len(axes) - 1 - axis, "0")
                )
                del axes[axis]
            writer.known[symbol] = Array(node, tuple(axes))
            writer.entries.label_sizes[symbol] = self.families.get(symbol, ())

    # --- text -------------------------------------------------------------------------------------
    def source(self, name: str) -> MatrixSource:
        """The text, and what a caller must know of it."""
        for symbol, value in self.items:
            self.writer.define(symbol, value, self.names.bind(symbol))
        result = self.writer.result(self.body, self.order)
        body = self._body(name, result)
        self._check_calls()
        helpers = self.language.helpers()
        written = "\n".join([*helpers, *body])
        # A definition that the result came to do without may have called for more.
        self.language.special = {f for f in self.language.special if f"{f}(" in written}
        parts = [*self.language.imports(), "", ""]
        for helper in helpers:
            parts += [*helper.splitlines(), "", ""]
        return MatrixSource(
            "\n".join([*parts, *body]) + "\n",
            tuple(self.trained),
            (*self.given, *self.scalars),
            tuple(self.arguments),
            derived(self._index_sizes()),
            tuple(self.order),
            self.writer.products.has_chosen,
        )

    def _body(self, name: str, result: Node) -> list[str]:
        """The lines of the function."""
        lines, returned, kept = program(
            self.graph, self.writer.definitions, result, self.names, self.language
        )
        return [
            *self._head(name),
            *self._unpacked(),
            *self._opening(),
            *_statements(lines, kept),
            *_returned(returned),
        ]

    def _head(self, name: str) -> list[str]:
        signature = ["params", *(a.code for a in self.arguments if not a.is_trained)]
        return [*signature_lines(name, signature), *self._docstring()]

    def _check_calls(self) -> None:
        called = {"params", self.language.module, *self.language.called()}
        for code in self.names.taken:
            if code in called:
                raise NameClashError(
                    f"asked for code in which {code!r} is a name, but the code calls a function or "
                    f"module {code}: rename the symbol, as in expr.subs(symbol, Symbol('{code}_'))"
                )

    def _docstring(self) -> list[str]:
        trained = ", ".join(f"{a.symbol.name} {a.shown}" for a in self.arguments if a.is_trained)
        lines = [f"    params: {trained or 'none'}."]
        for argument in self.arguments:
            if not argument.is_trained:
                kind = f"an array {argument.shown}" if argument.axes else "a number"
                lines.append(f"    {argument.code}: an input, {kind}.")
        parts = self.body if isinstance(self.body, Tuple) else (self.body,)
        shown = ["a number" if s == "()" else f"an array {s}" for s in map(self._shape, parts)]
        lines.append(f"    Returns {', '.join(shown)}.")
        return ['    """A closed form at matrix level.', "", *lines, '    """']

    def _shape(self, body: Any) -> str:
        shape = [*self.order, *(str(s) for s in getattr(body, "shape", ()) if s != 1)]
        return f"({', '.join(shape)}{',' if len(shape) == 1 else ''})"

    def _unpacked(self) -> list[str]:
        trained = [a for a in self.arguments if a.is_trained]
        if not trained:
            return []
        targets = ", ".join(a.code for a in trained)
        values = ", ".join(f'params["{a.symbol.name}"]' for a in trained)
        return assignment(targets, values)

    def _opening(self) -> list[str]:
        arrays = [a.code for a in self.arguments if a.axes]
        given = [a.code for a in self.arguments if a.axes and not a.is_trained]
        return [f"    {line}" for line in self.language.opening(given or arrays[:1])]

    def _index_sizes(self) -> set[Any]:
        found = {node.size for node in self.nodes if isinstance(node, Index)}
        for value in (self.body, *(value for _, value in self.items)):
            found |= set(getattr(value, "shape", ()))
        return {size for size in found if not getattr(size, "is_number", True)}


def _language(backend: str, graph: Graph) -> Any:
    if backend == "numpy":
        return NumpyLanguage(graph)
    if backend == "array_api":
        from .array_api_language import ArrayApiLanguage

        return ArrayApiLanguage(graph)
    if backend == "numba":
        from .loop_language import LoopLanguage

        return LoopLanguage(graph)
    raise NoRuleError(
        f"asked for code for {backend!r}: write backend='numpy', 'array_api' or 'numba'"
    )


def _check_known(symbols: list[Any]) -> None:
    for symbol in symbols:
        if isinstance(symbol, (Observable, ObservableVector)):
            raise NoRuleError(
                f"asked for NumPy code of a formula in {symbol}, a property that is left "
                "unspecified: substitute a formula for it first"
            )


def _check_plain(values: Any, families: set[Any]) -> None:
    """Refuse an input that stands for one array and for a family of them."""
    stack, seen = list(values) if families else [], set()
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        if node in families:
            raise NameClashError(
                f"the input {node} is one array and, as {node}_i, a family of them: give the two "
                "names of their own, as inputs('y', d) beside inputs('x', d, each=i)"
            )
        stack.extend(node.args[1:] if isinstance(node, (Entry, Member)) else node.args)


def _for_widths(closed: Any, shaped: list[Any]) -> list[Any]:
    """Weights that a formula does not hold any more, but whose shapes are in it: of `(xᵀy) I`, the
    covariance of `W x` and `W y`; of `d`, the covariance of a trace with itself.
    """
    if getattr(closed, "origin", None) is None:
        return []
    known = {size for s in shaped for size in s.shape}
    known |= {symbol for size in known for symbol in size.free_symbols}
    inside = (s for s in closed.free_symbols - known if isinstance(s, Symbol))
    wanted = [*getattr(closed, "shape", ()), *sorted(inside, key=str)]
    wanted = [size for size in wanted if not size.is_number and size not in known]
    if not wanted:
        return []
    weights = [s for s in closed.origin.free_symbols if isinstance(s, ParameterMatrix)]
    weights.sort(key=lambda s: natural(s.name))
    found: list[Any] = []
    for size in wanted:
        wide = next((s for s in weights if size in s.shape), None)
        if wide is not None and size not in known:
            found.append(wide)
            known |= set(wide.shape)
    return found


def _families(nodes: set[Any], defined: set[Any], trained: list[Any]) -> dict[Any, Any]:
    """The sizes of the labels of every family that is no definition."""
    found: dict[Any, list[Any]] = {}
    for node in nodes:
        if not isinstance(node, (Member, Entry)) or node.array in defined:
            continue
        array = node.array
        if isinstance(node, Member):
            labels = node.labels
        else:
            labels = node.positions[sum(1 for size in array.shape if size != 1) :]
        if labels:
            sizes = found.setdefault(array, [None] * len(labels))
            for place, label in enumerate(labels):
                if isinstance(label, Index):
                    sizes[place] = label.size
    families = {array: tuple(sizes) for array, sizes in found.items()}
    for symbol in trained:
        if hasattr(symbol, "size"):
            families[symbol] = (symbol.size,)
    return families


def _size_symbols(shaped: list[Any], families: dict[Any, tuple[Any, ...]]) -> set[Any]:
    """The symbols that are sizes of arguments."""
    found: set[Any] = set()
    for symbol in shaped:
        for size in (*symbol.shape, *families.get(symbol, ())):
            found |= getattr(size, "free_symbols", set())
    return found


def _statements(lines: list[Line], kept: frozenset[str]) -> list[str]:
    """The assignments, each array freed when nothing uses it any more."""
    texts = []
    for line, dead in zip(lines, freed(lines, kept), strict=True):
        texts += assignment(line.target, line.value)
        if dead:
            texts.append(f"    del {', '.join(dead)}")
    return texts


def _returned(result: str) -> list[str]:
    if len(result) < _LONGEST:
        return [f"    return {result}"]
    return [*assignment("result", result), "    return result"]
