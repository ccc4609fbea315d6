r"""One side of a formula in LaTeX, read from left to right, as text for the parser."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..emit.documents.fragments import Group, Leaf, Node, source
from .latex_names import GREEK, STYLES, Names, Unreadable, about, lone, mark
from .latex_operators import gradient, partial, quotient, total

__all__ = ["Reader", "Run"]

_FUNCTIONS = {
    r"\log": "log", r"\ln": "log", r"\exp": "exp", r"\tanh": "tanh", r"\sinh": "sinh",
    r"\cosh": "cosh", r"\sin": "sin", r"\cos": "cos", r"\tan": "tan", r"\NTCov": "NTCov",
    r"\NTVar": "NTVar", r"\arctan": "atan", r"\arcsin": "asin", r"\arccos": "acos",
}  # fmt: skip
_TIMES = {r"\cdot", r"\times", "*"}
_HADAMARD = {r"\odot", r"\circ"}
_FRACTIONS = {r"\frac", r"\dfrac", r"\tfrac"}
_SILENT = {r"\,", r"\;", r"\:", r"\!", r"\quad", r"\qquad", r"\ ", "~", "&", r"\displaystyle",
           r"\notag", r"\nonumber", r"\limits"}  # fmt: skip
_NORMS = {"": "norm", "2": "norm", "1": "norm1", "F": "frobenius", r"\mathrm{F}": "frobenius"}
_WORDS = {"ReLU": "relu", "GELU": "gelu", "SiLU": "silu", "ELU": "elu", "tr": "trace",
          "Tr": "trace"}  # fmt: skip
_SUMS = {r"\sum", r"\prod"}
_MATRICES = {"matrix", "pmatrix", "bmatrix", "smallmatrix"}
_TRANSPOSED = {r"\top", r"\intercal", "T"}
_TYPED = "write the formula in the syntax of 'symprice derive'"
_NO_LAW = "an expectation does not say over which law: write its sum or its value"


class Reader(Names):
    """Reads sides of equations in which some names are declared; it remembers how names look.

    Examples
    ========

    >>> from symprice.cli.latex_reader import Reader
    >>> from symprice.emit.documents.fragments import parse
    >>> Reader(['p']).side(parse(r'\\frac12 p^2'))
    '(1)/(2)*p**(2)'
    """

    def side(self, nodes: Sequence[Node]) -> str:
        """The text of one side."""
        return Run(nodes, self).whole()


class Run:
    """A run of nodes: what stands in one bracket, one script or one side."""

    def __init__(self, nodes: Sequence[Node], reader: Reader) -> None:
        self.nodes = [n for n in nodes if not _silent(n)]
        self.reader, self.at = reader, 0
        self.lifting = True  # whether powers belong to the factor before them

    # --- from sums down to factors ----------------------------------------------------------------
    def whole(self) -> str:
        """Sums, and what is separated by commas."""
        out = ""
        while self.at < len(self.nodes):
            if self.mark() in ("+", "-", ","):
                out += self.mark()
                self.at += 1
            else:
                out += self.term()
        return out

    def term(self) -> str:
        """Products, entry by entry where a circle stands between them; it binds least."""
        products = [self.product()]
        while self.mark() in _HADAMARD:
            self.at += 1
            products.append(self.product())
        return products[0] if len(products) == 1 else f"hadamard({','.join(products)})"

    def product(self) -> str:
        """Factors side by side; between columns a dot is their scalar product."""
        text = self.factors()
        while self.mark() == r"\cdot":
            self.at += 1
            text = f"dot({text},{self.factors()})"
        return text

    def factors(self) -> str:
        """Factors up to a dot that may stand between columns."""
        text, divided = self.factor(), False
        while self.at < len(self.nodes) and self.mark() not in ("+", "-", ",", *_HADAMARD):
            sign = self.mark()
            if sign == r"\cdot" and self.reader.vectors:
                break
            if sign == "/" or sign in _TIMES:
                self.at += 1
                if sign == "/" and self.mark() in _SUMS:
                    raise Unreadable(r"how much is below the line? write \frac", self.here)
                text += ("/" if sign == "/" else "*") + self.factor()
                divided = sign == "/"
            elif all(re.match(r"\d", n) for n in (mark(self.nodes[self.at - 1]), sign)):
                raise Unreadable("two numbers side by side: one, or a product?", self.here)
            elif divided:
                raise Unreadable(r"is this factor above or below the line? write \frac", self.here)
            else:
                text += f"*{self.factor()}"
        return text

    def factor(self) -> str:
        """A number, a name, a call or a bracket, with what is raised."""
        node = self.next()
        if isinstance(node, Group) and self.mark() == "_" and len(node.children) == 1:
            node = node.children[0] if node.kind == "brace" else node  # {x}_{i}, as SymPy writes
        if isinstance(node, Group):
            return self.raised(self.group(node))
        name = node.name
        if name in _FRACTIONS:
            return self.raised(self.fraction(node))
        if name in _SUMS:
            return total(self, node)
        if name == r"\nabla":
            return gradient(self, node)
        if name == r"\partial":
            return partial(self, node)
        if name == r"\sqrt":
            if self.mark() == "[":
                raise Unreadable("a root of another order: write it as a power", node)
            after = self.nodes[self.at] if self.at < len(self.nodes) else None
            if isinstance(after, Group) and after.open.startswith("["):
                raise Unreadable("a root of another order: write it as a power", node)
            return self.raised(f"sqrt({self.argument()})")
        if name == r"\sigma" and self.calls():
            if "sigma" in self.reader.names:
                raise Unreadable(r"sigma is declared: write \sigma \cdot (…) for a product", node)
            return self.call("sigmoid")
        if name in _FUNCTIONS:
            function = _FUNCTIONS[name]
            return self.call(function) if self.calls() else self.bare(function, node)
        if name in (r"\mathbb", r"\E") and "E" not in self.reader.names:
            raise Unreadable(_NO_LAW, node)
        if name in STYLES:
            return self.named(source(self.next()).strip("{} \n"), node)
        if name in (r"\text", r"\textrm", r"\textit", r"\mbox"):
            return self.named(node.text.split("{", 1)[1].strip().rstrip("}").strip(), node)
        if name.startswith("\\"):
            if name[1:] not in GREEK:
                raise Unreadable(
                    f"the command {name} has no meaning in a formula that can be checked: {_TYPED}",
                    node,
                )
            return self.named(name[1:], node)
        if re.fullmatch(r"\d+(\.\d+)?", name):
            return self.raised(name)
        if re.fullmatch(r"[A-Za-z]", name):
            return self.named(name, node)
        raise Unreadable(f"{name!r} has no meaning in a formula that can be checked", node)

    # --- brackets, fractions, matrices ------------------------------------------------------------
    def group(self, node: Group) -> str:
        """What stands in a bracket, or in a matrix."""
        if node.kind in _MATRICES:
            return self.matrix(node)
        if node.kind not in ("brace", "paren"):
            raise Unreadable(f"the environment {node.kind} has no meaning: {_TYPED}", node)
        text = Run(node.children, self.reader).whole()
        if node.open.startswith(r"\lvert"):
            return f"Abs({text})"
        if node.open.startswith(r"\lVert"):
            return f"{self.norm(node)}({text})"
        if node.open.startswith(r"\langle"):
            if [mark(n) for n in node.children].count(",") != 1:
                raise Unreadable(
                    r"an inner product has two sides: write \langle a, b \rangle", node
                )
            return f"inner({text})"
        if node.kind == "brace" and any(mark(n) in ("+", "-", ",") for n in node.children):
            raise Unreadable("braces do not print: write round brackets", node)
        return f"({text})"

    def norm(self, node: Group) -> str:
        """Which norm the index says."""
        if self.mark() != "_":
            return "norm"
        self.at += 1
        index = source(self.script()).replace(" ", "")
        index = index[1:-1] if index.startswith("{") else index
        if index not in _NORMS:
            raise Unreadable(f"the norm {index} is not read: write 1, 2 or F", node)
        return _NORMS[index]

    def matrix(self, node: Group) -> str:
        """`[[a, b], [c, d]]`."""
        rows: list[list[list[Node]]] = [[[]]]
        for child in node.children:
            if mark(child).startswith(r"\\"):
                rows.append([[]])
            elif mark(child) == "&":
                rows[-1].append([])
            else:
                rows[-1][-1].append(child)
        if rows[-1] == [[]]:
            rows.pop()
        read = [[Run(cell, self.reader).whole() for cell in row] for row in rows]
        return f"[{','.join(f'[{line}]' for line in map(','.join, read))}]"

    def fraction(self, node: Node) -> str:
        """A quotient, unless it is a derivative."""
        parts = self.inside(self.script()), self.inside(self.script())
        derived = quotient(self, *parts, node)
        if derived:
            return derived
        above, below = (self.within(part).whole() for part in parts)
        return f"({above})/({below})"

    # --- names and calls --------------------------------------------------------------------------
    def named(self, word: str, node: Node) -> str:
        """A name with its index and its primes, or a call of a function."""
        if word == "1":  # a column of ones: numbers beside columns are that
            return self.raised(word)
        if word in self.reader.bound and self.mark() not in ("_", "'"):
            return self.raised(f"({self.reader.bound[word]})")
        if self.calls() and len(word) > 1 and word not in GREEK:
            return self.call(_WORDS.get(word, word))
        word, look = self.indexed(word, node)
        if word == "E" and word not in self.reader.names:
            raise Unreadable(f"E is not declared: write e for the number; {_NO_LAW}", node)
        text = "E" if word == "e" and word not in self.reader.names else word
        text = self.raised(self.reader.styled(text, look, node))
        after = self.nodes[self.at] if self.at < len(self.nodes) else None
        if isinstance(after, Group) and after.kind == "paren" and lone(after):
            if about(after) and "theta" not in self.reader.names:
                self.at += 1  # L(\theta): no theta is declared that could be a factor
                return self.raised(text)
            raise Unreadable(
                rf"a product, or {word} as a function? write {word} \cdot for a product", node
            )
        return text

    def indexed(self, word: str, node: Node) -> tuple[str, str]:
        """A name with its index and its primes, and how it looks."""
        if not re.fullmatch("[A-Za-z]+", word):
            raise Unreadable(f"{word!r} cannot be a name", node)
        look = mark(node) if mark(node) in STYLES else ""
        while self.primed() or self.mark() in ("_", "'"):
            if self.mark() == "_":
                self.at += 1
                index = source(self.script()).replace(" ", "").strip("{}")
                if re.search("[-+*/^]", index):
                    raise Unreadable("an index that is calculated: write a name or a number", node)
                index = self.reader.entry(word, index, node)
                look += f"_{index}"
                word += "_" + re.sub(r"[^A-Za-z0-9]", "", index)
            else:
                self.at += 1
                word += "_prime"
        return word, look

    def primed(self) -> bool:
        r"""Whether a prime follows, which `^{\prime\top}` becomes first."""
        if self.mark() != "^" or self.at + 1 == len(self.nodes):
            return False
        inside = self.inside(self.nodes[self.at + 1])
        if not inside or mark(inside[0]) != r"\prime":
            return False
        rest: list[Node] = [Leaf("^"), Group("{", tuple(inside[1:]), "}")] if inside[1:] else []
        self.nodes[self.at : self.at + 2] = [Leaf("'"), *rest]
        return True

    def word(self) -> str:
        """A name by itself, with neither power nor argument."""
        node = self.next()
        name = mark(node)
        text = source(self.next()).strip("{} \n") if name in STYLES else name.lstrip("\\")
        word, look = self.indexed(text, node)
        return self.reader.styled(word, look, node)

    def words(self, node: Node) -> list[str]:
        """Names between commas."""
        found = []
        while self.at < len(self.nodes):
            found.append(self.word())
            if self.at < len(self.nodes) and mark(self.next()) != ",":
                raise Unreadable("names between commas are read here", node)
        if not found:
            raise Unreadable("a name is missing here", node)
        return found

    def calls(self) -> bool:
        """Whether a bracket follows, behind a power perhaps."""
        after = self.nodes[self.at :]
        if len(after) > 2 and mark(after[0]) == "^":
            after = after[2:]
        node = after[0] if after else None
        while isinstance(node, Group) and node.kind == "brace" and len(node.children) == 1:
            node = node.children[0]
        return isinstance(node, Group) and node.open.strip() in ("(", "[", r"\{")

    def call(self, function: str) -> str:
        """A function of what stands in the bracket; a power before the bracket is one of it."""
        before = self.power(function)
        node = self.next()
        while isinstance(node, Group) and node.kind == "brace":
            node = node.children[0]
        inner = Run(node.children if isinstance(node, Group) else (node,), self.reader).whole()
        text = f"{function}({inner})"
        return text + before if before else self.raised(text)

    def bare(self, function: str, node: Node) -> str:
        """A function of one factor without brackets, where nothing says that it reaches further."""
        before = self.power(function)
        if self.at == len(self.nodes) or self.mark() in ("_", "+", "-", ","):
            raise Unreadable(f"{function} of what? write its argument in brackets", node)
        inner = self.factor()
        if self.at < len(self.nodes) and self.mark() not in ("+", "-", ","):
            raise Unreadable(f"how far does {function} reach? write its argument in brackets", node)
        return f"{function}({inner}){before}"

    # --- what is raised and lowered ---------------------------------------------------------------
    def power(self, function: str) -> str:
        """The power between a function and its bracket."""
        if self.mark() != "^":
            return ""
        node = self.here
        self.at += 1
        text = self.argument()
        if text == "-1":
            raise Unreadable(f"{function} to the power -1, or its inverse? write which", node)
        return f"**({text})"

    def raised(self, text: str) -> str:
        """The text with the powers and transpositions that follow."""
        if self.mark() != "^" or not self.lifting:
            return text
        node = self.here
        self.at += 1
        script = self.script()
        inside = script.children if isinstance(script, Group) else (script,)
        marks = [mark(n) for n in inside if mark(n) != r"\mathsf"]
        if len(marks) == 1 and isinstance(inside[-1], Group):
            marks = [mark(n) for n in inside[-1].children]
        if len(marks) == 1 and marks[0] in _TRANSPOSED and marks[0] not in self.reader.names:
            return f"transpose({text})"
        if len(inside) == 1 and isinstance(inside[0], Group) and inside[0].kind == "paren":
            raise Unreadable("an index in brackets, or a power? write an index below", node)
        if self.mark() == "^":
            raise Unreadable("two powers in a row: write brackets", node)
        if self.mark() == "_":
            raise Unreadable("write the index before the power", node)
        return f"{text}**({Run(inside, self.reader).whole()})"

    def script(self) -> Node:
        """The next group, or the next character; of several digits TeX takes the first."""
        node = self.next()
        if isinstance(node, Leaf) and re.match(r"\d.", node.name):
            self.at -= 1
            self.nodes[self.at] = Leaf(node.name[1:])
            return Leaf(node.name[0])
        return node

    def argument(self) -> str:
        return self.within(self.inside(self.script())).whole()

    def transposes(self) -> bool:
        """Whether the script that follows is a transposition."""
        run = self.within(self.nodes[self.at :])
        if run.mark() != "^":
            return False
        return run.raised("w").startswith("transpose(")

    @staticmethod
    def inside(node: Node) -> list[Node]:
        """The nodes of an argument, with or without braces."""
        return list(node.children) if isinstance(node, Group) else [node]

    def within(self, nodes: Sequence[Node]) -> Run:
        """A run of its own."""
        return Run(nodes, self.reader)

    # --- where it stands --------------------------------------------------------------------------
    @property
    def here(self) -> Node:
        return self.nodes[min(self.at, len(self.nodes) - 1)]

    def mark(self) -> str:
        return mark(self.nodes[self.at]) if self.at < len(self.nodes) else ""

    def next(self) -> Node:
        if self.at >= len(self.nodes):
            before = self.nodes[-1] if self.nodes else None
            raise Unreadable("the formula ends where an argument is missing", before)
        self.at += 1
        return self.nodes[self.at - 1]


def _silent(node: Node) -> bool:
    return isinstance(node, Leaf) and (
        node.name in _SILENT or node.name.startswith(r"\\") or node.text.isspace()
    )
