r"""Formulas in LaTeX as text that the parser reads: `\frac{1}{2} p^{2}` is `(1)/(2)*p**(2)`.

Only what a formula of scalars needs: what is not known is refused, never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ..emit.documents.fragments import Group, Leaf, Node, parse, source
from ..errors import ParseError

__all__ = ["displays", "in_text"]

_FUNCTIONS = {
    r"\log": "log", r"\ln": "log", r"\exp": "exp", r"\tanh": "tanh", r"\sinh": "sinh",
    r"\cosh": "cosh", r"\sin": "sin", r"\cos": "cos", r"\tan": "tan", r"\NTCov": "NTCov",
    r"\NTVar": "NTVar", r"\sqrt": "sqrt", r"\sigma": "sigmoid", r"\arctan": "atan",
}  # fmt: skip
_SIGNS = {r"\cdot": "*", r"\times": "*", "*": "*", "+": "+", "-": "-", "/": "/", ",": ","}
_SILENT = {r"\,", r"\;", r"\:", r"\!", r"\quad", r"\qquad", r"\ ", "~", "&", r"\displaystyle",
           r"\notag", r"\nonumber", r"\left", r"\right"}  # fmt: skip
_BIG = re.compile(r"\\[bB]igg?[lrm]?")
_RELATIONS = {"=", r"\equiv"}
_GREEK = set(
    "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi "
    "pi rho sigma tau upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Sigma Phi Psi "
    "Omega".split()
)
_DISPLAY = re.compile(
    r"\\begin\{(equation|align|gather|multline|dmath|displaymath)\*?\}(.*?)\\end\{\1\*?\}"
    r"|\\\[(.*?)\\\]|\$\$(.*?)\$\$",
    re.DOTALL,
)


def displays(document: str) -> Iterator[tuple[int, str]]:
    r"""(line, formula) of every displayed formula of a document, comments left out.

    >>> list(displays("Text.\n\\[ a = b \\]"))
    [(2, 'a = b')]
    """
    plain = re.sub(r"(?<!\\)%.*", "", document)
    for found in _DISPLAY.finditer(plain):
        body = next(part for part in found.groups()[1:] if part is not None)
        body = re.sub(r"\\(?:label|tag\*?|intertext)\s*\{[^{}]*\}|\[label=[^\]]*\]", "", body)
        body = re.sub(r"\\(?:begin|end)\{(?:aligned|split|gathered)\}", "", body)
        yield plain.count("\n", 0, found.start()) + 1, body.strip()


def in_text(latex: str) -> list[str]:
    r"""The sides of a formula, in the syntax of the parser.

    A chain `a = b = c` has three sides. Names of rules in `\text{}` and what follows a `where` are
    left out.

    Raises
    ======

    ParseError : for a command that there is no meaning for.

    Examples
    ========

    >>> in_text(r"\operatorname{NTVar}(p) = \frac{1}{2} p^{2} \left(1 - p\right)^{2}")
    ['NTVar(p)', '(1)/(2)*p**(2)*(1-p)**(2)']
    >>> in_text(r"\tanh^{2}(w_{1} x)")
    ['tanh(w_1*x)**(2)']
    """
    latex = re.split(r"\\text\{\s*where", latex)[0]
    # The name of a rule and what it inserts end a row.
    rows = re.split(r"\\\\(?:\[[^\]]*\]|\*)?", _BIG.sub("", latex))
    latex = " ".join(row.split(r"\text{")[0] for row in rows)
    latex = re.sub(r"\\(?:left|right)\s*", "", latex).replace(r"\lvert", "|")
    sides: list[list[Node]] = [[]]
    for node in _paired(parse(latex)):
        if isinstance(node, Leaf) and node.name in _RELATIONS:
            sides.append([])
        else:
            sides[-1].append(node)
    written = [_Reader(side).read() for side in sides]
    return [text for text in written if text]


def _paired(nodes: Sequence[Node]) -> list[Node]:
    """What stands between round brackets as groups."""
    stack: list[list[Node]] = [[]]
    for node in nodes:
        if isinstance(node, Group):
            stack[-1].append(Group(node.open, tuple(_paired(node.children)), node.close))
        elif node.name in ("(", "["):
            stack.append([])
        elif node.name in (")", "]"):
            if len(stack) == 1:
                raise ParseError("a bracket is closed that was not opened: write both")
            inside = stack.pop()
            stack[-1].append(Group("(", tuple(inside), ")"))
        else:
            stack[-1].append(node)
    if len(stack) > 1:
        raise ParseError("a bracket is opened that is not closed: write both")
    return stack[0]


class _Reader:
    """Reads nodes from left to right, with a `*` between factors side by side."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self.nodes, self.at = [n for n in nodes if not self._silent(n)], 0

    @staticmethod
    def _silent(node: Node) -> bool:
        return isinstance(node, Leaf) and (node.name in _SILENT or node.text.isspace())

    def read(self) -> str:
        out = ""
        while self.at < len(self.nodes):
            node = self.nodes[self.at]
            sign = _SIGNS.get(node.name) if isinstance(node, Leaf) else None
            if sign is not None:
                self.at += 1
                out += sign
                continue
            piece = self.factor()
            joined = out and out[-1] not in "+-*/(,"
            out += f"*{piece}" if joined else piece
        return out

    def factor(self) -> str:
        """A number, a name, a call or a bracket, with its power."""
        node = self.nodes[self.at]
        self.at += 1
        if isinstance(node, Group):
            text = f"({_Reader(node.children).read()})"
            return text + self.power()
        name = node.name
        if name in (r"\frac", r"\dfrac", r"\tfrac"):
            return f"({self.argument()})/({self.argument()}){self.power()}"
        if name in (r"\operatorname", r"\mathrm", r"\mathit", r"\text", r"\mathbf"):
            word = source(self.nodes[self.at]).strip("{} ") if self.at < len(self.nodes) else ""
            self.at += 1
            return self.named(word)
        if name == r"\sqrt":
            return f"sqrt({self.argument()}){self.power()}"
        if name in _FUNCTIONS and self.calls():
            return self.call(_FUNCTIONS[name])
        if name.startswith("\\"):
            if name[1:] not in _GREEK:
                raise ParseError(
                    f"the command {name} has no meaning in a formula that can be checked: write "
                    "the formula in the syntax of 'symprice derive'"
                )
            return self.named(name[1:])
        if re.fullmatch(r"[\d.]+", name):
            return name + self.power()
        if re.fullmatch(r"[A-Za-z]", name):
            return self.named(name)
        raise ParseError(f"{name!r} has no meaning in a formula that can be checked")

    def named(self, word: str) -> str:
        """A name with its index and its primes, or a call of a function."""
        if self.at < len(self.nodes) and self.mark() == "_":
            self.at += 1
            word += "_" + re.sub(r"[^A-Za-z0-9]", "", self.plain())
        while self.at < len(self.nodes) and self.mark() == "'":
            self.at += 1
            word += "_prime"
        if len(word) > 1 and word[0].isalpha() and self.calls() and not word.startswith("_"):
            if word in ("NTCov", "NTVar") or word not in _GREEK:
                return self.call(word)
        return word + self.power()

    def mark(self) -> str:
        node = self.nodes[self.at]
        return node.name if isinstance(node, Leaf) else ""

    def calls(self) -> bool:
        """Whether a bracket follows, behind a power perhaps."""
        after = self.nodes[self.at :]
        if len(after) > 2 and isinstance(after[0], Leaf) and after[0].name == "^":
            after = after[2:]
        node = after[0] if after else None
        while isinstance(node, Group) and node.kind == "brace" and len(node.children) == 1:
            node = node.children[0]
        return isinstance(node, Group) and node.open == "("

    def call(self, function: str) -> str:
        """A function of what stands in the bracket; a power before the bracket is one of it."""
        before = self.power()
        node = self.nodes[self.at]
        self.at += 1
        while isinstance(node, Group) and node.kind == "brace":
            node = node.children[0]
        inner = _Reader(node.children if isinstance(node, Group) else (node,)).read()
        return f"{function}({inner}){before or self.power()}"

    def power(self) -> str:
        """The power that follows, if there is one."""
        if self.at < len(self.nodes) and self.mark() == "^":
            self.at += 1
            return f"**({self.argument()})"
        return ""

    def argument(self) -> str:
        """The next group, or the next character."""
        if self.at >= len(self.nodes):
            raise ParseError("the formula ends where an argument is missing")
        node = self.nodes[self.at]
        self.at += 1
        return _Reader(node.children if isinstance(node, Group) else (node,)).read()

    def plain(self) -> str:
        node = self.nodes[self.at]
        self.at += 1
        return source(node)
