"""The text of a generated function: imports, helpers, signature, docstring, one line a definition,
results.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any, NamedTuple

from sympy import I
from sympy.matrices.expressions.matexpr import MatrixSymbol

from ..errors import NameClashError, ShapeError
from .arguments import free_symbols, leaves, roles
from .careful import HELPERS
from .code_layout import assignment, literal_lines, signature_lines
from .code_names import CodeNames, check_identifier
from .numpy_printer import NumpyWriter
from .sharing import Sharing
from .stable import stabilise
from .unfolding import Array, Branch, Formula, Group, Leaf, walk

__all__ = ["Source", "write_source"]

_MANY = 24
_PLURALS = {
    "parameter": "parameters",
    "property of the parameters": "properties of the parameters",
    "input or constant": "inputs or constants",
}


class Source(NamedTuple):
    """A generated function: its text, the code name of every argument, its parameters."""

    text: str
    names: dict[Any, str]
    signature: tuple[str, ...]


def write_source(args: tuple[Any, ...], formula: Formula, name: str, summary: str) -> Source:
    """The source of ``name(args)`` that computes a formula; ``summary`` begins its docstring.

    Raises
    ======

    NameClashError : for a name that code cannot hold, or that means two things.
    ShapeError : for free symbols that are not among the arguments.
    NoRuleError : for a node that no code is known for.
    """
    check_identifier(name)
    symbols = leaves(args)
    names = CodeNames(symbols)
    missing = sorted(free_symbols(formula).difference(symbols), key=lambda s: s.sort_key())
    if missing:
        listed = ", ".join(str(symbol) for symbol in missing)
        raise ShapeError(
            f"asked for code of a formula in {listed}, which are not among the arguments "
            f"({', '.join(map(str, symbols)) or 'there are none'}): add them, or substitute "
            "values for them"
        )
    return _Text(args, formula, names).source(name, summary)


class _Text:
    """One function while it is written."""

    def __init__(self, args: tuple[Any, ...], formula: Formula, names: CodeNames) -> None:
        self.args, self.symbols, self.names = args, leaves(args), names
        self.argument_names = dict(names.of)
        scalars, definitions = stabilise(formula.scalars(), formula.definitions)
        self.formula = formula.replaced(scalars, definitions)
        self.sharing = Sharing(scalars, definitions)
        self.program = self.sharing.program(names)
        self.writer = NumpyWriter(self.program.names, self.sharing, names.fresh)
        self.constants = {s for s in scalars if self.symbols and self.sharing.is_constant(s)}
        self.needs_shape = bool(self.constants) or _has_array(formula.tree)
        self.shape = names.fresh("shape") if self.needs_shape else ""
        self.is_complex = any(
            I in node.args or node is I for node in walk(*scalars, *definitions.values())
        )

    def source(self, name: str, summary: str) -> Source:
        signature, opening = self._signature()
        body = [*opening, *self._definitions(), *self._results()]
        integrands = [self._integrand(call, own) for call, own in self.writer.integrands.items()]
        self._check_imports(name)
        lines = [*signature_lines(name, signature), *self._docstring(summary), *body]
        functions = [*self.writer.needed(), *integrands, "\n".join(lines) + "\n"]
        imports = [] if "np." not in "".join((*functions[:-1], *body)) else ["import numpy as np"]
        if self.writer.imports:
            imports.append(f"from scipy.special import {', '.join(sorted(self.writer.imports))}")
        parts = ["\n".join(imports) + "\n"] if imports else []
        return Source("\n\n".join([*parts, *functions]), self.argument_names, tuple(signature))

    def _integrand(self, call: Any, name: str) -> str:
        """The function of an integrand; what it imports and needs is needed here."""
        args = (call.variable, *call.parameters)
        formula = Formula(Group(tuple, tuple(map(Leaf, call.pair))), dict(call.definitions))
        inner = _Text(args, formula, CodeNames(args))
        signature, opening = inner._signature()
        body = [*opening, *inner._definitions(), *inner._results()]
        self.writer.imports |= inner.writer.imports
        self.writer.helpers |= inner.writer.helpers
        text = '    """The logarithm of a weight, and the factor beside it."""'
        return "\n".join([*signature_lines(name, signature), text, *body]) + "\n"

    def _check_imports(self, name: str) -> None:
        used = self.writer.imports | self.writer.helpers
        for code in (*self.names.taken, name):
            if code in used or (code == name and code in HELPERS):
                raise NameClashError(
                    f"asked for code in which {code!r} is a name, but the code calls the function "
                    f"{code}: rename the symbol, as in expr.subs(symbol, Symbol('{code}_')), or "
                    f"the function, as in name='{code}_'"
                )

    # --- arguments --------------------------------------------------------------------------------
    def _signature(self) -> tuple[list[str], list[str]]:
        signature, opening = [], []
        for arg in self.args:
            if isinstance(arg, tuple):
                group = self.names.fresh("params" if _all_trained(arg) else "values")
                signature.append(group)
                if arg:
                    opening += assignment(self._targets(arg), group)
            else:
                signature.append(self.argument_names[arg])
        return signature, opening

    def _targets(self, group: tuple[Any, ...]) -> str:
        inner = [
            f"({self._targets(arg)})" if isinstance(arg, tuple) else self.argument_names[arg]
            for arg in group
        ]
        return ", ".join(inner) + ("," if len(inner) == 1 else "")

    def _docstring(self, summary: str) -> Iterator[str]:
        lines = [*textwrap.wrap(_harmless(summary), 92), ""]
        for role, symbols in roles(self.symbols):
            codes = [self.argument_names[symbol] for symbol in symbols]
            listed = ", ".join(codes)
            if len(codes) > _MANY:
                listed = f"{', '.join(codes[:3])}, …, {codes[-1]} ({len(codes)} of them)"
            kind = role if len(codes) == 1 else _PLURALS.get(role, role)
            lines += textwrap.wrap(f"{listed}: {kind}.", 92)
        if self.symbols:
            lines += ["", "Each is a number or an array; arrays broadcast."]
        returned = _returned(self.formula.tree)
        if returned:
            lines += textwrap.wrap(returned, 92)
        if not lines[-1]:
            lines.pop()
        yield f'    """{lines[0]}' + ('"""' if len(lines) == 1 else "")
        for line in lines[1:]:
            yield f"    {line}".rstrip()
        if len(lines) > 1:
            yield '    """'

    # --- body -------------------------------------------------------------------------------------
    def _definitions(self) -> list[str]:
        lines = []
        for name, value in self.program.lines:
            lines += assignment(name, self.writer.definition(value))
        return lines

    def _results(self) -> list[str]:
        lines: list[str] = []
        if self.needs_shape:
            lines += assignment(self.shape, self._broadcast_shape())
        result = self._result(self.formula.tree, lines, top=True)
        return [*lines, *literal_lines("return ", result)]

    def _broadcast_shape(self) -> str:
        shapes = []
        for symbol in self.symbols:
            axes = ""
            if isinstance(symbol, MatrixSymbol):
                axes = "[:-1]" if symbol.shape[1] == 1 else "[:-2]"
            shapes.append(f"np.shape({self.argument_names[symbol]}){axes}")
        return f"np.broadcast_shapes({', '.join(shapes)})"

    def _dtype(self) -> str:
        one = "1j" if self.is_complex else "1.0"
        return (
            f"np.result_type({', '.join([*(self.argument_names[s] for s in self.symbols), one])})"
        )

    def _result(self, tree: Branch, lines: list[str], top: bool = False) -> Any:
        """The text of a result, or a list of texts; what is long is assigned first."""
        if isinstance(tree, Leaf):
            text = self._broadcast(tree.expr)
            if top or len(text) <= _MANY:
                return text
            name = self.names.numbered("result")
            lines += assignment(name, text)
            return name
        if isinstance(tree, Array):
            return self._array(tree, lines)
        texts = [self._result(item, lines) for item in tree.items]
        if tree.kind is dict:
            return {repr(key): text for key, text in zip(tree.keys, texts, strict=True)}
        return texts if tree.kind is list else tuple(texts)

    def _broadcast(self, expr: Any) -> str:
        text = self.writer.write(expr)
        if expr not in self.constants:
            return text
        kind = "" if expr.is_Boolean else f", dtype={self._dtype()}"
        return f"np.full({self.shape}, {text}{kind})"

    def _array(self, tree: Array, lines: list[str]) -> str:
        out = self.names.fresh("out")
        lengths = ", ".join(map(str, tree.shape))
        entries = [(i, expr) for i, expr in enumerate(tree.entries) if expr != 0]
        make = "empty" if len(entries) == len(tree.entries) else "zeros"
        lines += assignment(out, f"np.{make}((*{self.shape}, {lengths}), dtype={self._dtype()})")
        for i, expr in entries:
            index = str(i) if len(tree.shape) == 1 else "{}, {}".format(*divmod(i, tree.shape[1]))
            lines += assignment(f"{out}[..., {index}]", self.writer.write(expr))
        return out


def _has_array(tree: Branch) -> bool:
    if isinstance(tree, Group):
        return any(map(_has_array, tree.items))
    return isinstance(tree, Array)


def _all_trained(group: tuple[Any, ...]) -> bool:
    return all(role.startswith(("parameter", "trained")) for role, _ in roles(leaves(group)))


def _returned(tree: Branch) -> str:
    if isinstance(tree, Array):
        axes = (
            f"an axis of length {tree.shape[0]}"
            if len(tree.shape) == 1
            else f"two axes, {tree.shape}"
        )
        return f"Returns an array with {axes} after those of the arguments."
    if isinstance(tree, Group):
        keys = f" with the keys {', '.join(map(str, tree.keys))}" if tree.keys else ""
        return f"Returns a {tree.kind.__name__} of {len(tree.items)} results{keys}."
    return ""


def _harmless(text: str) -> str:
    """Text that a docstring can hold: no quotes that end it, no escapes, one line."""
    printable = "".join(character if character.isprintable() else " " for character in text)
    return printable.replace("\\", "\\\\").replace('"', "'")
