r"""LaTeX of Python source as it was written, by latexify or by an emitter of our own.

Both are given the same restricted syntax trees and answer with the same pairs (name, formula).
latexify has no Python 3.14, so the emitter takes its place where it is missing.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Container, Iterator, Sequence
from typing import Any

from .brackets import raised, tidy
from .documents.fragments import Group, Leaf, Node, parse, source
from .latex_names import function_name, symbol_name
from .python_subset import KNOWN, restricted

__all__ = ["Emitter", "Tokens", "as_written", "latexify_emitter", "own_emitter"]

# From one expression to LaTeX, with names as letters that stand for themselves.
Emitter = Callable[[ast.expr], str]

_FIRST = 0xE000
_LISTED = 6  #: so many arguments are written out
_BARE = {"abs", "fabs", "absolute", "Abs", "sqrt"}


def as_written(tree: ast.FunctionDef, emitter: Emitter | None = None) -> list[tuple[str, str]]:
    r"""The statements of a function as pairs (left, right) of LaTeX; the last is `f(x) = …`.

    Raises
    ======

    NoRuleError : for what cannot be shown as it is written.

    Examples
    ========

    >>> import ast
    >>> f = ast.parse("def f(b): s = expit(b); return s**2*(1 - s)").body[0]
    >>> for left, right in as_written(f, own_emitter):
    ...     print(left, '=', right)
    s = \sigma(b)
    f(b) = s^{2} \left(1 - s\right)
    """
    emitter = emitter or latexify_emitter() or own_emitter
    arguments = (*tree.args.posonlyargs, *tree.args.args)
    names = [symbol_name(argument.arg) for argument in arguments]
    if len(names) > _LISTED:
        names = [*names[:2], r"\ldots", names[-1]]
    listed = ", ".join(names)
    pairs = []
    for name, value in restricted(tree):
        tokens = Tokens()
        right = tokens.restored(emitter(tokens.visit(value)))
        left = f"{function_name(tree.name)}({listed})" if name is None else symbol_name(name)
        pairs.append((left, right))
    return pairs


class Tokens(ast.NodeTransformer):
    """Replaces names that an emitter would spell in its own way by tokens, and back."""

    def __init__(self) -> None:
        self.meaning: dict[str, str] = {}

    def named(self, tex: str) -> ast.Name:
        """A name that stands for LaTeX."""
        return ast.Name(self._token(tex), ast.Load())

    def _token(self, tex: str) -> str:
        # One character of the private area: emitters take it for a letter, and no LaTeX has it.
        token = chr(_FIRST + len(self.meaning))
        self.meaning[token] = tex
        return token

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if re.fullmatch(r"[A-Za-z]", node.id) or node.id in self.meaning:
            return node
        return ast.Name(self._token(symbol_name(node.id)), ast.Load())

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        text = repr(node.value)
        if "e" not in text:
            return node
        mantissa, exponent = text.split("e")
        tex = f"10^{{{int(exponent)}}}"
        tex = tex if mantissa == "1" else rf"\left({mantissa} \cdot {tex}\right)"
        return ast.Name(self._token(tex), ast.Load())

    def visit_Call(self, node: ast.Call) -> ast.AST:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        arguments = [self.visit(argument) for argument in node.args]
        if name in _BARE:
            bare = "sqrt" if name == "sqrt" else "abs"
            return ast.Call(ast.Name(bare, ast.Load()), arguments, [])
        return ast.Call(ast.Name(self._token(KNOWN[name]), ast.Load()), arguments, [])

    def restored(self, tex: str) -> str:
        """The emitter's LaTeX with the names back, and brackets only where they are needed."""
        tex = re.sub(r"\\mathopen\{\}|\\mathclose\{\}", "", tex)
        tex = re.sub(r"(\\left[(|]) +| +(?=\\right[)|])", r"\1", tex)
        tex = re.sub(r"\{ +", "{", re.sub(r" +\}", "}", tex))
        tokens = "[" + "".join(self.meaning) + "]"
        if self.meaning:
            tex = re.sub(rf"({tokens}) (?=\\left\()", r"\1", tex)
        tex = source(_unwrapped(parse(tex), self.meaning))
        return tidy("".join(self._meant(tex)))

    def _meant(self, tex: str) -> Iterator[str]:
        for i, character in enumerate(tex):
            meaning = self.meaning.get(character, character)
            if meaning is not character and re.match(r"\s*\^", tex[i + 1 :]) and raised(meaning):
                meaning = rf"\left({meaning}\right)"
            # A command must not run into the letter that follows it.
            ends = re.search(r"\\[A-Za-z]+$", meaning) and re.match("[A-Za-z]", tex[i + 1 : i + 2])
            yield f"{meaning} " if ends else meaning


def _unwrapped(nodes: Sequence[Node], tokens: Container[str]) -> list[Node]:
    """Brackets round nothing but a call are left out: it is raised to a power as it stands."""
    found: list[Node] = []
    for node in nodes:
        if isinstance(node, Leaf):
            found.append(node)
            continue
        children = _unwrapped(node.children, tokens)
        call = len(children) == 2 and isinstance(children[1], Group) and children[1].kind == "fence"
        if node.kind == "fence" and call and isinstance(name := children[0], Leaf):
            if name.text in tokens:
                found += children
                continue
        found.append(Group(node.open, tuple(children), node.close))
    return found


def latexify_emitter() -> Emitter | None:
    """latexify's generator of expressions, or None where latexify cannot be imported."""
    try:
        from latexify import codegen
    except Exception:  # not installed, or an interpreter that it does not know
        return None
    expressions: Any = codegen.ExpressionCodegen(use_math_symbols=True)
    return lambda tree: str(expressions.visit(tree))


def own_emitter(tree: ast.expr) -> str:
    """The same without latexify: precedence as in Python, fractions for quotients."""
    return _written(tree)[0]


_SUM, _PRODUCT, _SIGN, _POWER, _ATOM = range(5)


def _written(tree: ast.expr) -> tuple[str, int]:
    """LaTeX of an expression, and how tightly it binds."""
    match tree:
        case ast.Name(id=name):
            return name, _ATOM
        case ast.Constant(value=value):
            return repr(value), _ATOM
        case ast.Call(func=ast.Name(id="sqrt"), args=[x]):
            return rf"\sqrt{{{_written(x)[0]}}}", _ATOM
        case ast.Call(func=ast.Name(id="abs"), args=[x]):
            return rf"\left|{_written(x)[0]}\right|", _ATOM
        case ast.Call(func=func, args=arguments):
            inner = ", ".join(_written(x)[0] for x in arguments)
            return rf"{_written(func)[0]}\left({inner}\right)", _ATOM
        case ast.UnaryOp(op=op, operand=x):
            return ("-" if isinstance(op, ast.USub) else "+") + _inside(x, _SIGN), _SIGN
        case ast.BinOp(left=x, op=ast.Add(), right=y):
            return f"{_inside(x, _SUM)} + {_inside(y, _SUM + 1, sign=False)}", _SUM
        case ast.BinOp(left=x, op=ast.Sub(), right=y):
            return f"{_inside(x, _SUM)} - {_inside(y, _SUM + 1, sign=False)}", _SUM
        case ast.BinOp(left=x, op=ast.Mult(), right=y):
            left, right = _inside(x, _PRODUCT), _inside(y, _POWER)
            dot = right[0].isdigit() or right.startswith(r"\frac")
            return (rf"{left} \cdot {right}" if dot else f"{left} {right}"), _PRODUCT
        case ast.BinOp(left=x, op=ast.Div(), right=y):
            return rf"\frac{{{_written(x)[0]}}}{{{_written(y)[0]}}}", _PRODUCT
        case ast.BinOp(left=x, op=ast.Pow(), right=y):
            return f"{_inside(x, _ATOM)}^{{{_written(y)[0]}}}", _POWER
    raise AssertionError(ast.dump(tree))


def _inside(tree: ast.expr, least: int, sign: bool = True) -> str:
    """An operand, in brackets where it binds too loosely or may not begin with a sign."""
    tex, tightness = _written(tree)
    if tex.startswith(r"\frac") and least <= _POWER:
        return tex
    return tex if tightness >= least and (sign or tex[0] not in "+-") else rf"\left({tex}\right)"
