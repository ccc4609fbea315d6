r"""Algorithms as plain data, and as an ``algorithmic`` box of LaTeX.

The box is latexify's: instructions become a Python syntax tree whose formulas are letters that
stand for LaTeX. Where latexify cannot be imported, the same box is written here.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from symprice.emit.documents.texprose import math, prose
from symprice.emit.documents.width import prose_width, width
from symprice.emit.layout import broken_lines

__all__ = [
    "Algorithm",
    "Instruction",
    "checked",
    "latexify_box",
    "own_box",
    "pseudocode",
    "to_algorithmic",
]

_INDENT = 1.5  #: what a level of the box takes, in ems
_NUMBER = 2.4  #: and the number of a line
_FIRST = 0xE000
_BLOCKS = ("for", "while", "if")


@dataclass(frozen=True)
class Instruction:
    r"""A line of an algorithm.

    ``kind`` is 'assign' (left ← right), 'state' (left alone), 'return' (left), or opens a block:
    'for' (left ∈ right, or left alone), 'while' (left), 'if' (left), 'else'. ``depth`` counts the
    blocks around it; sides are LaTeX, the comment is prose.

    >>> Instruction(0, 'assign', 'g', r'\nabla L', 'the slope').right
    '\\nabla L'
    """

    depth: int
    kind: str
    left: str = ""
    right: str = ""
    comment: str = ""


@dataclass(frozen=True)
class Algorithm:
    """A procedure: its title in prose, its name, what it is given, and its instructions."""

    title: str
    name: str
    arguments: tuple[str, ...]
    lines: tuple[Instruction, ...]


Box = Callable[[Algorithm], "list[str]"]


def to_algorithmic(algorithm: Algorithm, room: float = 40.0, box: Box | None = None) -> str:
    r"""The ``algorithmic`` environment of the package algpseudocode, with numbered lines.

    A line that is wider than ``room`` goes on below itself.

    >>> print(to_algorithmic(Algorithm('', 'Step', ('x',), (Instruction(0, 'return', 'x'),))))
    \begin{algorithmic}[1]
        \Function{Step}{$x$}
            \State \Return $x$
        \EndFunction
    \end{algorithmic}
    """
    lines = (box or latexify_box() or own_box)(algorithm)
    found: list[str] = []
    left = [line for line in algorithm.lines if line.kind != "else"]
    for line in lines:
        starts = re.match(r"\s*\\(?:State|For|While|If)\b", line) is not None
        instruction = left.pop(0) if starts else None
        found += _fitted(line, instruction, room)
    return "\n".join(found).replace(r"\begin{algorithmic}", r"\begin{algorithmic}[1]", 1)


def pseudocode(algorithm: Algorithm) -> Iterator[tuple[int, str]]:
    r"""(depth, prose) of every line, for writers that have no box.

    >>> step = Instruction(1, 'assign', 'x', 'x + 1')
    >>> list(pseudocode(Algorithm('', 'Count', (), (Instruction(0, 'while', 'x < 3'), step))))
    [(0, 'while $x < 3$'), (1, '$x \\gets x + 1$')]
    """
    for line in algorithm.lines:
        formula = f"${line.left}$"
        if line.kind == "assign":
            text = rf"${line.left} \gets {line.right}$"
        elif line.kind == "for":
            text = "for " + (rf"${line.left} \in {line.right}$" if line.right else formula)
        elif line.kind == "state":
            text = formula
        else:
            text = line.kind + (f" {formula}" if line.left else "")
        yield line.depth, text + (f" ({line.comment})" if line.comment else "")


# --- the box --------------------------------------------------------------------------------------
def latexify_box() -> Box | None:
    """latexify's writer of algorithms, or None where latexify cannot be imported."""
    try:
        from latexify import codegen
    except Exception:  # not installed, or an interpreter that it does not know
        return None

    def box(algorithm: Algorithm) -> list[str]:
        tokens = _Tokens()
        text = codegen.AlgorithmicCodegen().visit(_tree(algorithm, tokens))
        return tokens.restored(text, algorithm.name).split("\n")

    return box


def own_box(algorithm: Algorithm) -> list[str]:
    """The same without latexify."""
    listed = ", ".join(algorithm.arguments)
    found = [rf"    \Function{{{algorithm.name}}}{{${listed}$}}"]
    opened: list[Instruction] = []

    def close(depth: int, keep: bool = False) -> None:
        while opened and opened[-1].depth >= depth:
            if keep and opened[-1].depth == depth:
                break
            last = opened.pop()
            found.append(f"{_margin(last.depth)}\\End{last.kind.capitalize()}")

    for line in algorithm.lines:
        close(line.depth, keep=line.kind == "else")
        start = _margin(line.depth)
        if line.kind == "assign":
            found.append(rf"{start}\State ${line.left} \gets {line.right}$")
        elif line.kind == "state":
            found.append(rf"{start}\State ${line.left}$")
        elif line.kind == "return":
            found.append(rf"{start}\State \Return ${line.left}$")
        elif line.kind == "else":
            found.append(rf"{start}\Else")
        else:
            joined = rf"{line.left} \in {line.right}" if line.right else line.left
            found.append(rf"{start}\{line.kind.capitalize()}{{${joined}$}}")
            opened.append(line)
    close(0)
    return [r"\begin{algorithmic}", *found, r"    \EndFunction", r"\end{algorithmic}"]


def _margin(depth: int) -> str:
    return " " * 4 * (depth + 2)


class _Tokens:
    """One character of the private area for each formula: to an emitter a name like any other."""

    def __init__(self) -> None:
        self.meaning: list[str] = []

    def name(self, tex: str) -> ast.Name:
        self.meaning.append(tex)
        return ast.Name(self._key(len(self.meaning) - 1), ast.Load())

    @staticmethod
    def _key(index: int) -> str:
        return chr(_FIRST + index)

    def restored(self, text: str, name: str) -> str:
        text = text.replace(rf"\Function{{{self._key(0)}}}", rf"\Function{{{name}}}")
        for index, tex in enumerate(self.meaning):
            text = text.replace(self._key(index), tex)
        # latexify writes "for x in y"; a loop that says it all has no second side.
        return text.replace(rf" \in {_NOTHING}", "")


_NOTHING = "\ue8ff"


def _tree(algorithm: Algorithm, tokens: _Tokens) -> ast.FunctionDef:
    name = tokens.name(algorithm.name).id
    arguments = [ast.arg(tokens.name(tex).id) for tex in algorithm.arguments]
    lines = list(algorithm.lines)
    body = _body(lines, 0, tokens)
    given = ast.arguments([], arguments, None, [], [], None, [])
    return ast.FunctionDef(name, given, body, [], None)


def _body(lines: list[Instruction], depth: int, tokens: _Tokens) -> list[ast.stmt]:
    found: list[ast.stmt] = []
    while lines and lines[0].depth == depth:
        line = lines[0]
        if line.kind == "else":
            break
        lines.pop(0)
        if line.kind in _BLOCKS:
            found.append(_block(line, lines, tokens))
        elif line.kind == "assign":
            found.append(ast.Assign([tokens.name(line.left)], tokens.name(line.right)))
        elif line.kind == "return":
            found.append(ast.Return(tokens.name(line.left)))
        else:
            found.append(ast.Expr(tokens.name(line.left)))
    return found


def _block(line: Instruction, lines: list[Instruction], tokens: _Tokens) -> ast.stmt:
    head = tokens.name(line.left)
    if line.kind == "for":
        over = tokens.name(line.right) if line.right else ast.Name(_NOTHING, ast.Load())
        return ast.For(head, over, _body(lines, line.depth + 1, tokens), [])
    body = _body(lines, line.depth + 1, tokens)
    if line.kind == "while":
        return ast.While(head, body, [])
    other: list[ast.stmt] = []
    if lines and lines[0].kind == "else" and lines[0].depth == line.depth:
        lines.pop(0)
        other = _body(lines, line.depth + 1, tokens)
    return ast.If(head, body, other)


# --- lines that fit -------------------------------------------------------------------------------
def _fitted(line: str, instruction: Instruction | None, room: float) -> list[str]:
    """A line of the box with its comment, in as many lines as it needs."""
    if instruction is None:
        return [line]
    margin = line[: len(line) - len(line.lstrip())]
    space = room - _NUMBER - _INDENT * (instruction.depth + 1)
    comment, beside = "", 0.0
    if instruction.comment:
        comment = rf" \Comment{{{prose(instruction.comment)}}}"
        beside = prose_width(instruction.comment) + 2.5
    opening, formula, closing = _parts(line)
    least = width(formula) + prose_width("return " if "Return" in opening else "")
    if instruction.kind in _BLOCKS:
        return [line + comment]
    if least + beside <= space:
        return [line + comment]
    pieces = broken_lines(formula, space - 0.3, space - 2.3)
    found = [f"{opening}${pieces[0]}${closing}"]
    shift = _INDENT * (instruction.depth + 1) + 2
    found += [rf"{margin}\Statex \hspace*{{{shift:g}em}}${piece}$" for piece in pieces[1:]]
    if comment:
        found.append(rf"{margin}\Statex{comment}")
    return found


def _parts(line: str) -> tuple[str, str, str]:
    """A line before, in and behind its formula."""
    first, last = line.find("$"), line.rfind("$")
    if first == last:
        return line, "", ""
    return line[:first], line[first + 1 : last], line[last + 1 :]


def checked(algorithm: Algorithm) -> Algorithm:
    """The same with fragments that TeX can read."""
    lines = tuple(
        Instruction(ln.depth, ln.kind, math(ln.left), math(ln.right), ln.comment)
        for ln in algorithm.lines
    )
    return Algorithm(algorithm.title, algorithm.name, tuple(map(math, algorithm.arguments)), lines)
