"""Python functions as algorithms: assignments, loops, branches and calls, refused by the line.

What latexify drops or misreads (keyword arguments, starred arguments, docstrings, comprehensions,
matrix products) never reaches it: it is taken out where it means nothing, and refused where it
means something.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from ..errors import NoRuleError
from .as_written import Emitter, Tokens, latexify_emitter, own_emitter
from .documents.algorithmic import Algorithm, Instruction
from .latex_names import function_name, symbol_name
from .python_subset import Expressions, known_function, refused

__all__ = ["from_python"]

_RELATIONS = {
    ast.Lt: "<", ast.Gt: ">", ast.LtE: r"\leq", ast.GtE: r"\geq", ast.Eq: "=", ast.NotEq: r"\neq",
    ast.In: r"\in", ast.NotIn: r"\notin",
}  # fmt: skip


def from_python(function: Any) -> Algorithm:
    r"""The algorithm that a function, or the source of one, states.

    Raises
    ======

    NoRuleError : for a line that the box cannot show; it names the line and says what to write.

    Examples
    ========

    >>> found = from_python("def f(x, n):\n    for i in range(n):\n        x -= x/2\n    return x")
    >>> for line in found.lines:
    ...     print(line.depth, line.kind, line.left, line.right)
    0 for i \{0, \dots, n - 1\}
    1 assign x x - \frac{x}{2}
    0 return x
    """
    text = function if isinstance(function, str) else _source(function)
    try:
        body = ast.parse(textwrap.dedent(text)).body
    except SyntaxError as error:
        raise NoRuleError(f"asked for the algorithm of source that is no Python: {error}") from None
    functions = [node for node in body if isinstance(node, ast.FunctionDef)]
    if not functions:
        raise NoRuleError("asked for the algorithm of source without a def: write 'def f(x): …'")
    tree = functions[-1]
    given = tree.args
    if given.vararg or given.kwarg or given.kwonlyargs or given.defaults:
        raise refused(tree, "arguments that are not plain names")
    arguments = tuple(symbol_name(a.arg) for a in (*given.posonlyargs, *given.args))
    lines = tuple(_Statements().read(tree.body, 0))
    title = tree.name.replace("_", " ").capitalize()
    name = "".join(part.capitalize() for part in tree.name.split("_"))
    return Algorithm(title, name or "F", arguments, lines)


def _source(function: Any) -> str:
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        raise NoRuleError(
            f"asked for the algorithm of {function!r}, whose source cannot be read: write it in a "
            "file or a notebook, or give the source as a string"
        ) from None


class _Statements:
    """Reads statements."""

    def __init__(self, emitter: Emitter | None = None) -> None:
        self.emitter = emitter or latexify_emitter() or own_emitter

    def read(self, body: Sequence[ast.stmt], depth: int) -> Iterator[Instruction]:
        """The instructions of a block."""
        for statement in body:
            yield from self.statement(statement, depth)

    def statement(self, node: ast.stmt, depth: int) -> Iterator[Instruction]:
        """The instructions of one statement."""
        match node:
            case ast.Expr(value=ast.Constant(value=str())) | ast.Pass():
                return
            case ast.Expr(value=ast.Call() as call):
                yield Instruction(depth, "state", self.tex(call))
            case ast.Assign(targets=[target], value=value):
                yield Instruction(depth, "assign", self.target(target), self.tex(value))
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                yield Instruction(depth, "assign", self.target(target), self.tex(value))
            case ast.AugAssign(target=target, op=op, value=value):
                before = ast.parse(ast.unparse(target), mode="eval").body
                sum_ = ast.copy_location(ast.BinOp(before, op, value), node)
                yield Instruction(depth, "assign", self.target(target), self.tex(sum_))
            case ast.For(target=target, iter=iterated, body=body, orelse=[]):
                over = self.range(iterated)
                yield Instruction(depth, "for", self.target(target), over)
                yield from self.read(body, depth + 1)
            case ast.While(test=test, body=body, orelse=[]):
                yield Instruction(depth, "while", self.tex(test))
                yield from self.read(body, depth + 1)
            case ast.If(test=test, body=body, orelse=other):
                yield Instruction(depth, "if", self.tex(test))
                yield from self.read(body, depth + 1)
                if other:
                    yield Instruction(depth, "else")
                    yield from self.read(other, depth + 1)
            case ast.Return(value=value):
                yield Instruction(depth, "return", self.tex(value) if value else "")
            case _:
                raise refused(node, f"the statement {ast.unparse(node).splitlines()[0]}")

    def target(self, node: ast.expr) -> str:
        """What is assigned to."""
        if isinstance(node, ast.Tuple):
            return ", ".join(map(self.target, node.elts))
        if isinstance(node, (ast.Name, ast.Subscript)):
            return self.tex(node)
        raise refused(node, f"an assignment to {ast.unparse(node)}")

    def range(self, node: ast.expr) -> str:
        """What a loop runs over."""
        match node:
            case ast.Call(func=ast.Name(id="range"), args=[end], keywords=[]):
                first = "0"
            case ast.Call(func=ast.Name(id="range"), args=[start, end], keywords=[]):
                first = self.tex(start)
            case _:
                return self.tex(node)
        if isinstance(end, ast.Constant) and isinstance(end.value, int):
            last = str(end.value - 1)
        else:
            last = f"{self.tex(end)} - 1"
        return rf"\{{{first}, \dots, {last}\}}"

    def tex(self, node: ast.expr) -> str:
        """LaTeX of an expression."""
        if isinstance(node, ast.Tuple):
            return ", ".join(map(self.tex, node.elts))
        if isinstance(node, ast.Compare):
            text = self.tex(node.left)
            for op, right in zip(node.ops, node.comparators, strict=True):
                if type(op) not in _RELATIONS:
                    raise refused(node, f"the comparison {ast.unparse(node)}")
                text += f" {_RELATIONS[type(op)]} {self.tex(right)}"
            return text
        if isinstance(node, ast.BoolOp):
            word = r" \text{ and } " if isinstance(node.op, ast.And) else r" \text{ or } "
            return word.join(map(self.tex, node.values))
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return rf"\text{{not }} {self.tex(node.operand)}"
        if isinstance(node, ast.Constant) and isinstance(node.value, bool):
            return rf"\text{{{str(node.value).lower()}}}"
        tokens = Tokens()
        known = _Calls(self, tokens).visit(node)
        return tokens.restored(self.emitter(tokens.visit(known)))


class _Calls(Expressions):
    """Expressions in which unknown functions, subscripts and attributes stand by their names."""

    def __init__(self, statements: _Statements, tokens: Tokens) -> None:
        self.statements, self.tokens = statements, tokens

    def _as_token(self, tex: str) -> ast.Name:
        return self.tokens.named(tex)

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        plain = isinstance(node.value, (ast.Name, ast.Attribute, ast.Call))
        if not plain or isinstance(node.slice, ast.Slice):
            raise refused(node, f"the subscript {ast.unparse(node)}")
        below = self.statements.tex(node.slice)
        name = self.statements.tex(node.value)
        return self._as_token(
            f"{name}_{{{below}}}" if "_" not in name else f"{{{name}}}_{{{below}}}"
        )

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        try:
            return super().visit_Attribute(node)
        except NoRuleError:
            if not isinstance(node.value, (ast.Name, ast.Attribute)):
                raise
            return self._as_token(symbol_name(node.attr))

    def visit_Call(self, node: ast.Call) -> ast.AST:
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        if known_function(name) or node.keywords or not name:
            return super().visit_Call(node)
        if any(isinstance(argument, ast.Starred) for argument in node.args):
            raise refused(node, "a starred argument")
        inner = ", ".join(map(self.statements.tex, node.args))
        return self._as_token(rf"{function_name(name)}\left({inner}\right)")
