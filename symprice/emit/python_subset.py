"""The Python that can be shown as it was written: assignments, arithmetic, known functions.

latexify drops keyword arguments and keyword-only parameters without a word, and prints docstrings;
so what it is given is restricted here first, and whatever else stands in a function is refused by
its line.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from typing import Any

from ..errors import NoRuleError

__all__ = [
    "KNOWN",
    "LIBRARIES",
    "Expressions",
    "called",
    "known_function",
    "refused",
    "restricted",
]

# Functions by the name they have in math, NumPy and SciPy, and how LaTeX writes them.
KNOWN = {
    "exp": r"\exp", "log": r"\log", "log2": r"\log_{2}", "log10": r"\log_{10}",
    "sin": r"\sin", "cos": r"\cos", "tan": r"\tan", "sinh": r"\sinh", "cosh": r"\cosh",
    "tanh": r"\tanh", "asin": r"\arcsin", "acos": r"\arccos", "atan": r"\arctan",
    "arcsin": r"\arcsin", "arccos": r"\arccos", "arctan": r"\arctan",
    "asinh": r"\operatorname{arsinh}", "acosh": r"\operatorname{arcosh}",
    "atanh": r"\operatorname{artanh}", "arcsinh": r"\operatorname{arsinh}",
    "arccosh": r"\operatorname{arcosh}", "arctanh": r"\operatorname{artanh}",
    "erf": r"\operatorname{erf}", "erfc": r"\operatorname{erfc}", "gamma": r"\Gamma",
    "sign": r"\operatorname{sign}", "max": r"\max", "min": r"\min", "maximum": r"\max",
    "minimum": r"\min", "fmax": r"\max", "fmin": r"\min", "Max": r"\max", "Min": r"\min",
    "expit": r"\sigma", "sigmoid": r"\sigma", "log_expit": r"\log\sigma",
    "log_sigmoid": r"\log\sigma", "ndtr": r"\Phi", "normal_cdf": r"\Phi",
    "softplus": r"\operatorname{softplus}", "relu": r"\operatorname{ReLU}",
    "gelu": r"\operatorname{GELU}", "silu": r"\operatorname{SiLU}",
    "sqrt": "", "abs": "", "fabs": "", "absolute": "", "Abs": "",
}  # fmt: skip
_ARGUMENTS = {
    name: 2 for name in ("max", "min", "maximum", "minimum", "fmax", "fmin", "Max", "Min")
}
LIBRARIES = frozenset(
    {"math", "cmath", "numpy", "scipy", "sympy", "symprice", "builtins", "mpmath"}
)


def _one(tree: ast.expr) -> ast.expr:
    return ast.BinOp(ast.Constant(1), ast.Add(), tree)


# Functions that are written by others: f(x, ...) -> an expression in them.
_MEANINGS: dict[str, tuple[int, Callable[..., ast.expr]]] = {
    "log1p": (1, lambda x: _call("log", _one(x))),
    "expm1": (1, lambda x: ast.BinOp(_call("exp", x), ast.Sub(), ast.Constant(1))),
    "exp2": (1, lambda x: ast.BinOp(ast.Constant(2), ast.Pow(), x)),
    "square": (1, lambda x: ast.BinOp(x, ast.Pow(), ast.Constant(2))),
    "reciprocal": (1, lambda x: ast.BinOp(ast.Constant(1), ast.Div(), x)),
    "negative": (1, lambda x: ast.UnaryOp(ast.USub(), x)),
    "power": (2, lambda x, y: ast.BinOp(x, ast.Pow(), y)),
    "pow": (2, lambda x, y: ast.BinOp(x, ast.Pow(), y)),
    "xlogy": (2, lambda x, y: ast.BinOp(x, ast.Mult(), _call("log", y))),
    "logaddexp": (
        2,
        lambda x, y: _call("log", ast.BinOp(_call("exp", x), ast.Add(), _call("exp", y))),
    ),
}


def _call(name: str, argument: ast.expr) -> ast.Call:
    return ast.Call(ast.Name(name, ast.Load()), [argument], [])


def called(node: ast.Call) -> str:
    """The name of the function that is called, without its library."""
    if isinstance(node.func, ast.Name):
        return node.func.id
    return node.func.attr if isinstance(node.func, ast.Attribute) else ""


def known_function(name: str) -> bool:
    """Whether a function of this name can be shown."""
    return name in KNOWN or name in _MEANINGS


def restricted(tree: ast.FunctionDef) -> list[tuple[str | None, ast.expr]]:
    """The statements of a function as pairs (name, value), the last with None for what is returned.

    Docstrings and decorators are left out; calls are by bare names, and functions like ``log1p``
    written out.

    Raises
    ======

    NoRuleError : for everything that is no assignment of a new name, return, arithmetic or known
        function.

    Examples
    ========

    >>> import ast
    >>> f = ast.parse("def f(x):\\n    s = np.log1p(x)\\n    return s**2").body[0]
    >>> [(name, ast.unparse(value)) for name, value in restricted(f)]
    [('s', 'log(1 + x)'), (None, 's ** 2')]
    >>> restricted(ast.parse("def f(x): return np.sum(x, axis=0)").body[0])
    Traceback (most recent call last):
    ...
    symprice.errors.NoRuleError: cannot show line 1 as it is written: the keyword argument axis=0
    """
    return list(_statements(copy.deepcopy(tree)))  # the checks rewrite what they visit


def _statements(tree: ast.FunctionDef) -> Iterator[tuple[str | None, ast.expr]]:
    arguments = tree.args
    if arguments.vararg or arguments.kwarg or arguments.kwonlyargs:
        raise refused(tree, "arguments that are not positional")
    if arguments.defaults:
        raise refused(tree, "default values")
    taken = {argument.arg for argument in (*arguments.posonlyargs, *arguments.args)}
    body = list(tree.body)
    if body and isinstance(first := body[0], ast.Expr) and isinstance(first.value, ast.Constant):
        body = body[1:]
    if not body or not isinstance(last := body[-1], ast.Return) or last.value is None:
        raise refused(tree, "a function that does not end by returning a value")
    for statement in body[:-1]:
        if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
            raise refused(statement, f"a statement other than an assignment, {_shown(statement)}")
        target = statement.targets[0]
        if not isinstance(target, ast.Name):
            raise refused(statement, f"an assignment to {ast.unparse(target)}")
        if target.id in taken or known_function(target.id):
            raise refused(statement, f"the name {target.id} for a second thing")
        yield target.id, Expressions().visit(statement.value)
        taken.add(target.id)
    yield None, Expressions().visit(last.value)


_OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow, ast.USub, ast.UAdd)


class Expressions(ast.NodeTransformer):
    """Checks an expression, and writes its calls by bare names."""

    def generic_visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, (ast.BinOp, ast.UnaryOp)) and isinstance(node.op, _OPERATORS):
            return super().generic_visit(node)
        if isinstance(node, (ast.operator, ast.unaryop, ast.expr_context)):
            return node
        raise refused(node, _shown(node))

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return node

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if isinstance(node.value, bool) or not isinstance(node.value, (int, float)):
            raise refused(node, f"the constant {node.value!r}")
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        if isinstance(node.value, ast.Name) and node.attr in ("pi", "e"):
            return ast.Name(node.attr, ast.Load())
        raise refused(node, _shown(node))

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if node.keywords:
            raise refused(node, f"the keyword argument {ast.unparse(node.keywords[0])}")
        if any(isinstance(argument, ast.Starred) for argument in node.args):
            raise refused(node, "a starred argument")
        name = called(node)
        arguments = [self.visit(argument) for argument in node.args]
        if name in _MEANINGS and len(arguments) == _MEANINGS[name][0]:
            return _MEANINGS[name][1](*arguments)
        if name not in KNOWN or len(arguments) != _ARGUMENTS.get(name, 1):
            raise refused(node, f"the call {_shown(node)}")
        return ast.copy_location(ast.Call(ast.Name(name, ast.Load()), arguments, []), node)


def _shown(node: ast.AST) -> str:
    text = ast.unparse(node)
    return text if len(text) <= 40 else f"{text[:37]}..."


def refused(node: Any, what: str) -> NoRuleError:
    """The error for what cannot be shown, with its line."""
    line = getattr(node, "lineno", 1)
    return NoRuleError(f"cannot show line {line} as it is written: {what}")
