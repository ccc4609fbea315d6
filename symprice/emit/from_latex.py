r"""LaTeX fragments as Unicode text: `\nabla P^{\top}` is ∇Pᵀ.

For names, and for nodes that state their LaTeX and nothing else. What has no sign of its own keeps
its words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from .documents.fragments import Group, Leaf, Node, parse, source
from .documents.unicode import as_latex
from .latex_names import PROJECTION, adjoint_parts, symbol_name

__all__ = [
    "CONSTANTS",
    "FUNCTIONS",
    "LOWERED",
    "RAISED",
    "between",
    "from_latex",
    "lowered",
    "own_latex",
    "raised",
    "unicode_name",
]

RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱᵀ"
LOWERED = "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₒₓₕₖₗₘₙₚₛₜᵢⱼᵣᵤᵥ"
_UP = dict(zip("0123456789+-=()niT", RAISED, strict=True))
_DOWN = dict(zip("0123456789+-=()aeoxhklmnpstijruv", LOWERED, strict=True))

_LETTERS = "αβγδεζηθικλμνξπρστυφχψωΓΔΘΛΞΠΣΥΦΨΩϑϕϵ∇∂∞∈∉⊂⊆≤≥≠≈≡∝∼±∓×·∘∙⊙⊗⊕→↦⟨⟩∑∏∫…⋯ℓℏ⊤"
_SIGNS = {found: sign for sign in _LETTERS if (found := as_latex(sign)) is not None}
_SIGNS |= {
    r"\epsilon": "ε", r"\phi": "φ", r"\vartheta": "ϑ", r"\leq": "≤", r"\geq": "≥", r"\neq": "≠",
    r"\top": "T", r"\prime": "'", r"\quad": "  ", r"\qquad": "   ", r"\,": " ", r"\;": " ",
    r"\:": " ", r"\ ": " ", r"\!": "", r"\limits": "", r"\mid": "|", r"\lvert": "|", r"\rvert": "|",
    r"\{": "{", r"\}": "}", r"\%": "%", r"\#": "#", r"\&": "&", r"\_": "_", r"\$": "$",
    r"\gets": "←", r"\backslash": "\\", r"\mapsto": "↦", r"\dagger": "†", r"\ldots": "…",
}  # fmt: skip
_STYLES = {
    "\\" + n for n in "operatorname mathrm mathit mathbf mathsf mathtt mathcal boldsymbol".split()
}
_ACCENTS = {
    r"\hat": "\u0302", r"\tilde": "\u0303", r"\bar": "\u0304", r"\dot": "\u0307", r"\ddot":
    "\u0308", r"\vec": "\u20d7", r"\acute": "\u0301", r"\grave": "\u0300", r"\check": "\u030c",
    r"\breve": "\u0306", r"\widehat": "\u0302", r"\widetilde": "\u0303",
    r"\mathring": "\u030a", r"\overline": "\u0304",
}  # fmt: skip


FUNCTIONS = {
    "Abs": "abs",
    "gamma": "Γ",
    "loggamma": "log Γ",
    "digamma": "ψ",
    "Max": "max",
    "Min": "min",
}
CONSTANTS = {"Pi": "π", "Exp1": "e", "EulerGamma": "γ", "ImaginaryUnit": "i", "Infinity": "∞"}


def raised(text: str) -> str | None:
    """``text`` in raised characters, None where one of them has no raised form.

    >>> raised("2"), raised("-1"), raised("x")
    ('²', '⁻¹', None)
    """
    return "".join(_UP[c] for c in text) if text and all(c in _UP for c in text) else None


def lowered(text: str) -> str | None:
    """``text`` in lowered characters; commas stay, and None where a character has no lowered form.

    >>> lowered("12"), lowered("ij"), lowered("max")
    ('₁₂', 'ᵢⱼ', None)
    """
    if not text or not all(c in _DOWN or c == "," for c in text) or re.search("[a-z]{3}", text):
        return None
    return "".join(_DOWN.get(c, c) for c in text)


def between(below: str, above: str) -> str:
    """The ends of a sum or an integral.

    >>> print(between("0", "1"), between("a=0", "∞"), between("-∞", "n + 1"))
    ₀¹ ₐ₌₀^∞ _(-∞)^(n + 1)
    """
    plain = above.isalnum() or above == "∞"
    up = raised(above) or (f"^{above}" if plain else f"^({above})")
    return (lowered(below.replace(" ", "")) or f"_({below})") + up


def from_latex(latex: str) -> str:
    r"""``latex`` as text; characters that are text already stay.

    >>> print(from_latex(r"\frac{d P}{dt} = \nabla P^{\top}\, \nabla L"))
    dP/dt = ∇Pᵀ ∇L
    >>> print(from_latex(r"h^{(1)\prime}_{12} + \operatorname{softmax}_{1}{\left(x, y \right)}"))
    h⁽¹⁾₁₂' + softmax₁(x, y)
    """
    return re.sub(r" +", " ", _Reader(parse(latex)).read()).strip()


def unicode_name(name: str) -> str:
    """A symbol's name, as it is printed.

    >>> unicode_name("w1_23"), unicode_name("delta1_prime"), unicode_name("eta")
    ('w⁽¹⁾₂₃', "δ'₁", 'η')
    """
    if (adjoint := adjoint_parts(name)) is not None:
        return unicode_name(f"delta{adjoint[1]}") + unicode_name(adjoint[0])
    if (projection := PROJECTION.fullmatch(name)) is not None:
        return f"W{projection[1]}{lowered(projection[2].replace('_', ','))}"
    tex = symbol_name(name)
    return name if r"\mathtt{U" in tex else from_latex(tex)  # letters that LaTeX cannot spell


def own_latex(expr: Any) -> Any:
    """How a class states its LaTeX: ``_tex`` or ``_latex``, whichever is written nearer to it."""
    for cls in type(expr).__mro__:
        for method in ("_tex", "_latex"):
            if method in vars(cls):
                return getattr(expr, method)
    return None


class _Reader:
    """Reads a run of fragments from left to right."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self.nodes = nodes
        self.at = 0

    def read(self) -> str:
        found: list[str] = []
        while self.at < len(self.nodes):
            name = self.name()
            if name in ("^", "_"):
                found.append(self.scripts())
            else:
                found.append(self.single())
        return "".join(found)

    def name(self) -> str:
        node = self.nodes[self.at]
        return node.name if isinstance(node, Leaf) else ""

    def argument(self) -> str:
        """The next group or character."""
        while self.at < len(self.nodes) and source(self.nodes[self.at]).isspace():
            self.at += 1
        if self.at >= len(self.nodes):
            return ""
        node = self.nodes[self.at]
        self.at += 1
        return _Reader(node.children if isinstance(node, Group) else (node,)).read().strip()

    def scripts(self) -> str:
        """The scripts that follow a nucleus: raised, lowered, primes last."""
        found = {"^": "", "_": ""}
        while self.at < len(self.nodes) and (mark := self.name()) in found:
            self.at += 1
            found[mark] += self.argument()
        if found["^"] == "(":  # a superscript in brackets, which is text already
            return "^("
        above = found["^"].rstrip("'")
        primes = "'" * (len(found["^"]) - len(above))
        up = raised(above) or (f"^{above}" if above.isalnum() else f"^({above})") if above else ""
        below = found["_"]
        if below == "(":  # a subscript in brackets, which is text already
            return f"{up}_("
        down = (
            lowered(below) or (f"_{below}" if below.isalnum() else f"_({below})") if below else ""
        )
        return up + down + primes + self.space()

    def single(self) -> str:
        node = self.nodes[self.at]
        self.at += 1
        if isinstance(node, Group):
            inner = _Reader(node.children).read()
            blank = " " if node.close.endswith(" ") else ""
            if node.kind != "fence":
                return inner.strip() + blank if node.kind == "brace" else source(node)
            ends = [_SIGNS.get(sign, sign.strip(".")) for sign in _ends(node)]
            return f"{ends[0]}{inner.strip()}{ends[1]}{blank}"
        name = node.name
        if name in ("\\frac", "\\dfrac", "\\tfrac"):
            above, below = self.argument(), self.argument()
            return f"{_tight(above)}/{_tight(below)}{self.space()}"
        if name == "\\sqrt":
            return f"√({self.argument()}){self.space()}"
        if name in _STYLES:
            return self.argument() + self.space()
        if name in _ACCENTS:
            return self.argument() + _ACCENTS[name] + self.space()
        if name.startswith("\\text"):
            return node.text.split("{", 1)[1].rsplit("}", 1)[0]
        if name in _SIGNS:
            # A blank behind a Greek letter ends the command, before anything but a letter.
            spaced = not name[1:].isalpha() and node.text.endswith(" ")
            return _SIGNS[name] + (" " if spaced else self.space(name))
        return node.text.removeprefix("\\")

    def space(self, name: str = "") -> str:
        """A blank before a letter, where a command was ended by one; none behind ∇ and ∂."""
        if self.at >= len(self.nodes) or name in ("\\nabla", "\\partial", "\\prime", "\\top"):
            return ""
        before = self.nodes[self.at - 1]
        blank = source(before).endswith(" ")
        return " " if blank else ""


def _ends(node: Group) -> tuple[str, str]:
    return node.open.removeprefix("\\left").strip(), node.close.removeprefix("\\right").strip()


def _tight(text: str) -> str:
    """A side of a fraction: a differential without blanks, a sum in brackets."""
    if re.fullmatch(r"[d∂]\S* ?\S*", text):
        return text.replace(" ", "", 1)
    return f"({text})" if re.search(r"[ /+-]", text) else text
