r"""How formulas are spelled: one object for documents and notebooks alike.

A ``Notation`` says what a covariance, a product entry by entry, a second input, a transpose or the
number of a layer look like. The printer asks it for every name, and passes what it has printed
through it; with ``macros`` the words become commands, which ``preamble`` and ``sty`` define.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from ..errors import NameClashError, NoRuleError
from .latex_names import symbol_name

__all__ = ["MACROS", "Notation", "in_use", "noted"]

#: The macros: the command, and what it stands for. Nothing else is ever abbreviated.
MACROS: dict[str, str] = {
    r"\NTCov": r"\operatorname{NTCov}",
    r"\NTVar": r"\operatorname{NTVar}",
    r"\Cov": r"\operatorname{Cov}",
    r"\Var": r"\operatorname{Var}",
    r"\tr": r"\operatorname{tr}",
    r"\diag": r"\operatorname{diag}",
    r"\sign": r"\operatorname{sign}",
    r"\softmax": r"\operatorname{softmax}",
    r"\logsumexp": r"\operatorname{logsumexp}",
}
_CHOICES = {
    "bold": ("", "vectors", "arrays"),
    "second": ("prime", "tilde"),
    "layers": ("", "superscript", "subscript"),
}
_NAME = re.compile(
    r"(?P<stem>(?:\\[A-Za-z]+(?:\{[^{}]*\})?|[A-Za-z]))(?P<primes>'*)"
    r"(?:\^\{\((?P<layer>\d+)\)(?P<raised>(?:\\prime)*)\})?(?:_\{(?P<below>.*)\})?"
)
# Of a matrix with its number: `1`, or `Q,1` of the projections of attention.
_NUMBERED = re.compile(r"(?:(?P<kind>[A-Z]),)?(?P<layer>\d+)")


@dataclass(frozen=True)
class Notation:
    r"""A way of writing formulas.

    Parameters
    ==========

    macros : whether formulas use commands such as ``\NTCov`` and ``\hadamard``; ``preamble()``
        defines them. Notebooks show what the commands stand for.
    bold : which names are bold: '' none, 'vectors' the columns, 'arrays' the matrices too.
    product : the sign of the product entry by entry.
    second : the mark of what belongs to a second input: 'prime' for `x'`, 'tilde' for
        ``\tilde{x}``.
    layers : where the number of a layer stands: '' below a matrix and above a scalar weight,
        'superscript' in brackets above everything, 'subscript' below everything.
    transpose : the sign of the transpose.
    expectation : the operator of expectations.
    theta : the vector of all parameters.
    symbols : LaTeX for single symbols, by symbol or name: ``{'eta': r'\alpha'}``.

    Raises
    ======

    NoRuleError : for a choice that there is not, or a preset that there is not.
    NameClashError : for LaTeX of a symbol that is not balanced.

    Examples
    ========

    >>> from sympy import tanh
    >>> from symprice import MLP, inputs
    >>> f = MLP(3, 2, 2, activation=tanh)(inputs('x', 3))
    >>> print(f.latex(notation=Notation.learning(), where=False))
    \boldsymbol{W}^{(2)} \boldsymbol{a}^{(1)} + \boldsymbol{b}^{(2)}
    """

    macros: bool = False
    bold: str = ""
    product: str = r"\circ"
    second: str = "prime"
    layers: str = ""
    transpose: str = r"\top"
    expectation: str = r"\operatorname{E}"
    theta: str = r"\theta"
    symbols: Any = ()

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            if (given := getattr(self, name)) not in choices:
                raise NoRuleError(
                    f"asked for a notation with {name}={given!r}: write one of "
                    f"{', '.join(map(repr, choices))}"
                )
        given = self.symbols.items() if isinstance(self.symbols, Mapping) else self.symbols
        pairs = tuple((str(getattr(key, "name", key)), str(tex)) for key, tex in given)
        for key, tex in pairs:
            if tex.count("{") != tex.count("}") or not tex.strip():
                raise NameClashError(
                    f"asked to write {key} as {tex!r}, whose braces do not close: write LaTeX as "
                    r"r'\alpha_{1}'"
                )
        object.__setattr__(self, "symbols", pairs)

    # --- presets ----------------------------------------------------------------------------------
    @classmethod
    def theory(cls, **changes: Any) -> Notation:
        r"""Italic letters, `W_1`, `∘`, `x'`, `E`: as papers on mathematics; what is used unless
        another one is.

        >>> Notation.theory() == Notation()
        True
        """
        return cls(**changes)

    @classmethod
    def learning(cls, **changes: Any) -> Notation:
        r"""Bold arrays, ``W^{(1)}``, `⊙`, ``\tilde{x}``, ``\mathbb{E}``: as papers on learning.

        >>> Notation.learning(macros=True).product
        '\\odot'
        """
        style = {
            "bold": "arrays",
            "product": r"\odot",
            "second": "tilde",
            "layers": "superscript",
            "expectation": r"\mathbb{E}",
            "theta": r"\boldsymbol{\theta}",
        }
        return cls(**{**style, **changes})

    # --- in use -----------------------------------------------------------------------------------
    def use(self) -> _Use:
        """Write every formula like this from now on, in notebooks too; or inside a ``with``.

        >>> from sympy import Symbol
        >>> from symprice import NTVar, observables, to_latex
        >>> P = observables('P')
        >>> with Notation(macros=True).use():
        ...     print(to_latex(NTVar(P)))
        \\NTVar(P)
        >>> print(to_latex(NTVar(P)))
        \\operatorname{NTVar}(P)
        """
        before = _in_use[0]
        _in_use[0] = self
        return _Use(before)

    def but(self, **changes: Any) -> Notation:
        """The same with other choices."""
        return replace(self, **changes)

    # --- what the printer asks --------------------------------------------------------------------
    def name(self, name: str, *, bold: bool = False, numbered: bool = False) -> str:
        r"""LaTeX of a name.

        Parameters
        ==========

        name : the name of a symbol.
        bold : whether it is that of an array which this notation writes bold.
        numbered : whether a number in it is that of a layer, as in the matrix `W1`.

        >>> Notation(layers='superscript').name('W1', numbered=True)
        'W^{(1)}'
        >>> Notation(second='tilde').name('h1_2_prime'), Notation(layers='subscript').name('w1_23')
        ('\\tilde{h}^{(1)}_{2}', 'w_{1,23}')
        """
        for key, tex in self.symbols:
            if key == name:
                return str(tex)
        tex = symbol_name(name)
        found = _NAME.fullmatch(tex)
        if found is None:
            return tex
        stem, layer, below = found["stem"], found["layer"], found["below"]
        primes = found["primes"] + "'" * (found["raised"] or "").count("prime")
        if numbered and layer is None and below and self.layers == "superscript":
            if number := _NUMBERED.fullmatch(below):
                layer, below = number["layer"], number["kind"]
            elif (owner := _NAME.fullmatch(below)) and (owner["below"] or "").isdigit():
                below = f"{owner['stem']}^{{({owner['below']})}}"  # of the adjoint of a name
        elif layer is not None and self.layers == "subscript":
            layer, below = None, f"{layer},{below}" if below else layer
        if bold:
            stem = rf"\boldsymbol{{{stem}}}"
        if primes and self.second == "tilde":
            stem, primes = rf"\tilde{{{stem}}}", primes[1:]
        if layer is not None:
            marks = r"\prime" * len(primes)
            primes = f"^{{({layer}){marks}}}"
        return f"{stem}{primes}" + (f"_{{{below}}}" if below else "")

    def spelled(self, tex: str) -> str:
        r"""LaTeX in the signs of this notation.

        >>> Notation(product=r'\odot', transpose=r'\mathsf{T}').spelled(r'a \circ b^{\top}')
        'a \\odot b^{\\mathsf{T}}'
        """
        for word, sign in (
            (r"\circ", self.product),
            (r"\top", self.transpose),
            (r"\operatorname{E}", self.expectation),
        ):
            if word != sign and word in tex:
                tex = _with(tex, word, sign)
        return tex

    def abbreviated(self, tex: str) -> str:
        r"""A finished display with the macros; as it is, where the notation has none.

        >>> Notation(macros=True).abbreviated(r'\operatorname{NTCov}(P, L) \circ x^{\top}')
        '\\NTCov(P, L) \\hadamard x^{\\transp}'
        """
        if self.macros:
            for command, meaning in self._definitions().items():
                tex = _with(tex, meaning, command)
        return tex

    def _definitions(self) -> dict[str, str]:
        return {
            **MACROS,
            r"\Expect": self.expectation,
            r"\hadamard": self.product,
            r"\transp": self.transpose,
        }

    # --- what a document needs --------------------------------------------------------------------
    def preamble(self) -> str:
        r"""The definitions of the macros, for the preamble of a document.

        A definition of the same name that the document makes before them stays.

        >>> print(Notation(macros=True).preamble().splitlines()[1])
        \providecommand{\NTCov}{\operatorname{NTCov}}
        """
        lines = [
            rf"\providecommand{{{command}}}{{{meaning}}}"
            for command, meaning in self._definitions().items()
        ]
        return "\n".join(
            ["% the words of the formulas; your own definitions before it win", *lines]
        )

    def sty(self, name: str = "symprice") -> str:
        r"""A LaTeX package with the macros: save it as ``symprice.sty`` beside the paper.

        >>> print(Notation().sty().splitlines()[1])
        \ProvidesPackage{symprice}[the notation of symprice]
        """
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]*", name):
            raise NameClashError(
                f"asked for a LaTeX package named {name!r}: write letters, digits and hyphens"
            )
        return "\n".join(
            [
                r"\NeedsTeXFormat{LaTeX2e}",
                rf"\ProvidesPackage{{{name}}}[the notation of symprice]",
                r"\RequirePackage{amsmath,amssymb}",
                self.preamble(),
                r"\endinput",
                "",
            ]
        )

    def save(self, path: str | Path) -> Path:
        """Write ``sty`` to a file that ends in .sty, or into a folder as symprice.sty."""
        path = Path(path)
        path = path if path.suffix == ".sty" else path / "symprice.sty"
        path.write_text(self.sty(path.stem), encoding="utf-8")
        return path


class _Use:
    """What ``use`` returns: in a ``with``, the notation before it comes back."""

    def __init__(self, before: Notation) -> None:
        self.before = before

    def __enter__(self) -> Notation:
        return in_use()

    def __exit__(self, *error: object) -> None:
        _in_use[0] = self.before

    def __repr__(self) -> str:
        return f"using {in_use()!r}"


_in_use = [Notation()]


def in_use() -> Notation:
    """The notation that formulas are written in when nothing else is said."""
    return _in_use[0]


def noted(given: Any) -> Notation:
    """A notation: the one given, by itself or by the name of a preset, else the one in use."""
    if given is None:
        return in_use()
    if isinstance(given, Notation):
        return given
    if given in ("theory", "learning"):
        return Notation.theory() if given == "theory" else Notation.learning()
    names = ", ".join(field.name for field in fields(Notation))
    raise NoRuleError(
        f"asked for the notation {given!r}: write 'theory', 'learning', or Notation(...) with any "
        f"of {names}"
    )


def _with(tex: str, word: str, sign: str) -> str:
    """``tex`` with a sign in place of a word, and a blank where a command would run on."""
    behind = r"(?![A-Za-z])" if word[-1:].isalpha() else ""
    blank = r"(?=(?P<next>[A-Za-z])?)"
    runs = re.search(r"\\[A-Za-z]+$", sign) is not None

    def put(match: re.Match[str]) -> str:
        return sign + (" " if runs and match["next"] else "")

    return re.sub(re.escape(word) + behind + blank, put, tex)
